//! `hrw_calibrate_*` and `hrw_path_*`.

use super::buffers::{input, optional_input, output};
use super::options::hrw_options;
use super::report::{Target, Targets, hrw_report, reporting};
use super::status::{Refusal, guard, hrw_status};
use crate::calibrate::{self, Calibrated, CalibrationError, calibrate_alpha, calibrate_r, path};
use crate::numbers::real::Real;
use crate::params::Params;

/// What a budget is calibrated to.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum hrw_quantity {
    /// The report's robust_loss, in the unit of the losses.
    HRW_ROBUST_LOSS = 0,
    /// The report's effective_samples: 1 / sum w^2.
    HRW_EFFECTIVE_SAMPLES = 1,
    /// The largest weight of a sample, in [0, 1].
    HRW_LARGEST_WEIGHT = 2,
}

/// The r, in nats, with which the weights of n losses have a wanted robust loss, effective sample
/// size or largest weight, and those weights (float).
///
/// The robust loss never falls as r grows. With equal base weights, and without a given worst loss,
/// neither does the largest weight, and the effective sample size never grows. Otherwise those two
/// may turn: then one of the values of r that give the wanted number is found, if it lies between
/// what r = 0 and r = infinity give. A target at either end gives r = 0 or r = infinity. The target
/// is met to 1e-12 of the range between the ends, or as closely as rounded weights can.
///
/// options: the ambiguity set; its r is not used; not NULL.
/// losses, base, n: as in hrw_weights_f32.
/// quantity: an hrw_quantity.
/// target: the wanted number, in the unit of the quantity.
/// weights, report: as in hrw_weights_f32, for the r that is found.
/// r: receives it; not NULL.
/// range: receives two numbers: what the quantity is at r = 0 and at r = infinity; written also
///   with HRW_TARGET. NULL if not wanted.
///
/// Takes some ten to twenty times the time of hrw_weights_f32; nothing is sorted, nothing
/// allocated.
///
/// Returns what hrw_weights_f32 returns (but HRW_R); HRW_QUANTITY if quantity is none; HRW_TARGET
/// if target is NaN or not within the range: weights may then have been used as scratch.
///
/// # Safety
/// The pointers are NULL or valid for the sizes above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_calibrate_r_f32(
    options: *const hrw_options,
    losses: *const f32,
    base: *const f32,
    n: usize,
    quantity: i32,
    target: f64,
    weights: *mut f32,
    report: *mut hrw_report,
    r: *mut f64,
    range: *mut f64,
) -> i32 {
    let found = Found { report, budget: r, range };
    // SAFETY: passed on.
    guard(|| unsafe { calibrate(calibrate_r, options, losses, base, n, (quantity, target), weights, found) })
}

/// The r that meets a target (double). As hrw_calibrate_r_f32 in every respect but the width.
///
/// # Safety
/// The pointers are NULL or valid for the sizes that hrw_calibrate_r_f32 states.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_calibrate_r_f64(
    options: *const hrw_options,
    losses: *const f64,
    base: *const f64,
    n: usize,
    quantity: i32,
    target: f64,
    weights: *mut f64,
    report: *mut hrw_report,
    r: *mut f64,
    range: *mut f64,
) -> i32 {
    let found = Found { report, budget: r, range };
    // SAFETY: passed on.
    guard(|| unsafe { calibrate(calibrate_r, options, losses, base, n, (quantity, target), weights, found) })
}

/// The alpha with which the weights meet a target (float). As hrw_calibrate_r_f32 with alpha in the
/// place of r and 1 in that of infinity: the alpha of the options is not used, and HRW_R is
/// returned if their r is not sound, in place of
///   HRW_ALPHA.
///
/// # Safety
/// The pointers are NULL or valid for the sizes that hrw_calibrate_r_f32 states.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_calibrate_alpha_f32(
    options: *const hrw_options,
    losses: *const f32,
    base: *const f32,
    n: usize,
    quantity: i32,
    target: f64,
    weights: *mut f32,
    report: *mut hrw_report,
    alpha: *mut f64,
    range: *mut f64,
) -> i32 {
    let found = Found { report, budget: alpha, range };
    // SAFETY: passed on.
    guard(|| unsafe { calibrate(calibrate_alpha, options, losses, base, n, (quantity, target), weights, found) })
}

