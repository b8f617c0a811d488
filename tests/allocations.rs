//! A solve on the calling thread asks the allocator for nothing: it may run where memory must not
//! be taken.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use hr_weights::{
    GroupTable, Groups, Ordering, Params, Real, Rows, RunningWorst, ShareTable, Target, calibrate_alpha, calibrate_r,
    certified_r, certify, group_shares_into, path, top_samples_into, weights_into, weights_of_groups_into,
    weights_of_rows_into,
};

thread_local! {
    /// How often this thread asked for memory. Its own count, since the test harness has threads of
    /// its own; `const`, since making it must not ask for memory.
    static REQUESTS: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, counted.
struct Counting;

impl Counting {
    fn count() {
        // A thread that ends may allocate after its count is gone.
        let _ = REQUESTS.try_with(|requests| requests.set(requests.get() + 1));
    }
}

// SAFETY: every request is passed on as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count();
        // SAFETY: passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::count();
        // SAFETY: passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::count();
        // SAFETY: passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // Giving memory back is work of the allocator, too.
        Self::count();
        // SAFETY: passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// The result of a call, and how often it asked for memory.
fn counted<R>(call: impl FnOnce() -> R) -> (R, usize) {
    let before = REQUESTS.get();
    let result = call();
    (result, REQUESTS.get() - before)
}

const LARGEST: usize = 100_000;
const SIZES: [usize; 14] = [1, 2, 3, 7, 8, 64, 100, 1_000, 8_191, 8_192, 16_385, 65_535, 65_536, LARGEST];
const BUDGETS: [[f64; 2]; 8] =
    [[0.0, 0.0], [0.05, 0.0], [0.0, 0.1], [0.05, 0.1], [0.3, 1e-9], [0.05, 100.0], [1.0, 0.1], [0.1, f64::INFINITY]];

/// A scrambled ramp with ties, and base weights, some of them zero.
fn data<T: Real>() -> (Vec<T>, Vec<T>) {
    let losses = (0..LARGEST).map(|i| T::from_f64(((i * 40_503) % 75_000) as f64 / 1024.0));
    (losses.collect(), (0..LARGEST).map(|i| T::from_f64(((i + 1) % 5) as f64)).collect())
}

/// All ways to ask; the first call of the process counts as well.
fn solves_without_allocation<T: Real>() {
    let (losses, base) = data::<T>();
    let mut weights = losses.clone();
    for n in SIZES {
        for [alpha, r] in BUDGETS {
            for ordering in [Ordering::Hd, Ordering::Hr] {
                for worst_loss in [None, Some(100.0)] {
                    for base in [None, Some(&base[..n])] {
                        let params = Params { alpha, r, ordering, worst_loss, ..Params::default() };
                        let (solved, requests) =
                            counted(|| weights_into(&losses[..n], base, &params, &mut weights[..n]));
                        assert!(solved.is_ok(), "{solved:?} from {n} samples, {params:?}");
                        assert_eq!(requests, 0, "{n} samples, weighted {}, {params:?}", base.is_some());
                    }
                }
            }
        }
    }
}

#[test]
fn the_count_counts() {
    let (values, requests) = counted(|| vec![1, 2, 3]);
    assert_eq!((values.len(), requests), (3, 1));
    let ((), requests) = counted(|| drop(values));
    assert_eq!(requests, 1);
}

#[test]
fn weights_of_f32() {
    solves_without_allocation::<f32>();
}

#[test]
fn weights_of_f64() {
    solves_without_allocation::<f64>();
}

#[test]
fn refusals() {
    let params = Params { alpha: 2.0, ..Params::default() };
    let mut weights = [0.0; 3];
    for (losses, params) in [([1.0, 2.0, 3.0], params), ([1.0, f64::NAN, 3.0], Params::default())] {
        let (refused, requests) = counted(|| weights_into(&losses, None, &params, &mut weights));
        assert!(refused.is_err());
        assert_eq!(requests, 0, "{refused:?}");
    }
}

#[test]
fn certificates() {
    let (singles, doubles) = (data::<f32>().0, data::<f64>().0);
    for n in SIZES {
        let (single, requests) = counted(|| certify(&singles[..n], 0.05, 0.1, 100.0));
        assert!(single.is_ok());
        assert_eq!(requests, 0, "{n} losses of f32");
        let (double, requests) = counted(|| certify(&doubles[..n], 0.05, 0.1, 100.0));
        assert!(double.is_ok());
        assert_eq!(requests, 0, "{n} losses of f64");
        let (r, requests) = counted(|| certified_r(n as u64, 0.1));
        assert!(r.is_ok());
        assert_eq!(requests, 0, "the radius of {n} losses");
    }
}

#[test]
fn calibration_paths_groups_and_the_running_worst_loss() {
    let (losses, base) = data::<f64>();
    let mut weights = losses.clone();
    let of_sample: Vec<u32> = (0..7).cycle().take(LARGEST).collect();
    let [mut means, mut shares, mut sizes] = [[0.0; 7]; 3];
    let mut worst = RunningWorst::new(2);
    for n in SIZES.into_iter().filter(|&n| n >= 64) {
        let (losses, base, weights) = (&losses[..n], Some(&base[..n]), &mut weights[..n]);
        for ordering in [Ordering::Hd, Ordering::Hr] {
            let params = Params { alpha: 0.05, r: 0.1, ordering, ..Params::default() };
            let target = Target::EffectiveSamples(4.0);
            let (found, requests) = counted(|| calibrate_r(losses, base, &params, target, weights));
            assert!(found.is_ok() && requests == 0, "{n} samples: {found:?}, {requests}");
            let (found, requests) = counted(|| calibrate_alpha(losses, None, &params, target, weights));
            assert!(found.is_ok() && requests == 0, "{n} samples: {found:?}, {requests}");
            let (done, requests) =
                counted(|| path(losses, base, &params, &[0.0, 0.1], &[0.1, 1.0], weights, |_, _, _, _| ()));
            assert!(done.is_ok() && requests == 0, "{n} samples: {requests}");
            let groups = Groups { of_sample: &of_sample[..n], base: Some(&[1.0; 7]) };
            let table = GroupTable { losses: &mut means, weights: &mut shares, sizes: &mut sizes };
            let (solved, requests) = counted(|| weights_of_groups_into(losses, &groups, &params, weights, table));
            assert!(solved.is_ok() && requests == 0, "{n} samples: {requests}");
            let table = ShareTable { shares: &mut shares, ratios: &mut means, sizes: &mut sizes };
            let mut indices = [0; 7];
            let (told, requests) = counted(|| {
                top_samples_into(weights, &mut indices).is_ok()
                    && group_shares_into(weights, &of_sample[..n], table).is_ok()
            });
            assert!(told && requests == 0, "{n} samples: {requests}");
        }
        let (kept, requests) = counted(|| worst.update(losses, base));
        assert!(kept.is_ok() && requests == 0, "{n} samples: {requests}");
    }
}

#[test]
fn batches_on_one_thread() {
    let (losses, base) = data::<f64>();
    let mut weights = vec![0.0; LARGEST];
    let offsets = [0, 0, 1, 5, 5, 70_000, 70_007, LARGEST, LARGEST];
    for rows in [Rows::Of(1_000), Rows::Of(8), Rows::Of(LARGEST), Rows::Offsets(&offsets)] {
        for ordering in [Ordering::Hd, Ordering::Hr] {
            for base in [None, Some(&base[..])] {
                let params = Params { alpha: 0.05, r: 0.1, ordering, ..Params::default() };
                let (solved, requests) =
                    counted(|| weights_of_rows_into(&losses, base, rows, &params, &mut weights, |_, _| ()));
                assert!(solved.is_ok(), "{solved:?}");
                assert_eq!(requests, 0, "{ordering:?}, weighted {}", base.is_some());
            }
        }
    }
}
