//! Losses seen from the worst loss: scaled depths `d = (w - l) * scale`.

use super::math::{exponent, power_of_two};

/// The map from losses to depths. The scale is a power of two that brings the span near one, so
/// that depths are rounded once, and losses of 1e-300 or 1e300, or with an offset of 1e6, look like
/// any others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Depths {
    scale: f64,
    scaled_worst: f64,
}

/// 2^-1000: a smaller depth counts as zero, since spans are near one. So reciprocals of depths stay
/// finite, and u need not be sought where numbers lose their digits. A larger limit would be felt
/// in the weights. The vector root pass leaves smaller depths as they are: it is used only where u
/// is so much larger that it makes no difference.
pub(crate) const LEAST_DEPTH: f64 = f64::from_bits(23 << 52);

impl Depths {
    /// Of losses that are all zero.
    pub(crate) const OF_ZEROS: Self = Self { scale: 1.0, scaled_worst: 0.0 };

    /// `worst >= smallest`, both finite; their difference may overflow.
    pub(crate) fn new(worst: f64, smallest: f64) -> Self {
        // Half the span always fits. Where it rounds to zero, the losses themselves are at the very
        // bottom of the range.
        let half_span = 0.5 * worst - 0.5 * smallest;
        let span_exponent = match half_span {
            half if half > 0.0 => exponent(half) + 1,
            _ if worst > smallest => -1022,
            _ => 0,
        };
        let scale = power_of_two((-span_exponent).clamp(-1022, 1023));
        Self { scale, scaled_worst: worst * scale }
    }

    /// The scaled depth of a loss; zero if it is below [`LEAST_DEPTH`].
    #[inline(always)]
    pub(crate) fn depth(&self, loss: f64) -> f64 {
        let depth = self.scaled_worst - loss * self.scale;
        if depth < LEAST_DEPTH { 0.0 } else { depth }
    }

    /// The depth of a loss is the loss times the first, plus the second: the product is exact, so
    /// one rounding is left.
    pub(crate) fn map(&self) -> (f64, f64) {
        (-self.scale, self.scaled_worst)
    }

    /// Whether differences of losses can be taken before they are scaled: whether they neither
    /// overflow nor lose digits, nor the scale as a factor of other numbers.
    pub(crate) fn is_moderate(&self) -> bool {
        const LARGE: f64 = f64::from_bits((1023 + 700) << 52);
        self.scale <= LARGE && self.scale >= 1.0 / LARGE
    }

    /// The worst loss, if the scale is moderate.
    #[inline(always)]
    pub(crate) fn worst(&self) -> f64 {
        self.scaled_worst / self.scale
    }

    /// A difference of losses, or a number per scaled depth as one per difference.
    #[inline(always)]
    pub(crate) fn scaled(&self, difference: f64) -> f64 {
        difference * self.scale
    }

    /// The loss at a scaled depth. Dividing is exact, and unlike the reciprocal never subnormal.
    pub(crate) fn loss(&self, depth: f64) -> f64 {
        (self.scaled_worst - depth) / self.scale
    }

    /// A scaled difference in the unit of the losses.
    pub(crate) fn unscaled(&self, difference: f64) -> f64 {
        difference / self.scale
    }
}
