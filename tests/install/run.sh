#!/bin/bash
# Installs hr-weights to a temporary prefix and uses it from there as C and C++ programs do, in every way that
# docs/c.md and docs/cpp.md name.
#
#   tests/install/run.sh LIBDIR        (LIBDIR holds libhr_weights.so and libhr_weights.a, such as target/release)
#
# CC, CXX and CARGO choose the tools. Needs cmake and pkg-config; valgrind and clang are used where they are present.
set -euo pipefail

[ $# -eq 1 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
built=$(cd "$1" && pwd)
: "${CC:=gcc}" "${CXX:=g++}"
export CC CXX
# Those of a make that runs this script are not meant for the makes below.
unset MAKE MAKEFLAGS MFLAGS MAKELEVEL

source "$root/tests/runner.sh"

memcheck=()
if command -v valgrind >/dev/null; then
    # Not possible leaks: the library's threads live as long as the process, and glibc's memory of them looks like one.
    memcheck=(valgrind -q --error-exitcode=1 --leak-check=full --show-leak-kinds=definite,indirect
        --errors-for-leak-kinds=definite,indirect)
else
    echo "skipped: valgrind is not installed"
fi

# Runs a program that finds the library by itself, and says nothing if all is well.
runs() {
    local output
    output=$("${memcheck[@]}" "$@" 2>&1) || { printf '%s\n' "$output"; return 1; }
    printf '%s\n' "$output"
    [ -z "$output" ]
}

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml" | head -n 1)
abi=$(sed -n 's/^#define HRW_ABI_VERSION \([0-9]*\)$/\1/p' "$root/include/hr_weights.h")
strict=(-Wall -Wextra -Werror -pedantic "-DEXPECTED_VERSION=\"$version\"")

# ---- what is installed -----------------------------------------------------------------------------------------------

# install_to PREFIX VARIABLE=VALUE...
install_to() {
    local prefix=$1
    shift
    make --no-print-directory -C "$root" install "PREFIX=$prefix" "RELEASE=$built" "CC=$CC" "$@"
}

# The files and links below a directory, one a line.
files_of() {
    (cd "$1" && find . ! -type d -printf '%P %m %l\n' | LC_ALL=C sort)
}

expected_files() {
    local lib=$1 section='/^\[package\.metadata\.capi\.library\]$/,/^$/' library
    library=libhr_weights.so.$(sed -n "$section"'s/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml")
    LC_ALL=C sort <<END
include/hr_weights.h 644 
include/hr_weights.hpp 644 
$lib/cmake/hr_weights/hr_weightsConfig.cmake 644 
$lib/cmake/hr_weights/hr_weightsConfigVersion.cmake 644 
$lib/libhr_weights.a 644 
$lib/libhr_weights.so 777 libhr_weights.so.$abi
$lib/libhr_weights.so.$abi 777 $library
$lib/$library 755 
$lib/pkgconfig/hr_weights.pc 644 
END
}

has_the_files() {
    diff <(expected_files "$2") <(files_of "$1")
}

names_nowhere() {
    refuses grep -rIl -e "$2" "$1"
}

soname_is_of_the_abi() {
    readelf -d "$1/libhr_weights.so" | grep "SONAME.*\[libhr_weights.so.$abi\]"
}

# Global names of the archive, other than those of the compiler: DW.ref.* is what all Rust libraries share on purpose.
archive_exports() {
    readelf --wide --symbols "$1" | awk '($5 == "GLOBAL" || $5 == "WEAK") && $7 != "UND" && NF == 8 { print $8 }' |
        grep -v -e '^DW\.ref\.' -e '^_' -e '^rust_' | LC_ALL=C sort -u | diff "$root/tests/c/symbols.txt" -
}

is_uninstalled() {
    make --no-print-directory -C "$root" uninstall "PREFIX=$1"
    [ "$(files_of "$1")" = "include/of_another_package.h 644 " ]
}

first="$work/a user's first prefix"
prefix="$work/the moved prefix"
check "install" install_to "$first"
check "installed files" has_the_files "$first" lib
check "the prefix is not written down" names_nowhere "$first" "$first"
# Everything below uses the prefix at another place than that of its installation.
mv "$first" "$prefix"
lib=$prefix/lib
check "SONAME" soname_is_of_the_abi "$lib"
check "C header" cmp "$root/include/hr_weights.h" "$prefix/include/hr_weights.h"
check "C++ header" cmp "$root/bindings/cpp/include/hr_weights.hpp" "$prefix/include/hr_weights.hpp"
check "symbols of the static library" archive_exports "$lib/libhr_weights.a"

check "install to LIBDIR and DESTDIR" install_to /opt/hrw LIBDIR=/opt/hrw/lib/some-arch "DESTDIR=$work/stage"
check "install with a compiler that has options" install_to "$work/optioned" "CC=env $CC"
check "staged files" has_the_files "$work/stage/opt/hrw" lib/some-arch
check "DESTDIR is not written down" names_nowhere "$work/stage" "$work/stage"
check "a LIBDIR outside PREFIX is refused" refuses install_to "$work/refused" LIBDIR=/elsewhere
check "a relative PREFIX is refused" refuses install_to refused
check "nothing was installed then" test ! -e "$work/refused" -a ! -e "$root/refused"

cp -r "$prefix" "$work/uninstalled"
touch "$work/uninstalled/include/of_another_package.h"
check "install twice" install_to "$work/uninstalled"
check "uninstall" is_uninstalled "$work/uninstalled"

# ---- pkg-config ------------------------------------------------------------------------------------------------------

# The flags that a program is built with; NAME of the installation's directory of libraries first.
pkg() {
    PKG_CONFIG_PATH=$1/pkgconfig pkg-config "${@:2}"
}

pkg_version() {
    [ "$(pkg "$lib" --modversion hr_weights)" = "$version" ] && pkg "$lib" --validate hr_weights
}

with_pkg_config() {
    local compiler=$1 source=$2 libdir=$3 flags
    shift 3
    mapfile -t flags < <(pkg "$libdir" --cflags --libs "${@/#-static/--static}" hr_weights | xargs -n 1)
    "$compiler" "${strict[@]}" "$here/$source" "$@" "${flags[@]}" -lm -o "$work/program"
}

check "pkg-config knows it" pkg_version
for source in consumer.c consumer.cpp; do
    compiler=$CC
    if [ $source = consumer.cpp ]; then compiler=$CXX; fi
    check "pkg-config, build $source" with_pkg_config "$compiler" $source "$lib"
    check "pkg-config, $source" env LD_LIBRARY_PATH="$lib" bash -c '"$0"' "$work/program"
    check "pkg-config, $source, memory" env LD_LIBRARY_PATH="$lib" "${memcheck[@]}" "$work/program"
    check "pkg-config, build $source, static" with_pkg_config "$compiler" $source "$lib" -static
    # Not under valgrind, which cannot follow the functions of a C library that is linked in.
    check "pkg-config, $source, static" "$work/program"
done
check "pkg-config, build with LIBDIR" with_pkg_config "$CC" consumer.c "$work/stage/opt/hrw/lib/some-arch"
check "pkg-config, LIBDIR" env LD_LIBRARY_PATH="$work/stage/opt/hrw/lib/some-arch" "$work/program"

# ---- CMake -----------------------------------------------------------------------------------------------------------

configure() {
    local project=$1 build=$2
    shift 2
    rm -rf "$build"
    cmake -S "$here/$project" -B "$build" -DCMAKE_C_COMPILER="$CC" -DCMAKE_CXX_COMPILER="$CXX" "$@"
}

finds() {
    configure project "$work/request" -DCMAKE_PREFIX_PATH="$prefix" -DREQUEST="$1"
}

does_not_find() {
    local output
    if output=$(finds "$1" 2>&1); then
        echo "found: $1"
        return 1
    fi
    printf '%s\n' "$output"
    # For the right reason.
    printf '%s' "$output" | tr -s ' \n' ' ' |
        grep -E 'Could not find a configuration file for package "hr_weights"|hr_weights has no components'
}

check "CMake, configure" configure project "$work/project" -DCMAKE_PREFIX_PATH="$prefix" \
    -DCMAKE_C_FLAGS="-Wall -Wextra -Werror"
check "CMake, build" cmake --build "$work/project"
check "CMake, configure with LIBDIR" configure project "$work/project_libdir" -Dhr_weights_DIR="$work/stage/opt/hrw/lib/some-arch/cmake/hr_weights"
check "CMake, build with LIBDIR" cmake --build "$work/project_libdir"
for request in 0 0.1 "$version" "$version;EXACT" "0.1...0.9" "0.0.1...<0.9"; do
    check "CMake finds $request" finds "$request"
done
for request in 1 0.0 0.2 0.1.99 1.0 "0.1.99;EXACT" "0.2...0.9" "0.0.1...<$version" "COMPONENTS;unknown"; do
    check "CMake refuses $request" does_not_find "$request"
done

cargo_built=(-DCHECKOUT="$root" -DEXPECTED_VERSION="$version")
# A target directory of Cargo's saves building everything once more.
case $built in */release) cargo_built+=(-DHR_WEIGHTS_CARGO_TARGET_DIR="${built%/release}") ;; esac
if [ -n "${CARGO:-}" ]; then cargo_built+=(-DCARGO="$(command -v "$CARGO")"); fi
check "add_subdirectory, configure" configure subproject "$work/subproject" "${cargo_built[@]}"
check "add_subdirectory, build" cmake --build "$work/subproject"
check "FetchContent, configure" configure subproject "$work/fetched" -DFETCH=ON "${cargo_built[@]}"
check "FetchContent, build" cmake --build "$work/fetched"
# Where Cargo has settings of its own: it is built without optimisation, since it is built anew.
quick=(env CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16)
elsewhere=("${quick[@]}" "CARGO_TARGET_DIR=$work/cargo here" "CARGO_BUILD_TARGET=$(rustc -vV | sed -n 's/^host: //p')")
with_settings() {
    "${elsewhere[@]}" make --no-print-directory -j 3 -C "$root" library install "RELEASE=$work/libraries" "PREFIX=$work/elsewhere" &&
        has_the_files "$work/elsewhere" lib
}
# The same settings by a file, in the directory from which Cargo is run.
with_settings_file() {
    rm -rf "$work/libraries"
    mkdir -p "$work/configured/.cargo" && cd "$work/configured" && printf '[build]\ntarget-dir = "%s"\ntarget = "%s"\n' \
        "$work/cargo here" "${elsewhere[-1]#*=}" >.cargo/config.toml &&
        "${quick[@]}" "$root/bindings/c/packaging/build.sh" "$work/libraries" --release --crate-type cdylib,staticlib \
            --manifest-path "$root/Cargo.toml" && test -e "$work/libraries/libhr_weights.so" -a -e "$work/libraries/libhr_weights.a"
}
# A target of which Cargo makes no shared library, such as musl: it warns, and has built the rest.
without_shared() {
    printf '#!/bin/sh\necho %s\n' "'"'{"reason":"compiler-artifact","filenames":["/nowhere/libhr_weights.a"]}'"'" >"$work/cargo.sh"
    chmod +x "$work/cargo.sh"
    refuses env CARGO="$work/cargo.sh" "$root/bindings/c/packaging/build.sh" "$work/no_libraries" --crate-type cdylib,staticlib \
        2>"$work/message" && grep "Cargo has built no cdylib for its target" "$work/message" && [ ! -e "$work/no_libraries" ]
}
check "CARGO_TARGET_DIR and CARGO_BUILD_TARGET" with_settings
check "a target without shared libraries" without_shared
check "build.target-dir and build.target" with_settings_file
check "add_subdirectory, configure with CARGO_BUILD_TARGET" configure subproject "$work/elsewhere_built" \
    "${cargo_built[@]}" -DHR_WEIGHTS_CARGO_TARGET_DIR="$work/cargo here"
check "add_subdirectory, build with CARGO_BUILD_TARGET" "${elsewhere[@]}" cmake --build "$work/elsewhere_built"
for project in project project_libdir subproject fetched elsewhere_built; do
    for program in c_shared c_static cpp_shared cpp_static; do
        check "CMake, $project, $program" runs "$work/$project/$program"
    done
done

uses_shared() { readelf -d "$1" | grep -q "NEEDED.*\[libhr_weights.so.$abi\]"; }
check "CMake, shared is shared" uses_shared "$work/project/c_shared"
check "CMake, static is static" refuses uses_shared "$work/project/c_static"

# ---- the documentation, word for word --------------------------------------------------------------------------------

# block PAGE MARK: the code that follows the comment <!-- MARK --> on the page.
block() {
    awk -v mark="<!-- $2 -->" '$0 == mark { found = 1; next } found && /^```/ { if (inside) exit; inside = 1; next }
        inside { print }' "$root/docs/$1"
}

# documented PAGE NAME: runs the commands of that name in a directory with the sources, then the program they made.
documented() {
    local page=$1 name=$2 source=$3 commands
    commands=$(block "$page" "tested: $name")
    [ -n "$commands" ] || { echo "docs/$page has no commands called $name"; return 1; }
    rm -rf "$work/documented"
    mkdir "$work/documented"
    cp "$source" "$work/documented"
    block "$page" "file: CMakeLists.txt" >"$work/documented/CMakeLists.txt"
    (
        cd "$work/documented"
        export PREFIX=$prefix PKG_CONFIG_PATH=$lib/pkgconfig LD_LIBRARY_PATH=$lib
        bash -eu -c "$commands"
        if [ -d build ]; then cd build; fi
        ./first
    )
}

for name in pkg-config cmake by-hand static fully-static; do
    check "docs/c.md, $name" documented c.md "$name" "$root/bindings/c/examples/first.c"
done
for name in pkg-config cmake by-hand static; do
    check "docs/cpp.md, $name" documented cpp.md "$name" "$root/bindings/cpp/examples/first.cpp"
done

# ---- compatibility ---------------------------------------------------------------------------------------------------

# A program of the time of an earlier release, with the library of today.
from_release() {
    "$CC" -std=c99 "${strict[@]}" -I"$1" "$here/consumer.c" "$lib/libhr_weights.so" -lm -Wl,-rpath,"$lib" -o "$work/program" &&
        runs "$work/program"
}

for header in "$here"/released/*/; do
    check "a program of $(basename "$header")" from_release "$header"
done

# Freestanding, since only the compiler's own headers are at hand for other targets than this machine.
layout() {
    local kind=$1
    shift
    "$@" -std=c11 -ffreestanding -fsyntax-only -DEXPECTED_KIND="$kind" -I"$root/include" "$here/layout.c"
}

case $(uname -m) in
x86_64)
    check "layout, LP64" layout 0 "$CC"
    check "layout, i386" layout 2 "$CC" -m32
    ;;
*) echo "skipped: the layouts of x86, as this is $(uname -m)" ;;
esac
if command -v clang >/dev/null; then
    for target in x86_64-linux-gnu aarch64-linux-gnu riscv64-linux-gnu; do
        check "layout, $target" layout 0 clang --target=$target
    done
    for target in armv7-linux-gnueabihf thumbv7em-none-eabi mipsel-linux-gnu; do
        check "layout, $target" layout 1 clang --target=$target
    done
    check "layout, i686" layout 2 clang --target=i686-linux-gnu
elif command -v arm-none-eabi-gcc >/dev/null; then
    check "layout, ARM" layout 1 arm-none-eabi-gcc
else
    echo "skipped: no compiler for 32-bit ARM"
fi

# ---- beside another Rust library -------------------------------------------------------------------------------------

beside_rust() {
    rustc --edition 2024 -O "$@" --crate-type staticlib "$here/other.rs" -o "$work/libother.a" &&
        "$CC" -I"$prefix/include" "$here/beside_rust.c" "$lib/libhr_weights.a" "$work/libother.a" -lpthread -ldl -lm \
            -o "$work/program" && "$work/program" &&
        "$CC" -I"$prefix/include" "$here/beside_rust.c" "$work/libother.a" "$lib/libhr_weights.a" -lpthread -ldl -lm \
            -o "$work/program" && "$work/program"
}

check "beside another Rust library" beside_rust
check "beside another Rust library with link-time optimisation" beside_rust -C lto -C codegen-units=1

summary
