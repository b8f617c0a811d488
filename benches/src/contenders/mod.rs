//! Everything that is timed.

mod conic;
mod library;
mod process;
mod simple;

use std::io;
use std::time::{Duration, Instant};

pub use conic::Conic;
pub use library::{Batch, BatchWay, Element, Library, Solver};
pub use process::Process;
pub use simple::{Softmax, Textbook};

use crate::problem::Answer;

/// Something that turns a vector of losses into a vector of weights.
pub trait Contender {
    /// The time that this many calls take.
    ///
    /// # Errors
    /// If the contender is another process that fails.
    fn run(&mut self, calls: u64) -> io::Result<Duration>;

    /// What one call computes.
    ///
    /// # Errors
    /// If the contender is another process that fails.
    fn answer(&mut self) -> io::Result<Answer>;
}

/// The time that `calls` calls of `f` take.
fn timed(calls: u64, mut f: impl FnMut()) -> Duration {
    let start = Instant::now();
    for _ in 0..calls {
        f();
    }
    start.elapsed()
}
