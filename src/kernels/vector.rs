//! The passes over samples of equal mass, written once for every instruction set. Each is an
//! accumulator that takes groups of samples; the last group is filled up with values that count for
//! nothing.

use super::chunk::{MOMENTS, Partial, count};
use super::scaling::{Scaling, WeightFormula};
use crate::numbers::depths::{Depths, LEAST_DEPTH};
use crate::numbers::lanes::{Doubles, Element, Isa, Vector};
use crate::numbers::math::log;
use crate::numbers::real::Real;

/// Makes the entries of an instruction set: the vector passes compiled with its features.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! entries {
    ($isa:ty, $features:literal) => {
        entries! { $isa, $features:
            survey(losses: &[T]) -> Partial<0, 3>;
            rank(losses: &[T], threshold: T) -> Partial<2, 2>;
            gather(losses: &[T], bounds: [T; 3], to: &mut [T]) -> Partial<3, 0>;
            moments(losses: &[T], depths: Depths, threshold: T) -> Partial<{ MOMENTS }, 0>;
            root(losses: &[T], depths: Depths, threshold: T, scaling: Scaling) -> Partial<4, 0>;
            write(losses: &[T], formula: &WeightFormula<T>, output: &mut [T]) -> Partial<3, 0>;
        }
    };
    ($isa:ty, $features:literal: $($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        $(
            #[target_feature(enable = $features)]
            pub(super) fn $name<T: $crate::numbers::real::Real>($($argument: $type),*) -> $result {
                $crate::kernels::vector::$name::<$isa, T>($($argument),*)
            }
        )*
    };
}
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(super) use entries;

/// Samples per group: four registers of eight doubles, two of sixteen floats.
const GROUP: usize = 32;

/// Samples that are added up one after another. The sums of such blocks are added up by themselves,
/// so that rounding stays small even where many samples are equal and it always goes the same way.
const BLOCK: usize = 16 * GROUP;

type Native<I, T> = <T as Element>::Native<I>;

/// What a pass does with a group, after which nothing but sums and maxima is left.
trait Pass<T> {
    fn take(&mut self, group: &[T; GROUP]);
}

/// Shows a pass all samples, `padding` filling up the last group.
#[inline(always)]
fn run<T: Real>(losses: &[T], padding: T, pass: &mut impl Pass<T>) {
    let (groups, rest) = losses.as_chunks::<GROUP>();
    for group in groups {
        pass.take(group);
    }
    if !rest.is_empty() {
        pass.take(&padded(rest, padding));
    }
}

/// Adds the sums of a block to those of the blocks before it; the next one begins at zero.
#[inline(always)]
fn settle<D: Doubles, const N: usize>(before: &mut [D; N], block: [&mut D; N]) {
    for (before, sum) in before.iter_mut().zip(block) {
        *before = before.add(*sum);
        *sum = D::splat(0.0);
    }
}

/// The sums of a pass over losses above a threshold, block by block. `block` are those that it
/// holds.
#[inline(always)]
fn by_blocks<T: Real, D: Doubles, P: Pass<T>, const N: usize>(
    losses: &[T],
    pass: &mut P,
    block: impl Fn(&mut P) -> [&mut D; N],
) -> [f64; N] {
    let mut sums = [D::splat(0.0); N];
    for losses in losses.chunks(BLOCK) {
        run(losses, T::BELOW_ALL, pass);
        settle(&mut sums, block(pass));
    }
    sums.map(D::sum)
}

#[inline(always)]
fn padded<T: Real>(rest: &[T], padding: T) -> [T; GROUP] {
    let mut group = [padding; GROUP];
    group[..rest.len()].copy_from_slice(rest);
    group
}

