//! What the caller asks for, and what can be wrong with it.

use core::fmt;

/// In which order poisoning and sampling happened: which of the two robust programs is solved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Ordering {
    /// The training data was poisoned: total variation first, then Kullback-Leibler (the authors'
    /// default).
    #[default]
    Hd,
    /// Corruption happens after sampling: Kullback-Leibler first, then total variation.
    Hr,
}

/// The ambiguity set: how far the data may be from the truth.
///
/// Source: Bennouna, Lucas, Van Parys (arXiv 2303.02251), Bennouna, Van Parys (arXiv 2207.09560).
///
/// ```
/// use hr_weights::{Ordering, Params};
/// let params = Params { alpha: 0.05, r: 0.1, ..Params::default() };
/// assert_eq!(params.ordering, Ordering::Hd);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Params {
    /// Total-variation budget: the poisoned fraction of the samples, in `[0, 1]`. Default 0.
    pub alpha: f64,
    /// Kullback-Leibler budget in nats: the sampling error, in `[0, inf]`. Default 0.
    pub r: f64,
    /// Which step comes first. Default [`Ordering::Hd`].
    pub ordering: Ordering,
    /// The worst loss that a sample could have had, in the unit of the losses: finite and at least
    /// every loss of the call. Default `None`: the largest loss of the call.
    pub worst_loss: Option<f64>,
    /// Threads that a large problem may use: 1 (default) is the calling thread, 0 as many as
    /// useful, `k` at most `k`. The result is the same to the bit. Problems of fewer than 65,536
    /// samples stay on the calling thread.
    pub threads: usize,
}

impl Default for Params {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Why a call was refused. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// There is no sample.
    Empty,
    /// `alpha` is NaN or outside `[0, 1]`.
    Alpha,
    /// `r` is NaN or negative.
    R,
    /// `worst_loss` is infinite, NaN, or below a loss.
    WorstLoss,
    /// A base weight is negative, NaN or infinite (`index`: the first such), or all of them are
    /// zero (`None`).
    BaseWeights {
        /// The first offending sample.
        index: Option<usize>,
    },
    /// A loss with a positive base weight is NaN or infinite.
    NonFiniteLoss {
        /// The first offending sample.
        index: usize,
    },
    /// `delta` is NaN or outside `(0, 1)`.
    Delta,
    /// The base weights or the output do not have one element per loss.
    Lengths {
        /// The number of losses.
        losses: usize,
        /// The number of elements of the other slice.
        other: usize,
    },
    /// The rows of a batch do not divide its samples.
    Offsets,
    /// The group of a sample is not below the number of groups.
    Group {
        /// The first such sample.
        index: usize,
    },
    /// A reduction over the parts of the problem failed; the output may have been used as scratch.
    Reduce,
    /// The participants of a sharded problem disagree about the ordering.
    Ordering,
    /// Another participant of a sharded problem was refused, with this status of the C interface
    /// (see [`Error::status`]).
    Elsewhere {
        /// The status; the largest, if several were refused.
        status: i32,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Empty => write!(f, "there is no sample"),
            Self::Alpha => write!(f, "alpha must be a number in [0, 1]"),
            Self::R => write!(f, "r must be a number of at least 0 (infinity is allowed)"),
            Self::WorstLoss => write!(f, "worst_loss must be finite and at least as large as every loss"),
            Self::BaseWeights { index: Some(index) } => {
                write!(f, "base weight {index} is negative, NaN or infinite")
            }
            Self::BaseWeights { index: None } => write!(f, "all base weights are zero"),
            Self::NonFiniteLoss { index } => {
                write!(f, "loss {index} is NaN or infinite, and its base weight is not zero")
            }
            Self::Delta => write!(f, "delta must be a number strictly between 0 and 1"),
            Self::Lengths { losses, other } => {
                write!(f, "{losses} losses, but the base weights or the output have {other} elements")
            }
            Self::Offsets => {
                write!(
                    f,
                    "the rows do not divide the samples: offsets must start at 0, never decrease and end at the last"
                )
            }
            Self::Group { index } => write!(f, "the group of sample {index} is not below the number of groups"),
            Self::Reduce => write!(f, "a reduction over the parts of the problem failed"),
            Self::Ordering => write!(f, "the ordering must be the same on every participant"),
            Self::Elsewhere { status } => write!(f, "another participant was refused with status {status}"),
        }
    }
}

impl core::error::Error for Error {}

impl Error {
    /// The number of this error in the C interface (`hrw_status`).
    #[must_use]
    pub fn status(&self) -> i32 {
        match *self {
            Self::Empty => 3,
            Self::Alpha => 4,
            Self::R => 5,
            Self::Ordering => 6,
            Self::WorstLoss => 7,
            Self::BaseWeights { .. } => 8,
            Self::NonFiniteLoss { .. } => 9,
            Self::Delta => 10,
            Self::Offsets => 11,
            Self::Reduce => 13,
            Self::Group { .. } => 15,
            Self::Elsewhere { status } => status,
            // From C all arrays have the length that they are said to have.
            Self::Lengths { .. } => 99,
        }
    }
}

impl Params {
    /// Those of [`Params::default`].
    pub(crate) const DEFAULT: Self =
        Self { alpha: 0.0, r: 0.0, ordering: Ordering::Hd, worst_loss: None, threads: 1 };

    /// Checks what can be checked without the data.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if !(0.0..=1.0).contains(&self.alpha) {
            Err(Error::Alpha)
        } else if self.r.is_nan() || self.r < 0.0 {
            Err(Error::R)
        } else if self.worst_loss.is_some_and(|worst| !worst.is_finite()) {
            Err(Error::WorstLoss)
        } else {
            Ok(())
        }
    }
}
