//! The two widths of a loss: `f32` and `f64`.

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// A loss or a weight: `f32` or `f64`. Sealed: the kernels are written for these two.
///
/// Whatever the width, every sum and every decision is made in `f64`; `f32` results are the rounded `f64` ones.
pub trait Real: sealed::Sealed + Copy + PartialOrd + Send + Sync + 'static {
    /// Below every finite loss.
    const BELOW_ALL: Self;
    /// Zero.
    const ZERO: Self;

    /// The value as `f64`, exactly.
    fn to_f64(self) -> f64;

    /// The nearest value of this width; `f64` to `f32` rounds to even.
    fn from_f64(value: f64) -> Self;

    /// Neither NaN nor infinite.
    fn is_finite(self) -> bool;

    /// A value between `low` and `high` with as many representable values on either side: the midpoint of a bisection
    /// that ends after 32 or 64 halvings, whatever the scale. Needs finite `low < high`; is at least `low` and below `high`.
    #[must_use]
    fn midpoint_of_representables(low: Self, high: Self) -> Self;
}

macro_rules! real {
    ($float:ty, $bits:ty) => {
        impl Real for $float {
            const BELOW_ALL: Self = <$float>::NEG_INFINITY;
            const ZERO: Self = 0.0;

            #[inline(always)]
            #[allow(clippy::cast_lossless)]
            fn to_f64(self) -> f64 {
                self as f64
            }

            #[inline(always)]
            #[allow(clippy::cast_possible_truncation)]
            fn from_f64(value: f64) -> Self {
                value as $float
            }

            #[inline(always)]
            fn is_finite(self) -> bool {
                <$float>::is_finite(self)
            }

            fn midpoint_of_representables(low: Self, high: Self) -> Self {
                // Sign-magnitude bits become two's complement, whose order is that of the floats; the map undoes itself.
                let order = |bits: $bits| if bits < 0 { <$bits>::MIN - bits } else { bits };
                let (low, high) = (order(low.to_bits().cast_signed()), order(high.to_bits().cast_signed()));
                // Floor of the mean without overflow.
                let middle = (low & high) + ((low ^ high) >> 1);
                <$float>::from_bits(order(middle).cast_unsigned())
            }
        }
    };
}

real!(f32, i32);
real!(f64, i64);
