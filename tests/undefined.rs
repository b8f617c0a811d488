//! A few problems of every kind through every pointer: for Miri, which is too slow for more
//! (`make miri`).

#[allow(dead_code)]
#[path = "../fuzz/src/abi.rs"]
mod abi;

use hr_weights::{Ordering, Params, Real, Rows, Sharded, Step, weights_into, weights_of_rows_into};
use std::ffi::c_void;
use std::ptr;

/// Losses in no order, some of them equal.
fn losses<T: Real>(n: usize) -> Vec<T> {
    (0..n).map(|i| T::from_f64(((i * 7 + 3) % 11) as f64 * 0.25)).collect()
}

fn orderings() -> [Ordering; 2] {
    [Ordering::Hd, Ordering::Hr]
}

fn rust_interface<T: Real>() {
    // Of registers none, a part, some and a remainder.
    let (sizes, budgets): (&[usize], &[(f64, f64)]) = if cfg!(miri) {
        (&[0, 1, 7, 18], &[(0.1, 0.2), (0.0, 1e-7), (0.4, 0.0)])
    } else {
        (&[0, 1, 2, 7, 16, 33], &[(0.1, 0.2), (0.0, 1e-7), (0.4, 0.0), (0.05, f64::INFINITY)])
    };
    for &n in sizes {
        let losses = losses::<T>(n);
        let base: Vec<T> = (0..n).map(|i| T::from_f64((i % 3) as f64)).collect();
        let mut weights = vec![T::ZERO; n];
        for ordering in orderings() {
            for &(alpha, r) in budgets {
                let params = Params { alpha, r, ordering, ..Params::default() };
                for base in [None, Some(&base[..])] {
                    let result = weights_into(&losses, base, &params, &mut weights);
                    assert_eq!(result.is_ok(), n > 1 || (n == 1 && base.is_none()));
                }
                let rows = Rows::Offsets(&[0, n / 2, n]);
                assert!(weights_of_rows_into(&losses, None, rows, &params, &mut weights, |_, _| ()).is_ok());
            }
        }
    }
}

#[test]
fn rust_interface_f32() {
    rust_interface::<f32>();
}

#[test]
fn rust_interface_f64() {
    rust_interface::<f64>();
}

#[test]
fn steps_of_a_participant() {
    let losses = losses::<f64>(20);
    let mut weights = vec![0.0; 20];
    // Closing in on a threshold takes ten rounds of a kind, which Miri needs not see more than
    // once: `c_interface` has it.
    for (ordering, alpha) in orderings().into_iter().zip(if cfg!(miri) { [0.0; 2] } else { [0.1; 2] }) {
        let params = Params { alpha, r: 0.2, ordering, ..Params::default() };
        let mut solver = Box::new(Sharded::new());
        while let Step::Reduce(..) = solver.step(&losses, None, &params, &mut weights).expect("valid") {}
        assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}

unsafe extern "C" fn alone(context: *mut c_void, _: *mut f64, _: usize, _: i32) -> i32 {
    // SAFETY: the counter below.
    unsafe { *context.cast::<u32>() += 1 };
    0
}

#[test]
fn c_interface() {
    const N: usize = if cfg!(miri) { 6 } else { 17 };
    let losses = losses::<f64>(N);
    let (mut weights, mut range, mut number) = ([0.0_f64; N], [0.0_f64; 2], 0.0_f64);
    let groups: Vec<u32> = (0..17).map(|i| i % 3).take(N).collect();
    let (mut table, mut calls) = ([0.0_f64; 9], 0_u32);
    // What a struct says of its size matters before anything is solved: one of each kind is enough
    // for Miri.
    let (orderings, sizes): (&[i32], &[usize]) =
        if cfg!(miri) { (&[0], &[abi::REPORT, 7]) } else { (&[0, 1], &[abi::REPORT, 8, 16, 7]) };
    for &ordering in orderings {
        let options = abi::Bytes::of(&abi::options(0.1, 0.2, f64::NAN, ordering, 1));
        for &declared in sizes {
            let mut report = abi::Bytes::of(&declared.to_ne_bytes());
            let (options, report) = ((&raw const options).cast(), (&raw mut report).cast());
            let (from, to) = (losses.as_ptr(), weights.as_mut_ptr());
            let offsets = [0, 5, N];
            let base = ptr::null();
            // SAFETY: arrays of the sizes that are passed, and structs of the sizes that they
            // declare.
            let statuses = unsafe {
                [
                    abi::hrw_weights_f64(options, from, base, N, to, report),
                    abi::hrw_weights_groups_f64(
                        options,
                        from,
                        groups.as_ptr(),
                        N,
                        base,
                        3,
                        to,
                        table.as_mut_ptr(),
                        report,
                    ),
                    abi::hrw_calibrate_r_f64(
                        options,
                        from,
                        base,
                        N,
                        0,
                        2.0,
                        to,
                        report,
                        &raw mut number,
                        range.as_mut_ptr(),
                    ),
                    abi::hrw_calibrate_alpha_f64(
                        options,
                        from,
                        base,
                        N,
                        1,
                        (N / 2 + 1) as f64,
                        to,
                        report,
                        &raw mut number,
                        range.as_mut_ptr(),
                    ),
                    abi::hrw_weights_sharded_f64(
                        options,
                        from,
                        base,
                        N,
                        to,
                        report,
                        Some(alone),
                        (&raw mut calls).cast(),
                    ),
                    abi::hrw_weights_ragged_f64(options, from, base, offsets.as_ptr(), 2, to, ptr::null_mut()),
                    abi::hrw_certify_f64(from, N, 0.05, 0.1, 5.0, &raw mut number),
                    abi::hrw_certified_r(100, 0.05, &raw mut number),
                    // Every pointer that may not be NULL.
                    abi::hrw_weights_f64(ptr::null(), from, base, N, to, report) - 1,
                    abi::hrw_weights_f64(options, ptr::null(), base, N, to, ptr::null_mut()) - 1,
                ]
            };
            // A size that no report ever had.
            let refused = if declared == 7 { [2, 2, 2, 2, 2, 0, 0, 0, 0, 0] } else { [0; 10] };
            assert_eq!(statuses, refused, "{declared} bytes");
        }
    }
    assert!(calls > 0);
}
