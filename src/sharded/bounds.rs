//! What the reduced sums of all ranks say for certain: bounds of phi and of the cut at any u.
//!
//! Of the samples in a bin the mass, the mean and the variance of the depths are known, and the
//! ends. Of all such distributions the one with an atom at the shallow end has the least mean of
//! `log x` and the largest of `1 / x`, and the one with an atom at the deep end the largest and the
//! least (Chebyshev and Markov: both functions have derivatives of alternating sign). The samples
//! that are shallower than all bins are known by sums of powers, developed about one u.
//!
//! Everything is seen from a depth c near the harmonic mean of x: with `y = x / (u + c)` and
//! `z = 1 / y` a mass adds `g = log y + z - 1 >= 0` and `z - 1` to its two sums, and
//! `phi = sum g + log(1 + sum (z - 1)) - sum (z - 1)`, in which nothing cancels however small phi
//! is.

use crate::kernels::{Bins, Scaling};
use crate::numbers::depths::Depths;
use crate::numbers::math::{log, log_minus_excess};
use crate::solve::cut::Rule;

/// Sums over a part of the distribution.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    /// `sum b g`.
    pub(super) g: f64,
    /// `sum b (z - 1)`.
    pub(super) tilt: f64,
    /// `sum b log y`, the difference of the two.
    pub(super) log: f64,
}

impl Sums {
    pub(super) fn add(&mut self, mass: f64, of_one: Self) {
        self.g += mass * of_one.g;
        self.tilt += mass * of_one.tilt;
        self.log += mass * of_one.log;
    }

    /// phi, if these are the sums over so much mass, and what rounding may add to it on this side.
    /// Seen from far off the harmonic mean of x the terms of g would cancel.
    fn phi(self, total: f64, side: f64) -> f64 {
        const ROUNDING: f64 = 4.0 * f64::EPSILON;
        let tilt = self.tilt / total;
        let [one, other] = if tilt.abs() < NEAR {
            [self.g / total, log_minus_excess(1.0 + tilt, tilt)]
        } else {
            [self.log / total, log(1.0 + tilt)]
        };
        (one + other) + side * ROUNDING * (one.abs() + other.abs())
    }
}

/// The samples shallower than all bins: their mass, and sums of powers of `z - 1` seen through a
/// scaling.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lump {
    pub(super) mass: f64,
    pub(super) u: f64,
    pub(super) scaling: Scaling,
    pub(super) sums: Sums,
    /// `sum b (z - 1)^k s^(k-1)` for k = 2 and, if it is known, 3, where s is the shift of the
    /// scaling.
    pub(super) second: f64,
    pub(super) third: Option<f64>,
    /// Their least depth.
    pub(super) least: f64,
}

impl Lump {
    /// The sums from another u about the same depth, and how far they may be off.
    ///
    /// With `t = (v - u) / (u + c)` and `p = t / (1 + t)`, `z - 1` becomes
    /// `(1 - p) (z - 1) / (1 + p (z - 1))`, and `log y` grows by `log(1 + p (z - 1))`: both are
    /// power series in `p (z - 1)`, whose remainders are below their first omitted terms.
    pub(super) fn at(&self, u: f64) -> (Sums, f64) {
        let Scaling { shift, rate, .. } = self.scaling;
        let t = (u - self.u) * rate;
        let p = t / (1.0 + t);
        if p == 0.0 {
            return (self.sums, 0.0);
        }
        // No term of the series is larger: with HD's mass at depth zero the scaling's depth may be
        // less than all of these.
        let small = ((u - self.u) / (u.min(self.u) + self.least.min(self.scaling.centre))).abs();
        if small >= 0.5 {
            // As good as nothing is known.
            return (self.sums, f64::INFINITY);
        }
        let lambda = p / shift;
        let second = lambda * self.second;
        let (third, rest) = match self.third {
            Some(third) => (lambda * lambda * third, small * small),
            None => (0.0, small),
        };
        let tilt = (1.0 - p) * (self.sums.tilt - second + third);
        let g = self.sums.g - second * (1.0 - 0.5 * p) + third * (1.0 - 2.0 / 3.0 * p);
        (Sums { g, tilt, log: g - tilt }, 2.0 * rest * second.abs() / (1.0 - small))
    }
}

