//! The limits in which the answer is known without solving anything.

mod support;

use hr_weights::Ordering;
use proptest::prelude::*;
use support::generate::problem;
use support::{Problem, Solved, assert_close, map_losses, normalised_base, solve, span, ulp, unmasked};

/// The weights of all samples and of the worst loss itself.
fn all_weight(solved: &Solved<f64>) -> f64 {
    solved.weights.iter().sum::<f64>() + solved.report.worst_weight
}

proptest! {
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
        // With alpha HD needs nothing else, and takes no more than there is; without it both spend
        // all of r.
        if unlimited_alpha && problem.ordering == Ordering::Hd {
            prop_assert_eq!(report.kl, 0.0);
            prop_assert!((report.tv - (1.0 - b_worst)).abs() <= 1e-12, "tv {} of {}", report.tv, 1.0 - b_worst);
        } else if !unlimited_alpha && problem.alpha < 1.0 - b_worst - 1e-12 {
            prop_assert_eq!(report.kl, problem.r);
        }
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
        let total = all_weight(&solved);
        prop_assert!((total - 1.0).abs() <= 1e-12);
        if !given {
            assert_close(&solved.weights, &normalised_base(&problem), 1e-15)?;
        }
        prop_assert_eq!(solved.report.robust_loss, loss);
        prop_assert_eq!(solved.report.dual_bound, loss);
    }
}

/// Beside a span of 1e300 and more, losses that are near the worst one cannot be told from it:
/// which of them has the weight may not matter to the robust loss, but there is an answer, and it
/// is a distribution.
#[test]
fn losses_near_the_worst_beside_an_enormous_span() {
    let deep = [-1e300, -7.53e307, f64::MIN];
    let near =
        [&[0.0][..], &[0.0, 15.875, 0.0, 0.0], &[1.33e-322, 0.0, 1.33e-322], &[2.75, 0.53, 5.25, 0.008, 24.6, 11.25]];
    for (deep, near) in deep.into_iter().flat_map(|deep| near.map(|near| (deep, near))) {
        for (copies, worst_loss) in [(1, None), (8, None), (1, Some(30.0)), (8, Some(30.0))] {
            let losses: Vec<f64> = std::iter::repeat_n(deep, copies).chain(near.iter().copied()).collect();
            for alpha in [0.0, 1e-300, 6e-8, 0.2, 0.7, 0.91] {
                for r in [0.0, 1e-277, 1e-9, 0.5, 16.625, 700.0, 1e308] {
                    for (ordering, weighted) in
                        [(Ordering::Hd, false), (Ordering::Hr, false), (Ordering::Hd, true), (Ordering::Hr, true)]
                    {
                        let base = weighted.then(|| vec![1.0; losses.len()]);
                        let problem = Problem { losses: losses.clone(), base, alpha, r, ordering, worst_loss };
                        let solved = solve(&problem);
                        let total = all_weight(&solved);
                        assert!((total - 1.0).abs() <= 1e-12, "weights sum to {total}: {problem:?}");
                        let (value, bound) = (solved.report.robust_loss, solved.report.dual_bound);
                        let tolerance = 1e-12 * (solved.report.worst_loss * 0.5 - deep * 0.5);
                        assert!((bound * 0.5 - value * 0.5).abs() <= tolerance, "{value:e}, {bound:e}: {problem:?}");
                    }
                }
            }
        }
    }
}

/// With all but a hair of the mass on the smallest loss the sum of the weights may round to more
/// than one: that takes neither the robust loss nor its bound below every loss, where losses are
/// near the largest number not even to minus infinity.
#[test]
fn not_below_every_loss() {
    for (smallest, largest) in [(0.0, 1.0), (1.0, 3.0), (-1.7e308, 1e300), (f64::MIN, 0.5 * f64::MIN)] {
        for (n, hair) in (2..120).flat_map(|n| [(n, 1e-30), (n, 1e-17)]) {
            for (ordering, alpha, r) in
                [(Ordering::Hd, 0.0, 0.0), (Ordering::Hd, 0.0, 1e-12), (Ordering::Hr, 1e-20, 0.0)]
            {
                let mut losses = vec![smallest; n];
                let mut base = vec![1.0; n];
                (losses[0], base[0]) = (largest, hair);
                let problem = Problem { losses, base: Some(base), alpha, r, ordering, worst_loss: None };
                let report = solve(&problem).report;
                assert!(report.robust_loss >= smallest && report.dual_bound >= smallest, "{report:?} of {problem:?}");
            }
        }
    }
}

