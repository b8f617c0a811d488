//! What every test of the solver needs: running a [`Problem`] through the crate, and tolerances measured in the span and
//! in units in the last place.

use crate::reference::Problem;
use hr_weights::{Params, Report, weights_into};

/// The crate's answer to one problem.
#[derive(Clone, Debug)]
pub(crate) struct Solved<T> {
    /// Weight of each sample.
    pub(crate) weights: Vec<T>,
    /// The report that came with them.
    pub(crate) report: Report,
}

/// The crate's parameters for a problem, on the calling thread.
pub(crate) fn params(problem: &Problem) -> Params {
    Params {
        alpha: problem.alpha,
        r: problem.r,
        ordering: problem.ordering,
        worst_loss: problem.worst_loss,
        ..Params::default()
    }
}

/// Solves a problem with the crate, in `f64`.
pub(crate) fn solve(problem: &Problem) -> Solved<f64> {
    let mut weights = vec![f64::NAN; problem.losses.len()];
    let report = weights_into(&problem.losses, problem.base.as_deref(), &params(problem), &mut weights)
        .unwrap_or_else(|error| panic!("{error:?} from {problem:?}"));
    Solved { weights, report }
}

/// Solves a problem with the crate, in `f32`. The losses and base weights must be values of `f32` already, see
/// [`round_to_f32`].
pub(crate) fn solve_f32(problem: &Problem) -> Solved<f32> {
    let losses = narrow(&problem.losses);
    let base = problem.base.as_deref().map(narrow);
    let mut weights = vec![f32::NAN; losses.len()];
    let report = weights_into(&losses, base.as_deref(), &params(problem), &mut weights)
        .unwrap_or_else(|error| panic!("{error:?} from {problem:?}"));
    Solved { weights, report }
}

/// The nearest problem whose losses and base weights are values of `f32`, or `None` when one of them over- or underflows
/// or all of the base weights vanish. A given worst loss is raised to the largest loss if rounding took that above it.
pub(crate) fn round_to_f32(problem: &Problem) -> Option<Problem> {
    let mut rounded = problem.clone();
    for (i, loss) in rounded.losses.iter_mut().enumerate() {
        let masked = problem.base.as_ref().is_some_and(|base| base[i] == 0.0);
        *loss = if masked { f64::NAN } else { widen(*loss)? };
    }
    for weight in rounded.base.iter_mut().flatten() {
        *weight = widen(*weight)?;
    }
    let max = rounded.losses.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    rounded.worst_loss = problem.worst_loss.map(|w| w.max(max));
    Some(rounded)
}

/// A number rounded to `f32` and back; `None` when that leaves the normal range.
fn widen(x: f64) -> Option<f64> {
    let rounded = x as f32;
    (rounded.is_normal() || x == 0.0).then_some(f64::from(rounded))
}

/// The same numbers as `f32`.
fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&x| x as f32).collect()
}

/// The distance of two `f32` in representable numbers; huge when either is NaN or negative.
pub(crate) fn ulps_apart(a: f32, b: f32) -> u32 {
    if a >= 0.0 && b >= 0.0 { a.to_bits().abs_diff(b.to_bits()) } else { u32::MAX }
}

/// The gap between `|x|` and the next larger number.
pub(crate) fn ulp(x: f64) -> f64 {
    let x = x.abs();
    f64::from_bits(x.to_bits() + 1) - x
}

/// The budget of the robust loss: 1e-13 of the span and four units in the last place.
pub(crate) fn value_tolerance(span: f64, value: f64) -> f64 {
    1e-13 * span + 4.0 * ulp(value)
}
