#!/bin/bash
# Checks the installed interface as C and C++ programs see it: the header, the shared and the static library.
#
#   tests/c/run.sh LIBDIR        (LIBDIR holds libhr_weights.so and libhr_weights.a, such as target/release)
#
# CC and CXX choose the first pair of compilers; clang is checked as well where it is present, valgrind and the sanitizers
# likewise. The exported symbols are compared with symbols.txt: a new function is added there, on purpose.
set -euo pipefail

if [ $# -ne 1 ]; then
    sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi

here=$(cd "$(dirname "$0")" && pwd)
include=$(cd "$here/../../include" && pwd)
libdir=$(cd "$1" && pwd)
header=$include/hr_weights.h
shared=$libdir/libhr_weights.so
static=$libdir/libhr_weights.a

# What `cargo rustc --release --crate-type staticlib -- --print native-static-libs` names on Linux.
system_libs=(-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc)
strict=(-Wall -Wextra -Werror -pedantic)
c_strict=("${strict[@]}" -Wstrict-prototypes)
c_standards=(c99 c11 c17)
cxx_standards=(c++11 c++17 c++20)

c_compilers=("${CC:-gcc}")
cxx_compilers=("${CXX:-g++}")
if command -v clang >/dev/null && [ "${CC:-}" != clang ]; then c_compilers+=(clang); fi
if command -v clang++ >/dev/null && [ "${CXX:-}" != clang++ ]; then cxx_compilers+=(clang++); fi
cc=${c_compilers[0]}
cxx=${cxx_compilers[0]}

source "$here/../runner.sh"

prints_nothing() {
    local output
    output=$("$@" 2>&1) || { printf '%s\n' "$output"; return 1; }
    printf '%s\n' "$output"
    [ -z "$output" ]
}

# ---- the header ------------------------------------------------------------------------------------------------------

header_alone() {
    local language=$1
    shift
    echo '#include "hr_weights.h"' | "$@" -x "$language" -I"$include" -fsyntax-only -
}

# Links include_twice.c and include_other.c into one program with the shared library, and runs it.
two_files() {
    local language=$1 program=$work/two_files
    shift
    "$@" -x "$language" -I"$include" "$here/include_twice.c" "$here/include_other.c" -x none \
        -o "$program" -L"$work/lib" -lhr_weights
    prints_nothing env LD_LIBRARY_PATH="$work/lib" "$program"
}

# ---- the libraries ---------------------------------------------------------------------------------------------------

soname() {
    readelf -d "$shared" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p'
}

abi_version() {
    sed -n 's/^#define HRW_ABI_VERSION \([0-9][0-9]*\)$/\1/p' "$header"
}

soname_is_of_the_abi() {
    echo "SONAME $(soname), HRW_ABI_VERSION $(abi_version)"
    [ -n "$(abi_version)" ] && [ "$(soname)" = "libhr_weights.so.$(abi_version)" ]
}

# Names that begin with an underscore, or with rust_, are the compiler's own, of which each release may have others.
shared_exports() {
    nm -D --defined-only "$shared" | awk '{ print $NF }' | sed 's/@.*//' | grep -v -e '^_' -e '^rust_' | LC_ALL=C sort |
        diff "$here/symbols.txt" -
}

# Rust's own symbols are global in an archive; only the interface has our prefix. Not nm: its plugins try to read the
# bitcode that some members hold, and fail if it comes from a newer LLVM than theirs.
static_exports() {
    readelf --wide --symbols "$static" |
        awk '$4 == "FUNC" && $5 == "GLOBAL" && $7 != "UND" && $8 ~ /^hrw_/ { print $8 }' |
        LC_ALL=C sort -u | diff "$here/symbols.txt" -
}

# What XLA and TensorFlow call is not for C programs, and the header does not have it.
header_declares() {
    "$cc" -std=c99 -E -P -I"$include" "$header" | grep -o '\bhrw_[a-z0-9_]* *(' | tr -d ' (' | LC_ALL=C sort -u |
        diff <(grep -v -e '^hrw_xla_' -e '^hrw_tensorflow_' "$here/symbols.txt") -
}

build() {
    local source=$1 program=$2 standard=$3
    shift 3
    (cd "$here" && "$cc" "-std=$standard" -O1 -g "${c_strict[@]}" -I"$include" "$source" -o "$work/$program" "$@")
}

use_shared=(-L"$work/lib" -lhr_weights -lm -lpthread)
use_static=("$static" "${system_libs[@]}")
run_with_shared=(env LD_LIBRARY_PATH="$work/lib")

# The file under the name that programs will ask for, wherever it was built.
mkdir "$work/lib"
ln -s "$shared" "$work/lib/libhr_weights.so"
name=$(soname)
if [ -n "$name" ] && [ "$name" != libhr_weights.so ]; then ln -s "$shared" "$work/lib/$name"; fi

# ---- the checks ------------------------------------------------------------------------------------------------------

for compiler in "${c_compilers[@]}"; do
    for standard in "${c_standards[@]}"; do
        check "header alone, $compiler $standard" header_alone c "$compiler" "-std=$standard" "${c_strict[@]}"
        check "two files, $compiler $standard" two_files c "$compiler" "-std=$standard" "${c_strict[@]}"
    done
    for standard in c11 c17; do
        check "layout, $compiler $standard" \
            "$compiler" "-std=$standard" "${c_strict[@]}" -I"$include" -c "$here/layout.c" -o "$work/layout.o"
    done
done
for compiler in "${cxx_compilers[@]}"; do
    for standard in "${cxx_standards[@]}"; do
        check "header alone, $compiler $standard" header_alone c++ "$compiler" "-std=$standard" "${strict[@]}"
        check "two files, $compiler $standard" two_files c++ "$compiler" "-std=$standard" "${strict[@]}"
        check "layout, $compiler $standard" \
            "$compiler" "-std=$standard" "${strict[@]}" -x c++ -I"$include" -c "$here/layout.c" -o "$work/layout.o"
    done
done

check "SONAME" soname_is_of_the_abi
check "symbols of the shared library" shared_exports
check "symbols of the static library" static_exports
check "functions of the header" header_declares

check "build the contract, shared" build contract.c contract_shared c99 "${use_shared[@]}"
check "build the contract, static" build contract.c contract_static c99 "${use_static[@]}"
check "contract, shared" prints_only_its_summary "${run_with_shared[@]}" "$work/contract_shared"
check "contract, static" prints_only_its_summary "$work/contract_static"

if getconf GNU_LIBC_VERSION >/dev/null 2>&1; then
    check "build noalloc, shared" build noalloc.c noalloc_shared c11 "${use_shared[@]}"
    check "build noalloc, static" build noalloc.c noalloc_static c11 "${use_static[@]}"
    check "no allocation, shared" prints_only_its_summary "${run_with_shared[@]}" "$work/noalloc_shared"
    check "no allocation, static" prints_only_its_summary "$work/noalloc_static"
else
    echo "skipped: the allocation count needs glibc"
fi

# -q: valgrind prints errors only, which the summary check then sees as well.
if command -v valgrind >/dev/null; then
    memcheck=(valgrind -q --error-exitcode=1 --leak-check=full --errors-for-leak-kinds=all)
    smaller=-DLARGE=20011
    check "build for valgrind, shared" build contract.c memcheck_shared c99 "$smaller" "${use_shared[@]}"
    check "build for valgrind, static" build contract.c memcheck_static c99 "$smaller" "${use_static[@]}"
    check "contract under valgrind, shared" \
        prints_only_its_summary "${run_with_shared[@]}" "${memcheck[@]}" "$work/memcheck_shared"
    check "contract under valgrind, static" prints_only_its_summary "${memcheck[@]}" "$work/memcheck_static"
else
    echo "skipped: valgrind is not installed"
fi

# The caller's side with the sanitizers: what the library does to the program's memory.
sanitize=(-fsanitize=address,undefined -fno-sanitize-recover=all)
if echo 'int main(void) { return 0; }' | "$cc" -x c "${sanitize[@]}" - -o "$work/probe" 2>/dev/null && "$work/probe"; then
    check "build the contract with sanitizers" build contract.c contract_sanitized c99 "${sanitize[@]}" "${use_static[@]}"
    check "contract with sanitizers" prints_only_its_summary "$work/contract_sanitized"
else
    echo "skipped: $cc has no sanitizers here"
fi

summary
