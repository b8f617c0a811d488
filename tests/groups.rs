//! Weights over groups are those of their means, shared out; the running worst loss brings batches
//! nearer the whole.

mod support;

use hr_weights::{
    Error, GroupTable, Groups, Ordering, Params, Report, RunningWorst, weights_into, weights_of_groups_into,
};
use proptest::collection::vec;
use proptest::prelude::*;

struct Solved {
    report: Report,
    weights: Vec<f64>,
    means: Vec<f64>,
    shares: Vec<f64>,
    sizes: Vec<f64>,
}

fn solve(losses: &[f64], groups: &Groups<'_>, count: usize, params: &Params) -> Result<Solved, Error> {
    let mut weights = vec![7.0; losses.len()];
    let [mut means, mut shares, mut sizes] = [(); 3].map(|()| vec![-1.0; count]);
    let table = GroupTable { losses: &mut means, weights: &mut shares, sizes: &mut sizes };
    let result = weights_of_groups_into(losses, groups, params, &mut weights, table);
    if result.is_err() {
        assert!(weights.iter().all(|&weight| weight == 7.0));
    }
    Ok(Solved { report: result?, weights, means, shares, sizes })
}

proptest! {
    /// Against the same by hand: means, their weights, and each weight divided by the size of its
    /// group.
    #[test]
    fn is_the_problem_of_the_means(
        samples in vec((0.0..1.0, 0..5_u32), 1..80),
        base in proptest::option::of(vec(prop_oneof![1 => Just(0.0), 3 => 0.1..2.0], 6)),
        alpha in prop_oneof![Just(0.0), 0.0..0.5],
        r in prop_oneof![Just(0.0), 0.0..2.0],
        hr: bool,
    ) {
        // Nobody is in the last group.
        let (losses, of_sample): (Vec<f64>, Vec<u32>) = samples.into_iter().unzip();
        let ordering = if hr { Ordering::Hr } else { Ordering::Hd };
        let params = Params { alpha, r, ordering, ..Params::default() };
        let mut present = vec![];
        for group in 0..6_u32 {
            let is_member = |pair: &(&f64, &u32)| *pair.1 == group;
            let members: Vec<f64> = losses.iter().zip(&of_sample).filter(is_member).map(|(loss, _)| *loss).collect();
            let weight = base.as_ref().map_or(members.len() as f64, |base| base[group as usize]);
            if !members.is_empty() {
                let size = members.len() as f64;
                present.push((group, size, support::sum(members.iter().copied()) / size, weight));
            }
        }
        prop_assume!(present.iter().any(|(.., weight)| *weight > 0.0));
        let means: Vec<f64> = present.iter().map(|(_, _, mean, _)| *mean).collect();
        let masses: Vec<f64> = present.iter().map(|(.., weight)| *weight).collect();
        let mut shares = vec![0.0; means.len()];
        let report = weights_into(&means, Some(&masses), &params, &mut shares).unwrap();

        let solved = solve(&losses, &Groups { of_sample: &of_sample, base: base.as_deref() }, 6, &params).unwrap();
        prop_assert!((solved.report.robust_loss - report.robust_loss).abs() <= 1e-13);
        for ((group, size, mean, _), share) in present.iter().zip(&shares) {
            let group = *group as usize;
            prop_assert_eq!(solved.sizes[group], *size);
            prop_assert!((solved.means[group] - mean).abs() <= 1e-15);
            prop_assert!((solved.shares[group] - share).abs() <= 1e-11);
        }
        prop_assert!(solved.means[5].is_nan() && solved.sizes[5] == 0.0 && solved.shares[5] == 0.0);
        for (weight, &group) in solved.weights.iter().zip(&of_sample) {
            prop_assert_eq!(*weight, solved.shares[group as usize] / solved.sizes[group as usize]);
        }
        prop_assert!((solved.weights.iter().sum::<f64>() - 1.0).abs() <= 1e-12);
        let weighted: f64 = solved.weights.iter().zip(&losses).map(|(w, l)| w * l).sum();
        prop_assert!((weighted - report.robust_loss).abs() <= 1e-12);
    }

    /// A group of one sample each is no group.
    #[test]
    fn of_single_samples(losses in vec(0.0..1.0_f64, 1..50), alpha in 0.0..0.5, r in 0.0..2.0) {
        let params = Params { alpha, r, ..Params::default() };
        let of_sample: Vec<u32> = (0..).take(losses.len()).collect();
        let solved = solve(&losses, &Groups { of_sample: &of_sample, base: None }, losses.len(), &params).unwrap();
        let mut weights = vec![0.0; losses.len()];
        weights_into(&losses, None, &params, &mut weights).unwrap();
        support::assert_close(&solved.weights, &weights, 1e-12)?;
    }
}

#[test]
fn without_budgets_every_sample_counts_the_same() {
    let groups = Groups { of_sample: &[0, 2, 2, 2], base: None };
    let solved = solve(&[1.0, 2.0, 3.0, 4.0], &groups, 3, &Params::default()).unwrap();
    assert_eq!(solved.weights, [0.25; 4]);
    // Equal groups instead.
    let groups = Groups { base: Some(&[1.0; 3]), ..groups };
    let solved = solve(&[1.0, 2.0, 3.0, 4.0], &groups, 3, &Params::default()).unwrap();
    assert_eq!(solved.weights, [0.5, 0.5 / 3.0, 0.5 / 3.0, 0.5 / 3.0]);
    // r = infinity is group DRO: the worst group.
    let worst = Params { r: f64::INFINITY, ..Params::default() };
    let solved = solve(&[9.0, 2.0, 9.5, 4.0], &Groups { of_sample: &[0, 1, 1, 1], base: None }, 2, &worst).unwrap();
    assert_eq!((solved.weights, solved.report.robust_loss), (vec![1.0, 0.0, 0.0, 0.0], 9.0));
}

