"""Finding the library, refusing one that does not belong, and the declarations of its functions."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import hr_weights
from hr_weights import _calibrate, _library

HEADER = Path(__file__).parents[3] / "include" / "hr_weights.h"
C_TYPES = {"size_t": ctypes.c_size_t, "double": ctypes.c_double, "int32_t": ctypes.c_int32}
C_TYPES.update({"uint32_t": ctypes.c_uint32, "uint64_t": ctypes.c_uint64})


def import_with(library, cwd=None):
    code = "import hr_weights; print(hr_weights.weights([1.0, 2.0]).sum())"
    # Beside what the system needs: on Windows Python does not start without SYSTEMROOT.
    environment = {**os.environ, "HR_WEIGHTS_LIBRARY": str(library)}
    environment["PYTHONPATH"] = str(Path(hr_weights.__file__).parents[1])
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, cwd=cwd)


def test_version():
    assert hr_weights.__version__ == _library.LIBRARY.hrw_version().decode()
    assert _library.LIBRARY.hrw_abi_version() == _library.ABI_VERSION


def test_a_library_of_the_users_choice():
    result = import_with(_library.LIBRARY_PATH)
    assert result.returncode == 0, result.stderr
    assert float(result.stdout) == 1.0


@pytest.mark.parametrize("name", ["./lib.so", "lib.so", "below/lib.so", "../lib.so"])
def test_a_relative_path_is_one_from_the_current_directory(tmp_path, name):
    cwd = tmp_path / "here"
    (cwd / "below").mkdir(parents=True)
    (cwd / name).symlink_to(_library.LIBRARY_PATH)
    result = import_with(name, cwd)
    assert result.returncode == 0, result.stderr
    assert float(result.stdout) == 1.0


@pytest.mark.skipif(sys.platform == "win32", reason="the home directory has another variable there")
def test_a_path_from_the_home_directory(tmp_path, monkeypatch):
    """Where no shell has put the directory in the place of ~, as in a Dockerfile."""
    (tmp_path / "a library.so").symlink_to(_library.LIBRARY_PATH)
    monkeypatch.setenv("HOME", str(tmp_path))
    result = import_with("~/a library.so", tmp_path)
    assert result.returncode == 0, result.stderr


def test_a_bare_name_is_the_systems_to_find(tmp_path):
    result = import_with("libhr_weights_that_nobody_has.so", tmp_path)
    assert "cannot load the hr-weights library libhr_weights_that_nobody_has.so: " in result.stderr


def test_no_library(tmp_path):
    result = import_with(tmp_path / "nothing.so")
    assert "ImportError: cannot load the hr-weights library" in result.stderr
    assert "HR_WEIGHTS_LIBRARY" in result.stderr


def test_a_library_of_another_abi(tmp_path):
    source = tmp_path / "other.c"
    source.write_text('unsigned hrw_abi_version(void) { return 2; } const char *hrw_version(void) { return "9.0.0"; }')
    other = tmp_path / "other.so"
    try:
        subprocess.run(["cc", "-shared", "-fPIC", "-o", other, source], check=True)
    except FileNotFoundError:
        pytest.skip("no C compiler")
    result = import_with(other)
    assert "has ABI 2, but hr_weights" in result.stderr


@pytest.mark.skipif(not HEADER.exists(), reason="the header is in the repository")
@pytest.mark.parametrize(
    "struct, name",
    [
        (_library.Options, "hrw_options"),
        (_library.Report, "hrw_report"),
        (_library.RunningWorst, "hrw_running_worst"),
    ],
)
def test_structs_are_those_of_the_header(struct, name):
    body = re.search(rf"typedef struct {name} {{(.*?)}} {name};", HEADER.read_text(), re.DOTALL)[1]
    fields = re.findall(r"^ +(\w+) (\w+);$", body, re.MULTILINE)
    assert [(field, C_TYPES[kind]) for kind, field in fields] == struct._fields_


@pytest.mark.skipif(not HEADER.exists(), reason="the header is in the repository")
def test_every_status_and_no_other():
    codes = dict(re.findall(r"^ +HRW_(\w+) = (\d+),$", HEADER.read_text(), re.MULTILINE))
    for code, name in enumerate(("ROBUST_LOSS", "EFFECTIVE_SAMPLES", "LARGEST_WEIGHT")):
        assert int(codes[name]) == code == getattr(_calibrate, f"_{name}")
    for name in ("OK", "ALPHA", "R", "WORST_LOSS", "BASE_WEIGHTS", "NON_FINITE_LOSS", "THREADS", "TARGET", "PANIC"):
        assert int(codes[name]) == getattr(_library, name)
    assert int(codes["HD"]) == _library.ORDERINGS["HD"] and int(codes["HR"]) == _library.ORDERINGS["HR"]


def test_every_function_is_declared():
    functions = [_library._status_message, _library._options_init, _library._report_init, _library._certified_r]
    functions.append(_library.running_worst_init)
    families = [_library.WEIGHTS, _library.WEIGHTS_BATCH, _library.WEIGHTS_RAGGED, _library.CERTIFY, _library.PATH]
    families += [*_library.CALIBRATE.values(), _library.WEIGHTS_GROUPS, _library.RUNNING_WORST_UPDATE]
    for family in families:
        assert set(family) == {"f", "d"}
        functions += family.values()
    for function in functions:
        assert function.argtypes is not None and function.restype is not None


def test_an_internal_error_is_not_a_value_error():
    with pytest.raises(RuntimeError, match="internal error"):
        _library._check(_library.PANIC)


def test_a_code_that_this_version_does_not_know():
    with pytest.raises(ValueError):
        _library._check(12345)
