//! Rows of a matrix and ragged rows with any offsets: the bits of the rows alone, or the first bad
//! row, and nothing written.
#![no_main]

use hr_weights::{Error, Rows, weights_into, weights_of_rows_into};
use hr_weights_fuzz::{check, check::POISON, input};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use std::sync::Mutex;

/// Where the rows start and end, if they divide the samples.
fn ranges(rows: Rows<'_>, samples: usize) -> Option<Vec<(usize, usize)>> {
    match rows {
        Rows::Of(0) => (samples == 0).then(Vec::new),
        Rows::Of(columns) => {
            let exact = samples % columns == 0;
            exact.then(|| (0..samples / columns).map(|row| (row * columns, (row + 1) * columns)).collect())
        }
        Rows::Offsets(offsets) => {
            let sound = offsets.first() == Some(&0)
                && offsets.windows(2).all(|pair| pair[0] <= pair[1])
                && offsets.last() == Some(&samples);
            sound.then(|| offsets.windows(2).map(|pair| (pair[0], pair[1])).collect())
        }
    }
}

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    let params = input::params(u)?;
    let (losses, base) = input::samples(u, 200)?;
    let base = base.as_deref();
    let offsets: Vec<usize>;
    let rows = if u.arbitrary()? {
        Rows::Of(u.int_in_range(0..=20)?)
    } else {
        let mut cuts: Vec<usize> = Vec::new();
        for _ in 0..u.int_in_range(0..=12)? {
            cuts.push(if u.ratio(1, 16)? { u.arbitrary()? } else { u.int_in_range(0..=losses.len())? });
        }
        if u.ratio(7, 8)? {
            cuts.extend([0, losses.len()]);
            cuts.sort_unstable();
        }
        offsets = cuts;
        Rows::Offsets(&offsets)
    };
    if std::env::var_os("SHOW_INPUT").is_some() {
        eprintln!("{params:?} {losses:?} {base:?} {rows:?}");
    }
    let mut weights = vec![POISON; losses.len()];
    let reports = Mutex::new(Vec::new());
    let result = weights_of_rows_into(&losses, base, rows, &params, &mut weights, |row, report| {
        reports.lock().unwrap().push((row, report.robust_loss.to_bits()));
    });

    let Some(ranges) = ranges(rows, losses.len()) else {
        let error = result.unwrap_err();
        assert_eq!((error.row, error.error), (0, Error::Offsets));
        assert!(weights.iter().all(|weight| *weight == POISON) && reports.lock().unwrap().is_empty());
        return Ok(());
    };
    let mut want = vec![POISON; losses.len()];
    let mut want_reports = Vec::new();
    let mut bad = None;
    for (row, (start, end)) in ranges.into_iter().enumerate().filter(|(_, (start, end))| start < end) {
        let base = base.map(|base| &base[start..end]);
        match weights_into(&losses[start..end], base, &params, &mut want[start..end]) {
            Ok(report) => want_reports.push((row, report.robust_loss.to_bits())),
            Err(error) => bad = bad.or(Some((row, error))),
        }
    }
    // What is wrong with the parameters is wrong with the whole.
    if check::expected(&[0.0], None, &hr_weights::Params { worst_loss: None, ..params }).is_some()
        || params.worst_loss.is_some_and(|worst| !worst.is_finite())
    {
        bad = bad.map(|(_, error)| (0, error));
    }
    match (result, bad) {
        (Ok(()), None) => {
            let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&weights), bits(&want));
            let mut reports = reports.into_inner().unwrap();
            reports.sort_unstable();
            assert_eq!(reports, want_reports);
        }
        (Err(error), Some(bad)) => {
            assert_eq!((error.row, error.error), bad);
            assert!(weights.iter().all(|weight| *weight == POISON) && reports.lock().unwrap().is_empty());
        }
        // Parameters are looked at even if there is no row.
        (Err(error), None) => assert!(want_reports.is_empty() && error.row == 0, "{error:?}"),
        (Ok(()), Some(bad)) => panic!("accepted, though {bad:?}"),
    }
    Ok(())
}

fuzz_target!(|data: &[u8]| {
    let _ = run(&mut Unstructured::new(data));
});
