//! `hrw_weights_groups_*`.

use super::buffers::{cells_of, input, optional_input, output_apart, place, place_of};
use super::options::hrw_options;
use super::report::{Target, hrw_report, reporting};
use super::status::{Refusal, guard, hrw_status};
use crate::groups::{GroupTable, Groups, weights_of_groups_into};
use crate::numbers::real::Real;

/// The HR weights of n losses whose groups, not they themselves, are what HR chooses between
/// (float): the HR weights of the groups' mean losses, each shared out evenly among the samples of
/// its group. With r = infinity this is group DRO.
///
/// options: the ambiguity set, over groups: alpha and r are budgets of the groups' mass, worst_loss
///   is that of a group's mean; not NULL.
/// losses: n losses, of any unit; finite unless their group is masked; not NULL.
/// groups: for each sample the number of its group, below group_count; not NULL.
/// n: the number of samples.
/// base: group_count base weights, not negative, of any sum; a group of base weight 0 is masked:
///   its losses are ignored, even NaN, and its samples have weight 0. NULL: the number of its
///   samples, so that without budgets every sample has weight 1/n. A group without samples is left
///   out, whatever its base weight.
/// group_count: the number of groups.
/// weights: receives n weights that sum to one together with the report's worst_weight; must not
///   overlap another array.
/// table: receives 3 x group_count numbers: the mean losses (NaN for a group without samples), the
///   weights of the groups, and their numbers of samples; must not overlap another array; not NULL.
///   After an error it may have been used as scratch.
/// report: receives the proof and the diagnostics, which count groups where hrw_weights_f32 counts
///   samples; NULL if not wanted. Its bad_index is a sample, or with HRW_BASE_WEIGHTS a group.
///
/// Time is linear in n and group_count; nothing is allocated.
///
/// Returns HRW_OK, HRW_EMPTY, HRW_NULL_POINTER, HRW_STRUCT_SIZE, HRW_ORDERING, HRW_THREADS,
/// HRW_OFFSETS (group_count is too large for an array), HRW_OVERLAP, HRW_ALPHA, HRW_R,
/// HRW_WORST_LOSS, HRW_GROUP, HRW_BASE_WEIGHTS (also if every group that has samples is masked),
/// HRW_NON_FINITE_LOSS or HRW_PANIC.
///
/// # Safety
/// The pointers are NULL or valid for the sizes above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_weights_groups_f32(
    options: *const hrw_options,
    losses: *const f32,
    groups: *const u32,
    n: usize,
    base: *const f64,
    group_count: usize,
    weights: *mut f32,
    table: *mut f64,
    report: *mut hrw_report,
) -> i32 {
    // SAFETY: passed on.
    guard(|| unsafe { call(options, (losses, groups, n), (base, group_count), weights, table, report) })
}

/// The HR weights of n losses in groups (double). As hrw_weights_groups_f32 in every respect but
/// the width of the losses and the weights.
///
/// # Safety
/// The pointers are NULL or valid for the sizes that hrw_weights_groups_f32 states.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_weights_groups_f64(
    options: *const hrw_options,
    losses: *const f64,
    groups: *const u32,
    n: usize,
    base: *const f64,
    group_count: usize,
    weights: *mut f64,
    table: *mut f64,
    report: *mut hrw_report,
) -> i32 {
    // SAFETY: passed on.
    guard(|| unsafe { call(options, (losses, groups, n), (base, group_count), weights, table, report) })
}

/// # Safety
/// As [`hrw_weights_groups_f32`].
unsafe fn call<T: Real>(
    options: *const hrw_options,
    (losses, of_sample, n): (*const T, *const u32, usize),
    (base, group_count): (*const f64, usize),
    weights: *mut T,
    table: *mut f64,
    report: *mut hrw_report,
) -> Result<(), Refusal> {
    if n == 0 {
        return Err(hrw_status::HRW_EMPTY.into());
    }
    let call = |target: Result<Option<Target>, Refusal>| {
        if options.is_null() || losses.is_null() || of_sample.is_null() || weights.is_null() || table.is_null() {
            return Err(hrw_status::HRW_NULL_POINTER.into());
        }
        let cells = cells_of(3, group_count)?;
        // SAFETY: passed on, each with its own size.
        let (options, losses, of_sample, base) = unsafe {
            let (losses, of_sample) = (input(losses, n)?, input(of_sample, n)?);
            (hrw_options::read(options)?, losses, of_sample, optional_input(base, group_count)?)
        };
        let target = target?;
        let params = options.params()?;
        let inputs = [place(losses), place(of_sample), base.map_or(0..0, place)];
        let with_weights = inputs.clone().into_iter().chain([place_of(weights, n)]);
        // SAFETY: passed on; both lie apart from everything else, or are refused.
        let (table, weights) =
            unsafe { (output_apart(table, cells, with_weights)?, output_apart(weights, n, inputs)?) };
        let (losses_of, rest) = table.split_at_mut(group_count);
        let (weights_of, sizes) = rest.split_at_mut(group_count);
        let groups = Groups { of_sample, base };
        let table = GroupTable { losses: losses_of, weights: weights_of, sizes };
        let report = weights_of_groups_into(losses, &groups, &params, weights, table)?;
        if let Some(target) = target {
            target.write(&report);
        }
        Ok(())
    };
    // SAFETY: passed on.
    unsafe { reporting(report, call) }
}
