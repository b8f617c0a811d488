//! One problem whose samples are spread over many participants (ranks, workers, devices): each
//! passes its own samples, and the weights are those of the whole.

mod message;
mod opening;
mod search;
mod state;
#[cfg(all(test, feature = "std"))]
mod tests;

#[cfg(feature = "std")]
pub(crate) use message::LARGEST_MESSAGE;
pub use message::Operation;
pub(crate) use opening::Refused;

use crate::numbers::real::Real;
use crate::params::{Error, Params};
use crate::report::Report;
use crate::weights::check_lengths;
use state::{MOST_CALLS, State};

/// The all-reduce of the engine that joins the participants. Every participant must end with the
/// same values, to the bit.
pub trait Reduce {
    /// Replaces every value by its sum over the participants.
    ///
    /// # Errors
    /// Any error ends the solve of this participant with it; [`Error::Reduce`] is meant for that.
    fn sum(&mut self, values: &mut [f64]) -> Result<(), Error>;

    /// Replaces every value by its maximum over the participants.
    ///
    /// # Errors
    /// As [`Reduce::sum`].
    fn max(&mut self, values: &mut [f64]) -> Result<(), Error>;
}

/// Writes this participant's part of the HR weights of all samples, and reports on the whole: the
/// same report everywhere.
///
/// `losses`, `base` and `weights` are as in [`crate::weights_into`], but may be empty as long as
/// some participant has a sample. If any participant passes base weights, those who do not have
/// ones. `params` must be the same everywhere (but for `threads`). All weights of all participants,
/// with [`Report::worst_weight`] once, sum to one.
///
/// Every participant must call this, and makes the same calls of `reduce`: about five near training
/// data and never more than 64, each of at most 3,004 values. A search that has not ended by then,
/// of which none is known, ends with the base weights and the worst loss as the dual bound: the gap
/// between [`Report::robust_loss`] and [`Report::dual_bound`] says what they may lack. With `std`
/// it allocates 110 KB once; without, it makes more calls, of at most 84 values, and takes the
/// stack alone.
///
/// # Errors
/// Those of [`crate::weights_into`]. What is wrong with one participant's input is told to all in
/// the first round, so that none waits: the others return [`Error::Elsewhere`]. [`Error::Alpha`],
/// [`Error::R`], [`Error::Ordering`] and [`Error::WorstLoss`] also mean that the participants
/// disagree. [`Error::Reduce`] if they run versions of this library, or widths of losses, that do
/// not go together. Whatever `reduce` returns. `weights` is then untouched.
///
/// # Source
/// As [`crate::weights_into`].
///
/// ```
/// use hr_weights::{Error, Params, Reduce, weights_sharded_into};
/// /// The only participant.
/// struct Alone;
/// impl Reduce for Alone {
///     fn sum(&mut self, _: &mut [f64]) -> Result<(), Error> { Ok(()) }
///     fn max(&mut self, _: &mut [f64]) -> Result<(), Error> { Ok(()) }
/// }
/// let params = Params { alpha: 0.25, r: 0.1, ..Params::default() };
/// let mut weights = [0.0; 4];
/// weights_sharded_into(&[0.3, 2.0, 0.1, 0.7], None, &params, &mut weights, &mut Alone)?;
/// assert!(weights[2] == 0.0 && weights[1] > 0.25);
/// # Ok::<(), Error>(())
/// ```
pub fn weights_sharded_into<T: Real>(
    losses: &[T],
    base: Option<&[T]>,
    params: &Params,
    weights: &mut [T],
    reduce: &mut impl Reduce,
) -> Result<Report, Error> {
    Sharded::with_new(|sharded| {
        loop {
            match sharded.step(losses, base, params, weights)? {
                Step::Reduce(Operation::Sum, values) => reduce.sum(values)?,
                Step::Reduce(Operation::Max, values) => reduce.max(values)?,
                Step::Done(report) => return Ok(report),
            }
        }
    })
}

