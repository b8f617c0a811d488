//! A slow, obvious solver for the two robust programs: the mathematics of the crate's
//! documentation, one function per formula, with sorting and bracketing in place of every clever
//! step. The tests hold the fast solver against it.
//!
//! Notation. Loss `l[i]`, base weight `b[i]` (they sum to one), worst loss `w`, depth
//! `d[i] = (w - l[i]) / span` with `span = w - min l`; the worst-case atom has depth 0. Budgets:
//! `alpha` (total variation) and `r` (Kullback-Leibler, nats). The two orderings are the same two
//! steps, composed in the two possible ways:
//!
//! * HD: `q = trim(b, alpha)`, then `p = kl_step(q, r)`;
//! * HR: `q = kl_step(b, r)` on depths capped at a level `D`, then `p = trim(q, alpha)`.
//!
//! Everything is plain `f64`. It is meant for `r = 0`, for `r` from `1e-9` to a few hundred, for
//! `r = inf`, and for losses whose span is not within sight of overflow; there it is good to about
//! 1e-13 of the span and in every weight, unless a base weight near the worst loss is tiny.

use crate::support::Problem;
use hr_weights::Ordering;

/// The exact answer of a [`Problem`], to the accuracy of this module.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// Weight of each sample.
    pub(crate) weights: Vec<f64>,
    /// Weight of the worst-case atom; 0 when it is folded into the samples that have the largest
    /// loss.
    pub(crate) worst_weight: f64,
    /// `sum p l + p0 w`.
    pub(crate) robust_loss: f64,
    /// `w - min l` over the unmasked samples: the unit of all tolerances.
    pub(crate) span: f64,
    /// Derivative of the robust loss in `alpha`.
    pub(crate) d_alpha: f64,
    /// Derivative of the robust loss in `r`.
    pub(crate) d_r: f64,
}

/// A probability vector on the samples and on the worst-case atom (depth 0).
#[derive(Clone, Debug)]
struct Mass {
    /// Mass of the worst-case atom.
    atom: f64,
    /// Mass of each sample.
    samples: Vec<f64>,
}

/// The result of the KL step.
struct KlStep {
    /// The maximiser, `p` of the formulas.
    p: Mass,
    /// The multiplier `u`, in units of the span.
    u: f64,
    /// `L(u) = sum q log x`.
    log_mean: f64,
}

/// Solves a problem.
pub(crate) fn solve(problem: &Problem) -> Answer {
    let unmasked: Vec<usize> = match &problem.base {
        None => (0..problem.losses.len()).collect(),
        Some(base) => (0..base.len()).filter(|&i| base[i] > 0.0).collect(),
    };
    let losses: Vec<f64> = unmasked.iter().map(|&i| problem.losses[i]).collect();
    let base: Vec<f64> = unmasked.iter().map(|&i| problem.base.as_ref().map_or(1.0, |base| base[i])).collect();
    let total: f64 = base.iter().sum();
    let b: Vec<f64> = base.iter().map(|b| b / total).collect();

    let max = losses.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let min = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let w = problem.worst_loss.unwrap_or(max);
    let span = w - min;
    let depth: Vec<f64> = losses.iter().map(|l| if span > 0.0 { (w - l) / span } else { 0.0 }).collect();

    let optimum = if span == 0.0 {
        Optimum::all_worst(Mass { atom: 0.0, samples: b.clone() })
    } else {
        match problem.ordering {
            Ordering::Hd => solve_hd(&b, &depth, problem.alpha, problem.r),
            Ordering::Hr => solve_hr(&b, &depth, problem.alpha, problem.r),
        }
    };
    let p = if problem.worst_loss.is_none() { fold(&optimum.p, &b, &depth) } else { optimum.p };

    let mut weights = vec![0.0; problem.losses.len()];
    for (&i, &p) in unmasked.iter().zip(&p.samples) {
        weights[i] = p;
    }
    Answer {
        weights,
        worst_weight: p.atom,
        robust_loss: w - span * dot(&p.samples, &depth),
        span,
        d_alpha: span * optimum.d_alpha,
        d_r: span * optimum.d_r,
    }
}

/// A solution on the depth axis.
struct Optimum {
    p: Mass,
    d_alpha: f64,
    d_r: f64,
}

impl Optimum {
    /// All mass at depth 0: neither budget has a price.
    fn all_worst(p: Mass) -> Self {
        Self { p, d_alpha: 0.0, d_r: 0.0 }
    }
}

/// HD: `q = trim(b, alpha)`, then the KL step, whose dual is `w + u - exp(L(u) - r)`. By the
/// envelope theorem the derivative in `r` is `exp(L - r)` and in `alpha`
/// `exp(L - r) (log(u + d*) - log u)`, `d*` the threshold.
fn solve_hd(b: &[f64], depth: &[f64], alpha: f64, r: f64) -> Optimum {
    let start = Mass { atom: 0.0, samples: b.to_vec() };
    let (q, threshold) = trim(&start, depth, alpha);
    if r == 0.0 {
        let d_r = slope_without_kl_budget(&q, depth);
        return Optimum { d_alpha: threshold, d_r, p: q };
    }
    if r == f64::INFINITY || dot(&q.samples, depth) == 0.0 {
        return Optimum::all_worst(at_depth_zero(&q, depth));
    }
    let step = kl_step(&q, depth, r);
    let price = (step.log_mean - r).exp();
    Optimum { d_alpha: price * ((step.u + threshold).ln() - step.u.ln()), d_r: price, p: step.p }
}

