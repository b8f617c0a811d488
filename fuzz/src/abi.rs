//! The part of `include/hr_weights.h` that the targets call. Structs are bytes here: what is in
//! them is the fuzzer's.

use core::ffi::c_void;

/// `sizeof(hrw_options)`, and where its fields are.
pub const OPTIONS: usize = 40;
/// `sizeof(hrw_report)`.
pub const REPORT: usize = 120;
/// Where `bad_index` is in a report.
pub const BAD_INDEX: usize = 104;

pub const OK: i32 = 0;
pub const REDUCE: i32 = 13;
pub const TARGET: i32 = 16;
pub const PANIC: i32 = 99;

/// `hrw_allreduce`.
pub type AllReduce = unsafe extern "C" fn(*mut c_void, *mut f64, usize, i32) -> i32;

// So that the library is linked.
use hr_weights as _;

#[rustfmt::skip]
unsafe extern "C" {
    pub fn hrw_weights_f64(options: *const c_void, losses: *const f64, base: *const f64, n: usize, weights: *mut f64, report: *mut c_void) -> i32;
    pub fn hrw_weights_ragged_f64(options: *const c_void, losses: *const f64, base: *const f64, offsets: *const usize, rows: usize, weights: *mut f64, reports: *mut c_void) -> i32;
    pub fn hrw_calibrate_r_f64(options: *const c_void, losses: *const f64, base: *const f64, n: usize, quantity: i32, target: f64, weights: *mut f64, report: *mut c_void, r: *mut f64, range: *mut f64) -> i32;
    pub fn hrw_calibrate_alpha_f64(options: *const c_void, losses: *const f64, base: *const f64, n: usize, quantity: i32, target: f64, weights: *mut f64, report: *mut c_void, alpha: *mut f64, range: *mut f64) -> i32;
    pub fn hrw_weights_groups_f64(options: *const c_void, losses: *const f64, groups: *const u32, n: usize, base: *const f64, group_count: usize, weights: *mut f64, table: *mut f64, report: *mut c_void) -> i32;
    pub fn hrw_certified_r(n: u64, delta: f64, r: *mut f64) -> i32;
    pub fn hrw_certify_f64(losses: *const f64, n: usize, alpha: f64, delta: f64, worst_loss: f64, bound: *mut f64) -> i32;
    pub fn hrw_weights_sharded_f64(options: *const c_void, losses: *const f64, base: *const f64, n: usize, weights: *mut f64, report: *mut c_void, allreduce: Option<AllReduce>, context: *mut c_void) -> i32;
}

/// The bytes of options that say these things.
pub fn options(alpha: f64, r: f64, worst_loss: f64, ordering: i32, threads: i32) -> [u8; OPTIONS] {
    let mut bytes = [0; OPTIONS];
    bytes[..8].copy_from_slice(&OPTIONS.to_ne_bytes());
    for (place, value) in [(8, alpha), (16, r), (24, worst_loss)] {
        bytes[place..place + 8].copy_from_slice(&value.to_ne_bytes());
    }
    bytes[32..36].copy_from_slice(&ordering.to_ne_bytes());
    bytes[36..].copy_from_slice(&threads.to_ne_bytes());
    bytes
}

/// Bytes that are aligned as a struct of the interface is, with more of them than the struct has.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
pub struct Bytes(pub [u8; 256]);

impl Bytes {
    /// Starts with these, goes on with a pattern.
    pub fn of(start: &[u8]) -> Self {
        let mut bytes = [0xa5; 256];
        bytes[..start.len()].copy_from_slice(start);
        Self(bytes)
    }

    /// The size that they declare.
    pub fn declared(&self) -> usize {
        usize::from_ne_bytes(self.0[..8].try_into().expect("eight bytes"))
    }
}
