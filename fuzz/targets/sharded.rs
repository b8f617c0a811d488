//! One problem over several participants: honest reductions give the answer of the whole, and
//! whatever else a reduction does, the solve ends.
#![no_main]

use core::ffi::c_void;
use hr_weights::{Error, Operation, Ordering, Sharded, Step, weights_into};
use hr_weights_fuzz::{abi, check, input};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;

/// The promise of the documentation.
const MOST_CALLS: usize = 64;

/// Participants in lockstep.
fn together(u: &mut Unstructured<'_>) -> Result<()> {
    let params = input::params(u)?;
    let (losses, base) = input::samples(u, 120)?;
    let mut cuts = vec![0, losses.len()];
    for _ in 0..u.int_in_range(0..=4)? {
        cuts.push(u.int_in_range(0..=losses.len())?);
    }
    cuts.sort_unstable();
    let parts: Vec<_> = cuts.windows(2).map(|pair| pair[0]..pair[1]).collect();
    let mut weights = vec![check::POISON; losses.len()];
    let mut solvers = vec![Sharded::new(); parts.len()];
    let mut calls = 0;
    let reports = loop {
        let mut steps = Vec::new();
        let mut rest = &mut weights[..];
        for (solver, part) in solvers.iter_mut().zip(&parts) {
            let (own, others) = rest.split_at_mut(part.len());
            rest = others;
            let base = base.as_ref().map(|base| &base[part.clone()]);
            steps.push(solver.step(&losses[part.clone()], base, &params, own));
        }
        let ended = steps.iter().filter(|step| !matches!(step, Ok(Step::Reduce(..)))).count();
        if ended > 0 {
            assert_eq!(ended, steps.len(), "some would wait for ever");
            break steps
                .into_iter()
                .map(|step| step.map(|step| if let Step::Done(report) = step { Some(report) } else { None }))
                .collect::<Vec<_>>();
        }
        calls += 1;
        assert!(calls <= MOST_CALLS, "{calls} calls: {params:?} {losses:?} {base:?} {cuts:?}");
        let mut messages: Vec<_> = steps
            .into_iter()
            .filter_map(
                |step| if let Ok(Step::Reduce(operation, values)) = step { Some((operation, values)) } else { None },
            )
            .collect();
        let operation = messages[0].0;
        for place in 0..messages[0].1.len() {
            let values = messages.iter().map(|(_, values)| values[place]);
            let joined = match operation {
                Operation::Sum => values.sum::<f64>(),
                Operation::Max => values.fold(f64::NEG_INFINITY, f64::max),
            };
            assert!(!joined.is_nan(), "NaN in a message");
            messages.iter_mut().for_each(|(_, values)| values[place] = joined);
        }
    };
    match check::expected(&losses, base.as_deref(), &params) {
        Some(_) => assert!(reports.iter().all(Result::<_, Error>::is_err), "accepted"),
        None => {
            let mut alone = vec![0.0; losses.len()];
            let whole = weights_into(&losses, base.as_deref(), &params, &mut alone).expect("valid");
            for report in reports {
                let report = report.expect("valid").expect("done");
                let span = whole.worst_loss - losses.iter().copied().fold(f64::INFINITY, f64::min);
                assert!(
                    check::same_value(report.robust_loss, whole.robust_loss, span),
                    "{report:?} against {whole:?}: {params:?} {losses:?} {base:?} {cuts:?}"
                );
            }
            for (one, many) in alone.iter().zip(&weights) {
                assert!(
                    (one - many).abs() <= 2e-12,
                    "weight {many:e} against {one:e}: {params:?} {losses:?} {base:?} {cuts:?}"
                );
            }
        }
    }
    Ok(())
}

/// What a bad engine does to a message: bytes that say so, and a count of the calls.
struct Saboteur<'a> {
    bytes: &'a [u8],
    calls: usize,
}

unsafe extern "C" fn sabotage(context: *mut c_void, values: *mut f64, count: usize, _: i32) -> i32 {
    // SAFETY: as passed below, and as the interface promises.
    let (saboteur, values) =
        unsafe { (&mut *context.cast::<Saboteur<'_>>(), core::slice::from_raw_parts_mut(values, count)) };
    saboteur.calls += 1;
    let mut u = Unstructured::new(saboteur.bytes);
    let failed = u.ratio(1, 32).unwrap_or(false);
    for _ in 0..u.int_in_range(0..=4).unwrap_or(0) {
        let (Ok(place), Ok(value)) = (u.choose_index(count.max(1)), input::number(&mut u)) else { break };
        if place < count {
            values[place] = value;
        }
    }
    let used = saboteur.bytes.len() - u.len();
    saboteur.bytes = &saboteur.bytes[used..];
    i32::from(failed)
}

/// One participant whose messages come back changed.
fn sabotaged(u: &mut Unstructured<'_>) -> Result<()> {
    let params = input::params(u)?;
    let (losses, base) = input::samples(u, 60)?;
    let ordering = i32::from(params.ordering == Ordering::Hr);
    let options =
        abi::Bytes::of(&abi::options(params.alpha, params.r, params.worst_loss.unwrap_or(f64::NAN), ordering, 1));
    let mut weights = vec![0.0; losses.len()];
    let bytes = u.bytes(u.len())?;
    let mut saboteur = Saboteur { bytes, calls: 0 };
    let base_pointer = base.as_ref().map_or(core::ptr::null(), |base| base.as_ptr());
    // SAFETY: the arrays have n elements, the options are valid bytes.
    let status = unsafe {
        abi::hrw_weights_sharded_f64(
            (&raw const options).cast(),
            losses.as_ptr(),
            base_pointer,
            losses.len(),
            weights.as_mut_ptr(),
            core::ptr::null_mut(),
            Some(sabotage),
            (&raw mut saboteur).cast(),
        )
    };
    assert!((0..=17).contains(&status), "status {status}");
    // Who lies about sums may make a search longer, not endless.
    assert!(saboteur.calls <= 1000, "{} calls", saboteur.calls);
    Ok(())
}

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    if u.arbitrary()? { together(u) } else { sabotaged(u) }
}

fuzz_target!(|data: &[u8]| {
    let _ = run(&mut Unstructured::new(data));
});
