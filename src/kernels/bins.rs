//! The pass that sorts losses into bins, for problems that no single machine sees whole.
//!
//! A bin is a range of losses. The bins are numbered from the worst loss down, and the number of a
//! loss is a sum of terms that each grow with its depth d:
//!
//! * one for every depth above zero: the samples at the worst loss have a bin of their own;
//! * the leading bits of `x = u + d`: bins of about the same width in `log x`, over all depths;
//! * the leading bits of the loss' position in a window: bins of as many representable losses each,
//!   which in the end hold one.
//!
//! So the number costs a few instructions, and every edge of either kind is an edge of the bins.

use super::Chunk;
use crate::numbers::depths::Depths;
use crate::numbers::real::{Real, first_position};

/// How losses are sorted. All ranks make the same bins from the same numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bins {
    depths: Depths,
    /// Depths are sorted by `u + d`.
    u: f64,
    /// The positions of the least and the largest loss that have a bin.
    covered: [u64; 2],
    /// The positions of the least and the largest loss of the window; crossed where there is none.
    window: [u64; 2],
    /// How many trailing bits of a position in the window do not count.
    window_shift: u32,
    /// The bits of the least `u + d`, and how many trailing ones do not count.
    first_x: u64,
    x_shift: u32,
    /// Whether the shallowest bin is that of depth zero.
    has_zero: bool,
    count: usize,
}

/// What is added up in a bin: its mass, and the first three moments of the offsets of its `u + d`.
pub(crate) const SUMS_OF_BIN: usize = 4;

impl Bins {
    /// No bins.
    pub(crate) const fn none(depths: Depths) -> Self {
        Self {
            depths,
            u: 1.0,
            covered: [1, 0],
            window: [1, 0],
            window_shift: 0,
            first_x: 0,
            x_shift: 0,
            has_zero: false,
            count: 0,
        }
    }

