//! Status codes, their messages, and the guard that turns a result into a code.

use core::ffi::{CStr, c_char};

use crate::float_mode::CallersMode;
use crate::params::Error;

/// What a function returns. Codes are never reused.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum hrw_status {
    /// Success.
    HRW_OK = 0,
    /// A pointer that may not be NULL is NULL.
    HRW_NULL_POINTER = 1,
    /// A struct_size is that of no version of the struct.
    HRW_STRUCT_SIZE = 2,
    /// There is no sample (n is 0).
    HRW_EMPTY = 3,
    /// alpha is NaN or outside [0, 1].
    HRW_ALPHA = 4,
    /// r is NaN or negative.
    HRW_R = 5,
    /// ordering is neither HRW_HD nor HRW_HR.
    HRW_ORDERING = 6,
    /// worst_loss is infinite or below a loss (for hrw_certify_*: or NaN).
    HRW_WORST_LOSS = 7,
    /// A base weight is negative, NaN or infinite (bad_index tells which), or all of them are zero.
    HRW_BASE_WEIGHTS = 8,
    /// A loss that is not masked is NaN or infinite (bad_index tells which).
    HRW_NON_FINITE_LOSS = 9,
    /// delta is NaN or outside (0, 1).
    HRW_DELTA = 10,
    /// The offsets of a ragged batch do not start at 0 or decrease, or the size of a batch
    /// overflows.
    HRW_OFFSETS = 11,
    /// The output overlaps an input.
    HRW_OVERLAP = 12,
    /// The caller's all-reduce failed; the output may have been used as scratch.
    HRW_REDUCE = 13,
    /// threads is negative.
    HRW_THREADS = 14,
    /// The group of a sample is not below the number of groups (bad_index tells which sample).
    HRW_GROUP = 15,
    /// The target of a calibration is NaN, or out of the reach of the budget; weights may have been
    /// used as scratch.
    HRW_TARGET = 16,
    /// quantity is not an hrw_quantity.
    HRW_QUANTITY = 17,
    /// An internal error, which should be reported as a bug; the output may have been used as
    /// scratch.
    HRW_PANIC = 99,
}

use hrw_status::{
    HRW_ALPHA, HRW_BASE_WEIGHTS, HRW_DELTA, HRW_EMPTY, HRW_GROUP, HRW_NON_FINITE_LOSS, HRW_NULL_POINTER, HRW_OFFSETS,
    HRW_OK, HRW_ORDERING, HRW_OVERLAP, HRW_PANIC, HRW_QUANTITY, HRW_R, HRW_REDUCE, HRW_STRUCT_SIZE, HRW_TARGET,
    HRW_THREADS, HRW_WORST_LOSS,
};

impl hrw_status {
    const ALL: [Self; 19] = [
        HRW_OK,
        HRW_NULL_POINTER,
        HRW_STRUCT_SIZE,
        HRW_EMPTY,
        HRW_ALPHA,
        HRW_R,
        HRW_ORDERING,
        HRW_WORST_LOSS,
        HRW_BASE_WEIGHTS,
        HRW_NON_FINITE_LOSS,
        HRW_DELTA,
        HRW_OFFSETS,
        HRW_OVERLAP,
        HRW_REDUCE,
        HRW_THREADS,
        HRW_GROUP,
        HRW_TARGET,
        HRW_QUANTITY,
        HRW_PANIC,
    ];

