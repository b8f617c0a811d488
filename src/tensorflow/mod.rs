//! The weights as an operation of TensorFlow, with a kernel for the CPU: graphs and eager programs
//! call this library without copies and without Python.
//!
//! The operation is registered on request, through TensorFlow's C interface for kernels. It is no
//! part of the C interface of this library: its symbol is not in the header, and its only caller is
//! the TensorFlow binding of the same version.

mod api;
mod context;

use core::ffi::{CStr, c_int, c_void};
use core::fmt::Debug;
use std::sync::{Mutex, OnceLock, PoisonError};

use api::{DOUBLE, FLOAT, Functions, OpKernelConstruction, OpKernelContext, ShapeInferenceContext, Status};
use context::{Array, Context, Element, OwnStatus};

use crate::frameworks::{INVALID_ARGUMENT, Problems, Refusal, guarded};
use crate::numbers::real::Real;
use crate::params::{Ordering, Params};

/// The name of the operation. What it takes and returns may never change, since saved models have
/// it; another meaning takes another name.
const NAME: &CStr = c"HrWeights";
/// Leading dimensions are a batch. Budgets are one number, or one per problem. There is one tensor
/// of base weights or none, of the shape of the losses or `[n]`, and one worst loss or none.
const INPUTS: [&CStr; 5] =
    [c"losses: T", c"alpha: double", c"r: double", c"base: bases * T", c"worst_loss: worst_losses * double"];
/// Weights `[..., n]`; the weight of the worst loss `[...]`; the robust loss `[...]`.
const OUTPUTS: [&CStr; 3] = [c"weights: T", c"worst_weight: T", c"robust_loss: T"];
const ATTRIBUTES: [&CStr; 4] =
    [c"T: {float, double}", c"bases: int >= 0", c"worst_losses: int >= 0", c"ordering: {'HD', 'HR'} = 'HD'"];

/// TensorFlow's functions, once they are found.
static FUNCTIONS: OnceLock<Functions> = OnceLock::new();

/// Registers the operation with TensorFlow, whose functions are looked up in a library that the
/// process has loaded. To be called once for each process: TensorFlow ends a process in which a
/// name is registered twice. A further call of the same copy of this library does nothing.
///
/// `library`: a handle of `dlopen`, or NULL for what all of the process sees.
///
/// Returns 0 if the operation is registered; 1 if a function is missing, and nothing was done; 2 if
/// TensorFlow refused.
///
/// cbindgen:ignore
///
/// # Safety
/// `library` is NULL or a handle that stays open. What it has under the names of TensorFlow's
/// functions are these functions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrw_tensorflow_register(library: *mut c_void) -> i32 {
    // SAFETY: passed on.
    unsafe { register(|name| symbol(library, name)) }
}

/// The address of a symbol in a library that is loaded, or NULL.
#[cfg(unix)]
fn symbol(library: *mut c_void, name: &CStr) -> *mut c_void {
    let library = if library.is_null() { libc::RTLD_DEFAULT } else { library };
    // SAFETY: the handle is open, and the name is terminated.
    unsafe { libc::dlsym(library, name.as_ptr()) }
}

/// TensorFlow has no C interface for kernels elsewhere.
#[cfg(not(unix))]
fn symbol(_: *mut c_void, _: &CStr) -> *mut c_void {
    core::ptr::null_mut()
}

