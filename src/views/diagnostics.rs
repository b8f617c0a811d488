//! Who carries the weight, for ndarray views.

use ndarray::{Array1, ArrayView1};

use super::arrays::{columns, contiguous, slice};
use crate::diagnostics::{ShareTable, group_shares_into, top_samples_into};
use crate::numbers::real::Real;
use crate::params::Error;

/// The samples with the largest weights.
#[derive(Clone, Debug, PartialEq)]
pub struct TopSamples<T> {
    /// The samples, the one with the largest weight first.
    pub indices: Array1<usize>,
    /// Their weights.
    pub weights: Array1<T>,
    /// The share that they have of all weight, in [0, 1].
    pub share: f64,
}

/// The k samples with the largest weights: those to look at, for wrong labels say. As
/// [`top_samples_into`]; if there are fewer samples, all. A view that is not contiguous is copied.
///
/// # Errors
/// As [`top_samples_into`].
///
/// # Source
/// As [`top_samples_into`].
///
/// ```
/// use hr_weights::top_samples;
/// use ndarray::array;
/// let top = top_samples(array![0.125, 0.5, 0.125, 0.25].view(), 2)?;
/// assert_eq!((top.indices, top.weights, top.share), (array![1, 3], array![0.5, 0.25], 0.75));
/// # Ok::<(), hr_weights::Error>(())
/// ```
pub fn top_samples<T: Real>(weights: ArrayView1<'_, T>, k: usize) -> Result<TopSamples<T>, Error> {
    let weights = contiguous(weights);
    let mut indices = vec![0; k.min(weights.len())];
    let share = top_samples_into(slice(&weights), &mut indices)?;
    let top = indices.iter().map(|&index| weights[index]).collect();
    Ok(TopSamples { indices: Array1::from_vec(indices), weights: top, share })
}

/// What each group has of the weight: arrays with an element per group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupShares {
    /// The share of the weight; they sum to one.
    pub shares: Array1<f64>,
    /// The share of the weight over that of the samples: 1 where robustness changes nothing; NaN
    /// without samples.
    pub ratios: Array1<f64>,
    /// The number of samples.
    pub sizes: Array1<f64>,
}

/// The share of the weight that each group has: classes, sites, right and wrong labels. As
/// [`group_shares_into`]. A view that is not contiguous is copied.
///
/// `groups` has one element per weight, for each sample the number of its group, below `count`.
///
/// # Errors
/// As [`group_shares_into`]; [`Error::Offsets`] if there cannot be arrays of `count` numbers.
///
/// ```
/// use hr_weights::group_shares;
/// use ndarray::array;
/// let found = group_shares(array![0.125, 0.5, 0.125, 0.25].view(), array![0, 1, 0, 0].view(), 2)?;
/// assert_eq!((found.shares, found.ratios), (array![0.5, 0.5], array![2.0 / 3.0, 2.0]));
/// # Ok::<(), hr_weights::Error>(())
/// ```
pub fn group_shares<T: Real>(
    weights: ArrayView1<'_, T>,
    groups: ArrayView1<'_, u32>,
    count: usize,
) -> Result<GroupShares, Error> {
    let (weights, groups) = (contiguous(weights), contiguous(groups));
    let [mut shares, mut ratios, mut sizes] = columns(count)?;
    let table = ShareTable { shares: &mut shares, ratios: &mut ratios, sizes: &mut sizes };
    group_shares_into(slice(&weights), slice(&groups), table)?;
    let [shares, ratios, sizes] = [shares, ratios, sizes].map(Array1::from_vec);
    Ok(GroupShares { shares, ratios, sizes })
}
