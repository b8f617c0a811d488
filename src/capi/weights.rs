//! `hrw_weights_*`.

use super::buffers::{input, optional_input, output};
use super::options::hrw_options;
use super::report::{Target, hrw_report, reporting};
use super::status::{Refusal, guard, hrw_status};
use crate::numbers::real::Real;
use crate::weights::weights_into;

/// The HR weights of n losses (float).
///
/// options: the ambiguity set; not NULL.
/// losses: n losses, of any unit; finite unless masked.
/// base: n base weights, not negative, of any sum; a sample of base weight 0 is masked: its loss is
///   ignored, even NaN, and its weight is 0. NULL: one each.
/// n: the number of samples.
/// weights: receives n weights that sum to one together with the report's worst_weight; must not
///   overlap losses or base (losses and base may overlap). Multiply your per-sample losses by them,
///   treat them as constants, back-propagate.
/// report: receives the proof and the diagnostics; NULL if not wanted.
///
/// The weights are the double-precision ones, rounded. Time is linear in n; nothing is allocated.
///
/// Returns HRW_OK, HRW_EMPTY, HRW_NULL_POINTER, HRW_STRUCT_SIZE, HRW_ORDERING, HRW_THREADS,
/// HRW_OVERLAP, HRW_ALPHA, HRW_R, HRW_WORST_LOSS, HRW_BASE_WEIGHTS, HRW_NON_FINITE_LOSS or
/// HRW_PANIC.
///
/// # Safety
/// The pointers are NULL or valid for the sizes above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_weights_f32(
    options: *const hrw_options,
    losses: *const f32,
    base: *const f32,
    n: usize,
    weights: *mut f32,
    report: *mut hrw_report,
) -> i32 {
    // SAFETY: passed on.
    guard(|| unsafe { call(options, losses, base, n, weights, report) })
}

/// The HR weights of n losses (double). As hrw_weights_f32 in every respect but the width.
///
/// # Safety
/// The pointers are NULL or valid for the sizes that hrw_weights_f32 states.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_weights_f64(
    options: *const hrw_options,
    losses: *const f64,
    base: *const f64,
    n: usize,
    weights: *mut f64,
    report: *mut hrw_report,
) -> i32 {
    // SAFETY: passed on.
    guard(|| unsafe { call(options, losses, base, n, weights, report) })
}

/// # Safety
/// The pointers are NULL or valid: `options` and `report` for the sizes they declare, the rest for
/// n elements.
unsafe fn call<T: Real>(
    options: *const hrw_options,
    losses: *const T,
    base: *const T,
    n: usize,
    weights: *mut T,
    report: *mut hrw_report,
) -> Result<(), Refusal> {
    if n == 0 {
        return Err(hrw_status::HRW_EMPTY.into());
    }
    let call = |target: Result<Option<Target>, Refusal>| {
        if options.is_null() || losses.is_null() || weights.is_null() {
            return Err(hrw_status::HRW_NULL_POINTER.into());
        }
        // SAFETY: passed on, each with its own size.
        let (options, losses, base) =
            unsafe { (hrw_options::read(options)?, input(losses, n)?, optional_input(base, n)?) };
        let target = target?;
        let params = options.params()?;
        // SAFETY: passed on.
        let weights = unsafe { output(weights, n, &[Some(losses), base])? };
        let report = weights_into(losses, base, &params, weights)?;
        if let Some(target) = target {
            target.write(&report);
        }
        Ok(())
    };
    // SAFETY: passed on.
    unsafe { reporting(report, call) }
}
