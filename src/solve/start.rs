//! Where the search for u begins: the solution for a few depths that have the moments of all.
//!
//! phi is made of means of smooth functions of the depths. Two nodes and their masses, from the
//! mean, the variance and the third moment (Gauss quadrature), stand for all depths but zero, and a
//! few Newton steps solve for u. Where u is so small that the largest losses are felt one by one,
//! those that are known stand for themselves, and the two nodes for the rest. The result need not be
//! exact, so the logarithms are rough ones of its own: those of a library would cost as much as a
//! pass over some hundred samples.

use super::root::line_factor;
use crate::kernels::BLOCKS;
use crate::numbers::math::{exp, sqrt};

/// Below this r the variance alone says as much about u. A smaller limit would only cost time.
pub(super) const SMALL_R: f64 = 1e-3;
/// After a shorter step in log u no more are taken: the error, about its square, is less than what
/// the moments leave open.
const SHORT_STEP: f32 = 0.1;
/// A step in log u is at most this long. Longer ones may come from where phi is no line; shorter
/// ones would take too many.
const LONGEST_STEP: f32 = 3.0;
/// So many steps are taken, at most. The guess is then used as it is.
const MOST_STEPS: usize = 6;
/// So many samples are summed up side by side: a register of floats that every machine with vector
/// passes has.
const LANES: usize = 4;

/// Samples that stand for themselves in the model, each of the same mass.
pub(super) struct Shallow {
    /// Their depths, and one in the place of each that is missing.
    depths: [f64; BLOCKS],
    /// Their masses, and zero in the place of each that is missing.
    masses: [f64; BLOCKS],
}

impl Shallow {
    /// Those of some depths that are not zero.
    pub(super) fn new(depths: [f64; BLOCKS], mass: f64) -> Self {
        let mut shallow = Self { depths: [1.0; BLOCKS], masses: [0.0; BLOCKS] };
        for ((depth, to), of) in depths.into_iter().zip(&mut shallow.depths).zip(&mut shallow.masses) {
            if depth > 0.0 {
                (*to, *of) = (depth, mass);
            }
        }
        shallow
    }

    /// Takes them off sums of the powers of depths, from that of order zero, the mass, on.
    fn take_off(&self, mut powers: [f64; 4]) -> [f64; 4] {
        for (&mass, depth) in self.masses.iter().zip(&self.depths) {
            let mut term = mass;
            for sum in &mut powers {
                *sum -= term;
                term *= depth;
            }
        }
        powers
    }

    /// Depths in a unit and masses, to the width of the search.
    fn narrow(&self, unit: f64) -> [[f32; BLOCKS]; 2] {
        let per_unit = 1.0 / unit;
        [self.depths.map(|depth| narrow(depth * per_unit)), self.masses.map(narrow)]
    }
}

/// Two depths and their masses with these sums of powers. None where the depths have no spread.
fn two_nodes([mass, first, second, third]: [f64; 4]) -> Option<[(f64, f64); 2]> {
    let mean = first / mass;
    let spread = second / mass - mean * mean;
    let deviation = sqrt(spread);
    let skew = (third / mass - mean * (3.0 * spread + mean * mean)) / (spread * deviation);
    let width = sqrt(skew * skew + 4.0);
    let (near, far) = (0.5 * (skew - width), 0.5 * (skew + width));
    let nearest = mean + deviation * near;
    // False also for NaN, where there is no spread.
    (nearest > 0.0 && width < f64::INFINITY)
        .then_some([(mass * far / width, nearest), (-mass * near / width, mean + deviation * far)])
}

