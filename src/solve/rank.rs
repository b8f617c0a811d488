//! The alpha step for samples of equal mass: selection of the loss of a rank, by counting below a
//! guess and at it.
//!
//! Like quickselect each look divides the losses that are left in two, but nothing is moved: a pass
//! counts. A guess interpolates between the ends (Illinois); a bisection takes its place where that
//! is slow.

use super::cut::Cut;
use crate::kernels::{Level, MOMENTS, Partial, ROOT_SUMS, Scaling, count, fast_look, fast_outline, fast_rank};
use crate::numbers::depths::Depths;
use crate::numbers::math::floor;
use crate::numbers::real::Real;
use crate::pass::Data;
use crate::pass::Team;
use crate::validate::Range;

/// Finds losses by rank, in a few candidates that were gathered beforehand if the rank is among
/// them.
#[derive(Clone, Copy)]
pub(crate) struct Ranks<'a, T> {
    /// The losses within a window of values, in any order.
    candidates: &'a [T],
    /// The ends of the window.
    ends: [T; 2],
    /// How many losses are below it.
    below: f64,
    /// Whether there may be losses above it.
    ends_below_top: bool,
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
    /// About how far from one another losses are around it; NaN if that is not known.
    pub(crate) spacing: f64,
}

impl<'a, T: Real> Ranks<'a, T> {
    /// Without candidates.
    pub(crate) fn new() -> Self {
        Self { candidates: &[], ends: [T::ZERO; 2], below: 0.0, ends_below_top: true }
    }

    /// Gathers all losses of a window in `scratch`, which is as long as the data. Also counts the
    /// largest losses, and makes a root pass over the losses above the window.
    pub(crate) fn of_window(
        data: &Data<'_, T>,
        level: Level,
        [low, high, largest]: [T; 3],
        (depths, scaling): (Depths, Scaling),
        scratch: &'a mut [T],
    ) -> (Self, f64, [f64; ROOT_SUMS]) {
        let bounds = [low, high, largest];
        let sums = data.gather(scratch, |chunk, to| fast_look(level, chunk.losses, bounds, depths, scaling, to));
        let [below, copied, top, beyond @ ..] = sums;
        (Self::gathered(data, scratch, [low, high], [below, copied]), top, beyond)
    }

    /// The same, with the moments of the losses above the window.
    pub(crate) fn of_outline(
        data: &Data<'_, T>,
        level: Level,
        [low, high, largest]: [T; 3],
        depths: Depths,
        scratch: &'a mut [T],
    ) -> (Self, f64, [f64; MOMENTS]) {
        let bounds = [low, high, largest];
        let sums = data.gather(scratch, |chunk, to| fast_outline(level, chunk.losses, bounds, depths, to));
        let [below, copied, top, beyond @ ..] = sums;
        (Self::gathered(data, scratch, [low, high], [below, copied]), top, beyond)
    }

    /// With the losses that were copied to the front of `scratch`.
    fn gathered(data: &Data<'_, T>, scratch: &'a [T], ends: [T; 2], [below, copied]: [f64; 2]) -> Self {
        Self { candidates: &scratch[..count(copied)], ends, below, ends_below_top: below + copied < data.len() }
    }

    /// The upper end of the window.
    pub(crate) fn high(&self) -> T {
        self.ends[1]
    }

    /// If a threshold is in the window: the candidates, and the end of the window if there are
    /// losses above it, which are all above the threshold.
    pub(crate) fn around(&self, threshold: T) -> Option<(&'a [T], Option<T>)> {
        let [low, high] = self.ends;
        let is_around = !self.candidates.is_empty() && low <= threshold && threshold <= high;
        is_around.then_some((self.candidates, self.ends_below_top.then_some(high)))
    }

    /// The loss at which the number of smaller losses, and of those and the equal ones, enclose a
    /// rank.
    pub(crate) fn find(&self, data: &Data<'_, T>, level: Level, range: &Range, rank: f64) -> Ranked<T> {
        self.find_near(data, level, range, rank, None)
    }

    /// The same, given where some loss of the data ranks, best a near one.
    pub(crate) fn find_near(
        &self,
        data: &Data<'_, T>,
        level: Level,
        range: &Range,
        rank: f64,
        near: Option<Ranked<T>>,
    ) -> Ranked<T> {
        // Rounding may have taken it out of the range of ranks. NaN becomes zero.
        let rank = rank.max(0.0).min(data.len() - 0.5);
        let inside = rank - self.below;
        let known = self.candidates.len() as f64;
        if inside >= 0.0 && inside < known {
            let candidates = Data::new(self.candidates, None, Team::ALONE);
            let near = near
                .map(|near| Ranked { below: near.below - self.below, up_to: near.up_to - self.below, ..near })
                .filter(|near| near.below >= 0.0 && near.up_to < known);
            let found = search(&candidates, level, self.ends, [inside, 0.0], near, None);
            let (below, up_to) = (found.below + self.below, found.up_to + self.below);
            if found.next < f64::INFINITY {
                return Ranked { below, up_to, ..found };
            }
        }
        let first = near.is_none().then(|| about_rank(data, range, rank));
        search(data, level, range.ends(), [rank, 0.0], near, first)
    }
}

impl<T: Real> Ranked<T> {
    /// A value, as a rule none of the data, that ranks within `slack` of a rank, given where some
    /// loss ranks.
    pub(crate) fn about(
        data: &Data<'_, T>,
        level: Level,
        range: &Range,
        [rank, slack]: [f64; 2],
        near: Option<Self>,
    ) -> T {
        search(data, level, range.ends(), [rank, slack], near, None).loss
    }
}

