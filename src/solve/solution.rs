//! From a cut and a root to the optimum: the weight of every sample, the dual bound, the
//! derivatives; and the limits in which no search is needed.

use super::cut::Cut;
use super::divergence::{DivergenceSums, Form};
use super::optimum::Optimum;
use super::problem::{Moments, Problem, Solved};
use super::root::{self, Next, Root, Start};
use crate::kernels::{Scaling, WeightFormula};
use crate::numbers::math::{log_minus_excess, log1p};
use crate::numbers::real::Real;
use crate::params::Ordering;
use crate::pass::Data;

impl<T: Real> Problem<'_, T> {
    /// The cut and the root; none in the limits in which no search is needed.
    pub(crate) fn solution(&self, data: &Data<'_, T>) -> Option<Solved<T>> {
        if self.all_depths_are_zero() || self.has_unlimited_budget() { None } else { self.cut_and_root(data) }
    }

    /// The optimum in these limits, for which masses alone count.
    pub(crate) fn limit(&self) -> Optimum<T> {
        if self.all_depths_are_zero() { self.all_equal() } else { self.all_on_worst() }
    }

    /// The optimum that a cut and a root make.
    pub(crate) fn optimum(&self, solved: &Solved<T>) -> Optimum<T> {
        if self.is_hr { self.optimum_of_hr(solved) } else { self.optimum_of_hd(solved) }
    }

    fn optimum_of_hd(&self, Solved { cut, root, moments }: &Solved<T>) -> Optimum<T> {
        let depths = self.range.depths;
        let deepest = if self.alpha > 0.0 { cut.depth } else { depths.depth(self.range.smallest) };
        let d_r = if self.r > 0.0 { root.sums.harmonic_mean() * root.bulk_share() } else { d_r_at_zero(moments) };
        // HD takes the poisoned mass from this depth before the KL step, HR (here only with alpha =
        // 0) after it.
        let d_alpha = if self.r > 0.0 && self.ordering == Ordering::Hd {
            // Where u is zero the derivative is infinite, even if d_r has underflowed to zero.
            let ratio = log_ratio(deepest, root.sums.u);
            if ratio == f64::INFINITY { ratio } else { d_r * ratio }
        } else {
            deepest
        };
        let dual_depth = root.sums.dual_depth(self.r);
        Optimum { d_alpha, d_r, dual_depth, tv: self.alpha, ..self.weights_from_dual(cut, root, self.alpha, 0.0) }
    }

    fn optimum_of_hr(&self, Solved { cut, root, .. }: &Solved<T>) -> Optimum<T> {
        let d_r = root.sums.harmonic_mean() * root.bulk_share();
        let dual_depth = root.sums.dual_depth(self.r) + self.alpha * cut.depth;
        Optimum {
            d_alpha: cut.depth,
            d_r,
            dual_depth,
            tv: self.alpha,
            ..self.weights_from_dual(cut, root, 0.0, self.alpha)
        }
    }

    /// The primal weights that belong to a dual solution: `p = q / (x S1)`. `atom` is the mass of q
    /// on the worst loss itself, and `moved` what it gains after the KL step.
    fn weights_from_dual(&self, cut: &Cut<T>, root: &Root, atom: f64, moved: f64) -> Optimum<T> {
        let scaling = root.sums.scaling;
        let normaliser = root.normaliser();
        let samples = self.top_share();
        let at_zero = ratio_or_zero(normaliser, scaling.ratio(0.0));
        // The share that does not follow q / (x S1) goes to depth zero in proportion to q, or where
        // q has no mass there, to the worst loss itself.
        let at_atom = root.atom_share();
        let remainder_of_samples = at_atom * ratio_or_zero(samples, samples + atom);
        let on_samples = samples * at_zero + remainder_of_samples;
        let on_worst = atom * at_zero + (at_atom - remainder_of_samples) + moved;
        let tied = if cut.keep > 0.0 { cut.keep * normaliser / scaling.ratio(cut.depth) } else { 0.0 };
        Optimum {
            formula: WeightFormula {
                depths: self.range.depths,
                scaling,
                threshold: cut.threshold,
                normaliser: normaliser / self.total,
                tied: tied / self.total,
                top: self.per_top_sample(on_samples, on_worst),
                top_from: self.top_from(),
                zeros: self.zeros(cut, scaling, normaliser / self.total),
            },
            worst_weight: if self.range.worst_is_given { on_worst } else { 0.0 },
            u: root.sums.u,
            dual_depth: 0.0,
            trim_loss: if self.alpha > 0.0 { cut.smallest_kept() } else { f64::NEG_INFINITY },
            d_alpha: 0.0,
            d_r: 0.0,
            kl: if root.unspent_kl > 0.0 { self.r } else { spent(&root.sums, self.r) },
            tv: 0.0,
            iterations: root.iterations,
        }
    }

    /// How many samples have weight zero, given that each has mass one; None unless all other
    /// weights are known to be far from zero.
    fn zeros(&self, cut: &Cut<T>, scaling: Scaling, normaliser: f64) -> Option<f64> {
        let smallest = normaliser / scaling.ratio(self.range.depths.depth(self.range.smallest));
        let sound = smallest * cut.keep > FAR_FROM_ZERO || (cut.is_between() && smallest > FAR_FROM_ZERO);
        sound.then(|| if cut.is_between() { cut.clipped() } else { cut.below })
    }

    /// The limit in which every deep sample loses its weight. Where the worst loss was given and
    /// samples have it too, other weights are optimal as well: these are the ones that the general
    /// solution tends to.
    fn all_on_worst(&self) -> Optimum<T> {
        let (top, deep) = (self.top_share(), 1.0 - self.top_share());
        let (on_samples, kl, tv) = match self.ordering {
            Ordering::Hd => {
                // The KL step keeps the proportions at depth zero.
                let moved = self.alpha.min(deep);
                (ratio_or_zero(top, top + moved), if self.alpha < deep { self.r } else { 0.0 }, moved)
            }
            Ordering::Hr => {
                let left = self.deep_mass_after_kl_step();
                (if top > 0.0 { 1.0 - left } else { 0.0 }, self.r, left.min(self.alpha))
            }
        };
        let limit = self.only_top(on_samples, 1.0 - on_samples);
        Optimum { trim_loss: self.range.worst, kl, tv, ..limit }
    }

    /// The deep mass that HR's KL step leaves when all deep samples are at one depth; it is the
    /// same for every depth.
    fn deep_mass_after_kl_step(&self) -> f64 {
        let (top, deep) = (self.top_share(), 1.0 - self.top_share());
        if self.r == 0.0 || self.r == f64::INFINITY {
            return if self.r == 0.0 { deep } else { 0.0 };
        }
        let mut search = root::Search::new(self.r, Start::from_variance(top, top * deep, self.r));
        let root = loop {
            let mut sums =
                DivergenceSums::new(search.u(), Scaling::new(search.u(), deep), Form::Centred, [0.0; 4], 1.0);
            sums.add(top, 0.0);
            sums.add(deep, 1.0);
            if let Next::Done(root) = search.absorb(sums) {
                break root;
            }
        };
        deep * root.normaliser() / root.sums.scaling.ratio(1.0)
    }

    /// The limit in which all losses are the worst loss: the weights are the base weights.
    fn all_equal(&self) -> Optimum<T> {
        self.only_top(1.0, 0.0)
    }

    /// Weights that are always allowed and a bound that always holds, though no optimum: the base
    /// weights, and the worst loss.
    pub(crate) fn untouched(&self) -> Optimum<T> {
        let base = self.weights_from_dual(&Cut::nothing(), &Root::at_infinity(0.0), 0.0, 0.0);
        Optimum { u: 0.0, trim_loss: f64::NEG_INFINITY, ..base }
    }

    /// All weight at depth zero.
    fn only_top(&self, on_samples: f64, on_worst: f64) -> Optimum<T> {
        Optimum {
            formula: WeightFormula {
                depths: self.range.depths,
                scaling: DivergenceSums::from_infinity(0.0).scaling,
                threshold: T::BELOW_ALL,
                normaliser: 0.0,
                tied: 0.0,
                top: self.per_top_sample(on_samples, on_worst),
                top_from: self.top_from(),
                zeros: None,
            },
            worst_weight: if self.range.worst_is_given { on_worst } else { 0.0 },
            u: 0.0,
            dual_depth: 0.0,
            trim_loss: f64::NEG_INFINITY,
            d_alpha: 0.0,
            d_r: 0.0,
            kl: 0.0,
            tv: 0.0,
            iterations: 0,
        }
    }

    /// The smallest loss at depth zero.
    fn top_from(&self) -> T {
        let is_at_zero = self.range.depths.depth(self.range.largest) == 0.0;
        if is_at_zero { T::from_f64(self.range.largest) } else { T::ABOVE_ALL }
    }

    /// The weight per mass of the samples at depth zero. Unless the worst loss was given, its
    /// weight is folded into theirs.
    fn per_top_sample(&self, on_samples: f64, on_worst: f64) -> f64 {
        let folded = if self.range.worst_is_given { on_samples } else { on_samples + on_worst };
        ratio_or_zero(folded, self.top)
    }

    /// The r from which HR moves everything to the worst loss: the divergence at which the KL step
    /// on two points, the top share at depth zero and the rest at one depth, leaves a deep mass of
    /// alpha.
    pub(crate) fn kl_to_reach_worst(&self) -> f64 {
        let (top, deep) = (self.top_share(), 1.0 - self.top_share());
        if self.alpha >= deep {
            return 0.0;
        }
        // The divergence is the sum of `share log(share / (share + change))` over the two points.
        // Their changes cancel, and what is left is of second order.
        let change = deep - self.alpha;
        let term = |share: f64, left: f64, change: f64| {
            if share > 0.0 { -share * log_minus_excess(left / share, change / share) } else { change }
        };
        term(top, top + change, change) + term(deep, self.alpha, -change)
    }
}

/// `exp(L - r)` where r is zero: infinite unless all mass that the KL step sees is at one depth,
/// and then that depth.
fn d_r_at_zero(moments: &Moments) -> f64 {
    if moments.variance > 0.0 { f64::INFINITY } else { moments.mean }
}

/// Weights above this do not round to zero in either width; the smallest float is 1.4e-45.
const FAR_FROM_ZERO: f64 = 1e-37;

/// Zero where there is nothing to divide by.
fn ratio_or_zero(numerator: f64, denominator: f64) -> f64 {
    if denominator > 0.0 { numerator / denominator } else { 0.0 }
}

/// The divergence spent: phi, but zero where rounding has made it negative, and r where it exceeds
/// that by no more than its rounding. NaN stays NaN.
fn spent(sums: &DivergenceSums, r: f64) -> f64 {
    let phi = sums.phi();
    if phi < 0.0 {
        0.0
    } else if phi > r && phi - r <= sums.rounding(phi) {
        r
    } else {
        phi
    }
}

/// `log(u + d) - log(u)`.
fn log_ratio(depth: f64, u: f64) -> f64 {
    log1p(depth / u)
}
