#!/bin/bash
# Compiles the crate for machines that nothing is run on here: cargo check, with warnings as errors.
#
#   tests/targets.sh
#
# Uses rustup's standard libraries; where they cannot be had, says so of each target in one line.
set -euo pipefail
cd "$(dirname "$0")/.."
with_std=(x86_64-unknown-linux-musl x86_64-pc-windows-gnu x86_64-pc-windows-msvc x86_64-apple-darwin aarch64-apple-darwin
    aarch64-unknown-linux-gnu armv7-unknown-linux-gnueabihf i686-unknown-linux-gnu i686-pc-windows-msvc powerpc64le-unknown-linux-gnu
    riscv64gc-unknown-linux-gnu s390x-unknown-linux-gnu wasm32-wasip1)
without_std=(thumbv7em-none-eabi thumbv7em-none-eabihf thumbv6m-none-eabi riscv32imac-unknown-none-elf wasm32-unknown-unknown)
failed=0
# What a newer Rust warns of is shown.
strict=()
if .ci/known-rust; then strict=(-D warnings); fi

# checks TARGET [option of cargo ...]: only the lint that a warning is, so that dependencies stay as they are.
checks() {
    local target=$1
    shift
    if ! command -v rustup >/dev/null || ! timeout 120 rustup target add "$target" >/dev/null 2>&1; then
        echo "skipped: $target, whose standard library rustup cannot fetch here"
    elif "${CARGO:-cargo}" rustc --quiet --lib --profile check --target "$target" \
        --target-dir "${CARGO_TARGET_DIR:-target}/targets" "$@" -- "${strict[@]}"; then
        echo "compiles: $target${1:+ without std}"
    else
        echo "FAILED: $target${1:+ without std}"
        failed=1
    fi
}

for target in "${with_std[@]}"; do checks "$target"; done
for target in "${without_std[@]}"; do checks "$target" --no-default-features; done
exit $failed
