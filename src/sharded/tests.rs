//! The search of a sharded solve, held against sums over a few hundred samples.

use super::search::{Cells, Round};
use super::state::{MOST_CALLS, State};
use super::{Sharded, Step};
use crate::kernels::{Bins, Chunk, SUMS_OF_BIN};
use crate::numbers::depths::Depths;
use crate::numbers::real::Real;
use crate::params::{Ordering, Params};
use crate::report::Report;

/// Some hundred losses: exponential, tied, over hundreds of decades, mostly the largest, a few far
/// below.
fn losses(shape: usize) -> Vec<f64> {
    let golden = 0.5 * (libm::sqrt(5.0) - 1.0);
    (0..400_u32)
        .map(|sample| {
            let u = libm::fmod(golden * (f64::from(sample) + 0.5), 1.0);
            match shape {
                0 => -libm::log(u),
                1 => libm::floor(12.0 * u),
                2 => -libm::pow(10.0, 400.0 * (u - 0.5)),
                3 if u < 0.98 => 1.0,
                3 => u,
                _ if u < 0.01 => -1e9 * u,
                _ => libm::sqrt(u),
            }
        })
        .collect()
}

const SHAPES: usize = 5;

/// The calls that one participant makes if there may be so many, the report and the weights.
fn solved(most_calls: u32, losses: &[f64], params: &Params) -> (u32, Report, Vec<f64>) {
    let (mut sharded, mut weights) = (Sharded(State::new(most_calls)), vec![f64::NAN; losses.len()]);
    let mut calls = 0;
    loop {
        match sharded.step(losses, None, params, &mut weights).expect("valid") {
            Step::Reduce(..) => calls += 1,
            Step::Done(report) => return (calls, report, weights),
        }
    }
}

/// However few calls there may be, no more are made; the weights that they lead to are allowed, and
/// the dual bound is one. With all calls that there may be the answer is one machine's.
#[test]
fn limits_to_calls() {
    let mut ended = 0;
    for (shape, ordering) in (0..SHAPES).flat_map(|shape| [(shape, Ordering::Hd), (shape, Ordering::Hr)]) {
        let losses = losses(shape);
        let smallest = losses.iter().copied().fold(f64::MAX, f64::min);
        for (alpha, r) in
            [0.0, 1e-4, 0.05, 0.6].into_iter().flat_map(|alpha| [1e-30, 1e-12, 1e-3, 0.1, 2.0].map(|r| (alpha, r)))
        {
            let params = Params { alpha, r, ordering, ..Params::default() };
            let mut weights = vec![0.0; losses.len()];
            let optimum = crate::weights_into(&losses, None, &params, &mut weights).expect("valid");
            let tolerance = 1e-12 * (optimum.worst_loss - smallest);
            for most_calls in [3, 4, 5, 6, 7, MOST_CALLS] {
                let (calls, report, weights) = solved(most_calls, &losses, &params);
                let told = format!("{most_calls} calls, {report:?}: shape {shape}, {params:?}");
                assert!(calls <= most_calls, "{calls} of {told}");
                let sum: f64 = weights.iter().sum();
                let value: f64 = weights.iter().zip(&losses).map(|(weight, loss)| weight * loss).sum();
                assert!((sum - 1.0).abs() < 1e-12 && weights.iter().all(|&weight| weight >= 0.0), "{told}");
                assert!((value - report.robust_loss).abs() <= tolerance, "{value:e} with {told}");
                assert!(report.kl <= r * (1.0 + 1e-9) && report.tv <= alpha, "{told}");
                assert!(report.robust_loss <= optimum.robust_loss + tolerance, "{told}");
                assert!(report.dual_bound >= optimum.robust_loss - tolerance, "{told}");
                let gap = report.dual_bound - report.robust_loss;
                ended += usize::from(gap > tolerance);
                assert!(most_calls < MOST_CALLS || gap.abs() <= tolerance, "{told}");
            }
        }
    }
    assert!(ended > 50, "only {ended} ended early");
}

/// What is to be reduced can be asked for again, until it has been; and at the end there is
/// nothing.
#[test]
fn what_is_pending() {
    let (losses, params) = (losses(0), Params { alpha: 0.1, r: 0.1, ..Params::default() });
    let (mut sharded, mut weights) = (Sharded::new(), vec![0.0; losses.len()]);
    assert!(sharded.pending().is_none());
    loop {
        let step = sharded.step(&losses, None, &params, &mut weights).expect("valid");
        let Step::Reduce(operation, values) = step else { break };
        let asked = (operation, values.to_vec());
        assert_eq!(sharded.pending().map(|(operation, values)| (operation, values.to_vec())), Some(asked));
    }
    assert!(sharded.pending().is_none());
}