#[test]
fn groups_of_equal_losses_tie() {
    for loss in [0.7, 0.1, 1e-310, 1.7e308, -3.3e305] {
        let of_sample: Vec<u32> = (0..1000).map(|i| if i < 30 { 0 } else { 1 + u32::from(i < 207) }).collect();
        let params = Params { alpha: 0.2, r: 0.1, ..Params::default() };
        let solved = solve(&[loss; 1000], &Groups { of_sample: &of_sample, base: None }, 3, &params).unwrap();
        assert_eq!(solved.means, [loss; 3]);
        assert!(solved.weights.iter().all(|weight| (weight - 1e-3).abs() <= 1e-18));
    }
}

#[test]
fn masks_and_errors() {
    let params = Params { r: 0.5, ..Params::default() };
    let losses = [1.0, f64::NAN, 2.0];
    let of_sample = [0, 1, 2];
    let masked = Groups { of_sample: &of_sample, base: Some(&[1.0, 0.0, 1.0]) };
    let solved = solve(&losses, &masked, 3, &params).unwrap();
    assert_eq!(solved.weights[1], 0.0);
    let refused = |losses: &[f64], of_sample: &[u32], base: Option<&[f64]>, params: &Params| {
        solve(losses, &Groups { of_sample, base }, 3, params).map(|solved| solved.weights).unwrap_err()
    };
    assert_eq!(refused(&losses, &of_sample, None, &params), Error::NonFiniteLoss { index: 1 });
    assert_eq!(refused(&[], &[], None, &params), Error::Empty);
    assert_eq!(refused(&[1.0, 2.0], &[0, 3], None, &params), Error::Group { index: 1 });
    assert_eq!(refused(&[1.0, 2.0], &[0], None, &params), Error::Lengths { losses: 2, other: 1 });
    assert_eq!(refused(&[1.0], &[0], Some(&[1.0]), &params), Error::Lengths { losses: 3, other: 1 });
    assert_eq!(refused(&[1.0], &[0], Some(&[1.0, -1.0, 1.0]), &params), Error::BaseWeights { index: Some(1) });
    // The only groups with weight have no sample.
    assert_eq!(refused(&[1.0], &[0], Some(&[0.0, 1.0, 1.0]), &params), Error::BaseWeights { index: None });
    assert_eq!(refused(&[1.0], &[0], None, &Params { alpha: 2.0, ..params }), Error::Alpha);
    assert_eq!(refused(&[1.0], &[0], None, &Params { worst_loss: Some(0.5), ..params }), Error::WorstLoss);
    assert_eq!(Error::Group { index: 1 }.to_string(), "the group of sample 1 is not below the number of groups");
}

#[test]
fn the_worst_loss_is_kept_for_a_window() {
    let mut ever = RunningWorst::new(0);
    let mut last = RunningWorst::new(3);
    assert_eq!(last.worst(), f64::NEG_INFINITY);
    let batches = [5.0, 1.0, 1.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0];
    let kept: Vec<f64> = batches.iter().map(|&loss| last.update(&[loss, -9.0], None).unwrap()).collect();
    // Periods of three: the 5 is in the first, the 2 in the second.
    assert_eq!(kept, [5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 2.0, 2.0, 2.0, 1.0]);
    for (loss, kept) in batches.iter().zip(kept) {
        assert_eq!(ever.update(&[*loss], None), Ok(5.0));
        assert!(kept >= *loss);
    }
    assert_eq!(ever.update(&[0.5_f32], None), Ok(5.0));
    // Masked samples do not count, and bad batches change nothing.
    assert_eq!(ever.update(&[99.0, 6.0], Some(&[0.0, 1.0])), Ok(6.0));
    assert_eq!(ever.update(&[99.0, f64::NAN], None), Err(Error::NonFiniteLoss { index: 1 }));
    assert_eq!(ever.update::<f64>(&[], None), Err(Error::Empty));
    assert_eq!(ever.update(&[99.0], Some(&[1.0, 1.0])), Err(Error::Lengths { losses: 1, other: 2 }));
    assert_eq!(ever.worst(), 6.0);
}

/// The mean over the batches of an epoch is below the robust loss of all samples, and the kept
/// worst loss closes a part of the distance, but is no bound either.
#[test]
fn batches_under_estimate() {
    let mut random = support::random::uniform(11);
    let losses: Vec<f64> = (0..64 * 128).map(|_| -random().ln()).collect();
    for ordering in [Ordering::Hd, Ordering::Hr] {
        let params = Params { alpha: 0.05, r: 0.1, ordering, ..Params::default() };
        let robust_loss = |losses: &[f64], worst_loss| {
            weights_into(losses, None, &Params { worst_loss, ..params }, &mut vec![0.0; losses.len()])
                .unwrap()
                .robust_loss
        };
        let whole = robust_loss(&losses, None);
        let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
        let without = mean(losses.chunks(128).map(|batch| robust_loss(batch, None)).collect());
        // The second of two epochs of the same losses.
        let mut worst = RunningWorst::new(64);
        for batch in losses.chunks(128) {
            worst.update(batch, None).unwrap();
        }
        let with = mean(
            losses.chunks(128).map(|batch| robust_loss(batch, Some(worst.update(batch, None).unwrap()))).collect(),
        );
        assert!(without < with - 0.05 && with < whole, "{ordering:?}: {without} {with} {whole}");
        println!("{ordering:?}: batches {without:.3}, with the kept worst loss {with:.3}, all samples {whole:.3}");
    }
}
