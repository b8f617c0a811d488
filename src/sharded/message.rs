//! What is sent: the sizes of messages, and how they are joined.

use crate::kernels::SUMS_OF_BIN;

/// Bins of a round: with std they make messages of 24 KiB, without of 0.7 KiB. More of them shrink
/// the window by a larger factor in each round, and take longer to solve.
pub(crate) const BINS: usize = if cfg!(feature = "std") { 750 } else { 20 };
/// Values before the bins: the four sums of a root pass over what is shallower than the window.
pub(crate) const HEAD: usize = 4;
/// The largest message has this many values.
pub(crate) const LARGEST_MESSAGE: usize = HEAD + SUMS_OF_BIN * BINS;

/// How values are joined over the participants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Replace every value by its sum.
    Sum,
    /// Replace every value by its maximum.
    Max,
}
