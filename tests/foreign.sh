#!/bin/bash
# Runs the tests of the solver on another kind of machine than this one: cross-compiled with Debian's compiler and C library,
# and run in qemu, or by this processor itself where it can.
#
#   tests/foreign.sh TARGET [option of cargo test ...]
#
#   aarch64-unknown-linux-gnu   NEON
#   i686-unknown-linux-gnu      32 bits, numbers of 8 bytes aligned to 4; run natively on x86-64
#   s390x-unknown-linux-gnu     big-endian
#   armv7-unknown-linux-gnueabihf, riscv64gc-unknown-linux-gnu
#
# Uses rustup's standard library for the target if it can be had; otherwise Debian's Rust builds std, which takes some minutes
# the first time. Says in one line why it is skipped where the tools cannot be had. The emulated tests take five to fifteen
# minutes, nearly all of it in `sizes`.
set -euo pipefail
cd "$(dirname "$0")/.."

[ $# -gt 0 ] || { sed -n '2,15s/^# \{0,1\}//p' "$0" >&2; exit 2; }
target=$1
shift
case $target in
aarch64-unknown-linux-gnu) debian=arm64 triple=aarch64-linux-gnu ;;
armv7-unknown-linux-gnueabihf) debian=armhf triple=arm-linux-gnueabihf ;;
i686-unknown-linux-gnu) debian=i386 triple=i686-linux-gnu ;;
riscv64gc-unknown-linux-gnu) debian=riscv64 triple=riscv64-linux-gnu ;;
s390x-unknown-linux-gnu) debian=s390x triple=s390x-linux-gnu ;;
*) echo "$target: not a target that this script knows" >&2; exit 2 ;;
esac
architecture=${triple%%-*}
emulator=${architecture/i686/i386}

skip() {
    echo "skipped: the tests on $target, for want of $1"
    exit 0
}

tools=$(.ci/unpack "$architecture" "gcc-$triple" "libc6-dev-$debian-cross" qemu-user-static) ||
    skip "Debian's cross compiler and qemu"
libraries=usr/lib/$(uname -m)-linux-gnu
root=$tools/usr/$triple
variable=CARGO_TARGET_$(echo "$target" | tr a-z- A-Z_)
export "${variable}_LINKER=$tools/usr/bin/$triple-gcc"
export "${variable}_RUSTFLAGS=-Clink-arg=--sysroot=$tools -Clink-arg=-L$root/lib -Clink-arg=-B$root/lib"

# The loader of the target's C library starts the program if this kernel and processor can.
runner="$tools/usr/bin/qemu-$emulator-static -L $root"
if [ "$target" = i686-unknown-linux-gnu ] && "$root/lib/ld-linux.so.2" --version >/dev/null 2>&1; then
    runner="$root/lib/ld-linux.so.2 --library-path $root/lib"
fi
export "${variable}_RUNNER=$runner"

build_std=()
if [ -z "${RUSTC:-}" ] && command -v rustup >/dev/null && rustup target add "$target" >/dev/null 2>&1; then
    :
else
    rust=$(.ci/unpack rust rustc-web rust-web-src) || skip "a standard library: neither rustup nor Debian's Rust has it"
    # The compiler finds its sources beside itself. Building std is not a stable feature of cargo, hence the permission.
    export RUSTC_BOOTSTRAP=1 RUSTC=$rust/usr/bin/rustc LD_LIBRARY_PATH=$rust/$libraries
    build_std=(-Zbuild-std=std,test,panic_unwind)
fi
export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$tools/$libraries

if [ $# -eq 0 ]; then set -- --lib --test accuracy --test properties --test errors --test sizes; fi
exec "${CARGO:-cargo}" test "${build_std[@]}" --target "$target" --target-dir "${CARGO_TARGET_DIR:-target}/$architecture" "$@"
