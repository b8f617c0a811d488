//! AVX2, FMA and POPCNT: four doubles, eight floats.

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
    return std::is_x86_feature_detected!("avx2")
        && std::is_x86_feature_detected!("fma")
        && std::is_x86_feature_detected!("popcnt");
    #[cfg(not(feature = "std"))]
    return cfg!(all(target_feature = "avx2", target_feature = "fma", target_feature = "popcnt"));
}

entries!(Avx2, "avx2,fma,popcnt");

/// The instruction set.
pub(super) struct Avx2;

impl Isa for Avx2 {
    type Floats = Floats;
    type Doubles = Four;
}

/// Eight floats.
#[derive(Clone, Copy)]
pub(super) struct Floats(__m256);

/// Four doubles.
#[derive(Clone, Copy)]
pub(super) struct Four(__m256d);

// SAFETY of every block in this file: its instructions are those of AVX2, FMA and POPCNT, and the registers
// are made and used only in functions that the dispatch in `kernels` calls after it has seen them
// on the machine. Loads and stores are of slices whose length has been checked.

macro_rules! vector {
    ($name:ident, $float:ty, $n:literal, $mask:ty, $set1:ident, $loadu:ident, $max:ident, $min:ident, $fmadd:ident,
     $cmp:ident, $blend:ident, $movemask:ident, $or:ident, $storeu:ident, $order:ident, $to_floats:path, $from_floats:path) => {
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
                // SAFETY: see above.
                unsafe { $movemask(mask) }.count_ones()
            }

            #[inline(always)]
            fn blend(self, mask: Self::Mask, other: Self) -> Self {
                // SAFETY: see above.
                Self(unsafe { $blend(self.0, other.0, mask) })
            }

            #[inline(always)]
            fn largest(self) -> $float {
                self.values().into_iter().fold(<$float>::NEG_INFINITY, <$float>::max)
            }

            #[inline(always)]
            fn smallest(self) -> $float {
                self.values().into_iter().fold(<$float>::INFINITY, <$float>::min)
            }

            #[inline(always)]
            fn compress(self, mask: Self::Mask, to: &mut [$float]) {
                let to = &mut to[..$n];
                // SAFETY: see above.
                unsafe {
                    let order = $order[$movemask(mask).cast_unsigned() as usize & ($order.len() - 1)];
                    let order = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(order.cast_signed()));
                    let values = _mm256_permutevar8x32_ps($to_floats(self.0), order);
                    $storeu(to.as_mut_ptr(), $from_floats(values));
                }
            }

            #[inline(always)]
            fn any(mask: Self::Mask) -> bool {
                // SAFETY: see above.
                unsafe { $movemask(mask) != 0 }
            }

            #[inline(always)]
            fn either(first: Self::Mask, second: Self::Mask) -> Self::Mask {
                // SAFETY: see above.
                unsafe { $or(first, second) }
            }

            #[inline(always)]
            fn neither(first: Self::Mask, second: Self::Mask) -> Self::Mask {
                // SAFETY: see above.
                unsafe {
                    let zero = Self::splat(0.0).0;
                    let all = $cmp::<_CMP_EQ_OQ>(zero, zero);
                    $blend(all, zero, $or(first, second))
                }
            }
        }

        impl $name {
            #[inline(always)]
            fn values(self) -> [$float; $n] {
                let mut values = [0.0; $n];
                // SAFETY: see above.
                unsafe { $storeu(values.as_mut_ptr(), self.0) };
                values
            }
        }
    };
}

vector!(
    Floats,
    f32,
    8,
    __m256,
    _mm256_set1_ps,
    _mm256_loadu_ps,
    _mm256_max_ps,
    _mm256_min_ps,
    _mm256_fmadd_ps,
    _mm256_cmp_ps,
    _mm256_blendv_ps,
    _mm256_movemask_ps,
    _mm256_or_ps,
    _mm256_storeu_ps,
    ORDER_OF_FLOATS,
    core::convert::identity,
    core::convert::identity
);
vector!(
    Four,
    f64,
    4,
    __m256d,
    _mm256_set1_pd,
    _mm256_loadu_pd,
    _mm256_max_pd,
    _mm256_min_pd,
    _mm256_fmadd_pd,
    _mm256_cmp_pd,
    _mm256_blendv_pd,
    _mm256_movemask_pd,
    _mm256_or_pd,
    _mm256_storeu_pd,
    ORDER_OF_DOUBLES,
    _mm256_castpd_ps,
    _mm256_castps_pd
);

/// For each mask of a register the 32-bit parts of the values that are set, first to last, one byte
/// for each: what [`Vector::compress`] moves to the front.
static ORDER_OF_FLOATS: [u64; 1 << 8] = orders(1);
static ORDER_OF_DOUBLES: [u64; 1 << 4] = orders(2);

/// The orders of registers whose values have so many parts.
const fn orders<const MASKS: usize>(parts: usize) -> [u64; MASKS] {
    let mut orders = [0; MASKS];
    let mut mask = 0;
    while mask < MASKS {
        let (mut lane, mut next) = (0, 0);
        while mask >> lane != 0 {
            if mask >> lane & 1 == 1 {
                let mut part = 0;
                while part < parts {
                    orders[mask] |= ((lane * parts + part) as u64) << (8 * next);
                    (next, part) = (next + 1, part + 1);
                }
            }
            lane += 1;
        }
        mask += 1;
    }
    orders
}

impl Doubles for Four {
    of_doubles!(
        4,
        _mm_loadu_ps,
        _mm256_cvtps_pd,
        _mm256_storeu_pd,
        _mm_storeu_ps,
        _mm256_cvtpd_ps,
        _mm256_add_pd,
        _mm256_sub_pd,
        _mm256_mul_pd,
        _mm256_div_pd
    );

    #[inline(always)]
    fn mantissa_and_exponent(self) -> (Self, Self) {
        // SAFETY: see above.
        unsafe {
            let bits = _mm256_castpd_si256(self.0);
            let one = _mm256_set1_pd(1.0);
            let mask = _mm256_set1_epi64x(0x000f_ffff_ffff_ffff);
            let mantissa = _mm256_or_pd(_mm256_castsi256_pd(_mm256_and_si256(bits, mask)), one);
            // The exponent's bits, put below those of 2^52, make a double that is 2^52 larger than
            // the biased exponent.
            let magic = _mm256_castpd_si256(_mm256_set1_pd(4_503_599_627_370_496.0));
            let biased = _mm256_castsi256_pd(_mm256_or_si256(_mm256_srli_epi64::<52>(bits), magic));
            (Self(mantissa), Self(_mm256_sub_pd(biased, _mm256_set1_pd(4_503_599_627_370_496.0 + 1023.0))))
        }
    }
}
