//! The alpha step where no participant sees all samples: the losses around the threshold are known to everybody, and of the
//! others only sums are needed.

use core::cell::Cell;

use super::Problem;
use crate::kernels::{self, Chunk};
use crate::math::log;
use crate::params::Error;
use crate::real::Real;
use crate::reduce::{Data, Meeting};
use crate::trim::{self, Cut, Rule};
use crate::validate::Range;
use crate::view::{Form, View};

/// All losses between two ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window<'a> {
    /// Ascending. Those without mass are no samples.
    pub(super) losses: &'a [f64],
    pub(super) masses: &'a [f64],
    /// The ends.
    pub(super) low: f64,
    pub(super) high: f64,
    /// The mass of the samples below.
    pub(super) below: f64,
    /// The mass of the samples inside.
    pub(super) inside: f64,
    /// `sum b d` over the samples above.
    pub(super) first_above: f64,
    /// About the mean depth that the KL step sees: that of the last cut.
    pub(super) mean: &'a Cell<f64>,
    /// About log u.
    pub(super) log_u: f64,
    /// Set to log u when the cut turns out to lie outside, and on which side.
    pub(super) outside: &'a Cell<Option<(f64, Side)>>,
}

/// Of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Deeper,
    Shallower,
}

impl Window<'_> {
    /// The cut at the upper end: roughly where the cut will be.
    pub(super) fn floor<T: Real>(&self, range: &Range) -> Cut<T> {
        let below = self.below + self.inside;
        Cut { threshold: T::from_f64(self.high), below, depth: range.depths.depth(self.high), ..Cut::nothing() }
    }

    /// The cut that takes this much base mass; in a window that was chosen for it.
    pub(super) fn cut_of_base<T: Real>(&self, range: &Range, budget: f64) -> Cut<T> {
        let mut cut = self.floor(range);
        let mut below = self.below;
        for (&loss, &tied) in self.losses.iter().zip(self.masses).filter(|&(_, &mass)| mass > 0.0) {
            // Whatever rounding did, it is one of these samples.
            let keep = (1.0 - (budget - below) / tied).clamp(0.0, 1.0);
            let depth = range.depths.depth(loss);
            cut = Cut { threshold: T::from_f64(loss), below, tied, keep, depth, ..cut };
            if keep > 0.0 {
                break;
            }
            below += tied;
        }
        cut
    }

    /// The cut by a rule whose curves have these sums over the samples above the window, as seen from a depth.
    /// Or on which side it is, if it is outside.
    fn locate<T: Real>(
        &self,
        range: &Range,
        total: f64,
        rule: Rule,
        above: impl Fn(f64) -> [f64; 2],
    ) -> Result<Cut<f64>, Side> {
        let depths = range.depths;
        let samples = Chunk { losses: self.losses, base: Some(self.masses), mass_scale: 1.0 };
        let split = |threshold: f64, depth: f64| {
            let mut split = kernels::split(samples, depths, threshold, |other| rule.curves(other, depth));
            let curves = above(depth);
            split.sums[0] += self.below;
            split.sums[4] += curves[0];
            split.sums[5] += curves[1];
            split
        };
        // Where rounding decides, an end of the window will do.
        let tolerance = ROUNDING * total;
        let [low, high] = [self.low, self.high].map(|end| depths.depth(end));
        let at_low = split(self.low, low);
        let excess = rule.excess(at_low.sums[0], at_low.sums[4]);
        if excess > 0.0 {
            let (threshold, next) =
                (T::at_position(T::from_f64(self.low).position() - 1).to_f64(), -at_low.maxima[1]);
            let cut = Cut { threshold, below: self.below, depth: low, next, ..Cut::nothing() };
            return if excess <= tolerance { Ok(cut) } else { Err(Side::Deeper) };
        }
        let mut cut = trim::search([self.low, self.high], depths, rule, self.low, |threshold, depth| {
            Ok(split(threshold, depth))
        })
        .map_err(|_| Side::Deeper)?;
        // Above the largest loss there is nothing that it might have to take.
        let mut inside = !cut.is_between() || self.high >= range.largest || cut.depth >= high;
        if !inside {
            let at_high = split(self.high, high);
            inside = rule.excess(at_high.sums[0] + at_high.sums[1], at_high.sums[4]) >= -tolerance;
            cut.depth = high;
        }
        if inside { Ok(cut) } else { Err(Side::Shallower) }
    }
}

