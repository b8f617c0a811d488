//! From the caller's arrays to a problem that can be solved, or to the error that says why not.
//! Nothing is written here.

use crate::kernels::{self, Partial, fast_survey};
use crate::numbers::depths::Depths;
use crate::numbers::math::{exponent, power_of_two};
use crate::numbers::real::{Real, first_position};
use crate::params::{Error, Params};
use crate::pass::Data;

/// The range of a valid problem.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    /// The worst loss: given, or the largest loss.
    pub(crate) worst: f64,
    /// Whether the caller gave it: then its weight is reported apart, else it belongs to the
    /// samples at depth zero.
    pub(crate) worst_is_given: bool,
    /// The largest loss of an unmasked sample. Where losses near it have depth zero too, since they
    /// differ by less than depths are rounded, the smallest of these.
    pub(crate) largest: f64,
    /// The smallest loss of an unmasked sample.
    pub(crate) smallest: f64,
    pub(crate) depths: Depths,
}

/// Checks the whole input in one pass (a second one finds the first bad sample) and sets the scale
/// of the masses.
pub(crate) fn validate<T: Real>(data: &mut Data<'_, T>, params: &Params) -> Result<Range, Error> {
    params.check()?;
    if let Some(level) = data.fast() {
        let survey = data.pass(|chunk, _| fast_survey(level, chunk.losses)).maxima;
        let [largest, minus_smallest, unsound, block_maxima @ ..] = survey;
        if unsound == 0.0 {
            data.set_block_maxima(block_maxima);
            return Range::new(largest, -minus_smallest, params);
        }
    }
    let survey = data.pass(kernels::survey);
    let [largest, minus_smallest, largest_base, ..] = survey.maxima;
    soundness(&survey)?;
    if data.has_base() && largest_base == f64::NEG_INFINITY {
        return Err(Error::BaseWeights { index: None });
    }
    if data.has_base() {
        // Masses of at most one: their sum cannot overflow, whatever the unit of the base weights.
        data.set_mass_scale(mass_scale(largest_base));
    }
    Range::new(largest, -minus_smallest, params)
}

impl Range {
    /// Of losses that are all zero.
    pub(crate) const OF_ZEROS: Self =
        Self { worst: 0.0, worst_is_given: false, largest: 0.0, smallest: 0.0, depths: Depths::OF_ZEROS };

    /// No loss is above it.
    pub(crate) fn upper_end(&self) -> f64 {
        if self.depths.depth(self.largest) == 0.0 { self.worst } else { self.largest }
    }

    /// The ends between which all losses are.
    pub(crate) fn ends<T: Real>(&self) -> [T; 2] {
        [self.smallest, self.upper_end()].map(T::from_f64)
    }

    /// A robust loss or a bound, but the smallest loss where rounding has taken it below every
    /// loss, or out of the range of doubles.
    pub(crate) fn at_least_smallest(&self, value: f64) -> f64 {
        if value < self.smallest { self.smallest } else { value }
    }

    pub(crate) fn new(largest: f64, smallest: f64, params: &Params) -> Result<Self, Error> {
        let worst = params.worst_loss.unwrap_or(largest);
        if worst < largest {
            return Err(Error::WorstLoss);
        }
        let depths = Depths::new(worst, smallest);
        let at_zero = |loss: f64| depths.depth(loss) == 0.0;
        let largest = if at_zero(largest) && at_zero(largest.next_down()) && !at_zero(smallest) {
            let ends = (smallest.position(), largest.position());
            f64::at_position(first_position(ends, |position| at_zero(f64::at_position(position))))
        } else {
            largest
        };
        Ok(Self { worst, worst_is_given: params.worst_loss.is_some(), largest, smallest, depths })
    }
}

/// What base weights are multiplied by to become masses, given the largest of them.
pub(crate) fn mass_scale(largest_base: f64) -> f64 {
    power_of_two((-exponent(largest_base)).clamp(-1022, 1023))
}

/// Whether a survey found every sample sound.
pub(crate) fn soundness(survey: &Partial<0, 5>) -> Result<(), Error> {
    let [.., minus_bad_base, minus_bad_loss] = survey.maxima;
    if let Some(index) = position(minus_bad_base) {
        return Err(Error::BaseWeights { index: Some(index) });
    }
    position(minus_bad_loss).map_or(Ok(()), |index| Err(Error::NonFiniteLoss { index }))
}

/// The position behind a negated one; minus infinity is none.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // it was a position
fn position(negated: f64) -> Option<usize> {
    (negated > f64::NEG_INFINITY).then_some(-negated as usize)
}
