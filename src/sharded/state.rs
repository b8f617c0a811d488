//! A sharded solve between two all-reduces: what has been reduced, and where the search is.
//!
//! ```text
//! MAX  the range of the losses                                    (opening)
//! until u and the cut are known:
//!     SUM  bins of the losses (kernels::Bins), and powers about one u of what is shallower
//!     MAX  the ends of each bin, if few of them hold a sample
//!     the bounds of phi and of the cut (bounds) shrink the bracket of u and the window (search)
//! SUM  what the report needs of the weights                       (answer)
//! ```
//!
//! A state is plain numbers. Each step takes in the last message, which has been reduced, and makes
//! the next one of this rank's samples. Every decision is made from reduced values alone, by all
//! ranks alike.

use super::bounds::{Known, Lump, Sums};
use super::message::{BINS, HEAD, LARGEST_MESSAGE, Operation};
use super::opening::{self, Refused};
use super::search::Search;
use crate::kernels::{self, SUMS_OF_BIN, WeightFormula, fast_rank};
use crate::numbers::real::Real;
use crate::params::{Error, Ordering, Params};
use crate::pass::{Data, Team};
use crate::report::Report;
use crate::solve::divergence::DivergenceSums;
use crate::solve::optimum::Optimum;

/// So many calls are made at most; near training it is five. A larger number would only help
/// problems that are not known, one below twenty-five would end the longest known one early.
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
    /// The last message of sums: what is deeper and shallower than all bins, then the bins. Once it
    /// has been taken in, the bins that hold a sample come first.
    sums: [f64; LARGEST_MESSAGE],
    /// The last message of maxima: the largest loss of each bin, and minus the least; ordered
    /// alike.
    ends: [f64; 2 * BINS],
    /// The mass of each of these bins with that of all that is deeper, and how many they are.
    deep: [f64; BINS],
    occupied: usize,
}

/// What a participant has: its samples, and where its weights go.
pub(super) type Samples<'a, T> = (&'a [T], Option<&'a [T]>, &'a mut [T]);

/// What comes next.
enum Next<T> {
    Bins,
    Ends,
    Weights(Optimum<T>),
}

