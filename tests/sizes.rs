//! The paths that depend on the number of samples and on where they lie: vector registers with a
//! remainder, unaligned slices, the outline of small problems and the subsample of large ones. The
//! same data with base weights of one takes none of them, so that it tells what the answer is.

#[allow(dead_code)] // the derivatives are compared elsewhere
mod reference;
mod support;

use hr_weights::{Ordering, Params, Real, Report, weights_into};
use support::single::{narrow, ulps_apart};
use support::{Problem, params, span, value_tolerance};

const ORDERINGS: [Ordering; 2] = [Ordering::Hd, Ordering::Hr];

/// Uniform numbers in (0, 1), the same on every machine.
struct Uniform(u64);

impl Uniform {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 11) as f64 + 0.5) / 2_f64.powi(53)
    }
}

/// How losses may be distributed and arranged.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Exponential,
    /// Index 0.7: no mean.
    Pareto,
    /// Both signs, no mean.
    Cauchy,
    /// One of seven values.
    Ties,
    Sorted,
    Reversed,
    /// One sample is worse than all others, which are equal.
    AllEqualButOne,
    /// Exponential, but for one sample of a million.
    Outlier,
    /// One in fifty is not the largest.
    MostlyWorst,
    /// The nearer to the largest the denser.
    DenseAtWorst,
    /// Far below the largest, over twenty decades.
    Decades,
}

impl Shape {
    const ALL: [Self; 11] = [
        Self::Exponential,
        Self::Pareto,
        Self::Cauchy,
        Self::Ties,
        Self::Sorted,
        Self::Reversed,
        Self::AllEqualButOne,
        Self::Outlier,
        Self::MostlyWorst,
        Self::DenseAtWorst,
        Self::Decades,
    ];

    /// Losses that are values of `f32`, so that both widths have the same problem.
    fn losses(self, n: usize) -> Vec<f64> {
        let mut uniform = Uniform(n as u64);
        let quantile = |u: f64| match self {
            Self::Pareto => u.powf(-1.0 / 0.7),
            Self::Cauchy => (std::f64::consts::PI * (u - 0.5)).tan(),
            Self::Ties => (7.0 * u).floor(),
            Self::AllEqualButOne => 1.0,
            Self::MostlyWorst => (50.0 * u).min(1.0),
            Self::DenseAtWorst => u.ln(),
            Self::Decades => -10_f64.powf(20.0 * (u - 0.5)),
            _ => -u.ln(),
        };
        let mut losses: Vec<f64> = (0..n).map(|_| f64::from(narrow(quantile(uniform.next())))).collect();
        match self {
            Self::Sorted => losses.sort_by(f64::total_cmp),
            Self::Reversed => losses.sort_by(|a, b| b.total_cmp(a)),
            Self::AllEqualButOne => losses[n / 3] = 2.5,
            Self::Outlier => losses[n / 3] = 1e6,
            _ => {}
        }
        losses
    }
}

/// Solves into a slice that lies at an offset in a larger one, whose other elements must be left
/// alone.
fn solve_at<T: Real>(
    losses: &[T],
    base: Option<&[T]>,
    params: &Params,
    room: &mut [T],
    offset: usize,
) -> (Vec<u64>, Report) {
    let mark = T::from_f64(-77.0);
    room.fill(mark);
    let inside = offset..offset + losses.len();
    let report = weights_into(losses, base, params, &mut room[inside.clone()])
        .unwrap_or_else(|error| panic!("{error:?} from {} samples, {params:?}", losses.len()));
    let outside = room[..inside.start].iter().chain(&room[inside.end..]);
    assert!(outside.copied().all(|cell| cell == mark), "{} samples at {offset}, {params:?}", losses.len());
    (bits(&room[inside]), report)
}

/// Bit patterns, which unlike numbers tell zeros apart; widening loses nothing.
fn bits<T: Real>(values: &[T]) -> Vec<u64> {
    values.iter().map(|value| value.to_f64().to_bits()).collect()
}

