//! What is known of the losses of all ranks: cells, each a range of losses. Two atoms stand for the
//! samples of a cell, with the same mass and the same first three moments (Gauss quadrature), so
//! that sums over samples are those over atoms but for the fourth power of the cell's width over x.
//!
//! Invariant: the cells are in the order of their depths, the shallowest first, do not overlap, and
//! hold all samples.

use super::super::message::BINS;
use crate::kernels::Bins;
use crate::numbers::depths::Depths;
use crate::numbers::math::{floor, sqrt};
use core::ops::Range;

/// So many cells are kept: two rounds fill them, and then neighbours are merged. Fewer would merge
/// what the next round needs, more would take longer to solve.
const CELLS: usize = 2 * BINS;

/// The cells, by what they hold.
#[derive(Clone, Debug)]
#[repr(C)]
pub(crate) struct Cells {
    count: usize,
    /// The first of the last round, and the first beyond it.
    fresh: [usize; 2],
    /// The largest and the least loss that each can hold.
    largest: [f64; CELLS],
    least: [f64; CELLS],
    /// Two atoms of each.
    losses: [f64; 2 * CELLS],
    masses: [f64; 2 * CELLS],
}

/// The sums of the bins of a round.
pub(crate) struct Round<'a> {
    pub(crate) bins: &'a Bins,
    pub(crate) sums: &'a [f64],
    pub(crate) depths: Depths,
    /// Whether masses are counts, since there are no base weights.
    pub(crate) are_counts: bool,
}

impl Round<'_> {
    fn occupied(&self) -> impl Iterator<Item = usize> {
        (0..self.bins.count()).filter(|&bin| self.sums[bin] > 0.0)
    }

    /// The two atoms of a bin with these ends.
    fn atoms_of_bin(&self, bin: usize, ends: [f64; 2]) -> [(f64, f64); 2] {
        let [mass, first, second, third] = [0, 1, 2, 3].map(|run| self.sums[run * self.bins.count() + bin]);
        let unit = self.bins.unit(self.depths.depth(ends[0]));
        self.atoms(mass, [first, second, third].map(|sum| sum / mass), unit, ends)
    }

    /// Two atoms in the place of those of two cells, between these ends.
    fn atoms_of_two(&self, atoms: [(f64, f64); 4], ends: [f64; 2]) -> [(f64, f64); 2] {
        let mass: f64 = atoms.iter().map(|&(_, mass)| mass).sum();
        let origin = self.depths.depth(ends[0]);
        let moment = |power: i32| {
            let term = |&(loss, part): &(f64, f64)| {
                (0..power).fold(part / mass, |term, _| term * (self.depths.depth(loss) - origin))
            };
            atoms.iter().map(term).sum()
        };
        self.atoms(mass, [1, 2, 3].map(moment), [origin, 1.0], ends)
    }

    /// Two atoms, losses and masses, from the moments of offsets from a depth, in a unit.
    fn atoms(
        &self,
        mass: f64,
        [mean, second, third]: [f64; 3],
        [origin, unit]: [f64; 2],
        [largest, least]: [f64; 2],
    ) -> [(f64, f64); 2] {
        /// Relative to the square of the offsets: what rounding may have taken from a variance.
        /// Where r is tiny, one that is too large is as good as the right one, and one that is zero
        /// is not.
        const ROUNDING: f64 = 1e-15;
        /// Counts are shared out in multiples of this, so that their sums stay exact up to four
        /// million samples; the third moment is off by as little.
        const PART: f64 = 1.0 / (1_u64 << 30) as f64;
        let [from, to] = [largest, least].map(|loss| (self.depths.depth(loss) - origin) / unit);
        let mean = mean.max(from).min(to);
        let deviation = sqrt((second - mean * mean).max(ROUNDING * second));
        // Half of the skewness, and the share of the mass on the side of its sign.
        let skew = 0.5 * (third - mean * (3.0 * second - 2.0 * mean * mean)) / (deviation * deviation * deviation);
        let root = sqrt(1.0 + skew * skew);
        let share = 0.5 / (root * (root + skew.abs()));
        let loss = |offset: f64| self.depths.loss(origin + offset * unit).min(largest).max(least);
        if share.is_nan() {
            return [(loss(mean), mass), (loss(mean), 0.0)];
        }
        let part = if self.are_counts { PART } else { f64::EPSILON * mass };
        let small = floor(share * mass / part).max(1.0) * part;
        // Distances from the mean are as the masses of the other side; no atom leaves the cell.
        let ratio = small / (mass - small);
        let [beyond, behind] = if skew > 0.0 { [to - mean, mean - from] } else { [mean - from, to - mean] };
        let far = (deviation / sqrt(ratio)).min(beyond).min(behind / ratio);
        let far = if skew > 0.0 { far } else { -far };
        [(loss(mean + far), small), (loss(mean - far * ratio), mass - small)]
    }
}