/// A bin with what is known of it.
#[derive(Clone, Copy)]
struct Bin {
    mass: f64,
    /// The mass of this bin and of all deeper ones.
    deep: f64,
    shallow: f64,
    deepest: f64,
    mean: f64,
    /// The least and the largest mean that rounding leaves possible.
    means: [f64; 2],
    /// The two distributions with an atom at the shallow end and the least mean, and with one at
    /// the deep end and the largest: the part of the mass that is there, and the depth of the rest.
    atoms: [f64; 2],
    others: [f64; 2],
}

/// Where the cut is at some u, as far as is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The first bin that does not keep all of its mass.
    pub(super) bin: usize,
    /// Whether a part of it may be kept; else the cut is between it and the bin before.
    pub(super) is_inside: bool,
    /// A bound of D.
    pub(super) depth: f64,
    /// The sums over what is shallower than the bin, and over all that the KL step sees.
    pub(super) above: Sums,
    pub(super) all: Sums,
}

/// A bound of phi from one side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    pub(super) phi: f64,
    pub(super) place: Place,
}

/// What is known after a round.
pub(super) struct Known<'a> {
    pub(super) bins: &'a Bins,
    /// Mass, first and second moment of the bins that hold a sample: three runs, as far apart as
    /// there may be bins.
    pub(super) sums: &'a [f64],
    /// The largest loss and minus the least loss of each: two runs.
    pub(super) ends: &'a [f64],
    /// The mass of each with that of all that is deeper.
    pub(super) deep_masses: &'a [f64],
    /// The mass that is deeper than all bins.
    pub(super) deeper: f64,
    pub(super) lump: Option<Lump>,
    pub(super) total: f64,
    /// The mass that HD gives to the worst loss.
    pub(super) moved: f64,
    pub(super) depth_of: Depths,
    /// HR's D is certain to be between these.
    pub(super) cut_depths: [f64; 2],
}

