//! From the optimum to the weight of every sample and to the report: the last pass.

use crate::kernels::{self, Chunk, Recipe, fast_write};
use crate::params::Error;
use crate::real::Real;
use crate::reduce::{Data, Meeting, count};
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
    #[inline(never)] // what it needs of the stack is not needed while the optimum is looked for
    pub(crate) fn write<R: Meeting>(
        &self,
        data: &mut Data<'_, T, R>,
        range: &Range,
        weights: &mut [T],
    ) -> Result<Report, Error> {
        let depths = range.depths;
        let moderate = self.recipe.lens.is_moderate(depths.depth(range.smallest));
        let (written, known_zeros) = match data.fast() {
            Some(level) if moderate => {
                let fast =
                    |chunk: Chunk<'_, T>, output: &mut [T]| fast_write(level, chunk.losses, &self.recipe, output);
                (data.pass_writing(weights, fast)?, self.recipe.zeros)
            }
            _ => (data.pass_writing(weights, |chunk, output| kernels::write(chunk, &self.recipe, output))?, None),
        };
        let [depth_sum, square_sum, counted_zeros] = written.sums;
        Ok(Report {
            robust_loss: range.at_least_smallest(depths.loss(depth_sum)),
            dual_bound: range.at_least_smallest(self.dual_bound()),
            worst_loss: range.worst,
            worst_weight: self.worst_weight,
            eta: depths.loss(-self.u),
            trim_loss: self.trim_loss,
            d_alpha: depths.unscaled(self.d_alpha),
            d_r: depths.unscaled(self.d_r),
            kl: self.kl,
            tv: self.tv,
            effective_samples: 1.0 / square_sum,
            trimmed: count(known_zeros.unwrap_or(counted_zeros)) as u64,
            iterations: self.iterations,
        })
    }
}
