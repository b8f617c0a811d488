//! What every answer must satisfy, and what every refusal must be.

use crate::input::problem;
use crate::support::single::{narrow, ulps_apart};
use crate::support::spent::spent;
use crate::support::{Problem, span, sum, ulp, unmasked_losses, value_tolerance};
use crate::{reference, support};
use hr_weights::{Error, Params, Report, weights_into};

/// What is there before a call, to see what is written.
pub const POISON: f64 = -123.25;

/// The error that the documentation promises for this input, if any. The order is that of the
/// header.
pub fn expected(losses: &[f64], base: Option<&[f64]>, params: &Params) -> Option<Error> {
    if losses.is_empty() {
        return Some(Error::Empty);
    }
    if !(0.0..=1.0).contains(&params.alpha) {
        return Some(Error::Alpha);
    }
    if !(params.r >= 0.0) {
        return Some(Error::R);
    }
    if params.worst_loss.is_some_and(|worst| !worst.is_finite()) {
        return Some(Error::WorstLoss);
    }
    let base_of = |i: usize| base.map_or(1.0, |base| base[i]);
    let samples = || 0..losses.len();
    if let Some(index) = samples().find(|&i| !(base_of(i) >= 0.0 && base_of(i).is_finite())) {
        return Some(Error::BaseWeights { index: Some(index) });
    }
    if samples().all(|i| base_of(i) == 0.0) {
        return Some(Error::BaseWeights { index: None });
    }
    if let Some(index) = samples().find(|&i| base_of(i) > 0.0 && !losses[i].is_finite()) {
        return Some(Error::NonFiniteLoss { index });
    }
    let largest = samples().filter(|&i| base_of(i) > 0.0).map(|i| losses[i]).fold(f64::NEG_INFINITY, f64::max);
    params.worst_loss.filter(|worst| *worst < largest).map(|_| Error::WorstLoss)
}

/// Solves, and checks the answer or the refusal, in both widths.
pub fn both_widths(losses: &[f64], base: Option<&[f64]>, params: &Params) {
    let mut weights = vec![POISON; losses.len()];
    let result = weights_into(losses, base, params, &mut weights);
    outcome(losses, base, params, &result, &weights);

    let single: Vec<f32> = losses.iter().copied().map(narrow).collect();
    let single_base: Option<Vec<f32>> = base.map(|base| base.iter().copied().map(narrow).collect());
    let mut narrow_weights = vec![narrow(POISON); losses.len()];
    let narrow_result = weights_into(&single, single_base.as_deref(), params, &mut narrow_weights);
    // The same input in double precision is the yardstick.
    let wide: Vec<f64> = single.iter().copied().map(f64::from).collect();
    let wide_base: Option<Vec<f64>> = single_base.map(|base| base.into_iter().map(f64::from).collect());
    let mut weights = vec![POISON; losses.len()];
    let result = weights_into(&wide, wide_base.as_deref(), params, &mut weights);
    assert_eq!(narrow_result.map(drop), result.map(drop));
    for (single, wide) in narrow_weights.iter().zip(&weights) {
        let apart =
            if result.is_err() { (*single != narrow(*wide)).into() } else { ulps_apart(*single, narrow(*wide)) };
        assert!(apart <= 2, "f32 {single:e}, f64 {wide:e}");
    }
}

/// Checks what came of a call.
pub fn outcome(
    losses: &[f64],
    base: Option<&[f64]>,
    params: &Params,
    result: &Result<Report, Error>,
    weights: &[f64],
) {
    match (expected(losses, base, params), result) {
        (None, Ok(report)) => answer(&problem(losses, base, params), weights, report),
        (Some(expected), Err(error)) => {
            assert_eq!(expected, *error);
            assert!(weights.iter().all(|weight| *weight == POISON), "an output was touched");
        }
        (expected, result) => panic!("{result:?} where {expected:?} was expected"),
    }
}