/// # Safety
/// `address` gives the address of TensorFlow's function of a name, or NULL.
unsafe fn register(address: impl Fn(&CStr) -> *mut c_void) -> i32 {
    static OUTCOME: Mutex<Option<i32>> = Mutex::new(None);
    let mut outcome = OUTCOME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(outcome) = *outcome {
        return outcome;
    }
    // SAFETY: passed on.
    let Some(functions) = (unsafe { Functions::find(address) }) else {
        return 1;
    };
    // Shapes may be asked for as soon as the operation is there.
    let functions = FUNCTIONS.get_or_init(|| functions);
    let status = OwnStatus::new(functions);
    // SAFETY: the builder is used as TensorFlow's header says, which takes it back at the end.
    unsafe {
        let definition = (functions.new_definition)(NAME.as_ptr());
        for text in ATTRIBUTES {
            (functions.add_attr)(definition, text.as_ptr());
        }
        for text in INPUTS {
            (functions.add_input)(definition, text.as_ptr());
        }
        for text in OUTPUTS {
            (functions.add_output)(definition, text.as_ptr());
        }
        (functions.set_shapes)(definition, infer_shapes);
        (functions.register_definition)(definition, status.pointer);
    }
    for (dtype, compute) in [(FLOAT, compute::<f32> as api::Compute), (DOUBLE, compute::<f64>)] {
        if status.is_ok() {
            // SAFETY: as above.
            unsafe {
                let kernel = (functions.new_kernel_builder)(NAME.as_ptr(), c"CPU".as_ptr(), create, compute, delete);
                (functions.constrain_type)(kernel, c"T".as_ptr(), dtype, status.pointer);
                if status.is_ok() {
                    (functions.register_kernel)(NAME.as_ptr(), kernel, status.pointer);
                }
            }
        }
    }
    *outcome.insert(if status.is_ok() { 0 } else { 2 })
}

/// TensorFlow's functions, for what is called by TensorFlow alone.
fn functions() -> &'static Functions {
    FUNCTIONS.get().expect("TensorFlow calls what was registered")
}

/// What the attributes of a node say.
struct Kernel {
    ordering: Ordering,
    has_base: bool,
    has_worst_loss: bool,
}

/// Makes the kernel of a node.
///
/// # Safety
/// `construction` is what TensorFlow passes.
unsafe extern "C" fn create(construction: *mut OpKernelConstruction) -> *mut c_void {
    let functions = functions();
    let status = OwnStatus::new(functions);
    let mut counts = [0_i32; 2];
    let mut ordering = [0_u8; 2];
    for (name, count) in [c"bases", c"worst_losses"].into_iter().zip(&mut counts) {
        if status.is_ok() {
            // SAFETY: the construction is TensorFlow's, and there is room for the number.
            unsafe { (functions.get_attr_int)(construction, name.as_ptr(), count, status.pointer) };
        }
    }
    if status.is_ok() {
        let (place, size) = (ordering.as_mut_ptr().cast(), ordering.len());
        // SAFETY: as above; at most so many bytes are written.
        unsafe { (functions.get_attr_string)(construction, c"ordering".as_ptr(), place, size, status.pointer) };
    }
    if status.is_ok() && counts.iter().any(|count| *count > 1) {
        status.set(INVALID_ARGUMENT, c"base and worst_loss are one tensor at most");
    }
    if !status.is_ok() {
        // SAFETY: the construction is TensorFlow's, and the status is ours.
        unsafe { (functions.fail_construction)(construction, status.pointer) };
        return core::ptr::null_mut();
    }
    let ordering = if &ordering == b"HR" { Ordering::Hr } else { Ordering::Hd };
    let kernel = Kernel { ordering, has_base: counts[0] > 0, has_worst_loss: counts[1] > 0 };
    Box::into_raw(Box::new(kernel)).cast()
}

/// # Safety
/// `kernel` is what `create` returned, and is not used again.
unsafe extern "C" fn delete(kernel: *mut c_void) {
    if !kernel.is_null() {
        // SAFETY: `create` made a box of it.
        drop(unsafe { Box::from_raw(kernel.cast::<Kernel>()) });
    }
}

/// Runs the kernel of a node.
///
/// # Safety
/// `kernel` is what `create` returned, and `context` is what TensorFlow passes.
unsafe extern "C" fn compute<T: Element + Real + Debug>(kernel: *mut c_void, context: *mut OpKernelContext) {
    // SAFETY: passed on; both outlive this call.
    let (kernel, context) = unsafe { (&*kernel.cast::<Kernel>(), Context::new(functions(), context)) };
    if let Err((code, message)) = guarded(|| kernel.solve::<T>(&context)) {
        context.fail(code, &message);
    }
}

