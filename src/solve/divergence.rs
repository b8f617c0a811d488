//! Sums over a distribution of depths at one u: all that phi, its derivatives and the dual need.
//!
//! phi is a difference of nearly equal terms where r is small. So `log y` and `1 / y` are developed
//! about the point `y = 1`, where `x = c`, and the terms of first order, which cancel in phi, are
//! kept apart. From the sums at one u those at a nearby u follow by Taylor's series.

use crate::kernels::Scaling;
use crate::numbers::depths::LEAST_DEPTH;
use crate::numbers::math::{developed, expm1, log, log_minus_excess, log1p};

/// With `x = u + d`, a centre c, `y = x / c`, `e = y - 1` and `z = 1 / y`; sums over the
/// distribution q.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DivergenceSums {
    pub(crate) u: f64,
    pub(crate) scaling: Scaling,
    form: Form,
    /// `sum q log y`, which is `L - log c`, without the terms of first order.
    log: f64,
    /// `sum q (z - 1)`, which is `c S1 - 1`, without the terms of first order.
    inverse: f64,
    /// `sum q (z - 1)^2 u / c`. (The factor keeps it finite for the smallest u.)
    second: f64,
    /// In centred form the terms of first order that `inverse` leaves out, which are also minus
    /// those that `log` leaves out. In plain form, which leaves none out,
    /// `sum q (z - 1)^3 (u / c)^2`.
    last: f64,
    /// What a cut that moves with u adds to phi's slope.
    pub(crate) slope_of_cut: f64,
}

/// In which form the sums are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `log y` and z are developed about `y = 1`: in powers of e where y is below one and in powers
    /// of `1 - z` where it is above, each of which stays below one. The terms of first order are
    /// added up by themselves. phi is of second order, and keeps its digits however small it is, as
    /// long as c is about the harmonic mean of x.
    Centred,
    /// `log y` and `z - 1` themselves, good to rounding relative to one. That is enough while phi
    /// is not tiny, for any c.
    Plain,
}

impl DivergenceSums {
    /// From the sums of a root pass in this form, over samples of this total mass.
    pub(crate) fn new(u: f64, scaling: Scaling, form: Form, sums: [f64; 4], total: f64) -> Self {
        let [log, inverse, second, last] = sums.map(|sum| sum / total);
        let inverse = inverse / scaling.unit();
        Self { u, scaling, form, log, inverse, second, last, slope_of_cut: 0.0 }
    }

    /// Of all mass, from `sum q g` with `g = log y + z - 1`, and `sum q (z - 1)`.
    pub(crate) fn about_one(u: f64, scaling: Scaling, [g, tilt]: [f64; 2]) -> Self {
        Self { u, scaling, form: Form::Centred, log: g, inverse: 0.0, second: 0.0, last: tilt, slope_of_cut: 0.0 }
    }

    /// The sums where r is zero: u is infinite, and all depths count the same.
    pub(crate) fn from_infinity(mean: f64) -> Self {
        Self::new(f64::INFINITY, Scaling { shift: 1.0, rate: 0.0, centre: mean }, Form::Centred, [0.0; 4], 1.0)
    }

    /// Adds mass q at one depth.
    pub(crate) fn add(&mut self, q: f64, depth: f64) {
        if q > 0.0 {
            let (ratio, excess, shift) = (self.scaling.ratio(depth), self.scaling.excess(depth), self.scaling.shift);
            // 1 - z, without cancellation.
            let tilt = excess / ratio;
            match self.form {
                Form::Centred => {
                    let [log, inverse, linear] = developed(ratio, excess);
                    self.log += q * log;
                    self.inverse += q * inverse;
                    self.last += q * linear;
                }
                Form::Plain => {
                    self.log += q * log(ratio);
                    self.inverse -= q * tilt;
                    self.last -= q * tilt * (tilt * shift) * (tilt * shift);
                }
            }
            self.second += q * tilt * (tilt * shift);
        }
    }

    /// The terms of first order, which the other sums leave out.
    fn linear(&self) -> f64 {
        if self.form == Form::Centred { self.last } else { 0.0 }
    }

    /// `sum q (z - 1)`.
    fn first(&self) -> f64 {
        self.inverse + self.linear()
    }

