//! The accuracy budget, on every row of a table of problems solved to 50 digits.
//!
//! * robust loss: 1e-13 of the span and 4 ulp;
//! * every weight, and the weight of the worst-case atom: 1e-12;
//! * dual bound: not below the robust loss by more than that, not above it by more than 1e-12 of
//!   the span and 4 ulp;
//! * derivatives, dual location, budgets spent: 1e-9, relatively;
//! * `f32`: 2 ulp from the rounded `f64` answer to the same `f32` input.

mod reference;
mod support;

use hr_weights::Ordering;
use std::collections::BTreeMap;
use support::ranks::{MOST_CALLS, solve_in_four};
use support::single::{narrow, round_to_f32, solve_f32, ulps_apart};
use support::table::{Row, rows};
use support::{Problem, Solved, solve, ulp, unmasked_losses};

/// Relative budget of the numbers that are not weights or losses.
const RELATIVE: f64 = 1e-9;

/// Newton steps that an ordinary row may take.
const ORDINARY_ITERATIONS: u32 = 8;

/// And all of them together: 15% more than they take, on whichever kernels.
const MOST_ITERATIONS: u32 = 524;

/// Errors in units of their budgets: all that exceed it, and the largest of each kind.
#[derive(Default)]
struct Verdict {
    failures: Vec<String>,
    worst: BTreeMap<&'static str, (f64, String)>,
}

impl Verdict {
    /// Notes one comparison. The same infinity twice is no error; a NaN is one.
    fn compare(&mut self, row: &Row, what: &'static str, value: f64, exact: f64, budget: f64) {
        let error = if value == exact { 0.0 } else { (value - exact).abs() };
        let used = if error == 0.0 { 0.0 } else { error / budget };
        if self.worst.get(what).is_none_or(|(most, _)| used > *most) {
            self.worst.insert(what, (used, row.case.clone()));
        }
        if used.is_nan() || used > 1.0 {
            let case = &row.case;
            self.failures
                .push(format!("{case}: {what} {value:e}, exact {exact:e}, error {error:e}, budget {budget:e}"));
        }
    }

    /// Notes one condition.
    fn require(&mut self, row: &Row, what: &str, holds: bool) {
        if !holds {
            self.failures.push(format!("{}: {what}", row.case));
        }
    }

    /// Prints the largest errors, and fails with all rows that exceed a budget.
    fn conclude(self, rows: usize) {
        println!("{rows} rows; largest errors in units of the budget:");
        for (what, (used, case)) in &self.worst {
            println!("  {what}: {used:.3} ({case})");
        }
        assert!(
            self.failures.is_empty(),
            "{} comparisons failed:\n{}",
            self.failures.len(),
            self.failures.join("\n")
        );
    }
}

/// The budget of the robust loss.
fn value_budget(row: &Row) -> f64 {
    row.tiny_span + 4.0 * ulp(row.robust_loss)
}

/// Notes every weight. Where all mass is at a given worst loss which is also the largest loss, only
/// the sum of these weights is determined.
fn compare_weights(verdict: &mut Verdict, row: &Row, weights: &[f64], worst_weight: f64, budget: f64) {
    let at_worst = |i: usize| row.problem.worst_loss == Some(row.problem.losses[i]);
    let shared = row.problem.worst_loss == Some(row.robust_loss) && row.kl.is_none();
    let (mut worst, mut exact_worst) = (worst_weight, row.worst_weight);
    for (i, (p, exact)) in weights.iter().zip(&row.weights).enumerate() {
        if shared && at_worst(i) {
            worst += p;
            exact_worst += exact;
        } else {
            verdict.compare(row, "weight", *p, *exact, budget);
        }
    }
    verdict.compare(row, "worst weight", worst, exact_worst, budget);
}

#[test]
fn f64_answers_are_within_budget() {
    within_budget(|_, row| solve(&row.problem));
}

/// The same of four participants, in as many calls of the all-reduce as are promised.
#[test]
fn sharded_answers_are_within_budget() {
    let mut histogram = BTreeMap::new();
    within_budget(|verdict, row| {
        let (solved, calls) = solve_in_four(&row.problem);
        verdict.require(row, &format!("{calls} calls"), calls <= MOST_CALLS);
        *histogram.entry(calls).or_insert(0) += 1;
        solved
    });
    println!("calls of the all-reduce, and how many rows took them: {histogram:?}");
}

