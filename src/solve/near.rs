//! Many budgets for one vector: where the last solution was, when only r changes.

use super::{Guide, Problem, Solved, plain_from};
use crate::math::{log, log_expm1};
use crate::params::{Error, Params};
use crate::real::Real;
use crate::reduce::{Data, Meeting};
use crate::root::line_factor;
use crate::trim::Cut;
use crate::validate::Range;
use crate::weights::Optimum;

/// The solution of a problem with the same losses and alpha, and another r.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Near<T> {
    alpha: f64,
    r: f64,
    /// The masses of all samples and of those at depth zero.
    masses: [f64; 2],
    /// HD's is the same for every r; HR's begins there.
    pub(super) cut: Cut<T>,
    pub(super) mean: f64,
    pub(super) log_u: f64,
}

/// As [`super::solve`], from the last solution if it is of use, which then gives way to this one.
pub(crate) fn solve_near<T: Real, R: Meeting>(
    data: &mut Data<'_, T, R>,
    range: &Range,
    params: &Params,
    scratch: Option<&mut [T]>,
    last: &mut Option<Near<T>>,
) -> Result<Optimum<T>, Error> {
    let useful = |last: &Near<T>| {
        last.alpha == params.alpha && params.r >= plain_from(last.masses[0]) && params.r < f64::INFINITY
    };
    if let Some(near) = last.filter(useful) {
        let near = near.moved(params.r, range);
        return Problem::of_masses(range, params, near.masses, Guide::Near(&near)).solve(data, Some(last));
    }
    *last = None;
    super::solve_keeping(data, range, params, scratch, Some(last))
}

impl<T: Real> Near<T> {
    /// What may be kept of a solution.
    pub(super) fn of(problem: &Problem<'_, T>, solved: &Solved<T>) -> Option<Self> {
        let (u, mean) = (solved.root.view.u, solved.root.view.lens.centre);
        let sound = problem.is_plain() && u > 0.0 && u < f64::INFINITY;
        sound.then(|| Self {
            alpha: problem.alpha,
            r: problem.r,
            masses: [problem.total, problem.top],
            cut: solved.cut,
            mean,
            log_u: log(u),
        })
    }

    /// For another r: u moves along the line that the root search follows.
    fn moved(self, r: f64, range: &Range) -> Self {
        let [total, top] = self.masses;
        let k = line_factor(if range.depths.depth(range.largest) == 0.0 { top / total } else { 0.0 });
        let log_u = self.log_u + 0.5 * (log_expm1(k * self.r) - log_expm1(k * r));
        Self { r, log_u, ..self }
    }
}
