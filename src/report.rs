//! What a call reports besides the weights.

/// The proof that the weights are optimal, what they cost, and how the loss would change with the
/// budgets.
///
/// Losses are in the unit of the caller's losses, Kullback-Leibler divergences in nats, weights and
/// masses without unit. Source: arXiv 2303.02251 and 2207.09560; the formulas are derived in
/// `docs/theory.md`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    /// `sum w l + worst_weight * worst_loss`: the worst average loss over the ambiguity set.
    pub robust_loss: f64,
    /// A bound on what any distribution of the ambiguity set can reach, from the dual problem. It
    /// is at least `robust_loss` up to rounding; how little it is above proves that the weights are
    /// optimal.
    pub dual_bound: f64,
    /// The worst loss: the given one, or the largest loss of the call.
    pub worst_loss: f64,
    /// The weight of the worst loss itself; 0 when it was not given, and its weight is folded into
    /// the largest losses.
    pub worst_weight: f64,
    /// The dual location `worst_loss + u`; infinite when `r` is 0.
    pub eta: f64,
    /// Samples with a smaller loss have weight 0; minus infinity when nothing is trimmed.
    pub trim_loss: f64,
    /// Derivative of `robust_loss` in `alpha`, from above where there is a kink; may be infinite.
    pub d_alpha: f64,
    /// Derivative of `robust_loss` in `r`; infinite at `r = 0` unless the losses leave no room.
    pub d_r: f64,
    /// The Kullback-Leibler divergence spent, at most `r` up to rounding.
    pub kl: f64,
    /// The total variation spent, at most `alpha`.
    pub tv: f64,
    /// `1 / sum w^2`; infinite when every weight is 0, since the worst loss has it all.
    pub effective_samples: f64,
    /// The number of unmasked samples whose weight is exactly 0.
    pub trimmed: u64,
    /// How many values of u the search for it has tried; for a sharded problem how many all-reduces
    /// it took.
    pub iterations: u32,
}

impl Report {
    /// Before anything is known.
    pub(crate) const NOTHING: Self = Self {
        robust_loss: 0.0,
        dual_bound: 0.0,
        worst_loss: 0.0,
        worst_weight: 0.0,
        eta: 0.0,
        trim_loss: 0.0,
        d_alpha: 0.0,
        d_r: 0.0,
        kl: 0.0,
        tv: 0.0,
        effective_samples: 0.0,
        trimmed: 0,
        iterations: 0,
    };
}
