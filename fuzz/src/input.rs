//! Bytes become numbers and problems: any bits, and often such as are near what the solver decides
//! on.

use crate::support::Problem;
use hr_weights::{Ordering, Params};
use libfuzzer_sys::arbitrary::{Result, Unstructured};

/// Numbers on which code like this breaks.
const SPECIAL: [f64; 16] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::MAX,
    f64::MIN,
    f64::MIN_POSITIVE,
    5e-324,
    1e300,
    -1e300,
    1e-300,
    1e6,
    f64::EPSILON,
];

/// A number: a small one, a fraction, a special one, or any bits.
pub fn number(u: &mut Unstructured<'_>) -> Result<f64> {
    Ok(match u.int_in_range(0..=7_u8)? {
        0..=2 => f64::from(u.arbitrary::<u8>()?) / 8.0,
        3..=5 => fraction(u)?,
        6 => SPECIAL[u.choose_index(SPECIAL.len())?],
        _ => u.arbitrary()?,
    })
}

/// A number in [0, 1).
pub fn fraction(u: &mut Unstructured<'_>) -> Result<f64> {
    Ok(f64::from(u.arbitrary::<u32>()?) / 4_294_967_296.0)
}

/// Up to `most` numbers, with repetitions of those before.
pub fn numbers(u: &mut Unstructured<'_>, most: usize) -> Result<Vec<f64>> {
    let n = u.int_in_range(0..=most)?;
    let mut values: Vec<f64> = Vec::with_capacity(n);
    while values.len() < n {
        let value = match values.len() {
            0 => number(u)?,
            known if u.ratio(1, 4)? => values[u.choose_index(known)?],
            _ => number(u)?,
        };
        values.push(value);
    }
    Ok(values)
}

/// Losses and base weights of one length, or base weights of none.
pub fn samples(u: &mut Unstructured<'_>, most: usize) -> Result<(Vec<f64>, Option<Vec<f64>>)> {
    let losses = numbers(u, most)?;
    let base = if u.arbitrary()? {
        let mut base = numbers(u, losses.len())?;
        base.resize(losses.len(), 1.0);
        Some(base)
    } else {
        None
    };
    Ok((losses, base))
}

/// Parameters, mostly valid ones.
pub fn params(u: &mut Unstructured<'_>) -> Result<Params> {
    let alpha = if u.ratio(3, 4)? { fraction(u)? * f64::from(u.int_in_range(0..=1_u8)?) } else { number(u)? };
    let r = if u.ratio(3, 4)? { 10_f64.powf(12.0 * fraction(u)? - 10.0) } else { number(u)? };
    let worst_loss = if u.ratio(1, 3)? { Some(number(u)?) } else { None };
    let ordering = if u.arbitrary()? { Ordering::Hd } else { Ordering::Hr };
    Ok(Params { alpha, r, ordering, worst_loss, threads: 1 })
}

/// The problem as the tests have it.
pub(crate) fn problem(losses: &[f64], base: Option<&[f64]>, params: &Params) -> Problem {
    Problem {
        losses: losses.to_vec(),
        base: base.map(<[f64]>::to_vec),
        alpha: params.alpha,
        r: params.r,
        ordering: params.ordering,
        worst_loss: params.worst_loss,
    }
}
