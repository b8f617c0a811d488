//! The passes in plain scalar code: the text that every other instruction set is tested against.

use super::{Chunk, Lens, MOMENTS, Recipe};
use crate::depths::Depths;
use crate::math::{developed, log};
use crate::real::Real;
use crate::reduce::Partial;

/// Samples that are added up one after another. The sums of such pieces are added up by blocks of pieces, so that rounding
/// stays small even where all samples are equal and it always goes the same way. (In pairs it would be smaller still, but
/// take a stack.)
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

impl<T: Real> Chunk<'_, T> {
    /// Parts of this many samples, the last one of what is left.
    fn parts(self, samples: usize) -> impl Iterator<Item = Self> {
        let mut bases = self.base.map(|base| base.chunks(samples));
        self.losses.chunks(samples).map(move |losses| {
            let base = bases.as_mut().and_then(Iterator::next);
            Self { losses, base, ..self }
        })
    }

    /// Calls `visit` with the loss and the mass of each unmasked sample.
    #[inline(always)]
    pub(super) fn each(&self, mut visit: impl FnMut(T, f64)) {
        match self.base {
            None => self.losses.iter().for_each(|&loss| visit(loss, self.mass_scale)),
            Some(base) => {
                for (&loss, &base) in self.losses.iter().zip(base) {
                    if base > T::ZERO {
                        visit(loss, self.mass(base));
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
    let mut bases = chunk.base.map(<[T]>::iter);
    for (position, &loss) in chunk.losses.iter().enumerate() {
        let minus_position = -((start + position) as f64);
        if let Some(&base) = bases.as_mut().and_then(Iterator::next) {
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

/// Sums: the mass of the losses below a threshold.
pub(crate) fn mass_below<T: Real>(chunk: Chunk<'_, T>, threshold: T) -> Partial<1, 0> {
    in_pieces(chunk, |chunk| {
        let mut result = Partial::NOTHING;
        let [below] = &mut result.sums;
        chunk.each(|loss, mass| *below += if loss < threshold { mass } else { 0.0 });
        result
    })
}

/// Maxima: minus the smallest loss above a threshold.
pub(crate) fn nearest_above<T: Real>(chunk: Chunk<'_, T>, threshold: T) -> Partial<0, 1> {
    let mut result = Partial::NOTHING;
    let [minus_nearest] = &mut result.maxima;
    chunk.each(|loss, _| {
        if loss > threshold {
            *minus_nearest = minus_nearest.max(-loss.to_f64());
        }
    });
    result
}

/// The masses on the three sides of a threshold.
/// Sums: the mass of smaller losses and of equal ones; over the larger ones the two of `sum b curves(d)` and those of
/// [`moments`]. Maxima: the largest smaller loss, minus the smallest larger loss.
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

/// The sums that give phi and its slope, over the losses above the threshold, for a view in centred form: of the logarithm and of
/// `1 / y`, the latter times `u / c`, what is left of them without the terms of first order; `sum b (z - 1)^2 u / c` with `z = 1 / y`;
/// those terms.
pub(crate) fn root<T: Real>(chunk: Chunk<'_, T>, depths: Depths, threshold: T, lens: Lens) -> Partial<4, 0> {
    each_above(chunk, depths, threshold, |sums, mass, depth| {
        let (ratio, excess) = (lens.ratio(depth), lens.excess(depth));
        let tilt = excess / ratio;
        let [log, inverse, linear] = developed(ratio, excess);
        sums[0] += mass * log;
        sums[1] += mass * (inverse * lens.unit());
        sums[2] += mass * tilt * (tilt * lens.shift);
        sums[3] += mass * linear;
    })
}

/// As `root`, for a view in plain form: `sum b log y`, `sum b (z - 1) u / c`, `sum b (z - 1)^2 u / c`, `sum b (z - 1)^3 (u / c)^2`.
pub(crate) fn plain_root<T: Real>(chunk: Chunk<'_, T>, depths: Depths, threshold: T, lens: Lens) -> Partial<4, 0> {
    each_above(chunk, depths, threshold, |sums, mass, depth| {
        let (ratio, excess) = (lens.ratio(depth), lens.excess(depth));
        let tilt = excess / ratio;
        let square = mass * tilt * (tilt * lens.shift);
        sums[0] += mass * log(ratio);
        sums[1] -= mass * (tilt * lens.unit());
        sums[2] += square;
        sums[3] -= square * (tilt * lens.shift);
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

/// Writes the weights. Sums: `sum p d`, `sum p^2`, the number of unmasked samples whose weight is zero.
pub(crate) fn write<T: Real>(chunk: Chunk<'_, T>, recipe: &Recipe<T>, output: &mut [T]) -> Partial<3, 0> {
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
            let depth = recipe.depths.depth(loss.to_f64());
            let exact = mass * recipe.coefficient(loss, depth);
            *weight = T::from_f64(exact);
            *depth_sum += exact * depth;
            *square_sum += exact * exact;
            *zeros += if *weight == T::ZERO { 1.0 } else { 0.0 };
        }
        result
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Neither a threshold itself nor what is masked is above it.
    #[test]
    fn the_next_loss() {
        let (losses, base) = ([2.0, 1.0, 2.0, 2.5, 3.0], [1.0, 1.0, 1.0, 0.0, 1.0]);
        let next = |threshold: f64, base| {
            -nearest_above(Chunk { losses: &losses, base, mass_scale: 1.0 }, threshold).maxima[0]
        };
        for (threshold, all, unmasked) in
            [(0.0, 1.0, 1.0), (1.0, 2.0, 2.0), (2.0, 2.5, 3.0), (3.0, f64::INFINITY, f64::INFINITY)]
        {
            assert_eq!((next(threshold, None), next(threshold, Some(&base[..]))), (all, unmasked));
        }
    }
}
