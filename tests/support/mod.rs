//! What the tests share: problems, running them through the crate, and tolerances measured in the
//! span and in units in the last place.

#![allow(dead_code)] // each test uses a part of it

pub(crate) mod competitor;
pub(crate) mod generate;
pub(crate) mod random;
pub(crate) mod ranks;
pub(crate) mod single;
pub(crate) mod spent;
pub(crate) mod table;

use hr_weights::{Ordering, Params, Report, weights_into};
use proptest::prelude::*;

/// One problem, in the caller's terms.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    /// Losses, one a sample; a masked sample may hold anything.
    pub(crate) losses: Vec<f64>,
    /// Base weights of any positive sum; `None` is the same weight for every sample.
    pub(crate) base: Option<Vec<f64>>,
    /// Total-variation budget, in `[0, 1]`.
    pub(crate) alpha: f64,
    /// Kullback-Leibler budget in nats, in `[0, inf]`.
    pub(crate) r: f64,
    /// Which of the two programs.
    pub(crate) ordering: Ordering,
    /// The worst loss; `None` is the largest unmasked loss.
    pub(crate) worst_loss: Option<f64>,
}

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

/// The gap between `|x|` and the next larger number.
pub(crate) fn ulp(x: f64) -> f64 {
    let x = x.abs();
    f64::from_bits(x.to_bits() + 1) - x
}

/// A sum that hardly rounds (Neumaier): many equal terms one after the other would round the same
/// way each time.
pub(crate) fn sum(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut lost) = (0.0_f64, 0.0);
    for value in values {
        let next = sum + value;
        lost += if sum.abs() >= value.abs() { (sum - next) + value } else { (value - next) + sum };
        sum = next;
    }
    // Infinities have lost nothing.
    if lost.is_finite() { sum + lost } else { sum }
}

/// The robust loss by the crate.
pub(crate) fn robust_loss(problem: &Problem) -> f64 {
    solve(problem).report.robust_loss
}

/// The worst loss of a problem less its smallest loss.
pub(crate) fn span(problem: &Problem) -> f64 {
    let losses = unmasked_losses(problem);
    let max = losses.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let min = losses.iter().copied().fold(f64::INFINITY, f64::min);
    problem.worst_loss.unwrap_or(max) - min
}

/// The budget of the robust loss: 1e-13 of the span and four units in the last place.
pub(crate) fn value_tolerance(span: f64, value: f64) -> f64 {
    1e-13 * span + 4.0 * ulp(value)
}

/// The base weights, normalised.
pub(crate) fn normalised_base(problem: &Problem) -> Vec<f64> {
    let base = problem.base.clone().unwrap_or_else(|| vec![1.0; problem.losses.len()]);
    let total: f64 = base.iter().sum();
    base.iter().map(|b| b / total).collect()
}

/// The same problem with every loss, and the worst loss, changed by `f`.
pub(crate) fn map_losses(problem: &Problem, f: impl Fn(f64) -> f64) -> Problem {
    Problem {
        losses: problem.losses.iter().map(|&l| f(l)).collect(),
        worst_loss: problem.worst_loss.map(&f),
        ..problem.clone()
    }
}

/// The losses that count.
pub(crate) fn unmasked_losses(problem: &Problem) -> Vec<f64> {
    unmasked(problem).into_iter().map(|i| problem.losses[i]).collect()
}

/// The samples that count.
pub(crate) fn unmasked(problem: &Problem) -> Vec<usize> {
    (0..problem.losses.len()).filter(|&i| problem.base.as_ref().is_none_or(|base| base[i] > 0.0)).collect()
}

/// Asserts that two vectors of weights differ by at most a tolerance.
pub(crate) fn assert_close(a: &[f64], b: &[f64], tolerance: f64) -> Result<(), TestCaseError> {
    prop_assert_eq!(a.len(), b.len());
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        prop_assert!((a - b).abs() <= tolerance, "weight {}: {:e} against {:e}", i, a, b);
    }
    Ok(())
}
