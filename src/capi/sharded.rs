//! `hrw_weights_sharded_*` and `hrw_sharded_*`: one problem over many participants.

use core::ffi::c_void;

use super::buffers::{input, optional_input, output};
use super::options::hrw_options;
use super::report::{Target, hrw_report};
use super::status::{Refusal, guard, guard_with_callbacks, hrw_status};
use crate::float_mode::CallersMode;
use crate::numbers::real::Real;
use crate::params::{Error, Params};
use crate::sharded::{Operation, Refused, Sharded, Step};

/// How an all-reduce joins the values of the participants.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum hrw_op {
    /// Replace every value by its sum over the participants.
    HRW_SUM = 0,
    /// Replace every value by its maximum over the participants.
    HRW_MAX = 1,
}

impl From<Operation> for hrw_op {
    fn from(operation: Operation) -> Self {
        match operation {
            Operation::Sum => Self::HRW_SUM,
            Operation::Max => Self::HRW_MAX,
        }
    }
}

/// The caller's all-reduce: joins `count` values over all participants, in place. op is HRW_SUM or
/// HRW_MAX; values are never NaN. Every participant must end with the same values, to the bit.
/// Returns 0, or anything else if it failed.
#[allow(non_camel_case_types)]
pub type hrw_allreduce =
    Option<unsafe extern "C" fn(context: *mut c_void, values: *mut f64, count: usize, op: i32) -> i32>;

/// Where a sharded solve stands, for an engine that cannot be called back: hrw_sharded_size() bytes
/// of plain data, aligned as a double, which may be copied, stored or sent between steps. It holds
/// no pointer.
#[allow(dead_code)] // opaque
pub struct hrw_sharded(Sharded);

/// The part of the HR weights (float) of one participant whose n_local samples are part of a larger
/// set.
///
/// As hrw_weights_f32 over the samples of all participants, to 1e-13; the report is that of the
/// whole, and the same everywhere. Every participant must call this, with the same options (but for
/// threads). n_local may be 0, with NULL pointers, as long as some participant has a sample. If any
/// participant passes base weights, those that do not have ones.
///
/// allreduce: joins values over the participants; not NULL. It is called about five times near
///   training data and never more than 64 times, by every participant alike, with at most 3004
///   values (24 KiB). (A search that has not ended by then, of which none is known, ends with the
///   base weights and the worst loss as dual_bound: dual_bound - robust_loss is what they may
///   lack.)
/// context: passed on to it.
///
/// What is wrong with one participant's input is told to all in the first call of allreduce, and
/// all return the code of it, so that none waits; bad_index is set for the participant that has the
/// sample. HRW_ALPHA, HRW_R, HRW_ORDERING and HRW_WORST_LOSS also mean that the participants
/// disagree about it. When allreduce fails this participant returns HRW_REDUCE at once; its engine
/// must see to it that the others' calls fail as well. Memory: 110 KB from the heap once; in the
/// library without std, stack alone.
///
/// Returns what hrw_weights_f32 returns, or HRW_REDUCE if allreduce failed, or if the participants
/// run versions that do not go together. HRW_NULL_POINTER at once, without telling the others, if
/// allreduce is NULL.
///
/// # Safety
/// The pointers are NULL or valid for the sizes above.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_weights_sharded_f32(
    options: *const hrw_options,
    losses: *const f32,
    base: *const f32,
    n_local: usize,
    weights: *mut f32,
    report: *mut hrw_report,
    allreduce: hrw_allreduce,
    context: *mut c_void,
) -> i32 {
    let shard = Shard { options, losses, base, n: n_local, weights, report };
    // SAFETY: passed on.
    guard_with_callbacks(|mode| unsafe { shard.solve(allreduce, context, mode) })
}

/// The part of the HR weights (double) of one participant. As hrw_weights_sharded_f32 in every
/// respect but the width.
///
/// # Safety
/// The pointers are NULL or valid for the sizes that hrw_weights_sharded_f32 states.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_weights_sharded_f64(
    options: *const hrw_options,
    losses: *const f64,
    base: *const f64,
    n_local: usize,
    weights: *mut f64,
    report: *mut hrw_report,
    allreduce: hrw_allreduce,
    context: *mut c_void,
) -> i32 {
    let shard = Shard { options, losses, base, n: n_local, weights, report };
    // SAFETY: passed on.
    guard_with_callbacks(|mode| unsafe { shard.solve(allreduce, context, mode) })
}

