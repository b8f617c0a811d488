//! The two robust programs, solved through their one-dimensional duals. Reads like `docs/theory.md`: masses are b,
//! depths d, the dual location is `eta = w + u`, and `x = u + d`.

mod answer;
mod capped;
mod focus;
mod limit;
mod looks;
mod lost;
mod near;
mod overview;
mod scan;
mod search;
#[cfg(all(test, feature = "std", hrw_vector))] // where there is room
mod small;
mod window;
mod zoom;

use crate::depths::Depths;
use crate::kernels::{self, Chunk, Lens, Level, fast_moments, fast_rank, fast_root};
use crate::math::log;
use crate::model;
use crate::params::{Error, Ordering, Params};
use crate::pilot::{self, Pilot};
use crate::rank::Ranks;
use crate::real::Real;
use crate::reduce::{Data, Meeting, Partial};
use crate::root::{self, Root, Start};
use crate::sharded::ROOM;
use crate::trim::{self, Cut, Rule};
use crate::validate::Range;
use crate::view::{Centre, Form, View};
use crate::weights::Optimum;

pub(crate) use near::{Near, solve_near};
pub(crate) use search::solve_sharded;
use window::Window;

/// Solves a valid problem. `scratch`, if there is any, is as long as the data; what it holds afterwards is of no use.
pub(crate) fn solve<T: Real, R: Meeting>(
    data: &mut Data<'_, T, R>,
    range: &Range,
    params: &Params,
    scratch: Option<&mut [T]>,
) -> Result<Optimum<T>, Error> {
    solve_keeping(data, range, params, scratch, None)
}

/// The same; what may be of use to the next problem goes to `kept`.
fn solve_keeping<T: Real, R: Meeting>(
    data: &mut Data<'_, T, R>,
    range: &Range,
    params: &Params,
    scratch: Option<&mut [T]>,
    kept: Option<&mut Option<Near<T>>>,
) -> Result<Optimum<T>, Error> {
    if let (Some(level), Some(scratch), false) = (data.fast(), scratch, is_limit(range, params.alpha, params.r))
        && let Some(pilot) = pilot::fly(data, level, range, params, scratch)?
    {
        return Problem::guided(data, range, params, pilot).solve(data, kept);
    }
    // By reference: moved out of the result the problem would lie on the stack twice.
    match &Problem::new(data, range, params) {
        Ok(problem) => problem.solve(data, kept),
        Err(error) => Err(*error),
    }
}

/// Whether the answer needs no search: all losses are the worst loss, or everything moves to it.
fn is_limit(range: &Range, alpha: f64, r: f64) -> bool {
    range.depths.depth(range.smallest) == 0.0 || alpha == 1.0 || r == f64::INFINITY
}

/// A valid problem, its masses, and where its solution may be.
pub(crate) struct Problem<'a, T> {
    range: &'a Range,
    ordering: Ordering,
    /// Whether this is HR proper. Without a budget for one of the steps the two orderings have the same solution.
    caps: bool,
    alpha: f64,
    r: f64,
    /// The mass of all samples.
    total: f64,
    /// The mass of the samples at depth zero.
    top: f64,
    /// The mass that alpha allows to take.
    budget: f64,
    guide: Guide<'a, T>,
    /// A share of mass at depth zero that the data does not show: a sample misses the largest loss.
    unseen: f64,
}

/// What is known before the first full pass about where the solution is.
#[derive(Clone, Copy)]
enum Guide<'a, T> {
    Nothing,
    /// From a sample of the data.
    Pilot(Pilot<'a, T>),
    /// From sketches that all participants share.
    Window(Window<'a>),
    /// From the solution for another r.
    Near(&'a Near<T>),
}

impl<'a, T> Guide<'a, T> {
    fn pilot(&self) -> Option<&Pilot<'a, T>> {
        if let Self::Pilot(pilot) = self { Some(pilot) } else { None }
    }

    fn window(&self) -> Option<Window<'a>> {
        if let Self::Window(window) = self { Some(*window) } else { None }
    }

    /// About the mean depth that the KL step sees, and about log u.
    fn outline(&self) -> Option<(f64, f64)> {
        match self {
            Self::Nothing => None,
            Self::Pilot(pilot) => Some((pilot.mean, pilot.log_u)),
            Self::Window(window) => Some((window.mean, window.log_u)),
            Self::Near(near) => Some((near.mean, near.log_u)),
        }
    }
}

