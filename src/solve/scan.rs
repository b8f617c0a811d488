//! Looks from so many u in one round that the bracket of u shrinks to a small part of itself, whatever phi is like: for the few problems,
//! far from what training meets, whose root is not found look by look in a few rounds. HD only, whose cut does not move with u.

use super::Problem;
use super::focus::Focus;
use super::window::{Bounds, Known};
use super::zoom::{HEAD, RUN, round};
use crate::kernels::Lens;
use crate::math::exp;
use crate::params::Error;
use crate::real::Real;
use crate::reduce::Data;
use crate::root::TINY_R;
use crate::sharded::{Log, Operation, ROOM};
use crate::trim::Cut;
use crate::view::{Form, View};

/// The losses of the window stay in the first two runs of the sketch; behind them there is room for the sums of so many looks.
const SCANNED: usize = if ROOM { RUN / 2 } else { 1 };
const START: usize = HEAD + 2 * RUN;

impl<T: Real> Problem<'_, T> {
    /// Whether a scan can help. (The root of the smallest r takes two looks in any case.)
    pub(super) fn may_scan(&self) -> bool {
        ROOM && !self.caps() && self.r >= TINY_R
    }

    /// One round, with a window of which so many losses are known: between which two of many u the root is.
    pub(super) fn scan(
        &self,
        data: &mut Data<'_, T, &mut Log>,
        focus: Focus,
        count: usize,
        sketch: &mut [f64],
    ) -> Result<Focus, Error> {
        let cut = if self.alpha == 0.0 {
            Cut::nothing()
        } else {
            Known::of(&focus).window(&focus, count, sketch).cut_of_base(self.range, self.budget)
        };
        let [low, high] = focus.bounds.log_u;
        let log_u_at = |place: usize| low + (high - low) * ((place + 1) as f64 / (SCANNED + 1) as f64);
        let lens_at = |place: usize| {
            let u = exp(log_u_at(place));
            Lens::new(u, focus.centre.depth(u, focus.mean))
        };
        let form = if self.is_plain() { Form::Plain } else { Form::Centred };
        let digest = round(
            data,
            sketch,
            (Operation::Sum, START, 4 * SCANNED),
            |data, message| {
                for (place, sums) in message.chunks_exact_mut(4).enumerate() {
                    let pass = self.root_pass(data, cut.threshold, lens_at(place));
                    sums.copy_from_slice(&data.pass_alone(|chunk, _| pass.sums(chunk)).sums);
                }
            },
            |sketch| {
                let (mut log_u, mut centre, mut bracket) = (focus.log_u, focus.centre, [low, high]);
                let mut least_miss = f64::INFINITY;
                for place in 0..SCANNED {
                    let (here, lens) = (log_u_at(place), lens_at(place));
                    let sums = [0, 1, 2, 3].map(|sum| sketch[START + 4 * place + sum]);
                    let mut view = View::new(exp(here), lens, form, sums, self.total);
                    self.add_kept(&mut view, &cut);
                    let miss = view.phi() - self.r;
                    if miss.abs() < least_miss {
                        (least_miss, log_u, centre) = (miss.abs(), here, focus.centre.after(&view));
                    }
                    match view.is_above(self.r) {
                        Some(true) => bracket = [here, high],
                        Some(false) => bracket[1] = bracket[1].min(here),
                        None => {}
                    }
                }
                let bounds = Bounds { log_u: bracket, ..focus.bounds };
                let log_u = log_u.max(bracket[0]).min(bracket[1]);
                Ok(Focus { bounds, log_u, centre, before: None, ..focus }.as_numbers())
            },
        )?;
        Ok(Focus::of_numbers(digest))
    }
}
