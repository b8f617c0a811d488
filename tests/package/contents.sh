#!/bin/bash
# What the packages for crates.io and for PyPI have in them: the files of crate.txt and sdist.txt, and of the directories of
# sources what the repository has, nothing more.
#
#   tests/package/contents.sh PYTHON        (a Python that has hatchling)
set -euo pipefail

[ $# -eq 1 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
python=$1
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
source "$root/tests/runner.sh"

tracked() { git -C "$root" ls-files "$@"; }
sorted() { LC_ALL=C sort "$@"; }
# What the packaging tools add of themselves, each version of them something else.
without_tools_own() { grep -vxE '\.cargo_vcs_info\.json|Cargo\.toml\.orig|Cargo\.lock|PKG-INFO|\.gitignore'; }
below_limit() { echo "$1 bytes, at most $2 are expected"; [ "$1" -le "$2" ]; }

crate() {
    (cd "$root" && "${CARGO:-cargo}" package --list --allow-dirty --quiet 2>/dev/null) | sorted | without_tools_own >"$work/crate"
    diff <({ cat "$here/crate.txt"; tracked src; } | sorted) "$work/crate"
}

# Less than 1 MB unpacked: no data of tests.
crate_size() { below_limit "$(cd "$root" && xargs cat <"$work/crate" | wc -c)" 1000000; }

sdist() {
    (cd "$root/bindings/python" && "$python" -m hatchling build --target sdist --directory "$work/sdist") >&2
    tar --list --gzip --file "$work"/sdist/hr_weights-*.tar.gz | cut -d / -f 2- | sorted | without_tools_own >"$work/files"
    diff <(
        {
            cat "$here/sdist.txt"
            tracked src | sed 's|^|crate/|'
            tracked bindings/python/{hr_weights,tests,examples} | sed 's|^bindings/python/||'
        } | sorted
    ) "$work/files"
}

sdist_size() { below_limit "$(stat -c %s "$work"/sdist/hr_weights-*.tar.gz)" 500000; }

check "files of the crate" crate
check "size of the crate" crate_size
check "files of the source distribution" sdist
check "size of the source distribution" sdist_size
summary
