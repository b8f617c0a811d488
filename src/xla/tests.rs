//! The handler, called as XLA calls it.

use core::ffi::{CStr, c_int, c_void};
use core::ptr::{null, null_mut};
use std::cell::RefCell;

use super::api::{
    Api, ApiVersion, Attributes, BUFFER, Buffer, Buffers, ByteSpan, CallFrame, EXTENSION_METADATA, Error,
    ErrorCreateArgs, Extension, F32, F64, Metadata, MetadataExtension, S32, SCALAR, Scalar, U32,
};
use super::hrw_xla_weights;
use super::sharded::hrw_xla_sharded_step;
use crate::frameworks::INVALID_ARGUMENT;
use crate::sharded::LARGEST_MESSAGE;
use crate::{Ordering, Params, Sharded, weights_into};

thread_local! {
    static RAISED: RefCell<Option<(c_int, String)>> = const { RefCell::new(None) };
}

/// What XLA does with an error, as far as a handler can see.
unsafe extern "C" fn create(args: *mut ErrorCreateArgs) -> *mut Error {
    // SAFETY: the handler passes valid arguments.
    let (code, message) = unsafe { ((*args).code, CStr::from_ptr((*args).message)) };
    RAISED.with_borrow_mut(|raised| *raised = Some((code, message.to_str().unwrap().to_owned())));
    core::ptr::dangling_mut()
}

fn buffer<T>(dtype: c_int, data: &mut [T], dims: &[i64]) -> Buffer {
    Buffer {
        struct_size: size_of::<Buffer>(),
        extension_start: null_mut(),
        dtype,
        data: data.as_mut_ptr().cast(),
        rank: i64::try_from(dims.len()).unwrap(),
        dims: dims.as_ptr(),
    }
}

fn buffers(types: &[c_int], pointers: &[*const Buffer]) -> Buffers {
    Buffers {
        struct_size: size_of::<Buffers>(),
        extension_start: null_mut(),
        size: i64::try_from(pointers.len()).unwrap(),
        types: types.as_ptr(),
        pointers: pointers.as_ptr(),
    }
}

/// A handler, as XLA knows it.
type Handler = unsafe extern "C" fn(*mut CallFrame) -> *mut Error;

fn run(arguments: &[Buffer], results: &[Buffer], ordering: i32) -> Result<(), (c_int, String)> {
    run_handler(hrw_xla_weights, arguments, results, ordering)
}

/// Calls a handler; the code and message of its error, if any.
fn run_handler(
    handler: Handler,
    arguments: &[Buffer],
    results: &[Buffer],
    ordering: i32,
) -> Result<(), (c_int, String)> {
    let api = Api {
        struct_size: size_of::<Api>(),
        extension_start: null_mut(),
        version: ApiVersion { struct_size: size_of::<ApiVersion>(), extension_start: null_mut(), major: 0, minor: 1 },
        internal: null(),
        error_create: create,
    };
    let types = [BUFFER; 7];
    let argument_pointers: Vec<_> = arguments.iter().map(core::ptr::from_ref).collect();
    let result_pointers: Vec<_> = results.iter().map(core::ptr::from_ref).collect();
    let scalar = Scalar { dtype: S32, value: (&raw const ordering).cast() };
    let name = ByteSpan { pointer: "ordering".as_ptr(), len: 8 };
    let (names, values) = ([&raw const name], [(&raw const scalar).cast::<c_void>()]);
    let mut frame = CallFrame {
        struct_size: size_of::<CallFrame>(),
        extension_start: null_mut(),
        api: &raw const api,
        context: null_mut(),
        stage: 3,
        arguments: buffers(&types, &argument_pointers),
        results: buffers(&types, &result_pointers),
        attributes: Attributes {
            struct_size: size_of::<Attributes>(),
            extension_start: null_mut(),
            size: 1,
            types: [SCALAR].as_ptr(),
            names: names.as_ptr(),
            values: values.as_ptr(),
        },
    };
    // SAFETY: the frame is laid out and filled as XLA would.
    let error = unsafe { handler(&raw mut frame) };
    if error.is_null() { Ok(()) } else { Err(RAISED.take().unwrap()) }
}

