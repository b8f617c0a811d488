//! One pass over all samples: chunks of them, shared out to threads, whose partial results are
//! added up in a fixed order.

mod data;
#[cfg(feature = "std")]
mod pool;
#[cfg(feature = "std")]
mod spread;
mod team;

pub(crate) use data::Data;
#[cfg(test)]
pub(crate) use data::seen;
pub(crate) use team::Team;