    /// phi(u), the Kullback-Leibler divergence that is spent at this u.
    pub(crate) fn phi(&self) -> f64 {
        phi_of(self.form, self.log, self.inverse, self.linear())
    }

    /// Whether phi has all of its digits with this centre: at most one is lost to terms of first
    /// order.
    pub(crate) fn is_accurate(&self) -> bool {
        const DIGIT: f64 = 10.0;
        self.form != Form::Centred || self.first() * self.first() <= DIGIT * self.phi()
    }

    /// Whether another centre is needed to tell on which side of r phi is, and how far it is.
    fn needs_recentring(&self, r: f64) -> bool {
        let phi = self.phi();
        !self.is_accurate() && (phi - r).abs() <= self.rounding(phi).max(0.1 * r)
    }

    /// A bound on the rounding of phi, whose value is passed.
    pub(crate) fn rounding(&self, phi: f64) -> f64 {
        let size = self.log.abs() + (phi - self.log).abs();
        f64::EPSILON
            * match self.form {
                Form::Plain => size + 0.5,
                Form::Centred if self.is_accurate() => size + self.inverse.min(1.0),
                // Terms of first order, and logarithms of large numbers, cancel.
                Form::Centred => 4.0 * (size + self.first().abs().min(1.0)),
            }
    }

    /// `d phi / d log u`: minus `u Var(z) / S1`, and what a moving cut adds.
    pub(crate) fn slope(&self) -> f64 {
        self.slope_of_cut - (self.second - self.scaling.shift * self.first() * self.first()) / self.inverse_sum()
    }

    /// `d^2 phi / d (log u)^2` while the cut stands still; NaN in centred form, which lacks the
    /// third power, and where the cut moves.
    pub(crate) fn curvature(&self) -> f64 {
        if self.form == Form::Centred || self.slope_of_cut != 0.0 {
            return f64::NAN;
        }
        // With rho_k = sum q (u/x)^k: phi' = rho_1 - rho_2 / rho_1, and rho_k' = k (rho_k -
        // rho_{k+1}).
        let [one, two, three] = self.powers();
        let ratio = two / one;
        one - ratio - two + 2.0 * three / one - ratio * ratio
    }

    /// `sum q (u/x)^k` for k = 1, 2, 3.
    fn powers(&self) -> [f64; 3] {
        let a = self.scaling.shift;
        let (first, second, third) = (a * self.first(), a * self.second, a * self.last);
        // Powers of a z = a + a (z - 1).
        [a + first, a * a + 2.0 * a * first + second, a * a * a + 3.0 * a * a * first + 3.0 * a * second + third]
    }

    /// `sum q z`, `sum q z^2 u / c` and `sum q e z^2 u / c`, if these are the sums over a part of
    /// the distribution that has this mass.
    pub(crate) fn inverse_moments(&self, mass: f64) -> [f64; 3] {
        let (shift, first) = (self.scaling.shift, self.first());
        [mass + first, shift * (mass + 2.0 * first) + self.second, -(shift * first + self.second)]
    }

    /// `sum q (x_D / x - 1)` over a part of the distribution, as in
    /// [`DivergenceSums::inverse_moments`], for the x of a depth D.
    pub(crate) fn nearness(&self, mass: f64, depth: f64) -> f64 {
        self.scaling.excess(depth) * mass + self.scaling.ratio(depth) * self.first()
    }

    /// `sum q log y`.
    pub(crate) fn log_sum(&self) -> f64 {
        self.log - self.linear()
    }

    /// `c S1`.
    pub(crate) fn inverse_sum(&self) -> f64 {
        1.0 + self.first()
    }

    /// `1 / S1`, which at the root is `exp(L - r)`, the derivative in r.
    pub(crate) fn harmonic_mean(&self) -> f64 {
        1.0 / (self.scaling.rate * self.inverse_sum())
    }

    /// `u - exp(L - r)`, without the cancellation of its terms: the dual is the worst loss plus
    /// this.
    pub(crate) fn dual_depth(&self, r: f64) -> f64 {
        if self.scaling.rate == 0.0 {
            return -self.scaling.centre;
        }
        -self.scaling.centre - expm1(self.log_sum() - r) / self.scaling.rate
    }

