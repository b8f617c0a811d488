//! AVX-512 (F, DQ, VL and BW) and POPCNT: eight doubles, sixteen floats.

#[allow(clippy::wildcard_imports)] // the instructions, each of which names itself
use core::arch::x86_64::*;

use super::chunk::{LOOK_SUMS, MOMENTS, OUTLINE_SUMS, Partial, ROOT_SUMS, SURVEY_MAXIMA};
use super::registers::{of_doubles, of_values};
use super::scaling::{Scaling, WeightFormula};
use super::vector::entries;
use crate::numbers::depths::Depths;
use crate::numbers::lanes::{Doubles, Isa, Vector};

/// Whether this machine has it.
pub(super) fn is_available() -> bool {
    #[cfg(feature = "std")]
    return std::is_x86_feature_detected!("avx512f")
        && std::is_x86_feature_detected!("avx512dq")
        && std::is_x86_feature_detected!("avx512vl")
        && std::is_x86_feature_detected!("avx512bw")
        && std::is_x86_feature_detected!("popcnt");
    #[cfg(not(feature = "std"))]
    return cfg!(all(
        target_feature = "avx512f",
        target_feature = "avx512dq",
        target_feature = "avx512vl",
        target_feature = "avx512bw",
        target_feature = "popcnt"
    ));
}

entries!(Avx512, "avx512f,avx512dq,avx512vl,avx512bw,fma,popcnt");

/// The instruction set.
pub(super) struct Avx512;

impl Isa for Avx512 {
    type Floats = Floats;
    type Doubles = Eight;
}

/// Sixteen floats.
#[derive(Clone, Copy)]
pub(super) struct Floats(__m512);

/// Eight doubles.
#[derive(Clone, Copy)]
pub(super) struct Eight(__m512d);

// SAFETY of every block in this file: its instructions are those of AVX-512, and the registers are
// made and used only in functions that the dispatch in `kernels` calls after it has seen AVX-512 on
// the machine. Loads and stores are of slices whose length has been checked.

macro_rules! vector {
    ($name:ident, $float:ty, $n:literal, $mask:ty, $set1:ident, $loadu:ident, $max:ident, $min:ident, $fmadd:ident,
     $cmp:ident, $blend:ident, $reduce_max:ident, $reduce_min:ident, $compress:ident, $storeu:ident) => {
        impl Vector<$float> for $name {
            type Mask = $mask;

            of_values!($float, $n, $set1, $loadu);

            #[inline(always)]
            fn max(self, other: Self) -> Self {
                // SAFETY: see above.
                Self(unsafe { $max(self.0, other.0) })
            }

            #[inline(always)]
            fn min(self, other: Self) -> Self {
                // SAFETY: see above.
                Self(unsafe { $min(self.0, other.0) })
            }

            #[inline(always)]
            fn mul_add(self, factor: Self, term: Self) -> Self {
                // SAFETY: see above.
                Self(unsafe { $fmadd(self.0, factor.0, term.0) })
            }

            #[inline(always)]
            fn less(self, other: Self) -> Self::Mask {
                // SAFETY: see above.
                unsafe { $cmp::<_CMP_LT_OQ>(self.0, other.0) }
            }

            #[inline(always)]
            fn equal(self, other: Self) -> Self::Mask {
                // SAFETY: see above.
                unsafe { $cmp::<_CMP_EQ_OQ>(self.0, other.0) }
            }

            #[inline(always)]
            fn count(mask: Self::Mask) -> u32 {
                mask.count_ones()
            }

            #[inline(always)]
            fn blend(self, mask: Self::Mask, other: Self) -> Self {
                // SAFETY: see above.
                Self(unsafe { $blend(mask, self.0, other.0) })
            }

            #[inline(always)]
            fn largest(self) -> $float {
                // SAFETY: see above.
                unsafe { $reduce_max(self.0) }
            }

            #[inline(always)]
            fn smallest(self) -> $float {
                // SAFETY: see above.
                unsafe { $reduce_min(self.0) }
            }

            #[inline(always)]
            fn compress(self, mask: Self::Mask, to: &mut [$float]) {
                let to = &mut to[..$n];
                // Compressing in the register and storing all of it is much faster than a
                // compressing store. SAFETY: see above.
                unsafe { $storeu(to.as_mut_ptr(), $compress(mask, self.0)) };
            }

            #[inline(always)]
            fn any(mask: Self::Mask) -> bool {
                mask != 0
            }

            #[inline(always)]
            fn either(first: Self::Mask, second: Self::Mask) -> Self::Mask {
                first | second
            }

            #[inline(always)]
            fn neither(first: Self::Mask, second: Self::Mask) -> Self::Mask {
                !(first | second)
            }
        }
    };
}

vector!(
    Floats,
    f32,
    16,
    __mmask16,
    _mm512_set1_ps,
    _mm512_loadu_ps,
    _mm512_max_ps,
    _mm512_min_ps,
    _mm512_fmadd_ps,
    _mm512_cmp_ps_mask,
    _mm512_mask_blend_ps,
    _mm512_reduce_max_ps,
    _mm512_reduce_min_ps,
    _mm512_maskz_compress_ps,
    _mm512_storeu_ps
);
vector!(
    Eight,
    f64,
    8,
    __mmask8,
    _mm512_set1_pd,
    _mm512_loadu_pd,
    _mm512_max_pd,
    _mm512_min_pd,
    _mm512_fmadd_pd,
    _mm512_cmp_pd_mask,
    _mm512_mask_blend_pd,
    _mm512_reduce_max_pd,
    _mm512_reduce_min_pd,
    _mm512_maskz_compress_pd,
    _mm512_storeu_pd
);

impl Doubles for Eight {
    of_doubles!(
        8,
        _mm256_loadu_ps,
        _mm512_cvtps_pd,
        _mm512_storeu_pd,
        _mm256_storeu_ps,
        _mm512_cvtpd_ps,
        _mm512_add_pd,
        _mm512_sub_pd,
        _mm512_mul_pd,
        _mm512_div_pd
    );

    #[inline(always)]
    fn mantissa_and_exponent(self) -> (Self, Self) {
        // SAFETY: see above.
        unsafe {
            let mantissa = _mm512_getmant_pd::<_MM_MANT_NORM_1_2, _MM_MANT_SIGN_SRC>(self.0);
            (Self(mantissa), Self(_mm512_getexp_pd(self.0)))
        }
    }

    #[inline(always)]
    fn sum(self) -> f64 {
        // SAFETY: see above.
        unsafe { _mm512_reduce_add_pd(self.0) }
    }
}
