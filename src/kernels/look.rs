//! The passes of the root search over samples of equal mass, written once for every instruction
//! set: the sums over the losses above a threshold, and these or their moments together with the
//! losses around it.

use super::chunk::{LOOK_SUMS, MOMENTS, OUTLINE_SUMS, POWERS, Partial, ROOT_SUMS};
use super::groups::{BLOCK, GROUP, Native, Pass, by_blocks, padded, run, settle};
use super::scaling::Scaling;
use super::vector::Moments;
use crate::numbers::depths::Depths;
use crate::numbers::lanes::{Doubles, Isa, Vector};
use crate::numbers::math::log;
use crate::numbers::real::Real;

/// The sums that give phi and its derivatives over the losses above a threshold, as long as no
/// ratio is extreme: `sum log y`, and `sum (z - 1)^k` with `z = 1 / y` for k from 1 to [`POWERS`].
#[inline(always)]
pub(super) fn root<I: Isa, T: Real>(
    losses: &[T],
    depths: Depths,
    threshold: T,
    scaling: Scaling,
) -> Partial<ROOT_SUMS, 0> {
    let mut pass = Root::<I::Doubles>::new(depths, threshold, scaling);
    let powers = by_blocks(losses, &mut pass, |pass| pass.powers.each_mut());
    Partial { sums: pass.sums(powers, losses), maxima: [] }
}

/// The accumulator of a root pass.
struct Root<D> {
    threshold: D,
    /// The ratio at a loss is shift plus rate times how far the loss is below the worst one.
    worst: D,
    shift: D,
    rate: D,
    /// The product of all ratios.
    mantissa: D,
    exponent: D,
    /// `sum (z - 1)`, and the sums of the higher powers of z, where a ratio of one counts as a one.
    powers: [D; POWERS],
}

impl<D: Doubles> Root<D> {
    #[inline(always)]
    fn new<T: Real>(depths: Depths, threshold: T, scaling: Scaling) -> Self {
        Self {
            threshold: D::splat(threshold.to_f64()),
            worst: D::splat(depths.worst()),
            shift: D::splat(scaling.shift),
            rate: D::splat(depths.scaled(scaling.rate)),
            mantissa: D::splat(1.0),
            exponent: D::splat(0.0),
            powers: [D::splat(0.0); POWERS],
        }
    }

    /// The sums over these losses, from those that it held after each block.
    #[inline(always)]
    fn sums<T>(&self, powers: [f64; POWERS], losses: &[T]) -> [f64; ROOT_SUMS] {
        let ones = losses.len().next_multiple_of(GROUP) as f64;
        let [first, ..] = powers;
        let mut sums = [0.0; ROOT_SUMS];
        sums[1..].copy_from_slice(&powers.map(|sum| sum - ones));
        sums[1] = first;
        // From the sums of `z^j - 1` by differences of order k: those of `(z - 1)^k`.
        for power in 1..ROOT_SUMS {
            for later in (power..ROOT_SUMS).rev() {
                sums[later] -= sums[later - 1];
            }
        }
        // Mantissas are below two: their product is below 2^8.
        let mantissa: f64 = self.mantissa.lanes()[..D::N].iter().product();
        sums[0] = self.exponent.sum() * core::f64::consts::LN_2 + log(mantissa);
        sums
    }
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
                let at_losses = self.worst.sub(losses).mul_add(self.rate, self.shift);
                *ratio = one.blend(self.threshold.less(losses), at_losses);
            }
            let (product, powers) = reciprocal_powers(ratios);
            let (mantissa, exponent) = self.mantissa.mul(product).mantissa_and_exponent();
            self.mantissa = mantissa;
            self.exponent = self.exponent.add(exponent);
            for (sum, power) in self.powers.iter_mut().zip(powers) {
                *sum = sum.add(power);
            }
        }
    }
}

/// Of four registers, whose values are within `2^-120` and `2^120`: their product, and the sums of
/// the first [`POWERS`] powers of their reciprocals, of the first one less four.
///
/// The elementary symmetric functions of the reciprocals are those of the values over their product,
/// which takes one division, and Newton's identities give the sums of powers: four multiplications
/// for a power of all four, where each of them alone would take nearly two.
#[inline(always)]
fn reciprocal_powers<D: Doubles>([a, b, c, d]: [D; 4]) -> (D, [D; POWERS]) {
    let (ab, cd) = (a.mul(b), c.mul(d));
    let (sum_ab, sum_cd) = (a.add(b), c.add(d));
    let product = ab.mul(cd);
    let inverse = D::splat(1.0).div(product);
    let minus_inverse = D::splat(0.0).sub(inverse);
    // Of order 1 and 3, and minus those of order 2 and 4.
    let first = sum_cd.mul_add(ab, sum_ab.mul(cd)).mul(inverse);
    let second = sum_ab.mul_add(sum_cd, ab.add(cd)).mul(minus_inverse);
    let third = sum_ab.add(sum_cd).mul(inverse);
    let fourth = minus_inverse;
    let p1 = first;
    let p2 = first.mul_add(p1, second.add(second));
    let p3 = first.mul_add(p2, second.mul_add(p1, third.mul(D::splat(3.0))));
    let p4 = first.mul_add(p3, second.mul_add(p2, third.mul_add(p1, fourth.mul(D::splat(4.0)))));
    let next = |[p1, p2, p3, p4]: [D; 4]| first.mul_add(p4, second.mul_add(p3, third.mul_add(p2, fourth.mul(p1))));
    let p5 = next([p1, p2, p3, p4]);
    let p6 = next([p2, p3, p4, p5]);
    let p7 = next([p3, p4, p5, p6]);
    (product, [p1.sub(D::splat(4.0)), p2, p3, p4, p5, p6, p7])
}