    fn of_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|known| *known as i32 == number)
    }

    fn message(self) -> &'static CStr {
        match self {
            HRW_OK => c"success",
            HRW_NULL_POINTER => c"a pointer that may not be NULL is NULL",
            HRW_STRUCT_SIZE => {
                c"struct_size is that of no version of the struct; call hrw_options_init or hrw_report_init"
            }
            HRW_EMPTY => c"there is no sample (n is 0)",
            HRW_ALPHA => c"alpha must be a number in [0, 1]",
            HRW_R => c"r must be a number of at least 0 (infinity is allowed)",
            HRW_ORDERING => c"ordering must be HRW_HD or HRW_HR",
            HRW_WORST_LOSS => c"worst_loss must be finite and at least as large as every loss",
            HRW_BASE_WEIGHTS => c"a base weight is negative, NaN or infinite, or all of them are zero",
            HRW_NON_FINITE_LOSS => c"a loss is NaN or infinite, and its base weight is not zero",
            HRW_DELTA => c"delta must be a number strictly between 0 and 1",
            HRW_OFFSETS => c"offsets must start at 0 and never decrease, and sizes must not overflow",
            HRW_OVERLAP => c"weights must not overlap losses or base weights",
            HRW_REDUCE => c"the all-reduce failed; weights may have been used as scratch",
            HRW_THREADS => c"threads must be at least 0",
            HRW_GROUP => c"the group of a sample is not below the number of groups",
            HRW_TARGET => c"the target is NaN or out of the reach of the budget",
            HRW_QUANTITY => c"quantity must be HRW_ROBUST_LOSS, HRW_EFFECTIVE_SAMPLES or HRW_LARGEST_WEIGHT",
            HRW_PANIC => c"internal error, please report it; weights may have been used as scratch",
        }
    }
}

/// A refusal on its way out of the library: the code and, for `HRW_BASE_WEIGHTS` and
/// `HRW_NON_FINITE_LOSS`, the sample.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusal {
    pub(super) status: hrw_status,
    pub(super) index: Option<usize>,
}

impl From<hrw_status> for Refusal {
    fn from(status: hrw_status) -> Self {
        Self { status, index: None }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        // A participant of another version may have reasons that this one does not know.
        let unknown = if matches!(error, Error::Elsewhere { .. }) { HRW_REDUCE } else { HRW_PANIC };
        let status = hrw_status::of_number(error.status()).unwrap_or(unknown);
        let index = match error {
            Error::BaseWeights { index } => index,
            Error::NonFiniteLoss { index } | Error::Group { index } => Some(index),
            _ => None,
        };
        Self { status, index }
    }
}

/// Puts errno back when it goes: waiting for a thread may change it.
struct Errno(#[cfg(all(feature = "std", target_os = "linux"))] core::ffi::c_int);

#[cfg(all(feature = "std", target_os = "linux"))]
impl Errno {
    fn kept() -> Self {
        // SAFETY: the address of this thread's errno, which is always valid.
        Self(unsafe { *libc::__errno_location() })
    }
}

#[cfg(all(feature = "std", target_os = "linux"))]
impl Drop for Errno {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { *libc::__errno_location() = self.0 };
    }
}

#[cfg(not(all(feature = "std", target_os = "linux")))]
impl Errno {
    fn kept() -> Self {
        Self()
    }
}

/// Runs the body of a C function. No panic leaves it, and none prints: there is none that a caller
/// can cause.
pub(super) fn guard(body: impl FnOnce() -> Result<(), Refusal>) -> i32 {
    guard_with_callbacks(|_| body())
}

/// As [`guard`], for a body that calls back: in the mode of the caller.
#[inline(always)]
pub(super) fn guard_with_callbacks(body: impl FnOnce(&CallersMode) -> Result<(), Refusal>) -> i32 {
    /// Not inlined, so that nothing is computed before the mode is set; where there is one.
    #[cfg_attr(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64"), inline(never))]
    fn run(body: impl FnOnce() -> Result<(), Refusal>) -> Result<(), Refusal> {
        #[cfg(feature = "std")]
        return std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).unwrap_or(Err(HRW_PANIC.into()));
        #[cfg(not(feature = "std"))]
        return body();
    }
    let _errno = Errno::kept();
    let mode = CallersMode::set_aside();
    match run(|| body(&mode)) {
        Ok(()) => HRW_OK as i32,
        Err(refusal) => refusal.status as i32,
    }
}

/// A short English message for a status code, without a trailing period or newline.
///
/// Static: never NULL, never freed, also for a code that this version does not know. Any thread may
/// call it.
#[unsafe(no_mangle)]
pub extern "C" fn hrw_status_message(status: i32) -> *const c_char {
    hrw_status::of_number(status).map_or(c"unknown status code", hrw_status::message).as_ptr()
}
