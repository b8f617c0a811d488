//! The part of TensorFlow's C interface for kernels and operations (`tensorflow/c/kernels.h`,
//! `ops.h`, `tf_tensor.h` and `tf_status.h`) that an operation needs.
//!
//! The functions are looked up when the operation is registered, so that this library has no need
//! of TensorFlow to be loaded.

use core::ffi::{CStr, c_char, c_int, c_void};

/// `TF_OK`.
pub(super) const OK: c_int = 0;
/// `TF_FLOAT` and `TF_DOUBLE`.
pub(super) const FLOAT: c_int = 1;
pub(super) const DOUBLE: c_int = 2;

macro_rules! opaque {
    ($($name:ident)*) => {$(
        /// Opaque: made and owned by TensorFlow.
        #[repr(C)]
        pub(super) struct $name {
            _private: [u8; 0],
        }
    )*};
}

opaque! { Status Tensor OpKernelConstruction OpKernelContext KernelBuilder OpDefinitionBuilder ShapeInferenceContext ShapeHandle }

pub(super) type Create = unsafe extern "C" fn(*mut OpKernelConstruction) -> *mut c_void;
pub(super) type Compute = unsafe extern "C" fn(*mut c_void, *mut OpKernelContext);
pub(super) type Delete = unsafe extern "C" fn(*mut c_void);
pub(super) type InferShapes = unsafe extern "C" fn(*mut ShapeInferenceContext, *mut Status);

macro_rules! functions {
    ($($field:ident = $name:literal: fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// TensorFlow's functions.
        pub(super) struct Functions {
            $(pub(super) $field: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
        }

        impl Functions {
            /// The functions, or `None` if one is missing.
            ///
            /// # Safety
            /// `address` gives the address of TensorFlow's function of this name, or NULL.
            pub(super) unsafe fn find(address: impl Fn(&CStr) -> *mut c_void) -> Option<Self> {
                Some(Self {
                    $($field: {
                        let function = address($name);
                        if function.is_null() {
                            return None;
                        }
                        // SAFETY: the function of this name has this signature in every version
                        // that has it.
                        unsafe {
                            core::mem::transmute::<*mut c_void, unsafe extern "C" fn($($argument),*) $(-> $result)?>(
                                function,
                            )
                        }
                    },)*
                })
            }
        }
    };
}

functions! {
    new_status = c"TF_NewStatus": fn() -> *mut Status;
    delete_status = c"TF_DeleteStatus": fn(*mut Status);
    set_status = c"TF_SetStatus": fn(*mut Status, c_int, *const c_char);
    get_code = c"TF_GetCode": fn(*const Status) -> c_int;

    delete_tensor = c"TF_DeleteTensor": fn(*mut Tensor);
    num_dims = c"TF_NumDims": fn(*const Tensor) -> c_int;
    dim = c"TF_Dim": fn(*const Tensor, c_int) -> i64;
    tensor_type = c"TF_TensorType": fn(*const Tensor) -> c_int;
    tensor_data = c"TF_TensorData": fn(*const Tensor) -> *mut c_void;

    get_input = c"TF_GetInput": fn(*mut OpKernelContext, c_int, *mut *mut Tensor, *mut Status);
    allocate_output = c"TF_AllocateOutput":
        fn(*mut OpKernelContext, c_int, c_int, *const i64, c_int, usize, *mut Status) -> *mut Tensor;
    fail = c"TF_OpKernelContext_Failure": fn(*mut OpKernelContext, *mut Status);

    get_attr_int = c"TF_OpKernelConstruction_GetAttrInt32":
        fn(*mut OpKernelConstruction, *const c_char, *mut i32, *mut Status);
    get_attr_string = c"TF_OpKernelConstruction_GetAttrString":
        fn(*mut OpKernelConstruction, *const c_char, *mut c_char, usize, *mut Status);
    fail_construction = c"TF_OpKernelConstruction_Failure": fn(*mut OpKernelConstruction, *mut Status);

    new_kernel_builder = c"TF_NewKernelBuilder":
        fn(*const c_char, *const c_char, Create, Compute, Delete) -> *mut KernelBuilder;
    constrain_type = c"TF_KernelBuilder_TypeConstraint":
        fn(*mut KernelBuilder, *const c_char, c_int, *mut Status);
    register_kernel = c"TF_RegisterKernelBuilder": fn(*const c_char, *mut KernelBuilder, *mut Status);

    new_definition = c"TF_NewOpDefinitionBuilder": fn(*const c_char) -> *mut OpDefinitionBuilder;
    add_attr = c"TF_OpDefinitionBuilderAddAttr": fn(*mut OpDefinitionBuilder, *const c_char);
    add_input = c"TF_OpDefinitionBuilderAddInput": fn(*mut OpDefinitionBuilder, *const c_char);
    add_output = c"TF_OpDefinitionBuilderAddOutput": fn(*mut OpDefinitionBuilder, *const c_char);
    set_shapes = c"TF_OpDefinitionBuilderSetShapeInferenceFunction": fn(*mut OpDefinitionBuilder, InferShapes);
    register_definition = c"TF_RegisterOpDefinition": fn(*mut OpDefinitionBuilder, *mut Status);

    new_shape = c"TF_NewShapeHandle": fn() -> *mut ShapeHandle;
    delete_shape = c"TF_DeleteShapeHandle": fn(*mut ShapeHandle);
    input_shape = c"TF_ShapeInferenceContextGetInput":
        fn(*mut ShapeInferenceContext, c_int, *mut ShapeHandle, *mut Status);
    rank_at_least = c"TF_ShapeInferenceContextWithRankAtLeast":
        fn(*mut ShapeInferenceContext, *mut ShapeHandle, i64, *mut ShapeHandle, *mut Status);
    subshape = c"TF_ShapeInferenceContextSubshape":
        fn(*mut ShapeInferenceContext, *mut ShapeHandle, i64, i64, *mut ShapeHandle, *mut Status);
    set_output_shape = c"TF_ShapeInferenceContextSetOutput":
        fn(*mut ShapeInferenceContext, c_int, *mut ShapeHandle, *mut Status);
}
