//! NEON: two doubles, four floats. Every aarch64 has it.

#[allow(clippy::wildcard_imports)] // the instructions, each of which names itself
use core::arch::aarch64::*;

use super::chunk::{LOOK_SUMS, MOMENTS, OUTLINE_SUMS, Partial, ROOT_SUMS, SURVEY_MAXIMA};
use super::registers::{of_doubles, of_values};
use super::scaling::{Scaling, WeightFormula};
use super::vector::entries;
use crate::numbers::depths::Depths;
use crate::numbers::lanes::{Doubles, Isa, Vector};

entries!(Neon, "neon");

/// The instruction set.
pub(super) struct Neon;

impl Isa for Neon {
    type Floats = Floats;
    type Doubles = Two;
}

/// Four floats.
#[derive(Clone, Copy)]
pub(super) struct Floats(float32x4_t);

/// Two doubles.
#[derive(Clone, Copy)]
pub(super) struct Two(float64x2_t);

// SAFETY of every block in this file: its instructions are those of NEON, which every aarch64 has.
// Loads and stores are of slices whose length has been checked.

macro_rules! vector {
    ($name:ident, $float:ty, $lanes:literal, $mask:ty, $splat:ident, $load:ident, $select:ident, $greater:ident, $less:ident, $equal:ident,
     $multiply_add:ident, $shift:ident, $count:ident, $largest:ident, $smallest:ident, $store:ident, $store_mask:ident,
     $or:ident, $is_zero:ident) => {
        impl Vector<$float> for $name {
            type Mask = $mask;

            of_values!($float, $lanes, $splat, $load);

            #[inline(always)]
            fn max(self, other: Self) -> Self {
                // SAFETY: see above.
                Self(unsafe { $select($greater(self.0, other.0), self.0, other.0) })
            }

            #[inline(always)]
            fn min(self, other: Self) -> Self {
                // SAFETY: see above.
                Self(unsafe { $select($less(self.0, other.0), self.0, other.0) })
            }

            #[inline(always)]
            fn mul_add(self, factor: Self, term: Self) -> Self {
                // SAFETY: see above.
                Self(unsafe { $multiply_add(term.0, self.0, factor.0) })
            }

            #[inline(always)]
            fn less(self, other: Self) -> Self::Mask {
                // SAFETY: see above.
                unsafe { $less(self.0, other.0) }
            }

            #[inline(always)]
            fn equal(self, other: Self) -> Self::Mask {
                // SAFETY: see above.
                unsafe { $equal(self.0, other.0) }
            }

            #[inline(always)]
            fn count(mask: Self::Mask) -> u32 {
                // SAFETY: see above.
                unsafe { $count($shift::<{ 8 * size_of::<$float>() as i32 - 1 }>(mask)) as u32 }
            }

            #[inline(always)]
            fn blend(self, mask: Self::Mask, other: Self) -> Self {
                // SAFETY: see above.
                Self(unsafe { $select(mask, other.0, self.0) })
            }

            #[inline(always)]
            fn largest(self) -> $float {
                // SAFETY: see above.
                unsafe { $largest(self.0) }
            }

            #[inline(always)]
            fn smallest(self) -> $float {
                // SAFETY: see above.
                unsafe { $smallest(self.0) }
            }

            #[inline(always)]
            fn compress(self, mask: Self::Mask, to: &mut [$float]) {
                let to: &mut [$float; $lanes] = to.first_chunk_mut().expect("room for a register");
                let (mut values, mut bits) = ([0.0; $lanes], [0; $lanes]);
                // SAFETY: see above.
                unsafe {
                    $store(values.as_mut_ptr(), self.0);
                    $store_mask(bits.as_mut_ptr(), mask);
                }
                let mut next = 0;
                for (value, bits) in values.into_iter().zip(bits) {
                    // Always written, so that there is no branch; overwritten by the next one if it
                    // was not wanted.
                    to[next] = value;
                    next += usize::from(bits != 0);
                }
            }

            #[inline(always)]
            fn any(mask: Self::Mask) -> bool {
                Self::count(mask) != 0
            }

            #[inline(always)]
            fn either(first: Self::Mask, second: Self::Mask) -> Self::Mask {
                // SAFETY: see above.
                unsafe { $or(first, second) }
            }

            #[inline(always)]
            fn neither(first: Self::Mask, second: Self::Mask) -> Self::Mask {
                // SAFETY: see above.
                unsafe { $is_zero($or(first, second)) }
            }
        }
    };
}

vector!(
    Floats,
    f32,
    4,
    uint32x4_t,
    vdupq_n_f32,
    vld1q_f32,
    vbslq_f32,
    vcgtq_f32,
    vcltq_f32,
    vceqq_f32,
    vfmaq_f32,
    vshrq_n_u32,
    vaddvq_u32,
    vmaxvq_f32,
    vminvq_f32,
    vst1q_f32,
    vst1q_u32,
    vorrq_u32,
    vceqzq_u32
);
vector!(
    Two,
    f64,
    2,
    uint64x2_t,
    vdupq_n_f64,
    vld1q_f64,
    vbslq_f64,
    vcgtq_f64,
    vcltq_f64,
    vceqq_f64,
    vfmaq_f64,
    vshrq_n_u64,
    vaddvq_u64,
    vmaxvq_f64,
    vminvq_f64,
    vst1q_f64,
    vst1q_u64,
    vorrq_u64,
    vceqzq_u64
);

impl Doubles for Two {
    of_doubles!(
        2,
        vld1_f32,
        vcvt_f64_f32,
        vst1q_f64,
        vst1_f32,
        vcvt_f32_f64,
        vaddq_f64,
        vsubq_f64,
        vmulq_f64,
        vdivq_f64
    );

    #[inline(always)]
    fn mantissa_and_exponent(self) -> (Self, Self) {
        // SAFETY: see above.
        unsafe {
            let bits = vreinterpretq_u64_f64(self.0);
            let mantissa =
                vorrq_u64(vandq_u64(bits, vdupq_n_u64(0x000f_ffff_ffff_ffff)), vdupq_n_u64(0x3ff0_0000_0000_0000));
            let exponent = vsubq_f64(vcvtq_f64_u64(vshrq_n_u64::<52>(bits)), vdupq_n_f64(1023.0));
            (Self(vreinterpretq_f64_u64(mantissa)), Self(exponent))
        }
    }
}
