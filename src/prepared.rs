//! One vector of losses, checked once, and solved for many budgets.

use crate::params::{Error, Params};
use crate::real::Real;
use crate::reduce::{Alone, Data};
use crate::report::Report;
use crate::slices::check_lengths;
use crate::solve::{Near, solve_near};
use crate::team::Team;
use crate::validate::{Range, validate};

/// A valid vector of losses with its base weights and its worst loss.
pub(crate) struct Prepared<'a, T> {
    data: Data<'a, T, Alone>,
    range: Range,
    params: Params,
    /// The last solution: the next one may be near.
    last: Option<Near<T>>,
}

impl<'a, T: Real> Prepared<'a, T> {
    /// Checks all but the budgets.
    pub(crate) fn new(losses: &'a [T], base: Option<&'a [T]>, params: &Params, weights: &[T]) -> Result<Self, Error> {
        if losses.is_empty() {
            return Err(Error::Empty);
        }
        check_lengths(losses, base, weights)?;
        let mut data = Data::new(losses, base, Team::for_samples(losses.len(), params.threads), Alone);
        let range = validate(&mut data, params)?;
        Ok(Self { data, range, params: *params, last: None })
    }

    /// The dual bound for these budgets, which is the robust loss up to rounding: one pass less than the weights.
    /// Uses `scratch`.
    pub(crate) fn dual_bound(&mut self, budgets: Budgets, scratch: &mut [T]) -> Result<f64, Error> {
        let params = budgets.params(&self.params);
        match &solve_near(&mut self.data, &self.range, &params, Some(&mut *scratch), &mut self.last) {
            Ok(optimum) => Ok(optimum.dual_bound()),
            Err(error) => Err(*error),
        }
    }

    /// Writes the weights for these budgets, those of [`crate::weights_into`] to the bit.
    pub(crate) fn weights(&mut self, budgets: Budgets, weights: &mut [T]) -> Result<Report, Error> {
        self.last = None;
        self.weights_from_last(budgets, weights)
    }

    /// Writes the weights for these budgets; quicker, and equal to rounding, when only r has changed.
    pub(crate) fn weights_from_last(&mut self, budgets: Budgets, weights: &mut [T]) -> Result<Report, Error> {
        let params = budgets.params(&self.params);
        // By reference: moved out of the result it would lie on the stack twice.
        match &solve_near(&mut self.data, &self.range, &params, Some(&mut *weights), &mut self.last) {
            Ok(optimum) => optimum.write(&mut self.data, &self.range, weights),
            Err(error) => Err(*error),
        }
    }
}

/// The two budgets, each valid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budgets {
    pub(crate) alpha: f64,
    pub(crate) r: f64,
}

impl Budgets {
    fn params(self, params: &Params) -> Params {
        Params { alpha: self.alpha, r: self.r, ..*params }
    }
}
