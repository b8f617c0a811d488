//! Numbers: the two widths of a loss, elementary functions, registers of several numbers, and
//! scaled depths.

pub(crate) mod depths;
pub(crate) mod lanes;
pub(crate) mod math;
pub(crate) mod real;
