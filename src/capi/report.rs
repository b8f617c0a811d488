//! `hrw_report`: what the caller learns, in a struct that can grow at its end.

use core::mem::offset_of;

use super::status::{Refusal, guard, hrw_status};
use crate::report::Report;

/// The proof that the weights are optimal, what they cost, and how the loss would change with the
/// budgets. Losses are in the unit of the caller's losses. Set struct_size, or call
/// hrw_report_init, before passing it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct hrw_report {
    /// The size of this struct in the caller's header; set by hrw_report_init.
    pub struct_size: usize,
    /// sum w*l + worst_weight*worst_loss: the worst average loss over the ambiguity set.
    pub robust_loss: f64,
    /// At least robust_loss up to rounding: a bound, from the dual problem, on what any
    /// distribution of the ambiguity set can reach. How little it is above robust_loss proves that
    /// the weights are optimal.
    pub dual_bound: f64,
    /// The worst loss: the given one, or the largest loss of the call.
    pub worst_loss: f64,
    /// The weight of the worst loss itself; 0 when it was not given: then it is folded into the
    /// largest losses.
    pub worst_weight: f64,
    /// The dual location, worst_loss + u; infinite when r is 0.
    pub eta: f64,
    /// Samples with a smaller loss have weight 0; -inf when nothing is trimmed.
    pub trim_loss: f64,
    /// Derivative of robust_loss in alpha, from above where there is a kink; may be infinite.
    pub d_alpha: f64,
    /// Derivative of robust_loss in r; infinite at r = 0 unless the losses leave no room.
    pub d_r: f64,
    /// The Kullback-Leibler divergence spent, in nats; at most r up to rounding.
    pub kl: f64,
    /// The total variation spent; at most alpha.
    pub tv: f64,
    /// 1 / sum w^2; infinite when every weight is 0, since the worst loss has it all.
    pub effective_samples: f64,
    /// The number of unmasked samples with weight exactly 0.
    pub trimmed: u64,
    /// After HRW_NON_FINITE_LOSS or HRW_BASE_WEIGHTS: the first offending sample; else UINT64_MAX.
    pub bad_index: u64,
    /// How many values of u the search for it has tried; for a sharded problem how many all-reduces
    /// it took.
    pub iterations: u32,
}

impl hrw_report {
    /// A report for a caller whose struct has this size.
    const fn of(report: &Report, struct_size: usize) -> Self {
        Self {
            struct_size,
            robust_loss: report.robust_loss,
            dual_bound: report.dual_bound,
            worst_loss: report.worst_loss,
            worst_weight: report.worst_weight,
            eta: report.eta,
            trim_loss: report.trim_loss,
            d_alpha: report.d_alpha,
            d_r: report.d_r,
            kl: report.kl,
            tv: report.tv,
            effective_samples: report.effective_samples,
            trimmed: report.trimmed,
            bad_index: u64::MAX,
            iterations: report.iterations,
        }
    }

    /// Whether some version of the header had this size, or a caller that wants no more may give
    /// it: it ends on a field.
    fn is_size(size: usize) -> bool {
        const LAST: usize = offset_of!(hrw_report, iterations);
        // After struct_size all fields but the last are eight bytes wide.
        let first = offset_of!(Self, robust_loss);
        size == size_of::<usize>()
            || (size >= first && size <= LAST && (size - first).is_multiple_of(8))
            || size == LAST + size_of::<u32>()
            || size == size_of::<Self>()
    }
}

// SAFETY: a report is written by one thread at a time: that of its row.
unsafe impl Send for Target {}
// SAFETY: as above.
unsafe impl Sync for Target {}

/// The caller's report, if there is one: where to write, and how much.
#[derive(Clone, Copy)]
pub(super) struct Target {
    report: *mut hrw_report,
    struct_size: usize,
}

impl Target {
    /// Reads `struct_size`.
    ///
    /// # Safety
    /// `report` is NULL or valid for reads and writes of the `struct_size` bytes that it declares,
    /// for as long as the result is used.
    pub(super) unsafe fn new(report: *mut hrw_report) -> Result<Option<Self>, Refusal> {
        if report.is_null() {
            return Ok(None);
        }
        // SAFETY: `struct_size` is the first field of every version.
        let struct_size = unsafe { report.cast::<usize>().read() };
        if hrw_report::is_size(struct_size) {
            Ok(Some(Self { report, struct_size }))
        } else {
            Err(hrw_status::HRW_STRUCT_SIZE.into())
        }
    }