    /// The largest step in log u for [`DivergenceSums::taylor_shift`]: what the series leaves out
    /// is then below rounding. A larger one would cost digits of the weights, a smaller one a look
    /// at the data.
    pub(crate) fn taylor_radius(&self) -> f64 {
        match self.form {
            // The series is that of a cut that stands still.
            _ if self.slope_of_cut != 0.0 => 1e-14,
            Form::Centred => 3e-8,
            Form::Plain => 1e-5,
        }
    }

    /// The sums at `u exp(step)`, by Taylor's series to the order whose remainder is below
    /// rounding.
    pub(crate) fn taylor_shift(&self, step: f64) -> Self {
        // `exp(step) - 1` to that order, and by how much of itself c grows.
        let growth = step + 0.5 * step * step;
        let (u, centre) = (self.u + self.u * growth, self.scaling.shift * growth);
        let scaling = Scaling::new(u, self.scaling.centre);
        match self.form {
            Form::Centred => Self {
                u,
                scaling,
                inverse: self.inverse - growth * self.second,
                last: self.last - centre * self.first(),
                ..*self
            },
            Form::Plain => {
                // u^k sum q / x^k at the old u.
                let [one, two, three] = self.powers();
                let shift = self.scaling.shift;
                // The last term is log(1 + centre) to that order.
                let log = self.log + growth * one - 0.5 * growth * growth * two - centre / (1.0 + 0.5 * centre);
                let inverse = (1.0 + centre) / shift * (one - growth * two + growth * growth * three);
                Self { u, scaling, log, inverse: inverse - 1.0, ..*self }
            }
        }
    }
}

/// phi from these sums.
fn phi_of(form: Form, log: f64, inverse: f64, linear: f64) -> f64 {
    let first = inverse + linear;
    if form == Form::Centred && first.abs() < 0.5 {
        // The terms of first order cancel, and are left out.
        (log + inverse) + log_minus_excess(1.0 + first, first)
    } else {
        (log - linear) + log1p(first)
    }
}

/// The depth about which the sums at some u are developed. That is the mean depth, unless depths
/// with little mass lie far beyond the others: then it is the depth at which `x = c` is the
/// harmonic mean of x. Sums about a poor depth tell a better one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expansion {
    pub(crate) u: f64,
    pub(crate) depth: f64,
}

impl Expansion {
    /// Nothing better than the mean is known.
    pub(crate) const UNKNOWN: Self = Self { u: f64::NAN, depth: f64::NAN };

    /// The depth for sums at u. The best depth grows with u, so what is known from one u serves
    /// smaller ones and slightly larger ones too. Too large a depth costs digits of phi; too small
    /// a one also those of `sum q z`, whose terms would be far larger than their sum less one.
    pub(crate) fn depth(self, u: f64, mean: f64) -> f64 {
        /// By what factor u may have grown. A larger one would keep a depth that has become too
        /// small, a smaller one would forget it too soon.
        const LITTLE: f64 = 4.0;
        let depth = if u <= LITTLE * self.u { self.depth.min(mean) } else { mean };
        // c is not to be zero.
        if u > 0.0 { depth } else { depth.max(LEAST_DEPTH) }
    }

    /// What is known after these sums.
    pub(crate) fn after(self, sums: &DivergenceSums) -> Self {
        Self::told_by(sums).unwrap_or(self)
    }

    /// What sums about a poor depth tell of a better one.
    fn told_by(sums: &DivergenceSums) -> Option<Self> {
        if sums.is_accurate() {
            return None;
        }
        let mean = sums.harmonic_mean();
        // Where the depth hardly moves, the difference to the current one has more digits.
        let depth = if sums.first() > 1.0 { mean - sums.u } else { sums.scaling.centre - sums.first() * mean };
        // Not smaller than the rounding of the mean.
        let depth = depth.max(4.0 * f64::EPSILON * mean);
        (depth < f64::INFINITY).then_some(Self { u: sums.u, depth })
    }

