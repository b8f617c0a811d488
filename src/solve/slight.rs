//! An r so small that it hardly moves a weight: any u will do from which it is not exceeded, and a search that has taken many calls
//! ends with one.

use super::Problem;
use super::focus::Focus;
use super::search::MOST_LOOKS;
use super::window::{Bounds, MORE_LOOKS};
use crate::math::{expm1, log, sqrt};
use crate::real::Real;
use crate::root::LOG_FLOOR;
use crate::sharded::ROOM;

/// A divergence of r moves at most `sqrt(r / 2)` of the mass, by Pinsker's inequality: below this that is 1e-14.
pub(super) const SLIGHT_R: f64 = 1e-28;
/// After so many calls HR begins again, with u settled.
const PATIENCE: usize = 12;
/// The calls before which looks end: at most two looks from the settled u then follow, after HR has found where the cut is from there.
const LAST_LOOK: [usize; 2] = [14, 12];

impl<T: Real> Problem<'_, T> {
    /// Whether r hardly moves a weight.
    pub(super) fn is_slight(&self) -> bool {
        ROOM && self.r > 0.0 && self.r < SLIGHT_R
    }

    /// Whether a search for the cut from u that moves has taken too many calls.
    pub(super) fn is_late(&self, focus: &Focus, calls: usize) -> bool {
        self.is_slight() && !focus.is_settled() && calls >= PATIENCE
    }

    /// How many looks there may be after so many calls.
    pub(super) fn looks_after(&self, calls: usize) -> usize {
        (MOST_LOOKS + MORE_LOOKS).min(LAST_LOOK[usize::from(self.caps)].saturating_sub(calls))
    }

    /// From now on u is the smallest that is known to be large enough. HD's cut, which does not move with it, is kept; HR's is looked for
    /// from where it was first expected.
    pub(super) fn begun_again(&self, focus: Focus, first: Focus) -> Focus {
        self.settled(&focus, if self.caps { first } else { focus })
    }

    /// With u settled at the smallest that is known to be large enough for r.
    pub(super) fn settled(&self, known: &Focus, focus: Focus) -> Focus {
        // By Hoeffding's lemma phi, the logarithm of the mean of 1/x less the mean of its logarithm, is at most an eighth of the square
        // of how far these logarithms are apart.
        let enough = log(self.range.depths.depth(self.range.smallest) / expm1(sqrt(8.0 * self.r))) + MARGIN;
        let log_u = known.bounds.log_u[1].min(enough).max(LOG_FLOOR);
        Focus { log_u, bounds: Bounds { log_u: [log_u; 2], ..Bounds::none() }, before: None, ..focus }
    }
}

impl Focus {
    /// Whether nothing is left to be found out about u.
    pub(super) fn is_settled(&self) -> bool {
        let [least, most] = self.bounds.log_u;
        least == most
    }
}

/// In log u: more than rounding, and than what phi has beside the variance.
const MARGIN: f64 = 1e-9;
