//! Participants of a sharded problem, in one thread and in lockstep; their messages are counted.

use super::{Problem, Solved, params};
use hr_weights::{Error, Operation, Params, Real, Report, Sharded, Step};

/// What a sharded solve came to, and what it cost.
#[derive(Debug)]
pub(crate) struct Together<T> {
    /// The weights of all participants, one after another.
    pub(crate) weights: Vec<T>,
    pub(crate) report: Report,
    /// All-reduce calls.
    pub(crate) calls: usize,
    /// The largest message, in bytes.
    pub(crate) largest: usize,
}

/// Cuts a vector at these places.
pub(crate) fn cut<'a, T>(values: &'a [T], places: &[usize]) -> Vec<&'a [T]> {
    let ends = places.iter().copied().chain([values.len()]);
    ends.scan(0, |start, end| Some(&values[std::mem::replace(start, end)..end])).collect()
}

/// Solves with one participant per part; `base` has parts of the same lengths, or none.
pub(crate) fn solve_together<T: Real>(
    losses: &[&[T]],
    base: &[Option<&[T]>],
    params: &[Params],
) -> Vec<Result<Together<T>, Error>> {
    let mut solvers: Vec<_> = losses.iter().map(|_| Sharded::new()).collect();
    let mut weights: Vec<Vec<T>> = losses.iter().map(|losses| vec![T::from_f64(-1.0); losses.len()]).collect();
    let (mut calls, mut largest) = (0, 0);
    loop {
        let mut steps = Vec::new();
        for (rank, solver) in solvers.iter_mut().enumerate() {
            steps.push(solver.step(losses[rank], base[rank], &params[rank], &mut weights[rank]));
        }
        if steps.iter().any(|step| !matches!(step, Ok(Step::Reduce(..)))) {
            assert!(steps.iter().all(|step| !matches!(step, Ok(Step::Reduce(..)))), "some would wait for ever");
            let all = || weights.iter().flatten().copied().collect();
            let result = |step| match step {
                Ok(Step::Done(report)) => Ok(Together { weights: all(), report, calls, largest }),
                Ok(Step::Reduce(..)) => unreachable!(),
                Err(error) => Err(error),
            };
            return steps.into_iter().map(result).collect();
        }
        let mut messages: Vec<_> = steps
            .into_iter()
            .map(|step| match step {
                Ok(Step::Reduce(operation, values)) => (operation, values),
                _ => unreachable!(),
            })
            .collect();
        calls += 1;
        assert!(calls < 2000, "it does not end");
        largest = largest.max(8 * messages[0].1.len());
        let (operation, size) = (messages[0].0, messages[0].1.len());
        assert!(
            messages.iter().all(|(other, values)| *other == operation && values.len() == size),
            "messages differ"
        );
        for place in 0..size {
            let values = messages.iter().map(|(_, values)| values[place]);
            let joined = match operation {
                Operation::Sum => values.sum(),
                Operation::Max => values.fold(f64::NEG_INFINITY, f64::max),
            };
            assert!(!joined.is_nan(), "NaN in a message");
            for (_, values) in &mut messages {
                values[place] = joined;
            }
        }
    }
}

/// The most all-reduce calls that a solve may make.
pub(crate) const MOST_CALLS: usize = 64;

/// Solves a problem by four participants, of which one has no sample.
pub(crate) fn solve_in_four(problem: &Problem) -> (Solved<f64>, usize) {
    let n = problem.losses.len();
    let places = [n / 5, n / 5, n / 2];
    let losses = cut(&problem.losses, &places);
    let base: Vec<_> = match &problem.base {
        Some(base) => cut(base, &places).into_iter().map(Some).collect(),
        None => vec![None; losses.len()],
    };
    let mut results = solve_together(&losses, &base, &vec![params(problem); losses.len()]);
    let first = results.remove(0).unwrap_or_else(|error| panic!("{error:?} from {problem:?}"));
    for other in results {
        let other = other.expect("as the first").report;
        assert_eq!(format!("{:?}", first.report), format!("{other:?}"), "reports differ");
    }
    assert!(first.largest <= 32 << 10, "a message of {} bytes", first.largest);
    (Solved { weights: first.weights, report: first.report }, first.calls)
}