/// A cut and a root.
pub(crate) struct Solved<T> {
    pub(crate) cut: Cut<T>,
    pub(crate) root: Root,
    /// Where the r step began.
    pub(crate) outline: Outline,
}

/// Mean and variance of the depths that the KL step sees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outline {
    pub(crate) mean: f64,
    pub(crate) variance: f64,
}

impl<'a, T: Real> Problem<'a, T> {
    /// Takes one pass, over the masses.
    #[inline(never)] // as `Optimum::write`
    pub(crate) fn new<R: Meeting>(
        data: &mut Data<'_, T, R>,
        range: &'a Range,
        params: &Params,
    ) -> Result<Self, Error> {
        let top_from = T::from_f64(range.largest);
        let [total, top] = match data.fast() {
            Some(level) => {
                let [below, _] = data.pass(|chunk, _| fast_rank(level, chunk.losses, top_from))?.sums;
                [data.len(), data.len() - below]
            }
            None => data.pass(|chunk, _| kernels::masses(chunk, top_from))?.sums,
        };
        Ok(Self::of_masses(range, params, [total, top], Guide::Nothing))
    }

    /// After a pilot.
    fn guided<R: Meeting>(data: &Data<'_, T, R>, range: &'a Range, params: &Params, pilot: Pilot<'a, T>) -> Self {
        Self::of_masses(range, params, [data.len(), pilot.largest], Guide::Pilot(pilot))
    }

    fn of_masses(range: &'a Range, params: &Params, [total, largest]: [f64; 2], guide: Guide<'a, T>) -> Self {
        let Params { ordering, alpha, r, .. } = *params;
        let top = if range.depths.depth(range.largest) == 0.0 { largest } else { 0.0 };
        let caps = ordering == Ordering::Hr && alpha > 0.0 && r > 0.0;
        Self { range, ordering, caps, alpha, r, total, top, budget: alpha * total, guide, unseen: 0.0 }
    }

    /// With a share of mass at depth zero that the data does not show.
    pub(crate) fn with_unseen(self, unseen: f64) -> Self {
        Self { unseen, budget: self.budget * (1.0 + unseen), ..self }
    }

    fn solve<R: Meeting>(
        &self,
        data: &mut Data<'_, T, R>,
        kept: Option<&mut Option<Near<T>>>,
    ) -> Result<Optimum<T>, Error> {
        if self.range.depths.depth(self.range.smallest) == 0.0 {
            return Ok(self.all_equal());
        }
        if self.alpha == 1.0 || self.r == f64::INFINITY {
            return self.all_on_worst();
        }
        // By reference: moved out of the result the solution would lie on the stack twice.
        let result = self.cut_and_root(data);
        let solved = match &result {
            Ok(Some(solved)) if !self.reaches_worst(solved) => solved,
            Ok(_) => return self.all_on_worst(),
            Err(error) => return Err(*error),
        };
        if let Some(kept) = kept {
            *kept = Near::of(self, solved);
        }
        Ok(self.optimum(solved))
    }

    /// Whether HR's D is zero, which rounding may not tell before.
    #[inline(always)]
    fn reaches_worst(&self, solved: &Solved<T>) -> bool {
        self.caps && solved.cut.depth == 0.0
    }

    #[inline(always)]
    fn optimum(&self, solved: &Solved<T>) -> Optimum<T> {
        if self.caps { self.optimum_of_hr(solved) } else { self.optimum_of_hd(solved) }
    }

    /// The two steps; None if everything moves to the worst loss.
    pub(crate) fn cut_and_root<R: Meeting>(&self, data: &mut Data<'_, T, R>) -> Result<Option<Solved<T>>, Error> {
        if self.caps { self.solve_hr(data) } else { self.solve_hd(data) }
    }

