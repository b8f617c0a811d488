#!/usr/bin/env bash
# Builds the static library without std for a Cortex-M4F and prints where it is; with the Rust that is installed if it knows
# the target (`rustup target add thumbv7em-none-eabihf`), else with Debian's compiler and its sources of `core`. Says why and
# returns 3 where neither can be had.
set -euo pipefail
cd "$(dirname "$0")/../../.."
target=thumbv7em-none-eabihf
options=(--quiet --profile embedded --lib --no-default-features --features panic-handler --crate-type staticlib
    --target "$target" --target-dir "${CARGO_TARGET_DIR:-target}/cortex-m4")
if [ -d "$("${RUSTC:-rustc}" --print sysroot)/lib/rustlib/$target" ]; then
    "${CARGO:-cargo}" rustc "${options[@]}" >&2
else
    rust=$(.ci/unpack rust rustc-web rust-web-src) || exit 3
    # The compiler finds its sources beside itself. Building `core` is not a stable feature of cargo, hence the permission.
    LD_LIBRARY_PATH=$rust/usr/lib/$(uname -m)-linux-gnu RUSTC_BOOTSTRAP=1 RUSTC=$rust/usr/bin/rustc \
        "${CARGO:-cargo}" rustc -Zbuild-std=core "${options[@]}" >&2
fi
echo "${CARGO_TARGET_DIR:-target}/cortex-m4/$target/embedded/libhr_weights.a"
