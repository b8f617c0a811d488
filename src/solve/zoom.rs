//! A round of zooming: a sketch of the window that the threshold is in, with one look at the samples above it or many, tells of a smaller
//! window; or of all losses in it.

use super::focus::{Focus, Stage};
use super::looks::{LOOKS, Looks, Outlook};
use super::window::{Known, Side, Window};
use super::{Problem, is_limit};
use crate::kernels::{self, Lens, PositionBins, fast_moments, fast_rank};
use crate::math::exp;
use crate::params::Error;
use crate::real::Real;
use crate::reduce::Data;
use crate::root::{self, LOG_FLOOR};
use crate::sharded::{Log, Operation, SKETCH};
use crate::trim::Cut;
use crate::view::View;

/// A sketch begins with a few sums, then has runs of so many bins, and ends with the sums of so many looks.
pub(super) const HEAD: usize = 2;
pub(super) const RUN: usize = (SKETCH - HEAD - 4 * LOOKS) / 4;
const TAIL: usize = HEAD + 4 * RUN;

/// After so many calls HD's window, which becomes smaller with every round, does so whether or not the samples of a bin may be tied: else
/// each window might take two rounds.
const LAST_TIED: usize = 8;

/// One round with a part of the sketch: `fill` enters the samples of this participant, `digest` makes of what has been reduced
/// what must be known from then on.
pub(super) fn round<'a, T: Real, const N: usize>(
    data: &mut Data<'a, T, &mut Log>,
    sketch: &mut [f64],
    (operation, start, size): (Operation, usize, usize),
    fill: impl FnOnce(&Data<'a, T, &mut Log>, &mut [f64]),
    digest: impl FnOnce(&mut [f64]) -> Result<[f64; N], Error>,
) -> Result<[f64; N], Error> {
    if let Some(known) = data.meeting().digest() {
        return Ok(known);
    }
    if data.meeting().is_sketched() {
        let digest = digest(sketch)?;
        data.meeting().keep_digest(&digest)?;
        return Ok(digest);
    }
    let message = &mut sketch[start..start + size];
    message.fill(if operation == Operation::Sum { 0.0 } else { f64::NEG_INFINITY });
    fill(data, message);
    data.meeting().ask_for_sketch(operation, start, size);
    Err(Error::Reduce)
}

/// The bins around one that a threshold might reach: it moves on until it has taken more than `reach`, of which a bin takes its
/// mass and its `cost`. `spare` is what it takes to leave the bin itself, downwards and upwards.
fn around(
    masses: &[f64],
    bin: usize,
    [spare_down, spare_up]: [f64; 2],
    reach: f64,
    cost: impl Fn(usize) -> f64,
) -> (usize, usize) {
    let (mut first, mut last) = (bin, bin);
    let mut taken = spare_down;
    while taken <= reach && first > 0 {
        first -= 1;
        taken += masses[first] + cost(first);
    }
    let mut taken = spare_up;
    while taken <= reach && last + 1 < masses.len() {
        last += 1;
        taken += masses[last] + cost(last);
    }
    (first, last)
}

