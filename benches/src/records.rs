//! Rows: what was timed, how long it took, how wrong it was. Printed for people, written for
//! machines.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crate::check::Error;
use crate::problem::Budgets;
use crate::timing::Timing;

/// Which part of the table a row belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Everybody on the headline problem, by size.
    Sizes,
    /// The solver on other budgets.
    Budgets,
    /// The solver on other losses.
    Shapes,
    /// Many short rows.
    Batch,
}

impl Group {
    fn name(self) -> &'static str {
        match self {
            Self::Sizes => "sizes",
            Self::Budgets => "budgets",
            Self::Shapes => "shapes",
            Self::Batch => "batch",
        }
    }
}

/// A row.
#[derive(Clone, Debug)]
pub struct Record {
    /// The part of the table.
    pub group: Group,
    /// Who.
    pub contender: String,
    /// On which losses.
    pub losses: &'static str,
    /// How many losses a row.
    pub n: usize,
    /// How many rows.
    pub rows: usize,
    /// Of which problem; `None` for a softmax.
    pub budgets: Option<Budgets>,
    /// How long.
    pub timing: Timing,
    /// How wrong.
    pub error: Error,
    /// How many values of u the search for it has tried, if it tells.
    pub iterations: Option<u32>,
}

/// The names under which targets and ratios look contenders up.
pub mod names {
    /// The unit of all ratios.
    pub const SOFTMAX: &str = "softmax in C, f32";
    /// The headline.
    pub const HD: &str = "hr-weights HD f32";
    /// The other ordering.
    pub const HR: &str = "hr-weights HR f32";
    /// What the names of all rows of this library begin with.
    pub const OURS: &str = "hr-weights";
    /// What the names of the torch rows begin with; the plain call comes first.
    pub const TORCH: &str = "torch";
    /// What the names of the rows of the authors' package begin with.
    pub const AUTHORS: &str = "HR_Neural_Networks";
}

/// The median of the first row whose contender's name begins like this.
#[must_use]
pub fn median(records: &[Record], group: Group, n: usize, name: &str) -> Option<f64> {
    let found = |record: &&Record| record.group == group && record.n == n && record.contender.starts_with(name);
    records.iter().find(found).map(|record| record.timing.median)
}

/// Nanoseconds, readable.
#[must_use]
pub fn duration(nanoseconds: f64) -> String {
    let (value, unit) = match nanoseconds {
        t if t < 1e3 => (t, "ns"),
        t if t < 1e6 => (t / 1e3, "us"),
        t if t < 1e9 => (t / 1e6, "ms"),
        t => (t / 1e9, "s"),
    };
    format!("{} {unit}", significant(value))
}

/// Three digits of a positive number.
#[must_use]
pub fn significant(value: f64) -> String {
    match value {
        v if v.is_nan() => "-".to_owned(),
        v if v >= 99.95 => format!("{v:.0}"),
        v if v >= 9.995 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

fn scientific(value: f64) -> String {
    if value.is_nan() { "-".to_owned() } else { format!("{value:.0e}") }
}

/// Prints the rows of one problem size, with their ratios to softmax and to the headline row.
pub fn print_rows(title: &str, records: &[Record], softmax: Option<f64>, headline: Option<f64>) {
    println!("\n{title}\n");
    println!(
        "| {:<40} | {:>9} | {:>9} | {:>9} | {:>8} | {:>8} |",
        "", "time", "/ softmax", "/ HD f32", "loss err", "w err"
    );
    println!("|{:-<42}|{:->10}:|{:->10}:|{:->10}:|{:->9}:|{:->9}:|", "", "", "", "", "", "");
    for record in records {
        let time = record.timing.median;
        let ratio = |unit: Option<f64>| unit.map_or_else(|| "-".to_owned(), |unit| significant(time / unit));
        println!(
            "| {:<40} | {:>9} | {:>9} | {:>9} | {:>8} | {:>8} |",
            record.contender,
            duration(time),
            ratio(softmax),
            ratio(headline),
            scientific(record.error.loss),
            scientific(record.error.weight)
        );
    }
}

/// Prints time by contender and size, in Markdown, for the front page.
pub fn print_summary(records: &[Record]) {
    let rows = || records.iter().filter(|record| record.group == Group::Sizes);
    let mut sizes: Vec<usize> = rows().map(|record| record.n).collect();
    sizes.dedup();
    let mut contenders: Vec<&str> = Vec::new();
    for record in rows() {
        if !contenders.contains(&record.contender.as_str()) {
            contenders.push(&record.contender);
        }
    }
    println!("\nTime by size\n");
    let line = |first: &str, cell: &dyn Fn(usize) -> String| {
        print!("| {first:<40} |");
        for &n in &sizes {
            print!(" {:>9} |", cell(n));
        }
        println!();
    };
    line("n", &|n| n.to_string());
    line(&"-".repeat(40), &|_| "--------:".to_owned());
    for contender in contenders {
        let time = |n| rows().find(|record| record.n == n && record.contender == contender);
        let cell = |n| time(n).map_or_else(String::new, |record| duration(record.timing.median));
        line(contender, &cell);
    }
}

/// Writes all rows, under comment lines that say how they came about.
///
/// # Errors
/// If the file cannot be written.
pub fn write_csv(path: &Path, comments: &[String], records: &[Record]) -> io::Result<()> {
    let mut text = Vec::new();
    for comment in comments {
        writeln!(text, "# {comment}")?;
    }
    writeln!(
        text,
        "group,contender,losses,n,rows,ordering,alpha,r,median_ns,fastest_ns,rounds,calls,loss_error,weight_error,iterations"
    )?;
    for record in records {
        let Timing { median, fastest, rounds, calls } = &record.timing;
        let problem = record
            .budgets
            .map_or_else(|| ",,".to_owned(), |Budgets { ordering, alpha, r }| format!("{ordering},{alpha},{r}"));
        writeln!(
            text,
            "{},\"{}\",{},{},{},{problem},{median:.1},{fastest:.1},{rounds},{calls},{:.2e},{:.2e},{}",
            record.group.name(),
            record.contender,
            record.losses,
            record.n,
            record.rows,
            record.error.loss,
            record.error.weight,
            record.iterations.map_or_else(String::new, |iterations| iterations.to_string()),
        )?;
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)
}
