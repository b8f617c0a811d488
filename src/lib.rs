//! Holistic robust (HR) importance weights: from a vector of per-sample losses to the worst distribution that the data
//! could have come from, exactly.
//!
//! Up to a fraction `alpha` of the samples may be poisoned (total variation), and the sampling error is at most `r` nats
//! (Kullback-Leibler). Multiply the per-sample losses by the weights, treat the weights as constants, and back-propagate.
//!
//! ```
//! use hr_weights::{Params, weights_into};
//!
//! let losses = [0.3_f32, 2.0, 0.1, 0.7];
//! let mut weights = [0.0; 4];
//! let report = weights_into(&losses, None, &Params { alpha: 0.05, r: 0.1, ..Params::default() }, &mut weights)?;
//! assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-6);
//! assert!(report.dual_bound - report.robust_loss < 1e-12);
//! # Ok::<(), hr_weights::Error>(())
//! ```
//!
//! The functions that take views of ndarray are those of the feature `ndarray`, which is on by
//! default; without the feature `std` the crate is `core` and `libm` alone.
//!
//! Data flows one way through the modules:
//! `params -> validate -> depths -> trim (alpha) -> root (r) -> weights -> report`,
//! every pass over the data is one call in `reduce`, and the loops themselves are in `kernels`.
//!
//! Source: Bennouna, Lucas, Van Parys, *Certified Robust Neural Networks: Generalization and Corruption Resistance*
//! (arXiv 2303.02251); Bennouna, Van Parys, *Holistic Robust Data-Driven Decisions* (arXiv 2207.09560).

#![cfg_attr(not(feature = "std"), no_std)]
// What serves the vector passes alone.
#![cfg_attr(not(hrw_vector), allow(dead_code, unused_variables))]

mod batch;
mod calibrate;
mod capi;
mod certify;
#[cfg(all(test, hrw_vector))]
mod counts;
mod depths;
mod diagnostics;
mod float_mode;
mod groups;
mod kernels;
mod math;
mod model;
#[cfg(all(feature = "panic-handler", not(feature = "std")))]
mod panic;
mod params;
mod pilot;
mod prepared;
mod rank;
mod real;
mod reduce;
mod report;
mod root;
mod running;
mod sharded;
mod slices;
mod solve;
mod team;
mod trim;
mod validate;
mod view;
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
pub use params::{Error, Ordering, Params};
pub use real::Real;
pub use report::Report;
pub use running::RunningWorst;
pub use sharded::{Operation, Reduce, Sharded, Step, weights_sharded_into};
pub use slices::weights_into;
#[cfg(feature = "ndarray")]
pub use views::{
    BatchSolution, GroupShares, GroupSolution, Solution, TopSamples, group_shares, top_samples, weights,
    weights_batch, weights_groups, weights_groups_with_base, weights_with_base,
};

#[cfg(all(doctest, feature = "ndarray"))]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(all(doctest, feature = "ndarray"))]
#[doc = include_str!("../docs/rust.md")]
struct Guide;
