#!/bin/bash
# Rust packages that depend on the crate, with each set of its features: they are built by Cargo as
# a stranger's would be, and what can run is run.
#
#   tests/dependents.sh
#
# CC and CARGO choose the tools. The packages are written to a temporary directory, and built in
# Cargo's target directory.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
source "$root/tests/runner.sh"
: "${CC:=gcc}" "${CARGO:=cargo}"
# Absolute, since Cargo runs in the packages' directory.
target=$(realpath -m "${CARGO_TARGET_DIR:-$root/target}")/dependents
unset CARGO_TARGET_DIR

# package NAME DEPENDENCY [LINE OF THE MANIFEST ...]: one whose only source file is read from the
# standard input.
package() {
    local name=$1 dependency=$2 source=src/lib.rs text
    shift 2
    text=$(cat)
    if [[ $text = *"fn main()"* ]]; then source=src/main.rs; fi
    mkdir -p "$work/$name/src"
    printf '%s\n' "$text" >"$work/$name/$source"
    {
        printf '[package]\nname = "%s"\nversion = "0.0.0"\nedition = "2024"\n' "$name"
        # As a program without std has it: nothing unwinds.
        printf '[profile.dev]\npanic = "abort"\n[profile.release]\npanic = "abort"\nlto = true\ncodegen-units = 1\n'
        printf '%s\n' "$@"
        printf '[dependencies]\nhr-weights = { path = "%s"%s }\n' "$root" "$dependency"
    } >"$work/$name/Cargo.toml"
    # The versions that the crate itself is tested with.
    cp "$root/Cargo.lock" "$work/$name"
}

# cargo_in NAME SUBCOMMAND [OPTION ...]: a warning is an error, in dependencies by path too.
cargo_in() {
    local name=$1 output
    shift
    output=$(cd "$work/$name" && "$CARGO" "$@" --target-dir "$target" 2>&1) || { printf '%s\n' "$output"; return 1; }
    printf '%s\n' "$output"
    refuses grep '^warning' <<<"$output"
}

# The features of ours that are on, and the crates that come with them.
tree() { (cd "$work/$1" && "$CARGO" tree --edges normal,features --prefix none --target all); }
needs() { tree "$1" | grep "^$2 "; }
does_without() { refuses needs "$@"; }

# The program of the package carries nothing of how our own shared library is linked.
has_no_soname() {
    readelf -d "$(find "$target" -path "*debug/$1" -type f)" >"$work/dynamic" && refuses grep -E 'SONAME|NODELETE' "$work/dynamic"
}

package with-ndarray '' <<'END'
fn main() {
    let losses = ndarray::array![0.3_f64, 2.0, 0.1, 0.7];
    let solution = hr_weights::weights(losses.view(), &hr_weights::Params { r: 0.1, ..Default::default() }).unwrap();
    assert!((solution.weights.sum() - 1.0).abs() < 1e-12);
}
END
echo 'ndarray = "0.17"' >>"$work/with-ndarray/Cargo.toml"

# The same source for a program of either kind; without ndarray the function that takes a view of it
# is not there.
slices='
    let (losses, mut weights) = ([0.3_f64, 2.0, 0.1, 0.7], [0.0; 4]);
    let params = hr_weights::Params { r: 0.1, ..Default::default() };
    let report = hr_weights::weights_into(&losses, None, &params, &mut weights).unwrap();
    assert!(report.dual_bound - report.robust_loss < 1e-12);
    assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);'
package with-std ', default-features = false, features = ["std"]' <<END
fn main() {$slices
}
END
package program-without-std-inside ', default-features = false' <<END
fn main() {$slices
}
END
package library-without-std ', default-features = false' <<END
//! No allocator and no panic handler: they are the program's.
#![no_std]
/// The worst of the losses that HR expects.
pub fn robust(losses: &[f32], weights: &mut [f32]) -> Result<f64, hr_weights::Error> {
    let params = hr_weights::Params { r: 0.1, ..Default::default() };
    Ok(hr_weights::weights_into(losses, None, &params, weights)?.robust_loss)
}
END
package firmware ', default-features = false' '[lib]' 'crate-type = ["staticlib"]' <<END
//! A program without std, whose entry point is C's here; the panic handler is its own.
#![no_std]
#[panic_handler]
fn stop(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
#[unsafe(no_mangle)]
pub extern "C" fn firmware() {$slices
}
END

check "by default: a program with ndarray" cargo_in with-ndarray run
check "by default: ndarray is a dependency" needs with-ndarray ndarray
check "by default: how the program is linked" has_no_soname with-ndarray
check "std alone: a program" cargo_in with-std run
check "std alone: no ndarray" does_without with-std ndarray
check "std alone: threads" needs with-std rayon
for name in program-without-std-inside library-without-std firmware; do
    check "without std: $name" cargo_in $name build
    check "without std: $name, optimised" cargo_in $name build --release
    check "without std: libm is needed by $name" needs $name libm
    for crate in ndarray rayon libc; do check "without std: no $crate in $name" does_without $name $crate; done
done
check "without std: the program runs" cargo_in program-without-std-inside run

# With the entry point of another language. Optimised, since Rust's own core names a part of std
# that takes part in unwinding.
entry() {
    local archive
    archive=$(find "$target" -path '*release/libfirmware.a')
    printf 'void firmware(void);\nint main(void) { firmware(); }\n' >"$work/entry.c"
    "$CC" -Wl,--gc-sections "$work/entry.c" "$archive" -o "$work/entry" && "$work/entry"
}
check "without std: the firmware runs" entry
summary