/// About the loss of a rank, if losses are exponential.
fn about_rank<T: Real>(data: &Data<'_, T>, range: &Range, rank: f64) -> T {
    T::from_f64(range.smallest + of_mean_at_quantile(rank / data.len()) * (data.mean_of_some() - range.smallest))
}

/// What part of the mean a quantile of an exponential distribution is: `-log(1 - share)` to third
/// order, since the distribution is only an example.
pub(crate) fn of_mean_at_quantile(share: f64) -> f64 {
    share * (1.0 + share * (0.5 + share / 3.0))
}

/// The search between two ends that enclose all losses. Each pass counts at a guess, the first one
/// at `first_guess` if there is one, and finds the neighbouring losses.
///
/// `slack` is by how many ranks a value may be off, which is then no loss of the data; zero for none.
///
/// Invariant: the loss of the rank is between the ends. Guesses interpolate between them; the
/// distance to an end that stays counts for a quarter as much each time (the Illinois rule takes
/// half). If three guesses have not halved the number of losses between the ends, every second one
/// is the middle of the representable values, so the number of passes is bounded by the bits of a
/// loss and of the number of losses.
fn search<T: Real>(
    data: &Data<'_, T>,
    level: Level,
    [mut low, mut high]: [T; 2],
    [rank, slack]: [f64; 2],
    near: Option<Ranked<T>>,
    mut first_guess: Option<T>,
) -> Ranked<T> {
    // How many losses are below the window, and how many below its end.
    let (mut ranks_low, mut ranks_high) = (0.0, data.len());
    // The middle of the step that belongs to the rank.
    let middle = floor(rank) + 0.5;
    // The nearest loss whose rank is known and is not so near that chance decides about the
    // spacing.
    let mut other: Option<Ranked<T>> = None;
    if let Some(near) = near {
        if rank >= near.below && rank < near.up_to {
            return near;
        }
        // Where nothing better is known, losses are taken to be as dense around it as below it.
        let spacing =
            if near.spacing > 0.0 { near.spacing } else { (near.loss.to_f64() - low.to_f64()) / near.up_to };
        let guess = |from: f64| Some(T::from_f64(near.loss.to_f64() + spacing * (middle - from)));
        if rank < near.below {
            (high, ranks_high, first_guess) = (near.loss, near.below, guess(near.below));
        } else {
            (low, ranks_low, first_guess) = (T::from_f64(near.next), near.up_to, guess(near.up_to));
        }
        other = Some(near).filter(|near| near.is_other(rank));
    }
    // The factors on the distances to the ends, in ranks, and which end has moved last.
    let mut counts = [1.0, 1.0];
    let mut moved = None;
    let (mut losses_between, mut slow) = (ranks_high - ranks_low, 0);
    loop {
        let guess = if low >= high || ranks_low + 1.0 > rank {
            low
        } else if ranks_high - 1.0 <= rank {
            high
        } else if let Some(guess) = first_guess.take().filter(|&guess| guess > low && guess < high) {
            guess
        } else if slow > 2 && slow % 2 == 1 {
            T::midpoint_of_representables(low, high)
        } else {
            let (up, down) = (counts[0] * (middle - ranks_low), counts[1] * (ranks_high - middle));
            let guess = T::from_f64(low.to_f64() + (high.to_f64() - low.to_f64()) * (up / (up + down)));
            // Not `clamp`: the difference may have overflowed.
            if guess < high { guess } else { T::midpoint_of_representables(low, high) }
        };
        let Partial { sums: [below, up_to], maxima: [nearest_below, minus_nearest_above] } =
            data.pass(|chunk, _| fast_rank(level, chunk.losses, guess));
        let here = Ranked { loss: guess, below, up_to, next: -minus_nearest_above, spacing: f64::NAN };
        if (below - rank).abs() < slack {
            return here;
        }
        let end = if up_to <= rank {
            (low, ranks_low) = (T::from_f64(-minus_nearest_above), up_to);
            0
        } else if below > rank {
            (high, ranks_high) = (T::from_f64(nearest_below), below);
            1
        } else {
            return here.with_spacing_to(other, near);
        };
        if here.is_other(rank) && other.is_none_or(|other| (here.below - rank).abs() < (other.below - rank).abs()) {
            other = Some(here);
        }
        counts[end] = 1.0;
        counts[1 - end] *= if moved.replace(end) == Some(end) { 0.25 } else { 1.0 };
        if ranks_high - ranks_low <= 0.5 * losses_between {
            (losses_between, slow) = (ranks_high - ranks_low, 0);
        } else {
            slow += 1;
        }
    }
}

impl<T: Real> Ranked<T> {
    /// The threshold of a cut, unless it cuts nothing, given the spacing of the losses around it.
    pub(crate) fn of_cut(cut: &Cut<T>, spacing: f64) -> Option<Self> {
        let ranked = Self { loss: cut.threshold, below: cut.below, up_to: cut.clipped(), next: cut.next, spacing };
        (cut.tied > 0.0).then_some(ranked)
    }

    /// Whether it is so far from a rank that the losses in between tell how dense they are.
    fn is_other(&self, rank: f64) -> bool {
        /// Fewer would leave the spacing to chance, more would tell less of where it is used.
        const LOSSES: f64 = 4.0;
        (self.below - rank).abs() >= LOSSES
    }

    /// With the spacing of the losses between this one and another; else that of the one before.
    fn with_spacing_to(self, other: Option<Self>, before: Option<Self>) -> Self {
        let spacing = match (other, before) {
            (Some(other), _) => (self.loss.to_f64() - other.loss.to_f64()) / (self.below - other.below),
            (None, Some(before)) => before.spacing,
            (None, None) => f64::NAN,
        };
        Self { spacing, ..self }
    }

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