impl Cells {
    /// None.
    #[allow(clippy::large_stack_arrays)] // in a box, at the callers here
    pub(crate) const NONE: Self = Self {
        count: 0,
        fresh: [0; 2],
        largest: [0.0; CELLS],
        least: [0.0; CELLS],
        losses: [0.0; 2 * CELLS],
        masses: [0.0; 2 * CELLS],
    };

    /// The losses and the masses of all atoms.
    pub(crate) fn atoms(&self) -> [&[f64]; 2] {
        [&self.losses, &self.masses].map(|values| &values[..2 * self.count])
    }

    pub(crate) fn all(&self) -> Range<usize> {
        0..self.count
    }

    /// The cells of the last round.
    pub(crate) fn fresh(&self) -> Range<usize> {
        self.fresh[0]..self.fresh[1]
    }

    /// The largest and the least loss of a cell.
    pub(crate) fn ends(&self, cell: usize) -> [f64; 2] {
        [self.largest[cell], self.least[cell]]
    }

    pub(crate) fn mass(&self, cell: usize) -> f64 {
        self.masses[2 * cell] + self.masses[2 * cell + 1]
    }

    /// Whether all samples of a cell are known to have the same loss.
    pub(crate) fn is_single(&self, cell: usize) -> bool {
        self.largest[cell] == self.least[cell]
    }

    /// The cell of a loss that an atom has; if none has it, one next to it.
    pub(crate) fn at(&self, loss: f64) -> usize {
        self.least[..self.count.saturating_sub(1)].partition_point(|&least| least > loss)
    }

    /// Puts the bins of a round that hold a sample in the place of the cells that they divide.
    pub(crate) fn replace(&mut self, mut divided: Range<usize>, round: &Round<'_>, ends: impl Fn(usize) -> [f64; 2]) {
        let occupied = round.occupied().count();
        // Narrow ones are merged first, and those at depth zero last: all could be at the end.
        for width in core::iter::successors(Some(1e-3), |width| Some(2.0 * width)).take(20) {
            if self.count - divided.len() + occupied > CELLS {
                divided = self.merge_but(divided, round, width);
            }
        }
        // (It all fits, unless an all-reduce has made up numbers.)
        let to = CELLS.min(divided.start + occupied);
        let kept = divided.end..self.count.min(divided.end + (CELLS - to));
        for run in [&mut self.largest, &mut self.least] {
            run.copy_within(kept.clone(), to);
        }
        for run in [&mut self.losses, &mut self.masses] {
            run.copy_within(2 * kept.start..2 * kept.end, 2 * to);
        }
        self.count = to + kept.len();
        self.fresh = [divided.start, to];
        self.fill(round, ends);
    }

    /// Sets the cells of the last round, whose bins have these ends.
    pub(crate) fn fill(&mut self, round: &Round<'_>, ends: impl Fn(usize) -> [f64; 2]) {
        for (cell, bin) in self.fresh().zip(round.occupied()) {
            let ends = ends(bin);
            self.set(cell, ends, round.atoms_of_bin(bin, ends));
        }
    }

    fn set(&mut self, cell: usize, [largest, least]: [f64; 2], atoms: [(f64, f64); 2]) {
        (self.largest[cell], self.least[cell]) = (largest, least);
        for (place, (loss, mass)) in (2 * cell..).zip(atoms) {
            (self.losses[place], self.masses[place]) = (loss, mass);
        }
    }

    /// Merges neighbours that are together no wider than this part of their depth, but not these
    /// cells; where those are then.
    fn merge_but(&mut self, kept: Range<usize>, round: &Round<'_>, width: f64) -> Range<usize> {
        let (mut from, mut to, mut start) = (0, 0, 0);
        while from < self.count {
            if from == kept.start {
                start = to;
            }
            let next = (from + 1).min(self.count - 1);
            let [shallow, deep] = [self.largest[from], self.least[next]].map(|loss| round.depths.depth(loss));
            let is_pair = next > from && (next < kept.start || from >= kept.end) && deep - shallow <= width * deep;
            let last = if is_pair { next } else { from };
            let ends = [self.largest[from], self.least[last]];
            let atom = |place: usize| (self.losses[2 * from + place], self.masses[2 * from + place]);
            let atoms = if is_pair { round.atoms_of_two([0, 1, 2, 3].map(atom), ends) } else { [0, 1].map(atom) };
            self.set(to, ends, atoms);
            (from, to) = (last + 1, to + 1);
        }
        self.count = to;
        start..start + kept.len()
    }
}
