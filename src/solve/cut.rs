//! The alpha step: which samples lose their weight. One sample, or one group of ties, is cut in
//! part.
//!
//! ```text
//! search = Search::new(ends, rule)
//! until a cut is found: search.absorb(the samples split at search.threshold)
//! ```
//!
//! Whether a sample goes depends on the mass below it, which a [`Rule`] weighs: for HD by base
//! weight, for HR by the weights that the KL step at some u leaves.

use crate::kernels::{self, MOMENTS, Partial};
use crate::numbers::depths::Depths;
use crate::numbers::math::{exp, log};
use crate::numbers::real::Real;
use crate::pass::Data;
use crate::validate::Range;

/// What decides whether the samples below a threshold may all go: their mass in the sense of the
/// program, against a budget.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rule {
    /// HD: their base mass.
    Base { budget: f64 },
    /// HR: the mass that the KL step at this u leaves them, `q = b / (x S1)`.
    KlWeighted { budget: f64, alpha: f64, u: f64 },
    /// HR where u rests on its lower end, zero: there `q = b exp(L - r) / x`, and the rest of the
    /// mass is on the worst loss.
    KlWeightedAtZero { budget: f64, total: f64, u: f64, r: f64 },
}

impl Rule {
    /// The two functions of the depth that a pass sums over the samples above a threshold. Both are
    /// relative to the x of the threshold: when r is small, `x_D S1` is close to one and every x is
    /// close to `x_D`, and differences from one would lose digits.
    pub(crate) fn curves(self, depth: f64, threshold_depth: f64) -> [f64; 2] {
        match self {
            Self::Base { .. } => [0.0, 0.0],
            Self::KlWeighted { u, .. } => {
                let x = u + depth;
                [(threshold_depth - depth) / x, (u + threshold_depth) / x]
            }
            Self::KlWeightedAtZero { u, .. } => [log((u + depth) / (u + threshold_depth)), 0.0],
        }
    }

    /// By how much the mass strictly below a threshold exceeds the budget; if it does not, all of
    /// it may go. With the mass at the threshold added, the same for the losses up to and including
    /// it.
    pub(crate) fn excess(self, below: f64, curved: f64) -> f64 {
        match self {
            Self::Base { budget } => below - budget,
            // below = alpha total x_D S1, where x_D S1 = 1 + sum q (D - d) / x.
            Self::KlWeighted { budget, alpha, .. } => (below - budget) - alpha * curved,
            // below = alpha total x_D exp(r - L).
            Self::KlWeightedAtZero { budget, total, r, .. } => below - budget * exp(r - curved / total),
        }
    }

    /// The D between a threshold and the next sample at which a clipped mass just meets the budget.
    pub(crate) fn depth(self, clipped: f64, [curved, ratio]: [f64; 2], threshold_depth: f64) -> f64 {
        match self {
            Self::Base { .. } => threshold_depth,
            // From `(1 - alpha) clipped = alpha x_D sum b/x`; either the whole of x or its
            // difference to that of the threshold, whichever has more digits.
            Self::KlWeighted { alpha, u, .. } if u < threshold_depth => {
                (u + threshold_depth) * ((1.0 - alpha) * clipped / (alpha * ratio)) - u
            }
            Self::KlWeighted { budget, alpha, u } => {
                threshold_depth + (u + threshold_depth) * (((clipped - budget) / alpha - curved) / ratio)
            }
            Self::KlWeightedAtZero { budget, total, u, r } => {
                let log_ratio = (total * (log(clipped / budget) - r) + curved) / (total - clipped);
                (u + threshold_depth) * exp(log_ratio) - u
            }
        }
    }
}

/// Where the samples are cut: the result of the alpha step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut<T> {
    /// Samples with a larger loss keep all of their mass.
    pub(crate) threshold: T,
    /// The mass of the smaller losses, which go.
    pub(crate) below: f64,
    /// The mass of the losses equal to the threshold.
    pub(crate) tied: f64,
    /// The fraction of it that is kept.
    pub(crate) keep: f64,
    /// The dual location D of the cut: the depth of the threshold or, for HR, one between it and
    /// the next kept sample.
    pub(crate) depth: f64,
    /// The next larger loss than the threshold; infinite if there is none.
    pub(crate) next: f64,
    /// `sum b d`, `sum b d^2` and so on over the samples above the threshold, where they are known.
    pub(crate) above: Option<[f64; MOMENTS]>,
}

impl<T: Real> Cut<T> {
    /// Nothing is cut, and every sample is above the threshold.
    pub(crate) fn nothing() -> Self {
        let (below, tied, keep, depth) = (0.0, 0.0, 0.0, 0.0);
        Self { threshold: T::BELOW_ALL, below, tied, keep, depth, next: f64::INFINITY, above: None }
    }

    /// The mass that is clipped at D: all that is not above the threshold.
    pub(crate) fn clipped(&self) -> f64 {
        self.below + self.tied
    }

    /// Whether D lies strictly between two samples, so that it moves with u.
    pub(crate) fn is_between(&self) -> bool {
        self.keep == 0.0
    }

    /// The smallest loss that keeps a weight.
    pub(crate) fn smallest_kept(&self) -> f64 {
        if self.is_between() { self.next } else { self.threshold.to_f64() }
    }
}

