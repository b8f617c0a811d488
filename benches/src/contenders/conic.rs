//! The robust programs as they are written down, in exponential cones, for an interior-point
//! solver.

use std::hint::black_box;
use std::io;
use std::time::Duration;

use clarabel::algebra::CscMatrix;
use clarabel::solver::{
    DefaultSettings, DefaultSettingsBuilder, DefaultSolver, IPSolver, SolverStatus, SupportedConeT,
};

use super::{Contender, timed};
use crate::problem::{Answer, Budgets, Ordering};

/// Clarabel on the conic program. As in a trainer, the program is built anew for every vector.
pub struct Conic<'a> {
    losses: &'a [f64],
    budgets: Budgets,
}

impl<'a> Conic<'a> {
    /// Prepares the calls.
    #[must_use]
    pub fn new(budgets: &Budgets, losses: &'a [f64]) -> Self {
        Self { losses, budgets: *budgets }
    }

    fn solve(&self) -> Answer {
        let n = self.losses.len();
        let worst = self.losses.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let program = Program::new(self.losses, worst, &self.budgets);
        let solution = program.solve();
        let p = &solution[..=n];
        let largest = self.losses.iter().filter(|loss| **loss == worst).count() as f64;
        let fold = |(p_i, loss): (&f64, &f64)| if *loss == worst { p_i + p[n] / largest } else { *p_i };
        let loss = p.iter().zip(self.losses).map(|(p_i, loss)| p_i * loss).sum::<f64>() + p[n] * worst;
        Answer { weights: p.iter().zip(self.losses).map(fold).collect(), loss: Some(loss), multipliers: None }
    }
}

impl Contender for Conic<'_> {
    fn run(&mut self, calls: u64) -> io::Result<Duration> {
        Ok(timed(calls, || drop(black_box(self.solve()))))
    }

    fn answer(&mut self) -> io::Result<Answer> {
        Ok(self.solve())
    }
}

/// A linear objective under `A x + s = b` with `s` in a product of cones.
///
/// The variables are `p` (n samples, then the atom), `s` (n, what is cut) and `t` (a bound of each
/// term of the divergence). `t >= q log(q/p)` is `(-t, q, p)` in the exponential cone
/// `{(x, y, z): y exp(x/y) <= z}`.
#[derive(Default)]
struct Program {
    objective: Vec<f64>,
    rows: Vec<usize>,
    columns: Vec<usize>,
    values: Vec<f64>,
    constants: Vec<f64>,
    cones: Vec<SupportedConeT<f64>>,
}

impl Program {
    fn new(losses: &[f64], worst: f64, budgets: &Budgets) -> Self {
        let n = losses.len();
        let b = 1.0 / n as f64;
        let (p, atom, s) = (|i: usize| i, n, move |i: usize| n + 1 + i);
        let t = move |i: usize| 2 * n + 1 + i;
        let cut = || (0..n).map(s);
        let objective = losses.iter().map(|loss| -loss).chain([-worst]).collect();
        let mut program = Self { objective, ..Self::default() };

        // sum p = 1.
        program.row(1.0, (0..=n).map(|i| (p(i), 1.0)));
        program.cones.push(SupportedConeT::ZeroConeT(1));
        // sum s <= alpha, s >= 0.
        program.row(budgets.alpha, cut().map(|i| (i, 1.0)));
        cut().for_each(|i| program.row(0.0, [(i, -1.0)]));
        let mut inequalities = n + 1;
        match budgets.ordering {
            Ordering::Hd => {
                // sum t <= r; every (-t, b - s, p), and (-t, sum s, p) for the atom.
                program.row(budgets.r, (0..=n).map(|i| (t(i), 1.0)));
                inequalities += 1;
                program.cones.push(SupportedConeT::NonnegativeConeT(inequalities));
                for i in 0..n {
                    program.row(0.0, [(t(i), 1.0)]);
                    program.row(b, [(s(i), 1.0)]);
                    program.row(0.0, [(p(i), -1.0)]);
                }
                program.row(0.0, [(t(n), 1.0)]);
                program.row(0.0, cut().map(|i| (i, -1.0)));
                program.row(0.0, [(atom, -1.0)]);
                program.cones.extend((0..=n).map(|_| SupportedConeT::ExponentialConeT()));
                program.objective.resize(3 * n + 2, 0.0);
            }
            Ordering::Hr => {
                // q = p + s, and p - sum s >= 0 on the atom; sum t <= r; every (-t, b, q).
                program.row(budgets.r, (0..n).map(|i| (t(i), 1.0)));
                program.row(0.0, cut().map(|i| (i, 1.0)).chain([(atom, -1.0)]));
                (0..n).for_each(|i| program.row(0.0, [(p(i), -1.0)]));
                inequalities += n + 2;
                program.cones.push(SupportedConeT::NonnegativeConeT(inequalities));
                for i in 0..n {
                    program.row(0.0, [(t(i), 1.0)]);
                    program.row(b, []);
                    program.row(0.0, [(p(i), -1.0), (s(i), -1.0)]);
                }
                program.cones.extend((0..n).map(|_| SupportedConeT::ExponentialConeT()));
                program.objective.resize(3 * n + 1, 0.0);
            }
        }
        program
    }

    fn row(&mut self, constant: f64, entries: impl IntoIterator<Item = (usize, f64)>) {
        for (column, value) in entries {
            self.rows.push(self.constants.len());
            self.columns.push(column);
            self.values.push(value);
        }
        self.constants.push(constant);
    }

    fn solve(self) -> Vec<f64> {
        let variables = self.objective.len();
        let matrix =
            CscMatrix::new_from_triplets(self.constants.len(), variables, self.rows, self.columns, self.values);
        let no_quadratic = CscMatrix::zeros((variables, variables));
        let settings: DefaultSettings<f64> =
            DefaultSettingsBuilder::default().verbose(false).build().expect("valid settings");
        let mut solver =
            DefaultSolver::new(&no_quadratic, &self.objective, &matrix, &self.constants, &self.cones, settings)
                .expect("a well-formed program");
        solver.solve();
        let status = solver.solution.status;
        assert!(matches!(status, SolverStatus::Solved | SolverStatus::AlmostSolved), "Clarabel: {status}");
        solver.solution.x
    }
}
