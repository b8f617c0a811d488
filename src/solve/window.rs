//! The alpha step where no participant sees all samples: the losses around the threshold are known to everybody, and of the
//! others only sums are needed.

use core::cell::Cell;

use super::Problem;
use super::focus::Focus;
use super::limit::Feasible;
use super::zoom::{HEAD, RUN};
use crate::kernels::{self, Chunk};
use crate::math::log;
use crate::params::Error;
use crate::real::Real;
use crate::reduce::{Data, Meeting};
use crate::root;
use crate::sharded::ROOM;
use crate::trim::{self, Cut, Rule};
use crate::validate::Range;
use crate::view::{Centre, View};

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
    pub(super) mean: f64,
    /// A better centre, as far as looks have told.
    pub(super) centre: &'a Cell<Centre>,
    /// About log u.
    pub(super) log_u: f64,
    /// What exact looks have shown.
    pub(super) bounds: &'a Cell<Bounds>,
    /// Set to log u when the cut turns out to lie outside, or there have been too many looks, and which of these.
    pub(super) outside: &'a Cell<Option<(f64, Side)>>,
    /// The best look from which r is not exceeded.
    pub(super) best: &'a Cell<Feasible>,
    /// How many more looks there may be, and how many of them that are not beside the last one, which was from here.
    pub(super) looks_left: &'a Cell<[usize; 2]>,
    pub(super) looked_at: &'a Cell<f64>,
}

/// What looks at a window change.
pub(super) struct Known {
    pub(super) centre: Cell<Centre>,
    pub(super) bounds: Cell<Bounds>,
    pub(super) outside: Cell<Option<(f64, Side)>>,
    pub(super) best: Cell<Feasible>,
    pub(super) looks_left: Cell<[usize; 2]>,
    pub(super) looked_at: Cell<f64>,
}

impl Known {
    /// What is known before them.
    pub(super) fn of(focus: &Focus) -> Self {
        Self {
            centre: Cell::new(focus.centre),
            bounds: Cell::new(focus.bounds),
            outside: Cell::new(None),
            best: Cell::new(Feasible::NONE),
            looks_left: Cell::new([usize::MAX; 2]),
            looked_at: Cell::new(f64::NAN),
        }
    }

    /// The window with the first so many losses that are kept in the sketch.
    pub(super) fn window<'a>(&'a self, focus: &Focus, count: usize, sketch: &'a [f64]) -> Window<'a> {
        let Focus { log_u, mean, low, high, below, first_above, .. } = *focus;
        let Self { centre, bounds, outside, best, looks_left, looked_at } = self;
        let (masses, losses) = (&sketch[HEAD..][..count], &sketch[HEAD + RUN..][..count]);
        let inside = masses.iter().sum();
        Window {
            losses,
            masses,
            low,
            high,
            below,
            inside,
            first_above,
            mean,
            centre,
            log_u,
            bounds,
            outside,
            best,
            looks_left,
            looked_at,
        }
    }
}

/// Between which values the solution is for certain. The cut becomes deeper as u grows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) log_u: [f64; 2],
    /// The smallest kept loss.
    pub(super) cut: [f64; 2],
}

impl Bounds {
    pub(super) fn none() -> Self {
        Self { log_u: root::EVERYWHERE, cut: [f64::NEG_INFINITY, f64::INFINITY] }
    }

    pub(super) fn as_numbers(self) -> [f64; 4] {
        let Self { log_u: [least, most], cut: [low, high] } = self;
        [least, most, low, high]
    }

    pub(super) fn of_numbers([least, most, low, high]: [f64; 4]) -> Self {
        Self { log_u: [least, most], cut: [low, high] }
    }

    /// After a look from u that found this cut, and phi too large or not.
    pub(super) fn narrowed<T: Real>(self, u: f64, cut: &Cut<T>, too_large: bool) -> Self {
        self.after_look(u, if too_large { cut.smallest_kept() } else { cut.threshold.to_f64() }, too_large)
    }