/// Copies the losses in `[low, high]` to the front of `to`, which is as long as `losses`, and makes
/// a root pass over those above `high`. Sums: how many losses are below `low`, how many were
/// copied, how many are not below `largest`; and those of [`root`].
#[inline(always)]
pub(super) fn look<I: Isa, T: Real>(
    losses: &[T],
    [low, high, largest]: [T; 3],
    depths: Depths,
    scaling: Scaling,
    to: &mut [T],
) -> Partial<LOOK_SUMS, 0> {
    let mut gather = Gather::<Native<I, T>>::new([low, high, largest]);
    let mut root = Root::<I::Doubles>::new(depths, high, scaling);
    let mut powers = [I::Doubles::splat(0.0); POWERS];
    for losses in losses.chunks(BLOCK) {
        // One after the other: the block stays in the nearest cache, and each has the registers.
        gather.run(losses, to);
        run(losses, T::BELOW_ALL, &mut root);
        settle(&mut powers, root.powers.each_mut());
    }
    let mut sums = [0.0; LOOK_SUMS];
    sums[..3].copy_from_slice(&gather.counts(losses));
    sums[3..].copy_from_slice(&root.sums(powers.map(Doubles::sum), losses));
    Partial { sums, maxima: [] }
}

/// As [`look`], with the moments of the depths above `high` in place of the sums of a root pass.
#[inline(always)]
pub(super) fn outline<I: Isa, T: Real>(
    losses: &[T],
    [low, high, largest]: [T; 3],
    depths: Depths,
    to: &mut [T],
) -> Partial<OUTLINE_SUMS, 0> {
    let mut gather = Gather::<Native<I, T>>::new([low, high, largest]);
    let mut moments = Moments::<I::Doubles>::new(depths, high);
    let mut powers = [I::Doubles::splat(0.0); MOMENTS];
    for losses in losses.chunks(BLOCK) {
        gather.run(losses, to);
        run(losses, T::BELOW_ALL, &mut moments);
        settle(&mut powers, moments.sums.each_mut());
    }
    let mut sums = [0.0; OUTLINE_SUMS];
    sums[..3].copy_from_slice(&gather.counts(losses));
    sums[3..].copy_from_slice(&powers.map(Doubles::sum));
    Partial { sums, maxima: [] }
}

/// The accumulator of the losses around a threshold.
struct Gather<V> {
    low: V,
    high: V,
    largest: V,
    below: u64,
    copied: usize,
    not_largest: u64,
}

impl<V> Gather<V> {
    #[inline(always)]
    fn new<T: Real>(bounds: [T; 3]) -> Self
    where
        V: Vector<T>,
    {
        let [low, high, largest] = bounds.map(V::splat);
        Self { low, high, largest, below: 0, copied: 0, not_largest: 0 }
    }

    /// How many of all these losses were below the window, how many were copied, and how many are
    /// not below the largest.
    #[inline(always)]
    fn counts<T: Real>(&self, losses: &[T]) -> [f64; 3]
    where
        V: Vector<T>,
    {
        let largest = losses.len() as u64 - self.not_largest;
        [self.below as f64, self.copied as f64, largest as f64]
    }

    /// Copies the losses that are in the window to the end of what has been copied to `to`.
    #[inline(always)]
    fn run<T: Real>(&mut self, losses: &[T], to: &mut [T])
    where
        V: Vector<T>,
    {
        let (groups, rest) = losses.as_chunks::<GROUP>();
        for group in groups {
            self.take(group, &mut to[self.copied..]);
        }
        if !rest.is_empty() {
            let mut end = [T::ZERO; GROUP];
            let before = self.copied;
            // What follows the last sample is above the window, and is not below the largest.
            self.take(&padded(rest, T::ABOVE_ALL), &mut end);
            let copied = self.copied - before;
            to[before..self.copied].copy_from_slice(&end[..copied]);
        }
    }

