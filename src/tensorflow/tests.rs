//! The kernel, called as TensorFlow calls it, with functions that do what TensorFlow's do as far as
//! a kernel can see.
// Of all unsafe code here: the kernel passes what it was given, and pointers to places of its own.
#![allow(clippy::undocumented_unsafe_blocks)]

use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::null_mut;
use std::ffi::CString;

use super::api::{
    Compute, Create, DOUBLE, Delete, FLOAT, Functions, InferShapes, KernelBuilder, OpDefinitionBuilder,
    OpKernelConstruction, OpKernelContext, Status, Tensor,
};
use super::{compute, create, delete, register, symbol};
use crate::frameworks::{INTERNAL, INVALID_ARGUMENT};
use crate::{Ordering, Params, weights_into};

/// A status, behind TensorFlow's pointer to one.
type Outcome = (c_int, CString);

/// A tensor of doubles, or of floats, two of which have the place of a double.
#[derive(Clone, Default)]
struct Numbers {
    dtype: c_int,
    dims: Vec<i64>,
    memory: Vec<u64>,
}

#[derive(Default)]
struct Call {
    inputs: Vec<Numbers>,
    /// In boxes, since a kernel keeps their addresses.
    #[allow(clippy::vec_box)]
    outputs: Vec<Box<Numbers>>,
    error: Option<(c_int, String)>,
}

struct Node {
    bases: i32,
    worst_losses: i32,
    ordering: &'static str,
    error: Option<(c_int, String)>,
}

fn floats(dims: &[i64], values: &[f32]) -> Numbers {
    let words = values.chunks(2).map(|pair| {
        let [low, high] = [pair[0], *pair.get(1).unwrap_or(&0.0)].map(|value| u64::from(value.to_bits()));
        if cfg!(target_endian = "little") { low | high << 32 } else { high | low << 32 }
    });
    Numbers { dtype: FLOAT, dims: dims.to_vec(), memory: words.collect() }
}

fn doubles(dims: &[i64], values: &[f64]) -> Numbers {
    Numbers { dtype: DOUBLE, dims: dims.to_vec(), memory: values.iter().map(|value| value.to_bits()).collect() }
}

impl Numbers {
    fn read(&self) -> Vec<f64> {
        let count = usize::try_from(self.dims.iter().product::<i64>()).unwrap();
        if self.dtype == DOUBLE {
            return self.memory.iter().map(|bits| f64::from_bits(*bits)).collect();
        }
        // SAFETY: the memory holds so many floats.
        let values = unsafe { core::slice::from_raw_parts(self.memory.as_ptr().cast::<f32>(), count) };
        values.iter().map(|value| f64::from(*value)).collect()
    }
}

unsafe extern "C" fn new_status() -> *mut Status {
    Box::into_raw(Box::<Outcome>::default()).cast()
}

unsafe extern "C" fn delete_status(status: *mut Status) {
    drop(unsafe { Box::from_raw(status.cast::<Outcome>()) });
}

unsafe extern "C" fn set_status(status: *mut Status, code: c_int, message: *const c_char) {
    unsafe { *status.cast::<Outcome>() = (code, CStr::from_ptr(message).to_owned()) };
}

unsafe extern "C" fn get_code(status: *const Status) -> c_int {
    unsafe { (*status.cast::<Outcome>()).0 }
}

unsafe fn error_of(status: *mut Status) -> (c_int, String) {
    let (code, message) = unsafe { (*status.cast::<Outcome>()).clone() };
    (code, message.into_string().unwrap())
}

unsafe extern "C" fn get_input(
    call: *mut OpKernelContext,
    index: c_int,
    tensor: *mut *mut Tensor,
    status: *mut Status,
) {
    let call = unsafe { &mut *call.cast::<Call>() };
    match call.inputs.get_mut(usize::try_from(index).unwrap()) {
        Some(numbers) => unsafe { *tensor = (&raw mut *numbers).cast() },
        None => unsafe { set_status(status, 11, c"out of range".as_ptr()) },
    }
}

