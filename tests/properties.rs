//! Properties that the robust programs have by definition, on random problems, and agreement with the slow reference.

mod reference;
mod support;

#[path = "support/generate.rs"]
mod generate;
#[path = "support/spent.rs"]
mod spent;

use generate::{priced_problem, problem, unmasked, unmasked_losses};
use hr_weights::{Ordering, Params, weights, weights_into};
use ndarray::ArrayView1;
use proptest::collection::vec;
use proptest::prelude::*;
use reference::Problem;
use spent::{divergence, spent};
use support::{Solved, params, round_to_f32, solve, solve_f32, ulp, ulps_apart, value_tolerance};

/// The robust loss by the crate.
fn robust_loss(problem: &Problem) -> f64 {
    solve(problem).report.robust_loss
}

/// The worst loss of a problem less its smallest loss.
fn span(problem: &Problem) -> f64 {
    let losses = unmasked_losses(problem);
    let max = losses.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let min = losses.iter().copied().fold(f64::INFINITY, f64::min);
    problem.worst_loss.unwrap_or(max) - min
}

/// The base weights, normalised.
fn normalised_base(problem: &Problem) -> Vec<f64> {
    let base = problem.base.clone().unwrap_or_else(|| vec![1.0; problem.losses.len()]);
    let total: f64 = base.iter().sum();
    base.iter().map(|b| b / total).collect()
}

/// The same problem with every loss, and the worst loss, changed by `f`.
fn map_losses(problem: &Problem, f: impl Fn(f64) -> f64) -> Problem {
    Problem {
        losses: problem.losses.iter().map(|&l| f(l)).collect(),
        worst_loss: problem.worst_loss.map(&f),
        ..problem.clone()
    }
}

/// Whether weights that should be positive fall below the range of `f64`, so that nothing can be told from them: `d_r` is
/// their common factor. It takes a large `r`.
fn underflows(problem: &Problem) -> bool {
    let exact = reference::solve(problem);
    problem.r > 10.0 && exact.d_r < 1e-250 * exact.span
}

/// Asserts that two vectors of weights differ by at most a tolerance.
fn assert_close(a: &[f64], b: &[f64], tolerance: f64) -> Result<(), TestCaseError> {
    prop_assert_eq!(a.len(), b.len());
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        prop_assert!((a - b).abs() <= tolerance, "weight {}: {:e} against {:e}", i, a, b);
    }
    Ok(())
}