    /// Copies the losses of a group that are in the window to the front of `to`, which has room for
    /// all of them.
    #[inline(always)]
    fn take<T: Real>(&mut self, group: &[T; GROUP], to: &mut [T])
    where
        V: Vector<T>,
    {
        let mut copied = 0;
        for lanes in group.chunks_exact(V::N) {
            let losses = V::load(lanes);
            let below = losses.less(self.low);
            let inside = V::neither(below, self.high.less(losses));
            self.below += u64::from(V::count(below));
            self.not_largest += u64::from(V::count(losses.less(self.largest)));
            losses.compress(inside, &mut to[copied..]);
            copied += V::count(inside) as usize;
        }
        self.copied += copied;
    }
}

#[cfg(test)]
mod tests {
    use super::super::portable::Portable;
    use super::super::vector::moments;
    use super::*;

    /// Sums over a whole chunk of equal losses are that of one times their number, but for a few
    /// roundings: of the sum itself, or of the powers of z that those of `z - 1` are differences of.
    #[test]
    fn sums_of_equal_losses() {
        const SAMPLES: usize = 1 << 14;
        let (range, losses) = (Depths::new(0.0, -1.0), vec![-0.3; SAMPLES]);
        let scaling = Scaling::new(0.7, 0.1);
        let of = |losses: &[f64]| root::<Portable, f64>(losses, range, f64::BELOW_ALL, scaling).sums;
        for (power, (many, one)) in of(&losses).iter().zip(of(&losses[..1])).enumerate() {
            let size = if power < 2 { one.abs() } else { f64::from(1 << power) };
            let error = (many / SAMPLES as f64 - one).abs() / size;
            assert!(error <= 4e-15, "sum {power}: {error:e}");
        }
    }

    /// The sums are those of the powers of `z - 1` of each loss above the threshold, however the
    /// losses are mixed.
    #[test]
    fn sums_are_those_of_each_loss() {
        let (range, scaling, threshold) = (Depths::new(1.0, 0.0), Scaling::new(1e-3, 0.5), 0.2);
        for samples in [1, 31, 32, 33, 1000] {
            let losses: Vec<f64> = (0..samples).map(|i| f64::from(i * 37 % 64) / 63.0).collect();
            let inverses = || {
                losses.iter().filter(|&&loss| loss > threshold).map(|&loss| 1.0 / scaling.ratio(range.depth(loss)))
            };
            let sums = root::<Portable, f64>(&losses, range, threshold, scaling).sums;
            let near = |value: f64, exact: f64, size: f64| (value - exact).abs() <= 4e-15 * (1.0 + size);
            let logs = inverses().map(|z| -z.ln());
            assert!(near(sums[0], logs.clone().sum(), logs.map(f64::abs).sum()), "{samples} losses, logarithms");
            for (power, sum) in (0..).zip(sums).skip(1) {
                let exact = inverses().map(|z| (z - 1.0).powi(power)).sum();
                let size = inverses().map(|z| (z + 1.0).powi(power)).sum();
                assert!(near(sum, exact, size), "{samples} losses, power {power}: {sum:e}, not {exact:e}");
            }
        }
    }

    /// A look sees what its three parts are, for any number of losses.
    #[test]
    fn a_look_is_counts_candidates_and_a_root_pass() {
        let (range, scaling) = (Depths::new(1.0, 0.0), Scaling::new(0.2, 0.6));
        let (low, high) = (0.25, 0.375);
        for samples in [0, 1, 31, 32, 33, 511, 512, 513, 1000] {
            let losses: Vec<f64> = (0..samples).map(|i| f64::from(i * 37 % 64) / 63.0).collect();
            let mut to = vec![f64::NAN; losses.len()];
            let seen = look::<Portable, f64>(&losses, [low, high, 1.0], range, scaling, &mut to).sums;
            let inside: Vec<f64> = losses.iter().copied().filter(|loss| (low..=high).contains(loss)).collect();
            let counted = |holds: &dyn Fn(f64) -> bool| losses.iter().filter(|&&loss| holds(loss)).count() as f64;
            let counts = [counted(&|loss| loss < low), inside.len() as f64, counted(&|loss| loss >= 1.0)];
            assert_eq!(seen[..3], counts, "{samples} losses");
            assert_eq!(to[..inside.len()], inside, "{samples} losses");
            assert_eq!(seen[3..], root::<Portable, f64>(&losses, range, high, scaling).sums, "{samples} losses");
            let seen = outline::<Portable, f64>(&losses, [low, high, 1.0], range, &mut to).sums;
            assert_eq!(seen[..3], counts, "{samples} losses");
            assert_eq!(to[..inside.len()], inside, "{samples} losses");
            assert_eq!(seen[3..], moments::<Portable, f64>(&losses, range, high).sums, "{samples} losses");
        }
    }
}
