//! The two robust programs, solved through their one-dimensional duals. Reads like
//! `docs/theory.md`: masses are b, depths d, the dual location is `eta = w + u`, and `x = u + d`.
//!
//! ```text
//! subsample  a large problem: a part of it, solved, gives a guess at u and a window of the cut; one
//!            pass gathers what is in the window, and sums up what is above it at that u
//! outline    otherwise: one pass gathers what is where the cut may be, and takes three moments of
//!            what is above it
//! start      from which, and from the largest losses, comes a guess at u
//! root       until it is found: the sums of the distribution at some u -> the next u
//! powers     the sums at a u that is near to one that was seen, without a pass
//! hd         HD: the cut is the alpha-quantile of the depths, found once        (rank, cut)
//! hr         HR: the cut moves with u, and is found again before each look      (rank, cut)
//! solution   a cut and a root -> the optimum: the formula of the weights, and the dual
//! optimum    the last pass writes the weights; the report
//! ```

#[cfg(all(test, hrw_vector))]
mod counts;
pub(crate) mod cut;
pub(crate) mod divergence;
mod guess;
mod hd;
mod hr;
pub(crate) mod optimum;
mod outline;
mod powers;
pub(crate) mod problem;
mod rank;
pub(crate) mod root;
mod solution;
mod start;
mod subsample;

pub(crate) use guess::WarmStart;

use crate::numbers::real::Real;
use crate::params::Params;
use crate::pass::Data;
use crate::validate::Range;
use guess::InitialGuess;
use optimum::Optimum;
use problem::Problem;

/// Solves a valid problem. `scratch`, if there is any, is as long as the data; what it holds
/// afterwards is of no use.
pub(crate) fn solve<T: Real>(
    data: &Data<'_, T>,
    range: &Range,
    params: &Params,
    scratch: Option<&mut [T]>,
) -> Optimum<T> {
    solve_anew(data, range, params, scratch, &mut None)
}

/// The same, from the last solution if it is of use, which then gives way to this one.
pub(crate) fn solve_from<T: Real>(
    data: &Data<'_, T>,
    range: &Range,
    params: &Params,
    scratch: Option<&mut [T]>,
    last: &mut Option<WarmStart<T>>,
) -> Optimum<T> {
    if let Some(near) = last.filter(|last| last.is_useful(params)) {
        let near = near.for_r(params.r, range);
        let problem = Problem::of_masses(range, params, near.masses).with_guess(InitialGuess::WarmStart(near));
        return solve_problem(&problem, data, last);
    }
    *last = None;
    solve_anew(data, range, params, scratch, last)
}

/// The same from nothing, or from what a subsample or an outline says.
fn solve_anew<T: Real>(
    data: &Data<'_, T>,
    range: &Range,
    params: &Params,
    scratch: Option<&mut [T]>,
    last: &mut Option<WarmStart<T>>,
) -> Optimum<T> {
    let guess = match (data.fast(), scratch) {
        (Some(level), Some(scratch)) if !Problem::<T>::is_limit(range, params) => {
            if subsample::is_worth_it(data, params) {
                let estimate = subsample::solve(data, level, range, params, scratch);
                estimate.map(|estimate| (estimate.largest, InitialGuess::Estimate(estimate)))
            } else {
                let outline = outline::look(data, level, range, params, scratch);
                outline.map(|outline| (outline.largest, InitialGuess::Outline(outline)))
            }
        }
        _ => None,
    };
    let problem = match guess {
        Some((largest, guess)) => Problem::of_masses(range, params, [data.len(), largest]).with_guess(guess),
        None => Problem::new(data, range, params),
    };
    solve_problem(&problem, data, last)
}

/// The solution, which is kept in `last` if it is one that another r may start from.
fn solve_problem<T: Real>(
    problem: &Problem<'_, T>,
    data: &Data<'_, T>,
    last: &mut Option<WarmStart<T>>,
) -> Optimum<T> {
    let Some(solved) = problem.solution(data) else {
        return problem.limit();
    };
    if problem.reaches_worst(&solved) {
        return problem.limit();
    }
    *last = problem.warm_start(&solved);
    problem.optimum(&solved)
}
