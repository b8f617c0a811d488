//! The passes over the data, and nothing else. Each takes one chunk and a handful of numbers, and returns sums and maxima.
//!
//! `scalar` is the text for all cases: base weights, extreme ratios. `vector` is the fast one for samples of equal mass,
//! written over the registers of `lanes`, with one file per instruction set.

#[cfg(all(target_arch = "x86_64", hrw_vector))]
mod avx2;
#[cfg(all(target_arch = "x86_64", hrw_vector))]
mod avx512;
mod histogram;
mod lanes;
#[cfg(all(target_arch = "aarch64", hrw_vector))]
mod neon;
#[cfg(hrw_vector)]
mod portable;
mod scalar;
#[cfg(hrw_vector)]
mod vector;

pub(crate) use histogram::{DepthBins, PositionBins};
pub use lanes::Element;
pub(crate) use scalar::{
    add_powers, mass_below, masses, moments, nearest_above, plain_root, root, split, survey, write,
};

use crate::depths::Depths;
use crate::real::Real;
use crate::reduce::Partial;

/// So many powers of the depths are averaged before the search for u. (The third makes it shorter; without the vector passes code and
/// stack are dearer than that.)
pub(crate) const MOMENTS: usize = if cfg!(hrw_vector) { 3 } else { 2 };

/// The instruction set that the vector passes run on. Without them there is none, as the compiler can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    #[cfg(hrw_vector)]
    Portable,
    #[cfg(all(target_arch = "x86_64", hrw_vector))]
    Avx2,
    #[cfg(all(target_arch = "x86_64", hrw_vector))]
    Avx512,
    #[cfg(all(target_arch = "aarch64", hrw_vector))]
    Neon,
}

impl Level {
    /// The best one of this machine, or the one that the build was told to use.
    #[allow(clippy::unnecessary_wraps)] // none without the vector passes
    pub(crate) fn detect() -> Option<Self> {
        #[cfg(all(target_arch = "x86_64", hrw_vector))]
        {
            if cfg!(not(any(hrw_kernels = "portable", hrw_kernels = "avx2"))) && avx512::is_available() {
                return Some(Self::Avx512);
            }
            if cfg!(not(hrw_kernels = "portable")) && avx2::is_available() {
                return Some(Self::Avx2);
            }
        }
        #[cfg(all(target_arch = "aarch64", hrw_vector))]
        if cfg!(not(hrw_kernels = "portable")) {
            return Some(Self::Neon);
        }
        #[cfg(hrw_vector)]
        return Some(Self::Portable);
        #[cfg(not(hrw_vector))]
        None
    }
}

