//! The two robust programs, solved through their one-dimensional duals. Reads like `docs/theory.md`: masses are b,
//! depths d, the dual location is `eta = w + u`, and `x = u + d`.

use crate::kernels::{self, Lens, Recipe, fast_rank, fast_root};
use crate::math::{log, log1p};
use crate::params::{Error, Ordering, Params};
use crate::rank;
use crate::real::Real;
use crate::reduce::{Data, Reduce};
use crate::root::{self, Outline, Root, View};
use crate::trim::{self, Cut, Rule};
use crate::validate::Range;
use crate::weights::Optimum;

/// Solves a valid problem.
pub(crate) fn solve<T: Real, R: Reduce>(
    data: &mut Data<'_, T, R>,
    range: &Range,
    params: &Params,
) -> Result<Optimum<T>, Error> {
    let Params { ordering, alpha, r, .. } = *params;
    let (total, top) = masses(data, range)?;
    let problem = Problem { range, ordering, alpha, r, total, top };
    if range.depths.depth(range.smallest) == 0.0 {
        return Ok(problem.all_equal());
    }
    if params.alpha == 1.0 || params.r == f64::INFINITY {
        return problem.all_on_worst();
    }
    // Without a budget for the other step the two orderings coincide.
    if params.ordering == Ordering::Hd || params.alpha == 0.0 || params.r == 0.0 {
        problem.solve_hd(data)
    } else {
        problem.solve_hr(data)
    }
}

/// A valid problem and its masses.
struct Problem<'a> {
    range: &'a Range,
    ordering: Ordering,
    alpha: f64,
    r: f64,
    /// The mass of all samples.
    total: f64,
    /// The mass of the samples at depth zero.
    top: f64,
}