/// Bins of losses, and their sums.
struct Binned {
    bins: Bins,
    depths: Depths,
    sums: Vec<f64>,
}

impl Binned {
    /// At most so many bins between two losses, narrow from about u on, half of them for a window.
    fn new(losses: &[f64], u: f64, covered: [f64; 2], window: [f64; 2], at_most: usize) -> Self {
        let [smallest, largest] = range(losses);
        let depths = Depths::new(largest, smallest);
        let bins = Bins::new::<f64>(depths, u, covered.map(Real::position), window.map(Real::position), at_most);
        let count = bins.count();
        assert!(count <= at_most);
        let (mut sums, mut lost) = (vec![0.0; SUMS_OF_BIN * count], vec![0.0; 2 * count]);
        bins.add(Chunk { losses, base: None, mass_scale: 1.0 }, &mut sums, &mut lost);
        Self { bins, depths, sums }
    }

    fn round(&self) -> Round<'_> {
        Round { bins: &self.bins, sums: &self.sums, depths: self.depths, are_counts: true }
    }

    /// In the place of these cells.
    fn put_into(&self, cells: &mut Cells, divided: core::ops::Range<usize>) {
        cells.replace(divided, &self.round(), |bin| self.bins.ends::<f64>(bin));
    }
}

fn range(losses: &[f64]) -> [f64; 2] {
    [losses.iter().copied().fold(f64::MAX, f64::min), losses.iter().copied().fold(f64::MIN, f64::max)]
}

/// Each loss is in the bin that its ends say, and bins are in order.
#[test]
fn bins_are_ranges_in_order() {
    for shape in 0..SHAPES {
        let losses = losses(shape);
        for (u, at_most) in [(1e-300, 40), (1e-3, 200), (1.0, 1000)] {
            let window = [losses[3].min(losses[7]), losses[3].max(losses[7])];
            let binned = Binned::new(&losses, u, range(&losses), window, at_most);
            let count = binned.bins.count();
            let ends: Vec<_> = (0..count).map(|bin| binned.bins.ends::<f64>(bin)).collect();
            let mut in_bins = vec![0.0; count];
            for &loss in &losses {
                // (What a bin that can hold none says of its ends is of no use.)
                let holds = |&bin: &usize| binned.sums[bin] > 0.0 && ends[bin][0] >= loss && ends[bin][1] <= loss;
                in_bins[(0..count).find(holds).expect("some bin")] += 1.0;
            }
            assert_eq!(in_bins, binned.sums[..count], "shape {shape}, u {u:e}");
            let occupied: Vec<_> = (0..count).filter(|&bin| in_bins[bin] > 0.0).collect();
            for pair in occupied.windows(2) {
                assert!(ends[pair[1]][0] < ends[pair[0]][1], "bins {pair:?} of shape {shape}");
            }
        }
    }
}

/// The first moments of depths, with their masses, from zero on.
fn moments(atoms: impl Iterator<Item = (f64, f64)> + Clone) -> [f64; 4] {
    [0, 1, 2, 3].map(|power| atoms.clone().map(|(mass, depth)| mass * libm::pow(depth, f64::from(power))).sum())
}

/// Asserts that the cells hold all losses: those between the ends of each cell are as many as the
/// mass of its atoms, which are between them as well. The masses and depths of all atoms.
fn checked(cells: &Cells, losses: &[f64], depths: Depths) -> Vec<(f64, f64)> {
    let mut held = 0;
    for cell in cells.all() {
        let [largest, least] = cells.ends(cell);
        let inside = losses.iter().filter(|&&loss| loss <= largest && loss >= least).count();
        assert_eq!(cells.mass(cell), inside as f64, "cell {cell}");
        assert!(cell == 0 || largest < cells.ends(cell - 1)[1], "cell {cell} is out of order");
        let atoms = &cells.atoms()[0][2 * cell..2 * cell + 2];
        assert!(atoms.iter().all(|&loss| loss <= largest && loss >= least), "{atoms:?} of cell {cell}");
        assert_eq!(cells.at(atoms[0]), cell);
        held += inside;
    }
    assert_eq!(held, losses.len());
    let [atoms, masses] = cells.atoms();
    masses.iter().copied().zip(atoms.iter().map(|&loss| depths.depth(loss))).collect()
}