    /// HD: trim alpha of the base mass from the deepest samples and give it to the worst loss; then the KL step.
    #[inline(never)]
    fn solve_hd<R: Meeting>(&self, data: &mut Data<'_, T, R>) -> Result<Option<Solved<T>>, Error> {
        let cut = self.cut_of_base(data)?;
        if self.alpha > 0.0 && cut.depth == 0.0 {
            return Ok(None);
        }
        let kept_ties = cut.keep * cut.tied / self.total;
        let (mut outline, start) = self.begin(data, &cut, kept_ties, self.alpha)?;
        if self.r == 0.0 {
            let root = Root::at_infinity(outline.mean);
            if self.ordering == Ordering::Hr {
                (outline, _) = self.begin(data, &cut, cut.capped() / self.total, 0.0)?;
            }
            return Ok(Some(Solved { cut, root, outline }));
        }
        // (Where there is little room there are no scans.)
        let window = if ROOM { self.window::<R>() } else { None };
        let mut centre = window.map_or(Centre::UNKNOWN, |window| window.centre.get());
        let known = window.map(|window| window.bounds.get().log_u);
        let bracket = known.as_ref().unwrap_or(&root::EVERYWHERE);
        let root = root::find(self.r, start, bracket, &mut |u, _| {
            centre.look(self.r, [u, outline.mean], |centre| {
                if let Some(window) = window {
                    window.spend_look(u)?;
                }
                let mut view = self.view(data, cut.threshold, u, centre)?;
                self.add_kept(&mut view, &cut);
                if let (Some(window), Some(too_large)) = (window, view.is_above(self.r)) {
                    window.note(u, &cut, &view, too_large);
                }
                Ok(view)
            })
        })?;
        Ok(Some(Solved { cut, root, outline }))
    }

    /// Adds what HD's cut leaves to a view of the samples above it, and what it moves to the worst loss.
    fn add_kept(&self, view: &mut View, cut: &Cut<T>) {
        view.add(cut.keep * cut.tied / self.total, cut.depth);
        view.add(self.alpha, 0.0);
    }

    /// The cut that takes alpha of the base mass.
    fn cut_of_base<R: Meeting>(&self, data: &mut Data<'_, T, R>) -> Result<Cut<T>, Error> {
        if self.alpha == 0.0 {
            return Ok(Cut::nothing());
        }
        match (data.fast(), &self.guide) {
            (_, Guide::Window(window)) if !R::ALONE => Ok(window.cut_of_base(self.range, self.budget)),
            (_, Guide::Near(near)) => Ok(near.cut),
            (Some(level), _) => {
                Ok(self.ranks().find(data, level, self.range, self.budget)?.cut(self.range, self.budget))
            }
            (None, _) => trim::locate(data, self.range, Rule::Base { budget: self.budget }, None),
        }
    }

