//! One problem whose samples are spread over many participants (ranks, workers, devices): each passes its own samples, and the
//! weights are those of the whole.

mod log;
mod opening;

pub use log::Operation;
pub(crate) use log::{Log, ROOM, SKETCH};
pub(crate) use opening::Refused;

use crate::params::{Error, Params};
use crate::real::Real;
use crate::reduce::Data;
use crate::report::Report;
use crate::slices::check_lengths;
use crate::solve::solve_sharded;
use crate::team::Team;

/// A problem takes at most so many calls of the all-reduce, with HD and with HR.
const MOST_CALLS: [usize; 2] = [16, 24];

/// The all-reduce of the engine that joins the participants. Every participant must end with the same values, to the bit.
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

/// Writes this participant's part of the HR weights of all samples, and reports on the whole: the same report everywhere.
///
/// `losses`, `base` and `weights` are as in [`crate::weights_into`], but may be empty as long as some participant has a sample.
/// If any participant passes base weights, those who do not have ones. `params` must be the same everywhere (but for
/// `threads`). All weights of all participants, with [`Report::worst_weight`] once, sum to one.
///
/// Every participant must call this, and makes the same calls of `reduce`: at most 16 with HD and 24 with HR, each of at most 4,094
/// values. A search that has not ended by then ends with the best weights that it has seen, and the gap between
/// [`Report::robust_loss`] and [`Report::dual_bound`] says what they lack: no problem is known in which that is more than rounding.
/// With `std` it allocates 50 KB once, and takes as much of the stack; without, it makes some more calls, of at most 128 values, and
/// takes 13 KB of stack alone.
///
/// # Errors
/// Those of [`crate::weights_into`]. What is wrong with one participant's input is told to all in the first round, so that none waits:
/// the others return [`Error::Elsewhere`]. [`Error::Alpha`], [`Error::R`], [`Error::Ordering`] and [`Error::WorstLoss`] also mean
/// that the participants disagree. [`Error::Reduce`] if they run versions of this library, or widths of losses, that do not go
/// together. Whatever `reduce` returns. `weights` is then untouched.
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

/// The same for an engine that cannot be called back: the caller asks what must be reduced next, has it reduced, and goes on.
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
#[repr(C)]
pub struct Sharded {
    log: Log,
    sketch: [f64; SKETCH],
}

/// What comes next.
#[derive(Debug)]
pub enum Step<'a> {
    /// Join these values with those of the other participants, in place, and call [`Sharded::step`] again.
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
    #[allow(clippy::large_stack_arrays)] // 48 KiB; in a box, at the callers here
    pub const fn new() -> Self {
        Self { log: Log::new(), sketch: [0.0; SKETCH] }
    }

    /// Runs something with a state at the beginning, which is on the heap with std, else on the stack; made in place, since it is
    /// large.
    pub(crate) fn with_new<R>(run: impl FnOnce(&mut Self) -> R) -> R {
        #[cfg(feature = "std")]
        let mut place = Box::<Self>::new_uninit();
        #[cfg(not(feature = "std"))]
        let mut place = core::mem::MaybeUninit::<Self>::uninit();
        // SAFETY: the place is valid and aligned, and initialised by the first call. Nothing of it needs to be dropped.
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
        // SAFETY: as promised. All zero bytes are a sketch.
        unsafe {
            Log::write_new(&raw mut (*place).log);
            (&raw mut (*place).sketch).write_bytes(0, 1);
        }
    }

    /// Goes on to the next reduction, or to the end. Every call is passed the same samples and parameters, and the same
    /// `weights`, which are written before the last reduction.
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
        self.log.pending(&mut self.sketch)
    }

    /// As [`Sharded::step`], of a participant whose input may have been refused already: the others are told.
    pub(crate) fn step_of<T: Real>(
        &mut self,
        samples: (&[T], Option<&[T]>, &mut [T]),
        params: &Params,
        input: Result<(), Refused>,
    ) -> Result<Step<'_>, Error> {
        self.step_within(MOST_CALLS, samples, params, input)
    }

    /// The same, with at most so many calls for HD and for HR.
    fn step_within<T: Real>(
        &mut self,
        most_calls: [usize; 2],
        (losses, base, weights): (&[T], Option<&[T]>, &mut [T]),
        params: &Params,
        input: Result<(), Refused>,
    ) -> Result<Step<'_>, Error> {
        self.log.resume();
        if !self.log.is_pending() {
            let team = Team::for_samples(losses.len(), params.threads);
            let mut data = Data::new(losses, base, team, &mut self.log);
            let report = opening::agree(&mut data, params, input).and_then(|range| {
                let optimum = solve_sharded(&mut data, &range, params, most_calls, &mut self.sketch)?;
                optimum.write(&mut data, &range, weights)
            });
            if !self.log.is_pending() {
                return report.map(Step::Done);
            }
        }
        let Self { log, sketch } = self;
        log.pending(sketch).map(|(operation, values)| Step::Reduce(operation, values)).ok_or(Error::Reduce)
    }
}

