//! From the caller's pointers to slices, and the checks that make that sound.

use super::status::{Refusal, hrw_status};

/// The caller's vector as a slice.
///
/// # Safety
/// `pointer` is NULL or valid for reads of `n` elements that nobody writes during `'a`.
pub(super) unsafe fn input<'a, T>(pointer: *const T, n: usize) -> Result<&'a [T], Refusal> {
    if n == 0 {
        Ok(&[])
    } else if pointer.is_null() {
        Err(hrw_status::HRW_NULL_POINTER.into())
    } else {
        // SAFETY: not NULL, and the caller of this function vouches for the rest.
        Ok(unsafe { core::slice::from_raw_parts(pointer, n) })
    }
}

/// The caller's vector as a slice, if there is one.
///
/// # Safety
/// As [`input`].
pub(super) unsafe fn optional_input<'a, T>(pointer: *const T, n: usize) -> Result<Option<&'a [T]>, Refusal> {
    if pointer.is_null() {
        Ok(None)
    } else {
        // SAFETY: passed on.
        unsafe { input(pointer, n) }.map(Some)
    }
}

/// The caller's output as a slice, once it is known to lie apart from the inputs.
///
/// # Safety
/// `pointer` is NULL or valid for writes of `n` initialised elements that nobody else touches during `'a`, unless they
/// overlap one of `inputs`, which is found out here.
pub(super) unsafe fn output<'a, T>(
    pointer: *mut T,
    n: usize,
    inputs: &[Option<&[T]>],
) -> Result<&'a mut [T], Refusal> {
    if n == 0 {
        return Ok(&mut []);
    }
    if pointer.is_null() {
        return Err(hrw_status::HRW_NULL_POINTER.into());
    }
    let start = pointer as usize;
    let end = start + n * size_of::<T>();
    for input in inputs.iter().flatten() {
        let range = input.as_ptr_range();
        if start < range.end as usize && (range.start as usize) < end {
            return Err(hrw_status::HRW_OVERLAP.into());
        }
    }
    // SAFETY: not NULL, apart from the inputs, and the caller of this function vouches for the rest.
    Ok(unsafe { core::slice::from_raw_parts_mut(pointer, n) })
}
