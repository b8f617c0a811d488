#!/bin/bash
# The binary interface against that of a release, as libabigail sees it: structures, codes and signatures.
#
#   tests/install/abi.sh write VERSION        writes released/VERSION: libhr_weights.abi, and the header
#   tests/install/abi.sh check LIBDIR         compares with the snapshot of every release
#
# Both look at a C library whose functions are those of the header and do nothing: Rust's debug information tells the same in a
# hundred times the space, and changes with the compiler. That the header is what the source says is another test's matter, that
# the library of LIBDIR has every function of the snapshots is checked here. What the policy allows passes: functions and codes
# that are added, structures that grow at their end.
#
# Says why it is skipped where libabigail cannot be had, or where this is not the kind of machine that the snapshots are of.
set -euo pipefail

[ $# -eq 2 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
[ "$(uname -sm)" = "Linux x86_64" ] || { echo "skipped: the snapshots of the ABI are of Linux on x86-64"; exit 0; }
if command -v abidw >/dev/null; then
    abigail=()
else
    tools=$(cd "$root" && .ci/unpack abigail abigail-tools) || { echo "skipped: the snapshots of the ABI, for want of abigail-tools"; exit 0; }
    abigail=(env "LD_LIBRARY_PATH=$tools/usr/lib/x86_64-linux-gnu" "PATH=$tools/usr/bin:$PATH")
fi
source "$root/tests/runner.sh"

# A function that does nothing for each one that the header declares, and a variable of each type of codes.
definitions() {
    echo '#include "hr_weights.h"'
    sed -n 's/^} \(hrw_[a-z0-9_]*\);$/\1/p' "$1/hr_weights.h" | sed 's/.*/& abi_of_&;/'
    "${CC:-gcc}" -E -P -I"$1" "$1/hr_weights.h" | tr '\n' ' ' | tr ';' '\n' | grep -E '\bhrw_[a-z0-9_]+ *\(' | grep -v typedef |
        sed 's/^.*} *//; s/$/ { return 0; }/'
}

# snapshot DIRECTORY OUTPUT: of the header in the directory.
snapshot() {
    definitions "$1" >"$work/all.c"
    (cd "$work" && "${CC:-gcc}" -std=c11 -g -gdwarf-4 -fPIC -shared -Wl,-soname,libhr_weights.so -I"$1" all.c -o libhr_weights.so)
    "${abigail[@]}" abidw --no-corpus-path --no-show-locs --no-comp-dir-path --no-elf-needed --no-parameter-names \
        --out-file "$2" "$work/libhr_weights.so"
}

# known OLD_HEADER HEADER: the header, of whose structures only as many fields are left as the old one has: they may grow at
# their end. (Suppressions of libabigail that say so hide other changes too.)
known() {
    awk '/^typedef struct .* \{$/ { name = $3; count = 0 }
        /^} / { name = "" }
        name != "" && /;$/ { count++; if (NR == FNR) fields[name] = count; else if (name in fields && count > fields[name]) next }
        NR != FNR' "$1" "$2"
}

# compatible RELEASE HEADERS: that directory's snapshot with the other directory's header.
compatible() {
    mkdir -p "$work/known"
    known "$1/hr_weights.h" "$2/hr_weights.h" >"$work/known/hr_weights.h"
    snapshot "$work/known" "$work/present.abi"
    "${abigail[@]}" abidiff --no-added-syms "$1/libhr_weights.abi" "$work/present.abi"
}

functions_of() {
    grep -o "<elf-symbol name='hrw_[^']*' type='func-type'" "$1" | cut -d "'" -f 2 | LC_ALL=C sort
}

has_all_functions() {
    local missing
    missing=$(comm -23 <(functions_of "$1") <(nm -D --defined-only "$2" | awk '{ print $NF }' | LC_ALL=C sort))
    printf '%s\n' "$missing"
    [ -z "$missing" ]
}

# edited SED_EXPRESSION: the directory of a header with a change, which must be one.
edited() {
    mkdir -p "$work/edited"
    sed -E "$1" "$root/include/hr_weights.h" >"$work/edited/hr_weights.h"
    ! cmp -s "$root/include/hr_weights.h" "$work/edited/hr_weights.h"
}
finds() { edited "$1" && refuses compatible "$release" "$work/edited"; }
allows() { edited "$1" && compatible "$release" "$work/edited"; }
functions_and_another() {
    cat "$release/libhr_weights.abi"
    echo "<elf-symbol name='hrw_lost' type='func-type'"
}

case $1 in
write)
    output=$here/released/$2/libhr_weights.abi
    snapshot "$root/include" "$work/new.abi"
    mkdir -p "$here/released/$2"
    mv "$work/new.abi" "$output"
    cp "$root/include/hr_weights.h" "$here/released/$2"
    echo "$output: $(functions_of "$output" | wc -l) functions"
    ;;
check)
    for release in "$here"/released/*/; do
        version=$(basename "$release")
        check "ABI of $version" compatible "$release" "$root/include"
        check "functions of $version" has_all_functions "$release/libhr_weights.abi" "$2/libhr_weights.so"
    done
    # What it is for, on the last release.
    check "a field between others is found" finds 's/^    double alpha;/    double beta;\n    double alpha;/'
    check "a field that leaves is found" finds '/^    double previous;/d'
    check "a field that changes its type is found" finds 's/^    uint32_t iterations;/    uint64_t iterations;/'
    check "fields that change places are found" finds \
        's/^    double kl;/    double swapped;/; s/^    double tv;/    double kl;/; s/^    double swapped;/    double tv;/'
    check "a function that leaves is found" finds '/^int32_t hrw_certified_r\(/d'
    check "another argument is found" finds 's/^(int32_t hrw_certified_r\()uint64_t n/\1uint32_t n/'
    check "another code is found" finds 's/HRW_OVERLAP = 12/HRW_OVERLAP = 112/'
    check "a code that leaves is found" finds '/HRW_OVERLAP = 12/d'
    check "fields at the end may come" allows 's/^    uint32_t iterations;/&\n    uint32_t more;\n    double even_more;/'
    check "a function may come" allows 's/^int32_t hrw_certified_r\(/int32_t hrw_new(double x);\n&/'
    check "a code may come" allows 's/^    HRW_PANIC = 99,/&\n    HRW_NEW = 100,/'
    check "a function that the library has lost is found" refuses has_all_functions <(functions_and_another) "$2/libhr_weights.so"
    summary
    ;;
*) exit 2 ;;
esac
