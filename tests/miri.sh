#!/usr/bin/env bash
# Runs tests in Miri, which sees undefined behaviour that happens to do no harm. Says why it is skipped where there is none.
#   usage: miri.sh [option of cargo test ...]
set -euo pipefail
cd "$(dirname "$0")/.."
toolchain=${MIRI_TOOLCHAIN:-nightly}
cargo +"$toolchain" miri --version >/dev/null 2>&1 || rustup component add miri rust-src --toolchain "$toolchain" >/dev/null 2>&1 ||
    { echo "skipped: Miri, for want of a nightly Rust that has it (rustup component add miri rust-src --toolchain nightly)"; exit 0; }
# Interpreted code is some hundred times slower: a few problems of every kind, through every pointer.
if [ $# -eq 0 ]; then set -- --test undefined; fi
# For a machine with 64 bits, big-endian, that has no instructions of its own here: Miri knows neither cpuid, for which libm asks,
# nor AVX-512. The portable kernels are the same text.
HRW_KERNELS=portable MIRIFLAGS="-Zmiri-tree-borrows" cargo +"$toolchain" miri test --target s390x-unknown-linux-gnu --target-dir "${CARGO_TARGET_DIR:-target}/miri" "$@"
