//! From views of any strides to slices.

use ndarray::{Array1, ArrayView1, CowArray, Ix1};

use crate::params::Error;

/// The view as an array whose elements lie side by side; copied if they do not.
pub(super) fn contiguous<T: Copy>(view: ArrayView1<'_, T>) -> CowArray<'_, T, Ix1> {
    if view.as_slice().is_some() {
        CowArray::from(view)
    } else {
        CowArray::from(view.iter().copied().collect::<Array1<T>>())
    }
}

/// Its elements.
pub(super) fn slice<'a, T>(array: &'a CowArray<'_, T, Ix1>) -> &'a [T] {
    array.as_slice().expect("made contiguous above")
}

/// Three columns of a table of groups.
pub(super) fn columns(count: usize) -> Result<[Vec<f64>; 3], Error> {
    let mut columns = [const { Vec::new() }; 3];
    for column in &mut columns {
        column.try_reserve_exact(count).map_err(|_| Error::Offsets)?;
        column.resize(count, 0.0);
    }
    Ok(columns)
}
