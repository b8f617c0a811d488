#!/bin/bash
# Threads, signals, forks, and loading and unloading, with the shared and the static library.
#
#   tests/c/stress.sh LIBDIR SECONDS        (LIBDIR holds libhr_weights.so and libhr_weights.a, such as target/release)
set -euo pipefail

[ $# -eq 2 ] || { sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
libdir=$(cd "$1" && pwd)
seconds=$2
source "$here/../runner.sh"

system_libs=(-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc)
build() {
    "${CC:-gcc}" -std=c11 -O1 -g -Wall -Wextra -Werror -pedantic -Wstrict-prototypes -I"$here/../../include" \
        "$here/$1" -o "$work/$2" "${@:3}" "${system_libs[@]}"
}

# Its numbers are of interest, also when all is well.
runs() {
    timeout $((seconds * 4 + 1200)) "$@" >"$work/numbers" || { cat "$work/numbers"; return 1; }
    sed '$d; s/^/    /' "$work/numbers" >&3
}
exec 3>&1

soname=$(readelf -d "$libdir/libhr_weights.so" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')
mkdir "$work/lib"
ln -s "$libdir/libhr_weights.so" "$work/lib/$soname"

check "build, shared" build stress.c shared "$work/lib/$soname"
check "build, static" build stress.c static "$libdir/libhr_weights.a"
check "build, dlopen" build unload.c unload
check "64 threads, shared" runs env LD_LIBRARY_PATH="$work/lib" "$work/shared" "$seconds"
check "64 threads, static" runs "$work/static" "$seconds"
check "1,000 times dlopen and dlclose" runs "$work/unload" "$libdir/libhr_weights.so" 1000
summary
