#!/bin/bash
# Makes everything that a release consists of, and uses it as a stranger would; publishes nothing.
#
#   tests/package/release.sh OUTPUT        (a directory, made anew, such as target/release-candidate)
#
# The crate as `cargo publish --dry-run` packs and builds it; the wheel and the source distribution, each installed into a clean
# environment; an archive of the C library, from which a program is built; SHA256SUMS over all of them.
set -euo pipefail
[ $# -eq 1 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
root=$(cd "$(dirname "$0")/../.." && pwd)
rm -rf "$1"
mkdir -p "$1"
output=$(cd "$1" && pwd)
cd "$root"
source tests/runner.sh
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
machine=$(uname -m)
python=${PYTHON:-python3}

changelog() { grep -q "^## \[$version\]" CHANGELOG.md; }
# What a compiler sees of a header; its comments and line breaks may be mended between releases.
declarations() { "${CC:-gcc}" -fpreprocessed -dD -E -P "$1" | tr -s '[:space:]' ' '; }
header() { cmp <(declarations include/hr_weights.h) <(declarations "tests/install/released/$version/hr_weights.h"); }
# has LINE FILE: the file has this line, whatever its indentation.
has() { sed 's/^ *//' "$2" | grep -qxF -- "$1" || { echo "$2 does not have the line: $1"; return 1; }; }
same_version() {
    has "__version__ = \"$version\"" bindings/python/hr_weights/_version.py &&
        has "set(PACKAGE_VERSION \"$version\")" bindings/c/packaging/hr_weightsConfigVersion.cmake &&
        has "version: $version" CITATION.cff &&
        has "version: \"$version\"" packaging/conda/recipe.yaml &&
        has "version = \"$version\"" packaging/conan/conanfile.py &&
        has "\"version\": \"$version\"," packaging/vcpkg/hr-weights/vcpkg.json
}

crate() {
    # What is not committed is packed too: this is a rehearsal.
    "${CARGO:-cargo}" publish --dry-run --allow-dirty --target-dir "$work/crate" &&
        # Where it is put depends on the version of Cargo.
        find "$work/crate/package" -name "hr-weights-$version.crate" -exec cp {} "$output" \; && [ -e "$output/hr-weights-$version.crate" ]
}

python_packages() {
    "$python" -m venv "$work/build" && "$work/build/bin/python" -m pip install --quiet hatchling build &&
        "$work/build/bin/python" -m build --sdist --outdir "$output" bindings/python &&
        PYTHON=$python bindings/python/wheel.sh "$output"
}

# install FILE: into a clean environment, from an empty directory.
install_python() {
    rm -rf "$work/clean" && "$python" -m venv "$work/clean" && "$work/clean/bin/python" -m pip install --quiet "$1" &&
        (cd "$work" && clean/bin/python -c '
import sys, hr_weights
weights = hr_weights.weights([1.0, 2.0, 3.0], alpha=0.05, r=0.1)
assert abs(weights.sum() - 1) < 1e-12 and hr_weights.__version__ == sys.argv[1], (weights, hr_weights.__version__)' "$version")
}
wheel() { install_python "$output"/hr_weights-"$version"-*.whl; }
source_distribution() { install_python "$output/hr_weights-$version.tar.gz"; }

archive() {
    local name=hr-weights-$version-linux-$machine
    make --no-print-directory install DESTDIR="$work/install" PREFIX="/$name" &&
        cp LICENSE-* README.md CHANGELOG.md "$work/install/$name" &&
        tar --create --gzip --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 --file "$output/$name.tar.gz" \
            --directory "$work/install" "$name"
}

# As a user who has unpacked the archive somewhere.
program() {
    local here=$work/unpacked
    mkdir -p "$here" && tar --extract --gzip --file "$output/hr-weights-$version-linux-$machine.tar.gz" --directory "$here" \
        --strip-components 1 &&
        "${CC:-gcc}" -I"$here/include" bindings/c/examples/first.c "$here"/lib*/libhr_weights.a -lpthread -ldl -lm -o "$work/first" &&
        "$work/first"
}

sums() { (cd "$output" && sha256sum ./* >SHA256SUMS && sha256sum --check --quiet SHA256SUMS); }

check "the changelog has this version" changelog
check "the declarations of this version are the released ones" header
check "one version for Rust, Python, CMake, the recipes and the citation" same_version
check "cargo publish --dry-run" crate
check "wheel and source distribution" python_packages
check "the wheel in a clean environment" wheel
check "the source distribution in a clean environment" source_distribution
check "archive of the C library" archive
check "a program from the archive" program
check "checksums" sums
cat "$output/SHA256SUMS" 2>/dev/null || true
summary
