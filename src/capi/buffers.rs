//! From the caller's pointers to slices, and the checks that make that sound.

use core::ops::Range;

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
/// `pointer` is NULL or valid for writes of `n` initialised elements that nobody else touches
/// during `'a`, unless they overlap one of `inputs`, which is found out here.
pub(super) unsafe fn output<'a, T>(
    pointer: *mut T,
    n: usize,
    inputs: &[Option<&[T]>],
) -> Result<&'a mut [T], Refusal> {
    // SAFETY: passed on.
    unsafe { output_apart(pointer, n, inputs.iter().flatten().map(|input| place(input))) }
}

/// The same for inputs of any types, by their places.
///
/// # Safety
/// As [`output`].
pub(super) unsafe fn output_apart<'a, T>(
    pointer: *mut T,
    n: usize,
    inputs: impl IntoIterator<Item = Range<usize>>,
) -> Result<&'a mut [T], Refusal> {
    if n == 0 {
        return Ok(&mut []);
    }
    if pointer.is_null() {
        return Err(hrw_status::HRW_NULL_POINTER.into());
    }
    let own = place_of(pointer, n);
    if inputs.into_iter().any(|input| own.start < input.end && input.start < own.end) {
        return Err(hrw_status::HRW_OVERLAP.into());
    }
    // SAFETY: not NULL, apart from the inputs, and the caller of this function vouches for the
    // rest.
    Ok(unsafe { core::slice::from_raw_parts_mut(pointer, n) })
}

/// Where a slice is.
pub(super) fn place<T>(slice: &[T]) -> Range<usize> {
    place_of(slice.as_ptr(), slice.len())
}

/// Where n elements are.
pub(super) fn place_of<T>(pointer: *const T, n: usize) -> Range<usize> {
    pointer as usize..pointer as usize + n * size_of::<T>()
}

/// The number of numbers in a table of so many columns, each with one for every group.
pub(super) fn cells_of(columns: usize, group_count: usize) -> Result<usize, Refusal> {
    let fits = |&cells: &usize| cells <= isize::MAX.cast_unsigned() / size_of::<f64>();
    Ok(group_count.checked_mul(columns).filter(fits).ok_or(hrw_status::HRW_OFFSETS)?)
}
