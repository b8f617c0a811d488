"""What type checkers are told is so: the program that they check runs, and each of its values has the type it asserts."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pytest

import hr_weights as hrw

PROGRAM = Path(__file__).parent / "typed" / "program.py"


def test_the_types_of_a_users_program(capsys):
    names = runpy.run_path(str(PROGRAM))
    assert "hr-weights" in capsys.readouterr().out
    assert len(names["ASSERTED"]) > 15
    for value, kind in names["ASSERTED"]:
        if kind is float:
            assert type(value) is float
        else:
            # NDArray[np.float32] is numpy.ndarray[..., numpy.dtype[numpy.float32]].
            assert value.dtype == np.dtype(get_args(get_args(kind)[1])[0])


@pytest.mark.parametrize("function", [hrw.path, hrw.r_for_robust_loss, hrw.sharded.solve])
def test_the_orderings_are_those_that_there_are(function):
    for ordering in get_args(hrw.Ordering):
        hrw.weights([1.0, 2.0], ordering=ordering)
    assert get_type_hints(function)["ordering"] == hrw.Ordering


def test_the_package_is_typed():
    assert (Path(hrw.__file__).parent / "py.typed").exists()