    /// After a look from u that found the cut outside of a window. phi grows with the depth of the cut, as if it were at the end.
    fn lost<T>(self, u: f64, window: &Window<'_>, placed: &Placed<T>, r: f64) -> Self {
        match (placed.side, placed.view.is_above(r)) {
            (Side::Deeper, Some(true)) => self.after_look(u, window.low, true),
            (Side::Shallower, Some(false)) => self.after_look(u, window.high, false),
            _ => self,
        }
    }

    /// After a look from u with phi too large, where the cut then goes no farther up than an end, or else no farther down.
    fn after_look(self, u: f64, end: f64, too_large: bool) -> Self {
        let Self { log_u: [least, most], cut: [low, high] } = self;
        if u == 0.0 {
            self
        } else if too_large {
            Self { log_u: [log(u), most], cut: [low, end] }
        } else {
            Self { log_u: [least, log(u)], cut: [end, high] }
        }
    }

    /// A guess at log u, or the middle if it is outside.
    pub(super) fn kept(self, log_u: f64) -> f64 {
        let [least, most] = self.log_u;
        let known = least > root::EVERYWHERE[0] && most < root::EVERYWHERE[1];
        if known && !(log_u > least && log_u < most) { 0.5 * (least + most) } else { log_u }
    }
}

/// Of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Deeper,
    Shallower,
    /// None: there have been too many looks.
    Inside,
}

impl Side {
    pub(super) fn as_number(self) -> f64 {
        match self {
            Self::Deeper => 1.0,
            Self::Shallower => 0.0,
            Self::Inside => -1.0,
        }
    }

    pub(super) fn of_number(number: f64) -> Self {
        if number > 0.0 {
            Self::Deeper
        } else if number < 0.0 {
            Self::Inside
        } else {
            Self::Shallower
        }
    }
}

impl Window<'_> {
    /// Before a look from one u: an error if another way is cheaper.
    pub(super) fn spend_look(&self, u: f64) -> Result<(), Error> {
        let log_u = log(u);
        let is_near = (log_u - self.looked_at.replace(log_u)).abs() <= SMALL_STEP;
        let [left, far] = self.looks_left.get();
        if left == 0 || (far == 0 && !is_near) {
            self.outside.set(Some((log_u, Side::Inside)));
            return Err(Error::Reduce);
        }
        self.looks_left.set([left - 1, far.saturating_sub(1)]);
        Ok(())
    }

    /// After an exact look from u that found this cut, and phi too large or not.
    pub(super) fn note<T: Real>(&self, u: f64, cut: &Cut<T>, view: &View, too_large: bool) {
        self.bounds.set(self.bounds.get().narrowed(u, cut, too_large));
        if ROOM && !too_large {
            self.best.set(self.best.get().or(view, cut));
        }
    }

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
    /// If it is outside, that of the nearer end, and the side.
    fn locate<T: Real>(
        &self,
        range: &Range,
        total: f64,
        rule: Rule,
        above: impl Fn(f64) -> [f64; 2],
    ) -> (Cut<f64>, Side) {
        let depths = range.depths;
        let samples = Chunk { losses: self.losses, base: Some(self.masses), mass_scale: 1.0 };
        let split = |threshold: f64, depth: f64| {
            let mut split = kernels::split(samples, depths, threshold, |other| rule.curves(other, depth));
            let curves = above(depth);
            split.sums[0] += self.below;
            split.sums[2] += curves[0];
            split.sums[3] += curves[1];
            split
        };
        // Where rounding decides, an end of the window will do.
        let tolerance = ROUNDING * total;
        // Up to the next value there is no loss.
        let end = if self.high < range.largest {
            T::at_position(T::from_f64(self.high).position() + 1).to_f64()
        } else {
            self.high
        };
        let [low, high] = [self.low, end].map(|end| depths.depth(end));
        let at_low = split(self.low, low);
        let excess = rule.excess(at_low.sums[0], at_low.sums[2]);
        if excess > 0.0 {
            let threshold = T::at_position(T::from_f64(self.low).position() - 1).to_f64();
            let next = if at_low.sums[1] > 0.0 { self.low } else { -at_low.maxima[1] };
            let cut = Cut { threshold, below: self.below, depth: low, next, ..Cut::nothing() };
            return (cut, if excess <= tolerance { Side::Inside } else { Side::Deeper });
        }
        let found = trim::search([self.low, self.high], depths, rule, self.low, |threshold, depth| {
            Ok(split(threshold, depth))
        });
        // (No look fails here.)
        let Ok(mut cut) = found else { return (self.floor(range), Side::Inside) };
        // Above the largest loss there is nothing that it might have to take.
        let mut inside = self.high >= range.largest || cut.depth >= high;
        if !inside {
            let at_high = split(self.high, high);
            inside = rule.excess(at_high.sums[0] + at_high.sums[1], at_high.sums[2]) >= -tolerance;
            cut.depth = high;
        }
        if inside { (cut, Side::Inside) } else { (self.floor(range), Side::Shallower) }
    }
}