/// The range of the losses. Maxima: the largest, minus the smallest, and one unless all are finite.
#[inline(always)]
pub(super) fn survey<I: Isa, T: Real>(losses: &[T]) -> Partial<0, 3> {
    struct Survey<V> {
        largest: V,
        smallest: V,
        /// Zero times every loss: NaN as soon as one is not finite.
        zero: V,
    }
    impl<T: Real, V: Vector<T>> Pass<T> for Survey<V> {
        #[inline(always)]
        fn take(&mut self, group: &[T; GROUP]) {
            for lanes in group.chunks_exact(V::N) {
                let losses = V::load(lanes);
                self.largest = losses.max(self.largest);
                self.smallest = losses.min(self.smallest);
                self.zero = losses.mul_add(V::splat(T::ZERO), self.zero);
            }
        }
    }
    let Some(&first) = losses.first() else { return Partial::NOTHING };
    let start = <Native<I, T> as Vector<T>>::splat(first);
    let zero = <Native<I, T> as Vector<T>>::splat(T::ZERO);
    let mut pass = Survey { largest: start, smallest: start, zero };
    run(losses, first, &mut pass);
    // NaN is not below one.
    let sound = <Native<I, T> as Vector<T>>::count(pass.zero.less(<Native<I, T> as Vector<T>>::splat(T::ONE)));
    let unsound = if sound as usize == <Native<I, T> as Vector<T>>::N { 0.0 } else { 1.0 };
    Partial { sums: [], maxima: [pass.largest.largest().to_f64(), -pass.smallest.smallest().to_f64(), unsound] }
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

/// Copies the losses in `[low, high]` to the front of `to`, which is as long as `losses`.
/// Sums: how many are below `low`, how many were copied, and how many are not below `largest`.
#[inline(always)]
pub(super) fn gather<I: Isa, T: Real>(losses: &[T], [low, high, largest]: [T; 3], to: &mut [T]) -> Partial<3, 0> {
    struct Gather<'a, T, V> {
        low: V,
        high: V,
        largest: V,
        to: &'a mut [T],
        below: u64,
        copied: usize,
        not_largest: u64,
    }
    impl<T: Real, V: Vector<T>> Pass<T> for Gather<'_, T, V> {
        #[inline(always)]
        fn take(&mut self, group: &[T; GROUP]) {
            for lanes in group.chunks_exact(V::N) {
                let losses = V::load(lanes);
                let below = losses.less(self.low);
                let inside = V::neither(below, self.high.less(losses));
                self.below += u64::from(V::count(below));
                self.not_largest += u64::from(V::count(losses.less(self.largest)));
                losses.compress(inside, &mut self.to[self.copied..]);
                self.copied += V::count(inside) as usize;
            }
        }
    }
    impl<T: Real, V: Vector<T>> Gather<'_, T, V> {
        fn sums(&self, samples: usize) -> [f64; 3] {
            [self.below as f64, self.copied as f64, samples as f64 - self.not_largest as f64]
        }
    }
    let [low, high, largest] = [low, high, largest].map(<Native<I, T> as Vector<T>>::splat);
    let (groups, rest) = losses.as_chunks::<GROUP>();
    let mut pass = Gather { low, high, largest, to: &mut *to, below: 0, copied: 0, not_largest: 0 };
    for group in groups {
        pass.take(group);
    }
    let mut sums = pass.sums(losses.len() - rest.len());
    if !rest.is_empty() {
        let mut end = [T::ZERO; GROUP];
        let mut pass = Gather { to: &mut end, below: 0, copied: 0, not_largest: 0, ..pass };
        // What follows the last sample is above the window, and was not counted among those below
        // the largest.
        pass.take(&padded(rest, T::ABOVE_ALL));
        let more = pass.sums(rest.len());
        let (copied, also) = (count(sums[1]), count(more[1]));
        to[copied..copied + also].copy_from_slice(&end[..also]);
        sums = core::array::from_fn(|sum| sums[sum] + more[sum]);
    }
    Partial { sums, maxima: [] }
}

/// The first [`MOMENTS`] of `sum d`, `sum d^2` and so on over the losses above a threshold.
#[inline(always)]
pub(super) fn moments<I: Isa, T: Real>(losses: &[T], depths: Depths, threshold: T) -> Partial<MOMENTS, 0> {
    struct Moments<D> {
        above: Above<D>,
        first: D,
        second: D,
        third: D,
    }
    impl<T: Real, D: Doubles> Pass<T> for Moments<D> {
        #[inline(always)]
        fn take(&mut self, group: &[T; GROUP]) {
            for lanes in group.chunks_exact(D::N) {
                let losses = T::widen::<D>(lanes);
                let (zero, depth) = (D::splat(0.0), self.above.depth(losses));
                let depth = zero.blend(self.above.is_above(losses), depth);
                // As the scalar text does: such depths are zero beside the mean, unless they are
                // all there is.
                let depth = depth.blend(depth.less(D::splat(LEAST_DEPTH)), zero);
                self.first = self.first.add(depth);
                let square = depth.mul(depth);
                self.second = self.second.add(square);
                self.third = square.mul_add(depth, self.third);
            }
        }
    }
    let zero = I::Doubles::splat(0.0);
    let mut pass = Moments { above: Above::new(depths, threshold), first: zero, second: zero, third: zero };
    let sums = by_blocks(losses, &mut pass, |pass| [&mut pass.first, &mut pass.second, &mut pass.third]);
    Partial { sums, maxima: [] }
}

/// The losses above a threshold, and their depths.
#[derive(Clone, Copy)]
struct Above<D> {
    threshold: D,
    minus_scale: D,
    scaled_worst: D,
}

impl<D: Doubles> Above<D> {
    #[inline(always)]
    fn new<T: Real>(depths: Depths, threshold: T) -> Self {
        let (minus_scale, scaled_worst) = depths.map();
        Self {
            threshold: D::splat(threshold.to_f64()),
            minus_scale: D::splat(minus_scale),
            scaled_worst: D::splat(scaled_worst),
        }
    }

