//! One step of a sharded solve as a custom call: what lies between two collectives of the compiled
//! program.

use super::api::{self, CallFrame, Error};
use super::frame::{Array, Element, Frame};
use super::{BUDGETS, run};
use crate::frameworks::Refusal;
use crate::numbers::real::Real;
use crate::params::{Error as Reason, Ordering};
use crate::sharded::{LARGEST_MESSAGE, Operation, Sharded, Step};

/// Words of a message: how many values it has (0: the solve has ended), a spare one, and the
/// values' bits.
const MESSAGE: usize = 2 + 2 * LARGEST_MESSAGE;

/// XLA's handler of one step of a sharded solve. Numbers of the solver travel as their bits, in
/// unsigned 32-bit integers, so that they stay doubles where XLA has none.
///
/// Arguments: losses `[n]`; budgets `[6]` or `[4]`, as in `hrw_xla_weights`; round `[1]`, 0 in the
/// first call; solver `[SIZE / 4]`; the messages of all participants
/// `[participants, 2 + 2 * 3004]`, which are joined in their order; weights `[n]`; optionally base
/// weights `[n]`. Losses, budgets and weights are all float or all double, the rest is `u32`. The
/// solver and the weights are the results of the last call; in the first call the solver, the
/// messages and the weights are not looked at. Attribute: `ordering`, an `i32` (0 HD, 1 HR).
/// Results: solver; this participant's message `[2 + 2 * 3004]`, whose first number is 0 at the
/// end; weights; the robust loss and the weight of the worst loss `[2]`.
///
/// cbindgen:ignore
///
/// # Safety
/// `frame` is what XLA passes to a handler of version 0.1 or later of its interface.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_xla_sharded_step(frame: *mut CallFrame) -> *mut Error {
    // SAFETY: passed on.
    unsafe { run(frame, call) }
}

fn call(frame: &Frame<'_>, ordering: Ordering) -> Result<(), Refusal> {
    match frame.argument(0).map(|losses| losses.dtype()) {
        Some(api::F32) => step::<f32>(frame, ordering),
        Some(api::F64) => step::<f64>(frame, ordering),
        _ => Err(Refusal::Internal("the losses are neither float nor double")),
    }
}

fn step<T: Element + Real>(frame: &Frame<'_>, ordering: Ordering) -> Result<(), Refusal> {
    const SHAPES: Refusal = Refusal::Internal("the arrays do not fit together");
    const WORDS: usize = size_of::<Sharded>() / size_of::<u32>();
    let numbers = |index| frame.argument(index).and_then(|operand| operand.read::<T>()).ok_or(SHAPES);
    let words = |index| frame.argument(index).and_then(|operand| operand.read::<u32>()).ok_or(SHAPES);
    let (losses, budgets, round): (Array<'_, T>, Array<'_, T>, Array<'_, u32>) =
        (numbers(0)?, numbers(1)?, words(2)?);
    let (solver_before, messages, weights_before) = (words(3)?.values, words(4)?, numbers(5)?.values);
    let base = if frame.argument(6).is_some() { Some(numbers(6)?.values) } else { None };
    let out = |index| frame.result(index).ok_or(SHAPES);
    let solver: &mut [u32] = out(0)?.write().ok_or(SHAPES)?;
    let message: &mut [u32] = out(1)?.write().ok_or(SHAPES)?;
    let weights: &mut [T] = out(2)?.write().ok_or(SHAPES)?;
    let outcome: &mut [T] = out(3)?.write().ok_or(SHAPES)?;
    let n = losses.values.len();
    let fits = BUDGETS.contains(&budgets.values.len())
        && round.values.len() == 1
        && solver_before.len() == WORDS
        && solver.len() == WORDS
        && messages.cols == MESSAGE
        && message.len() == MESSAGE
        && weights_before.len() == n
        && weights.len() == n
        && outcome.len() == 2
        && base.is_none_or(|base| base.len() == n);
    let place: *mut Sharded = solver.as_mut_ptr().cast();
    if !fits || !place.is_aligned() {
        return Err(SHAPES);
    }
    let solver = if round.values[0] == 0 {
        // SAFETY: the place has the size and the alignment of a solver.
        unsafe {
            Sharded::write_new(place);
            &mut *place
        }
    } else {
        solver.copy_from_slice(solver_before);
        weights.copy_from_slice(weights_before);
        // SAFETY: as above; the bits are those that the last call wrote, and a solver is plain
        // data.
        let solver = unsafe { &mut *place };
        if let Some((operation, values)) = solver.pending() {
            join(operation, values, messages.values);
        }
        solver
    };
    message.fill(0);
    outcome.fill(T::from_f64(0.0));
    let params = super::params(budgets.values, ordering);
    match solver.step(losses.values, base, &params, weights) {
        Ok(Step::Reduce(_, values)) => {
            #[allow(clippy::cast_possible_truncation)] // at most 3004
            let count = values.len() as u32;
            message[0] = count;
            for (words, value) in message[2..].chunks_exact_mut(2).zip(values) {
                #[allow(clippy::cast_possible_truncation)] // the lower half
                words.copy_from_slice(&[value.to_bits() as u32, (value.to_bits() >> 32) as u32]);
            }
            if round.values[0] == 0 {
                // Weights that are not written yet are sent on to the next call.
                weights.fill(T::from_f64(0.0));
            }
            Ok(())
        }
        Ok(Step::Done(report)) => {
            outcome.copy_from_slice(&[T::from_f64(report.robust_loss), T::from_f64(report.worst_weight)]);
            Ok(())
        }
        Err(error) => Err(Refusal::Argument(explain(error))),
    }
}

/// XLA shows the error of one device, which may not be the one at fault.
fn explain(error: Reason) -> String {
    let is = |other: Reason| matches!(error, Reason::Elsewhere { status } if status == other.status());
    if is(Reason::NonFiniteLoss { index: 0 }) {
        "a loss of another shard is NaN or infinite, and its base weight is not zero".to_owned()
    } else if is(Reason::BaseWeights { index: None }) {
        "a base weight of another shard is negative, NaN or infinite".to_owned()
    } else {
        error.to_string()
    }
}

/// Joins the messages of all participants into `values`, in the same order everywhere.
fn join(operation: Operation, values: &mut [f64], messages: &[u32]) {
    for (place, value) in values.iter_mut().enumerate() {
        let each = messages.chunks_exact(MESSAGE).map(|message| {
            let words = &message[2 + 2 * place..][..2];
            f64::from_bits(u64::from(words[0]) | u64::from(words[1]) << 32)
        });
        *value = match operation {
            Operation::Sum => each.sum(),
            Operation::Max => each.fold(f64::NEG_INFINITY, f64::max),
        };
    }
}
