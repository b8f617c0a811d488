//! The number of threads changes no bit of the answer: of large problems, of batches, and with
//! several callers at once.

use hr_weights::{Ordering, Params, Real, Report, Rows, weights_into, weights_of_rows_into};
use std::sync::Mutex;

const ORDERINGS: [Ordering; 2] = [Ordering::Hd, Ordering::Hr];
const THREADS: [usize; 4] = [1, 2, 3, 0];

/// Exponential losses, the same on every machine; rounded up to multiples of `step`, where it is
/// not zero, to make ties.
fn losses<T: Real>(n: usize, step: f64) -> Vec<T> {
    let mut state = n as u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let loss = -(((state >> 11) as f64 + 0.5) / 2_f64.powi(53)).ln();
        T::from_f64(if step > 0.0 { (loss / step).ceil() * step } else { loss })
    };
    (0..n).map(|_| next()).collect()
}

/// Base weights of several sizes, every fifth of them zero.
fn base<T: Real>(n: usize) -> Vec<T> {
    (0..n).map(|i| T::from_f64(((i * 3 + 1) % 5) as f64)).collect()
}

/// The bits of an answer. Widening the weights loses nothing, and the text of a float is that of no
/// other one.
fn solve<T: Real>(losses: &[T], base: Option<&[T]>, params: &Params) -> (Vec<u64>, String) {
    let mut weights = vec![T::from_f64(f64::NAN); losses.len()];
    let report = weights_into(losses, base, params, &mut weights)
        .unwrap_or_else(|error| panic!("{error:?} from {} samples, {params:?}", losses.len()));
    (bits(&weights), text(&report))
}

fn bits<T: Real>(weights: &[T]) -> Vec<u64> {
    weights.iter().map(|weight| weight.to_f64().to_bits()).collect()
}

fn text(report: &Report) -> String {
    format!("{report:?}")
}

/// Sizes just short of, at and beyond that from which threads are used.
fn same_bits_for_every_thread_count<T: Real>() {
    for n in [65_535, 65_536, 200_000, 1_000_000] {
        for step in [0.0, 0.25] {
            let losses = losses::<T>(n, step);
            let base = base::<T>(n);
            for ordering in ORDERINGS {
                for weighted in [false, true] {
                    // Base weights take the slow passes: one kind of losses is enough for the
                    // largest size.
                    if weighted && n > 200_000 && step > 0.0 {
                        continue;
                    }
                    let params = Params { alpha: 0.05, r: 0.1, ordering, ..Params::default() };
                    let base = weighted.then_some(&base[..]);
                    let want = solve(&losses, base, &params);
                    for threads in THREADS {
                        let got = solve(&losses, base, &Params { threads, ..params });
                        assert!(
                            got == want,
                            "{n} samples, step {step}, weighted {weighted}, {threads} threads, {params:?}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn same_bits_for_every_thread_count_f32() {
    same_bits_for_every_thread_count::<f32>();
}

#[test]
fn same_bits_for_every_thread_count_f64() {
    same_bits_for_every_thread_count::<f64>();
}

/// Budgets for which the search takes other turns.
#[test]
fn same_bits_for_every_budget() {
    let losses = losses::<f64>(70_001, 0.0);
    for ordering in ORDERINGS {
        for alpha in [0.0, 0.3] {
            for r in [0.0, 1e-9, 1e-3, 10.0] {
                for worst_loss in [None, Some(50.0)] {
                    let params = Params { alpha, r, ordering, worst_loss, ..Params::default() };
                    let want = solve(&losses, None, &params);
                    for threads in THREADS {
                        assert!(
                            solve(&losses, None, &Params { threads, ..params }) == want,
                            "{threads} threads, {params:?}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn same_bits_from_several_callers() {
    let losses = losses::<f64>(100_003, 0.0);
    let wants = ORDERINGS.map(|ordering| {
        let params = Params { alpha: 0.05, r: 0.1, ordering, ..Params::default() };
        (params, solve(&losses, None, &params))
    });
    std::thread::scope(|scope| {
        for caller in 0..6 {
            let (losses, wants) = (&losses, &wants);
            scope.spawn(move || {
                for round in 0..6 {
                    let (params, want) = &wants[(caller + round) % wants.len()];
                    let threads = THREADS[(caller + round / 2) % THREADS.len()];
                    assert!(
                        solve(losses, None, &Params { threads, ..*params }) == *want,
                        "caller {caller}, {threads} threads"
                    );
                }
            });
        }
    });
}

/// The weights of a batch, and the text of each row's report.
fn solve_rows<T: Real>(
    losses: &[T],
    base: Option<&[T]>,
    rows: Rows<'_>,
    count: usize,
    params: &Params,
) -> (Vec<T>, Vec<Option<String>>) {
    let mut weights = vec![T::from_f64(f64::NAN); losses.len()];
    let reports = Mutex::new(vec![None; count]);
    weights_of_rows_into(losses, base, rows, params, &mut weights, |i, report| {
        let before = reports.lock().unwrap()[i].replace(text(report));
        assert!(before.is_none(), "row {i} was reported twice");
    })
    .unwrap();
    (weights, reports.into_inner().unwrap())
}

/// Many rows, and so few that a row has several threads.
#[test]
fn batches_have_the_bits_of_their_rows() {
    for (rows, columns) in [(700, 130), (3, 70_000), (1, 100_000), (100_000, 1)] {
        let losses = losses::<f32>(rows * columns, 0.0);
        for ordering in ORDERINGS {
            let params = Params { alpha: 0.1, r: 0.2, ordering, ..Params::default() };
            let wants: Vec<_> = losses.chunks(columns).map(|row| solve(row, None, &params)).collect();
            for threads in THREADS {
                let params = Params { threads, ..params };
                let (weights, reports) = solve_rows(&losses, None, Rows::Of(columns), rows, &params);
                for ((row, report), want) in weights.chunks(columns).zip(reports).zip(&wants) {
                    let got = (bits(row), report.expect("a report for each row"));
                    assert!(got == *want, "{rows} rows of {columns}, {params:?}");
                }
            }
        }
    }
}

/// One row that is long by itself, empty rows, and short ones around them.
#[test]
fn ragged_rows_have_their_own_bits() {
    let lengths: Vec<usize> = (0..=130).chain([0, 200_000, 0, 0]).chain((0..=130).rev()).collect();
    let mut offsets = vec![0];
    for length in &lengths {
        offsets.push(offsets[offsets.len() - 1] + length);
    }
    let n = offsets[lengths.len()];
    let losses = losses::<f64>(n, 0.0);
    // No row is masked as a whole.
    let base: Vec<f64> = (0..n).map(|i| if offsets.contains(&i) { 1.0 } else { (i % 4) as f64 }).collect();
    for ordering in ORDERINGS {
        for base in [None, Some(&base[..])] {
            let params = Params { alpha: 0.1, r: 0.2, ordering, ..Params::default() };
            let row = |i: usize| offsets[i]..offsets[i + 1];
            let wants: Vec<_> = (0..lengths.len())
                .map(|i| (lengths[i] > 0).then(|| solve(&losses[row(i)], base.map(|base| &base[row(i)]), &params)))
                .collect();
            for threads in THREADS {
                let params = Params { threads, ..params };
                let (weights, reports) = solve_rows(&losses, base, Rows::Offsets(&offsets), lengths.len(), &params);
                for (i, report) in reports.into_iter().enumerate() {
                    let got = report.map(|report| (bits(&weights[row(i)]), report));
                    assert!(got == wants[i], "row {i} of {} samples, {params:?}", lengths[i]);
                }
            }
        }
    }
}