/// The atoms of a cell have the mass and the first three moments of its samples, in all and in
/// parts, and also once cells are merged to make room.
#[test]
fn atoms_have_the_moments_of_samples() {
    for shape in [0, 1, 3, 4] {
        let losses = losses(shape);
        let [smallest, largest] = range(&losses);
        for at_most in [5, 40, 400] {
            let first = Binned::new(&losses, 1e-2, [smallest, largest], [f64::MAX, f64::MIN], at_most);
            let mut cells = Cells::NONE;
            first.put_into(&mut cells, 0..0);
            for round in 0..30 {
                let exact = moments(losses.iter().map(|&loss| (1.0, first.depths.depth(loss))));
                let told = moments(checked(&cells, &losses, first.depths).into_iter());
                for (power, (one, other)) in exact.into_iter().zip(told).enumerate() {
                    // Counts are shared out in parts, by which the third moment may be off.
                    let near = if power == 3 { 1e-8 } else { 1e-13 };
                    assert!((one - other).abs() <= near * exact[0], "{told:?}, {exact:?}: shape {shape}, {round}");
                }
                let Some(wide) = cells.all().rev().find(|&cell| !cells.is_single(cell)) else { break };
                let [most, least] = cells.ends(wide);
                let next = Binned::new(&losses, 1e-2, [least, most], [least, most], at_most.max(16));
                next.put_into(&mut cells, wide..wide + 1);
            }
        }
    }
}

/// More cells than there is room for: neighbours are merged, not those at depth zero or next to
/// what is divided, and all moments stay.
#[test]
fn neighbours_are_merged_where_there_is_no_room() {
    let losses: Vec<f64> = (0..20_000_u32).map(|sample| -libm::sqrt(f64::from(sample))).collect();
    let [smallest, largest] = range(&losses);
    let mut cells = Cells::NONE;
    let first = Binned::new(&losses, 1e-2, [smallest, largest], [f64::MAX, f64::MIN], super::message::BINS);
    first.put_into(&mut cells, 0..0);
    let exact = moments(losses.iter().map(|&loss| (1.0, first.depths.depth(loss))));
    for _ in 0..8 {
        // A third of the cells becomes one again, and is divided anew.
        let (from, to) = (cells.all().end / 3, 2 * cells.all().end / 3);
        let ends = [cells.ends(to - 1)[1], cells.ends(from)[0]];
        Binned::new(&losses, 1e-2, ends, ends, super::message::BINS).put_into(&mut cells, from..to);
        assert_eq!(first.depths.depth(cells.ends(0)[1]), 0.0, "depth zero has a cell of its own");
        let told = moments(checked(&cells, &losses, first.depths).into_iter());
        for (power, (one, other)) in exact.into_iter().zip(told).enumerate() {
            let near = if power == 3 { 1e-8 } else { 1e-12 };
            assert!((one - other).abs() <= near * exact[0], "{told:?}, {exact:?}");
        }
    }
}

/// Sums of `log x` and of `1 / x` over atoms are those over samples but for the fourth power of the
/// width of cells over x.
#[test]
fn sums_over_atoms_are_those_over_samples() {
    let losses = losses(0);
    let u = 0.3;
    for (at_most, width) in [(10, 0.5), (30, 0.13), (150, 0.03), (700, 0.007)] {
        let binned = Binned::new(&losses, u, range(&losses), [f64::MAX, f64::MIN], at_most);
        let mut cells = Cells::NONE;
        binned.put_into(&mut cells, 0..0);
        let atoms = checked(&cells, &losses, binned.depths);
        for of in [libm::log as fn(f64) -> f64, |x| 1.0 / x] {
            let exact: f64 = losses.iter().map(|&loss| of(u + binned.depths.depth(loss))).sum();
            let told: f64 = atoms.iter().map(|&(mass, depth)| mass * of(u + depth)).sum();
            let allowed = (libm::pow(width, 4.0) + 1e-14) * losses.len() as f64;
            assert!((exact - told).abs() <= allowed, "{told:e}, {exact:e}: {at_most} bins");
        }
    }
}
