//! One vector of losses, checked once, and solved for many budgets.

use crate::numbers::real::Real;
use crate::params::{Error, Params};
use crate::pass::Data;
use crate::pass::Team;
use crate::report::Report;
use crate::solve::{WarmStart, solve_from};
use crate::validate::{Range, validate};
use crate::weights::check_lengths;

/// A valid vector of losses with its base weights and its worst loss.
pub(crate) struct Prepared<'a, T> {
    data: Data<'a, T>,
    range: Range,
    params: Params,
    /// The last solution: the next one may be near.
    last: Option<WarmStart<T>>,
}

impl<'a, T: Real> Prepared<'a, T> {
    /// Checks all but the budgets.
    pub(crate) fn new(losses: &'a [T], base: Option<&'a [T]>, params: &Params, weights: &[T]) -> Result<Self, Error> {
        if losses.is_empty() {
            return Err(Error::Empty);
        }
        check_lengths(losses, base, weights)?;
        let mut data = Data::new(losses, base, Team::for_samples(losses.len(), params.threads));
        let range = validate(&mut data, params)?;
        Ok(Self { data, range, params: *params, last: None })
    }

    /// The dual bound for these budgets, which is the robust loss up to rounding: one pass less
    /// than the weights. Uses `scratch`.
    pub(crate) fn dual_bound(&mut self, budgets: Budgets, scratch: &mut [T]) -> f64 {
        let params = budgets.params(&self.params);
        solve_from(&self.data, &self.range, &params, Some(scratch), &mut self.last).dual_bound()
    }

    /// Writes the weights for these budgets, those of [`crate::weights_into`] to the bit.
    pub(crate) fn weights(&mut self, budgets: Budgets, weights: &mut [T]) -> Report {
        self.last = None;
        self.weights_from_last(budgets, weights)
    }

    /// Writes the weights for these budgets; quicker, and equal to rounding, when only r has
    /// changed.
    pub(crate) fn weights_from_last(&mut self, budgets: Budgets, weights: &mut [T]) -> Report {
        let params = budgets.params(&self.params);
        let optimum = solve_from(&self.data, &self.range, &params, Some(&mut *weights), &mut self.last);
        optimum.write(&self.data, &self.range, weights)
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
