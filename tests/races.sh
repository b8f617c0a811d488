#!/bin/bash
# The tests with threads under ThreadSanitizer, which needs a standard library that is built with it. (Valgrind's Helgrind and
# DRD do not know Rust's atomics, and report every use of them.)
#
#   tests/races.sh [option of cargo test ...]
#
# Says why it is skipped where the sources of the standard library cannot be had.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(rustc -vV | sed -n 's/^host: //p')
case $target in
x86_64-unknown-linux-gnu | aarch64-unknown-linux-gnu) ;;
*) echo "skipped: ThreadSanitizer, which is not for $target"; exit 0 ;;
esac
if [ ! -e "$(rustc --print sysroot)/lib/rustlib/src/rust/library/Cargo.lock" ] && ! rustup component add rust-src >/dev/null 2>&1; then
    echo "skipped: ThreadSanitizer, for want of the sources of Rust's standard library (rustup component add rust-src)"
    exit 0
fi
if [ $# -eq 0 ]; then set -- --release --test threads --test affinity --test sharded; fi
# The sanitizers, and building std, are not stable features, hence the permission.
RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=thread TSAN_OPTIONS=halt_on_error=1 \
    "${CARGO:-cargo}" test -Zbuild-std --target "$target" --target-dir "${CARGO_TARGET_DIR:-target}/races" "$@"
