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

messages=$("${CARGO:-cargo}" rustc --lib "$@" --message-format=json-render-diagnostics)
mkdir -p "$directory"
printf '%s\n' "$messages" | grep '"reason":"compiler-artifact"' | grep -oE '"[^"]*/libhr_weights\.(so|dylib|a)"' | tr -d '"' |
    while read -r file; do
        to=$directory/${file##*/}
        # A program may have the old file mapped, and Cargo a second name for it: it is replaced,
        # not written to.
        cmp -s "$file" "$to" || { cp "$file" "$to.new" && mv -f "$to.new" "$to"; }
    done
