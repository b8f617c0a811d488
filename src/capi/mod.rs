//! The C ABI: the only `extern "C"`, and the only place with raw pointers, but for what XLA and
//! TensorFlow call, in `xla` and `tensorflow`. A thin skin over the Rust functions; the rules that
//! all functions share are stated at the top of `include/hr_weights.h` (in `cbindgen.toml`).
#![allow(non_camel_case_types)] // C names
#![allow(clippy::doc_markdown)] // the documentation becomes that of the header

mod batch;
mod buffers;
mod calibrate;
mod certify;
mod diagnostics;
mod groups;
mod info;
mod options;
mod report;
mod running;
mod sharded;
mod status;
mod weights;

/// The number of this ABI. It grows when a program compiled against an older header would no longer
/// work.
pub const HRW_ABI_VERSION: u32 = 1;
