//! Times robust weights against what else one could compute, in one run, on the same vectors, and
//! checks every answer.
//!
//! * [`vectors`]: the losses. [`problem`]: a robust program and an answer to it.
//! * [`contenders`]: everything that is timed, behind one trait.
//! * [`timing`]: who runs when, and medians.
//! * [`check`]: is the answer right? [`textbook`] is what it is compared with, or else a
//!   certificate.
//! * [`records`]: rows of the table and of the CSV. [`targets`]: the promises, and whether they are
//!   kept.
//! * [`options`]: the command line of the table.

pub mod check;
pub mod contenders;
pub mod options;
pub mod problem;
pub mod records;
pub mod targets;
pub mod textbook;
pub mod timing;
pub mod vectors;