/// The alpha that meets a target (double). As hrw_calibrate_alpha_f32 in every respect but the
/// width.
///
/// # Safety
/// The pointers are NULL or valid for the sizes that hrw_calibrate_r_f32 states.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_calibrate_alpha_f64(
    options: *const hrw_options,
    losses: *const f64,
    base: *const f64,
    n: usize,
    quantity: i32,
    target: f64,
    weights: *mut f64,
    report: *mut hrw_report,
    alpha: *mut f64,
    range: *mut f64,
) -> i32 {
    let found = Found { report, budget: alpha, range };
    // SAFETY: passed on.
    guard(|| unsafe { calibrate(calibrate_alpha, options, losses, base, n, (quantity, target), weights, found) })
}

/// The reports for every pair of an alpha and an r, on the same losses (float): how the robust
/// loss, the effective sample size and the derivatives depend on the budgets. The losses are
/// checked once, and read where they are for every pair.
///
/// options: the ordering, the worst loss and the threads; its alpha and r are not used; not NULL.
/// losses, base, n: as in hrw_weights_f32.
/// alphas: alpha_count numbers in [0, 1]; not NULL unless alpha_count is 0.
/// rs: r_count numbers of at least 0; not NULL unless r_count is 0.
/// scratch: n numbers, which are overwritten; must not overlap losses or base; not NULL.
/// reports: receives alpha_count x r_count reports, those of the first alpha first, all with the
///   same struct_size, which is also their distance; not NULL unless there is none to write.
///
/// Returns HRW_OK, HRW_EMPTY, HRW_NULL_POINTER, HRW_STRUCT_SIZE, HRW_ORDERING, HRW_THREADS,
/// HRW_OVERLAP, HRW_OFFSETS (alpha_count x r_count overflows), HRW_ALPHA, HRW_R, HRW_WORST_LOSS,
/// HRW_BASE_WEIGHTS, HRW_NON_FINITE_LOSS or HRW_PANIC. The first report's bad_index tells the
/// sample.
///
/// # Safety
/// The pointers are NULL or valid for the sizes above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_path_f32(
    options: *const hrw_options,
    losses: *const f32,
    base: *const f32,
    n: usize,
    alphas: *const f64,
    alpha_count: usize,
    rs: *const f64,
    r_count: usize,
    scratch: *mut f32,
    reports: *mut hrw_report,
) -> i32 {
    // SAFETY: passed on.
    guard(|| unsafe { grid(options, losses, base, n, (alphas, alpha_count), (rs, r_count), scratch, reports) })
}

/// The reports for every pair of an alpha and an r (double). As hrw_path_f32 in every respect but
/// the width.
///
/// # Safety
/// The pointers are NULL or valid for the sizes that hrw_path_f32 states.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_path_f64(
    options: *const hrw_options,
    losses: *const f64,
    base: *const f64,
    n: usize,
    alphas: *const f64,
    alpha_count: usize,
    rs: *const f64,
    r_count: usize,
    scratch: *mut f64,
    reports: *mut hrw_report,
) -> i32 {
    // SAFETY: passed on.
    guard(|| unsafe { grid(options, losses, base, n, (alphas, alpha_count), (rs, r_count), scratch, reports) })
}

/// Where the caller wants to have what was found.
#[derive(Clone, Copy)]
struct Found {
    report: *mut hrw_report,
    budget: *mut f64,
    range: *mut f64,
}

impl Found {
    /// # Safety
    /// `range` is NULL or valid for two numbers.
    unsafe fn write_range(self, range: [f64; 2]) {
        if !self.range.is_null() {
            // SAFETY: as promised; unaligned memory would do.
            unsafe { self.range.cast::<[f64; 2]>().write_unaligned(range) };
        }
    }
}

type Calibrate<T> =
    fn(&[T], Option<&[T]>, &Params, calibrate::Target, &mut [T]) -> Result<Calibrated, CalibrationError>;

