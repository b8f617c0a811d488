//! Random problems: losses of several shapes, with ties, masks, base weights, given worst losses
//! and all budgets.

use super::{Problem, unmasked_losses};
use hr_weights::Ordering;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// How a uniform number in `(0, 1)` becomes a loss.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// Exponential, the usual shape of a cross-entropy.
    Exponential,
    /// Pareto with index 0.7: no mean.
    Pareto,
    /// Cauchy: no mean, both signs.
    Cauchy,
    /// One of five values.
    Ties,
    /// Exponential on top of a million.
    Offset,
    /// Minus an exponential.
    Negative,
    /// Uniform.
    Uniform,
}

impl Shape {
    pub(crate) const ALL: [Self; 7] =
        [Self::Exponential, Self::Pareto, Self::Cauchy, Self::Ties, Self::Offset, Self::Negative, Self::Uniform];

    /// The quantile function.
    pub(crate) fn loss(self, u: f64) -> f64 {
        match self {
            Self::Exponential => -u.ln(),
            Self::Pareto => u.powf(-1.0 / 0.7),
            Self::Cauchy => (std::f64::consts::PI * (u - 0.5)).tan(),
            Self::Ties => (5.0 * u).floor(),
            Self::Offset => 1e6 - u.ln(),
            Self::Negative => u.ln(),
            Self::Uniform => u,
        }
    }
}

/// A uniform number that is neither 0 nor 1.
fn unit() -> impl Strategy<Value = f64> {
    1e-6..1.0 - 1e-6
}

/// Sizes: mostly 1 to 80, some up to 600.
fn size() -> impl Strategy<Value = usize> {
    prop_oneof![1 => 1..=3_usize, 16 => 2..=80_usize, 1 => 81..=600_usize]
}

/// Losses of one shape.
fn losses() -> impl Strategy<Value = Vec<f64>> {
    (select(&Shape::ALL[..]), size()).prop_flat_map(|(shape, n)| vec(unit().prop_map(move |u| shape.loss(u)), n))
}

/// Base weights: none, ordinary, or with about a third of the samples masked (never all).
fn base(n: usize) -> impl Strategy<Value = Option<Vec<f64>>> {
    let masked = (vec(unit(), n), 0..n).prop_map(|(mut base, keep)| {
        for (i, b) in base.iter_mut().enumerate() {
            if *b < 0.35 && i != keep {
                *b = 0.0;
            }
        }
        Some(base)
    });
    prop_oneof![2 => Just(None), 1 => vec(0.05..3.0, n).prop_map(Some), 1 => masked]
}

/// Total-variation budgets: none, small, any, and whole numbers of samples, where the trimming has
/// its kinks.
fn alpha(n: usize) -> impl Strategy<Value = f64> {
    prop_oneof![
        1 => Just(0.0),
        4 => 0.0..0.3,
        1 => 0.0..1.0,
        1 => (0..=n).prop_map(move |k| k as f64 / n as f64),
    ]
}

/// Kullback-Leibler budgets: none, 1e-6 to 10, and 10 to 100.
fn r() -> impl Strategy<Value = f64> {
    prop_oneof![
        1 => Just(0.0),
        8 => (-6.0..1.0).prop_map(|e| 10_f64.powf(e)),
        1 => 10.0..100.0,
    ]
}

/// Any problem the documentation allows, except for the limits `r = inf` and overflowing losses,
/// which have tests of their own. Masked samples hold NaN or an enormous loss.
pub(crate) fn problem() -> impl Strategy<Value = Problem> {
    losses()
        .prop_flat_map(|losses| {
            let n = losses.len();
            let excess = prop_oneof![
                4 => Just(None),
                1 => Just(Some(0.0)),
                2 => (0.0..2.0).prop_map(Some),
            ];
            (Just(losses), base(n), alpha(n), r(), select(&[Ordering::Hd, Ordering::Hr][..]), excess)
        })
        .prop_map(|(mut losses, base, alpha, r, ordering, excess)| {
            let unmasked = |i: usize| base.as_ref().is_none_or(|base| base[i] > 0.0);
            let kept = || (0..losses.len()).filter(|&i| unmasked(i)).map(|i| losses[i]);
            let max = kept().fold(f64::NEG_INFINITY, f64::max);
            let min = kept().fold(f64::INFINITY, f64::min);
            let worst_loss = excess.map(|excess| max + excess * (max - min).max(1e-3));
            for i in (0..losses.len()).filter(|&i| !unmasked(i)) {
                losses[i] = if i % 2 == 0 { f64::NAN } else { 1e300 };
            }
            Problem { losses, base, alpha, r, ordering, worst_loss }
        })
}

/// A problem in which every budget has a price: `alpha` and `r` away from zero and the losses not
/// all equal.
pub(crate) fn priced_problem() -> impl Strategy<Value = Problem> {
    (problem(), 0.01..0.3, -3.0..0.5)
        .prop_map(|(mut problem, alpha, log_r)| {
            problem.alpha = alpha;
            problem.r = 10_f64.powf(log_r);
            problem
        })
        .prop_filter("all losses equal", |problem| {
            let kept: Vec<f64> = unmasked_losses(problem);
            kept.iter().any(|l| *l != kept[0])
        })
}
