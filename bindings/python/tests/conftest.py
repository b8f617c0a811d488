"""What holds for every test, and a terminal for those that look at one.

NumPy raises where it would pass over an overflow, an underflow or a NaN in silence, as it does for users who have set
numpy.seterr(all="raise").
"""

from __future__ import annotations

import io
from types import SimpleNamespace

import numpy as np
import pytest

from hr_weights import _progress


@pytest.fixture(autouse=True)
def numpy_raises(request):
    # The pages draw pictures, and old versions of matplotlib underflow on the way.
    with np.errstate(**{} if request.module.__name__ == "test_docs" else {"all": "raise"}):
        yield


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """A terminal for the standard error, and a clock by which every look takes 0.3 seconds."""
    screen, now = Terminal(), iter(np.arange(0, 1e6, 0.3).tolist())
    # Not sys.stderr itself, which pytest puts back between a fixture and its test.
    monkeypatch.setattr(_progress, "sys", SimpleNamespace(stderr=screen))
    monkeypatch.setattr(_progress, "_clock", lambda: next(now))
    return screen
