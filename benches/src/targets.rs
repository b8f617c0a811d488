//! The promises about speed, all of them ratios within one run, and whether this run keeps them.

use crate::records::{Group, Record, median, names, significant};

/// Prints every promise that this run can judge.
pub fn print(records: &[Record]) {
    println!("\nTargets\n");
    println!("| {:<46} | {:>9} | {:>9} | {:>9} | {:<6} |", "", "n", "target", "measured", "");
    println!("|{:-<48}|{:->10}:|{:->10}:|{:->10}:|{:-<8}|", "", "", "", "", "");
    let mut sizes: Vec<usize> =
        records.iter().filter(|record| record.group == Group::Sizes).map(|record| record.n).collect();
    sizes.dedup();
    for n in sizes {
        by_size(records, n);
    }
    no_cliffs(records);
    let batch = |name: &str| records.iter().find(|record| record.group == Group::Batch && record.contender == name);
    if let (Some(serial), Some(two)) = (batch("loop over the rows"), batch("one call, 2 threads")) {
        at_most("batch on 2 threads / loop over the rows", two.n, 0.55, two.timing.median / serial.timing.median);
    }
}

fn by_size(records: &[Record], n: usize) {
    let time = |name: &str| median(records, Group::Sizes, n, name);
    let ratio = |name: &str, unit: &str| Some(time(name)? / time(unit)?);
    let headline = |unit: &str| ratio(names::HD, unit);
    // Shorter vectors than the promise speaks of are timed for the conic solvers' sake.
    let promised = n >= 128;
    if let Some(measured) = headline(names::SOFTMAX).filter(|_| promised) {
        at_most("HD f32 / softmax in C", n, of_size(n, [9.0, 4.5, 2.7, 1.7, 1.5]), measured);
    }
    if let Some(measured) = headline(names::TORCH).filter(|_| promised) {
        at_most("HD f32 / torch.softmax", n, of_size(n, [1.0, 1.0, 0.9, 0.8, 0.4]), measured);
    }
    if let Some(measured) = ratio(names::HR, names::HD) {
        at_most("HR f32 / HD f32", n, 1.3, measured);
    }
    if let Some(measured) = ratio("hr-weights HD f64", names::HD) {
        at_most("HD f64 / HD f32", n, 1.6, measured);
    }
    if let Some(measured) = ratio(names::HD, "hr-weights, 2 threads, HD f32").filter(|_| n >= 1_000_000) {
        at_least("HD f32, 1 thread / 2 threads", n, 1.7, measured);
    }
    if let Some(measured) = ratio(names::AUTHORS, names::HD).filter(|_| [128, 2048].contains(&n)) {
        at_least("the authors' package / HD f32", n, if n == 128 { 1e4 } else { 1e5 }, measured);
    }
}

/// A target that depends on the size: below 1,024 losses, and from 1,024, 4,096, 16,384 and 10^7
/// on.
fn of_size(n: usize, targets: [f64; 5]) -> f64 {
    const FROM: [usize; 4] = [1024, 4096, 16_384, 10_000_000];
    targets[FROM.iter().filter(|&&from| n >= from).count()]
}

/// The slowest of the other budgets and losses, of each ordering and size, against the headline
/// row.
fn no_cliffs(records: &[Record]) {
    let mut worst: Vec<(&Record, f64)> = Vec::new();
    for record in records.iter().filter(|record| matches!(record.group, Group::Budgets | Group::Shapes)) {
        let Some(budgets) = record.budgets else { continue };
        let headline = records.iter().find(|other| {
            other.group == Group::Budgets
                && other.n == record.n
                && other.budgets == Some(crate::problem::Budgets::headline(budgets.ordering))
        });
        let Some(headline) = headline else { continue };
        let ratio = record.timing.median / headline.timing.median;
        let same = |(other, _): &&mut (&Record, f64)| {
            other.group == record.group
                && other.n == record.n
                && other.budgets.map(|budgets| budgets.ordering) == Some(budgets.ordering)
        };
        match worst.iter_mut().find(same) {
            Some(slot) if slot.1 < ratio => *slot = (record, ratio),
            Some(_) => {}
            None => worst.push((record, ratio)),
        }
    }
    for (record, ratio) in worst {
        at_most(&format!("{} / headline", record.contender), record.n, 2.0, ratio);
    }
}

fn at_most(what: &str, n: usize, target: f64, measured: f64) {
    line(what, n, &format!("<= {target}"), measured, measured <= target);
}

fn at_least(what: &str, n: usize, target: f64, measured: f64) {
    line(what, n, &format!(">= {target}"), measured, measured >= target);
}

fn line(what: &str, n: usize, target: &str, measured: f64, met: bool) {
    let verdict = if met { "met" } else { "MISSED" };
    println!("| {what:<46} | {n:>9} | {target:>9} | {:>9} | {verdict:<6} |", significant(measured));
}
