//! The passes that sort samples into bins, for problems that no single machine sees whole.

use super::Chunk;
use crate::depths::Depths;
use crate::math::floor;
use crate::real::Real;
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

    /// `deepest` is the largest depth.
    pub(crate) fn new(deepest: f64) -> Self {
        Self { deepest: deepest.to_bits() }
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

/// Bins of losses from one value to another, each with the same number of representable values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PositionBins {
    /// The position of the first value of the first bin, and of the last value of the last.
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// A bin has two to this many values.
    shift: u32,
}

impl PositionBins {
    /// At most so many bins.
    pub(crate) fn new(first: u64, last: u64, at_most: usize) -> Self {
        let mut shift = 0;
        while (last - first) >> shift >= at_most as u64 {
            shift += 1;
        }
        Self { first, last, shift }
    }

    #[allow(clippy::cast_possible_truncation)] // `new` was told how many
    pub(crate) fn count(&self) -> usize {
        ((self.last - self.first) >> self.shift) as usize + 1
    }

    /// The positions of the first and the last value of a bin.
    pub(crate) fn ends(&self, bin: usize) -> (u64, u64) {
        let first = self.first + ((bin as u64) << self.shift);
        (first, self.last.min(first.saturating_add((1 << self.shift) - 1)))
    }

    /// The bin of a position.
    #[allow(clippy::cast_possible_truncation)] // less than the count
    pub(crate) fn bin(&self, position: u64) -> usize {
        ((position - self.first) >> self.shift) as usize
    }

    /// Adds to each bin the mass of its samples, `sum b o` and `sum b o^2` with o the position after the first of the bin
    /// or, in a wide bin, the part of its width, and their number. (Four runs of as many values as `lost` has, which holds the rounding of the masses so far.)
    pub(crate) fn add<T: Real>(&self, chunk: Chunk<'_, T>, to: &mut [f64], lost: &mut [f64]) {
        let run = lost.len();
        let (masses, others) = to.split_at_mut(run);
        let (offsets, others) = others.split_at_mut(run);
        let (squares, counts) = others.split_at_mut(run);
        self.each(chunk, |bin, position, loss, mass| {
            let offset = if self.is_wide() {
                let [first, half_width] = self.extent::<T>(bin);
                (0.5 * loss.to_f64() - 0.5 * first) / half_width
            } else {
                ((position - self.first) & ((1 << self.shift) - 1)) as f64
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
                visit(self.bin(position), position, loss, mass);
            }
        });
    }

    /// Whether a bin has so many values that the mean position tells little of the mean loss: it may reach over octaves.
    fn is_wide(&self) -> bool {
        self.shift > EXACT
    }

    /// The first loss of a bin, and half of how far it is to the last.
    fn extent<T: Real>(&self, bin: usize) -> [f64; 2] {
        let (first, last) = self.ends(bin);
        let [first, last] = [first, last].map(|position| T::at_position(position).to_f64());
        [first, 0.5 * last - 0.5 * first]
    }

    /// What [`PositionBins::add`] has added up in a bin tells of its samples.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a position
    pub(crate) fn outline<T: Real>(&self, bin: usize, [mass, offset, square, count]: [f64; 4]) -> Outline {
        let (first, last) = self.ends(bin);
        let mean = if mass > 0.0 { offset / mass } else { 0.0 };
        let position = if self.is_wide() {
            let [first, half_width] = self.extent::<T>(bin);
            T::from_f64(2.0 * (0.5 * first + mean * half_width)).position()
        } else {
            first.saturating_add(floor(mean + 0.5) as u64)
        };
        Outline {
            loss: T::at_position(position.max(first).min(last)).to_f64(),
            is_known: self.shift == 0 || count == 0.0 || (count == 1.0 && !self.is_wide()),
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
