//! A valid problem: its masses, and the sums over its samples that both programs need.

use super::cut::Cut;
use super::divergence::{DivergenceSums, Form};
use super::guess::{InitialGuess, WarmStart, plain_from};
use super::powers::{Seen, Sums};
use super::rank::Ranks;
use super::root::{Root, Start};
use super::start::{self, Shallow};
use crate::kernels::{self, BLOCKS, Chunk, Level, Partial, Scaling, fast_moments, fast_rank, fast_root};
use crate::numbers::depths::Depths;
use crate::numbers::real::Real;
use crate::params::{Ordering, Params};
use crate::pass::Data;
use crate::validate::Range;

/// A valid problem, its masses, and where its solution may be.
pub(crate) struct Problem<'a, T> {
    pub(super) range: &'a Range,
    pub(super) ordering: Ordering,
    /// Whether this is HR proper. Without a budget for one of the steps the two orderings have the
    /// same solution, which is found as HD's.
    pub(super) is_hr: bool,
    pub(super) alpha: f64,
    pub(super) r: f64,
    /// The mass of all samples.
    pub(super) total: f64,
    /// The mass of the samples at depth zero.
    pub(super) top: f64,
    /// The mass that alpha allows to take.
    pub(super) budget: f64,
    pub(super) guess: InitialGuess<'a, T>,
    /// Depths of samples that are not in the data: the largest losses, which a subsample leaves out;
    /// and the share of each of them.
    hidden: &'a [f64],
    share_of_one: f64,
    /// That of the search for u: see [`Start`].
    unverified_share: f64,
    /// From this r on phi is large enough for the fast root pass.
    plain_from: f64,
}

/// A cut and a root.
pub(crate) struct Solved<T> {
    pub(crate) cut: Cut<T>,
    pub(crate) root: Root,
    /// Where the r step began.
    pub(crate) moments: Moments,
}

/// Mean and variance of the depths that the KL step sees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moments {
    pub(crate) mean: f64,
    pub(crate) variance: f64,
}

impl<'a, T: Real> Problem<'a, T> {
    /// Takes one pass, over the masses.
    pub(super) fn new(data: &Data<'_, T>, range: &'a Range, params: &Params) -> Self {
        let top_from = T::from_f64(range.largest);
        let masses = match data.fast() {
            Some(level) => {
                let [below, _] = data.pass(|chunk, _| fast_rank(level, chunk.losses, top_from)).sums;
                [data.len(), data.len() - below]
            }
            None => data.pass(|chunk, _| kernels::masses(chunk, top_from)).sums,
        };
        Self::of_masses(range, params, masses)
    }

    /// From the masses of all samples and of those with the largest loss.
    pub(crate) fn of_masses(range: &'a Range, params: &Params, [total, largest]: [f64; 2]) -> Self {
        let Params { ordering, alpha, r, .. } = *params;
        Self {
            range,
            ordering,
            is_hr: ordering == Ordering::Hr && alpha > 0.0 && r > 0.0,
            alpha,
            r,
            total,
            top: if range.depths.depth(range.largest) == 0.0 { largest } else { 0.0 },
            budget: alpha * total,
            guess: InitialGuess::Nothing,
            hidden: &[],
            share_of_one: 1.0 / total,
            unverified_share: 1.0,
            plain_from: plain_from(total),
        }
    }

    /// Of which u need only be known to some digits.
    pub(super) fn roughly(self) -> Self {
        /// With this the last step in log u may be a hundredth. Less would take more passes, more
        /// would be felt in the sums that are developed about u.
        const SHARE: f64 = 1e3;
        Self { unverified_share: SHARE, ..self }
    }

    pub(super) fn with_guess(self, guess: InitialGuess<'a, T>) -> Self {
        Self { guess, ..self }
    }

    /// With samples at these depths that are not in the data, each of which has this share.
    pub(super) fn with_hidden(self, hidden: &'a [f64], share_of_one: f64) -> Self {
        let mut problem = Self { hidden, share_of_one, ..self };
        problem.budget *= 1.0 + problem.hidden_share();
        problem
    }

    /// The share of what is not in the data, beside that of what is, which is one.
    pub(super) fn hidden_share(&self) -> f64 {
        self.hidden.len() as f64 * self.share_of_one
    }

    /// From now on sums are taken to be rounded like those of few samples: ranks add them up.
    pub(crate) fn set_of_ranks(&mut self) {
        self.plain_from = plain_from(1.0);
    }

    /// From now on r and the budget make up for what the data of a model lacks (defect correction),
    /// and the search is from the last solution of nearly the same problem.
    pub(crate) fn set_defects(&mut self, [r, budget]: [f64; 2], last: Option<WarmStart<T>>) {
        self.r += r;
        self.alpha *= budget;
        self.budget *= budget;
        self.guess = last.map_or(InitialGuess::Nothing, InitialGuess::WarmStart);
    }