    /// The sums at u about the best depth that is known. Where phi is near r and has lost digits,
    /// they are taken once more, about a better depth.
    pub(crate) fn look(
        &mut self,
        r: f64,
        [u, mean]: [f64; 2],
        mut look: impl FnMut(f64) -> DivergenceSums,
    ) -> DivergenceSums {
        let mut again = false;
        loop {
            let sums = look(self.depth(u, mean));
            *self = self.after(&sums);
            if again || !sums.needs_recentring(r) {
                return sums;
            }
            again = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Masses and depths.
    const MASSES: [(f64, f64); 5] = [(0.1, 0.0), (0.2, 0.05), (0.3, 0.4), (0.25, 0.8), (0.15, 1.0)];

    const FORMS: [Form; 2] = [Form::Centred, Form::Plain];

    fn sum(of: impl Fn(f64) -> f64, samples: &[(f64, f64)]) -> f64 {
        samples.iter().map(|&(q, depth)| q * of(depth)).sum()
    }

    fn sums_of(samples: &[(f64, f64)], form: Form, u: f64, centre: f64) -> DivergenceSums {
        let mut sums = DivergenceSums::new(u, Scaling::new(u, centre), form, [0.0; 4], 1.0);
        for &(q, depth) in samples {
            sums.add(q, depth);
        }
        sums
    }

    fn is_near(value: f64, exact: f64, what: &str) {
        assert!((value - exact).abs() <= 1e-13 * exact.abs().max(0.05), "{what}: {value:e} instead of {exact:e}");
    }

    /// About any depth phi is `sum q log x + log sum q / x`.
    #[test]
    fn phi_from_any_centre() {
        let mean = sum(|depth| depth, &MASSES);
        for u in [1e-9, 1e-4, 0.03, 0.5, 20.0] {
            let exact = sum(|depth| log(u + depth), &MASSES) + log(sum(|depth| 1.0 / (u + depth), &MASSES));
            for centre in [mean, 0.9 * mean, 1.2 * mean, 0.01, 3.0] {
                for form in FORMS {
                    let sums = sums_of(&MASSES, form, u, centre);
                    let centre = Expansion::UNKNOWN.after(&sums).depth(u, centre);
                    is_near(sums_of(&MASSES, form, u, centre).phi(), exact, "phi");
                }
            }
        }
    }

    /// At u = 0, about a mean of zero, c is still positive.
    #[test]
    fn no_centre_is_zero() {
        let centre = Expansion::UNKNOWN.depth(0.0, 0.0);
        assert!(centre > 0.0 && Scaling::new(0.0, centre).rate.is_finite());
    }

    /// Also where phi is tiny and the centre is not quite the mean, so that first moments cancel in
    /// part.
    #[test]
    fn tiny_phi_keeps_its_digits() {
        let (u, mean) = (1e5, sum(|depth| depth, &MASSES));
        let [two, three, four] = [2, 3, 4].map(|k| sum(|depth| ((depth - mean) / (u + mean)).powi(k), &MASSES));
        let exact = 0.5 * two - 2.0 / 3.0 * three + 0.75 * four - 0.5 * two * two;
        for centre in [mean, mean * (1.0 + 1e-7), mean + 1e-3] {
            let error = (sums_of(&MASSES, Form::Centred, u, centre).phi() / exact - 1.0).abs();
            assert!(error < 1e-14, "off by {error:e} from {centre}");
        }
    }

    /// What the sums over a part of the distribution tell of it, in both forms.
    #[test]
    fn parts_are_their_sums() {
        for (u, part) in
            [1e-6, 0.03, 0.5, 20.0].into_iter().flat_map(|u| [(u, &MASSES[..2]), (u, &MASSES[1..]), (u, &MASSES)])
        {
            let (centre, deep) = (0.3, 0.7);
            let y = |depth: f64| (u + depth) / (u + centre);
            let excess_at = |depth: f64| (depth - centre) / (u + centre);
            let shift = u / (u + centre);
            let mass = sum(|_| 1.0, part);
            for form in FORMS {
                let sums = sums_of(part, form, u, centre);
                let [inverse, square, tilted] = sums.inverse_moments(mass);
                is_near(inverse, sum(|depth| 1.0 / y(depth), part), "inverse");
                is_near(square, sum(|depth| shift / (y(depth) * y(depth)), part), "square");
                is_near(tilted, sum(|depth| shift * excess_at(depth) / (y(depth) * y(depth)), part), "tilted");
                is_near(sums.nearness(mass, deep), sum(|depth| y(deep) / y(depth) - 1.0, part), "nearness");
                is_near(sums.log_sum(), sum(|depth| log(y(depth)), part), "log");
            }
        }
    }
}
