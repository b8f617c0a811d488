//! Compiles the softmax that the solver is held against, as a C programmer would who wants it fast.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=softmax.c");
    println!("cargo:rerun-if-env-changed=CC");
    let mut build = cc::Build::new();
    build
        .file("softmax.c")
        .opt_level(3)
        .flag("-march=native")
        .flag("-ffast-math")
        .std("c11")
        .warnings_into_errors(true);
    let compiler = build.get_compiler().to_command().get_program().to_owned();
    build.compile("softmax");
    // glibc's vector exponential, which -ffast-math makes gcc use.
    if std::env::var("TARGET").as_deref() == Ok("x86_64-unknown-linux-gnu") {
        println!("cargo:rustc-link-lib=mvec");
        println!("cargo:rustc-link-lib=m");
    }
    let version = Command::new(compiler).arg("--version").output().ok();
    let version = version.and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    println!("cargo:rustc-env=SOFTMAX_COMPILER={}", version.lines().next().unwrap_or("unknown"));
}
