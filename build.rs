//! Names the shared library for the dynamic linker: `libhr_weights.so.ABI`. Decides whether the
//! vector passes are compiled. And for the tests alone: `HRW_KERNELS` builds a library that uses no
//! better instruction set than the named one.

/// The number in `HRW_ABI_VERSION`: programs linked against one ABI never load another.
const ABI: &str = "1";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=HRW_KERNELS");
    println!("cargo:rustc-check-cfg=cfg(hrw_kernels, values(\"scalar\", \"portable\", \"avx2\"))");
    println!("cargo:rustc-check-cfg=cfg(hrw_vector)");
    let kernels = std::env::var("HRW_KERNELS");
    if let Ok(kernels) = &kernels {
        println!("cargo:rustc-cfg=hrw_kernels=\"{kernels}\"");
    }
    // Without std and without registers to gain from, the scalar text serves all cases: it is half
    // the code.
    let has_std = std::env::var_os("CARGO_FEATURE_STD").is_some();
    let has_registers = std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "aarch64")
        || std::env::var("CARGO_CFG_TARGET_FEATURE")
            .is_ok_and(|list| list.split(',').any(|feature| feature == "avx2"));
    if (has_std || has_registers) && kernels.as_deref() != Ok("scalar") {
        println!("cargo:rustc-cfg=hrw_vector");
    }
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        // For all that is linked from this package alone, its tests too, where both mean nothing:
        // an argument for the shared library only is refused to a package that does not declare
        // one.
        println!("cargo:rustc-link-arg=-Wl,-soname,libhr_weights.so.{ABI}");
        // dlclose must not take the code away from the threads of the pool, which live as long as
        // the process.
        println!("cargo:rustc-link-arg=-Wl,-z,nodelete");
    }
}
