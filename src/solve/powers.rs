//! What one pass has seen from some u, so that a near u needs no pass of its own.
//!
//! With `e = z - 1 = c / x - 1` at the old u, and `s` the step in u in units of the new c, every
//! term at the new u is a function of `s e`: `log y' = log y + log(1 + s e)` and
//! `z' - 1 = (1 - s) e / (1 + s e)`. Their series in s have the sums of the powers of e as
//! coefficients, which a root pass returns.

use super::divergence::{DivergenceSums, Form};
use super::rank::Ranks;
use crate::kernels::{Level, POWERS, ROOT_SUMS, Scaling, fast_root};
use crate::numbers::depths::Depths;
use crate::numbers::math::log;
use crate::numbers::real::Real;
use crate::pass::Data;
use crate::pass::Team;

/// The sums of a root pass at some u, over samples of mass one.
#[derive(Clone, Copy, Debug)]
pub(super) struct PowerSums {
    u: f64,
    scaling: Scaling,
    deepest: f64,
    sums: [f64; ROOT_SUMS],
}

impl PowerSums {
    /// From the sums of a root pass through the scaling for u, over samples down to a depth.
    pub(super) fn new(u: f64, scaling: Scaling, deepest: f64, sums: [f64; ROOT_SUMS]) -> Self {
        Self { u, scaling, deepest, sums }
    }

    /// With the sums over more samples, seen from the same u.
    fn with(&self, more: [f64; ROOT_SUMS]) -> Self {
        Self { sums: core::array::from_fn(|power| self.sums[power] + more[power]), ..*self }
    }

    /// Without so many samples at depth zero. Their terms are the largest by far, and would let the
    /// sums reach less far; what the differences lose is as small beside these terms at any u.
    fn without_top(mut self, count: f64) -> Self {
        if count == 0.0 {
            return self;
        }
        let ratio = self.scaling.shift;
        let [logs, powers @ ..] = &mut self.sums;
        *logs -= count * log(ratio);
        let mut term = count;
        for power in powers {
            term *= 1.0 / ratio - 1.0;
            *power -= term;
        }
        self
    }

    /// The scaling at another u, and the step.
    fn step(&self, u: f64) -> (Scaling, f64) {
        let scaling = Scaling::new(u, self.scaling.centre);
        (scaling, (u - self.u) * scaling.rate)
    }

    /// Whether the sums at another u have all their digits: whether what their series leave out
    /// moves the root for r by less than the promised accuracy. The samples are those of a problem
    /// of this mass.
    fn reach(&self, u: f64, r: f64, total: f64) -> bool {
        /// Relative to u. A larger error would be felt in the weights; a smaller one would ask for
        /// passes that change nothing.
        const ERROR: f64 = 1e-13;
        /// So near to one the series hardly converge.
        const FAR: f64 = 0.5;
        let scaling = self.scaling;
        let [shallow, deep] = [scaling.shift, scaling.ratio(self.deepest)].map(|ratio| (1.0 / ratio - 1.0).abs());
        // No e is larger in size.
        let (largest, (_, step)) = (shallow.max(deep), self.step(u));
        // Nor may u change much: from a far u all depths look the same but for rounding.
        let size = step.abs() * largest.max(1.0);
        let square = step * step;
        let [first, .., sixth, _] = self.powers();
        // Of the sum of all z, beside which that of the logarithms leaves out less; the terms fall
        // by at least that size.
        let left_out = square * square * square * step.abs() * sixth.max(0.0) * largest * largest;
        // The slope of phi in log u is about 2 r, or one for large r. False for NaN.
        size < FAR && left_out <= ERROR * r.min(1.0) * (1.0 - size) * (total + first.max(0.0))
    }

    fn powers(&self) -> [f64; POWERS] {
        let [_, powers @ ..] = self.sums;
        powers
    }