impl Problem<'_> {
    /// HD: trim alpha of the base mass from the deepest samples and give it to the worst loss; then the KL step.
    fn solve_hd<T: Real, R: Reduce>(&self, data: &mut Data<'_, T, R>) -> Result<Optimum<T>, Error> {
        let cut = self.cut_of_base(data)?;
        if self.alpha > 0.0 && cut.depth == 0.0 {
            return self.all_on_worst();
        }
        let kept_ties = cut.keep * cut.tied / self.total;
        let tie_depth = if kept_ties > 0.0 { cut.depth } else { 0.0 };
        let mean = cut.above.first / self.total + kept_ties * tie_depth;
        let square = cut.above.second / self.total + kept_ties * tie_depth * tie_depth;
        let outline = Outline { top: self.top_share() + self.alpha, variance: variance(mean, square) };
        let root = if self.r > 0.0 {
            root::find(self.r, outline, LAST_STEP_OF_FIXED_CUT, |u| {
                let mut view = self.view(data, &cut, u, mean)?;
                view.add(kept_ties, tie_depth);
                view.add(self.alpha, 0.0);
                Ok(view)
            })?
        } else {
            Root::at_infinity(mean)
        };
        let deepest = if self.alpha > 0.0 { cut.depth } else { self.range.depths.depth(self.range.smallest) };
        let view = &root.view;
        let d_r =
            if self.r > 0.0 { view.harmonic_mean() * root.followed() } else { self.d_r_at_zero(&cut, outline, mean) };
        // HD takes the poisoned mass from depth d before the KL step, HR (here only with alpha = 0) after it.
        let d_alpha =
            if self.r > 0.0 && self.ordering == Ordering::Hd { d_r * log_ratio(deepest, view.u) } else { deepest };
        Ok(Optimum {
            d_alpha,
            d_r,
            dual_depth: view.dual_depth(self.r),
            tv: self.alpha,
            ..self.spread(&cut, &root, self.alpha, 0.0)
        })
    }

    /// `exp(L - r)` where r is zero: infinite unless all mass that the KL step sees is at one depth, and then that depth.
    fn d_r_at_zero<T: Real>(&self, cut: &Cut<T>, outline: Outline, mean: f64) -> f64 {
        let (outline, mean) = match self.ordering {
            Ordering::Hd => (outline, mean),
            Ordering::Hr => self.outline_of_capped(cut),
        };
        if outline.variance > 0.0 { f64::INFINITY } else { mean }
    }

    /// HR: the KL step on depths capped at D, where D is such that the mass beyond it is alpha.
    fn solve_hr<T: Real, R: Reduce>(&self, data: &mut Data<'_, T, R>) -> Result<Optimum<T>, Error> {
        if self.r >= self.kl_to_reach_worst() {
            return self.all_on_worst();
        }
        // At u = infinity the cut is that of HD; D only falls with u.
        let budget = self.alpha * self.total;
        let mut cut = self.cut_of_base(data)?;
        let (outline, _) = self.outline_of_capped(&cut);
        let mut root = root::find(self.r, outline, LAST_STEP_OF_MOVING_CUT, |u| {
            let rule = Rule::Tilted { budget, alpha: self.alpha, u };
            cut = trim::locate(data, self.range, rule, Some(cut.threshold))?;
            self.view_of_capped(data, &cut, u)
        })?;
        if root.slack < 0.0 {
            let u = root.view.u;
            let rule = Rule::TiltedAtFloor { budget, total: self.total, u, r: self.r };
            cut = trim::locate(data, self.range, rule, Some(cut.threshold))?;
            root.view = self.view_of_capped(data, &cut, u)?;
            root.slack = root.view.phi() - self.r;
        }
        Ok(Optimum {
            d_alpha: cut.depth,
            d_r: root.view.harmonic_mean() * root.followed(),
            dual_depth: root.view.dual_depth(self.r) + self.alpha * cut.depth,
            tv: self.alpha,
            ..self.spread(&cut, &root, 0.0, self.alpha)
        })
    }

    /// What the root search knows beforehand of all samples, those beyond the cut capped at D; and their mean depth.
    fn outline_of_capped<T: Real>(&self, cut: &Cut<T>) -> (Outline, f64) {
        let (capped, depth) = (cut.capped(), if cut.capped() > 0.0 { cut.depth } else { 0.0 });
        let mean = (cut.above.first + capped * depth) / self.total;
        let square = (cut.above.second + capped * depth * depth) / self.total;
        (Outline { top: self.top_share(), variance: variance(mean, square) }, mean)
    }

    /// The cut that takes alpha of the base mass.
    fn cut_of_base<T: Real, R: Reduce>(&self, data: &mut Data<'_, T, R>) -> Result<Cut<T>, Error> {
        let budget = self.alpha * self.total;
        match data.fast() {
            Some(level) => rank::cut(data, level, self.range, budget),
            None if self.alpha > 0.0 => trim::locate(data, self.range, Rule::Base { budget }, None),
            None => Cut::nothing(data, self.range),
        }
    }

    /// The samples above the cut, seen from u.
    fn view<T: Real, R: Reduce>(
        &self,
        data: &mut Data<'_, T, R>,
        cut: &Cut<T>,
        u: f64,
        mean: f64,
    ) -> Result<View, Error> {
        let (depths, threshold, lens) = (self.range.depths, cut.threshold, Lens::new(u, mean));
        match data.fast() {
            Some(level) if self.r >= PLAIN_FROM_R && lens.is_moderate(depths.depth(self.range.smallest)) => {
                let partial = data.pass(|chunk, _| fast_root(level, chunk.losses, depths, threshold, lens))?;
                Ok(View::plain(u, lens, partial.sums, self.total))
            }
            _ => {
                let partial = data.pass(|chunk, _| kernels::root(chunk, depths, threshold, lens))?;
                Ok(View::new(u, lens, partial.sums, self.total))
            }
        }
    }

    /// All samples, those beyond the cut capped at D, seen from u.
    fn view_of_capped<T: Real, R: Reduce>(
        &self,
        data: &mut Data<'_, T, R>,
        cut: &Cut<T>,
        u: f64,
    ) -> Result<View, Error> {
        let capped = cut.capped() / self.total;
        let (_, mean) = self.outline_of_capped(cut);
        let mut view = self.view(data, cut, u, mean)?;
        let (ratio, excess) = (view.lens.ratio(cut.depth), view.lens.excess(cut.depth));
        // While D moves between two samples, `dD/d log u = u sum (b / x^2) (x_D - x) / sum (b / x)` over the samples above it,
        // and `d phi / dD = alpha (x_D S1 - 1) / x_D`.
        let [inverse, square, tilted] = view.inverse_moments(1.0 - capped, -capped * excess);
        view.add(capped, cut.depth);
        if cut.is_between() {
            let depth_slope = (excess * square - tilted) / inverse;
            let phi_slope = self.alpha * (excess * view.inverse_sum() + view.inverse_sum() - 1.0) / ratio;
            view.slope_of_cut = phi_slope * depth_slope;
        }
        Ok(view)
    }

    /// The weights of a cut and a root: `p = q / (x S1)`. `atom` is the mass of q on the worst loss itself; `moved` is what
    /// it gains after the KL step.
    fn spread<T: Real>(&self, cut: &Cut<T>, root: &Root, atom: f64, moved: f64) -> Optimum<T> {
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
            },
            worst_weight: if self.range.worst_is_given { on_worst } else { 0.0 },
            u: root.view.u,
            dual_depth: 0.0,
            trim_loss: if self.alpha > 0.0 { cut.smallest_kept } else { f64::NEG_INFINITY },
            d_alpha: 0.0,
            d_r: 0.0,
            kl: if root.slack < 0.0 { self.r } else { root.view.phi() },
            tv: 0.0,
            iterations: root.iterations,
        }
    }

    /// The limit in which every deep sample loses its weight. (Where the worst loss was given and samples have it too, this is
    /// not the only optimum: it is the one that the general solution tends to.)
    fn all_on_worst<T: Real>(&self) -> Result<Optimum<T>, Error> {
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
        let root = root::find(self.r, Outline { top, variance: top * deep }, LAST_STEP_OF_FIXED_CUT, |u| {
            let mut view = View::new(u, Lens::new(u, deep), [0.0; 3], 1.0);
            view.add(top, 0.0);
            view.add(deep, 1.0);
            Ok(view)
        })?;
        Ok(deep * root.level() / root.view.lens.ratio(1.0))
    }

    /// The limit in which all losses are the worst loss: the weights are the base weights.
    fn all_equal<T: Real>(&self) -> Optimum<T> {
        self.only_top(1.0, 0.0)
    }

    /// Weight at depth zero alone.
    fn only_top<T: Real>(&self, on_samples: f64, on_worst: f64) -> Optimum<T> {
        Optimum {
            recipe: Recipe {
                depths: self.range.depths,
                lens: View::from_infinity(0.0).lens,
                threshold: T::BELOW_ALL,
                level: 0.0,
                tied: 0.0,
                top: self.per_top_sample(on_samples, on_worst),
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
    fn top_share(&self) -> f64 {
        self.top / self.total
    }

    /// The r from which HR moves everything to the worst loss: the divergence at which the KL step on two points, the top
    /// share at depth zero and the rest at one depth, leaves a deep mass of alpha.
    fn kl_to_reach_worst(&self) -> f64 {
        let (top, deep) = (self.top_share(), 1.0 - self.top_share());
        if self.alpha >= deep {
            return 0.0;
        }
        let at_top = if top > 0.0 { top * log(top / (1.0 - self.alpha)) } else { 0.0 };
        at_top + deep * log(deep / self.alpha)
    }
}

/// HD: the square of such a step, relative to the sums that are moved along it, is below rounding.
const LAST_STEP_OF_FIXED_CUT: f64 = 3e-8;
/// HR: the cut is not moved along, so the last step itself must be below rounding.
const LAST_STEP_OF_MOVING_CUT: f64 = 1e-14;

/// From this r on, phi is not so small that its terms must be kept from cancelling.
const PLAIN_FROM_R: f64 = 1e-6;

/// The mass of all samples, and of those at depth zero.
fn masses<T: Real, R: Reduce>(data: &mut Data<'_, T, R>, range: &Range) -> Result<(f64, f64), Error> {
    if let Some(level) = data.fast() {
        let largest = T::from_f64(range.largest);
        let [below, up_to] = data.pass(|chunk, _| fast_rank(level, chunk.losses, largest))?.sums;
        let top = if range.depths.depth(range.largest) == 0.0 { up_to - below } else { 0.0 };
        return Ok((data.len(), top));
    }
    let above = Cut::nothing(data, range)?.above;
    Ok((above.mass, above.top))
}

/// The variance from two moments, without the noise of their difference.
fn variance(mean: f64, square: f64) -> f64 {
    let variance = square - mean * mean;
    if variance > 1e-12 * square { variance } else { 0.0 }
}

/// Zero where there is nothing to divide by.
fn ratio_or_zero(numerator: f64, denominator: f64) -> f64 {
    if denominator > 0.0 { numerator / denominator } else { 0.0 }
}

/// `log(u + d) - log(u)`.
fn log_ratio(depth: f64, u: f64) -> f64 {
    if depth < u { log1p(depth / u) } else { log(u + depth) - log(u) }
}
