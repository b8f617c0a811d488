//! The numbers that a root pass and a write pass are given.

use crate::numbers::depths::Depths;
use crate::numbers::real::Real;

/// The scaling of depths in a root pass: with `x = u + d`, `y = x / c = shift + d * rate` and
/// `e = y - 1 = (d - centre) * rate`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scaling {
    /// `u / c`.
    pub(crate) shift: f64,
    /// `1 / c`; zero where u is infinite.
    pub(crate) rate: f64,
    /// The depth at which `x = c`: about the mean, or that of the harmonic mean.
    pub(crate) centre: f64,
}

impl Scaling {
    /// For u, about this depth.
    pub(crate) fn new(u: f64, centre: f64) -> Self {
        let c = u + centre;
        Self { shift: u / c, rate: 1.0 / c, centre }
    }

    /// What sums of reciprocals `z = 1 / y` are multiplied by, so that the largest one stays
    /// finite: `u / c`, unless u is zero.
    #[inline(always)]
    pub(crate) fn unit(&self) -> f64 {
        if self.shift > 0.0 { self.shift } else { 1.0 }
    }

    /// Whether the ratios at depths up to this one are far from overflow and underflow, even four
    /// of them multiplied.
    pub(crate) fn is_moderate(&self, deepest: f64) -> bool {
        const LARGE: f64 = (1_u128 << 100) as f64;
        self.shift >= 1.0 / LARGE && self.ratio(deepest) <= LARGE
    }

    /// `x / c` at a depth. Taken from x, never as `1 + e`: near the worst loss e is close to -1.
    #[inline(always)]
    pub(crate) fn ratio(&self, depth: f64) -> f64 {
        self.shift + depth * self.rate
    }

    /// `x / c - 1` at a depth.
    #[inline(always)]
    pub(crate) fn excess(&self, depth: f64) -> f64 {
        (depth - self.centre) * self.rate
    }
}

/// The formula of the weights: that of a sample of mass b is b times zero below `threshold`, `tied`
/// at it, `top` at depth zero, and `normaliser / ratio(depth)` otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WeightFormula<T> {
    pub(crate) depths: Depths,
    pub(crate) scaling: Scaling,
    pub(crate) threshold: T,
    pub(crate) normaliser: f64,
    pub(crate) tied: f64,
    pub(crate) top: f64,
    /// How many weights are zero, if the positive ones are known not to round to it.
    pub(crate) zeros: Option<f64>,
}

impl<T: Real> WeightFormula<T> {
    #[inline(always)]
    pub(crate) fn coefficient(&self, loss: T, depth: f64) -> f64 {
        if loss < self.threshold {
            0.0
        } else if loss == self.threshold {
            self.tied
        } else if depth == 0.0 {
            self.top
        } else {
            self.normaliser / self.scaling.ratio(depth)
        }
    }
}
