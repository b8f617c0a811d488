//! Which budget gives a wanted robust loss, effective sample size or largest weight; and the whole
//! grid of budgets at once.

use core::fmt;

use crate::numbers::math::{exp, log, log1p};
use crate::numbers::real::Real;
use crate::params::{Error, Params};
use crate::prepared::{Budgets, Prepared};
use crate::report::Report;

/// What a budget is calibrated to.
///
/// The robust loss never falls as a budget grows, since the ambiguity sets are nested. With equal
/// base weights, and without a given worst loss, a growing r makes the weights more unequal in the
/// sense of majorisation: the sum of the k largest weights never falls, for any k, so the effective
/// sample size never grows and the largest weight never falls. Otherwise those two may turn, for
/// instance where a large base weight lies on a small loss: what is found then is one of the
/// budgets that give the wanted number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// [`Report::robust_loss`], in the unit of the losses.
    RobustLoss(f64),
    /// [`Report::effective_samples`]: `1 / sum w^2`.
    EffectiveSamples(f64),
    /// The largest weight of a sample, in `[0, 1]`.
    LargestWeight(f64),
}

/// A budget that meets its target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calibrated {
    /// The budget: r in nats, or alpha.
    pub budget: f64,
    /// What it attains: the wanted number, up to rounding.
    pub attained: f64,
    /// What the target is with a budget of zero, and with the largest one (r infinite, alpha 1).
    pub range: [f64; 2],
    /// The report that goes with the weights for this budget.
    pub report: Report,
    /// How many problems were solved.
    pub solves: u32,
}

/// Why no budget was found. The weights may have been used as scratch if it is
/// [`CalibrationError::OutOfReach`], and are untouched otherwise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CalibrationError {
    /// The problem is refused.
    Refused(Error),
    /// The target is NaN, or not between what no budget and what the largest budget give.
    OutOfReach {
        /// As [`Calibrated::range`].
        range: [f64; 2],
    },
}

impl fmt::Display for CalibrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => error.fmt(f),
            Self::OutOfReach { range: [none, all] } => {
                write!(f, "the target is out of reach: no budget gives {none}, the largest gives {all}")
            }
        }
    }
}

impl core::error::Error for CalibrationError {}

impl From<Error> for CalibrationError {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

/// The r, in nats, for which the weights meet a target, and those weights; `params.r` is not used.
/// Never allocates on one thread.
///
/// `losses`, `base` and `weights` are as in [`weights_into`](crate::weights_into). The target is
/// met to 1e-12 of the range that r can attain; with `f32`, a largest weight to the spacing of
/// `f32`. A target at either end of the range gives r = 0 or r = infinity.
///
/// # Errors
/// Those of [`weights_into`](crate::weights_into), and [`CalibrationError::OutOfReach`], which
/// tells the attainable range.
///
/// # Source
/// A bracketed search (Chandrupatla 1997) on the exact solver; what is monotone, and why, is said
/// at [`Target`].
///
/// ```
/// use hr_weights::{Params, Target, calibrate_r};
/// let mut weights = [0.0; 4];
/// let target = Target::EffectiveSamples(3.0);
/// let found = calibrate_r(&[0.3, 2.0, 0.1, 0.7], None, &Params::default(), target, &mut weights)?;
/// assert!((found.report.effective_samples - 3.0).abs() < 1e-12);
/// # Ok::<(), hr_weights::CalibrationError>(())
/// ```
pub fn calibrate_r<T: Real>(
    losses: &[T],
    base: Option<&[T]>,
    params: &Params,
    target: Target,
    weights: &mut [T],
) -> Result<Calibrated, CalibrationError> {
    let params = Params { r: 0.0, ..*params };
    let prepared = Prepared::new(losses, base, &params, weights)?;
    Search { prepared, weights, target, free: Free::R { alpha: params.alpha }, range: [0.0; 2], solves: 0 }.run()
}

/// The alpha for which the weights meet a target, and those weights; `params.alpha` is not used. As
/// [`calibrate_r`] in every other respect; the largest budget is alpha = 1.
///
/// # Errors
/// As [`calibrate_r`].
pub fn calibrate_alpha<T: Real>(
    losses: &[T],
    base: Option<&[T]>,
    params: &Params,
    target: Target,
    weights: &mut [T],
) -> Result<Calibrated, CalibrationError> {
    let params = Params { alpha: 0.0, ..*params };
    let prepared = Prepared::new(losses, base, &params, weights)?;
    Search { prepared, weights, target, free: Free::Alpha { r: params.r }, range: [0.0; 2], solves: 0 }.run()
}

/// Writes the report for every pair of budgets: `report(i, j, ..)` is called with that for
/// `alphas[i]` and `rs[j]`, row by row. The losses are checked once, and in a row each solution
/// starts from the one before. Never allocates on one thread.
///
/// `losses` and `base` are as in [`weights_into`](crate::weights_into), and so is `params`, whose
/// alpha and r are not used. `scratch` is as long as the losses; it holds the weights of the report
/// while that is called, so each can be looked at.
///
/// # Errors
/// Those of [`weights_into`](crate::weights_into), for any of the budgets, before the first report.
///
/// # Source
/// As [`weights_into`](crate::weights_into).
///
/// ```
/// use hr_weights::{Params, path};
/// let (alphas, rs) = ([0.0, 0.05], [0.01, 0.1, 1.0]);
/// let mut robust_losses = [[0.0; 3]; 2];
/// let (losses, params) = ([0.3, 2.0, 0.1, 0.7], Params::default());
/// path(&losses, None, &params, &alphas, &rs, &mut [0.0; 4], |i, j, report, _| {
///     robust_losses[i][j] = report.robust_loss;
/// })?;
/// assert!(robust_losses[0][0] < robust_losses[1][0] && robust_losses[1][0] < robust_losses[1][2]);
/// # Ok::<(), hr_weights::Error>(())
/// ```
pub fn path<T: Real>(
    losses: &[T],
    base: Option<&[T]>,
    params: &Params,
    alphas: &[f64],
    rs: &[f64],
    scratch: &mut [T],
    mut report: impl FnMut(usize, usize, &Report, &[T]),
) -> Result<(), Error> {
    let params = Params { alpha: 0.0, r: 0.0, ..*params };
    for &alpha in alphas {
        Params { alpha, ..params }.check()?;
    }
    for &r in rs {
        Params { r, ..params }.check()?;
    }
    let mut prepared = Prepared::new(losses, base, &params, scratch)?;
    for (i, &alpha) in alphas.iter().enumerate() {
        for (j, &r) in rs.iter().enumerate() {
            let solved = prepared.weights_from_last(Budgets { alpha, r }, scratch);
            report(i, j, &solved, scratch);
        }
    }
    Ok(())
}

/// Which budget is looked for, and the other one.
#[derive(Clone, Copy)]
enum Free {
    R { alpha: f64 },
    Alpha { r: f64 },
}

impl Free {
    /// The largest budget.
    fn largest(self) -> f64 {
        match self {
            Self::R { .. } => f64::INFINITY,
            Self::Alpha { .. } => 1.0,
        }
    }

