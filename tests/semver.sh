#!/bin/bash
# The Rust interface against that of the last release: cargo-semver-checks, which is built the first time, in some minutes.
#
#   tests/semver.sh [REVISION]        (the last tag vX.Y.Z, unless another revision is named)
#
# Says why it is skipped where there is no release yet, or the tool cannot be had.
set -euo pipefail
cd "$(dirname "$0")/.."
baseline=${1:-$(git describe --tags --match 'v[0-9]*' --abbrev=0 2>/dev/null || true)}
[ -n "$baseline" ] || { echo "skipped: cargo-semver-checks, since no release has a tag yet"; exit 0; }
tools=$(.ci/cargo-tool cargo-semver-checks 0.51.0) || { echo "skipped: cargo-semver-checks cannot be built here"; exit 0; }
"$tools/cargo-semver-checks" semver-checks --baseline-rev "$baseline"
