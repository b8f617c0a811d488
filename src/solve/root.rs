//! The r step: the u at which the Kullback-Leibler budget is spent,
//! `phi(u) = L(u) + log S1(u) = r`.
//!
//! A bracketed search in log u on `g = log(exp(k phi) - 1)`, which is nearly a line: a step is
//! Halley's where the curvature is known and Newton's where it is not, a secant step after a poor
//! one, and a bisection where steps do not shrink.
//!
//! ```text
//! search = Search::new(r, start)
//! until done: search.absorb(sums of the distribution at search.u())
//! ```
//!
//! Invariant: phi is above r at the lower end of the bracket and not above it at the upper one.
//! Every step stays in the bracket and every slow one halves it, so the search ends when the
//! bracket does.

use super::divergence::DivergenceSums;
use crate::numbers::math::{exp, expm1, log, sqrt};

/// The solution of the r step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Root {
    pub(crate) sums: DivergenceSums,
    /// `r - phi(u)` where u rests on its lower end, else 0: the budget that cannot be spent there.
    /// Then not all mass follows `q / (x S1)`: the share `1 - exp(-unspent_kl)` goes to the worst
    /// loss.
    pub(crate) unspent_kl: f64,
    /// How many values of u the search has tried.
    pub(crate) iterations: u32,
}

impl Root {
    /// The root where r is zero.
    pub(crate) fn at_infinity(mean: f64) -> Self {
        Self { sums: DivergenceSums::from_infinity(mean), unspent_kl: 0.0, iterations: 0 }
    }

    /// What `q / y` is multiplied by to become a weight.
    pub(crate) fn normaliser(&self) -> f64 {
        self.bulk_share() / self.sums.inverse_sum()
    }

    /// The share of the mass that follows `q / (x S1)`.
    pub(crate) fn bulk_share(&self) -> f64 {
        if self.unspent_kl == 0.0 { 1.0 } else { exp(-self.unspent_kl) }
    }

    /// The share that goes to the worst loss instead.
    pub(crate) fn atom_share(&self) -> f64 {
        if self.unspent_kl == 0.0 { 0.0 } else { -expm1(-self.unspent_kl) }
    }
}

/// Where the search begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    /// Mass at depth zero.
    pub(crate) top: f64,
    /// A guess at u, which may be outside of where the search looks, or NaN.
    pub(crate) u: f64,
    /// A guess at S1 there; NaN if there is none.
    pub(crate) inverse_sum: f64,
    /// The share of the sums's reach that the last step may have, which is taken without looking
    /// where it leads.
    pub(crate) unverified_share: f64,
}

impl Start {
    /// From a guess at u.
    pub(crate) fn near(top: f64, u: f64) -> Self {
        Self { top, u, inverse_sum: f64::NAN, unverified_share: 1.0 }
    }

    /// From the mass at depth zero and the variance of the depths: exact for small r, of the right
    /// order for large r.
    pub(crate) fn from_variance(top: f64, variance: f64, r: f64) -> Self {
        let k = line_factor(top);
        Self::near(top, sqrt(0.5 * k * variance / expm1(k * r)))
    }
}

/// phi falls from large values, like `-(1 - top) log u`, to small ones, like `variance / (2 u^2)`.
/// Seen through `log(exp(k phi) - 1)` with this k both ends are lines of slope -2 in log u.
pub(crate) fn line_factor(top: f64) -> f64 {
    2.0 / (1.0 - top).max(f64::EPSILON)
}

/// The least log u. Below it u is as good as zero beside depths of order one, and any mass at depth
/// zero holds all weight. A smaller one would make u subnormal, where it loses digits; a larger one
/// would be felt for the largest r.
pub(crate) const LOG_FLOOR: f64 = -705.0;
/// A smaller u is that of the floor, whose exponential is 7e-307.
pub(crate) const FLOOR: f64 = 1e-306;
/// The largest log u. Above it `u^2` overflows, and r would be below the smallest number.
pub(crate) const LOG_CEILING: f64 = 373.0;
/// A larger u is taken to be this one, whose logarithm is just below that.
const CEILING: f64 = 9e161;
/// From this many steps on, a step that is longer than half of the one before gives way to a
/// bisection. Fewer would disturb searches that converge, more would prolong those that do not.
const PATIENCE: u32 = 8;
/// The search also ends where phi misses r by no more than this many times what phi is rounded by,
/// if the last two places are within [`NEXT_TO`] in log u and the later one is not twice as good:
/// there rounding decides. Less would search in the noise; more would end searches that still gain.
const NOISE: f64 = 4.0;
const NEXT_TO: f64 = 1e-8;
/// A longer step in log u is not left to the slope, which may come from where phi hardly changes. A
/// shorter limit would slow searches that begin far away.
const LONG_STEP: f64 = 2.0;

