//! A distribution of depths seen from one u: everything that phi, its derivatives and the dual need.

use crate::depths::LEAST_DEPTH;
use crate::kernels::Lens;
use crate::math::{developed, expm1, log, log_minus_excess, log1p};
use crate::sharded::ROOM;

/// With `x = u + d`, a centre c, `y = x / c`, `e = y - 1` and `z = 1 / y`; sums over the distribution q.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    pub(crate) u: f64,
    pub(crate) lens: Lens,
    form: Form,
    /// `sum q log y`, which is `L - log c`, without the terms of first order.
    log: f64,
    /// `sum q (z - 1)`, which is `c S1 - 1`, without the terms of first order.
    inverse: f64,
    /// `sum q (z - 1)^2 u / c`. (The factor keeps it finite for the smallest u.)
    second: f64,
    /// In centred form the terms of first order that the inverse lacks, and minus those that the logarithm does; in plain form, which
    /// lacks none, `sum q (z - 1)^3 (u / c)^2`.
    last: f64,
    /// What phi's slope gains from a cut that moves with u.
    pub(crate) slope_of_cut: f64,
}

/// How the sums come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `log y` and z are developed about `y = 1`, in e on the shallow side and in `1 - z` on the deep one, where each of them stays
    /// below one, and the terms of first order are added up by themselves. phi is of second order: it keeps its digits however
    /// small it is, as long as c is about the harmonic mean of x, at which the sum of all terms of z is one.
    Centred,
    /// `log y` and `z - 1` as they stand, precise to rounding relative to one: enough while phi is not tiny, for any c.
    Plain,
}

impl View {
    /// From the sums of a root pass over samples of this total mass, in the form that the pass has.
    pub(crate) fn new(u: f64, lens: Lens, form: Form, sums: [f64; 4], total: f64) -> Self {
        let [log, inverse, second, last] = sums.map(|sum| sum / total);
        let inverse = inverse / lens.unit();
        Self { u, lens, form, log, inverse, second, last, slope_of_cut: 0.0 }
    }

    /// The sums that it is made from, of mass one.
    pub(crate) fn sums(&self) -> [f64; 4] {
        [self.log, self.inverse * self.lens.unit(), self.second, self.last]
    }

    /// The view where r is zero: from infinity all depths look the same.
    pub(crate) fn from_infinity(mean: f64) -> Self {
        Self::new(f64::INFINITY, Lens { shift: 1.0, rate: 0.0, centre: mean }, Form::Centred, [0.0; 4], 1.0)
    }