#[test]
fn metadata_is_answered_without_an_api() {
    let version = ApiVersion { struct_size: 0, extension_start: null_mut(), major: -1, minor: -1 };
    let mut metadata = Metadata { struct_size: 0, api_version: version };
    let base = Extension { struct_size: 0, kind: EXTENSION_METADATA, next: null_mut() };
    let mut extension = MetadataExtension { base, metadata: &raw mut metadata };
    let mut frame = CallFrame {
        struct_size: 0,
        extension_start: (&raw mut extension).cast(),
        api: null(),
        context: null_mut(),
        stage: 0,
        arguments: buffers(&[], &[]),
        results: buffers(&[], &[]),
        attributes: Attributes {
            struct_size: 0,
            extension_start: null_mut(),
            size: 0,
            types: null(),
            names: null(),
            values: null(),
        },
    };
    // SAFETY: the frame is laid out and filled as XLA does when it asks for metadata.
    assert!(unsafe { hrw_xla_weights(&raw mut frame) }.is_null());
    assert_eq!((metadata.api_version.major, metadata.api_version.minor), (0, 1));
}

#[test]
fn rows_are_problems_with_their_own_budgets() {
    let mut losses = [0.3_f32, 2.0, 0.1, 0.7, 1.0, 5.0, 0.0, 3.0];
    let mut base = [1.0_f32, 1.0, 2.0, 1.0, 0.0, 1.0, 1.0, 1.0];
    // A double in two floats: 0.1 is not a float.
    let low = 1.490_116_e-9_f64;
    #[allow(clippy::cast_possible_truncation)] // the point of the test
    let r = [0.1_f32, (0.1 - f64::from(0.1_f32)) as f32];
    assert!((f64::from(r[1]) + low).abs() < 1e-14);
    for (code, ordering) in [(0, Ordering::Hd), (1, Ordering::Hr)] {
        for worst_loss in [None, Some(6.0)] {
            let wanted = [
                Params { alpha: 0.25, r: 0.1, ordering, worst_loss, ..Params::default() },
                Params { r: 0.5, ordering, worst_loss, ..Params::default() },
            ];
            let mut budgets = match worst_loss {
                None => vec![0.25, 0.0, r[0], r[1], 0.0, 0.0, 0.5, 0.0],
                Some(_) => vec![0.25, 0.0, r[0], r[1], 6.0, 0.0, 0.0, 0.0, 0.5, 0.0, 6.0, 0.0],
            };
            let shape = [2, if worst_loss.is_none() { 4 } else { 6 }];
            let (mut weights, mut outcomes) = ([0.0_f32; 8], [0.0_f32; 4]);
            let arguments = [
                buffer(F32, &mut losses, &[2, 4]),
                buffer(F32, &mut budgets, &shape),
                buffer(F32, &mut base, &[2, 4]),
            ];
            let results = [buffer(F32, &mut weights, &[2, 4]), buffer(F32, &mut outcomes, &[2, 2])];
            run(&arguments, &results, code).unwrap();
            for (row, params) in wanted.iter().enumerate() {
                let span = row * 4..row * 4 + 4;
                let mut expected = [0.0_f32; 4];
                let report =
                    weights_into(&losses[span.clone()], Some(&base[span.clone()]), params, &mut expected).unwrap();
                for (weight, expected) in weights[span].iter().zip(expected) {
                    assert!((weight - expected).abs() <= 1e-7, "{weight} {expected}");
                }
                let [worst_weight, robust_loss] = [2 * row, 2 * row + 1].map(|index| f64::from(outcomes[index]));
                assert!((worst_weight - report.worst_weight).abs() < 1e-7);
                assert!((robust_loss - report.robust_loss).abs() <= 6e-8 * report.robust_loss);
                assert_eq!(worst_weight > 0.0, worst_loss.is_some());
            }
        }
    }
}

#[test]
fn a_worst_loss_that_is_nan_is_refused() {
    let (mut losses, mut budgets) = ([1.0_f64, 2.0], [0.1, 0.0, 0.1, 0.0, f64::NAN, 0.0]);
    let (mut weights, mut outcome) = ([-1.0; 2], [-1.0; 2]);
    let arguments = [buffer(F64, &mut losses, &[2]), buffer(F64, &mut budgets, &[6])];
    let results = [buffer(F64, &mut weights, &[2]), buffer(F64, &mut outcome, &[2])];
    let (code, message) = run(&arguments, &results, 0).unwrap_err();
    assert!(code == INVALID_ARGUMENT && message.contains("worst_loss"), "{message}");
}

