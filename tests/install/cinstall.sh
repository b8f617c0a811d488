#!/bin/bash
# Checks that `cargo cinstall` (cargo-c) installs what `make install` does, and that programs can use it.
#
#   tests/install/cinstall.sh LIBDIR TOOLS
#
# LIBDIR holds libhr_weights.so and libhr_weights.a, such as target/release; TOOLS is what .ci/cargo-c prints. CC, CXX and
# CARGO choose the tools. Needs cmake and pkg-config.
set -euo pipefail

[ $# -eq 2 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
built=$(cd "$1" && pwd)
: "${CC:=gcc}" "${CXX:=g++}" "${CARGO:=cargo}"
export CC CXX
# Those of a make that runs this script are not meant for the makes below.
unset MAKE MAKEFLAGS MFLAGS MAKELEVEL
PATH=$2:$PATH
source "$root/tests/runner.sh"
ours=$work/make
theirs=$work/cargo-c
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml" | head -n 1)

# LIBDIR below PREFIX, as by `make install`; cargo-c would choose the one of the distribution.
by_cargo_c() {
    "$CARGO" cinstall --manifest-path "$root/Cargo.toml" --release --locked --target-dir "$root/target/cinstall" \
        --destdir "$theirs" --prefix /usr --libdir lib
}

by_make() {
    make --no-print-directory -C "$root" install PREFIX=/usr "DESTDIR=$ours" "RELEASE=$built" "CC=$CC"
}

# Files and links below a directory, one a line, with their permissions. cargo-c installs data below share, where CMake looks
# as well; a link may lead to its file by way of another one.
files_of() {
    (cd "$1/usr" && find . ! -type d -printf '%P %m ' -exec sh -c 'basename "$(readlink -f "$1")"' _ {} \;) |
        sed 's|^share/cmake/|lib/cmake/|' | LC_ALL=C sort
}

same_files() {
    diff <(files_of "$ours") <(files_of "$theirs")
}

same_contents() {
    cmp "$ours/usr/include/hr_weights.h" "$theirs/usr/include/hr_weights.h" &&
        cmp "$ours/usr/include/hr_weights.hpp" "$theirs/usr/include/hr_weights.hpp" &&
        diff -r "$ours/usr/lib/cmake" "$theirs/usr/share/cmake"
}

soname_of() {
    readelf -d "$1/usr/lib/libhr_weights.so" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p'
}

same_soname() {
    echo "$(soname_of "$ours") $(soname_of "$theirs")"
    [ -n "$(soname_of "$ours")" ] && [ "$(soname_of "$ours")" = "$(soname_of "$theirs")" ]
}

same_symbols() {
    nm -D --defined-only "$theirs/usr/lib/libhr_weights.so" | awk '{ print $NF }' | sed 's/@.*//' | grep -v -e '^_' -e '^rust_' |
        LC_ALL=C sort |
        diff "$root/tests/c/symbols.txt" -
}

# What pkg-config says of a staged installation, for the installed one: a flag a line, paths in their shortest form.
pkg() {
    local stage=$1
    shift
    PKG_CONFIG_PATH=$stage/usr/lib/pkgconfig PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1 \
        pkg-config "$@" hr_weights | xargs -n 1 | while read -r flag; do
        case $flag in
        -[IL]/*) flag=${flag:0:2}/$(realpath -m "${flag:2}" --relative-to /) ;;
        esac
        printf '%s\n' "${flag/"${stage#/}/"/}"
    done
}

same_flags() {
    local what
    for what in --modversion --cflags --libs; do
        diff <(pkg "$ours" $what) <(pkg "$theirs" $what) || return 1
    done
    [ "$(pkg "$theirs" --modversion)" = "$version" ] && [ "$(pkg "$theirs" --cflags)" = -I/usr/include ]
}

# rustc names a few more libraries than glibc has apart; what we name must be among them.
static_flags_suffice() {
    comm -23 <(pkg "$ours" --libs --static | sort -u) <(pkg "$theirs" --libs --static | sort -u) >"$work/missing"
    cat "$work/missing"
    [ ! -s "$work/missing" ]
}

with_pkg_config() {
    local flags
    mapfile -t flags < <(PKG_CONFIG_PATH=$theirs/usr/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$theirs \
        pkg-config --cflags --libs "$@" hr_weights | xargs -n 1)
    # The system's own directories are left out of the flags; this is where they lie before the package is unpacked.
    # cargo-c names -lgcc_s, which no fully static program can have: the archive, and a shared C library.
    if [ $# -gt 0 ]; then flags=("${flags[@]/#-lhr_weights/-l:libhr_weights.a}"); fi
    "$CC" -std=c11 -Wall -Wextra -Werror -pedantic "-DEXPECTED_VERSION=\"$version\"" "$here/consumer.c" \
        "-I$theirs/usr/include" "-L$theirs/usr/lib" "${flags[@]}" -lm -o "$work/program" &&
        LD_LIBRARY_PATH=$theirs/usr/lib "$work/program"
}

with_cmake() {
    cmake -S "$here/project" -B "$work/project" -DCMAKE_C_COMPILER="$CC" -DCMAKE_CXX_COMPILER="$CXX" \
        -DCMAKE_PREFIX_PATH="$theirs/usr" -DREQUEST="$version" &&
        cmake --build "$work/project" &&
        for program in c_shared c_static cpp_shared cpp_static; do "$work/project/$program" || return 1; done
}

check "cargo cinstall" by_cargo_c
check "make install" by_make
check "files" same_files
check "headers and CMake package" same_contents
check "SONAME" same_soname
check "symbols of the shared library" same_symbols
check "pkg-config" same_flags
check "pkg-config, static" static_flags_suffice
check "a program, shared" with_pkg_config
check "a program, static" with_pkg_config --static
check "a program, by CMake" with_cmake
summary
