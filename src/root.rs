//! The r step: the u at which the Kullback-Leibler budget is spent, `phi(u) = L(u) + log S1(u) = r`.

use crate::kernels::Lens;
use crate::math::{exp, expm1, log, log_expm1, log_minus_excess, log1p, sqrt};
use crate::params::Error;

/// A distribution of depths seen from one u: everything that phi, its slope and the dual need.
/// With `x = u + d`, `c = u + mean`, `y = x / c` and `e = y - 1`; sums over the distribution q.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    pub(crate) u: f64,
    pub(crate) lens: Lens,
    /// `sum q (log y - e)`, which is `L - log c` since the sum of q e over the whole distribution is zero.
    log: f64,
    /// `sum q e^2 / y`, which is `c S1 - 1`.
    first: f64,
    /// `sum q (e / y)^2 u / c`.
    second: f64,
    /// Whether the sums are those of `log y` and `1/y - 1` as they stand, precise to rounding relative to one: enough while
    /// phi is not tiny. Then c need not be the mean.
    plain: bool,
    /// What phi's slope gains from a cut that moves with u.
    pub(crate) slope_of_cut: f64,
}

impl View {
    /// From the three sums of a root pass over samples of this total mass.
    pub(crate) fn new(u: f64, lens: Lens, [log, first, second]: [f64; 3], total: f64) -> Self {
        let (log, first, second) = (log / total, first / total, second / total);
        Self { u, lens, log, first, second, plain: false, slope_of_cut: 0.0 }
    }

    /// From the three sums of a fast root pass.
    pub(crate) fn plain(u: f64, lens: Lens, sums: [f64; 3], total: f64) -> Self {
        Self { plain: true, ..Self::new(u, lens, sums, total) }
    }

    /// The view where r is zero: from infinity all depths look the same.
    pub(crate) fn from_infinity(mean: f64) -> Self {
        let lens = Lens { shift: 1.0, rate: 0.0, mean };
        Self { u: f64::INFINITY, lens, log: 0.0, first: 0.0, second: 0.0, plain: false, slope_of_cut: 0.0 }
    }

    /// Adds mass q at one depth.
    pub(crate) fn add(&mut self, q: f64, depth: f64) {
        if q > 0.0 {
            let (ratio, excess) = (self.lens.ratio(depth), self.lens.excess(depth));
            let tilt = excess / ratio;
            if self.plain {
                self.log += q * log(ratio);
                self.first -= q * tilt;
            } else {
                self.log += q * log_minus_excess(ratio, excess);
                self.first += q * excess * tilt;
            }
            self.second += q * tilt * (tilt * self.lens.shift);
        }
    }

    /// phi(u), the Kullback-Leibler divergence that this u spends.
    pub(crate) fn phi(&self) -> f64 {
        self.log + log1p(self.first)
    }

    /// `d phi / d log u`: minus `u Var(1/x) / S1`, and the part of a moving cut.
    fn slope(&self) -> f64 {
        self.slope_of_cut - (self.second - self.lens.shift * self.first * self.first) / (1.0 + self.first)
    }

    /// `sum q z`, `sum q z^2 u / c` and `sum q e z^2 u / c` with `z = 1/y`, of a part of the distribution that has this mass
    /// and this `sum q e`, when the view holds that part alone.
    pub(crate) fn inverse_moments(&self, mass: f64, excess: f64) -> [f64; 3] {
        let tilted = excess - self.first;
        let shift = self.lens.shift;
        [mass - tilted, shift * (mass - 2.0 * tilted) + self.second, shift * tilted - self.second]
    }

    /// `c S1`.
    pub(crate) fn inverse_sum(&self) -> f64 {
        1.0 + self.first
    }

    /// `1 / S1`, which at the root is `exp(L - r)`, the derivative in r.
    pub(crate) fn harmonic_mean(&self) -> f64 {
        1.0 / (self.lens.rate * self.inverse_sum())
    }

    /// `u - exp(L - r)`, without the cancellation of its terms: the dual is the worst loss plus this.
    pub(crate) fn dual_depth(&self, r: f64) -> f64 {
        if self.lens.rate == 0.0 {
            return -self.lens.mean;
        }
        -self.lens.mean - expm1(self.log - r) / self.lens.rate
    }

    /// The view from `u exp(step)` for a step so small that its square is below rounding.
    fn moved(&self, step: f64) -> Self {
        let move_of_centre = self.lens.shift * step;
        let u = self.u + self.u * step;
        Self {
            u,
            lens: Lens::new(u, self.lens.mean),
            log: self.log + move_of_centre * self.first,
            first: self.first - move_of_centre * self.first - step * self.second,
            ..*self
        }
    }
}