impl Known<'_> {
    /// How many bins there are.
    pub(super) fn len(&self) -> usize {
        self.deep_masses.len()
    }

    /// The least and the largest loss of a bin.
    pub(super) fn losses(&self, bin: usize) -> [f64; 2] {
        [-self.ends[self.bins.count() + bin], self.ends[bin]]
    }

    /// Whether all samples of a bin have one loss.
    pub(super) fn is_one_loss(&self, bin: usize) -> bool {
        let [least, largest] = self.losses(bin);
        least >= largest
    }

    /// The mass that is deeper than a bin.
    pub(super) fn below(&self, bin: usize) -> f64 {
        self.deep(bin + 1)
    }

    /// The mass of a bin and of all that is deeper.
    pub(super) fn deep(&self, bin: usize) -> f64 {
        self.deep_masses.get(bin).copied().unwrap_or(self.deeper)
    }

    pub(super) fn mass(&self, bin: usize) -> f64 {
        self.sums[bin]
    }

    /// About the mean depth of a bin.
    fn mean(&self, bin: usize) -> f64 {
        let [deepest, shallow] = self.losses(bin).map(|loss| self.depth_of.depth(loss));
        if deepest <= shallow {
            return shallow;
        }
        let mean = self.bins.mean(shallow, self.sums[self.bins.count() + bin] / self.sums[bin]);
        mean.max(shallow).min(deepest)
    }

    fn bin(&self, bin: usize) -> Bin {
        let count = self.bins.count();
        let [deepest, shallow] = self.losses(bin).map(|loss| self.depth_of.depth(loss));
        let (mass, deep) = (self.sums[bin], self.deep(bin));
        let mut known = Bin {
            mass,
            deep,
            shallow,
            deepest,
            mean: shallow,
            means: [shallow; 2],
            atoms: [0.0; 2],
            others: [shallow; 2],
        };
        let width = deepest - shallow;
        if width > 0.0 {
            let sums = [mass, self.sums[count + bin], self.sums[2 * count + bin]];
            let moments = self.bins.moments([shallow, deepest], sums);
            let inside = |depth: f64| depth.max(shallow).min(deepest);
            known.mean = inside(moments.mean);
            known.means = [moments.mean - moments.mean_error, moments.mean + moments.mean_error].map(inside);
            // Of a larger variance the atom at the shallow end makes the least of log x. A
            // distribution whose mean is moved within its error, and cut off at the ends, changes
            // its variance by less than this.
            let error = moments.variance_error + 4.0 * (known.means[1] - known.means[0]) / width;
            let parts = known.means.map(|mean| (mean - shallow) / width);
            let high = (moments.variance + error).min(parts[0] * (1.0 - parts[0]));
            let low = (moments.variance - error).max(0.0).min(parts[1] * (1.0 - parts[1]));
            known.others = known.means;
            if high > 0.0 {
                known.atoms[0] = high / (high + parts[0] * parts[0]);
                known.others[0] = inside(known.means[0] + width * (high / parts[0]));
            }
            if low > 0.0 {
                let part = 1.0 - parts[1];
                known.atoms[1] = low / (low + part * part);
                known.others[1] = inside(known.means[1] - width * (low / part));
            }
        }
        known
    }

    /// `sum b e` with `e = (d - c) / s` over the bins before one, and an upper bound of `sum b e^2`
    /// that is exact to rounding unless depths are much closer to each other than to zero.
    pub(super) fn moments_above(&self, bin: usize, [from, scale]: [f64; 2]) -> [f64; 2] {
        let mut moments = [0.0; 2];
        for bin in (0..bin).map(|bin| self.bin(bin)) {
            let part = |depth: f64| depth / scale;
            let (offset, apart) = (beyond_rounding(part(bin.mean - from)), part(bin.means[1] - bin.means[0]));
            // The variance of an atom and another point is the product of their distances to the
            // mean.
            let variance = part((bin.others[0] - bin.mean).max(0.0)) * part(bin.mean - bin.shallow);
            moments[0] += bin.mass * offset;
            moments[1] += bin.mass * (offset * offset + variance + apart * apart);
        }
        moments
    }

    /// A depth about which phi keeps its digits at this u: that at which x is about its harmonic
    /// mean, over what is not certain to be cut.
    pub(super) fn centre(&self, u: f64) -> f64 {
        let (mut inverse, mut depths) = (if self.moved > 0.0 { self.moved / u } else { 0.0 }, 0.0);
        for bin in 0..self.len() {
            let mass = self.mass(bin).min(self.deep(bin) - self.moved);
            let depth = self.mean(bin).min(self.cut_depths[1]);
            if mass <= 0.0 {
                break;
            }
            let term = mass / (u + depth);
            inverse += term;
            depths += term * depth;
        }
        let centre = depths / inverse;
        if centre > 0.0 { centre } else { f64::MIN_POSITIVE }
    }

    /// The middle of the bounds of phi.
    pub(super) fn middle(&self, rule: Rule, u: f64) -> f64 {
        let [low, high] = self.bounds(rule, u);
        0.5 * (low.phi + high.phi)
    }

    /// What bounds at this u are seen through.
    pub(super) fn scaling(&self, u: f64) -> Scaling {
        Scaling::new(u, self.lump.as_ref().map_or_else(|| self.centre(u), |lump| lump.scaling.centre))
    }

    /// The depth at which x is the harmonic mean of all x, as far as is known.
    pub(super) fn harmonic_depth(&self, rule: Rule, u: f64) -> f64 {
        let scaling = self.scaling(u);
        let tilt = self.bounds(rule, u)[0].place.all.tilt / self.total;
        let depth = scaling.centre - tilt / (scaling.rate * (1.0 + tilt));
        if depth > 0.0 && depth < f64::INFINITY { depth } else { scaling.centre }
    }

    /// How much the mass below the cut's bin is too much to go, if it is of one loss.
    pub(super) fn excess_at(&self, rule: Rule, u: f64, place: &Place) -> f64 {
        let mass = self.total - self.deep(place.bin);
        excess(rule, &self.scaling(u), self.below(place.bin), mass, place.above, place.depth)
    }

    /// Bounds of phi from below and from above, with the cut that goes with each.
    pub(super) fn bounds(&self, rule: Rule, u: f64) -> [Bound; 2] {
        let scaling = self.scaling(u);
        let (mut low, mut high, mut mass) = match &self.lump {
            None => (Sums::default(), Sums::default(), 0.0),
            Some(lump) => {
                let (sums, rest) = lump.at(u);
                // Of g both the logarithm and z may be off.
                let around =
                    |rest: f64| Sums { g: sums.g + 2.0 * rest, tilt: sums.tilt + rest, log: sums.log + rest };
                (around(-rest), around(rest), lump.mass)
            }
        };
        let mut found: [Option<Bound>; 2] = [None; 2];
        let mut before = self.cut_depths[0];
        for number in 0..self.len() {
            let bin = self.bin(number);
            let (low_before, high_before, mass_before) = (low, high, mass);
            let [least, largest] = bin.terms(&scaling);
            low.add(bin.mass, least);
            high.add(bin.mass, largest);
            mass += bin.mass;
            if has_cut(rule) {
                let below = self.below(number);
                // A small sum of 1 / x lets the cut be deep, and a large one of log x.
                let changes_sides = matches!(rule, Rule::KlWeighted { .. });
                let sums = if changes_sides { [high, low] } else { [low, high] };
                for (side, sums) in sums.into_iter().enumerate() {
                    if found[side].is_none() && excess(rule, &scaling, below, mass, sums, bin.deepest) <= 0.0 {
                        let own = if side == 0 { [low_before, low] } else { [high_before, high] };
                        let other = if (side == 0) == changes_sides { high_before } else { low_before };
                        let gap = depth_in_gap(rule, &scaling, bin.deep, mass_before, other, bin.shallow);
                        let gap = gap.max(before);
                        let place = if gap < bin.shallow {
                            self.between(rule, &scaling, number, [bin.deep, SIDES[side]], own[0], gap)
                        } else {
                            self.inside(rule, &scaling, number, &bin, side == 1, own)
                        };
                        found[side] = Some(place);
                    }
                }
                if found.iter().all(Option::is_some) {
                    break;
                }
            }
            before = bin.deepest.max(self.cut_depths[0]);
        }
        let count = self.len();
        let rest = |own: Sums, other: Sums, side: f64| {
            if !has_cut(rule) {
                let place = Place { bin: count, is_inside: false, depth: 0.0, above: own, all: own };
                return Bound { phi: own.phi(self.total, side), place };
            }
            let ceiling = self.cut_depths[1];
            let depth = depth_in_gap(rule, &scaling, self.deeper, mass, other, ceiling);
            // (Also where it is NaN.)
            let depth = if depth < ceiling { depth.max(before) } else { ceiling };
            self.between(rule, &scaling, count, [self.deeper, side], own, depth)
        };
        let [below, above] = found;
        [below.unwrap_or_else(|| rest(low, high, SIDES[0])), above.unwrap_or_else(|| rest(high, low, SIDES[1]))]
    }

    /// The bound for a cut between a bin and the one before.
    fn between(
        &self,
        rule: Rule,
        scaling: &Scaling,
        bin: usize,
        [deep, side]: [f64; 2],
        above: Sums,
        depth: f64,
    ) -> Bound {
        let mut all = above;
        match rule {
            Rule::Base { budget } => {
                all.add((deep - budget).max(0.0), point(scaling, depth));
                all.add(self.moved, point(scaling, 0.0));
            }
            _ => all.add(deep, point(scaling, depth)),
        }
        Bound { phi: all.phi(self.total, side), place: Place { bin, is_inside: false, depth, above, all } }
    }

    /// The bound for a cut inside of a bin: nearest to the worst loss, or farthest from it.
    fn inside(
        &self,
        rule: Rule,
        scaling: &Scaling,
        number: usize,
        bin: &Bin,
        is_above: bool,
        [before, after]: [Sums; 2],
    ) -> Bound {
        let depth = if is_above { bin.deepest } else { bin.shallow };
        let side = SIDES[usize::from(is_above)];
        let bound = match rule {
            Rule::Base { budget } => {
                let mut bound = self.between(rule, scaling, number, [bin.deep, side], before, depth);
                if is_above && bin.deepest > bin.shallow {
                    bound.phi +=
                        (bin.deep - budget).max(0.0) / self.total * spread(scaling, bound.place.all, self.total, bin);
                }
                bound
            }
            _ if is_above => {
                let mut bound = self.between(rule, scaling, number, [self.below(number), side], after, depth);
                bound.place.above = before;
                bound
            }
            _ => self.between(rule, scaling, number, [bin.deep, side], before, depth),
        };
        Bound { place: Place { is_inside: true, ..bound.place }, ..bound }
    }
}

