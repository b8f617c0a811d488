#!/usr/bin/env bash
# An environment for the authors' package, version 1.0.6: authors/setup.sh DIRECTORY. It runs beside Debian's python3-torch, with
# the versions of cvxpy, NumPy and SciPy of its time. mosek is imported by the package but never used: ECOS and SCS solve.
set -euo pipefail
environment=$1
[ -e "$environment/ready" ] && exit 0
/usr/bin/python3 -c 'import torch' || { echo "needs Debian's python3-torch and python3-venv" >&2; exit 1; }
/usr/bin/python3 -m venv --clear --system-site-packages "$environment"
pip=("$environment/bin/pip" install --quiet --disable-pip-version-check)
"${pip[@]}" 'cvxpy<1.5' 'numpy<2' 'scipy<1.14' ecos mosek requests tqdm setuptools wheel
"${pip[@]}" --no-deps torchattacks==3.5.1
"${pip[@]}" --no-deps --no-build-isolation HR_Neural_Networks==1.0.6
"$environment/bin/python" -c 'from HR_Neural_Networks.HR import HR_Neural_Networks'
touch "$environment/ready"
