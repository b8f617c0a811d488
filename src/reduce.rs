//! How partial sums meet. Every pass over the data is one [`Data::pass`]: the losses are walked in chunks of a fixed
//! size, the chunks' partial results are joined in their order, and a [`Meeting`] joins them with those of other machines.
//! The solver sees the joined result only, so one solver text serves one thread and a cluster.

use crate::kernels::{Chunk, Level};
use crate::params::Error;
use crate::real::Real;
use crate::team::Team;

/// Where the partial results of this participant meet those of the others.
pub(crate) trait Meeting: Sync {
    /// Whether there is nobody to meet; a constant, so that what serves several participants alone is not even compiled.
    const ALONE: bool = false;

    /// Fills in the results of the next pass, if they are known already.
    fn recall(&mut self, _sums: &mut [f64], _maxima: &mut [f64]) -> bool {
        false
    }

    /// Replaces each sum by that over all participants, and each maximum.
    fn join(&mut self, sums: &mut [f64], maxima: &mut [f64]) -> Result<(), Error>;
}

/// The only participant.
pub(crate) struct Alone;

impl Meeting for Alone {
    const ALONE: bool = true;

    fn join(&mut self, _: &mut [f64], _: &mut [f64]) -> Result<(), Error> {
        Ok(())
    }
}

/// What a pass brings home: `SUMS` sums and `MAXIMA` maxima (a minimum is the maximum of the negated values).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Partial<const SUMS: usize, const MAXIMA: usize> {
    pub(crate) sums: [f64; SUMS],
    pub(crate) maxima: [f64; MAXIMA],
}

impl<const SUMS: usize, const MAXIMA: usize> Partial<SUMS, MAXIMA> {
    /// The partial result of no data.
    pub(crate) const NOTHING: Self = Self { sums: [0.0; SUMS], maxima: [f64::NEG_INFINITY; MAXIMA] };

    /// Adds what another part of the data brings.
    pub(crate) fn join(&mut self, other: &Self) {
        for (sum, more) in self.sums.iter_mut().zip(other.sums) {
            *sum += more;
        }
        for (maximum, other) in self.maxima.iter_mut().zip(other.maxima) {
            *maximum = maximum.max(other);
        }
    }
}

/// Samples per call of a kernel: few enough to stay in the nearest cache and to keep rounding small. In registers of two
/// doubles twice as many samples are added up one after another as in those of four.
const CHUNK: usize = if cfg!(target_arch = "aarch64") { 1 << 13 } else { 1 << 14 };
/// At most so many segments, the parts that are dealt to threads. Fixed by the number of samples alone, so that sums are
/// joined in the same order whoever computes them.
const SEGMENTS: usize = 64;

/// The samples of this participant, its threads, and its way to the other participants.
pub(crate) struct Data<'a, T, R> {
    losses: &'a [T],
    base: Option<&'a [T]>,
    /// Whether masses differ, here or at another participant.
    weighted: bool,
    mass_scale: f64,
    samples: f64,
    level: Option<Level>,
    team: Team,
    meeting: R,
}

impl<'a, T: Real, R: Meeting> Data<'a, T, R> {
    /// `base`, if any, has one element per loss.
    pub(crate) fn new(losses: &'a [T], base: Option<&'a [T]>, team: Team, meeting: R) -> Self {
        debug_assert!(base.is_none_or(|base| base.len() == losses.len()));
        let (weighted, samples) = (base.is_some(), losses.len() as f64);
        Self { losses, base, weighted, mass_scale: 1.0, samples, level: Level::detect(), team, meeting }
    }

    /// Whether the samples have base weights of their own.
    pub(crate) fn has_base(&self) -> bool {
        self.base.is_some()
    }

    /// Whether this participant has no samples.
    pub(crate) fn is_empty(&self) -> bool {
        self.losses.is_empty()
    }

    /// The number of samples of all participants.
    pub(crate) fn len(&self) -> f64 {
        self.samples
    }

