//! Elementary functions where the textbook form would cancel.

pub(crate) use libm::{exp, floor, fma, log, sqrt};

/// `1 / (2 k + 1)` for k from 1 to 13: divided here, not for every sample, since some machines
/// divide slowly. For `|s| <= 1/4` the terms `2 s^(2k+1) / (2k+1)` fall by a factor of sixteen;
/// thirteen reach the last bit.
static ODD_RECIPROCALS: [f64; 13] = {
    let mut terms = [0.0; 13];
    let mut k = 0;
    while k < terms.len() {
        terms[k] = 1.0 / (2 * k + 3) as f64;
        k += 1;
    }
    terms
};

/// From this e on the logarithm itself is used: `|log y - e|` is then above a fifth of `|e|`, and
/// little cancels. A larger limit would need more terms of the series.
const SMALL: f64 = 0.4;

/// `log(y) - e` for `y = 1 + e > 0`, to full relative precision however small e is.
///
/// The caller passes both: y keeps its digits where e is close to -1, e keeps its digits where y is
/// close to 1.
#[inline]
pub(crate) fn log_minus_excess(y: f64, e: f64) -> f64 {
    if e.abs() > SMALL {
        return log(y) - e;
    }
    // log y = 2 atanh(s) with s = e / (2 + e), and e = 2 s / (1 - s): the linear terms leave -s e.
    let s = e / (1.0 + y);
    let s2 = s * s;
    let series = ODD_RECIPROCALS.iter().rev().fold(0.0, |series, term| series * s2 + term);
    2.0 * s * s2 * series - s * e
}

/// For `y = 1 + e > 0`, both passed as to [`log_minus_excess`]: `log y` less a term t of first
/// order, `1 / y - 1` plus t, and -t. Below y = 1 the term is e and above it `1 - 1 / y`: each
/// stays below one on its side, and nothing cancels.
#[inline]
pub(crate) fn developed(y: f64, e: f64) -> [f64; 3] {
    let tilt = e / y;
    if e < 0.0 { [log_minus_excess(y, e), e * tilt, -e] } else { [-log_minus_excess(1.0 / y, -tilt), 0.0, -tilt] }
}

/// `log(1 + x)` for x > -1. (The library's would be one more function to link, and no better.)
pub(crate) fn log1p(x: f64) -> f64 {
    /// Above it the rounding of `1 + x` is not felt. The logarithm is the faster one.
    const LARGE: f64 = 0.15;
    if x.abs() > LARGE { log(1.0 + x) } else { x + log_minus_excess(1.0 + x, x) }
}

/// `exp(x) - 1`: what rounding has added to `exp x` is in its logarithm too (Kahan). (The library's
/// would be one more function to link, and no better.)
pub(crate) fn expm1(x: f64) -> f64 {
    let y = exp(x);
    let less = y - 1.0;
    // Where x is lost beside one, or less than half of y, nothing is to be mended.
    if less == 0.0 {
        x
    } else if less.abs() > 0.5 {
        less
    } else {
        less * (x / log(y))
    }
}

/// Adds a term to `sum`; what the addition loses is kept in `rest` (Neumaier), so that their sum at
/// the end is right to rounding.
#[inline]
pub(crate) fn add_compensated(sum: &mut f64, rest: &mut f64, term: f64) {
    let next = *sum + term;
    *rest += if sum.abs() >= term.abs() { (*sum - next) + term } else { (term - next) + *sum };
    *sum = next;
}

/// Two to the power of `exponent`, which must be that of a normal number.
pub(crate) fn power_of_two(exponent: i32) -> f64 {
    libm::ldexp(1.0, exponent)
}

/// The exponent e of a positive value: it is in `[2^(e-1), 2^e)`.
pub(crate) fn exponent(value: f64) -> i32 {
    libm::frexp(value).1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values from 60-digit arithmetic, over the seam at 0.4 and down to where `log(y) - e` in
    /// floating point is zero.
    #[test]
    fn log_minus_excess_keeps_its_digits() {
        let cases = [
            (1e-100, -5e-201),
            (1e-9, -4.999_999_996_666_667e-19),
            (-1e-3, -5.003_335_835_335_001e-7),
            (0.25, -2.685_644_868_579_025_4e-2),
            (-0.375, -9.500_362_924_573_556e-2),
            (0.4375, -7.459_450_631_063_155e-2),
            (-0.5, -1.931_471_805_599_453e-1),
            (3.0, -1.613_705_638_880_109_4),
        ];
        for (e, exact) in cases {
            let error = (log_minus_excess(1.0 + e, e) / exact - 1.0_f64).abs();
            assert!(error < 1e-15, "e = {e}: relative error {error}");
        }
    }

    #[test]
    fn log1p_keeps_its_digits() {
        for x in [1e-300, 1e-17, -3e-9, 1e-3, -0.3, 0.39, 0.41, -0.69, -0.999, 1.5, 300.0] {
            let (own, exact) = (log1p(x), libm::log1p(x));
            assert!((own - exact).abs() <= 1e-15 * exact.abs(), "{own:e} instead of {exact:e} at {x}");
        }
        assert_eq!(log1p(-1.0), f64::NEG_INFINITY);
    }

    #[test]
    fn expm1_keeps_its_digits() {
        for x in [-800.0, -40.0, -0.7, -0.4, -1e-3, -1e-16, 0.0, 1e-300, 1e-9, 0.1, 0.41, 3.0, 700.0, 800.0] {
            let (value, exact) = (expm1(x), libm::expm1(x));
            let is_same = value == exact || (value - exact).abs() <= 4.0 * f64::EPSILON * exact.abs();
            assert!(is_same, "{x}: {value:e} is not {exact:e}");
        }
    }

    #[test]
    fn compensated_sums_lose_nothing() {
        // Terms that are lost beside the sum, and sums that are lost beside a term; all exact in
        // the end.
        let cases: [&[f64]; 4] = [
            &[1.0, 1e100, 1.0, -1e100],
            &[1e100, 3.0, -1e100, 4.0],
            &[-1e100, -3.0, 1e100, 0.5],
            &[3.0, -1e100, 0.25, 1e100, 1e-3],
        ];
        for (terms, exact) in cases.into_iter().zip([2.0, 7.0, -2.5, 3.251]) {
            let (mut sum, mut rest) = (0.0, 0.0);
            for &term in terms {
                add_compensated(&mut sum, &mut rest, term);
            }
            assert_eq!(sum + rest, exact, "{terms:?}");
        }
    }
}
