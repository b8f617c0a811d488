//! The passes that sort samples into bins, for problems that no single machine sees whole.

use super::Chunk;
use crate::depths::Depths;
use crate::math::floor;
use crate::real::{Real, first_position};
use crate::sharded::ROOM;

/// Bins of depths over the whole range: narrow in proportion to the depth for so many octaves from the deepest, since what
/// matters of a depth is `log(u + d)`; wide below, where only the largest budgets reach; and one for depth zero.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DepthBins {
    deepest: u64,
}

/// (Where there is little room they are few.) An octave has two to the first bins; so many octaves have
/// them; the others share a bin among two to the third.
const SHAPE: (u32, u64, u32) = if ROOM { (3, 128, 2) } else { (1, 8, 6) };
/// The bits of a double below its exponent.
const MANTISSA: u32 = 52;

impl DepthBins {
    const FINE: u64 = SHAPE.1 << SHAPE.0;
    /// All exponents of a double could follow.
    const COARSE: u64 = 1 + (1 << 10 >> SHAPE.2);
    /// The bin of depth zero is the last one.
    #[allow(clippy::cast_possible_truncation)] // some hundreds
    pub(crate) const COUNT: usize = (Self::FINE + Self::COARSE + 1) as usize;

    /// `deepest` is the largest depth. (Scaled depths are below two, but an all-reduce that lies may say anything.)
    pub(crate) fn new(deepest: f64) -> Self {
        Self { deepest: deepest.min(2.0).to_bits() }
    }

    /// The bin of a depth; it grows as depth falls.
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation)] // less than the count
    pub(crate) fn bin(self, depth: f64) -> usize {
        if depth <= 0.0 {
            return Self::COUNT - 1;
        }
        // Bits of positive doubles are ordered as they are, and nearly as their logarithms.
        let distance = self.deepest.saturating_sub(depth.to_bits());
        let fine = distance >> (MANTISSA - SHAPE.0);
        let bin = if fine < Self::FINE {
            fine
        } else {
            Self::FINE + (distance >> (MANTISSA + SHAPE.2)) - (SHAPE.1 >> SHAPE.2)
        };
        bin as usize
    }

    /// A depth in or near a bin, from which depths in it can be measured without losing digits.
    fn landmark(self, bin: usize) -> f64 {
        let bin = bin as u64;
        let distance = if bin < Self::FINE {
            bin << (MANTISSA - SHAPE.0)
        } else {
            (bin - Self::FINE + (SHAPE.1 >> SHAPE.2)) << (MANTISSA + SHAPE.2)
        };
        f64::from_bits(self.deepest.saturating_sub(distance))
    }

    /// Adds to each bin the mass of its samples, and `sum b d` and `sum b d^2` as seen from its landmark. (Three runs of
    /// [`DepthBins::COUNT`] values.)
    pub(crate) fn add<T: Real>(self, chunk: Chunk<'_, T>, depths: Depths, to: &mut [f64]) {
        let (masses, moments) = to.split_at_mut(Self::COUNT);
        let (firsts, seconds) = moments.split_at_mut(Self::COUNT);
        chunk.each(|loss, mass| {
            let depth = depths.depth(loss.to_f64());
            let bin = self.bin(depth);
            let distance = if bin + 1 == Self::COUNT { 0.0 } else { depth - self.landmark(bin) };
            masses[bin] += mass;
            firsts[bin] += mass * distance;
            seconds[bin] += mass * distance * distance;
        });
    }

    /// Mean and variance of the depths in a bin that is not empty, from what [`DepthBins::add`] has added up.
    pub(crate) fn outline(self, bin: usize, sums: &[f64]) -> (f64, f64) {
        if bin + 1 == Self::COUNT {
            return (0.0, 0.0);
        }
        let (mass, first, second) = (sums[bin], sums[Self::COUNT + bin], sums[2 * Self::COUNT + bin]);
        let mean = first / mass;
        (self.landmark(bin) + mean, (second / mass - mean * mean).max(0.0))
    }
}

/// Bins of losses from one value to another, each with the same number of representable losses. Where these reach over octaves, a bin
/// also ends wherever one of as many depths would: what matters of a loss beside zero is not its octave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PositionBins {
    /// The position of the first loss of the first bin, and of the last loss of the last.
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// A bin has two to this many losses.
    shift: u32,
    /// Where it is wide, what else ends a bin.
    by_depth: Option<Steps>,
    count: usize,
}

