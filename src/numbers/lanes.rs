//! What the vector passes need of an instruction set. The passes are written once against these
//! traits; each instruction set implements them with its own registers, and `portable` with plain
//! arrays.

/// An instruction set.
pub trait Isa {
    /// A register of floats.
    type Floats: Vector<f32>;
    /// A register of doubles.
    type Doubles: Doubles;
}

/// A register of `N` values.
pub trait Vector<T>: Copy {
    const N: usize;
    type Mask: Copy;

    fn splat(value: T) -> Self;
    /// The first `N` values; panics if there are fewer.
    fn load(from: &[T]) -> Self;
    /// The larger of each pair; the second one where either is NaN.
    fn max(self, other: Self) -> Self;
    /// The smaller of each pair; the second one where either is NaN.
    fn min(self, other: Self) -> Self;
    /// `self * factor + term`, rounded once where the machine can.
    fn mul_add(self, factor: Self, term: Self) -> Self;
    /// Where self is below the other.
    fn less(self, other: Self) -> Self::Mask;
    /// Where the two are equal.
    fn equal(self, other: Self) -> Self::Mask;
    /// How many are set.
    fn count(mask: Self::Mask) -> u32;
    /// The other where the mask is set, self elsewhere.
    fn blend(self, mask: Self::Mask, other: Self) -> Self;
    /// The largest value.
    fn largest(self) -> T;
    /// The smallest value.
    fn smallest(self) -> T;
    /// Writes the values where the mask is set, one after another; `to` has room for `N`, and what
    /// follows them may be overwritten. Panics if it has not.
    fn compress(self, mask: Self::Mask, to: &mut [T]);
    /// Whether there is one that is set.
    fn any(mask: Self::Mask) -> bool;
    /// Set where one of them is.
    fn either(first: Self::Mask, second: Self::Mask) -> Self::Mask;
    /// Set where neither is.
    fn neither(first: Self::Mask, second: Self::Mask) -> Self::Mask;
}

/// A register of doubles.
pub trait Doubles: Vector<f64> {
    /// The first `N` values, widened; panics if there are fewer.
    fn load_floats(from: &[f32]) -> Self;
    /// Writes `N` values; panics if there is no room.
    fn store(self, to: &mut [f64]);
    /// Writes `N` values, rounded; panics if there is no room.
    fn store_floats(self, to: &mut [f32]);
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn div(self, other: Self) -> Self;
    /// Normal positive values as mantissas in `[1, 2)` and exponents.
    fn mantissa_and_exponent(self) -> (Self, Self);
    /// The values, the first `N` of the array.
    fn lanes(self) -> [f64; 8];

    fn sum(self) -> f64 {
        // In pairs, as a register is folded.
        let mut lanes = self.lanes();
        let mut half = Self::N / 2;
        while half > 0 {
            for lane in 0..half {
                lanes[lane] += lanes[lane + half];
            }
            half /= 2;
        }
        lanes[0]
    }
}

/// A loss or weight as the registers know it.
pub trait Element: Copy + Sized {
    type Native<I: Isa>: Vector<Self>;

    fn widen<D: Doubles>(from: &[Self]) -> D;
    fn narrow<D: Doubles>(values: D, to: &mut [Self]);
}

impl Element for f32 {
    type Native<I: Isa> = I::Floats;

    #[inline(always)]
    fn widen<D: Doubles>(from: &[Self]) -> D {
        D::load_floats(from)
    }

    #[inline(always)]
    fn narrow<D: Doubles>(values: D, to: &mut [Self]) {
        values.store_floats(to);
    }
}

impl Element for f64 {
    type Native<I: Isa> = I::Doubles;

    #[inline(always)]
    fn widen<D: Doubles>(from: &[Self]) -> D {
        D::load(from)
    }

    #[inline(always)]
    fn narrow<D: Doubles>(values: D, to: &mut [Self]) {
        values.store(to);
    }
}
