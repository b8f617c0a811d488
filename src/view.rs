//! A distribution of depths seen from one u: everything that phi, its derivatives and the dual need.

use crate::kernels::Lens;
use crate::math::{expm1, log, log_minus_excess, log1p};
use crate::sharded::ROOM;

/// With `x = u + d`, a centre c, `y = x / c`, `e = y - 1` and `z = 1 / y`; sums over the distribution q.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    pub(crate) u: f64,
    pub(crate) lens: Lens,
    form: Form,
    /// `L - log c`.
    log: f64,
    /// `sum q (z - 1)`, which is `c S1 - 1`.
    first: f64,
    /// `sum q (z - 1)^2 u / c`. (The factor keeps it finite for the smallest u.)
    second: f64,
    /// `sum q (z - 1)^3 (u / c)^2`; plain form only.
    third: f64,
    /// What phi's slope gains from a cut that moves with u.
    pub(crate) slope_of_cut: f64,
}

/// How the sums come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// c is the mean of x, so that `sum q e = 0`, and what is summed is `log y - e` and `e^2 z`: terms of second order, which
    /// keep their digits however small phi is.
    Centred,
    /// `log y` and `z - 1` as they stand, precise to rounding relative to one: enough while phi is not tiny, for any c.
    Plain,
}

impl View {
    /// From the sums of a root pass over samples of this total mass, in the form that the pass has.
    pub(crate) fn new(u: f64, lens: Lens, form: Form, sums: [f64; 4], total: f64) -> Self {
        let [log, first, second, third] = sums.map(|sum| sum / total);
        let first = first / lens.unit();
        Self { u, lens, form, log, first, second, third, slope_of_cut: 0.0 }
    }

    /// The view where r is zero: from infinity all depths look the same.
    pub(crate) fn from_infinity(mean: f64) -> Self {
        Self::new(f64::INFINITY, Lens { shift: 1.0, rate: 0.0, mean }, Form::Centred, [0.0; 4], 1.0)
    }

    /// Adds mass q at one depth.
    pub(crate) fn add(&mut self, q: f64, depth: f64) {
        if q > 0.0 {
            let (ratio, excess, shift) = (self.lens.ratio(depth), self.lens.excess(depth), self.lens.shift);
            // 1 - z, without cancellation.
            let tilt = excess / ratio;
            let (log, first) = match self.form {
                Form::Centred => (log_minus_excess(ratio, excess), excess * tilt),
                Form::Plain => (log(ratio), -tilt),
            };
            self.log += q * log;
            self.first += q * first;
            self.second += q * tilt * (tilt * shift);
            self.third -= q * tilt * (tilt * shift) * (tilt * shift);
        }
    }

    /// After all mass has been added: the centre was not the mean, `sum q e` is this. From here phi is right; what is linear in
    /// the sums is off by as much as the centre was.
    pub(crate) fn recentre(&mut self, off: f64) {
        if self.form == Form::Plain || off == 0.0 {
            return;
        }
        // phi = log + off + log1p(first - off).
        let tilt = self.first - off;
        if tilt.abs() < 0.5 {
            // What is added is of second order, and does not cancel.
            self.first = expm1(self.first + log_minus_excess(1.0 + tilt, tilt));
        } else {
            (self.log, self.first) = (self.log + off, tilt);
        }
    }

    /// phi(u), the Kullback-Leibler divergence that this u spends.
    pub(crate) fn phi(&self) -> f64 {
        self.log + log1p(self.first)
    }

    /// How far phi, which is given, may be off by rounding.
    pub(crate) fn rounding(&self, phi: f64) -> f64 {
        let size = self.log.abs() + (phi - self.log).abs();
        match self.form {
            Form::Plain => f64::EPSILON * (size + 0.5),
            // And the mean is off by rounding, which phi sees squared: that matters far from what training meets.
            Form::Centred if ROOM => {
                let mean = f64::EPSILON * self.lens.mean * self.lens.rate;
                f64::EPSILON * size + mean * mean
            }
            Form::Centred => f64::EPSILON * size,
        }
    }

    /// `d phi / d log u`: minus `u Var(z) / S1`, and the part of a moving cut.
    pub(crate) fn slope(&self) -> f64 {
        self.slope_of_cut - (self.second - self.lens.shift * self.first * self.first) / (1.0 + self.first)
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
        let (first, second, third) = (a * self.first, a * self.second, a * self.third);
        // Powers of a z = a + a (z - 1).
        [a + first, a * a + 2.0 * a * first + second, a * a * a + 3.0 * a * a * first + 3.0 * a * second + third]
    }

