//! What is known about the solution before the first full pass.

use super::cut::Cut;
use super::powers::PowerSums;
use super::rank::Ranks;
use super::root::line_factor;
use crate::kernels::MOMENTS;
use crate::numbers::math::{expm1, sqrt};
use crate::numbers::real::Real;
use crate::params::Params;
use crate::pass::{Data, Team};
use crate::validate::Range;

/// Where the solution may be.
#[derive(Clone, Copy)]
pub(super) enum InitialGuess<'a, T> {
    /// Nothing is known.
    Nothing,
    /// From a subsample of the data.
    Estimate(Estimate<'a, T>),
    /// From one pass over all of a small problem.
    Outline(Outline<'a, T>),
    /// From the solution for another r.
    WarmStart(WarmStart<T>),
}

/// What the solution of a subsample says of the whole.
#[derive(Clone, Copy)]
pub(super) struct Estimate<'a, T> {
    /// The losses around the threshold.
    pub(super) ranks: Ranks<'a, T>,
    /// The samples above all of these, if they were seen from the u of the subsample.
    pub(super) beyond: Option<PowerSums>,
    /// The share of the samples that are not above the threshold.
    pub(super) clipped: f64,
    pub(super) u: f64,
    /// The mean depth that the KL step sees.
    pub(super) mean: f64,
    /// How many samples of the data, all of them, have the largest loss.
    pub(super) largest: f64,
}

/// What one pass over all of a small problem has shown.
#[derive(Clone, Copy)]
pub(super) struct Outline<'a, T> {
    /// The losses of the window; none if nothing is cut.
    pub(super) ranks: Ranks<'a, T>,
    /// The moments of the depths above the window.
    pub(super) above: [f64; MOMENTS],
    /// How many samples have the largest loss.
    pub(super) largest: f64,
}

/// The solution of a problem with the same losses and alpha, and another r.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WarmStart<T> {
    pub(super) alpha: f64,
    pub(super) r: f64,
    /// The masses of all samples and of those at depth zero.
    pub(super) masses: [f64; 2],
    /// HD's is the same for every r; HR's begins there.
    pub(super) cut: Cut<T>,
    pub(super) mean: f64,
    pub(super) u: f64,
}

impl<'a, T: Real> InitialGuess<'a, T> {
    pub(super) fn estimate(&self) -> Option<&Estimate<'a, T>> {
        if let Self::Estimate(estimate) = self { Some(estimate) } else { None }
    }

    /// The losses around the threshold, if they are known.
    pub(super) fn ranks(&self) -> Ranks<'a, T> {
        match self {
            Self::Estimate(estimate) => estimate.ranks,
            Self::Outline(outline) => outline.ranks,
            Self::Nothing | Self::WarmStart(_) => Ranks::new(),
        }
    }

    /// About the mean depth that the KL step sees, and about u.
    pub(super) fn mean_and_u(&self) -> Option<(f64, f64)> {
        match self {
            Self::Nothing | Self::Outline(_) => None,
            Self::Estimate(estimate) => Some((estimate.mean, estimate.u)),
            Self::WarmStart(near) => Some((near.mean, near.u)),
        }
    }
}

impl<T: Real> Outline<'_, T> {
    /// The moments above a threshold by a look at a part of the samples; None if it takes all.
    pub(super) fn moments_above(
        &self,
        threshold: T,
        look: impl Fn(&Data<'_, T>) -> [f64; MOMENTS],
    ) -> Option<[f64; MOMENTS]> {
        if threshold == self.ranks.high() {
            return Some(self.above);
        }
        let (candidates, _) = self.ranks.around(threshold)?;
        let inside = look(&Data::new(candidates, None, Team::ALONE));
        Some(core::array::from_fn(|power| self.above[power] + inside[power]))
    }
}

impl<T: Real> WarmStart<T> {
    /// Whether the search for these budgets may start from here.
    pub(super) fn is_useful(&self, params: &Params) -> bool {
        self.alpha == params.alpha && params.r >= plain_from(self.masses[0]) && params.r < f64::INFINITY
    }

    /// For another r: u moves along the line that the root search follows.
    pub(super) fn for_r(self, r: f64, range: &Range) -> Self {
        let [total, top] = self.masses;
        let k = line_factor(if range.depths.depth(range.largest) == 0.0 { top / total } else { 0.0 });
        Self { r, u: self.u * sqrt(expm1(k * self.r) / expm1(k * r)), ..self }
    }
}

/// From this r on, phi is so large that its terms may cancel: what they are rounded by is little of
/// it. The more samples of about the largest mass there are, the more the roundings average. A
/// larger limit would be slower, a smaller one would lose digits of u.
pub(super) fn plain_from(total: f64) -> f64 {
    const FEW_SAMPLES: f64 = 32.0;
    if total <= FEW_SAMPLES { 1e-4 } else { 1e-6 }
}
