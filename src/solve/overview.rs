//! The first round of a sharded solve after the opening: a sketch of all depths, solved as a problem of its own.

use super::focus::Focus;
use super::zoom::{HEAD, round};
use super::{Problem, Solved, is_limit};
use crate::depths::{Depths, LEAST_DEPTH};
use crate::kernels::{self, DepthBins, fast_rank};
use crate::math::{log, sqrt};
use crate::params::{Error, Params};
use crate::real::{Real, first_position};
use crate::reduce::{Alone, Data};
use crate::root::LOG_FLOOR;
use crate::sharded::{Log, Operation, SKETCH};
use crate::team::Team;
use crate::validate::Range;

const _: () = assert!(HEAD + 3 * DepthBins::COUNT <= SKETCH);

/// The first round: the masses of all samples and of those at depth zero, and where to look.
pub(super) fn overview<T: Real>(
    data: &mut Data<'_, T, &mut Log>,
    range: &Range,
    params: &Params,
    sketch: &mut [f64],
) -> Result<([f64; 2], Focus), Error> {
    let depths = range.depths;
    let bins = DepthBins::new(depths.depth(range.smallest));
    let [total, top, focus @ ..] = round(
        data,
        sketch,
        (Operation::Sum, 0, HEAD + 3 * DepthBins::COUNT),
        |data, sketch| {
            let top_from = T::from_f64(range.largest);
            let masses = if let Some(level) = data.fast() {
                let [below, _] = data.pass_alone(|chunk, _| fast_rank(level, chunk.losses, top_from)).sums;
                [data.len(), data.len() - below]
            } else {
                data.pass_alone(|chunk, _| kernels::masses(chunk, top_from)).sums
            };
            let (head, runs) = sketch.split_at_mut(HEAD);
            head[..2].copy_from_slice(&masses);
            data.each_chunk(|chunk| bins.add(chunk, depths, runs));
        },
        |sketch| {
            let (head, runs) = sketch.split_at(HEAD);
            let mut numbers = [head[0]; 20];
            numbers[1] = head[1];
            numbers[2..].copy_from_slice(&first_focus::<T>(range, params, bins, head[0], runs)?.as_numbers());
            Ok(numbers)
        },
    )?;
    Ok(([total, top], Focus::of_numbers(focus)))
}

/// Solves the sketch of all depths: each bin stands for two samples, at its mean and its standard deviation to either side.
#[allow(clippy::large_stack_arrays)] // 40 KiB
fn first_focus<T: Real>(
    range: &Range,
    params: &Params,
    bins: DepthBins,
    total: f64,
    sums: &[f64],
) -> Result<Focus, Error> {
    let whole = Focus::at(range.largest);
    if is_limit(range, params.alpha, params.r) {
        return Ok(whole);
    }
    let mut losses = [0.0; 2 * DepthBins::COUNT];
    let mut masses = [0.0; 2 * DepthBins::COUNT];
    let mut count = 0;
    for bin in 0..DepthBins::COUNT {
        let mass = sums[bin];
        if mass > 0.0 {
            let (mean, variance) = bins.outline(bin, sums);
            let spread = sqrt(variance).min(0.9 * mean);
            // What is not at depth zero is not to be there in the sketch, whose scale may be half as large.
            let least = if bin + 1 == DepthBins::COUNT { 0.0 } else { 2.0 * LEAST_DEPTH };
            for depth in [mean + spread, mean - spread] {
                (losses[count], masses[count]) = (0.0 - depth.max(least), 0.5 * mass);
                count += 1;
            }
        }
    }
    let (losses, masses) = (&losses[..count], &masses[..count]);
    let (smallest, largest) =
        losses.iter().fold((0.0_f64, f64::MIN), |(low, high), &loss| (low.min(loss), high.max(loss)));
    let depths = Depths::new(0.0, smallest);
    let sketched = Range { worst: 0.0, worst_is_given: range.worst_is_given, largest, smallest, depths };
    let mut sample = Data::new(losses, Some(masses), Team::ALONE, Alone);
    let problem = Problem::new(&mut sample, &sketched, params)?;
    let Some(Solved { cut, root, outline }) = problem.cut_and_root(&mut sample)? else { return Ok(whole) };
    let focus = Focus {
        log_u: log(depths.unscaled(root.view.u)).max(LOG_FLOOR),
        mean: depths.unscaled(outline.mean),
        ..whole
    };
    if params.alpha == 0.0 {
        return Ok(focus);
    }
    let masses = &sums[..DepthBins::COUNT];
    let (first, last) = if problem.caps {
        let bin = bins.bin(depths.unscaled(cut.depth));
        (bin.saturating_sub(1), bin + 1)
    } else {
        let bin = bin_of_mass(masses, params.alpha * total);
        (bin, bin)
    };
    let position = |loss: f64| T::from_f64(loss).position();
    let ends = (position(range.smallest), position(range.largest));
    let bin_at = |position: u64| bins.bin(range.depths.depth(T::at_position(position).to_f64()));
    let low = first_position(ends, |position| bin_at(position) >= first);
    let high = first_position(ends, |position| bin_at(position) > last);
    let high = if bin_at(high) > last { high - 1 } else { high };
    // No loss can be in these bins where they are narrower than the losses are apart: then the cut is between two.
    let (low, high) = (low.min(high), low.max(high));
    Ok(Focus { low: T::at_position(low).to_f64(), high: T::at_position(high).to_f64(), ..focus })
}

/// The first bin with which the mass exceeds a budget; else the last one that is not empty.
fn bin_of_mass(masses: &[f64], budget: f64) -> usize {
    let mut up_to = 0.0;
    let mut found = 0;
    for (bin, &mass) in masses.iter().enumerate().filter(|&(_, &mass)| mass > 0.0) {
        up_to += mass;
        found = bin;
        if up_to > budget {
            break;
        }
    }
    found
}

#[cfg(all(test, feature = "std", hrw_vector))] // where there is room
mod tests;
