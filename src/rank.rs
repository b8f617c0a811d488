//! The alpha step of HD for samples of equal mass: the loss of a rank, found by counting.

use crate::kernels::Level;
use crate::kernels::{fast_moments, fast_rank};
use crate::params::Error;
use crate::real::Real;
use crate::reduce::{Data, Partial, Reduce};
use crate::trim::{Above, Cut};
use crate::validate::Range;

/// The cut that takes a mass, less than that of all samples, from the smallest losses; with no budget, no cut.
pub(crate) fn cut<T: Real, R: Reduce>(
    data: &mut Data<'_, T, R>,
    level: Level,
    range: &Range,
    budget: f64,
) -> Result<Cut<T>, Error> {
    let depths = range.depths;
    let (threshold, [below, up_to]) =
        if budget > 0.0 { loss_of_rank(data, level, range, budget)? } else { (T::BELOW_ALL, [0.0, 0.0]) };
    let [first, second] = data.pass(|chunk, _| fast_moments(level, chunk.losses, depths, threshold))?.sums;
    let tied = up_to - below;
    Ok(Cut {
        threshold,
        below,
        tied,
        keep: if budget > 0.0 { 1.0 - (budget - below) / tied } else { 0.0 },
        depth: depths.depth(threshold.to_f64()),
        smallest_kept: threshold.to_f64(),
        above: Above { mass: data.len() - up_to, top: 0.0, first, second, curved: [0.0; 2] },
    })
}

/// The loss at which the number of smaller losses, and of those and the equal ones, enclose a rank; and these two numbers.
///
/// Each pass counts at a guess and learns the neighbouring losses. Guesses interpolate between the ends of the window, every
/// other time its middle is taken instead, so that the number of passes is bounded by the bits of a loss.
fn loss_of_rank<T: Real, R: Reduce>(
    data: &mut Data<'_, T, R>,
    level: Level,
    range: &Range,
    rank: f64,
) -> Result<(T, [f64; 2]), Error> {
    let (mut low, mut high) = (T::from_f64(range.smallest), T::from_f64(range.largest));
    // How many losses are below the window, and how many below its end.
    let (mut ranks_low, mut ranks_high) = (0.0, data.len());
    for halve in [false, true].into_iter().cycle() {
        let share = (rank - ranks_low) / (ranks_high - ranks_low);
        let guess = if low == high || ranks_low + 1.0 > rank {
            low
        } else if ranks_high - 1.0 <= rank {
            high
        } else if halve {
            T::midpoint_of_representables(low, high)
        } else {
            let guess = T::from_f64(low.to_f64() + (high.to_f64() - low.to_f64()) * share);
            // Not `clamp`: the difference may have overflowed.
            if guess < high { guess } else { T::midpoint_of_representables(low, high) }
        };
        let Partial { sums: [below, up_to], maxima: [nearest_below, minus_nearest_above] } =
            data.pass(|chunk, _| fast_rank(level, chunk.losses, guess))?;
        if up_to <= rank {
            (low, ranks_low) = (T::from_f64(-minus_nearest_above), up_to);
        } else if below > rank {
            (high, ranks_high) = (T::from_f64(nearest_below), below);
        } else {
            return Ok((guess, [below, up_to]));
        }
    }
    unreachable!("the window closes")
}
