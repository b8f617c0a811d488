//! The finite-sample certificate: its radius, its relation to the robust loss, and cases with a
//! closed form.

use hr_weights::{Error, Ordering, Params, Report, certified_r, certify, weights_into};
use proptest::collection::vec;
use proptest::prelude::*;

/// The report of the HD program with the certificate's radius and worst loss.
fn hd(losses: &[f64], alpha: f64, delta: f64, worst_loss: f64) -> Report {
    let r = certified_r(losses.len() as u64, delta).unwrap();
    let params = Params { alpha, r, ordering: Ordering::Hd, worst_loss: Some(worst_loss), ..Params::default() };
    let mut weights = vec![0.0; losses.len()];
    weights_into(losses, None, &params, &mut weights).unwrap()
}

/// `log(2 sqrt(n + 1) / delta) / n`, computed in another way than the library's documentation
/// writes it.
fn radius(n: u64, delta: f64) -> f64 {
    let n = n as f64;
    (2.0_f64.ln() + 0.5 * n.ln_1p() - delta.ln()) / n
}

/// The largest `p` with `KL(Bernoulli(q) || Bernoulli(p)) <= r`, by bisection.
fn bernoulli_upper_bound(q: f64, r: f64) -> f64 {
    let term = |a: f64, b: f64| if a > 0.0 { a * (a / b).ln() } else { 0.0 };
    let (mut low, mut high) = (q, 1.0);
    for _ in 0..200 {
        let p = 0.5 * (low + high);
        if term(q, p) + term(1.0 - q, 1.0 - p) <= r { low = p } else { high = p }
    }
    low
}

#[test]
fn radius_is_the_formula() {
    for n in [1, 2, 20, 100, 1000, 60_000, 1 << 32, 1 << 53] {
        for delta in [1e-300, 1e-9, 0.01, 0.05, 0.5, 0.999_999] {
            let (value, exact) = (certified_r(n, delta).unwrap(), radius(n, delta));
            assert!((value - exact).abs() <= 4e-15 * exact, "n {n}, delta {delta}: {value} {exact}");
        }
    }
    // log(20) + log(2 sqrt(101)), over 100, to 20 digits.
    let exact = 0.059_964_397_125_345_66;
    assert!((certified_r(100, 0.05).unwrap() - exact).abs() <= 1e-16);
}

#[test]
fn refuses_bad_input() {
    assert_eq!(certified_r(0, 0.05), Err(Error::Empty));
    assert_eq!(certify::<f64>(&[], 0.1, 0.05, 1.0), Err(Error::Empty));
    for delta in [0.0, -0.1, 1.0, 1.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(certified_r(10, delta), Err(Error::Delta), "delta {delta}");
        assert_eq!(certify(&[0.5], 0.1, delta, 1.0), Err(Error::Delta), "delta {delta}");
    }
    for alpha in [-1e-300, 1.0 + f64::EPSILON, f64::NAN] {
        assert_eq!(certify(&[0.5], alpha, 0.05, 1.0), Err(Error::Alpha), "alpha {alpha}");
    }
    for worst_loss in [0.4, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(certify(&[0.5], 0.1, 0.05, worst_loss), Err(Error::WorstLoss), "B {worst_loss}");
    }
    for loss in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let losses = [0.5, 0.25, loss, loss];
        assert_eq!(certify(&losses, 0.1, 0.05, 1.0), Err(Error::NonFiniteLoss { index: 2 }));
    }
}

#[test]
fn limits() {
    let losses = [0.1, 0.7, 0.4];
    // Everything may be poisoned: nothing is certified below the worst loss.
    assert_eq!(certify(&losses, 1.0, 0.05, 2.0), Ok(2.0));
    // Every loss is already the worst one.
    assert_eq!(certify(&[2.0; 5], 0.1, 0.05, 2.0), Ok(2.0));
    // Many samples and no poison: the bound comes down to the mean.
    let many: Vec<f64> = (0..200_000).map(|i| losses[i % 2]).collect();
    let bound = certify(&many, 0.0, 0.05, 1.0).unwrap();
    assert!(bound > 0.4 && bound < 0.405, "bound {bound}");
}

proptest! {
    /// The certificate is the robust loss of the HD program with the certified radius and the given
    /// worst loss, from above.
    #[test]
    fn is_the_robust_loss_of_hd(
        losses in vec(0.0..1.0, 1..200),
        alpha in prop_oneof![Just(0.0), 0.0..1.0],
        delta in 1e-6..0.999,
        above in prop_oneof![Just(0.0), 0.0..3.0],
    ) {
        let worst_loss = losses.iter().copied().fold(0.0, f64::max) + above;
        let bound = certify(&losses, alpha, delta, worst_loss).unwrap();
        let report = hd(&losses, alpha, delta, worst_loss);
        prop_assert_eq!(bound, report.dual_bound);
        prop_assert!((bound - report.robust_loss).abs() <= 1e-13 * worst_loss, "{} {}", bound, report.robust_loss);
        let mean = losses.iter().sum::<f64>() / losses.len() as f64;
        prop_assert!(bound >= mean - 1e-15 && bound <= worst_loss);
    }

    /// For losses 0 and 1 the bound inverts the divergence of two coins, the first biased by the
    /// poison.
    #[test]
    fn of_coins(
        n in 1..300_usize,
        wrong in 0..=300_usize,
        alpha in prop_oneof![Just(0.0), 0.0..0.6],
        delta in 1e-4..0.9,
    ) {
        let wrong = wrong.min(n);
        let losses: Vec<f64> = (0..n).map(|i| if i < wrong { 1.0 } else { 0.0 }).collect();
        let q = f64::min(wrong as f64 / n as f64 + alpha, 1.0);
        let exact = bernoulli_upper_bound(q, radius(n as u64, delta));
        let bound = certify(&losses, alpha, delta, 1.0).unwrap();
        prop_assert!((bound - exact).abs() <= 1e-12, "{bound} {exact}");
    }

    /// Single precision is certified from the same numbers.
    #[test]
    fn of_f32(losses in vec(0.0..1.0_f32, 1..100), alpha in 0.0..0.5, delta in 1e-4..0.9) {
        let wide: Vec<f64> = losses.iter().copied().map(f64::from).collect();
        let bound = certify(&losses, alpha, delta, 1.0).unwrap();
        prop_assert!((bound - certify(&wide, alpha, delta, 1.0).unwrap()).abs() <= 1e-13);
    }

    /// More confidence, more poison or a larger worst loss never give a smaller bound.
    #[test]
    fn monotone(losses in vec(0.0..1.0, 1..100), alpha in 0.0..0.5, delta in 1e-4..0.9, more in 0.0..0.5) {
        let bound = certify(&losses, alpha, delta, 1.0).unwrap() - 1e-13;
        prop_assert!(certify(&losses, alpha + more, delta, 1.0).unwrap() >= bound);
        prop_assert!(certify(&losses, alpha, delta * (1.0 - more), 1.0).unwrap() >= bound);
        prop_assert!(certify(&losses, alpha, delta, 1.0 + more).unwrap() >= bound);
    }
}
