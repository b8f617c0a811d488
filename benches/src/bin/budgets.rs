//! What the budgets and chance do to the time of a call: over many random vectors of exponential
//! losses, on one thread, in `f32`, the median and the largest time of each budget beside those of
//! the usual one.
//!
//! `budgets LIBRARY N...`

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use hr_weights_bench::contenders::{Contender, Library, Solver};
use hr_weights_bench::problem::{Budgets, Ordering};
use hr_weights_bench::vectors::Shape;

const VECTORS: usize = 60;
const ALPHAS: [f64; 5] = [0.0, 0.01, 0.05, 0.3, 0.5];
const RADII: [f64; 7] = [1e-6, 1e-3, 0.1, 0.5, 1.0, 2.0, 10.0];
/// The time of a vector is the least of so many turns, each of about so many losses.
const TURNS: usize = 7;
const LOSSES_OF_A_TURN: usize = 8192;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let sizes: Option<Vec<usize>> = arguments.iter().skip(1).map(|n| n.parse().ok().filter(|&n| n > 0)).collect();
    let (Some(library), Some(sizes)) = (arguments.first(), sizes.filter(|sizes| !sizes.is_empty())) else {
        eprintln!("budgets LIBRARY N...");
        return ExitCode::FAILURE;
    };
    let library = Library::load(Path::new(library)).expect("the shared library");
    println!(
        "| n | | alpha 0.05, r 0.1 | of HD's | slowest vector | dearest budgets, median | dearest budgets, slowest vector |"
    );
    println!("|---|---|---|---|---|---|---|");
    for n in sizes {
        let losses = Shape::Exponential.losses(n * VECTORS);
        let mut of_hd = None;
        for ordering in [Ordering::Hd, Ordering::Hr] {
            let (usual, slowest) = times(&library, &losses, n, Budgets::headline(ordering));
            let of_hd = usual / *of_hd.get_or_insert(usual);
            let of_budgets: Vec<(f64, f64)> = ALPHAS
                .into_iter()
                .flat_map(|alpha| RADII.map(|r| times(&library, &losses, n, Budgets { ordering, alpha, r })))
                .collect();
            let [median, most] = [|of: &(f64, f64)| of.0, |of: &(f64, f64)| of.1]
                .map(|of| of_budgets.iter().map(of).fold(0.0, f64::max) / usual);
            let slowest = slowest / usual;
            println!("| {n} | {ordering} | {usual:.0} ns | {of_hd:.2} | {slowest:.2} | {median:.2} | {most:.2} |");
        }
    }
    ExitCode::SUCCESS
}

/// The median and the largest time of a call over all vectors, in nanoseconds.
fn times(library: &Library, losses: &[f32], n: usize, budgets: Budgets) -> (f64, f64) {
    let calls = (LOSSES_OF_A_TURN / n).max(1) as u64;
    let mut times: Vec<Duration> = losses
        .chunks(n)
        .map(|losses| {
            let mut solver = Solver::new(library, &budgets, 1, losses);
            let turn = |_| solver.run(calls).expect("no process takes part");
            (0..TURNS).map(turn).min().expect("there are turns")
        })
        .collect();
    times.sort();
    let of = |time: Duration| time.as_secs_f64() * 1e9 / calls as f64;
    (of(times[times.len() / 2]), of(times[times.len() - 1]))
}
