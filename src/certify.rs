//! From held-out losses to a bound on the expected loss: the certificate of `docs/theory.md`.

use crate::numbers::math::{log, sqrt};
use crate::numbers::real::Real;
use crate::params::{Error, Ordering, Params};
use crate::pass::Data;
use crate::pass::Team;
use crate::solve::solve;
use crate::validate::validate;

/// The Kullback-Leibler radius in nats with which HD bounds the expected loss from `n` held-out
/// losses, except with probability `delta`: `(log(1 / delta) + log(2 sqrt(n + 1))) / n`.
///
/// # Errors
/// [`Error::Empty`] if `n` is 0, [`Error::Delta`] if `delta` is NaN or outside `(0, 1)`.
///
/// # Source
/// The regret of the Dirichlet(1/2, 1/2) portfolio (Cover and Ordentlich 1996) and Markov's
/// inequality.
///
/// ```
/// let r = hr_weights::certified_r(1000, 0.05)?;
/// assert!((r - 0.007_143).abs() < 1e-6);
/// # Ok::<(), hr_weights::Error>(())
/// ```
pub fn certified_r(n: u64, delta: f64) -> Result<f64, Error> {
    if n == 0 {
        return Err(Error::Empty);
    }
    if !(delta > 0.0 && delta < 1.0) {
        return Err(Error::Delta);
    }
    let n = n as f64;
    Ok((log(2.0 * sqrt(n + 1.0)) - log(delta)) / n)
}

/// An upper bound on the expected loss of a fixed model, from `losses` on n held-out samples of
/// which at most a fraction `alpha` was replaced by anything at all; the samples were otherwise
/// independent, and no loss exceeds `worst_loss`. The bound fails with probability at most `delta`.
/// It is the dual bound of HD at [`certified_r`]. Never allocates.
///
/// Losses that the model was trained on give no certificate.
///
/// # Errors
/// [`Error::Empty`], [`Error::Delta`], [`Error::Alpha`], [`Error::NonFiniteLoss`], and
/// [`Error::WorstLoss`] if `worst_loss` is NaN, infinite, or below a loss.
///
/// # Source
/// As [`certified_r`], and HD of arXiv 2303.02251 for the poisoned fraction.
pub fn certify<T: Real>(losses: &[T], alpha: f64, delta: f64, worst_loss: f64) -> Result<f64, Error> {
    let r = certified_r(losses.len() as u64, delta)?;
    let params = Params { alpha, r, ordering: Ordering::Hd, worst_loss: Some(worst_loss), threads: 1 };
    let mut data = Data::new(losses, None, Team::ALONE);
    let range = validate(&mut data, &params)?;
    Ok(solve(&data, &range, &params, None).dual_bound())
}
