//! Names the shared library for the dynamic linker: `libhr_weights.so.ABI`.

/// The number in `HRW_ABI_VERSION`: programs linked against one ABI never load another.
const ABI: &str = "1";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libhr_weights.so.{ABI}");
    }
}
