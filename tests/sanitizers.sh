#!/usr/bin/env bash
# Runs the Rust tests under AddressSanitizer, which comes with the compiler; LeakSanitizer is a part of it.
#   usage: sanitizers.sh [option of cargo test ...]
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(rustc -vV | sed -n 's/^host: //p')
if [ $# -eq 0 ]; then set -- --lib --test errors --test guards --test sizes --test sharded --test threads; fi
# The option of the compiler is not stable, hence the permission. Another crate type would want the runtime at load time.
RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address" ASAN_OPTIONS=detect_leaks=1 \
    "${CARGO:-cargo}" test --target "$target" --target-dir "${CARGO_TARGET_DIR:-target}/address" "$@"
