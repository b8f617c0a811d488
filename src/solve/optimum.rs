//! The optimum in a few numbers, and the last pass: from them to the weight of every sample and to
//! the report.

use crate::kernels::{self, Chunk, WeightFormula, count, fast_write};
use crate::numbers::real::Real;
use crate::pass::Data;
use crate::report::Report;
use crate::validate::Range;

/// The solved problem, in scaled depths: all that the last pass and the report need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Optimum<T> {
    pub(crate) formula: WeightFormula<T>,
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
        self.formula.depths.loss(-self.dual_depth)
    }

    /// Writes every weight, and reports.
    pub(crate) fn write(&self, data: &Data<'_, T>, range: &Range, weights: &mut [T]) -> Report {
        let mut report = self.report(range);
        report.add_sums(range, self.write_part(data, range, weights));
        report
    }

    /// Writes the weights of these samples, and adds up what the report says of them: `sum p d`,
    /// `sum p^2` and the number of zeros.
    pub(crate) fn write_part(&self, data: &Data<'_, T>, range: &Range, weights: &mut [T]) -> [f64; 3] {
        let moderate = self.formula.scaling.is_moderate(range.depths, range.smallest);
        match data.fast() {
            Some(level) if moderate => {
                let fast =
                    |chunk: Chunk<'_, T>, output: &mut [T]| fast_write(level, chunk.losses, &self.formula, output);
                let [depth_sum, square_sum, zeros] = data.pass_writing(weights, fast).sums;
                [depth_sum, square_sum, self.formula.zeros.unwrap_or(zeros)]
            }
            _ => data.pass_writing(weights, |chunk, output| kernels::write(chunk, &self.formula, output)).sums,
        }
    }

    /// The report, but for what the weights themselves tell.
    pub(crate) fn report(&self, range: &Range) -> Report {
        let depths = range.depths;
        Report {
            dual_bound: range.at_least_smallest(self.dual_bound()),
            worst_loss: range.worst,
            worst_weight: self.worst_weight,
            eta: depths.loss(-self.u),
            trim_loss: self.trim_loss,
            d_alpha: depths.unscaled(self.d_alpha),
            d_r: depths.unscaled(self.d_r),
            kl: self.kl,
            tv: self.tv,
            iterations: self.iterations,
            ..Report::NOTHING
        }
    }
}

impl Report {
    /// Adds what the weights of all samples tell: `sum p d`, `sum p^2` and the number of zeros.
    pub(crate) fn add_sums(&mut self, range: &Range, [depth_sum, square_sum, zeros]: [f64; 3]) {
        self.robust_loss = range.at_least_smallest(range.depths.loss(depth_sum));
        self.effective_samples = 1.0 / square_sum;
        self.trimmed = count(zeros) as u64;
    }
}
