//! For tests: a few samples, and what theory says of them, summed and bracketed as it stands.

use super::focus::Focus;
use super::window::{Known, Placed, Window};
use super::zoom::{HEAD, RUN};
use super::{Guide, Problem};
use crate::kernels::{Lens, PositionBins};
use crate::math::{exp, log};
use crate::params::{Error, Ordering, Params};
use crate::real::Real;
use crate::reduce::Data;
use crate::root::{EVERYWHERE, FLOOR, LOG_FLOOR};
use crate::sharded::{Log, SKETCH};
use crate::team::Team;
use crate::validate::Range;
use crate::view::View;

/// Losses and masses, in ascending order.
pub(super) const SAMPLES: [(f64, f64); 9] =
    [(4.0, 1.0), (5.5, 2.0), (6.0, 0.5), (7.5, 1.0), (8.0, 3.0), (9.0, 1.0), (9.25, 0.5), (9.75, 2.0), (10.0, 1.0)];
/// From the first to the last.
pub(super) const ALL: [f64; 2] = [4.0, 10.0];
/// A loss beside them.
pub(super) const BESIDE: f64 = 7.75;

/// [`SAMPLES`], and next to no mass between the fourth and the fifth.
pub(super) fn with_a_small_one() -> Vec<(f64, f64)> {
    [&SAMPLES[..4], &[(BESIDE, 1e-3)], &SAMPLES[4..]].concat()
}

/// Two neighbours in log u, of which the second is past something and the first is not.
pub(super) fn crossing(is_past: impl Fn(f64) -> bool) -> [f64; 2] {
    let [mut low, mut high] = EVERYWHERE;
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        *(if is_past(middle) { &mut high } else { &mut low }) = middle;
    }
    [low, high]
}

/// A problem of a few samples.
pub(super) struct Small {
    pub(super) samples: Vec<(f64, f64)>,
    pub(super) params: Params,
    pub(super) range: Range,
}

impl Small {
    pub(super) fn new(samples: &[(f64, f64)], params: Params) -> Self {
        let (smallest, largest) = (samples[0].0, samples[samples.len() - 1].0);
        let range = Range::new(largest, smallest, &params).expect("valid");
        Self { samples: samples.to_vec(), params, range }
    }

    pub(super) fn of(params: Params) -> Self {
        Self::new(&SAMPLES, params)
    }

    /// Problems of all kinds: their cut is at a sample for some u and between two for others, and their worst loss is that of a sample or
    /// is not.
    pub(super) fn all(ordering: Ordering) -> impl Iterator<Item = Self> {
        let budgets = [0.05, 0.2, 0.5].into_iter().flat_map(|alpha| [5e-5, 0.02, 0.4].map(|r| (alpha, r)));
        budgets.flat_map(move |(alpha, r)| {
            [None, Some(10.5)]
                .map(|worst_loss| Self::of(Params { alpha, r, ordering, worst_loss, ..Params::default() }))
        })
    }

    /// Those of both orderings.
    pub(super) fn every() -> impl Iterator<Item = Self> {
        [Ordering::Hd, Ordering::Hr].into_iter().flat_map(Self::all)
    }

    /// Those of both orderings whose u is not near its lower end.
    pub(super) fn both() -> impl Iterator<Item = Self> {
        Self::every().filter(|small| small.root() > -20.0)
    }

    /// The same with an r at which u is the solution.
    pub(super) fn solved_by(self, u: f64) -> Self {
        let r = self.phi(u);
        self.with_r(r)
    }

    pub(super) fn with_r(self, r: f64) -> Self {
        Self { params: Params { r, ..self.params }, ..self }
    }

