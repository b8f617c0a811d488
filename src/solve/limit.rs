//! The limit to the calls of a sharded solve, and what it ends with where they do not suffice: the best of the exact looks from which r
//! is not exceeded. These weights are allowed and that dual bound holds, as always; the gap between the two says what is missing.

use super::focus::Focus;
use super::window::Bounds;
use super::{Outline, Problem, Solved};
use crate::kernels::{self, Lens};
use crate::math::{expm1, log, sqrt};
use crate::params::Error;
use crate::real::Real;
use crate::reduce::Data;
use crate::root::{LOG_FLOOR, Root};
use crate::sharded::{Log, ROOM};
use crate::trim::Cut;
use crate::view::{Form, View};
use crate::weights::Optimum;

/// The weights are one.
const LAST_CALLS: usize = 1;
/// In log u: more than rounding.
const MARGIN: f64 = 1e-9;

/// How many calls there may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit(usize);

impl Limit {
    /// (Where there is little room more calls are made instead.)
    pub(super) fn new(calls: usize) -> Self {
        Self(if ROOM { calls } else { usize::MAX })
    }

    /// After so many calls, how many there may yet be before the last.
    pub(super) fn left(self, calls: usize) -> usize {
        self.0.saturating_sub(calls.saturating_add(LAST_CALLS))
    }
}

/// What an exact look has shown: the cut and all sums of the view.
#[derive(Clone, Copy, Debug)]
pub(super) struct Feasible([f64; Self::NUMBERS]);

impl Feasible {
    pub(super) const NUMBERS: usize = 12;
    /// Of no look.
    pub(super) const NONE: Self = Self([f64::NAN; Self::NUMBERS]);

    /// The better one of this and a look that does not exceed r: the one from the smaller u.
    pub(super) fn or<T: Real>(self, view: &View, cut: &Cut<T>) -> Self {
        let Self([u, ..]) = self;
        if u <= view.u {
            return self;
        }
        let &Cut { threshold, below, tied, keep, depth, next, .. } = cut;
        let [log, inverse, second, last] = view.sums();
        let threshold = threshold.to_f64();
        Self([view.u, view.lens.centre, log, inverse, second, last, threshold, below, tied, keep, depth, next])
    }

    pub(super) fn as_numbers(self) -> [f64; Self::NUMBERS] {
        self.0
    }

    pub(super) fn of_numbers(numbers: [f64; Self::NUMBERS]) -> Self {
        Self(numbers)
    }

    pub(super) fn is_none(self) -> bool {
        self.0[0].is_nan()
    }

    fn solved<T: Real>(self, form: Form) -> Solved<T> {
        let Self([u, centre, log, inverse, second, last, threshold, below, tied, keep, depth, next]) = self;
        let view = View::new(u, Lens::new(u, centre), form, [log, inverse, second, last], 1.0);
        let root = Root { view, slack: 0.0, iterations: 1 };
        let cut = Cut { threshold: T::from_f64(threshold), below, tied, keep, depth, next, above: None };
        Solved { cut, root, outline: Outline { mean: f64::NAN, variance: f64::NAN } }
    }
}

impl<T: Real> Problem<'_, T> {
    /// The answer to end with when there was this look; if there was none, the base weights, and what no loss exceeds.
    pub(super) fn best_of(&self, look: Feasible) -> Result<Optimum<T>, Error> {
        if look.is_none() {
            return Ok(self.untouched());
        }
        let solved = look.solved(self.form());
        if self.reaches_worst(&solved) { self.all_on_worst() } else { Ok(self.optimum(&solved)) }
    }

    /// The logarithm of the smallest u that is known to be large enough for r.
    pub(super) fn enough(&self, focus: &Focus) -> f64 {
        // By Hoeffding's lemma phi, the logarithm of the mean of 1/x less the mean of its logarithm, is at most an eighth of the square
        // of how far these logarithms are apart.
        let enough = log(self.range.depths.depth(self.range.smallest) / expm1(sqrt(8.0 * self.r))) + MARGIN;
        focus.bounds.log_u[1].min(enough).max(LOG_FLOOR)
    }
}