    /// Adds mass q at one depth.
    pub(crate) fn add(&mut self, q: f64, depth: f64) {
        if q > 0.0 {
            let (ratio, excess, shift) = (self.lens.ratio(depth), self.lens.excess(depth), self.lens.shift);
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

    /// The terms of first order.
    fn linear(&self) -> f64 {
        if self.form == Form::Centred { self.last } else { 0.0 }
    }

    /// `sum q (z - 1)`.
    fn first(&self) -> f64 {
        self.inverse + self.linear()
    }

    /// phi(u), the Kullback-Leibler divergence that this u spends.
    pub(crate) fn phi(&self) -> f64 {
        phi_of(self.form, self.log, self.inverse, self.linear())
    }

    /// Whether phi has all of its digits from this centre.
    pub(crate) fn is_sharp(&self) -> bool {
        const DIGIT: f64 = 10.0;
        self.form != Form::Centred || self.first() * self.first() <= DIGIT * self.phi()
    }

    /// Whether another centre is needed to tell on which side of r phi is, and how far.
    fn is_blurred(&self, r: f64) -> bool {
        let phi = self.phi();
        !self.is_sharp() && (phi - r).abs() <= self.rounding(phi).max(0.1 * r)
    }

    /// Whether phi is above r; None where rounding decides.
    pub(crate) fn is_above(&self, r: f64) -> Option<bool> {
        let phi = self.phi();
        ((phi - r).abs() > self.rounding(phi)).then_some(phi > r)
    }

    /// How far phi is from r.
    pub(crate) fn miss(&self, r: f64) -> f64 {
        (self.phi() - r).abs()
    }

    /// How far phi, which is given, may be off by rounding.
    pub(crate) fn rounding(&self, phi: f64) -> f64 {
        let size = self.log.abs() + (phi - self.log).abs();
        f64::EPSILON
            * match self.form {
                Form::Plain => size + 0.5,
                Form::Centred if !ROOM || self.is_sharp() => size + self.inverse.min(1.0),
                // Terms of first order, and logarithms of large numbers, that cancel.
                Form::Centred => 4.0 * (size + self.first().abs().min(1.0)),
            }
    }

    /// `d phi / d log u`: minus `u Var(z) / S1`, and the part of a moving cut.
    pub(crate) fn slope(&self) -> f64 {
        self.slope_of_cut - (self.second - self.lens.shift * self.first() * self.first()) / self.inverse_sum()
    }

    /// `d^2 phi / d (log u)^2` while the cut stands still, or NaN if this view does not know it.
    pub(crate) fn curvature(&self) -> f64 {
        if self.form == Form::Centred || self.slope_of_cut != 0.0 {
            return f64::NAN;
        }
        // With rho_k = sum q (u/x)^k: phi' = rho_1 - rho_2 / rho_1, and rho_k' = k (rho_k - rho_{k+1}).
        let [one, two, three] = self.powers();
        let ratio = two / one;
        one - ratio - two + 2.0 * three / one - ratio * ratio
    }

    /// `sum q (u/x)^k` for k = 1, 2, 3.
    fn powers(&self) -> [f64; 3] {
        let a = self.lens.shift;
        let (first, second, third) = (a * self.first(), a * self.second, a * self.last);
        // Powers of a z = a + a (z - 1).
        [a + first, a * a + 2.0 * a * first + second, a * a * a + 3.0 * a * a * first + 3.0 * a * second + third]
    }

    /// `sum q z`, `sum q z^2 u / c` and `sum q e z^2 u / c` of a part of the distribution that has this mass, when the view holds
    /// that part alone.
    pub(crate) fn inverse_moments(&self, mass: f64) -> [f64; 3] {
        let (shift, first) = (self.lens.shift, self.first());
        [mass + first, shift * (mass + 2.0 * first) + self.second, -(shift * first + self.second)]
    }

    /// `sum q (y_D z - 1)` over a part of the distribution as in [`View::inverse_moments`]: how much nearer it is than D.
    pub(crate) fn nearness(&self, mass: f64, depth: f64) -> f64 {
        self.lens.excess(depth) * mass + self.lens.ratio(depth) * self.first()
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
        1.0 / (self.lens.rate * self.inverse_sum())
    }

    /// `u - exp(L - r)`, without the cancellation of its terms: the dual is the worst loss plus this.
    pub(crate) fn dual_depth(&self, r: f64) -> f64 {
        if self.lens.rate == 0.0 {
            return -self.lens.centre;
        }
        -self.lens.centre - expm1(self.log_sum() - r) / self.lens.rate
    }

    /// How large a step [`View::moved`] may take.
    pub(crate) fn reach(&self) -> f64 {
        match self.form {
            // A moving cut does not follow.
            _ if self.slope_of_cut != 0.0 => 1e-14,
            Form::Centred => 3e-8,
            Form::Plain => 1e-5,
        }
    }

    /// The view from `u exp(step)`: the sums are developed to the order at which the rest is below rounding.
    pub(crate) fn moved(&self, step: f64) -> Self {
        // u exp(step), to that order; and how far the centre moves, relative to itself.
        let growth = step + 0.5 * step * step;
        let (u, centre) = (self.u + self.u * growth, self.lens.shift * growth);
        let lens = Lens::new(u, self.lens.centre);
        match self.form {
            Form::Centred => Self {
                u,
                lens,
                inverse: self.inverse - growth * self.second,
                last: self.last - centre * self.first(),
                ..*self
            },
            Form::Plain => {
                // u^k sum q / x^k at the old u.
                let [one, two, three] = self.powers();
                let shift = self.lens.shift;
                let log = self.log + growth * one - 0.5 * growth * growth * two - log1p(centre);
                let inverse = (1.0 + centre) / shift * (one - growth * two + growth * growth * three);
                Self { u, lens, log, inverse: inverse - 1.0, ..*self }
            }
        }
    }
}

/// phi from these sums of a view. (Of numbers, out of line: no view must lie in memory for it.)
#[inline(never)]
fn phi_of(form: Form, log: f64, inverse: f64, linear: f64) -> f64 {
    let first = inverse + linear;
    if form == Form::Centred && first.abs() < 0.5 {
        // The terms of first order cancel.
        (log + inverse) + log_minus_excess(1.0 + first, first)
    } else {
        (log - linear) + log1p(first)
    }
}

/// The depth about which views from some u have their digits. That is the mean, unless depths with little mass are far beyond the
/// others: then it is the one at which c is the harmonic mean of x, which a view that is not sharp tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Centre {
    pub(crate) u: f64,
    pub(crate) depth: f64,
}

impl Centre {
    /// Nothing is known but the mean.
    pub(crate) const UNKNOWN: Self = Self { u: f64::NAN, depth: f64::NAN };

