//! The samples of one machine, and passes over them.
//!
//! Invariant: the results of a pass are the same to the bit for every number of threads. The losses
//! are cut into chunks of a fixed size and the chunks into segments, a number of them that depends
//! on the number of samples alone; threads share out the segments, and partial results are added up
//! in the order of the samples.

use super::team::Team;
use crate::kernels::{BLOCKS, Chunk, Level, Partial, count};
use crate::numbers::real::Real;

/// Samples per call of a kernel. More would leave the nearest cache, and more of them would be
/// added up one after another, which rounds more; fewer would spend more time on calls. (In
/// registers of two doubles twice as many samples are added up one after another as in those of
/// four.)
const CHUNK: usize = if cfg!(target_arch = "aarch64") { 1 << 13 } else { 1 << 14 };
/// At most so many segments, the parts that threads share out: enough for that many threads.
const SEGMENTS: usize = 64;

/// Samples, and the threads that pass over them.
pub(crate) struct Data<'a, T> {
    losses: &'a [T],
    base: Option<&'a [T]>,
    /// Whether masses may differ, on this machine or on another one.
    weighted: bool,
    mass_scale: f64,
    /// The largest loss of each block of samples, minus infinity where it is not known. Most of the
    /// largest losses are among them.
    block_maxima: [f64; BLOCKS],
    level: Option<Level>,
    team: Team,
    /// How many passes there have been.
    #[cfg(test)]
    passes: core::sync::atomic::AtomicU32,
}

impl<'a, T: Real> Data<'a, T> {
    /// `base`, if any, has one element per loss.
    pub(crate) fn new(losses: &'a [T], base: Option<&'a [T]>, team: Team) -> Self {
        debug_assert!(base.is_none_or(|base| base.len() == losses.len()));
        Self {
            losses,
            base,
            weighted: base.is_some(),
            mass_scale: 1.0,
            block_maxima: [f64::NEG_INFINITY; BLOCKS],
            level: Level::detect(),
            team,
            #[cfg(test)]
            passes: core::sync::atomic::AtomicU32::new(0),
        }
    }

    /// Whether the samples have base weights of their own.
    pub(crate) fn has_base(&self) -> bool {
        self.base.is_some()
    }

    /// Whether there are no samples on this machine.
    pub(crate) fn is_empty(&self) -> bool {
        self.losses.is_empty()
    }

    /// The number of samples on this machine.
    pub(crate) fn len(&self) -> f64 {
        self.losses.len() as f64
    }

    /// The instruction set for the fast passes, which are for samples of equal mass.
    pub(crate) fn fast(&self) -> Option<Level> {
        self.level.filter(|_| !self.weighted)
    }

    /// From now on masses are base weights, or ones, times this.
    pub(crate) fn set_mass_scale(&mut self, scale: f64) {
        self.weighted = true;
        self.mass_scale = scale;
    }

    /// What a fast survey has found.
    pub(crate) fn set_block_maxima(&mut self, block_maxima: [f64; BLOCKS]) {
        self.block_maxima = block_maxima;
    }

    pub(crate) fn block_maxima(&self) -> &[f64; BLOCKS] {
        &self.block_maxima
    }

