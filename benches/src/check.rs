//! Is the answer right? Either it agrees with the textbook's, or it carries its own proof: a
//! feasible distribution, and multipliers whose dual bound is no higher. The proof is evaluated
//! here, from the weights and the multipliers alone.

use crate::problem::{Answer, Budgets, Ordering};

/// How wrong an answer is; NaN where that is not known.
#[derive(Clone, Copy, Debug)]
pub struct Error {
    /// Of the robust loss, in units of the span.
    pub loss: f64,
    /// The largest error of a weight, in units of the largest weight.
    pub weight: f64,
}

/// The difference of two answers.
#[must_use]
pub fn difference(losses: &[f64], answer: &Answer, truth: &Answer) -> Error {
    let largest = truth.weights.iter().copied().fold(0.0, f64::max);
    let weight = answer.weights.iter().zip(&truth.weights).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / largest;
    let loss = match (answer.loss, truth.loss) {
        (Some(a), Some(b)) => (a - b).abs() / span(losses),
        _ => f64::NAN,
    };
    Error { loss, weight }
}

/// The softmax, in double precision.
#[must_use]
pub fn softmax(losses: &[f64]) -> Answer {
    let max = losses.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut weights: Vec<f64> = losses.iter().map(|loss| (loss - max).exp()).collect();
    let sum: f64 = weights.iter().sum();
    for weight in &mut weights {
        *weight /= sum;
    }
    Answer { weights, loss: None, multipliers: None }
}

/// What an answer proves about itself.
#[derive(Clone, Copy, Debug)]
pub struct Certificate {
    /// The dual bound less the robust loss, in units of the span: the loss is at most so far from
    /// the optimum.
    pub gap: f64,
    /// By how much the weights miss the loss that was told, in units of the span.
    pub mismatch: f64,
    /// By how much the weights exceed the two budgets, and 1.
    pub excess: f64,
}

/// Evaluates the proof of an answer; `None` if it has no multipliers.
#[must_use]
pub fn certificate(losses: &[f64], answer: &Answer, budgets: &Budgets) -> Option<Certificate> {
    let (multipliers, loss) = (answer.multipliers?, answer.loss?);
    let (p, u) = (&answer.weights, multipliers.u);
    let worst = losses.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let span = span(losses);
    let depth: Vec<f64> = losses.iter().map(|loss| worst - loss).collect();
    let primal = worst - p.iter().zip(&depth).map(|(p, d)| p * d).sum::<f64>();
    let (dual, excess) = match budgets.ordering {
        // Everything is on the worst loss, which nothing exceeds.
        _ if primal == worst => (worst, 0.0),
        Ordering::Hd => (worst - hd_dual_depth(&depth, u, budgets), hd_excess(&depth, p, u, budgets)),
        Ordering::Hr => {
            let level = multipliers.level;
            (worst - hr_dual_depth(&depth, u, level, budgets), hr_excess(&depth, p, u, level, budgets))
        }
    };
    let sum = (p.iter().sum::<f64>() - 1.0).abs();
    Some(Certificate {
        gap: (dual - loss).abs() / span,
        mismatch: (primal - loss).abs() / span,
        excess: excess.max(sum),
    })
}

/// The unit of errors: the largest loss less the smallest, or 1 if they are equal.
fn span(losses: &[f64]) -> f64 {
    let (low, high) = losses.iter().fold((f64::MAX, f64::MIN), |(low, high), &l| (low.min(l), high.max(l)));
    if low < high { high - low } else { 1.0 }
}

/// `exp(mean log x - r) - u` with `x = u + depth`, as a difference from the mean depth: large `u`
/// cancels nothing.
fn dual_depth(mean: impl Fn(&dyn Fn(f64) -> f64) -> f64, u: f64, r: f64) -> f64 {
    let m = mean(&|d| d);
    let x = u + m;
    m + x * (mean(&|d| ((d - m) / x).ln_1p()) - r).exp_m1()
}

/// For HD the bound holds with the deepest alpha cut.
fn hd_dual_depth(depth: &[f64], u: f64, budgets: &Budgets) -> f64 {
    let n = depth.len();
    let b = 1.0 / n as f64;
    let cut = budgets.alpha * n as f64;
    let mut depth = depth.to_vec();
    let kept = n - 1 - cut as usize;
    let threshold = *depth.select_nth_unstable_by(kept, f64::total_cmp).1;
    let part = b * (1.0 - cut.fract());
    let mean = |f: &dyn Fn(f64) -> f64| {
        depth[..kept].iter().map(|&d| b * f(d)).sum::<f64>() + part * f(threshold) + budgets.alpha * f(0.0)
    };
    dual_depth(mean, u, budgets.r)
}

/// For HR depths are capped at a level, which has its price.
fn hr_dual_depth(depth: &[f64], u: f64, level: f64, budgets: &Budgets) -> f64 {
    let b = 1.0 / depth.len() as f64;
    let mean = |f: &dyn Fn(f64) -> f64| depth.iter().map(|d| b * f(d.min(level))).sum::<f64>();
    dual_depth(mean, u, budgets.r) - budgets.alpha * level
}

/// The excess over the budgets with `q` in proportion to `p x`.
fn hd_excess(depth: &[f64], p: &[f64], u: f64, budgets: &Budgets) -> f64 {
    let b = 1.0 / depth.len() as f64;
    let total: f64 = p.iter().zip(depth).map(|(p, d)| p * (u + d)).sum();
    let q = |i: usize| p[i] * (u + depth[i]) / total;
    let cut: f64 = (0..p.len()).map(|i| (b - q(i)).max(0.0)).sum();
    let kl: f64 = (0..p.len()).filter(|&i| p[i] > 0.0).map(|i| divergence(q(i), p[i])).sum();
    (cut - budgets.alpha).max(kl - budgets.r).max(0.0)
}

/// The excess over the budgets with `q` in proportion to `b / x`.
fn hr_excess(depth: &[f64], p: &[f64], u: f64, level: f64, budgets: &Budgets) -> f64 {
    let b = 1.0 / depth.len() as f64;
    let s1: f64 = depth.iter().map(|d| b / (u + d.min(level))).sum();
    let q = |i: usize| b / ((u + depth[i].min(level)) * s1);
    let cut: f64 = (0..p.len()).map(|i| (q(i) - p[i]).max(0.0)).sum();
    let kl: f64 = (0..p.len()).map(|i| divergence(b, q(i))).sum();
    (cut - budgets.alpha).max(kl - budgets.r).max(0.0)
}

/// A term of `KL(q || p)`, with what sums to zero added so that it is positive.
fn divergence(q: f64, p: f64) -> f64 {
    q * (p / q - 1.0 - (p / q).ln())
}
