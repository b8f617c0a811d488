//! The table: everybody's time on the same vectors, in the same run, beside everybody's error, and
//! the promises.
//!
//! `table [--quick] [--huge] [--library FILE] [--python FILE] [--authors FILE] [--csv FILE] [--command TEXT]`

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use hr_weights_bench::check::{self, Error};
use hr_weights_bench::contenders::{
    Batch, BatchWay, Conic, Contender, Element, Library, Process, Softmax, Solver, Textbook,
};
use hr_weights_bench::options::Options;
use hr_weights_bench::problem::{Answer, Budgets, Ordering};
use hr_weights_bench::records::{self, Group, Record, names};
use hr_weights_bench::timing::{Effort, measure};
use hr_weights_bench::vectors::{Shape, widened};
use hr_weights_bench::{targets, textbook};

/// Up to which size these take part.
const CONIC_AT_MOST: usize = 2048;
const AUTHORS_AT_MOST: usize = 2048;
const TEXTBOOK_HD_AT_MOST: usize = 1_000_000;
const TEXTBOOK_HR_AT_MOST: usize = 100_000;

/// The errors that are no mistake: those of the contenders' own arithmetic.
const DOUBLE: Error = Error { loss: 1e-12, weight: 1e-11 };
const SINGLE: Error = Error { loss: 1e-12, weight: 1.2e-7 };
const CONIC: Error = Error { loss: 1e-5, weight: 1e-2 };
/// The authors' package is measured, not tested: where its solvers fail it answers all the same.
const ANY: Error = Error { loss: f64::INFINITY, weight: f64::INFINITY };

/// The run so far.
struct Run {
    library: Library,
    torch: Vec<Process>,
    authors: Option<Process>,
    records: Vec<Record>,
    mistakes: Vec<String>,
}

/// One line of the table before it is measured.
struct Entry<'a> {
    name: String,
    budgets: Option<Budgets>,
    tolerance: Error,
    contender: Box<dyn Contender + 'a>,
}

impl<'a> Entry<'a> {
    /// A softmax of `n` losses, whose sum is one of `n` terms in single precision.
    fn softmax(name: impl Into<String>, n: usize, contender: impl Contender + 'a) -> Self {
        let tolerance = Error { loss: 0.0, weight: 1e-6 + 1e-9 * n as f64 };
        Self { name: name.into(), budgets: None, tolerance, contender: Box::new(contender) }
    }

    fn robust(name: impl Into<String>, budgets: Budgets, tolerance: Error, contender: impl Contender + 'a) -> Self {
        Self { name: name.into(), budgets: Some(budgets), tolerance, contender: Box::new(contender) }
    }

    fn solver<T: Element>(
        library: &'a Library,
        name: impl Into<String>,
        budgets: Budgets,
        threads: i32,
        losses: &'a [T],
    ) -> Self {
        let tolerance = if size_of::<T>() == 4 { SINGLE } else { DOUBLE };
        Self::robust(name, budgets, tolerance, Solver::new(library, &budgets, threads, losses))
    }
}

