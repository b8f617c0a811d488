//! The first round: is every participant's input sound, do they mean the same problem, and what is its range?

use super::log::{Log, SKETCH};
use crate::kernels::{self, fast_survey};
use crate::params::{Error, Ordering, Params};
use crate::real::Real;
use crate::reduce::{Data, Partial};
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
const PROTOCOL: usize = 1 << 16;
/// How many terms of the problem they must agree in; each is sent twice, the second time negated.
const TERMS: usize = 7;
/// What else they tell: a status, the largest loss, minus the smallest, the largest base weight, whether there is a sample, and
/// whether there are base weights.
const FACTS: usize = 6;

/// Every participant tells what it has; all come to the same conclusion.
pub(crate) fn agree<T: Real>(
    data: &mut Data<'_, T, &mut Log>,
    params: &Params,
    input: Result<(), Refused>,
) -> Result<Range, Error> {
    let met = if let Some(known) = data.recall::<0, { FACTS + 2 * TERMS }>() {
        known
    } else {
        let mut opening = Partial::NOTHING;
        match examine(data, params, input) {
            // Nothing is told that might be NaN: what its maximum is depends on the engine.
            Err(refused) => opening.maxima[0] = f64::from(refused.status),
            Ok([largest, minus_smallest, largest_base, ..]) => {
                let present = if data.is_empty() { f64::NEG_INFINITY } else { 1.0 };
                let based = if data.has_base() { 1.0 } else { 0.0 };
                let largest_base = if data.has_base() { largest_base } else { present };
                let facts = [0.0, largest, minus_smallest, largest_base, present, based];
                opening.maxima[..FACTS].copy_from_slice(&facts);
                for (place, term) in terms::<T>(params).into_iter().enumerate() {
                    opening.maxima[FACTS + place] = term;
                    opening.maxima[FACTS + TERMS + place] = -term;
                }
            }
        }
        data.meet(opening)?
    };
    let [status, largest, minus_smallest, largest_base, present, based, ..] = met.maxima;
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
        if met.maxima[FACTS + place] != -met.maxima[FACTS + TERMS + place] {
            return Err(error);
        }
    }
    if largest == f64::NEG_INFINITY {
        return Err(Error::BaseWeights { index: None });
    }
    if based > 0.0 {
        data.set_mass_scale(mass_scale(largest_base));
    }
    Range::new(largest, -minus_smallest, params)
}

/// The survey of this participant's samples, or what is wrong with them.
fn examine<T: Real>(
    data: &Data<'_, T, &mut Log>,
    params: &Params,
    input: Result<(), Refused>,
) -> Result<[f64; 5], Refused> {
    input?;
    params.check()?;
    if let Some(level) = data.fast() {
        let [largest, minus_smallest, unsound] = data.pass_alone(|chunk, _| fast_survey(level, chunk.losses)).maxima;
        // (Without samples all three are minus infinity.)
        if unsound <= 0.0 {
            return Ok([largest, minus_smallest, f64::NEG_INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY]);
        }
    }
    let survey = data.pass_alone(kernels::survey);
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
    [params.alpha, params.r, ordering, given, worst, size_of::<T>() as f64, (PROTOCOL + SKETCH) as f64]
}
