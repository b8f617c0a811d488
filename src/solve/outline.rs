//! A small problem: one pass copies the losses that may be the threshold, counts the largest ones,
//! and takes the moments of the depths above the window.

use super::guess::Outline;
use super::problem::Problem;
use super::rank::{Ranks, of_mean_at_quantile};
use super::start::{narrow, rough_log};
use crate::kernels::Level;
use crate::numbers::math::sqrt;
use crate::numbers::real::Real;
use crate::params::Params;
use crate::pass::Data;
use crate::validate::Range;

/// Below this many samples a pass over all of them costs hardly more than one over a part.
const WORTH_IT: usize = 512;

/// Makes the pass over a problem that is so large; the losses of the window are copied to `scratch`,
/// which is as long as the data. None where that is of no use.
pub(super) fn look<'a, T: Real>(
    data: &Data<'_, T>,
    level: Level,
    range: &Range,
    params: &Params,
    scratch: &'a mut [T],
) -> Option<Outline<'a, T>> {
    if scratch.len() < WORTH_IT {
        return None;
    }
    let largest = T::from_f64(range.largest);
    let [low, high] = if params.alpha == 0.0 { [T::BELOW_ALL; 2] } else { window(data, range, params) };
    let (ranks, largest, above) = Ranks::of_outline(data, level, [low, high, largest], range.depths, scratch);
    Some(Outline { ranks, above, largest })
}

/// A window that has the threshold for most distributions. Where it has not, the threshold is
/// searched for among all samples.
fn window<T: Real>(data: &Data<'_, T>, range: &Range, params: &Params) -> [T; 2] {
    /// So many standard deviations of a sample quantile are added on either side. Fewer would miss
    /// the threshold more often, more would copy more.
    const DEVIATIONS: f64 = 2.0;
    /// How much farther up than exponential losses have it the window reaches, for others and for
    /// chance.
    const BEYOND: f64 = 1.5;
    /// The window begins so much earlier, since the mean is one of few samples.
    const BEFORE: f64 = 0.75;
    /// HR clips at least so much of what it is expected to clip, and more of it the larger alpha is.
    const AT_LEAST: f64 = 0.65;
    const AT_LEAST_PER_ALPHA: f64 = 0.5;
    let samples = data.len();
    let problem = Problem::<T>::of_masses(range, params, [samples, 1.0]);
    let [least, most] = if problem.is_hr {
        // The largest part is about `r / log(1 / alpha)`.
        let part = (params.r / f64::from(rough_log(narrow(1.0 / params.alpha)))).min(1.0);
        let most = problem.clipped_of_part(part);
        [params.alpha.max((AT_LEAST + AT_LEAST_PER_ALPHA * params.alpha) * most), most]
    } else {
        [params.alpha; 2]
    };
    let margin = |share: f64| DEVIATIONS * sqrt(share * (1.0 - share) / samples);
    let (least, most) = (least - margin(least), most + margin(most));
    let (span, to_mean) = (range.largest - range.smallest, data.mean_of_some() - range.smallest);
    // The quantile of losses that are evenly spread is that share of the span; of exponential ones
    // it is between `of_mean_at_quantile` and `share / (1 - share)` times the way to the mean.
    let low = BEFORE * of_mean_at_quantile(least) * to_mean;
    let high = (most * span).min(BEYOND * most / (1.0 - most) * to_mean);
    let low = range.smallest + low.max(0.0);
    // False for NaN.
    let is_inside = most < 1.0 && range.smallest + high < range.largest;
    let high = if is_inside { range.smallest + high } else { range.upper_end() };
    [low, high].map(T::from_f64)
}
