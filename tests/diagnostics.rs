//! Who carries the weight, against a sort, sums in another order, and what can be told by hand.

mod support;

use hr_weights::{Error, Params, ShareTable, group_shares_into, top_samples_into, weights_into};
use proptest::collection::vec;
use proptest::prelude::*;

/// Weights with ties, zeros and of all sizes.
fn weight() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(0.0),
        Just(0.25),
        0.0..1.0,
        (-300.0..300.0_f64).prop_map(|exponent| 10_f64.powf(exponent)),
        Just(f64::MAX)
    ]
}

/// The sum of weights divided by the largest of them: from the smallest up, compensated.
fn sum_over(weights: impl Iterator<Item = f64>, largest: f64) -> f64 {
    let mut scaled: Vec<f64> = weights.map(|weight| weight / largest).collect();
    scaled.sort_by(f64::total_cmp);
    support::sum(scaled.into_iter())
}

fn shares_of(weights: &[f64], of_sample: &[u32], count: usize) -> Result<[Vec<f64>; 3], Error> {
    let [mut shares, mut ratios, mut sizes] = [(); 3].map(|()| vec![-7.0; count]);
    let table = ShareTable { shares: &mut shares, ratios: &mut ratios, sizes: &mut sizes };
    let result = group_shares_into(weights, of_sample, table);
    let table = [shares, ratios, sizes];
    if result.is_err() {
        assert!(table.iter().flatten().all(|&cell| cell == -7.0));
    }
    result.map(|()| table)
}

proptest! {
    #[test]
    fn the_top_is_that_of_a_sort(weights in vec(weight(), 1..200), k in 1..220_usize) {
        let mut sorted: Vec<usize> = (0..weights.len()).collect();
        sorted.sort_by(|&a, &b| weights[b].total_cmp(&weights[a]).then(a.cmp(&b)));
        sorted.truncate(k);
        let mut indices = vec![usize::MAX; k];
        let share = top_samples_into(&weights, &mut indices).unwrap();
        let (written, rest) = indices.split_at(k.min(weights.len()));
        prop_assert_eq!(written, &sorted);
        prop_assert!(rest.iter().all(|&index| index == usize::MAX));
        let largest = weights[sorted[0]];
        if largest == 0.0 {
            prop_assert_eq!(share, 0.0);
        } else {
            let top = sum_over(sorted.iter().map(|&index| weights[index]), largest);
            let exact = top / sum_over(weights.iter().copied(), largest);
            prop_assert!((share - exact).abs() <= 1e-15 * exact + f64::MIN_POSITIVE && share <= 1.0, "{share} {exact}");
        }
    }

    /// In float they are those of the same numbers in double.
    #[test]
    fn widths_agree(weights in vec(0.0..1.0_f32, 1..100), k in 1..20_usize) {
        let wide: Vec<f64> = weights.iter().map(|&weight| f64::from(weight)).collect();
        let (mut narrow, mut indices) = (vec![0; k], vec![0; k]);
        prop_assert_eq!(top_samples_into(&weights, &mut narrow), top_samples_into(&wide, &mut indices));
        prop_assert_eq!(narrow, indices);
    }

    #[test]
    fn shares_are_sums(samples in vec((weight(), 0..5_u32), 1..200)) {
        // Nobody is in the last group.
        let (weights, of_sample): (Vec<f64>, Vec<u32>) = samples.into_iter().unzip();
        let [shares, ratios, sizes] = shares_of(&weights, &of_sample, 6).unwrap();
        let largest = weights.iter().copied().fold(0.0, f64::max);
        let total = if largest > 0.0 { sum_over(weights.iter().copied(), largest) } else { 1.0 };
        for group in 0..6 {
            let members: Vec<f64> =
                weights.iter().zip(&of_sample).filter(|pair| *pair.1 == group).map(|pair| *pair.0).collect();
            let exact = if largest > 0.0 { sum_over(members.iter().copied(), largest) / total } else { 0.0 };
            let (group, size) = (group as usize, members.len() as f64);
            prop_assert_eq!(sizes[group], size);
            prop_assert!((shares[group] - exact).abs() <= 1e-15 * exact + f64::MIN_POSITIVE, "{} {exact}", shares[group]);
            if members.is_empty() {
                prop_assert!(ratios[group].is_nan());
            } else {
                let ratio = exact / (size / weights.len() as f64);
                prop_assert!((ratios[group] - ratio).abs() <= 2e-15 * ratio + 300.0 * f64::MIN_POSITIVE);
            }
        }
        prop_assert!(largest == 0.0 || (shares.iter().sum::<f64>() - 1.0).abs() <= 1e-14);
    }
}