impl<T: Real> Problem<'_, T> {
    /// Whether there is a threshold to be found.
    pub(super) fn cuts(&self) -> bool {
        let limit = is_limit(self.range, self.alpha, self.r);
        self.alpha > 0.0 && !limit && (!self.caps || self.r < self.kl_to_reach_worst())
    }

    /// The largest loss that a window may have: HR's cut is below a worst loss that samples have. In one bin with others it would not be
    /// seen that these are at depth zero.
    pub(super) fn highest(&self) -> f64 {
        let largest = self.range.largest;
        if self.caps && self.on_worst() > 0.0 {
            T::at_position(T::from_f64(largest).position() - 1).to_f64().max(self.range.smallest)
        } else {
            largest
        }
    }

    /// One round: a sketch of the window, and looks at the samples above it.
    pub(super) fn zoom(
        &self,
        data: &mut Data<'_, T, &mut Log>,
        focus: Focus,
        looks: &Looks<f64>,
        wide: bool,
        sketch: &mut [f64],
    ) -> Result<Focus, Error> {
        let depths = self.range.depths;
        let bins = focus.bins::<T>(depths);
        // Without mass at depth zero u may be zero.
        let u = |log_u: f64| if log_u <= LOG_FLOOR && self.on_worst() == 0.0 { 0.0 } else { exp(log_u) };
        let passes = looks.map(|_, log_u| {
            let u = u(log_u);
            let lens = Lens::new(u, focus.centre.depth(u, focus.mean));
            self.root_pass(data, T::from_f64(focus.high), lens)
        });
        let may_ask = self.caps || data.meeting().calls() < LAST_TIED;
        let above = |sketch: &[f64]| {
            looks.map(|place, log_u| {
                let sums = [0, 1, 2, 3].map(|sum| sketch[TAIL + 4 * place + sum]);
                let pass = passes.get(place);
                (log_u, View::new(u(log_u), pass.lens, self.form(), sums, self.total))
            })
        };
        let digest = round(
            data,
            sketch,
            (Operation::Sum, 0, TAIL + 4 * looks.len()),
            |data, sketch| {
                let (head, runs) = sketch.split_at_mut(HEAD);
                let (runs, tail) = runs.split_at_mut(4 * RUN);
                let [low, high] = [focus.low, focus.high].map(T::from_f64);
                if self.r > 0.0 {
                    for (pass, sums) in passes.iter().zip(tail.chunks_exact_mut(4)) {
                        sums.copy_from_slice(&data.pass_alone(|chunk, _| pass.sums(chunk)).sums);
                    }
                }
                if let Some(level) = data.fast() {
                    [head[0], _] = data.pass_alone(|chunk, _| fast_rank(level, chunk.losses, low)).sums;
                    [head[1], ..] = data.pass_alone(|chunk, _| fast_moments(level, chunk.losses, depths, high)).sums;
                } else {
                    [head[0]] = data.pass_alone(|chunk, _| kernels::mass_below(chunk, low)).sums;
                    [head[1], ..] = data.pass_alone(|chunk, _| kernels::moments(chunk, depths, high)).sums;
                }
                let mut lost = [0.0; RUN];
                data.each_chunk(|chunk| bins.add(chunk, runs, &mut lost));
            },
            |sketch| {
                let focus = Focus { below: sketch[0], first_above: sketch[1], ..focus };
                let mut known = [false; RUN];
                let mut tied = [false; RUN];
                let mut loss = focus.low;
                for bin in 0..bins.count() {
                    let sums = [0, 1, 2, 3].map(|run| sketch[HEAD + run * RUN + bin]);
                    let outline = bins.outline::<T>(bin, sums, loss);
                    loss = outline.loss;
                    sketch[HEAD + RUN + bin] = outline.loss;
                    (known[bin], tied[bin]) = (outline.is_known, outline.may_be_tied && may_ask);
                }
                Ok(self.zoomed(focus, bins, &above(sketch), sketch, &known, Some((&tied, wide))).as_numbers())
            },
        )?;
        let focus = Focus::of_numbers(digest);
        if focus.stage != Stage::Tied {
            return Ok(focus);
        }
        let digest = round(
            data,
            sketch,
            (Operation::Max, HEAD + 2 * RUN, 2 * RUN),
            |data, ends| data.each_chunk(|chunk| bins.note_ends(chunk, ends)),
            |sketch| {
                let mut known = [false; RUN];
                for bin in 0..bins.count() {
                    let (largest, minus_smallest) = (sketch[HEAD + 2 * RUN + bin], sketch[HEAD + 3 * RUN + bin]);
                    known[bin] = sketch[HEAD + bin] == 0.0 || largest == -minus_smallest;
                    if known[bin] && sketch[HEAD + bin] > 0.0 {
                        sketch[HEAD + RUN + bin] = largest;
                    }
                }
                Ok(self.zoomed(focus, bins, &above(sketch), sketch, &known, None).as_numbers())
            },
        )?;
        Ok(Focus::of_numbers(digest))
    }

    /// What a round has shown. `known`: all samples of the bin are where it stands for them; `tied`: so it seems, but it has not
    /// been seen (None after a round that has shown it).
    fn zoomed(
        &self,
        focus: Focus,
        bins: PositionBins,
        above: &Looks<(f64, View)>,
        sketch: &mut [f64],
        known: &[bool; RUN],
        tied: Option<(&[bool; RUN], bool)>,
    ) -> Focus {
        let known_so_far = Known::of(&focus);
        let window = known_so_far.window(&focus, bins.count(), sketch);
        let turn = if above.len() > 1 {
            self.outlook(&focus, &window, bins, above)
        } else {
            self.turn(&focus, &window, bins, &above.first().1)
        };
        let Outlook { log_u, before, bracket, settled, mean, reach: (first, last), at_sample, beyond } = match turn {
            Ok(turn) => turn,
            Err(side) => return focus.beside::<T>(side, self.range, self.highest()),
        };
        let bin = last;
        let may_be_known = |bin: usize| known[bin] || tied.is_some_and(|(tied, _)| tied[bin]);
        // HD's cut does not move with u, which is looked for with it in any case; and of a window that is known as a whole another
        // round shows nothing.
        let settled = settled || !self.caps || (0..bins.count()).all(may_be_known);
        let all_tied = settled && tied.is_some() && (first..=last).all(may_be_known);
        let (mut low, mut high) = (bin, bin);
        while low > 0 && known[low - 1] {
            low -= 1;
        }
        while high + 1 < bins.count() && known[high + 1] {
            high += 1;
        }
        let all_known = settled && known[bin] && low <= first && high >= last;
        if !all_known && all_tied {
            return Focus { stage: Stage::Tied, ..focus };
        }
        let focus = Focus {
            log_u: focus.bounds.kept(log_u),
            before,
            bracket,
            mean,
            centre: known_so_far.centre.get(),
            ..focus
        };
        if !all_known {
            // The next bins will be so much narrower that there may be more than are needed.
            let counts = &sketch[HEAD + 3 * RUN..][..bins.count()];
            (low, high) =
                if tied.is_some_and(|(_, wide)| wide) { widened(counts, first, last) } else { (first, last) };
        }
        let depths = self.range.depths;
        let below: f64 = window.masses[..low].iter().sum();
        let above: f64 =
            (high + 1..bins.count()).map(|bin| window.masses[bin] * depths.depth(window.losses[bin])).sum();
        let stage = if all_known { Stage::Known(keep_samples(sketch, low, high)) } else { Stage::Open };
        // Of a cut that is at a sample, if it has been seen where they end, there is no more to the window.
        let seen = if tied.is_none() && at_sample && !all_known { ends_of_samples(sketch, low, high) } else { None };
        let [low, high] = [bins.ends::<T>(low).0, bins.ends::<T>(high).1];
        let seen = seen.map(|ends| ends.map(|loss| T::from_f64(loss).position()));
        // (An all-reduce that lies may put them anywhere.)
        let [low, high] =
            seen.filter(|seen| low <= seen[0] && seen[0] <= seen[1] && seen[1] <= high).unwrap_or([low, high]);
        let beyond = beyond.map(|side| side && !all_known);
        let misses = if beyond[0] || beyond[1] {
            focus.misses + 1.0
        } else if all_known {
            // An exact look may yet miss it.
            focus.misses
        } else {
            0.0
        };
        let width = bins.last - bins.first + 1;
        let [low, high] = focus.beyond::<T>(beyond, width, [low, high], self.range, self.highest());
        Focus {
            stage,
            low: T::at_position(low).to_f64(),
            high: T::at_position(high).to_f64(),
            below: focus.below + below,
            first_above: focus.first_above + above,
            misses,
            ..focus
        }
    }

    /// Where the cut is in a window of bins, where it may still go, and where u goes. Or on which side the
    /// cut is, if it is outside.
    fn turn(&self, focus: &Focus, window: &Window<'_>, bins: PositionBins, above: &View) -> Result<Outlook, Side> {
        let placed = self.place(window, above, self.rule_at(above.u));
        if placed.inside().is_none() {
            return Err(placed.side);
        }
        window.centre.set(window.centre.get().after(&placed.view));
        let bin = self.bin_of_cut(bins, &placed.cut);
        let at_sample = !self.caps || !placed.cut.is_between();
        if self.r == 0.0 {
            return Ok(Outlook::of_one(focus, focus.log_u, None, focus.mean, ((bin, bin), at_sample)));
        }
        let at_end = focus.log_u <= LOG_FLOOR && placed.view.phi() <= self.r;
        let (log_u, lack) = if at_end || self.is_found(&placed.view) {
            (focus.log_u, None)
        } else {
            let (log_u, lack) =
                root::improved(self.r, self.on_worst(), focus.log_u, &placed.view, placed.mean, focus.before);
            // Not far from where many u have shown the root to be. (NaN, where none have, is no end.)
            let [least, most] = focus.bracket;
            let width = most - least;
            (log_u.max(least - width).min(most + width), Some(lack))
        };
        if !self.caps || focus.is_level() {
            // The cut does not move with u.
            return Ok(Outlook::of_one(focus, log_u, lack, placed.mean, ((bin, bin), at_sample)));
        }
        let cut = &placed.cut;
        // How much mass a change of u may move.
        let moved = 2.0 * self.alpha * placed.curved.abs() * (log_u - focus.log_u).abs();
        let spare = if cut.is_between() { [0.0; 2] } else { [(1.0 - cut.keep) * cut.tied, cut.keep * cut.tied] };
        let width = |other: usize| {
            let (first, last) = bins.ends::<T>(other);
            let [first, last] =
                [first, last].map(|position| self.range.depths.depth(T::at_position(position).to_f64()));
            (first - last) * placed.slopes[usize::from(other > bin)]
        };
        let reach = around(window.masses, bin, spare, moved, width);
        Ok(Outlook::of_one(focus, log_u, lack, placed.mean, (reach, at_sample)))
    }

    /// What the KL step sees at depth zero.
    pub(super) fn on_worst(&self) -> f64 {
        self.top_share() + if self.caps { 0.0 } else { self.alpha }
    }

    /// The bin that a cut inside of the window is in. (HD's is at a sample, even if rounding leaves nothing of that.)
    pub(super) fn bin_of_cut(&self, bins: PositionBins, cut: &Cut<T>) -> usize {
        let loss =
            if self.caps && cut.is_between() { self.range.depths.loss(cut.depth) } else { cut.threshold.to_f64() };
        bins.bin::<T>(T::from_f64(loss).position().max(bins.first).min(bins.last))
    }
}

