#!/bin/sh
# Installs the C and C++ interface, or removes it again:
#
#   install.sh install|uninstall
#
# From the environment: PREFIX (default /usr/local); LIBDIR (default PREFIX/lib; inside PREFIX); DESTDIR (default empty), a
# directory that is put before both, for packages; RELEASE (default target/release), where cargo left the libraries.
set -eu

fail() {
    echo "install.sh: $*" >&2
    exit 1
}

packaging=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$packaging/../../.." && pwd)
: "${PREFIX:=/usr/local}" "${DESTDIR:=}" "${RELEASE:=$root/target/release}"
PREFIX=${PREFIX%/}
: "${LIBDIR:=$PREFIX/lib}"
LIBDIR=${LIBDIR%/}

# What is installed finds its parts relative to itself.
case $PREFIX in /*) ;; *) fail "PREFIX must be an absolute path, not '$PREFIX'" ;; esac
case $LIBDIR in "$PREFIX"/*) ;; *) fail "LIBDIR must be inside PREFIX ($PREFIX), not '$LIBDIR'" ;; esac
case $LIBDIR/ in */../* | */./* | *//*) fail "PREFIX and LIBDIR may not contain '..', '.' or '//'" ;; esac

# The way back from LIBDIR/pkgconfig to PREFIX.
up=..
below=${LIBDIR#"$PREFIX"/}
while [ -n "$below" ]; do
    up=$up/..
    case $below in */*) below=${below#*/} ;; *) below= ;; esac
done

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml" | head -n 1)
# The version of the library file: cargo-c takes it from the same line.
file_version=$(sed -n '/^\[package\.metadata\.capi\.library\]$/,/^$/s/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml")
abi=$(sed -n 's/^#define HRW_ABI_VERSION \([0-9]*\)$/\1/p' "$root/include/hr_weights.h")
[ "${file_version%%.*}" = "$abi" ] || fail "Cargo.toml has library version '$file_version', the header ABI '$abi'"

include=$DESTDIR$PREFIX/include
lib=$DESTDIR$LIBDIR

remove() {
    rm -f "$include/hr_weights.h" "$include/hr_weights.hpp" "$lib/libhr_weights.a" "$lib/libhr_weights.so" \
        "$lib/libhr_weights.so.$abi" "$lib/libhr_weights.so.$abi".*.* "$lib/pkgconfig/hr_weights.pc" \
        "$lib/cmake/hr_weights/hr_weightsConfig.cmake" "$lib/cmake/hr_weights/hr_weightsConfigVersion.cmake"
    # Other packages live in the directories above this one.
    if [ -d "$lib/cmake/hr_weights" ]; then rmdir "$lib/cmake/hr_weights"; fi
}

put() {
    [ "$(uname -s)" = Linux ] || fail "knows Linux only; elsewhere use cargo cinstall (see docs/c.md)"
    for library in libhr_weights.so libhr_weights.a; do
        [ -f "$RELEASE/$library" ] || fail "$RELEASE/$library is missing: run 'make library' first"
    done
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    "$packaging/seal.sh" "$RELEASE/libhr_weights.a" "$work/libhr_weights.a"
    sed -e "s|@PREFIX_FROM_PC@|$up|" -e "s|@VERSION@|$version|" "$packaging/hr_weights.pc.in" >"$work/hr_weights.pc"

    remove
    install -d "$include" "$lib/pkgconfig" "$lib/cmake/hr_weights"
    install -m 644 "$root/include/hr_weights.h" "$root/bindings/cpp/include/hr_weights.hpp" "$include"
    install -m 755 "$RELEASE/libhr_weights.so" "$lib/libhr_weights.so.$file_version"
    ln -s "libhr_weights.so.$file_version" "$lib/libhr_weights.so.$abi"
    ln -s "libhr_weights.so.$abi" "$lib/libhr_weights.so"
    install -m 644 "$work/libhr_weights.a" "$lib"
    install -m 644 "$work/hr_weights.pc" "$lib/pkgconfig"
    install -m 644 "$packaging/hr_weightsConfig.cmake" "$packaging/hr_weightsConfigVersion.cmake" "$lib/cmake/hr_weights"
}

case ${1-} in
install) put ;;
uninstall) remove ;;
*) fail "usage: install.sh install|uninstall" ;;
esac
