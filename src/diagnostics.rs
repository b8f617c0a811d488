//! Who carries the weight: the samples with the largest weights, and what each group has.

use crate::groups::{check_groups, count_samples};
use crate::numbers::math::add_compensated;
use crate::numbers::real::Real;
use crate::params::Error;
use crate::validate::mass_scale;

/// Writes the samples with the largest weights, the one with the largest first, and returns the
/// share of all weight that they have, in [0, 1]: how concentrated the weights are. Never
/// allocates.
///
/// `weights` has n elements, finite and not negative, of any sum, such as those of
/// [`weights_into`](crate::weights_into); the weight of a given worst loss is not among them.
/// `indices` has k: so many samples are wanted. If there are fewer samples, only the first n
/// elements are written. Of equal weights the first come first. If all weights are zero, so is the
/// share. Takes a time of n log k at most, n as a rule.
///
/// # Errors
/// [`Error::Empty`] if n or k is zero, [`Error::BaseWeights`] for a weight that is negative, NaN or
/// infinite; `indices` is then untouched.
///
/// # Source
/// The k largest weights are what majorisation compares; see [`Target`](crate::Target).
///
/// ```
/// use hr_weights::top_samples_into;
/// let mut indices = [0; 2];
/// let share = top_samples_into(&[0.125, 0.5, 0.125, 0.25], &mut indices)?;
/// assert_eq!((indices, share), ([1, 3], 0.75));
/// # Ok::<(), hr_weights::Error>(())
/// ```
pub fn top_samples_into<T: Real>(weights: &[T], indices: &mut [usize]) -> Result<f64, Error> {
    let count = indices.len().min(weights.len());
    if count == 0 {
        return Err(Error::Empty);
    }
    let scale = scale_of(weights)?;
    let top = &mut indices[..count];
    select(weights, top);
    let total = sum(weights.iter(), scale);
    let share = sum(top.iter().map(|&index| &weights[index]), scale) / total;
    // The two sums, in different orders, may differ in the last bit.
    Ok(if total > 0.0 { share.min(1.0) } else { 0.0 })
}

/// What each group has of the weight; each slice has one element per group, and what it held does
/// not matter.
#[derive(Debug)]
pub struct ShareTable<'a> {
    /// Receives the share of the weight that each group has; they sum to one.
    pub shares: &'a mut [f64],
    /// Receives each group's share of the weight over its share of the samples: 1 where robustness
    /// changes nothing; NaN for a group without samples.
    pub ratios: &'a mut [f64],
    /// Receives the number of samples of each group.
    pub sizes: &'a mut [f64],
}

/// Writes the share of the weight that each group has: classes, sites, right and wrong labels.
/// Never allocates.
///
/// `weights` has n elements, finite and not negative, of any sum, such as those of
/// [`weights_into`](crate::weights_into); `of_sample` has for each the number of its group, below
/// the number of groups, which is the length of the slices of the table. If all weights are zero,
/// so are the shares and the ratios.
///
/// # Errors
/// [`Error::Empty`], [`Error::Lengths`] if the slices differ in length, [`Error::Group`], and
/// [`Error::BaseWeights`] for a weight that is negative, NaN or infinite; the table is then
/// untouched.
///
/// ```
/// use hr_weights::{ShareTable, group_shares_into};
/// let [mut shares, mut ratios, mut sizes] = [[0.0; 2]; 3];
/// let table = ShareTable { shares: &mut shares, ratios: &mut ratios, sizes: &mut sizes };
/// group_shares_into(&[0.125, 0.5, 0.125, 0.25], &[0, 1, 0, 0], table)?;
/// assert_eq!((shares, ratios, sizes), ([0.5, 0.5], [2.0 / 3.0, 2.0], [3.0, 1.0]));
/// # Ok::<(), hr_weights::Error>(())
/// ```
pub fn group_shares_into<T: Real>(weights: &[T], of_sample: &[u32], table: ShareTable<'_>) -> Result<(), Error> {
    let ShareTable { shares, ratios, sizes } = table;
    if weights.is_empty() {
        return Err(Error::Empty);
    }
    if of_sample.len() != weights.len() {
        return Err(Error::Lengths { losses: weights.len(), other: of_sample.len() });
    }
    for other in [ratios.len(), sizes.len()] {
        if other != shares.len() {
            return Err(Error::Lengths { losses: shares.len(), other });
        }
    }
    check_groups(of_sample, shares.len())?;
    let scale = scale_of(weights)?;
    count_samples(of_sample, sizes);
    shares.fill(0.0);
    // Until the end `ratios` holds what the additions lose.
    ratios.fill(0.0);
    for (weight, &group) in weights.iter().zip(of_sample) {
        let group = group as usize;
        add_compensated(&mut shares[group], &mut ratios[group], weight.to_f64() * scale);
    }
    let total = sum(weights.iter(), scale);
    let n = weights.len() as f64;
    for ((share, ratio), &size) in shares.iter_mut().zip(ratios).zip(&*sizes) {
        *share = if total > 0.0 { (*share + *ratio) / total } else { 0.0 };
        *ratio = *share / (size / n);
    }
    Ok(())
}

/// A power of two that brings the largest weight near one, so that no sum overflows or loses small
/// weights' digits.
fn scale_of<T: Real>(weights: &[T]) -> Result<f64, Error> {
    let is_bad = |weight: &T| !(weight.is_finite() && *weight >= T::ZERO);
    if let Some(index) = weights.iter().position(is_bad) {
        return Err(Error::BaseWeights { index: Some(index) });
    }
    Ok(mass_scale(weights.iter().fold(0.0, |largest, weight| f64::max(largest, weight.to_f64()))))
}

/// The sum of some weights, rounded once or nearly so.
fn sum<'a, T: Real>(weights: impl Iterator<Item = &'a T>, scale: f64) -> f64 {
    let (mut sum, mut rest) = (0.0, 0.0);
    for weight in weights {
        add_compensated(&mut sum, &mut rest, weight.to_f64() * scale);
    }
    sum + rest
}

/// Writes the indices of the largest weights, in falling order: a heap whose root is the one that
/// would go next.
fn select<T: Real>(weights: &[T], top: &mut [usize]) {
    // Equal weights go from the last to the first.
    let goes_before = |a: usize, b: usize| (weights[a], core::cmp::Reverse(a)) < (weights[b], core::cmp::Reverse(b));
    for (index, place) in top.iter_mut().enumerate() {
        *place = index;
    }
    for root in (0..top.len() / 2).rev() {
        sift(top, root, goes_before);
    }
    for index in top.len()..weights.len() {
        if goes_before(top[0], index) {
            top[0] = index;
            sift(top, 0, goes_before);
        }
    }
    for end in (1..top.len()).rev() {
        top.swap(0, end);
        sift(&mut top[..end], 0, goes_before);
    }
}

/// Moves the root of a part of the heap down to its place.
fn sift(heap: &mut [usize], mut root: usize, goes_before: impl Fn(usize, usize) -> bool) {
    loop {
        let mut first = root;
        for child in [2 * root + 1, 2 * root + 2] {
            if child < heap.len() && goes_before(heap[child], heap[first]) {
                first = child;
            }
        }
        if first == root {
            return;
        }
        heap.swap(root, first);
        root = first;
    }
}
