#!/bin/bash
# Runs the tests of the solver on NEON: compiled for aarch64 with Debian's Rust, its sources of std and its cross
# compiler, and run in qemu. On an aarch64 machine `make test` does this by itself.
#
#   tests/neon.sh [option of cargo test ...]
#
# Says why it is skipped where the tools cannot be had. Building std takes some minutes the first time, the tests five more.
set -euo pipefail
cd "$(dirname "$0")/.."
rust=$(.ci/unpack rust rustc-web rust-web-src) || { echo "skipped: NEON, for want of Debian's Rust"; exit 0; }
tools=$(.ci/unpack aarch64 gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static) ||
    { echo "skipped: NEON, for want of Debian's cross compiler and qemu"; exit 0; }
libraries=usr/lib/$(uname -m)-linux-gnu
target=aarch64-unknown-linux-gnu
variable=CARGO_TARGET_$(echo "$target" | tr a-z- A-Z_)
root=$tools/usr/aarch64-linux-gnu
export "${variable}_LINKER=$tools/usr/bin/aarch64-linux-gnu-gcc"
export "${variable}_RUSTFLAGS=-Clink-arg=--sysroot=$tools -Clink-arg=-L$root/lib -Clink-arg=-B$root/lib"
export "${variable}_RUNNER=$tools/usr/bin/qemu-aarch64-static -L $root"
if [ $# -eq 0 ]; then set -- --lib --test accuracy --test properties --test errors --test sizes; fi
# The compiler finds its sources beside itself. Building std is not a stable feature of cargo, hence the permission.
LD_LIBRARY_PATH=$rust/$libraries:$tools/$libraries RUSTC_BOOTSTRAP=1 RUSTC=$rust/usr/bin/rustc \
    "${CARGO:-cargo}" test -Zbuild-std=std,test,panic_unwind --target "$target" \
    --target-dir "${CARGO_TARGET_DIR:-target}/neon" "$@"
