//! The search of a sharded solve, held against sums over a few hundred samples.

use super::bounds::{Known, Lump, Sums, point};
use super::crossing::{Line, crossing};
use super::state::{MOST_CALLS, State};
use super::{Sharded, Step};
use crate::kernels::{Bins, Chunk, SUMS_OF_BIN, Scaling};
use crate::numbers::depths::Depths;
use crate::numbers::real::Real;
use crate::params::{Ordering, Params};
use crate::report::Report;
use crate::solve::cut::Rule;

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

/// Bins of losses, with the range, that are told by their sums alone.
struct Binned {
    bins: Bins,
    depths: Depths,
    sums: Vec<f64>,
    ends: Vec<f64>,
    deep: Vec<f64>,
}

impl Binned {
    /// At most so many bins, narrow from about u on, and a window between two losses.
    fn new(losses: &[f64], u: f64, window: [f64; 2], at_most: usize) -> Self {
        let largest = losses.iter().copied().fold(f64::MIN, f64::max);
        let smallest = losses.iter().copied().fold(f64::MAX, f64::min);
        let depths = Depths::new(largest, smallest);
        let bins =
            Bins::new::<f64>(depths, u, [smallest, largest].map(Real::position), window.map(Real::position), at_most);
        let count = bins.count();
        assert!(count <= at_most);
        let (mut sums, mut lost) = (vec![0.0; SUMS_OF_BIN * count], vec![0.0; 2 * count]);
        bins.add(Chunk { losses, base: None, mass_scale: 1.0 }, &mut sums, &mut lost);
        let ends: Vec<_> = (0..count).map(|bin| bins.ends::<f64>(bin)).collect();
        let ends = ends.iter().map(|ends| ends[0]).chain(ends.iter().map(|ends| -ends[1])).collect();
        Self { bins, depths, sums, ends, deep: Vec::new() }
    }

    /// The bins that hold a loss come first.
    fn keep_occupied(mut self) -> Self {
        let occupied = self.bins.keep_occupied::<f64>(&mut self.sums, &mut self.ends);
        self.deep = (0..occupied).map(|bin| self.sums[bin..occupied].iter().sum()).collect();
        self
    }

    /// Once the bins that hold a loss come first.
    fn known(&self, moved: f64) -> Known<'_> {
        let total = self.deep[0];
        Known {
            bins: &self.bins,
            sums: &self.sums,
            ends: &self.ends,
            deep_masses: &self.deep,
            deeper: 0.0,
            lump: None,
            total,
            moved,
            depth_of: self.depths,
            cut_depths: [0.0, f64::INFINITY],
        }
    }
}

/// phi of depths with masses, by its definition.
fn phi(distribution: &[(f64, f64)], u: f64) -> f64 {
    let sum = |of: &dyn Fn(f64) -> f64| distribution.iter().map(|&(q, depth)| q * of(u + depth)).sum::<f64>();
    sum(&|x| libm::log(x)) + libm::log(sum(&|x| 1.0 / x))
}

/// Each loss is in the bin that its ends say, bins are in order, and each window loss of a fine
/// window has one of its own.
#[test]
fn bins_are_ranges_in_order() {
    for shape in 0..SHAPES {
        let losses = losses(shape);
        for (u, at_most) in [(1e-300, 40), (1e-3, 200), (1.0, 1000)] {
            let window = [losses[3].min(losses[7]), losses[3].max(losses[7])];
            let binned = Binned::new(&losses, u, window, at_most);
            let count = binned.bins.count();
            let mut in_bins = vec![0.0; count];
            for &loss in &losses {
                let holds = |bin: usize| binned.ends[bin] >= loss && -binned.ends[count + bin] <= loss;
                // (What a bin that can hold none says of its ends is of no use.)
                let bin = (0..count).find(|&bin| binned.sums[bin] > 0.0 && holds(bin));
                in_bins[bin.expect("some bin")] += 1.0;
            }
            assert_eq!(in_bins, binned.sums[..count], "shape {shape}, u {u:e}");
            let occupied: Vec<_> = (0..count).filter(|&bin| in_bins[bin] > 0.0).collect();
            for pair in occupied.windows(2) {
                let (before, here) = (-binned.ends[count + pair[0]], binned.ends[pair[1]]);
                assert!(here < before, "bins {pair:?} of shape {shape}");
            }
        }
    }
}