impl Run {
    /// Everybody on the headline problem.
    fn size(&mut self, n: usize, effort: &Effort) -> io::Result<()> {
        let losses = Shape::Exponential.losses(n);
        let wide = widened(&losses);
        let (hd, hr) = (Budgets::headline(Ordering::Hd), Budgets::headline(Ordering::Hr));
        let library = &self.library;
        let mut entries = vec![
            Entry::softmax(names::SOFTMAX, n, Softmax::new(&losses)),
            Entry::solver(library, names::HD, hd, 1, &losses),
            Entry::solver(library, names::HR, hr, 1, &losses),
            Entry::solver(library, "hr-weights HD f64", hd, 1, &wide),
            Entry::solver(library, "hr-weights HR f64", hr, 1, &wide),
            Entry::solver(library, "hr-weights, 2 threads, HD f32", hd, 2, &losses),
            Entry::solver(library, "hr-weights, 2 threads, HR f32", hr, 2, &losses),
            Entry::solver(library, "hr-weights, 2 threads, HD f64", hd, 2, &wide),
            Entry::solver(library, "hr-weights, 2 threads, HR f64", hr, 2, &wide),
        ];
        for torch in &mut self.torch {
            torch.load(&losses, &hd)?;
            entries.push(Entry::softmax(torch.name().to_owned(), n, Remote(torch)));
        }
        for (budgets, at_most) in [(hd, TEXTBOOK_HD_AT_MOST), (hr, TEXTBOOK_HR_AT_MOST)] {
            if n <= at_most {
                let name = format!("sort and bisect, {} f64", budgets.ordering);
                entries.push(Entry::robust(name, budgets, DOUBLE, Textbook::new(&budgets, &wide)));
            }
        }
        for budgets in [hd, hr].into_iter().filter(|_| n > 1 && n <= CONIC_AT_MOST) {
            let name = format!("Clarabel, {} f64", budgets.ordering);
            entries.push(Entry::robust(name, budgets, CONIC, Conic::new(&budgets, &wide)));
        }
        let first = self.records.len();
        let softmax = check::softmax(&wide);
        let truths = [truth(&wide, &hd), truth(&wide, &hr)];
        let truth = |budgets: Option<Budgets>| match budgets {
            None => Some(&softmax),
            Some(budgets) => truths[usize::from(budgets.ordering == Ordering::Hr)].as_ref(),
        };
        let rows = measured(Group::Sizes, Shape::Exponential, &wide, entries, truth, effort, &mut self.mistakes)?;
        self.records.extend(rows);
        // One at a time: the two orderings share a process.
        for budgets in [hd, hr].into_iter().filter(|_| (32..=AUTHORS_AT_MOST).contains(&n)) {
            let Some(authors) = &mut self.authors else { break };
            authors.load(&losses, &budgets)?;
            let name = format!("{}, {}", authors.name(), budgets.ordering);
            let entries = vec![Entry::robust(name, budgets, ANY, Remote(authors))];
            let rows = measured(Group::Sizes, Shape::Exponential, &wide, entries, truth, effort, &mut self.mistakes)?;
            self.records.extend(rows);
        }
        self.print(&format!("n = {n}, Exp(1), alpha 0.05, r 0.1"), first);
        Ok(())
    }

    /// The solver on other budgets: their product.
    fn budgets(&mut self, n: usize, effort: &Effort) -> io::Result<()> {
        let losses = Shape::Exponential.losses(n);
        let wide = widened(&losses);
        let first = self.records.len();
        for ordering in [Ordering::Hd, Ordering::Hr] {
            let mut entries = Vec::new();
            for alpha in [0.05, 0.0, 0.01, 0.3] {
                for r in [0.1, 1e-6, 1e-3, 1.0, 10.0] {
                    let name = format!("{ordering} alpha {alpha} r {r:e}");
                    entries.push(Entry::solver(&self.library, name, Budgets { ordering, alpha, r }, 1, &losses));
                }
            }
            let truth = |budgets: Option<Budgets>| small_truth(&wide, &budgets?);
            let shape = Shape::Exponential;
            let rows = measured(Group::Budgets, shape, &wide, entries, truth, effort, &mut self.mistakes)?;
            self.records.extend(rows);
        }
        self.print(&format!("n = {n}, Exp(1), f32, other budgets"), first);
        Ok(())
    }

    /// The solver on other losses.
    fn shapes(&mut self, n: usize, effort: &Effort) -> io::Result<()> {
        let first = self.records.len();
        for shape in Shape::OTHERS {
            let losses = shape.losses(n);
            let wide = widened(&losses);
            let entries = [Ordering::Hd, Ordering::Hr]
                .map(|ordering| {
                    let name = format!("{ordering} {}", shape.name());
                    Entry::solver(&self.library, name, Budgets::headline(ordering), 1, &losses)
                })
                .into();
            let truth = |budgets: Option<Budgets>| small_truth(&wide, &budgets?);
            let rows = measured(Group::Shapes, shape, &wide, entries, truth, effort, &mut self.mistakes)?;
            self.records.extend(rows);
        }
        self.print(&format!("n = {n}, alpha 0.05, r 0.1, f32, other losses"), first);
        Ok(())
    }