/// HR: for a level `D`, `q(D) = kl_step(b, r)` on the depths `min(d, D)`; the optimal level is the
/// one at which `mass{d > D} <= alpha <= mass{d >= D}`, measured in `q(D)`; then
/// `p = trim(q, alpha)`. The dual is `w + u + alpha D - exp(sum b log(u + min(d, D)) - r)`, so the
/// derivative in `alpha` is `D`.
fn solve_hr(b: &[f64], depth: &[f64], alpha: f64, r: f64) -> Optimum {
    let start = Mass { atom: 0.0, samples: b.to_vec() };
    if r == 0.0 {
        let (p, threshold) = trim(&start, depth, alpha);
        let d_r = slope_without_kl_budget(&start, &capped(depth, threshold));
        return Optimum { d_alpha: threshold, d_r, p };
    }
    if r == f64::INFINITY {
        return Optimum::all_worst(at_depth_zero(&start, depth));
    }
    let step_at = |level: f64| kl_step(&start, &capped(depth, level), r);
    let deeper = |level: f64| mass_where(&step_at(level).p.samples, depth, |d| d > level);

    let levels = distinct_positive(depth);
    // The limit: capped at or below the smallest positive depth, the problem has two points
    // whatever the level.
    let two_points = step_at(levels[0]).p;
    if mass_where(&two_points.samples, depth, |d| d > 0.0) <= alpha {
        return Optimum::all_worst(trim(&two_points, depth, 1.0).0);
    }
    let k = levels.partition_point(|&level| deeper(level) > alpha);
    let at_or_deeper = mass_where(&step_at(levels[k]).p.samples, depth, |d| d >= levels[k]);
    let level = if at_or_deeper >= alpha {
        levels[k]
    } else {
        // Strictly between two depths; the mass beyond the level falls as the level grows.
        root(levels[k - 1], levels[k], |level| deeper(level) - alpha)
    };
    let step = step_at(level);
    let price = (step.log_mean - r).exp();
    Optimum { d_alpha: level, d_r: price, p: trim(&step.p, depth, alpha).0 }
}

/// The derivative in `r` at `r = 0`: the robust loss rises like the square root of `r`, unless all
/// the mass lies at one depth, of which the fraction `r` can then be moved to the atom.
fn slope_without_kl_budget(q: &Mass, depth: &[f64]) -> f64 {
    let mean = dot(&q.samples, depth);
    let spread = mean_of(q, depth, |d| (d - mean).abs());
    if spread > 1e-14 * mean { f64::INFINITY } else { mean }
}

/// An unlimited KL budget: all mass at depth 0, in proportion to what is there, or on the atom when
/// nothing is.
fn at_depth_zero(q: &Mass, depth: &[f64]) -> Mass {
    let top = q.atom + mass_where(&q.samples, depth, |d| d == 0.0);
    let kept = |q: f64, d: f64| if d == 0.0 && top > 0.0 { q / top } else { 0.0 };
    Mass {
        atom: if top > 0.0 { kept(q.atom, 0.0) } else { 1.0 },
        samples: q.samples.iter().zip(depth).map(|(&q, &d)| kept(q, d)).collect(),
    }
}

/// The TV step: moves `alpha` to the worst-case atom from the deepest samples. Those tied at the
/// threshold depth are cut by the same fraction. Returns the threshold too, the depth at which the
/// next bit of `alpha` would be taken (0 when nothing deeper than the atom is left).
fn trim(q: &Mass, depth: &[f64], alpha: f64) -> (Mass, f64) {
    let mut left = q.clone();
    // Rounding shall not leave a crumb behind when everything may be moved.
    let mut budget = if alpha == 1.0 { f64::INFINITY } else { alpha };
    for level in distinct_positive(depth).into_iter().rev() {
        let tied = mass_where(&q.samples, depth, |d| d == level);
        let taken = budget.min(tied);
        for (p, _) in left.samples.iter_mut().zip(depth).filter(|(_, d)| **d == level) {
            *p *= if taken < tied { 1.0 - taken / tied } else { 0.0 };
        }
        left.atom += taken;
        budget -= taken;
        if taken < tied {
            return (left, level);
        }
    }
    (left, 0.0)
}

