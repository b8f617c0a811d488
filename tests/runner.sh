# What the shell tests share; for `source`. Makes `work`, a temporary directory that goes with the script, and counts checks.

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

# check NAME COMMAND...: runs the command; what it prints is shown only if it fails.
check() {
    local name=$1
    shift
    if "$@" >"$work/output" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $name"
        # The beginning and the end: what went wrong is said at either.
        { head -n 20 "$work/output"; tail -n +21 "$work/output" | tail -n 20; } | cut -c 1-200 | sed 's/^/    /'
    fi
}

# The closing line; fails if a check has.
summary() {
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}

# A test program passes if it exits with 0 and prints its closing line and nothing else: the library may not print.
prints_only_its_summary() {
    local output
    output=$("$@" 2>&1) || { printf '%s\n' "$output"; return 1; }
    printf '%s\n' "$output"
    [[ $output =~ ^[1-9][0-9]*\ passed,\ 0\ failed$ ]]
}

# Fails if the command succeeds.
refuses() {
    if "$@"; then
        echo "accepted: $*"
        return 1
    fi
}
