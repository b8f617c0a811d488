//! The search of a sharded solve by certain brackets: where u and the cut may be, and which bins
//! tell more.
//!
//! Invariant: phi is above r at the lower end of the bracket and not at the upper one, and for
//! every u in between the cut is in the window. Both follow from bounds that hold whatever the
//! samples in a bin are, so nothing is ever undone.

use super::bounds::{Known, Place};
use super::crossing::{Bracket, Line, MOST_EVALUATIONS};
use super::message::BINS;
use crate::kernels::{Bins, Scaling};
use crate::numbers::depths::Depths;
use crate::numbers::math::{exp, log};
use crate::numbers::real::Real;
use crate::params::{Ordering, Params};
use crate::solve::cut::Rule;
use crate::solve::optimum::Optimum;
use crate::solve::problem::Problem;
use crate::solve::root::{LOG_CEILING, LOG_FLOOR, line_factor};
use crate::validate::Range;

/// Relative to the smallest x, how well u must be known for sums of powers about its middle: from
/// there they are off by the third power of it or less, and the next ones are exact. Where bins
/// over all depths do not tell more, such sums are made earlier.
const TRUST: f64 = 0.01;
/// A divergence of r moves at most `sqrt(r / 2)` of the mass (Pinsker): below this that is 1e-14,
/// and u follows from the variance of the depths.
const TINY_R: f64 = 1e-28;
/// Where log u, or phi relative to itself, is known to this, weights are to 1e-13. Of a large log u
/// fewer digits are told: the two ends of its bracket and the middle differ by rounding.
const KNOWN_LOG_U: f64 = 1e-13;
const KNOWN_DIGITS: f64 = 16.0 * f64::EPSILON;
const KNOWN_PHI: f64 = 4e-15;
/// In log u: from where phi is r to rounding the root is no farther.
const NEXT_TO: f64 = 1e-6;

/// How closely the roots of the bounds of phi are found, in parts of their distance: more digits
/// would hardly shrink the bracket.
const CLOSE_ENOUGH: f64 = 0.2;

/// What all ranks know of a problem, and where its solution may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search {
    /// The problem on which all ranks have agreed, and the mass of all samples and of those at
    /// depth zero.
    pub(super) params: Params,
    pub(super) range: Range,
    pub(super) mass_scale: f64,
    pub(super) masses: [f64; 2],
    /// log u is between these, the cut is at a loss between these positions, and D between these
    /// depths.
    pub(super) log_u: [f64; 2],
    /// Where log u is looked for first.
    pub(super) guess: f64,
    pub(super) window: [u64; 2],
    pub(super) cut_depths: [f64; 2],
    /// The bins of the current round and, if it is one about a u, the u and the scaling.
    pub(super) bins: Bins,
    pub(super) about: Option<(f64, Scaling)>,
}

impl Search {
    /// Before anything is known.
    pub(super) const START: Self = Self {
        params: Params::DEFAULT,
        range: Range::OF_ZEROS,
        mass_scale: 0.0,
        masses: [0.0; 2],
        log_u: [LOG_FLOOR, LOG_CEILING],
        guess: 0.0,
        window: [1, 0],
        cut_depths: [0.0, f64::INFINITY],
        bins: Bins::none(Depths::OF_ZEROS),
        about: None,
    };

    /// Of a problem whose range is known: with the first bins.
    pub(super) fn of<T: Real>(params: &Params, range: Range, mass_scale: f64) -> Self {
        /// The first bins are narrow from about this u on, in units near the span: well below where
        /// the u of most problems is, and the larger r is the smaller that may be.
        const FIRST_LOG_U: f64 = -4.0;
        const LARGE_R: f64 = 8.0;
        let position = |loss: f64| T::from_f64(loss).position();
        let window = if params.alpha > 0.0 { [position(range.smallest), position(range.largest)] } else { [1, 0] };
        let cut_depths = [0.0, range.depths.depth(range.smallest)];
        let guess = FIRST_LOG_U - params.r.min(LARGE_R);
        let mut search = Self { params: *params, range, mass_scale, guess, window, cut_depths, ..Self::START };
        search.make_bins::<T>(exp(if search.is_tiny() { LOG_FLOOR } else { guess }));
        search
    }