    /// One pass: `kernel` is called with each chunk and the position of its first sample.
    pub(crate) fn pass<const SUMS: usize, const MAXIMA: usize>(
        &self,
        kernel: impl Fn(Chunk<'_, T>, usize) -> Partial<SUMS, MAXIMA> + Sync,
    ) -> Partial<SUMS, MAXIMA> {
        #[cfg(test)]
        self.count_pass();
        if self.losses.len() <= CHUNK {
            // The case of small problems, whose passes take little longer than what is saved here.
            return kernel(self.chunk(0), 0);
        }
        self.pass_over_segments(&kernel)
    }

    /// A pass over more than one chunk. Its text is compiled once for all kernels.
    fn pass_over_segments<const SUMS: usize, const MAXIMA: usize>(
        &self,
        kernel: &(dyn Fn(Chunk<'_, T>, usize) -> Partial<SUMS, MAXIMA> + Sync),
    ) -> Partial<SUMS, MAXIMA> {
        let losses = self.losses.len();
        let segment = self.segment();
        let sum_up = |start: usize| {
            let mut partial = Partial::NOTHING;
            for start in (start..losses.min(start + segment)).step_by(CHUNK) {
                partial.join(&kernel(self.chunk(start), start));
            }
            partial
        };
        let mut total = Partial::NOTHING;
        if self.team.is_alone() {
            (0..losses).step_by(segment).for_each(|start| total.join(&sum_up(start)));
        } else {
            let mut parts = [Partial::NOTHING; SEGMENTS];
            let parts = &mut parts[..losses.div_ceil(segment)];
            self.team.for_each(parts, |number, part| *part = sum_up(number * segment));
            for part in parts {
                total.join(part);
            }
        }
        total
    }

    /// Calls `visit` with each chunk, one after another.
    pub(crate) fn each_chunk(&self, mut visit: impl FnMut(Chunk<'_, T>)) {
        (0..self.losses.len()).step_by(CHUNK).for_each(|start| visit(self.chunk(start)));
    }

    /// The last pass: as [`Data::pass`], with the chunk's part of the output.
    pub(crate) fn pass_writing<const SUMS: usize, const MAXIMA: usize>(
        &self,
        output: &mut [T],
        kernel: impl Fn(Chunk<'_, T>, &mut [T]) -> Partial<SUMS, MAXIMA> + Sync,
    ) -> Partial<SUMS, MAXIMA> {
        #[cfg(test)]
        self.count_pass();
        let segment = self.segment();
        let sum_up = |start: usize, output: &mut [T]| {
            let mut partial = Partial::NOTHING;
            for (number, output) in output.chunks_mut(CHUNK).enumerate() {
                partial.join(&kernel(self.chunk(start + number * CHUNK), output));
            }
            partial
        };
        let mut total = Partial::NOTHING;
        let mut outputs = output.chunks_mut(segment);
        if self.team.is_alone() {
            outputs.enumerate().for_each(|(number, output)| total.join(&sum_up(number * segment, output)));
        } else {
            let count = outputs.len();
            let mut parts: [_; SEGMENTS] =
                core::array::from_fn(|_| (Partial::NOTHING, outputs.next().unwrap_or_default()));
            let parts = &mut parts[..count];
            self.team.for_each(parts, |number, (part, output)| *part = sum_up(number * segment, output));
            for (part, _) in parts {
                total.join(part);
            }
        }
        total
    }

    /// Copies chosen samples to the front of `to`, which is as long as the losses. `kernel` copies
    /// those of a chunk to the front of its part, and returns how many it copied as its second sum.
    pub(crate) fn gather<const SUMS: usize>(
        &self,
        to: &mut [T],
        kernel: impl Fn(Chunk<'_, T>, &mut [T]) -> Partial<SUMS, 0> + Sync,
    ) -> [f64; SUMS] {
        #[cfg(test)]
        self.count_pass();
        if self.losses.len() <= CHUNK {
            return kernel(self.chunk(0), to).sums;
        }
        let segment = self.segment();
        let gather_segment = |start: usize, to: &mut [T]| {
            let mut partial = Partial::NOTHING;
            for first in (start..start + to.len()).step_by(CHUNK) {
                let chunk = self.chunk(first);
                // No more were copied than were looked at, so there is room for all of the chunk.
                let copied = count(partial.sums[1]);
                partial.join(&kernel(chunk, &mut to[copied..copied + chunk.losses.len()]));
            }
            partial
        };
        let mut segments = to.chunks_mut(segment);
        let segment_count = segments.len();
        let mut parts: [_; SEGMENTS] =
            core::array::from_fn(|_| (Partial::NOTHING, segments.next().unwrap_or_default()));
        let parts = &mut parts[..segment_count];
        self.team.for_each(parts, |number, (part, to)| *part = gather_segment(number * segment, to));
        let parts: [_; SEGMENTS] =
            core::array::from_fn(|number| parts.get(number).map_or(Partial::NOTHING, |(part, _)| *part));
        let mut total = Partial::NOTHING;
        let mut copied = 0;
        for (number, part) in parts.iter().enumerate() {
            // Segments beyond the last have copied nothing.
            let start = to.len().min(number * segment);
            to.copy_within(start..start + count(part.sums[1]), copied);
            copied += count(part.sums[1]);
            total.join(part);
        }
        total.sums
    }

    /// Pairs of samples, evenly spread, as many as `to` has room for, of which there are more.
    /// (Single ones would take as many lines of the cache as there are.)
    pub(crate) fn sample(&self, to: &mut [[T; 2]]) {
        let stride = self.losses.len() / to.len();
        for (pair, from) in to.iter_mut().zip(self.losses.chunks(stride)) {
            pair.copy_from_slice(&from[..2]);
        }
    }

    /// The mean of a few samples, evenly spread.
    pub(crate) fn mean_of_some(&self) -> f64 {
        /// Pairs of samples. More would hardly be felt; fewer would leave the mean to chance.
        const SOME: usize = 8;
        if self.losses.len() < 2 * SOME {
            return self.losses.iter().map(|loss| loss.to_f64()).sum::<f64>() / self.len();
        }
        let mut some = [[T::ZERO; 2]; SOME];
        self.sample(&mut some);
        some.as_flattened().iter().map(|loss| loss.to_f64()).sum::<f64>() / (2 * SOME) as f64
    }

    /// Samples per segment.
    fn segment(&self) -> usize {
        self.losses.len().div_ceil(SEGMENTS).next_multiple_of(CHUNK).max(CHUNK)
    }

    fn chunk(&self, start: usize) -> Chunk<'a, T> {
        let end = self.losses.len().min(start + CHUNK);
        // The range is always there; indexing would leave a panic in a program without std.
        let part = |values: &'a [T]| values.get(start..end).unwrap_or_default();
        Chunk { losses: part(self.losses), base: self.base.map(part), mass_scale: self.mass_scale }
    }

    #[cfg(test)]
    fn count_pass(&self) {
        seen::add(self.losses.len());
        self.passes.fetch_add(1, core::sync::atomic::Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(crate) fn passes(&self) -> u32 {
        self.passes.load(core::sync::atomic::Ordering::Relaxed)
    }
}

/// What all passes of a thread have seen, over whole problems and over parts of them.
#[cfg(test)]
pub(crate) mod seen {
    use core::cell::Cell;

    std::thread_local! {
        static SEEN: Cell<[usize; 2]> = const { Cell::new([0; 2]) };
    }

    pub(super) fn add(losses: usize) {
        SEEN.set([SEEN.get()[0] + 1, SEEN.get()[1] + losses]);
    }

    /// How many passes there have been since the last call, and how many losses they have seen.
    pub(crate) fn take() -> [usize; 2] {
        SEEN.replace([0; 2])
    }
}
