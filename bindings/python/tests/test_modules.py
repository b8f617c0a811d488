"""Modules that are loaded when they are first used, and what is said when the framework of one is missing."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import hr_weights as hrw
from hr_weights._extras import extra

PACKAGE = Path(hrw.__file__).parent
# The module, what it imports, and the extra that brings it.
FRAMEWORKS = [(name, name) for name in ("torch", "jax", "tensorflow", "keras", "dask", "sklearn")]


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_a_module_is_loaded_at_its_first_use():
    code = (
        "import sys, hr_weights as hrw\n"
        "assert 'hr_weights.plot' not in sys.modules\n"
        "hrw.plot.loss_curves, hrw.sharded.solve, hrw.compat.HR_Neural_Networks\n"
        "assert hrw.plot is sys.modules['hr_weights.plot']\n"
        "print({'torch', 'jax', 'tensorflow', 'dask', 'matplotlib'} & set(sys.modules))"
    )
    result = run(code)
    assert result.stdout == "set()\n", result.stderr


def test_type_checkers_and_programs_that_are_frozen_know_every_module():
    """Both read the imports, and see none that __getattr__ makes."""
    text = (PACKAGE / "__init__.py").read_text(encoding="utf-8")
    for path in PACKAGE.glob("[!_]*.py"):
        assert f"    from . import {path.stem} as {path.stem}\n" in text


def test_what_is_no_module_is_no_attribute():
    for name in ("nothing", "_nothing", "Weights"):
        assert not hasattr(hrw, name)
        with pytest.raises(AttributeError, match=f"'hr_weights' has no attribute '{name}'"):
            getattr(hrw, name)


@pytest.mark.parametrize("use", ["hrw.{}", "importlib.import_module('hr_weights.{}')"])
@pytest.mark.parametrize("module, framework", FRAMEWORKS)
def test_the_extra_is_named(use, module, framework):
    """Where the framework is installed too: a module that cannot be imported stands in its place."""
    code = (
        "import sys, importlib, hr_weights as hrw\n"
        f"sys.modules['{framework}'] = None\n"
        f"try: {use.format(module)}\n"
        "except ImportError as error: print(error)"
    )
    result = run(code).stdout
    assert f'{framework} is missing, which hr_weights needs here: pip install "hr-weights[{module}]"' in result


def test_the_extra_of_a_function_is_named():
    code = (
        "import sys, hr_weights as hrw\n"
        "sys.modules['mpi4py'] = sys.modules['matplotlib'] = None\n"
        "for call in (lambda: hrw.sharded.mpi(None), lambda: hrw.plot.loss_curves({})):\n"
        "    try: call()\n"
        "    except ImportError as error: print(error)"
    )
    lines = run(code).stdout.splitlines()
    assert 'pip install "hr-weights[mpi]"' in lines[0] and 'pip install "hr-weights[plot]"' in lines[1]


def test_the_back_end_that_keras_misses_is_named():
    with pytest.raises(ImportError, match=r"jax is missing, .*pip install \"hr-weights\[jax\]"):
        with extra("keras"):
            raise ModuleNotFoundError("No module named 'jax'", name="jax")


def test_every_extra_that_is_named_exists():
    named = set()
    for path in PACKAGE.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        named |= {part.partition('"')[0] for part in text.split('with extra("')[1:]}
    provided = set(metadata.metadata("hr-weights").get_all("Provides-Extra"))
    assert {module for module, _ in FRAMEWORKS} | {"mpi", "plot"} <= named <= provided