    pub(super) fn problem(&self) -> Problem<'_, f64> {
        let top = self.mass(|loss| loss == self.range.largest);
        Problem::of_masses(&self.range, &self.params, [self.total(), top], Guide::Nothing)
    }

    pub(super) fn total(&self) -> f64 {
        self.mass(|_| true)
    }

    /// The mass of the samples with such losses.
    pub(super) fn mass(&self, of: impl Fn(f64) -> bool) -> f64 {
        self.samples.iter().filter(|&&(loss, _)| of(loss)).map(|&(_, mass)| mass).sum()
    }

    pub(super) fn depth(&self, loss: f64) -> f64 {
        self.range.depths.depth(loss)
    }

    /// `sum b f(d)`.
    pub(super) fn sum(&self, of: impl Fn(f64) -> f64) -> f64 {
        self.samples.iter().map(|&(loss, mass)| mass * of(self.depth(loss))).sum()
    }

    /// The same over the samples above a loss, of the depths.
    pub(super) fn sum_above(&self, loss: f64) -> f64 {
        self.samples.iter().filter(|&&(other, _)| other > loss).map(|&(other, mass)| mass * self.depth(other)).sum()
    }

    /// How much mass may be deeper than D at this u.
    pub(super) fn allowed(&self, u: f64, cap: f64) -> f64 {
        let Params { ordering, alpha, r, .. } = self.params;
        match ordering {
            Ordering::Hd => alpha * self.total(),
            Ordering::Hr if u < FLOOR => {
                let logs = self.sum(|depth| log((u + depth.min(cap)) / (u + cap))) / self.total();
                alpha * self.total() * exp(r - logs)
            }
            Ordering::Hr => alpha * self.sum(|depth| (u + cap) / (u + depth.min(cap))),
        }
    }

    /// D at this u.
    pub(super) fn cap(&self, u: f64) -> f64 {
        let (mut low, mut high) = (0.0, self.depth(self.range.smallest));
        loop {
            let cap = 0.5 * (low + high);
            if cap == low || cap == high {
                return high;
            }
            let deeper = self.mass(|loss| self.depth(loss) > cap);
            *(if deeper > self.allowed(u, cap) { &mut low } else { &mut high }) = cap;
        }
    }

    /// D where the budget is spent on base mass.
    pub(super) fn cap_of_base(&self) -> f64 {
        Self::new(&self.samples, Params { ordering: Ordering::Hd, ..self.params }).cap(1.0)
    }

    /// What the KL step sees, if the cut were at D: shares and depths.
    pub(super) fn seen(&self, cap: f64) -> Vec<(f64, f64)> {
        let Params { ordering, alpha, .. } = self.params;
        let mut left = alpha * self.total();
        let share = |mass: f64| mass / self.total();
        let mut seen = Vec::new();
        for &(loss, mass) in &self.samples {
            if ordering == Ordering::Hr {
                seen.push((share(mass), self.depth(loss).min(cap)));
            } else {
                let taken = mass.min(left);
                left -= taken;
                seen.push((share(mass - taken), self.depth(loss)));
            }
        }
        if ordering == Ordering::Hd {
            seen.push((alpha, 0.0));
        }
        seen
    }

    /// The divergence that this u spends, if the cut were at D.
    pub(super) fn phi_capped(&self, u: f64, cap: f64) -> f64 {
        let seen = self.seen(cap);
        let mean = |of: &dyn Fn(f64) -> f64| seen.iter().map(|&(share, depth)| share * of(depth)).sum::<f64>();
        // Seen from the harmonic mean of x, at which the sum of all z is one: phi is a sum of what is positive, however small.
        let depth_of_centre = mean(&|depth| depth / (u + depth)) / mean(&|depth| 1.0 / (u + depth));
        mean(&|depth| {
            let x = u + depth;
            let tilt = (depth_of_centre - depth) / x;
            if tilt.abs() < 1e-4 {
                tilt * tilt * (0.5 - tilt * (1.0 / 3.0 - tilt * (0.25 - tilt * 0.2)))
            } else if tilt < -0.5 {
                tilt + log(x / (u + depth_of_centre))
            } else {
                tilt - libm::log1p(tilt)
            }
        })
    }

    pub(super) fn phi(&self, u: f64) -> f64 {
        self.phi_capped(u, self.cap(u))
    }

    /// The mean depth that the KL step sees at this u.
    pub(super) fn mean(&self, u: f64) -> f64 {
        self.seen(self.cap(u)).iter().map(|&(share, depth)| share * depth).sum()
    }

    /// The solution, in log u.
    pub(super) fn root(&self) -> f64 {
        let [low, high] = crossing(|log_u| self.phi(exp(log_u)) <= self.params.r);
        0.5 * (low + high)
    }

    /// The u at which a search looks from this log u: without mass at depth zero it may be zero.
    pub(super) fn u_at(&self, log_u: f64) -> f64 {
        if log_u <= LOG_FLOOR && self.problem().on_worst() == 0.0 { 0.0 } else { exp(log_u) }
    }

    /// The samples above a loss, seen from u about the mean depth.
    pub(super) fn above(&self, loss: f64, u: f64) -> View {
        let mut view = View::new(u, Lens::new(u, self.mean(u)), self.problem().form(), [0.0; 4], 1.0);
        for &(other, mass) in self.samples.iter().filter(|&&(other, _)| other > loss) {
            view.add(mass / self.total(), self.depth(other));
        }
        view
    }

    /// A window from one loss to another, when rounds have come to this log u.
    pub(super) fn focus(&self, [low, high]: [f64; 2], log_u: f64) -> Focus {
        Focus {
            log_u,
            mean: self.mean(exp(log_u)),
            low,
            high,
            below: self.mass(|loss| loss < low),
            first_above: self.sum_above(high),
            ..Focus::at(low)
        }
    }

    /// The samples of a window as a sketch keeps them, and how many there are.
    pub(super) fn kept(&self, [low, high]: [f64; 2]) -> (Vec<f64>, usize) {
        let mut sketch = vec![0.0; HEAD + 2 * RUN];
        let inside = self.samples.iter().filter(|&&(loss, _)| loss >= low && loss <= high);
        let mut count = 0;
        for &(loss, mass) in inside {
            (sketch[HEAD + count], sketch[HEAD + RUN + count]) = (mass, loss);
            count += 1;
        }
        (sketch, count)
    }

    /// The same as a sketch of bins has them, each of which has room for one.
    pub(super) fn sketched(&self, [low, high]: [f64; 2], bins: PositionBins) -> Vec<f64> {
        let mut sketch = vec![0.0; SKETCH];
        let mut samples = self.samples.iter().filter(|&&(loss, _)| loss >= low && loss <= high).peekable();
        let mut last = low;
        for bin in 0..bins.count() {
            if let Some((loss, mass)) = samples.next_if(|&&(loss, _)| bins.bin::<f64>(loss.position()) == bin) {
                last = *loss;
                (sketch[HEAD + bin], sketch[HEAD + 3 * RUN + bin]) = (*mass, 1.0);
            }
            sketch[HEAD + RUN + bin] = last;
        }
        assert!(samples.next().is_none(), "two in one bin");
        sketch
    }

    /// Asks the problem about this window, as looks from u show it.
    pub(super) fn in_window<A>(
        &self,
        ends: [f64; 2],
        u: f64,
        ask: impl FnOnce(&Problem<'_, f64>, &Window<'_>, &View) -> A,
    ) -> A {
        let (focus, (sketch, count)) = (self.focus(ends, log(u)), self.kept(ends));
        let known = Known::of(&focus);
        ask(&self.problem(), &known.window(&focus, count, &sketch), &self.above(ends[1], u))
    }

    /// Where the cut is in this window, and all that is seen from u.
    pub(super) fn placed(&self, ends: [f64; 2], u: f64) -> Placed<f64> {
        self.in_window(ends, u, |problem, window, above| problem.place(window, above, problem.rule_at(u)))
    }

    /// Asks where nobody else has samples, again and again until all that was to be reduced has been; and how many calls that took.
    pub(super) fn alone<A>(
        &self,
        sketch: &mut [f64],
        mut ask: impl FnMut(&mut Data<'_, f64, &mut Log>, &mut [f64]) -> Result<A, Error>,
    ) -> (A, usize) {
        let (losses, masses): (Vec<f64>, Vec<f64>) = self.samples.iter().copied().unzip();
        let mut log = Log::new();
        loop {
            log.resume();
            let answer = ask(&mut Data::new(&losses, Some(&masses), Team::ALONE, &mut log), sketch);
            match answer {
                Ok(answer) => return (answer, log.calls()),
                Err(_) => assert!(log.is_pending(), "an error"),
            }
        }
    }
}
