//! How the vector passes take their samples: in groups, whose sums are added up block by block.

use crate::numbers::lanes::{Doubles, Element};
use crate::numbers::real::Real;

/// Samples per group: four registers of eight doubles, two of sixteen floats.
pub(super) const GROUP: usize = 32;

/// Samples that are added up one after another. The sums of such blocks are added up by themselves,
/// so that rounding stays small even where many samples are equal and it always goes the same way.
pub(super) const BLOCK: usize = 16 * GROUP;

pub(super) type Native<I, T> = <T as Element>::Native<I>;

/// What a pass does with a group, after which nothing but sums and maxima is left.
pub(super) trait Pass<T> {
    fn take(&mut self, group: &[T; GROUP]);
}

/// Shows a pass all samples, `padding` filling up the last group.
#[inline(always)]
pub(super) fn run<T: Real>(losses: &[T], padding: T, pass: &mut impl Pass<T>) {
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
pub(super) fn settle<D: Doubles, const N: usize>(before: &mut [D; N], block: [&mut D; N]) {
    for (before, sum) in before.iter_mut().zip(block) {
        *before = before.add(*sum);
        *sum = D::splat(0.0);
    }
}

/// The sums of a pass over losses above a threshold, block by block. `block` are those that it
/// holds.
#[inline(always)]
pub(super) fn by_blocks<T: Real, D: Doubles, P: Pass<T>, const N: usize>(
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
pub(super) fn padded<T: Real>(rest: &[T], padding: T) -> [T; GROUP] {
    let mut group = [padding; GROUP];
    group[..rest.len()].copy_from_slice(rest);
    group
}