/// Every length that a register or a block may leave a remainder of, at every alignment.
fn same_bits_wherever_it_lies<T: Real>() {
    const OFFSETS: usize = 16;
    const LONGEST: usize = 300;
    let mut room_in = [T::from_f64(f64::NAN); LONGEST + OFFSETS];
    let mut room_base = room_in;
    let mut room_out = room_in;
    for n in 1..=LONGEST {
        let shape = Shape::ALL[n % Shape::ALL.len()];
        let losses: Vec<T> = shape.losses(n).into_iter().map(T::from_f64).collect();
        let base: Vec<T> = (0..n).map(|i| T::from_f64(((i * 7 + 1) % 5) as f64)).collect();
        for (k, ordering) in ORDERINGS.into_iter().enumerate() {
            let r = [1e-9, 1e-3, 0.1, 10.0][(n / 8 + k) % 4];
            let params = Params { alpha: [0.05, 0.0, 0.3][n % 3], r, ordering, ..Params::default() };
            for weighted in [false, true] {
                let mut want = None;
                for offset in 0..OFFSETS {
                    // What surrounds the input would spoil any sum that it got into.
                    room_in.fill(T::from_f64(f64::NAN));
                    room_base.fill(T::from_f64(f64::NAN));
                    let based = (3 * offset) % OFFSETS;
                    room_in[offset..offset + n].copy_from_slice(&losses);
                    room_base[based..based + n].copy_from_slice(&base);
                    let base = weighted.then_some(&room_base[based..based + n]);
                    let input = &room_in[offset..offset + n];
                    let got = solve_at(input, base, &params, &mut room_out, (7 * offset + 5) % OFFSETS);
                    let want = want.get_or_insert_with(|| got.clone());
                    assert!(*want == got, "{n} samples of {shape:?} at {offset}, weighted {weighted}, {params:?}");
                }
            }
        }
    }
}

#[test]
fn same_bits_wherever_f32_lies() {
    same_bits_wherever_it_lies::<f32>();
}

#[test]
fn same_bits_wherever_f64_lies() {
    same_bits_wherever_it_lies::<f64>();
}

/// The slow solver agrees at lengths around those of registers and blocks.
#[test]
fn agrees_with_the_reference_at_every_remainder() {
    for n in (1..=300).filter(|n| *n <= 20 || n % 16 < 2 || n % 16 == 15) {
        for (k, ordering) in ORDERINGS.into_iter().enumerate() {
            let problem = Problem {
                losses: Shape::ALL[(n + k) % Shape::ALL.len()].losses(n),
                base: None,
                alpha: [0.05, 0.3, 0.0][n % 3],
                r: [0.1, 1e-3, 1.0][(n / 3 + k) % 3],
                ordering,
                worst_loss: [None, Some(1e6)][n / 2 % 2],
            };
            let (want, got) = (reference::solve(&problem), support::solve(&problem));
            let tolerance = value_tolerance(want.span, want.robust_loss);
            let difference = (got.report.robust_loss - want.robust_loss).abs();
            assert!(difference <= tolerance, "{difference:e} with {n} samples from {problem:?}");
            let apart = largest_difference(&got.weights, &want.weights)
                .max((got.report.worst_weight - want.worst_weight).abs());
            assert!(apart <= 1e-12, "{apart:e} with {n} samples from {problem:?}");
        }
    }
}

fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// Solves a problem of this size in all three ways: with base weights of one, without, and in
/// `f32`.
fn check_against_base_weights(problem: &Problem, name: &str) {
    let name = format!(
        "{name}, {:?}, alpha {}, r {:e}, worst loss {:?}",
        problem.ordering, problem.alpha, problem.r, problem.worst_loss
    );
    let with_base = Problem { base: Some(vec![1.0; problem.losses.len()]), ..problem.clone() };
    let (want, got) = (support::solve(&with_base), support::solve(problem));
    let (value, tolerance) = (want.report.robust_loss, value_tolerance(span(problem), want.report.robust_loss));
    let difference = (got.report.robust_loss - value).abs();
    assert!(difference <= tolerance, "{name}: robust loss {difference:e} apart, {tolerance:e} allowed");
    let gap = got.report.dual_bound - got.report.robust_loss;
    assert!(
        gap >= -tolerance && gap <= 10.0 * tolerance,
        "{name}: {gap:e} between the bounds, {tolerance:e} allowed"
    );
    let apart = largest_difference(&got.weights, &want.weights);
    assert!(apart <= 1e-12, "{name}: weights {apart:e} apart");
    let apart = (got.report.worst_weight - want.report.worst_weight).abs();
    assert!(apart <= 1e-12, "{name}: worst weight {apart:e} apart");

    let losses: Vec<f32> = problem.losses.iter().copied().map(narrow).collect();
    let mut weights = vec![f32::NAN; losses.len()];
    let report = weights_into(&losses, None, &params(problem), &mut weights).expect(&name);
    let difference = (report.robust_loss - value).abs();
    assert!(difference <= tolerance, "{name}: robust loss of f32 {difference:e} apart, {tolerance:e} allowed");
    for (i, (single, double)) in weights.iter().zip(&got.weights).enumerate() {
        assert!(
            ulps_apart(*single, narrow(*double)) <= 2,
            "{name}: weight {i} is {single:e} in f32, {double:e} in f64"
        );
    }
}

