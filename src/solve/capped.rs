//! HR proper: the KL step on depths that are capped at D, where D moves with u.

use super::{Guide, Problem, Solved};
use crate::kernels::{Lens, Level, fast_root};
use crate::math::log;
use crate::params::Error;
use crate::rank::Ranked;
use crate::real::Real;
use crate::reduce::{Alone, Data, Meeting, Partial};
use crate::root;
use crate::sharded::ROOM;
use crate::team::Team;
use crate::trim::{self, Cut, Rule};
use crate::view::{Centre, Form, View};

impl<T: Real> Problem<'_, T> {
    /// HR: the KL step on depths capped at D, where D is such that the mass beyond it is alpha.
    #[inline(never)]
    pub(super) fn solve_hr<R: Meeting>(&self, data: &mut Data<'_, T, R>) -> Result<Option<Solved<T>>, Error> {
        if self.r >= self.kl_to_reach_worst() {
            return Ok(None);
        }
        // At u = infinity the cut is that of HD; D only falls with u.
        let mut cut = match (data.fast(), &self.guide) {
            (Some(level), Guide::Pilot(pilot)) => {
                let rank = pilot.capped * self.total;
                pilot.ranks.find(data, level, self.range, rank)?.cut(self.range, rank)
            }
            (_, Guide::Window(window)) if !R::ALONE => window.floor(self.range),
            _ => self.cut_of_base(data)?,
        };
        let (outline, mut start) = self.begin(data, &cut, cut.capped() / self.total, 0.0)?;
        let known = self.window::<R>().map(|window| window.bounds.get().log_u);
        let bracket = known.as_ref().unwrap_or(&root::EVERYWHERE);
        let mut iterations = 0;
        let mut centre = Centre::UNKNOWN;
        let mut root = loop {
            let mut looked_at = f64::NAN;
            let mut root = root::find(self.r, start, bracket, &mut |u, lead| {
                looked_at = u;
                if let Some(window) = self.window::<R>() {
                    return self.view_in_window(data, window, &mut cut, self.rule_at(u), u, Some(lead));
                }
                self.view_of_capped(data, &mut cut, u, outline.mean, &mut centre)
            })?;
            let first = iterations == 0;
            iterations += root.iterations;
            root.iterations = iterations;
            let moved = (root.view.u - looked_at).abs() > 4.0 * f64::EPSILON * looked_at;
            // Where no step is left but what is not seen in log u, u is as good as it gets.
            let settled = ROOM && start.leap == 0.0;
            if !moved || settled || root.slack < 0.0 || cut.is_between() {
                break root;
            }
            // The last step has moved u a little. The cut follows, unless it crosses a sample: then the search goes on.
            let nearness = root.view.nearness(1.0 + self.unseen, cut.depth);
            let keep = 1.0 + (cut.below - self.budget * (1.0 + nearness)) / cut.tied;
            if keep > 0.0 && keep <= 1.0 {
                cut.keep = keep;
                break root;
            }
            // From there, and if that is not enough, looking at every step: else two sides of a sample might alternate.
            (start.log_u, start.leap) = (log(root.view.u), if first { start.leap } else { 0.0 });
        };
        if root.slack < 0.0 {
            let u = root.view.u;
            let rule = Rule::TiltedAtFloor { budget: self.budget, total: self.total, u, r: self.r };
            root.view = if let Some(window) = self.window::<R>() {
                self.view_in_window(data, window, &mut cut, rule, u, None)?
            } else {
                cut = trim::locate(data, self.range, rule, Some(cut.threshold))?;
                self.view_of_located(data, &cut, u, &mut centre)?
            };
            root.slack = root.view.phi() - self.r;
        }
        Ok(Some(Solved { cut, root, outline }))
    }

    /// The rule for a search that has come to u: at its lower end, which may be zero, it may end. (HD's does not know u.)
    pub(super) fn rule_at(&self, u: f64) -> Rule {
        let &Self { budget, total, alpha, r, .. } = self;
        if !self.caps {
            Rule::Base { budget }
        } else if u < root::FLOOR {
            Rule::TiltedAtFloor { budget, total, u, r }
        } else {
            Rule::Tilted { budget, alpha, u }
        }
    }

    /// All samples, those beyond the cut for this u capped at D, seen from u. Brings the cut up to date.
    fn view_of_capped<R: Meeting>(
        &self,
        data: &mut Data<'_, T, R>,
        cut: &mut Cut<T>,
        u: f64,
        mean: f64,
        centre: &mut Centre,
    ) -> Result<View, Error> {
        if let Some(level) = self.plain_level(data, Lens::new(u, mean))
            && let Some(view) = self.view_of_ranked(data, level, cut, u, mean)?
        {
            return Ok(view);
        }
        let rule = Rule::Tilted { budget: self.budget, alpha: self.alpha, u };
        *cut = trim::locate(data, self.range, rule, Some(cut.threshold))?;
        self.view_of_located(data, cut, u, centre)
    }

    /// As [`Problem::view_of_capped`], after a cut that has been located. From the mean, if there is no better centre; brings that
    /// up to date.
    fn view_of_located<R: Meeting>(
        &self,
        data: &mut Data<'_, T, R>,
        cut: &Cut<T>,
        u: f64,
        centre: &mut Centre,
    ) -> Result<View, Error> {
        // Where D has reached zero nothing is to be seen from there.
        let u = if cut.depth > 0.0 { u } else { u.max(root::FLOOR) };
        let mean = cut.above.unwrap_or_default()[0] / self.total + cut.capped() / self.total * cut.depth;
        centre.look(self.r, [u, mean], |centre| {
            let view = self.view(data, cut.threshold, u, centre)?;
            Ok(self.with_capped(view, cut))
        })
    }

    /// As [`Problem::view_of_capped`], by ranks. The mass beyond D, `alpha x_D S1`, is a rank; where it changes little with D,
    /// a guess or two settle it. A bracket of ranks is kept in any case. None if that takes too long.
    fn view_of_ranked<R: Meeting>(
        &self,
        data: &mut Data<'_, T, R>,
        level: Level,
        cut: &mut Cut<T>,
        u: f64,
        mean: f64,
    ) -> Result<Option<View>, Error> {
        let (depths, ranks) = (self.range.depths, self.ranks());
        let rule = Rule::Tilted { budget: self.budget, alpha: self.alpha, u };
        // Ranks that are known to go and to stay, and the excess there.
        let (mut goes, mut stays) = ((0.0, -self.budget), (self.total, self.total));
        let mut far = None;
        let mut last: Option<(f64, f64)> = None;
        for attempt in 0..ATTEMPTS {
            let view = self.view_above(data, level, cut.threshold, u, mean, &mut far)?;
            cut.depth = depths.depth(cut.threshold.to_f64());
            let above = 1.0 - cut.capped() / self.total + self.unseen;
            // The sums of the rule's curves over the samples above the threshold.
            let curved = self.total * view.nearness(above, cut.depth);
            let ratio = self.total * view.lens.ratio(cut.depth) * view.inverse_moments(above)[0];
            let beyond = self.budget + self.alpha * curved;
            cut.keep = 1.0 + (cut.below - beyond) / cut.tied;
            if cut.keep > 1.0 {
                stays = (cut.below, cut.below - beyond);
            } else if cut.keep > 0.0 {
                return Ok(Some(self.with_capped(view, cut)));
            } else {
                let depth = rule.depth(cut.capped(), [curved, ratio], cut.depth);
                if depth >= depths.depth(cut.next) {
                    (cut.keep, cut.depth) = (0.0, depth.min(cut.depth));
                    return Ok(Some(self.with_capped(view, cut)));
                }
                goes = (cut.capped(), cut.capped() - beyond);
            }
            // The samples between: those of these ranks, or of the first one at least.
            let open = |rank: f64| rank.min(stays.0 - 0.5).max(goes.0);
            // As D falls the mass beyond it grows by the samples on the way, as dense as they are beyond D, and the mass that may
            // go shrinks: they meet on part of the way.
            let density = cut.capped() / (depths.depth(self.range.smallest) - cut.depth);
            let part = density / (density + self.alpha * ratio / (u + cut.depth));
            let from = if cut.keep > 1.0 { cut.below } else { cut.capped() };
            let mut rank = if part > 0.0 { from + (beyond - from) * part } else { beyond };
            let here = if cut.keep > 1.0 { stays } else { goes };
            if let Some((before, excess)) = last {
                // Two looks tell more.
                let secant = here.0 - here.1 * (here.0 - before) / (here.1 - excess);
                rank = if attempt % 4 == 3 || secant.is_nan() { 0.5 * (goes.0 + stays.0) } else { secant };
            }
            last = Some(here);
            rank = open(rank);
            let ranked = ranks.find_near(data, level, self.range, rank, Ranked::of_cut(cut))?;
            *cut = ranked.cut(self.range, rank);
        }
        Ok(None)
    }

    /// As [`Problem::view`], by the fast pass. Where the threshold is among the candidates for it, all losses above these are looked
    /// at once, and are `far`.
    fn view_above<R: Meeting>(
        &self,
        data: &mut Data<'_, T, R>,
        level: Level,
        threshold: T,
        u: f64,
        mean: f64,
        far: &mut Option<Partial<4, 0>>,
    ) -> Result<View, Error> {
        let (depths, lens) = (self.range.depths, Lens::new(u, mean));
        let mut above = |threshold| data.pass(|chunk, _| fast_root(level, chunk.losses, depths, threshold, lens));
        let sums = match self.ranks().around(threshold) {
            None => above(threshold)?,
            Some((candidates, end)) => {
                let mut sums = match *far {
                    Some(known) => known,
                    None => *far.insert(above(end)?),
                };
                let near = Data::new(candidates, None, Team::ALONE, Alone);
                sums.join(&near.pass_alone(|chunk, _| fast_root(level, chunk.losses, depths, threshold, lens)));
                sums
            }
        };
        let mut view = View::new(u, lens, Form::Plain, sums.sums, self.total);
        view.add(self.unseen, 0.0);
        Ok(view)
    }

    /// Adds the capped mass to a view of the samples above the cut.
    pub(super) fn with_capped(&self, mut view: View, cut: &Cut<T>) -> View {
        let capped = cut.capped() / self.total;
        let (ratio, excess) = (view.lens.ratio(cut.depth), view.lens.excess(cut.depth));
        // While D moves between two samples, `dD/d log u = u sum (b / x^2) (x_D - x) / sum (b / x)` over the samples above
        // it, and `d phi / dD = alpha (x_D S1 - 1) / x_D`.
        let [inverse, square, tilted] = view.inverse_moments(1.0 - capped + self.unseen);
        view.add(capped, cut.depth);
        if cut.is_between() {
            // y_D - y, from whichever of the worst loss and the mean is nearer.
            let moved =
                if ratio < 0.5 { ratio * square - view.lens.shift * inverse } else { excess * square - tilted };
            let depth_slope = moved / inverse;
            let phi_slope = self.alpha * view.nearness(1.0 + self.unseen, cut.depth) / ratio;
            view.slope_of_cut = phi_slope * depth_slope;
        }
        view
    }
}

/// How often the cut of HR is looked for by rank before it is searched for in another way: a bisection needs no more.
const ATTEMPTS: usize = 96;