impl Kernel {
    /// Solves one problem per row.
    fn solve<T: Element + Real + Debug>(&self, context: &Context<'_>) -> Result<(), Refusal> {
        const UNREADABLE: Refusal = Refusal::Internal("TensorFlow does not give a tensor");
        let numbers = |index| context.input::<T>(index).ok_or(UNREADABLE);
        let doubles = |index| context.input::<f64>(index).ok_or(UNREADABLE);
        let losses = numbers(0)?;
        let Some((&last, leading)) = losses.dims.split_last() else {
            return Err(Refusal::Argument("losses is a single number, but one per sample is needed".to_owned()));
        };
        let (alpha, r) = (doubles(1)?, doubles(2)?);
        let base = if self.has_base { Some(numbers(3)?) } else { None };
        let worst_loss = if self.has_worst_loss { Some(doubles(3 + c_int::from(self.has_base))?) } else { None };
        // Sizes of a tensor fit, or it would not be there.
        let (all, cols) = (losses.values().len(), usize::try_from(last).unwrap_or(0));
        let rows: usize = leading.iter().map(|size| usize::try_from(*size).unwrap_or(0)).product();
        for (name, budget) in [("alpha", Some(&alpha)), ("r", Some(&r)), ("worst_loss", worst_loss.as_ref())] {
            if let Some(budget) = budget.filter(|budget| ![1, rows].contains(&budget.values().len())) {
                return Err(unfit(name, budget, "is one number, or one per problem", &losses));
            }
        }
        if let Some(base) = base.as_ref().filter(|base| base.dims != losses.dims && base.dims != [last]) {
            return Err(unfit("base", base, "has one weight per loss", &losses));
        }
        let mut weights: Array<'_, T> = context.output(0, &losses.dims, all).ok_or(UNREADABLE)?;
        let mut worst_weights: Array<'_, T> = context.output(1, leading, rows).ok_or(UNREADABLE)?;
        let mut robust_losses: Array<'_, T> = context.output(2, leading, rows).ok_or(UNREADABLE)?;
        let (worst_weights, robust_losses) = (worst_weights.values_mut(), robust_losses.values_mut());
        let (alpha, r) = (alpha.values(), r.values());
        let worst_loss = worst_loss.as_ref().map(Array::values);
        let of = |budget: &[f64], row: usize| budget[if budget.len() == 1 { 0 } else { row }];
        let problems = Problems { losses: losses.values(), base: base.as_ref().map(Array::values), cols };
        problems.solve(
            |row| Params {
                alpha: of(alpha, row),
                r: of(r, row),
                worst_loss: worst_loss.map(|worst| of(worst, row)),
                ordering: self.ordering,
                ..Params::default()
            },
            weights.values_mut(),
            |row, report| {
                worst_weights[row] = T::from_f64(report.worst_weight);
                robust_losses[row] = T::from_f64(report.robust_loss);
            },
        )
    }
}

fn unfit<T, S>(name: &str, array: &Array<'_, T>, rule: &str, losses: &Array<'_, S>) -> Refusal {
    let (shape, of_losses) = (&array.dims, &losses.dims);
    Refusal::Argument(format!("{name} has shape {shape:?}, but losses has shape {of_losses:?}: {name} {rule}"))
}

/// What is known of the outputs' shapes before the operation runs.
///
/// # Safety
/// The arguments are what TensorFlow passes.
unsafe extern "C" fn infer_shapes(context: *mut ShapeInferenceContext, status: *mut Status) {
    let functions = functions();
    // SAFETY: the handles are ours until they are deleted, and the rest is TensorFlow's. A step
    // after one that failed would replace its error.
    unsafe {
        let is_ok = || (functions.get_code)(status) == api::OK;
        let (losses, leading) = ((functions.new_shape)(), (functions.new_shape)());
        (functions.input_shape)(context, 0, losses, status);
        if is_ok() {
            (functions.rank_at_least)(context, losses, 1, losses, status);
        }
        if is_ok() {
            (functions.subshape)(context, losses, 0, -1, leading, status);
        }
        for (output, shape) in [(0, losses), (1, leading), (2, leading)] {
            if is_ok() {
                (functions.set_output_shape)(context, output, shape, status);
            }
        }
        (functions.delete_shape)(losses);
        (functions.delete_shape)(leading);
    }
}

#[cfg(test)]
mod tests;
