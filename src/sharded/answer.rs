//! The answer of a sharded solve, when u and the cut are known; and what there is when the last
//! call has come before.

use super::bounds::{Known, Place, beyond_rounding};
use super::crossing::crossing;
use super::search::Search;
use crate::kernels::Scaling;
use crate::numbers::math::{exp, sqrt};
use crate::numbers::real::Real;
use crate::params::{Ordering, Params};
use crate::solve::cut::{Cut, Rule};
use crate::solve::divergence::DivergenceSums;
use crate::solve::optimum::Optimum;
use crate::solve::problem::{Moments, Solved};
use crate::solve::root::{LOG_FLOOR, Root};

impl Search {
    /// The optimum, when u and the cut are known.
    pub(super) fn optimum<T: Real>(&self, known: &Known<'_>) -> Optimum<T> {
        let problem = self.problem::<T>();
        let r = self.params.r;
        let (rule, place, root, moments) = if self.is_tiny() {
            let place = known.bounds(self.rule(1.0), 1.0)[0].place;
            let moments = self.moments(known, &place, self.params.ordering);
            // Without a KL step the dual is that of HD.
            let ordering = if r > 0.0 { self.params.ordering } else { Ordering::Hd };
            let root = self.root_of_tiny_r(self.moments(known, &place, ordering));
            (self.rule(1.0), place, root, moments)
        } else {
            let phi = |u: f64| known.middle(self.rule(u), u);
            // Seen from the lower end: log u itself has not all of the digits of u.
            let [low, high] = self.log_u;
            let least = exp(low);
            let [from, to] = crossing(|step| phi(least * exp(step)), self.line::<T>(), [0.0, high - low]);
            let is_at_floor = low <= LOG_FLOOR && to == 0.0 && phi(least) <= r;
            // Without mass at depth zero u may be zero.
            let is_zero = is_at_floor && self.masses[1] + known.moved == 0.0;
            let u = if is_zero { 0.0 } else { least * exp(0.5 * (from + to)) };
            let rule = if is_at_floor { self.rule_at_floor(u) } else { self.rule(u) };
            let [low, high] = known.bounds(rule, u);
            let mean = |low: f64, high: f64| 0.5 * (low / self.masses[0] + high / self.masses[0]);
            let [low, high] = [low.place, high.place];
            let sums = DivergenceSums::about_one(
                u,
                known.scaling(u),
                [mean(low.all.g, high.all.g), mean(low.all.tilt, high.all.tilt)],
            );
            let unspent_kl = if is_at_floor { r - sums.phi() } else { 0.0 };
            let moments = Moments { mean: f64::NAN, variance: f64::NAN };
            (rule, low, Root { sums, unspent_kl, iterations: 0 }, moments)
        };
        let cut = self.cut(known, rule, &place, root.sums.u);
        if self.budget() > 0.0 && cut.depth == 0.0 {
            return problem.all_on_worst();
        }
        problem.optimum(&Solved { cut, root, moments })
    }

    /// What a search ends with whose last call has come: the base weights, which every budget
    /// allows, and the least dual bound that is certain.
    pub(super) fn base_weights<T: Real>(&self, known: &Known<'_>) -> Optimum<T> {
        let Params { alpha, r, .. } = self.params;
        let u = exp(self.log_u[1]);
        let Place { all, depth, .. } = known.bounds(self.rule(u), u)[0].place;
        let [tilt, log] = [all.tilt, all.log].map(|sum| sum / self.masses[0]);
        let dual = DivergenceSums::about_one(u, known.scaling(u), [log + tilt, tilt]).dual_depth(r);
        let dual = if self.is_hr() { dual + alpha * depth } else { dual };
        // The worst loss is a bound as well.
        let dual_depth = if self.is_tiny() { 0.0 } else { dual.min(0.0) };
        Optimum { u, dual_depth, ..self.problem().untouched() }
    }

    /// The cut at a place.
    fn cut<T: Real>(&self, known: &Known<'_>, rule: Rule, place: &Place, u: f64) -> Cut<T> {
        // An alpha may be so small that no mass is left of it.
        if self.budget() == 0.0 {
            return Cut { next: self.range.smallest, ..Cut::nothing() };
        }
        let Place { bin, depth, .. } = *place;
        if place.is_inside {
            let (below, tied) = (known.below(bin), known.mass(bin));
            let keep = 1.0 + known.excess_at(rule, u, place) / tied;
            let loss = known.losses(bin)[1];
            // A cut at a loss keeps some of it; also where this is NaN.
            let keep = if keep > f64::MIN_POSITIVE { keep.min(1.0) } else { f64::MIN_POSITIVE };
            return Cut { threshold: T::from_f64(loss), below, tied, keep, depth, next: f64::INFINITY, above: None };
        }
        let next = bin.checked_sub(1).map(|bin| T::from_f64(known.losses(bin)[0]));
        let next = next.unwrap_or_else(|| T::at_position(self.window[1] + 1));
        let threshold = T::at_position(next.position() - 1);
        let below = known.deep(bin);
        Cut { threshold, below, tied: 0.0, keep: 0.0, depth, next: next.to_f64(), above: None }
    }

    /// Mean of the depths that the KL step sees, and their variance in squares of it, where the cut
    /// is that of the base masses and what is cut goes to the worst loss, as in HD, or stays at the
    /// depth of the cut, as in HR.
    fn moments(&self, known: &Known<'_>, place: &Place, ordering: Ordering) -> Moments {
        let (total, budget) = (self.masses[0], self.params.alpha * self.masses[0]);
        let rest = if budget > 0.0 { known.deep(place.bin) } else { 0.0 };
        let (at_cut, at_worst) = match ordering {
            Ordering::Hd => ((rest - budget).max(0.0), budget),
            Ordering::Hr => (rest, 0.0),
        };
        let moments = |from: f64, scale: f64| {
            let [first, second] = known.moments_above(place.bin, [from, scale]);
            let [offset, back] = [place.depth, 0.0].map(|depth| beyond_rounding((depth - from) / scale));
            [
                (first + at_cut * offset + at_worst * back) / total,
                (second + at_cut * offset * offset + at_worst * back * back) / total,
            ]
        };
        let [mean, _] = moments(0.0, 1.0);
        let [_, variance] = if mean > 0.0 { moments(mean, mean) } else { [0.0; 2] };
        Moments { mean, variance }
    }

    /// The root for an r that hardly moves a weight, `u + mean = sqrt(variance / 2 r)`. A variance
    /// that is too large would leave the weights nearer to those without a KL step, which are as
    /// good.
    fn root_of_tiny_r(&self, Moments { mean, variance }: Moments) -> Root {
        let r = self.params.r;
        let x = mean * (sqrt(0.5 * variance) / sqrt(r));
        if r == 0.0 || mean == 0.0 || x == f64::INFINITY {
            return Root::at_infinity(mean);
        }
        // Depths that are nearly the same leave a part of r unspent even where u is zero.
        let x = x.max(mean);
        let phi = 0.5 * variance * (mean / x) * (mean / x);
        let sums = DivergenceSums::about_one(x - mean, Scaling::new(x - mean, mean), [phi, 2.0 * phi]);
        Root { sums, unspent_kl: if x > mean { 0.0 } else { r - phi }, ..Root::at_infinity(mean) }
    }
}
