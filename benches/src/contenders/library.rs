//! The library itself, through its C ABI, as a C program would call it.

use std::ffi::{CStr, c_char};
use std::io;
use std::path::Path;
use std::ptr::{null, null_mut};
use std::time::Duration;

use super::{Contender, timed};
use crate::problem::{Answer, Budgets, Multipliers, Ordering};
use crate::vectors::widened;

/// `hrw_options` of the header.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Options {
    struct_size: usize,
    alpha: f64,
    r: f64,
    worst_loss: f64,
    ordering: i32,
    threads: i32,
}

/// `hrw_report` of the header.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Report {
    struct_size: usize,
    robust_loss: f64,
    dual_bound: f64,
    worst_loss: f64,
    worst_weight: f64,
    eta: f64,
    trim_loss: f64,
    d_alpha: f64,
    d_r: f64,
    kl: f64,
    tv: f64,
    effective_samples: f64,
    trimmed: u64,
    bad_index: u64,
    iterations: u32,
}

/// `hrw_weights_*`.
pub type Weights<T> = unsafe extern "C" fn(*const Options, *const T, *const T, usize, *mut T, *mut Report) -> i32;
/// `hrw_weights_batch_*`.
pub type WeightsBatch<T> =
    unsafe extern "C" fn(*const Options, *const T, *const T, usize, usize, *mut T, *mut Report) -> i32;

/// The functions of the shared library.
pub struct Library {
    f32: Weights<f32>,
    f64: Weights<f64>,
    batch_f32: Option<WeightsBatch<f32>>,
    version: String,
    // Keeps the functions mapped.
    _mapping: libloading::Library,
}

impl Library {
    /// Loads the library.
    ///
    /// # Errors
    /// If it is not there, or not this library.
    pub fn load(path: &Path) -> Result<Self, libloading::Error> {
        // SAFETY: loading it runs no code but the Rust runtime's; the types are those of the
        // header.
        unsafe {
            let library = libloading::Library::new(path)?;
            let version: unsafe extern "C" fn() -> *const c_char = *library.get(b"hrw_version")?;
            Ok(Self {
                f32: *library.get(b"hrw_weights_f32")?,
                f64: *library.get(b"hrw_weights_f64")?,
                batch_f32: library.get(b"hrw_weights_batch_f32").ok().map(|function| *function),
                version: CStr::from_ptr(version()).to_string_lossy().into_owned(),
                _mapping: library,
            })
        }
    }

    /// The version that the library tells.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Whether it has `hrw_weights_batch_f32`.
    #[must_use]
    pub fn has_batches(&self) -> bool {
        self.batch_f32.is_some()
    }
}

/// An element type of the C ABI.
pub trait Element: Copy + Default + Into<f64> {
    /// Its name in the C functions.
    const NAME: &'static str;

    /// The function for it.
    fn weights(library: &Library) -> Weights<Self>;
}

impl Element for f32 {
    const NAME: &'static str = "f32";

    fn weights(library: &Library) -> Weights<Self> {
        library.f32
    }
}

impl Element for f64 {
    const NAME: &'static str = "f64";

    fn weights(library: &Library) -> Weights<Self> {
        library.f64
    }
}

impl Options {
    fn new(budgets: &Budgets, threads: i32) -> Self {
        Self {
            struct_size: size_of::<Self>(),
            alpha: budgets.alpha,
            r: budgets.r,
            worst_loss: f64::NAN,
            ordering: i32::from(budgets.ordering == Ordering::Hr),
            threads,
        }
    }
}

/// One problem, solved by the library.
pub struct Solver<'a, T> {
    function: Weights<T>,
    options: Options,
    losses: &'a [T],
    weights: Vec<T>,
}

impl<'a, T: Element> Solver<'a, T> {
    /// Prepares the calls.
    #[must_use]
    pub fn new(library: &'a Library, budgets: &Budgets, threads: i32, losses: &'a [T]) -> Self {
        let options = Options::new(budgets, threads);
        Self { function: T::weights(library), options, losses, weights: vec![T::default(); losses.len()] }
    }

    #[inline]
    fn call(&mut self, report: *mut Report) {
        let (losses, n) = (self.losses, self.losses.len());
        // SAFETY: both arrays have n elements, and the report is NULL or one.
        let status = unsafe {
            (self.function)(&raw const self.options, losses.as_ptr(), null(), n, self.weights.as_mut_ptr(), report)
        };
        assert_eq!(status, 0, "hrw_weights_{} failed", T::NAME);
    }
}

impl<T: Element> Contender for Solver<'_, T> {
    fn run(&mut self, calls: u64) -> io::Result<Duration> {
        Ok(timed(calls, || self.call(null_mut())))
    }

    fn answer(&mut self) -> io::Result<Answer> {
        let mut report = Report { struct_size: size_of::<Report>(), ..Report::default() };
        self.call(&raw mut report);
        let multipliers = Multipliers {
            u: report.eta - report.worst_loss,
            level: if self.options.ordering == 1 { report.d_alpha } else { f64::INFINITY },
            iterations: report.iterations,
        };
        Ok(Answer {
            weights: self.weights.iter().map(|&weight| weight.into()).collect(),
            loss: Some(report.robust_loss),
            multipliers: Some(multipliers),
        })
    }
}

/// How the rows of a batch are solved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchWay {
    /// A loop over the rows, a call each.
    Loop,
    /// One call, on so many threads.
    Call {
        /// `threads` of the options.
        threads: i32,
    },
}

/// Many problems of one length, solved by the library.
pub struct Batch<'a> {
    row: Weights<f32>,
    all_rows: Option<WeightsBatch<f32>>,
    way: BatchWay,
    options: Options,
    losses: &'a [f32],
    columns: usize,
    weights: Vec<f32>,
}

impl<'a> Batch<'a> {
    /// Prepares the calls; rows of `columns` losses.
    #[must_use]
    pub fn new(library: &'a Library, budgets: &Budgets, way: BatchWay, losses: &'a [f32], columns: usize) -> Self {
        let threads = if let BatchWay::Call { threads } = way { threads } else { 1 };
        let options = Options::new(budgets, threads);
        let weights = vec![0.0; losses.len()];
        Self { row: library.f32, all_rows: library.batch_f32, way, options, losses, columns, weights }
    }

    fn call(&mut self) {
        let options = &raw const self.options;
        if let (BatchWay::Call { .. }, Some(batch)) = (self.way, self.all_rows) {
            let (losses, rows) = (self.losses.as_ptr(), self.losses.len() / self.columns);
            let weights = self.weights.as_mut_ptr();
            // SAFETY: both arrays have rows * columns elements.
            let status = unsafe { batch(options, losses, null(), rows, self.columns, weights, null_mut()) };
            assert_eq!(status, 0, "hrw_weights_batch_f32 failed");
            return;
        }
        let rows = self.losses.chunks_exact(self.columns).zip(self.weights.chunks_exact_mut(self.columns));
        for (losses, weights) in rows {
            let (losses, n, weights) = (losses.as_ptr(), losses.len(), weights.as_mut_ptr());
            // SAFETY: both rows have n elements.
            let status = unsafe { (self.row)(options, losses, null(), n, weights, null_mut()) };
            assert_eq!(status, 0, "hrw_weights_f32 failed");
        }
    }
}

impl Contender for Batch<'_> {
    fn run(&mut self, calls: u64) -> io::Result<Duration> {
        Ok(timed(calls, || self.call()))
    }

    fn answer(&mut self) -> io::Result<Answer> {
        self.call();
        Ok(Answer { weights: widened(&self.weights), loss: None, multipliers: None })
    }
}