    /// Whether the answer needs no search: all losses are the worst loss, or everything moves to
    /// it.
    pub(super) fn is_limit(range: &'a Range, params: &Params) -> bool {
        let problem = Self::of_masses(range, params, [1.0, 0.0]);
        problem.all_depths_are_zero() || problem.has_unlimited_budget()
    }

    /// Whether all losses are as good as the worst loss.
    pub(super) fn all_depths_are_zero(&self) -> bool {
        self.range.depths.depth(self.range.smallest) == 0.0
    }

    /// Whether everything may move to the worst loss.
    pub(super) fn has_unlimited_budget(&self) -> bool {
        self.alpha == 1.0 || self.r == f64::INFINITY
    }

    /// Whether HR's D is zero, which rounding may not tell before the search.
    pub(super) fn reaches_worst(&self, solved: &Solved<T>) -> bool {
        self.is_hr && solved.cut.depth == 0.0
    }

    /// The share of the samples at depth zero.
    pub(crate) fn top_share(&self) -> f64 {
        let hidden = self.hidden.iter().filter(|&&depth| depth == 0.0).count() as f64;
        self.top / self.total + hidden * self.share_of_one
    }

    /// What may be kept of a solution for another r.
    pub(crate) fn warm_start(&self, solved: &Solved<T>) -> Option<WarmStart<T>> {
        let (u, mean) = (solved.root.sums.u, solved.root.sums.scaling.centre);
        let is_sound = self.is_plain() && u > 0.0 && u < f64::INFINITY;
        is_sound.then_some(WarmStart {
            alpha: self.alpha,
            r: self.r,
            masses: [self.total, self.top],
            cut: solved.cut,
            mean,
            u,
        })
    }