/// The number of bytes of a hrw_sharded. Any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn hrw_sharded_size() -> usize {
    size_of::<Sharded>()
}

/// Begins a sharded solve for an engine that cannot be called back.
///
/// solver: memory of size bytes, aligned as a double, which becomes the state of the solve. Nothing
///   is to be released.
/// size: at least hrw_sharded_size().
///
/// Then step after step: hrw_sharded_step_* says what must be reduced next; when that has been
/// done, in place, it is called again, until nothing is left.
///
/// Returns HRW_OK, HRW_NULL_POINTER, or HRW_STRUCT_SIZE if the memory is too small or not aligned.
///
/// # Safety
/// `solver` is NULL or valid for writes of `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_sharded_init(solver: *mut hrw_sharded, size: usize) -> i32 {
    guard(|| {
        if solver.is_null() {
            return Err(hrw_status::HRW_NULL_POINTER.into());
        }
        if size < size_of::<Sharded>() || !solver.cast::<Sharded>().is_aligned() {
            return Err(hrw_status::HRW_STRUCT_SIZE.into());
        }
        // SAFETY: large enough and aligned; the caller vouches for the rest.
        unsafe { Sharded::write_new(solver.cast()) };
        Ok(())
    })
}

/// One step of a sharded solve (float): what must be reduced next, or the end.
///
/// solver: from hrw_sharded_init.
/// options, losses, base, n_local, weights, report: as in hrw_weights_sharded_f32, the same at
///   every step.
/// values, count, op: receive what must be joined over the participants before the next step:
///   `count` values, in place, by HRW_SUM or HRW_MAX. They are inside solver. When count is 0 the
///   solve has ended: weights and report have been written. (weights is written one step earlier:
///   the array must keep its contents between steps.)
///
/// Returns HRW_OK, or what hrw_weights_sharded_f32 returns, which ends the solve on every
/// participant at the same step.
///
/// # Safety
/// `solver` is NULL or from hrw_sharded_init; the other pointers are NULL or valid for their sizes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_sharded_step_f32(
    solver: *mut hrw_sharded,
    options: *const hrw_options,
    losses: *const f32,
    base: *const f32,
    n_local: usize,
    weights: *mut f32,
    report: *mut hrw_report,
    values: *mut *mut f64,
    count: *mut usize,
    op: *mut i32,
) -> i32 {
    let shard = Shard { options, losses, base, n: n_local, weights, report };
    // SAFETY: passed on.
    guard(|| unsafe { shard.step_out(solver, values, count, op) })
}

/// One step of a sharded solve (double). As hrw_sharded_step_f32 in every respect but the width.
///
/// # Safety
/// As hrw_sharded_step_f32.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_sharded_step_f64(
    solver: *mut hrw_sharded,
    options: *const hrw_options,
    losses: *const f64,
    base: *const f64,
    n_local: usize,
    weights: *mut f64,
    report: *mut hrw_report,
    values: *mut *mut f64,
    count: *mut usize,
    op: *mut i32,
) -> i32 {
    let shard = Shard { options, losses, base, n: n_local, weights, report };
    // SAFETY: passed on.
    guard(|| unsafe { shard.step_out(solver, values, count, op) })
}

/// The arguments that describe a participant's samples.
#[derive(Clone, Copy)]
struct Shard<T> {
    options: *const hrw_options,
    losses: *const T,
    base: *const T,
    n: usize,
    weights: *mut T,
    report: *mut hrw_report,
}

/// The same as slices.
struct Input<'a, T> {
    params: Params,
    losses: &'a [T],
    base: Option<&'a [T]>,
    weights: &'a mut [T],
}

