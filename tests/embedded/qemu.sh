#!/bin/bash
# Runs tests/embedded/run.sh on an emulated Cortex-M4F, or says why it cannot.
#
#   tests/embedded/qemu.sh REFERENCE
set -euo pipefail
reference=$(realpath "$1")
cd "$(dirname "$0")/../.."
status=0
archive=$(bindings/c/packaging/cortex-m4.sh) || status=$?
if [ "$status" -eq 3 ]; then
    echo "skipped: the Cortex-M4F, for want of a Rust that builds for it (see above)"
    exit 0
fi
[ "$status" -eq 0 ] || exit "$status"
tools=$(.ci/unpack arm gcc-arm-none-eabi qemu-system-arm) ||
    { echo "skipped: the Cortex-M4F, for want of Debian's compiler and emulator (see above)"; exit 0; }
tests/embedded/run.sh qemu "$archive" "$reference" "$tools"