/// Checks an answer.
fn answer(problem: &Problem, weights: &[f64], report: &Report) {
    let (span, value) = (span(problem), report.robust_loss);
    let tolerance = value_tolerance(span, value);
    assert!(weights.iter().all(|p| (0.0..=1.0 + 1e-12).contains(p)), "a weight outside [0, 1]: {weights:?}, {problem:?}");
    let total = sum(weights.iter().copied().chain([report.worst_weight]));
    assert!((total - 1.0).abs() <= 1e-12, "weights sum to {total}: {problem:?}");
    let smallest = unmasked_losses(problem).into_iter().fold(f64::INFINITY, f64::min);
    assert!(value >= smallest - tolerance && value <= report.worst_loss + tolerance, "robust loss {value:e}");
    // A span beyond the range of doubles makes the tolerance infinite, and the comparisons void.
    let gap = report.dual_bound - value;
    assert!(gap >= -tolerance && gap <= tolerance + 1e-12 * span, "gap {gap:e}, robust loss {value:e}: {problem:?}");
    // (Where so little may be spent, what is spent is rounding.)
    assert!(report.kl >= 0.0 && report.kl <= problem.r * (1.0 + 1e-9) + 1e-290, "KL {:e}: {problem:?}", report.kl);
    assert!(report.tv >= 0.0 && report.tv <= problem.alpha, "TV {}: {problem:?}", report.tv);
    assert!(report.d_alpha >= 0.0 && report.d_r >= 0.0, "slopes {} and {}: {problem:?}", report.d_alpha, report.d_r);
    if is_ordinary(problem, span) {
        reference(problem, weights, report, tolerance);
    }
}

/// Where the slow reference is good to the accuracy budget.
fn is_ordinary(problem: &Problem, span: f64) -> bool {
    let masses: Vec<f64> = problem.base.iter().flatten().copied().filter(|b| *b > 0.0).collect();
    let largest = masses.iter().copied().fold(0.0, f64::max);
    let of_a_size = masses.iter().all(|b| *b >= 1e-3 * largest && *b > 1e-200 && *b < 1e200);
    let r = problem.r;
    // Its multiplier is sought from exp(-700) on.
    let seen = problem.alpha == 0.0 || problem.alpha >= 1e-12;
    of_a_size
        && seen
        && tells_losses_apart(problem, span)
        && (r == 0.0 || (1e-7..100.0).contains(&r) || r == f64::INFINITY)
        && (1e-200..1e200).contains(&span)
}

/// Whether no two losses are so close, beside the span, that the reference takes them for equal,
/// and none so close to the worst loss that the library does, or that the reference loses its
/// digits.
fn tells_losses_apart(problem: &Problem, span: f64) -> bool {
    let mut losses = unmasked_losses(problem);
    losses.sort_by(f64::total_cmp);
    let worst = problem.worst_loss.unwrap_or(losses[losses.len() - 1]);
    let depth = |loss: f64| (worst - loss) / span;
    losses.iter().all(|&loss| loss == worst || depth(loss) > 1e-49)
        && losses.windows(2).all(|pair| pair[0] == pair[1] || depth(pair[0]) > depth(pair[1]))
}

fn reference(problem: &Problem, weights: &[f64], report: &Report, tolerance: f64) {
    let exact = reference::solve(problem);
    let error = (report.robust_loss - exact.robust_loss).abs();
    assert!(error <= tolerance, "robust loss {:e}, not {:e}: {problem:?}", report.robust_loss, exact.robust_loss);
    // Where everything is at the worst loss, or about to be, only what is there in all is
    // determined.
    let limit = exact.d_r <= 1e-9 * exact.span;
    let mut at_worst = report.worst_weight - exact.worst_weight;
    for (i, (p, exact_p)) in weights.iter().zip(&exact.weights).enumerate() {
        if limit && problem.losses[i] == report.worst_loss {
            at_worst += p - exact_p;
        } else {
            assert!((p - exact_p).abs() <= 1e-12, "weight {i} is {p:e}, not {exact_p:e}: {problem:?}");
        }
    }
    assert!(at_worst.abs() <= 1e-12, "the worst loss has {at_worst:e} too much: {problem:?}");
    if exact.d_r > 1e-250 * exact.span {
        let spent = spent(problem, weights, report.worst_weight);
        assert!(spent.tv <= problem.alpha + 1e-12, "TV {}: {problem:?}", spent.tv);
        assert!(spent.kl <= problem.r * (1.0 + 1e-9) + 1e-13, "KL {}: {problem:?}", spent.kl);
    }
}

/// Whether two robust losses are the same to the accuracy budget.
pub fn same_value(a: f64, b: f64, span: f64) -> bool {
    a == b || (a - b).abs() <= 2e-13 * span + 8.0 * support::ulp(a).max(ulp(b))
}