impl<T: Real> Shard<T> {
    /// Steps until the end.
    ///
    /// # Safety
    /// The pointers are NULL or valid: `options` and `report` for the sizes they declare, the rest
    /// for n elements.
    unsafe fn solve(
        &self,
        allreduce: hrw_allreduce,
        context: *mut c_void,
        mode: &CallersMode,
    ) -> Result<(), Refusal> {
        let Some(allreduce) = allreduce else { return Err(hrw_status::HRW_NULL_POINTER.into()) };
        Sharded::with_new(|solver| {
            // SAFETY: passed on.
            while let Some((operation, values)) = unsafe { self.step(solver)? } {
                let op = hrw_op::from(operation) as i32;
                // SAFETY: the values are valid for the call; the caller vouches for its function.
                if mode.during(|| unsafe { allreduce(context, values.as_mut_ptr(), values.len(), op) }) != 0 {
                    return Err(hrw_status::HRW_REDUCE.into());
                }
            }
            Ok(())
        })
    }

    /// One step, whose outcome goes to the caller's variables.
    ///
    /// # Safety
    /// As [`Shard::solve`]; `solver` is NULL or initialised, the others NULL or valid for writes.
    unsafe fn step_out(
        &self,
        solver: *mut hrw_sharded,
        values: *mut *mut f64,
        count: *mut usize,
        op: *mut i32,
    ) -> Result<(), Refusal> {
        if solver.is_null() || values.is_null() || count.is_null() || op.is_null() {
            return Err(hrw_status::HRW_NULL_POINTER.into());
        }
        // SAFETY: not NULL, and initialised by `hrw_sharded_init`.
        let step = unsafe { self.step(&mut *solver.cast::<Sharded>())? };
        let (pointer, length, operation) = match step {
            Some((operation, to_reduce)) => (to_reduce.as_mut_ptr(), to_reduce.len(), operation),
            None => (core::ptr::null_mut(), 0, Operation::Sum),
        };
        // SAFETY: not NULL.
        unsafe {
            values.write(pointer);
            count.write(length);
            op.write(hrw_op::from(operation) as i32);
        }
        Ok(())
    }

    /// One step: what is to be reduced, or None at the end.
    ///
    /// # Safety
    /// As [`Shard::solve`].
    unsafe fn step(self, solver: &mut Sharded) -> Result<Option<(Operation, &mut [f64])>, Refusal> {
        // SAFETY: passed on.
        let target = unsafe { Target::new(self.report) };
        // SAFETY: passed on.
        let input = target.and_then(|_| unsafe { self.input() });
        let step = match input {
            Ok(Input { params, losses, base, weights }) => solver.step_of((losses, base, weights), &params, Ok(())),
            Err(refusal) => {
                // The others must be told; then this participant has its own reason.
                let refused = Refused { status: refusal.status as i32, error: Error::Reduce };
                let told = solver.step_of::<T>((&[], None, &mut []), &Params::default(), Err(refused));
                if let Ok(Step::Reduce(operation, values)) = told {
                    return Ok(Some((operation, values)));
                }
                if let Ok(Some(target)) = target {
                    target.write_bad_index(refusal.index);
                }
                return Err(refusal);
            }
        };
        let target = target.unwrap_or(None);
        match step {
            Ok(Step::Reduce(operation, values)) => Ok(Some((operation, values))),
            Ok(Step::Done(report)) => {
                if let Some(target) = target {
                    target.write(&report);
                }
                Ok(None)
            }
            Err(error) => {
                let refusal = Refusal::from(error);
                if let Some(target) = target {
                    target.write_bad_index(refusal.index);
                }
                Err(refusal)
            }
        }
    }

    /// The arguments as slices.
    ///
    /// # Safety
    /// As [`Shard::solve`].
    unsafe fn input<'a>(&self) -> Result<Input<'a, T>, Refusal> {
        let Self { options, losses, base, n, weights, .. } = *self;
        // SAFETY: passed on, each with its own size.
        let (options, losses, base) =
            unsafe { (hrw_options::read(options)?, input(losses, n)?, optional_input(base, n)?) };
        let params = options.params()?;
        // SAFETY: passed on.
        let weights = unsafe { output(weights, n, &[Some(losses), base])? };
        Ok(Input { params, losses, base, weights })
    }
}