#[cfg(all(test, feature = "std", hrw_vector))]
mod tests {
    use super::*;
    use crate::params::Ordering;

    /// The calls that one participant makes if there may be so many, the report and the weights.
    fn solved(most_calls: usize, losses: &[f64], params: &Params) -> (usize, Report, Vec<f64>) {
        let (mut sharded, mut weights) = (Sharded::new(), vec![f64::NAN; losses.len()]);
        let mut calls = 0;
        loop {
            match sharded.step_within([most_calls; 2], (losses, None, &mut weights), params, Ok(())).expect("valid") {
                Step::Reduce(..) => calls += 1,
                Step::Done(report) => return (calls, report, weights),
            }
        }
    }

    /// Some hundred losses: exponential, tied, over hundreds of decades, mostly the largest, a few far below.
    fn losses(shape: usize) -> Vec<f64> {
        let golden = 0.5 * (libm::sqrt(5.0) - 1.0);
        (0..400_u32)
            .map(|sample| {
                let u = libm::fmod(golden * (f64::from(sample) + 0.5), 1.0);
                match shape {
                    0 => -libm::log(u),
                    1 => libm::floor(12.0 * u),
                    2 => -libm::pow(10.0, 400.0 * (u - 0.5)),
                    3 if u < 0.98 => 1.0,
                    3 => u,
                    _ if u < 0.01 => -1e9 * u,
                    _ => libm::sqrt(u),
                }
            })
            .collect()
    }

    /// However few calls there may be, no more are made; the weights that they lead to are allowed, which the robust loss of the
    /// optimum says; and the report says how far they are from it.
    #[test]
    fn limits_to_calls() {
        let (mut ended, mut by_a_look) = (0, 0);
        for shape in 0..5 {
            let losses = losses(shape);
            let smallest = losses.iter().copied().fold(f64::MAX, f64::min);
            for (ordering, alpha, r) in [Ordering::Hd, Ordering::Hr].into_iter().flat_map(|ordering| {
                let budgets =
                    [0.0, 1e-4, 0.05, 0.6].into_iter().flat_map(|alpha| [1e-12, 1e-3, 0.1, 2.0].map(|r| (alpha, r)));
                budgets.map(move |(alpha, r)| (ordering, alpha, r))
            }) {
                let params = Params { alpha, r, ordering, ..Params::default() };
                let problem = format!("shape {shape}, {params:?}");
                let mut weights = vec![0.0; losses.len()];
                let optimum = crate::weights_into(&losses, None, &params, &mut weights).expect("valid");
                let tolerance = 1e-12 * (optimum.worst_loss - smallest);
                for most_calls in 3..=MOST_CALLS[1] {
                    let (calls, report, weights) = solved(most_calls, &losses, &params);
                    assert!(calls <= most_calls, "{calls} of {most_calls} calls: {problem}");
                    let sum: f64 = weights.iter().sum();
                    let value: f64 = weights.iter().zip(&losses).map(|(weight, loss)| weight * loss).sum();
                    let Report { robust_loss, dual_bound, kl, tv, .. } = report;
                    let told = format!("{most_calls} calls, {report:?}: {problem}");
                    assert!((sum - 1.0).abs() < 1e-12 && weights.iter().all(|&weight| weight >= 0.0), "{told}");
                    assert!((value - robust_loss).abs() <= tolerance, "{value:e} with {told}");
                    assert!(kl <= r * (1.0 + 1e-9) && tv <= alpha, "{told}");
                    assert!(robust_loss <= optimum.robust_loss + tolerance, "{told}");
                    assert!(dual_bound >= optimum.robust_loss - tolerance, "{told}");
                    let is_early = dual_bound - robust_loss > tolerance;
                    ended += usize::from(is_early);
                    // (The base weights have no u.)
                    by_a_look += usize::from(is_early && report.eta > optimum.worst_loss);
                    if most_calls == MOST_CALLS[usize::from(ordering == Ordering::Hr)] {
                        assert!((robust_loss - optimum.robust_loss).abs() <= tolerance, "{told}");
                    }
                }
            }
        }
        assert!(ended > 100 && by_a_look > 40, "only {ended} ended early, {by_a_look} of them with a look");
    }

    /// What is to be reduced can be asked for again, until it has been.
    #[test]
    fn what_is_pending() {
        let (losses, params) = (losses(0), Params { alpha: 0.1, r: 0.1, ..Params::default() });
        let (mut sharded, mut weights) = (Sharded::new(), vec![0.0; losses.len()]);
        assert!(sharded.pending().is_none());
        loop {
            let step = sharded.step(&losses, None, &params, &mut weights).expect("valid");
            let Step::Reduce(operation, values) = step else { break };
            let asked = (operation, values.to_vec());
            assert_eq!(sharded.pending().map(|(operation, values)| (operation, values.to_vec())), Some(asked));
        }
        assert!(sharded.pending().is_none());
    }
}
