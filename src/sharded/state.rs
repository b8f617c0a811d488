//! A sharded solve between two all-reduces: what has been reduced, and where the search is.
//!
//! ```text
//! MAX  the range of the losses                                    (opening)
//! until the cut is at one loss and u is known:
//!     SUM  bins of the losses (kernels::Bins), and the sums at one u of what is shallower
//!     MAX  the ends of each bin, if few of them hold a sample
//!     the cells of a model, its solution, and where it is too coarse  (search)
//! SUM  what the report needs of the weights
//! ```
//!
//! A state is plain numbers. Each step takes in the last message, which has been reduced, and makes
//! the next one of this rank's samples. Every decision is made from reduced values alone, by all
//! ranks alike.

use super::message::{BINS, HEAD, LARGEST_MESSAGE, Operation};
use super::opening::{self, Refused};
use super::search::{Cells, Next, Search};
use crate::kernels::{SUMS_OF_BIN, WeightFormula};
use crate::numbers::real::Real;
use crate::params::{Error, Params};
use crate::pass::{Data, Team};
use crate::report::Report;
use crate::solve::optimum::Optimum;

/// So many calls are made at most; near training it is five. A larger number would only help
/// problems that are not known, one below eighteen would end the longest known one early.
pub(super) const MOST_CALLS: u32 = 64;

/// What was asked for last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Start,
    Opening,
    Bins,
    Ends,
    Weights,
    Done,
}

/// The state of a sharded solve.
#[derive(Clone, Debug)]
#[repr(C)]
pub(crate) struct State {
    phase: Phase,
    calls: u32,
    most_calls: u32,
    search: Search,
    /// What is known of the report.
    report: Report,
    /// The last message of sums: those at one u, then the bins.
    sums: [f64; LARGEST_MESSAGE],
    /// The last message of maxima: the largest loss of each bin, and minus the least.
    ends: [f64; 2 * BINS],
    cells: Cells,
}

/// What a participant has: its samples, and where its weights go.
pub(super) type Samples<'a, T> = (&'a [T], Option<&'a [T]>, &'a mut [T]);

impl State {
    /// At the beginning, with at most so many calls.
    #[allow(clippy::large_stack_arrays)] // in a box, at the callers here
    pub(crate) const fn new(most_calls: u32) -> Self {
        Self {
            phase: Phase::Start,
            calls: 0,
            most_calls,
            search: Search::START,
            report: Report::NOTHING,
            sums: [0.0; LARGEST_MESSAGE],
            ends: [0.0; 2 * BINS],
            cells: Cells::NONE,
        }
    }

    /// Writes a state at the beginning to a place, without a copy on the stack.
    ///
    /// # Safety
    /// The place is valid for writes and aligned.
    pub(crate) unsafe fn write_new(place: *mut Self) {
        // SAFETY: as promised; these are all fields, and all zero bytes are numbers.
        unsafe {
            (&raw mut (*place).phase).write(Phase::Start);
            (&raw mut (*place).calls).write(0);
            (&raw mut (*place).most_calls).write(MOST_CALLS);
            (&raw mut (*place).search).write(Search::START);
            (&raw mut (*place).report).write(Report::NOTHING);
            (&raw mut (*place).sums).write_bytes(0, 1);
            (&raw mut (*place).ends).write_bytes(0, 1);
            (&raw mut (*place).cells).write_bytes(0, 1);
        }
    }

    /// What the caller is to reduce.
    pub(crate) fn pending(&mut self) -> Option<(Operation, &mut [f64])> {
        let count = self.search.bins.count();
        Some(match self.phase {
            Phase::Start | Phase::Done => return None,
            Phase::Opening => (Operation::Max, &mut self.sums[..opening::VALUES]),
            Phase::Bins => (Operation::Sum, &mut self.sums[..HEAD + SUMS_OF_BIN * count]),
            Phase::Ends => (Operation::Max, &mut self.ends[..2 * count]),
            Phase::Weights => (Operation::Sum, &mut self.sums[..3]),
        })
    }

    fn ask(&mut self, phase: Phase) {
        (self.phase, self.calls) = (phase, self.calls + 1);
    }