unsafe extern "C" fn allocate_output(
    call: *mut OpKernelContext,
    index: c_int,
    dtype: c_int,
    dims: *const i64,
    rank: c_int,
    bytes: usize,
    _: *mut Status,
) -> *mut Tensor {
    let call = unsafe { &mut *call.cast::<Call>() };
    assert_eq!(call.outputs.len(), usize::try_from(index).unwrap());
    let dims = unsafe { core::slice::from_raw_parts(dims, usize::try_from(rank).unwrap()) }.to_vec();
    call.outputs.push(Box::new(Numbers { dtype, dims, memory: vec![u64::MAX; bytes.div_ceil(8)] }));
    (&raw mut **call.outputs.last_mut().unwrap()).cast()
}

unsafe extern "C" fn fail(call: *mut OpKernelContext, status: *mut Status) {
    unsafe { (*call.cast::<Call>()).error = Some(error_of(status)) };
}

/// The tensors belong to the call.
unsafe extern "C" fn delete_tensor(_: *mut Tensor) {}

unsafe extern "C" fn num_dims(tensor: *const Tensor) -> c_int {
    c_int::try_from(unsafe { &*tensor.cast::<Numbers>() }.dims.len()).unwrap()
}

unsafe extern "C" fn dim(tensor: *const Tensor, axis: c_int) -> i64 {
    unsafe { &*tensor.cast::<Numbers>() }.dims[usize::try_from(axis).unwrap()]
}

unsafe extern "C" fn tensor_type(tensor: *const Tensor) -> c_int {
    unsafe { (*tensor.cast::<Numbers>()).dtype }
}

unsafe extern "C" fn tensor_data(tensor: *const Tensor) -> *mut c_void {
    // As TensorFlow, which does not say whether a tensor is for reading or for writing.
    unsafe { (*tensor.cast_mut().cast::<Numbers>()).memory.as_mut_ptr().cast() }
}

unsafe extern "C" fn get_attr_int(
    node: *mut OpKernelConstruction,
    name: *const c_char,
    value: *mut i32,
    _: *mut Status,
) {
    let node = unsafe { &*node.cast::<Node>() };
    let is_base = unsafe { CStr::from_ptr(name) } == c"bases";
    unsafe { *value = if is_base { node.bases } else { node.worst_losses } };
}

unsafe extern "C" fn get_attr_string(
    node: *mut OpKernelConstruction,
    _: *const c_char,
    value: *mut c_char,
    size: usize,
    _: *mut Status,
) {
    let ordering = unsafe { &*node.cast::<Node>() }.ordering;
    unsafe { core::ptr::copy_nonoverlapping(ordering.as_ptr().cast(), value, ordering.len().min(size)) };
}

unsafe extern "C" fn fail_construction(node: *mut OpKernelConstruction, status: *mut Status) {
    unsafe { (*node.cast::<Node>()).error = Some(error_of(status)) };
}

unsafe extern "C" fn new_kernel_builder(
    name: *const c_char,
    device: *const c_char,
    _: Create,
    _: Compute,
    _: Delete,
) -> *mut KernelBuilder {
    assert_eq!(unsafe { (CStr::from_ptr(name), CStr::from_ptr(device)) }, (c"HrWeights", c"CPU"));
    null_mut()
}

unsafe extern "C" fn constrain_type(_: *mut KernelBuilder, _: *const c_char, _: c_int, _: *mut Status) {}
unsafe extern "C" fn register_kernel(_: *const c_char, _: *mut KernelBuilder, _: *mut Status) {}
unsafe extern "C" fn new_definition(_: *const c_char) -> *mut OpDefinitionBuilder {
    null_mut()
}
unsafe extern "C" fn add(_: *mut OpDefinitionBuilder, _: *const c_char) {}
unsafe extern "C" fn set_shapes(_: *mut OpDefinitionBuilder, _: InferShapes) {}
unsafe extern "C" fn register_definition(_: *mut OpDefinitionBuilder, _: *mut Status) {}