    /// Tells how many samples all participants have.
    pub(crate) fn set_samples(&mut self, samples: f64) {
        self.samples = samples;
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

    /// The way to the other participants.
    pub(crate) fn meeting(&mut self) -> &mut R {
        &mut self.meeting
    }

    /// One pass: `kernel` is called with each chunk and the position of its first sample.
    pub(crate) fn pass<const SUMS: usize, const MAXIMA: usize>(
        &mut self,
        kernel: impl Fn(Chunk<'_, T>, usize) -> Partial<SUMS, MAXIMA> + Sync,
    ) -> Result<Partial<SUMS, MAXIMA>, Error> {
        if let Some(known) = self.recall() {
            return Ok(known);
        }
        let total = self.pass_alone(kernel);
        self.meet(total)
    }

    /// As [`Data::pass`], over the samples of this participant alone.
    pub(crate) fn pass_alone<const SUMS: usize, const MAXIMA: usize>(
        &self,
        kernel: impl Fn(Chunk<'_, T>, usize) -> Partial<SUMS, MAXIMA> + Sync,
    ) -> Partial<SUMS, MAXIMA> {
        let losses = self.losses.len();
        if losses <= CHUNK && cfg!(hrw_vector) {
            // What small problems do again and again. (One copy of the kernel is worth more without the fast passes.)
            return kernel(self.chunk(0), 0);
        }
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
        &mut self,
        output: &mut [T],
        kernel: impl Fn(Chunk<'_, T>, &mut [T]) -> Partial<SUMS, MAXIMA> + Sync,
    ) -> Result<Partial<SUMS, MAXIMA>, Error> {
        if let Some(known) = self.recall() {
            return Ok(known);
        }
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
        self.meet(total)
    }

    /// Copies chosen samples to the front of `to`, which is as long as the losses. `kernel` copies those of a chunk to the
    /// front of its part, and returns how many it copied as its second sum.
    pub(crate) fn gather(
        &mut self,
        to: &mut [T],
        kernel: impl Fn(Chunk<'_, T>, &mut [T]) -> Partial<3, 0> + Sync,
    ) -> Result<[f64; 3], Error> {
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
        Ok(self.meet(total)?.sums)
    }

    /// Every so-many-th sample, as many as `to` has room for.
    pub(crate) fn sample(&self, to: &mut [T]) {
        let stride = self.losses.len() / to.len();
        for (sample, &loss) in to.iter_mut().zip(self.losses.iter().step_by(stride)) {
            *sample = loss;
        }
    }

    /// Samples per segment.
    fn segment(&self) -> usize {
        self.losses.len().div_ceil(SEGMENTS).next_multiple_of(CHUNK).max(CHUNK)
    }

    fn chunk(&self, start: usize) -> Chunk<'a, T> {
        let end = self.losses.len().min(start + CHUNK);
        // Always there; but said so that no panic is left in a program without std.
        let part = |values: &'a [T]| values.get(start..end).unwrap_or_default();
        Chunk { losses: part(self.losses), base: self.base.map(part), mass_scale: self.mass_scale }
    }

    /// The results of the next pass, if they are known already.
    pub(crate) fn recall<const SUMS: usize, const MAXIMA: usize>(&mut self) -> Option<Partial<SUMS, MAXIMA>> {
        let mut known = Partial::NOTHING;
        self.meeting.recall(&mut known.sums, &mut known.maxima).then_some(known)
    }

    /// Joins the results of this participant with those of the others.
    pub(crate) fn meet<const SUMS: usize, const MAXIMA: usize>(
        &mut self,
        mut total: Partial<SUMS, MAXIMA>,
    ) -> Result<Partial<SUMS, MAXIMA>, Error> {
        self.meeting.join(&mut total.sums, &mut total.maxima)?;
        Ok(total)
    }
}

/// A count, back from its sum.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // it was one
pub(crate) fn count(sum: f64) -> usize {
    sum as usize
}
