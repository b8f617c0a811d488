#!/bin/bash
# Licences, duplicates and sources of the dependencies, and what is known against them: cargo-deny, by deny.toml.
#
#   tests/package/deny.sh
#
# Says why it is skipped where cargo-deny cannot be built, or the database of advisories not be reached.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=$(.ci/cargo-tool cargo-deny 0.20.2) || { echo "skipped: cargo-deny cannot be built here"; exit 0; }
deny=("$tools/cargo-deny")
"${deny[@]}" check licenses bans sources
if timeout 120 "${deny[@]}" fetch db >/dev/null 2>&1; then
    "${deny[@]}" check --disable-fetch advisories
else
    echo "skipped: advisories, as their database cannot be reached"
fi
