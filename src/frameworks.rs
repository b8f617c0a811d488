//! What XLA's handlers and TensorFlow's kernels share: many problems in one call, and refusals and
//! panics that become errors of the framework.

use core::ffi::c_int;
use core::fmt::Debug;
use std::ffi::CString;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::float_mode::CallersMode;
use crate::numbers::real::Real;
use crate::params::{Error, Params};
use crate::report::Report;
use crate::weights::weights_into;

/// `INVALID_ARGUMENT` and `INTERNAL`: the codes of Google's status, which both frameworks have.
pub(crate) const INVALID_ARGUMENT: c_int = 3;
pub(crate) const INTERNAL: c_int = 13;

/// Why a call was refused: for the caller's mistakes, and for ours.
pub(crate) enum Refusal {
    Argument(String),
    Internal(&'static str),
}

/// Runs a call of the framework in the default floating-point mode, since its threads flush
/// subnormals. The error is a code and a message; a panic is one too.
pub(crate) fn guarded(call: impl FnOnce() -> Result<(), Refusal>) -> Result<(), (c_int, CString)> {
    let _mode = CallersMode::set_aside();
    let (code, message) = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(Refusal::Argument(message))) => (INVALID_ARGUMENT, message),
        Ok(Err(Refusal::Internal(message))) => (INTERNAL, format!("hr_weights: {message}")),
        Err(_) => (INTERNAL, "hr_weights: internal error, please report it".to_owned()),
    };
    Err((code, CString::new(message).unwrap_or_default()))
}

/// Problems of equally many samples, one after another.
pub(crate) struct Problems<'a, T> {
    pub(crate) losses: &'a [T],
    /// One weight per loss, or those of one problem, which are then the same for all.
    pub(crate) base: Option<&'a [T]>,
    /// The samples of a problem.
    pub(crate) cols: usize,
}

impl<T: Real + Debug> Problems<'_, T> {
    /// Writes the weights of all problems; `report` is told the number of each and its report.
    ///
    /// `weights` has as many elements as `losses`, which is a multiple of `cols`.
    pub(crate) fn solve(
        &self,
        params: impl Fn(usize) -> Params,
        weights: &mut [T],
        mut report: impl FnMut(usize, &Report),
    ) -> Result<(), Refusal> {
        if self.cols == 0 {
            return Err(Refusal::Argument(format!("losses is empty: {}", Error::Empty)));
        }
        let rows = self.losses.len() / self.cols;
        for (row, weights) in weights.chunks_exact_mut(self.cols).enumerate() {
            let span = row * self.cols..(row + 1) * self.cols;
            let losses = &self.losses[span.clone()];
            let base = self.base.map(|base| if base.len() == self.cols { base } else { &base[span] });
            let params = params(row);
            match weights_into(losses, base, &params, weights) {
                Ok(row_report) => report(row, &row_report),
                Err(error) => {
                    let place = if rows > 1 { format!(" (problem {row} of the batch)") } else { String::new() };
                    return Err(Refusal::Argument(explain(error, losses, base, &params) + &place));
                }
            }
        }
        Ok(())
    }
}

/// What is wrong, with the value that it is about, in the words of the Python functions.
fn explain<T: Real + Debug>(error: Error, losses: &[T], base: Option<&[T]>, params: &Params) -> String {
    match error {
        Error::NonFiniteLoss { index } => format!("losses[{index}] is {}: {error}", shown(losses[index])),
        Error::BaseWeights { index: Some(index) } => {
            let value = base.map_or(T::from_f64(1.0), |base| base[index]);
            format!("base[{index}] is {}: {error}", shown(value))
        }
        Error::Alpha => format!("{error}, not {}", shown(params.alpha)),
        Error::R => format!("{error}, not {}", shown(params.r)),
        Error::WorstLoss => {
            let worst = params.worst_loss.unwrap_or(f64::NAN);
            if worst.is_finite() {
                let counted = |(index, loss): (usize, &T)| {
                    (base.is_none_or(|base| base[index].to_f64() > 0.0)).then(|| loss.to_f64())
                };
                let largest = losses.iter().enumerate().filter_map(counted).fold(f64::NEG_INFINITY, f64::max);
                format!("{error}: worst_loss = {}, the largest loss is {}", shown(worst), shown(largest))
            } else {
                format!("worst_loss must be finite, not {}", shown(worst))
            }
        }
        _ => error.to_string(),
    }
}

/// A number as Python shows it.
fn shown(value: impl Debug) -> String {
    format!("{value:?}").replace("NaN", "nan")
}
