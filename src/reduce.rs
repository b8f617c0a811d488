//! How partial sums meet. Every pass over the data is one [`Data::pass`]: the losses are walked in chunks of a fixed
//! size, the chunks' partial results are joined in their order, and a [`Reduce`] joins them with those of other machines.
//! The solver sees the joined result only, so one solver text serves one thread and a cluster.

use crate::kernels::{Chunk, Level};
use crate::params::Error;
use crate::real::Real;

/// Joins values over all participants, in place; every participant ends with the same values.
pub(crate) trait Reduce {
    /// Replaces every value by its sum over the participants.
    fn sum(&mut self, values: &mut [f64]) -> Result<(), Error>;
    /// Replaces every value by its maximum over the participants.
    fn max(&mut self, values: &mut [f64]) -> Result<(), Error>;
}

/// The only participant.
pub(crate) struct Alone;

impl Reduce for Alone {
    fn sum(&mut self, _: &mut [f64]) -> Result<(), Error> {
        Ok(())
    }

    fn max(&mut self, _: &mut [f64]) -> Result<(), Error> {
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

    fn join(&mut self, other: &Self) {
        for (sum, more) in self.sums.iter_mut().zip(other.sums) {
            *sum += more;
        }
        for (maximum, other) in self.maxima.iter_mut().zip(other.maxima) {
            *maximum = maximum.max(other);
        }
    }
}

/// Samples per chunk. Fixed, so that sums are joined in the same order whoever computes them.
const CHUNK: usize = 1 << 14;

/// The samples of this participant, and its way to the others.
pub(crate) struct Data<'a, T, R> {
    losses: &'a [T],
    base: Option<&'a [T]>,
    mass_scale: f64,
    level: Level,
    reduce: R,
}

impl<'a, T: Real, R: Reduce> Data<'a, T, R> {
    /// `base`, if any, has one element per loss.
    pub(crate) fn new(losses: &'a [T], base: Option<&'a [T]>, reduce: R) -> Self {
        debug_assert!(base.is_none_or(|base| base.len() == losses.len()));
        Self { losses, base, mass_scale: 1.0, level: Level::detect(), reduce }
    }

    /// Whether the samples have base weights of their own.
    pub(crate) fn has_base(&self) -> bool {
        self.base.is_some()
    }

    /// The number of samples.
    pub(crate) fn len(&self) -> f64 {
        self.losses.len() as f64
    }

    /// The instruction set for the fast passes, which are for samples of equal mass.
    pub(crate) fn fast(&self) -> Option<Level> {
        (!self.has_base()).then_some(self.level)
    }

    /// From now on masses are base weights times this.
    pub(crate) fn set_mass_scale(&mut self, scale: f64) {
        self.mass_scale = scale;
    }

    /// One pass: `kernel` is called with each chunk and the position of its first sample.
    pub(crate) fn pass<const SUMS: usize, const MAXIMA: usize>(
        &mut self,
        kernel: impl Fn(Chunk<'_, T>, usize) -> Partial<SUMS, MAXIMA>,
    ) -> Result<Partial<SUMS, MAXIMA>, Error> {
        let mut total = Partial::NOTHING;
        for start in (0..self.losses.len()).step_by(CHUNK) {
            total.join(&kernel(self.chunk(start), start));
        }
        self.meet(total)
    }

    /// The last pass: as [`Data::pass`], with the chunk's part of the output.
    pub(crate) fn pass_writing<const SUMS: usize, const MAXIMA: usize>(
        &mut self,
        output: &mut [T],
        kernel: impl Fn(Chunk<'_, T>, &mut [T]) -> Partial<SUMS, MAXIMA>,
    ) -> Result<Partial<SUMS, MAXIMA>, Error> {
        let mut total = Partial::NOTHING;
        for (position, part) in output.chunks_mut(CHUNK).enumerate() {
            total.join(&kernel(self.chunk(position * CHUNK), part));
        }
        self.meet(total)
    }

    /// Copies chosen samples to the front of `to`, which is as long as the losses. `kernel` copies those of a chunk to the
    /// front of its part and returns how many it left out at the lower end, and how many it copied.
    pub(crate) fn gather(
        &mut self,
        to: &mut [T],
        kernel: impl Fn(Chunk<'_, T>, &mut [T]) -> Partial<2, 0>,
    ) -> Result<(f64, usize), Error> {
        let mut total = Partial::NOTHING;
        let mut copied = 0;
        for start in (0..self.losses.len()).step_by(CHUNK) {
            let chunk = self.chunk(start);
            // At most `start` were copied before, so there is room for all of the chunk.
            let part = kernel(chunk, &mut to[copied..copied + chunk.losses.len()]);
            copied += count(part.sums[1]);
            total.join(&part);
        }
        Ok((self.meet(total)?.sums[0], copied))
    }

    /// Every so-many-th sample, as many as `to` has room for.
    pub(crate) fn sample(&self, to: &mut [T]) {
        let stride = self.losses.len() / to.len();
        for (sample, &loss) in to.iter_mut().zip(self.losses.iter().step_by(stride)) {
            *sample = loss;
        }
    }

    fn chunk(&self, start: usize) -> Chunk<'a, T> {
        let end = self.losses.len().min(start + CHUNK);
        Chunk {
            losses: &self.losses[start..end],
            base: self.base.map(|base| &base[start..end]),
            mass_scale: self.mass_scale,
        }
    }

    fn meet<const SUMS: usize, const MAXIMA: usize>(
        &mut self,
        mut total: Partial<SUMS, MAXIMA>,
    ) -> Result<Partial<SUMS, MAXIMA>, Error> {
        self.reduce.sum(&mut total.sums)?;
        self.reduce.max(&mut total.maxima)?;
        Ok(total)
    }
}

/// A count, back from its sum.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // it was one
fn count(sum: f64) -> usize {
    sum as usize
}
