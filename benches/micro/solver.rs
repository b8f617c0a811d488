//! The solver alone, for work on it: `cargo bench` here. Names the library in `HR_WEIGHTS_LIBRARY`; the table is the comparison.

use std::path::PathBuf;

use divan::Bencher;
use hr_weights_bench::contenders::{Contender, Element, Library, Solver};
use hr_weights_bench::problem::{Budgets, Ordering};
use hr_weights_bench::vectors::{Shape, widened};

const SIZES: [usize; 5] = [128, 1024, 4096, 16_384, 1_000_000];

fn main() {
    divan::main();
}

#[divan::bench(args = SIZES)]
fn hd_f32(bencher: Bencher, n: usize) {
    one_call(bencher, Ordering::Hd, &Shape::Exponential.losses(n));
}

#[divan::bench(args = SIZES)]
fn hr_f32(bencher: Bencher, n: usize) {
    one_call(bencher, Ordering::Hr, &Shape::Exponential.losses(n));
}

#[divan::bench(args = SIZES)]
fn hd_f64(bencher: Bencher, n: usize) {
    one_call(bencher, Ordering::Hd, &widened(&Shape::Exponential.losses(n)));
}

#[divan::bench(args = SIZES)]
fn hr_f64(bencher: Bencher, n: usize) {
    one_call(bencher, Ordering::Hr, &widened(&Shape::Exponential.losses(n)));
}

fn one_call<T: Element>(bencher: Bencher, ordering: Ordering, losses: &[T]) {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/release/libhr_weights.so");
    let path = std::env::var_os("HR_WEIGHTS_LIBRARY").map_or_else(|| shipped.into(), PathBuf::from);
    let library = Library::load(&path).expect("the shared library: `make library` makes it");
    let mut solver = Solver::new(&library, &Budgets::headline(ordering), 1, losses);
    bencher.bench_local(|| solver.run(1));
}
