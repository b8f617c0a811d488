//! What the registers of every instruction set do by one instruction: the bodies of
//! [`crate::numbers::lanes`] that differ in the name of the instruction alone. Each file of an
//! instruction set uses these macros inside of its `impl` blocks and writes the rest.

// SAFETY of every block in this file: it becomes part of a file of an instruction set, which says
// why the instructions are there and the loads and stores are sound: of slices whose length has
// been checked.

/// `splat`, `load`, and an array of the values.
macro_rules! of_values {
    ($float:ty, $lanes:literal, $splat:ident, $load:ident) => {
        const N: usize = $lanes;

        #[inline(always)]
        fn splat(value: $float) -> Self {
            // SAFETY: see above.
            Self(unsafe { $splat(value) })
        }

        #[inline(always)]
        fn load(from: &[$float]) -> Self {
            let from = &from[..$lanes];
            // SAFETY: see above.
            Self(unsafe { $load(from.as_ptr()) })
        }
    };
}
pub(super) use of_values;

/// All of `Doubles` but mantissas and exponents: loads of floats that are widened, stores, and
/// arithmetic.
macro_rules! of_doubles {
    ($lanes:literal, $load_floats:ident, $widen:ident, $store:ident, $store_floats:ident, $narrow:ident,
     $add:ident, $sub:ident, $mul:ident, $div:ident) => {
        #[inline(always)]
        fn load_floats(from: &[f32]) -> Self {
            let from = &from[..$lanes];
            // SAFETY: see above.
            Self(unsafe { $widen($load_floats(from.as_ptr())) })
        }

        #[inline(always)]
        fn store(self, to: &mut [f64]) {
            let to = &mut to[..$lanes];
            // SAFETY: see above.
            unsafe { $store(to.as_mut_ptr(), self.0) };
        }

        #[inline(always)]
        fn store_floats(self, to: &mut [f32]) {
            let to = &mut to[..$lanes];
            // SAFETY: see above.
            unsafe { $store_floats(to.as_mut_ptr(), $narrow(self.0)) };
        }

        #[inline(always)]
        fn add(self, other: Self) -> Self {
            // SAFETY: see above.
            Self(unsafe { $add(self.0, other.0) })
        }

        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            // SAFETY: see above.
            Self(unsafe { $sub(self.0, other.0) })
        }

        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            // SAFETY: see above.
            Self(unsafe { $mul(self.0, other.0) })
        }

        #[inline(always)]
        fn div(self, other: Self) -> Self {
            // SAFETY: see above.
            Self(unsafe { $div(self.0, other.0) })
        }

        #[inline(always)]
        fn lanes(self) -> [f64; 8] {
            let mut lanes = [0.0; 8];
            self.store(&mut lanes);
            lanes
        }
    };
}
pub(super) use of_doubles;
