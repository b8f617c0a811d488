//! The entry for ndarray views.

mod arrays;
mod diagnostics;
mod groups;

pub use diagnostics::{GroupShares, TopSamples, group_shares, top_samples};
pub use groups::{GroupSolution, weights_groups, weights_groups_with_base};

use std::sync::{Mutex, PoisonError};

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use crate::batch::{RowError, Rows, weights_of_rows_into};
use crate::numbers::real::Real;
use crate::params::{Error, Params};
use crate::report::Report;
use crate::weights::weights_into;
use arrays::{contiguous, slice};

/// The weights and the report of one problem.
#[derive(Clone, Debug, PartialEq)]
pub struct Solution<T> {
    /// One weight per sample; with [`Report::worst_weight`] they sum to one.
    pub weights: Array1<T>,
    /// What was solved, and the proof.
    pub report: Report,
}

/// The HR weights of a vector of n losses, each with the same base weight. A view that is not
/// contiguous is copied.
///
/// # Errors
/// As [`weights_into`].
///
/// # Source
/// As [`weights_into`].
pub fn weights<T: Real>(losses: ArrayView1<'_, T>, params: &Params) -> Result<Solution<T>, Error> {
    solve(losses, None, params)
}

/// As [`weights`], with one base weight per loss (see [`weights_into`]).
///
/// # Errors
/// As [`weights_into`].
pub fn weights_with_base<T: Real>(
    losses: ArrayView1<'_, T>,
    base: ArrayView1<'_, T>,
    params: &Params,
) -> Result<Solution<T>, Error> {
    solve(losses, Some(base), params)
}

/// The weights and the reports of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchSolution<T> {
    /// One weight per sample, in the shape of the losses.
    pub weights: Array2<T>,
    /// One report per row.
    pub reports: Vec<Report>,
}

/// The HR weights of a matrix of losses, each row a problem of its own. A view that is not
/// contiguous is copied.
///
/// # Errors
/// As [`weights_of_rows_into`](crate::weights_of_rows_into); [`Error::Empty`] if there are rows but
/// no columns.
///
/// # Source
/// As [`weights_into`].
pub fn weights_batch<T: Real>(losses: ArrayView2<'_, T>, params: &Params) -> Result<BatchSolution<T>, RowError> {
    let shape = losses.dim();
    if shape.0 > 0 && shape.1 == 0 {
        return Err(RowError { row: 0, error: Error::Empty });
    }
    let losses = losses.as_standard_layout();
    let mut weights = Array2::from_elem(shape, T::ZERO);
    let reports = Mutex::new(vec![None; shape.0]);
    {
        // Both are in standard layout.
        let (Some(losses), Some(weights)) = (losses.as_slice(), weights.as_slice_mut()) else {
            return Err(RowError { row: 0, error: Error::Lengths { losses: losses.len(), other: 0 } });
        };
        weights_of_rows_into(losses, None, Rows::Of(shape.1), params, weights, |row, report| {
            reports.lock().unwrap_or_else(PoisonError::into_inner)[row] = Some(*report);
        })?;
    }
    let reports = reports.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().flatten().collect();
    Ok(BatchSolution { weights, reports })
}

fn solve<T: Real>(
    losses: ArrayView1<'_, T>,
    base: Option<ArrayView1<'_, T>>,
    params: &Params,
) -> Result<Solution<T>, Error> {
    let losses = contiguous(losses);
    let base = base.map(contiguous);
    let base = base.as_ref().map(|base| slice(base));
    let mut weights = vec![T::ZERO; losses.len()];
    let report = weights_into(slice(&losses), base, params, &mut weights)?;
    Ok(Solution { weights: Array1::from_vec(weights), report })
}
