//! Costs that can be counted: passes over the data. (Allocations are counted in
//! `tests/allocations.rs`, root iterations in `tests/accuracy.rs`.)

use crate::numbers::real::Real;
use crate::params::{Ordering, Params};
use crate::pass::Data;
use crate::pass::{Team, seen};
use crate::solve::{solve, solve_from};
use crate::validate::validate;

/// Passes over all of these losses, from the first look to the last weight.
fn passes<T: Real>(losses: &[T], base: Option<&[T]>, params: &Params) -> u32 {
    let mut weights = vec![T::ZERO; losses.len()];
    let mut data = Data::new(losses, base, Team::ALONE);
    let range = validate(&mut data, params).expect("valid");
    let optimum = solve(&data, &range, params, Some(&mut weights));
    optimum.write(&data, &range, &mut weights);
    data.passes()
}

/// Exp(1) losses from a multiplicative generator.
fn exponential(n: usize) -> Vec<f32> {
    let mut state = 1_u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32 + 0.5) / (1 << 24) as f32
    };
    (0..n).map(|_| -uniform().ln()).collect()
}

#[test]
fn passes_are_few() {
    // (samples, at most so many passes for HD, for HR). Large problems take a survey, one look, and
    // one pass to write. HR's threshold moves with u, among the losses that have been gathered. In
    // sorted order a subsample is not a random one, and another look may be needed.
    let bounds = [(128, 11, 15), (1024, 6, 8), (8192, 4, 7), (100_000, 4, 5), (1_000_000, 4, 5)];
    for (n, hd, hr) in bounds {
        let mut reversed = exponential(n);
        reversed.sort_by(|a, b| b.total_cmp(a));
        for (order, losses) in [("random", exponential(n)), ("reversed", reversed)] {
            for (ordering, bound) in [(Ordering::Hd, hd), (Ordering::Hr, hr)] {
                let params = Params { alpha: 0.05, r: 0.1, ordering, ..Params::default() };
                let passes = passes(&losses, None, &params);
                assert!(passes <= bound, "{passes} passes over {n} samples in {order} order, {ordering:?}");
            }
        }
    }
}

const ALPHAS: [f64; 5] = [0.0, 1e-3, 0.05, 0.3, 0.8];
const RADII: [f64; 8] = [0.0, 1e-9, 1e-6, 1e-4, 0.01, 0.3, 2.0, 20.0];

/// Passes over these losses for every budget, without and with a worst loss beyond them all.
fn passes_of_all_budgets<T: Real>(losses: &[T], base: Option<&[T]>, ordering: Ordering) -> u32 {
    let mut total = 0;
    for alpha in ALPHAS {
        for r in RADII {
            for worst_loss in [None, Some(100.0)] {
                total += passes(losses, base, &Params { alpha, r, ordering, worst_loss, ..Params::default() });
            }
        }
    }
    total
}

/// A search with worse guesses finds the same answers in more passes, so what is asserted are
/// totals. They leave a hundredth for the order in which an instruction set adds.
#[test]
fn passes_of_all_budgets_are_few() {
    // (samples, at most so many passes for HD: losses without ties, with ties, with base weights;
    // the same for HR).
    let bounds = [
        (20, [622, 602, 648], [694, 644, 756]),
        (300, [660, 615, 859], [785, 625, 1008]),
        (5000, [305, 375, 1042], [500, 430, 1337]),
    ];
    for (n, hd, hr) in bounds {
        let losses: Vec<f64> = exponential(n).into_iter().map(f64::from).collect();
        let ties: Vec<f64> = losses.iter().map(|loss| (4.0 * loss).floor()).collect();
        let base: Vec<f64> = (0..n).map(|i| (i % 4) as f64).collect();
        for (ordering, bounds) in [(Ordering::Hd, hd), (Ordering::Hr, hr)] {
            let totals = [(&losses, None), (&ties, None), (&losses, Some(&base[..]))]
                .map(|(losses, base)| passes_of_all_budgets(losses, base, ordering));
            let few = totals.iter().zip(bounds).all(|(&total, bound)| total <= bound);
            assert!(few, "{totals:?} passes over {n} samples, {bounds:?} are expected, {ordering:?}");
        }
    }
}

/// What a solution costs in losses seen. A pass of its own costs about as much as so many losses.
#[allow(clippy::cast_precision_loss)]
fn cost(losses: &[f32], params: &Params) -> f64 {
    const OF_A_PASS: usize = 256;
    seen::take();
    passes(losses, None, params);
    let [passes, losses] = seen::take();
    (OF_A_PASS * passes + losses) as f64
}

/// No budget costs many times the usual one, also where HR moves nearly everything to the worst loss
/// and its threshold moves much with u. In time it is less: the usual call looks at fewer losses,
/// and does more with each.
#[test]
fn budgets_have_no_cliff() {
    const VECTORS: usize = 20;
    for n in [1024, 4096] {
        let losses = exponential(n * VECTORS);
        for ordering in [Ordering::Hd, Ordering::Hr] {
            let costs = |alpha, r| {
                let params = Params { alpha, r, ordering, ..Params::default() };
                let mut costs: Vec<f64> = losses.chunks(n).map(|losses| cost(losses, &params)).collect();
                costs.sort_by(f64::total_cmp);
                [costs[VECTORS / 2], costs[VECTORS - 1]]
            };
            let [usual, _] = costs(0.05, 0.1);
            for alpha in [0.0, 0.01, 0.05, 0.3, 0.5] {
                for r in [1e-6, 1e-3, 0.1, 0.5, 1.0, 2.0, 10.0] {
                    let [median, largest] = costs(alpha, r).map(|cost| cost / usual);
                    assert!(
                        median <= 3.4 && largest <= 5.2,
                        "{median:.2} and {largest:.2} times the usual cost, {n} samples, alpha {alpha}, r {r}, {ordering:?}"
                    );
                }
            }
        }
    }
}

/// From one r to the next the search begins at the last solution.
#[test]
fn passes_of_a_path_are_few() {
    // (samples, alpha, at most so many passes for HD, for HR).
    for (n, alpha, hd, hr) in [(300, 0.0, 99, 99), (5000, 0.0, 107, 107), (300, 0.05, 89, 184), (5000, 0.05, 83, 342)]
    {
        for (ordering, bound) in [(Ordering::Hd, hd), (Ordering::Hr, hr)] {
            let losses = exponential(n);
            let mut weights = vec![0.0; n];
            let mut data = Data::new(&losses, None, Team::ALONE);
            let mut params = Params { alpha, ordering, ..Params::default() };
            let range = validate(&mut data, &params).expect("valid");
            let mut last = None;
            for step in 0..40 {
                params.r = 1e-3 * 1.2_f64.powi(step);
                solve_from(&data, &range, &params, Some(&mut weights), &mut last);
                assert!(last.is_some());
            }
            let passes = data.passes();
            assert!(
                passes <= bound,
                "{passes} passes over {n} samples, {bound} are expected, alpha {alpha}, {ordering:?}"
            );
        }
    }
}
