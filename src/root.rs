//! The r step: the u at which the Kullback-Leibler budget is spent, `phi(u) = L(u) + log S1(u) = r`.

use crate::math::{exp, expm1, log, log_expm1, sqrt};
use crate::params::Error;
use crate::sharded::ROOM;
use crate::view::View;

/// The solution of the r step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Root {
    pub(crate) view: View,
    /// `phi(u) - r` where u rests on its lower end, else 0. Then not all mass follows `q / (x S1)`: the fraction
    /// `1 - exp(slack)` goes to the worst loss.
    pub(crate) slack: f64,
    /// Views taken.
    pub(crate) iterations: u32,
}

impl Root {
    /// The root where r is zero.
    pub(crate) fn at_infinity(mean: f64) -> Self {
        Self { view: View::from_infinity(mean), slack: 0.0, iterations: 0 }
    }

    /// What `q / y` is multiplied by to become a weight.
    pub(crate) fn level(&self) -> f64 {
        self.followed() / self.view.inverse_sum()
    }

    /// The fraction of the mass that follows `q / (x S1)`.
    pub(crate) fn followed(&self) -> f64 {
        exp(self.slack)
    }

    /// The fraction that goes to the worst loss instead.
    pub(crate) fn remainder(&self) -> f64 {
        -expm1(self.slack)
    }
}

/// Where the search begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    /// Mass at depth zero.
    pub(crate) top: f64,
    /// A guess at log u.
    pub(crate) log_u: f64,
    /// How much of the view's reach the last step may use, to be taken without looking where it leads.
    pub(crate) leap: f64,
}

impl Start {
    /// From a guess at log u.
    pub(crate) fn near(top: f64, log_u: f64) -> Self {
        Self { top, log_u, leap: 1.0 }
    }

    /// From the mass at depth zero and the variance of the depths: exact for small r, of the right order for large r.
    pub(crate) fn from_variance(top: f64, variance: f64, r: f64) -> Self {
        let k = line_factor(top);
        Self { log_u: 0.5 * (log(0.5 * k * variance) - log_expm1(k * r)), ..Self::near(top, 0.0) }
    }
}

/// phi falls from large values, like `-(1 - top) log u`, to small ones, like `variance / (2 u^2)`. Seen through
/// `log(exp(k phi) - 1)` with this k both ends are lines of slope -2 in log u.
pub(crate) fn line_factor(top: f64) -> f64 {
    2.0 / (1.0 - top).max(f64::EPSILON)
}

/// Below this, u is as good as zero beside depths of order one, and any mass at depth zero holds all weight.
pub(crate) const LOG_FLOOR: f64 = -705.0;
/// A smaller u is at the floor, whose exponential is 7e-307.
pub(crate) const FLOOR: f64 = 1e-306;
/// Above this, `u^2` overflows; r would be below the smallest number.
const LOG_CEILING: f64 = 373.0;
/// All that log u can be.
pub(crate) static EVERYWHERE: [f64; 2] = [LOG_FLOOR, LOG_CEILING];
/// After so many steps a step that is not half of the one before is replaced by a bisection.
const PATIENCE: u32 = 8;
/// So many times what phi is rounded by: where it misses r by less, and not by half as much as at the last look, so near to here in
/// log u, rounding decides.
const NOISE: f64 = 4.0;
const NEXT_TO: f64 = 1e-8;
/// In log u, a step that the slope must not decide: it may come from where phi hardly changes.
const LONG_STEP: f64 = 2.0;

/// Below this r the root is that of the leading term, to the last bit. (Where there is little room, what makes a search shorter
/// far from what training meets is left out.)
const TINY_R: f64 = if ROOM { 1e-40 } else { LEAST_R };
/// Below this r phi itself would soon be subnormal.
const LEAST_R: f64 = 1e-200;
/// From here all depths look the same to the last bit, and their variance can be read off phi, if that is not below this.
const FAR: f64 = 1e60;
const LEAST_PHI: f64 = 1e-290;
/// Relative to r, how much more phi may be there.
const NEXT_TO_NOTHING: f64 = 1e-9;

