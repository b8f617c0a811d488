//! HR over the mean losses of groups, as group DRO: classes, sites, hospitals, speakers.

use crate::numbers::math::{add_compensated, fma, power_of_two};
use crate::numbers::real::Real;
use crate::params::{Error, Params};
use crate::report::Report;
use crate::weights::weights_into;

/// Which sample belongs to which group.
#[derive(Clone, Copy, Debug)]
pub struct Groups<'a> {
    /// For each sample the number of its group, below the number of groups.
    pub of_sample: &'a [u32],
    /// One base weight per group: not negative, of any sum. A group of base weight zero is masked:
    /// its losses are ignored, even NaN, and its samples have weight zero. `None`: the number of
    /// its samples, so that without budgets the weights are `1/n`.
    pub base: Option<&'a [f64]>,
}

/// What the groups have between them; each slice has one element per group, and what it held does
/// not matter.
#[derive(Debug)]
pub struct GroupTable<'a> {
    /// Receives the mean loss of each group; NaN for one without samples.
    pub losses: &'a mut [f64],
    /// Receives the weight of each group: that of all of its samples together.
    pub weights: &'a mut [f64],
    /// Receives the number of samples of each group.
    pub sizes: &'a mut [f64],
}

/// Writes the weights of samples whose groups, not they themselves, are what HR chooses between:
/// the HR weights of the groups' mean losses, each shared out evenly among the samples of its
/// group. `sum w l` is then the robust loss over groups. Never allocates on one thread.
///
/// `losses` and `weights` have n elements. A group without samples is left out, whatever its base
/// weight: a batch need not have samples of every group. `params.worst_loss` is that of a group
/// mean, and alpha and r are budgets of mass, each group having its base weight. Everything in the
/// report counts groups: `effective_samples` is an effective number of groups, `trimmed` counts
/// groups.
///
/// # Errors
/// Those of [`weights_into`](crate::weights_into) ([`Error::BaseWeights`] is about a group,
/// [`Error::NonFiniteLoss`] about a sample), [`Error::Group`], and [`Error::Lengths`] also if the
/// slices of the table, or the base weights, differ in length. `weights` is then untouched; the
/// table may have been used.
///
/// # Source
/// Group DRO: Sagawa, Koh, Hashimoto, Liang (arXiv 1911.08731), with the ambiguity set of
/// [`weights_into`](crate::weights_into) in place of all distributions over groups, which is that
/// of r = infinity.
///
/// ```
/// use hr_weights::{GroupTable, Groups, Params, weights_of_groups_into};
/// let groups = Groups { of_sample: &[0, 0, 0, 1], base: None };
/// let [mut means, mut shares, mut sizes] = [[0.0; 2]; 3];
/// let mut weights = [0.0; 4];
/// let table = GroupTable { losses: &mut means, weights: &mut shares, sizes: &mut sizes };
/// let params = Params { r: 0.1, ..Params::default() };
/// weights_of_groups_into(&[0.1, 0.2, 0.3, 0.9], &groups, &params, &mut weights, table)?;
/// assert!(weights[3] > 0.25 && weights[0] == weights[2] && sizes == [3.0, 1.0]);
/// # Ok::<(), hr_weights::Error>(())
/// ```
pub fn weights_of_groups_into<T: Real>(
    losses: &[T],
    groups: &Groups<'_>,
    params: &Params,
    weights: &mut [T],
    table: GroupTable<'_>,
) -> Result<Report, Error> {
    let Groups { of_sample, base } = *groups;
    let count = table.losses.len();
    if losses.is_empty() {
        return Err(Error::Empty);
    }
    for other in [weights.len(), of_sample.len()] {
        if other != losses.len() {
            return Err(Error::Lengths { losses: losses.len(), other });
        }
    }
    for other in [Some(table.weights.len()), Some(table.sizes.len()), base.map(<[f64]>::len)].into_iter().flatten() {
        if other != count {
            return Err(Error::Lengths { losses: count, other });
        }
    }
    params.check()?;
    check_groups(of_sample, count)?;
    let is_bad = |weight: &f64| !(0.0..f64::INFINITY).contains(weight);
    if let Some(index) = base.and_then(|base| base.iter().position(is_bad)) {
        return Err(Error::BaseWeights { index: Some(index) });
    }
    let is_masked = |group: u32| base.is_some_and(|base| base[group as usize] == 0.0);
    let not_finite = |(loss, &group): (&T, &u32)| !loss.is_finite() && !is_masked(group);
    if let Some(index) = losses.iter().zip(of_sample).position(not_finite) {
        return Err(Error::NonFiniteLoss { index });
    }
    count_samples(of_sample, table.sizes);
    mean_losses(losses, of_sample, table.losses, table.sizes, table.weights);
    if let Some(base) = base {
        for (size, &weight) in table.sizes.iter_mut().zip(base) {
            *size = if *size > 0.0 { weight } else { 0.0 };
        }
    }
    let report = weights_into(table.losses, Some(table.sizes), params, table.weights)?;
    // The base weights have taken the place of the sizes.
    count_samples(of_sample, table.sizes);
    for (weight, &group) in weights.iter_mut().zip(of_sample) {
        let group = group as usize;
        *weight = T::from_f64(table.weights[group] / table.sizes[group]);
    }
    Ok(report)
}

/// Whether the group of every sample is one of so many.
pub(crate) fn check_groups(of_sample: &[u32], count: usize) -> Result<(), Error> {
    match of_sample.iter().position(|&group| group as usize >= count) {
        Some(index) => Err(Error::Group { index }),
        None => Ok(()),
    }
}

/// The number of samples of each group; the groups are known to be sound.
pub(crate) fn count_samples(of_sample: &[u32], sizes: &mut [f64]) {
    sizes.fill(0.0);
    for &group in of_sample {
        sizes[group as usize] += 1.0;
    }
}

/// The mean loss of each group, rounded once or nearly so: groups of equal losses tie, whatever
/// their sizes. NaN for a group without samples; `rest` is scratch.
fn mean_losses<T: Real>(losses: &[T], of_sample: &[u32], means: &mut [f64], sizes: &[f64], rest: &mut [f64]) {
    means.fill(0.0);
    rest.fill(0.0);
    // A power of two, so that no sum overflows and small losses keep their digits. What is not
    // finite is masked.
    let largest = losses.iter().map(|loss| loss.to_f64().abs()).filter(|loss| loss.is_finite()).fold(0.0, f64::max);
    let scale = if largest > power_of_two(900) { power_of_two(-64) } else { 1.0 };
    for (loss, &group) in losses.iter().zip(of_sample) {
        let group = group as usize;
        add_compensated(&mut means[group], &mut rest[group], loss.to_f64() * scale);
    }
    for ((mean, rest), &size) in means.iter_mut().zip(rest).zip(sizes) {
        let rough = *mean / size;
        // Division leaves a remainder; without samples both are NaN.
        let remainder = fma(-rough, size, *mean) + *rest;
        *mean = (rough + remainder / size) / scale;
    }
}
