#!/bin/bash
# Builds the shared and the static library twice, in two places, with two directories of Cargo's, and compares the bytes.
#
#   tests/package/reproducible.sh
#
# What names a place are the messages of panics in dependencies and in Rust's own library: the directory of Cargo's registry is
# mapped to /cargo, and the sources of that library, where they are installed, to the name that they have where they are not.
# The sealed static library is the one that is installed.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
home=${CARGO_HOME:-$HOME/.cargo}
commit=$(rustc -vV | sed -n 's/^commit-hash: //p')
std=--remap-path-prefix=$(rustc --print sysroot)/lib/rustlib/src/rust=/rustc/$commit

# build DIRECTORY CARGO_HOME
build() {
    mkdir -p "$1"
    cp -r "$root"/{Cargo.toml,Cargo.lock,build.rs,src,include,README.md,docs,bindings} "$1"
    (
        cd "$1"
        unset RUSTC_BOOTSTRAP CARGO_BUILD_TARGET
        CARGO_HOME=$2 CARGO_TARGET_DIR=$1/target RUSTFLAGS="$std --remap-path-prefix=$2=/cargo" \
            "${CARGO:-cargo}" rustc --quiet --release --lib --crate-type cdylib,staticlib --locked
        bindings/c/packaging/seal.sh target/release/libhr_weights.a target/release/sealed.a
    )
}

mkdir -p "$work/home"
for name in registry config.toml config; do
    if [ -e "$home/$name" ]; then ln -s "$home/$name" "$work/home"; fi
done
build "$work/one" "$home"
build "$work/another/place" "$work/home"
status=0
for file in libhr_weights.so libhr_weights.a sealed.a; do
    sum=$(sha256sum "$work/one/target/release/$file")
    if cmp "$work/one/target/release/$file" "$work/another/place/target/release/$file"; then
        echo "the same bytes twice: $file ${sum%% *}"
    else
        status=1
    fi
    if grep -q -a -F -e "$work" -e "$home" -e "$HOME/" "$work/one/target/release/$file"; then
        echo "$file names a directory of this machine"
        status=1
    fi
done
exit $status