/// Finds the root of `phi(u) = r` for `0 < r < inf` by a bracketed search in log u, on `log(exp(k phi) - 1)`, which is nearly
/// a line: steps of third order where the view knows phi's curvature, Newton steps else.
///
/// Every step stays in the bracket, and a slow one halves it: the search ends when the bracket does. A step within
/// the view's reach is taken without looking again. Whoever looks may know better which step leads to the root.
pub(crate) fn find(
    r: f64,
    start: Start,
    bracket: &[f64; 2],
    // Not generic: one copy serves both orderings and both widths, and what it calls takes far longer than the call.
    look: &mut dyn FnMut(f64, &mut f64) -> Result<View, Error>,
) -> Result<Root, Error> {
    let mut iterations = 0;
    // (Not if nothing is left to be found out about u.)
    if r < TINY_R && (!ROOM || bracket[0] < bracket[1]) {
        let mut lead = f64::NAN;
        let phi = look(FAR, &mut lead)?.phi();
        iterations += 1;
        if phi > LEAST_PHI || r < LEAST_R {
            // Where it has underflowed, what is left after trimming is nearly at one depth.
            let u = if phi > 0.0 { sqrt(phi) * FAR / sqrt(r) } else { FAR };
            let view = look(u, &mut lead)?;
            iterations += 1;
            // Where next to no mass is far deeper than all other, the leading term may not be all of phi.
            if !ROOM || view.phi() <= r * (1.0 + NEXT_TO_NOTHING) {
                return Ok(Root { view, slack: 0.0, iterations });
            }
        }
    }
    let k = line_factor(start.top);
    let target = log_expm1(k * r);
    let [mut low, mut high] = *bracket;
    let mut floor_seen = false;
    // NaN and minus infinity, from a variance that has been lost to rounding, begin at the floor.
    let mut log_u = start.log_u.max(low).min(high);
    let mut step_before = f64::INFINITY;
    let mut before = None;
    let mut cut_moved = false;
    let mut led = false;
    loop {
        let at_floor = log_u <= LOG_FLOOR;
        // Without mass at depth zero u may be zero.
        let u = if at_floor && start.top == 0.0 { 0.0 } else { exp(log_u) };
        // By reference: moved out of the result the view would lie on the stack twice.
        let mut lead = f64::NAN;
        let look = look(u, &mut lead);
        let view = match &look {
            Ok(view) => view,
            Err(error) => return Err(*error),
        };
        iterations += 1;
        let phi = view.phi();
        if at_floor && phi <= r {
            return Ok(Root { view: *view, slack: phi - r, iterations });
        }
        floor_seen |= at_floor;
        if phi > r {
            low = log_u;
        } else {
            high = log_u;
        }
        let (lack, step) = lack_and_step(target, k, phi, view);
        // Nor is a shorter step seen in log u.
        let unseen = if ROOM { f64::EPSILON * log_u.abs() } else { 0.0 };
        let last_step = (start.leap * view.reach()).max(unseen);
        // An overflowed slope also makes a small step.
        if step.abs() <= last_step && lack.abs() <= 10.0 * last_step {
            return Ok(Root { view: view.moved(step), slack: 0.0, iterations });
        }
        let here = Place { log_u, lack };
        let (miss, rounding) = ((phi - r).abs(), view.rounding(phi));
        let is_noise = miss <= NOISE * rounding && before.is_some_and(|before| here.is_no_better(before));
        if miss <= rounding || is_noise || high - low <= f64::EPSILON * (1.0 + log_u.abs()) {
            return Ok(Root { view: *view, slack: 0.0, iterations });
        }
        // The cut has come from between two samples to one: the slope is that of the way on, and not what it was before.
        let on_sample = cut_moved && view.slope_of_cut == 0.0;
        let secant = || before.filter(|_| !on_sample).and_then(|before| here.step_from(before));
        // Who has led to a poor place knows too little of the way.
        let misled = ROOM && led && secant().is_some();
        // (None, or so short a one that it leads nowhere, is no lead.)
        led = ROOM && (log_u + lead - log_u).abs() > 0.0;
        let step = if led && !misled {
            lead
        } else if let Some(secant) = secant().filter(|_| !(ROOM && at_floor)) {
            secant
        } else if ROOM && (at_floor || step > LONG_STEP) {
            step_up(r, phi, log_u, view.u, view.lens.centre)
        } else {
            step
        };
        before = Some(here);
        cut_moved = view.slope_of_cut != 0.0;
        let next = log_u + step;
        let halve = step.abs() > 0.5 * step_before && iterations > PATIENCE;
        step_before = step.abs();
        log_u = if !halve && next > low && next < high {
            next
        } else if phi < r && low == LOG_FLOOR && !floor_seen {
            // Nothing is known on that side, and the slope tells nothing.
            LOG_FLOOR
        } else {
            step_before = f64::INFINITY;
            0.5 * (low + high)
        };
    }
}

/// A log u that was looked at, and how much `log(exp(k phi) - 1)` lacks there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) log_u: f64,
    pub(crate) lack: f64,
}

impl Place {
    /// Whether less than half of what was lacking next to here has been made up for.
    fn is_no_better(self, before: Self) -> bool {
        (self.log_u - before.log_u).abs() <= NEXT_TO && self.lack.abs() > 0.5 * before.lack.abs()
    }

    /// The secant step, if the last step was a poor one. (HR's cut holds on to a sample for a while, and then leaps to the next:
    /// the slope at one u is not that of the way to the root.)
    fn step_from(self, before: Self) -> Option<f64> {
        const POOR: f64 = 0.1;
        let slope = (self.lack - before.lack) / (self.log_u - before.log_u);
        // What is lacking grows with u.
        (self.lack.abs() > POOR * before.lack.abs() && slope > 0.0).then_some(-self.lack / slope)
    }
}

/// The step up from the lower end, or near it, where the slope says nothing: to the u that solves the leading term of phi, which is
/// that of depths near their mean, `phi (u + mean)^2`.
fn step_up(r: f64, phi: f64, log_u: f64, u: f64, mean: f64) -> f64 {
    log(u + (u + mean) * (sqrt(phi / r) - 1.0)) - log_u
}

