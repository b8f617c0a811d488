#!/usr/bin/env bash
# Runs a fuzz target that has been built, for some seconds, from its seeds and what earlier runs have kept; says how many inputs
# it has tried, and shows what it has found.
#   usage: run.sh TARGET_DIRECTORY NAME SECONDS
set -euo pipefail
cd "$(dirname "$0")"
built=$(realpath "$1")
name=$2
seconds=$3
found=$built/found/$name
mkdir -p "$found" "$built/corpus/$name" "seeds/$name"
log=$built/$name.log
status=0
"$built"/*/release/"$name" "$built/corpus/$name" "seeds/$name" -artifact_prefix="$found/" -max_total_time="$seconds" \
    -max_len=2048 -timeout=20 -print_final_stats=1 >"$log" 2>&1 || status=$?
executions=$(sed -n 's/^stat::number_of_executed_units: //p' "$log")
echo "$name: $executions inputs in $seconds seconds"
if [ "$status" -ne 0 ]; then
    grep -A 5 -E 'panicked|ERROR' "$log" | cut -c 1-1000
    echo "the input is in $found"
    exit 1
fi