/// The solution of the r step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Root {
    pub(crate) view: View,
    /// `phi(u) - r` where u rests on its lower end, else 0. Then not all mass follows `q / (x S1)`: the fraction
    /// `1 - exp(slack)` goes to the worst loss.
    pub(crate) slack: f64,
    /// Views taken.
    pub(crate) iterations: u32,
}

impl Root {
    /// The root where r is zero.
    pub(crate) fn at_infinity(mean: f64) -> Self {
        Self { view: View::from_infinity(mean), slack: 0.0, iterations: 0 }
    }

    /// What `q / y` is multiplied by to become a weight.
    pub(crate) fn level(&self) -> f64 {
        self.followed() / self.view.inverse_sum()
    }

    /// The fraction of the mass that follows `q / (x S1)`.
    pub(crate) fn followed(&self) -> f64 {
        exp(self.slack)
    }

    /// The fraction that goes to the worst loss instead.
    pub(crate) fn remainder(&self) -> f64 {
        -expm1(self.slack)
    }
}

/// What the search knows beforehand of a distribution of depths.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outline {
    /// Mass at depth zero.
    pub(crate) top: f64,
    /// Variance of the depths.
    pub(crate) variance: f64,
}

/// Below this, u is as good as zero beside depths of order one, and any mass at depth zero holds all weight.
const LOG_FLOOR: f64 = -708.0;
/// Above this, `u^2` overflows; r would be below the smallest number.
const LOG_CEILING: f64 = 373.0;
/// After so many steps a step that is not half of the one before is replaced by a bisection.
const PATIENCE: u32 = 8;

/// Below this r the root is that of the leading term, to the last bit, and phi itself would soon be subnormal.
const TINY_R: f64 = 1e-200;
/// From here all depths look the same to the last bit, and their variance can be read off.
const FAR: f64 = 1e60;

/// Finds the root of `phi(u) = r` for `0 < r < inf` by a bracketed Newton search in log u.
///
/// phi falls from large values, like `-(1 - top) log u`, to small ones, like `variance / (2 u^2)`. Seen through
/// `log(exp(k phi) - 1)` with `k = 2 / (1 - top)` both ends are lines of slope -2, so the search runs in that function.
/// Every step stays in a bracket, and a slow one halves it: the search ends when the bracket does.
/// A step below `last_step` is taken without looking again.
pub(crate) fn find(
    r: f64,
    outline: Outline,
    last_step: f64,
    mut look: impl FnMut(f64) -> Result<View, Error>,
) -> Result<Root, Error> {
    if r < TINY_R {
        let variance = look(FAR)?.first * FAR * FAR;
        return Ok(Root { view: look(sqrt(0.5 * variance) / sqrt(r))?, slack: 0.0, iterations: 2 });
    }
    let k = 2.0 / (1.0 - outline.top).max(f64::EPSILON);
    let target = log_expm1(k * r);
    let (mut low, mut high) = (LOG_FLOOR, LOG_CEILING);
    let mut floor_seen = false;
    let mut log_u = (0.5 * (log(0.5 * k * outline.variance) - target)).clamp(low, high);
    let mut step_before = f64::INFINITY;
    let mut iterations = 0;
    loop {
        let at_floor = log_u <= LOG_FLOOR;
        // Without mass at depth zero u may be zero.
        let u = if at_floor && outline.top == 0.0 { 0.0 } else { exp(log_u) };
        let view = look(u)?;
        iterations += 1;
        let phi = view.phi();
        if at_floor && phi <= r {
            return Ok(Root { view, slack: phi - r, iterations });
        }
        floor_seen |= at_floor;
        if phi > r {
            low = log_u;
        } else {
            high = log_u;
        }
        let lack = target - log_expm1(k * phi);
        let step = lack / (k * view.slope() / -expm1(-k * phi));
        // An overflowed slope also makes a small step.
        if step.abs() <= last_step && lack.abs() <= 1e3 * last_step {
            return Ok(Root { view: view.moved(step), slack: 0.0, iterations });
        }
        let rounding = f64::EPSILON * (view.log.abs() + log1p(view.first).abs() + if view.plain { 0.5 } else { 0.0 });
        if (phi - r).abs() <= rounding || high - low <= f64::EPSILON * (1.0 + log_u.abs()) {
            return Ok(Root { view, slack: 0.0, iterations });
        }
        let newton = log_u + step;
        let halve = step.abs() > 0.5 * step_before && iterations > PATIENCE;
        step_before = step.abs();
        log_u = if !halve && newton > low && newton < high {
            newton
        } else if newton <= LOG_FLOOR && !floor_seen {
            LOG_FLOOR
        } else {
            step_before = f64::INFINITY;
            0.5 * (low + high)
        };
    }
}
