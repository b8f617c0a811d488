//! What exact looks have shown when they end without a root: since the cut was not in the window, or there have been too many.

use super::limit::Feasible;
use super::window::{Bounds, Known, Side};
use crate::root::LOG_FLOOR;
use crate::sharded::ROOM;

/// Where they ended, and what is known since.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lost {
    pub(super) log_u: f64,
    pub(super) side: Side,
    pub(super) bounds: Bounds,
    pub(super) best: Feasible,
}

/// (Where there is little room no search ends with the best look, and none is kept.)
const OF_BEST: usize = if ROOM { Feasible::NUMBERS } else { 0 };

impl Lost {
    const NUMBERS: usize = 6 + OF_BEST;

    /// None if they have not ended so.
    pub(super) fn of(known: &Known) -> Option<Self> {
        let (log_u, side) = known.outside.get()?;
        Some(Self { log_u: log_u.max(LOG_FLOOR), side, bounds: known.bounds.get(), best: known.best.get() })
    }

    pub(super) fn as_numbers(self) -> [f64; Self::NUMBERS] {
        let Self { log_u, side, bounds, best } = self;
        let mut numbers = [log_u; Self::NUMBERS];
        let (where_it_is, others) = numbers.split_at_mut(6);
        let [least, most, low, high] = bounds.as_numbers();
        where_it_is.copy_from_slice(&[log_u, side.as_number(), least, most, low, high]);
        others.copy_from_slice(&best.as_numbers()[..OF_BEST]);
        numbers
    }

    pub(super) fn of_numbers([log_u, side, least, most, low, high, others @ ..]: [f64; Self::NUMBERS]) -> Self {
        let (side, bounds) = (Side::of_number(side), Bounds::of_numbers([least, most, low, high]));
        let mut best = Feasible::NONE.as_numbers();
        best[..OF_BEST].copy_from_slice(&others);
        Self { log_u, side, bounds, best: Feasible::of_numbers(best) }
    }
}
