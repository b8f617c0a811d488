//! The single-precision path.

use super::{Problem, Solved, params};
use hr_weights::weights_into;

/// Solves a problem with the crate, in `f32`. The losses and base weights must be values of `f32`
/// already, see [`round_to_f32`].
pub(crate) fn solve_f32(problem: &Problem) -> Solved<f32> {
    let losses = all_narrow(&problem.losses);
    let base = problem.base.as_deref().map(all_narrow);
    let mut weights = vec![f32::NAN; losses.len()];
    let report = weights_into(&losses, base.as_deref(), &params(problem), &mut weights)
        .unwrap_or_else(|error| panic!("{error:?} from {problem:?}"));
    Solved { weights, report }
}

/// The nearest problem whose losses and base weights are values of `f32`, or `None` when one of
/// them over- or underflows or all of the base weights vanish. A given worst loss is raised to the
/// largest loss if rounding took that above it.
pub(crate) fn round_to_f32(problem: &Problem) -> Option<Problem> {
    let mut rounded = problem.clone();
    for (i, loss) in rounded.losses.iter_mut().enumerate() {
        let masked = problem.base.as_ref().is_some_and(|base| base[i] == 0.0);
        *loss = if masked { f64::NAN } else { narrow_and_back(*loss)? };
    }
    for weight in rounded.base.iter_mut().flatten() {
        *weight = narrow_and_back(*weight)?;
    }
    let max = rounded.losses.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    rounded.worst_loss = problem.worst_loss.map(|w| w.max(max));
    Some(rounded)
}

/// The nearest `f32`.
#[allow(clippy::cast_possible_truncation)] // it is what this is for
pub(crate) fn narrow(x: f64) -> f32 {
    x as f32
}

/// A number rounded to `f32` and back; `None` when that leaves the normal range.
fn narrow_and_back(x: f64) -> Option<f64> {
    let rounded = narrow(x);
    (rounded.is_normal() || x == 0.0).then_some(f64::from(rounded))
}

/// The nearest `f32` of each number.
fn all_narrow(values: &[f64]) -> Vec<f32> {
    values.iter().copied().map(narrow).collect()
}

/// The distance of two `f32` in representable numbers; huge when either is NaN or negative.
pub(crate) fn ulps_apart(a: f32, b: f32) -> u32 {
    if a >= 0.0 && b >= 0.0 { a.to_bits().abs_diff(b.to_bits()) } else { u32::MAX }
}