/// Many small weights, which a plain sum in this order would lose.
#[test]
fn small_weights_are_not_lost() {
    let mut weights = vec![1e-16; 1_000_000];
    weights[0] = 1.0;
    let exact = 1.0 / (1.0 + 999_999.0 * 1e-16);
    assert!((top_samples_into(&weights, &mut [0]).unwrap() - exact).abs() <= 1e-16);
    let of_sample: Vec<u32> = (0..1_000_000).map(|i| u32::from(i % 2 == 1)).collect();
    let [shares, ..] = shares_of(&weights, &of_sample, 2).unwrap();
    assert!((shares[1] - 500_000.0 * 1e-16 * exact).abs() <= 1e-24);
}

#[test]
fn sorted_and_equal_weights() {
    let rising: Vec<f64> = (0..5000).map(f64::from).collect();
    let falling: Vec<f64> = rising.iter().rev().copied().collect();
    for k in [1, 2, 3, 4999, 5000, 6000] {
        let n = k.min(5000);
        let mut indices = vec![0; n];
        top_samples_into(&rising, &mut indices).unwrap();
        assert!(indices.iter().copied().eq((5000 - n..5000).rev()));
        top_samples_into(&falling, &mut indices).unwrap();
        assert!(indices.iter().copied().eq(0..n));
        top_samples_into(&vec![0.5; 5000], &mut indices).unwrap();
        assert!(indices.iter().copied().eq(0..n));
    }
    assert_eq!(top_samples_into(&[0.0, -0.0, 0.0], &mut [0; 2]), Ok(0.0));
}

#[test]
fn bad_input_is_refused() {
    for (bad, name) in [(-1e-300, "negative"), (f64::NAN, "NaN"), (f64::INFINITY, "infinite")] {
        let weights = [0.5, bad, bad];
        let mut indices = [9; 2];
        let refused = Err(Error::BaseWeights { index: Some(1) });
        assert_eq!(top_samples_into(&weights, &mut indices), refused, "{name}");
        assert_eq!(indices, [9; 2]);
        assert_eq!(shares_of(&weights, &[0; 3], 1).map(|_| 0.0), refused, "{name}");
    }
    assert_eq!(top_samples_into::<f64>(&[], &mut [0]), Err(Error::Empty));
    assert_eq!(top_samples_into(&[1.0], &mut []), Err(Error::Empty));
    assert_eq!(shares_of(&[], &[], 1), Err(Error::Empty));
    assert_eq!(shares_of(&[1.0, 2.0], &[0], 1), Err(Error::Lengths { losses: 2, other: 1 }));
    assert_eq!(shares_of(&[1.0, 2.0], &[0, 1], 1), Err(Error::Group { index: 1 }));
    let table = ShareTable { shares: &mut [0.0; 2], ratios: &mut [0.0], sizes: &mut [0.0; 2] };
    assert_eq!(group_shares_into(&[1.0], &[0], table), Err(Error::Lengths { losses: 2, other: 1 }));
}

/// What nobody has cannot be shared out; a group without samples has no ratio in any case.
#[test]
fn shares_of_nothing() {
    let [mut shares, mut ratios, mut sizes] = [[9.0; 3]; 3];
    let table = ShareTable { shares: &mut shares, ratios: &mut ratios, sizes: &mut sizes };
    group_shares_into(&[0.0, -0.0, 0.0], &[0, 2, 0], table).unwrap();
    assert_eq!((shares, sizes), ([0.0; 3], [2.0, 0.0, 1.0]));
    assert!(ratios[0] == 0.0 && ratios[1].is_nan() && ratios[2] == 0.0);
}

/// Majorisation: a growing r never takes from the top.
#[test]
fn a_growing_r_concentrates() {
    let mut random = support::random::uniform(5);
    let losses: Vec<f64> = (0..300).map(|_| -random().ln()).collect();
    let mut weights = [0.0; 300];
    let mut last = [0.0; 3];
    for r in [0.0, 1e-3, 0.01, 0.1, 0.5, 2.0] {
        weights_into(&losses, None, &Params { r, alpha: 0.02, ..Params::default() }, &mut weights).unwrap();
        for (k, last) in [1, 10, 100].into_iter().zip(&mut last) {
            let share = top_samples_into(&weights, &mut vec![0; k]).unwrap();
            assert!(share >= *last - 1e-13);
            *last = share;
        }
    }
    assert!(last[0] > 0.1);
}
