//! Holistic robust (HR) importance weights: from a vector of per-sample losses to the worst
//! distribution that the data could have come from, exactly.
//!
//! Up to a fraction `alpha` of the samples may be poisoned (total variation), and the sampling
//! error is at most `r` nats (Kullback-Leibler). Multiply the per-sample losses by the weights,
//! treat the weights as constants, and back-propagate.
//!
//! ```
//! use hr_weights::{Params, weights_into};
//!
//! let losses = [0.3_f32, 2.0, 0.1, 0.7];
//! let mut weights = [0.0; 4];
//! let params = Params { alpha: 0.05, r: 0.1, ..Params::default() };
//! let report = weights_into(&losses, None, &params, &mut weights)?;
//! assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-6);
//! assert!(report.dual_bound - report.robust_loss < 1e-12);
//! # Ok::<(), hr_weights::Error>(())
//! ```
//!
//! The functions that take views of ndarray are those of the feature `ndarray`, which is on by
//! default; without the feature `std` the crate is `core` and `libm` alone.
//!
//! Each room of the source uses only those above it (`tests/circles.py` checks it):
//!
//! ```text
//! params, report   what the caller asks for, and what a call reports
//! numbers          the two widths, elementary functions, registers, scaled depths
//! kernels          the loops over a chunk of samples, for every instruction set
//! pass             one pass over all samples: chunks, threads, and how sums meet
//! validate         from the caller's arrays to a sound problem and its range
//! solve            the cut (alpha) and u (r), the optimum, the weights and the report
//! weights          one problem: validate -> solve -> write; then batch, groups, prepared,
//!                  calibrate, certify, running, diagnostics
//! sharded          one problem over many ranks, by all-reduces
//! frameworks       many problems in one call of a framework, and errors as it knows them
//! views, capi, xla, tensorflow
//!                  the interfaces: ndarray, C, XLA's custom calls, TensorFlow's operation
//! ```
//!
//! Source: Bennouna, Lucas, Van Parys, *Certified Robust Neural Networks: Generalization and
//! Corruption Resistance* (arXiv 2303.02251); Bennouna, Van Parys, *Holistic Robust Data-Driven
//! Decisions* (arXiv 2207.09560).

#![cfg_attr(not(feature = "std"), no_std)]
// What serves the vector passes alone.
#![cfg_attr(not(hrw_vector), allow(dead_code, unused_variables))]

mod batch;
mod calibrate;
mod capi;
mod certify;
mod diagnostics;
mod float_mode;
#[cfg(feature = "std")]
mod frameworks;
mod groups;
mod kernels;
mod numbers;
#[cfg(all(feature = "panic-handler", not(feature = "std")))]
mod panic;
mod params;
mod pass;
mod prepared;
mod report;
mod running;
mod sharded;
mod solve;
#[cfg(feature = "std")]
mod tensorflow;
mod validate;
#[cfg(feature = "ndarray")]
mod views;
mod weights;
#[cfg(feature = "std")]
mod xla;

pub use batch::{RowError, Rows, weights_of_rows_into};
pub use calibrate::{Calibrated, CalibrationError, Target, calibrate_alpha, calibrate_r, path};
pub use certify::{certified_r, certify};
pub use diagnostics::{ShareTable, group_shares_into, top_samples_into};
pub use groups::{GroupTable, Groups, weights_of_groups_into};
pub use numbers::real::Real;
pub use params::{Error, Ordering, Params};
pub use report::Report;
pub use running::RunningWorst;
pub use sharded::{Operation, Reduce, Sharded, Step, weights_sharded_into};
#[cfg(feature = "ndarray")]
pub use views::{
    BatchSolution, GroupShares, GroupSolution, Solution, TopSamples, group_shares, top_samples, weights,
    weights_batch, weights_groups, weights_groups_with_base, weights_with_base,
};
pub use weights::weights_into;

#[cfg(all(doctest, feature = "ndarray"))]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(all(doctest, feature = "ndarray"))]
#[doc = include_str!("../docs/rust.md")]
struct Guide;
