//! The first round: is every participant's input sound, do they mean the same problem, and what is
//! its range?

use super::message::BINS;
use crate::kernels::{self, fast_survey};
use crate::numbers::real::Real;
use crate::params::{Error, Ordering, Params};
use crate::pass::Data;
use crate::validate::{Range, mass_scale, soundness};

/// An error on its way to the other participants, who are told its status in the C interface.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused {
    pub(crate) status: i32,
    pub(crate) error: Error,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self { status: error.status(), error }
    }
}

/// Participants must agree in this number: it changes when their messages do.
const PROTOCOL: usize = 2 << 16;
/// How many terms of the problem they must agree in; each is sent twice, the second time negated.
const TERMS: usize = 7;
/// What else they tell: a status, the largest loss, minus the smallest, the largest base weight,
/// whether there is a sample, and whether there are base weights.
const FACTS: usize = 6;

/// How many values the first message has.
pub(super) const VALUES: usize = FACTS + 2 * TERMS;

/// What all participants know after it.
pub(super) struct Agreed {
    pub(super) range: Range,
    /// What base weights are multiplied by to become masses; zero if no participant has any.
    pub(super) mass_scale: f64,
}

/// What a participant tells, to be joined by maxima.
pub(super) fn message<T: Real>(data: &Data<'_, T>, params: &Params, input: Result<(), Refused>) -> [f64; VALUES] {
    let mut values = [f64::NEG_INFINITY; VALUES];
    match examine(data, params, input) {
        // Nothing is told that might be NaN: what its maximum is depends on the engine.
        Err(refused) => values[0] = f64::from(refused.status),
        Ok([largest, minus_smallest, largest_base, ..]) => {
            let present = if data.is_empty() { f64::NEG_INFINITY } else { 1.0 };
            let based = if data.has_base() { 1.0 } else { 0.0 };
            let largest_base = if data.has_base() { largest_base } else { present };
            values[..FACTS].copy_from_slice(&[0.0, largest, minus_smallest, largest_base, present, based]);
            for (place, term) in terms::<T>(params).into_iter().enumerate() {
                values[FACTS + place] = term;
                values[FACTS + TERMS + place] = -term;
            }
        }
    }
    values
}

/// What the joined message says: all participants come to the same conclusion.
pub(super) fn conclude<T: Real>(
    values: &[f64; VALUES],
    data: &Data<'_, T>,
    params: &Params,
    input: Result<(), Refused>,
) -> Result<Agreed, Error> {
    let [status, largest, minus_smallest, largest_base, present, based, ..] = *values;
    if status > 0.0 {
        examine(data, params, input).map_err(|refused| refused.error)?;
        #[allow(clippy::cast_possible_truncation)] // it was one, if the reduction is honest
        let code = status as i32;
        return Err(if f64::from(code) == status { Error::Elsewhere { status: code } } else { Error::Reduce });
    }
    if present < 0.0 {
        return Err(Error::Empty);
    }
    let errors =
        [Error::Alpha, Error::R, Error::Ordering, Error::WorstLoss, Error::WorstLoss, Error::Reduce, Error::Reduce];
    for (place, error) in errors.into_iter().enumerate() {
        if values[FACTS + place] != -values[FACTS + TERMS + place] {
            return Err(error);
        }
    }
    if largest == f64::NEG_INFINITY {
        return Err(Error::BaseWeights { index: None });
    }
    let mass_scale = if based > 0.0 { mass_scale(largest_base) } else { 0.0 };
    Ok(Agreed { range: Range::new(largest, -minus_smallest, params)?, mass_scale })
}

/// The survey of this participant's samples, or what is wrong with them.
fn examine<T: Real>(data: &Data<'_, T>, params: &Params, input: Result<(), Refused>) -> Result<[f64; 5], Refused> {
    input?;
    params.check()?;
    if let Some(level) = data.fast() {
        let [largest, minus_smallest, unsound, ..] = data.pass(|chunk, _| fast_survey(level, chunk.losses)).maxima;
        // (Without samples all three are minus infinity.)
        if unsound <= 0.0 {
            return Ok([largest, minus_smallest, f64::NEG_INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY]);
        }
    }
    let survey = data.pass(kernels::survey);
    soundness(&survey)?;
    Ok(survey.maxima)
}

/// What all participants must have alike.
fn terms<T: Real>(params: &Params) -> [f64; TERMS] {
    let ordering = match params.ordering {
        Ordering::Hd => 0.0,
        Ordering::Hr => 1.0,
    };
    let given = if params.worst_loss.is_some() { 1.0 } else { 0.0 };
    let worst = params.worst_loss.unwrap_or(0.0);
    [params.alpha, params.r, ordering, given, worst, size_of::<T>() as f64, (PROTOCOL + BINS) as f64]
}
