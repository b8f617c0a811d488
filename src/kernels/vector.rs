//! The passes over samples of equal mass, written once for every instruction set. Each is an
//! accumulator that takes groups of samples; the last group is filled up with values that count for
//! nothing. Those of the root search are in `look`.

use super::chunk::{BLOCKS, MOMENTS, Partial, SURVEY_MAXIMA};
use super::groups::{BLOCK, GROUP, Native, Pass, by_blocks, padded, run, settle};
use super::scaling::WeightFormula;
use crate::numbers::depths::{Depths, LEAST_DEPTH};
use crate::numbers::lanes::{Doubles, Isa, Vector};
use crate::numbers::real::Real;

/// Makes the entries of an instruction set: the vector passes compiled with its features.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! entries {
    ($isa:ty, $features:literal) => {
        entries! { $isa, $features:
            vector::survey(losses: &[T]) -> Partial<0, { SURVEY_MAXIMA }>;
            vector::rank(losses: &[T], threshold: T) -> Partial<2, 2>;
            vector::moments(losses: &[T], depths: Depths, threshold: T) -> Partial<{ MOMENTS }, 0>;
            look::root(losses: &[T], depths: Depths, threshold: T, scaling: Scaling) -> Partial<{ ROOT_SUMS }, 0>;
            look::look(losses: &[T], bounds: [T; 3], depths: Depths, scaling: Scaling, to: &mut [T])
                -> Partial<{ LOOK_SUMS }, 0>;
            look::outline(losses: &[T], bounds: [T; 3], depths: Depths, to: &mut [T]) -> Partial<{ OUTLINE_SUMS }, 0>;
            vector::write(losses: &[T], formula: &WeightFormula<T>, output: &mut [T]) -> Partial<3, 0>;
        }
    };
    ($isa:ty, $features:literal: $($file:ident::$name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        $(
            #[target_feature(enable = $features)]
            pub(super) fn $name<T: $crate::numbers::real::Real>($($argument: $type),*) -> $result {
                super::$file::$name::<$isa, T>($($argument),*)
            }
        )*
    };
}
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(super) use entries;

/// The range of the losses. Maxima: the largest, minus the smallest, and one unless all are finite;
/// then those of the blocks, minus infinity in a vector that is shorter than a group.
#[inline(always)]
pub(super) fn survey<I: Isa, T: Real>(losses: &[T]) -> Partial<0, SURVEY_MAXIMA> {
    /// Each lane of these registers is a block. No register has fewer than two lanes; where they have
    /// more, the last ones are not used.
    const REGISTERS: usize = BLOCKS / 2;
    struct Survey<V> {
        largest: [V; REGISTERS],
        smallest: V,
        /// Zero times every loss: NaN as soon as one is not finite.
        zero: V,
    }
    impl<T: Real, V: Vector<T>> Pass<T> for Survey<V> {
        #[inline(always)]
        fn take(&mut self, group: &[T; GROUP]) {
            for (number, lanes) in group.chunks_exact(V::N).enumerate() {
                let losses = V::load(lanes);
                let largest = &mut self.largest[number % (BLOCKS / V::N)];
                *largest = losses.max(*largest);
                self.smallest = losses.min(self.smallest);
                self.zero = losses.mul_add(V::splat(T::ZERO), self.zero);
            }
        }
    }
    let splat = <Native<I, T> as Vector<T>>::splat;
    let Some(&first) = losses.first() else { return Partial::NOTHING };
    let mut pass = Survey { largest: [splat(T::BELOW_ALL); REGISTERS], smallest: splat(first), zero: splat(T::ZERO) };
    let (groups, rest) = losses.as_chunks::<GROUP>();
    for group in groups {
        pass.take(group);
    }
    if !rest.is_empty() {
        // What fills up the last group is the first loss of the same block, or of the vector.
        let mut end = groups.first().copied().unwrap_or([first; GROUP]);
        end[..rest.len()].copy_from_slice(rest);
        pass.take(&end);
    }
    let mut maxima = [T::BELOW_ALL; BLOCKS];
    let mut all = splat(T::BELOW_ALL);
    for (largest, to) in pass.largest.into_iter().zip(maxima.chunks_exact_mut(<Native<I, T> as Vector<T>>::N)) {
        all = largest.max(all);
        largest.compress(largest.equal(largest), to);
    }
    // NaN is not below one.
    let sound = <Native<I, T> as Vector<T>>::count(pass.zero.less(splat(T::ONE)));
    let unsound = if sound as usize == <Native<I, T> as Vector<T>>::N { 0.0 } else { 1.0 };
    let mut partial = Partial::NOTHING;
    let (range, blocks) = partial.maxima.split_at_mut(SURVEY_MAXIMA - BLOCKS);
    range.copy_from_slice(&[all.largest().to_f64(), -pass.smallest.smallest().to_f64(), unsound]);
    // In a shorter vector some may be copies of the first loss.
    if !groups.is_empty() {
        for (block, largest) in blocks.iter_mut().zip(maxima) {
            *block = largest.to_f64();
        }
    }
    partial
}

