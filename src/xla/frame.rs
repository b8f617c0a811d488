//! From XLA's call frame to slices: the only place of this module that follows pointers.

use core::ffi::{CStr, c_int};
use core::marker::PhantomData;

use super::api::{
    Api, Attributes, BUFFER, Buffer, Buffers, CallFrame, EXTENSION_METADATA, Error, ErrorCreateArgs, F32, F64,
    MetadataExtension, S32, SCALAR, Scalar, U32, VERSION,
};

/// A number that XLA can pass.
pub(super) trait Element: Copy {
    const DTYPE: c_int;
}

impl Element for f32 {
    const DTYPE: c_int = F32;
}

impl Element for f64 {
    const DTYPE: c_int = F64;
}

impl Element for u32 {
    const DTYPE: c_int = U32;
}

/// One call, whose pointers are valid for `'a`.
pub(super) struct Frame<'a> {
    frame: *mut CallFrame,
    lifetime: PhantomData<&'a mut CallFrame>,
}

impl<'a> Frame<'a> {
    /// # Safety
    /// `frame` is what XLA passes to a handler, and nobody else touches what it points to during
    /// `'a`.
    pub(super) unsafe fn new(frame: *mut CallFrame) -> Self {
        Self { frame, lifetime: PhantomData }
    }

    /// If XLA only asks what this handler is, says so and returns true. The rest of such a frame
    /// may be NULL.
    pub(super) fn answer_metadata(&self) -> bool {
        // SAFETY: the frame is valid; an extension, where there is one, begins with its kind.
        let extension = unsafe { (*self.frame).extension_start };
        // SAFETY: not NULL, so valid as above.
        if extension.is_null() || unsafe { (*extension).kind } != EXTENSION_METADATA {
            return false;
        }
        // SAFETY: an extension of this kind is a `MetadataExtension`, whose metadata is there to be
        // written.
        let version = unsafe { &mut (*(*extension.cast::<MetadataExtension>()).metadata).api_version };
        (version.major, version.minor) = VERSION;
        true
    }

    /// The argument at an index, if it is there.
    pub(super) fn argument(&self, index: usize) -> Option<Operand<'a>> {
        // SAFETY: the frame is valid, and so are the arrays of its arguments.
        unsafe { Operand::of(&(*self.frame).arguments, index) }
    }

    /// The result at an index, if it is there. To be asked for once.
    pub(super) fn result(&self, index: usize) -> Option<Operand<'a>> {
        // SAFETY: the frame is valid, and so are the arrays of its results.
        unsafe { Operand::of(&(*self.frame).results, index) }
    }

    /// The attribute of this name, if it is a 32-bit integer.
    pub(super) fn attribute(&self, name: &str) -> Option<i32> {
        // SAFETY: the frame is valid.
        let attributes: &Attributes = unsafe { &(*self.frame).attributes };
        for index in 0..usize::try_from(attributes.size).ok()? {
            // SAFETY: the three arrays have `size` elements, each name is a valid span, and a
            // scalar is a `Scalar`.
            unsafe {
                let span = &**attributes.names.add(index);
                let found = core::slice::from_raw_parts(span.pointer, span.len) == name.as_bytes();
                if found && *attributes.types.add(index) == SCALAR {
                    let scalar = &*(*attributes.values.add(index)).cast::<Scalar>();
                    return (scalar.dtype == S32).then(|| scalar.value.cast::<i32>().read_unaligned());
                }
            }
        }
        None
    }

    /// An error for XLA to raise; XLA copies the message.
    pub(super) fn error(&self, code: c_int, message: &CStr) -> *mut Error {
        let mut args = ErrorCreateArgs {
            struct_size: size_of::<ErrorCreateArgs>(),
            extension_start: core::ptr::null_mut(),
            message: message.as_ptr(),
            code,
        };
        // SAFETY: outside of the metadata call the frame has the table of XLA's functions.
        unsafe {
            let api: *const Api = (*self.frame).api;
            ((*api).error_create)(&raw mut args)
        }
    }
}

/// An array in the caller's hands.
pub(super) struct Operand<'a> {
    buffer: &'a Buffer,
}

/// An array as rows of `cols` elements.
pub(super) struct Array<'a, T> {
    pub(super) values: &'a [T],
    pub(super) cols: usize,
}

impl<'a> Operand<'a> {
    /// # Safety
    /// The arrays in `buffers` have `size` elements, each a valid buffer during `'a`.
    unsafe fn of(buffers: &Buffers, index: usize) -> Option<Self> {
        if index >= usize::try_from(buffers.size).ok()? {
            return None;
        }
        // SAFETY: the index is within the arrays, and the caller vouches for the rest.
        unsafe { (*buffers.types.add(index) == BUFFER).then(|| Self { buffer: &**buffers.pointers.add(index) }) }
    }

    pub(super) fn dtype(&self) -> c_int {
        self.buffer.dtype
    }

    /// The number of elements and the last dimension (1 for a scalar).
    fn shape(&self) -> Option<(usize, usize)> {
        let rank = usize::try_from(self.buffer.rank).ok()?;
        let (mut count, mut cols) = (1_usize, 1);
        for axis in 0..rank {
            // SAFETY: `dims` has `rank` elements.
            cols = usize::try_from(unsafe { *self.buffer.dims.add(axis) }).ok()?;
            count = count.checked_mul(cols)?;
        }
        Some((count, cols))
    }

    /// As an input of this type.
    pub(super) fn read<T: Element>(&self) -> Option<Array<'a, T>> {
        let (count, cols) = self.shape()?;
        if self.dtype() != T::DTYPE {
            return None;
        }
        if count == 0 {
            return Some(Array { values: &[], cols });
        }
        // SAFETY: XLA's buffer holds `count` aligned elements of this type, dense and in row-major
        // order, which nobody writes during the call.
        Some(Array { values: unsafe { core::slice::from_raw_parts(self.buffer.data.cast::<T>(), count) }, cols })
    }

    /// As an output of this type.
    pub(super) fn write<T: Element>(&self) -> Option<&'a mut [T]> {
        let (count, _) = self.shape()?;
        if self.dtype() != T::DTYPE {
            return None;
        }
        if count == 0 {
            return Some(&mut []);
        }
        // SAFETY: as in `read`; results lie apart from arguments and from each other, since no
        // alias was asked for, and each is taken once. Any bits are a number.
        Some(unsafe { core::slice::from_raw_parts_mut(self.buffer.data.cast::<T>(), count) })
    }
}
