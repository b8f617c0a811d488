//! Costs that can be counted: passes over the data. (Allocations are counted in `tests/allocations.rs`, root
//! iterations in `tests/accuracy.rs`.)

use crate::params::{Error, Ordering, Params};
use crate::reduce::{Data, Meeting};
use crate::solve::solve;
use crate::team::Team;
use crate::validate::validate;

/// Meets nobody, and counts how often.
struct Counting<'a>(&'a mut u32);

impl Meeting for Counting<'_> {
    fn join(&mut self, _: &mut [f64], _: &mut [f64]) -> Result<(), Error> {
        *self.0 += 1;
        Ok(())
    }
}

/// Passes over all of these losses, from the first look to the last weight.
fn passes(losses: &[f32], params: &Params) -> u32 {
    let mut passes = 0;
    let mut weights = vec![0.0; losses.len()];
    let mut data = Data::new(losses, None, Team::ALONE, Counting(&mut passes));
    let range = validate(&mut data, params).expect("valid");
    let optimum = solve(&mut data, &range, params, Some(&mut weights)).expect("solved");
    optimum.write(&mut data, &range, &mut weights).expect("written");
    passes
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
    // (samples, at most so many passes for HD, for HR). Large problems are flown by a pilot: a survey, one pass for the
    // threshold, two for u, one to write; HR's threshold moves with u.
    let bounds = [(128, 14, 19), (1024, 14, 31), (8192, 6, 10), (100_000, 6, 9), (1_000_000, 6, 9)];
    for (n, hd, hr) in bounds {
        let mut reversed = exponential(n);
        reversed.sort_by(|a, b| b.total_cmp(a));
        for (order, losses) in [("random", exponential(n)), ("reversed", reversed)] {
            for (ordering, bound) in [(Ordering::Hd, hd), (Ordering::Hr, hr)] {
                let params = Params { alpha: 0.05, r: 0.1, ordering, ..Params::default() };
                let passes = passes(&losses, &params);
                assert!(passes <= bound, "{passes} passes over {n} samples in {order} order, {ordering:?}");
            }
        }
    }
}
