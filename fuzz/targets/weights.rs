//! One problem, any numbers: the answer is right or the refusal is the documented one.
#![no_main]

use hr_weights_fuzz::{check, input};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    let params = input::params(u)?;
    let (losses, base) = input::samples(u, 80)?;
    check::both_widths(&losses, base.as_deref(), &params);
    Ok(())
}

fuzz_target!(|data: &[u8]| {
    let _ = run(&mut Unstructured::new(data));
});
