"""What the functions for PyTorch are called with, checked as far as it goes without looking at a value."""

from __future__ import annotations

from typing import Any, Callable, Optional, Union

import torch
from torch import Tensor

from ._frameworks import ORDERINGS, check_base, check_budgets, check_losses, check_real, naming
from ._numbers import choice, real

Budget = Union[float, Tensor]
LossFunction = Callable[[Any, Any], Tensor]
#: What is solved as float32.
HALF = (torch.float16, torch.bfloat16)
BACKENDS = ("exact", "tensor")

_MEAN = 'reduction="none" in PyTorch\'s losses'
_VMAP = ", or use torch.func.vmap for many problems"


def checked(
    losses: Tensor,
    base: Optional[Tensor],
    alpha: Budget,
    r: Budget,
    worst_loss: Optional[Budget],
    ordering: str,
    backend: str,
    may_be_empty: bool = False,
) -> tuple[Tensor, Optional[Tensor], Budget, Budget, Optional[Budget]]:
    """Losses and base weights in one type, float32 or float64, on one device; the budgets, floats if they are numbers."""
    if not isinstance(losses, Tensor):
        raise ValueError(
            f"losses must be a torch.Tensor, not {type(losses).__name__}: see hr_weights.weights for arrays"
        )
    _check_dense(losses, "losses")
    shape = (1,) if may_be_empty and losses.shape == (0,) else tuple(losses.shape)
    check_losses(shape, losses.dtype.is_floating_point, losses.dtype, _MEAN, _VMAP)
    choice(ordering, "ordering", ORDERINGS)
    choice(backend, "backend", BACKENDS)
    budgets = check_budgets(alpha, r, worst_loss)
    if losses.dtype in HALF:
        losses = losses.float()
    if base is not None:
        check_real(base, "base")
        _check_dense(base, "base")
        with naming(base, "base"):
            base = torch.as_tensor(base, dtype=losses.dtype, device=losses.device).detach()
        check_base(tuple(base.shape), tuple(losses.shape))
    return losses, base, *budgets


def _check_dense(value: Any, name: str) -> None:
    if not isinstance(value, Tensor):
        return
    if value.layout is not torch.strided:
        raise ValueError(f"{name} must be dense, but their layout is {value.layout}: pass {name}.to_dense()")
    if value.is_nested:
        raise ValueError(f"{name} must be one tensor, but they are a nested one: pass one row at a time")


def check_criterion(
    alpha: Budget, r: Budget, worst_loss: Optional[Budget], ordering: str, backend: str, gradients: str
) -> None:
    """Raises ValueError, with the argument's name, for what :func:`hr_weights.torch.robust_loss` would refuse whatever the
    losses are.
    """
    choice(gradients, "gradients", ("mean", "sum"))
    choice(ordering, "ordering", ORDERINGS)
    choice(backend, "backend", BACKENDS)
    check_budgets(alpha, r, worst_loss)


def number(value: Any, name: str) -> Any:
    """A tensor without dimensions as the number that it has; everything else as it is."""
    return real(value, name) if isinstance(value, Tensor) else value
