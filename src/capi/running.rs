//! `hrw_running_worst`.

use super::buffers::{input, optional_input};
use super::status::{Refusal, guard, hrw_status};
use crate::numbers::real::Real;
use crate::running::RunningWorst;

/// The largest loss of the last batches, to be given as worst_loss to the next: a batch's largest
/// loss is below that of the data. Make one with hrw_running_worst_init; only
/// hrw_running_worst_update_* writes to it, by one thread at a time. It holds no memory of its own,
/// and may be copied.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct hrw_running_worst {
    /// The size of this struct in the caller's header; set by hrw_running_worst_init.
    pub struct_size: usize,
    /// After so many batches what was seen before them is forgotten; 0: never.
    pub window: u64,
    /// The number of batches of the current period.
    pub seen: u64,
    /// The largest loss of the current period.
    pub current: f64,
    /// The largest loss of the period before it.
    pub previous: f64,
}

/// Starts a running worst loss that has seen nothing.
///
/// worst: the struct to fill, of struct_size bytes: pass sizeof(hrw_running_worst).
/// window: at least the last so many batches are remembered, and fewer than twice as many; 0: all.
///   The number of batches of an epoch is a good choice while the losses fall.
///
/// Returns HRW_OK, HRW_NULL_POINTER or HRW_STRUCT_SIZE.
///
/// # Safety
/// `worst` is NULL or valid for writes of `struct_size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_running_worst_init(
    worst: *mut hrw_running_worst,
    struct_size: usize,
    window: u64,
) -> i32 {
    guard(|| {
        if worst.is_null() {
            return Err(hrw_status::HRW_NULL_POINTER.into());
        }
        if struct_size != size_of::<hrw_running_worst>() {
            return Err(hrw_status::HRW_STRUCT_SIZE.into());
        }
        // SAFETY: not NULL, and of the size that the caller says.
        unsafe { worst.write(of(&RunningWorst::new(window))) };
        Ok(())
    })
}

/// Takes in the losses of a batch (float), and tells the worst loss to use for it.
///
/// worst: from hrw_running_worst_init; not NULL; updated.
/// losses, base, n: as in hrw_weights_f32; masked samples do not count.
/// worst_loss: receives the largest loss of this batch and of those that are remembered: the
///   worst_loss of the options for this batch. Not NULL.
///
/// The mean of the robust losses of batches is at most that of all their samples, with this worst
/// loss too: it is no bound.
///
/// Returns HRW_OK, HRW_EMPTY, HRW_NULL_POINTER, HRW_STRUCT_SIZE, HRW_BASE_WEIGHTS,
/// HRW_NON_FINITE_LOSS or HRW_PANIC.
///
/// # Safety
/// The pointers are NULL or valid for the sizes above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_running_worst_update_f32(
    worst: *mut hrw_running_worst,
    losses: *const f32,
    base: *const f32,
    n: usize,
    worst_loss: *mut f64,
) -> i32 {
    // SAFETY: passed on.
    guard(|| unsafe { update(worst, losses, base, n, worst_loss) })
}

/// Takes in the losses of a batch (double). As hrw_running_worst_update_f32 in every respect but
/// the width.
///
/// # Safety
/// The pointers are NULL or valid for the sizes that hrw_running_worst_update_f32 states.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_running_worst_update_f64(
    worst: *mut hrw_running_worst,
    losses: *const f64,
    base: *const f64,
    n: usize,
    worst_loss: *mut f64,
) -> i32 {
    // SAFETY: passed on.
    guard(|| unsafe { update(worst, losses, base, n, worst_loss) })
}

/// # Safety
/// As [`hrw_running_worst_update_f32`].
unsafe fn update<T: Real>(
    worst: *mut hrw_running_worst,
    losses: *const T,
    base: *const T,
    n: usize,
    worst_loss: *mut f64,
) -> Result<(), Refusal> {
    if n == 0 {
        return Err(hrw_status::HRW_EMPTY.into());
    }
    if worst.is_null() || worst_loss.is_null() {
        return Err(hrw_status::HRW_NULL_POINTER.into());
    }
    // SAFETY: the first field is the size of what follows.
    if unsafe { (&raw const (*worst).struct_size).read() } != size_of::<hrw_running_worst>() {
        return Err(hrw_status::HRW_STRUCT_SIZE.into());
    }
    // SAFETY: of that size, and not written by another thread meanwhile.
    let hrw_running_worst { window, seen, current, previous, .. } = unsafe { worst.read() };
    let mut state = RunningWorst { window, seen, current, previous };
    // SAFETY: passed on.
    let (losses, base) = unsafe { (input(losses, n)?, optional_input(base, n)?) };
    let largest = state.update(losses, base)?;
    // SAFETY: both not NULL, and the caller vouches for the rest.
    unsafe {
        worst.write(of(&state));
        worst_loss.write(largest);
    }
    Ok(())
}

fn of(state: &RunningWorst) -> hrw_running_worst {
    let RunningWorst { window, seen, current, previous } = *state;
    hrw_running_worst { struct_size: size_of::<hrw_running_worst>(), window, seen, current, previous }
}