#[test]
fn errors_name_the_sample_and_the_problem() {
    let mut budgets = [0.0_f64, 0.0, 0.1, 0.0, 0.0, 0.0, 0.1, 0.0];
    let mut losses = [1.0, 2.0, 3.0, 4.0, f64::NAN, 6.0];
    let (mut weights, mut outcomes) = ([-1.0; 6], [-1.0; 4]);
    let arguments = [buffer(F64, &mut losses, &[2, 3]), buffer(F64, &mut budgets, &[2, 4])];
    let results = [buffer(F64, &mut weights, &[2, 3]), buffer(F64, &mut outcomes, &[2, 2])];
    let (code, message) = run(&arguments, &results, 0).unwrap_err();
    assert_eq!(code, INVALID_ARGUMENT);
    assert!(message.contains("loss 1 ") && message.contains("problem 1 "), "{message}");
    let (_, message) = run(&arguments, &results, 7).unwrap_err();
    assert!(message.contains("ordering"), "{message}");
    let (_, message) = run(&arguments[..1], &results, 0).unwrap_err();
    assert!(message.contains("fit"), "{message}");
}

/// Two participants, whose messages are handed round as a collective would.
#[test]
fn steps_come_to_the_answer_of_one_machine() {
    const WORDS: usize = size_of::<Sharded>() / 4;
    const MESSAGE: usize = 2 + 2 * LARGEST_MESSAGE;
    let mut budgets = [0.25_f64, 0.0, 0.1, 0.0];
    let mut losses = [0.3, 2.0, 0.1, 0.7, 1.0, 5.0, 0.0, 3.0];
    let whole = losses;
    let mut expected = [0.0; 8];
    let params = Params { alpha: 0.25, r: 0.1, ordering: Ordering::Hr, ..Params::default() };
    let report = weights_into(&whole, None, &params, &mut expected).unwrap();
    let (words, length) = ([i64::try_from(WORDS).unwrap()], [i64::try_from(MESSAGE).unwrap()]);
    let both = [2, length[0]];
    // Memory for XLA to hand out, aligned as it would be.
    let mut solvers = vec![[vec![0_u64; WORDS / 2], vec![0_u64; WORDS / 2]]; 2];
    let mut messages = vec![1_u32; 2 * MESSAGE];
    let mut weights = [[0.0_f64; 4]; 2];
    for round in 0..25 {
        let mut sent = vec![1_u32; 2 * MESSAGE];
        let mut ended = 0;
        for rank in 0..2 {
            let mut number = [u32::from(round > 0)];
            let (mut after, mut outcome) = ([-1.0; 4], [-1.0; 2]);
            let [before, next] = &mut solvers[rank];
            let arguments = [
                buffer(F64, &mut losses[4 * rank..][..4], &[4]),
                buffer(F64, &mut budgets, &[4]),
                buffer(U32, &mut number, &[1]),
                buffer(U32, before, &words),
                buffer(U32, &mut messages, &both),
                buffer(F64, &mut weights[rank], &[4]),
            ];
            let results = [
                buffer(U32, next, &words),
                buffer(U32, &mut sent[MESSAGE * rank..][..MESSAGE], &length),
                buffer(F64, &mut after, &[4]),
                buffer(F64, &mut outcome, &[2]),
            ];
            run_handler(hrw_xla_sharded_step, &arguments, &results, 1).unwrap();
            solvers[rank].swap(0, 1);
            weights[rank] = after;
            if sent[MESSAGE * rank] == 0 {
                ended += 1;
                assert!((outcome[0] - report.robust_loss).abs() < 1e-14);
            }
        }
        messages = sent;
        if ended > 0 {
            assert!(ended == 2 && round > 2);
            for (weight, expected) in weights.iter().flatten().zip(expected) {
                assert!((weight - expected).abs() < 1e-14, "{weight} {expected}");
            }
            return;
        }
    }
    panic!("it does not end");
}

#[test]
fn steps_refuse_arrays_that_do_not_fit() {
    let (mut losses, mut budgets, mut words) = ([1.0_f32; 4], [0.0_f32; 6], [0_u32; 4]);
    let arguments = [
        buffer(F32, &mut losses, &[4]),
        buffer(F32, &mut budgets, &[6]),
        buffer(U32, &mut words, &[1]),
        buffer(U32, &mut words, &[4]),
    ];
    let (_, message) = run_handler(hrw_xla_sharded_step, &arguments, &[], 0).unwrap_err();
    assert!(message.contains("fit"), "{message}");
    let (_, message) = run_handler(hrw_xla_sharded_step, &arguments, &[], 5).unwrap_err();
    assert!(message.contains("ordering"), "{message}");
}
