//! `hrw_top_samples_*` and `hrw_group_shares_*`.

use super::buffers::{cells_of, input, output_apart, place};
use super::status::{Refusal, guard, hrw_status};
use crate::diagnostics::{ShareTable, group_shares_into, top_samples_into};
use crate::numbers::real::Real;

/// The k samples with the largest weights, and the share of all weight that they have (float): how
/// concentrated the weights are, and which samples to look at, for wrong labels say.
///
/// weights: n weights, finite and not negative, of any sum, such as those of hrw_weights_f32; not
///   NULL. The worst_weight of a report is not among them.
/// n: the number of samples.
/// k: how many are wanted; if it is more than n, there are n.
/// indices: receives their numbers, k or n of them, the one with the largest weight first; of equal
///   weights the first come first. Must not overlap weights; not NULL.
/// share: receives the share, in [0, 1]; 0 if all weights are. Not NULL.
///
/// Takes a time of n log k at most, n as a rule; nothing is allocated.
///
/// Returns HRW_OK, HRW_EMPTY (also if k is 0), HRW_NULL_POINTER, HRW_OVERLAP, HRW_BASE_WEIGHTS (a
/// weight is negative, NaN or infinite) or HRW_PANIC.
///
/// # Safety
/// The pointers are NULL or valid for the sizes above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_top_samples_f32(
    weights: *const f32,
    n: usize,
    k: usize,
    indices: *mut usize,
    share: *mut f64,
) -> i32 {
    // SAFETY: passed on.
    guard(|| unsafe { top_samples(weights, n, k, indices, share) })
}

/// The k samples with the largest weights (double). As hrw_top_samples_f32 in every respect but the
/// width.
///
/// # Safety
/// The pointers are NULL or valid for the sizes that hrw_top_samples_f32 states.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_top_samples_f64(
    weights: *const f64,
    n: usize,
    k: usize,
    indices: *mut usize,
    share: *mut f64,
) -> i32 {
    // SAFETY: passed on.
    guard(|| unsafe { top_samples(weights, n, k, indices, share) })
}

/// The share of all weight that each group has (float): classes, sites, right and wrong labels.
///
/// weights: n weights, finite and not negative, of any sum, such as those of hrw_weights_f32; not
///   NULL.
/// groups: for each sample the number of its group, below group_count; not NULL.
/// n: the number of samples.
/// group_count: the number of groups.
/// table: receives 3 x group_count numbers: the shares, which sum to one; each share over the
///   group's share of the samples, which is 1 where robustness changes nothing (NaN for a group
///   without samples); and the numbers of samples. The first two are 0 if all weights are. Must not
///   overlap weights or groups; not NULL.
///
/// Time is linear in n and group_count; nothing is allocated.
///
/// Returns HRW_OK, HRW_EMPTY, HRW_NULL_POINTER, HRW_OFFSETS (group_count is too large for an
/// array), HRW_OVERLAP, HRW_GROUP, HRW_BASE_WEIGHTS (a weight is negative, NaN or infinite) or
/// HRW_PANIC.
///
/// # Safety
/// The pointers are NULL or valid for the sizes above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_group_shares_f32(
    weights: *const f32,
    groups: *const u32,
    n: usize,
    group_count: usize,
    table: *mut f64,
) -> i32 {
    // SAFETY: passed on.
    guard(|| unsafe { group_shares(weights, groups, n, group_count, table) })
}

/// The share of all weight that each group has (double). As hrw_group_shares_f32 in every respect
/// but the width.
///
/// # Safety
/// The pointers are NULL or valid for the sizes that hrw_group_shares_f32 states.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_group_shares_f64(
    weights: *const f64,
    groups: *const u32,
    n: usize,
    group_count: usize,
    table: *mut f64,
) -> i32 {
    // SAFETY: passed on.
    guard(|| unsafe { group_shares(weights, groups, n, group_count, table) })
}

/// # Safety
/// As [`hrw_top_samples_f32`].
unsafe fn top_samples<T: Real>(
    weights: *const T,
    n: usize,
    k: usize,
    indices: *mut usize,
    share: *mut f64,
) -> Result<(), Refusal> {
    if n == 0 || k == 0 {
        return Err(hrw_status::HRW_EMPTY.into());
    }
    if weights.is_null() || indices.is_null() || share.is_null() {
        return Err(hrw_status::HRW_NULL_POINTER.into());
    }
    // SAFETY: passed on; indices lie apart from the weights, or are refused.
    let (weights, indices) = unsafe {
        let weights = input(weights, n)?;
        (weights, output_apart(indices, k.min(n), [place(weights)])?)
    };
    let found = top_samples_into(weights, indices)?;
    // SAFETY: not NULL, and the caller vouches for the rest.
    unsafe { share.write(found) };
    Ok(())
}

/// # Safety
/// As [`hrw_group_shares_f32`].
unsafe fn group_shares<T: Real>(
    weights: *const T,
    of_sample: *const u32,
    n: usize,
    group_count: usize,
    table: *mut f64,
) -> Result<(), Refusal> {
    if n == 0 {
        return Err(hrw_status::HRW_EMPTY.into());
    }
    if weights.is_null() || of_sample.is_null() || table.is_null() {
        return Err(hrw_status::HRW_NULL_POINTER.into());
    }
    let cells = cells_of(3, group_count)?;
    // SAFETY: passed on; the table lies apart from the inputs, or is refused.
    let (weights, of_sample, table) = unsafe {
        let (weights, of_sample) = (input(weights, n)?, input(of_sample, n)?);
        (weights, of_sample, output_apart(table, cells, [place(weights), place(of_sample)])?)
    };
    let (shares, rest) = table.split_at_mut(group_count);
    let (ratios, sizes) = rest.split_at_mut(group_count);
    Ok(group_shares_into(weights, of_sample, ShareTable { shares, ratios, sizes })?)
}
