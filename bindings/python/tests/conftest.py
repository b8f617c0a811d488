"""What holds for every test: NumPy raises where it would pass over an overflow, an underflow or a NaN in silence, as it
does for users who have set numpy.seterr(all="raise").
"""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def numpy_raises(request):
    # The pages draw pictures, and old versions of matplotlib underflow on the way.
    with np.errstate(**{} if request.module.__name__ == "test_docs" else {"all": "raise"}):
        yield
