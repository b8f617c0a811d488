//! Which version is this?

use core::ffi::c_char;

/// HRW_ABI_VERSION of the library that is loaded; differs from the header's if the two do not
/// belong together.
///
/// Any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn hrw_abi_version() -> u32 {
    super::HRW_ABI_VERSION
}

/// The version of the library that is loaded, such as "0.1.0".
///
/// Static: never NULL, never freed. Any thread may call it.
#[unsafe(no_mangle)]
pub extern "C" fn hrw_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
