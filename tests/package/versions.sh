#!/bin/bash
# The versions that are promised: the oldest Rust, and the oldest dependencies that Cargo.toml admits.
#
#   tests/package/versions.sh
#
# Says why a part is skipped where it cannot be had.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
cargo=${CARGO:-cargo}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$root"

oldest=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
if rustc --version | grep -q "^rustc $oldest\."; then
    echo "Rust $oldest is what all tests run with"
elif command -v rustup >/dev/null && rustup toolchain install "$oldest" --profile minimal >/dev/null 2>&1; then
    for command in "check" "check --no-default-features" "check --no-default-features --features std" "test --test accuracy"; do
        echo "Rust $oldest: cargo $command"
        rustup run "$oldest" cargo $command --quiet --locked --target-dir "$target/oldest-rust"
    done
else
    echo "skipped: Rust $oldest, which rustup cannot fetch here"
fi

# In a copy, since it changes Cargo.lock. To choose such versions is not a stable feature of Cargo, hence the permission.
cp -r Cargo.toml build.rs src include cbindgen.toml tests README.md docs "$work"
cd "$work"
if RUSTC_BOOTSTRAP=1 "$cargo" update --quiet -Zdirect-minimal-versions 2>"$work/reason"; then
    echo "the oldest dependencies: cargo check, cargo test --lib --test accuracy"
    "$cargo" check --quiet --locked --target-dir "$target/oldest-dependencies"
    "$cargo" test --quiet --locked --lib --test accuracy --target-dir "$target/oldest-dependencies"
elif grep -qiE 'network|download|resolve host|timed out|spurious' "$work/reason"; then
    echo "skipped: the oldest dependencies, which cannot be fetched here"
else
    cat "$work/reason" >&2
    exit 1
fi
