#!/bin/bash
# Runs the tests of the solver on NEON, in an emulator. On an aarch64 machine `make test` does this by itself.
#
#   tests/neon.sh [option of cargo test ...]
set -euo pipefail
exec "$(dirname "$0")/foreign.sh" aarch64-unknown-linux-gnu "$@"