    #[inline(always)]
    fn is_above(&self, losses: D) -> D::Mask {
        self.threshold.less(losses)
    }

    #[inline(always)]
    fn depth(&self, losses: D) -> D {
        losses.mul_add(self.minus_scale, self.scaled_worst)
    }
}

/// The scaling of depths, in registers.
#[derive(Clone, Copy)]
struct Ratio<D> {
    shift: D,
    rate: D,
}

impl<D: Doubles> Ratio<D> {
    #[inline(always)]
    fn new(scaling: Scaling) -> Self {
        Self { shift: D::splat(scaling.shift), rate: D::splat(scaling.rate) }
    }

    #[inline(always)]
    fn at(&self, depth: D) -> D {
        depth.mul_add(self.rate, self.shift)
    }
}

/// The reciprocals of four registers for the price of one division, and the product of all. The
/// values are within `2^-120` and `2^120`.
#[inline(always)]
fn reciprocals<D: Doubles>([a, b, c, d]: [D; 4]) -> ([D; 4], D) {
    let (ab, cd) = (a.mul(b), c.mul(d));
    let product = ab.mul(cd);
    let inverse = D::splat(1.0).div(product);
    let (inverse_ab, inverse_cd) = (inverse.mul(cd), inverse.mul(ab));
    ([inverse_ab.mul(b), inverse_ab.mul(a), inverse_cd.mul(d), inverse_cd.mul(c)], product)
}

/// The sums that give phi and its derivatives over the losses above a threshold, as long as no
/// ratio is extreme: `sum log y`, `sum (z - 1) u / c`, `sum (z - 1)^2 u / c`,
/// `sum (z - 1)^3 (u / c)^2` with `z = 1 / y`.
#[inline(always)]
pub(super) fn root<I: Isa, T: Real>(losses: &[T], depths: Depths, threshold: T, scaling: Scaling) -> Partial<4, 0> {
    struct Root<D> {
        above: Above<D>,
        ratio: Ratio<D>,
        mantissa: D,
        exponent: D,
        first: D,
        second: D,
        third: D,
    }
    impl<T: Real, D: Doubles> Pass<T> for Root<D> {
        #[inline(always)]
        fn take(&mut self, group: &[T; GROUP]) {
            let one = D::splat(1.0);
            for quad in group.chunks_exact(4 * D::N) {
                let mut ratios = [one; 4];
                for (ratio, lanes) in ratios.iter_mut().zip(quad.chunks_exact(D::N)) {
                    let losses = T::widen::<D>(lanes);
                    // A ratio of one counts for nothing.
                    *ratio = one.blend(self.above.is_above(losses), self.ratio.at(self.above.depth(losses)));
                }
                let (inverses, product) = reciprocals(ratios);
                let (mantissa, exponent) = self.mantissa.mul(product).mantissa_and_exponent();
                self.mantissa = mantissa;
                self.exponent = self.exponent.add(exponent);
                for inverse in inverses {
                    let tilt = inverse.sub(one);
                    self.first = self.first.add(tilt);
                    let square = tilt.mul(tilt);
                    self.second = self.second.add(square);
                    self.third = square.mul_add(tilt, self.third);
                }
            }
        }
    }
    let zero = I::Doubles::splat(0.0);
    let mut pass = Root {
        above: Above::new(depths, threshold),
        ratio: Ratio::new(scaling),
        mantissa: I::Doubles::splat(1.0),
        exponent: zero,
        first: zero,
        second: zero,
        third: zero,
    };
    let [first, second, third] =
        by_blocks(losses, &mut pass, |pass| [&mut pass.first, &mut pass.second, &mut pass.third]);
    // Mantissas are below two: their product is below 2^8.
    let mantissa: f64 = pass.mantissa.lanes()[..I::Doubles::N].iter().product();
    let log = pass.exponent.sum() * core::f64::consts::LN_2 + log(mantissa);
    let shift = scaling.shift;
    Partial { sums: [log, first * shift, second * shift, third * shift * shift], maxima: [] }
}

