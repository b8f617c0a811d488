//! Nothing but calls, for tools that count instructions: `calls LIBRARY ORDERING ELEMENT N CALLS`.

use std::path::Path;
use std::process::ExitCode;

use hr_weights_bench::contenders::{Contender, Library, Solver};
use hr_weights_bench::problem::{Budgets, Ordering};
use hr_weights_bench::vectors::{Shape, widened};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [library, ordering, element, n, calls] = &arguments[..] else {
        eprintln!("calls LIBRARY HD|HR f32|f64 N CALLS");
        return ExitCode::FAILURE;
    };
    let library = Library::load(Path::new(library)).expect("the shared library");
    let budgets = Budgets::headline(if ordering == "HR" { Ordering::Hr } else { Ordering::Hd });
    let losses = Shape::Exponential.losses(n.parse().expect("a number of losses"));
    let wide = widened(&losses);
    let calls = calls.parse().expect("a number of calls");
    let result = if element == "f64" {
        Solver::new(&library, &budgets, 1, &wide).run(calls)
    } else {
        Solver::new(&library, &budgets, 1, &losses).run(calls)
    };
    println!("{:?}", result.expect("no process takes part"));
    ExitCode::SUCCESS
}