/// Finds the cut by passes over the data. `first` is where to look first, for example the last
/// threshold at a nearby u.
pub(crate) fn locate<T: Real>(data: &Data<'_, T>, range: &Range, rule: Rule, first: Option<T>) -> Cut<T> {
    let depths = range.depths;
    let ends = [T::from_f64(range.smallest), T::from_f64(range.upper_end())];
    let mut search = Search::new(ends, depths, rule, first.unwrap_or(ends[0]));
    loop {
        let (threshold, depth) = (search.threshold, depths.depth(search.threshold.to_f64()));
        let split = data.pass(|chunk, _| kernels::split(chunk, depths, threshold, |other| rule.curves(other, depth)));
        if let Some(cut) = search.absorb(split) {
            return cut;
        }
    }
}

/// So many thresholds are looked at, at most: more than every second halving of the bits of a loss
/// takes. Rounding that contradicts itself could otherwise go on for ever.
const MOST_PROBES: usize = 200;

/// A search for the cut between two losses, in turns by regula falsi and by bisection of the
/// representable values. Each look also finds the neighbouring losses, so the search ends when no
/// sample is left between the two sides.
///
/// Invariant: all of every loss below `low` goes, and every loss above `high` stays.
pub(crate) struct Search<T> {
    depths: Depths,
    rule: Rule,
    low: T,
    high: T,
    /// The innermost probe on either side.
    goes: Option<Probe<T>>,
    stays: Option<Probe<T>>,
    /// The loss at which the samples are to be split next.
    pub(crate) threshold: T,
    probes: usize,
}

impl<T: Real> Search<T> {
    /// All of the losses are between the ends; `first` is looked at first.
    pub(crate) fn new([low, high]: [T; 2], depths: Depths, rule: Rule, first: T) -> Self {
        Self { depths, rule, low, high, goes: None, stays: None, threshold: first, probes: 0 }
    }

    /// Takes in the split at [`Search::threshold`]: the cut, if it is found. Not inlined: its frame would
    /// otherwise be on the stack during the passes.
    #[inline(never)]
    pub(crate) fn absorb(&mut self, split: Partial<{ 4 + MOMENTS }, 2>) -> Option<Cut<T>> {
        let depth = self.depths.depth(self.threshold.to_f64());
        let mut probe = Probe::new(split, self.rule, self.threshold, depth);
        if probe.excess > 0.0 {
            self.high = T::from_f64(probe.nearest_below);
            self.stays = Some(probe);
        } else if probe.excess_with_ties() <= 0.0 {
            self.low = T::from_f64(probe.cut.next);
            self.goes = Some(probe);
        } else {
            probe.cut.keep = 1.0 + probe.excess / probe.cut.tied;
            return Some(probe.cut);
        }
        let Self { low, high, .. } = *self;
        let is_first_of_two = self.probes.is_multiple_of(2);
        self.probes += 1;
        if low > high || self.probes == MOST_PROBES {
            return Some(self.innermost());
        }
        self.threshold = match (&self.goes, &self.stays) {
            (Some(goes), Some(stays)) if is_first_of_two => {
                let guess = T::from_f64(self.depths.loss(goes.depth_without_excess(stays)));
                // NaN where a sum has overflowed.
                if guess > high {
                    high
                } else if guess >= low && low < high {
                    guess
                } else {
                    low
                }
            }
            _ if low < high => T::midpoint_of_representables(low, high),
            _ => low,
        };
        None
    }

    /// The cut between the two sides.
    fn innermost(&self) -> Cut<T> {
        match (&self.goes, &self.stays) {
            (Some(goes), _) => goes.cut_beyond(self.depths, self.rule),
            // Rounding alone can say so of the smallest loss.
            (None, Some(stays)) => Cut { keep: 1.0, ..stays.cut },
            (None, None) => Cut::nothing(),
        }
    }
}

/// What a look at a threshold has shown: the cut if nothing at the threshold were kept, and its
/// excess.
struct Probe<T> {
    cut: Cut<T>,
    excess: f64,
    /// The sums of the rule's curves.
    curved: [f64; 2],
    nearest_below: f64,
}

impl<T: Real> Probe<T> {
    fn new(split: Partial<{ 4 + MOMENTS }, 2>, rule: Rule, threshold: T, depth: f64) -> Self {
        let [below, tied, curved, ratio, above @ ..] = split.sums;
        let [nearest_below, minus_nearest_above] = split.maxima;
        let next = -minus_nearest_above;
        let cut = Cut { threshold, below, tied, keep: 0.0, depth, next, above: Some(above) };
        Self { cut, excess: rule.excess(below, curved), curved: [curved, ratio], nearest_below }
    }

    /// As `excess`, of the losses up to and including the threshold.
    fn excess_with_ties(&self) -> f64 {
        self.excess + self.cut.tied
    }

    /// Between this probe and a shallower one, the depth at which the excess would vanish if it
    /// were linear (regula falsi).
    fn depth_without_excess(&self, stays: &Self) -> f64 {
        let lack = -self.excess_with_ties();
        self.cut.depth + (stays.cut.depth - self.cut.depth) * (lack / (lack + stays.excess))
    }

    /// The cut between this probe, all of which goes, and the next sample above it.
    fn cut_beyond(&self, depths: Depths, rule: Rule) -> Cut<T> {
        let next_depth = depths.depth(self.cut.next).max(0.0);
        let depth = rule.depth(self.cut.clipped(), self.curved, self.cut.depth);
        // `clamp` would panic where rounding has crossed the ends.
        Cut { depth: depth.min(self.cut.depth).max(next_depth), ..self.cut }
    }
}