/// How many losses are below a threshold, and how many at most equal. Maxima: the largest loss
/// below it, minus the smallest above it.
#[inline(always)]
pub(super) fn rank<I: Isa, T: Real>(losses: &[T], threshold: T) -> Partial<2, 2> {
    struct Rank<V> {
        threshold: V,
        below: u64,
        above: u64,
        nearest_below: V,
        nearest_above: V,
    }
    impl<T: Real, V: Vector<T>> Pass<T> for Rank<V> {
        #[inline(always)]
        fn take(&mut self, group: &[T; GROUP]) {
            for lanes in group.chunks_exact(V::N) {
                let losses = V::load(lanes);
                let (below, above) = (losses.less(self.threshold), self.threshold.less(losses));
                self.below += u64::from(V::count(below));
                self.above += u64::from(V::count(above));
                // Losses on the other side leave the nearest ones as they are.
                self.nearest_below = self.nearest_below.blend(below, losses.max(self.nearest_below));
                self.nearest_above = self.nearest_above.blend(above, losses.min(self.nearest_above));
            }
        }
    }
    let mut pass = Rank {
        threshold: <Native<I, T> as Vector<T>>::splat(threshold),
        below: 0,
        above: 0,
        nearest_below: <Native<I, T> as Vector<T>>::splat(T::BELOW_ALL),
        nearest_above: <Native<I, T> as Vector<T>>::splat(T::ABOVE_ALL),
    };
    run(losses, T::ABOVE_ALL, &mut pass);
    // The padding is above every threshold.
    let groups = losses.len().next_multiple_of(GROUP) as f64;
    Partial {
        sums: [pass.below as f64, groups - pass.above as f64],
        maxima: [pass.nearest_below.largest().to_f64(), -pass.nearest_above.smallest().to_f64()],
    }
}

/// The first [`MOMENTS`] of `sum d`, `sum d^2` and so on over the losses above a threshold.
#[inline(always)]
pub(super) fn moments<I: Isa, T: Real>(losses: &[T], depths: Depths, threshold: T) -> Partial<MOMENTS, 0> {
    let mut pass = Moments::<I::Doubles>::new(depths, threshold);
    Partial { sums: by_blocks(losses, &mut pass, |pass| pass.sums.each_mut()), maxima: [] }
}

/// The accumulator of a pass for moments.
pub(super) struct Moments<D> {
    threshold: D,
    minus_scale: D,
    scaled_worst: D,
    pub(super) sums: [D; MOMENTS],
}

impl<D: Doubles> Moments<D> {
    #[inline(always)]
    pub(super) fn new<T: Real>(depths: Depths, threshold: T) -> Self {
        let (minus_scale, scaled_worst) = depths.map();
        let [threshold, minus_scale, scaled_worst] = [threshold.to_f64(), minus_scale, scaled_worst].map(D::splat);
        Self { threshold, minus_scale, scaled_worst, sums: [D::splat(0.0); MOMENTS] }
    }
}