/// These bins, and more on either side as long as they have few enough samples for the next bins to show them one by one.
fn widened(counts: &[f64], mut first: usize, mut last: usize) -> (usize, usize) {
    const ENOUGH: f64 = (RUN / 32) as f64;
    // The next bins must be narrower in any case.
    let limit = counts.len() / 32;
    let (lowest, highest) = (first.saturating_sub(limit), (last + limit).min(counts.len() - 1));
    let mut samples = 0.0;
    while first > lowest && samples + counts[first - 1] <= ENOUGH {
        first -= 1;
        samples += counts[first];
    }
    samples = 0.0;
    while last < highest && samples + counts[last + 1] <= ENOUGH {
        last += 1;
        samples += counts[last];
    }
    (first, last)
}

/// The smallest and the largest loss in these bins, when the ends of each have been noted; None if there is no sample.
fn ends_of_samples(sketch: &[f64], low: usize, high: usize) -> Option<[f64; 2]> {
    let largest_of =
        |run: usize| sketch[HEAD + run * RUN..][low..=high].iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let [largest, minus_smallest] = [2, 3].map(largest_of);
    (largest > f64::NEG_INFINITY).then_some([-minus_smallest, largest])
}

/// Moves the samples of these bins to the front of the sketch; returns how many there are.
fn keep_samples(sketch: &mut [f64], low: usize, high: usize) -> usize {
    let mut kept = 0;
    for bin in low..=high {
        if sketch[HEAD + bin] > 0.0 {
            sketch[HEAD + kept] = sketch[HEAD + bin];
            sketch[HEAD + RUN + kept] = sketch[HEAD + RUN + bin];
            kept += 1;
        }
    }
    kept
}

#[cfg(all(test, feature = "std", hrw_vector))] // where there is room
mod tests;