/// A step over a larger share of the bracket gives way to a bisection. A larger limit would let steps
/// go to and fro between the ends, a smaller one would slow searches that converge.
const BOLD: f64 = 0.75;

/// Below this r the root is that of the leading term of phi, to the last bit; what follows begins
/// with that term. A larger limit would lose digits, a smaller one would take the general search
/// through thousands of decades.
const TINY_R: f64 = 1e-40;
/// Below this r phi itself would soon be subnormal: then the leading term has the last word.
const LEAST_R: f64 = 1e-200;
/// A u from where all depths look the same to the last bit, so that phi is its leading term.
const FAR: f64 = 1e60;
/// If phi is not below this there, it has its digits.
const LEAST_PHI: f64 = 1e-290;
/// By how much, relative to r, phi may exceed r at the root of the leading term: more would be an
/// answer that spends too much, less would refuse rounding.
const EXCESS_OF_LEADING_TERM: f64 = 1e-9;

/// A search, between two looks. It is plain numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Search {
    r: f64,
    start: Start,
    /// The k of the line, and `1 - exp(-k phi)` at the root.
    k: f64,
    w_at_root: f64,
    stage: Stage,
    /// Where to look next. u is zero at the floor if no mass is at depth zero.
    log_u: f64,
    u: f64,
    /// The bracket of log u.
    low: f64,
    high: f64,
    /// The last place, the size of the step from it, and whether the cut moved with u there.
    before: Option<Place>,
    step_before: f64,
    cut_moved: bool,
    floor_seen: bool,
    iterations: u32,
}

/// What is looked for.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// The leading term of phi, for tiny r.
    LeadingTerm,
    /// Whether its root is that of phi.
    RootOfLeadingTerm,
    /// The root, in the bracket.
    Bracketed,
}

/// What a search wants next.
#[derive(Debug)]
pub(crate) enum Next {
    /// The sums at [`Search::u`].
    Look,
    /// Nothing: this is the root.
    Done(Root),
}

impl Search {
    /// A search for the root of `phi(u) = r`, for `0 < r < inf`.
    pub(crate) fn new(r: f64, start: Start) -> Self {
        let k = line_factor(start.top);
        let mut search = Self {
            r,
            start,
            k,
            w_at_root: -expm1(-k * r),
            stage: Stage::LeadingTerm,
            log_u: f64::NAN,
            u: FAR,
            low: LOG_FLOOR,
            high: LOG_CEILING,
            before: None,
            step_before: f64::INFINITY,
            cut_moved: false,
            floor_seen: false,
            iterations: 0,
        };
        if r >= TINY_R {
            search.begin_bracketed();
        }
        search
    }

    /// Where to look.
    pub(crate) fn u(&self) -> f64 {
        self.u
    }

    /// Takes in what was seen from [`Search::u`].
    pub(crate) fn absorb(&mut self, sums: DivergenceSums) -> Next {
        self.iterations += 1;
        match self.stage {
            Stage::LeadingTerm => {
                let phi = sums.phi();
                if phi > LEAST_PHI || self.r < LEAST_R {
                    self.stage = Stage::RootOfLeadingTerm;
                    // Where phi has underflowed, what is left after trimming is nearly at one
                    // depth.
                    self.u = if phi > 0.0 { sqrt(phi) * FAR / sqrt(self.r) } else { FAR };
                } else {
                    self.begin_bracketed();
                }
                Next::Look
            }
            Stage::RootOfLeadingTerm => {
                // Where next to no mass is far deeper than all other, the leading term may not be
                // all of phi.
                if sums.phi() <= self.r * (1.0 + EXCESS_OF_LEADING_TERM) {
                    return self.done(sums, 0.0);
                }
                self.begin_bracketed();
                Next::Look
            }
            Stage::Bracketed => self.absorb_bracketed(sums),
        }
    }

    fn begin_bracketed(&mut self) {
        self.stage = Stage::Bracketed;
        // NaN and zero, from a variance that has been lost to rounding, begin at the floor.
        if self.start.u > FLOOR {
            self.u = self.start.u.min(CEILING);
            self.log_u = log(self.u);
        } else {
            self.look_at(LOG_FLOOR);
        }
    }

    fn look_at(&mut self, log_u: f64) {
        self.log_u = log_u;
        // Without mass at depth zero u may be zero.
        self.u = if self.is_at_floor() && self.start.top == 0.0 { 0.0 } else { exp(log_u) };
    }