/// The KL step, `max p.l` under `KL(q || p) <= r`: with `x = u + d`, `p = q / (x S1(u))` at the
/// root of `phi(u) = r`; when nothing lies at depth 0 and `phi(0) <= r`, `u = 0`,
/// `p = q exp(L(0) - r) / d` and the rest goes to the atom.
fn kl_step(q: &Mass, depth: &[f64], r: f64) -> KlStep {
    let nothing_at_zero = q.atom == 0.0 && mass_where(&q.samples, depth, |d| d == 0.0) == 0.0;
    if nothing_at_zero && phi(q, depth, 0.0) <= r {
        let log_mean = log_mean(q, depth, 0.0);
        let samples: Vec<f64> = q.samples.iter().zip(depth).map(|(q, d)| q * (log_mean - r).exp() / d).collect();
        let atom = 1.0 - samples.iter().sum::<f64>();
        return KlStep { p: Mass { atom, samples }, u: 0.0, log_mean };
    }
    // Its logarithm is nearly straight where phi itself is not.
    let excess = |log_u: f64| (phi(q, depth, log_u.exp()) / r).max(f64::MIN_POSITIVE).ln();
    let u = root(-700.0, 40.0, excess).exp();
    let s1 = inverse_mean(q, depth, u);
    let samples = q.samples.iter().zip(depth).map(|(q, d)| q / ((u + d) * s1)).collect();
    let atom = if q.atom > 0.0 { q.atom / (u * s1) } else { 0.0 };
    KlStep { p: Mass { atom, samples }, u, log_mean: log_mean(q, depth, u) }
}

/// `phi(u) = L(u) + log S1(u)`, which is the divergence `KL(q || p)` of `p = q / (x S1)`;
/// decreasing in `u`. It is summed as `sum q (p/q - 1 - log(p/q))`, the same number since
/// `sum p = sum q`, all terms of which are positive.
fn phi(q: &Mass, depth: &[f64], u: f64) -> f64 {
    let s1 = inverse_mean(q, depth, u);
    mean_of(q, depth, |d| {
        let ratio = 1.0 / ((u + d) * s1);
        ratio - 1.0 - ratio.ln()
    })
}

/// `L(u) = sum q log x`.
fn log_mean(q: &Mass, depth: &[f64], u: f64) -> f64 {
    mean_of(q, depth, |d| (u + d).ln())
}

/// `S1(u) = sum q / x`.
fn inverse_mean(q: &Mass, depth: &[f64], u: f64) -> f64 {
    mean_of(q, depth, |d| 1.0 / (u + d))
}

/// The mean of `f(depth)` under `q`; what has no mass has no part in it.
fn mean_of(q: &Mass, depth: &[f64], f: impl Fn(f64) -> f64) -> f64 {
    let term = |q: f64, d: f64| if q > 0.0 { q * f(d) } else { 0.0 };
    term(q.atom, 0.0) + q.samples.iter().zip(depth).map(|(&q, &d)| term(q, d)).sum::<f64>()
}

/// Depths that end at a level.
fn capped(depth: &[f64], level: f64) -> Vec<f64> {
    depth.iter().map(|d| d.min(level)).collect()
}

/// Hands the mass of the atom to the samples at depth 0, in proportion to their base weights.
fn fold(p: &Mass, b: &[f64], depth: &[f64]) -> Mass {
    let at_zero = mass_where(b, depth, |d| d == 0.0);
    let samples = (0..b.len())
        .map(|i| if depth[i] == 0.0 { p.samples[i] + p.atom * b[i] / at_zero } else { p.samples[i] })
        .collect();
    Mass { atom: 0.0, samples }
}

/// The root of a decreasing function, by the ITP method (Oliveira and Takahashi 2020, doi
/// 10.1145/3423597): never more than one evaluation more than halving takes, and far fewer for a
/// smooth function. It goes on until the interval stands still.
fn root(mut low: f64, mut high: f64, f: impl Fn(f64) -> f64) -> f64 {
    /// How far the method may be behind halving.
    const SLACK: f64 = 2.0;
    let (mut above, mut below) = (f(low), f(high));
    if above <= 0.0 || below >= 0.0 {
        return if above <= 0.0 { low } else { high };
    }
    let width = high - low;
    for round in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        let secant = (high * above - low * below) / (above - below);
        // From the secant's point a little toward the middle, so that the far end comes closer too.
        let nudge = (0.2 / width * (high - low) * (high - low)).max(4.0 * f64::EPSILON * middle.abs());
        let aside = middle - secant;
        let truncated = if nudge <= aside.abs() { secant + nudge.copysign(aside) } else { middle };
        let reach = (width * 0.5_f64.powf(f64::from(round) + 1.0 - SLACK) - 0.5 * (high - low)).max(0.0);
        let point = truncated.clamp(middle - reach, middle + reach);
        let point = if point > low && point < high { point } else { middle };
        let value = f(point);
        if value > 0.0 {
            (low, above) = (point, value);
        } else {
            (high, below) = (point, value);
        }
    }
    0.5 * (low + high)
}

/// The mass of the samples whose depth satisfies a condition.
fn mass_where(mass: &[f64], depth: &[f64], condition: impl Fn(f64) -> bool) -> f64 {
    mass.iter().zip(depth).filter(|(_, d)| condition(**d)).map(|(m, _)| m).sum()
}

/// The distinct positive depths, ascending.
fn distinct_positive(depth: &[f64]) -> Vec<f64> {
    let mut levels: Vec<f64> = depth.iter().copied().filter(|d| *d > 0.0).collect();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    levels
}

/// The inner product.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