    /// Many rows of 128 losses.
    fn batch(&mut self, rows: usize, effort: &Effort) -> io::Result<()> {
        const COLUMNS: usize = 128;
        let losses = Shape::Exponential.losses(rows * COLUMNS);
        let wide = widened(&losses);
        let hd = Budgets::headline(Ordering::Hd);
        let mut entries = vec![Entry::softmax(names::SOFTMAX, COLUMNS, Softmax::rows(&losses, COLUMNS))];
        let mut ways = vec![("loop over the rows", BatchWay::Loop)];
        if self.library.has_batches() {
            ways.push(("one call, 1 thread", BatchWay::Call { threads: 1 }));
            ways.push(("one call, 2 threads", BatchWay::Call { threads: 2 }));
        }
        for (name, way) in ways {
            let batch = Batch::new(&self.library, &hd, way, &losses, COLUMNS);
            entries.push(Entry::robust(name, hd, SINGLE, batch));
        }
        let by_row = |answer: &dyn Fn(&[f64]) -> Answer| {
            let weights = wide.chunks_exact(COLUMNS).flat_map(|row| answer(row).weights).collect();
            Answer { weights, loss: None, multipliers: None }
        };
        let (softmax, robust) = (by_row(&check::softmax), by_row(&|row| textbook::solve(row, &hd)));
        let truth = |budgets: Option<Budgets>| Some(if budgets.is_some() { &robust } else { &softmax });
        let first = self.records.len();
        let measured = measured(Group::Batch, Shape::Exponential, &wide, entries, truth, effort, &mut self.mistakes)?;
        self.records.extend(measured.into_iter().map(|record| Record { n: COLUMNS, rows, ..record }));
        self.print(&format!("{rows} rows of {COLUMNS}, Exp(1), alpha 0.05, r 0.1, HD f32"), first);
        Ok(())
    }

    /// Prints the rows from `first` on.
    fn print(&self, title: &str, first: usize) {
        let rows = &self.records[first..];
        let (group, n) = (rows[0].group, rows[0].n);
        let softmax = if group == Group::Batch { group } else { Group::Sizes };
        let headline = if group == Group::Batch { "loop" } else { names::HD };
        let median = |group, name| records::median(&self.records, group, n, name);
        records::print_rows(title, rows, median(softmax, names::SOFTMAX), median(softmax, headline));
    }
}

/// A process takes part in many sizes.
struct Remote<'a>(&'a mut Process);

impl Contender for Remote<'_> {
    fn run(&mut self, calls: u64) -> io::Result<Duration> {
        self.0.run(calls)
    }

    fn answer(&mut self) -> io::Result<Answer> {
        self.0.answer()
    }
}

/// The textbook's answer, as far as one wants to wait for it.
fn truth(losses: &[f64], budgets: &Budgets) -> Option<Answer> {
    let at_most = if budgets.ordering == Ordering::Hd { TEXTBOOK_HD_AT_MOST } else { TEXTBOOK_HR_AT_MOST };
    (losses.len() <= at_most).then(|| textbook::solve(losses, budgets))
}

/// The same where many answers are wanted.
fn small_truth(losses: &[f64], budgets: &Budgets) -> Option<Answer> {
    (losses.len() <= 4096).then(|| textbook::solve(losses, budgets))
}

