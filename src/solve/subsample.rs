//! A large problem needs few passes: a subsample of it, solved first, says where u is to within a
//! few per cent and in which window of losses the cut is.

use super::guess::{Estimate, plain_from};
use super::powers::PowerSums;
use super::problem::Problem;
use super::rank::{Ranked, Ranks};
use crate::kernels::{Level, Scaling, count};
use crate::numbers::math::{floor, sqrt};
use crate::numbers::real::Real;
use crate::params::Params;
use crate::pass::Data;
use crate::pass::Team;
use crate::validate::Range;

/// Below this many samples solving a subsample costs more than it saves.
const WORTH_IT: usize = 1 << 11;
/// The subsample has at most one sample in so many, and at most so many. A smaller one would be
/// less precise, a larger one would take as long as the passes that it saves.
const ONE_IN: usize = 32;
const AT_MOST: usize = 1 << 14;
/// The window for the threshold reaches so many standard deviations of a sample quantile to either
/// side. With four the threshold is outside once in ten thousand calls, which then take half as
/// long again; a wider window holds more candidates.
const DEVIATIONS: f64 = 4.0;
/// So small a share of the samples above the window becomes a part of it. A larger one would make
/// more candidates, a smaller one more passes where HR moves nearly everything to the worst loss.
const FEW: f64 = 1.0 / 16.0;

/// Whether the problem is so large.
pub(super) fn is_worth_it<T: Real>(data: &Data<'_, T>, params: &Params) -> bool {
    count(data.len()) >= WORTH_IT && params.r > 0.0
}

/// Solves a subsample in `scratch`, then gathers there the losses around its threshold. None where
/// that is of no use.
pub(super) fn solve<'a, T: Real>(
    data: &Data<'_, T>,
    level: Level,
    range: &Range,
    params: &Params,
    scratch: &'a mut [T],
) -> Option<Estimate<'a, T>> {
    let size = (scratch.len() / ONE_IN).min(AT_MOST);
    let sample = &mut scratch[..size];
    data.sample(sample);
    let largest = T::from_f64(range.largest);
    let many = sample.iter().filter(|&&loss| loss >= largest).count() > 1;
    if !many {
        // Few samples have the largest loss. One of them would have too much weight in a subsample,
        // so its neighbour takes its place, and its mass is added as what the subsample does not
        // show.
        for position in 0..size {
            if sample[position] >= largest {
                sample[position] = sample[if position == 0 { 1 } else { position - 1 }];
            }
        }
    }
    let sample = Data::new(sample, None, Team::ALONE);
    let mut problem = Problem::new(&sample, range, params).roughly();
    if !many && range.depths.depth(range.largest) == 0.0 {
        problem = problem.with_hidden_top(1.0 / data.len());
    }
    let solved = problem.cut_and_root(&sample)?;
    let size = sample.len();
    let rank = solved.cut.clipped() - solved.cut.tied * solved.cut.keep;
    let margin = DEVIATIONS * sqrt(rank * (1.0 - rank / size)) + 1.0;
    let near = Ranked::of_cut(&solved.cut, f64::NAN);
    let at = |rank: f64| Ranks::new().find_near(&sample, level, range, floor(rank).clamp(0.0, size - 1.0), near);
    let low = at(rank - margin).loss;
    // Few losses above the window are candidates too: they hold most of the weight, and make u hard
    // to guess.
    let is_to_top = rank + margin > (1.0 - FEW) * size;
    let high = if is_to_top { T::from_f64(range.upper_end()) } else { at(rank + margin).loss };
    let (u, mean) = (solved.root.sums.u, solved.moments.mean);
    let scaling = Scaling::new(u, mean);
    let is_plain = params.r >= plain_from(data.len()) && scaling.is_moderate(range.depths, range.smallest);
    // Otherwise the sums mean nothing, and ratios of one are harmless.
    let looked_through = if is_plain { scaling } else { Scaling { shift: 1.0, rate: 0.0, ..scaling } };
    let (ranks, largest, sums) =
        Ranks::of_window(data, level, [low, high, largest], (range.depths, looked_through), scratch);
    let beyond = is_plain.then(|| PowerSums::new(u, scaling, range.depths.depth(range.smallest), sums));
    Some(Estimate { ranks, beyond, clipped: rank / size, u, mean, largest })
}
