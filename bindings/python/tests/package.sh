#!/usr/bin/env bash
# Installs the package in every way that a user can, each into a virtual environment of its own, with the build's own
# dependencies fetched by pip, and uses it.
#   usage: package.sh WORK_DIRECTORY
set -euo pipefail
package=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
work=$(cd "$1" && pwd)
python=${PYTHON:-python3}

fresh() {
    rm -rf "$work/$1"
    "$python" -m venv "$work/$1"
    venv=$work/$1
}

use() {
    # From elsewhere, so that the source directory is not on the path by chance.
    (cd "$work" && "$venv/bin/python" - "$1") <<'EOF'
import sys, hr_weights
from hr_weights import _library
weights = hr_weights.weights([1.0, 2.0, 3.0], alpha=0.05, r=0.1)
assert abs(weights.sum() - 1) < 1e-12, weights
print(f"{sys.argv[1]}: hr_weights {hr_weights.__version__} uses {_library.LIBRARY_PATH}")
EOF
}

pip() {
    "$venv/bin/python" -m pip --quiet --disable-pip-version-check "$@"
}

fresh checkout
pip install "$package"
use "pip install ./bindings/python"

# A program frozen by PyInstaller, which finds the library through the package's hook; as a
# directory and as one file.
pip install 'pyinstaller>=6'
cat >"$work/frozen.py" <<'EOF'
import sys, hr_weights
from hr_weights import _library
weights = hr_weights.weights([1.0, 2.0, 3.0], alpha=0.05, r=0.1)
assert abs(weights.sum() - 1) < 1e-12, weights
assert str(_library.LIBRARY_PATH).startswith(sys._MEIPASS), _library.LIBRARY_PATH
print(f"frozen: hr_weights {hr_weights.__version__}")
EOF
for form in --onedir --onefile; do
    rm -rf "$work/frozen"
    (
        cd "$work"
        "$venv/bin/pyinstaller" --log-level ERROR --noconfirm $form --name frozen --distpath frozen/dist --workpath frozen/work \
            --specpath frozen frozen.py
    )
    program=$work/frozen/dist/frozen
    if [ -d "$program" ]; then program=$program/frozen; fi
    # Not from what is installed here.
    env -i "$program"
done

# From the address of a repository, whose last commit it is, without what a checkout has beside it.
fresh address
repository=$(cd "$package/../.." && pwd)
if git -C "$repository" rev-parse --quiet --verify HEAD >/dev/null 2>&1; then
    # Built without optimisation, since all of it is built anew.
    CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
        pip install "git+file://$repository#subdirectory=bindings/python"
    use "pip install git+URL#subdirectory=bindings/python"
else
    echo "skipped: pip install git+URL, since this is no clone"
fi

fresh editable
pip install --editable "$package"
use "pip install --editable"

fresh source
pip install hatchling
rm -rf "$work/sdist" "$work/wheel"
(cd "$package" && "$venv/bin/python" -m hatchling build --target sdist --directory "$work/sdist")
pip uninstall --yes hatchling
# Unpacked somewhere else, so that the crate can only be the copy in the archive.
pip wheel --no-deps --wheel-dir "$work/wheel" "$work"/sdist/hr_weights-*.tar.gz
case $(ls "$work/wheel") in
    hr_weights-*-py3-none-*.whl) ;;
    *) echo "the wheel's name is wrong: $(ls "$work/wheel")" >&2; exit 1 ;;
esac
pip install "$work"/wheel/*.whl pytest
use "the source distribution's wheel"
rm -rf "$work/unpacked" && mkdir "$work/unpacked"
tar --extract --gzip --file "$work"/sdist/hr_weights-*.tar.gz --directory "$work/unpacked" --strip-components 1
cd "$work/unpacked"
# Without the sources, so that what is tested is what was installed.
rm -r hr_weights
"$venv/bin/python" -m pytest -q -p no:cacheprovider tests/test_{arrays,compat,errors,library}.py
