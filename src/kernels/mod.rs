//! The passes over the data, and nothing else. Each takes one chunk and a handful of numbers, and returns sums and maxima.

mod scalar;

pub(crate) use scalar::{root, split, survey, write};

use crate::depths::Depths;
use crate::real::Real;

/// A part of the samples. Masses are base weights times `mass_scale` (a power of two), or one each.
#[derive(Clone, Copy)]
pub(crate) struct Chunk<'a, T> {
    pub(crate) losses: &'a [T],
    pub(crate) base: Option<&'a [T]>,
    pub(crate) mass_scale: f64,
}

/// Where the root pass looks: `y = x / centre = shift + d * rate`, `e = (d - mean) * rate` with `x = u + d`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lens {
    /// `u / centre`.
    pub(crate) shift: f64,
    /// `1 / centre`; zero where u is infinite.
    pub(crate) rate: f64,
    /// The mean depth, at which `y = 1`.
    pub(crate) mean: f64,
}

impl Lens {
    /// The view from `u` of a distribution with this mean depth.
    pub(crate) fn new(u: f64, mean: f64) -> Self {
        let centre = u + mean;
        Self { shift: u / centre, rate: 1.0 / centre, mean }
    }

    /// `x / centre` at a depth. Taken from x, never as `1 + e`: near the worst loss e is close to -1.
    #[inline(always)]
    pub(crate) fn ratio(&self, depth: f64) -> f64 {
        self.shift + depth * self.rate
    }

    /// `x / centre - 1` at a depth.
    #[inline(always)]
    pub(crate) fn excess(&self, depth: f64) -> f64 {
        (depth - self.mean) * self.rate
    }
}

/// What the last pass writes: the weight of a sample of mass b is b times
/// zero below `threshold`, `tied` at it, `top` at depth zero, and `level / ratio(depth)` otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recipe<T> {
    pub(crate) depths: Depths,
    pub(crate) lens: Lens,
    pub(crate) threshold: T,
    pub(crate) level: f64,
    pub(crate) tied: f64,
    pub(crate) top: f64,
}

impl<T: Real> Recipe<T> {
    #[inline(always)]
    pub(crate) fn coefficient(&self, loss: T, depth: f64) -> f64 {
        if loss < self.threshold {
            0.0
        } else if loss == self.threshold {
            self.tied
        } else if depth == 0.0 {
            self.top
        } else {
            self.level / self.lens.ratio(depth)
        }
    }
}
