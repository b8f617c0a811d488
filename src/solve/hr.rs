//! HR proper: the KL step on depths that are clipped at D, where D is such that the mass beyond it
//! is alpha, and moves with u.
//!
//! For every u that the search asks for, the cut is brought up to date and the sums are taken with
//! the depths beyond it clipped. The cut for a u is found by ranks where samples have equal masses,
//! else by the search of [`super::cut`].

use super::cut::{self, Cut, Rule};
use super::divergence::{DivergenceSums, Expansion};
use super::powers::Seen;
use super::problem::{Problem, Solved};
use super::rank::Ranked;
use super::root::{self, Next, Start};
use crate::kernels::{Level, Scaling};
use crate::numbers::math::sqrt;
use crate::numbers::real::Real;
use crate::pass::Data;

/// So many ranks are tried before the cut is searched for in another way. A bisection of any number
/// of samples needs no more; fewer would give up on searches that end.
const ATTEMPTS: usize = 96;

impl<T: Real> Problem<'_, T> {
    /// The two steps, in the order of the program; None if everything moves to the worst loss.
    pub(super) fn cut_and_root(&self, data: &Data<'_, T>) -> Option<Solved<T>> {
        if self.is_hr { self.solve_hr(data) } else { self.solve_hd(data) }
    }

    /// None if everything moves to the worst loss.
    fn solve_hr(&self, data: &Data<'_, T>) -> Option<Solved<T>> {
        /// Nearer to the limit D depends so much on u that the guess at u, for a D that is given, says
        /// less of it than the bound of [`Problem::clipped_of_part`].
        const NEAR_LIMIT: f64 = 0.7;
        let limit = self.kl_to_reach_worst();
        if self.r >= limit {
            return None;
        }
        let clipped = match self.guess.estimate() {
            Some(estimate) => estimate.clipped,
            None => self.guess_at_clipped(self.r / limit),
        };
        let mut seen = self.seen(data);
        let mut cut = self.cut_of_base(data, clipped * self.total, &mut seen);
        let (moments, mut start) = self.start(data, &cut, cut.clipped() / self.total, 0.0);
        if let Some(level) = data.fast().filter(|_| self.r < NEAR_LIMIT * limit) {
            self.move_to_guess(data, level, &mut cut, &start, &mut seen);
        }
        let mut iterations = 0;
        let mut centre = Expansion::UNKNOWN;
        let mut root = loop {
            let mut search = root::Search::new(self.r, start);
            let (mut root, looked_at) = loop {
                let u = search.u();
                let sums = self.sums_with_clipped(data, &mut cut, [u, moments.mean], &mut centre, &mut seen);
                if let Next::Done(root) = search.absorb(sums) {
                    break (root, u);
                }
            };
            let first = iterations == 0;
            iterations += root.iterations;
            root.iterations = iterations;
            let moved = (root.sums.u - looked_at).abs() > 4.0 * f64::EPSILON * looked_at;
            // A search that has looked at every step cannot come nearer.
            let settled = start.unverified_share == 0.0;
            if !moved || settled || root.unspent_kl > 0.0 || cut.is_between() {
                break root;
            }
            // The last step, which was not looked at, has moved u a little. The cut follows, unless
            // it crosses a sample: then the search goes on.
            let nearness = root.sums.nearness(1.0 + self.hidden_share(), cut.depth);
            let keep = 1.0 + (cut.below - self.budget * (1.0 + nearness)) / cut.tied;
            if keep > 0.0 && keep <= 1.0 {
                cut.keep = keep;
                break root;
            }
            // It begins again at this u, and the second time it looks at every step: otherwise it
            // might alternate between two sides of a sample for ever.
            (start.u, start.unverified_share) = (root.sums.u, if first { start.unverified_share } else { 0.0 });
        };
        if root.unspent_kl > 0.0 {
            let u = root.sums.u;
            let rule = Rule::KlWeightedAtZero { budget: self.budget, total: self.total, u, r: self.r };
            cut = cut::locate(data, self.range, rule, Some(cut.threshold));
            root.sums = self.sums_of_cut(data, &cut, u, &mut centre, &mut seen);
            root.unspent_kl = self.r - root.sums.phi();
        }
        Some(Solved { cut, root, moments })
    }

    /// Moves a cut that is known to where it is at the guess at u, so that no pass over all samples is
    /// spent on a poor one.
    fn move_to_guess(
        &self,
        data: &Data<'_, T>,
        level: Level,
        cut: &mut Cut<T>,
        start: &Start,
        seen: &mut Option<Seen<'_, T>>,
    ) {
        let x = start.u + cut.depth;
        // The mass that may go, and `sum x_D / x` over the samples above the cut.
        let (beyond, clipped) = (self.budget * x * start.inverse_sum, cut.clipped());
        let ratio = self.total * x * start.inverse_sum - clipped;
        let rank = self.rank_where_lines_meet(cut, spacing_around(seen.as_ref()), x, [clipped, beyond], ratio);
        // Where the worst loss is far from all losses the guess has too few digits for ranks. False
        // where there is none.
        if rank > clipped && cut.depth > 0.0 && self.top_share() > 0.0 {
            self.move_cut(data, level, cut, rank, seen);
        }
    }

    /// Moves a cut to a rank, and notes how far from one another losses are there.
    fn move_cut(
        &self,
        data: &Data<'_, T>,
        level: Level,
        cut: &mut Cut<T>,
        rank: f64,
        seen: &mut Option<Seen<'_, T>>,
    ) {
        let near = Ranked::of_cut(cut, spacing_around(seen.as_ref()));
        let ranked = self.guess.ranks().find_near(data, level, self.range, rank, near);
        *cut = ranked.cut(self.range, rank);
        if let Some(seen) = seen {
            seen.spacing = ranked.spacing;
        }
    }

    /// About the share that is clipped, from r as a part of the r at which it is all that is deep.
    ///
    /// At u = infinity it is alpha, as with HD, and it only grows as u falls. It is at most what
    /// would be clipped if all shallower samples were at depth zero, since no other divergence is
    /// as small; that grows about like the root of r. The larger this bound, the nearer to it the
    /// share is: for light and heavy tails alike, its square is about the part of the way.
    fn guess_at_clipped(&self, part: f64) -> f64 {
        /// Below this alpha itself is near enough, and better where a given worst loss is far away.
        /// A larger limit would begin far from where nearly everything moves to the worst loss.
        const LARGE: f64 = 0.4;
        if part < LARGE { self.alpha } else { self.clipped_of_part(part) }
    }

    /// The same from what bounds it, which for a small part is too large.
    pub(super) fn clipped_of_part(&self, part: f64) -> f64 {
        let bound = self.alpha + (1.0 - self.top_share() - self.alpha) * sqrt(part);
        self.alpha + (bound - self.alpha) * bound * bound
    }

    /// The sums over all samples at u, those beyond the cut clipped at D. Brings the cut up to
    /// date.
    fn sums_with_clipped(
        &self,
        data: &Data<'_, T>,
        cut: &mut Cut<T>,
        [u, mean]: [f64; 2],
        centre: &mut Expansion,
        seen: &mut Option<Seen<'_, T>>,
    ) -> DivergenceSums {
        if let Some(level) = self.plain_level(data, Scaling::new(u, mean))
            && let Some(sums) = self.sums_by_rank(data, level, cut, [u, mean], seen)
        {
            return sums;
        }
        let rule = Rule::KlWeighted { budget: self.budget, alpha: self.alpha, u };
        *cut = cut::locate(data, self.range, rule, Some(cut.threshold));
        self.sums_of_cut(data, cut, u, centre, seen)
    }

    /// As [`Problem::sums_with_clipped`], with a cut that is up to date. Developed about the mean
    /// depth, if no better centre is known; brings the centre up to date.
    fn sums_of_cut(
        &self,
        data: &Data<'_, T>,
        cut: &Cut<T>,
        u: f64,
        centre: &mut Expansion,
        seen: &mut Option<Seen<'_, T>>,
    ) -> DivergenceSums {
        // Where D is zero all depths are, and the sums at u = 0 would have no scale.
        let u = if cut.depth > 0.0 { u } else { u.max(root::FLOOR) };
        let mean = cut.above.unwrap_or_default()[0] / self.total + cut.clipped() / self.total * cut.depth;
        centre.look(self.r, [u, mean], |centre| {
            let sums = self.sums_above(data, cut.threshold, 0.0, [u, centre], seen);
            self.with_clipped(sums, cut, f64::NAN)
        })
    }

    /// As [`Problem::sums_with_clipped`], by ranks: where all masses are one, the mass beyond D,
    /// `alpha x_D S1`, is the rank of the threshold. It changes little with D, so a guess or two
    /// find it: first the point where two lines meet, then secant steps in a bracket of ranks,
    /// every fourth one a bisection. None if that takes too long.
    fn sums_by_rank(
        &self,
        data: &Data<'_, T>,
        level: Level,
        cut: &mut Cut<T>,
        [u, mean]: [f64; 2],
        seen: &mut Option<Seen<'_, T>>,
    ) -> Option<DivergenceSums> {
        let depths = self.range.depths;
        let rule = Rule::KlWeighted { budget: self.budget, alpha: self.alpha, u };
        // The bracket: a rank that goes and one that stays, and the excess of each.
        let (mut goes, mut stays) = ((0.0, -self.budget), (self.total, self.total));
        let mut last: Option<(f64, f64)> = None;
        for attempt in 0..ATTEMPTS {
            let spacing = spacing_around(seen.as_ref());
            let sums = self.sums_above(data, cut.threshold, 0.0, [u, mean], seen);
            cut.depth = depths.depth(cut.threshold.to_f64());
            let above = 1.0 - cut.clipped() / self.total + self.hidden_share();
            // The sums of the rule's curves over the samples above the threshold.
            let curved = self.total * sums.nearness(above, cut.depth);
            let ratio = self.total * sums.scaling.ratio(cut.depth) * sums.inverse_moments(above)[0];
            let beyond = self.budget + self.alpha * curved;
            cut.keep = 1.0 + (cut.below - beyond) / cut.tied;
            if cut.keep > 1.0 {
                stays = (cut.below, cut.below - beyond);
            } else if cut.keep > 0.0 {
                return Some(self.with_clipped(sums, cut, spacing));
            } else {
                let depth = rule.depth(cut.clipped(), [curved, ratio], cut.depth);
                if depth >= depths.depth(cut.next) {
                    (cut.keep, cut.depth) = (0.0, depth.min(cut.depth));
                    return Some(self.with_clipped(sums, cut, spacing));
                }
                goes = (cut.clipped(), cut.clipped() - beyond);
            }
            // A rank of the bracket's inside, or its first sample.
            let open = |rank: f64| rank.min(stays.0 - 0.5).max(goes.0);
            let from = if cut.keep > 1.0 { cut.below } else { cut.clipped() };
            let mut rank = self.rank_where_lines_meet(cut, spacing, u + cut.depth, [from, beyond], ratio);
            let here = if cut.keep > 1.0 { stays } else { goes };
            if let Some((before, excess)) = last {
                // Two looks give a secant.
                let secant = here.0 - here.1 * (here.0 - before) / (here.1 - excess);
                rank = if attempt % 4 == 3 || secant.is_nan() { 0.5 * (goes.0 + stays.0) } else { secant };
            }
            last = Some(here);
            rank = open(rank);
            self.move_cut(data, level, cut, rank, seen);
        }
        None
    }

    /// As D falls from that of a cut, the mass beyond it grows by the samples on the way, and the mass
    /// that may go shrinks: the rank at which the two lines meet. Where nothing better is known, the
    /// samples are taken to be as dense as beyond D. `ratio` is `sum x_D / x` over those above it.
    fn rank_where_lines_meet(&self, cut: &Cut<T>, spacing: f64, x: f64, [from, beyond]: [f64; 2], ratio: f64) -> f64 {
        let depths = self.range.depths;
        let density = if spacing > 0.0 {
            1.0 / depths.scaled(spacing)
        } else {
            cut.clipped() / (depths.depth(self.range.smallest) - cut.depth)
        };
        let part = density / (density + self.alpha * ratio / x);
        if part > 0.0 { from + (beyond - from) * part } else { beyond }
    }

    /// Adds the clipped mass to the sums over the samples above the cut, around which losses are so
    /// far from one another (NaN if that is not known).
    fn with_clipped(&self, mut sums: DivergenceSums, cut: &Cut<T>, spacing: f64) -> DivergenceSums {
        /// A step that takes D past more samples than this goes by the slope of a cut that moves
        /// steadily. With fewer, a step would pass one or two samples by that slope, and miss them.
        const MANY: f64 = 2.0;
        let clipped = cut.clipped() / self.total;
        let (ratio, excess) = (sums.scaling.ratio(cut.depth), sums.scaling.excess(cut.depth));
        // While D moves between two samples, `dD/d log u = u sum (b / x^2) (x_D - x) / sum (b / x)`
        // over the samples above it, and `d phi / dD = alpha (x_D S1 - 1) / x_D`.
        let [inverse, square, tilted] = sums.inverse_moments(1.0 - clipped + self.hidden_share());
        sums.add(clipped, cut.depth);
        let is_between = cut.is_between();
        if is_between || spacing > 0.0 {
            // The mean of y_D - y, from either the ratios or the excesses, whichever are smaller.
            let moved =
                if ratio < 0.5 { ratio * square - sums.scaling.shift * inverse } else { excess * square - tilted };
            let depth_slope = moved / inverse;
            let phi_slope = self.alpha * sums.nearness(1.0 + self.hidden_share(), cut.depth) / ratio;
            let between = phi_slope * depth_slope;
            let here = if is_between { between } else { 0.0 };
            sums.slope_of_cut = here;
            if spacing > 0.0 {
                // D waits at each sample until all of it has gone, and so moves more slowly the
                // denser they are.
                let density = 1.0 / self.range.depths.scaled(spacing);
                let alone = self.alpha * self.total * sums.scaling.rate * inverse;
                let part = alone / (alone + density);
                sums.slope_of_cut = between * part;
                let step = (self.r - sums.phi()) / sums.slope();
                let passed = (step * depth_slope / sums.scaling.rate * part * density).abs();
                if passed.is_nan() || passed <= MANY {
                    sums.slope_of_cut = here;
                }
            }
        }
        sums
    }
}

/// About how far from one another losses are around the cut; NaN if that is not known.
fn spacing_around<T>(seen: Option<&Seen<'_, T>>) -> f64 {
    seen.map_or(f64::NAN, |seen| seen.spacing)
}
