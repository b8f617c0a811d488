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

    /// Whether the ratios at losses down to this one are far from overflow and underflow, even four
    /// of them multiplied, and differences of losses too.
    pub(crate) fn is_moderate(&self, depths: Depths, smallest: f64) -> bool {
        const LARGE: f64 = (1_u128 << 100) as f64;
        depths.is_moderate() && self.shift >= 1.0 / LARGE && self.ratio(depths.depth(smallest)) <= LARGE
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
    /// The smallest loss at depth zero; above all where there is none.
    pub(crate) top_from: T,
    /// How many weights are zero, if the positive ones are known not to round to it.
    pub(crate) zeros: Option<f64>,
}

impl<T: Real> WeightFormula<T> {
    /// u in the unit of the losses, and what `x = u + d` divides to give the weight at depth d. The
    /// scaling is moderate.
    #[inline(always)]
    pub(crate) fn u_and_dividend(&self) -> (f64, f64) {
        /// Beside this all depths are zero: what stands for a larger or an infinite u, which might
        /// overflow in the unit of the losses.
        const BEYOND_ALL: f64 = (1_u128 << 100) as f64;
        let Scaling { shift, rate, .. } = self.scaling;
        let [u, dividend] = if rate > 1.0 / BEYOND_ALL {
            [shift / rate, self.normaliser / rate]
        } else {
            [BEYOND_ALL, BEYOND_ALL * self.normaliser]
        };
        (self.depths.unscaled(u), self.depths.unscaled(dividend))
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    /// In the unit of the losses, whatever it is, the quotient is the formula's.
    #[test]
    fn quotients_are_the_formula_for_every_u() {
        for span in [1e-200, 0.3, 1e200] {
            for u in [1e-20, 0.2, 1e9, 1e29, 1e31, 1e150, 1e300, f64::INFINITY] {
                let infinite = Scaling { shift: 1.0, rate: 0.0, centre: 0.4 };
                let formula = WeightFormula {
                    depths: Depths::new(0.0, -span),
                    scaling: if u < f64::INFINITY { Scaling::new(u, 0.4) } else { infinite },
                    threshold: f64::BELOW_ALL,
                    normaliser: 1e-3,
                    tied: 0.0,
                    top: 0.0,
                    top_from: 0.0,
                    zeros: None,
                };
                let (unscaled_u, dividend) = formula.u_and_dividend();
                for share in [1e-3, 0.5, 1.0] {
                    let loss = -share * span;
                    let exact = formula.coefficient(loss, formula.depths.depth(loss));
                    let error = (dividend / (unscaled_u - loss) / exact - 1.0).abs();
                    assert!(error < 1e-15, "span {span:e}, u {u:e}: off by {error:e}");
                }
            }
        }
    }
}
