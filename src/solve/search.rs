//! A problem that no participant sees whole, in few rounds: a sketch of all depths, solved as a problem of its own, tells where
//! the threshold and u are; finer and finer sketches around the threshold, each with one look at the rest from the
//! current u, end with every loss there known to everybody. Then exact looks find u, unless the threshold turns out to be elsewhere, or
//! there would be too many of them. Every decision is made from reduced values alone.

use super::focus::{Focus, Stage};
use super::limit::{Feasible, Limit, with_trim_loss};
use super::looks::Looks;
use super::lost::Lost;
use super::overview::overview;
use super::window::{Known, MORE_LOOKS, Side};
use super::{Guide, Problem};
use crate::params::{Error, Params};
use crate::real::Real;
use crate::reduce::Data;
use crate::sharded::{Log, ROOM};
use crate::validate::Range;
use crate::weights::Optimum;

/// After so many rounds of zooming, more than was ever needed, it goes on without.
const ROUNDS: usize = 24;
/// After so many, a round looks from many u; after fewer, if u still moves far.
const SINGLE_ROUNDS: usize = 4;
const LEAST_ROUNDS: usize = 2;
/// So many rounds look from many u at most: where the window does not become smaller by then it does so around a guess.
const MANY_ROUNDS: usize = 4;
/// After so many looks from one u there are two scans; so often at most.
const MOST_LOOKS: usize = 4;
const SCANS: u32 = 3;
/// What these take at most, and what a round of zooming does, with the look that they are for.
const SCAN_CALLS: usize = 5;
const ZOOM_CALLS: usize = 3;
/// In log u: a cut that has left the window after no longer step is beside it.
const CLOSE_BY: f64 = 0.1;

/// Solves a valid problem of which this participant has a part, with at most so many calls for HD and for HR.
pub(crate) fn solve_sharded<T: Real>(
    data: &mut Data<'_, T, &mut Log>,
    range: &Range,
    params: &Params,
    most_calls: [usize; 2],
    sketch: &mut [f64],
) -> Result<Optimum<T>, Error> {
    let (masses, first) = overview(data, range, params, sketch)?;
    data.set_samples(masses[0]);
    let problem = Problem::of_masses(range, params, masses, Guide::Nothing);
    let limit = Limit::new(most_calls[usize::from(problem.caps)]);
    let mut search = Search { problem, limit, best: Feasible::NONE, rounds: 0, many_rounds: 0, scans: 0 };
    let mut focus = first;
    loop {
        focus = search.zoom_in(data, focus, sketch)?;
        let calls_left = search.calls_left(data);
        if ROOM && (calls_left == 0 || search.is_open(&focus)) {
            return with_trim_loss(data, search.problem.best_of(search.best)?, limit);
        }
        if ROOM && search.is_last(calls_left) {
            focus = focus.settled(search.problem.enough(&focus));
        }
        let (place, noted) = data.meeting().note()?;
        let lost = if let Some(note) = noted {
            Lost::of_numbers(note)
        } else {
            let known = Known::of(&focus);
            known.best.set(search.best);
            known.looks_left.set(search.looks(calls_left));
            let guide = if search.is_open(&focus) {
                Guide::Nothing
            } else {
                Guide::Window(known.window(&focus, focus.known_losses(), sketch))
            };
            let result = Problem::of_masses(range, params, masses, guide).solve(data, None);
            let (Err(_), Some(lost)) = (&result, Lost::of(&known)) else {
                return with_trim_loss(data, result?, limit);
            };
            data.meeting().write_note(place, lost.as_numbers());
            lost
        };
        focus = search.elsewhere(data, focus, lost, sketch)?;
    }
}

/// How far it has come.
struct Search<'a, T> {
    problem: Problem<'a, T>,
    limit: Limit,
    /// The best look so far that does not exceed r.
    best: Feasible,
    /// What has been spent: rounds of zooming, how many of them with many looks, and scans.
    rounds: usize,
    many_rounds: usize,
    scans: u32,
}

