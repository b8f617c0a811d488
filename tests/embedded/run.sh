#!/bin/bash
# Checks the static library without std in programs that have no C library: on this machine, with an entry point of their
# own, or with `qemu` in firmware on an emulated Cortex-M4F.
#
#   tests/embedded/run.sh host ARCHIVE REFERENCE
#   tests/embedded/run.sh qemu ARCHIVE REFERENCE TOOLS
#
# ARCHIVE is the library without std, REFERENCE one with std for this machine that uses its scalar kernels alone: every
# bit of every answer must be the same; those of sharded solves are those of one vector to rounding. TOOLS is where
# .ci/unpack has put gcc-arm-none-eabi and qemu-system-arm.
set -euo pipefail

machine=${1:-}
if [ "$machine $#" != "host 3" ] && [ "$machine $#" != "qemu 4" ]; then
    sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi

archive=$(realpath "$2")
reference=$(realpath "$3")
cd "$(dirname "$0")/../.."
tests=tests/embedded
device=bindings/c/examples/device

# What a program that takes single float vectors may need at most, as linked. Some 15% more than it takes with the compilers
# of today: another release of one may not stop anybody.
most_code=$((48 * 1024))

source tests/runner.sh
exec 3>&1

strict=(-std=c11 -Wall -Wextra -Werror -pedantic -Os -ffp-contract=off -Iinclude "-I$device" "-I$work")
# Without -fno-builtin a loop that copies may become a call of the copying function that it is in.
freestanding=("${strict[@]}" -ffreestanding -fno-builtin -fno-tree-loop-distribute-patterns -fno-stack-protector
    -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections -nostdlib -static -Wl,--gc-sections
    -Wl,--build-id=none)

if [ "$machine" = host ]; then
    platform=("$device/linux_x86_64.c" "$device/memory.c")
    link() {
        local program=$1
        shift
        "${CC:-gcc}" "${freestanding[@]}" "$@" "$device/print.c" "${platform[@]}" "$archive" -o "$work/$program"
    }
    run() {
        "$work/$1"
    }
    nm=nm size=size
else
    tools=$4
    libraries=$tools/usr/lib/$(uname -m)-linux-gnu:$tools/lib/$(uname -m)-linux-gnu
    link() {
        local program=$1
        shift
        LD_LIBRARY_PATH=$libraries "$tools/usr/bin/arm-none-eabi-gcc" -mcpu=cortex-m4 -mthumb -mfloat-abi=hard \
            -mfpu=fpv4-sp-d16 "${freestanding[@]}" -Wl,-z,noexecstack -T "$device/mps2_an386.ld" "$@" \
            "$device/print.c" "$device/mps2_an386.c" "$archive" -o "$work/$program"
    }
    # What the program prints comes out of qemu's standard error, beside what qemu itself has to say.
    run() {
        LD_LIBRARY_PATH=$libraries timeout 900 "$tools/usr/bin/qemu-system-arm" -machine mps2-an386 -nodefaults \
            -display none -monitor none -serial none -net none -semihosting-config enable=on,target=native -icount shift=0 \
            -kernel "$work/$1" 2>&1 </dev/null | grep -v '^qemu-system-arm: warning:'
    }
    nm=$tools/usr/bin/arm-none-eabi-nm size=$tools/usr/bin/arm-none-eabi-size
fi

# The same program with the reference and this machine's C library.
link_hosted() {
    "${CC:-gcc}" "${strict[@]}" "$tests/answers.c" "$device/print.c" "$tests/hosted.c" "$reference" -lpthread -ldl -lm \
        -o "$work/hosted"
}

same_answers() {
    "$work/hosted" >"$work/expected.txt"
    run answers >"$work/answers.txt"
    [ "$(wc -l <"$work/expected.txt")" -gt 3000 ] || return 1
    cmp "$work/expected.txt" "$work/answers.txt" || return 1
    [ "$(grep -c '^as one vector$' "$work/answers.txt")" -gt 200 ] && ! grep -E 'DIFFERS|TOO MANY' "$work/answers.txt"
}

# Bytes that the program keeps in flash: code, constants, initial values.
flash_of() {
    LD_LIBRARY_PATH=${libraries:-} "$size" "$work/$1" | awk 'NR == 2 { print $1 + $2 }'
}

is_small() {
    echo "$1 takes $(flash_of "$1") bytes of $most_code"
    [ "$(flash_of "$1")" -lt "$most_code" ]
}

# has_none PROGRAM PATTERN: no symbol of the program, as Rust or C spells it, matches.
has_none() {
    LD_LIBRARY_PATH=${libraries:-} "$nm" --demangle "$work/$1" >"$work/symbols"
    ! grep -iE "$2" "$work/symbols"
}

# A compiler proves that no index is out of bounds, or leaves a check that cannot fail: of one that is newer than this project knows
# that is reported, and stops nobody.
cannot_panic() {
    local rust
    has_none "$1" 'panic|_fail|_failed|unwrap|expect' && return
    rust=$(readelf --wide --string-dump=.comment "$archive" | sed -n 's/.*rustc version 1\.\([0-9]*\).*/\1/p' | sort -n | tail -n 1)
    ! .ci/known-rust "$rust" && echo "$1 can panic where Rust 1.$rust has compiled it" >&3
}

is_static() {
    ! readelf --wide --program-headers "$work/$1" | grep -E 'INTERP|DYNAMIC'
}

footprint() {
    run footprint >"$work/footprint.txt" || { cat "$work/footprint.txt"; return 1; }
    grep -q '^every call' "$work/footprint.txt"
}

trains() {
    run device >"$work/device.txt"
    # What the plain average has forgotten of the rare digits, HR has kept for the most part.
    awk '/plain average/ { plain = $NF } /HR\(/ { robust = $NF } END { exit !(plain > 0 && robust > plain + 0.1) }' \
        "$work/device.txt"
}

awk -f $tests/table.awk tests/data/high_precision.txt >"$work/table.h"
awk -v lines=450 -f $device/digits.awk bindings/data/digits.csv >"$work/digits.h"

check "link the answers with the reference" link_hosted
for program in answers footprint smallest; do
    check "link $program" link $program $tests/$program.c
done
check "link the example" link device $device/device.c $device/layer.c

check "every bit of every answer" same_answers
check "stack" footprint
check "code" is_small smallest
for program in smallest answers; do
    check "$program is static" is_static $program
    check "$program does not allocate" has_none $program 'alloc|malloc|\bfree\b|sbrk'
    check "$program has no threads" has_none $program 'thread|pthread|rayon|futex'
    check "$program has no std" has_none $program '\bstd::|unwind|backtrace|\bfmt\b'
done
check "smallest cannot panic" cannot_panic smallest
check "the example trains" trains

if [ -s "$work/footprint.txt" ]; then
    cat "$work/footprint.txt"
    printf 'flash: one width %d bytes of %d, all functions with the problems of the test %d, the example %d\n' \
        "$(flash_of smallest)" "$most_code" "$(flash_of answers)" "$(flash_of device)"
fi
cat "$work/device.txt" 2>/dev/null || true
summary