/// Writes the weights that a formula without extreme ratios gives to samples of mass one.
/// Sums: `sum p d`, `sum p^2`, the number of weights that are zero, unless the formula has it.
#[inline(always)]
pub(super) fn write<I: Isa, T: Real>(losses: &[T], formula: &WeightFormula<T>, output: &mut [T]) -> Partial<3, 0> {
    let mut pass = Write::<I::Doubles>::new(formula);
    let mut before = [I::Doubles::splat(0.0); 2];
    let (groups, rest) = losses.as_chunks::<GROUP>();
    let (outputs, rest_of_output) = output.as_chunks_mut::<GROUP>();
    for (groups, outputs) in groups.chunks(BLOCK / GROUP).zip(outputs.chunks_mut(BLOCK / GROUP)) {
        for (group, output) in groups.iter().zip(outputs) {
            pass.put(group, output);
        }
        settle(&mut before, [&mut pass.depth_sum, &mut pass.square_sum]);
    }
    [pass.depth_sum, pass.square_sum] = before;
    let mut sums = pass.sums();
    if !rest.is_empty() {
        let mut pass = Write::<I::Doubles>::new(formula);
        let mut end = [T::ZERO; GROUP];
        pass.put(&padded(rest, rest[0]), &mut end);
        rest_of_output.copy_from_slice(&end[..rest.len()]);
        // What the copies of the first loss have added is taken off again.
        let copies = (GROUP - rest.len()) as f64;
        let loss = rest[0];
        let depth = formula.depths.depth(loss.to_f64());
        let weight = formula.coefficient(loss, depth);
        let zero = if formula.zeros.is_none() && end[0] == T::ZERO { 1.0 } else { 0.0 };
        let [depth_sum, square_sum, zeros] = pass.sums();
        sums[0] += depth_sum - copies * weight * depth;
        sums[1] += square_sum - copies * weight * weight;
        sums[2] += zeros - copies * zero;
    }
    Partial { sums, maxima: [] }
}

struct Write<D> {
    above: Above<D>,
    ratio: Ratio<D>,
    normaliser: D,
    tied: D,
    top: D,
    /// What is below rounds to zero.
    smallest: D,
    /// Whether positive weights may be that small.
    counts_zeros: bool,
    depth_sum: D,
    square_sum: D,
    zeros: u64,
}

impl<D: Doubles> Write<D> {
    #[inline(always)]
    fn new<T: Real>(formula: &WeightFormula<T>) -> Self {
        let zero = D::splat(0.0);
        Self {
            above: Above::new(formula.depths, formula.threshold),
            ratio: Ratio::new(formula.scaling),
            normaliser: D::splat(formula.normaliser),
            tied: D::splat(formula.tied),
            top: D::splat(formula.top),
            smallest: D::splat(T::HALF_OF_SMALLEST),
            counts_zeros: formula.zeros.is_none(),
            depth_sum: zero,
            square_sum: zero,
            zeros: 0,
        }
    }

    #[inline(always)]
    fn put<T: Real>(&mut self, group: &[T; GROUP], output: &mut [T; GROUP]) {
        let (zero, one) = (D::splat(0.0), D::splat(1.0));
        for (lanes, output) in group.chunks_exact(D::N).zip(output.chunks_exact_mut(D::N)) {
            let losses = T::widen::<D>(lanes);
            let depth = self.above.depth(losses);
            let above = self.above.is_above(losses);
            // One division for each weight: equal losses must get equal weights, whatever their
            // neighbours.
            let ratio = one.blend(above, self.ratio.at(depth));
            let mut weights = zero.blend(above, self.normaliser).div(ratio);
            // Where the weight does not depend on the depth; few registers have such samples.
            let (tied, top) = (losses.equal(self.above.threshold), depth.less(D::splat(LEAST_DEPTH)));
            if D::any(D::either(tied, top)) {
                weights = weights.blend(tied, self.tied).blend(top, self.top);
            }
            self.depth_sum = weights.mul_add(depth, self.depth_sum);
            self.square_sum = weights.mul_add(weights, self.square_sum);
            if self.counts_zeros {
                self.zeros += u64::from(D::count(weights.less(self.smallest)));
            }
            T::narrow(weights, output);
        }
    }

    #[inline(always)]
    fn sums(&self) -> [f64; 3] {
        [self.depth_sum.sum(), self.square_sum.sum(), self.zeros as f64]
    }
}

#[cfg(test)]
mod tests {
    use super::super::portable::Portable;
    use super::*;

    /// Sums over a whole chunk of equal losses are that of one times their number, but for a few
    /// roundings.
    #[test]
    fn sums_of_equal_losses() {
        const SAMPLES: usize = 1 << 14;
        let (range, losses) = (Depths::new(0.0, -1.0), vec![-0.3; SAMPLES]);
        let scaling = Scaling::new(0.7, 0.1);
        let check = |what: &str, many: &[f64], one: &[f64]| {
            for (many, one) in many.iter().zip(one) {
                let error = (many / (SAMPLES as f64 * one) - 1.0).abs();
                assert!(error <= 4e-15, "{what}: {error:e}");
            }
        };
        let of = |losses: &[f64]| moments::<Portable, f64>(losses, range, f64::BELOW_ALL).sums;
        check("moments", &of(&losses), &of(&losses[..1]));
        let of = |losses: &[f64]| root::<Portable, f64>(losses, range, f64::BELOW_ALL, scaling).sums;
        check("root", &of(&losses), &of(&losses[..1]));
    }
}
