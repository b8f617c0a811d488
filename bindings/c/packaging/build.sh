#!/bin/sh
# Builds the C libraries with Cargo and puts them into a directory:
#
#   build.sh DIRECTORY OPTION...        (options of `cargo rustc`, such as --release --crate-type cdylib,staticlib)
#
# Where Cargo leaves them depends on its environment and its configuration files (CARGO_TARGET_DIR,
# CARGO_BUILD_TARGET and more), so it is asked. CARGO may name the command.
set -eu

[ $# -gt 1 ] || { sed -n '4s/^# *//p' "$0" >&2; exit 2; }
directory=$1
shift

# A path, or a command with a toolchain, such as "cargo +stable".
cargo() {
    # shellcheck disable=SC2086
    if command -v "$CARGO" >/dev/null; then command "$CARGO" "$@"; else command $CARGO "$@"; fi
}
: "${CARGO:=cargo}"
messages=$(cargo rustc --lib "$@" --message-format=json-render-diagnostics)
files=$(printf '%s\n' "$messages" | grep '"reason":"compiler-artifact"' | grep -oE '"[^"]*/libhr_weights\.(so|dylib|a)"' | tr -d '"')

# needs KIND PATTERN ADVICE: fails if that kind is wanted and Cargo has built none, of which it only
# warns.
needs() {
    case $options in *"$1"*) ;; *) return 0 ;; esac
    printf '%s\n' "$files" | grep -qE "$2" || { echo "build.sh: Cargo has built no $1 for its target$3" >&2; exit 1; }
}
options=$*
needs cdylib '\.(so|dylib)$' "; for musl, set RUSTFLAGS='-C target-feature=-crt-static'"
needs staticlib '\.a$' ''

mkdir -p "$directory"
printf '%s\n' "$files" | while read -r file; do
    to=$directory/${file##*/}
    # A program may have the old file mapped, and Cargo a second name for it: it is replaced, not
    # written to. Two of these may run at a time, as under make -j.
    cmp -s "$file" "$to" || { cp "$file" "$to.$$" && mv -f "$to.$$" "$to"; }
done