    /// The sums at another u, over samples of a problem of this mass.
    fn at(&self, u: f64, total: f64) -> DivergenceSums {
        let powers = self.powers();
        let of = |scaling: Scaling, [log, first, second, third]: [f64; 4]| {
            let shift = scaling.shift;
            let sums = [log, first * scaling.unit(), second * shift, third * shift * shift];
            DivergenceSums::new(u, scaling, Form::Plain, sums, total)
        };
        if u == self.u {
            return of(self.scaling, [self.sums[0], powers[0], powers[1], powers[2]]);
        }
        let (scaling, step) = self.step(u);
        // sum of f(k) (-step)^k p_(k + from), by Horner's rule.
        let series = |from: usize, factor: fn(f64) -> f64| {
            (from..=POWERS).rev().fold(0.0, |sum, k| factor(k as f64) * powers[k - 1] - step * sum)
        };
        let rest = 1.0 - step;
        let log = self.sums[0] + step * series(1, |k| 1.0 / k);
        let first = rest * series(1, |_| 1.0);
        let second = rest * rest * series(2, |k| k - 1.0);
        let third = rest * rest * rest * series(3, |k| 0.5 * (k - 1.0) * (k - 2.0));
        of(scaling, [log, first, second, third])
    }
}

/// What is known of the samples above thresholds from the last passes of a search, so that a near u
/// or a near threshold needs no pass over all of them.
pub(super) struct Seen<'a, T> {
    level: Level,
    problem: Sums,
    ranks: Ranks<'a, T>,
    /// The samples above all candidates, but for those at depth zero.
    beyond: Option<PowerSums>,
    /// The samples above this threshold, but for those at depth zero.
    above: Option<(T, PowerSums)>,
    /// About how far from one another losses are around the threshold; NaN if that is not known.
    pub(super) spacing: f64,
}

/// What sums over samples need to know of their problem.
#[derive(Clone, Copy)]
pub(super) struct Sums {
    pub(super) depths: Depths,
    pub(super) deepest: f64,
    pub(super) r: f64,
    /// The mass of all samples.
    pub(super) total: f64,
    /// How many samples at depth zero are added by themselves. Zero for small problems, for which
    /// that takes as long as what it saves.
    pub(super) top: f64,
}

impl<'a, T: Real> Seen<'a, T> {
    /// Before the search: the candidates for the cut, if they are known, and the samples above them
    /// all.
    pub(super) fn new(level: Level, problem: Sums, ranks: Ranks<'a, T>, beyond: Option<PowerSums>) -> Self {
        let beyond = beyond.map(|beyond| beyond.without_top(problem.top));
        Self { level, problem, ranks, beyond, above: None, spacing: f64::NAN }
    }

    /// The sums over the samples above a threshold, which is not at depth zero, at u, about a
    /// depth; and how many at depth zero these leave out.
    pub(super) fn above(&mut self, data: &Data<'_, T>, threshold: T, at: [f64; 2]) -> (DivergenceSums, f64) {
        (self.powers_above(data, threshold, at).at(at[0], self.problem.total), self.problem.top)
    }