/// Times all entries, and checks each against the truth, or else by its certificate.
fn measured<A: std::borrow::Borrow<Answer>>(
    group: Group,
    shape: Shape,
    losses: &[f64],
    mut entries: Vec<Entry>,
    truth: impl Fn(Option<Budgets>) -> Option<A>,
    effort: &Effort,
    mistakes: &mut Vec<String>,
) -> io::Result<Vec<Record>> {
    let n = losses.len();
    eprintln!("n = {n}: {} of {}", entries.len(), shape.name());
    let timings = {
        let mut contenders: Vec<&mut dyn Contender> =
            entries.iter_mut().map(|entry| &mut *entry.contender as &mut dyn Contender).collect();
        measure(&mut contenders, effort)?
    };
    let mut rows = Vec::new();
    for (mut entry, timing) in entries.into_iter().zip(timings) {
        let answer = entry.contender.answer()?;
        let certificate = entry.budgets.and_then(|budgets| check::certificate(losses, &answer, &budgets));
        let error = match truth(entry.budgets) {
            Some(truth) => check::difference(losses, &answer, truth.borrow()),
            None => Error { loss: certificate.map_or(f64::NAN, |proof| proof.gap), weight: f64::NAN },
        };
        let Error { loss, weight } = entry.tolerance;
        let proven = certificate
            .is_none_or(|proof| proof.gap <= loss && proof.mismatch <= loss.max(weight) && proof.excess <= 1e-6);
        let known = truth(entry.budgets).is_some() || certificate.is_some();
        if error.loss > loss || error.weight > weight || !proven || !known {
            let name = &entry.name;
            mistakes.push(format!("n = {n}, {}, {name}: {error:?}, {certificate:?}", shape.name()));
        }
        rows.push(Record {
            group,
            contender: entry.name,
            losses: shape.name(),
            n,
            rows: 1,
            budgets: entry.budgets,
            timing,
            error,
            iterations: answer.multipliers.map(|multipliers| multipliers.iterations),
        });
    }
    Ok(rows)
}

/// The machine's name of its processor.
fn cpu() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split_once(": ")).map_or("unknown processor", |(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{model}, {cores} cores")
}

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)).map_err(io::Error::other).and_then(|options| run(&options)) {
        Ok(mistakes) if mistakes.is_empty() => ExitCode::SUCCESS,
        Ok(mistakes) => {
            eprintln!("WRONG ANSWERS\n{}", mistakes.join("\n"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> io::Result<Vec<String>> {
    let start = Instant::now();
    let library = Library::load(&options.library).map_err(io::Error::other)?;
    let scripts = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let interpreters = [options.python.clone(), Some("python3".into()), Some("/usr/bin/python3".into())];
    let script = scripts.join("torch_softmax.py");
    let torch = interpreters.into_iter().flatten().find_map(|python| {
        let plain = Process::start(&python, &script, &[])?;
        Some(vec![plain, Process::start(&python, &script, &["--out"])?])
    });
    let authors = options
        .authors
        .as_ref()
        .map(|python| Process::start(python, &scripts.join("authors/authors.py"), &[]).ok_or("the authors' package"))
        .transpose()
        .map_err(io::Error::other)?;
    if torch.is_none() {
        eprintln!("no torch.softmax: no interpreter imports torch (name one by `make bench TORCH_PYTHON=`)");
    }
    let comments = [
        format!("{} ({})", options.command, cpu()),
        format!("hr-weights {}; {}", library.version(), env!("SOFTMAX_COMPILER")),
        "times in nanoseconds a call; loss_error in units of the span, weight_error of the largest weight".to_owned(),
    ];
    for comment in &comments[..2] {
        println!("{comment}");
    }
    let mut run =
        Run { library, torch: torch.unwrap_or_default(), authors, records: Vec::new(), mistakes: Vec::new() };
    for n in options.sizes() {
        run.size(n, &options.effort())?;
    }
    for &n in options.cliff_sizes() {
        run.budgets(n, &options.cliff_effort())?;
        run.shapes(n, &options.cliff_effort())?;
    }
    run.batch(if options.quick { 16 } else { 4096 }, &options.effort())?;
    records::print_summary(&run.records);
    targets::print(&run.records);
    if let Some(path) = &options.csv {
        records::write_csv(path, &comments, &run.records)?;
    }
    eprintln!("{} rows in {:.0} s", run.records.len(), start.elapsed().as_secs_f64());
    Ok(run.mistakes)
}
