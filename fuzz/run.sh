#!/usr/bin/env bash
# Runs a fuzz target that has been built; says how many inputs it has tried, and shows what it has found.
#   usage: run.sh TARGET_DIRECTORY NAME SECONDS     from what earlier runs have kept
#          run.sh TARGET_DIRECTORY NAME again COUNT  so many inputs, the same ones every time
set -euo pipefail

built=$(realpath "$1")
name=$2
found=$built/found/$name
log=$built/$name.log
mkdir -p "$found" "$built/corpus/$name"
if [ "$3" = again ]; then
    # Not by the fuzzer's own search, which goes where the compiler of the day has put its marks.
    inputs=$(mktemp -d)
    trap 'rm -rf "$inputs"' EXIT
    python3 "$(dirname "$0")/inputs.py" "$inputs" "$4"
    options=("$inputs" -runs=0)
else
    options=("$built/corpus/$name" -max_total_time="$3")
fi
status=0
SECONDS=0
"$built"/*/release/"$name" "${options[@]}" -artifact_prefix="$found/" -max_len=2048 -timeout=20 -print_final_stats=1 >"$log" 2>&1 || status=$?
executions=$(sed -n 's/^stat::number_of_executed_units: //p' "$log")
echo "$name: $executions inputs in $SECONDS seconds"
if [ "$status" -ne 0 ]; then
    grep -A 5 -E 'panicked|ERROR' "$log" | cut -c 1-1000
    echo "the input is in $found"
    exit 1
fi
