//! The weights as a custom call of XLA, for JAX on the CPU: the compiled program calls this
//! library, without copies and without Python.
//!
//! The handler is no part of the C interface: its symbol is not in the header, and its only caller
//! is the JAX binding of the same version.

mod api;
mod frame;
mod sharded;

use core::fmt::Debug;

use api::{CallFrame, Error};
use frame::{Array, Element, Frame};

use crate::frameworks::{Problems, Refusal, guarded};
use crate::numbers::real::Real;
use crate::params::{Ordering, Params};

/// XLA's handler for `jax.ffi.ffi_call`. Leading dimensions are a batch; all arrays are float or
/// all are double.
///
/// Arguments: losses `[..., n]`; budgets `[..., 6]`, which are alpha, r and the worst loss, each as
/// the sum of two numbers, so that floats carry a double, or `[..., 4]` without a worst loss;
/// optionally base weights `[..., n]`. Attribute: `ordering`, an `i32` (0 HD, 1 HR). Results:
/// weights `[..., n]`; the weight of the worst loss and the robust loss `[..., 2]`.
///
/// cbindgen:ignore
///
/// # Safety
/// `frame` is what XLA passes to a handler of version 0.1 or later of its interface.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_xla_weights(frame: *mut CallFrame) -> *mut Error {
    // SAFETY: passed on.
    unsafe { run(frame, call) }
}

/// Answers XLA: its question what this handler is, or with the outcome of `call`, which is told the
/// ordering.
///
/// # Safety
/// As `hrw_xla_weights`.
unsafe fn run(frame: *mut CallFrame, call: fn(&Frame<'_>, Ordering) -> Result<(), Refusal>) -> *mut Error {
    // SAFETY: passed on; the frame outlives this call.
    let frame = unsafe { Frame::new(frame) };
    if frame.answer_metadata() {
        return core::ptr::null_mut();
    }
    let result = guarded(|| {
        let ordering = match frame.attribute("ordering") {
            Some(0) => Ordering::Hd,
            Some(1) => Ordering::Hr,
            _ => return Err(Refusal::Internal("the attribute `ordering` is not 0 or 1")),
        };
        call(&frame, ordering)
    });
    match result {
        Ok(()) => core::ptr::null_mut(),
        Err((code, message)) => frame.error(code, &message),
    }
}

fn call(frame: &Frame<'_>, ordering: Ordering) -> Result<(), Refusal> {
    match frame.argument(0).map(|losses| losses.dtype()) {
        Some(api::F32) => rows::<f32>(frame, ordering),
        Some(api::F64) => rows::<f64>(frame, ordering),
        _ => Err(Refusal::Internal("the losses are neither float nor double")),
    }
}

/// Solves one problem per row.
fn rows<T: Element + Real + Debug>(frame: &Frame<'_>, ordering: Ordering) -> Result<(), Refusal> {
    const SHAPES: Refusal = Refusal::Internal("the arrays do not fit together");
    let losses: Array<'_, T> = frame.argument(0).and_then(|buffer| buffer.read()).ok_or(SHAPES)?;
    let budgets: Array<'_, T> = frame.argument(1).and_then(|buffer| buffer.read()).ok_or(SHAPES)?;
    let base: Option<Array<'_, T>> = match frame.argument(2) {
        Some(buffer) => Some(buffer.read().ok_or(SHAPES)?),
        None => None,
    };
    let weights: &mut [T] = frame.result(0).and_then(|buffer| buffer.write()).ok_or(SHAPES)?;
    let outcomes: &mut [T] = frame.result(1).and_then(|buffer| buffer.write()).ok_or(SHAPES)?;
    let (cols, rows) = (losses.cols, outcomes.len() / 2);
    let fits = losses.values.len() == rows * cols
        && weights.len() == losses.values.len()
        && BUDGETS.contains(&budgets.cols)
        && budgets.values.len() == rows * budgets.cols
        && base.as_ref().is_none_or(|base| base.cols == cols && base.values.len() == losses.values.len());
    if !fits {
        return Err(SHAPES);
    }
    let problems = Problems { losses: losses.values, base: base.map(|base| base.values), cols };
    problems.solve(
        |row| params(&budgets.values[row * budgets.cols..][..budgets.cols], ordering),
        weights,
        |row, report| {
            let outcome = [report.worst_weight, report.robust_loss].map(T::from_f64);
            outcomes[2 * row..][..2].copy_from_slice(&outcome);
        },
    )
}

/// Numbers of alpha and r, and of the worst loss too: two each. What is absent is not NaN, since a
/// NaN that is given is an error.
const BUDGETS: [usize; 2] = [4, 6];

fn params<T: Element + Real>(budgets: &[T], ordering: Ordering) -> Params {
    let sum = |index: usize| budgets[2 * index].to_f64() + budgets[2 * index + 1].to_f64();
    Params {
        alpha: sum(0),
        r: sum(1),
        ordering,
        worst_loss: (budgets.len() > 4).then(|| sum(2)),
        ..Params::default()
    }
}

#[cfg(test)]
mod tests;