/// HR where everything moves to the worst loss: what the sampling step leaves of the deep mass, the
/// same for all depths there, is all that the other step has to move. The divergence of the base
/// weights from that is r.
#[test]
fn what_is_spent_where_everything_moves() {
    for (at_worst, deep) in [(1, &[0.0, 0.0, 0.0][..]), (3, &[0.25, 0.5]), (2, &[-1.0, 0.75, 0.5, 0.0, 0.0])] {
        let losses: Vec<f64> = std::iter::repeat_n(1.0, at_worst).chain(deep.iter().copied()).collect();
        let top = at_worst as f64 / losses.len() as f64;
        let alpha = 0.9 * (1.0 - top);
        let solve_at = |r, worst_loss| {
            let solved =
                solve(&Problem { losses: losses.clone(), base: None, alpha, r, ordering: Ordering::Hr, worst_loss });
            let report = solved.report;
            assert_eq!((report.robust_loss, report.trim_loss), (1.0, 1.0), "{report:?}");
            assert_eq!(report.trimmed, deep.len() as u64, "{report:?}");
            let total = at_worst as f64 * solved.weights[0] + report.worst_weight;
            assert!(
                (total - 1.0).abs() <= 1e-12 && (report.worst_weight == 0.0 || worst_loss.is_some()),
                "{report:?}"
            );
            (report, at_worst as f64 * solved.weights[0])
        };
        for left in [1e-9, 0.01, 0.3, 0.9, 0.99].map(|share| share * alpha) {
            let r = top * (top / (1.0 - left)).ln() + (1.0 - top) * ((1.0 - top) / left).ln();
            for worst_loss in [None, Some(1.0)] {
                let (report, on_samples) = solve_at(r, worst_loss);
                assert!((report.kl / r - 1.0).abs() <= 1e-9, "{report:?} for {r}");
                assert!((report.tv / left - 1.0).abs() <= 1e-9, "{report:?} instead of {left}");
                let expected = if worst_loss.is_some() { 1.0 - left } else { 1.0 };
                assert!((on_samples - expected).abs() <= 1e-9, "{on_samples} instead of {expected}");
            }
        }
        // An unlimited step leaves nothing for the other.
        assert_eq!(solve_at(f64::INFINITY, None).0.tv, 0.0);
    }
}

/// HD with so large an r that the samples below the worst loss keep nothing to speak of. Where the
/// worst loss is given and samples have it too, the rest is shared by what these had and what
/// poison put there, however far u is from zero.
#[test]
fn shares_of_the_worst_loss() {
    for (at_worst, deep, alpha) in [(1, &[0.0, 0.5][..], 0.1), (3, &[0.25, 0.25, -4.0, 0.5], 0.4), (5, &[0.5], 0.01)]
    {
        let losses: Vec<f64> = std::iter::repeat_n(1.0, at_worst).chain(deep.iter().copied()).collect();
        let top = at_worst as f64 / losses.len() as f64;
        for r in [60.0, 300.0, 1000.0, 1e5, f64::INFINITY] {
            let worst_loss = Some(1.0);
            let problem =
                Problem { losses: losses.clone(), base: None, alpha, r, ordering: Ordering::Hd, worst_loss };
            let solved = solve(&problem);
            let samples: f64 = solved.weights[..at_worst].iter().sum();
            assert!((samples - top / (top + alpha)).abs() <= 1e-12, "{samples} of {problem:?}");
            assert!((solved.report.worst_weight - alpha / (top + alpha)).abs() <= 1e-12, "{:?}", solved.report);
        }
    }
}

/// After the trim nothing is left of a span of 1e300 but losses of order one: the least of their
/// depths count as zero, in every pass.
#[test]
fn depths_that_count_as_zero_beside_the_span() {
    let mut losses = vec![0.77; 35];
    (losses[1], losses[9], losses[13]) = (0.999, 1.0, -1e300);
    for ordering in [Ordering::Hd, Ordering::Hr] {
        for r in [1e-3, 0.1, 0.2, 1.0] {
            let problem = Problem { losses: losses.clone(), base: None, alpha: 0.77, r, ordering, worst_loss: None };
            let solved = solve(&problem);
            let total = all_weight(&solved);
            assert!((total - 1.0).abs() <= 1e-12, "the weights of {ordering:?} at r {r} sum to {total}");
        }
    }
}

