//! Every refusal: the right error, the first offending sample, and an output that was not touched.

use hr_weights::{Error, Params, Real, Report, RowError, Rows, weights_into, weights_of_rows_into};

/// What the output holds before a call.
const UNTOUCHED: f32 = -7.0;

/// A valid set of parameters.
fn valid() -> Params {
    Params { alpha: 0.1, r: 0.1, ..Params::default() }
}

/// Calls the solver in one width and checks that an error leaves the output alone.
fn call<T: Real + From<f32> + std::fmt::Debug>(
    losses: &[T],
    base: Option<&[T]>,
    params: &Params,
    outputs: usize,
) -> Result<Report, Error> {
    let mut weights = vec![T::from(UNTOUCHED); outputs];
    let result = weights_into(losses, base, params, &mut weights);
    if result.is_err() {
        assert!(weights.iter().all(|w| *w == T::from(UNTOUCHED)), "{result:?} wrote {weights:?}");
    } else {
        assert!(weights.iter().all(|w| *w >= T::from(0.0)), "{result:?} left {weights:?}");
    }
    result
}

/// Asserts the error of the same call in both widths.
fn refuses(losses: &[f32], base: Option<&[f32]>, params: &Params, error: Error) {
    let wide = |values: &[f32]| values.iter().copied().map(f64::from).collect::<Vec<f64>>();
    let wide_base = base.map(wide);
    let context = format!("losses {losses:?}, base {base:?}, {params:?}");
    assert_eq!(call(losses, base, params, losses.len()).unwrap_err(), error, "f32, {context}");
    let result = call(&wide(losses), wide_base.as_deref(), params, losses.len());
    assert_eq!(result.unwrap_err(), error, "f64, {context}");
}

#[test]
fn no_samples() {
    refuses(&[], None, &valid(), Error::Empty);
    refuses(&[], Some(&[]), &valid(), Error::Empty);
}

#[test]
fn budgets() {
    for alpha in [f64::NAN, -1e-300, -1.0, 1.0 + f64::EPSILON, f64::INFINITY, f64::NEG_INFINITY] {
        refuses(&[1.0, 2.0], None, &Params { alpha, ..valid() }, Error::Alpha);
    }
    for r in [f64::NAN, -1e-300, -1.0, f64::NEG_INFINITY] {
        refuses(&[1.0, 2.0], None, &Params { r, ..valid() }, Error::R);
    }
    for (alpha, r) in [(-0.0, 0.1), (0.1, -0.0), (0.0, 0.0), (1.0, f64::INFINITY)] {
        assert!(call(&[1.0_f64, 2.0], None, &Params { alpha, r, ..valid() }, 2).is_ok());
    }
}

#[test]
fn worst_loss() {
    for worst in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.9, 2.0 - f64::EPSILON] {
        refuses(&[1.0, 2.0], None, &Params { worst_loss: Some(worst), ..valid() }, Error::WorstLoss);
    }
    // Equal to the largest loss is allowed, and what is masked has no say.
    let given = Params { worst_loss: Some(2.0), ..valid() };
    assert!(call(&[1.0_f64, 2.0], None, &given, 2).is_ok());
    assert!(call(&[1.0_f64, 2.0, 9.0], Some(&[1.0, 1.0, 0.0]), &given, 3).is_ok());
}

#[test]
fn base_weights() {
    for bad in [-1.0, -f32::MIN_POSITIVE, f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for index in 0..40 {
            let mut base = [1.0; 40];
            base[index] = bad;
            base[39] = bad;
            let error = Error::BaseWeights { index: Some(index) };
            refuses(&[0.5; 40], Some(&base), &valid(), error);
        }
    }
    refuses(&[1.0, 2.0], Some(&[0.0, 0.0]), &valid(), Error::BaseWeights { index: None });
    refuses(&[1.0, 2.0], Some(&[-0.0, 0.0]), &valid(), Error::BaseWeights { index: None });
}

#[test]
fn losses() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for index in 0..40 {
            let mut losses = [0.5; 40];
            losses[index] = bad;
            losses[39] = bad;
            refuses(&losses, None, &valid(), Error::NonFiniteLoss { index });
            refuses(&losses, Some(&[1.0; 40]), &valid(), Error::NonFiniteLoss { index });
        }
        // The first sample is masked: it may hold anything, and the second is the first offender.
        let error = Error::NonFiniteLoss { index: 1 };
        refuses(&[bad, bad, 1.0], Some(&[0.0, 1.0, 1.0]), &valid(), error);
        assert!(call(&[bad, 2.0, 1.0], Some(&[0.0, 1.0, 1.0]), &valid(), 3).is_ok());
        assert!(call(&[bad, 2.0, 1.0], Some(&[-0.0, 1.0, 1.0]), &valid(), 3).is_ok());
    }
}