impl<T: Real, D: Doubles> Pass<T> for Moments<D> {
    #[inline(always)]
    fn take(&mut self, group: &[T; GROUP]) {
        for lanes in group.chunks_exact(D::N) {
            let losses = T::widen::<D>(lanes);
            let (zero, depth) = (D::splat(0.0), losses.mul_add(self.minus_scale, self.scaled_worst));
            let depth = zero.blend(self.threshold.less(losses), depth);
            // As the scalar text does: such depths are zero beside the mean, unless they are all
            // there is.
            let depth = depth.blend(depth.less(D::splat(LEAST_DEPTH)), zero);
            let square = depth.mul(depth);
            let [first, second, third] = self.sums;
            self.sums = [first.add(depth), second.add(square), square.mul_add(depth, third)];
        }
    }
}

/// Writes the weights that a formula without extreme ratios gives to samples of mass one.
/// Sums: `sum p d`, `sum p^2`, the number of weights that are zero, unless the formula has it.
#[inline(always)]
pub(super) fn write<I: Isa, T: Real>(losses: &[T], formula: &WeightFormula<T>, output: &mut [T]) -> Partial<3, 0> {
    if formula.zeros.is_none() {
        write_and_count::<I, T, true>(losses, formula, output)
    } else {
        write_and_count::<I, T, false>(losses, formula, output)
    }
}

#[inline(always)]
fn write_and_count<I: Isa, T: Real, const COUNTS_ZEROS: bool>(
    losses: &[T],
    formula: &WeightFormula<T>,
    output: &mut [T],
) -> Partial<3, 0> {
    let mut pass = Write::<I::Doubles>::new(formula);
    let mut before = [I::Doubles::splat(0.0); 2];
    let (groups, rest) = losses.as_chunks::<GROUP>();
    let (outputs, rest_of_output) = output.as_chunks_mut::<GROUP>();
    for (groups, outputs) in groups.chunks(BLOCK / GROUP).zip(outputs.chunks_mut(BLOCK / GROUP)) {
        for (group, output) in groups.iter().zip(outputs) {
            pass.put::<T, COUNTS_ZEROS>(group, output);
        }
        settle(&mut before, [&mut pass.depth_sum, &mut pass.square_sum]);
    }
    [pass.depth_sum, pass.square_sum] = before;
    let mut sums = pass.sums();
    if !rest.is_empty() {
        let mut pass = Write::<I::Doubles>::new(formula);
        let mut end = [T::ZERO; GROUP];
        pass.put::<T, COUNTS_ZEROS>(&padded(rest, rest[0]), &mut end);
        rest_of_output.copy_from_slice(&end[..rest.len()]);
        // What the copies of the first loss have added is taken off again.
        let copies = (GROUP - rest.len()) as f64;
        let loss = rest[0].to_f64();
        let weight = formula.coefficient(rest[0], formula.depths.depth(loss));
        let zero = if COUNTS_ZEROS && end[0] == T::ZERO { 1.0 } else { 0.0 };
        let [depth_sum, square_sum, zeros] = pass.sums();
        sums[0] += depth_sum - copies * weight * (formula.depths.worst() - loss);
        sums[1] += square_sum - copies * weight * weight;
        sums[2] += zeros - copies * zero;
    }
    sums[0] = formula.depths.scaled(sums[0]);
    Partial { sums, maxima: [] }
}

/// The accumulator of a write pass. Depths and u are in the unit of the losses.
struct Write<D> {
    threshold: D,
    worst: D,
    u: D,
    /// What is divided by `x = u + d`.
    dividend: D,
    tied: D,
    top: D,
    top_from: D,
    /// What is below rounds to zero.
    smallest: D,
    depth_sum: D,
    square_sum: D,
    zeros: u64,
}