/// Every `stride`-th combination of shape and budgets at one size; strides have no factor in common
/// with the numbers of choices, so that every choice has its turn.
fn sweep(n: usize, stride: usize) {
    const ALPHAS: [f64; 5] = [0.0, 0.01, 0.05, 0.3, 0.9];
    const RADII: [f64; 7] = [1e-9, 1e-6, 1e-3, 0.1, 1.0, 10.0, 100.0];
    let mut number = 0;
    for shape in Shape::ALL {
        let losses = shape.losses(n);
        let max = losses.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        for alpha in ALPHAS {
            for r in RADII {
                for ordering in ORDERINGS {
                    for worst_loss in [None, Some(1.25 * max + 1.0)] {
                        number += 1;
                        if number % stride == 0 {
                            let problem =
                                Problem { losses: losses.clone(), base: None, alpha, r, ordering, worst_loss };
                            check_against_base_weights(&problem, &format!("{n} samples of {shape:?}"));
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn around_a_group() {
    for n in [31, 32, 33, 64] {
        sweep(n, 1);
    }
}

#[test]
fn around_the_smallest_outline() {
    sweep(511, 3);
    sweep(512, 1);
    sweep(513, 3);
}

#[test]
fn around_the_smallest_subsample() {
    sweep(2_047, 3);
    sweep(2_048, 1);
    sweep(2_049, 3);
}

#[test]
fn around_a_few_thousand() {
    sweep(8_191, 3);
    sweep(8_192, 1);
    sweep(8_193, 3);
}

#[test]
fn one_more_than_a_chunk() {
    sweep(16_385, 3);
}

#[test]
fn several_chunks() {
    sweep(70_000, 11);
}

#[test]
fn hundreds_of_thousands() {
    sweep(300_000, 37);
}

/// Large budgets for which the cut of HR is far from that of the base weights: many samples are
/// trimmed, and their mass is small.
#[test]
fn a_cut_far_from_that_of_the_base() {
    for shape in [Shape::Exponential, Shape::Sorted, Shape::Reversed] {
        for (alpha, r) in [(0.3, 1.0), (0.9, 0.1)] {
            let losses = shape.losses(300_000);
            let problem = Problem { losses, base: None, alpha, r, ordering: Ordering::Hr, worst_loss: None };
            check_against_base_weights(&problem, &format!("300000 samples of {shape:?}"));
        }
    }
}

/// So many samples that what a thread is dealt is longer than what a kernel is called with. They
/// are copies of a few, which share the weight of each.
#[test]
fn more_than_a_chunk_for_a_thread() {
    const COPIES: usize = 1100;
    let few = Shape::Exponential.losses(1000);
    let losses: Vec<f64> = (0..few.len() * COPIES).map(|i| few[i * 7 % few.len()]).collect();
    let base = vec![0.5; losses.len()];
    for ordering in ORDERINGS {
        let params = Params { alpha: 0.0505, r: 0.1, ordering, ..Params::default() };
        let mut shared = vec![0.0; few.len()];
        let report = weights_into(&few, None, &params, &mut shared).expect("valid");
        for (threads, base) in [(1, None), (1, Some(&base[..])), (2, None), (2, Some(&base[..]))] {
            let mut weights = vec![f64::NAN; losses.len()];
            let of_all = weights_into(&losses, base, &Params { threads, ..params }, &mut weights).expect("valid");
            assert!((of_all.robust_loss - report.robust_loss).abs() <= 1e-12, "{of_all:?} instead of {report:?}");
            assert_eq!(of_all.trim_loss, report.trim_loss);
            for (i, weight) in weights.iter().enumerate() {
                let exact = shared[i * 7 % few.len()] / COPIES as f64;
                assert!(
                    (weight - exact).abs() <= 1e-9 * exact,
                    "sample {i}: {weight:e} instead of {exact:e}, {params:?}"
                );
            }
        }
    }
}
