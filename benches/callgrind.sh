#!/usr/bin/env bash
# Counts the instructions of a call under callgrind: callgrind.sh LIBRARY CALLS OUT.csv, CALLS being the program of that name.
# Valgrind knows no AVX-512, so these are the AVX2 kernels' counts. Unlike times they do not depend on what else the machine does.
set -euo pipefail
library=$1 calls=$2 out=$3
repeats=1000
mkdir -p "$(dirname "$out")"
record() {
    local ordering=$1 element=$2 n=$3 log total
    log=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null --collect-atstart=no \
        --toggle-collect="hrw_weights_$element" "$calls" "$library" "$ordering" "$element" "$n" "$repeats" 2>&1 >/dev/null) \
        || { echo "$log" >&2; exit 1; }
    total=$(sed -n 's/.*Collected : *//p' <<<"$log")
    [ "${total:-0}" -gt 0 ] || { echo "nothing was counted: $log" >&2; exit 1; }
    echo "$ordering,$element,$n,$((total / repeats))"
}
{
    echo "# make callgrind ($(valgrind --version), AVX2 kernels; alpha 0.05, r 0.1, Exp(1) losses)"
    echo "ordering,element,n,instructions"
    for n in 128 1024; do
        for ordering in HD HR; do
            record "$ordering" f32 "$n"
            record "$ordering" f64 "$n"
        done
    done
} >"$out.part"
mv "$out.part" "$out"
cat "$out"