    pub(super) fn problem<T: Real>(&self) -> Problem<'_, T> {
        Problem::of_masses(&self.range, &self.params, self.masses)
    }

    pub(super) fn is_tiny(&self) -> bool {
        self.params.r < TINY_R
    }

    /// The bins of the next round, for all losses or, about a u, for those of the window.
    fn make_bins<T: Real>(&mut self, u: f64) {
        let position = |loss: f64| T::from_f64(loss).position();
        let all = [self.range.smallest, self.range.upper_end()].map(position);
        let covered = if self.about.is_some() { self.window } else { all };
        self.bins = Bins::new::<T>(self.range.depths, u, covered, self.window, BINS);
    }

    /// About a u if that is well known or bins over all depths do not tell more, else over all
    /// depths.
    pub(super) fn plan_round<T: Real>(&mut self, known: &Known<'_>, before: &Self) {
        let [low, high] = self.log_u.map(exp);
        let (middle, half) = (0.5 * (low + high), 0.5 * (high - low));
        let least = self.range.depths.depth(self.range.largest);
        let width = |search: &Self| search.log_u[1] - search.log_u[0];
        let is_stuck = before.about.is_none() && before.masses_are_known() && width(self) > 0.5 * width(before);
        self.about = if self.is_tiny() {
            None
        } else if half <= TRUST * (middle + least) {
            Some(middle)
        } else if is_stuck {
            Some(exp(self.guess))
        } else {
            None
        }
        .map(|u| (u, Scaling::new(u, known.harmonic_depth(self.rule(u), u))));
        if let Some((u, _)) = self.about {
            self.guess = log(u);
        }
        self.make_bins::<T>(if self.is_tiny() { exp(LOG_FLOOR) } else { low });
    }

    /// Whether there has been a round of bins.
    fn masses_are_known(&self) -> bool {
        self.masses[0] > 0.0
    }

    pub(super) fn is_hr(&self) -> bool {
        self.params.ordering == Ordering::Hr && self.params.alpha > 0.0 && !self.is_tiny()
    }

    pub(super) fn budget(&self) -> f64 {
        self.params.alpha * self.masses[0]
    }

    /// The rule for the cut at a u where r is spent.
    pub(super) fn rule(&self, u: f64) -> Rule {
        let budget = self.budget();
        if self.is_hr() { Rule::KlWeighted { budget, alpha: self.params.alpha, u } } else { Rule::Base { budget } }
    }

    /// The rule where u is at its floor, and r may not be spent.
    pub(super) fn rule_at_floor(&self, u: f64) -> Rule {
        match self.rule(u) {
            Rule::KlWeighted { budget, .. } => {
                Rule::KlWeightedAtZero { budget, total: self.masses[0], u, r: self.params.r }
            }
            rule => rule,
        }
    }

    /// The optimum where no search is needed, once the masses are known.
    pub(super) fn limit<T: Real>(&self, deep: f64) -> Option<Optimum<T>> {
        let problem = self.problem::<T>();
        let Params { alpha, r, .. } = self.params;
        if self.range.depths.depth(self.range.smallest) == 0.0 {
            return Some(problem.all_equal());
        }
        let reaches_worst = alpha == 1.0
            || r == f64::INFINITY
            || (alpha > 0.0 && deep <= self.budget())
            || (self.is_hr() && r >= problem.kl_to_reach_worst());
        reaches_worst.then(|| problem.all_on_worst())
    }

    /// Shrinks the bracket of log u to where phi may be r; whether u is known then.
    pub(super) fn find_u<T: Real>(&mut self, known: &Known<'_>, is_exact: bool) -> bool {
        let (r, line) = (self.params.r, self.line::<T>());
        let bounds = |log_u: f64| {
            let [low, high] = known.bounds(self.rule(exp(log_u)), exp(log_u)).map(|bound| bound.phi);
            // Where they overflow nothing is known.
            [if low.is_nan() { 0.0 } else { low }, if high.is_nan() { f64::INFINITY } else { high }]
        };
        // The root of phi is between those of its bounds. Of the one from below the lower end of a
        // bracket is of use, of the other one the upper end.
        let mut sides = [Bracket::new(line, self.log_u); 2];
        let mut at_ends = [[f64::NAN; 2]; 2];
        let mut log_u = self.guess.max(self.log_u[0]).min(self.log_u[1]);
        for _ in 0..MOST_EVALUATIONS {
            let phi = bounds(log_u);
            for side in 0..2 {
                sides[side].absorb(log_u, phi[side]);
                if sides[side].ends[side] == log_u {
                    at_ends[side] = phi;
                }
            }
            let is_sought = |side: usize| {
                let [low, high] = at_ends[side];
                let beyond = if side == 0 { low - r } else { r - high };
                let is_close = beyond <= CLOSE_ENOUGH * (high - low) && high < f64::INFINITY;
                !is_close && !sides[side].is_narrow()
            };
            let beyond = 0.5 * CLOSE_ENOUGH * sides[0].distance(phi);
            if is_sought(0) {
                log_u = sides[0].next(-beyond);
            } else if is_sought(1) {
                log_u = sides[1].next(beyond);
            } else {
                break;
            }
        }
        let [least, most] = [sides[0].ends[0], sides[1].ends[1].max(sides[0].ends[0])];
        let at_most = if at_ends[1][1].is_nan() || most > sides[1].ends[1] { bounds(most) } else { at_ends[1] };
        self.log_u = [least, most];
        self.guess = 0.5 * (least + most);
        let is_all_told = is_exact && known.lump.as_ref().is_none_or(|lump| least == most && lump.u == exp(most));
        let is_spent = r - at_most[0] <= KNOWN_PHI * r;
        let is_at_floor = most <= LOG_FLOOR;
        let is_narrow = most - least <= KNOWN_LOG_U + KNOWN_DIGITS * least.abs();
        if is_spent {
            self.log_u[0] = least.max(most - NEXT_TO);
        }
        is_all_told
            || is_spent
            || (is_narrow && (!is_at_floor || at_most[1] - at_most[0] <= KNOWN_PHI * (1.0 + at_most[1])))
    }

    /// How phi is seen as a function of log u.
    pub(super) fn line<T: Real>(&self) -> Line {
        let moved = if self.params.ordering == Ordering::Hd { self.params.alpha } else { 0.0 };
        Line::new(self.params.r, line_factor((self.problem::<T>().top_share() + moved).min(1.0)))
    }

    /// Shrinks the window to where the cut may be, and the loss that is kept next to it; whether
    /// both are known then.
    pub(super) fn find_cut<T: Real>(&mut self, known: &Known<'_>, ends_are_known: bool) -> bool {
        if self.budget() == 0.0 {
            return true;
        }
        let [mut shallow, deep] = self.places(known);
        if self.is_hr() {
            let [floor, ceiling] = self.cut_depths;
            self.cut_depths = [floor.max(shallow.depth.min(deep.depth)), ceiling.min(deep.depth.max(shallow.depth))];
        }
        if deep.bin < shallow.bin {
            // D is known to rounding: each of the two places will do.
            shallow = deep;
        }
        let last = if deep.is_inside { Some(deep.bin) } else { deep.bin.checked_sub(1) };
        let touched = last.filter(|&last| last >= shallow.bin);
        // Where HR's cut is between two losses, the shallower one is the least that is kept.
        let kept = if shallow.is_inside { None } else { shallow.bin.checked_sub(1) };
        let position = |loss: f64| T::from_f64(loss).position();
        if let Some(last) = touched.or(kept) {
            self.window[0] = position(known.losses(last)[0]);
        }
        let shallowest = match kept {
            Some(kept) => known.losses(kept)[1],
            None if shallow.is_inside => known.losses(shallow.bin)[1],
            // It is shallower than the window.
            None => self.range.largest,
        };
        self.window[1] = position(shallowest);
        let is_kept_known = match kept {
            Some(kept) => ends_are_known || known.is_one_loss(kept),
            None => shallow.is_inside || known.lump.is_none(),
        };
        is_kept_known && touched.is_none_or(|last| (shallow.bin..=last).all(|bin| known.is_one_loss(bin)))
    }

    /// The shallowest place that the cut may have, and the deepest one.
    fn places(&self, known: &Known<'_>) -> [Place; 2] {
        let [low, high] = self.log_u;
        let places = |rule: Rule, log_u: f64| known.bounds(rule, exp(log_u)).map(|bound| bound.place);
        let [mut shallow, at_low] = places(self.rule(exp(low)), low);
        if !self.is_hr() {
            // HD's cut is the same at every u.
            return [shallow, at_low];
        }
        let [_, mut deep] = places(self.rule(exp(high)), high);
        if low <= LOG_FLOOR {
            let [at_floor, deep_at_floor] = places(self.rule_at_floor(exp(LOG_FLOOR)), LOG_FLOOR);
            if at_floor.depth < shallow.depth {
                shallow = at_floor;
            }
            if high <= LOG_FLOOR {
                deep = deep_at_floor;
            }
        }
        [shallow, deep]
    }
}
