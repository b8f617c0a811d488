//! The budgets that given weights really spend, computed from the definition of the two programs
//! and from the weights alone: neither losses beyond the question which samples lie at the worst
//! loss, nor anything that the solver reports.

use super::{Problem, sum};
use hr_weights::Ordering;

/// The least Kullback-Leibler budget with which the weights are feasible once at most `alpha` of
/// total variation is used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spent {
    /// Divergence, in nats.
    pub(crate) kl: f64,
    /// Total variation.
    pub(crate) tv: f64,
}

/// Finds the intermediate distribution `q` between base weights `b` and weights `p` that makes the
/// divergence least.
///
/// The samples at the worst loss and the worst-case atom are one point, whose mass the total
/// variation may only raise.
///
/// * HD: `q <= b` elsewhere, `sum (b - q) <= alpha`, least `KL(q || p)`: `q = min(b, t p)`.
/// * HR: `q >= p` elsewhere, `sum (q - p) <= alpha`, least `KL(b || q)`: `q = max(p, t b)`.
///
/// Either way the level `t` uses up `alpha`, or all that could be of use.
pub(crate) fn spent(problem: &Problem, weights: &[f64], worst_weight: f64) -> Spent {
    let n = weights.len();
    let base = problem.base.clone().unwrap_or_else(|| vec![1.0; n]);
    let total = sum(base.iter().copied());
    let unmasked = |i: &usize| base[*i] > 0.0;
    let max = (0..n).filter(unmasked).map(|i| problem.losses[i]).fold(f64::NEG_INFINITY, f64::max);
    let w = problem.worst_loss.unwrap_or(max);

    let (worst, other): (Vec<usize>, Vec<usize>) = (0..n).filter(unmasked).partition(|&i| problem.losses[i] == w);
    let b: Vec<f64> = other.iter().map(|&i| base[i] / total).collect();
    // Sums that miss one by rounding would count as divergence.
    let mass = sum(weights.iter().copied().chain([worst_weight]));
    let p: Vec<f64> = other.iter().map(|&i| weights[i] / mass).collect();
    let b_worst = sum(worst.iter().map(|&i| base[i] / total));
    let p_worst = sum(worst.iter().map(|&i| weights[i]).chain([worst_weight])) / mass;

    match problem.ordering {
        Ordering::Hd => {
            let cut = |t: f64| -> Vec<f64> {
                b.iter().zip(&p).map(|(b, p)| if *p > 0.0 { b.min(t * p) } else { 0.0 }).collect()
            };
            let moved = |q: &[f64]| sum(b.iter().zip(q).map(|(b, q)| b - q));
            let q = at_level(cut, |q| moved(q) >= problem.alpha);
            let tv = moved(&q);
            Spent { kl: divergence(&q, &p) + point(b_worst + tv, p_worst), tv }
        }
        Ordering::Hr => {
            let raise = |t: f64| -> Vec<f64> { b.iter().zip(&p).map(|(b, p)| p.max(t.min(1.0) * b)).collect() };
            let moved = |q: &[f64]| sum(q.iter().zip(&p).map(|(q, p)| q - p));
            let budget = problem.alpha.min(p_worst);
            let q = at_level(raise, |q| moved(q) <= budget);
            let tv = moved(&q);
            Spent { kl: divergence(&b, &q) + point(b_worst, p_worst - tv), tv }
        }
    }
}

/// The distribution at the highest level `t` that satisfies a condition which higher levels fail.
fn at_level(q: impl Fn(f64) -> Vec<f64>, holds: impl Fn(&[f64]) -> bool) -> Vec<f64> {
    let (mut low, mut high) = (-745.0_f64, 709.0_f64);
    if holds(&q(high.exp())) {
        return q(high.exp());
    }
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if holds(&q(middle.exp())) {
            low = middle;
        } else {
            high = middle;
        }
    }
    q(low.exp())
}

/// `sum q log(q/p) - q + p`, which is `KL(q || p)` summed over a part of the space, without
/// cancellation.
pub(crate) fn divergence(q: &[f64], p: &[f64]) -> f64 {
    sum(q.iter().zip(p).map(|(q, p)| point(*q, *p)))
}

/// One term of [`divergence`].
fn point(q: f64, p: f64) -> f64 {
    if q == 0.0 {
        return p;
    }
    let ratio = p / q;
    q * (ratio - 1.0 - ratio.ln())
}