impl<T: Real> Search<'_, T> {
    /// How many calls there may yet be before the last.
    fn calls_left(&self, data: &mut Data<'_, T, &mut Log>) -> usize {
        self.limit.left(data.meeting().calls())
    }

    /// Whether there is a threshold, of whose surroundings not all is known.
    fn is_open(&self, focus: &Focus) -> bool {
        self.problem.cuts() && !matches!(focus.stage, Stage::Known(_))
    }

    /// Whether the next look is for one that does not exceed r.
    fn is_last(&self, calls_left: usize) -> bool {
        calls_left == 1 && self.best.is_none()
    }

    /// Whether a scan can help, and there are the calls for it.
    fn may_scan(&self, calls_left: usize) -> bool {
        self.problem.may_scan() && self.scans < SCANS && calls_left > SCAN_CALLS
    }

    /// Whether scans are to tell where to go on, or a window beside the last one will do, since u has hardly moved.
    fn is_to_scan(&self, focus: &Focus, lost: &Lost, calls_left: usize) -> bool {
        let is_beside = lost.side != Side::Inside && (lost.log_u - focus.log_u).abs() <= CLOSE_BY;
        self.may_scan(calls_left) && !is_beside
    }

    /// Where the next round of zooming looks from.
    fn next_looks(&self, focus: &Focus) -> Looks<f64> {
        let single_rounds = if focus.is_adrift() { LEAST_ROUNDS } else { SINGLE_ROUNDS };
        let is_many = self.problem.r > 0.0 && self.rounds >= single_rounds && self.many_rounds < MANY_ROUNDS;
        focus.looks(is_many)
    }

    /// Rounds of zooming, until all losses in the window are known.
    fn zoom_in(
        &mut self,
        data: &mut Data<'_, T, &mut Log>,
        mut focus: Focus,
        sketch: &mut [f64],
    ) -> Result<Focus, Error> {
        while self.rounds < ROUNDS && self.is_open(&focus) && self.calls_left(data) >= ZOOM_CALLS {
            let looks = self.next_looks(&focus);
            self.many_rounds += usize::from(looks.len() > 1);
            // The first may take in more than it must. From then on the window shrinks by as many bins as there are.
            focus = self.problem.zoom(data, focus, &looks, self.rounds == 0, sketch)?;
            self.rounds += 1;
        }
        Ok(focus)
    }

    /// How many exact looks there may be with so many calls left, and how many of them that are not beside the one before.
    fn looks(&self, calls_left: usize) -> [usize; 2] {
        // One is left for the last.
        let looks = calls_left - usize::from(self.best.is_none() && !self.is_last(calls_left));
        if self.may_scan(looks) {
            [looks.min(MOST_LOOKS + MORE_LOOKS), MOST_LOOKS.min(looks - SCAN_CALLS)]
        } else {
            [looks; 2]
        }
    }

    /// Where to go on when looks have ended without a root.
    fn elsewhere(
        &mut self,
        data: &mut Data<'_, T, &mut Log>,
        mut focus: Focus,
        lost: Lost,
        sketch: &mut [f64],
    ) -> Result<Focus, Error> {
        let is_to_scan = self.is_to_scan(&focus, &lost, self.calls_left(data));
        let Lost { log_u, mut side, bounds, best } = lost;
        self.best = best;
        (focus.log_u, focus.bounds) = (log_u, bounds);
        if is_to_scan {
            self.scans += 1;
            focus.bracket = focus.bounds.log_u;
            // After two, the bracket is so short that few looks will do.
            for _ in 0..2 {
                (focus, side) = self.problem.scan(data, (focus, side), focus.known_losses(), sketch)?;
            }
            if !self.problem.caps {
                // Of HR rounding may also have moved the cut: its bracket is but a guess.
                focus.bounds.log_u = focus.bracket;
            }
        }
        let stays = side == Side::Inside;
        Ok(if stays { focus } else { focus.beside::<T>(side, self.problem.range, self.problem.highest()) })
    }
}

#[cfg(all(test, feature = "std", hrw_vector))] // where there is room
mod tests;