impl Bin {
    /// The least and the largest means of the terms of the sums.
    fn terms(&self, scaling: &Scaling) -> [Sums; 2] {
        /// How far a bin that is developed may reach, in y: at some times that nothing cancels yet.
        const FAR: f64 = 8.0;
        if self.deepest <= self.shallow {
            return [point(scaling, self.shallow); 2];
        }
        // Near y = 1 both functions are developed without their linear terms, whose means are those
        // at the mean depth. In a bin that reaches far from there those terms would cancel.
        let is_near = scaling.excess(self.mean).abs() <= NEAR && scaling.excess(self.deepest) <= FAR;
        let part = |depth: f64| {
            let (ratio, excess) = (scaling.ratio(depth), scaling.excess(depth));
            if is_near {
                [log_minus_excess(ratio, excess), excess * (excess / ratio)]
            } else {
                [log(ratio), -excess / ratio]
            }
        };
        let mean = |end: f64, atom: f64, other: f64| {
            let other = part(other);
            if atom == 0.0 {
                return other;
            }
            let end = part(end);
            [0, 1].map(|at| atom * end[at] + (1.0 - atom) * other[at])
        };
        let shallow = mean(self.shallow, self.atoms[0], self.others[0]);
        let deep = mean(self.deepest, self.atoms[1], self.others[1]);
        let [least, largest] = if is_near { self.means.map(|mean| scaling.excess(mean)) } else { [0.0; 2] };
        let apart = largest - least;
        [
            Sums { g: shallow[0] + deep[1] - apart, tilt: deep[1] - largest, log: shallow[0] + least },
            Sums { g: deep[0] + shallow[1] + apart, tilt: shallow[1] - least, log: deep[0] + largest },
        ]
    }
}

