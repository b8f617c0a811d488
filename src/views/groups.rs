//! Weights over groups, for ndarray views.

use ndarray::{Array1, ArrayView1};

use super::arrays::{columns, contiguous, slice};
use crate::groups::{GroupTable, Groups, weights_of_groups_into};
use crate::numbers::real::Real;
use crate::params::{Error, Params};
use crate::report::Report;

/// The weights of samples in groups, and what the groups have between them.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupSolution<T> {
    /// One weight per sample; with [`Report::worst_weight`] they sum to one.
    pub weights: Array1<T>,
    /// What was solved, and the proof; it counts groups.
    pub report: Report,
    /// The mean loss of each group, in the unit of the losses; NaN for one without samples.
    pub group_losses: Array1<f64>,
    /// The weight of each group: that of all of its samples together.
    pub group_weights: Array1<f64>,
    /// The number of samples of each group.
    pub group_sizes: Array1<f64>,
}

/// The HR weights of a vector of n losses whose groups, not they themselves, are what HR chooses
/// between. As [`weights_of_groups_into`], where every group counts as many times as it has
/// samples. A view that is not contiguous is copied.
///
/// `groups` has n elements, for each sample the number of its group, below `count`.
///
/// # Errors
/// As [`weights_of_groups_into`]; [`Error::Offsets`] if there cannot be arrays of `count` numbers.
///
/// # Source
/// As [`weights_of_groups_into`].
///
/// ```
/// use hr_weights::{Params, weights_groups};
/// use ndarray::array;
/// let (losses, groups) = (array![0.1, 0.2, 0.3, 0.9], array![0, 0, 0, 1]);
/// let params = Params { r: 0.1, ..Params::default() };
/// let solution = weights_groups(losses.view(), groups.view(), 2, &params)?;
/// assert!(solution.weights[3] > 0.25 && solution.group_sizes == array![3.0, 1.0]);
/// # Ok::<(), hr_weights::Error>(())
/// ```
pub fn weights_groups<T: Real>(
    losses: ArrayView1<'_, T>,
    groups: ArrayView1<'_, u32>,
    count: usize,
    params: &Params,
) -> Result<GroupSolution<T>, Error> {
    solve(losses, groups, None, count, params)
}

/// As [`weights_groups`], with one base weight per group (see [`Groups::base`]), which tells the
/// number of groups.
///
/// # Errors
/// As [`weights_of_groups_into`].
///
/// # Source
/// As [`weights_of_groups_into`].
pub fn weights_groups_with_base<T: Real>(
    losses: ArrayView1<'_, T>,
    groups: ArrayView1<'_, u32>,
    base: ArrayView1<'_, f64>,
    params: &Params,
) -> Result<GroupSolution<T>, Error> {
    solve(losses, groups, Some(base), base.len(), params)
}

fn solve<T: Real>(
    losses: ArrayView1<'_, T>,
    groups: ArrayView1<'_, u32>,
    base: Option<ArrayView1<'_, f64>>,
    count: usize,
    params: &Params,
) -> Result<GroupSolution<T>, Error> {
    let (losses, groups) = (contiguous(losses), contiguous(groups));
    let base = base.map(contiguous);
    let groups = Groups { of_sample: slice(&groups), base: base.as_ref().map(|base| slice(base)) };
    let mut weights = vec![T::ZERO; losses.len()];
    let [mut means, mut shares, mut sizes] = columns(count)?;
    let table = GroupTable { losses: &mut means, weights: &mut shares, sizes: &mut sizes };
    let report = weights_of_groups_into(slice(&losses), &groups, params, &mut weights, table)?;
    let [group_losses, group_weights, group_sizes] = [means, shares, sizes].map(Array1::from_vec);
    Ok(GroupSolution { weights: Array1::from_vec(weights), report, group_losses, group_weights, group_sizes })
}