    /// The moments of what the KL step sees, and where to begin looking for u. It sees the samples
    /// above the cut, this much mass at the cut's depth, and this much on the worst loss. Takes no
    /// pass if there is a guess.
    pub(super) fn start(&self, data: &Data<'_, T>, cut: &Cut<T>, at_cut: f64, on_worst: f64) -> (Moments, Start) {
        let top = self.top_share() + on_worst;
        if let (Some((mean, u)), true) = (self.guess.mean_and_u(), self.is_plain()) {
            let start = Start { unverified_share: self.unverified_share, ..Start::near(top, u) };
            return (Moments { mean, variance: f64::NAN }, start);
        }
        let (depths, threshold) = (self.range.depths, cut.threshold);
        let above = match (cut.above, data.fast()) {
            (Some(above), _) => above,
            (None, Some(level)) => {
                let look = |data: &Data<'_, T>| {
                    data.pass(|chunk, _| fast_moments(level, chunk.losses, depths, threshold)).sums
                };
                let outline = if let InitialGuess::Outline(outline) = &self.guess { Some(outline) } else { None };
                outline.and_then(|outline| outline.moments_above(threshold, look)).unwrap_or_else(|| look(data))
            }
            (None, None) => data.pass(|chunk, _| kernels::moments(chunk, depths, threshold)).sums,
        };
        let mut powers = above.map(|sum| sum / self.total);
        // Without mass the depth may be infinite.
        if at_cut > 0.0 {
            kernels::add_powers(&mut powers, at_cut, cut.depth);
        }
        for &depth in self.hidden {
            kernels::add_powers(&mut powers, self.share_of_one, depth);
        }
        let [mean, square, third] = powers;
        let moments = Moments::new(mean, square);
        // Mass on the worst loss makes u so large that the largest losses hardly count.
        let shallow =
            (on_worst == 0.0).then(|| Shallow::new(self.largest_depths(data, threshold), self.share_of_one));
        let powers = [1.0 + self.hidden_share() - top, mean, square, third];
        let start = match start::guess(top, shallow.as_ref(), powers, moments.variance, self.r) {
            Some([u, inverse_sum]) => Start { inverse_sum, ..Start::near(top, u) },
            None => Start::from_variance(top, moments.variance, self.r),
        };
        (moments, Start { unverified_share: self.unverified_share, ..start })
    }

    /// The depths of the largest losses that are known and above a threshold; zero for the others.
    fn largest_depths(&self, data: &Data<'_, T>, threshold: T) -> [f64; BLOCKS] {
        let mut largest = [0.0; BLOCKS];
        if self.hidden.is_empty() {
            for (to, &loss) in largest.iter_mut().zip(data.block_maxima()) {
                *to = if loss > threshold.to_f64() { self.range.depths.depth(loss) } else { 0.0 };
            }
        } else {
            for (to, &depth) in largest.iter_mut().zip(self.hidden) {
                *to = depth;
            }
        }
        largest
    }

    /// The form of the sums that give phi.
    pub(crate) fn form(&self) -> Form {
        if self.is_plain() { Form::Plain } else { Form::Centred }
    }

    /// Whether phi is large enough for the fast root pass.
    pub(super) fn is_plain(&self) -> bool {
        self.r >= self.plain_from
    }

    /// The instruction set for the fast root pass, if it can be used with this scaling.
    pub(super) fn plain_level(&self, data: &Data<'_, T>, scaling: Scaling) -> Option<Level> {
        let is_moderate = self.is_plain() && scaling.is_moderate(self.range.depths, self.range.smallest);
        data.fast().filter(|_| is_moderate)
    }

    /// The pass over the samples above a threshold through this scaling.
    pub(crate) fn root_pass(&self, data: &Data<'_, T>, threshold: T, scaling: Scaling) -> RootPass<T> {
        let kernel = match self.plain_level(data, scaling) {
            Some(level) => RootKernel::Fast(level),
            // The plain form is also the one that takes fewer passes.
            None if self.is_plain() => RootKernel::Plain,
            None => RootKernel::Centred,
        };
        RootPass { kernel, depths: self.range.depths, threshold, scaling }
    }

    /// What is known of the samples before the search, for fast passes.
    pub(super) fn seen(&self, data: &Data<'_, T>) -> Option<Seen<'a, T>> {
        let level = data.fast()?;
        let depths = self.range.depths;
        let deepest = depths.depth(self.range.smallest);
        // The threshold of HD stays where it is: in a small problem one pass over all samples sees
        // less than one over those above the window and one over those inside, and u is so large
        // that the samples at depth zero are like any others.
        let is_split = match self.guess {
            InitialGuess::Estimate(_) => true,
            InitialGuess::Outline(_) => self.is_hr,
            InitialGuess::Nothing | InitialGuess::WarmStart(_) => false,
        };
        let (ranks, top) = if is_split { (self.guess.ranks(), self.top) } else { (Ranks::new(), 0.0) };
        let problem = Sums { depths, deepest, r: self.r, total: self.total, top };
        let beyond = self.guess.estimate().and_then(|estimate| estimate.beyond);
        Some(Seen::new(level, problem, ranks, beyond))
    }

    /// The samples above a threshold, seen from u, about a depth, and what the program moves to the
    /// worst loss. Takes no pass where what has been seen tells it.
    pub(super) fn sums_above(
        &self,
        data: &Data<'_, T>,
        threshold: T,
        on_worst: f64,
        [u, centre]: [f64; 2],
        seen: &mut Option<Seen<'_, T>>,
    ) -> DivergenceSums {
        let scaling = Scaling::new(u, centre);
        let is_deep = threshold < T::from_f64(self.range.largest);
        let mut at_zero = on_worst;
        let mut sums = match seen {
            Some(seen) if is_deep && self.plain_level(data, scaling).is_some() => {
                let (sums, top) = seen.above(data, threshold, [u, centre]);
                at_zero += top / self.total;
                sums
            }
            _ => {
                let pass = self.root_pass(data, threshold, scaling);
                let totals = data.pass(|chunk, _| pass.sums(chunk)).sums;
                DivergenceSums::new(u, scaling, self.form(), totals, self.total)
            }
        };
        sums.add(at_zero, 0.0);
        for &depth in self.hidden {
            sums.add(self.share_of_one, depth);
        }
        sums
    }
}

impl Moments {
    /// From the means of the depths and of their squares.
    fn new(mean: f64, square: f64) -> Self {
        /// Relative to the mean square: below this the difference is noise.
        const NOISE: f64 = 1e-12;
        let variance = square - mean * mean;
        Self { mean, variance: if variance > NOISE * square { variance } else { 0.0 } }
    }
}

/// Which kernel makes a root pass.
#[derive(Clone, Copy)]
enum RootKernel {
    Fast(Level),
    Plain,
    Centred,
}

/// A root pass: the kernel, and the numbers that it is given.
#[derive(Clone, Copy)]
pub(crate) struct RootPass<T> {
    kernel: RootKernel,
    depths: Depths,
    threshold: T,
    scaling: Scaling,
}

impl<T: Real> RootPass<T> {
    /// The sums over a chunk.
    #[inline]
    pub(crate) fn sums(&self, chunk: Chunk<'_, T>) -> Partial<4, 0> {
        let Self { kernel, depths, threshold, scaling } = *self;
        match kernel {
            RootKernel::Fast(level) => {
                let [log, first, second, third, ..] = fast_root(level, chunk.losses, depths, threshold, scaling).sums;
                let shift = scaling.shift;
                Partial { sums: [log, first * shift, second * shift, third * shift * shift], maxima: [] }
            }
            RootKernel::Plain => kernels::plain_root(chunk, depths, threshold, scaling),
            RootKernel::Centred => kernels::root(chunk, depths, threshold, scaling),
        }
    }
}