/// # Safety
/// As [`hrw_calibrate_r_f32`].
#[allow(clippy::too_many_arguments)] // those of the C function, and which one it is
unsafe fn calibrate<T: Real>(
    function: Calibrate<T>,
    options: *const hrw_options,
    losses: *const T,
    base: *const T,
    n: usize,
    (quantity, target): (i32, f64),
    weights: *mut T,
    found: Found,
) -> Result<(), Refusal> {
    if n == 0 {
        return Err(hrw_status::HRW_EMPTY.into());
    }
    let call = |report: Result<Option<Target>, Refusal>| {
        if options.is_null() || losses.is_null() || weights.is_null() || found.budget.is_null() {
            return Err(hrw_status::HRW_NULL_POINTER.into());
        }
        // SAFETY: passed on, each with its own size.
        let (options, losses, base) =
            unsafe { (hrw_options::read(options)?, input(losses, n)?, optional_input(base, n)?) };
        let report = report?;
        let params = options.params()?;
        // SAFETY: passed on.
        let weights = unsafe { output(weights, n, &[Some(losses), base])? };
        let target = match quantity {
            code if code == hrw_quantity::HRW_ROBUST_LOSS as i32 => calibrate::Target::RobustLoss(target),
            code if code == hrw_quantity::HRW_EFFECTIVE_SAMPLES as i32 => calibrate::Target::EffectiveSamples(target),
            code if code == hrw_quantity::HRW_LARGEST_WEIGHT as i32 => calibrate::Target::LargestWeight(target),
            _ => return Err(hrw_status::HRW_QUANTITY.into()),
        };
        match &function(losses, base, &params, target, weights) {
            Ok(calibrated) => {
                if let Some(report) = report {
                    report.write(&calibrated.report);
                }
                // SAFETY: not NULL, and the caller vouches for the rest.
                unsafe { found.budget.write(calibrated.budget) };
                // SAFETY: as the caller promises.
                unsafe { found.write_range(calibrated.range) };
                Ok(())
            }
            Err(CalibrationError::Refused(error)) => Err((*error).into()),
            Err(CalibrationError::OutOfReach { range }) => {
                // SAFETY: as the caller promises.
                unsafe { found.write_range(*range) };
                Err(hrw_status::HRW_TARGET.into())
            }
        }
    };
    // SAFETY: passed on.
    unsafe { reporting(found.report, call) }
}

/// # Safety
/// As [`hrw_path_f32`].
#[allow(clippy::too_many_arguments)] // those of the C function
unsafe fn grid<T: Real>(
    options: *const hrw_options,
    losses: *const T,
    base: *const T,
    n: usize,
    (alphas, alpha_count): (*const f64, usize),
    (rs, r_count): (*const f64, usize),
    scratch: *mut T,
    reports: *mut hrw_report,
) -> Result<(), Refusal> {
    if n == 0 {
        return Err(hrw_status::HRW_EMPTY.into());
    }
    let count = alpha_count.checked_mul(r_count).filter(|count| count.checked_mul(size_of::<hrw_report>()).is_some());
    let count = count.ok_or(hrw_status::HRW_OFFSETS)?;
    if options.is_null() || losses.is_null() || scratch.is_null() || (count > 0 && reports.is_null()) {
        return Err(hrw_status::HRW_NULL_POINTER.into());
    }
    // SAFETY: passed on, each with its own size.
    let (options, losses, base, alphas, rs) = unsafe {
        let (alphas, rs) = (input(alphas, alpha_count)?, input(rs, r_count)?);
        (hrw_options::read(options)?, input(losses, n)?, optional_input(base, n)?, alphas, rs)
    };
    // SAFETY: passed on.
    let targets = unsafe { Targets::new(reports, count)? };
    // SAFETY: there are as many reports as pairs, or none at all.
    let report_of = |pair: usize| unsafe { targets.of(pair) };
    let params = options.params()?;
    // SAFETY: passed on.
    let scratch = unsafe { output(scratch, n, &[Some(losses), base])? };
    path(losses, base, &params, alphas, rs, scratch, |i, j, report, _| {
        if let Some(target) = report_of(i * r_count + j) {
            target.write(report);
        }
    })
    .map_err(|error| {
        let refusal = Refusal::from(error);
        if let (Some(first), Some(_)) = (report_of(0), refusal.index) {
            first.write_bad_index(refusal.index);
        }
        refusal
    })
}