/// On which side of phi a bound is.
const SIDES: [f64; 2] = [-1.0, 1.0];
/// Where `log(1 + e) - e` is developed.
const NEAR: f64 = 0.4;

/// The terms of the sums at a depth.
pub(super) fn point(scaling: &Scaling, depth: f64) -> Sums {
    let (ratio, excess) = (scaling.ratio(depth), scaling.excess(depth));
    let tilt = -excess / ratio;
    if excess.abs() <= NEAR {
        let rest = log_minus_excess(ratio, excess);
        Sums { g: rest - excess * tilt, tilt, log: rest + excess }
    } else {
        let log = log(ratio);
        Sums { g: log + tilt, tilt, log }
    }
}

/// Whether anything is cut.
fn has_cut(rule: Rule) -> bool {
    match rule {
        Rule::Base { budget } | Rule::KlWeighted { budget, .. } | Rule::KlWeightedAtZero { budget, .. } => {
            budget > 0.0
        }
    }
}

/// The sums of the rule's curves over a part of the samples, seen from a depth.
fn curves(rule: Rule, scaling: &Scaling, mass: f64, sums: Sums, depth: f64) -> [f64; 2] {
    let ratio = scaling.ratio(depth);
    match rule {
        Rule::Base { .. } => [0.0; 2],
        Rule::KlWeighted { .. } => [scaling.excess(depth) * mass + ratio * sums.tilt, ratio * (mass + sums.tilt)],
        Rule::KlWeightedAtZero { .. } => [sums.log - mass * log(ratio), 0.0],
    }
}

/// How much the mass below a depth is too much to go.
fn excess(rule: Rule, scaling: &Scaling, below: f64, mass: f64, sums: Sums, depth: f64) -> f64 {
    let [curved, _] = curves(rule, scaling, mass, sums, depth);
    rule.excess(below, curved)
}

/// The D between two bins, the second of which begins at this depth, at which just this mass is
/// cut.
fn depth_in_gap(rule: Rule, scaling: &Scaling, deep: f64, mass: f64, sums: Sums, depth: f64) -> f64 {
    if let Rule::KlWeighted { budget, alpha, .. } = rule {
        // From `deep - budget = alpha sum b (x_D / x - 1)` over what is shallower; the scaling'
        // depth is near the harmonic mean, so that nothing overflows.
        let excess = ((deep - budget) / alpha - sums.tilt) / (mass + sums.tilt);
        return scaling.centre + excess / scaling.rate;
    }
    rule.depth(deep, curves(rule, scaling, mass, sums, depth), depth)
}

/// How much more phi may be, for each part of the mass, where what HD keeps of a bin is not all at
/// its deep end: seen from the harmonic mean of x, g falls up to there and grows from there on.
fn spread(scaling: &Scaling, all: Sums, total: f64, bin: &Bin) -> f64 {
    let mean = 1.0 / (scaling.rate * (1.0 + all.tilt / total));
    let u = scaling.shift / scaling.rate;
    let from = Scaling::new(u, mean - u);
    (point(&from, bin.shallow).g - point(&from, bin.deepest).g).max(0.0)
}

/// A difference of depths relative to them, or zero if it may be their rounding.
pub(super) fn beyond_rounding(difference: f64) -> f64 {
    if difference.abs() <= 4.0 * f64::EPSILON { 0.0 } else { difference }
}
