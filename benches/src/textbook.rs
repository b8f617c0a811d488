//! Sort and bisect, in double precision: how one would write the two programs down in an afternoon.
//! A contender, and the truth that the others are held against.

use crate::problem::{Answer, Budgets, Ordering};

/// Solves a problem with uniform base weights. `r` is positive and finite, `alpha` less than 1.
#[must_use]
pub fn solve(losses: &[f64], budgets: &Budgets) -> Answer {
    let worst = losses.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let depth: Vec<f64> = losses.iter().map(|loss| worst - loss).collect();
    let mut sorted = depth.clone();
    sorted.sort_unstable_by(f64::total_cmp);
    let weights = match budgets.ordering {
        Ordering::Hd => solve_hd(&depth, &sorted, budgets),
        Ordering::Hr => solve_hr(&depth, &sorted, budgets),
    };
    let loss = worst - weights.iter().zip(&depth).map(|(p, d)| p * d).sum::<f64>();
    Answer { weights, loss: Some(loss), multipliers: None }
}

/// HD: cut alpha from the deepest samples, those tied at the threshold by the same fraction; then
/// the KL step.
fn solve_hd(depth: &[f64], sorted: &[f64], budgets: &Budgets) -> Vec<f64> {
    let n = depth.len();
    let b = 1.0 / n as f64;
    let cut = budgets.alpha * n as f64;
    let threshold = sorted[n - 1 - cut as usize];
    let first = sorted.partition_point(|d| *d < threshold);
    let beyond = sorted.partition_point(|d| *d <= threshold);
    let kept = 1.0 - (cut - (n - beyond) as f64) / (beyond - first) as f64;
    let q = |d: f64| if d < threshold { b } else { b * kept };

    let sum =
        |f: &dyn Fn(f64) -> f64| sorted[..beyond].iter().map(|&d| q(d) * f(d)).sum::<f64>() + budgets.alpha * f(0.0);
    if threshold == 0.0 {
        return folded(depth, |_| 0.0);
    }
    let (u, s1) = kl_step(sum, sorted[n - 1], budgets.r);
    folded(depth, |d| if d > threshold { 0.0 } else { q(d) / ((u + d) * s1) })
}

/// HR: the KL step on depths capped at a level, the right level by bisection; then cut alpha.
fn solve_hr(depth: &[f64], sorted: &[f64], budgets: &Budgets) -> Vec<f64> {
    let n = depth.len();
    let b = 1.0 / n as f64;
    let deepest = sorted[n - 1];
    let step = |level: f64| {
        let sum = |f: &dyn Fn(f64) -> f64| sorted.iter().map(|&d| b * f(d.min(level))).sum::<f64>();
        kl_step(sum, deepest, budgets.r)
    };
    let mass = |level: f64, samples: usize| {
        let (u, s1) = step(level);
        samples as f64 * b / ((u + level) * s1)
    };
    let mut levels: Vec<f64> = sorted.iter().copied().filter(|d| *d > 0.0).collect();
    levels.dedup();
    if levels.is_empty() {
        return vec![b; n];
    }
    let deeper = |level: f64| n - sorted.partition_point(|d| *d <= level);
    let not_above = |level: f64| n - sorted.partition_point(|d| *d < level);
    // Capped at the smallest depth there are two points; if what is deep there can be cut,
    // everything can.
    if mass(levels[0], not_above(levels[0])) <= budgets.alpha {
        return folded(depth, |_| 0.0);
    }
    let k = levels.partition_point(|&level| mass(level, deeper(level)) > budgets.alpha);
    let level = if mass(levels[k], not_above(levels[k])) >= budgets.alpha {
        levels[k]
    } else {
        bisect(levels[k - 1], levels[k], |level| mass(level, deeper(levels[k - 1])) > budgets.alpha)
    };
    let (u, s1) = step(level);
    let at_level = b / ((u + level) * s1);
    let tied = not_above(level) - deeper(level);
    let kept = 1.0 - (budgets.alpha - deeper(level) as f64 * at_level) / (tied as f64 * at_level);
    folded(depth, |d| match d.total_cmp(&level) {
        std::cmp::Ordering::Less => b / ((u + d) * s1),
        std::cmp::Ordering::Equal => at_level * kept,
        std::cmp::Ordering::Greater => 0.0,
    })
}

/// The weights by depth, and what they lack to 1 on the samples at depth 0.
fn folded(depth: &[f64], weight: impl Fn(f64) -> f64) -> Vec<f64> {
    let at_zero = depth.iter().filter(|d| **d == 0.0).count();
    let below: f64 = depth.iter().filter(|d| **d > 0.0).map(|&d| weight(d)).sum();
    let top = (1.0 - below) / at_zero as f64;
    depth.iter().map(|&d| if d == 0.0 { top } else { weight(d) }).collect()
}

/// The `u` at which the divergence is `r`, and `S1(u)`; `sum(f)` is the mean of `f(depth)`.
///
/// The divergence is summed as `p/q - 1 - log(p/q)`, whose terms are positive.
fn kl_step(sum: impl Fn(&dyn Fn(f64) -> f64) -> f64, span: f64, r: f64) -> (f64, f64) {
    let divergence = |u: f64| {
        let s1 = sum(&|d| 1.0 / (u + d));
        sum(&|d| {
            let ratio = 1.0 / ((u + d) * s1);
            ratio - 1.0 - ratio.ln()
        })
    };
    let u = span * bisect(-60.0, 20.0, |log_u| divergence(span * log_u.exp()) > r).exp();
    (u, sum(&|d| 1.0 / (u + d)))
}

/// Where a condition turns from true to false.
fn bisect(mut low: f64, mut high: f64, holds: impl Fn(f64) -> bool) -> f64 {
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return middle;
        }
        if holds(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
}