    fn budgets(self, budget: f64) -> Budgets {
        match self {
            Self::R { alpha } => Budgets { alpha, r: budget },
            Self::Alpha { r } => Budgets { alpha: budget, r },
        }
    }
}

/// A place of the search, and on which side of the target it is.
#[derive(Clone, Copy)]
struct Probe {
    /// log r, or alpha.
    at: f64,
    /// Negative towards no budget, zero at the target, positive towards the largest budget.
    side: f64,
}

/// The search for a budget.
struct Search<'a, 'b, T> {
    prepared: Prepared<'a, T>,
    weights: &'b mut [T],
    target: Target,
    free: Free,
    /// What no budget and what the largest one measure.
    range: [f64; 2],
    solves: u32,
}

impl<T: Real> Search<'_, '_, T> {
    fn run(mut self) -> Result<Calibrated, CalibrationError> {
        let wanted = match self.target {
            Target::RobustLoss(loss) => loss,
            // The search is on the reciprocal, which is bounded where the sample size is not. A
            // negative size is out of reach.
            Target::EffectiveSamples(samples) if samples >= 0.0 => 1.0 / samples,
            Target::EffectiveSamples(_) => f64::NAN,
            Target::LargestWeight(weight) => weight,
        };
        let largest = self.free.largest();
        self.range = [self.measure(0.0), self.measure(largest)];
        let [none, all] = self.range;
        let tolerance = TOLERANCE * (all - none).abs() + 4.0 * f64::EPSILON * wanted.abs();
        // Nothing is near an infinite target or NaN.
        let is_near = |end: f64| wanted.is_finite() && (wanted - end).abs() <= tolerance;
        if is_near(none) {
            return Ok(self.found(0.0));
        }
        if is_near(all) {
            return Ok(self.found(largest));
        }
        if !(none.min(all)..none.max(all)).contains(&wanted) {
            return Err(CalibrationError::OutOfReach { range: self.range.map(|value| self.quantity(value)) });
        }
        let bracket = match self.free {
            Free::R { .. } => self.bracket(wanted, tolerance),
            Free::Alpha { .. } => [
                Probe { at: 0.0, side: (none - wanted) / (all - none) },
                Probe { at: 1.0, side: (all - wanted) / (all - none) },
            ],
        };
        let at = self.refine(bracket, wanted, tolerance);
        let budget = self.budget(at);
        Ok(self.found(budget))
    }

    /// The weights and the report.
    fn found(mut self, budget: f64) -> Calibrated {
        let report = self.prepared.weights(self.free.budgets(budget), self.weights);
        let attained = match self.target {
            Target::RobustLoss(_) => report.robust_loss,
            Target::EffectiveSamples(_) => report.effective_samples,
            Target::LargestWeight(_) => largest_of(self.weights),
        };
        let range = self.range.map(|value| self.quantity(value));
        Calibrated { budget, attained, range, report, solves: self.solves + 1 }
    }