    fn is_at_floor(&self) -> bool {
        self.log_u <= LOG_FLOOR
    }

    fn done(&self, sums: DivergenceSums, unspent_kl: f64) -> Next {
        Next::Done(Root { sums, unspent_kl, iterations: self.iterations })
    }

    fn absorb_bracketed(&mut self, sums: DivergenceSums) -> Next {
        let Self { r, log_u, .. } = *self;
        let (phi, at_floor) = (sums.phi(), self.is_at_floor());
        if at_floor && phi <= r {
            return self.done(sums, r - phi);
        }
        self.floor_seen |= at_floor;
        *(if phi > r { &mut self.low } else { &mut self.high }) = log_u;
        let (lack, step) = self.lack_and_step(phi, &sums);
        // A step that is shorter than the rounding of log u is not seen there.
        let max_unverified_step =
            (self.start.unverified_share * sums.taylor_radius()).max(f64::EPSILON * log_u.abs());
        // An overflowed slope also makes a small step.
        if step.abs() <= max_unverified_step && lack.abs() <= 10.0 * max_unverified_step {
            return self.done(sums.taylor_shift(step), 0.0);
        }
        let here = Place { log_u, lack };
        let (miss, rounding) = ((phi - r).abs(), sums.rounding(phi));
        let is_noise = miss <= NOISE * rounding && self.before.is_some_and(|before| here.is_no_better(before));
        if miss <= rounding || is_noise || self.high - self.low <= f64::EPSILON * (1.0 + log_u.abs()) {
            return self.done(sums, 0.0);
        }
        let step = self.step_from(here, step, phi, &sums);
        self.before = Some(here);
        self.cut_moved = sums.slope_of_cut != 0.0;
        let next = log_u + step;
        let is_slow = step.abs() > 0.5 * self.step_before && self.iterations > PATIENCE;
        self.step_before = step.abs();
        // A step to near the other end comes from where phi is flat.
        let is_bold = step.abs() > BOLD * (self.high - self.low);
        let next = if !is_slow && !is_bold && next > self.low && next < self.high {
            next
        } else if phi < r && self.low == LOG_FLOOR && !self.floor_seen {
            // Nothing is known on that side, and the slope says nothing of it.
            LOG_FLOOR
        } else {
            self.step_before = f64::INFINITY;
            0.5 * (self.low + self.high)
        };
        self.look_at(next);
        Next::Look
    }

    /// The step from a place at which the slope, and the curvature if it is known, suggest a step.
    fn step_from(&self, here: Place, suggested: f64, phi: f64, sums: &DivergenceSums) -> f64 {
        // If the cut has come from between two samples to one of them, the slope is that of the way
        // on, and the last place says nothing of it.
        let on_sample = self.cut_moved && sums.slope_of_cut == 0.0;
        let before = self.before.filter(|_| !on_sample && !self.is_at_floor());
        if let Some(secant) = before.and_then(|before| here.secant_step(before)) {
            secant
        } else if self.is_at_floor() || suggested > LONG_STEP {
            step_up(self.r, phi, here.log_u, sums.u, sums.scaling.centre)
        } else {
            suggested
        }
    }

    /// What g lacks, and the step in log u that makes up for it: Halley's where the curvature is
    /// known, else Newton's.
    fn lack_and_step(&self, phi: f64, sums: &DivergenceSums) -> (f64, f64) {
        // g = k phi + log w, g' = k phi' / w and g'' = k phi'' / w - (k phi')^2 (1 - w) / w^2 with
        // w = 1 - exp(-k phi).
        let k = self.k;
        let (lack, w) = self.lack(phi);
        let slope = k * sums.slope() / w;
        if slope >= 0.0 {
            // phi falls, so this is rounding. Downwards the slope is that of the lower end, -2;
            // upwards phi may stay as it is for long, and no step is known.
            return (lack, if lack > 0.0 { -0.5 * lack } else { f64::INFINITY });
        }
        let newton = lack / slope;
        let curvature = k * sums.curvature() / w - slope * slope * (1.0 - w);
        let correction = 1.0 + 0.5 * newton * curvature / slope;
        // Newton's also where the curvature is NaN, or so large that it cannot be trusted.
        (lack, if correction > 0.5 && correction < 2.0 { newton / correction } else { newton })
    }