/// The functions by TensorFlow's names; those for shapes are not called here.
fn address(name: &CStr) -> *mut c_void {
    match name.to_str().unwrap() {
        "TF_NewStatus" => new_status as *mut c_void,
        "TF_DeleteStatus" => delete_status as *mut c_void,
        "TF_SetStatus" => set_status as *mut c_void,
        "TF_GetCode" => get_code as *mut c_void,
        "TF_DeleteTensor" => delete_tensor as *mut c_void,
        "TF_NumDims" => num_dims as *mut c_void,
        "TF_Dim" => dim as *mut c_void,
        "TF_TensorType" => tensor_type as *mut c_void,
        "TF_TensorData" => tensor_data as *mut c_void,
        "TF_GetInput" => get_input as *mut c_void,
        "TF_AllocateOutput" => allocate_output as *mut c_void,
        "TF_OpKernelContext_Failure" => fail as *mut c_void,
        "TF_OpKernelConstruction_GetAttrInt32" => get_attr_int as *mut c_void,
        "TF_OpKernelConstruction_GetAttrString" => get_attr_string as *mut c_void,
        "TF_OpKernelConstruction_Failure" => fail_construction as *mut c_void,
        "TF_NewKernelBuilder" => new_kernel_builder as *mut c_void,
        "TF_KernelBuilder_TypeConstraint" => constrain_type as *mut c_void,
        "TF_RegisterKernelBuilder" => register_kernel as *mut c_void,
        "TF_NewOpDefinitionBuilder" => new_definition as *mut c_void,
        "TF_OpDefinitionBuilderAddAttr" | "TF_OpDefinitionBuilderAddInput" | "TF_OpDefinitionBuilderAddOutput" => {
            add as *mut c_void
        }
        "TF_OpDefinitionBuilderSetShapeInferenceFunction" => set_shapes as *mut c_void,
        "TF_RegisterOpDefinition" => register_definition as *mut c_void,
        other => {
            assert!(other.contains("Shape"), "{other}");
            delete_tensor as *mut c_void
        }
    }
}

/// Makes a kernel and runs it; the outputs, or the error.
fn run(
    ordering: &'static str,
    inputs: Vec<Numbers>,
    bases: i32,
    worst_losses: i32,
) -> Result<Vec<Numbers>, (c_int, String)> {
    assert_eq!(unsafe { register(address) }, 0);
    let mut node = Node { bases, worst_losses, ordering, error: None };
    let is_float = inputs[0].dtype == FLOAT;
    let mut call = Call { inputs, ..Call::default() };
    unsafe {
        let kernel = create((&raw mut node).cast());
        if kernel.is_null() {
            return Err(node.error.unwrap());
        }
        let run: Compute = if is_float { compute::<f32> } else { compute::<f64> };
        run(kernel, (&raw mut call).cast());
        delete(kernel);
    }
    match call.error {
        Some(error) => Err(error),
        None => Ok(call.outputs.into_iter().map(|numbers| *numbers).collect()),
    }
}

const LOSSES: [f64; 8] = [0.25, 2.0, 0.125, 0.75, 1.0, 5.0, 0.0, 3.0];
const BASE: [f64; 8] = [1.0, 1.0, 2.0, 1.0, 0.0, 1.0, 1.0, 1.0];

#[test]
fn rows_are_problems_with_their_own_budgets() {
    for (name, ordering) in [("HD", Ordering::Hd), ("HR", Ordering::Hr)] {
        for worst_loss in [None, Some(6.0)] {
            for is_float in [false, true] {
                let arrays: [&[f64]; 2] = [&LOSSES, &BASE];
                let [losses, base] = arrays.map(|values| {
                    #[allow(clippy::cast_possible_truncation)] // exact
                    let narrow: Vec<f32> = values.iter().map(|value| *value as f32).collect();
                    if is_float { floats(&[2, 1, 4], &narrow) } else { doubles(&[2, 1, 4], values) }
                });
                let mut inputs = vec![losses, doubles(&[], &[0.25]), doubles(&[2, 1], &[0.1, 0.5]), base];
                inputs.extend(worst_loss.map(|worst| doubles(&[], &[worst])));
                let outputs = run(name, inputs, 1, i32::from(worst_loss.is_some())).unwrap();
                assert_eq!(outputs.iter().map(|numbers| numbers.dims.len()).collect::<Vec<_>>(), [3, 2, 2]);
                let [weights, worst_weights, robust_losses] = [0, 1, 2].map(|index| outputs[index].read());
                let tolerance = if is_float { 1e-6 } else { 0.0 };
                for (row, r) in [0.1, 0.5].into_iter().enumerate() {
                    let params = Params { alpha: 0.25, r, ordering, worst_loss, ..Params::default() };
                    let (span, mut expected) = (4 * row..4 * row + 4, [0.0; 4]);
                    let report =
                        weights_into(&LOSSES[span.clone()], Some(&BASE[span.clone()]), &params, &mut expected)
                            .unwrap();
                    for (weight, expected) in weights[span].iter().zip(expected) {
                        assert!((weight - expected).abs() <= tolerance, "{weight} {expected}");
                    }
                    assert!((worst_weights[row] - report.worst_weight).abs() <= tolerance);
                    assert!((robust_losses[row] - report.robust_loss).abs() <= 5.0 * tolerance);
                }
            }
        }
    }
}

