//! What makes an answer right, on random problems: the weights are a distribution within both
//! budgets, nothing else within them is worse, the bounds and derivatives are those of the program,
//! and the slow reference agrees.

mod reference;
mod support;

use hr_weights::Ordering;
use proptest::collection::vec;
use proptest::prelude::*;
use support::competitor::{lean, move_up};
use support::generate::{priced_problem, problem};
use support::spent::{divergence, spent};
use support::{
    Problem, Solved, normalised_base, robust_loss, solve, span, sum, ulp, unmasked, unmasked_losses, value_tolerance,
};

/// Whether weights that should be positive fall below the range of `f64`, so that nothing can be
/// told from them: `d_r` is their common factor. It is exactly zero when all mass is on the worst
/// loss, which is no underflow, and with a large `r`.
fn underflows(problem: &Problem) -> bool {
    let exact = reference::solve(problem);
    exact.d_r < 1e-250 * exact.span && (exact.d_r > 0.0 || problem.r > 10.0)
}

/// Asserts that robust loss and weights are those of the reference.
fn agrees(problem: &Problem) -> Result<(), TestCaseError> {
    let solved = solve(problem);
    let exact = reference::solve(problem);
    prop_assert!(
        (solved.report.robust_loss - exact.robust_loss).abs() <= value_tolerance(exact.span, exact.robust_loss),
        "robust loss {} against {}",
        solved.report.robust_loss,
        exact.robust_loss
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
    Ok(())
}

/// The `alpha` from which HR has all mass on the worst loss: the mass `m` that the KL step leaves
/// off the worst loss when all other samples lie at one depth,
/// `KL((1 - deep, deep) || (1 - m, m)) = r`.
fn alpha_of_worst_case(problem: &Problem, r: f64) -> f64 {
    let b = normalised_base(problem);
    let losses = unmasked_losses(problem);
    let worst = problem.worst_loss.unwrap_or(losses.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    let deep = sum(unmasked(problem).into_iter().filter(|&i| problem.losses[i] < worst).map(|i| b[i]));
    let (mut low, mut high) = (0.0, deep);
    for _ in 0..200 {
        let m = 0.5 * (low + high);
        if divergence(&[1.0 - deep, deep], &[1.0 - m, m]) > r { low = m } else { high = m }
    }
    high
}

proptest! {
    /// The fast solver and the slow one agree, in both orderings.
    #[test]
    fn agrees_with_reference(problem in problem()) {
        agrees(&problem)?;
    }

    /// They also agree where HR is about to send everything to the worst loss, or has just done so.
    #[test]
    fn agrees_with_reference_near_the_limit(
        problem in problem(),
        log_r in -12.0..0.5,
        below in any::<bool>(),
        log_distance in -15.0..-1.0,
    ) {
        prop_assume!(span(&problem) > 0.0);
        let r = 10_f64.powf(log_r);
        let distance = 10_f64.powf(log_distance) * if below { -1.0 } else { 1.0 };
        let alpha = f64::min(alpha_of_worst_case(&problem, r) * (1.0 + distance), 1.0);
        agrees(&Problem { alpha, r, ordering: Ordering::Hr, ..problem })?;
    }

    /// The derivatives agree with those of the reference. At a kink in alpha any value between the
    /// two one-sided derivatives is right, so alpha is drawn at random here.
    #[test]
    fn derivatives_agree_with_reference(problem in priced_problem()) {
        let report = solve(&problem).report;
        let exact = reference::solve(&problem);
        let agrees = |value: f64, exact_value: f64| {
            value == exact_value || (value - exact_value).abs() <= 1e-9 * exact_value + 1e-290 * exact.span
        };
        prop_assert!(agrees(report.d_r, exact.d_r), "d_r {} against {}", report.d_r, exact.d_r);
        prop_assert!(agrees(report.d_alpha, exact.d_alpha), "d_alpha {} against {}", report.d_alpha, exact.d_alpha);
    }

    /// Weights are probabilities, masked weights are zero, equal samples get equal weights, and the
    /// report describes them.
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

    /// No distribution that the program allows has a larger loss. The competitors move mass up from
    /// the bottom and tilt what is left towards large losses, both with noise, so that some come
    /// close to the optimum.
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

    /// The robust loss is concave in each budget, so a derivative lies between the two difference
    /// quotients.
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

    /// With the same samples cut on both sides, the derivatives are the central differences, up to
    /// what halving the step says of these.
    #[test]
    fn derivatives_are_central_differences(mut problem in priced_problem()) {
        problem.ordering = Ordering::Hd;
        let report = solve(&problem).report;
        let rounding = 4.0 * value_tolerance(span(&problem), report.robust_loss);
        let central = |derivative: f64, h: f64, problem_at: &dyn Fn(f64) -> Problem| {
            let ends = |h: f64| (solve(&problem_at(-h)).report, solve(&problem_at(h)).report);
            let difference = |h: f64| (ends(h).1.robust_loss - ends(h).0.robust_loss) / (2.0 * h);
            let (below, above) = ends(h);
            let smooth = above.trim_loss == below.trim_loss && above.trimmed == below.trimmed;
            let (coarse, fine) = (difference(h), difference(0.5 * h));
            let tolerance = 1e-7 * derivative + (coarse - fine).abs() + rounding / h;
            prop_assert!(
                !smooth || (fine - derivative).abs() <= tolerance, "{} against {}", derivative, fine
            );
            Ok(())
        };
        if report.d_alpha.is_finite() {
            let at = |h| Problem { alpha: problem.alpha + h, ..problem.clone() };
            central(report.d_alpha, 1e-4 * problem.alpha, &at)?;
        }
        let at = |h| Problem { r: problem.r + h, ..problem.clone() };
        central(report.d_r, 1e-4 * problem.r, &at)?;
    }
}
