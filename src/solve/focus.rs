//! What the rounds of a sharded solve have shown so far: where the threshold and u are.

use super::window::{Bounds, Side};
use super::zoom::RUN;
use crate::depths::Depths;
use crate::kernels::PositionBins;
use crate::math::exp;
use crate::real::Real;
use crate::reduce::count;
use crate::root::{LOG_FLOOR, Place};
use crate::validate::Range;
use crate::view::Centre;

/// What the rounds so far have shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Focus {
    pub(super) stage: Stage,
    pub(super) log_u: f64,
    /// What is certain.
    pub(super) bounds: Bounds,
    /// Where u was before, if it has moved.
    pub(super) before: Option<Place>,
    /// Where log u is, as far as bins told in a round of many looks; else NaN.
    pub(super) bracket: [f64; 2],
    /// The mean depth that the KL step sees, and a better centre.
    pub(super) mean: f64,
    pub(super) centre: Centre,
    /// The ends of the window that the threshold is in, the mass of the samples below, and `sum b d` of those above.
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) below: f64,
    pub(super) first_above: f64,
    /// In how many windows in a row the threshold turned out not to be, or not for certain.
    pub(super) misses: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The window must become smaller.
    Open,
    /// It seems that the samples in each bin have the same loss: that must be seen.
    Tied,
    /// All losses in the window are known; so many different ones.
    Known(usize),
}

impl Focus {
    /// Nothing is known: a window of one loss.
    pub(super) fn at(loss: f64) -> Self {
        Self {
            stage: Stage::Open,
            log_u: LOG_FLOOR,
            bounds: Bounds::none(),
            before: None,
            bracket: [f64::NAN; 2],
            mean: 0.0,
            centre: Centre::UNKNOWN,
            low: loss,
            high: loss,
            below: 0.0,
            first_above: 0.0,
            misses: 0.0,
        }
    }

    pub(super) fn as_numbers(self) -> [f64; 18] {
        let Self { stage, log_u, bounds, before, bracket, mean, centre, low, high, below, first_above, misses } =
            self;
        let stage = match stage {
            Stage::Open => -1.0,
            Stage::Tied => -2.0,
            Stage::Known(count) => count as f64,
        };
        let before = before.unwrap_or(Place { log_u: f64::NAN, lack: f64::NAN });
        let mut numbers = [0.0; 18];
        let (certain, others) = numbers.split_at_mut(4);
        certain.copy_from_slice(&bounds.as_numbers());
        others.copy_from_slice(&[
            stage,
            log_u,
            before.log_u,
            before.lack,
            bracket[0],
            bracket[1],
            mean,
            centre.u,
            centre.depth,
            low,
            high,
            below,
            first_above,
            misses,
        ]);
        numbers
    }

    pub(super) fn of_numbers([least, most, deepest, shallowest, others @ ..]: [f64; 18]) -> Self {
        let [
            stage,
            log_u,
            log_u_before,
            lack,
            least_u,
            most_u,
            mean,
            centre_u,
            centre,
            low,
            high,
            below,
            first_above,
            misses,
        ] = others;
        let bounds = Bounds::of_numbers([least, most, deepest, shallowest]);
        let before = (!lack.is_nan()).then_some(Place { log_u: log_u_before, lack });
        let stage = match stage {
            -1.0 => Stage::Open,
            -2.0 => Stage::Tied,
            known => Stage::Known(count(known)),
        };
        let centre = Centre { u: centre_u, depth: centre };
        Self {
            stage,
            log_u,
            bounds,
            before,
            bracket: [least_u, most_u],
            mean,
            centre,
            low,
            high,
            below,
            first_above,
            misses,
        }
    }

    /// How many different losses in the window are known.
    pub(super) fn known_losses(&self) -> usize {
        if let Stage::Known(count) = self.stage { count } else { 0 }
    }

    /// How many times as deep the next window goes, or as shallow.
    fn farther(&self) -> f64 {
        exp(0.25 * exp(2.0 * self.misses))
    }

    /// A window beside the last one. They share a value: where a sample ends the last one, the cut may come to lie at it again.
    pub(super) fn beside<T: Real>(self, side: Side, range: &Range, highest: f64) -> Self {
        let farther = self.farther();
        let depths = range.depths;
        let loss = |depth: f64| depths.loss(depth).max(range.smallest).min(highest);
        let [deepest, shallowest] = self.bounds.cut;
        // No farther than is certain.
        let (low, high) = match side {
            Side::Deeper => (loss(depths.depth(self.low) * farther).max(deepest.min(self.low)), self.low),
            Side::Shallower | Side::Inside => {
                (self.high, loss(depths.depth(self.high) / farther).min(shallowest.max(self.high)))
            }
        };
        // Where that is so on both sides, all of it: the cut will not be lost again.
        let both = deepest.is_finite() && shallowest.is_finite() && deepest <= shallowest;
        let (low, high) = if both { (deepest, shallowest) } else { (low, high) };
        let [low, high] = [low.min(high), high].map(|loss| T::from_f64(loss).to_f64());
        Self { stage: Stage::Open, low, high, misses: self.misses + 1.0, ..self }
    }

    /// A window between two positions that goes farther on the sides where the threshold may be beyond it, but no farther than is
    /// certain. The last one was so wide.
    pub(super) fn beyond<T: Real>(
        &self,
        sides: [bool; 2],
        width: u64,
        [low, high]: [u64; 2],
        range: &Range,
        highest: f64,
    ) -> [u64; 2] {
        const WIDTHS: u64 = 32;
        let (depths, far, farther) = (range.depths, WIDTHS.saturating_mul(width), self.farther());
        let position = |loss: f64| T::from_f64(loss.max(range.smallest).min(highest)).position();
        let depth = |position: u64| depths.depth(T::at_position(position).to_f64());
        let deeper = || position(depths.loss(depth(low) * farther)).min(low.saturating_sub(far));
        let shallower = || position(depths.loss(depth(high) / farther)).max(high.saturating_add(far));
        let [deepest, shallowest] = self.bounds.cut.map(position);
        [
            if sides[0] { deeper().max(deepest.min(low)) } else { low },
            if sides[1] { shallower().min(shallowest.max(high)) } else { high },
        ]
    }

