//! From TensorFlow's tensors to slices: the only place of this module that follows pointers.

use core::ffi::{CStr, c_int};
use core::marker::PhantomData;

use super::api::{DOUBLE, FLOAT, Functions, OK, OpKernelContext, Status, Tensor};

/// A number that the operation takes.
pub(super) trait Element: Copy {
    const DTYPE: c_int;
}

impl Element for f32 {
    const DTYPE: c_int = FLOAT;
}

impl Element for f64 {
    const DTYPE: c_int = DOUBLE;
}

/// A status of our own.
pub(super) struct OwnStatus<'a> {
    functions: &'a Functions,
    pub(super) pointer: *mut Status,
}

impl<'a> OwnStatus<'a> {
    pub(super) fn new(functions: &'a Functions) -> Self {
        // SAFETY: TensorFlow's function has no obligations.
        Self { functions, pointer: unsafe { (functions.new_status)() } }
    }

    pub(super) fn is_ok(&self) -> bool {
        // SAFETY: the status is ours.
        unsafe { (self.functions.get_code)(self.pointer) == OK }
    }

    pub(super) fn set(&self, code: c_int, message: &CStr) {
        // SAFETY: the status is ours, and the message is copied.
        unsafe { (self.functions.set_status)(self.pointer, code, message.as_ptr()) }
    }
}

impl Drop for OwnStatus<'_> {
    fn drop(&mut self) {
        // SAFETY: the status is ours, and nobody else has it.
        unsafe { (self.functions.delete_status)(self.pointer) }
    }
}

/// One call of a kernel.
pub(super) struct Context<'a> {
    functions: &'a Functions,
    pointer: *mut OpKernelContext,
    status: OwnStatus<'a>,
}

impl<'a> Context<'a> {
    /// # Safety
    /// `pointer` is what TensorFlow passes to a kernel, valid during `'a`.
    pub(super) unsafe fn new(functions: &'a Functions, pointer: *mut OpKernelContext) -> Self {
        Self { functions, pointer, status: OwnStatus::new(functions) }
    }

    /// The input at an index, which is there, if its numbers are of this type.
    pub(super) fn input<T: Element>(&self, index: c_int) -> Option<Array<'_, T>> {
        let mut tensor = core::ptr::null_mut();
        // SAFETY: the context is valid; the tensor is ours if the status says so.
        unsafe { (self.functions.get_input)(self.pointer, index, &raw mut tensor, self.status.pointer) };
        if !self.status.is_ok() {
            return None;
        }
        Array::of(self.functions, tensor)
    }

    /// Memory of TensorFlow's for the output at an index. To be asked for once.
    pub(super) fn output<T: Element>(&self, index: c_int, dims: &[i64], count: usize) -> Option<Array<'_, T>> {
        let (rank, bytes) = (c_int::try_from(dims.len()).ok()?, count.checked_mul(size_of::<T>())?);
        // SAFETY: the context is valid, and there are `rank` dimensions; the tensor is ours if the
        // status says so.
        let tensor = unsafe {
            let (allocate, status) = (self.functions.allocate_output, self.status.pointer);
            allocate(self.pointer, index, T::DTYPE, dims.as_ptr(), rank, bytes, status)
        };
        if tensor.is_null() || !self.status.is_ok() {
            return None;
        }
        Array::of(self.functions, tensor)
    }

    /// Ends the call with an error; TensorFlow copies the message.
    pub(super) fn fail(&self, code: c_int, message: &CStr) {
        self.status.set(code, message);
        // SAFETY: the context is valid, and the status is ours.
        unsafe { (self.functions.fail)(self.pointer, self.status.pointer) }
    }
}

/// A tensor of numbers in TensorFlow's memory, dense and in row-major order.
pub(super) struct Array<'a, T> {
    functions: &'a Functions,
    tensor: *mut Tensor,
    pub(super) dims: Vec<i64>,
    count: usize,
    element: PhantomData<T>,
}

impl<'a, T: Element> Array<'a, T> {
    /// Takes a tensor that is ours, if its numbers are of this type.
    fn of(functions: &'a Functions, tensor: *mut Tensor) -> Option<Self> {
        let mut array = Self { functions, tensor, dims: Vec::new(), count: 1, element: PhantomData };
        // SAFETY: the tensor is valid.
        let (dtype, rank) = unsafe { ((functions.tensor_type)(tensor), (functions.num_dims)(tensor)) };
        for axis in 0..rank {
            // SAFETY: the tensor has so many dimensions.
            let size = unsafe { (functions.dim)(tensor, axis) };
            array.dims.push(size);
            array.count = array.count.checked_mul(usize::try_from(size).ok()?)?;
        }
        (dtype == T::DTYPE).then_some(array)
    }

    pub(super) fn values(&self) -> &[T] {
        if self.count == 0 {
            return &[];
        }
        // SAFETY: the tensor holds `count` aligned elements of this type, and lives as long as
        // `self`. Nobody writes to an input during the call.
        unsafe { core::slice::from_raw_parts((self.functions.tensor_data)(self.tensor).cast(), self.count) }
    }

    /// For outputs.
    pub(super) fn values_mut(&mut self) -> &mut [T] {
        if self.count == 0 {
            return &mut [];
        }
        // SAFETY: as in `values`; an output was allocated for this call alone, and any bits are a
        // number.
        unsafe { core::slice::from_raw_parts_mut((self.functions.tensor_data)(self.tensor).cast(), self.count) }
    }
}

impl<T> Drop for Array<'_, T> {
    fn drop(&mut self) {
        // SAFETY: the tensor is ours. The memory stays TensorFlow's.
        unsafe { (self.functions.delete_tensor)(self.tensor) }
    }
}
