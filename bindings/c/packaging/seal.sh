#!/bin/sh
# Turns the archive that cargo makes into one that is fit to be installed:
#
#   seal.sh FROM TO
#
# Cargo's archive holds all of Rust's standard library under global names: 10 MB that collide with those of any other
# Rust library in the same program. Here what the interface needs is linked into a single object, in which everything but
# hrw_* is local. Needs a GNU binutils of the target; CC, AR, OBJCOPY and READELF may name them.
set -eu

: "${CC:=cc}" "${AR:=ar}" "${OBJCOPY:=objcopy}" "${READELF:=readelf}"

[ $# -eq 2 ] || { echo "usage: seal.sh FROM TO" >&2; exit 2; }
from=$1
to=$2

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# CC may be the path of a compiler, also with spaces in it, or a command with options, as make has it.
compile() {
    # shellcheck disable=SC2086
    if command -v "$CC" >/dev/null; then "$CC" "$@"; else $CC "$@"; fi
}

# Names of the defined global symbols. Not nm: where clang is installed, its plugin reads the bitcode in some members and
# fails if that comes from a newer LLVM.
defined() {
    "$READELF" --wide --symbols "$1" | awk '($5 == "GLOBAL" || $5 == "WEAK") && $7 != "UND" && $8 != "" { print $8 }' |
        LC_ALL=C sort -u
}

defined "$from" | grep '^hrw_' >"$work/interface"

# Only what the interface reaches is pulled out of the archive and survives the collection of sections.
sed 's/^/-Wl,-u,/' "$work/interface" >"$work/wanted"
compile -r -nostdlib -Wl,--gc-sections "@$work/wanted" "$from" -o "$work/linked.o"

# DW.ref.* are the pointers to the personality routine that unwinding follows: mergeable by design, and made to dangle if
# they were local. Undefined symbols stay as they are: some are weak, and are meant to be zero on an older C library.
defined "$work/linked.o" | grep -v -e '^hrw_' -e '^DW\.ref\.' >"$work/local"

# The tool's own format by name: left to find it out, it would try the same plugin as nm.
format=$("$OBJCOPY" --info | sed -n 2p)
"$OBJCOPY" --input-target="$format" --output-target="$format" --strip-unneeded \
    --remove-section=.llvmbc --remove-section=.llvmcmd --localize-symbols="$work/local" \
    "$work/linked.o" "$work/hr_weights.o"

rm -f "$to"
"$AR" rcD "$to" "$work/hr_weights.o"
