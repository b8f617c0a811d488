//! `hrw_certified_r` and `hrw_certify_*`.

use super::buffers::input;
use super::status::{Refusal, guard, hrw_status};
use crate::certify::{certified_r, certify};
use crate::numbers::real::Real;

/// The radius r in nats with which HD bounds the expected loss from n held-out losses, except with
/// probability delta: (log(1/delta) + log(2 sqrt(n+1))) / n.
///
/// n: the number of held-out samples.
/// delta: the probability of failure, strictly between 0 and 1.
/// r: receives the radius; not NULL; untouched on error.
///
/// Returns HRW_OK, HRW_EMPTY, HRW_NULL_POINTER or HRW_DELTA.
///
/// # Safety
/// `r` is NULL or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_certified_r(n: u64, delta: f64, r: *mut f64) -> i32 {
    // SAFETY: passed on.
    guard(|| unsafe { put(r, n == 0, || Ok(certified_r(n, delta)?)) })
}

/// An upper bound on the expected loss of a fixed model, from its losses on n held-out samples
/// (float).
///
/// It holds except with probability delta if at most a fraction alpha of the samples was replaced
/// by anything at all, the samples were otherwise independent and from the distribution that the
/// expectation is over, and no loss can exceed worst_loss. It is the dual bound of HD at
/// hrw_certified_r. Losses that the model was trained on give no certificate.
///
/// losses: n finite losses; not NULL.
/// alpha: in [0, 1].
/// delta: strictly between 0 and 1.
/// worst_loss: finite, at least every loss.
/// bound: receives the bound, in the unit of the losses; not NULL; untouched on error.
///
/// Returns HRW_OK, HRW_EMPTY, HRW_NULL_POINTER, HRW_DELTA, HRW_ALPHA, HRW_WORST_LOSS,
/// HRW_NON_FINITE_LOSS or HRW_PANIC.
///
/// # Safety
/// The pointers are NULL or valid for the sizes above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_certify_f32(
    losses: *const f32,
    n: usize,
    alpha: f64,
    delta: f64,
    worst_loss: f64,
    bound: *mut f64,
) -> i32 {
    // SAFETY: passed on.
    guard(|| unsafe { call(losses, n, alpha, delta, worst_loss, bound) })
}

/// An upper bound on the expected loss (double). As hrw_certify_f32 in every respect but the width.
///
/// # Safety
/// The pointers are NULL or valid for the sizes that hrw_certify_f32 states.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_certify_f64(
    losses: *const f64,
    n: usize,
    alpha: f64,
    delta: f64,
    worst_loss: f64,
    bound: *mut f64,
) -> i32 {
    // SAFETY: passed on.
    guard(|| unsafe { call(losses, n, alpha, delta, worst_loss, bound) })
}

/// # Safety
/// `losses` is NULL or valid for n elements, `bound` NULL or valid for a write.
unsafe fn call<T: Real>(
    losses: *const T,
    n: usize,
    alpha: f64,
    delta: f64,
    worst_loss: f64,
    bound: *mut f64,
) -> Result<(), Refusal> {
    // SAFETY: passed on.
    unsafe { put(bound, n == 0, || Ok(certify(input(losses, n)?, alpha, delta, worst_loss)?)) }
}

/// Writes a computed value, if it could be computed.
///
/// # Safety
/// `target` is NULL or valid for a write.
unsafe fn put(target: *mut f64, empty: bool, value: impl FnOnce() -> Result<f64, Refusal>) -> Result<(), Refusal> {
    if empty {
        return Err(hrw_status::HRW_EMPTY.into());
    }
    if target.is_null() {
        return Err(hrw_status::HRW_NULL_POINTER.into());
    }
    let value = value()?;
    // SAFETY: not NULL, and the caller vouches for the rest.
    unsafe { target.write(value) };
    Ok(())
}