    /// The powers from which these sums follow.
    fn powers_above(&mut self, data: &Data<'_, T>, threshold: T, [u, centre]: [f64; 2]) -> PowerSums {
        let (level, Sums { depths, deepest, r, total, top }) = (self.level, self.problem);
        if let Some((at, powers)) = self.above
            && at == threshold
            && powers.reach(u, r, total)
        {
            return powers;
        }
        let look = |data: &Data<'_, T>, threshold: T, scaling: Scaling| {
            data.pass(|chunk, _| fast_root(level, chunk.losses, depths, threshold, scaling)).sums
        };
        let here = Scaling::new(u, centre);
        let look_here = |data: &Data<'_, T>, threshold: T| {
            PowerSums::new(u, here, deepest, look(data, threshold, here)).without_top(top)
        };
        let powers = match self.ranks.around(threshold) {
            None => look_here(data, threshold),
            Some((candidates, None)) => look_here(&Data::new(candidates, None, Team::ALONE), threshold),
            Some((candidates, Some(end))) => {
                let candidates = Data::new(candidates, None, Team::ALONE);
                let with_near = |beyond: PowerSums| beyond.with(look(&candidates, threshold, beyond.scaling));
                let near = self.beyond.map(with_near).filter(|powers| powers.reach(u, r, total));
                near.unwrap_or_else(|| with_near(*self.beyond.insert(look_here(data, end))))
            }
        };
        self.above = Some((threshold, powers));
        powers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sums of a pass over these depths.
    fn powers_of(depths: &[f64], u: f64, centre: f64) -> PowerSums {
        let scaling = Scaling::new(u, centre);
        let mut sums = [0.0; ROOT_SUMS];
        for &depth in depths {
            let ratio = scaling.ratio(depth);
            sums[0] += ratio.ln();
            let e = 1.0 / ratio - 1.0;
            (1..=POWERS).for_each(|k| sums[k] += e.powi(i32::try_from(k).expect("small")));
        }
        PowerSums::new(u, scaling, depths.iter().copied().fold(0.0, f64::max), sums)
    }

    /// Sums without the samples at depth zero are those of the others.
    #[test]
    fn samples_at_depth_zero_can_be_left_out() {
        let depths = [0.0, 0.0, 0.0, 0.02, 0.3, 0.3, 0.9];
        for u in [1e-3, 0.1, 10.0] {
            let (all, deep) = (powers_of(&depths, u, 0.4), powers_of(&depths[3..], u, 0.4));
            let scale = powers_of(&depths[..3], u, 0.4);
            let left = all.without_top(3.0);
            for k in 0..ROOT_SUMS {
                let error = (left.sums[k] - deep.sums[k]).abs();
                assert!(error <= 1e-14 * (scale.sums[k].abs() + deep.sums[k].abs()), "u {u}, sum {k}: {error:e}");
            }
        }
    }

    /// Wherever the sums are said to reach, phi there is that of a pass there, and so are its
    /// slope and curvature; and they reach as far as they are needed.
    #[test]
    fn near_sums_are_those_of_a_pass() {
        const SAMPLES: u32 = 1000;
        let quantile = |i: u32| (f64::from(i) + 0.5) / f64::from(SAMPLES);
        let shapes: [fn(f64) -> f64; 3] = [|p| p, |p| 1.0 + p.ln() / 7.0, |p| p.powi(9)];
        for (r, u, step) in [(1e-5, 30.0, 0.2), (0.1, 0.25, 0.02), (1.0, 0.02, 0.01)] {
            for shape in shapes {
                let depths: Vec<f64> = (0..SAMPLES).map(|i| shape(quantile(i)).max(0.0)).collect();
                let (total, mean) = (f64::from(SAMPLES), depths.iter().sum::<f64>() / f64::from(SAMPLES));
                let powers = powers_of(&depths, u, mean);
                for step in [-step, -0.1 * step, 0.0, 1e-6, 0.5 * step, step] {
                    let near = u * (1.0 + step);
                    assert!(powers.reach(near, r, total), "r {r}, step {step}");
                    let (sums, exact) = (powers.at(near, total), powers_of(&depths, near, mean).at(near, total));
                    let error = (sums.phi() - exact.phi()).abs();
                    assert!(error <= 2e-13 * exact.slope().abs() + 1e-15, "r {r}, step {step}: phi off by {error:e}");
                    for (what, value, exact) in
                        [("slope", sums.slope(), exact.slope()), ("curvature", sums.curvature(), exact.curvature())]
                    {
                        let error = (value - exact).abs();
                        assert!(error <= 1e-7 * exact.abs() + 1e-14, "r {r}, step {step}: {what} off by {error:e}");
                    }
                }
                assert!(!powers.reach(0.2 * u, r, total), "r {r}");
                assert!(!powers.reach(f64::NAN, r, total), "r {r}");
            }
        }
    }
}