/// A view of all samples, those beyond the cut capped at its depth.
pub(super) struct Placed<T> {
    /// Where the cut is; outside of the window it is seen as if it were at that end.
    pub(super) side: Side,
    pub(super) cut: Cut<T>,
    pub(super) view: View,
    /// The mean of the capped depths.
    pub(super) mean: f64,
    /// How the rule's curve over all samples above the cut sums up.
    pub(super) curved: f64,
    /// How fast the mass that may go changes with the cut's depth, below it and above it.
    pub(super) slopes: [f64; 2],
}

impl<T> Placed<T> {
    /// If the cut is inside of the window.
    pub(super) fn inside(&self) -> Option<&Self> {
        (self.side == Side::Inside).then_some(self)
    }

    /// Whether u is too small, if that is known. Outside, where it is not, as if the cut were to be in the window: it becomes deeper
    /// as u grows.
    pub(super) fn is_too_small(&self, r: f64) -> Option<bool> {
        // phi grows with the depth of the cut.
        match (self.side, self.view.is_above(r)) {
            (Side::Inside, is_above) => is_above,
            (Side::Deeper, is_above) => Some(is_above == Some(true)),
            (Side::Shallower, is_above) => Some(is_above != Some(false)),
        }
    }
}

impl<T: Real> Problem<'_, T> {
    /// As [`Problem::view_of_capped`]. One pass, over the samples above the window. `lead`, if any, is set to the
    /// step in log u that leads to the root, as far as it is known.
    pub(super) fn view_in_window<R: Meeting>(
        &self,
        data: &mut Data<'_, T, R>,
        window: Window<'_>,
        cut: &mut Cut<T>,
        rule: Rule,
        u: f64,
        lead: Option<&mut f64>,
    ) -> Result<View, Error> {
        let mut lead = lead.filter(|_| u > 0.0);
        let mut centre = window.centre.get();
        let view = centre.look(self.r, [u, window.mean], |centre| {
            window.spend_look(u)?;
            let above = self.view(data, T::from_f64(window.high), u, centre)?;
            let placed = self.place(&window, &above, rule);
            if placed.inside().is_none() {
                window.outside.set(Some((log(u), placed.side)));
                window.bounds.set(window.bounds.get().lost(u, &window, &placed, self.r));
                return Err(Error::Reduce);
            }
            *cut = placed.cut;
            if let Some(lead) = &mut lead {
                **lead = self.lead(&window, &above, placed.view.phi()).unwrap_or(f64::NAN);
            }
            Ok(placed.view)
        })?;
        window.centre.set(centre);
        window.note(u, cut, &view, view.phi() > self.r);
        Ok(view)
    }

    /// The step in log u to the root, if the samples above the window, whose sums are smooth, go on as they are seen
    /// from here. The cut may cross any number of the others. None where that is far away, or the cut
    /// would leave the window.
    pub(super) fn lead(&self, window: &Window<'_>, above: &View, phi: f64) -> Option<f64> {
        let lacks = |step: f64| {
            let moved = above.moved(step);
            Some(self.place(window, &moved, self.rule_at(moved.u)).inside()?.view.phi() - self.r)
        };
        // `near` is on this side of the root, `far` beyond it.
        let (mut near, mut at_near) = (0.0, phi - self.r);
        if at_near.abs() <= LEAST_LACK * self.r {
            return None;
        }
        let mut step = LEAST_LEAD.copysign(at_near);
        let (mut crossed, mut outside) = (None, None);
        for _ in 0..MOST_TRIALS {
            match lacks(step) {
                Some(lack) if (lack > 0.0) != (at_near > 0.0) => {
                    crossed = Some((step, lack));
                    break;
                }
                Some(_) if step.abs() > FARTHEST_LEAD => return None,
                Some(lack) => (near, at_near) = (step, lack),
                // The root may yet come before the cut leaves the window.
                None => outside = Some(step),
            }
            step = outside.map_or(8.0 * step, |outside| 0.5 * (near + outside));
        }
        let (mut far, mut at_far) = crossed?;
        for _ in 0..MOST_TRIALS {
            let step = near - at_near * ((far - near) / (at_far - at_near));
            let at_step = lacks(step)?;
            if at_step == 0.0 || (far - near).abs() <= f64::EPSILON * far.abs() {
                return Some(step);
            }
            if (at_step > 0.0) == (at_near > 0.0) {
                (near, at_near) = (step, at_step);
                // Else one end would stay for ever.
                at_far *= 0.5;
            } else {
                (far, at_far) = (near, at_near);
                (near, at_near) = (step, at_step);
            }
        }
        Some(near)
    }

    /// The cut in a window, and the view of all samples, from the view of those above it.
    pub(super) fn place(&self, window: &Window<'_>, above: &View, rule: Rule) -> Placed<T> {
        if !self.caps {
            return self.place_of_base(window, above);
        }
        let (depths, lens) = (self.range.depths, above.lens);
        let share = (self.total - window.below - window.inside) / self.total;
        let curves = |depth: f64| match rule {
            Rule::Base { .. } => [0.0, 0.0],
            Rule::Tilted { .. } => [
                self.total * above.nearness(share, depth),
                self.total * lens.ratio(depth) * above.inverse_moments(share)[0],
            ],
            Rule::TiltedAtFloor { .. } => [self.total * (above.log_sum() - share * log(lens.ratio(depth))), 0.0],
        };
        let (cut, side) = window.locate::<T>(self.range, self.total, rule, curves);
        let [mut curved, mut ratio] = curves(cut.depth);
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
                ratio += mass * more[1];
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
            Rule::Tilted { u, .. } => [ratio + tied, ratio].map(|ratio| self.alpha * ratio / (u + cut.depth)),
            Rule::Base { .. } => [0.0; 2],
        };
        let view = self.with_capped(view, &cut);
        Placed { side, cut, view, mean, curved, slopes }
    }

    /// The same for HD, whose cut takes base mass.
    fn place_of_base(&self, window: &Window<'_>, above: &View) -> Placed<T> {
        let cut = if self.alpha == 0.0 { Cut::nothing() } else { window.cut_of_base::<T>(self.range, self.budget) };
        let (mut view, mut first) = (*above, window.first_above);
        for (&loss, &mass) in window.losses.iter().zip(window.masses).rev() {
            if loss <= cut.threshold.to_f64() {
                break;
            }
            let depth = self.range.depths.depth(loss);
            view.add(mass / self.total, depth);
            first += mass * depth;
        }
        let kept = cut.keep * cut.tied;
        self.add_kept(&mut view, &cut);
        let mean = (first + kept * cut.depth) / self.total;
        Placed { side: Side::Inside, cut, view, mean, curved: 0.0, slopes: [0.0; 2] }
    }
}

/// The largest value of this width that is not larger: no loss lies between the two.
fn at_most<T: Real>(loss: f64) -> T {
    let nearest = T::from_f64(loss);
    if nearest.to_f64() > loss { T::at_position(nearest.position() - 1) } else { nearest }
}

/// Relative to r: what is lacking less than this is left to the next step of any kind.
const LEAST_LACK: f64 = 1e-12;
/// In log u: where a search for the next u begins, and what is too far to go on as it is.
const LEAST_LEAD: f64 = 1e-6;
const FARTHEST_LEAD: f64 = 0.1;
const MOST_TRIALS: u32 = 40;

/// In log u: after a shorter step so many more will do.
const SMALL_STEP: f64 = 1e-2;
pub(super) const MORE_LOOKS: usize = 4;

/// How far sums over all samples may be off, relative to their mass.
const ROUNDING: f64 = 1e-15;

#[cfg(all(test, feature = "std", hrw_vector))] // where there is room
mod tests;
