//! The passes in plain scalar code: the text that every other instruction set is tested against.

use super::chunk::{Chunk, MOMENTS, Partial};
use super::scaling::{Scaling, WeightFormula};
use crate::numbers::depths::Depths;
use crate::numbers::math::{developed, log};
use crate::numbers::real::Real;

/// Samples that are added up one after another. The sums of such pieces are added up by blocks of
/// pieces, so that rounding stays small even where all samples are equal and it always goes the
/// same way. (In pairs it would be smaller still, but take a stack.)
const PIECE: usize = 32;
const BLOCK: usize = 512;

/// Adds up what `kernel` makes of the pieces of a chunk.
fn in_pieces<T: Real, const SUMS: usize, const MAXIMA: usize>(
    chunk: Chunk<'_, T>,
    mut kernel: impl FnMut(Chunk<'_, T>) -> Partial<SUMS, MAXIMA>,
) -> Partial<SUMS, MAXIMA> {
    let mut total = Partial::NOTHING;
    for block in chunk.parts(BLOCK) {
        let mut sum = Partial::NOTHING;
        block.parts(PIECE).for_each(|piece| sum.join(&kernel(piece)));
        total.join(&sum);
    }
    total
}

/// What may be wrong, and the range of the losses.
/// Maxima: the largest loss, minus the smallest, the largest base weight (nothing: all are one),
/// minus the position of the first bad base weight and of the first bad loss.
pub(crate) fn survey<T: Real>(chunk: Chunk<'_, T>, start: usize) -> Partial<0, 5> {
    // Losses are compared in their own width: a microcontroller may have no instructions for `f64`.
    let (mut largest, mut smallest, mut largest_base) = (T::BELOW_ALL, T::ABOVE_ALL, T::BELOW_ALL);
    let [mut bad_base, mut bad_loss] = [None; 2];
    let mut bases = chunk.base.map(<[T]>::iter);
    for (position, &loss) in chunk.losses.iter().enumerate() {
        if let Some(&base) = bases.as_mut().and_then(Iterator::next) {
            if !(base >= T::ZERO && base.is_finite()) {
                bad_base = bad_base.or(Some(position));
            }
            if base == T::ZERO {
                continue;
            }
            largest_base = larger(base, largest_base);
        }
        if loss.is_finite() {
            largest = larger(loss, largest);
            smallest = if loss < smallest { loss } else { smallest };
        } else {
            bad_loss = bad_loss.or(Some(position));
        }
    }
    let minus = |position: Option<usize>| position.map_or(f64::NEG_INFINITY, |at| -((start + at) as f64));
    let maxima = [largest.to_f64(), -smallest.to_f64(), largest_base.to_f64(), minus(bad_base), minus(bad_loss)];
    Partial { sums: [], maxima }
}

/// NaN is never the larger one.
fn larger<T: Real>(value: T, than: T) -> T {
    if value > than { value } else { than }
}

/// Sums: the mass of all samples, and of those not below the top.
pub(crate) fn masses<T: Real>(chunk: Chunk<'_, T>, top_from: T) -> Partial<2, 0> {
    in_pieces(chunk, |chunk| {
        let mut result = Partial::NOTHING;
        let [total, top] = &mut result.sums;
        chunk.each(|loss, mass| {
            *total += mass;
            *top += if loss >= top_from { mass } else { 0.0 };
        });
        result
    })
}

/// The masses on the three sides of a threshold. Sums: the mass of smaller losses and of equal
/// ones; over the larger ones the two of `sum b curves(d)` and those of [`moments`]. Maxima: the
/// largest smaller loss, minus the smallest larger loss.
pub(crate) fn split<T: Real>(
    chunk: Chunk<'_, T>,
    depths: Depths,
    threshold: T,
    curves: impl Fn(f64) -> [f64; 2],
) -> Partial<{ 4 + MOMENTS }, 2> {
    in_pieces(chunk, |chunk| {
        let mut result = Partial::<{ 4 + MOMENTS }, 2>::NOTHING;
        let [below, tied, curved, inverse, moments @ ..] = &mut result.sums;
        let [nearest_below, minus_nearest_above] = &mut result.maxima;
        chunk.each(|loss, mass| {
            if loss > threshold {
                let depth = depths.depth(loss.to_f64());
                add_powers(moments, mass, depth);
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
    })
}

/// `sum b d`, `sum b d^2` and so on over the losses above a threshold.
pub(crate) fn moments<T: Real>(chunk: Chunk<'_, T>, depths: Depths, threshold: T) -> Partial<MOMENTS, 0> {
    in_pieces(chunk, |chunk| {
        let mut result = Partial::NOTHING;
        chunk.each(|loss, mass| {
            if loss > threshold {
                add_powers(&mut result.sums, mass, depths.depth(loss.to_f64()));
            }
        });
        result
    })
}

/// Adds mass at a depth to moments.
#[inline(always)]
pub(crate) fn add_powers(moments: &mut [f64; MOMENTS], mass: f64, depth: f64) {
    let mut term = mass;
    for moment in moments {
        term *= depth;
        *moment += term;
    }
}

/// The sums that give phi and its slope, over the losses above the threshold, in centred form
/// ([`developed`]): `sum b log y` and `sum b (1 / y - 1) u / c` without their terms of first order,
/// `sum b (z - 1)^2 u / c` with `z = 1 / y`, and the terms of first order.
pub(crate) fn root<T: Real>(chunk: Chunk<'_, T>, depths: Depths, threshold: T, scaling: Scaling) -> Partial<4, 0> {
    each_above(chunk, depths, threshold, |sums, mass, depth| {
        let (ratio, excess) = (scaling.ratio(depth), scaling.excess(depth));
        let tilt = excess / ratio;
        let [log, inverse, linear] = developed(ratio, excess);
        sums[0] += mass * log;
        sums[1] += mass * (inverse * scaling.unit());
        sums[2] += mass * tilt * (tilt * scaling.shift);
        sums[3] += mass * linear;
    })
}

/// The same in plain form: `sum b log y`, `sum b (z - 1) u / c`, `sum b (z - 1)^2 u / c`,
/// `sum b (z - 1)^3 (u / c)^2`.
pub(crate) fn plain_root<T: Real>(
    chunk: Chunk<'_, T>,
    depths: Depths,
    threshold: T,
    scaling: Scaling,
) -> Partial<4, 0> {
    each_above(chunk, depths, threshold, |sums, mass, depth| {
        let (ratio, excess) = (scaling.ratio(depth), scaling.excess(depth));
        let tilt = excess / ratio;
        let square = mass * tilt * (tilt * scaling.shift);
        sums[0] += mass * log(ratio);
        sums[1] -= mass * (tilt * scaling.unit());
        sums[2] += square;
        sums[3] -= square * (tilt * scaling.shift);
    })
}

/// Sums over the losses above a threshold, to which `add` adds what a mass at a depth gives.
#[inline(always)]
fn each_above<T: Real>(
    chunk: Chunk<'_, T>,
    depths: Depths,
    threshold: T,
    add: impl Fn(&mut [f64; 4], f64, f64),
) -> Partial<4, 0> {
    in_pieces(chunk, |chunk| {
        let mut result = Partial::NOTHING;
        chunk.each(|loss, mass| {
            if loss > threshold {
                add(&mut result.sums, mass, depths.depth(loss.to_f64()));
            }
        });
        result
    })
}

/// Writes the weights. Sums: `sum p d`, `sum p^2`, the number of unmasked samples whose weight is
/// zero.
pub(crate) fn write<T: Real>(chunk: Chunk<'_, T>, formula: &WeightFormula<T>, output: &mut [T]) -> Partial<3, 0> {
    let mut weights = output.iter_mut();
    in_pieces(chunk, |piece| {
        let mut result = Partial::NOTHING;
        let [depth_sum, square_sum, zeros] = &mut result.sums;
        let mut bases = piece.base.map(<[T]>::iter);
        for (&loss, weight) in piece.losses.iter().zip(&mut weights) {
            let mass = match bases.as_mut().and_then(Iterator::next) {
                None => piece.mass_scale,
                Some(&base) if base > T::ZERO => piece.mass(base),
                Some(_) => {
                    *weight = T::ZERO;
                    continue;
                }
            };
            let depth = formula.depths.depth(loss.to_f64());
            let exact = mass * formula.coefficient(loss, depth);
            *weight = T::from_f64(exact);
            *depth_sum += exact * depth;
            *square_sum += exact * exact;
            *zeros += if *weight == T::ZERO { 1.0 } else { 0.0 };
        }
        result
    })
}
