//! A large problem needs few passes: a subsample of it, solved first, says where u is to within a
//! few per cent and in which window of losses the cut is.

use super::guess::{Estimate, plain_from};
use super::powers::PowerSums;
use super::problem::Problem;
use super::rank::{Ranked, Ranks};
use super::start::SMALL_R;
use crate::kernels::{Level, Scaling, count};
use crate::numbers::math::{floor, sqrt};
use crate::numbers::real::Real;
use crate::params::Params;
use crate::pass::Data;
use crate::pass::Team;
use crate::validate::Range;

/// Below this many samples solving a subsample costs more than it saves.
const WORTH_IT: usize = 1 << 11;
/// The subsample has at most one sample in so many, and at most so many times the root of their
/// number. A larger one takes longer; with a smaller one u and the threshold are less certain, so
/// that more losses are candidates.
const ONE_IN: f64 = 32.0;
const ROOTS: f64 = 4.0;
/// The window for the threshold reaches so many standard deviations of a sample quantile to either
/// side, with HD and with HR, whose threshold depends on u too. With three HD's is outside once in
/// some hundred calls, which then take half as long again; a wider window holds more candidates.
const DEVIATIONS: [f64; 2] = [3.0, 4.0];
/// The ends of the window may be off by this share of that distance: less would take more passes.
const SLACK: f64 = 1.0 / 8.0;
/// So small a share of the samples above the window becomes a part of it. A larger one would make
/// more candidates, a smaller one more passes where HR moves nearly everything to the worst loss.
const FEW: f64 = 1.0 / 16.0;

/// Whether the problem is so large.
pub(super) fn is_worth_it<T: Real>(data: &Data<'_, T>, params: &Params) -> bool {
    count(data.len()) >= WORTH_IT && params.r > 0.0
}

/// So many of the largest losses are added to the subsample. Each takes a logarithm in every look;
/// with fewer u is less certain.
const KNOWN: usize = 4;

/// Losses that are added to the subsample by themselves: the largest of blocks. Where there is an
/// atom on the worst loss, or r is small, u is so large that the largest of all is enough.
fn known_losses<T: Real>(data: &Data<'_, T>, range: &Range, is_one_enough: bool) -> [f64; KNOWN] {
    if is_one_enough {
        return [range.largest; KNOWN];
    }
    let of_blocks = |first: usize| data.block_maxima().iter().copied().skip(first).step_by(KNOWN);
    core::array::from_fn(|block| of_blocks(block).fold(range.smallest, f64::max))
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
    let size = count((data.len() / ONE_IN).min(ROOTS * sqrt(data.len()))) / 2;
    let pairs = &mut scratch.as_chunks_mut().0[..size];
    data.sample(pairs);
    let sample = pairs.as_flattened_mut();
    let largest = T::from_f64(range.largest);
    let top = sample.iter().filter(|&&loss| loss >= largest).count();
    let ties = if top > 1 { top as f64 } else { 0.0 };
    let size = sample.len() as f64;
    let mut problem = Problem::of_masses(range, params, [size, ties]).roughly();
    let is_one_enough = (params.alpha > 0.0 && !problem.is_hr) || params.r < SMALL_R;
    let known = known_losses(data, range, is_one_enough);
    let depths = known.map(|loss| range.depths.depth(loss));
    if ties == 0.0 && range.depths.depth(range.largest) == 0.0 {
        // Few samples have such losses. In a subsample they would have too much weight, so their
        // neighbours take their places.
        let least = T::from_f64(known.iter().copied().fold(f64::INFINITY, f64::min));
        let is_known = |loss: T| loss >= least;
        // As a rule there is none, and registers count faster than a loop with a branch looks.
        if sample.iter().filter(|&&loss| is_known(loss)).count() > 0 {
            for position in 0..sample.len() {
                if is_known(sample[position]) {
                    sample[position] = sample[position ^ 1];
                }
            }
        }
        let depths = if is_one_enough { &depths[..1] } else { &depths };
        problem = problem.with_hidden(depths, 1.0 / data.len());
    }
    let sample = Data::new(sample, None, Team::ALONE);
    let solved = problem.cut_and_root(&sample)?;
    let rank = solved.cut.clipped() - solved.cut.tied * solved.cut.keep;
    let deviations = DEVIATIONS[usize::from(problem.is_hr)];
    let margin = deviations * sqrt(rank * (1.0 - rank / size)) + 1.0;
    let near = Ranked::of_cut(&solved.cut, f64::NAN);
    let at =
        |rank: f64| Ranked::about(&sample, level, range, [floor(rank).clamp(0.0, size - 1.0), SLACK * margin], near);
    let low = at(rank - margin);
    // Few losses above the window are candidates too: they hold most of the weight, and make u hard
    // to guess.
    let is_to_top = rank + margin > (1.0 - FEW) * size;
    let high = if is_to_top { T::from_f64(range.upper_end()) } else { at(rank + margin) };
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