/// Whatever is in the bins, phi at any u is between its bounds: without a cut, and with those of HD
/// and of HR, which a bisection over sorted depths finds.
#[test]
fn bounds_hold() {
    for (shape, at_most) in (0..SHAPES).flat_map(|shape| [(shape, 24), (shape, 150)]) {
        let losses = losses(shape);
        let n = losses.len() as f64;
        for alpha in [0.0, 0.05, 0.6] {
            let budget = alpha * n;
            let binned = Binned::new(&losses, 1e-2, [f64::MAX, f64::MIN], at_most).keep_occupied();
            let mut depths: Vec<f64> = losses.iter().map(|&loss| binned.depths.depth(loss)).collect();
            depths.sort_by(f64::total_cmp);
            for u in [1e-6, 1e-2, 0.3, 5.0, 1e3] {
                // HD: what alpha leaves of the shallowest, and alpha at the worst loss.
                let mut hd = vec![(alpha, 0.0)];
                let mut left = n - budget;
                for &depth in &depths {
                    hd.push((left.clamp(0.0, 1.0) / n, depth));
                    left -= 1.0;
                }
                // HR: depths clipped at D, at which the mass beyond is alpha x S1.
                let clipped = |most: f64| depths.iter().map(|depth| (1.0 / n, depth.min(most))).collect::<Vec<_>>();
                let beyond = |most: f64| {
                    let inverse: f64 = clipped(most).iter().map(|&(q, depth)| q / (u + depth)).sum();
                    let deeper = depths.iter().filter(|&&depth| depth > most).count() as f64 / n;
                    deeper / ((u + most) * inverse)
                };
                let (mut low, mut high) = (0.0, depths[depths.len() - 1]);
                for _ in 0..200 {
                    let middle = 0.5 * (low + high);
                    if beyond(middle) > alpha { low = middle } else { high = middle }
                }
                let hr = clipped(high);
                for (rule, moved, exact) in [
                    (Rule::Base { budget }, budget, phi(&hd, u)),
                    (Rule::KlWeighted { budget, alpha, u }, 0.0, phi(&hr, u)),
                ] {
                    let [least, most] = binned.known(moved).bounds(rule, u).map(|bound| bound.phi);
                    let rounding = 1e-13 * (1.0 + exact.abs());
                    assert!(
                        least <= exact + rounding && exact <= most + rounding,
                        "{least:e} to {most:e}, {exact:e}: shape {shape}, alpha {alpha}, u {u:e}, {rule:?}"
                    );
                    assert!(
                        at_most < 100 || [2, 4].contains(&shape) || most - least < 0.1 * exact.abs() + 1e-3,
                        "{least:e} to {most:e}"
                    );
                }
            }
        }
    }
}

/// The power series about one u give the sums at another, within what they say of themselves.
#[test]
fn powers_about_a_u() {
    let depths = [0.0, 0.01, 0.3, 0.31, 0.9];
    let (u, scaling) = (0.2, Scaling::new(0.2, 0.1));
    let power =
        |k: i32| depths.iter().map(|&depth| libm::pow(point(&scaling, depth).tilt, f64::from(k))).sum::<f64>();
    let sums = |scaling: &Scaling| {
        let mut all = Sums::default();
        for &depth in &depths {
            all.add(1.0, point(scaling, depth));
        }
        all
    };
    for has_third in [false, true] {
        let lump = Lump {
            mass: 5.0,
            u,
            scaling,
            sums: sums(&scaling),
            second: power(2) * scaling.shift,
            third: has_third.then(|| power(3) * scaling.shift * scaling.shift),
            least: 0.0,
        };
        for step in [-0.1, -1e-2, -1e-4, 0.0, 1e-6, 1e-3, 0.05] {
            let other = u * (1.0 + step);
            let exact = sums(&Scaling::new(other, 0.1));
            let (told, rest) = lump.at(other);
            let rest = rest + 1e-14;
            assert!(
                (told.tilt - exact.tilt).abs() <= rest && (told.g - exact.g).abs() <= 2.0 * rest,
                "{step}: {rest:e}"
            );
            assert!(
                rest <= 20.0 * libm::pow(step.abs(), if has_third { 3.0 } else { 2.0 }) + 2e-14,
                "{step}: {rest:e}"
            );
        }
    }
}

/// A bracket about the root, as close as log u can be told, in few evaluations; an end where there
/// is no root in it.
#[test]
fn crossings() {
    for r in [1e-20, 1e-6, 0.1, 3.0, 40.0] {
        let mut count = 0;
        let phi = |log_u: f64| phi(&[(0.25, 0.0), (0.75, 1.0)], libm::exp(log_u)).max(0.0);
        let exact_phi = |log_u: f64| if log_u > 8.0 { 0.09375 * libm::exp(-2.0 * log_u) } else { phi(log_u) };
        let cell = core::cell::Cell::new(0);
        let [low, high] = crossing(
            |log_u| {
                cell.set(cell.get() + 1);
                exact_phi(log_u)
            },
            Line::new(r, 2.0 / 0.75),
            [-705.0, 373.0],
        );
        count += cell.get();
        assert!(exact_phi(low) > r && exact_phi(high) <= r, "r {r}");
        assert!(high - low <= 4e-15 * (1.0 + low.abs()) && count < 100, "r {r}: {low} to {high}, {count}");
        assert_eq!(crossing(exact_phi, Line::new(r, 2.0), [high + 1.0, 373.0]), [high + 1.0; 2]);
        assert_eq!(crossing(exact_phi, Line::new(r, 2.0), [-705.0, low - 1.0]), [low - 1.0; 2]);
    }
}
