//! Calibration, groups and certificates through the C interface, with any numbers.
#![no_main]

use hr_weights_fuzz::abi::{self, Bytes};
use hr_weights_fuzz::{check::POISON, input};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use std::ptr;

fn options(u: &mut Unstructured<'_>) -> Result<(hr_weights::Params, Bytes)> {
    let params = input::params(u)?;
    let ordering = u.int_in_range(0..=1)?;
    let bytes = abi::options(params.alpha, params.r, params.worst_loss.unwrap_or(f64::NAN), ordering, 1);
    Ok((params, Bytes::of(&bytes)))
}

fn is_distribution(weights: &[f64]) -> bool {
    weights.iter().all(|weight| (0.0..=1.0 + 1e-12).contains(weight)) && weights.iter().sum::<f64>() <= 1.0 + 1e-12
}

fn calibrate(u: &mut Unstructured<'_>) -> Result<()> {
    let (params, options) = options(u)?;
    let (losses, base) = input::samples(u, 24)?;
    let quantity = if u.ratio(7, 8)? { u.int_in_range(0..=2)? } else { u.arbitrary()? };
    let target = if u.arbitrary()? { input::fraction(u)? * 8.0 } else { input::number(u)? };
    let function = if u.arbitrary()? { abi::hrw_calibrate_r_f64 } else { abi::hrw_calibrate_alpha_f64 };
    if std::env::var_os("SHOW_INPUT").is_some() {
        eprintln!("{params:?} {:?} {losses:?} {base:?} {quantity} {target}", &options.0[..40]);
    }
    let mut weights = vec![POISON; losses.len()];
    let (mut budget, mut range) = (POISON, [POISON; 2]);
    // SAFETY: the arrays have n elements.
    let status = unsafe {
        function(
            (&raw const options).cast(),
            losses.as_ptr(),
            base.as_ref().map_or(ptr::null(), |base| base.as_ptr()),
            losses.len(),
            quantity,
            target,
            weights.as_mut_ptr(),
            ptr::null_mut(),
            &raw mut budget,
            range.as_mut_ptr(),
        )
    };
    assert!((0..=17).contains(&status), "status {status}");
    if status == abi::OK {
        assert!(
            budget >= 0.0 && is_distribution(&weights),
            "budget {budget}: {weights:?} of {losses:?} {params:?} {quantity} {target}"
        );
        let (low, high) = (range[0].min(range[1]), range[0].max(range[1]));
        let rounding = 1e-9 * high.abs().max(low.abs()).max(params.worst_loss.map_or(0.0, f64::abs));
        // (Without a weight on any sample there are infinitely many effective ones, to which
        // rounding adds nothing.)
        let is_inside = (low..=high).contains(&target) || (low - rounding..=high + rounding).contains(&target);
        assert!(is_inside, "{target} outside {range:?}: {losses:?}");
    } else {
        assert!(budget == POISON);
        assert!(status == abi::TARGET || (weights.iter().all(|weight| *weight == POISON) && range == [POISON; 2]));
    }
    Ok(())
}

fn groups(u: &mut Unstructured<'_>) -> Result<()> {
    let (_, options) = options(u)?;
    let (losses, _) = input::samples(u, 60)?;
    let count = u.int_in_range(0..=9_usize)?;
    let mut groups = Vec::new();
    for _ in 0..losses.len() {
        let group =
            if u.ratio(63, 64)? { u.int_in_range(0..=count.saturating_sub(1))? as u32 } else { u.arbitrary()? };
        groups.push(group);
    }
    let mut base = input::numbers(u, count)?;
    base.resize(count, 1.0);
    let base = if u.arbitrary()? { base.as_ptr() } else { ptr::null() };
    let mut weights = vec![POISON; losses.len()];
    // Room for what the header asks, and more.
    let mut table = vec![POISON; 8 * count + 8];
    // SAFETY: the arrays have the sizes that are passed.
    let status = unsafe {
        abi::hrw_weights_groups_f64(
            (&raw const options).cast(),
            losses.as_ptr(),
            groups.as_ptr(),
            losses.len(),
            base,
            count,
            weights.as_mut_ptr(),
            table.as_mut_ptr(),
            ptr::null_mut(),
        )
    };
    assert!((0..=17).contains(&status), "status {status}");
    if status == abi::OK {
        assert!(is_distribution(&weights));
    } else {
        assert!(weights.iter().all(|weight| *weight == POISON), "an output was touched, status {status}");
    }
    Ok(())
}

fn certificate(u: &mut Unstructured<'_>) -> Result<()> {
    let losses = input::numbers(u, 60)?;
    let (alpha, delta, worst_loss) = (input::number(u)?, input::number(u)?, input::number(u)?);
    let (mut bound, mut r) = (POISON, POISON);
    // SAFETY: the array has n elements.
    let status =
        unsafe { abi::hrw_certify_f64(losses.as_ptr(), losses.len(), alpha, delta, worst_loss, &raw mut bound) };
    assert!((0..=17).contains(&status), "status {status}");
    if status == abi::OK {
        let mean = losses.iter().map(|loss| loss / losses.len() as f64).sum::<f64>();
        let rounding = 1e-12 * (worst_loss.abs() + losses.iter().fold(0.0, |most: f64, loss| most.max(loss.abs())));
        assert!(bound >= mean - rounding && bound <= worst_loss + rounding, "bound {bound:e}, mean {mean:e}");
    } else {
        assert!(bound == POISON);
    }
    // SAFETY: a place for one number.
    let status = unsafe { abi::hrw_certified_r(u.arbitrary()?, delta, &raw mut r) };
    assert!(if status == abi::OK { r >= 0.0 } else { r == POISON });
    Ok(())
}

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    match u.int_in_range(0..=2_u8)? {
        0 => calibrate(u),
        1 => groups(u),
        _ => certificate(u),
    }
}

fuzz_target!(|data: &[u8]| {
    let _ = run(&mut Unstructured::new(data));
});