    /// The bins of its sketch.
    pub(super) fn bins<T: Real>(&self, depths: Depths) -> PositionBins {
        PositionBins::new::<T>([self.low, self.high].map(|loss| T::from_f64(loss).position()), depths, RUN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a participant tells itself between two steps is what it knew.
    #[test]
    fn numbers_and_back() {
        let bounds = Bounds { log_u: [-3.0, 4.0], cut: [-1.0, 2.0] };
        for stage in [Stage::Open, Stage::Tied, Stage::Known(0), Stage::Known(7)] {
            for before in [None, Some(Place { log_u: 5.0, lack: -6.0 })] {
                let focus = Focus {
                    stage,
                    log_u: 0.5,
                    bounds,
                    before,
                    bracket: [-0.5, 0.75],
                    mean: 8.0,
                    centre: Centre { u: 9.0, depth: 10.0 },
                    low: -11.0,
                    high: 12.0,
                    below: 13.0,
                    first_above: 14.0,
                    misses: 2.0,
                };
                let numbers = focus.as_numbers();
                let told = Focus::of_numbers(numbers);
                assert_eq!(format!("{told:?}"), format!("{focus:?}"));
                assert_eq!(told.known_losses(), if stage == Stage::Known(7) { 7 } else { 0 });
            }
        }
    }

    fn focus(low: f64, high: f64, cut: [f64; 2], misses: f64) -> Focus {
        let bounds = Bounds { cut, ..Bounds::none() };
        Focus { stage: Stage::Tied, bounds, low, high, misses, ..Focus::at(low) }
    }

    /// The depths of losses between 0 and 1024.
    fn range() -> Range {
        let depths = Depths::new(1024.0, 0.0);
        Range { worst: 1024.0, worst_is_given: false, largest: 1024.0, smallest: 0.0, depths }
    }

    /// The next window shares an end with the last one, goes some times as deep or as shallow, and after each miss farther; but not
    /// beyond what is certain, all of which it takes where that is known on both sides.
    #[test]
    fn windows_beside() {
        const OPEN: [f64; 2] = [f64::NEG_INFINITY, f64::INFINITY];
        let ends = |focus: Focus, side: Side| {
            let next = focus.beside::<f64>(side, &range(), 1024.0);
            assert_eq!((next.stage, next.misses), (Stage::Open, focus.misses + 1.0));
            [next.low, next.high]
        };
        let farther = |misses: f64| libm::exp(0.25 * libm::exp(2.0 * misses));
        let is_near = |value: f64, exact: f64| assert!((value - exact).abs() <= 1e-9, "{value} instead of {exact}");
        for misses in [0.0, 1.0] {
            let [low, high] = ends(focus(1000.0, 1008.0, OPEN, misses), Side::Deeper);
            is_near(low, 1024.0 - 24.0 * farther(misses));
            is_near(high, 1000.0);
            let [low, high] = ends(focus(1000.0, 1008.0, OPEN, misses), Side::Shallower);
            is_near(low, 1008.0);
            is_near(high, 1024.0 - 16.0 / farther(misses));
        }
        assert_eq!(ends(focus(1000.0, 1008.0, OPEN, 3.0), Side::Deeper), [0.0, 1000.0]);
        assert_eq!(ends(focus(1000.0, 1008.0, [999.5, f64::INFINITY], 0.0), Side::Deeper), [999.5, 1000.0]);
        assert_eq!(ends(focus(1000.0, 1008.0, [f64::NEG_INFINITY, 1008.5], 0.0), Side::Shallower), [1008.0, 1008.5]);
        for side in [Side::Deeper, Side::Shallower] {
            assert_eq!(ends(focus(1000.0, 1008.0, [500.0, 1010.0], 0.0), side), [500.0, 1010.0]);
        }
    }

    /// A window goes farther on the sides where it must, at least some of its widths, but not beyond what is certain.
    #[test]
    fn windows_beyond() {
        let position = |loss: f64| f64::from_f64(loss).position();
        let (low, high) = (position(1000.0), position(1008.0));
        let ends = |sides: [bool; 2], width: u64, cut: [f64; 2]| {
            focus(0.0, 0.0, cut, 0.0).beyond::<f64>(sides, width, [low, high], &range(), 1024.0)
        };
        let open = [f64::NEG_INFINITY, f64::INFINITY];
        assert_eq!(ends([false, false], 9, open), [low, high]);
        let [deeper, same] = ends([true, false], 9, open);
        assert!(deeper < position(1000.0 - 1.0) && same == high, "{deeper} {same}");
        let [same, shallower] = ends([false, true], 9, open);
        assert!(
            same == low && shallower > position(1008.0 + 1.0) && shallower < position(1024.0),
            "{same} {shallower}"
        );
        let width = (high - low) / 8;
        assert_eq!(ends([true, false], width, open), [low - 32 * width, high]);
        assert_eq!(ends([false, true], width / 4, open), [low, high + 32 * (width / 4)]);
        assert_eq!(ends([true, true], u64::MAX, open), [position(0.0), position(1024.0)]);
        assert_eq!(ends([true, true], 9, [999.5, 1008.5]), [position(999.5), position(1008.5)]);
    }
}