/// A view of all samples, those beyond the cut capped at its depth.
pub(super) struct Placed<T> {
    pub(super) cut: Cut<T>,
    pub(super) view: View,
    /// The mean of the capped depths.
    pub(super) mean: f64,
    /// How the rule's curve over all samples above the cut sums up.
    pub(super) curved: f64,
    /// How fast the mass that may go changes with the cut's depth, below it and above it.
    pub(super) slopes: [f64; 2],
}

impl<T: Real> Problem<'_, T> {
    /// As [`Problem::view_of_capped`]. One pass, over the samples above the window.
    pub(super) fn view_in_window<R: Meeting>(
        &self,
        data: &mut Data<'_, T, R>,
        window: Window<'_>,
        cut: &mut Cut<T>,
        rule: Rule,
        u: f64,
    ) -> Result<View, Error> {
        let mut rounds = 0;
        loop {
            let mean = window.mean.get();
            let above = self.view(data, T::from_f64(window.high), u, mean)?;
            let placed = self.place(&window, &above, rule).map_err(|side| {
                window.outside.set(Some((log(u), side)));
                Error::Reduce
            })?;
            rounds += 1;
            let settled = (placed.mean - mean).abs() <= f64::EPSILON || rounds == MOST_ROUNDS;
            if above.form() == Form::Plain || settled {
                *cut = placed.cut;
                return Ok(placed.view);
            }
            // The cut was not where the mean was taken from; depths are of order one.
            window.mean.set(placed.mean);
        }
    }

    /// The cut in a window, and the view of all samples, from the view of those above it. Or on which side the cut
    /// is, if it is outside.
    pub(super) fn place(&self, window: &Window<'_>, above: &View, rule: Rule) -> Result<Placed<T>, Side> {
        let (depths, lens) = (self.range.depths, above.lens);
        let share = (self.total - window.below - window.inside) / self.total;
        let excess = (window.first_above / self.total - share * lens.mean) * lens.rate;
        let curves = |depth: f64| match rule {
            Rule::Base { .. } => [0.0, 0.0],
            Rule::Tilted { .. } => [
                self.total * above.nearness(share, excess, depth),
                self.total * lens.rate * above.inverse_moments(share, excess)[0],
            ],
            Rule::TiltedAtFloor { .. } => {
                [self.total * (above.log_sum(excess) - share * log(lens.ratio(depth))), 0.0]
            }
        };
        let cut = window.locate::<T>(self.range, self.total, rule, curves)?;
        let [mut curved, mut slope] = curves(cut.depth);
        let (mut view, mut first) = (*above, window.first_above);
        for (&loss, &mass) in window.losses.iter().zip(window.masses).rev() {
            if loss <= cut.threshold {
                break;
            }
            if mass > 0.0 {
                let depth = depths.depth(loss);
                view.add(mass / self.total, depth);
                first += mass * depth;
                let more = rule.curves(depth, cut.depth);
                curved += mass * more[0];
                slope += mass * more[1];
            }
        }
        let cut = Cut {
            threshold: at_most(cut.threshold),
            below: cut.below,
            tied: cut.tied,
            keep: cut.keep,
            depth: cut.depth,
            next: cut.next,
            above: None,
        };
        let mean = (first + cut.capped() * cut.depth) / self.total;
        // Below a sample that is cut in part, that sample is among those above.
        let tied = if cut.is_between() { 0.0 } else { cut.tied };
        let slopes = match rule {
            // From the derivative of `exp(r - L)` in D.
            Rule::TiltedAtFloor { u, .. } => [cut.capped() - tied, cut.capped()]
                .map(|capped| capped * (1.0 - capped / self.total) / (u + cut.depth)),
            Rule::Tilted { u, .. } => [slope + tied / (u + cut.depth), slope].map(|slope| self.alpha * slope),
            Rule::Base { .. } => [0.0; 2],
        };
        Ok(Placed { view: self.with_capped(view, &cut), cut, mean, curved, slopes })
    }
}

/// The largest value of this width that is not larger: no loss lies between the two.
fn at_most<T: Real>(loss: f64) -> T {
    let nearest = T::from_f64(loss);
    if nearest.to_f64() > loss { T::at_position(nearest.position() - 1) } else { nearest }
}

/// Two rounds will do, unless rounding moves the cut back and forth.
const MOST_ROUNDS: u32 = 4;

/// How far sums over all samples may be off, relative to their mass.
const ROUNDING: f64 = 1e-15;
