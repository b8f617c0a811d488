//! From a cut and a root to the answer: who gets which weight, the limits, the derivatives.

use super::{Problem, Solved};
use crate::kernels::{Lens, Recipe};
use crate::math::{log, log_minus_excess, log1p};
use crate::params::{Error, Ordering};
use crate::real::Real;
use crate::root::{self, Root, Start};
use crate::trim::Cut;
use crate::view::{Form, View};
use crate::weights::Optimum;

impl<T: Real> Problem<'_, T> {
    #[inline(never)]
    pub(super) fn optimum_of_hd(&self, Solved { cut, root, outline }: &Solved<T>) -> Optimum<T> {
        let depths = self.range.depths;
        let deepest = if self.alpha > 0.0 { cut.depth } else { depths.depth(self.range.smallest) };
        let d_r = if self.r > 0.0 { root.view.harmonic_mean() * root.followed() } else { outline.d_r_at_zero() };
        // HD takes the poisoned mass from this depth before the KL step, HR (here only with alpha = 0) after it.
        let d_alpha = if self.r > 0.0 && self.ordering == Ordering::Hd {
            // Where u is zero no price makes it finite, not even one that has underflowed.
            let ratio = log_ratio(deepest, root.view.u);
            if ratio == f64::INFINITY { ratio } else { d_r * ratio }
        } else {
            deepest
        };
        let dual_depth = root.view.dual_depth(self.r);
        Optimum { d_alpha, d_r, dual_depth, tv: self.alpha, ..self.spread(cut, root, self.alpha, 0.0) }
    }

    #[inline(never)]
    pub(super) fn optimum_of_hr(&self, Solved { cut, root, .. }: &Solved<T>) -> Optimum<T> {
        let d_r = root.view.harmonic_mean() * root.followed();
        let dual_depth = root.view.dual_depth(self.r) + self.alpha * cut.depth;
        Optimum { d_alpha: cut.depth, d_r, dual_depth, tv: self.alpha, ..self.spread(cut, root, 0.0, self.alpha) }
    }

    /// The weights of a cut and a root: `p = q / (x S1)`. `atom` is the mass of q on the worst loss itself; `moved` is what
    /// it gains after the KL step.
    fn spread(&self, cut: &Cut<T>, root: &Root, atom: f64, moved: f64) -> Optimum<T> {
        let lens = root.view.lens;
        let level = root.level();
        let samples = self.top_share();
        let at_zero = ratio_or_zero(level, lens.ratio(0.0));
        // What does not follow q / (x S1) stays at depth zero, in proportion to q, or creates the worst loss.
        let remainder = root.remainder();
        let remainder_of_samples = remainder * ratio_or_zero(samples, samples + atom);
        let on_samples = samples * at_zero + remainder_of_samples;
        let on_worst = atom * at_zero + (remainder - remainder_of_samples) + moved;
        let tied = if cut.keep > 0.0 { cut.keep * level / lens.ratio(cut.depth) } else { 0.0 };
        Optimum {
            recipe: Recipe {
                depths: self.range.depths,
                lens,
                threshold: cut.threshold,
                level: level / self.total,
                tied: tied / self.total,
                top: self.per_top_sample(on_samples, on_worst),
                zeros: self.zeros(cut, lens, level / self.total),
            },
            worst_weight: if self.range.worst_is_given { on_worst } else { 0.0 },
            u: root.view.u,
            dual_depth: 0.0,
            trim_loss: if self.alpha > 0.0 { cut.smallest_kept() } else { f64::NEG_INFINITY },
            d_alpha: 0.0,
            d_r: 0.0,
            kl: if root.slack < 0.0 { self.r } else { spent(&root.view, self.r) },
            tv: 0.0,
            iterations: root.iterations,
        }
    }

    /// How many samples of mass one have weight zero, if the others are known to be far from it.
    fn zeros(&self, cut: &Cut<T>, lens: Lens, level: f64) -> Option<f64> {
        let smallest = level / lens.ratio(self.range.depths.depth(self.range.smallest));
        let sound = smallest * cut.keep > FAR_FROM_ZERO || (cut.is_between() && smallest > FAR_FROM_ZERO);
        sound.then(|| if cut.is_between() { cut.capped() } else { cut.below })
    }

    /// The limit in which every deep sample loses its weight. (Where the worst loss was given and samples have it too, this is
    /// not the only optimum: it is the one that the general solution tends to.)
    pub(super) fn all_on_worst(&self) -> Result<Optimum<T>, Error> {
        let (top, deep) = (self.top_share(), 1.0 - self.top_share());
        let (on_samples, kl, tv) = match self.ordering {
            Ordering::Hd => {
                // The KL step keeps the proportions at depth zero.
                let moved = self.alpha.min(deep);
                (ratio_or_zero(top, top + moved), if self.alpha < deep { self.r } else { 0.0 }, moved)
            }
            Ordering::Hr => {
                let left = self.deep_mass_after_kl_step()?;
                (if top > 0.0 { 1.0 - left } else { 0.0 }, self.r, left.min(self.alpha))
            }
        };
        let limit = self.only_top(on_samples, 1.0 - on_samples);
        Ok(Optimum { trim_loss: self.range.worst, kl, tv, ..limit })
    }

    /// The deep mass that HR's KL step leaves when all deep samples are at one depth, whichever that is.
    fn deep_mass_after_kl_step(&self) -> Result<f64, Error> {
        let (top, deep) = (self.top_share(), 1.0 - self.top_share());
        if self.r == 0.0 || self.r == f64::INFINITY {
            return Ok(if self.r == 0.0 { deep } else { 0.0 });
        }
        let root =
            root::find(self.r, Start::from_variance(top, top * deep, self.r), &root::EVERYWHERE, &mut |u, _| {
                let mut view = View::new(u, Lens::new(u, deep), Form::Centred, [0.0; 4], 1.0);
                view.add(top, 0.0);
                view.add(deep, 1.0);
                Ok(view)
            })?;
        Ok(deep * root.level() / root.view.lens.ratio(1.0))
    }

    /// The limit in which all losses are the worst loss: the weights are the base weights.
    #[inline(never)]
    pub(super) fn all_equal(&self) -> Optimum<T> {
        self.only_top(1.0, 0.0)
    }

    /// No optimum, but weights that are always allowed and a bound that always holds: the base weights, and the worst loss.
    pub(super) fn untouched(&self) -> Optimum<T> {
        let base = self.spread(&Cut::nothing(), &Root::at_infinity(0.0), 0.0, 0.0);
        Optimum { u: 0.0, trim_loss: f64::NEG_INFINITY, ..base }
    }

    /// Weight at depth zero alone.
    fn only_top(&self, on_samples: f64, on_worst: f64) -> Optimum<T> {
        Optimum {
            recipe: Recipe {
                depths: self.range.depths,
                lens: View::from_infinity(0.0).lens,
                threshold: T::BELOW_ALL,
                level: 0.0,
                tied: 0.0,
                top: self.per_top_sample(on_samples, on_worst),
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

    /// The weight per mass of the samples at depth zero. Unless the worst loss was given, its weight is folded into theirs.
    fn per_top_sample(&self, on_samples: f64, on_worst: f64) -> f64 {
        let folded = if self.range.worst_is_given { on_samples } else { on_samples + on_worst };
        ratio_or_zero(folded, self.top)
    }

    /// The share of the samples at depth zero.
    pub(crate) fn top_share(&self) -> f64 {
        self.top / self.total + self.unseen
    }

    /// The r from which HR moves everything to the worst loss: the divergence at which the KL step on two points, the top
    /// share at depth zero and the rest at one depth, leaves a deep mass of alpha.
    pub(super) fn kl_to_reach_worst(&self) -> f64 {
        let (top, deep) = (self.top_share(), 1.0 - self.top_share());
        if self.alpha >= deep {
            return 0.0;
        }
        // `share log(share / (share + change))` for both, whose changes cancel: what is summed is of second order in them.
        let change = deep - self.alpha;
        let term = |share: f64, left: f64, change: f64| {
            if share > 0.0 { -share * log_minus_excess(left / share, change / share) } else { change }
        };
        term(top, top + change, change) + term(deep, self.alpha, -change)
    }
}

/// Weights above this do not round to zero, in either width.
const FAR_FROM_ZERO: f64 = 1e-37;

/// Zero where there is nothing to divide by.
fn ratio_or_zero(numerator: f64, denominator: f64) -> f64 {
    if denominator > 0.0 { numerator / denominator } else { 0.0 }
}

/// The divergence spent. It is not below zero, and beyond r only by more than it is rounded by: then that is to be seen. (NaN stays
/// what it is.)
fn spent(view: &View, r: f64) -> f64 {
    let phi = view.phi();
    if phi < 0.0 {
        0.0
    } else if phi > r && phi - r <= view.rounding(phi) {
        r
    } else {
        phi
    }
}

/// `log(u + d) - log(u)`.
fn log_ratio(depth: f64, u: f64) -> f64 {
    if depth < u { log1p(depth / u) } else { log(u + depth) - log(u) }
}