/// Divergences so small that rounding could take them below zero, or beyond r.
#[test]
fn rounding_leaves_a_divergence_within_its_budget() {
    for exponent in 290..=323 {
        for n in [2, 7, 45, 300] {
            for ordering in [Ordering::Hd, Ordering::Hr] {
                let r = 10_f64.powi(-exponent);
                let losses = vec![f64::EPSILON; n];
                let problem = Problem { losses, base: None, alpha: 0.0, r, ordering, worst_loss: Some(1e300) };
                let kl = solve(&problem).report.kl;
                assert!((0.0..=r).contains(&kl), "{kl:e} for r = {r:e}, {n} losses");
            }
        }
    }
    let mut losses = vec![8.854_494_587_439_197e-159; 9];
    (losses[1], losses[3]) = (0.78, 0.0);
    let (alpha, r) = (1e-300, 2.418_917_213_232_026e-159);
    let worst_loss = Some(3.256_591_876_328_203e299);
    let report = solve(&Problem { losses, base: None, alpha, r, ordering: Ordering::Hr, worst_loss }).report;
    assert!((0.0..=r).contains(&report.kl), "{:e} for r = {r:e}", report.kl);
}

/// Rounding decides whether HR's D reaches zero, or r what it takes for everything to move to the
/// worst loss: no weight is lost.
#[test]
fn where_d_just_reaches_zero() {
    let losses: Vec<f64> = (0..12).map(|sample| f64::from(sample * sample)).collect();
    for (share, r) in
        (12..=22).flat_map(|share| [1e-35, 1e-30, 1e-20, 1e-17, 1e-16, 3e-16, 1e-15].map(|r| (share, r)))
    {
        let mut base = vec![1.0; losses.len()];
        base[11] = 10_f64.powi(-share);
        for ulps in 1..=8 {
            let alpha = 1.0 - f64::from(ulps) * f64::EPSILON / 2.0;
            for worst_loss in [None, Some(121.0)] {
                let (losses, base) = (losses.clone(), Some(base.clone()));
                let problem = Problem { losses, base, alpha, r, ordering: Ordering::Hr, worst_loss };
                let solved = solve(&problem);
                let total = all_weight(&solved);
                assert!((total - 1.0).abs() <= 1e-12, "weights that sum to {total}: {problem:?}");
            }
        }
    }
}

/// An alpha below all normal numbers moves nothing that a weight shows, whatever r is, and loses no
/// weight either.
#[test]
fn subnormal_alpha() {
    let mut losses = vec![27.125; 37];
    (losses[8], losses[24], losses[31]) = (1e300, 0.125, -6.6e124);
    for (r, worst_loss) in [1e-300, 1e-9, 0.1, 10.0, 700.0, 713.0, 800.0]
        .into_iter()
        .flat_map(|r| [(r, None), (r, Some(1e300)), (r, Some(1e301))])
    {
        for ordering in [Ordering::Hd, Ordering::Hr] {
            let solved =
                |alpha| solve(&Problem { losses: losses.clone(), base: None, alpha, r, ordering, worst_loss });
            let without = solved(0.0);
            let total = all_weight(&without);
            assert!((total - 1.0).abs() <= 1e-12, "the weights of {ordering:?} at r {r} sum to {total}");
            for alpha in [5e-324, 1e-320, 2e-308, f64::MIN_POSITIVE] {
                let solved = solved(alpha);
                let off = |(one, other): (&f64, &f64)| (one - other).abs();
                let largest = solved.weights.iter().zip(&without.weights).map(off).fold(0.0, f64::max);
                let told = format!("{ordering:?}, alpha {alpha:e}, r {r}, {worst_loss:?}: {:?}", solved.report);
                assert!(
                    largest <= 1e-12 && solved.report.worst_weight <= without.report.worst_weight + 1e-12,
                    "{told}"
                );
            }
        }
    }
}