    /// For a view from u. It grows with u: too large a one costs digits of phi, and too small a one also those of the sum of all z,
    /// which would be far below the terms that it is one less than.
    pub(crate) fn depth(self, u: f64, mean: f64) -> f64 {
        const LITTLE: f64 = 4.0;
        let depth = if u <= LITTLE * self.u { self.depth.min(mean) } else { mean };
        // c is not to be zero.
        if u > 0.0 { depth } else { depth.max(LEAST_DEPTH) }
    }

    /// After this view.
    pub(crate) fn after(self, view: &View) -> Self {
        Self::told_by(view).unwrap_or(self)
    }

    /// What a view that is not sharp tells. (Where there is little room it makes do with the mean.)
    pub(crate) fn told_by(view: &View) -> Option<Self> {
        if !ROOM || view.is_sharp() {
            return None;
        }
        let mean = view.harmonic_mean();
        // The less it moves, the fewer digits does it cost.
        let depth = if view.first() > 1.0 { mean - view.u } else { view.lens.centre - view.first() * mean };
        // Not too small for what it may have lost.
        let depth = depth.max(4.0 * f64::EPSILON * mean);
        (depth < f64::INFINITY).then_some(Self { u: view.u, depth })
    }

    /// Looks from u about the best depth that is known, and where phi is near r and has lost digits once more, about a better one.
    pub(crate) fn look<E>(
        &mut self,
        r: f64,
        [u, mean]: [f64; 2],
        mut look: impl FnMut(f64) -> Result<View, E>,
    ) -> Result<View, E> {
        if !ROOM {
            return look(mean);
        }
        let mut again = false;
        loop {
            let view = look(self.depth(u, mean))?;
            *self = self.after(&view);
            if again || !view.is_blurred(r) {
                return Ok(view);
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

    fn view_of(samples: &[(f64, f64)], form: Form, u: f64, centre: f64) -> View {
        let mut view = View::new(u, Lens::new(u, centre), form, [0.0; 4], 1.0);
        for &(q, depth) in samples {
            view.add(q, depth);
        }
        view
    }

    fn is_near(value: f64, exact: f64, what: &str) {
        assert!((value - exact).abs() <= 1e-13 * exact.abs().max(0.05), "{what}: {value:e} instead of {exact:e}");
    }

    /// From any centre phi is `sum q log x + log sum q / x`.
    #[test]
    fn phi_from_any_centre() {
        let mean = sum(|depth| depth, &MASSES);
        for u in [1e-9, 1e-4, 0.03, 0.5, 20.0] {
            let exact = sum(|depth| log(u + depth), &MASSES) + log(sum(|depth| 1.0 / (u + depth), &MASSES));
            for centre in [mean, 0.9 * mean, 1.2 * mean, 0.01, 3.0] {
                for form in FORMS {
                    let view = view_of(&MASSES, form, u, centre);
                    let centre = Centre::UNKNOWN.after(&view).depth(u, centre);
                    is_near(view_of(&MASSES, form, u, centre).phi(), exact, "phi");
                }
            }
        }
    }

    /// From zero, about a mean of zero, c is something still.
    #[test]
    fn no_centre_is_zero() {
        let centre = Centre::UNKNOWN.depth(0.0, 0.0);
        assert!(centre > 0.0 && Lens::new(0.0, centre).rate.is_finite());
    }

    /// Where it is tiny as well, though the centre is not quite the mean: it is what is left of the first moments there.
    #[test]
    fn tiny_phi_keeps_its_digits() {
        let (u, mean) = (1e5, sum(|depth| depth, &MASSES));
        let [two, three, four] = [2, 3, 4].map(|k| sum(|depth| ((depth - mean) / (u + mean)).powi(k), &MASSES));
        let exact = 0.5 * two - 2.0 / 3.0 * three + 0.75 * four - 0.5 * two * two;
        for centre in [mean, mean * (1.0 + 1e-7), mean + 1e-3] {
            let error = (view_of(&MASSES, Form::Centred, u, centre).phi() / exact - 1.0).abs();
            assert!(error < 1e-14, "off by {error:e} from {centre}");
        }
    }

    /// What a view of a part of the distribution tells of it, in both forms.
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
                let view = view_of(part, form, u, centre);
                let [inverse, square, tilted] = view.inverse_moments(mass);
                is_near(inverse, sum(|depth| 1.0 / y(depth), part), "inverse");
                is_near(square, sum(|depth| shift / (y(depth) * y(depth)), part), "square");
                is_near(tilted, sum(|depth| shift * excess_at(depth) / (y(depth) * y(depth)), part), "tilted");
                is_near(view.nearness(mass, deep), sum(|depth| y(deep) / y(depth) - 1.0, part), "nearness");
                is_near(view.log_sum(), sum(|depth| log(y(depth)), part), "log");
            }
        }
    }
}