    /// What g lacks of what it is at the root, and w, at a place with this phi.
    fn lack(&self, phi: f64) -> (f64, f64) {
        /// So near to the root the first terms of the series give the lack to some six digits, and
        /// to all of them where a step ends the search. A larger limit would cost digits, a
        /// smaller one elementary functions.
        const NEAR: f64 = 0.2;
        let ahead = self.k * (self.r - phi);
        if ahead.abs() < NEAR * self.w_at_root {
            // With t = tanh(ahead / 2), here to second order, w is (w_at_root (1 + t) - 2 t) /
            // (1 - t), and the lack is that of Pade's approximant and the next term.
            let t = 0.5 * ahead;
            let middle = self.w_at_root - t * (1.0 - self.w_at_root);
            let (s, w) = (t / middle, (middle - t) / (1.0 - t));
            return (2.0 * s * (1.0 + s * s * ((1.0 - w * w) / 3.0)), w);
        }
        let w = -expm1(-self.k * phi);
        (ahead + log(self.w_at_root / w), w)
    }
}

/// A log u that was looked at, and how much g lacks there of what it is at the root.
#[derive(Clone, Copy, Debug)]
struct Place {
    log_u: f64,
    lack: f64,
}

impl Place {
    /// Whether this place is next to the one before and less than half of what was lacking has been
    /// made up for.
    fn is_no_better(self, before: Self) -> bool {
        (self.log_u - before.log_u).abs() <= NEXT_TO && self.lack.abs() > 0.5 * before.lack.abs()
    }

    /// The secant step, if the last step was a poor one. HR's cut stays at a sample over some range
    /// of u and then moves on to the next: the slope at one u is not that of the way to the root.
    fn secant_step(self, before: Self) -> Option<f64> {
        /// A step that leaves more than this share of what was lacking is a poor one. Newton's on
        /// this line leaves less where the cut stands still.
        const POOR: f64 = 0.1;
        let slope = (self.lack - before.lack) / (self.log_u - before.log_u);
        // What is lacking grows with u.
        (self.lack.abs() > POOR * before.lack.abs() && slope > 0.0).then_some(-self.lack / slope)
    }
}

/// The step up from the lower end, or from near it, where the slope says nothing: to the u that
/// solves the leading term of phi, which for depths near their mean is `phi (u + mean)^2`.
fn step_up(r: f64, phi: f64, log_u: f64, u: f64, mean: f64) -> f64 {
    log(u + (u + mean) * (sqrt(phi / r) - 1.0)) - log_u
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::Scaling;
    use crate::solve::divergence::Form;

    /// The root, by looks from the u that the search asks for.
    fn find(r: f64, start: Start, mut look: impl FnMut(f64) -> DivergenceSums) -> Root {
        let mut search = Search::new(r, start);
        loop {
            if let Next::Done(root) = search.absorb(look(search.u())) {
                return root;
            }
        }
    }

    /// Two depths of equal mass, seen with a logarithm that is off by so much.
    fn two_depths(form: Form, u: f64, off: f64) -> DivergenceSums {
        let mut sums = DivergenceSums::new(u, Scaling::new(u, 0.5), form, [off, 0.0, 0.0, 0.0], 1.0);
        sums.add(0.5, 0.0);
        sums.add(0.5, 1.0);
        sums
    }

    /// Where phi is rounded by more than its bound says, looks end as soon as they are no better
    /// than the last.
    #[test]
    fn rounding_is_not_searched() {
        const OFF: f64 = 1.5 * f64::EPSILON;
        for exponent in -14..=0 {
            let r = libm::exp2(f64::from(exponent));
            let mut looks = 0;
            let root = find(r, Start::from_variance(0.5, 0.25, r), |u| {
                looks += 1;
                let mut sums = two_depths(Form::Plain, u, if looks % 2 == 0 { OFF } else { -OFF });
                // As where the cut moves: no step is taken unseen.
                sums.slope_of_cut = 1e-9 * r;
                sums
            });
            let miss = (two_depths(Form::Plain, root.sums.u, 0.0).phi() - r).abs();
            assert!(looks <= 8, "{looks} looks, r = {r}");
            assert!(miss <= 4.0 * OFF, "a miss of {miss:e}, r = {r}");
        }
    }

    /// Two depths of equal mass, for every r: what is said of the looks is how many there were, and
    /// the last of them, or a step from it, is at the root.
    #[test]
    fn every_look_is_counted() {
        for form in [Form::Centred, Form::Plain] {
            for exponent in -60..=0 {
                let r = libm::exp2(f64::from(exponent));
                let mut looks = 0;
                let root = find(r, Start::from_variance(0.5, 0.25, r), |u| {
                    looks += 1;
                    two_depths(form, u, 0.0)
                });
                assert_eq!(root.iterations, looks, "r = {r}");
            }
        }
    }
}