/// Compares every row with the answer of `solve`.
fn within_budget(mut solve: impl FnMut(&mut Verdict, &Row) -> Solved<f64>) {
    let rows = rows();
    let mut verdict = Verdict::default();
    for row in &rows {
        let solved = solve(&mut verdict, row);
        let report = solved.report;
        verdict.compare(row, "robust loss", report.robust_loss, row.robust_loss, value_budget(row));
        compare_weights(&mut verdict, row, &solved.weights, report.worst_weight, 1e-12);
        let total = solved.weights.iter().sum::<f64>() + report.worst_weight;
        verdict.compare(row, "sum of weights", total, 1.0, 1e-12);

        let above = report.dual_bound >= report.robust_loss;
        let gap_budget = if above { 10.0 * row.tiny_span + 4.0 * ulp(row.robust_loss) } else { value_budget(row) };
        let what = if above { "gap above" } else { "gap below" };
        verdict.compare(row, what, report.dual_bound, report.robust_loss, gap_budget);

        // Below the normal range there are no nine digits to ask for.
        let floor = |x: f64| RELATIVE * x.abs() + 4.0 * f64::MIN_POSITIVE;
        let scale = row.tiny_span.max(f64::MIN_POSITIVE) * 1e-250;
        if let Some(d_alpha) = row.d_alpha {
            verdict.compare(row, "d_alpha", report.d_alpha, d_alpha, floor(d_alpha) + scale);
        }
        // Where rounding decides on the level D of HR, it decides on u too.
        let fixed = row.problem.ordering == Ordering::Hd || row.d_alpha.is_some();
        if let Some(d_r) = row.d_r.filter(|_| fixed) {
            verdict.compare(row, "d_r", report.d_r, d_r, floor(d_r) + scale);
        }
        if let Some(eta) = row.eta.filter(|_| fixed) {
            let budget = floor(eta - report.worst_loss) + 4.0 * ulp(eta);
            verdict.compare(row, "eta", report.eta, eta, budget);
        }
        if let Some(kl) = row.kl {
            verdict.compare(row, "kl", report.kl, kl, floor(kl));
        }
        if let Some(tv) = row.tv {
            verdict.compare(row, "tv", report.tv, tv, floor(tv));
        }
        if let Some(trim) = row.trim {
            let budget = 1e4 * row.tiny_span + 4.0 * ulp(trim);
            // A cut between two losses may be reported as the next loss that is kept.
            let kept = unmasked_losses(&row.problem)
                .into_iter()
                .filter(|l| *l >= trim - budget)
                .fold(f64::INFINITY, f64::min);
            let exact = if report.trim_loss == kept { kept } else { trim };
            verdict.compare(row, "trim loss", report.trim_loss, exact, budget);
        }
    }
    verdict.conclude(rows.len());
}

#[test]
fn zeros_are_exact_and_counted() {
    let rows = rows();
    let mut verdict = Verdict::default();
    for row in &rows {
        let solved = solve(&row.problem);
        let mut zeros = 0;
        for (i, p) in solved.weights.iter().enumerate() {
            if row.problem.base.as_ref().is_some_and(|base| base[i] == 0.0) {
                verdict.require(row, "a masked weight is not zero", *p == 0.0);
            } else {
                zeros += u64::from(*p == 0.0);
                let below = row.problem.losses[i] < solved.report.trim_loss;
                verdict.require(row, "a weight below the trim loss is not zero", !below || *p == 0.0);
            }
        }
        verdict.require(row, "the count of trimmed samples is wrong", solved.report.trimmed == zeros);
    }
    verdict.conclude(rows.len());
}

#[test]
fn f32_answers_are_rounded_f64_answers() {
    let mut verdict = Verdict::default();
    let mut count = 0;
    for row in &rows() {
        let Some(problem) = round_to_f32(&row.problem) else { continue };
        let (double, single) = (solve(&problem), solve_f32(&problem));
        for (p, s) in double.weights.iter().zip(&single.weights) {
            let distance = f64::from(ulps_apart(narrow(*p), *s));
            verdict.compare(row, "f32 weight, ulp", distance, 0.0, 2.0);
        }
        let budget = row.tiny_span + 4.0 * ulp(double.report.robust_loss);
        let (value, exact) = (single.report.robust_loss, double.report.robust_loss);
        verdict.compare(row, "f32 robust loss", value, exact, budget);
        count += 1;
    }
    assert!(count > 0, "no row fits f32");
    verdict.conclude(count);
}

/// Where a weight that is kept rounds to zero it counts as one, and as no other does: here of the
/// loss at which the budget ends, which keeps a rounding's worth of its mass beside a worst loss
/// that has all the rest.
#[test]
fn zeros_of_floats_are_counted() {
    let mut kept_and_zero = 0;
    for (n, gone) in (3..16_usize).flat_map(|n| (1..n - 1).map(move |gone| (n, gone))) {
        for r in (0..160).map(|half| 0.5 * f64::from(half)) {
            let losses: Vec<f64> = (0..n).map(|i| i as f64).collect();
            let alpha = (gone as f64 / n as f64).next_down();
            for ordering in [Ordering::Hd, Ordering::Hr] {
                let problem = Problem { losses: losses.clone(), base: None, alpha, r, ordering, worst_loss: None };
                let solved = solve_f32(&problem);
                let zeros = solved.weights.iter().filter(|weight| **weight == 0.0).count();
                assert_eq!(solved.report.trimmed, zeros as u64, "{solved:?} of {problem:?}");
                kept_and_zero += usize::from(solved.report.trim_loss < zeros as f64);
            }
        }
    }
    assert!(kept_and_zero > 0, "no weight has rounded to zero");
}

