//! The floating-point mode of the calling thread. Trainers flush subnormals to zero, and some round
//! in another direction or trap. Every call computes in the default mode, which the language
//! assumes, and gives the caller's mode back.

/// Keeps the caller's mode, and puts it back when it goes.
pub(crate) struct CallersMode(Mode);

impl CallersMode {
    /// Sets the default mode for as long as the result lives.
    ///
    /// What is computed meanwhile belongs into a function that is not inlined: the compiler knows
    /// nothing of modes.
    pub(crate) fn set_aside() -> Self {
        let mode = mode();
        if !is_default(mode) {
            set(DEFAULT);
        }
        Self(mode)
    }

    /// Runs code of the caller in the caller's mode.
    #[inline(never)]
    pub(crate) fn during<S>(&self, code: impl FnOnce() -> S) -> S {
        if is_default(self.0) {
            return code();
        }
        set(self.0);
        let result = code();
        set(DEFAULT);
        result
    }
}

impl Drop for CallersMode {
    fn drop(&mut self) {
        if !is_default(self.0) {
            set(self.0);
        }
    }
}

pub(crate) use register::{DEFAULT, Mode, is_default, mode, set};

/// MXCSR.
#[cfg(all(any(target_arch = "x86", target_arch = "x86_64"), target_feature = "sse", not(miri)))]
mod register {
    use core::arch::asm;

    pub(crate) type Mode = u32;

    /// All exceptions masked, to nearest, subnormals kept, no exception raised yet.
    pub(crate) const DEFAULT: Mode = 0x1f80;
    /// The bits that tell which exceptions have been raised: results, not modes.
    const RAISED: Mode = 0x3f;

    pub(crate) fn is_default(mode: Mode) -> bool {
        mode & !RAISED == DEFAULT
    }

    pub(crate) fn mode() -> Mode {
        let mut mode = 0;
        // SAFETY: stores the register to where the pointer points.
        unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut mode, options(nostack, preserves_flags)) };
        mode
    }

    pub(crate) fn set(mode: Mode) {
        // SAFETY: the default, or what the register held before: no bit is set that it does not
        // have.
        unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const mode, options(nostack, preserves_flags)) };
    }
}

/// FPCR.
#[cfg(all(target_arch = "aarch64", target_feature = "neon", not(miri)))]
mod register {
    use core::arch::asm;

    pub(crate) type Mode = u64;

    /// To nearest, subnormals kept, no traps.
    pub(crate) const DEFAULT: Mode = 0;

    pub(crate) fn is_default(mode: Mode) -> bool {
        mode == DEFAULT
    }

    pub(crate) fn mode() -> Mode {
        let mode;
        // SAFETY: reads a register that every thread may read.
        unsafe { asm!("mrs {}, fpcr", out(reg) mode, options(nostack, preserves_flags)) };
        mode
    }

    pub(crate) fn set(mode: Mode) {
        // SAFETY: the default, or what the register held before.
        unsafe { asm!("msr fpcr, {}", in(reg) mode, options(nostack, preserves_flags)) };
    }
}

/// Other machines, whose mode is taken to be the default one.
#[cfg(not(any(
    all(any(target_arch = "x86", target_arch = "x86_64"), target_feature = "sse", not(miri)),
    all(target_arch = "aarch64", target_feature = "neon", not(miri))
)))]
mod register {
    pub(crate) type Mode = ();

    pub(crate) const DEFAULT: Mode = ();

    pub(crate) fn is_default((): Mode) -> bool {
        true
    }

    pub(crate) fn mode() -> Mode {}

    pub(crate) fn set((): Mode) {}
}
