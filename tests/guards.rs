//! Nothing outside the caller's arrays is read or written: each lies between pages that may not be
//! touched, against the one before it or the one after, at every length up to 300.

#![cfg(unix)]

mod support;

use hr_weights::{Ordering, Params, Real, Rows, Sharded, Step, weights_into, weights_of_rows_into};
use std::ptr;
use support::random::uniform;

/// More than any page.
const PAGE: usize = 1 << 16;

/// Room for an array, with a page on either side that faults.
struct Guarded {
    start: *mut u8,
}

impl Guarded {
    fn new() -> Self {
        // SAFETY: new memory, of three pages.
        let start = unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            libc::mmap(ptr::null_mut(), 3 * PAGE, libc::PROT_NONE, flags, -1, 0)
        };
        assert!(start != libc::MAP_FAILED, "no memory");
        let start = start.cast::<u8>();
        // SAFETY: the middle one, which nobody uses yet.
        let code = unsafe { libc::mprotect(start.add(PAGE).cast(), PAGE, libc::PROT_READ | libc::PROT_WRITE) };
        assert_eq!(code, 0);
        Self { start }
    }

    /// Copies values to where they end at the page that faults, or start after the other one.
    #[allow(clippy::mut_from_ref)] // one array at a time has the room
    fn hold<T: Real>(&self, values: &[T], at_end: bool) -> &mut [T] {
        let offset = if at_end { PAGE - size_of_val(values) } else { 0 };
        // SAFETY: within the middle page, aligned since sizes are multiples of the alignment, and
        // initialised by the copy.
        unsafe {
            let place = self.start.add(PAGE + offset).cast::<T>();
            ptr::copy_nonoverlapping(values.as_ptr(), place, values.len());
            core::slice::from_raw_parts_mut(place, values.len())
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: mapped by `new`.
        unsafe { libc::munmap(self.start.cast(), 3 * PAGE) };
    }
}

/// Exponential losses, and base weights of which every fifth is zero.
fn samples<T: Real>(n: usize) -> (Vec<T>, Vec<T>) {
    let mut next = uniform(n as u64 + 1);
    let losses = (0..n).map(|_| T::from_f64(-next().ln())).collect();
    let base = (0..n).map(|i| T::from_f64(((i * 3 + 1) % 5) as f64)).collect();
    (losses, base)
}

fn every_length<T: Real>() {
    let rooms = [Guarded::new(), Guarded::new(), Guarded::new()];
    for n in 0..=300 {
        let (losses, base) = samples::<T>(n);
        for at_end in [false, true] {
            let [losses, base] = [(0, &losses), (1, &base)].map(|(room, values)| &*rooms[room].hold(values, at_end));
            let weights = rooms[2].hold(losses, at_end);
            for ordering in [Ordering::Hd, Ordering::Hr] {
                for (alpha, r) in [(0.05, 0.1), (0.3, 1e-7), (0.0, 1.0), (0.9, 0.0)] {
                    let params = Params { alpha, r, ordering, ..Params::default() };
                    for base in [None, Some(base)] {
                        assert_eq!(weights_into(losses, base, &params, weights).is_ok(), n > 0);
                        let columns = n.div_ceil(3).max(1);
                        let mut offsets: Vec<usize> = (0..n).step_by(columns).chain([n]).collect();
                        offsets.dedup();
                        let rows = Rows::Offsets(&offsets);
                        let result = weights_of_rows_into(losses, base, rows, &params, weights, |_, _| ());
                        assert!(result.is_ok() || base.is_some() || n == 0, "{result:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn nothing_beside_the_arrays_is_touched_f32() {
    every_length::<f32>();
}

#[test]
fn nothing_beside_the_arrays_is_touched_f64() {
    every_length::<f64>();
}

/// A participant's part of a problem, and the long passes with threads.
#[test]
fn nothing_beside_the_arrays_is_touched_by_the_other_forms() {
    let rooms = [Guarded::new(), Guarded::new(), Guarded::new()];
    for n in (1..=300).step_by(7).chain([PAGE / 8 - 1, PAGE / 8]) {
        let (losses, base) = samples::<f64>(n);
        for at_end in [false, true] {
            let [losses, base] = [(0, &losses), (1, &base)].map(|(room, values)| &*rooms[room].hold(values, at_end));
            let weights = rooms[2].hold(losses, at_end);
            for ordering in [Ordering::Hd, Ordering::Hr] {
                let params = Params { alpha: 0.05, r: 0.1, ordering, ..Params::default() };
                for base in [None, Some(base)] {
                    let mut sharded = Box::new(Sharded::new());
                    while let Step::Reduce(..) = sharded.step(losses, base, &params, weights).expect("valid") {}
                }
            }
        }
    }
}
