//! From the optimum to the weight of every sample and to the report: the last pass.

use crate::kernels::{self, Recipe, fast_write};
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
    /// Samples with a smaller loss have lost all weight.
    pub(crate) trim_loss: f64,
    pub(crate) d_alpha: f64,
    pub(crate) d_r: f64,
    pub(crate) kl: f64,
    pub(crate) tv: f64,
    pub(crate) iterations: u32,
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
        let depths = range.depths;
        let moderate = self.recipe.lens.is_moderate(depths.depth(range.smallest));
        let written = match data.fast() {
            Some(level) if moderate => {
                data.pass_writing(weights, |chunk, output| fast_write(level, chunk.losses, &self.recipe, output))?
            }
            _ => data.pass_writing(weights, |chunk, output| kernels::write(chunk, &self.recipe, output))?,
        };
        let [depth_sum, square_sum, counted] = written.sums;
        let zeros = if data.fast().is_some() && moderate { self.recipe.zeros.unwrap_or(counted) } else { counted };
        Ok(Report {
            robust_loss: depths.loss(depth_sum),
            dual_bound: self.dual_bound(),
            worst_loss: range.worst,
            worst_weight: self.worst_weight,
            eta: depths.loss(-self.u),
            trim_loss: self.trim_loss,
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
