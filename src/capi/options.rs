//! `hrw_options`: what the caller asks for, in a struct that can grow at its end.

use core::mem::offset_of;

use super::status::{Refusal, guard, hrw_status};
use crate::params::{Ordering, Params};

/// In which order poisoning and sampling happened: which of the two robust programs is solved.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum hrw_ordering {
    /// The training data was poisoned: total variation first, then Kullback-Leibler (the authors'
    /// default).
    HRW_HD = 0,
    /// Corruption happens after sampling: Kullback-Leibler first, then total variation.
    HRW_HR = 1,
}

/// The ambiguity set: how far the data may be from the truth. Fill it with hrw_options_init, then
/// set fields.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct hrw_options {
    /// The size of this struct in the caller's header; set by hrw_options_init.
    pub struct_size: usize,
    /// Total-variation budget: the poisoned fraction of the samples, in [0, 1]. Default 0.
    pub alpha: f64,
    /// Kullback-Leibler budget in nats: the sampling error, in [0, inf]. Default 0.
    pub r: f64,
    /// The worst loss that a sample could have had, in the unit of the losses: finite and at least
    /// every loss. NaN (default): the largest loss of the call.
    pub worst_loss: f64,
    /// HRW_HD (default) or HRW_HR.
    pub ordering: i32,
    /// 1 (default): the calling thread; 0: as many as useful; k: at most k. The bits are the same
    /// for all. A call over fewer than 65,536 samples stays on the calling thread.
    pub threads: i32,
}

impl hrw_options {
    const DEFAULT: Self = Self {
        struct_size: size_of::<Self>(),
        alpha: 0.0,
        r: 0.0,
        worst_loss: f64::NAN,
        ordering: hrw_ordering::HRW_HD as i32,
        threads: 1,
    };

    /// The sizes of this struct that some version of the header had, or may be given by a caller
    /// that wants no more.
    const SIZES: [usize; 5] = [
        offset_of!(Self, worst_loss),
        offset_of!(Self, ordering),
        offset_of!(Self, threads),
        offset_of!(Self, threads) + size_of::<i32>(),
        size_of::<Self>(),
    ];

    /// The caller's options, with defaults for the fields that an older caller does not have.
    ///
    /// # Safety
    /// `options` is NULL or valid for reads of the `struct_size` bytes that it declares.
    pub(super) unsafe fn read(options: *const Self) -> Result<Self, Refusal> {
        if options.is_null() {
            return Err(hrw_status::HRW_NULL_POINTER.into());
        }
        // SAFETY: `struct_size` is the first field of every version.
        let struct_size = unsafe { options.cast::<usize>().read() };
        if !Self::SIZES.contains(&struct_size) {
            return Err(hrw_status::HRW_STRUCT_SIZE.into());
        }
        let mut known = Self::DEFAULT;
        // SAFETY: the caller has `struct_size` bytes, which is at most the size of `known`, and any
        // bytes are numbers.
        unsafe { core::ptr::copy_nonoverlapping(options.cast::<u8>(), (&raw mut known).cast::<u8>(), struct_size) };
        Ok(known)
    }

    /// As parameters.
    pub(super) fn params(&self) -> Result<Params, Refusal> {
        Ok(Params {
            alpha: self.alpha,
            r: self.r,
            worst_loss: (!self.worst_loss.is_nan()).then_some(self.worst_loss),
            ordering: match self.ordering {
                code if code == hrw_ordering::HRW_HD as i32 => Ordering::Hd,
                code if code == hrw_ordering::HRW_HR as i32 => Ordering::Hr,
                _ => return Err(hrw_status::HRW_ORDERING.into()),
            },
            threads: usize::try_from(self.threads).map_err(|_| hrw_status::HRW_THREADS)?,
        })
    }
}

/// Sets the defaults: alpha 0, r 0, worst_loss NaN, ordering HRW_HD, threads 1.
///
/// options: the struct to fill, of struct_size bytes: pass sizeof(hrw_options). Bytes beyond
///   struct_size are not touched.
///
/// Returns HRW_OK; HRW_NULL_POINTER; HRW_STRUCT_SIZE if struct_size is that of no version of the
/// struct (nothing is written). Any thread may call it.
///
/// # Safety
/// `options` is NULL or valid for writes of `struct_size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_options_init(options: *mut hrw_options, struct_size: usize) -> i32 {
    guard(|| {
        if options.is_null() {
            return Err(hrw_status::HRW_NULL_POINTER.into());
        }
        if !hrw_options::SIZES.contains(&struct_size) {
            return Err(hrw_status::HRW_STRUCT_SIZE.into());
        }
        let defaults = hrw_options { struct_size, ..hrw_options::DEFAULT };
        let from = (&raw const defaults).cast::<u8>();
        // SAFETY: the caller has `struct_size` bytes, which is at most the size of `defaults`.
        unsafe { core::ptr::copy_nonoverlapping(from, options.cast::<u8>(), struct_size) };
        Ok(())
    })
}
