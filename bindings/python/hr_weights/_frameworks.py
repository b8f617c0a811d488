"""What the modules for PyTorch, JAX and TensorFlow share: checks of what can be known without looking at a number."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Optional

import numpy as np

from ._numbers import choice, integer, real, shown

ORDERINGS = ("HD", "HR")


def check_losses(shape: Sequence[Optional[int]], floating: bool, dtype: Any, mean_hint: str, vmap_hint: str) -> None:
    """Raises ValueError unless losses are a vector of floating-point numbers.

    shape: that of the losses; None for a dimension that is not known yet.
    mean_hint: what made a mean over the batch. vmap_hint: how to solve many problems at once.
    """
    if not floating:
        raise ValueError(f"losses must be floating-point numbers, but their dtype is {dtype}")
    if len(shape) == 0:
        raise ValueError(
            f"losses is a single number, but one per sample is needed: leave out the mean over the batch ({mean_hint})"
        )
    if len(shape) > 1:
        sizes = ", ".join("?" if size is None else str(size) for size in shape)
        raise ValueError(
            f"losses has shape ({sizes}), but one number per sample is needed: average over the other dimensions first"
            f"{vmap_hint}"
        )
    if shape[0] == 0:
        raise ValueError("losses is empty: there must be at least one sample")


@contextmanager
def naming(value: Any, name: str) -> Iterator[None]:
    """Around the conversion of an argument to an array: whatever is wrong with it is a ValueError with its name."""
    try:
        yield
    # What a framework raises for what it cannot convert is its own choice.
    except Exception as error:
        raise ValueError(f"{name} must be a dense array of numbers, not {shown(value)}") from error


def check_real(value: Any, name: str) -> None:
    """Raises ValueError for arrays of what is no real number: conversions would keep the real part of a complex one."""
    dtype = getattr(value, "dtype", None)
    if dtype is not None and not any(word in str(dtype).lower() for word in ("float", "int", "bool")):
        raise ValueError(f"{name} must be real numbers, but their dtype is {dtype}")


def check_base(shape: Sequence[Optional[int]], losses: Sequence[Optional[int]]) -> None:
    """Raises ValueError unless there is one base weight per loss."""
    if len(shape) != len(losses) or any(None not in pair and pair[0] != pair[1] for pair in zip(shape, losses)):
        raise ValueError(f"base has shape {tuple(shape)}, but losses has shape {tuple(losses)}")


def check_budgets(alpha: Any, r: Any, worst_loss: Any) -> tuple[Any, Any, Any]:
    """The budgets and the worst loss, as floats where they are numbers of Python or NumPy; None stays None.

    Tensors are for their framework to look at, but for their shape. Raises ValueError, with the argument's name, for what is
    no number, and for numbers that the library would refuse.
    """
    alpha, r = _number(alpha, "alpha"), _number(r, "r")
    worst_loss = None if worst_loss is None else _number(worst_loss, "worst_loss")
    if isinstance(alpha, float) and not 0 <= alpha <= 1:
        raise ValueError(f"alpha must be a number in [0, 1], not {alpha}")
    if isinstance(r, float) and not r >= 0:
        raise ValueError(f"r must be a number of at least 0 (infinity is allowed), not {r}")
    if isinstance(worst_loss, float) and not math.isfinite(worst_loss):
        raise ValueError(f"worst_loss must be finite, not {worst_loss}")
    return alpha, r, worst_loss


def finite(r: float) -> float:
    """r, or the largest number in place of infinity: it is as good, and no trouble to those who look for infinities."""
    return min(r, sys.float_info.max)


def _number(value: Any, name: str) -> Any:
    """A number as a float; a tensor without dimensions, or of an unknown shape, as it is."""
    if not hasattr(value, "dtype") or isinstance(value, (np.ndarray, np.generic)):
        return real(value, name)
    shape = getattr(value, "shape", (0,))
    # Where TensorFlow does not know a shape yet, it has no length.
    if shape.rank if hasattr(shape, "rank") else len(shape):
        raise ValueError(f"{name} must be a number, not {shown(value)}")
    return value


def check_named_attack(
    attack: Any, epsilon: Any, norm: str, steps: int, step_size: Optional[float], bounds: tuple[float, float]
) -> None:
    """Raises ValueError, with the argument's name, unless `attack` is a function, to which nothing else applies, or "pgd" or
    "ffgsm" with arguments that make sense.
    """
    if callable(attack):
        return
    choice(attack, "attack", ("pgd", "ffgsm"))
    check_attack(epsilon, norm, steps, step_size, bounds)
    if attack == "ffgsm" and norm != "linf":
        raise ValueError("attack='ffgsm' is an attack in the l-infinity norm: pass norm='linf'")


def check_attack(epsilon: Any, norm: str, steps: int, step_size: Optional[float], bounds: tuple[float, float]) -> None:
    """Raises ValueError, with the argument's name, for an attack that makes no sense."""
    choice(norm, "norm", ("l2", "linf"))
    epsilon = _number(epsilon, "epsilon")
    if isinstance(epsilon, float) and not 0 <= epsilon < math.inf:
        raise ValueError(f"epsilon must be a finite number of at least 0, not {epsilon}")
    if integer(steps, "steps") < 1:
        raise ValueError(f"steps must be at least 1, not {steps}")
    step_size = None if step_size is None else _number(step_size, "step_size")
    if isinstance(step_size, float) and not 0 < step_size < math.inf:
        raise ValueError(f"step_size must be a positive number, not {step_size}")
    pair = isinstance(bounds, (tuple, list)) and len(bounds) == 2
    if not pair or not real(bounds[0], "bounds") < real(bounds[1], "bounds"):
        raise ValueError(f"bounds must be (smallest, largest), not {shown(bounds)}")


def default_step_size(epsilon: Any, steps: int) -> Any:
    """The step with which `steps` of them cross the ball 1.25 times: 2.5 epsilon / steps (arXiv 1706.06083, section 5)."""
    return 2.5 * epsilon / steps


def ffgsm_step_size(epsilon: Any, step_size: Any) -> Any:
    """FFGSM's step: by default 1.25 epsilon (arXiv 2001.03994, section 4.2), and None if that is 0."""
    if step_size is not None:
        return step_size
    step = 1.25 * _number(epsilon, "epsilon")
    return None if isinstance(step, float) and step == 0 else step


def check_pixels(low: float, high: float, bounds: tuple[float, float]) -> None:
    """Raises ValueError unless the inputs, which reach from `low` to `high`, are inside of `bounds`, but for rounding."""
    slack = 1e-3 * (bounds[1] - bounds[0])
    if not (low >= bounds[0] - slack and high <= bounds[1] + slack):
        raise ValueError(
            f"inputs are outside of [{bounds[0]}, {bounds[1]}] (they reach from {low:.4g} to {high:.4g}): "
            "pass normalization=(mean, std) if they are normalised, or their bounds"
        )