/// One step of the search from a view that is not exact, of depths with this mean: the next log u, and what was lacking at this one.
pub(crate) fn improved(r: f64, top: f64, log_u: f64, view: &View, mean: f64, before: Option<Place>) -> (f64, f64) {
    let k = line_factor(top);
    let phi = view.phi();
    let (lack, step) = lack_and_step(log_expm1(k * r), k, phi, view);
    let step = if log_u <= LOG_FLOOR && phi > r {
        step_up(r, phi, log_u, view.u, mean)
    } else {
        // The floor is too far away to tell.
        let before = before.filter(|before| before.log_u > LOG_FLOOR);
        let step = before.and_then(|before| Place { log_u, lack }.step_from(before)).unwrap_or(step);
        // Of a longer step the direction can be trusted, and more if the last one led there too; NaN not at all.
        let last = before.map_or(0.0, |before| log_u - before.log_u);
        let crossed = before.is_some_and(|before| (before.lack > 0.0) != (lack > 0.0));
        if step.is_nan() {
            0.0
        } else if crossed && step.abs() >= last.abs() {
            -0.5 * last
        } else {
            let longest = (4.0 * last.abs()).max(1.0);
            step.clamp(-longest, longest)
        }
    };
    ((log_u + step).clamp(LOG_FLOOR, LOG_CEILING), lack)
}

/// What `g = log(exp(k phi) - 1)` lacks, and the step in log u that makes up for it: Halley's where the curvature is known.
fn lack_and_step(target: f64, k: f64, phi: f64, view: &View) -> (f64, f64) {
    // g = k phi + log w, g' = k phi' / w and g'' = k phi'' / w - (k phi')^2 (1 - w) / w^2 with w = 1 - exp(-k phi).
    let w = -expm1(-k * phi);
    let lack = target - (k * phi + log(w));
    let slope = k * view.slope() / w;
    if ROOM && slope >= 0.0 {
        // Rounding has made it up. The lower end of the curve has this slope; upwards there may be a long way to where it falls.
        return (lack, if lack > 0.0 { -0.5 * lack } else { f64::INFINITY });
    }
    let newton = lack / slope;
    let curvature = k * view.curvature() / w - slope * slope * (1.0 - w);
    let correction = 1.0 + 0.5 * newton * curvature / slope;
    // Also where the curvature is NaN, or so large that it cannot be trusted.
    (lack, if correction > 0.5 && correction < 2.0 { newton / correction } else { newton })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::Lens;
    use crate::view::Form;

    /// Two depths of equal mass, seen with a logarithm that is off by so much.
    fn two_depths(form: Form, u: f64, off: f64) -> View {
        let mut view = View::new(u, Lens::new(u, 0.5), form, [off, 0.0, 0.0, 0.0], 1.0);
        view.add(0.5, 0.0);
        view.add(0.5, 1.0);
        view
    }

    /// Where phi is rounded by more than it knows, looks end as soon as they are no better than the last.
    #[test]
    fn rounding_is_not_searched() {
        const OFF: f64 = 1.5 * f64::EPSILON;
        for exponent in -14..=0 {
            let r = libm::exp2(f64::from(exponent));
            let mut looks = 0;
            let root = find(r, Start::from_variance(0.5, 0.25, r), &EVERYWHERE, &mut |u, _| {
                looks += 1;
                let mut view = two_depths(Form::Plain, u, if looks % 2 == 0 { OFF } else { -OFF });
                // As where the cut moves: no step is taken unseen.
                view.slope_of_cut = 1e-9 * r;
                Ok(view)
            });
            let root = root.unwrap_or_else(|error| panic!("{error:?}"));
            let miss = two_depths(Form::Plain, root.view.u, 0.0).miss(r);
            assert!(looks <= 8, "{looks} looks, r = {r}");
            assert!(miss <= 4.0 * OFF, "a miss of {miss:e}, r = {r}");
        }
    }

    /// Whoever leads nowhere does not lead.
    #[test]
    fn a_lead_to_nowhere() {
        let looks = |lead: f64| {
            let start = Start::from_variance(0.5, 0.25, 0.1);
            let look = &mut |u: f64, led: &mut f64| {
                *led = lead;
                Ok(two_depths(Form::Centred, u, 0.0))
            };
            find(0.1, start, &EVERYWHERE, look).map(|root| (root.iterations, root.view.u))
        };
        assert_eq!(looks(1e-200), looks(f64::NAN));
    }

    /// Two depths of equal mass, for every r: what is said of the looks is how many there were, and the last of them, or a step from
    /// it, is at the root.
    #[test]
    fn every_look_is_counted() {
        for form in [Form::Centred, Form::Plain] {
            for exponent in -60..=0 {
                let r = libm::exp2(f64::from(exponent));
                let mut looks = 0;
                let root = find(r, Start::from_variance(0.5, 0.25, r), &EVERYWHERE, &mut |u, _| {
                    looks += 1;
                    Ok(two_depths(form, u, 0.0))
                });
                let root = root.unwrap_or_else(|error| panic!("{error:?}"));
                assert_eq!(root.iterations, looks, "r = {r}");
            }
        }
    }
}