impl Focus {
    /// With u settled: nothing more is to be found out about it.
    pub(super) fn settled(self, log_u: f64) -> Self {
        Self { log_u, bounds: Bounds { log_u: [log_u; 2], ..Bounds::none() }, before: None, ..self }
    }
}

/// The next loss above a cut between two may be above the window: then it is still to be found, if there may be a call for that.
pub(super) fn with_trim_loss<T: Real>(
    data: &mut Data<'_, T, &mut Log>,
    optimum: Optimum<T>,
    limit: Limit,
) -> Result<Optimum<T>, Error> {
    if optimum.trim_loss < f64::INFINITY {
        return Ok(optimum);
    }
    let threshold = optimum.recipe.threshold;
    let trim_loss = if limit.left(data.meeting().calls()) > 0 {
        let [minus_next] = data.pass(|chunk, _| kernels::nearest_above(chunk, threshold))?.maxima;
        -minus_next
    } else {
        // Smaller ones have lost all weight too.
        threshold.to_f64()
    };
    Ok(Optimum { trim_loss, ..optimum })
}

#[cfg(all(test, feature = "std", hrw_vector))] // where there is room
mod tests {
    use super::*;
    use crate::math::exp;
    use crate::params::{Ordering, Params};
    use crate::solve::small::{ALL, Small};

    /// Of two looks that do not exceed r the one from the smaller u is kept, and with it all that makes the answer.
    #[test]
    fn the_smaller_u_is_kept() {
        let look = |u: f64| {
            let mut view = View::new(u, Lens::new(u, 0.5), Form::Plain, [0.0; 4], 1.0);
            view.add(0.25, 0.0);
            view.add(0.75, 1.0);
            let cut = Cut { threshold: -u, below: 1.0, tied: 2.0, keep: 0.5, depth: u, next: 3.0, above: None };
            (view, cut)
        };
        for order in [[1.0, 2.0, 4.0], [2.0, 1.0, 4.0], [4.0, 2.0, 1.0]] {
            let mut best = Feasible::NONE;
            assert!(best.is_none());
            for u in order {
                let (view, cut) = look(u);
                best = Feasible::of_numbers(best.or(&view, &cut).as_numbers());
                assert!(!best.is_none());
            }
            let Solved { cut, root, .. } = best.solved::<f64>(Form::Plain);
            let (view, exact) = look(1.0);
            assert!((root.view.phi() - view.phi()).abs() <= 1e-15, "{order:?}");
            assert!((root.view.dual_depth(0.1) - view.dual_depth(0.1)).abs() <= 1e-15, "{order:?}");
            assert_eq!(
                (cut.threshold, cut.below, cut.tied, cut.keep, cut.depth, cut.next),
                (exact.threshold, exact.below, exact.tied, exact.keep, exact.depth, exact.next)
            );
        }
    }

    /// From there r is not exceeded, whatever the losses are. Where it is small, and there are two of them, nothing less would do.
    #[test]
    fn enough_for_any_losses() {
        for r in [1e-300, 1e-100, 1e-30, 1e-12, 1e-9] {
            let params = Params { ordering: Ordering::Hd, r, ..Params::default() };
            let small = Small::new(&[(4.0, 1.0), (10.0, 1.0)], params);
            let spent = small.phi(exp(small.problem().enough(&small.focus(ALL, 0.0))));
            assert!(spent <= r && spent >= (1.0 - 1e-8) * r, "{spent:e} of {r:e}");
        }
        for small in Small::every() {
            let enough = small.problem().enough(&small.focus(ALL, 0.0));
            assert!(small.phi(exp(enough)) <= small.params.r, "{:?}", small.params);
            let known = Bounds { log_u: [-9.0, enough - 1.0], ..Bounds::none() };
            assert_eq!(small.problem().enough(&Focus { bounds: known, ..small.focus(ALL, 0.0) }), enough - 1.0);
        }
    }
}