    /// What a budget attains, in the terms of the search.
    fn measure(&mut self, budget: f64) -> f64 {
        let budgets = self.free.budgets(budget);
        self.solves += 1;
        match self.target {
            Target::RobustLoss(_) => self.prepared.dual_bound(budgets, self.weights),
            Target::EffectiveSamples(_) => 1.0 / self.prepared.weights(budgets, self.weights).effective_samples,
            Target::LargestWeight(_) => {
                self.prepared.weights(budgets, self.weights);
                largest_of(self.weights)
            }
        }
    }

    /// From the terms of the search to those of the caller.
    fn quantity(&self, measured: f64) -> f64 {
        if let Target::EffectiveSamples(_) = self.target { 1.0 / measured } else { measured }
    }

    fn budget(&self, at: f64) -> f64 {
        if let Free::R { .. } = self.free { exp(at) } else { at }
    }

    fn probe(&mut self, at: f64, wanted: f64, tolerance: f64) -> Probe {
        let [none, all] = self.range;
        let measured = self.measure(self.budget(at));
        let side = if (measured - wanted).abs() <= tolerance {
            0.0
        } else if let Free::Alpha { .. } = self.free {
            (measured - wanted) / (all - none)
        } else {
            // The logit of the share of the range is nearly a line in log r: for small r the share
            // is a power of r, and for large r what is missing of it falls fast.
            let (share, target) = ((measured - none) / (all - none), (wanted - none) / (all - none));
            let logit =
                |share: f64| if share <= 0.0 { f64::NEG_INFINITY } else { log(share) - log1p(-share.min(1.0)) };
            logit(share) - logit(target)
        };
        Probe { at, side }
    }

    /// Two values of log r with the target between them.
    fn bracket(&mut self, wanted: f64, tolerance: f64) -> [Probe; 2] {
        let mut known = self.probe(log(0.1), wanted, tolerance);
        let mut step = if known.side < 0.0 { 2.0 } else { -2.0 };
        loop {
            let next = self.probe((known.at + step).clamp(-LIMIT, LIMIT), wanted, tolerance);
            // At the limits r is nothing or everything, but for rounding.
            if next.side * known.side <= 0.0 || next.at.abs() == LIMIT {
                return [known, next];
            }
            (known, step) = (next, 2.0 * step);
        }
    }

    /// Where the target is met, between two places on either side of it (Chandrupatla 1997):
    /// inverse quadratic interpolation where the last three places show that it will do, else
    /// bisection.
    fn refine(&mut self, [first, second]: [Probe; 2], wanted: f64, tolerance: f64) -> f64 {
        if first.side * second.side > 0.0 {
            return second.at;
        }
        let (mut new, mut other) = (second, first);
        let mut share = 0.5;
        for round in 0.. {
            let best = if new.side.abs() < other.side.abs() { new } else { other };
            let near = 2.0 * f64::EPSILON * best.at.abs() / (new.at - other.at).abs();
            if best.side == 0.0 || near.is_nan() || near >= 0.5 {
                return best.at;
            }
            let share_now = f64::clamp(share, near, 1.0 - near);
            let at = new.at + share_now * (other.at - new.at);
            if at == new.at || at == other.at {
                // No number is between the two, which near zero may still be far apart relative to
                // their size.
                return best.at;
            }
            let next = self.probe(at, wanted, tolerance);
            // `old` is the place that the next step replaces.
            let old;
            if (next.side < 0.0) == (new.side < 0.0) {
                old = new;
            } else {
                old = other;
                other = new;
            }
            new = next;
            let (x, y) =
                ((new.at - other.at) / (old.at - other.at), (new.side - other.side) / (old.side - other.side));
            share = if round < PATIENCE && y * y < x && (1.0 - y) * (1.0 - y) < 1.0 - x {
                let (a, b, c) = (new.side, other.side, old.side);
                a / (b - a) * c / (b - c) + (old.at - new.at) / (other.at - new.at) * a / (c - a) * b / (c - b)
            } else {
                0.5
            };
            if share.is_nan() {
                // Sides may be infinite.
                share = 0.5;
            }
        }
        unreachable!("halving ends")
    }
}

/// The largest of some weights.
fn largest_of<T: Real>(weights: &[T]) -> f64 {
    weights.iter().fold(0.0, |largest, weight| f64::max(largest, weight.to_f64()))
}

/// How well a target is met, relative to the range that can be attained: about what the solver
/// rounds by. Less would not be reached, more would stop early.
const TOLERANCE: f64 = 1e-14;

/// After so many steps the search only bisects, so that it ends. Interpolation needs about ten.
const PATIENCE: u32 = 64;

/// The largest absolute value of log r that is tried: beyond it r itself is out of the range of
/// doubles, and the answer that of r = 0 or r = infinity.
const LIMIT: f64 = 690.0;
