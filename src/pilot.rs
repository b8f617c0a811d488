//! A large problem needs few passes: a sample of it, solved first, tells where to look.

use crate::kernels::Level;
use crate::math::{floor, log, sqrt};
use crate::params::{Error, Params};
use crate::rank::{Ranked, Ranks};
use crate::real::Real;
use crate::reduce::{Alone, Data, Meeting};
use crate::solve::Problem;
use crate::team::Team;
use crate::validate::Range;

/// What the sample tells.
#[derive(Clone, Copy)]
pub(crate) struct Pilot<'a, T> {
    /// The losses around the threshold.
    pub(crate) ranks: Ranks<'a, T>,
    /// The share of the samples that the cut caps.
    pub(crate) capped: f64,
    /// log u, if u is not zero.
    pub(crate) log_u: f64,
    /// The mean depth that the KL step sees.
    pub(crate) mean: f64,
    /// How many samples of the data, all of them, have the largest loss.
    pub(crate) largest: f64,
}

/// Below this many samples a pilot costs more than it saves.
const WORTH_IT: usize = 1 << 11;
/// The pilot has at most one sample in so many, and at most so many.
const ONE_IN: usize = 16;
const AT_MOST: usize = 1 << 14;
/// The window for the threshold reaches so many standard deviations of a sample quantile to either side: the pass over all
/// data is wasted once in a million calls.
const DEVIATIONS: f64 = 5.0;

/// Solves a sample of the problem in `scratch`, then gathers the losses around its threshold there.
pub(crate) fn fly<'a, T: Real, R: Meeting>(
    data: &mut Data<'_, T, R>,
    level: Level,
    range: &Range,
    params: &Params,
    scratch: &'a mut [T],
) -> Result<Option<Pilot<'a, T>>, Error> {
    if scratch.len() < WORTH_IT || params.r == 0.0 {
        return Ok(None);
    }
    let size = (scratch.len() / ONE_IN).min(AT_MOST);
    let sample = &mut scratch[..size];
    data.sample(sample);
    let largest = T::from_f64(range.largest);
    let many = sample.iter().filter(|&&loss| loss >= largest).count() > 1;
    if !many {
        // Few samples have the largest loss. In a sample one of them would weigh too much: its neighbour stands in.
        for position in 0..size {
            if sample[position] >= largest {
                sample[position] = sample[if position == 0 { 1 } else { position - 1 }];
            }
        }
    }
    let mut sample = Data::new(sample, None, Team::ALONE, Alone);
    let mut problem = Problem::new(&mut sample, range, params)?;
    if !many && range.depths.depth(range.largest) == 0.0 {
        problem = problem.with_unseen(1.0 / data.len());
    }
    let Some(solved) = problem.cut_and_root(&mut sample)? else { return Ok(None) };
    let size = sample.len();
    let rank = solved.cut.capped() - solved.cut.tied * solved.cut.keep;
    let margin = DEVIATIONS * sqrt(rank * (1.0 - rank / size)) + 1.0;
    let near = Ranked::of_cut(&solved.cut);
    let mut at =
        |rank: f64| Ranks::new().find_near(&mut sample, level, range, floor(rank).clamp(0.0, size - 1.0), near);
    let [low, high] = [at(rank - margin)?, at(rank + margin)?].map(|ranked| ranked.loss);
    let (ranks, largest) = Ranks::of_window(data, level, [low, high, largest], scratch)?;
    let (capped, mean) = (rank / size, solved.outline.mean);
    Ok(Some(Pilot { ranks, capped, log_u: log(solved.root.view.u), mean, largest }))
}