    /// What several participants know of the losses around the threshold.
    fn window<R: Meeting>(&self) -> Option<Window<'a>> {
        if R::ALONE { None } else { self.guide.window() }
    }

    fn ranks(&self) -> Ranks<'a, T> {
        self.guide.pilot().map_or(Ranks::new(), |pilot| pilot.ranks)
    }

    /// What the KL step sees: the samples above the cut, this much mass at the cut's depth, and this much on the worst loss;
    /// and where to begin looking for u.
    fn begin<R: Meeting>(
        &self,
        data: &mut Data<'_, T, R>,
        cut: &Cut<T>,
        at_cut: f64,
        on_worst: f64,
    ) -> Result<(Outline, Start), Error> {
        let top = self.top_share() + on_worst;
        let will_do = self.is_plain() || (self.r > 0.0 && self.guide.window().is_some());
        if let (Some((mean, log_u)), true) = (self.guide.outline(), will_do) {
            // u is so well known there that a step that is not looked at can be short enough to be right to the last bit.
            let leap = if self.guide.window().is_some() { 0.01 } else { 1.0 };
            return Ok((Outline { mean, variance: f64::NAN }, Start { leap, ..Start::near(top, log_u) }));
        }
        let (depths, threshold) = (self.range.depths, cut.threshold);
        let above = match (cut.above, data.fast()) {
            (Some(above), _) => above,
            (None, Some(level)) => data.pass(|chunk, _| fast_moments(level, chunk.losses, depths, threshold))?.sums,
            (None, None) => data.pass(|chunk, _| kernels::moments(chunk, depths, threshold))?.sums,
        };
        let mut moments = above.map(|sum| sum / self.total);
        // Without mass the depth may be infinite.
        if at_cut > 0.0 {
            kernels::add_powers(&mut moments, at_cut, cut.depth);
        }
        let [mean, square, higher @ ..] = moments;
        let outline = Outline::new(mean, square);
        let model = |&third| model::guess(top, [mean, outline.variance, third], self.r);
        // Beside very little mass on the worst loss the moments may be those of another world: a window knows more.
        let window = self.guide.window().map(|window| window.log_u);
        let start = match window.or_else(|| higher.first().and_then(model).map(log)) {
            Some(log_u) => Start::near(top, log_u),
            None => Start::from_variance(top, outline.variance, self.r),
        };
        Ok((outline, start))
    }

    /// The form that root passes have.
    fn form(&self) -> Form {
        if self.is_plain() { Form::Plain } else { Form::Centred }
    }

    /// Whether phi is large enough for the fast root pass.
    fn is_plain(&self) -> bool {
        self.r >= plain_from(self.total)
    }

    /// The instruction set for the fast root pass, if it can be used with this lens.
    fn plain_level<R: Meeting>(&self, data: &Data<'_, T, R>, lens: Lens) -> Option<Level> {
        let moderate = self.is_plain() && lens.is_moderate(self.range.depths.depth(self.range.smallest));
        data.fast().filter(|_| moderate)
    }

    /// The pass over the samples above a threshold through this lens.
    fn root_pass<R: Meeting>(&self, data: &Data<'_, T, R>, threshold: T, lens: Lens) -> RootPass<T> {
        let text = match self.plain_level(data, lens) {
            Some(level) => RootText::Fast(level),
            // It is also the one that takes fewer passes.
            None if self.is_plain() => RootText::Plain,
            None => RootText::Centred,
        };
        RootPass { text, depths: self.range.depths, threshold, lens }
    }

    /// The samples above a threshold, seen from u, about a depth.
    fn view<R: Meeting>(&self, data: &mut Data<'_, T, R>, threshold: T, u: f64, centre: f64) -> Result<View, Error> {
        let lens = Lens::new(u, centre);
        let pass = self.root_pass(data, threshold, lens);
        let partial = data.pass(|chunk, _| pass.sums(chunk))?;
        let mut view = View::new(u, lens, self.form(), partial.sums, self.total);
        // Of a pilot, which only the vector passes have.
        if cfg!(hrw_vector) {
            view.add(self.unseen, 0.0);
        }
        Ok(view)
    }
}

/// Which text the root pass has.
#[derive(Clone, Copy)]
enum RootText {
    Fast(Level),
    Plain,
    Centred,
}

/// A root pass.
#[derive(Clone, Copy)]
struct RootPass<T> {
    text: RootText,
    depths: Depths,
    threshold: T,
    lens: Lens,
}

impl<T: Real> RootPass<T> {
    #[inline]
    fn sums(&self, chunk: Chunk<'_, T>) -> Partial<4, 0> {
        let Self { text, depths, threshold, lens } = *self;
        match text {
            RootText::Fast(level) => fast_root(level, chunk.losses, depths, threshold, lens),
            RootText::Plain => kernels::plain_root(chunk, depths, threshold, lens),
            RootText::Centred => kernels::root(chunk, depths, threshold, lens),
        }
    }
}

impl Outline {
    /// From the means of the depths and of their squares.
    fn new(mean: f64, square: f64) -> Self {
        let variance = square - mean * mean;
        // Below this the difference is noise.
        Self { mean, variance: if variance > 1e-12 * square { variance } else { 0.0 } }
    }

    /// `exp(L - r)` where r is zero: infinite unless all mass that the KL step sees is at one depth, and then that depth.
    fn d_r_at_zero(&self) -> f64 {
        if self.variance > 0.0 { f64::INFINITY } else { self.mean }
    }
}

/// From this r on, phi is not so small that its terms must be kept from cancelling: what they round by is less of it, and
/// the more samples of about the largest mass there are, the more the roundings average.
fn plain_from(total: f64) -> f64 {
    const FEW_SAMPLES: f64 = 32.0;
    if total <= FEW_SAMPLES { 1e-4 } else { 1e-6 }
}
