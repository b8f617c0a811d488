//! What must not change the answer (the order and the unit of the losses, the width of the floats,
//! the number of threads, the form of the call), and what may change it in one direction only.

mod support;

use hr_weights::{Params, weights_into};
use proptest::collection::vec;
use proptest::prelude::*;
use support::generate::{priced_problem, problem};
use support::single::{narrow, round_to_f32, solve_f32, ulps_apart};
use support::{
    Problem, assert_close, map_losses, params, robust_loss, solve, span, ulp, unmasked, unmasked_losses,
    value_tolerance,
};

proptest! {
    /// The order of the samples does not matter.
    #[test]
    fn permutation_invariant(problem in problem(), multiplier in any::<usize>()) {
        let mut order: Vec<usize> = (0..problem.losses.len()).collect();
        order.sort_by_key(|&i| i.wrapping_mul(multiplier | 1));
        let pick = |values: &[f64]| order.iter().map(|&i| values[i]).collect::<Vec<f64>>();
        let permuted = Problem {
            losses: pick(&problem.losses),
            base: problem.base.as_deref().map(pick),
            ..problem.clone()
        };
        let (one, other) = (solve(&problem), solve(&permuted));
        assert_close(&pick(&one.weights), &other.weights, 1e-13)?;
        let value = one.report.robust_loss;
        prop_assert!((value - other.report.robust_loss).abs() <= value_tolerance(span(&problem), value));
    }

    /// A sample with k times the base weight is k samples.
    #[test]
    fn base_weights_count_samples(problem in problem(), counts in vec(1..=4_usize, 600)) {
        let base = problem.base.clone().unwrap_or_else(|| vec![1.0; problem.losses.len()]);
        let counts = &counts[..base.len()];
        let weighted = Problem {
            base: Some(base.iter().zip(counts).map(|(b, &k)| b * k as f64).collect()),
            ..problem.clone()
        };
        let repeat = |values: &[f64]| -> Vec<f64> {
            values.iter().zip(counts).flat_map(|(&value, &k)| std::iter::repeat_n(value, k)).collect()
        };
        let repeated = Problem {
            losses: repeat(&problem.losses),
            base: problem.base.as_deref().map(repeat),
            ..problem.clone()
        };
        let (one, other) = (solve(&weighted), solve(&repeated));
        let shares: Vec<f64> = one.weights.iter().zip(counts).map(|(p, &k)| p / k as f64).collect();
        assert_close(&repeat(&shares), &other.weights, 1e-12)?;
        let value = one.report.robust_loss;
        prop_assert!((value - other.report.robust_loss).abs() <= 2.0 * value_tolerance(span(&problem), value));
    }

    /// The same data many times over: each copy gets its share. It makes problems of up to 60,000
    /// samples.
    #[test]
    fn copies_share_the_weight(problem in problem(), copies in 1..=100_usize) {
        let repeated = Problem {
            losses: problem.losses.repeat(copies),
            base: problem.base.as_ref().map(|base| base.repeat(copies)),
            ..problem.clone()
        };
        let (one, other) = (solve(&problem), solve(&repeated));
        let shares: Vec<f64> = one.weights.iter().map(|p| p / copies as f64).collect();
        assert_close(&shares.repeat(copies), &other.weights, 1e-12)?;
        let total = other.weights.iter().sum::<f64>() + other.report.worst_weight;
        prop_assert!((total - 1.0).abs() <= 1e-12, "sum of weights {total}");
        prop_assert!((one.report.worst_weight - other.report.worst_weight).abs() <= 1e-12);
        let value = one.report.robust_loss;
        prop_assert!((value - other.report.robust_loss).abs() <= 2.0 * value_tolerance(span(&problem), value));
    }

    /// Losses in another unit, a power of two, give the same weights to the bit.
    #[test]
    fn scaling_by_powers_of_two_is_exact(problem in problem(), exponent in -200..200) {
        let scale = 2_f64.powi(exponent);
        let (one, other) = (solve(&problem), solve(&map_losses(&problem, |l| l * scale)));
        prop_assert_eq!(one.weights, other.weights);
        prop_assert_eq!(one.report.worst_weight, other.report.worst_weight);
        prop_assert_eq!(one.report.robust_loss * scale, other.report.robust_loss);
        // With r = 100 the derivatives may fall below the normal range.
        if one.report.d_r > 1e-200 * span(&problem) {
            prop_assert_eq!(one.report.d_r * scale, other.report.d_r);
            prop_assert_eq!(one.report.d_alpha * scale, other.report.d_alpha);
        }
    }

    /// Losses in any other unit give the same weights to rounding.
    #[test]
    fn scale_invariant(problem in priced_problem(), scale in 0.001..1000.0) {
        let (one, other) = (solve(&problem), solve(&map_losses(&problem, |l| l * scale)));
        // An offset makes a depth uncertain by its own rounding.
        let rounding = unmasked_losses(&problem).iter().fold(0.0_f64, |m, l| m.max(ulp(*l))) / span(&problem);
        assert_close(&one.weights, &other.weights, 1e-12 + 100.0 * rounding)?;
    }

    /// A shift of all losses that rounds nothing gives the same weights, and shifts the robust
    /// loss.
    #[test]
    fn shift_invariant(problem in problem(), shift in -1_000_000..1_000_000_i32) {
        let grid = |l: f64| if l.abs() < 1e6 { (l * 1024.0).ceil() / 1024.0 } else { l.signum() * 1e6 };
        let problem = map_losses(&problem, grid);
        let shift = f64::from(shift);
        let (one, other) = (solve(&problem), solve(&map_losses(&problem, |l| l + shift)));
        assert_close(&one.weights, &other.weights, 1e-13)?;
        prop_assert!((one.report.worst_weight - other.report.worst_weight).abs() <= 1e-13);
        let (d_r, shifted) = (one.report.d_r, other.report.d_r);
        prop_assert!(d_r == shifted || (d_r - shifted).abs() <= 1e-12 * d_r);
        let difference = other.report.robust_loss - one.report.robust_loss - shift;
        let rounding = ulp(other.report.robust_loss) + ulp(one.report.robust_loss);
        prop_assert!(difference.abs() <= 1e-13 * span(&problem) + rounding);
    }

    /// A larger budget never lowers the robust loss.
    #[test]
    fn monotone_in_budgets(problem in problem(), more_alpha in 0.0..0.5, more_r in 0.0..2.0) {
        let value = robust_loss(&problem);
        let tolerance = value_tolerance(span(&problem), value);
        let alpha = f64::min(problem.alpha + more_alpha, 1.0);
        let with_alpha = robust_loss(&Problem { alpha, ..problem.clone() });
        prop_assert!(with_alpha >= value - tolerance, "{with_alpha} after {value}");
        let r = problem.r + more_r;
        let with_r = robust_loss(&Problem { r, ..problem.clone() });
        prop_assert!(with_r >= value - tolerance, "{with_r} after {value}");
    }

    /// A larger loss never lowers the robust loss.
    #[test]
    fn monotone_in_each_loss(problem in problem(), which in 0..600_usize, by in 0.0..2.0) {
        let kept = unmasked(&problem);
        let mut larger = problem.clone();
        larger.losses[kept[which % kept.len()]] += by * span(&problem);
        let max = unmasked_losses(&larger).into_iter().fold(f64::NEG_INFINITY, f64::max);
        larger.worst_loss = problem.worst_loss.map(|w| w.max(max));
        let value = robust_loss(&problem);
        prop_assert!(robust_loss(&larger) >= value - value_tolerance(span(&larger), value));
    }

    /// `f32` weights are the rounded `f64` ones to two units in the last place.
    #[test]
    fn f32_is_rounded_f64(problem in problem()) {
        let Some(problem) = round_to_f32(&problem) else { return Ok(()) };
        let (double, single) = (solve(&problem), solve_f32(&problem));
        for (i, (p, s)) in double.weights.iter().zip(&single.weights).enumerate() {
            prop_assert!(ulps_apart(narrow(*p), *s) <= 2, "weight {}: {:e} against {:e}", i, s, p);
        }
        let value = double.report.robust_loss;
        prop_assert!((value - single.report.robust_loss).abs() <= value_tolerance(span(&problem), value));
    }

    /// The same input gives the same bits, again and for every number of threads.
    #[test]
    fn same_bits_every_time(problem in problem(), threads in 0..4_usize) {
        let one = solve(&problem);
        let params = Params { threads, ..params(&problem) };
        let mut weights = vec![f64::NAN; problem.losses.len()];
        let report = weights_into(&problem.losses, problem.base.as_deref(), &params, &mut weights).unwrap();
        prop_assert_eq!(one.weights, weights);
        prop_assert_eq!(one.report.robust_loss, report.robust_loss);
        prop_assert_eq!(one.report.dual_bound, report.dual_bound);
    }
}
