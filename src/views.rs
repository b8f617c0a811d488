//! The entry for ndarray views.

use ndarray::{Array1, ArrayView1, CowArray, Ix1};

use crate::params::{Error, Params};
use crate::real::Real;
use crate::report::Report;
use crate::slices::weights_into;

/// The weights and the report of one problem.
#[derive(Clone, Debug, PartialEq)]
pub struct Solution<T> {
    /// One weight per sample; with [`Report::worst_weight`] they sum to one.
    pub weights: Array1<T>,
    /// What was solved, and the proof.
    pub report: Report,
}

/// The HR weights of a vector of n losses, each with the same base weight. A view that is not contiguous is copied.
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

fn contiguous<T: Real>(view: ArrayView1<'_, T>) -> CowArray<'_, T, Ix1> {
    if view.as_slice().is_some() { CowArray::from(view) } else { CowArray::from(view.to_owned()) }
}

fn slice<'a, T: Real>(array: &'a CowArray<'_, T, Ix1>) -> &'a [T] {
    array.as_slice().expect("made contiguous above")
}