proptest! {
    /// The fast solver and the slow one agree, in both orderings.
    #[test]
    fn agrees_with_reference(problem in problem()) {
        let solved = solve(&problem);
        let exact = reference::solve(&problem);
        let tolerance = value_tolerance(exact.span, exact.robust_loss);
        prop_assert!(
            (solved.report.robust_loss - exact.robust_loss).abs() <= tolerance,
            "robust loss {} against {}", solved.report.robust_loss, exact.robust_loss
        );
        let (mut worst, mut exact_worst) = (solved.report.worst_weight, exact.worst_weight);
        for (i, (p, exact_p)) in solved.weights.iter().zip(&exact.weights).enumerate() {
            if problem.worst_loss == Some(problem.losses[i]) && exact.d_r == 0.0 {
                // All mass is at the worst loss, and only the sum of these weights is determined.
                worst += p;
                exact_worst += exact_p;
            } else {
                prop_assert!((p - exact_p).abs() <= 1e-12, "weight {}: {:e} against {:e}", i, p, exact_p);
            }
        }
        prop_assert!((worst - exact_worst).abs() <= 1e-12, "worst weight {} against {}", worst, exact_worst);
    }

    /// The derivatives agree with those of the reference. At a kink in alpha any value between the two one-sided
    /// derivatives is right, so alpha is drawn at random here.
    #[test]
    fn derivatives_agree_with_reference(problem in priced_problem()) {
        let report = solve(&problem).report;
        let exact = reference::solve(&problem);
        prop_assert!((report.d_r - exact.d_r).abs() <= 1e-9 * exact.d_r.abs());
        prop_assert!(
            report.d_alpha == exact.d_alpha
                || (report.d_alpha - exact.d_alpha).abs() <= 1e-9 * exact.d_alpha.abs(),
            "d_alpha {} against {}", report.d_alpha, exact.d_alpha
        );
    }

    /// Weights are probabilities, masked weights are zero, equal samples get equal weights, and the report describes them.
    #[test]
    fn weights_are_a_distribution(problem in problem()) {
        let solved = solve(&problem);
        let report = solved.report;
        let total = solved.weights.iter().sum::<f64>() + report.worst_weight;
        prop_assert!((total - 1.0).abs() <= 1e-12, "sum of weights {total}");
        prop_assert!(solved.weights.iter().all(|p| *p >= 0.0) && report.worst_weight >= 0.0);
        let kept = unmasked(&problem);
        let b = normalised_base(&problem);
        for (i, p) in solved.weights.iter().enumerate() {
            prop_assert!(kept.contains(&i) || p.to_bits() == 0, "masked weight {i} is {p}");
        }
        for &i in &kept {
            for &j in &kept {
                if problem.losses[i] == problem.losses[j] && b[i] == b[j] {
                    prop_assert_eq!(solved.weights[i], solved.weights[j], "ties {} and {}", i, j);
                }
            }
        }

        let largest = unmasked_losses(&problem).into_iter().fold(f64::NEG_INFINITY, f64::max);
        prop_assert_eq!(report.worst_loss, problem.worst_loss.unwrap_or(largest));
        prop_assert!(problem.worst_loss.is_some() || report.worst_weight == 0.0);
        let zeros = kept.iter().filter(|&&i| solved.weights[i] == 0.0).count() as u64;
        prop_assert_eq!(report.trimmed, zeros);
        for &i in &kept {
            prop_assert!(problem.losses[i] >= report.trim_loss || solved.weights[i] == 0.0);
        }
        let squares: f64 = solved.weights.iter().map(|p| p * p).sum();
        prop_assert!((report.effective_samples * squares - 1.0).abs() <= 1e-12 || squares < 1e-250);
        let mean_depth: f64 =
            kept.iter().map(|&i| solved.weights[i] * (report.worst_loss - problem.losses[i])).sum();
        let value = report.worst_loss - mean_depth;
        prop_assert!(
            (value - report.robust_loss).abs() <= value_tolerance(span(&problem), value),
            "robust loss {} but the weights give {}", report.robust_loss, value
        );
    }

    /// The weights respect both budgets, by the definition of the program.
    #[test]
    fn weights_are_feasible(problem in problem()) {
        prop_assume!(!underflows(&problem));
        let solved = solve(&problem);
        let spent = spent(&problem, &solved.weights, solved.report.worst_weight);
        prop_assert!(spent.tv <= problem.alpha + 1e-12, "TV {} of {}", spent.tv, problem.alpha);
        prop_assert!(
            spent.kl <= problem.r * (1.0 + 1e-9) + 1e-14, "KL {} of {}", spent.kl, problem.r
        );
    }

    /// The budgets that the report calls spent are allowed, and suffice for the weights.
    #[test]
    fn reported_budgets_suffice(problem in problem()) {
        prop_assume!(!underflows(&problem));
        let Solved { weights, report } = solve(&problem);
        prop_assert!(report.tv >= 0.0 && report.tv <= problem.alpha, "TV {} of {}", report.tv, problem.alpha);
        prop_assert!(report.kl >= 0.0 && report.kl <= problem.r * (1.0 + 1e-9), "KL {} of {}", report.kl, problem.r);
        let spent = spent(&Problem { alpha: report.tv, ..problem }, &weights, report.worst_weight);
        prop_assert!(spent.tv <= report.tv + 1e-12, "TV {} for {}", report.tv, spent.tv);
        prop_assert!(spent.kl <= report.kl * (1.0 + 1e-9) + 1e-13, "KL {} for {}", report.kl, spent.kl);
    }

    /// The dual bound proves that the weights are optimal.
    #[test]
    fn duality_gap_is_closed(problem in problem()) {
        let report = solve(&problem).report;
        let gap = report.dual_bound - report.robust_loss;
        let rounding = 4.0 * ulp(report.robust_loss);
        let span = span(&problem);
        prop_assert!(gap >= -(1e-13 * span + rounding), "gap {:e} of span {:e}", gap, span);
        prop_assert!(gap <= 1e-12 * span + rounding, "gap {:e} of span {:e}", gap, span);
    }

    /// No distribution that the program allows has a larger loss. The competitors move mass up from the bottom and tilt
    /// what is left towards large losses, both with noise, so that some come close to the optimum.
    #[test]
    fn nothing_feasible_is_worse(
        problem in problem(),
        noise in vec(0.0..1.0, 80),
        noisy in 0.0..1.0,
        log_tilt in -6.0..3.0,
    ) {
        let solved = solve(&problem);
        let kept = unmasked(&problem);
        let w = solved.report.worst_loss;
        let depth: Vec<f64> = kept.iter().map(|&i| w - problem.losses[i]).collect();
        let base = normalised_base(&problem);
        let b: Vec<f64> = kept.iter().map(|&i| base[i]).collect();
        let noise = |i: usize| 1.0 - noisy * noise[i % noise.len()];
        let tilt = 10_f64.powf(log_tilt) * span(&problem).max(1e-300);

        let start = (0.0, b);
        let move_up = |(atom, mass): (f64, Vec<f64>)| move_up(atom, &mass, &depth, problem.alpha, noise);
        let lean = |(atom, mass): (f64, Vec<f64>)| lean(atom, &mass, &depth, problem.r, tilt, noise);
        let (_, competitor) = match problem.ordering {
            Ordering::Hd => lean(move_up(start)),
            Ordering::Hr => move_up(lean(start)),
        };
        let value = w - competitor.iter().zip(&depth).map(|(p, d)| p * d).sum::<f64>();
        prop_assert!(
            value <= solved.report.robust_loss + value_tolerance(span(&problem), value),
            "{} against a feasible {}", solved.report.robust_loss, value
        );
    }

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

    /// A shift of all losses that rounds nothing gives the same weights, and shifts the robust loss.
    #[test]
    fn shift_invariant(problem in problem(), shift in -1_000_000..1_000_000_i32) {
        let grid = |l: f64| if l.abs() < 1e6 { (l * 1024.0).ceil() / 1024.0 } else { l.signum() * 1e6 };
        let problem = map_losses(&problem, grid);
        let shift = f64::from(shift);
        let (one, other) = (solve(&problem), solve(&map_losses(&problem, |l| l + shift)));
        assert_close(&one.weights, &other.weights, 1e-13)?;
        prop_assert!((one.report.worst_weight - other.report.worst_weight).abs() <= 1e-13);
        prop_assert!((one.report.d_r - other.report.d_r).abs() <= 1e-12 * one.report.d_r || one.report.d_r == other.report.d_r);
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

    /// The robust loss lies between the plain mean and the worst loss.
    #[test]
    fn between_mean_and_worst(problem in problem()) {
        let report = solve(&problem).report;
        let b = normalised_base(&problem);
        let mean_depth: f64 =
            unmasked(&problem).iter().map(|&i| b[i] * (report.worst_loss - problem.losses[i])).sum();
        let tolerance = value_tolerance(span(&problem), report.robust_loss);
        prop_assert!(report.robust_loss >= report.worst_loss - mean_depth - tolerance);
        prop_assert!(report.robust_loss <= report.worst_loss);
    }

    /// The robust loss is concave in each budget, so a derivative lies between the two difference quotients.
    #[test]
    fn derivatives_lie_between_differences(problem in priced_problem()) {
        let report = solve(&problem).report;
        let rounding = 2.0 * value_tolerance(span(&problem), report.robust_loss);
        let at_alpha = |alpha| robust_loss(&Problem { alpha, ..problem.clone() });
        let at_r = |r| robust_loss(&Problem { r, ..problem.clone() });
        let between = |derivative: f64, h: f64, below: f64, above: f64| {
            let slack = rounding / h;
            let forward = (above - report.robust_loss) / h - slack;
            let backward = (report.robust_loss - below) / h + slack;
            prop_assert!(
                forward <= derivative && derivative <= backward,
                "{} is not between {} and {}", derivative, forward, backward
            );
            Ok(())
        };
        let h = 1e-4 * problem.alpha;
        between(report.d_alpha, h, at_alpha(problem.alpha - h), at_alpha(problem.alpha + h))?;
        let h = 1e-4 * problem.r;
        between(report.d_r, h, at_r(problem.r - h), at_r(problem.r + h))?;
    }

    /// With the same samples cut on both sides, the derivatives are the central differences.
    #[test]
    fn derivatives_are_central_differences(mut problem in priced_problem()) {
        problem.ordering = Ordering::Hd;
        let report = solve(&problem).report;
        let rounding = value_tolerance(span(&problem), report.robust_loss);
        let central = |derivative: f64, h: f64, below: Problem, above: Problem| {
            let (below, above) = (solve(&below).report, solve(&above).report);
            let difference = (above.robust_loss - below.robust_loss) / (2.0 * h);
            let smooth = above.trim_loss == below.trim_loss && above.trimmed == below.trimmed;
            prop_assert!(
                !smooth || (difference - derivative).abs() <= 1e-6 * derivative + rounding / h,
                "{} against {}", derivative, difference
            );
            Ok(())
        };
        let at_alpha = |alpha| Problem { alpha, ..problem.clone() };
        let at_r = |r| Problem { r, ..problem.clone() };
        let h = 1e-4 * problem.alpha;
        if report.d_alpha.is_finite() {
            central(report.d_alpha, h, at_alpha(problem.alpha - h), at_alpha(problem.alpha + h))?;
        }
        let h = 1e-4 * problem.r;
        central(report.d_r, h, at_r(problem.r - h), at_r(problem.r + h))?;
    }

    /// `f32` weights are the rounded `f64` ones to two units in the last place.
    #[test]
    fn f32_is_rounded_f64(problem in problem()) {
        let Some(problem) = round_to_f32(&problem) else { return Ok(()) };
        let (double, single) = (solve(&problem), solve_f32(&problem));
        for (i, (p, s)) in double.weights.iter().zip(&single.weights).enumerate() {
            prop_assert!(ulps_apart(*p as f32, *s) <= 2, "weight {}: {:e} against {:e}", i, s, p);
        }
        let value = double.report.robust_loss;
        prop_assert!((value - single.report.robust_loss).abs() <= value_tolerance(span(&problem), value));
    }

    /// Without one of the two budgets, the order of the two steps does not matter.
    #[test]
    fn orderings_coincide_without_a_budget(problem in problem(), no_alpha in any::<bool>()) {
        let mut hd = Problem { ordering: Ordering::Hd, ..problem };
        if no_alpha { hd.alpha = 0.0 } else { hd.r = 0.0 }
        let hr = Problem { ordering: Ordering::Hr, ..hd.clone() };
        let (one, other) = (solve(&hd), solve(&hr));
        assert_close(&one.weights, &other.weights, 1e-13)?;
        prop_assert!((one.report.worst_weight - other.report.worst_weight).abs() <= 1e-13);
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

    /// The array form is the slice form.
    #[test]
    fn arrays_and_slices_agree(problem in problem()) {
        let problem = Problem { base: None, losses: unmasked_losses(&problem), ..problem };
        let solution = weights(ArrayView1::from(&problem.losses), &params(&problem)).unwrap();
        let solved = solve(&problem);
        prop_assert_eq!(solution.weights.as_slice(), Some(&solved.weights[..]));
        prop_assert_eq!(solution.report.robust_loss, solved.report.robust_loss);
        let reversed = ArrayView1::from(&problem.losses).slice_move(ndarray::s![..;-1]);
        let mirrored = weights(reversed, &params(&problem)).unwrap();
        let weights: Vec<f64> = mirrored.weights.iter().rev().copied().collect();
        assert_close(&weights, &solved.weights, 1e-13)?;
    }

    /// Without budgets the weights are the base weights.
    #[test]
    fn no_budget_returns_base(problem in problem()) {
        let problem = Problem { alpha: 0.0, r: 0.0, ..problem };
        let solved = solve(&problem);
        for (p, b) in solved.weights.iter().zip(normalised_base(&problem)) {
            let terms = if problem.base.is_some() { problem.losses.len() as f64 } else { 1.0 };
            prop_assert!((p - b).abs() <= terms * ulp(b), "{:e} against {:e}", p, b);
        }
        prop_assert_eq!(solved.report.worst_weight, 0.0);
        prop_assert_eq!((solved.report.kl, solved.report.tv), (0.0, 0.0));
    }

    /// An unlimited budget of either kind puts everything on the worst loss, exactly.
    #[test]
    fn unlimited_budget_is_worst_case(problem in problem(), unlimited_alpha in any::<bool>()) {
        let mut problem = problem;
        if unlimited_alpha { problem.alpha = 1.0 } else { problem.r = f64::INFINITY }
        // With all losses at the worst loss there is nothing to move.
        prop_assume!(span(&problem) > 0.0);
        let solved = solve(&problem);
        let report = solved.report;
        prop_assert_eq!(report.robust_loss, report.worst_loss);
        prop_assert_eq!(report.dual_bound, report.worst_loss);
        let b = normalised_base(&problem);
        let at_worst: Vec<usize> =
            unmasked(&problem).into_iter().filter(|&i| problem.losses[i] == report.worst_loss).collect();
        let b_worst: f64 = at_worst.iter().map(|&i| b[i]).sum();
        for (i, p) in solved.weights.iter().enumerate() {
            if problem.worst_loss.is_none() && at_worst.contains(&i) {
                prop_assert!((p - b[i] / b_worst).abs() <= 1e-15 * (1 + at_worst.len()) as f64);
            } else if !at_worst.contains(&i) {
                prop_assert_eq!(*p, 0.0);
            }
        }
    }

    /// When all losses are the worst loss, the base weights come back whatever the budgets.
    #[test]
    fn equal_losses_return_base(problem in problem(), loss in -1e3..1e3, given in any::<bool>()) {
        let problem = Problem { worst_loss: given.then_some(loss), ..map_losses(&problem, |_| loss) };
        let solved = solve(&problem);
        let total = solved.weights.iter().sum::<f64>() + solved.report.worst_weight;
        prop_assert!((total - 1.0).abs() <= 1e-12);
        if !given {
            assert_close(&solved.weights, &normalised_base(&problem), 1e-15)?;
        }
        prop_assert_eq!(solved.report.robust_loss, loss);
        prop_assert_eq!(solved.report.dual_bound, loss);
    }
}

/// Moves at most `alpha` from the deepest samples to the atom, each sample keeping a noisy part of its mass.
fn move_up(atom: f64, mass: &[f64], depth: &[f64], alpha: f64, noise: impl Fn(usize) -> f64) -> (f64, Vec<f64>) {
    let mut order: Vec<usize> = (0..mass.len()).collect();
    order.sort_by(|&i, &j| depth[j].total_cmp(&depth[i]));
    let mut left = mass.to_vec();
    let mut budget = alpha;
    for i in order {
        let taken = budget.min(mass[i] * noise(i));
        left[i] -= taken;
        budget -= taken;
    }
    (atom + alpha - budget, left)
}

/// Mixes a distribution `q` with one proportional to `q / (tilt + depth)`, with noise, as far as `KL(q || mixture) <= r`.
fn lean(atom: f64, mass: &[f64], depth: &[f64], r: f64, tilt: f64, noise: impl Fn(usize) -> f64) -> (f64, Vec<f64>) {
    let mut q = mass.to_vec();
    q.push(atom);
    let leaning = |i: usize| match depth.get(i) {
        Some(d) => q[i] / (tilt + d) * noise(i),
        // Where the atom has no mass of its own, it may still be given some.
        None => (q[i] + 1e-3 * noise(i)) / tilt,
    };
    let target: Vec<f64> = (0..q.len()).map(leaning).collect();
    let total: f64 = target.iter().sum();
    let mixed = |t: f64| -> Vec<f64> {
        q.iter().zip(&target).map(|(q, target)| (1.0 - t) * q + t * target / total).collect()
    };
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if divergence(&q, &mixed(middle)) <= r { low = middle } else { high = middle }
    }
    let mut p = mixed(low);
    let atom = p.pop().unwrap_or(0.0);
    (atom, p)
}