/// Makes the entries of an instruction set: the vector passes compiled with its features.
#[cfg(all(hrw_vector, any(target_arch = "x86_64", target_arch = "aarch64")))]
macro_rules! entries {
    ($isa:ty, $features:literal) => {
        entries! { $isa, $features:
            survey(losses: &[T]) -> Partial<0, 3>;
            rank(losses: &[T], threshold: T) -> Partial<2, 2>;
            gather(losses: &[T], bounds: [T; 3], to: &mut [T]) -> Partial<3, 0>;
            moments(losses: &[T], depths: Depths, threshold: T) -> Partial<{ $crate::kernels::MOMENTS }, 0>;
            root(losses: &[T], depths: Depths, threshold: T, lens: Lens) -> Partial<4, 0>;
            write(losses: &[T], recipe: &Recipe<T>, output: &mut [T]) -> Partial<3, 0>;
        }
    };
    ($isa:ty, $features:literal: $($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        $(
            #[target_feature(enable = $features)]
            pub(super) fn $name<T: $crate::real::Real>($($argument: $type),*) -> $result {
                $crate::kernels::vector::$name::<$isa, T>($($argument),*)
            }
        )*
    };
}
#[cfg(all(hrw_vector, any(target_arch = "x86_64", target_arch = "aarch64")))]
use entries;

/// The dispatch: each fast pass under the name that the solver calls it by.
macro_rules! dispatch {
    ($($(#[$doc:meta])* $fast:ident = $name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        $(
            $(#[$doc])*
            #[inline]
            pub(crate) fn $fast<T: Real>(level: Level, $($argument: $type),*) -> $result {
                match level {
                    #[cfg(hrw_vector)]
                    Level::Portable => vector::$name::<portable::Portable, T>($($argument),*),
                    // SAFETY: `detect` has seen the features on this machine.
                    #[cfg(all(target_arch = "x86_64", hrw_vector))]
                    Level::Avx2 => unsafe { avx2::$name($($argument),*) },
                    // SAFETY: `detect` has seen the features on this machine.
                    #[cfg(all(target_arch = "x86_64", hrw_vector))]
                    Level::Avx512 => unsafe { avx512::$name($($argument),*) },
                    // SAFETY: every aarch64 has these features.
                    #[cfg(all(target_arch = "aarch64", hrw_vector))]
                    Level::Neon => unsafe { neon::$name($($argument),*) },
                }
            }
        )*
    };
}

dispatch! {
    /// The range of the losses, and whether all are finite.
    fast_survey = survey(losses: &[T]) -> Partial<0, 3>;
    /// Where a threshold ranks.
    fast_rank = rank(losses: &[T], threshold: T) -> Partial<2, 2>;
    /// The losses in a window.
    fast_gather = gather(losses: &[T], bounds: [T; 3], to: &mut [T]) -> Partial<3, 0>;
    /// The moments of the depths above a threshold.
    fast_moments = moments(losses: &[T], depths: Depths, threshold: T) -> Partial<MOMENTS, 0>;
    /// The sums of the root search.
    fast_root = root(losses: &[T], depths: Depths, threshold: T, lens: Lens) -> Partial<4, 0>;
    /// The weights.
    fast_write = write(losses: &[T], recipe: &Recipe<T>, output: &mut [T]) -> Partial<3, 0>;
}

/// A part of the samples. Masses are base weights times `mass_scale` (a power of two), or one each.
#[derive(Clone, Copy)]
pub(crate) struct Chunk<'a, T> {
    pub(crate) losses: &'a [T],
    pub(crate) base: Option<&'a [T]>,
    pub(crate) mass_scale: f64,
}

impl<T: Real> Chunk<'_, T> {
    /// The mass of an unmasked sample. Base weights may differ by more than shares of one can: then the least of them count for
    /// 1e-301 of the largest, which can be divided by. That is no difference to weights and losses; only `d_alpha` at alpha 0,
    /// which is infinite without any mass on the worst loss, grows with the logarithm of it.
    #[inline(always)]
    pub(crate) fn mass(&self, base: T) -> f64 {
        /// 2^-1000.
        const LEAST: f64 = f64::from_bits(23 << 52);
        (base.to_f64() * self.mass_scale).max(LEAST)
    }
}

/// Where the root pass looks: `y = x / c = shift + d * rate`, `e = y - 1 = (d - centre) * rate` with `x = u + d`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lens {
    /// `u / c`.
    pub(crate) shift: f64,
    /// `1 / c`; zero where u is infinite.
    pub(crate) rate: f64,
    /// The depth at which `x = c`: about the mean, or that of the harmonic mean.
    pub(crate) centre: f64,
}

impl Lens {
    /// The view from `u` of depths around this one.
    pub(crate) fn new(u: f64, centre: f64) -> Self {
        let c = u + centre;
        Self { shift: u / c, rate: 1.0 / c, centre }
    }

    /// What sums of reciprocals `z = 1 / y` are multiplied by, so that the largest one stays finite: `u / c`, unless u is zero.
    #[inline(always)]
    pub(crate) fn unit(&self) -> f64 {
        if self.shift > 0.0 { self.shift } else { 1.0 }
    }

    /// Whether the ratios at depths up to this one are far from overflow and underflow, even four of them multiplied.
    pub(crate) fn is_moderate(&self, deepest: f64) -> bool {
        const LARGE: f64 = (1_u128 << 100) as f64;
        self.shift >= 1.0 / LARGE && self.ratio(deepest) <= LARGE
    }

    /// `x / c` at a depth. Taken from x, never as `1 + e`: near the worst loss e is close to -1.
    #[inline(always)]
    pub(crate) fn ratio(&self, depth: f64) -> f64 {
        self.shift + depth * self.rate
    }

    /// `x / c - 1` at a depth.
    #[inline(always)]
    pub(crate) fn excess(&self, depth: f64) -> f64 {
        (depth - self.centre) * self.rate
    }
}

/// What the last pass writes: the weight of a sample of mass b is b times
/// zero below `threshold`, `tied` at it, `top` at depth zero, and `level / ratio(depth)` otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recipe<T> {
    pub(crate) depths: Depths,
    pub(crate) lens: Lens,
    pub(crate) threshold: T,
    pub(crate) level: f64,
    pub(crate) tied: f64,
    pub(crate) top: f64,
    /// How many weights are zero, if the positive ones are known not to round to it.
    pub(crate) zeros: Option<f64>,
}

impl<T: Real> Recipe<T> {
    #[inline(always)]
    pub(crate) fn coefficient(&self, loss: T, depth: f64) -> f64 {
        if loss < self.threshold {
            0.0
        } else if loss == self.threshold {
            self.tied
        } else if depth == 0.0 {
            self.top
        } else {
            self.level / self.lens.ratio(depth)
        }
    }
}
