//! `hrw_weights_batch_*` and `hrw_weights_ragged_*`.

use super::buffers::{input, optional_input, output};
use super::options::hrw_options;
use super::report::{Targets, hrw_report};
use super::status::{Refusal, guard, hrw_status};
use crate::batch::{Rows, weights_of_rows_into};
use crate::numbers::real::Real;

/// The HR weights of every row of a matrix of losses, each row a problem of its own (float). With
/// options->threads other than 1 the rows are shared out to threads; the bits are those of
/// hrw_weights_f32 row by row.
///
/// options: the ambiguity set, the same for all rows; not NULL.
/// losses: rows x cols losses, row after row; finite unless masked.
/// base: rows x cols base weights as in hrw_weights_f32; NULL: one each. A row that is all zeros is
///   HRW_BASE_WEIGHTS: over no samples there is no distribution, and mostly the mask is wrong. If
///   it is not, leave the row out, or make it an empty row of hrw_weights_ragged_f32, of which
///   nothing is asked.
/// rows: the number of rows; 0 is fine: nothing is done.
/// cols: the number of samples of each row.
/// weights: receives rows x cols weights; must not overlap losses or base.
/// reports: an array of rows reports, all with the same struct_size, which is also their distance;
///   NULL if not wanted.
///
/// The whole batch is checked before any row is written. The status is that of the first bad row;
/// if that is HRW_NON_FINITE_LOSS or HRW_BASE_WEIGHTS, bad_index of its report is the sample within
/// the row, and the other reports are untouched.
///
/// Returns HRW_OK, HRW_EMPTY (cols is 0, rows is not), HRW_NULL_POINTER, HRW_STRUCT_SIZE,
/// HRW_ORDERING, HRW_THREADS, HRW_OFFSETS (rows x cols overflows), HRW_OVERLAP, HRW_ALPHA, HRW_R,
/// HRW_WORST_LOSS, HRW_BASE_WEIGHTS, HRW_NON_FINITE_LOSS or HRW_PANIC.
///
/// # Safety
/// The pointers are NULL or valid for the sizes above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_weights_batch_f32(
    options: *const hrw_options,
    losses: *const f32,
    base: *const f32,
    rows: usize,
    cols: usize,
    weights: *mut f32,
    reports: *mut hrw_report,
) -> i32 {
    // SAFETY: passed on.
    guard(|| unsafe { batch(options, losses, base, rows, cols, weights, reports) })
}

/// The HR weights of every row of a matrix of losses (double). As hrw_weights_batch_f32 in every
/// respect but the width.
///
/// # Safety
/// The pointers are NULL or valid for the sizes that hrw_weights_batch_f32 states.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_weights_batch_f64(
    options: *const hrw_options,
    losses: *const f64,
    base: *const f64,
    rows: usize,
    cols: usize,
    weights: *mut f64,
    reports: *mut hrw_report,
) -> i32 {
    // SAFETY: passed on.
    guard(|| unsafe { batch(options, losses, base, rows, cols, weights, reports) })
}

/// The HR weights of rows of different lengths, each row a problem of its own (float).
///
/// As hrw_weights_batch_f32, but row i has the samples offsets[i] .. offsets[i+1]-1 of losses, base
/// and weights.
///
/// offsets: rows + 1 sample numbers: the first is 0, none is smaller than the one before. An empty
///   row is fine: nothing is written for it, neither weights nor report. Not NULL unless rows is 0.
///
/// Returns HRW_OK, HRW_NULL_POINTER, HRW_STRUCT_SIZE, HRW_ORDERING, HRW_THREADS, HRW_OFFSETS,
/// HRW_OVERLAP, HRW_ALPHA, HRW_R, HRW_WORST_LOSS, HRW_BASE_WEIGHTS, HRW_NON_FINITE_LOSS or
/// HRW_PANIC.
///
/// # Safety
/// The pointers are NULL or valid for the sizes above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_weights_ragged_f32(
    options: *const hrw_options,
    losses: *const f32,
    base: *const f32,
    offsets: *const usize,
    rows: usize,
    weights: *mut f32,
    reports: *mut hrw_report,
) -> i32 {
    // SAFETY: passed on.
    guard(|| unsafe { ragged(options, losses, base, offsets, rows, weights, reports) })
}

