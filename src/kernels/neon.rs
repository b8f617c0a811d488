//! NEON: two doubles, four floats. Every aarch64 has it.

#[allow(clippy::wildcard_imports)] // the instructions, each of which names itself
use core::arch::aarch64::*;

use super::lanes::{Doubles, Isa, Vector};
use super::{Lens, Recipe, entries};
use crate::depths::Depths;
use crate::reduce::Partial;

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

// SAFETY of every block in this file: its instructions are those of NEON, which every aarch64 has. Loads and stores are of
// slices whose length has been checked.

impl Vector<f32> for Floats {
    const N: usize = 4;
    type Mask = uint32x4_t;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        // SAFETY: see above.
        Self(unsafe { vdupq_n_f32(value) })
    }

    #[inline(always)]
    fn load(from: &[f32]) -> Self {
        let from = &from[..4];
        // SAFETY: see above.
        Self(unsafe { vld1q_f32(from.as_ptr()) })
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { vbslq_f32(vcgtq_f32(self.0, other.0), self.0, other.0) })
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { vbslq_f32(vcltq_f32(self.0, other.0), self.0, other.0) })
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { vfmaq_f32(term.0, self.0, factor.0) })
    }

    #[inline(always)]
    fn less(self, other: Self) -> Self::Mask {
        // SAFETY: see above.
        unsafe { vcltq_f32(self.0, other.0) }
    }

    #[inline(always)]
    fn count(mask: Self::Mask) -> u32 {
        // SAFETY: see above.
        unsafe { vaddvq_u32(vshrq_n_u32::<31>(mask)) as u32 }
    }

    #[inline(always)]
    fn blend(self, mask: Self::Mask, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { vbslq_f32(mask, other.0, self.0) })
    }

    #[inline(always)]
    fn largest(self) -> f32 {
        // SAFETY: see above.
        unsafe { vmaxvq_f32(self.0) }
    }

    #[inline(always)]
    fn smallest(self) -> f32 {
        // SAFETY: see above.
        unsafe { vminvq_f32(self.0) }
    }

    #[inline(always)]
    fn compress(self, mask: Self::Mask, to: &mut [f32]) {
        let to: &mut [f32; 4] = to.first_chunk_mut().expect("room for a register");
        let (mut values, mut bits) = ([0.0; 4], [0; 4]);
        // SAFETY: see above.
        unsafe {
            vst1q_f32(values.as_mut_ptr(), self.0);
            vst1q_u32(bits.as_mut_ptr(), mask);
        }
        let mut next = 0;
        for (value, bits) in values.into_iter().zip(bits) {
            // Always written, so that there is no branch; overwritten by the next one if it was not wanted.
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
        unsafe { vorrq_u32(first, second) }
    }

    #[inline(always)]
    fn neither(first: Self::Mask, second: Self::Mask) -> Self::Mask {
        // SAFETY: see above.
        unsafe { vmvnq_u32(vorrq_u32(first, second)) }
    }
}

impl Vector<f64> for Two {
    const N: usize = 2;
    type Mask = uint64x2_t;

    #[inline(always)]
    fn splat(value: f64) -> Self {
        // SAFETY: see above.
        Self(unsafe { vdupq_n_f64(value) })
    }

    #[inline(always)]
    fn load(from: &[f64]) -> Self {
        let from = &from[..2];
        // SAFETY: see above.
        Self(unsafe { vld1q_f64(from.as_ptr()) })
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { vbslq_f64(vcgtq_f64(self.0, other.0), self.0, other.0) })
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { vbslq_f64(vcltq_f64(self.0, other.0), self.0, other.0) })
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { vfmaq_f64(term.0, self.0, factor.0) })
    }

    #[inline(always)]
    fn less(self, other: Self) -> Self::Mask {
        // SAFETY: see above.
        unsafe { vcltq_f64(self.0, other.0) }
    }

    #[inline(always)]
    fn count(mask: Self::Mask) -> u32 {
        // SAFETY: see above.
        unsafe { vaddvq_u64(vshrq_n_u64::<63>(mask)) as u32 }
    }

    #[inline(always)]
    fn blend(self, mask: Self::Mask, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { vbslq_f64(mask, other.0, self.0) })
    }

    #[inline(always)]
    fn largest(self) -> f64 {
        // SAFETY: see above.
        unsafe { vmaxvq_f64(self.0) }
    }

    #[inline(always)]
    fn smallest(self) -> f64 {
        // SAFETY: see above.
        unsafe { vminvq_f64(self.0) }
    }

    #[inline(always)]
    fn compress(self, mask: Self::Mask, to: &mut [f64]) {
        let to: &mut [f64; 2] = to.first_chunk_mut().expect("room for a register");
        let (mut values, mut bits) = ([0.0; 2], [0; 2]);
        // SAFETY: see above.
        unsafe {
            vst1q_f64(values.as_mut_ptr(), self.0);
            vst1q_u64(bits.as_mut_ptr(), mask);
        }
        let mut next = 0;
        for (value, bits) in values.into_iter().zip(bits) {
            // Always written, so that there is no branch; overwritten by the next one if it was not wanted.
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
        unsafe { vorrq_u64(first, second) }
    }

    #[inline(always)]
    fn neither(first: Self::Mask, second: Self::Mask) -> Self::Mask {
        // SAFETY: see above.
        unsafe { vceqzq_u64(vorrq_u64(first, second)) }
    }
}

impl Doubles for Two {
    #[inline(always)]
    fn load_floats(from: &[f32]) -> Self {
        let from = &from[..2];
        // SAFETY: see above.
        Self(unsafe { vcvt_f64_f32(vld1_f32(from.as_ptr())) })
    }

    #[inline(always)]
    fn store(self, to: &mut [f64]) {
        let to = &mut to[..2];
        // SAFETY: see above.
        unsafe { vst1q_f64(to.as_mut_ptr(), self.0) };
    }

    #[inline(always)]
    fn store_floats(self, to: &mut [f32]) {
        let to = &mut to[..2];
        // SAFETY: see above.
        unsafe { vst1_f32(to.as_mut_ptr(), vcvt_f32_f64(self.0)) };
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { vaddq_f64(self.0, other.0) })
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { vsubq_f64(self.0, other.0) })
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { vmulq_f64(self.0, other.0) })
    }

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        // SAFETY: see above.
        Self(unsafe { vdivq_f64(self.0, other.0) })
    }

    #[inline(always)]
    fn equal(self, other: Self) -> Self::Mask {
        // SAFETY: see above.
        unsafe { vceqq_f64(self.0, other.0) }
    }

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

    #[inline(always)]
    fn lanes(self) -> [f64; 8] {
        let mut lanes = [0.0; 8];
        self.store(&mut lanes);
        lanes
    }
}
