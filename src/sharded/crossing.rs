//! Where a falling function of log u crosses r, found by a few evaluations.

use crate::numbers::math::log_expm1;

/// In log u: what is not told apart, and relative to it.
const CLOSE: f64 = 1e-15;
const ROUNDING: f64 = 4.0 * f64::EPSILON;
/// More evaluations than a search by halves takes.
pub(super) const MOST_EVALUATIONS: u32 = 200;

/// The ends between which phi, which falls in log u, crosses r: regula falsi with the modification
/// of Illinois. It sees phi as `log(exp(k phi) - 1)`, which is nearly a line of slope -2.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bracket {
    pub(super) ends: [f64; 2],
    /// How much phi seen so is above r at the ends; NaN where it has not been evaluated.
    excess: [f64; 2],
    /// The end that moved last, and how often one after another.
    last: usize,
    run: u32,
    /// What was taken in last, and the slope between that and what came before.
    point: [f64; 2],
    slope: f64,
    line: Line,
}

/// How phi is seen: the r that it is to cross, k, and r seen so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    r: f64,
    k: f64,
    target: f64,
}

impl Line {
    pub(super) fn new(r: f64, k: f64) -> Self {
        Self { r, k, target: log_expm1(k * r) }
    }
}

impl Bracket {
    pub(super) const fn new(line: Line, ends: [f64; 2]) -> Self {
        Self { ends, excess: [f64::NAN; 2], last: 0, run: 0, point: [f64::NAN; 2], slope: -2.0, line }
    }

    /// Whether the ends are as close as log u can be told.
    pub(super) fn is_narrow(&self) -> bool {
        self.ends[1] - self.ends[0] <= self.resolution()
    }

    /// The least difference of log u that is told.
    fn resolution(&self) -> f64 {
        CLOSE + ROUNDING * self.ends[0].abs().max(self.ends[1].abs())
    }

    /// How far from each other in log u two bounds of phi cross r, if both are near it; else zero.
    pub(super) fn distance(&self, [low, high]: [f64; 2]) -> f64 {
        let distance = (self.excess_of(high) - self.excess_of(low)) / -self.slope;
        if distance.is_finite() { distance } else { 0.0 }
    }

    fn excess_of(&self, phi: f64) -> f64 {
        log_expm1(self.line.k * phi.max(0.0)) - self.line.target
    }

    /// Takes in phi at a log u. Where an end is on the wrong side phi does not cross r in the
    /// bracket, and both ends are there.
    pub(super) fn absorb(&mut self, log_u: f64, phi: f64) {
        /// Slopes beyond these are those of rounding, or of bounds that say nothing.
        const STEEPEST: f64 = -20.0;
        const FLATTEST: f64 = -0.2;
        let excess = self.excess_of(phi);
        let slope = (excess - self.point[1]) / (log_u - self.point[0]);
        if (STEEPEST..=FLATTEST).contains(&slope) {
            self.slope = slope;
        }
        self.point = [log_u, excess];
        let [low, high] = self.ends;
        if !(low..=high).contains(&log_u) || low == high {
            return;
        }
        let end = usize::from(phi <= self.line.r);
        if log_u == self.ends[1 - end] {
            self.ends = [log_u; 2];
            return;
        }
        self.run = if self.last == end { self.run + 1 } else { 1 };
        self.last = end;
        self.ends[end] = log_u;
        self.excess[end] = excess;
        if self.run > 1 {
            // Of an end that stays the value is halved, so that it is left as well (Illinois).
            self.excess[1 - end] *= 0.5;
        }
    }

    /// Where to evaluate phi next: so far beyond where it may cross r.
    pub(super) fn next(&self, beyond: f64) -> f64 {
        /// So often an end may move alone before the bracket is halved.
        const PATIENCE: u32 = 7;
        let ([low, high], least) = (self.ends, 0.25 * self.resolution());
        match self.excess.map(f64::is_nan) {
            [true, true] => low,
            [false, false] => {
                let is_line = self.excess.iter().all(|excess| excess.is_finite());
                let part = if is_line && self.run < PATIENCE {
                    self.excess[0] / (self.excess[0] - self.excess[1])
                } else {
                    0.5
                };
                // Each end is left by something, so that the other one comes close to the root as
                // well.
                (low + part * (high - low) + beyond).max(low + least).min(high - least)
            }
            [is_low_unknown, _] => {
                // Each step is twice as far as the last one: the line is not quite one.
                let step =
                    |excess: f64| (excess / self.slope).abs().max(least) * f64::from(1_u32 << (self.run.min(20) - 1));
                if is_low_unknown {
                    (high - step(self.excess[1]) + beyond).max(low).min(high - least)
                } else {
                    (low + step(self.excess[0]) + beyond).min(high).max(low + least)
                }
            }
        }
    }
}

/// The ends of a bracket of log u in which phi crosses r, as close as log u can be told; both at an
/// end of the given bracket where phi does not cross r in it.
pub(super) fn crossing(phi: impl Fn(f64) -> f64, line: Line, ends: [f64; 2]) -> [f64; 2] {
    let mut bracket = Bracket::new(line, ends);
    for log_u in ends {
        bracket.absorb(log_u, phi(log_u));
    }
    for _ in 0..MOST_EVALUATIONS {
        if bracket.is_narrow() {
            break;
        }
        let log_u = bracket.next(0.0);
        bracket.absorb(log_u, phi(log_u));
    }
    bracket.ends
}
