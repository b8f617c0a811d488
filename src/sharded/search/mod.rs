//! The search of a sharded solve: the one-machine solver on a model of all samples, and what the
//! ranks are asked for where its solution needs a better one.
//!
//! ```text
//! until the cut of the model is at one loss, and the exact sums are known at its u:
//!     bins in the cell of the cut, and the sums at that u of all that is shallower
//! until the exact sums agree with the model:
//!     r and alpha of the model make up for what they differ by (defect correction)
//! ```
//!
//! Invariant: the cells hold all samples, so that the masses that the model cuts are exact however
//! wide its cells are. The answer is taken from exact sums: the model only says where.

mod cells;

pub(super) use cells::{Cells, Round};

use super::message::{BINS, HEAD};
use crate::kernels::{Bins, Scaling};
use crate::numbers::depths::{Depths, LEAST_DEPTH};
use crate::numbers::math::{exp, log, sqrt};
use crate::numbers::real::Real;
use crate::params::{Ordering, Params};
use crate::pass::{Data, Team};
use crate::solve::WarmStart;
use crate::solve::cut::Cut;
use crate::solve::divergence::DivergenceSums;
use crate::solve::optimum::Optimum;
use crate::solve::problem::{Problem, Solved};
use crate::solve::root::{FLOOR, Root};
use crate::validate::Range;

/// A divergence of r moves at most `sqrt(r / 2)` of the mass (Pinsker): below this that is 1e-14,
/// and u follows from the variance of the depths.
const TINY_R: f64 = 1e-28;

/// What all ranks know of a problem, and what they have been asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search {
    /// The problem on which all ranks have agreed, and the mass of all samples and of those at
    /// depth zero.
    params: Params,
    pub(super) range: Range,
    pub(super) mass_scale: f64,
    masses: [f64; 2],
    /// The bins of the current round, and of the cells that they divide the first, and the first
    /// beyond them.
    pub(super) bins: Bins,
    pub(super) divided: [usize; 2],
    /// The u at which sums are taken in this round, if they are, with the scaling, and the position
    /// of the loss above which they are taken.
    pub(super) about: Option<(f64, Scaling)>,
    pub(super) above: u64,
    /// The u about which bins over all losses were made.
    first_u: f64,
    /// What is added to the r of the model, and what its alpha is multiplied by; and what the last
    /// solution missed.
    defects: [f64; 2],
    miss: f64,
    /// The last solution, from where HR's begins.
    last: Option<WarmStart<f64>>,
}

/// What comes next.
pub(super) enum Next<T> {
    /// A round of bins.
    Bins,
    /// The ends of the last bins.
    Ends,
    Weights(Optimum<T>),
}

impl Search {
    /// Before anything is known.
    pub(super) const START: Self = Self {
        params: Params::DEFAULT,
        range: Range::OF_ZEROS,
        mass_scale: 0.0,
        masses: [0.0; 2],
        bins: Bins::none(Depths::OF_ZEROS),
        divided: [0; 2],
        about: None,
        above: 0,
        first_u: 0.0,
        defects: [0.0, 1.0],
        miss: f64::INFINITY,
        last: None,
    };

    /// Of a problem whose range is known: with the first bins.
    pub(super) fn of<T: Real>(params: &Params, range: Range, mass_scale: f64) -> Self {
        /// The first bins are narrow from about this u on, in units near the span: below where the u
        /// of most problems is. The larger r is the smaller that may be. A smaller one would make
        /// wider bins, a larger one would have HR's bins of many samples made twice.
        const FIRST_LOG_U: f64 = -13.0;
        const LARGE_R: f64 = 8.0;
        let mut search = Self { params: *params, range, mass_scale, ..Self::START };
        // Where r is tiny, mean and variance are to have their digits wherever the samples are.
        search.first_u = if search.is_tiny() { FLOOR } else { exp(FIRST_LOG_U - params.r.min(LARGE_R)) };
        let window = if params.alpha > 0.0 { search.all::<T>() } else { [1, 0] };
        search.bins = Bins::new::<T>(range.depths, search.first_u, search.all::<T>(), window, BINS);
        search
    }

    /// After the first round of bins: the masses.
    pub(super) fn note_masses(&mut self, cells: &Cells) {
        let is_top = |&cell: &usize| self.range.depths.depth(cells.ends(cell)[1]) == 0.0;
        let top = cells.all().take_while(is_top).count();
        self.masses = [cells.all(), 0..top].map(|cells_of| cells_of.rev().map(|cell| cells.mass(cell)).sum());
    }

