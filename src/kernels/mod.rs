//! The passes over the data, and nothing else. Each takes one chunk and a handful of numbers, and
//! returns sums and maxima.
//!
//! `scalar` is the text for all cases: base weights, extreme ratios. `vector` and `look` are the
//! fast ones for samples of equal mass, written over the registers of `lanes`, with one file per
//! instruction set.

#[cfg(all(target_arch = "x86_64", hrw_vector))]
mod avx2;
#[cfg(all(target_arch = "x86_64", hrw_vector))]
mod avx512;

mod bins;
mod chunk;
#[cfg(hrw_vector)]
mod groups;
#[cfg(hrw_vector)]
mod look;
#[cfg(all(target_arch = "aarch64", hrw_vector))]
mod neon;
#[cfg(hrw_vector)]
mod portable;
#[cfg(all(hrw_vector, any(target_arch = "x86_64", target_arch = "aarch64")))]
mod registers;
mod scalar;
mod scaling;
#[cfg(hrw_vector)]
mod vector;

pub(crate) use bins::{Bins, SUMS_OF_BIN};
pub(crate) use chunk::{
    BLOCKS, Chunk, LOOK_SUMS, MOMENTS, OUTLINE_SUMS, POWERS, Partial, ROOT_SUMS, SURVEY_MAXIMA, count,
};
pub(crate) use scalar::{add_powers, masses, moments, plain_root, root, split, survey, write};
pub(crate) use scaling::{Scaling, WeightFormula};

use crate::numbers::depths::Depths;
use crate::numbers::real::Real;

/// The instruction set that the vector passes run on. In a build without vector passes this type
/// has no value, so that the compiler leaves out what needs one.
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

/// The dispatch: each fast pass under the name that the solver calls it by.
macro_rules! dispatch {
    ($($(#[$doc:meta])* $fast:ident = $file:ident::$name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        $(
            $(#[$doc])*
            #[inline]
            pub(crate) fn $fast<T: Real>(level: Level, $($argument: $type),*) -> $result {
                match level {
                    #[cfg(hrw_vector)]
                    Level::Portable => $file::$name::<portable::Portable, T>($($argument),*),
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
    /// The range of the losses, whether all are finite, and block maxima.
    fast_survey = vector::survey(losses: &[T]) -> Partial<0, SURVEY_MAXIMA>;
    /// Where a threshold ranks.
    fast_rank = vector::rank(losses: &[T], threshold: T) -> Partial<2, 2>;
    /// The moments of the depths above a threshold.
    fast_moments = vector::moments(losses: &[T], depths: Depths, threshold: T) -> Partial<MOMENTS, 0>;
    /// The sums of the root search.
    fast_root = look::root(losses: &[T], depths: Depths, threshold: T, scaling: Scaling) -> Partial<ROOT_SUMS, 0>;
    /// The same above a window, and the losses in it.
    fast_look = look::look(losses: &[T], bounds: [T; 3], depths: Depths, scaling: Scaling, to: &mut [T])
        -> Partial<LOOK_SUMS, 0>;
    /// The moments above a window, and the losses in it.
    fast_outline = look::outline(losses: &[T], bounds: [T; 3], depths: Depths, to: &mut [T]) -> Partial<OUTLINE_SUMS, 0>;
    /// The weights.
    fast_write = vector::write(losses: &[T], formula: &WeightFormula<T>, output: &mut [T]) -> Partial<3, 0>;
}