/// Depths that fall in steps of two to the shift representable values.
#[derive(Clone, Copy, Debug)]
struct Steps {
    depths: Depths,
    /// The bits of the first depth, and of the last but one: the last may be zero, far from all others.
    deepest: u64,
    shallowest: u64,
    shift: u32,
}

impl Steps {
    /// How many steps there are down to the depth of this position.
    #[inline(always)]
    fn down_to<T: Real>(&self, position: u64) -> u64 {
        let depth = self.depths.depth(T::at_position(position).to_f64());
        // (An all-reduce that lies may say anything of the range.)
        self.deepest.saturating_sub(depth.to_bits().max(self.shallowest)) >> self.shift
    }
}

/// By how many bits numbers up to the largest must be shifted to be less than a count.
fn shift_below(largest: u64, count: u64) -> u32 {
    let mut shift = 0;
    while largest >> shift >= count {
        shift += 1;
    }
    shift
}

impl PositionBins {
    /// At most so many bins.
    pub(crate) fn new<T: Real>([first, last]: [u64; 2], depths: Depths, at_most: usize) -> Self {
        let at_most = at_most as u64;
        let mut bins = Self { first, last, shift: shift_below(last - first, at_most), by_depth: None, count: 0 };
        if bins.is_wide() {
            bins.end_by_depth::<T>(depths, at_most);
        }
        bins.count = bins.bin::<T>(last) + 1;
        bins
    }

    /// Lets steps of depth have half of the bins, or fewer if there are not so many.
    fn end_by_depth<T: Real>(&mut self, depths: Depths, at_most: u64) {
        let Self { first, last, .. } = *self;
        let [deepest, shallowest] =
            [first, last - 1].map(|position| depths.depth(T::at_position(position).to_f64()).to_bits());
        let shift = shift_below(deepest.saturating_sub(shallowest), at_most / 2);
        let steps = Steps { depths, deepest, shallowest, shift };
        self.shift = shift_below(last - first, at_most - steps.down_to::<T>(last));
        self.by_depth = Some(steps);
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The positions of the first and the last loss of a bin; those of a neighbour, if it has none.
    pub(crate) fn ends<T: Real>(&self, bin: usize) -> (u64, u64) {
        if self.by_depth.is_some() {
            let all = (self.first, self.last);
            let first = first_position(all, |position| self.bin::<T>(position) >= bin);
            let next = first_position(all, |position| self.bin::<T>(position) > bin);
            return (first, if self.bin::<T>(next) > bin { first.max(next - 1) } else { next });
        }
        let first = self.first + ((bin as u64) << self.shift);
        (first, self.last_from(first))
    }

    /// The last position of a bin, by losses alone, from its first.
    fn last_from(&self, first: u64) -> u64 {
        self.last.min(first.saturating_add((1 << self.shift) - 1))
    }

    /// How far a position is from the first of its bin, by losses alone.
    fn offset(&self, position: u64) -> u64 {
        (position - self.first) & ((1 << self.shift) - 1)
    }

    /// The bin of a position.
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation)] // `new` was told how many
    pub(crate) fn bin<T: Real>(&self, position: u64) -> usize {
        // Each of the two grows with the loss.
        let steps = self.by_depth.map_or(0, |steps| steps.down_to::<T>(position));
        (((position - self.first) >> self.shift) + steps) as usize
    }

    /// Adds to each bin the mass of its samples, `sum b o` and `sum b o^2` with o the position after the first of the bin
    /// or, in a wide bin, the part of its width (were it of losses alone), and their number. (Four runs of as many values as `lost`
    /// has, which holds the rounding of the masses so far.)
    pub(crate) fn add<T: Real>(&self, chunk: Chunk<'_, T>, to: &mut [f64], lost: &mut [f64]) {
        let run = lost.len();
        let (masses, others) = to.split_at_mut(run);
        let (offsets, others) = others.split_at_mut(run);
        let (squares, counts) = others.split_at_mut(run);
        self.each(chunk, |bin, position, loss, mass| {
            let offset = if self.is_wide() {
                let [first, half_width] = self.extent::<T>(position);
                (0.5 * loss.to_f64() - 0.5 * first) / half_width
            } else {
                self.offset(position) as f64
            };
            let (before, more) = (masses[bin], mass - lost[bin]);
            masses[bin] = before + more;
            lost[bin] = (masses[bin] - before) - more;
            offsets[bin] += mass * offset;
            squares[bin] += mass * offset * offset;
            counts[bin] += 1.0;
        });
    }

    /// Notes the largest loss of each bin, and minus the smallest. (Two runs.)
    pub(crate) fn note_ends<T: Real>(&self, chunk: Chunk<'_, T>, to: &mut [f64]) {
        let (largest, minus_smallest) = to.split_at_mut(to.len() / 2);
        self.each(chunk, |bin, _, loss, _| {
            largest[bin] = largest[bin].max(loss.to_f64());
            minus_smallest[bin] = minus_smallest[bin].max(-loss.to_f64());
        });
    }

    /// Calls `visit` with the bin, the position, the loss and the mass of each sample that is in a bin.
    #[inline(always)]
    fn each<T: Real>(&self, chunk: Chunk<'_, T>, mut visit: impl FnMut(usize, u64, T, f64)) {
        let [low, high] = [self.first, self.last].map(T::at_position);
        chunk.each(|loss, mass| {
            // Most are outside.
            if loss >= low && loss <= high {
                let position = loss.position();
                visit(self.bin::<T>(position), position, loss, mass);
            }
        });
    }

    /// Whether a bin has so many values that the mean position tells little of the mean loss: it may reach over octaves.
    fn is_wide(&self) -> bool {
        self.shift > EXACT
    }

    /// Of the bin that a position is in, by losses alone, the first loss, and half of how far it is to the last; not zero, for one that
    /// has no more than one.
    fn extent<T: Real>(&self, position: u64) -> [f64; 2] {
        let first = position - self.offset(position);
        let [first, last] = [first, self.last_from(first)].map(|position| T::at_position(position).to_f64());
        [first, (0.5 * last - 0.5 * first).max(f64::MIN_POSITIVE)]
    }

    /// What [`PositionBins::add`] has added up in a bin tells of its samples; that of an empty one is at the last loss `before` it.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a position
    pub(crate) fn outline<T: Real>(
        &self,
        bin: usize,
        [mass, offset, square, count]: [f64; 4],
        before: f64,
    ) -> Outline {
        if count == 0.0 {
            return Outline { loss: before, is_known: true, may_be_tied: true };
        }
        let (first, last) = self.ends::<T>(bin);
        let mean = if mass > 0.0 { offset / mass } else { 0.0 };
        let position = if self.is_wide() {
            let [first, half_width] = self.extent::<T>(first);
            T::from_f64(2.0 * (0.5 * first + mean * half_width)).position()
        } else {
            first.saturating_add(floor(mean + 0.5) as u64)
        };
        Outline {
            loss: T::at_position(position.max(first).min(last)).to_f64(),
            is_known: self.shift == 0 || (count == 1.0 && !self.is_wide()),
            may_be_tied: square * mass - offset * offset <= 1e-9 * offset * offset,
        }
    }
}

