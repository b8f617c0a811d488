#!/usr/bin/env bash
# The wheels of wheel.sh, for every Linux that it knows: their names are true, and the library in
# each is called.
#   usage: wheels.sh WHEEL_DIRECTORY [TARGET...]        (PYTHON names a Python; default python3)
#
# The wheels are made anew. This machine's own is installed where there is no compiler and no index,
# and has the tests of the package. In the others a C program calls the library, with musl's loader
# or in an emulator; nothing runs the one for musl on another processor, whose symbols are compared
# with musl's.
set -euo pipefail
[ $# -gt 0 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
cd "$root"
rm -rf "$1"
mkdir -p "$1"
wheels=$(cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- {x86_64,aarch64}-unknown-linux-{gnu,musl}
python=${PYTHON:-python3}
tools=$("$here/venv" wheel "$python")/bin
source tests/runner.sh

make_wheel() { wheel=$(bindings/python/wheel.sh "$wheels" "$1"); }

# What the dynamic linker will look for.
needs_libc_alone() {
    local needed libc='libc\.so\.6|libpthread\.so\.0|libdl\.so\.2|libm\.so\.6|ld-linux[-a-z0-9]*\.so\.[12]|libc\.musl-[a-z0-9_]*\.so\.1'
    needed=$(readelf --wide --dynamic "$library" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
    echo "$needed"
    [ -n "$needed" ] && refuses grep -vxE "$libc" <<<"$needed"
}

# newest_version LIMIT: no symbol is of a later glibc, or of another library.
newest_version() {
    local versions
    versions=$(readelf --wide --version-info "$library" | sed -n 's/.*Name: \([^ ]*\).*/\1/p' | sort -u)
    echo "$versions"
    [ -n "$versions" ] && refuses grep -v '^GLIBC_2\.' <<<"$versions" &&
        [ "$(printf '%s\n' "$versions" "GLIBC_$1" | sort --version-sort | tail -n 1)" = "GLIBC_$1" ]
}

symbols() { nm --dynamic "$@" | awk '{ print $NF }' | sed 's/@.*//' | LC_ALL=C sort -u; }

# All that it asks for is in musl 1.2.
musl_has_it() {
    symbols --undefined-only "$library" | grep -vxE '__cxa_thread_atexit_impl|gettid|statx' >"$work/wanted"
    [ -s "$work/wanted" ] && refuses grep . < <(symbols --defined-only "$musl"/lib/ld-musl-*.so.1 | LC_ALL=C comm -23 "$work/wanted" -)
}

exports() { symbols --defined-only "$library" | grep -v '^_' | diff tests/c/symbols.txt -; }
made_for() { readelf --file-header "$library" | tee /dev/stderr | grep -q "Machine:.*$1"; }
named() { [[ ${wheel##*/} = hr_weights-*-py3-none-$1.whl ]] || { echo "${wheel##*/}"; return 1; }; }
unzip_library() {
    rm -rf "$work/wheel"
    "$python" -m zipfile --extract "$wheel" "$work/wheel"
    library=$work/wheel/hr_weights/_lib/libhr_weights.so
    ln -s libhr_weights.so "$work/wheel/hr_weights/_lib/libhr_weights.so.1"
}

# runs TARGET [command to start it with...]: the contract of the C interface, by a program for the
# same C library.
runs() {
    local directory=${library%/*}
    "$tools/python" -m ziglang cc -target "$1" -std=c99 -O1 -DLARGE=20011 -Iinclude tests/c/contract.c -o "$work/contract" \
        -L"$directory" -lhr_weights -lm -lpthread
    shift
    prints_only_its_summary "$@" "$work/contract"
}

# Without a path to a compiler, to Cargo or to anything but a shell, and without pip's settings.
alone() { (cd "$work/clean" && env -i PATH="$work/clean/bin" HOME="$work/clean" "$@"); }
clean_environment() {
    rm -rf "$work/clean" && "$python" -m venv "$work/clean" &&
        "$work/clean/bin/python" -m pip install --quiet numpy 'pytest>=7' &&
        ln -s "$(command -v sh)" "$work/clean/bin" &&
        alone python -c 'import shutil; assert not any(map(shutil.which, ("cargo", "rustc", "cc", "gcc")))' &&
        alone python -m pip install --quiet --no-index "$wheel"
}
solves() {
    alone python -c '
import hr_weights
losses = [0.2, 0.1, 2.5, 0.4, 0.3]
solution = hr_weights.solve(losses, alpha=0.05, r=0.1)
assert abs(solution.weights.sum() - 1) < 1e-12 and 0.7 < solution.robust_loss < 2.5, solution' &&
        alone hr-weights --version
}
# Those that need nothing of the repository.
tests() {
    cp -r "$here" "$work/clean/tests" && rm "$work/clean"/tests/test_{docs,experiments,tools}.py && alone python -m pytest -q tests
}

for target; do
    machine=${target%%-*}
    wheel=
    if ! bindings/python/wheel.sh --has-std "$target"; then
        echo "skipped: $target, for want of a standard library that rustup could add"
        continue
    fi
    check "$target: is made" make_wheel "$target"
    [ -n "$wheel" ] || continue
    unzip_library
    check "$target: needs libc alone" needs_libc_alone
    check "$target: exports the interface" exports
    check "$target: machine" made_for "$([ "$machine" = x86_64 ] && echo X86-64 || echo AArch64)"
    if [[ $target = *-gnu ]]; then
        check "$target: name" named "manylinux2014_$machine.manylinux_2_17_$machine"
        check "$target: symbols of glibc 2.17 at the latest" newest_version 2.17
    else
        check "$target: name" named "musllinux_1_2_$machine"
        musl=$(.ci/unpack musl musl) || musl=
        if [ -n "$musl" ]; then check "$target: symbols of musl" musl_has_it; else echo "skipped: $target with musl, for want of it"; fi
    fi
    case $target in
    "$(uname -m)"-*-gnu)
        check "$target: a program" runs "$machine-linux-gnu.2.17" env LD_LIBRARY_PATH="${library%/*}"
        check "$target: installs without an index" clean_environment
        check "$target: solves" solves
        check "$target: tests of the package" tests
        ;;
    "$(uname -m)"-*-musl)
        if [ -n "$musl" ]; then
            check "$target: a program" runs "$machine-linux-musl" "$musl/lib/ld-musl-$machine.so.1" --library-path "${library%/*}"
        fi
        ;;
    aarch64-*-gnu)
        if emulator=$(.ci/unpack emulator-arm64 libc6-arm64-cross qemu-user-static); then
            check "$target: a program, in an emulator" runs aarch64-linux-gnu.2.17 "$emulator/usr/bin/qemu-aarch64-static" \
                -L "$emulator/usr/aarch64-linux-gnu" -E LD_LIBRARY_PATH="${library%/*}"
        else
            echo "skipped: running $target, for want of an emulator"
        fi
        ;;
    *) echo "not run: $target, for which there is no loader here" ;;
    esac
done

summary
