//! Where a falling function of log u crosses r, and brackets that are contradicted.

use crate::numbers::math::log_expm1;
use crate::solve::root::{LOG_CEILING, LOG_FLOOR};

/// The ends of a bracket of log u in which phi, which falls, crosses r: the regula falsi of Illinois on
/// `log(exp(k phi) - 1)`, which is nearly a line. They are as close as the tolerance says, or as log u can be told; both at an end of the
/// given bracket where phi does not cross r in it.
pub(super) fn crossing(
    phi: impl Fn(f64) -> f64,
    [r, k, tolerance]: [f64; 3],
    [mut low, mut high]: [f64; 2],
) -> [f64; 2] {
    /// In log u: what is not told apart, and relative to it.
    const CLOSE: f64 = 1e-15;
    const ROUNDING: f64 = 4.0 * f64::EPSILON;
    const LONGEST: usize = 200;
    let target = log_expm1(k * r);
    let lack = |log_u: f64| {
        let phi = phi(log_u);
        (phi > r, log_expm1(k * phi) - target)
    };
    let (is_above, mut lack_low) = lack(low);
    if !is_above {
        return [low; 2];
    }
    let (is_above, mut lack_high) = lack(high);
    if is_above {
        return [high; 2];
    }
    let mut last_above = None;
    for step in 0..LONGEST {
        let width = high - low;
        let least = tolerance.max(CLOSE + ROUNDING * low.abs().max(high.abs()));
        if width <= least {
            break;
        }
        let part = lack_low / (lack_low - lack_high);
        let part = if part.is_finite() && step % 8 < 7 { part } else { 0.5 };
        // Each end is left by something, so that the other one comes close to the root as well.
        let middle = (low + part * width).max(low + 0.25 * least).min(high - 0.25 * least);
        if !(middle > low && middle < high) {
            break;
        }
        let (is_above, lack) = lack(middle);
        if is_above {
            (low, lack_low) = (middle, lack);
            if last_above == Some(true) {
                lack_high *= 0.5;
            }
        } else {
            (high, lack_high) = (middle, lack);
            if last_above == Some(false) {
                lack_low *= 0.5;
            }
        }
        last_above = Some(is_above);
    }
    [low, high]
}

/// The point between an end of a bracket and a centre, if there is one, that is farthest from the centre
/// among those at which something holds; else the end.
pub(super) fn nearest(end: f64, centre: Option<f64>, holds: impl Fn(f64) -> bool) -> f64 {
    const STEPS: i32 = 40;
    let Some(centre) = centre.filter(|_| !holds(end)) else { return end };
    let mut step = end - centre;
    for _ in 0..STEPS {
        step *= 0.25;
        if holds(centre + step) {
            return centre + step;
        }
    }
    end
}

/// A bracket of log u, moved by as little as rounding may have misled it where it is contradicted: what is
/// above r at its upper end, or below r at its lower end, is so nearby as well.
pub(super) fn widened(
    [mut low, mut high]: [f64; 2],
    is_above: impl Fn(f64) -> bool,
    is_below: impl Fn(f64) -> bool,
) -> [f64; 2] {
    const FIRST: f64 = 1e-13;
    const LARGEST: f64 = 1e-2;
    let mut step = FIRST * (1.0 + high.abs());
    while high < LOG_CEILING && step < LARGEST && is_above(high) {
        high = (high + step).min(LOG_CEILING);
        step *= 8.0;
    }
    let mut step = FIRST * (1.0 + low.abs());
    while low > LOG_FLOOR && step < LARGEST && is_below(low) {
        low = (low - step).max(LOG_FLOOR);
        step *= 8.0;
    }
    [low, high]
}
