//! Plain arrays of four values: for machines without a kernel of their own, and for tests to
//! compare the others with.

use crate::numbers::lanes::{Doubles, Isa, Vector};

/// No instruction set in particular.
pub(super) struct Portable;

impl Isa for Portable {
    type Floats = Four<f32>;
    type Doubles = Four<f64>;
}

const N: usize = 4;

/// Four values.
#[derive(Clone, Copy)]
pub(super) struct Four<T>([T; N]);

impl<T: Copy> Four<T> {
    #[inline(always)]
    fn map2<U>(self, other: Self, f: impl Fn(T, T) -> U) -> [U; N] {
        core::array::from_fn(|lane| f(self.0[lane], other.0[lane]))
    }
}

macro_rules! vector {
    ($float:ty) => {
        impl Vector<$float> for Four<$float> {
            const N: usize = N;
            type Mask = [bool; N];

            #[inline(always)]
            fn splat(value: $float) -> Self {
                Self([value; N])
            }

            #[inline(always)]
            fn load(from: &[$float]) -> Self {
                Self(*from.first_chunk().expect("a register's worth of values"))
            }

            #[inline(always)]
            fn max(self, other: Self) -> Self {
                Self(self.map2(other, |a, b| if a > b { a } else { b }))
            }

            #[inline(always)]
            fn min(self, other: Self) -> Self {
                Self(self.map2(other, |a, b| if a < b { a } else { b }))
            }

            #[inline(always)]
            fn mul_add(self, factor: Self, term: Self) -> Self {
                Self(core::array::from_fn(|lane| self.0[lane] * factor.0[lane] + term.0[lane]))
            }

            #[inline(always)]
            fn less(self, other: Self) -> Self::Mask {
                self.map2(other, |a, b| a < b)
            }

            #[inline(always)]
            fn equal(self, other: Self) -> Self::Mask {
                self.map2(other, |a, b| a == b)
            }

            #[inline(always)]
            fn count(mask: Self::Mask) -> u32 {
                mask.into_iter().map(u32::from).sum()
            }

            #[inline(always)]
            fn blend(self, mask: Self::Mask, other: Self) -> Self {
                Self(core::array::from_fn(|lane| if mask[lane] { other.0[lane] } else { self.0[lane] }))
            }

            #[inline(always)]
            fn largest(self) -> $float {
                self.0.into_iter().fold(<$float>::NEG_INFINITY, <$float>::max)
            }

            #[inline(always)]
            fn smallest(self) -> $float {
                self.0.into_iter().fold(<$float>::INFINITY, <$float>::min)
            }

            #[inline(always)]
            fn compress(self, mask: Self::Mask, to: &mut [$float]) {
                let to: &mut [$float; N] = to.first_chunk_mut().expect("room for a register");
                let mut next = 0;
                for lane in 0..N {
                    // Always written, so that there is no branch; overwritten by the next one if it
                    // was not wanted.
                    to[next] = self.0[lane];
                    next += usize::from(mask[lane]);
                }
            }

            #[inline(always)]
            fn any(mask: Self::Mask) -> bool {
                mask.contains(&true)
            }

            #[inline(always)]
            fn either(first: Self::Mask, second: Self::Mask) -> Self::Mask {
                core::array::from_fn(|lane| first[lane] | second[lane])
            }

            #[inline(always)]
            fn neither(first: Self::Mask, second: Self::Mask) -> Self::Mask {
                core::array::from_fn(|lane| !(first[lane] | second[lane]))
            }
        }
    };
}

vector!(f32);
vector!(f64);

impl Doubles for Four<f64> {
    #[inline(always)]
    fn load_floats(from: &[f32]) -> Self {
        let from: &[f32; N] = from.first_chunk().expect("a register's worth of values");
        Self(from.map(f64::from))
    }

    #[inline(always)]
    fn store(self, to: &mut [f64]) {
        *to.first_chunk_mut().expect("room for a register") = self.0;
    }

    #[inline(always)]
    #[allow(clippy::cast_possible_truncation)] // rounding is what is wanted
    fn store_floats(self, to: &mut [f32]) {
        *to.first_chunk_mut().expect("room for a register") = self.0.map(|value| value as f32);
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(self.map2(other, |a, b| a + b))
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(self.map2(other, |a, b| a - b))
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(self.map2(other, |a, b| a * b))
    }

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        Self(self.map2(other, |a, b| a / b))
    }

    #[inline(always)]
    fn mantissa_and_exponent(self) -> (Self, Self) {
        const EXPONENT: u64 = 0x7ff << 52;
        let mantissa = self.0.map(|value| f64::from_bits(value.to_bits() & !EXPONENT | 1.0_f64.to_bits()));
        let exponent = self.0.map(|value| ((value.to_bits() & EXPONENT) >> 52) as f64 - 1023.0);
        (Self(mantissa), Self(exponent))
    }

    #[inline(always)]
    fn lanes(self) -> [f64; 8] {
        let [a, b, c, d] = self.0;
        [a, b, c, d, 0.0, 0.0, 0.0, 0.0]
    }
}