    /// Whether the report declares the size that is used for it.
    fn is_sized(self) -> bool {
        // SAFETY: `Targets` was promised a report; its first field is its size, aligned or not.
        (unsafe { self.report.cast::<usize>().read_unaligned() }) == self.struct_size
    }

    /// Writes every field that the caller has.
    pub(super) fn write(self, report: &Report) {
        self.copy(&hrw_report::of(report, self.struct_size));
    }

    /// Writes `bad_index`, if the caller has it.
    pub(super) fn write_bad_index(self, index: Option<usize>) {
        let offset = offset_of!(hrw_report, bad_index);
        if self.struct_size >= offset + size_of::<u64>() {
            let index = index.map_or(u64::MAX, |index| index as u64);
            // SAFETY: the field lies within the bytes that `new` was promised; its alignment is
            // that of the struct.
            unsafe { self.report.cast::<u8>().add(offset).cast::<u64>().write_unaligned(index) };
        }
    }

    fn copy(self, from: &hrw_report) {
        let from = core::ptr::from_ref(from).cast::<u8>();
        // SAFETY: `new` was promised `struct_size` bytes, and `is_size` allows no more than the
        // struct has.
        unsafe { core::ptr::copy_nonoverlapping(from, self.report.cast::<u8>(), self.struct_size) };
    }
}

/// Makes a call whose report, if there is one, is `report`: `call` is given its target, or why that
/// is refused, which it says when its turn comes. After a refusal the report names the first
/// offending sample.
///
/// # Safety
/// As [`Target::new`].
pub(super) unsafe fn reporting(
    report: *mut hrw_report,
    call: impl FnOnce(Result<Option<Target>, Refusal>) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    // SAFETY: passed on.
    let target = unsafe { Target::new(report) };
    let result = call(target);
    if let (Ok(Some(target)), Err(refusal)) = (target, &result) {
        target.write_bad_index(refusal.index);
    }
    result
}

/// The caller's array of reports, one for each row or pair of budgets, if there is one; all of the
/// size of the first.
#[derive(Clone, Copy)]
pub(super) struct Targets(Option<Target>);

impl Targets {
    /// Reads the sizes.
    ///
    /// # Safety
    /// As [`Target::new`], for each of `count` reports.
    pub(super) unsafe fn new(reports: *mut hrw_report, count: usize) -> Result<Self, Refusal> {
        // SAFETY: passed on; where there is none, there is nothing to look at.
        let targets = Self(if count > 0 { unsafe { Target::new(reports)? } } else { None });
        // SAFETY: there are as many reports.
        if (0..count).filter_map(|row| unsafe { targets.of(row) }).all(Target::is_sized) {
            Ok(targets)
        } else {
            Err(hrw_status::HRW_STRUCT_SIZE.into())
        }
    }

    /// The report of a row.
    ///
    /// # Safety
    /// There are more than `row` reports, or none at all.
    pub(super) unsafe fn of(self, row: usize) -> Option<Target> {
        let first = self.0?;
        // SAFETY: within the array, as promised.
        Some(Target { report: unsafe { first.report.byte_add(row * first.struct_size) }, ..first })
    }
}

/// Sets struct_size, and every other field to 0 or, for bad_index, UINT64_MAX.
///
/// report: the struct to fill, of struct_size bytes: pass sizeof(hrw_report). Bytes beyond
///   struct_size are not touched.
///
/// Returns HRW_OK; HRW_NULL_POINTER; HRW_STRUCT_SIZE if struct_size is that of no version of the
/// struct (nothing is written). Any thread may call it.
///
/// # Safety
/// `report` is NULL or valid for writes of `struct_size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_report_init(report: *mut hrw_report, struct_size: usize) -> i32 {
    guard(|| {
        if report.is_null() {
            return Err(hrw_status::HRW_NULL_POINTER.into());
        }
        if !hrw_report::is_size(struct_size) {
            return Err(hrw_status::HRW_STRUCT_SIZE.into());
        }
        Target { report, struct_size }.write(&Report::NOTHING);
        Ok(())
    })
}
