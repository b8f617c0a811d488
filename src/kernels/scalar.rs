//! The passes in plain scalar code: the text that every other instruction set is tested against.

use super::{Chunk, Lens, Recipe};
use crate::depths::Depths;
use crate::math::log_minus_excess;
use crate::real::Real;
use crate::reduce::Partial;

impl<T: Real> Chunk<'_, T> {
    /// Calls `visit` with the loss and the mass of each unmasked sample.
    #[inline(always)]
    fn each(&self, mut visit: impl FnMut(T, f64)) {
        match self.base {
            None => self.losses.iter().for_each(|&loss| visit(loss, 1.0)),
            Some(base) => {
                for (&loss, &base) in self.losses.iter().zip(base) {
                    if base > T::ZERO {
                        visit(loss, base.to_f64() * self.mass_scale);
                    }
                }
            }
        }
    }
}

/// What may be wrong, and the range of the losses.
/// Maxima: the largest loss, minus the smallest, the largest base weight (nothing: all are one),
/// minus the position of the first bad base weight and of the first bad loss.
pub(crate) fn survey<T: Real>(chunk: Chunk<'_, T>, start: usize) -> Partial<0, 5> {
    let mut result = Partial::NOTHING;
    let [largest, minus_smallest, largest_base, bad_base, bad_loss] = &mut result.maxima;
    for (position, &loss) in chunk.losses.iter().enumerate() {
        let minus_position = -((start + position) as f64);
        if let Some(base) = chunk.base {
            let base = base[position];
            if !(base >= T::ZERO && base.is_finite()) {
                *bad_base = bad_base.max(minus_position);
            }
            if base == T::ZERO {
                continue;
            }
            *largest_base = largest_base.max(base.to_f64());
        }
        if loss.is_finite() {
            *largest = largest.max(loss.to_f64());
            *minus_smallest = minus_smallest.max(-loss.to_f64());
        } else {
            *bad_loss = bad_loss.max(minus_position);
        }
    }
    result
}

/// Sums: the mass of all samples, and of those at depth zero.
pub(crate) fn masses<T: Real>(chunk: Chunk<'_, T>, depths: Depths) -> Partial<2, 0> {
    let mut result = Partial::NOTHING;
    let [total, top] = &mut result.sums;
    chunk.each(|loss, mass| {
        *total += mass;
        *top += if depths.depth(loss.to_f64()) == 0.0 { mass } else { 0.0 };
    });
    result
}

/// The masses on the three sides of a threshold.
/// Sums: the mass of smaller losses and of equal ones; over the larger ones `sum b d`, `sum b d^2` and the two of
/// `sum b curves(d)`. Maxima: the largest smaller loss, minus the smallest larger loss.
pub(crate) fn split<T: Real>(
    chunk: Chunk<'_, T>,
    depths: Depths,
    threshold: T,
    curves: impl Fn(f64) -> [f64; 2],
) -> Partial<6, 2> {
    let mut result = Partial::NOTHING;
    let [below, tied, first, second, curved, inverse] = &mut result.sums;
    let [nearest_below, minus_nearest_above] = &mut result.maxima;
    chunk.each(|loss, mass| {
        if loss > threshold {
            let depth = depths.depth(loss.to_f64());
            *first += mass * depth;
            *second += mass * depth * depth;
            let curves = curves(depth);
            *curved += mass * curves[0];
            *inverse += mass * curves[1];
            *minus_nearest_above = minus_nearest_above.max(-loss.to_f64());
        } else if loss == threshold {
            *tied += mass;
        } else {
            *below += mass;
            *nearest_below = nearest_below.max(loss.to_f64());
        }
    });
    result
}

/// `sum b d` and `sum b d^2` over the losses above a threshold.
pub(crate) fn moments<T: Real>(chunk: Chunk<'_, T>, depths: Depths, threshold: T) -> Partial<2, 0> {
    let mut result = Partial::NOTHING;
    let [first, second] = &mut result.sums;
    chunk.each(|loss, mass| {
        if loss > threshold {
            let depth = depths.depth(loss.to_f64());
            *first += mass * depth;
            *second += mass * depth * depth;
        }
    });
    result
}

/// The sums that give phi and its slope, over the losses above the threshold:
/// `sum b (log y - e)`, `sum b e^2 / y`, `sum b (e / y)^2 u / c`; the fourth is left out.
pub(crate) fn root<T: Real>(chunk: Chunk<'_, T>, depths: Depths, threshold: T, lens: Lens) -> Partial<4, 0> {
    let mut result = Partial::NOTHING;
    let [log, first, second, _] = &mut result.sums;
    chunk.each(|loss, mass| {
        if loss > threshold {
            let depth = depths.depth(loss.to_f64());
            let (ratio, excess) = (lens.ratio(depth), lens.excess(depth));
            let tilt = excess / ratio;
            *log += mass * log_minus_excess(ratio, excess);
            *first += mass * excess * tilt;
            *second += mass * tilt * (tilt * lens.shift);
        }
    });
    result
}

/// Writes the weights. Sums: `sum p d`, `sum p^2`, the number of unmasked samples whose weight is zero.
pub(crate) fn write<T: Real>(chunk: Chunk<'_, T>, recipe: &Recipe<T>, output: &mut [T]) -> Partial<3, 0> {
    let mut result = Partial::NOTHING;
    let [depth_sum, square_sum, zeros] = &mut result.sums;
    for (position, (&loss, weight)) in chunk.losses.iter().zip(output).enumerate() {
        let mass = chunk.base.map_or(1.0, |base| base[position].to_f64() * chunk.mass_scale);
        if mass == 0.0 {
            *weight = T::ZERO;
            continue;
        }
        let depth = recipe.depths.depth(loss.to_f64());
        let exact = mass * recipe.coefficient(loss, depth);
        *weight = T::from_f64(exact);
        *depth_sum += exact * depth;
        *square_sum += exact * exact;
        *zeros += if *weight == T::ZERO { 1.0 } else { 0.0 };
    }
    result
}
