//! Names the shared library for the dynamic linker: `libhr_weights.so.ABI`. And for the tests alone: `HRW_KERNELS` builds a
//! library that uses no better instruction set than the named one.

/// The number in `HRW_ABI_VERSION`: programs linked against one ABI never load another.
const ABI: &str = "1";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=HRW_KERNELS");
    println!("cargo:rustc-check-cfg=cfg(hrw_kernels, values(\"portable\", \"avx2\"))");
    if let Ok(kernels) = std::env::var("HRW_KERNELS") {
        println!("cargo:rustc-cfg=hrw_kernels=\"{kernels}\"");
    }
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libhr_weights.so.{ABI}");
    }
}