    /// `sum q z`, `sum q z^2 u / c` and `sum q e z^2 u / c` of a part of the distribution that has this mass and this
    /// `sum q e`, when the view holds that part alone.
    pub(crate) fn inverse_moments(&self, mass: f64, excess: f64) -> [f64; 3] {
        let shift = self.lens.shift;
        // sum q (1 - z)
        let tilt = match self.form {
            Form::Centred => excess - self.first,
            Form::Plain => -self.first,
        };
        [mass - tilt, shift * (mass - 2.0 * tilt) + self.second, shift * tilt - self.second]
    }

    /// `sum q (y_D z - 1)` over a part of the distribution as in [`View::inverse_moments`]: how much nearer it is than D.
    pub(crate) fn nearness(&self, mass: f64, excess: f64, depth: f64) -> f64 {
        let (ratio, excess_of_depth) = (self.lens.ratio(depth), self.lens.excess(depth));
        match self.form {
            Form::Centred => excess_of_depth * mass + ratio * (self.first - excess),
            Form::Plain => excess_of_depth * mass + ratio * self.first,
        }
    }

    /// `sum q log y` of a part of the distribution as in [`View::inverse_moments`].
    pub(crate) fn log_sum(&self, excess: f64) -> f64 {
        match self.form {
            Form::Centred => self.log + excess,
            Form::Plain => self.log,
        }
    }

    /// Which form its sums have.
    pub(crate) fn form(&self) -> Form {
        self.form
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
        let lens = Lens::new(u, self.lens.mean);
        match self.form {
            Form::Centred => Self {
                u,
                lens,
                log: self.log + centre * self.first,
                first: self.first - centre * self.first - growth * self.second,
                ..*self
            },
            Form::Plain => {
                // u^k sum q / x^k at the old u.
                let [one, two, three] = self.powers();
                let shift = self.lens.shift;
                let log = self.log + growth * one - 0.5 * growth * growth * two - log1p(centre);
                let inverse = (1.0 + centre) / shift * (one - growth * two + growth * growth * three);
                Self { u, lens, log, first: inverse - 1.0, ..*self }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Masses and depths.
    const MASSES: [(f64, f64); 5] = [(0.1, 0.0), (0.2, 0.05), (0.3, 0.4), (0.25, 0.8), (0.15, 1.0)];

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
                let mut view = view_of(&MASSES, Form::Centred, u, centre);
                view.recentre((mean - centre) / (u + centre));
                is_near(view.phi(), exact, "centred");
                let mut view = view_of(&MASSES, Form::Plain, u, centre);
                view.recentre((mean - centre) / (u + centre));
                is_near(view.phi(), exact, "plain");
            }
        }
    }

    /// Where it is tiny as well, though the centre is not quite the mean: it is what is left of the first moments there.
    #[test]
    fn tiny_phi_keeps_its_digits() {
        let (u, mean) = (1e5, sum(|depth| depth, &MASSES));
        let [two, three, four] = [2, 3, 4].map(|k| sum(|depth| ((depth - mean) / (u + mean)).powi(k), &MASSES));
        let exact = 0.5 * two - 2.0 / 3.0 * three + 0.75 * four - 0.5 * two * two;
        for centre in [mean, mean * (1.0 + 1e-7), mean + 1e-3] {
            let mut view = view_of(&MASSES, Form::Centred, u, centre);
            view.recentre((mean - centre) / (u + centre));
            let error = (view.phi() / exact - 1.0).abs();
            assert!(error < 1e-7 * (centre - mean).abs() + 1e-14, "off by {error:e} from {centre}");
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
            let (mass, excess) = (sum(|_| 1.0, part), sum(excess_at, part));
            for form in [Form::Centred, Form::Plain] {
                let view = view_of(part, form, u, centre);
                let [inverse, square, tilted] = view.inverse_moments(mass, excess);
                is_near(inverse, sum(|depth| 1.0 / y(depth), part), "inverse");
                is_near(square, sum(|depth| shift / (y(depth) * y(depth)), part), "square");
                is_near(tilted, sum(|depth| shift * excess_at(depth) / (y(depth) * y(depth)), part), "tilted");
                is_near(view.nearness(mass, excess, deep), sum(|depth| y(deep) / y(depth) - 1.0, part), "nearness");
                is_near(view.log_sum(excess), sum(|depth| log(y(depth)), part), "log");
            }
        }
    }
}
