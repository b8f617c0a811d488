//! The functions for views of ndarray against those for slices.
#![cfg(feature = "ndarray")]

mod support;

use hr_weights::{
    Error, GroupShares, GroupTable, Groups, Params, RowError, group_shares, top_samples, weights, weights_batch,
    weights_groups, weights_groups_with_base, weights_of_groups_into,
};
use ndarray::{Array1, Array2, ArrayView1, array, s};
use proptest::prelude::*;
use support::generate::problem;
use support::{Problem, assert_close, params, solve, unmasked_losses};

proptest! {
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
}

/// Contiguous or not, views give what slices give.
#[test]
fn views_are_slices() {
    let both = array![0.125, 9.0, 0.5, 9.0, 0.125, 9.0, 0.25];
    let weights = both.slice(s![..;2]);
    let top = top_samples(weights, 3).unwrap();
    assert_eq!((top.indices, top.weights, top.share), (array![1, 3, 0], array![0.5, 0.25, 0.125], 0.875));
    assert_eq!(top_samples(weights, usize::MAX).unwrap().indices, array![1, 3, 0, 2]);
    assert_eq!(top_samples(weights, 0), Err(Error::Empty));
    let groups = array![0, 7, 1, 7, 0, 7, 0];
    let found = group_shares(weights, groups.slice(s![..;2]), 2).unwrap();
    let shares = GroupShares { shares: array![0.5, 0.5], ratios: array![2.0 / 3.0, 2.0], sizes: array![3.0, 1.0] };
    assert_eq!(found, shares);
    assert_eq!(group_shares(weights, groups.view(), 8), Err(Error::Lengths { losses: 4, other: 7 }));
    assert_eq!(group_shares(weights, groups.slice(s![..;2]), usize::MAX), Err(Error::Offsets));
}

#[test]
fn groups_of_views() {
    let both = array![0.1_f32, 9.0, 0.2, 9.0, 0.3, 9.0, 0.9];
    let (losses, groups) = (both.slice(s![..;2]), array![0, 2, 2, 1]);
    let params = Params { r: 0.3, ..Params::default() };
    for base in [None, Some(array![1.0, 2.0, 0.5, 4.0])] {
        let mut weights = [0.0; 4];
        let [mut means, mut shares, mut sizes] = [[0.0; 4]; 3];
        let table = GroupTable { losses: &mut means, weights: &mut shares, sizes: &mut sizes };
        let own = Groups { of_sample: &[0, 2, 2, 1], base: base.as_ref().and_then(|base| base.as_slice()) };
        let report = weights_of_groups_into(&[0.1_f32, 0.2, 0.3, 0.9], &own, &params, &mut weights, table).unwrap();
        let solution = match &base {
            None => weights_groups(losses, groups.view(), 4, &params),
            Some(base) => weights_groups_with_base(losses, groups.view(), base.view(), &params),
        }
        .unwrap();
        assert_eq!(solution.weights.to_vec(), weights);
        assert_eq!(solution.report, report);
        assert_eq!(solution.group_losses.to_vec()[..3], means[..3]);
        assert!(solution.group_losses[3].is_nan());
        assert_eq!(
            (solution.group_weights.to_vec(), solution.group_sizes.to_vec()),
            (shares.to_vec(), sizes.to_vec())
        );
    }
    assert_eq!(weights_groups(losses, groups.view(), 2, &params).unwrap_err(), Error::Group { index: 1 });
    assert_eq!(weights_groups(losses, groups.view(), usize::MAX, &params).unwrap_err(), Error::Offsets);
    let short = groups.slice(s![..3]);
    assert_eq!(weights_groups(losses, short, 4, &params).unwrap_err(), Error::Lengths { losses: 4, other: 3 });
    let none = Array1::<f64>::zeros(0);
    assert_eq!(weights_groups(none.view(), array![].view(), 1, &params).unwrap_err(), Error::Empty);
}

#[test]
fn matrices_without_samples() {
    let solve = |rows, columns| weights_batch(Array2::<f64>::zeros((rows, columns)).view(), &Params::default());
    for rows in [1, 3] {
        assert_eq!(solve(rows, 0), Err(RowError { row: 0, error: Error::Empty }));
    }
    for columns in [0, 3] {
        let solution = solve(0, columns).expect("no row is bad");
        assert_eq!((solution.weights.dim(), solution.reports.len()), ((0, columns), 0));
    }
}

/// Whether it is laid out row by row or not, a matrix gives what each of its rows gives.
#[test]
fn batches_are_their_rows() {
    let mut random = support::random::uniform(7);
    let matrix = Array2::from_shape_simple_fn((130, 520), || -random().ln());
    let params = Params { alpha: 0.1, r: 0.2, threads: 0, ..Params::default() };
    for view in [matrix.view(), matrix.t(), matrix.slice(s![..;3, 1..;2])] {
        let solution = weights_batch(view, &params).unwrap();
        assert_eq!((solution.weights.dim(), solution.reports.len()), (view.dim(), view.nrows()));
        for ((losses, got), report) in view.rows().into_iter().zip(solution.weights.rows()).zip(solution.reports) {
            let want = weights(losses, &params).unwrap();
            assert_eq!((want.weights.view(), want.report), (got, report));
        }
    }
}