#[test]
fn lengths() {
    let losses = [1.0_f64, 2.0, 3.0];
    for outputs in [0, 2, 4] {
        let error = Error::Lengths { losses: 3, other: outputs };
        assert_eq!(call(&losses, None, &valid(), outputs).unwrap_err(), error);
    }
    for base in [&[][..], &[1.0; 2], &[1.0; 4]] {
        let error = Error::Lengths { losses: 3, other: base.len() };
        assert_eq!(call(&losses, Some(base), &valid(), 3).unwrap_err(), error);
    }
}

#[test]
fn messages_name_the_sample() {
    assert!(Error::NonFiniteLoss { index: 17 }.to_string().contains("17"));
    assert!(Error::BaseWeights { index: Some(23) }.to_string().contains("23"));
    let lengths = Error::Lengths { losses: 31, other: 42 }.to_string();
    assert!(lengths.contains("31") && lengths.contains("42"));
}

/// The numbers that C programs see, as the header has them.
#[test]
fn statuses_are_those_of_the_header() {
    let header = include_str!("../include/hr_weights.h");
    let of_name = |name: &str| {
        let value = header.lines().find_map(|line| line.trim().strip_prefix(name)?.trim().strip_prefix('='));
        value.unwrap_or_else(|| panic!("no {name}")).trim().trim_end_matches(',').parse::<i32>().expect("a number")
    };
    for (error, name) in [
        (Error::Empty, "HRW_EMPTY"),
        (Error::Alpha, "HRW_ALPHA"),
        (Error::R, "HRW_R"),
        (Error::Ordering, "HRW_ORDERING"),
        (Error::WorstLoss, "HRW_WORST_LOSS"),
        (Error::BaseWeights { index: Some(1) }, "HRW_BASE_WEIGHTS"),
        (Error::BaseWeights { index: None }, "HRW_BASE_WEIGHTS"),
        (Error::NonFiniteLoss { index: 2 }, "HRW_NON_FINITE_LOSS"),
        (Error::Delta, "HRW_DELTA"),
        (Error::Offsets, "HRW_OFFSETS"),
        (Error::Reduce, "HRW_REDUCE"),
        (Error::Group { index: 1 }, "HRW_GROUP"),
    ] {
        assert_eq!(error.status(), of_name(name), "{error:?}");
    }
    assert_eq!(Error::Elsewhere { status: 42 }.status(), 42);
}

#[test]
fn rows_that_do_not_divide_the_samples() {
    let solve = |samples: usize, rows: Rows<'_>| {
        let mut weights = vec![f64::from(UNTOUCHED); samples];
        let result = weights_of_rows_into(&vec![1.0; samples], None, rows, &valid(), &mut weights, |_, _| ());
        assert!(result.is_ok() || weights.iter().all(|w| *w == f64::from(UNTOUCHED)), "{rows:?} wrote {weights:?}");
        result
    };
    let refusal = Err(RowError { row: 0, error: Error::Offsets });
    for offsets in [&[][..], &[1], &[0], &[1, 4], &[0, 3], &[0, 5], &[0, 3, 2, 4], &[0, 5, 4], &[4, 0, 4]] {
        assert_eq!(solve(4, Rows::Offsets(offsets)), refusal, "{offsets:?}");
    }
    for columns in [0, 3, 5] {
        assert_eq!(solve(4, Rows::Of(columns)), refusal, "rows of {columns}");
    }
    for rows in [Rows::Offsets(&[0, 4]), Rows::Offsets(&[0, 0, 1, 4, 4]), Rows::Of(1), Rows::Of(2), Rows::Of(4)] {
        assert_eq!(solve(4, rows), Ok(()), "{rows:?}");
    }
    for rows in [Rows::Offsets(&[0]), Rows::Offsets(&[0, 0]), Rows::Of(0), Rows::Of(3)] {
        assert_eq!(solve(0, rows), Ok(()), "{rows:?}");
    }
}
