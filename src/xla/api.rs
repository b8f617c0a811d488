//! The part of XLA's foreign function interface (`xla/ffi/api/c_api.h` of jaxlib) that a handler
//! needs, as C lays it out.
//!
//! All structs grow at their end only, so what is mirrored here is the same in every version since
//! 0.1.

use core::ffi::{c_char, c_int, c_void};

/// `XLA_FFI_API_MAJOR` and `XLA_FFI_API_MINOR` of the oldest version that has all of this.
pub(super) const VERSION: (c_int, c_int) = (0, 1);

/// `XLA_FFI_Extension_Metadata`: the caller asks what the handler is, and has nothing to compute.
pub(super) const EXTENSION_METADATA: c_int = 1;
/// `XLA_FFI_DataType_S32`, `_F32` and `_F64`.
pub(super) const S32: c_int = 4;
pub(super) const U32: c_int = 8;
pub(super) const F32: c_int = 11;
pub(super) const F64: c_int = 12;
/// `XLA_FFI_ArgType_BUFFER` and `XLA_FFI_RetType_BUFFER`.
pub(super) const BUFFER: c_int = 1;
/// `XLA_FFI_AttrType_SCALAR`.
pub(super) const SCALAR: c_int = 3;

#[repr(C)]
pub(super) struct Extension {
    pub(super) struct_size: usize,
    pub(super) kind: c_int,
    pub(super) next: *mut Extension,
}

#[repr(C)]
pub(super) struct ApiVersion {
    pub(super) struct_size: usize,
    pub(super) extension_start: *mut Extension,
    pub(super) major: c_int,
    pub(super) minor: c_int,
}

#[repr(C)]
pub(super) struct Metadata {
    pub(super) struct_size: usize,
    pub(super) api_version: ApiVersion,
    // Traits and newer fields follow; the caller has set them to what a plain handler wants.
}

#[repr(C)]
pub(super) struct MetadataExtension {
    pub(super) base: Extension,
    pub(super) metadata: *mut Metadata,
}

/// Opaque: made and owned by XLA.
#[repr(C)]
pub struct Error {
    _private: [u8; 0],
}

#[repr(C)]
pub(super) struct ErrorCreateArgs {
    pub(super) struct_size: usize,
    pub(super) extension_start: *mut Extension,
    pub(super) message: *const c_char,
    pub(super) code: c_int,
}

#[repr(C)]
pub(super) struct Api {
    pub(super) struct_size: usize,
    pub(super) extension_start: *mut Extension,
    pub(super) version: ApiVersion,
    pub(super) internal: *const c_void,
    pub(super) error_create: unsafe extern "C" fn(*mut ErrorCreateArgs) -> *mut Error,
    // The other functions follow.
}

#[repr(C)]
pub(super) struct Buffer {
    pub(super) struct_size: usize,
    pub(super) extension_start: *mut Extension,
    pub(super) dtype: c_int,
    pub(super) data: *mut c_void,
    pub(super) rank: i64,
    pub(super) dims: *const i64,
}

#[repr(C)]
pub(super) struct Scalar {
    pub(super) dtype: c_int,
    pub(super) value: *const c_void,
}

#[repr(C)]
pub(super) struct ByteSpan {
    pub(super) pointer: *const u8,
    pub(super) len: usize,
}

/// `XLA_FFI_Args` and `XLA_FFI_Rets`.
#[repr(C)]
pub(super) struct Buffers {
    pub(super) struct_size: usize,
    pub(super) extension_start: *mut Extension,
    pub(super) size: i64,
    pub(super) types: *const c_int,
    pub(super) pointers: *const *const Buffer,
}

#[repr(C)]
pub(super) struct Attributes {
    pub(super) struct_size: usize,
    pub(super) extension_start: *mut Extension,
    pub(super) size: i64,
    pub(super) types: *const c_int,
    pub(super) names: *const *const ByteSpan,
    pub(super) values: *const *const c_void,
}

/// One call of a handler. Opaque outside of this module.
#[repr(C)]
pub struct CallFrame {
    pub(super) struct_size: usize,
    pub(super) extension_start: *mut Extension,
    /// NULL in the metadata call of some versions.
    pub(super) api: *const Api,
    pub(super) context: *mut c_void,
    pub(super) stage: c_int,
    pub(super) arguments: Buffers,
    pub(super) results: Buffers,
    pub(super) attributes: Attributes,
    // Newer fields follow.
}

#[cfg(all(test, target_pointer_width = "64"))]
mod tests {
    use super::{Api, Buffer, CallFrame, MetadataExtension};
    use core::mem::offset_of;

    /// What a C compiler makes of the header on a 64-bit machine.
    #[test]
    fn the_layout_is_that_of_c() {
        assert_eq!(offset_of!(CallFrame, api), 16);
        assert_eq!(offset_of!(CallFrame, arguments), 40);
        assert_eq!(offset_of!(CallFrame, results), 80);
        assert_eq!(offset_of!(CallFrame, attributes), 120);
        assert_eq!(offset_of!(Buffer, data), 24);
        assert_eq!(offset_of!(Buffer, dims), 40);
        assert_eq!(offset_of!(Api, error_create), 48);
        assert_eq!(offset_of!(MetadataExtension, metadata), 24);
    }
}
