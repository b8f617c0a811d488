//! Looks from many u in one round, for the few problems where one look says little about the way to the root: the cut may leap over
//! many samples at a small change of u, or stay at one of them while phi hardly changes over many octaves.

use super::Problem;
use super::focus::Focus;
use super::window::{Placed, Side, Window};
use crate::kernels::PositionBins;
use crate::real::Real;
use crate::root::{self, LOG_FLOOR, Place};
use crate::sharded::ROOM;
use crate::view::View;

/// A round has room for so many. (Where there is little room it is one.)
pub(super) const LOOKS: usize = if ROOM { 1 + 2 * BESIDE + GRID + 2 * BEYOND } else { 1 };
/// So many close to the guess on either side, all over the bracket, and beyond each of its ends.
const BESIDE: usize = 4;
const GRID: usize = 32;
const BEYOND: usize = 11;

/// One or many looks, from the smallest u to the largest, or what belongs to each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Looks<V> {
    values: [V; LOOKS],
    count: usize,
}

impl<V: Copy> Looks<V> {
    fn one(value: V) -> Self {
        Self { values: [value; LOOKS], count: 1 }
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn get(&self, number: usize) -> V {
        self.values[number]
    }

    pub(super) fn first(&self) -> V {
        self.values[0]
    }

    pub(super) fn last(&self) -> V {
        self.values[self.count - 1]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = V> {
        self.values.into_iter().take(self.count)
    }

    /// What belongs to each, of which the function is told the number too.
    pub(super) fn map<W>(&self, mut of: impl FnMut(usize, V) -> W) -> Looks<W> {
        let mut number = 0;
        let values = self.values.map(|value| {
            number += 1;
            of(number - 1, value)
        });
        Looks { values, count: self.count }
    }
}

/// Whether a look has led so far that another must show where.
fn is_long_step(log_u: f64, before: Option<Place>) -> bool {
    before.is_some_and(|before| (log_u - before.log_u).abs() > LONGEST_STEP)
}

/// Whether from this u all masses are tilted by less than rounding: the cut is that of the base masses, and one look tells all of phi.
fn is_level(log_u: f64) -> bool {
    ROOM && log_u > LEVEL
}

impl Focus {
    /// Whether the last round has moved u far.
    pub(super) fn is_adrift(&self) -> bool {
        is_long_step(self.log_u, self.before)
    }

    /// Whether u is so large that the cut does not move with it.
    pub(super) fn is_level(&self) -> bool {
        is_level(self.log_u)
    }

    /// Where the next round looks from: the guess at log u or, if there are to be many looks, close beside it too, all over the bracket,
    /// and beyond, farther and farther.
    pub(super) fn looks(&self, many: bool) -> Looks<f64> {
        let Self { log_u, bracket: [low, high], before, .. } = *self;
        if !many || LOOKS == 1 || self.is_level() {
            return Looks::one(log_u);
        }
        let (low, high) = if low < high {
            (low, high)
        } else {
            let width = before.map_or(1.0, |before| (log_u - before.log_u).abs()).max(LEAST_WIDTH);
            (log_u - width, log_u + width)
        };
        let width = high - low;
        let mut values = [log_u; LOOKS];
        let (near, others) = values[1..].split_at_mut(2 * BESIDE);
        let (grid, beyond) = others.split_at_mut(GRID);
        let mut distance = width;
        for pair in near.chunks_exact_mut(2) {
            distance *= 0.1;
            pair.copy_from_slice(&[log_u - distance, log_u + distance]);
        }
        for (place, value) in grid.iter_mut().enumerate() {
            *value = low + width * (place as f64 / (GRID - 1) as f64);
        }
        distance = width;
        for pair in beyond.chunks_exact_mut(2) {
            pair.copy_from_slice(&[low - distance, high + distance]);
            distance *= FARTHER;
        }
        let [least, most] = self.bounds.log_u;
        let mut values = values.map(|value| value.max(least).min(most));
        values.sort_unstable_by(f64::total_cmp);
        Looks { values, count: LOOKS }
    }
}

/// What a look has shown.
struct Seen<T> {
    log_u: f64,
    /// The samples above the window.
    above: View,
    placed: Placed<T>,
}

/// What one round says about the next.
pub(super) struct Outlook {
    pub(super) log_u: f64,
    /// The look that says so, if any.
    pub(super) before: Option<Place>,
    /// Where the root is, as far as many looks at bins tell.
    pub(super) bracket: [f64; 2],
    /// Whether log u is so near to the root that a few looks will do, once all losses around the cut are known.
    pub(super) settled: bool,
    pub(super) mean: f64,
    /// The bins to which the cut may go, whether it is at a sample there, and whether it may go farther down and up.
    pub(super) reach: (usize, usize),
    pub(super) at_sample: bool,
    pub(super) beyond: [bool; 2],
}

impl Outlook {
    /// From one look, which tells the next log u, and what is lacking at this one.
    pub(super) fn of_one(
        focus: &Focus,
        log_u: f64,
        lack: Option<f64>,
        mean: f64,
        (reach, at_sample): ((usize, usize), bool),
    ) -> Self {
        let before = lack.map(|lack| Place { log_u: focus.log_u, lack });
        // (Where there is no room for many looks, whoever looks next must do with that.)
        let settled = LOOKS == 1 || !is_long_step(log_u, before) || (focus.is_level() && is_level(log_u));
        Self { log_u, before, bracket: [f64::NAN; 2], settled, mean, reach, at_sample, beyond: [false; 2] }
    }
}

impl<T: Real> Problem<'_, T> {
    /// From many looks at the same window. Or tells on which side of it the cut is for all of them.
    pub(super) fn outlook(
        &self,
        focus: &Focus,
        window: &Window<'_>,
        bins: PositionBins,
        looks: &Looks<(f64, View)>,
    ) -> Result<Outlook, Side> {
        let [below, above] = self.around_root(window, looks)?;
        let (least, most) = (below.as_ref().map(|seen| seen.log_u), above.as_ref().map(|seen| seen.log_u));
        // At the lower end of what is possible there is nothing farther. (At the upper end phi is zero.)
        let at_end = least.is_none() && most.is_some_and(|most| most <= LOG_FLOOR);
        let [certain_least, certain_most] = focus.bounds.log_u;
        let extent = looks.last().0 - looks.first().0;
        let bracket = match (least, most) {
            (Some(least), Some(most)) => [least, most],
            (None, Some(end)) if at_end => [end; 2],
            // At an end of what is certain the bins are wrong; but not by much.
            (Some(least), None) if least >= certain_most => [certain_most - LEAST_WIDTH, certain_most],
            (None, Some(most)) if most <= certain_least => [certain_least, certain_least + LEAST_WIDTH],
            (Some(least), None) => [least, least + extent],
            (None, Some(most)) => [most - extent, most],
            (None, None) => focus.bracket,
        };
        let bin = |seen: &Option<Seen<T>>| Some(self.bin_of_cut(bins, &seen.as_ref()?.placed.inside()?.cut));
        let (mut lowest, mut highest) = (bin(&above), bin(&below));
        // (HD's cut does not move with u.)
        if at_end || !self.caps {
            (lowest, highest) = (lowest.or(highest), highest.or(lowest));
        }
        let beyond = [lowest.is_none(), highest.is_none()];
        // A bin more on either side, since its samples are not where they seem to be.
        let (more, last) = (usize::from(self.caps), bins.count() - 1);
        let low = lowest.map_or(0, |bin| bin.saturating_sub(more));
        let high = highest.map_or(last, |bin| (bin + more).min(last));
        let reach = (low.min(high), high.max(low));
        let is_between = |seen: &Option<Seen<T>>| seen.as_ref().is_some_and(|seen| seen.placed.cut.is_between());
        let at_sample = !self.caps || !(is_between(&below) || is_between(&above));

        let middle = 0.5 * (bracket[0] + bracket[1]);
        let near = [&below, &above]
            .into_iter()
            .flatten()
            .filter_map(|seen| Some((seen, seen.placed.inside()?)))
            .min_by(|(_, one), (_, other)| one.view.miss(self.r).total_cmp(&other.view.miss(self.r)));
        let Some((seen, placed)) = near else {
            let mean = focus.mean;
            return Ok(Outlook {
                log_u: middle,
                before: None,
                bracket,
                settled: false,
                mean,
                reach,
                at_sample,
                beyond,
            });
        };
        window.centre.set(window.centre.get().after(&placed.view));
        let (newton, lack) = root::improved(self.r, self.on_worst(), seen.log_u, &placed.view, placed.mean, None);
        let inside = |log_u: &f64| *log_u >= bracket[0] && *log_u <= bracket[1];
        let led = self.lead(window, &seen.above, placed.view.phi()).map(|step| seen.log_u + step).filter(inside);
        let found = self.is_found(&placed.view);
        let log_u = if found { seen.log_u } else { led.unwrap_or(if inside(&newton) { newton } else { middle }) };
        let short = if led.is_some() { SHORT_LEAD } else { SHORT_STEP };
        let both = least.is_some() && most.is_some();
        let settled = at_end
            || found
            || (both && (log_u - seen.log_u).abs() <= short)
            || bracket[1] - bracket[0] <= ROUNDING * (1.0 + log_u.abs());
        let before = Some(Place { log_u: seen.log_u, lack });
        Ok(Outlook { log_u, before, bracket, settled, mean: placed.mean, reach, at_sample, beyond })
    }

    /// Whether phi is r, as far as rounding lets it be seen: then no other u is known to be nearer to the root.
    pub(super) fn is_found(&self, view: &View) -> bool {
        let phi = view.phi();
        ROOM && view.is_sharp() && (phi - self.r).abs() <= view.rounding(phi)
    }

    /// The last look from a u that is too small, and the first after it from one that is too large. Or on which side of the window
    /// all cuts are.
    fn around_root(&self, window: &Window<'_>, looks: &Looks<(f64, View)>) -> Result<[Option<Seen<T>>; 2], Side> {
        let (mut below, mut above): (Option<Seen<T>>, Option<Seen<T>>) = (None, None);
        // The side, as long as it is the same for all.
        let mut side = None;
        for (number, (log_u, view)) in looks.iter().enumerate() {
            let placed = self.place(window, &view, self.rule_at(view.u));
            let outside = (placed.side != Side::Inside).then_some(placed.side);
            side = if number == 0 || side == outside { outside } else { None };
            let too_small = placed.is_too_small(self.r).unwrap_or(placed.view.phi() > self.r);
            let seen = Seen { log_u, above: view, placed };
            if too_small {
                (below, above) = (Some(seen), None);
            } else if above.is_none() {
                above = Some(seen);
            }
        }
        side.map_or(Ok([below, above]), Err)
    }
}

/// In log u: after a longer step from one look, another must show where it has led; of many looks one is nearer than that, by a
/// model of the window or by the slope.
const LONGEST_STEP: f64 = 0.5;
const SHORT_LEAD: f64 = 1e-3;
const SHORT_STEP: f64 = 1e-6;
/// In log u: from here all depths are below half a rounding of u.
const LEVEL: f64 = 37.0;
/// What a bracket of log u is at least when nothing is known, and relative to log u when nothing more can be known.
const LEAST_WIDTH: f64 = 1e-3;
const ROUNDING: f64 = 1e-14;
/// Each look beyond the bracket is so many times as far from it as the one before.
const FARTHER: f64 = 8.0;

#[cfg(all(test, feature = "std", hrw_vector))] // where there is room
mod tests;