/// Offsets below two to this are whole numbers still when they have been multiplied and divided by a mass.
const EXACT: u32 = 50;

/// What is known of the samples in a bin.
pub(crate) struct Outline {
    /// About their mean.
    pub(crate) loss: f64,
    /// Whether all of them are there.
    pub(crate) is_known: bool,
    /// Whether all of them may be there, as far as rounded sums tell.
    pub(crate) may_be_tied: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(losses: &[f64]) -> Chunk<'_, f64> {
        Chunk { losses, base: None, mass_scale: 0.5 }
    }

    /// Where an all-reduce has lied about the deepest, a sample's depth has a bin still.
    #[test]
    fn bins_of_impossible_depths() {
        for deepest in [f64::NAN, -f64::NAN, f64::INFINITY, f64::MAX, 0.0] {
            for depth in [0.0, 1e-300, 1.0, 2.0, f64::MAX, f64::INFINITY, f64::NAN] {
                let bin = DepthBins::new(deepest).bin(depth);
                assert!(bin < DepthBins::COUNT, "bin {bin} of {depth:e} below {deepest:e}");
            }
        }
    }

    /// Bins follow the depths down, as narrow as they are said to be, and each is near its landmark.
    #[test]
    fn bins_of_depths() {
        let bins = DepthBins::new(0.75);
        assert_eq!((bins.bin(0.75), bins.bin(0.0)), (0, DepthBins::COUNT - 1));
        let mut last = (0, 0.75);
        for step in 0..5000 {
            let depth = 0.75 * libm::exp2(f64::from(step) / -7.0);
            let bin = bins.bin(depth);
            let is_fine = f64::from(step) < 7.0 * (SHAPE.1 as f64 - 2.0);
            // Of an octave, and of some octaves.
            let width = if is_fine { 2.0 / f64::from(1 << SHAPE.0) } else { libm::exp2(f64::from(1 << SHAPE.2)) };
            let ratio = bins.landmark(bin) / depth;
            assert!(bin >= last.0 && bin < DepthBins::COUNT - 1, "bin {bin} of {depth:e}");
            assert!(
                ratio < 1.0 + width && ratio > 1.0 / (1.0 + width),
                "bin {bin} of {depth:e} is {ratio} times that deep"
            );
            if last.1 > depth * (1.0 + 2.0 * width) {
                assert!(bin > last.0, "{depth:e} and {:e} in one bin", last.1);
                last = (bin, depth);
            }
        }
    }

    /// What is added up in a bin is that of its samples.
    #[test]
    fn outlines_of_depths() {
        let depths = Depths::new(0.0, -1.0);
        let bins = DepthBins::new(depths.depth(-1.0));
        for (octaves, spread) in
            [(0.0, 1e-5), (0.55, 1e-5), (1.3, 1e-4), (20.7, 1e-5), (100.2, 1e-5), (300.1, 1e-2), (900.9, 1e-2)]
        {
            let deep = -libm::exp2(-octaves);
            // And a sample elsewhere, and one at depth zero.
            let losses = [deep, deep * (1.0 - spread), deep * (1.0 - 3.0 * spread), -0.3, 0.0];
            let mut sums = vec![0.0; 3 * DepthBins::COUNT];
            bins.add(chunk(&losses), depths, &mut sums);
            let bin = bins.bin(depths.depth(deep));
            let inside: Vec<f64> =
                losses.iter().map(|&loss| depths.depth(loss)).filter(|&depth| bins.bin(depth) == bin).collect();
            let count = inside.len() as f64;
            assert_eq!((sums[bin], sums[DepthBins::COUNT - 1]), (0.5 * count, 0.5));
            let mean = inside.iter().sum::<f64>() / count;
            let variance = inside.iter().map(|depth| (depth - mean) * (depth - mean)).sum::<f64>() / count;
            let (told_mean, told_variance) = bins.outline(bin, &sums);
            // Digits are lost beside the landmark alone, which is far from the depths only where bins are few.
            let mark = bins.landmark(bin);
            assert!(
                (told_mean - mean).abs() <= 1e-13 * mean + 1e-15 * mark,
                "{octaves} octaves: {told_mean:e} instead of {mean:e}"
            );
            let error = (told_variance - variance).abs();
            assert!(
                error <= 1e-6 * variance.max(1e-12 * mean * mean) + 1e-15 * (mark - mean) * (mark - mean),
                "{octaves} octaves: off by {error:e} of {variance:e}"
            );
            assert_eq!(bins.outline(DepthBins::COUNT - 1, &sums), (0.0, 0.0));
        }
    }

    /// Of wide bins the last may have no more than one value.
    #[test]
    fn a_wide_bin_of_one_value() {
        let position = |loss: f64| loss.position();
        // Where the depths are all the same, these are bins of losses alone.
        let bins = PositionBins::new::<f64>([position(0.0), position(0.125)], Depths::new(1e30, 0.0), 512);
        let last = bins.count() - 1;
        assert!(bins.is_wide() && bins.ends::<f64>(last) == (position(0.125), position(0.125)));
        let (mut sums, mut lost) = (vec![0.0; 4 * 512], vec![0.0; 512]);
        bins.add(chunk(&[0.125, 0.0, 0.125]), &mut sums, &mut lost);
        for (bin, loss, mass) in [(0, 0.0, 0.5), (last, 0.125, 1.0)] {
            let told = [0, 1, 2, 3].map(|run| sums[512 * run + bin]);
            assert_eq!(told, [mass, 0.0, 0.0, 2.0 * mass]);
            assert!(bins.outline::<f64>(bin, told, 0.0).loss == loss);
        }
    }

    /// Bins of positions lie side by side, and are as many as there may be, or half as many at least.
    #[test]
    fn bins_of_positions() {
        let one = 1.0_f64.position();
        for (first, last, at_most) in
            [(0, 99, 100), (0, 100, 100), (7, 1000, 10), (5, 5, 3), (one, 1e290_f64.position(), 512)]
        {
            let bins = PositionBins::new::<f64>([first, last], Depths::new(f64::MAX, 0.0), at_most);
            let count = bins.count();
            assert!(count <= at_most && (2 * count >= at_most || bins.shift == 0), "{count} of {at_most}");
            let mut next = first;
            for bin in 0..count {
                let (from, to) = bins.ends::<f64>(bin);
                assert_eq!((from, bins.bin::<f64>(from), bins.bin::<f64>(to)), (next, bin, bin));
                next = to.wrapping_add(1);
            }
            assert_eq!(next, last + 1);
        }
    }

    /// Around zero the depth tells losses apart, and where the depths are all alike the octaves do. (At the worst loss both do.)
    #[test]
    fn bins_of_depths_and_octaves() {
        for (low, high, worst) in [(-1e300, 29.75, 30.0), (-1e300, 30.0, 30.0), (-1e-3, 1e-7, 1e-7), (0.0, 1.0, 1.0)]
        {
            let (low, high): (f64, f64) = (low, high);
            let bins = PositionBins::new::<f64>([low.position(), high.position()], Depths::new(worst, low), 900);
            let bin = |loss: f64| bins.bin::<f64>(loss.position());
            assert!(bins.count() <= 900 && bins.count() > 400);
            assert_eq!((bin(low), bin(high) + 1), (0, bins.count()));
            let mut losses: Vec<f64> = (0..4).map(|step| high * libm::exp2(-100.0 * f64::from(step))).collect();
            losses.extend((1..9).map(|step| worst - 1.1 * worst * libm::exp2(-f64::from(step))));
            losses.sort_by(f64::total_cmp);
            for pair in losses.windows(2).filter(|pair| pair[0] < pair[1] && pair[1] <= high) {
                assert!(low > -1.0 || bin(pair[0]) <= bin(pair[1]));
                assert!(low < -1.0 || bin(pair[0]) < bin(pair[1]), "{pair:?} of {low} to {high}");
            }
            // Each loss is between the ends of its bin, of which no other bin has a part.
            let mut last: Option<(usize, u64)> = None;
            for loss in losses.into_iter().filter(|&loss| loss <= high) {
                let (from, to) = bins.ends::<f64>(bin(loss));
                assert!(from <= loss.position() && loss.position() <= to, "{loss:e}");
                assert_eq!((bins.bin::<f64>(from), bins.bin::<f64>(to)), (bin(loss), bin(loss)));
                assert!(last.is_none_or(|(before, end)| before == bin(loss) || end < from));
                last = Some((bin(loss), to));
            }
        }
    }

    /// One sample in a bin is known, equal ones may be taken for one, others may not.
    #[test]
    fn outlines_of_positions() {
        let (low, high) = (1.0_f64, 2.0_f64);
        let depths = Depths::new(high, low);
        let bins = PositionBins::new::<f64>([low.position(), high.position()], depths, 20);
        let look = |bins: PositionBins, losses: &[f64], at: f64| {
            let count = bins.count();
            let (mut sums, mut lost) = (vec![0.0; 4 * count], vec![0.0; count]);
            bins.add(chunk(losses), &mut sums, &mut lost);
            let bin = bins.bin::<f64>(at.position());
            let outline = bins.outline::<f64>(bin, [0, 1, 2, 3].map(|run| sums[run * count + bin]), 0.0);
            (outline.loss, outline.is_known, outline.may_be_tied)
        };
        assert_eq!(look(bins, &[1.3, 1.7], 1.3), (1.3, true, true));
        assert_eq!(look(bins, &[1.3, 1.7, 0.5, 2.5], 1.7), (1.7, true, true));
        for losses in [&[1.3, 1.3][..], &[1.3; 3], &[1.3; 7]] {
            let (value, is_known, may_be_tied) = look(bins, losses, 1.3);
            assert!((value - 1.3).abs() <= 1e-15 && !is_known && may_be_tied, "{value}");
        }
        let (value, is_known, may_be_tied) = look(bins, &[1.3, 1.31, 1.31, 1.29], 1.3);
        assert!((value - 1.3025).abs() <= 1e-12 && !is_known && !may_be_tied, "{value}");
        assert!(look(bins, &[1.3], 1.7).1);
        // Values of their own are known however many share them; wide bins blur even one.
        let narrow = PositionBins::new::<f64>([low.position(), low.position() + 10], depths, 20);
        assert_eq!(look(narrow, &[low.next_up(); 3], low.next_up()), (low.next_up(), true, true));
        let wide = PositionBins::new::<f64>([-1e300, 1e300].map(f64::position), Depths::new(1e300, -1e300), 4);
        assert!(!look(wide, &[1.3], 1.3).1);
        // Over octaves what counts is the mean loss, not the mean position.
        let octaves = PositionBins::new::<f64>([1.0 / 256.0, 256.0].map(f64::position), Depths::new(1e30, 0.0), 4);
        let (value, is_known, may_be_tied) = look(octaves, &[2.0, 3.0, 100.0, 0.5], 2.0);
        assert!((value - 35.0).abs() <= 1e-12 && !is_known && !may_be_tied, "{value}");
    }
}