    pub(super) fn problem<T: Real>(&self) -> Problem<'_, T> {
        let mut problem = Problem::of_masses(&self.range, &self.params, self.masses);
        problem.set_of_ranks();
        problem
    }

    /// The last round, with its sums.
    pub(super) fn round<'a>(&'a self, sums: &'a [f64]) -> Round<'a> {
        Round { bins: &self.bins, sums, depths: self.range.depths, are_counts: self.mass_scale == 0.0 }
    }

    /// The positions of the least and the largest loss.
    fn all<T: Real>(&self) -> [u64; 2] {
        [self.range.smallest, self.range.upper_end()].map(|loss| T::from_f64(loss).position())
    }

    fn is_tiny(&self) -> bool {
        self.params.r < TINY_R
    }

    /// alpha, but zero where no mass is left of it.
    fn alpha(&self) -> f64 {
        if self.params.alpha * self.masses[0] > 0.0 { self.params.alpha } else { 0.0 }
    }

    fn is_hr(&self) -> bool {
        self.params.ordering == Ordering::Hr && self.alpha() > 0.0 && self.params.r > 0.0
    }

    /// After a round: what comes next, given the cells and the sums that were taken about a u.
    pub(super) fn decide<T: Real>(&mut self, cells: &Cells, head: [f64; HEAD], may_ask_for_ends: bool) -> Next<T> {
        /// So often the model is corrected by the same sums, at most: each time it agrees to more
        /// digits.
        const CORRECTIONS: usize = 8;
        /// Where rounding decides, a miss of so many units is as good as a smaller one.
        const NOISE: f64 = 100.0;
        let are_samples = cells.all().all(|cell| cells.is_single(cell));
        if are_samples {
            // The atoms are the samples, and there is nothing to make up for.
            self.defects = Self::START.defects;
        }
        for left in (0..CORRECTIONS).rev() {
            let Some(solved) = self.solve(cells) else {
                if self.defects == Self::START.defects {
                    return Next::Weights(self.problem().limit());
                }
                // So much cannot be made up for.
                self.defects = Self::START.defects;
                continue;
            };
            // The cell of the threshold and, where the cut is between two losses, of the next one.
            let threshold = (self.alpha() > 0.0).then(|| cells.at(solved.cut.threshold));
            let next = threshold.filter(|_| solved.cut.is_between()).map(|_| cells.at(solved.cut.next));
            let wide = threshold.into_iter().chain(next).find(|&cell| !cells.is_single(cell));
            let is_coarse = self.is_coarse(&solved);
            if may_ask_for_ends && (is_coarse || wide.is_some_and(|cell| self.holds_few(cells, cell))) {
                return Next::Ends;
            }
            if wide.is_none() && self.is_tiny() {
                let root = self.closed_form(cells, &solved);
                return Next::Weights(self.optimum(Solved { root, ..solved }));
            }
            if are_samples {
                return Next::Weights(self.optimum(solved));
            }
            let sums = if wide.is_none() { self.exact(cells, head, &solved, threshold) } else { None };
            let Some(sums) = sums else {
                self.plan::<T>(cells, &solved, wide.or(threshold), is_coarse);
                return Next::Bins;
            };
            let (miss, exact) = self.correct(sums, solved);
            let stagnates = miss > 0.5 * self.miss;
            if miss <= 1.0 || (stagnates && miss < NOISE) {
                return Next::Weights(self.optimum(exact));
            }
            self.miss = if stagnates { f64::INFINITY } else { miss };
            if stagnates || left == 0 {
                self.plan::<T>(cells, &exact, self.widest(cells, exact.root.sums.u), false);
                return Next::Bins;
            }
        }
        // A faulty all-reduce alone leads here.
        Next::Weights(self.problem().untouched())
    }

    /// The solution of the model; none in the limits, for which masses alone count.
    fn solve(&mut self, cells: &Cells) -> Option<Solved<f64>> {
        let r = if self.is_tiny() { 0.0 } else { self.params.r };
        let params = Params { r, alpha: self.alpha(), ..self.params };
        let [losses, masses] = cells.atoms();
        // HD's would begin with its cut, which the cells have changed.
        let last = self.last.filter(|_| self.is_hr());
        let mut model = Problem::of_masses(&self.range, &params, self.masses);
        model.set_of_ranks();
        model.set_defects(self.defects, last);
        let solved = model.solution(&Data::new(losses, Some(masses), Team::ALONE));
        self.last = solved.as_ref().and_then(|solved| model.warm_start(solved));
        solved
    }

    fn optimum<T: Real>(&self, Solved { cut, root, moments }: Solved<f64>) -> Optimum<T> {
        if self.alpha() > 0.0 && cut.depth == 0.0 {
            return self.problem().limit();
        }
        let Cut { threshold, below, tied, keep, depth, next, .. } = cut;
        // Where nothing is cut the smallest loss is the next one.
        let next = if self.alpha() > 0.0 { next } else { self.range.smallest };
        let cut = Cut { threshold: T::from_f64(threshold), below, tied, keep, depth, next, above: None };
        self.problem::<T>().optimum(&Solved { cut, root, moments })
    }

    /// Whether the cells were made about a u that is much larger than that of the model: then they
    /// are wide beside it.
    fn is_coarse(&self, solved: &Solved<f64>) -> bool {
        let u = solved.root.sums.u;
        u < f64::INFINITY && self.first_u > 8.0 * (u + self.range.depths.depth(self.range.largest))
    }

    /// Whether a cell of the last round is likely to hold one loss, or two, so that its ends tell
    /// more than bins in it would.
    fn holds_few(&self, cells: &Cells, cell: usize) -> bool {
        /// If one of so many bins holds a sample, there are few losses or many ties.
        const RARE: usize = 16;
        let is_small = self.mass_scale > 0.0 || cells.mass(cell) <= 2.0;
        cells.fresh().contains(&cell) && (is_small || RARE * cells.fresh().len() <= self.bins.count())
    }

    /// The cell that may be off by most in sums at u.
    fn widest(&self, cells: &Cells, u: f64) -> Option<usize> {
        let error = |cell: usize| {
            let [shallow, deep] = cells.ends(cell).map(|loss| u + self.range.depths.depth(loss));
            let width = 1.0 - shallow / deep;
            cells.mass(cell) * (width * width) * (width * width)
        };
        cells.all().max_by(|&one, &other| error(one).total_cmp(&error(other)))
    }

    /// Plans the next round: bins in a cell, and sums about the u of the model; or bins over all
    /// losses, if the cells are too coarse.
    fn plan<T: Real>(&mut self, cells: &Cells, solved: &Solved<f64>, cell: Option<usize>, is_coarse: bool) {
        let depths = self.range.depths;
        let Root { sums: DivergenceSums { u, scaling, .. }, .. } = solved.root;
        let ends = |cell| {
            let [largest, least] = cells.ends(cell);
            [least, largest].map(|loss| T::from_f64(loss).position())
        };
        let window = cell.map_or([1, 0], ends);
        if is_coarse {
            // The u of a coarse model is too large: the next one is taken to be as much smaller.
            self.first_u = u * (u / self.first_u);
            self.defects = Self::START.defects;
            self.about = None;
            self.divided = [0, cells.all().end];
            self.bins = Bins::new::<T>(depths, self.first_u, self.all::<T>(), window, BINS);
        } else {
            // c is not to be zero.
            let centre = if u > 0.0 { scaling.centre } else { scaling.centre.max(LEAST_DEPTH) };
            self.about = (u < f64::INFINITY).then(|| (u, Scaling::new(u, centre)));
            self.above = if cell.is_some() { window[1] } else { T::BELOW_ALL.position() };
            self.divided = cell.map_or([0; 2], |cell| [cell, cell + 1]);
            self.bins = Bins::new::<T>(depths, u, window, window, BINS);
        }
    }

    /// The sums of all samples for a solution of the model with this cell at its threshold, if the
    /// last round tells them.
    fn exact(
        &self,
        cells: &Cells,
        head: [f64; HEAD],
        Solved { cut, root, .. }: &Solved<f64>,
        threshold: Option<usize>,
    ) -> Option<DivergenceSums> {
        let (u, scaling) = self.about?;
        let fresh = cells.fresh();
        // Without a cut there are no bins: the sums are those of all samples.
        if threshold.map_or(!fresh.is_empty(), |cell| !fresh.contains(&cell)) {
            return None;
        }
        let kept = fresh.start..threshold.unwrap_or(fresh.end);
        if !kept.clone().all(|cell| cells.is_single(cell)) {
            return None;
        }
        let total = self.masses[0];
        let mut sums = DivergenceSums::new(u, scaling, self.problem::<f64>().form(), head, total);
        for cell in kept {
            sums.add(cells.mass(cell) / total, self.range.depths.depth(cells.ends(cell)[0]));
        }
        if self.is_hr() {
            sums.add(cut.clipped() / total, cut.depth);
        } else {
            sums.add(cut.keep * cut.tied / total, cut.depth);
            sums.add(self.alpha(), 0.0);
        }
        if root.sums.u == u {
            return Some(sums);
        }
        let step = log(root.sums.u / u);
        (step.abs() <= sums.taylor_radius()).then(|| sums.taylor_shift(step))
    }

    /// Corrects the model by the exact sums for its solution. What that misses, in units of
    /// rounding, and the solution with these sums.
    fn correct(&mut self, sums: DivergenceSums, solved: Solved<f64>) -> (f64, Solved<f64>) {
        /// A mass that is cut and off by no more of its rounding is as good as any.
        const NOISE: f64 = 4.0;
        let Solved { mut cut, root, moments } = solved;
        let (r, total, phi) = (self.params.r, self.masses[0], sums.phi());
        let is_at_floor = root.unspent_kl > 0.0 && phi <= r;
        let [lack, unspent_kl] = if is_at_floor { [0.0, r - phi] } else { [r - phi, 0.0] };
        let mut miss = if lack == 0.0 { 0.0 } else { lack.abs() / sums.rounding(phi) };
        self.defects[0] = (self.defects[0] + lack).max(-0.5 * r);
        if self.is_hr() {
            let budget = self.alpha() * total;
            let allowed = if is_at_floor {
                budget * exp(r - (sums.log_sum() - log(sums.scaling.ratio(cut.depth))))
            } else {
                budget * (1.0 + sums.nearness(1.0, cut.depth))
            };
            let moved = cut.below + (1.0 - cut.keep) * cut.tied;
            miss = miss.max((moved - allowed).abs() / (NOISE * f64::EPSILON * total));
            let factor = allowed / moved;
            self.defects[1] *= if factor.is_nan() { 1.0 } else { factor.clamp(0.5, 2.0) };
            if !cut.is_between() {
                let keep = 1.0 + (cut.below - allowed) / cut.tied;
                // A cut at a loss keeps some of it; also where this is NaN.
                cut.keep = if keep > f64::MIN_POSITIVE { keep.min(1.0) } else { f64::MIN_POSITIVE };
            }
        }
        (miss, Solved { cut, root: Root { sums, unspent_kl, ..root }, moments })
    }

    /// The root for an r that hardly moves a weight, `u + mean = sqrt(variance / 2 r)`, from a
    /// solution for none. A variance that is too large would leave the weights nearer to those
    /// without a KL step, which are as good.
    fn closed_form(&self, cells: &Cells, solved: &Solved<f64>) -> Root {
        let r = self.params.r;
        if r == 0.0 {
            return solved.root;
        }
        let mean = self.moment_after_cut(cells, &solved.cut, |depth| depth);
        let deviation = sqrt(
            0.5 * self.moment_after_cut(cells, &solved.cut, |depth| {
                let from_mean = depth / mean - 1.0;
                from_mean * from_mean
            }),
        );
        let x = mean * (deviation / sqrt(r));
        let is_deep = self.range.depths.depth(self.range.largest) >= 0.5 * mean;
        if mean == 0.0 || x.is_nan() || x == f64::INFINITY || (x <= mean && !is_deep) {
            return Root::at_infinity(mean);
        }
        // Depths that are nearly the same leave a part of r unspent even where u is zero.
        let x = x.max(mean);
        let phi = (deviation * mean / x) * (deviation * mean / x);
        let sums = DivergenceSums::about_one(x - mean, Scaling::new(x - mean, mean), [phi, 2.0 * phi]);
        Root { sums, unspent_kl: if x > mean { 0.0 } else { r - phi }, ..solved.root }
    }

    /// The mean of a function of the depths that the KL step sees: what is cut goes to the worst
    /// loss, as in HD, or stays at the depth of the cut, as in HR.
    fn moment_after_cut(&self, cells: &Cells, cut: &Cut<f64>, of: impl Fn(f64) -> f64) -> f64 {
        let [losses, masses] = cells.atoms();
        let mut sum =
            if self.is_hr() { cut.clipped() * of(cut.depth) } else { self.alpha() * self.masses[0] * of(0.0) };
        for (&loss, &mass) in losses.iter().zip(masses) {
            let kept = match loss {
                _ if loss > cut.threshold => mass,
                _ if loss == cut.threshold && !self.is_hr() => mass * cut.keep,
                _ => 0.0,
            };
            sum += kept * of(self.range.depths.depth(loss));
        }
        sum / self.masses[0]
    }
}
