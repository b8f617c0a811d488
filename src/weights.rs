//! The weights of one vector of losses: check, solve, write. Slices in, a slice out, nothing is
//! allocated.

use crate::numbers::real::Real;
use crate::params::{Error, Params};
use crate::pass::Data;
use crate::pass::Team;
use crate::report::Report;
use crate::solve::solve;
use crate::validate::validate;

/// Writes the HR weights of `losses` to `weights` and reports on them. Never allocates.
///
/// `losses` and `weights` have n elements, and `base`, if any, has n base weights: not negative, of
/// any sum; the default is one each. A sample of base weight zero is masked: its loss is ignored,
/// even if it is NaN, and its weight is zero. Together with [`Report::worst_weight`] the weights
/// sum to one.
///
/// # Errors
/// Every [`Error`] but [`Error::Delta`], whose cause it names; `weights` is then untouched.
///
/// # Source
/// The programs HD and HR of arXiv 2303.02251 (section 3) and arXiv 2207.09560, through the duals
/// of `docs/theory.md`.
///
/// ```
/// use hr_weights::{Params, weights_into};
/// let mut weights = [0.0; 4];
/// let params = Params { r: 0.1, ..Params::default() };
/// let report = weights_into(&[0.3, 2.0, 0.1, 0.7], None, &params, &mut weights)?;
/// assert!(weights[1] > 0.25 && report.robust_loss > 0.775);
/// # Ok::<(), hr_weights::Error>(())
/// ```
pub fn weights_into<T: Real>(
    losses: &[T],
    base: Option<&[T]>,
    params: &Params,
    weights: &mut [T],
) -> Result<Report, Error> {
    if losses.is_empty() {
        return Err(Error::Empty);
    }
    check_lengths(losses, base, weights)?;
    let team = Team::for_samples(losses.len(), params.threads);
    let mut data = Data::new(losses, base, team);
    let range = validate(&mut data, params)?;
    let optimum = solve(&data, &range, params, Some(&mut *weights));
    Ok(optimum.write(&data, &range, weights))
}

/// Refuses base weights, if there are any, or an output that do not have one element per loss.
pub(crate) fn check_lengths<T>(losses: &[T], base: Option<&[T]>, weights: &[T]) -> Result<(), Error> {
    for other in [Some(weights.len()), base.map(<[T]>::len)].into_iter().flatten() {
        if other != losses.len() {
            return Err(Error::Lengths { losses: losses.len(), other });
        }
    }
    Ok(())
}