/// The HR weights of rows of different lengths (double). As hrw_weights_ragged_f32 in every respect
/// but the width.
///
/// # Safety
/// The pointers are NULL or valid for the sizes that hrw_weights_ragged_f32 states.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_weights_ragged_f64(
    options: *const hrw_options,
    losses: *const f64,
    base: *const f64,
    offsets: *const usize,
    rows: usize,
    weights: *mut f64,
    reports: *mut hrw_report,
) -> i32 {
    // SAFETY: passed on.
    guard(|| unsafe { ragged(options, losses, base, offsets, rows, weights, reports) })
}

/// # Safety
/// As [`hrw_weights_batch_f32`].
unsafe fn batch<T: Real>(
    options: *const hrw_options,
    losses: *const T,
    base: *const T,
    rows: usize,
    cols: usize,
    weights: *mut T,
    reports: *mut hrw_report,
) -> Result<(), Refusal> {
    if rows > 0 && cols == 0 {
        return Err(hrw_status::HRW_EMPTY.into());
    }
    let samples = rows.checked_mul(cols).filter(|&samples| fits::<T>(samples)).ok_or(hrw_status::HRW_OFFSETS)?;
    // SAFETY: passed on.
    unsafe { solve(options, losses, base, Rows::Of(cols), [rows, samples], weights, reports) }
}

/// # Safety
/// As [`hrw_weights_ragged_f32`].
unsafe fn ragged<T: Real>(
    options: *const hrw_options,
    losses: *const T,
    base: *const T,
    offsets: *const usize,
    rows: usize,
    weights: *mut T,
    reports: *mut hrw_report,
) -> Result<(), Refusal> {
    if rows == 0 {
        // SAFETY: passed on; nothing else is looked at.
        return unsafe { solve(options, losses, base, Rows::Offsets(&[0]), [0, 0], weights, reports) };
    }
    let ends = rows.checked_add(1).filter(|&ends| fits::<usize>(ends)).ok_or(hrw_status::HRW_OFFSETS)?;
    // SAFETY: passed on.
    let offsets = unsafe { input(offsets, ends)? };
    let samples = offsets[rows];
    if offsets[0] != 0 || !offsets.is_sorted() || !fits::<T>(samples) {
        return Err(hrw_status::HRW_OFFSETS.into());
    }
    // SAFETY: passed on.
    unsafe { solve(options, losses, base, Rows::Offsets(offsets), [rows, samples], weights, reports) }
}

/// Whether an array of so many elements can exist.
fn fits<T>(elements: usize) -> bool {
    elements.checked_mul(size_of::<T>()).is_some_and(|bytes| bytes <= isize::MAX.cast_unsigned())
}

/// # Safety
/// `options` is NULL or valid for the size it declares, `losses`, `base` and `weights` NULL or
/// valid for all samples, `reports` NULL or valid for as many reports as there are rows.
unsafe fn solve<T: Real>(
    options: *const hrw_options,
    losses: *const T,
    base: *const T,
    division: Rows<'_>,
    [rows, samples]: [usize; 2],
    weights: *mut T,
    reports: *mut hrw_report,
) -> Result<(), Refusal> {
    // SAFETY: passed on, each with its own size.
    let (options, losses, base) =
        unsafe { (hrw_options::read(options)?, input(losses, samples)?, optional_input(base, samples)?) };
    if samples > 0 && weights.is_null() {
        return Err(hrw_status::HRW_NULL_POINTER.into());
    }
    // SAFETY: passed on.
    let targets = unsafe { Targets::new(reports, rows)? };
    // SAFETY: there are as many reports as rows.
    let report_of = |row: usize| unsafe { targets.of(row) };
    let params = options.params()?;
    // SAFETY: passed on.
    let weights = unsafe { output(weights, samples, &[Some(losses), base])? };
    weights_of_rows_into(losses, base, division, &params, weights, |row, report| {
        if let Some(target) = report_of(row) {
            target.write(report);
        }
    })
    .map_err(|bad| {
        let refusal = Refusal::from(bad.error);
        if let (Some(target), Some(_)) = (report_of(bad.row), refusal.index) {
            target.write_bad_index(refusal.index);
        }
        refusal
    })
}
