//! From the optimum to the weight of every sample and to the report: the last pass.

use crate::kernels::{self, Recipe};
use crate::params::Error;
use crate::real::Real;
use crate::reduce::{Data, Reduce};
use crate::report::Report;
use crate::validate::Range;

/// The solved problem, in scaled depths: all that the last pass and the report need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Optimum<T> {
    pub(crate) recipe: Recipe<T>,
    /// The weight of the worst loss itself, if it was given.
    pub(crate) worst_weight: f64,
    pub(crate) u: f64,
    /// The dual value, seen from the worst loss.
    pub(crate) dual_depth: f64,
    pub(crate) trim: Trim,
    pub(crate) d_alpha: f64,
    pub(crate) d_r: f64,
    pub(crate) kl: f64,
    pub(crate) tv: f64,
    pub(crate) iterations: u32,
}

/// Which samples have lost all of their weight.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trim {
    Nothing,
    /// Those below this loss.
    Below(f64),
    /// Those below the smallest loss that keeps a weight.
    UpToNextKept,
}

impl<T: Real> Optimum<T> {
    /// The dual bound in the unit of the losses.
    pub(crate) fn dual_bound(&self) -> f64 {
        self.recipe.depths.loss(-self.dual_depth)
    }

    /// Writes every weight and tells what was written.
    pub(crate) fn write<R: Reduce>(
        &self,
        data: &mut Data<'_, T, R>,
        range: &Range,
        weights: &mut [T],
    ) -> Result<Report, Error> {
        let written = data.pass_writing(weights, |chunk, output| kernels::write(chunk, &self.recipe, output))?;
        let [depth_sum, square_sum, zeros] = written.sums;
        let [minus_smallest_kept] = written.maxima;
        let depths = range.depths;
        Ok(Report {
            robust_loss: depths.loss(depth_sum),
            dual_bound: self.dual_bound(),
            worst_loss: range.worst,
            worst_weight: self.worst_weight,
            eta: depths.loss(-self.u),
            trim_loss: match self.trim {
                Trim::Nothing => f64::NEG_INFINITY,
                Trim::Below(loss) => loss,
                Trim::UpToNextKept => -minus_smallest_kept,
            },
            d_alpha: depths.unscaled(self.d_alpha),
            d_r: depths.unscaled(self.d_r),
            kl: self.kl,
            tv: self.tv,
            effective_samples: 1.0 / square_sum,
            trimmed: count(zeros),
            iterations: self.iterations,
        })
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a sum of ones
fn count(ones: f64) -> u64 {
    ones as u64
}
