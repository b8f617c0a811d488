use super::*;
use crate::kernels::Chunk;
use crate::math::exp;
use crate::params::Ordering;
use crate::solve::small::Small;

/// The bin with which the mass exceeds the budget: not one without mass, nor none at all.
#[test]
fn bins_of_masses() {
    let masses = [0.0, 1.0, 0.0, 2.0, 0.0, 4.0, 0.0];
    for (budget, bin) in [(0.0, 1), (0.5, 1), (1.0, 3), (2.9, 3), (3.0, 5), (6.9, 5), (7.0, 5), (9.0, 5)] {
        assert_eq!(bin_of_mass(&masses, budget), bin, "{budget}");
    }
}

/// Two hundred exponential losses, a few far below them, or half of them the largest.
fn many(shape: usize, params: Params) -> Small {
    let mut samples: Vec<(f64, f64)> = (1..200_u32)
        .map(|sample| {
            let loss = -libm::log(f64::from(sample) / 200.0);
            match shape {
                0 => (loss, 1.0 + f64::from(sample % 3)),
                1 if sample < 4 => (-1e4 * loss, 1.0),
                1 => (loss, 1.0),
                _ => (loss.min(0.7), 1.0),
            }
        })
        .collect();
    samples.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
    Small::new(&samples, params)
}

/// A sketch of all depths tells u and the mean to a small part of themselves, and the bin of HD's cut, or that of HR's and one more on either
/// side.
#[test]
fn a_first_guess() {
    for (shape, worst_loss) in (0..3).flat_map(|shape| [None, Some(30.0)].map(|worst| (shape, worst))) {
        for ordering in [Ordering::Hd, Ordering::Hr] {
            for (alpha, r) in
                [0.0, 0.01, 0.2, 0.6].into_iter().flat_map(|alpha| [1e-9, 0.01, 0.3].map(|r| (alpha, r)))
            {
                let small = many(shape, Params { alpha, r, ordering, worst_loss, ..Params::default() });
                let what = format!("shape {shape}, {:?}", small.params);
                let (range, depths) = (&small.range, small.range.depths);
                let bins = DepthBins::new(small.depth(range.smallest));
                let (losses, masses): (Vec<f64>, Vec<f64>) = small.samples.iter().copied().unzip();
                let mut sums = vec![0.0; 3 * DepthBins::COUNT];
                bins.add(Chunk { losses: &losses, base: Some(&masses), mass_scale: 1.0 }, depths, &mut sums);
                let focus = first_focus::<f64>(range, &small.params, bins, small.total(), &sums).expect(&what);
                let caps = ordering == Ordering::Hr && alpha > 0.0;
                let top = small.problem().top_share();
                if (caps && r >= small.problem().kl_to_reach_worst()) || (top > 0.0 && alpha >= 1.0 - top) {
                    assert_eq!(format!("{focus:?}"), format!("{:?}", Focus::at(range.largest)), "{what}");
                    continue;
                }
                let root = small.root();
                // HR's cut, which moves with u, is a guess; so far from the others that it may leap to them, no more than that.
                if caps && shape == 1 {
                    continue;
                }
                let near = if caps {
                    0.2
                } else if alpha > 0.0 {
                    5e-3
                } else {
                    1e-4
                };
                assert!((focus.log_u - root).abs() <= near, "{what}: log u {} for {root}", focus.log_u);
                let mean = small.mean(exp(root));
                assert!((focus.mean - mean).abs() <= 2.0 * near * mean, "{what}: mean {} for {mean}", focus.mean);
                if alpha == 0.0 {
                    assert_eq!([focus.low, focus.high], [range.largest; 2], "{what}");
                    continue;
                }
                let at = |loss: f64| bins.bin(small.depth(loss));
                let cut = bins.bin(small.cap(exp(root)));
                let [first, last] = [focus.low, focus.high].map(at);
                assert!(first <= cut && cut <= last, "{what}: {first} to {last} for {cut}");
                assert!(last - first <= 2 * usize::from(caps), "{what}: {first} to {last}");
                // All losses in these bins.
                assert!(focus.low == range.smallest || at(focus.low.next_down()) < first, "{what}");
                assert!(focus.high == range.largest || at(focus.high.next_up()) > last, "{what}");
                if caps && first > 0 && focus.high < range.largest {
                    assert_eq!(last - first, 2, "{what}");
                }
            }
        }
    }
}
