"""What the modules for PyTorch, JAX and TensorFlow share: checks of what can be known without looking at a number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Optional

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


def check_base(shape: Sequence[Optional[int]], losses: Sequence[Optional[int]]) -> None:
    """Raises ValueError unless there is one base weight per loss."""
    if len(shape) != len(losses) or any(None not in pair and pair[0] != pair[1] for pair in zip(shape, losses)):
        raise ValueError(f"base has shape {tuple(shape)}, but losses has shape {tuple(losses)}")


def check_budgets(alpha: Any, r: Any, worst_loss: Any) -> None:
    """Raises ValueError for budgets that the library would refuse. What is no Python number is for others to check."""
    if isinstance(alpha, (int, float)) and not 0 <= alpha <= 1:
        raise ValueError(f"alpha must be a number in [0, 1], not {alpha}")
    if isinstance(r, (int, float)) and not r >= 0:
        raise ValueError(f"r must be a number of at least 0 (infinity is allowed), not {r}")
    if isinstance(worst_loss, (int, float)) and not math.isfinite(worst_loss):
        raise ValueError(f"worst_loss must be finite, not {worst_loss}")


def check_choice(name: str, value: Any, choices: Sequence[str]) -> None:
    """Raises ValueError unless `value` is one of `choices`."""
    if value not in choices:
        allowed = " or ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name} must be {allowed}, not {value!r}")


def check_attack(epsilon: Any, norm: str, steps: int, step_size: Optional[float], bounds: tuple[float, float]) -> None:
    """Raises ValueError for an attack that makes no sense."""
    check_choice("norm", norm, ("l2", "linf"))
    if isinstance(epsilon, (int, float)) and not 0 <= epsilon < math.inf:
        raise ValueError(f"epsilon must be a finite number of at least 0, not {epsilon}")
    if steps < 1:
        raise ValueError(f"steps must be at least 1, not {steps}")
    if isinstance(step_size, (int, float)) and not 0 < step_size < math.inf:
        raise ValueError(f"step_size must be a positive number, not {step_size}")
    if not bounds[0] < bounds[1]:
        raise ValueError(f"bounds must be (smallest, largest), not {bounds}")


def default_step_size(epsilon: Any, steps: int) -> Any:
    """The step with which `steps` of them cross the ball 1.25 times: 2.5 epsilon / steps (arXiv 1706.06083, section 5)."""
    return 2.5 * epsilon / steps


#: FFGSM's step in units of epsilon (arXiv 2001.03994, section 4.2).
FFGSM_STEP = 1.25