#[test]
fn ordinary_problems_take_few_iterations() {
    let mut verdict = Verdict::default();
    let rows: Vec<Row> = rows().into_iter().filter(|row| row.ordinary).collect();
    let mut histogram = BTreeMap::new();
    for row in &rows {
        let iterations = solve(&row.problem).report.iterations;
        *histogram.entry(iterations).or_insert(0) += 1;
        let what = format!("{iterations} iterations");
        verdict.require(row, &what, iterations <= ORDINARY_ITERATIONS);
        // Without r there is no root to look for; with it no answer comes unseen, unless everything
        // moves to the worst loss.
        let looked_for = row.problem.r > 0.0 && row.d_r.is_some_and(|d_r| d_r > 0.0);
        verdict.require(row, &what, (iterations > 0) == looked_for || row.d_r.is_none());
    }
    println!("iterations of ordinary rows, and how many rows took them: {histogram:?}");
    // A search with worse guesses finds the same answer later.
    let total: u32 = histogram.iter().map(|(iterations, rows)| iterations * rows).sum();
    assert!(total <= MOST_ITERATIONS, "{total} iterations in all, {MOST_ITERATIONS} are expected");
    verdict.conclude(rows.len());
}

/// The slow reference that the property tests rely on, itself against the table, in the range for
/// which it is meant.
#[test]
fn reference_is_accurate() {
    let mut verdict = Verdict::default();
    let rows: Vec<Row> = rows().into_iter().filter(in_range_of_reference).collect();
    for row in &rows {
        let answer = reference::solve(&row.problem);
        verdict.compare(row, "robust loss", answer.robust_loss, row.robust_loss, value_budget(row));
        compare_weights(&mut verdict, row, &answer.weights, answer.worst_weight, 1e-12);
        let floor = 1e-290 * answer.span;
        if let Some(d_r) = row.d_r {
            verdict.compare(row, "d_r", answer.d_r, d_r, RELATIVE * d_r + floor);
        }
        if let Some(d_alpha) = row.d_alpha {
            verdict.compare(row, "d_alpha", answer.d_alpha, d_alpha, RELATIVE * d_alpha + floor);
        }
    }
    verdict.conclude(rows.len());
}

/// Whether the reference promises its accuracy for a row.
fn in_range_of_reference(row: &Row) -> bool {
    let r = row.problem.r;
    let tiny = |b: f64| b > 0.0 && b < 1e-6;
    let base = row.problem.base.iter().flatten();
    (r == 0.0 || (1e-9..=300.0).contains(&r) || r == f64::INFINITY)
        && (row.problem.alpha == 0.0 || row.problem.alpha > 1e-9)
        && (row.tiny_span == 0.0 || (1e-300..1e290).contains(&row.tiny_span))
        && !base.copied().any(tiny)
}

/// A sample 1e30 below the others with next to no mass: it decides where the mean depth is, about
/// which nothing would be left of phi. From 60 digits. (Where there is little room the search makes
/// do with the mean.)
#[test]
#[cfg(hrw_vector)]
fn little_mass_far_below() {
    let problem = Problem {
        losses: vec![-1e30, 0.25, 0.75, 0.5, 1.0, 0.125],
        base: Some(vec![1e-20, 1.0, 0.5, 0.25, 0.75, 1.0]),
        alpha: 0.0,
        r: 1e-12,
        ordering: Ordering::Hd,
        worst_loss: None,
    };
    let exact = [
        6.976_940_001_374_62e-46,
        0.285_714_034_992_108_3,
        0.142_857_310_004_936_74,
        0.071_428_581_875_172_85,
        0.214_286_184_389_740_78,
        0.285_713_888_738_041_4,
    ];
    let solved = solve(&problem);
    for (weight, exact) in solved.weights.iter().zip(exact) {
        assert!((weight - exact).abs() <= 1e-12 * exact, "{weight:e} instead of {exact:e}");
    }
    let report = solved.report;
    for (number, exact) in [(report.d_r, 244_192.900_048_111_74), (report.kl, 1e-12)] {
        assert!((number - exact).abs() <= 1e-12 * exact, "{number:e} instead of {exact:e}");
    }
}
