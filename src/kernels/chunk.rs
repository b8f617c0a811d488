//! What a kernel is given, a part of the samples, and what it returns: sums and maxima.

use crate::numbers::real::Real;

/// So many powers of the depths are averaged before the search for u: what the model of
/// [`crate::solve`] needs to start it.
pub(crate) const MOMENTS: usize = 3;

/// The samples of a machine with vector passes are dealt out to so many blocks, one after another,
/// and a survey finds the largest loss of each. More would take a survey longer and the search for
/// u too; with fewer, more of the largest losses would share a block with a larger one. None where
/// there are no vector passes.
pub(crate) const BLOCKS: usize = if cfg!(hrw_vector) { 16 } else { 0 };
/// What a fast survey returns: three maxima, and those of the blocks.
pub(crate) const SURVEY_MAXIMA: usize = 3 + BLOCKS;

/// So many powers of `z - 1` are summed up in a root pass. From these sums at one u follow those at
/// a near one: with seven, as near as a subsample of a few hundred tells it. Each more takes one
/// instruction for a register of samples.
pub(crate) const POWERS: usize = 7;
/// What a fast root pass returns: the logarithms, and the powers.
pub(crate) const ROOT_SUMS: usize = 1 + POWERS;
/// What a look returns: three counts, and the sums of a root pass.
pub(crate) const LOOK_SUMS: usize = 3 + ROOT_SUMS;
/// What an outline returns: three counts, and the moments.
pub(crate) const OUTLINE_SUMS: usize = 3 + MOMENTS;

/// A part of the samples. Masses are base weights times `mass_scale` (a power of two), or one each.
#[derive(Clone, Copy)]
pub(crate) struct Chunk<'a, T> {
    pub(crate) losses: &'a [T],
    pub(crate) base: Option<&'a [T]>,
    pub(crate) mass_scale: f64,
}

impl<T: Real> Chunk<'_, T> {
    /// The mass of an unmasked sample, at least 1e-301 of the largest. Base weights may be farther
    /// apart, but what is smaller could not be divided by. Weights and losses do not change by it;
    /// only `d_alpha` at alpha 0, which is infinite without any mass on the worst loss and
    /// otherwise grows with the logarithm of that mass, does.
    #[inline(always)]
    pub(crate) fn mass(&self, base: T) -> f64 {
        /// 2^-1000.
        const LEAST: f64 = f64::from_bits(23 << 52);
        (base.to_f64() * self.mass_scale).max(LEAST)
    }

    /// Parts of this many samples, the last one of what is left.
    pub(super) fn parts(self, samples: usize) -> impl Iterator<Item = Self> {
        let mut bases = self.base.map(|base| base.chunks(samples));
        self.losses.chunks(samples).map(move |losses| {
            let base = bases.as_mut().and_then(Iterator::next);
            Self { losses, base, ..self }
        })
    }

    /// Calls `visit` with the loss and the mass of each unmasked sample.
    #[inline(always)]
    pub(super) fn each(&self, mut visit: impl FnMut(T, f64)) {
        // One loop for both cases: kernels are inlined into it.
        let mut bases = self.base.map(<[T]>::iter);
        for &loss in self.losses {
            let mass = match bases.as_mut().and_then(Iterator::next) {
                None => self.mass_scale,
                Some(&base) if base > T::ZERO => self.mass(base),
                Some(_) => continue,
            };
            visit(loss, mass);
        }
    }
}

/// What a pass returns: `SUMS` sums and `MAXIMA` maxima. (A minimum is the maximum of the negated
/// values.)
#[derive(Clone, Copy, Debug)]
pub(crate) struct Partial<const SUMS: usize, const MAXIMA: usize> {
    pub(crate) sums: [f64; SUMS],
    pub(crate) maxima: [f64; MAXIMA],
}

impl<const SUMS: usize, const MAXIMA: usize> Partial<SUMS, MAXIMA> {
    /// The partial result of no data.
    pub(crate) const NOTHING: Self = Self { sums: [0.0; SUMS], maxima: [f64::NEG_INFINITY; MAXIMA] };

    /// Adds the result for another part of the data.
    pub(crate) fn join(&mut self, other: &Self) {
        for (sum, more) in self.sums.iter_mut().zip(other.sums) {
            *sum += more;
        }
        for (maximum, other) in self.maxima.iter_mut().zip(other.maxima) {
            *maximum = maximum.max(other);
        }
    }
}

/// A count, back from its sum.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // it was one
pub(crate) fn count(sum: f64) -> usize {
    sum as usize
}
