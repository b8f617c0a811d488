//! The worst loss of a training, kept from batch to batch.

use crate::numbers::real::Real;
use crate::params::{Error, Params};
use crate::pass::Data;
use crate::pass::Team;
use crate::validate::validate;

/// The largest loss of the last batches, to be given as [`Params::worst_loss`] to the next.
///
/// A batch's largest loss is below that of the data, so the robust loss of a batch, which by
/// default takes it for the worst loss, is too small: with poison (alpha > 0) the poisoned mass is
/// put at too small a loss. The largest loss of an epoch is nearer the truth. Even so the mean of
/// the robust losses of batches is at most the robust loss of all their samples, since that is
/// concave in the distribution of the losses: it is no bound.
///
/// ```
/// use hr_weights::{Params, RunningWorst, weights_into};
/// let mut worst = RunningWorst::new(2);
/// for losses in [[0.3, 2.0, 0.1, 0.7], [0.2, 0.4, 0.8, 0.1]] {
///     let worst_loss = Some(worst.update(&losses, None)?);
///     let params = Params { alpha: 0.05, r: 0.1, worst_loss, ..Params::default() };
///     assert_eq!(weights_into(&losses, None, &params, &mut [0.0; 4])?.worst_loss, 2.0);
/// }
/// # Ok::<(), hr_weights::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunningWorst {
    /// After so many batches what was seen before them is forgotten; 0: never.
    pub(crate) window: u64,
    /// The number of batches of the current period.
    pub(crate) seen: u64,
    /// The largest loss of the current period.
    pub(crate) current: f64,
    /// The largest loss of the period before it.
    pub(crate) previous: f64,
}

impl RunningWorst {
    /// Has seen nothing. Remembers at least the last `window` batches, and fewer than twice as
    /// many; 0: all. An epoch's number of batches is a good choice while the losses fall.
    #[must_use]
    pub fn new(window: u64) -> Self {
        Self { window, seen: 0, current: f64::NEG_INFINITY, previous: f64::NEG_INFINITY }
    }

    /// Takes in the losses of a batch, with their base weights if any: masked samples do not count.
    /// Returns the worst loss to use for it: at least every loss of this batch and of the batches
    /// that are remembered, in the unit of the losses.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Lengths`], [`Error::BaseWeights`] and [`Error::NonFiniteLoss`];
    /// nothing is then taken in.
    pub fn update<T: Real>(&mut self, losses: &[T], base: Option<&[T]>) -> Result<f64, Error> {
        if losses.is_empty() {
            return Err(Error::Empty);
        }
        if let Some(base) = base
            && base.len() != losses.len()
        {
            return Err(Error::Lengths { losses: losses.len(), other: base.len() });
        }
        let range = validate(&mut Data::new(losses, base, Team::ALONE), &Params::default())?;
        if self.window > 0 && self.seen >= self.window {
            (self.previous, self.current, self.seen) = (self.current, f64::NEG_INFINITY, 0);
        }
        self.seen += 1;
        self.current = self.current.max(range.largest);
        Ok(self.worst())
    }

    /// The largest loss that is remembered; minus infinity before the first batch.
    #[must_use]
    pub fn worst(&self) -> f64 {
        self.current.max(self.previous)
    }
}