impl State {
    /// At the beginning, with at most so many calls.
    #[allow(clippy::large_stack_arrays)] // 48 KiB; in a box, at the callers here
    pub(crate) const fn new(most_calls: u32) -> Self {
        Self {
            phase: Phase::Start,
            calls: 0,
            most_calls,
            search: Search::START,
            report: Report::NOTHING,
            sums: [0.0; LARGEST_MESSAGE],
            ends: [0.0; 2 * BINS],
            deep: [0.0; BINS],
            occupied: 0,
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
            (&raw mut (*place).deep).write_bytes(0, 1);
            (&raw mut (*place).occupied).write(0);
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
                self.agree(&data, params, input)?;
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

    /// After the first call: all ranks mean the same problem, whose range is known.
    fn agree<T: Real>(
        &mut self,
        data: &Data<'_, T>,
        params: &Params,
        input: Result<(), Refused>,
    ) -> Result<(), Error> {
        let mut values = [0.0; opening::VALUES];
        values.copy_from_slice(&self.sums[..opening::VALUES]);
        let agreed = opening::conclude(&values, data, params, input)?;
        self.search = Search::of::<T>(params, agreed.range, agreed.mass_scale);
        Ok(())
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
            let [low, high] = search.window;
            // Without a window all samples are above it.
            let [from, above] = if low > high { [T::BELOW_ALL; 2] } else { [low, high + 1].map(T::at_position) };
            let last = if low > high { T::BELOW_ALL } else { T::at_position(high) };
            let pass = search.problem::<T>().root_pass(data, last, scaling);
            head[2..].copy_from_slice(&data.pass(|chunk, _| pass.sums(chunk)).sums);
            [head[0], head[1]] = match data.fast() {
                Some(level) => {
                    let below = |from: T| data.pass(|chunk, _| fast_rank(level, chunk.losses, from)).sums[0];
                    [below(from), data.len() - below(above)]
                }
                None => data.pass(|chunk, _| kernels::masses_outside(chunk, [from, above])).sums,
            };
        }
    }

    /// After a round of bins: of those that hold a sample the ends, and the mass of all that is as
    /// deep.
    fn take_bins<T: Real>(&mut self) -> Next<T> {
        let Self { search, sums, ends, deep, occupied, .. } = self;
        let count = search.bins.count();
        let (head, sums) = sums.split_at_mut(HEAD);
        *occupied = search.bins.keep_occupied::<T>(sums, ends);
        let mut below = head[0];
        for bin in (0..*occupied).rev() {
            below += sums[bin];
            deep[bin] = below;
        }
        if search.masses[0] == 0.0 {
            // Depth zero has a bin of its own, the first one, or more where bins of the window
            // share it.
            let is_top = |&bin: &usize| search.range.depths.depth(-ends[count + bin]) == 0.0;
            let top = (0..*occupied).take_while(is_top).count();
            search.masses = [below, sums[..top].iter().sum()];
            let deep = if top < *occupied { deep[top] } else { 0.0 };
            if let Some(limit) = search.limit(deep) {
                return Next::Weights(limit);
            }
        }
        self.decide(true)
    }

    /// After a round of ends: bins without a sample have none.
    fn take_ends<T: Real>(&mut self) -> Next<T> {
        let count = self.search.bins.count();
        let mut bins = 0;
        for bin in 0..count {
            if self.ends[bin] > f64::NEG_INFINITY {
                (self.ends[bins], self.ends[count + bins]) = (self.ends[bin], self.ends[count + bin]);
                bins += 1;
            }
        }
        self.decide(false)
    }

    /// Shrinks the bracket and the window by what is certain now, and says what comes next.
    fn decide<T: Real>(&mut self, may_ask_for_ends: bool) -> Next<T> {
        let known = self.known::<T>();
        let (before, mut search) = (self.search, self.search);
        let count = before.bins.count();
        let is_exact = (0..self.occupied).all(|bin| known.is_one_loss(bin));
        let u_is_known = search.is_tiny() || search.find_u::<T>(&known, is_exact);
        let cut_is_known = search.find_cut::<T>(&known, !may_ask_for_ends);
        if u_is_known && cut_is_known {
            let optimum = search.optimum(&known);
            self.search = search;
            return Next::Weights(optimum);
        }
        if self.calls + 2 > self.most_calls {
            let optimum = search.base_weights(&known);
            self.search = search;
            return Next::Weights(optimum);
        }
        let would_tell_nothing = is_exact || (cut_is_known && before.about.is_some());
        if may_ask_for_ends && !would_tell_nothing && 2 * self.occupied <= count {
            // The cut tells where sums are to be seen from.
            self.search.cut_depths = search.cut_depths;
            self.search.guess = search.guess;
            return Next::Ends;
        }
        search.plan_round::<T>(&known, &before);
        self.search = search;
        Next::Bins
    }

    /// What the reduced sums say.
    fn known<T: Real>(&self) -> Known<'_> {
        let Self { search, sums, ends, deep, .. } = self;
        let count = search.bins.count();
        let (head, sums) = sums.split_at(HEAD);
        let problem = search.problem::<T>();
        let lump = search.about.map(|(u, scaling)| {
            let view = DivergenceSums::new(u, scaling, problem.form(), [head[2], head[3], head[4], head[5]], 1.0);
            let [g, tilt] = view.sums_about_one();
            let (second, third) = view.powers_about_one();
            Lump {
                mass: head[1],
                u,
                scaling,
                sums: Sums { g, tilt, log: g - tilt },
                second,
                third,
                least: search.range.depths.depth(search.range.largest),
            }
        });
        Known {
            bins: &search.bins,
            sums: &sums[..SUMS_OF_BIN * count],
            ends: &ends[..2 * count],
            deep_masses: &deep[..self.occupied],
            deeper: head[0],
            lump,
            total: search.masses[0],
            moved: if search.params.ordering == Ordering::Hd { search.budget() } else { 0.0 },
            depth_of: search.range.depths,
            cut_depths: search.cut_depths,
        }
    }
}
