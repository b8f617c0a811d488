//! HD: trim alpha of the base mass from the deepest samples and give it to the worst loss; then the
//! KL step.

use super::cut::{self, Cut, Rule};
use super::divergence::Expansion;
use super::guess::InitialGuess;
use super::powers::Seen;
use super::problem::{Problem, Solved};
use super::root::{Next, Root, Search};
use crate::numbers::real::Real;
use crate::params::Ordering;
use crate::pass::Data;

impl<T: Real> Problem<'_, T> {
    /// None if everything moves to the worst loss. Also the solution of HR where one of the budgets
    /// is zero.
    pub(super) fn solve_hd(&self, data: &Data<'_, T>) -> Option<Solved<T>> {
        let mut seen = self.seen(data);
        let cut = self.cut_of_base(data, self.budget, &mut seen);
        if self.alpha > 0.0 && cut.depth == 0.0 {
            return None;
        }
        let kept_ties = cut.keep * cut.tied / self.total;
        let (mut moments, start) = self.start(data, &cut, kept_ties, self.alpha);
        if self.r == 0.0 {
            let root = Root::at_infinity(moments.mean);
            if self.ordering == Ordering::Hr {
                (moments, _) = self.start(data, &cut, cut.clipped() / self.total, 0.0);
            }
            return Some(Solved { cut, root, moments });
        }
        let mut centre = Expansion::UNKNOWN;
        let mut search = Search::new(self.r, start);
        loop {
            let u = search.u();
            let sums = centre.look(self.r, [u, moments.mean], |centre| {
                let mut sums = self.sums_above(data, cut.threshold, self.alpha, [u, centre], &mut seen);
                sums.add(kept_ties, cut.depth);
                sums
            });
            if let Next::Done(root) = search.absorb(sums) {
                return Some(Solved { cut, root, moments });
            }
        }
    }

    /// The cut that takes so much of the base mass: with HD what alpha allows, with HR a guess.
    pub(super) fn cut_of_base(&self, data: &Data<'_, T>, taken: f64, seen: &mut Option<Seen<'_, T>>) -> Cut<T> {
        if self.alpha == 0.0 {
            return Cut::nothing();
        }
        match (data.fast(), &self.guess) {
            (_, InitialGuess::WarmStart(near)) => near.cut,
            (Some(level), guess) => {
                let ranked = guess.ranks().find(data, level, self.range, taken);
                if let Some(seen) = seen {
                    seen.spacing = ranked.spacing;
                }
                ranked.cut(self.range, taken)
            }
            (None, _) => cut::locate(data, self.range, Rule::Base { budget: taken }, None),
        }
    }
}
