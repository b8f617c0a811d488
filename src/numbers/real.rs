//! The two widths of a loss: `f32` and `f64`.

use super::lanes::Element;

/// A loss or a weight: `f32` or `f64`. Sealed: the kernels are written for these two.
///
/// Whatever the width, every sum and every decision is made in `f64`; `f32` results are the rounded
/// `f64` ones.
pub trait Real: Element + PartialOrd + Send + Sync + 'static {
    /// Below every finite loss.
    const BELOW_ALL: Self;
    /// Above every finite loss.
    const ABOVE_ALL: Self;
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;
    /// Values below this, and no others, are zero in this width.
    const HALF_OF_SMALLEST: f64;

    /// The value as `f64`, exactly.
    fn to_f64(self) -> f64;

    /// The nearest value of this width; `f64` to `f32` rounds to even.
    fn from_f64(value: f64) -> Self;

    /// Neither NaN nor infinite.
    fn is_finite(self) -> bool;

    /// A value between `low` and `high` with as many representable values on either side: the
    /// midpoint of a bisection that ends after 32 or 64 halvings, whatever the scale. Needs finite
    /// `low < high`; is at least `low` and below `high`.
    #[must_use]
    fn midpoint_of_representables(low: Self, high: Self) -> Self;

    /// The position among all values of this width: a number that grows by one from each
    /// representable value to the next.
    fn position(self) -> u64;

    /// The value at a position.
    fn at_position(position: u64) -> Self;
}

macro_rules! real {
    ($float:ty, $bits:ty, $half_of_smallest:expr) => {
        impl Real for $float {
            const BELOW_ALL: Self = <$float>::NEG_INFINITY;
            const ABOVE_ALL: Self = <$float>::INFINITY;
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const HALF_OF_SMALLEST: f64 = $half_of_smallest;

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
                let (low, high) = (low.position(), high.position());
                // In this form it is also between them where a faulty all-reduce has put them in
                // the wrong order.
                Self::at_position((low & high) + ((low ^ high) >> 1))
            }

            #[inline(always)]
            fn position(self) -> u64 {
                let bits = self.to_bits().cast_signed();
                // Sign-magnitude bits become two's complement, whose order is that of the floats;
                // the map undoes itself.
                let ordered = if bits < 0 { <$bits>::MIN - bits } else { bits };
                i64::from(ordered).cast_unsigned() ^ (1 << 63)
            }

            #[allow(clippy::cast_possible_truncation, clippy::unnecessary_cast)] // the position fits its width
            fn at_position(position: u64) -> Self {
                let ordered = (position ^ (1 << 63)).cast_signed() as $bits;
                let bits = if ordered < 0 { <$bits>::MIN - ordered } else { ordered };
                <$float>::from_bits(bits.cast_unsigned())
            }
        }
    };
}

// Half of the smallest subnormal float, a tie that goes to zero, is still a double: the next one up
// does not round to zero.
real!(f32, i32, f64::from_bits(((1023 - 150) << 52) + 1));
real!(f64, i64, f64::from_bits(1));

/// The first position of a range for which `holds` is true, by bisection; the last one if there is
/// none. Needs that it is true for all positions after the first.
pub(crate) fn first_position((mut low, mut high): (u64, u64), holds: impl Fn(u64) -> bool) -> u64 {
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) { high = middle } else { low = middle + 1 }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A midpoint is between its arguments in either order, and equals the smaller one if there is
    /// nothing in between.
    #[test]
    fn midpoints() {
        let ends = [f64::MIN, -1.0, -f64::from_bits(1), 0.0, f64::from_bits(7), 1.0, f64::MAX];
        for low in ends {
            for high in ends {
                let middle = f64::midpoint_of_representables(low, high);
                assert!(low.min(high) <= middle && middle <= low.max(high), "{middle:e} of {low:e} and {high:e}");
            }
        }
        assert_eq!(f32::midpoint_of_representables(1.0, 1.0 + 2.0 * f32::EPSILON), 1.0 + f32::EPSILON);
        assert_eq!(f64::midpoint_of_representables(1.0 + f64::EPSILON, 1.0), 1.0);
    }
}