/// About the u of a distribution of depths, and S1 there, from its mass at depth zero, the sums of
/// the powers of the other depths from their mass on, the variance of all, and some of the depths if
/// they are known. None where that is no better than what the variance says.
#[allow(clippy::many_single_char_names)] // as in the theory
pub(super) fn guess(
    top: f64,
    shallow: Option<&Shallow>,
    powers: [f64; 4],
    variance: f64,
    r: f64,
) -> Option<[f64; 2]> {
    /// Where less mass is left for the two nodes it is rounding: all samples stand for themselves.
    const NOTHING: f64 = 1e-9;
    if r <= SMALL_R {
        return None;
    }
    let powers = shallow.map_or(powers, |shallow| shallow.take_off(powers));
    let nodes = match two_nodes(powers) {
        _ if powers[0] <= NOTHING => [(0.0, 1.0); 2],
        // What is left may be at one depth, such as that of the cut.
        None if shallow.is_some() => [(0.0, 0.0), (powers[0], powers[1] / powers[0])],
        nodes => nodes?,
    };
    // Depths are measured in the deeper node from here on.
    let unit = nodes[1].1;
    let shallow = shallow.map(|shallow| shallow.narrow(unit));
    let nodes = [(top, 0.0), nodes[0], nodes[1]].map(|(mass, depth)| (narrow(mass), narrow(depth / unit)));
    let k = line_factor(top);
    let mut u = narrow(sqrt(0.5 * k * variance / rough_growth(k * r)) / unit);
    let (k, r) = (narrow(k), narrow(r));
    let mut inverse_sum = 0.0;
    for _ in 0..MOST_STEPS {
        let [mut log, mut one, mut two] = shallow.as_ref().map_or([0.0; 3], |shallow| sums_at(u, shallow));
        for (mass, depth) in nodes {
            let [of_log, of_one, of_two] = terms(u, mass, depth);
            (log, one, two) = (log + of_log, one + of_one, two + of_two);
        }
        inverse_sum = one;
        let phi = log + rough_log(one);
        let slope = u * one - two / one;
        // Newton's step on `log phi + k phi`, which like the function of the root search is nearly
        // a line in log u. What stands for `log r - log phi` is right near the root, and larger
        // far from it.
        let lack = (r - phi) / narrow(sqrt(f64::from(r * phi))) + k * (r - phi);
        let step = phi * lack / ((1.0 + k * phi) * slope);
        if !(phi > 0.0 && step.abs() < f32::INFINITY) {
            return None;
        }
        let step = step.clamp(-LONGEST_STEP, LONGEST_STEP);
        u *= rough_exp(step);
        if step.abs() < SHORT_STEP {
            break;
        }
    }
    Some([f64::from(u) * unit, f64::from(inverse_sum) / unit])
}

/// What a mass at a depth adds to the sums of `q log x`, `q / x` and `q u / x^2`.
#[inline(always)]
fn terms(u: f32, mass: f32, depth: f32) -> [f32; 3] {
    let x = u + depth;
    let inverse = 1.0 / x;
    let of_one = mass * inverse;
    [mass * rough_log(x), of_one, of_one * (u * inverse)]
}

/// These sums over the samples that stand for themselves.
fn sums_at(u: f32, [depths, masses]: &[[f32; BLOCKS]; 2]) -> [f32; 3] {
    let mut sums = [[0.0_f32; LANES]; 3];
    for (depths, masses) in depths.as_chunks::<LANES>().0.iter().zip(masses.as_chunks::<LANES>().0) {
        for lane in 0..LANES {
            for (sum, term) in sums.iter_mut().zip(terms(u, masses[lane], depths[lane])) {
                sum[lane] += term;
            }
        }
    }
    sums.map(|[a, b, c, d]| (a + b) + (c + d))
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

/// `exp(x) - 1` for positive x, to a hundredth.
fn rough_growth(x: f64) -> f64 {
    if x < 0.5 { x * (1.0 + 0.5 * x * (1.0 + x / 3.0)) } else { exp(x) - 1.0 }
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
        guess(top, None, [1.0 - top, mean, square, third], square - mean * mean, r).map(|[u, _]| u)
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

    /// Where the largest losses decide about u and are known, the guess is near, and S1 is that of
    /// all depths.
    #[cfg(hrw_vector)]
    #[test]
    fn largest_losses_that_stand_for_themselves() {
        let (mass, deep) = (1.0 / 200.0, 0.6);
        let mut known = [0.0; BLOCKS];
        let mut samples = vec![(mass, 0.0)];
        for (place, depth) in known.iter_mut().enumerate().skip(1) {
            *depth = 1e-3 * f64::from(1 << place.min(9));
            samples.push((mass, *depth));
        }
        samples.extend((samples.len()..200).map(|i| (mass, deep + 1e-3 * i as f64)));
        let powers = [0, 1, 2, 3].map(|k| samples[1..].iter().map(|(q, depth)| q * depth.powi(k)).sum::<f64>());
        let variance = powers[2] - powers[1] * powers[1];
        for r in RADII {
            let exact = log_u(&samples, r);
            let shallow = Shallow::new(known, mass);
            let [u, inverse_sum] = guess(mass, Some(&shallow), powers, variance, r).expect("there is a spread");
            let error = (u.ln() - exact).abs();
            assert!(error < 0.02, "r {r}: off by {error} in log u");
            let s1: f64 = samples.iter().map(|(q, depth)| q / (exact.exp() + depth)).sum();
            assert!((inverse_sum / s1 - 1.0).abs() < 0.2, "r {r}: {inverse_sum} is not {s1}");
        }
    }

    #[test]
    fn without_a_spread_there_is_no_guess() {
        assert_eq!(guess_for(&[(0.25, 0.0), (0.75, 1.0)], 0.1), None);
        assert_eq!(guess_for(&[(0.1, 0.0), (0.5, 0.5), (0.4, 1.0)], 1e-4), None);
    }
}