/// The same for an engine that cannot be called back: the caller asks what must be reduced next,
/// has it reduced, and goes on.
///
/// It is plain data: it can be copied, stored or sent, and holds no reference to the samples.
///
/// ```
/// use hr_weights::{Params, Sharded, Step};
/// let params = Params { r: 0.1, ..Params::default() };
/// let (losses, mut weights) = ([0.3, 2.0, 0.1, 0.7], [0.0; 4]);
/// let mut sharded = Sharded::new();
/// let report = loop {
///     match sharded.step(&losses, None, &params, &mut weights)? {
///         Step::Reduce(operation, values) => { /* all-reduce `values`, in place */ }
///         Step::Done(report) => break report,
///     }
/// };
/// assert!(report.robust_loss > 0.775);
/// # Ok::<(), hr_weights::Error>(())
/// ```
#[derive(Clone, Debug)]
#[repr(transparent)]
pub struct Sharded(State);

/// What comes next.
#[derive(Debug)]
pub enum Step<'a> {
    /// Join these values with those of the other participants, in place, and call [`Sharded::step`]
    /// again.
    Reduce(Operation, &'a mut [f64]),
    /// The weights have been written.
    Done(Report),
}

impl Default for Sharded {
    fn default() -> Self {
        Self::new()
    }
}

impl Sharded {
    /// At the beginning.
    #[must_use]
    pub const fn new() -> Self {
        Self(State::new(MOST_CALLS))
    }

    /// Runs something with a state at the beginning, which is on the heap with std, else on the
    /// stack; made in place, since it is large.
    pub(crate) fn with_new<R>(run: impl FnOnce(&mut Self) -> R) -> R {
        #[cfg(feature = "std")]
        let mut place = Box::<Self>::new_uninit();
        #[cfg(not(feature = "std"))]
        let mut place = core::mem::MaybeUninit::<Self>::uninit();
        // SAFETY: the place is valid and aligned, and initialised by the first call. Nothing of it
        // needs to be dropped.
        let sharded = unsafe {
            Self::write_new(place.as_mut_ptr());
            place.assume_init_mut()
        };
        run(sharded)
    }

    /// Writes a state at the beginning to a place, without a copy on the stack.
    ///
    /// # Safety
    /// The place is valid for writes and aligned.
    pub(crate) unsafe fn write_new(place: *mut Self) {
        // SAFETY: as promised, and a `Sharded` is a `State`.
        unsafe { State::write_new(place.cast()) }
    }

    /// Goes on to the next reduction, or to the end. Every call is passed the same samples and
    /// parameters, and the same `weights`, which are written before the last reduction.
    ///
    /// # Errors
    /// Those of [`weights_sharded_into`], on every participant at the same step.
    pub fn step<T: Real>(
        &mut self,
        losses: &[T],
        base: Option<&[T]>,
        params: &Params,
        weights: &mut [T],
    ) -> Result<Step<'_>, Error> {
        let lengths = check_lengths(losses, base, weights);
        let samples = if lengths.is_ok() { (losses, base, weights) } else { (&[][..], None, &mut [][..]) };
        self.step_of(samples, params, lengths.map_err(Refused::from))
    }

    /// What the last step asked for, if the caller has not reduced it in place.
    #[cfg(feature = "std")] // for XLA
    pub(crate) fn pending(&mut self) -> Option<(Operation, &mut [f64])> {
        self.0.pending()
    }

    /// As [`Sharded::step`], of a participant whose input may have been refused already: the others
    /// are told.
    pub(crate) fn step_of<T: Real>(
        &mut self,
        samples: (&[T], Option<&[T]>, &mut [T]),
        params: &Params,
        input: Result<(), Refused>,
    ) -> Result<Step<'_>, Error> {
        if let Some(report) = self.0.advance(samples, params, input)? {
            return Ok(Step::Done(report));
        }
        self.0.pending().map(|(operation, values)| Step::Reduce(operation, values)).ok_or(Error::Reduce)
    }
}