    /// At most so many bins for the losses between two positions. Half of them are for the window,
    /// unless its ends are crossed; u is not so large beside the depths that their differences
    /// would be lost.
    pub(crate) fn new<T: Real>(
        depths: Depths,
        u: f64,
        covered: [u64; 2],
        [low, high]: [u64; 2],
        at_most: usize,
    ) -> Self {
        if covered[0] > covered[1] {
            return Self::none(depths);
        }
        let depth = |position: u64| depths.depth(T::at_position(position).to_f64());
        let [shallow, deep] = [depth(covered[1]), depth(covered[0])];
        let u = u.min(deep).max(f64::MIN_POSITIVE);
        let mut bins = Self { u, covered, has_zero: shallow == 0.0, ..Self::none(depths) };
        let mut left = (at_most - 1) as u64;
        if low <= high {
            bins.window = [low, high];
            // Two more than the shifted width: the first bin, and that of what is deeper.
            bins.window_shift = shift_to(high - low, left / 2 - 3);
            left -= ((high - low) >> bins.window_shift) + 2;
        }
        bins.first_x = (u + shallow).to_bits();
        let width = (u + deep).to_bits().saturating_sub(bins.first_x);
        bins.x_shift = shift_to(width, left - 1);
        bins.count = at_most;
        bins.count = bins.bin(covered[0], deep) + 1;
        bins
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The bin of a loss that has this position and this depth.
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation)] // `new` saw to it
    fn bin(&self, position: u64, depth: f64) -> usize {
        let [low, high] = self.window;
        let by_position = if position > high {
            0
        } else if position < low {
            2 + ((high - low) >> self.window_shift)
        } else {
            1 + ((high - position) >> self.window_shift)
        };
        let by_position = if low > high { 0 } else { by_position };
        let by_depth = (u64::from(depth > 0.0) & u64::from(self.has_zero)) + self.step(self.u + depth);
        ((by_position + by_depth) as usize).min(self.count - 1)
    }

    /// How many widths `x = u + d` is from the least one.
    #[inline(always)]
    fn step(&self, x: f64) -> u64 {
        x.to_bits().saturating_sub(self.first_x) >> self.x_shift
    }

    /// Of all x so many widths from the least one: the least, and the power of two in which offsets
    /// from it are counted.
    #[inline(always)]
    fn origin(&self, step: u64) -> [f64; 2] {
        const EXPONENT: u64 = 2047 << 52;
        let first = self.first_x + (step << self.x_shift);
        [f64::from_bits(first), f64::from_bits((2046 << 52) - (first & EXPONENT).min(2045 << 52))]
    }

    /// Adds the samples of a chunk to the bins: four runs of as many values as there are bins, of
    /// which the first two are added up without loss (Kahan), in as many values of `lost`.
    pub(crate) fn add<T: Real>(&self, chunk: Chunk<'_, T>, to: &mut [f64], lost: &mut [f64]) {
        let (masses, moments) = to.split_at_mut(self.count);
        let (firsts, moments) = moments.split_at_mut(self.count);
        let (seconds, thirds) = moments.split_at_mut(self.count);
        let (lost_masses, lost_firsts) = lost.split_at_mut(self.count);
        // Without base weights all masses are the same power of two, whose sums are exact.
        let is_exact = chunk.base.is_none();
        self.each(chunk, |bin, _, depth, mass| {
            let x = self.u + depth;
            let [origin, scale] = self.origin(self.step(x));
            let offset = (x - origin) * scale;
            if is_exact {
                masses[bin] += mass;
            } else {
                add_kahan(&mut masses[bin], &mut lost_masses[bin], mass);
            }
            let first = mass * offset;
            add_kahan(&mut firsts[bin], &mut lost_firsts[bin], first);
            seconds[bin] += first * offset;
            thirds[bin] += first * offset * offset;
        });
    }

    /// Notes the largest loss of each bin, and minus the least one.
    pub(crate) fn note_ends<T: Real>(&self, chunk: Chunk<'_, T>, ends: &mut [f64]) {
        let (largest, minus_least) = ends.split_at_mut(self.count);
        self.each(chunk, |bin, loss, _, _| {
            largest[bin] = largest[bin].max(loss);
            minus_least[bin] = minus_least[bin].max(-loss);
        });
    }

    /// Calls `visit` with the bin, the loss, the depth and the mass of each sample that has a bin.
    #[inline(always)]
    fn each<T: Real>(&self, chunk: Chunk<'_, T>, mut visit: impl FnMut(usize, f64, f64, f64)) {
        /// So many losses are compared at once: most rounds cover few of them.
        const BLOCK: usize = 32;
        if self.count == 0 {
            return;
        }
        let [low, high] = self.covered.map(T::at_position);
        // Without a branch, for registers.
        #[allow(clippy::needless_bitwise_bool)]
        let is_covered = |loss: T| (loss >= low) & (loss <= high);
        for block in chunk.parts(BLOCK) {
            if !block.losses.iter().fold(false, |any, &loss| any | is_covered(loss)) {
                continue;
            }
            block.each(|loss, mass| {
                if is_covered(loss) {
                    let depth = self.depths.depth(loss.to_f64());
                    visit(self.bin(loss.position(), depth), loss.to_f64(), depth, mass);
                }
            });
        }
    }

    /// The largest and the least loss that a bin can hold. (Not of a bin that can hold none.)
    pub(crate) fn ends<T: Real>(&self, bin: usize) -> [f64; 2] {
        let [low, high] = self.covered;
        let bin_at = |position: u64| self.bin(position, self.depths.depth(T::at_position(position).to_f64()));
        let first_up_to = |bin: usize| first_position((low, high), |position| bin_at(position) <= bin);
        let least = first_up_to(bin);
        let largest = match bin.checked_sub(1) {
            Some(before) if bin_at(high) <= before => first_up_to(before).saturating_sub(1).max(least),
            // No bin that holds a loss is shallower.
            _ => high,
        };
        [largest, least].map(|position| T::at_position(position).to_f64())
    }

    /// Of the bin that begins at a depth: the depth from which offsets are counted, and one in their
    /// unit.
    pub(crate) fn unit(&self, shallow: f64) -> [f64; 2] {
        let [origin, scale] = self.origin(self.step(self.u + shallow));
        [origin - self.u, 1.0 / scale]
    }
}

/// The least shift that makes a width at most so many.
fn shift_to(width: u64, at_most: u64) -> u32 {
    let mut shift = 0;
    while width >> shift > at_most {
        shift += 1;
    }
    shift
}

/// Adds a term to a sum of which `lost` holds what rounding has added so far.
#[inline(always)]
fn add_kahan(sum: &mut f64, lost: &mut f64, term: f64) {
    let more = term - *lost;
    let next = *sum + more;
    *lost = (next - *sum) - more;
    *sum = next;
}
