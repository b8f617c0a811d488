//! Where the search for u begins: the solution for three depths that have the moments of all (Gauss
//! quadrature).
//!
//! phi is made of means of smooth functions of the depths. Two nodes and their weights, from the
//! mean, the variance and the third moment, stand for all depths but zero, and a few Newton steps
//! solve for u. The result need not be exact, so the logarithms are rough ones of its own: those of
//! a library would cost as much as a pass over some hundred samples.

use super::root::line_factor;
use crate::numbers::math::{expm1, sqrt};

/// Below this r the variance alone says as much about u. A smaller limit would only cost time.
const SMALL_R: f64 = 1e-3;
/// After a shorter step in log u no more are taken: the error, about its square, is less than what
/// the moments leave open.
const SHORT_STEP: f32 = 0.1;
/// A step in log u is at most this long. Longer ones may come from where phi is no line; shorter
/// ones would take too many.
const LONGEST_STEP: f32 = 1.5;
/// So many steps are taken, at most. The guess is then used as it is.
const MOST_STEPS: usize = 6;

/// About the u of a distribution of depths, from its mass at depth zero, its mean and variance, and
/// the mean of the third powers. None where that is no better than what the variance says.
#[allow(clippy::many_single_char_names)] // as in the theory
pub(crate) fn guess(top: f64, [mean, variance, third]: [f64; 3], r: f64) -> Option<f64> {
    let deep = 1.0 - top;
    // The mean and variance of the deep mass alone.
    let middle = mean / deep;
    let spread = (variance - top * mean * middle) / deep;
    let deviation = sqrt(spread);
    let skew = (third / deep - middle * (3.0 * spread + middle * middle)) / (spread * deviation);
    let width = sqrt(skew * skew + 4.0);
    let (near, far) = (0.5 * (skew - width), 0.5 * (skew + width));
    // Depths are measured in the deepest of the three from here on.
    let unit = middle + deviation * far;
    let nearest = middle + deviation * near;
    // False also for NaN, where there is no spread.
    if !(r > SMALL_R && nearest > 0.0 && width < f64::INFINITY) {
        return None;
    }
    let masses = [top, deep * far / width, -deep * near / width].map(narrow);
    let depths = [0.0, narrow(nearest / unit), 1.0];
    let k = line_factor(top);
    let mut u = narrow(sqrt(0.5 * k * variance / expm1(k * r)) / unit);
    let (k, r) = (narrow(k), narrow(r));
    for _ in 0..MOST_STEPS {
        let (mut log, mut one, mut two) = (0.0, 0.0, 0.0);
        for (mass, depth) in masses.into_iter().zip(depths) {
            let x = u + depth;
            let tilt = u / x;
            log += mass * rough_log(x);
            one += mass * tilt;
            two += mass * tilt * tilt;
        }
        let phi = log + rough_log(one / u);
        let slope = one - two / one;
        // Newton's step on `log phi + k phi`, which like the function of the root search is nearly
        // a line in log u.
        let step = phi * (rough_log(r / phi) + k * (r - phi)) / ((1.0 + k * phi) * slope);
        if !(phi > 0.0 && step.abs() < f32::INFINITY) {
            return None;
        }
        let step = step.clamp(-LONGEST_STEP, LONGEST_STEP);
        u *= rough_exp(step);
        if step.abs() < SHORT_STEP {
            break;
        }
    }
    Some(f64::from(u) * unit)
}

/// To the width of the search, which needs few digits: a microcontroller may have no instructions
/// for `f64`.
#[allow(clippy::cast_possible_truncation)]
pub(super) fn narrow(value: f64) -> f32 {
    value as f32
}

/// The logarithm of a normal number, to five digits.
#[cfg_attr(not(feature = "std"), inline(never))] // without std small code is worth more than calls cost
pub(super) fn rough_log(x: f32) -> f32 {
    use core::f32::consts::{LN_2, SQRT_2};
    const MANTISSA: u32 = (1 << 23) - 1;
    let exponent = (x.to_bits() >> 23) as f32 - 127.0;
    let mantissa = f32::from_bits(x.to_bits() & MANTISSA | 1.0_f32.to_bits());
    let s = (mantissa - SQRT_2) / (mantissa + SQRT_2);
    let s2 = s * s;
    (exponent + 0.5) * LN_2 + 2.0 * s * (1.0 + s2 * (1.0 / 3.0 + s2 * (1.0 / 5.0)))
}

/// The exponential of a step, to a few hundredths.
fn rough_exp(step: f32) -> f32 {
    let root = 1.0 + 0.25 * step * (1.0 + 0.125 * step);
    let square = root * root;
    square * square
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `phi(u) = r` for masses at depths, by bisection of the textbook's formula.
    fn log_u(samples: &[(f64, f64)], r: f64) -> f64 {
        let (mut low, mut high) = (-100.0_f64, 100.0_f64);
        for _ in 0..100 {
            let middle = 0.5 * (low + high);
            let sum = |of: &dyn Fn(f64) -> f64| samples.iter().map(|&(q, d)| q * of(middle.exp() + d)).sum::<f64>();
            let phi = sum(&f64::ln) + sum(&f64::recip).ln();
            if phi > r { low = middle } else { high = middle }
        }
        low
    }

    fn guess_for(samples: &[(f64, f64)], r: f64) -> Option<f64> {
        let top = samples.iter().filter(|(_, depth)| *depth == 0.0).map(|(q, _)| q).sum();
        let [mean, square, third] =
            [1, 2, 3].map(|k| samples.iter().map(|(q, depth)| q * depth.powi(k)).sum::<f64>());
        guess(top, [mean, square - mean * mean, third], r)
    }

    const RADII: [f64; 6] = [2e-3, 0.01, 0.1, 0.5, 1.0, 2.0];

    #[test]
    fn three_depths_are_their_own_model() {
        for (top, near, deep) in [(0.05, 0.3, 0.9), (0.3, 0.01, 1.0), (1e-3, 0.5, 0.6)] {
            let samples = [(top, 0.0), ((1.0 - top) * 0.4, near), ((1.0 - top) * 0.6, deep)];
            for r in RADII {
                let guess = guess_for(&samples, r).expect("these moments are those of two depths");
                let error = (guess.ln() - log_u(&samples, r)).abs();
                assert!(error < 0.01, "top {top}, r {r}: off by {error} in log u");
            }
        }
    }

    #[test]
    fn evenly_spread_depths() {
        let samples = |top: f64| {
            core::iter::once((top, 0.0))
                .chain((1..=500).map(move |i| ((1.0 - top) / 500.0, f64::from(i) / 500.0)))
                .collect::<Vec<_>>()
        };
        for (top, most) in [(0.3, 0.15), (0.05, 0.5)] {
            for r in RADII {
                let guess = guess_for(&samples(top), r).expect("there is a spread");
                let error = (guess.ln() - log_u(&samples(top), r)).abs();
                assert!(error < most, "top {top}, r {r}: off by {error} in log u");
            }
        }
    }

    #[test]
    fn without_a_spread_there_is_no_guess() {
        assert_eq!(guess_for(&[(0.25, 0.0), (0.75, 1.0)], 0.1), None);
        assert_eq!(guess_for(&[(0.1, 0.0), (0.5, 0.5), (0.4, 1.0)], 1e-4), None);
    }
}
