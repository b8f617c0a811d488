//! Calibration meets its target, by the solver itself and by closed forms; what is said to be
//! monotone is; paths.

mod support;

use hr_weights::{
    Calibrated, CalibrationError, Error, Ordering, Params, Report, Target, calibrate_alpha, calibrate_r, path,
    weights_into,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// The weights and the report of the solver, and the number that a target asks for.
fn attained(losses: &[f64], base: Option<&[f64]>, params: &Params, target: Target) -> (f64, Report, Vec<f64>) {
    let mut weights = vec![0.0; losses.len()];
    let report = weights_into(losses, base, params, &mut weights).unwrap();
    let value = match target {
        Target::RobustLoss(_) => report.robust_loss,
        Target::EffectiveSamples(_) => report.effective_samples,
        Target::LargestWeight(_) => weights.iter().copied().fold(0.0, f64::max),
    };
    (value, report, weights)
}

/// A target between the ends of a range, in the same terms.
fn between(of: Target, [none, all]: [f64; 2], share: f64) -> Target {
    let value = none + share * (all - none);
    match of {
        Target::RobustLoss(_) => Target::RobustLoss(value),
        Target::EffectiveSamples(_) => Target::EffectiveSamples(value),
        Target::LargestWeight(_) => Target::LargestWeight(value),
    }
}

fn value(target: Target) -> f64 {
    match target {
        Target::RobustLoss(value) | Target::EffectiveSamples(value) | Target::LargestWeight(value) => value,
    }
}

const TARGETS: [Target; 3] = [Target::RobustLoss(0.0), Target::EffectiveSamples(0.0), Target::LargestWeight(0.0)];

/// What the budget alone gives at its two ends, by the solver.
fn ends(losses: &[f64], base: Option<&[f64]>, params: &Params, target: Target, is_r: bool) -> [f64; 2] {
    let with = |budget| if is_r { Params { r: budget, ..*params } } else { Params { alpha: budget, ..*params } };
    let most = if is_r { f64::INFINITY } else { 1.0 };
    [0.0, most].map(|budget| attained(losses, base, &with(budget), target).0)
}

fn calibrate(
    losses: &[f64],
    base: Option<&[f64]>,
    params: &Params,
    target: Target,
    is_r: bool,
) -> (Result<Calibrated, CalibrationError>, Vec<f64>) {
    let mut weights = vec![0.0; losses.len()];
    let function = if is_r { calibrate_r::<f64> } else { calibrate_alpha::<f64> };
    (function(losses, base, params, target, &mut weights), weights)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// The budget that is found meets the target when it is given to the solver, whose weights and
    /// report came with it.
    #[test]
    fn meets_the_target(
        mut losses in vec(0.0..1.0, 2..60),
        other in prop_oneof![Just(0.0), 0.0..0.4],
        share in 0.01..0.99,
        which in 0..3_usize,
        is_r: bool,
        hr: bool,
        base in proptest::option::of(vec(0.1..1.0, 60)),
        above in prop_oneof![3 => Just(None), 1 => (0.0..1.0).prop_map(Some)],
        offset in prop_oneof![Just(0.0), Just(1e6), Just(-30.0)],
    ) {
        losses[0] = 1.0;
        for loss in &mut losses {
            *loss += offset;
        }
        let base = base.map(|base| base[..losses.len()].to_vec());
        let ordering = if hr { Ordering::Hr } else { Ordering::Hd };
        let worst_loss = above.map(|above| 1.0 + offset + above);
        let params = Params { alpha: other, r: other, ordering, worst_loss, threads: 1 };
        let range = ends(&losses, base.as_deref(), &params, TARGETS[which], is_r);
        let target = between(TARGETS[which], range, share);
        prop_assume!(range.iter().all(|end| end.is_finite()) && (range[1] - range[0]).abs() > 1e-3);

        let (found, weights) = calibrate(&losses, base.as_deref(), &params, target, is_r);
        let found = found.unwrap();
        let params = if is_r { Params { r: found.budget, ..params } } else { Params { alpha: found.budget, ..params } };
        let (value_there, report, weights_there) = attained(&losses, base.as_deref(), &params, target);
        let tolerance = 1e-12 * (range[1] - range[0]).abs() + 1e-14 * value(target).abs();
        prop_assert!((value_there - value(target)).abs() <= tolerance, "{:?}: {} {:?}", target, value_there, found);
        prop_assert_eq!(found.attained, value_there);
        prop_assert_eq!(found.report, report);
        prop_assert_eq!(weights, weights_there);
        prop_assert!((found.range[0] - range[0]).abs() <= tolerance && (found.range[1] - range[1]).abs() <= tolerance);
        prop_assert!(found.solves <= 40, "{} solves for {:?}", found.solves, target);
    }

    /// The robust loss never falls with a budget; with equal base weights and no given worst loss
    /// neither does the largest weight, and the effective sample size never grows.
    #[test]
    fn monotone(
        losses in vec(0.0..1.0_f64, 2..40),
        alpha in prop_oneof![Just(0.0), 0.0..0.6],
        r in prop_oneof![Just(0.0), 1e-3..3.0],
        more_alpha in 0.0..0.4,
        more_r in 0.0..2.0,
        hr: bool,
    ) {
        let ordering = if hr { Ordering::Hr } else { Ordering::Hd };
        let params = Params { alpha, r, ordering, ..Params::default() };
        for more in [Params { r: r + more_r, ..params }, Params { alpha: alpha + more_alpha, ..params }] {
            for target in TARGETS {
                // 1 / samples, as the others, grows.
                let of = |params: &Params| {
                    let value = attained(&losses, None, params, target).0;
                    if matches!(target, Target::EffectiveSamples(_)) { 1.0 / value } else { value }
                };
                prop_assert!(of(&more) >= of(&params) - 1e-12, "{:?} {:?} {:?}", target, params, more);
            }
        }
    }

    /// Losses 0 and 1 and no alpha: the divergence of two coins is the r for a wanted robust loss,
    /// and everything else follows.
    #[test]
    fn of_coins(ones in 1..50_usize, zeros in 1..50_usize, share in 0.001..0.999_f64) {
        let losses: Vec<f64> = (0..ones + zeros).map(|i| if i < ones { 1.0 } else { 0.0 }).collect();
        let (n, q) = ((ones + zeros) as f64, ones as f64 / (ones + zeros) as f64);
        let p = q + share * (1.0 - q);
        let exact = q * (q / p).ln() + (1.0 - q) * ((1.0 - q) / (1.0 - p)).ln();
        let samples = 1.0 / (p * p / ones as f64 + (1.0 - p) * (1.0 - p) / zeros as f64);
        let largest = Target::LargestWeight(p / ones as f64);
        for target in [Target::RobustLoss(p), Target::EffectiveSamples(samples), largest] {
            let found = calibrate(&losses, None, &Params::default(), target, true).0.unwrap();
            // Near the ends the target loses digits of r.
            let tolerance = 1e-9 + 1e-13 * n / (share * (1.0 - share)) + 1e-12 * n / (n - samples).abs();
            prop_assert!((found.budget / exact - 1.0).abs() <= tolerance, "{:?}: {} {}", target, found.budget, exact);
        }
        // Without r, alpha is what moves from the zeros to the ones.
        let found = calibrate(&losses, None, &Params::default(), Target::RobustLoss(p), false).0.unwrap();
        prop_assert!((found.budget - (p - q)).abs() <= 1e-12);
    }
}

fn is_near(a: [f64; 2], b: [f64; 2]) -> bool {
    (a[0] - b[0]).abs() <= 1e-14 && (a[1] - b[1]).abs() <= 1e-14
}

#[test]
fn ends_of_the_range() {
    let losses = [0.1, 0.7, 0.4, 1.0];
    let params = Params { alpha: 0.1, ..Params::default() };
    for target in TARGETS {
        for (is_r, most) in [(true, f64::INFINITY), (false, 1.0)] {
            let range = ends(&losses, None, &params, target, is_r);
            for (share, budget) in [(0.0, 0.0), (1.0, most)] {
                let found = calibrate(&losses, None, &params, between(target, range, share), is_r).0.unwrap();
                assert_eq!(found.budget, budget, "{target:?}");
                assert!(is_near(found.range, range));
            }
            for share in [-0.01, 1.01, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let refused = calibrate(&losses, None, &params, between(target, range, share), is_r).0;
                let Err(CalibrationError::OutOfReach { range: told }) = refused else { panic!("{refused:?}") };
                assert!(is_near(told, range));
            }
        }
    }
    // Equal losses leave nothing to calibrate.
    let found = calibrate(&[2.0; 4], None, &params, Target::EffectiveSamples(4.0), true).0.unwrap();
    assert_eq!((found.budget, found.range), (0.0, [4.0, 4.0]));
    let refused = calibrate(&[2.0; 4], None, &params, Target::EffectiveSamples(3.0), true).0;
    assert_eq!(refused, Err(CalibrationError::OutOfReach { range: [4.0, 4.0] }));
    let message = refused.unwrap_err().to_string();
    assert_eq!(message, "the target is out of reach: no budget gives 4, the largest gives 4");
    // Without weight on any sample there are infinitely many effective ones, and still none below
    // zero.
    let params = Params { worst_loss: Some(2.0), ..params };
    let found = calibrate(&losses, None, &params, Target::EffectiveSamples(f64::INFINITY), true).0.unwrap();
    assert_eq!((found.budget, found.range[1]), (f64::INFINITY, f64::INFINITY));
    for target in [f64::NEG_INFINITY, -4.0, -0.0] {
        let refused = calibrate(&losses, None, &params, Target::EffectiveSamples(target), true).0;
        assert!(matches!(refused, Err(CalibrationError::OutOfReach { .. })), "{refused:?} for {target}");
    }
}

/// With a span of 1e136 and next to no limit on r any alpha but zero gives the worst loss, and zero
/// less by a rounding of the span: the search between zero and the smallest number ends, at either.
#[test]
fn a_leap_beside_no_budget() {
    let worst = 5.613_337_279_817_228e112;
    let losses =
        [worst, worst, worst, worst, worst, worst, worst, -6.786_108_371_776_395e136, 18.125, 18.125, worst, 0.0];
    let params = Params { r: worst, ordering: Ordering::Hr, worst_loss: Some(worst), ..Params::default() };
    let found = calibrate(&losses, None, &params, Target::RobustLoss(0.0), false).0.unwrap();
    assert!(found.budget <= f64::from_bits(1) && found.range[0] < 0.0 && found.range[1] == worst, "{found:?}");
}

/// Both ends of the range are solved, and the budget that is found; what is between them takes
/// looking for.
#[test]
fn counts_what_it_solves() {
    let losses = [0.1, 0.7, 0.4, 1.0];
    for (target, is_r) in TARGETS.into_iter().flat_map(|target| [(target, false), (target, true)]) {
        let range = ends(&losses, None, &Params::default(), target, is_r);
        let solves = |share| {
            calibrate(&losses, None, &Params::default(), between(target, range, share), is_r).0.unwrap().solves
        };
        assert_eq!((solves(0.0), solves(1.0)), (3, 3), "{target:?}");
        assert!(solves(0.3) > 3, "{target:?}");
    }
}

/// A target whose opposite is met on the way: halfway the robust loss is 1.5, and it is linear in
/// alpha.
#[test]
fn of_opposite_signs() {
    let losses = [-9.0, -9.0, -9.0, 5.0];
    for (wanted, exact) in [(-1.5, 2.0 / 7.0), (1.5, 0.5)] {
        let found = calibrate(&losses, None, &Params::default(), Target::RobustLoss(wanted), false).0.unwrap();
        assert!((found.budget - exact).abs() <= 1e-12 && (found.attained - wanted).abs() <= 1e-12, "{found:?}");
    }
}

/// Targets that round budgets meet: a search that comes upon one of them has found it, on whichever
/// side it then looks.
#[test]
fn of_round_budgets() {
    let losses: Vec<f64> = (0..40).map(|i| f64::from(i * i % 41) / 41.0).collect();
    for target in TARGETS {
        for (budget, is_r) in
            [0.01, 0.1, 0.5, 1.0].into_iter().flat_map(|budget| [(budget, true), (0.5 * budget, false)])
        {
            let params = if is_r {
                Params { r: budget, ..Params::default() }
            } else {
                Params { alpha: budget, ..Params::default() }
            };
            let wanted = attained(&losses, None, &params, target).0;
            let found =
                calibrate(&losses, None, &Params::default(), between(target, [wanted; 2], 0.0), is_r).0.unwrap();
            assert!((found.budget - budget).abs() <= 1e-9, "{target:?} of budget {budget}: {found:?}");
        }
    }
}

#[test]
fn refuses_bad_input() {
    let refused = |losses: &[f64], params: &Params| {
        let mut weights = vec![7.0; losses.len()];
        let error = calibrate_r(losses, None, params, Target::EffectiveSamples(2.0), &mut weights).unwrap_err();
        assert!(weights.iter().all(|&weight| weight == 7.0));
        error
    };
    let good = Params::default();
    assert_eq!(refused(&[], &good), Error::Empty.into());
    assert_eq!(refused(&[1.0, f64::NAN], &good), Error::NonFiniteLoss { index: 1 }.into());
    assert_eq!(refused(&[1.0, 2.0], &Params { alpha: 2.0, ..good }), Error::Alpha.into());
    assert_eq!(refused(&[1.0, 2.0], &Params { worst_loss: Some(1.5), ..good }), Error::WorstLoss.into());
    let alpha = |r| calibrate_alpha(&[1.0, 2.0], None, &Params { r, ..good }, Target::RobustLoss(1.7), &mut [0.0; 2]);
    assert_eq!(alpha(-1.0).unwrap_err(), Error::R.into());
    let unused = Params { r: f64::NAN, ..good };
    assert!(calibrate_r(&[1.0, 2.0], None, &unused, Target::RobustLoss(1.7), &mut [0.0; 2]).is_ok());
    let unused = Params { alpha: 3.0, ..good };
    assert!(calibrate_alpha(&[1.0, 2.0], None, &unused, Target::RobustLoss(1.7), &mut [0.0; 2]).is_ok());
    // The budget that is looked for is not used.
    assert!(
        alpha(0.0).is_ok() && refused(&[1.0, 2.0], &Params { r: -1.0, alpha: 3.0, ..good }) == Error::Alpha.into()
    );
    let short = calibrate_r(&[1.0, 2.0], None, &good, Target::RobustLoss(1.7), &mut [0.0; 1]);
    assert_eq!(short.unwrap_err(), Error::Lengths { losses: 2, other: 1 }.into());
}

#[test]
fn scales_and_sizes() {
    let mut random = support::random::uniform(3);
    for n in [2_usize, 100, 5_000, 70_000] {
        for scale in [1e-300, 1.0, 1e300] {
            let losses: Vec<f64> = (0..n).map(|_| scale * random()).collect();
            let wanted = if n == 2 { 1.2 } else { f64::min(n as f64 / 20.0, 200.0) };
            for threads in [1, 2] {
                let params = Params { alpha: 0.05, threads, ..Params::default() };
                let (found, weights) = calibrate(&losses, None, &params, Target::EffectiveSamples(wanted), true);
                let found = found.unwrap();
                assert!((found.attained / wanted - 1.0).abs() < 1e-11, "n {n}, {scale}: {found:?}");
                assert!(((weights.iter().map(|w| w * w).sum::<f64>() * wanted) - 1.0).abs() < 1e-10);
            }
        }
    }
}

#[test]
fn in_single_precision() {
    let losses: Vec<f32> = (0..1000_u32).map(|i| (i * i % 997) as f32 / 997.0).collect();
    let mut weights = vec![0.0_f32; losses.len()];
    for (target, tolerance) in
        [(Target::RobustLoss(0.8), 1e-6), (Target::EffectiveSamples(100.0), 1e-3), (Target::LargestWeight(0.1), 1e-7)]
    {
        let found = calibrate_r(&losses, None, &Params::default(), target, &mut weights).unwrap();
        assert!((found.attained - value(target)).abs() <= tolerance, "{target:?}: {found:?}");
        assert!(found.solves < 80, "{found:?}");
    }
}

#[test]
fn a_path_is_its_solutions() {
    let losses: Vec<f64> = (0..300).map(|i| f64::from(i * i % 83) / 83.0).collect();
    let base: Vec<f64> = (0..300).map(|i| f64::from(i % 7)).collect();
    let (alphas, rs) = ([0.0, 0.3, 0.05, 1.0], [0.1, 0.0, f64::INFINITY]);
    for ordering in [Ordering::Hd, Ordering::Hr] {
        for base in [None, Some(&base[..])] {
            // Its own budgets are not used.
            let params = Params { alpha: 9.0, r: -1.0, ordering, worst_loss: Some(1.5), threads: 1 };
            let mut seen = vec![];
            path(&losses, base, &params, &alphas, &rs, &mut vec![0.0; 300], |i, j, report, weights| {
                seen.push((i, j));
                let alone = attained(&losses, base, &Params { alpha: alphas[i], r: rs[j], ..params }, TARGETS[0]);
                assert_eq!((report, weights), (&alone.1, &alone.2[..]));
            })
            .unwrap();
            assert_eq!(seen.len(), 12);
            assert!(seen.is_sorted());
        }
    }
    let none = |alphas: &[f64], rs: &[f64]| {
        path(&[1.0, 2.0], None, &Params::default(), alphas, rs, &mut [0.0; 2], |_, _, _, _| panic!("a report"))
    };
    assert_eq!(none(&[0.1, 1.1], &[0.1]), Err(Error::Alpha));
    assert_eq!(none(&[0.1], &[0.1, f64::NAN]), Err(Error::R));
    assert_eq!(none(&[], &[0.1]), Ok(()));
    let refused = path(&[1.0], None, &Params::default(), &[0.1], &[0.1], &mut [0.0; 2], |_, _, _, _| ());
    assert_eq!(refused, Err(Error::Lengths { losses: 1, other: 2 }));
}
