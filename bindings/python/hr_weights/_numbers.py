"""Single numbers and choices from the caller, or a ValueError that names the argument."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, Optional

import numpy as np

# Words in the names of the dtypes that stand for real numbers, in NumPy, PyTorch, JAX and TensorFlow: float32, int64, uint8.
_REAL = ("float", "int")


def real(value: Any, name: str) -> float:
    """A number as a float: one of Python or NumPy, an array without dimensions, or what else is a number.

    Raises ValueError, with `name`, for everything else: None, text, a truth value, a complex number, an array with
    dimensions, and an integer beyond the range of a double.
    """
    kind = type(value)
    if kind is float:
        number: float = value
        return number
    try:
        if getattr(value, "requires_grad", False) is True:
            # Budgets have no gradient here; PyTorch would warn.
            value = value.detach()
        if kind is int or isinstance(value, np.floating) or _is_scalar(value, _REAL):
            return float(value)
    # What objects of other libraries raise here is theirs to choose.
    except Exception as error:
        raise ValueError(f"{name} must be a number, not {shown(value)}") from error
    raise ValueError(f"{name} must be a number, not {shown(value)}")


def worst(value: Any) -> Optional[float]:
    """The argument worst_loss: None, or a number that is not NaN, by which the library is told that there is none."""
    if value is None:
        return None
    number = real(value, "worst_loss")
    if number != number:
        raise ValueError("worst_loss must be a finite number, not nan; without one it is the largest loss")
    return number


def integer(value: Any, name: str) -> int:
    """An integer: one of Python or NumPy, or an array of integers without dimensions. 2.0 is none.

    Raises ValueError, with `name`, for everything else.
    """
    if type(value) is int:
        return value
    try:
        if _is_scalar(value, ("int",)):
            return operator.index(value)
    except Exception as error:
        raise ValueError(f"{name} must be an integer, not {shown(value)}") from error
    raise ValueError(f"{name} must be an integer, not {shown(value)}")


def choice(value: Any, name: str, choices: Sequence[str]) -> str:
    """`value` if it is one of `choices`. Raises ValueError, with `name` and what is possible, for everything else."""
    if not isinstance(value, str) or value not in choices:
        allowed = " or ".join(map(repr, choices))
        raise ValueError(f"{name} must be {allowed}, not {shown(value)}")
    return str(value)


def shown(value: Any) -> str:
    """A value as an error message can hold it: in one line, and not a long one."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else text[:77] + "..."


def _is_scalar(value: Any, words: tuple[str, ...]) -> bool:
    """Whether it has no dimensions, and is no text, no truth value and not complex; `words`: for its dtype, if any."""
    if isinstance(value, (bool, complex, str, bytes, bytearray)) or tuple(getattr(value, "shape", ())) != ():
        return False
    dtype = getattr(value, "dtype", None)
    if dtype is None:
        return True
    name = dtype.name if isinstance(dtype, np.dtype) else str(dtype)
    return any(word in name.lower() for word in words)
