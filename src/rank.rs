//! The alpha step for samples of equal mass: the loss of a rank, found by counting.

use crate::kernels::{Level, fast_gather, fast_rank};
use crate::math::floor;
use crate::params::Error;
use crate::real::Real;
use crate::reduce::{Alone, Data, Meeting, Partial, count};
use crate::team::Team;
use crate::trim::Cut;
use crate::validate::Range;

/// Finds losses by rank; where it can, in a few candidates that were gathered beforehand.
#[derive(Clone, Copy)]
pub(crate) struct Ranks<'a, T> {
    /// The losses within a window of values, in any order.
    candidates: &'a [T],
    /// How many losses are below the window.
    below: f64,
}

/// Where a loss of the data ranks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ranked<T> {
    pub(crate) loss: T,
    /// How many losses are smaller.
    pub(crate) below: f64,
    /// How many are not larger.
    pub(crate) up_to: f64,
    /// The next larger loss; infinite if there is none.
    pub(crate) next: f64,
}

impl<'a, T: Real> Ranks<'a, T> {
    /// Without candidates.
    pub(crate) fn new() -> Self {
        Self { candidates: &[], below: 0.0 }
    }

    /// Gathers all losses of a window in `scratch`, which is as long as the data. Also counts the largest losses.
    pub(crate) fn of_window<R: Meeting>(
        data: &mut Data<'_, T, R>,
        level: Level,
        [low, high, largest]: [T; 3],
        scratch: &'a mut [T],
    ) -> Result<(Self, f64), Error> {
        let [below, copied, top] =
            data.gather(scratch, |chunk, to| fast_gather(level, chunk.losses, [low, high, largest], to))?;
        Ok((Self { candidates: &scratch[..count(copied)], below }, top))
    }

    /// The loss at which the number of smaller losses, and of those and the equal ones, enclose a rank.
    pub(crate) fn find<R: Meeting>(
        &self,
        data: &mut Data<'_, T, R>,
        level: Level,
        range: &Range,
        rank: f64,
    ) -> Result<Ranked<T>, Error> {
        self.find_near(data, level, range, rank, None)
    }

    /// The same, given where some loss of the data ranks, best a near one.
    pub(crate) fn find_near<R: Meeting>(
        &self,
        data: &mut Data<'_, T, R>,
        level: Level,
        range: &Range,
        rank: f64,
        near: Option<Ranked<T>>,
    ) -> Result<Ranked<T>, Error> {
        // Whatever rounding made of it, it is the rank of a sample. NaN becomes zero.
        let rank = rank.max(0.0).min(data.len() - 0.5);
        let inside = rank - self.below;
        if inside >= 0.0 && inside < self.candidates.len() as f64 {
            let mut candidates = Data::new(self.candidates, None, Team::ALONE, Alone);
            let found = search(&mut candidates, level, range, inside, None)?;
            let (below, up_to) = (found.below + self.below, found.up_to + self.below);
            if found.next < f64::INFINITY {
                return Ok(Ranked { below, up_to, ..found });
            }
        }
        search(data, level, range, rank, near)
    }
}

/// Each pass counts at a guess and learns the neighbouring losses. Guesses interpolate between the ends of the window; every
/// third one is its middle instead, so that the number of passes is bounded by the bits of a loss.
fn search<T: Real, R: Meeting>(
    data: &mut Data<'_, T, R>,
    level: Level,
    range: &Range,
    rank: f64,
    near: Option<Ranked<T>>,
) -> Result<Ranked<T>, Error> {
    let (mut low, mut high) = (T::from_f64(range.smallest), T::from_f64(range.upper_end()));
    // How many losses are below the window, and how many below its end.
    let (mut ranks_low, mut ranks_high) = (0.0, data.len());
    let mut first_guess = None;
    if let Some(near) = near {
        if rank < near.below {
            (high, ranks_high) = (near.loss, near.below);
        } else if rank < near.up_to {
            return Ok(near);
        } else {
            // As dense above it as below.
            let spacing = (near.loss.to_f64() - low.to_f64()) / near.up_to;
            first_guess = Some(T::from_f64(near.loss.to_f64() + spacing * (rank + 0.5 - near.up_to)));
            (low, ranks_low) = (T::from_f64(near.next), near.up_to);
        }
    }
    for halve in [false, false, true].into_iter().cycle() {
        let guess = if low >= high || ranks_low + 1.0 > rank {
            low
        } else if ranks_high - 1.0 <= rank {
            high
        } else if let Some(guess) = first_guess.take().filter(|&guess| guess > low && guess < high) {
            guess
        } else if halve {
            T::midpoint_of_representables(low, high)
        } else {
            // The middle of the step that belongs to the rank.
            let share = (floor(rank) + 0.5 - ranks_low) / (ranks_high - ranks_low);
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
            return Ok(Ranked { loss: guess, below, up_to, next: -minus_nearest_above });
        }
    }
    unreachable!("the window closes")
}

impl<T: Real> Ranked<T> {
    /// The cut at this loss that takes a mass from the samples up to and including it.
    pub(crate) fn cut(&self, range: &Range, budget: f64) -> Cut<T> {
        let tied = self.up_to - self.below;
        Cut {
            threshold: self.loss,
            below: self.below,
            tied,
            keep: 1.0 - (budget - self.below) / tied,
            depth: range.depths.depth(self.loss.to_f64()),
            next: self.next,
            above: None,
        }
    }
}