    /// Takes in what has been reduced, and makes the next message; the report at the end.
    pub(super) fn advance<T: Real>(
        &mut self,
        (losses, base, weights): Samples<'_, T>,
        params: &Params,
        input: Result<(), Refused>,
    ) -> Result<Option<Report>, Error> {
        let mut data = Data::new(losses, base, Team::for_samples(losses.len(), params.threads));
        let next = match self.phase {
            Phase::Start => {
                self.sums[..opening::VALUES].copy_from_slice(&opening::message(&data, params, input));
                self.ask(Phase::Opening);
                return Ok(None);
            }
            Phase::Opening => {
                let mut values = [0.0; opening::VALUES];
                values.copy_from_slice(&self.sums[..opening::VALUES]);
                let agreed = opening::conclude(&values, &data, params, input)?;
                self.search = Search::of::<T>(params, agreed.range, agreed.mass_scale);
                Next::Bins
            }
            Phase::Bins => self.take_bins::<T>(),
            Phase::Ends => self.take_ends::<T>(),
            Phase::Weights => {
                self.report.add_sums(&self.search.range, [self.sums[0], self.sums[1], self.sums[2]]);
                self.phase = Phase::Done;
                return Ok(Some(self.report));
            }
            Phase::Done => return Ok(Some(self.report)),
        };
        if self.search.mass_scale > 0.0 {
            data.set_mass_scale(self.search.mass_scale);
        }
        match next {
            Next::Bins => {
                self.add_bins(&data);
                self.ask(Phase::Bins);
            }
            Next::Ends => {
                let ends = &mut self.ends[..2 * self.search.bins.count()];
                ends.fill(f64::NEG_INFINITY);
                data.each_chunk(|chunk| self.search.bins.note_ends(chunk, ends));
                self.ask(Phase::Ends);
            }
            Next::Weights(optimum) => {
                self.report = Report { iterations: self.calls, ..optimum.report(&self.search.range) };
                // Ranks on other machines may have other passes: all of them count.
                let optimum = Optimum { formula: WeightFormula { zeros: None, ..optimum.formula }, ..optimum };
                self.sums[..3].copy_from_slice(&optimum.write_part(&data, &self.search.range, weights));
                self.ask(Phase::Weights);
            }
        }
        Ok(None)
    }

    /// This rank's part of a round of bins.
    fn add_bins<T: Real>(&mut self, data: &Data<'_, T>) {
        let Self { search, sums, ends, .. } = self;
        let bins = &search.bins;
        let (head, sums) = sums[..HEAD + SUMS_OF_BIN * bins.count()].split_at_mut(HEAD);
        let lost = &mut ends[..2 * bins.count()];
        head.fill(0.0);
        sums.fill(0.0);
        lost.fill(0.0);
        data.each_chunk(|chunk| bins.add(chunk, sums, lost));
        if let Some((_, scaling)) = search.about {
            let pass = search.problem::<T>().root_pass(data, T::at_position(search.above), scaling);
            head.copy_from_slice(&data.pass(|chunk, _| pass.sums(chunk)).sums);
        }
    }

    /// After a round of bins: they take the place of the cells that they divide.
    fn take_bins<T: Real>(&mut self) -> Next<T> {
        let Self { search, sums, cells, .. } = self;
        let (bins, [from, to]) = (search.bins, search.divided);
        let is_first = cells.all().is_empty();
        cells.replace(from..to, &search.round(&sums[HEAD..]), |bin| bins.ends::<T>(bin));
        if is_first {
            search.note_masses(cells);
        }
        // The ends of many would be told in vain.
        let are_few = 2 * cells.fresh().len() <= bins.count() && !cells.fresh().all(|cell| cells.is_single(cell));
        self.decide(are_few && self.calls + 2 < self.most_calls)
    }

    /// After a round of ends.
    fn take_ends<T: Real>(&mut self) -> Next<T> {
        let Self { search, sums, ends, cells, .. } = self;
        let count = search.bins.count();
        cells.fill(&search.round(&sums[HEAD..]), |bin| [ends[bin], -ends[count + bin]]);
        self.decide(false)
    }

    fn decide<T: Real>(&mut self, may_ask_for_ends: bool) -> Next<T> {
        let mut head = [0.0; HEAD];
        head.copy_from_slice(&self.sums[..HEAD]);
        match self.search.decide(&self.cells, head, may_ask_for_ends) {
            // Base weights are always allowed, and the worst loss is always a bound.
            Next::Bins if self.calls + 2 > self.most_calls => Next::Weights(self.search.problem().untouched()),
            next => next,
        }
    }
}