#[test]
fn base_weights_may_be_those_of_every_problem_and_a_batch_may_be_empty() {
    let budget = || doubles(&[], &[0.1]);
    let both =
        run("HD", vec![doubles(&[2, 4], &LOSSES), budget(), budget(), doubles(&[4], &BASE[..4])], 1, 0).unwrap();
    let second =
        run("HD", vec![doubles(&[4], &LOSSES[4..]), budget(), budget(), doubles(&[4], &BASE[..4])], 1, 0).unwrap();
    assert_eq!(both[0].read()[4..], second[0].read());
    let none = run("HD", vec![doubles(&[0, 4], &[]), budget(), budget()], 0, 0).unwrap();
    assert_eq!((none[0].dims.as_slice(), none[2].dims.as_slice()), ([0, 4].as_slice(), [0].as_slice()));
}

#[test]
fn every_mistake_has_its_own_message() {
    let number = |value: f64| doubles(&[], &[value]);
    let good = || vec![doubles(&[2, 4], &LOSSES), number(0.1), number(0.1)];
    let with = |index: usize, numbers: Numbers| {
        let mut inputs = good();
        inputs.truncate(index.max(3));
        if index < 3 {
            inputs[index] = numbers;
        } else {
            inputs.push(numbers);
        }
        inputs
    };
    let mut bad = LOSSES;
    bad[5] = f64::NAN;
    for (inputs, bases, worst_losses, message) in [
        (with(0, doubles(&[2, 4], &bad)), 0, 0, "losses[1] is nan: loss 1 is NaN or infinite"),
        (with(0, doubles(&[2, 4], &bad)), 0, 0, "(problem 1 of the batch)"),
        (with(0, number(1.0)), 0, 0, "losses is a single number"),
        (with(0, doubles(&[0], &[])), 0, 0, "losses is empty"),
        (with(1, number(1.5)), 0, 0, "alpha must be a number in [0, 1], not 1.5"),
        (with(1, doubles(&[3], &[0.1; 3])), 0, 0, "alpha has shape [3], but losses has shape [2, 4]"),
        (with(2, number(f64::NAN)), 0, 0, "r must be a number of at least 0 (infinity is allowed), not nan"),
        (with(3, doubles(&[3], &[1.0; 3])), 1, 0, "base has shape [3], but losses has shape [2, 4]"),
        (with(3, doubles(&[4], &[1.0, -1.0, 1.0, 1.0])), 1, 0, "base[1] is -1.0: base weight 1 is negative"),
        (with(3, doubles(&[4], &[0.0; 4])), 1, 0, "all base weights are zero"),
        (with(3, number(0.5)), 0, 1, "worst_loss = 0.5, the largest loss is 2.0"),
        (with(3, number(f64::NAN)), 0, 1, "worst_loss must be finite, not nan"),
        (good(), 2, 0, "one tensor at most"),
    ] {
        let (code, text) = run("HD", inputs, bases, worst_losses).map(drop).unwrap_err();
        assert!(code == INVALID_ARGUMENT && text.contains(message), "{message}: {code} {text}");
    }
    let (code, text) = run("HD", good(), 1, 0).map(drop).unwrap_err();
    assert!(code == INTERNAL && text.contains("does not give a tensor"), "{code} {text}");
}

#[test]
fn nothing_is_done_where_a_function_is_missing() {
    for missing in [c"TF_NewStatus", c"TF_AllocateOutput", c"TF_ShapeInferenceContextSubshape"] {
        let found = unsafe { Functions::find(|name| if name == missing { null_mut() } else { address(name) }) };
        assert!(found.is_none());
    }
    // This process has no TensorFlow.
    assert!(unsafe { Functions::find(|name| symbol(null_mut(), name)) }.is_none());
}
