//! A robust program, and an answer to it.

use std::fmt;

/// In which order poisoning and sampling happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ordering {
    /// Total variation first, then Kullback-Leibler.
    Hd,
    /// Kullback-Leibler first, then total variation.
    Hr,
}

impl fmt::Display for Ordering {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(match self {
            Self::Hd => "HD",
            Self::Hr => "HR",
        })
    }
}

/// The ambiguity set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budgets {
    /// The order of the two steps.
    pub ordering: Ordering,
    /// Total variation.
    pub alpha: f64,
    /// Kullback-Leibler, nats.
    pub r: f64,
}

impl Budgets {
    /// The budgets of the headline row.
    #[must_use]
    pub const fn headline(ordering: Ordering) -> Self {
        Self { ordering, alpha: 0.05, r: 0.1 }
    }
}

/// What a contender computed.
#[derive(Clone, Debug)]
pub struct Answer {
    /// One weight a sample; that of the worst-case atom is folded into the largest losses.
    pub weights: Vec<f64>,
    /// The robust loss, if the contender tells it.
    pub loss: Option<f64>,
    /// What the solver says about its own optimum, for the certificate.
    pub multipliers: Option<Multipliers>,
}

/// The dual variables: whatever they are, they bound the robust loss from above.
#[derive(Clone, Copy, Debug)]
pub struct Multipliers {
    /// `u`, the dual location less the worst loss.
    pub u: f64,
    /// `D`, the depth at which losses are capped (HR).
    pub level: f64,
    /// How many values of u the search for it has tried.
    pub iterations: u32,
}
