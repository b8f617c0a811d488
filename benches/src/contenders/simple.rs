//! Contenders within this process that need no more than a function: softmax in C, and the
//! textbook.

use std::hint::black_box;
use std::io;
use std::time::Duration;

use super::{Contender, timed};
use crate::problem::{Answer, Budgets};
use crate::textbook;
use crate::vectors::widened;

unsafe extern "C" {
    fn bench_softmax_f32(losses: *const f32, n: usize, out: *mut f32);
}

/// Softmax in C, of a vector or of every row of a batch.
pub struct Softmax<'a> {
    losses: &'a [f32],
    columns: usize,
    weights: Vec<f32>,
}

impl<'a> Softmax<'a> {
    /// The softmax of a vector.
    #[must_use]
    pub fn new(losses: &'a [f32]) -> Self {
        Self::rows(losses, losses.len())
    }

    /// The softmax of every `columns` losses.
    #[must_use]
    pub fn rows(losses: &'a [f32], columns: usize) -> Self {
        Self { losses, columns, weights: vec![0.0; losses.len()] }
    }

    fn call(&mut self) {
        for (losses, out) in self.losses.chunks_exact(self.columns).zip(self.weights.chunks_exact_mut(self.columns)) {
            // SAFETY: both rows have as many elements.
            unsafe { bench_softmax_f32(losses.as_ptr(), losses.len(), out.as_mut_ptr()) };
        }
    }
}

impl Contender for Softmax<'_> {
    fn run(&mut self, calls: u64) -> io::Result<Duration> {
        Ok(timed(calls, || self.call()))
    }

    fn answer(&mut self) -> io::Result<Answer> {
        self.call();
        Ok(Answer { weights: widened(&self.weights), loss: None, multipliers: None })
    }
}

/// Sort and bisect.
pub struct Textbook<'a> {
    losses: &'a [f64],
    budgets: Budgets,
}

impl<'a> Textbook<'a> {
    /// Prepares the calls.
    #[must_use]
    pub fn new(budgets: &Budgets, losses: &'a [f64]) -> Self {
        Self { losses, budgets: *budgets }
    }
}

impl Contender for Textbook<'_> {
    fn run(&mut self, calls: u64) -> io::Result<Duration> {
        Ok(timed(calls, || drop(black_box(textbook::solve(self.losses, &self.budgets)))))
    }

    fn answer(&mut self) -> io::Result<Answer> {
        Ok(textbook::solve(self.losses, &self.budgets))
    }
}