impl<D: Doubles> Write<D> {
    #[inline(always)]
    fn new<T: Real>(formula: &WeightFormula<T>) -> Self {
        let (u, dividend) = formula.u_and_dividend();
        let zero = D::splat(0.0);
        Self {
            threshold: D::splat(formula.threshold.to_f64()),
            worst: D::splat(formula.depths.worst()),
            u: D::splat(u),
            dividend: D::splat(dividend),
            tied: D::splat(formula.tied),
            top: D::splat(formula.top),
            top_from: D::splat(formula.top_from.to_f64()),
            smallest: D::splat(T::HALF_OF_SMALLEST),
            depth_sum: zero,
            square_sum: zero,
            zeros: 0,
        }
    }

    /// Writes a group. Positive weights may be so small that they round to zero if zeros are to be
    /// counted.
    #[inline(always)]
    fn put<T: Real, const COUNTS_ZEROS: bool>(&mut self, group: &[T; GROUP], output: &mut [T; GROUP]) {
        let zero = D::splat(0.0);
        for (lanes, output) in group.chunks_exact(D::N).zip(output.chunks_exact_mut(D::N)) {
            let losses = T::widen::<D>(lanes);
            let depth = self.worst.sub(losses);
            let above = self.threshold.less(losses);
            // A quotient for each weight: equal losses must get equal weights, whatever their
            // neighbours.
            let mut weights = zero.blend(above, self.dividend).div(depth.add(self.u));
            // Where the weight does not depend on the depth; few registers have such samples.
            let below_top = losses.less(self.top_from);
            let (tied, top) = (losses.equal(self.threshold), D::neither(below_top, below_top));
            if D::any(D::either(tied, top)) {
                weights = weights.blend(tied, self.tied).blend(top, self.top);
            }
            self.depth_sum = weights.mul_add(depth, self.depth_sum);
            self.square_sum = weights.mul_add(weights, self.square_sum);
            if COUNTS_ZEROS {
                self.zeros += u64::from(D::count(weights.less(self.smallest)));
            }
            T::narrow(weights, output);
        }
    }

    /// The sums, with depths in the unit of the losses.
    #[inline(always)]
    fn sums(&self) -> [f64; 3] {
        [self.depth_sum.sum(), self.square_sum.sum(), self.zeros as f64]
    }
}

#[cfg(test)]
mod tests {
    use super::super::portable::Portable;
    use super::*;

    /// Every loss counts in one block, and in no other; a vector that is shorter than a group has no
    /// blocks.
    #[test]
    fn block_maxima_are_those_of_places() {
        for samples in [1, 31, 32, 33, 63, 64, 1000] {
            let losses: Vec<f64> = (0..samples).map(|i| f64::from(i * 37 % 64) - 70.0).collect();
            let [largest, minus_smallest, unsound, blocks @ ..] = survey::<Portable, f64>(&losses).maxima;
            let largest_of = |losses: &mut dyn Iterator<Item = f64>| losses.fold(f64::NEG_INFINITY, f64::max);
            assert_eq!(largest, largest_of(&mut losses.iter().copied()), "{samples} losses");
            assert_eq!(minus_smallest, largest_of(&mut losses.iter().map(|loss| -loss)), "{samples} losses");
            assert_eq!(unsound, 0.0);
            for (block, maximum) in blocks.into_iter().enumerate() {
                let exact = largest_of(&mut losses.iter().copied().skip(block).step_by(BLOCKS));
                let expected = if samples < 32 { f64::NEG_INFINITY } else { exact };
                assert_eq!(maximum, expected, "block {block} of {samples} losses");
            }
        }
    }

    /// Sums over a whole chunk of equal losses are that of one times their number, but for a few
    /// roundings.
    #[test]
    fn sums_of_equal_losses() {
        const SAMPLES: usize = 1 << 14;
        let (range, losses) = (Depths::new(0.0, -1.0), vec![-0.3; SAMPLES]);
        let of = |losses: &[f64]| moments::<Portable, f64>(losses, range, f64::BELOW_ALL).sums;
        for (many, one) in of(&losses).iter().zip(of(&losses[..1])) {
            let error = (many / (SAMPLES as f64 * one) - 1.0).abs();
            assert!(error <= 4e-15, "{error:e}");
        }
    }
}
