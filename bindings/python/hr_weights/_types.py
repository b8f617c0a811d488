"""What type checkers are told: the orderings, and that weights have the type of the losses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Union

import numpy as np
from numpy.typing import NDArray

#: Which step comes first: see :func:`hr_weights.weights`.
Ordering = Literal["HD", "HR"]

if TYPE_CHECKING:
    # Type checkers bring it; at run time nothing needs it. With the default a plain `Solution` is a
    # complete type.
    from typing_extensions import TypeVar

    Scalar = TypeVar("Scalar", bound=np.generic, default=Any)
else:
    from typing import TypeVar

    Scalar = TypeVar("Scalar", bound=np.generic)

#: That of losses which are floating-point numbers.
Floating = TypeVar("Floating", bound="np.floating[Any]")

#: Losses in which weights cannot be expressed, or whose type nobody chose: they get float64.
Exact = Union[Sequence[float], "NDArray[Union[np.integer[Any], np.bool_]]"]
