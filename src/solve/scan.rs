//! Looks from so many u in one round that the bracket of u shrinks to a small part of itself, whatever phi is like: for the few problems,
//! far from what training meets, whose root is not found look by look in a few rounds.

use super::Problem;
use super::focus::Focus;
use super::window::{Known, Side};
use super::zoom::{HEAD, RUN, round};
use crate::kernels::Lens;
use crate::math::exp;
use crate::params::Error;
use crate::real::Real;
use crate::reduce::Data;
use crate::sharded::{Log, Operation, ROOM, SKETCH};
use crate::view::{Centre, View};

/// The losses of the window stay in the first two runs of the sketch; behind them there is room for so many looks: first the sums of
/// all of them, then, for the next scan, the depth about which each would have all of its digits.
const SCANNED: usize = (SKETCH - START) / 5;
const START: usize = HEAD + 2 * RUN;
const CENTRES: usize = START + 4 * SCANNED;

/// A divergence of r moves at most `sqrt(r / 2)` of the mass, by Pinsker's inequality: below this that is 1e-14, and a u from which
/// r is not exceeded will do.
const LEAST_R: f64 = 1e-28;
/// A scan that leaves a larger part of the bracket has not seen enough.
const LITTLE: f64 = 1.0 / 64.0;

/// An end of the bracket, and on which side of the window the cut is there.
#[derive(Clone, Copy)]
struct End {
    log_u: f64,
    side: Side,
}

impl<T: Real> Problem<'_, T> {
    /// Whether scans can help.
    pub(super) fn may_scan(&self) -> bool {
        ROOM && self.r >= LEAST_R
    }

    /// One round, with a window of which so many losses are known: between which two of many u in the bracket the root is, and on
    /// which side of the window the cut is there; that which is given, if this does not tell. And a second one, from the same u,
    /// where the first has but told about which depth to look from each.
    pub(super) fn scan(
        &self,
        data: &mut Data<'_, T, &mut Log>,
        (focus, side): (Focus, Side),
        count: usize,
        sketch: &mut [f64],
    ) -> Result<(Focus, Side), Error> {
        let width = |focus: &Focus| focus.bracket[1] - focus.bracket[0];
        let (scanned, scanned_side, is_blurred) = self.scan_about(data, (focus, side), count, sketch, false)?;
        if !is_blurred || width(&scanned) <= LITTLE * width(&focus) {
            return Ok((scanned, scanned_side));
        }
        let (focus, side, _) = self.scan_about(data, (focus, side), count, sketch, true)?;
        Ok((focus, side))
    }

    /// One round of it, about the depths that the last one has told or not; and whether another would see more.
    fn scan_about(
        &self,
        data: &mut Data<'_, T, &mut Log>,
        (focus, side): (Focus, Side),
        count: usize,
        sketch: &mut [f64],
        told: bool,
    ) -> Result<(Focus, Side, bool), Error> {
        let [low, high] = focus.bracket;
        let log_u_at = |place: usize| low + (high - low) * ((place + 1) as f64 / (SCANNED + 1) as f64);
        let mut centres = [0.0; SCANNED];
        centres.copy_from_slice(&sketch[CENTRES..][..SCANNED]);
        let lens_at = |place: usize| {
            let u = exp(log_u_at(place));
            Lens::new(u, if told { centres[place] } else { focus.centre.depth(u, focus.mean) })
        };
        let form = self.form();
        let above = if self.alpha == 0.0 { T::BELOW_ALL } else { T::from_f64(focus.high) };
        let digest = round(
            data,
            sketch,
            (Operation::Sum, START, 4 * SCANNED),
            |data, message| {
                for (place, sums) in message.chunks_exact_mut(4).enumerate() {
                    let pass = self.root_pass(data, above, lens_at(place));
                    sums.copy_from_slice(&data.pass_alone(|chunk, _| pass.sums(chunk)).sums);
                }
            },
            |sketch| {
                let known = Known::of(&focus);
                let (sketch, centres) = sketch.split_at_mut(CENTRES);
                let window = known.window(&focus, count, sketch);
                let [low, high] = focus.bracket.map(|log_u| End { log_u, side: Side::Inside });
                let (mut least, mut most, mut nearest) = (low, high, (f64::INFINITY, focus.log_u, focus.centre));
                let mut is_blurred = false;
                for place in 0..SCANNED {
                    let (log_u, lens) = (log_u_at(place), lens_at(place));
                    let sums = [0, 1, 2, 3].map(|sum| sketch[START + 4 * place + sum]);
                    let view = View::new(exp(log_u), lens, form, sums, self.total);
                    let placed = self.place(&window, &view, self.rule_at(view.u));
                    let better = Centre::told_by(&placed.view);
                    centres[place] = better.map_or(lens.centre, |centre| centre.depth);
                    if placed.inside().is_some() && placed.view.miss(self.r) < nearest.0 {
                        let centre = if told { Centre { u: view.u, depth: lens.centre } } else { focus.centre };
                        nearest = (placed.view.miss(self.r), log_u, better.unwrap_or(centre));
                    }
                    let here = End { log_u, side: placed.side };
                    match placed.is_too_small(self.r) {
                        Some(true) => (least, most) = (here, high),
                        Some(false) if log_u < most.log_u => most = here,
                        Some(false) => {}
                        None => is_blurred |= better.is_some(),
                    }
                }
                let side = match (least.side, most.side) {
                    (Side::Inside, side) | (side, Side::Inside) => side,
                    (one, other) if one == other => one,
                    // The cut crosses the window between the two.
                    _ => side,
                };
                let (bracket, (_, log_u, centre)) = ([least.log_u, most.log_u], nearest);
                let log_u = log_u.max(bracket[0]).min(bracket[1]);
                let focus = Focus { log_u, centre, bracket, before: None, ..focus };
                let mut numbers = [side.as_number(); 20];
                numbers[1] = f64::from(u8::from(is_blurred));
                numbers[2..].copy_from_slice(&focus.as_numbers());
                Ok(numbers)
            },
        )?;
        let [side, is_blurred, focus @ ..] = digest;
        Ok((Focus::of_numbers(focus), Side::of_number(side), is_blurred > 0.0))
    }
}

#[cfg(all(test, feature = "std", hrw_vector))] // where there is room
mod tests;
