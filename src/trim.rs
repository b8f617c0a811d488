//! The alpha step: which samples lose their weight. One sample, or one group of ties, is cut in part.

use crate::depths::Depths;
use crate::kernels::{self, MOMENTS};
use crate::math::{exp, log};
use crate::params::Error;
use crate::real::Real;
use crate::reduce::{Data, Meeting, Partial};
use crate::validate::Range;

/// When the samples below a threshold are worth more than the budget, a base mass.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rule {
    /// HD: the budget is spent on base mass.
    Base { budget: f64 },
    /// HR: it is spent on the mass that the KL step at this u leaves, `q = b / (x S1)`.
    Tilted { budget: f64, alpha: f64, u: f64 },
    /// HR where u rests on its lower end: there `q = b exp(L - r) / x`, and the rest of the mass is on the worst loss.
    TiltedAtFloor { budget: f64, total: f64, u: f64, r: f64 },
}

impl Rule {
    /// What the passes sum over the samples above a threshold. Both are seen from the threshold's depth, since `x_D S1` is
    /// close to one, and `x_D` close to every other x, when r is small.
    pub(crate) fn curves(self, depth: f64, threshold_depth: f64) -> [f64; 2] {
        match self {
            Self::Base { .. } => [0.0, 0.0],
            Self::Tilted { u, .. } => {
                let x = u + depth;
                [(threshold_depth - depth) / x, (u + threshold_depth) / x]
            }
            Self::TiltedAtFloor { u, .. } => [log((u + depth) / (u + threshold_depth)), 0.0],
        }
    }

    /// How much mass strictly below a threshold exceeds the budget; not positive: all of it may go.
    /// Adding the mass at the threshold tells the same of the losses up to and including it.
    pub(crate) fn excess(self, below: f64, curved: f64) -> f64 {
        match self {
            Self::Base { budget } => below - budget,
            // below = alpha total x_D S1, where x_D S1 = 1 + sum q (D - d) / x.
            Self::Tilted { budget, alpha, .. } => (below - budget) - alpha * curved,
            // below = alpha total x_D exp(r - L).
            Self::TiltedAtFloor { budget, total, r, .. } => below - budget * exp(r - curved / total),
        }
    }

    /// The D that makes the excess of a capped mass vanish, between a threshold, at most this deep, and the next sample.
    pub(crate) fn depth(self, capped: f64, [curved, ratio]: [f64; 2], threshold_depth: f64) -> f64 {
        match self {
            Self::Base { .. } => threshold_depth,
            // From `(1 - alpha) capped = alpha x_D sum b/x`, seen from the nearer of the worst loss and the threshold.
            Self::Tilted { alpha, u, .. } if u < threshold_depth => {
                (u + threshold_depth) * ((1.0 - alpha) * capped / (alpha * ratio)) - u
            }
            Self::Tilted { budget, alpha, u } => {
                threshold_depth + (u + threshold_depth) * (((capped - budget) / alpha - curved) / ratio)
            }
            Self::TiltedAtFloor { budget, total, u, r } => {
                let log_ratio = (total * (log(capped / budget) - r) + curved) / (total - capped);
                (u + threshold_depth) * exp(log_ratio) - u
            }
        }
    }
}

/// The result of the alpha step.
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
    /// The dual location D of the cut: the depth of the threshold or, for HR, one between it and the next kept sample.
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

    /// The mass that is capped at D: all that is not above the threshold.
    pub(crate) fn capped(&self) -> f64 {
        self.below + self.tied
    }

    /// Whether D lies strictly between two depths, so that it moves with u.
    pub(crate) fn is_between(&self) -> bool {
        self.keep == 0.0
    }

    /// The smallest loss that keeps a weight.
    pub(crate) fn smallest_kept(&self) -> f64 {
        if self.is_between() { self.next } else { self.threshold.to_f64() }
    }
}

/// Finds the cut by passes over the data. `first` is where to look first, for example the last threshold at a nearby u.
pub(crate) fn locate<T: Real, R: Meeting>(
    data: &mut Data<'_, T, R>,
    range: &Range,
    rule: Rule,
    first: Option<T>,
) -> Result<Cut<T>, Error> {
    let depths = range.depths;
    let ends = [T::from_f64(range.smallest), T::from_f64(range.upper_end())];
    search(ends, depths, rule, first.unwrap_or(ends[0]), |threshold, depth| {
        data.pass(|chunk, _| kernels::split(chunk, depths, threshold, |other| rule.curves(other, depth)))
    })
}

/// More than every second halving of the bits of a loss takes.
const MOST_PROBES: usize = 200;

/// A safeguarded search over the losses between two ends that ends when no sample is left between the two sides. `look`
/// splits the samples at a threshold of this depth; nothing of what it sees may stay at the first end, or at `first`.
pub(crate) fn search<T: Real>(
    [mut low, mut high]: [T; 2],
    depths: Depths,
    rule: Rule,
    first: T,
    mut look: impl FnMut(T, f64) -> Result<Partial<{ 4 + MOMENTS }, 2>, Error>,
) -> Result<Cut<T>, Error> {
    // Every loss below `low` goes, every loss above `high` stays.
    // The innermost probe on either side.
    let mut goes: Option<Probe<T>> = None;
    let mut stays: Option<Probe<T>> = None;
    let mut threshold = first;
    for number in 0..MOST_PROBES {
        let depth = depths.depth(threshold.to_f64());
        let mut probe = Probe::new(look(threshold, depth)?, rule, threshold, depth);
        if probe.excess > 0.0 {
            high = T::from_f64(probe.nearest_below);
            stays = Some(probe);
        } else if probe.excess_with_ties() <= 0.0 {
            low = T::from_f64(probe.cut.next);
            goes = Some(probe);
        } else {
            probe.cut.keep = 1.0 + probe.excess / probe.cut.tied;
            return Ok(probe.cut);
        }
        threshold = match (&goes, &stays) {
            (Some(goes), _) if low > high => return Ok(goes.cut_beyond(depths, rule)),
            // Rounding alone can say so of the smallest loss.
            (None, Some(stays)) if low > high => return Ok(Cut { keep: 1.0, ..stays.cut }),
            (Some(goes), Some(stays)) if number % 2 == 0 => {
                let guess = T::from_f64(depths.loss(goes.depth_without_excess(stays)));
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
    }
    // Where rounding contradicts itself the innermost probe must do.
    Ok(match (&goes, &stays) {
        (Some(goes), _) => goes.cut_beyond(depths, rule),
        (None, Some(stays)) => Cut { keep: 1.0, ..stays.cut },
        (None, None) => Cut::nothing(),
    })
}

/// The state of affairs if the cut were at a threshold and nothing at it were kept.
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

    /// Between this probe and a shallower one, the depth at which the excess would vanish if it were linear.
    fn depth_without_excess(&self, stays: &Self) -> f64 {
        let lack = -self.excess_with_ties();
        self.cut.depth + (stays.cut.depth - self.cut.depth) * (lack / (lack + stays.excess))
    }

    /// The cut between this probe, all of which goes, and the next sample above it.
    fn cut_beyond(&self, depths: Depths, rule: Rule) -> Cut<T> {
        let next_depth = depths.depth(self.cut.next).max(0.0);
        let depth = rule.depth(self.cut.capped(), self.curved, self.cut.depth);
        // Not `clamp`, which panics where rounding has crossed the ends.
        Cut { depth: depth.min(self.cut.depth).max(next_depth), ..self.cut }
    }
}
