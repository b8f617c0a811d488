//! Options and reports of any bytes, any number of rows: nothing outside what the structs declare
//! is read or written, and no output is touched on an error.
#![no_main]

use hr_weights_fuzz::abi::{self, BAD_INDEX, Bytes, OPTIONS, REPORT};
use hr_weights_fuzz::{check::POISON, input};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use std::ptr;

/// A struct: mostly of a plausible size.
fn bytes(u: &mut Unstructured<'_>, size: usize, valid: &[u8]) -> Result<Bytes> {
    let mut start = if u.ratio(2, 3)? { valid.to_vec() } else { u.bytes(size)?.to_vec() };
    if u.ratio(1, 3)? {
        let declared = if u.arbitrary()? { u.int_in_range(0..=2 * size)? } else { u.arbitrary()? };
        start[..8].copy_from_slice(&declared.to_ne_bytes());
    }
    Ok(Bytes::of(&start))
}

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    let params = input::params(u)?;
    let ordering = if u.ratio(7, 8)? { u.int_in_range(0..=1)? } else { u.arbitrary()? };
    let threads = if u.ratio(7, 8)? { 1 } else { u.arbitrary()? };
    let valid = abi::options(params.alpha, params.r, params.worst_loss.unwrap_or(f64::NAN), ordering, threads);
    let options = bytes(u, OPTIONS, &valid)?;
    let mut empty = [0; REPORT];
    empty[..8].copy_from_slice(&REPORT.to_ne_bytes());
    let mut report = bytes(u, REPORT, &empty)?;
    let before = report;
    let (losses, base) = input::samples(u, 40)?;
    let mut weights = vec![POISON; losses.len()];
    let with_report: bool = u.arbitrary()?;
    let report_pointer = if with_report { (&raw mut report).cast() } else { ptr::null_mut() };
    let base_pointer = base.as_ref().map_or(ptr::null(), |base| base.as_ptr());
    let options_pointer = (&raw const options).cast();
    // SAFETY: the arrays have n elements, and structs lie within 256 bytes, beyond which no known
    // size reaches.
    let status = unsafe {
        if u.arbitrary()? {
            let offsets = [0, losses.len()];
            let (losses, weights) = (losses.as_ptr(), weights.as_mut_ptr());
            abi::hrw_weights_ragged_f64(
                options_pointer,
                losses,
                base_pointer,
                offsets.as_ptr(),
                1,
                weights,
                report_pointer,
            )
        } else {
            let (n, losses, weights) = (losses.len(), losses.as_ptr(), weights.as_mut_ptr());
            abi::hrw_weights_f64(options_pointer, losses, base_pointer, n, weights, report_pointer)
        }
    };
    assert!((0..=17).contains(&status), "status {status}");
    let declared = before.declared();
    if status == abi::OK {
        assert!(!with_report || declared <= REPORT);
        let wrote = if with_report { declared } else { 0 };
        assert_eq!(report.0[wrote..], before.0[wrote..], "bytes beyond the report");
        assert!(
            weights.iter().all(|weight| (0.0..=1.0 + 1e-12).contains(weight)),
            "{weights:?} of {losses:?}, {base:?} {:?}",
            &options.0[..OPTIONS]
        );
    } else {
        assert!(weights.iter().all(|weight| *weight == POISON), "an output was touched, status {status}");
        for (place, (byte, old)) in report.0.iter().zip(&before.0).enumerate() {
            let may = (BAD_INDEX..BAD_INDEX + 8).contains(&place) && declared >= BAD_INDEX + 8 && declared <= REPORT;
            assert!(may || byte == old, "byte {place} of the report was touched, status {status}");
        }
    }
    Ok(())
}

fuzz_target!(|data: &[u8]| {
    let _ = run(&mut Unstructured::new(data));
});
