"""The problem as tensor operations alone, in PyTorch: :mod:`hr_weights._dual` with its operations."""

from __future__ import annotations

from typing import Any, Optional, Union

import torch
from torch import Tensor

from . import _dual


def cumsum_by_doubling(x: Tensor) -> Tensor:
    """The sums in an order that is always the same, which torch.cumsum does not promise on a GPU."""
    step = 1
    while step < x.shape[-1]:
        x = x + torch.nn.functional.pad(x, (step, 0))[..., :-step]
        step *= 2
    return x


class _Ops:
    """:class:`hr_weights._dual.Ops` for PyTorch."""

    log = staticmethod(torch.log)
    log1p = staticmethod(torch.log1p)
    exp = staticmethod(torch.exp)
    expm1 = staticmethod(torch.expm1)
    sqrt = staticmethod(torch.sqrt)
    abs = staticmethod(torch.abs)

    @staticmethod
    def where(condition: Tensor, yes: Any, no: Any) -> Tensor:
        # A number as a tensor of one element on the device: filling it does not wait.
        like = yes if isinstance(yes, Tensor) else no
        return torch.where(condition, *(x if isinstance(x, Tensor) else torch.full_like(like, x) for x in (yes, no)))

    @staticmethod
    def maximum(x: Tensor, y: Any) -> Tensor:
        return torch.maximum(x, y) if isinstance(y, Tensor) else x.clamp(min=y)

    @staticmethod
    def minimum(x: Tensor, y: Any) -> Tensor:
        return torch.minimum(x, y) if isinstance(y, Tensor) else x.clamp(max=y)

    @staticmethod
    def sum(x: Tensor) -> Tensor:
        return x.sum(-1, keepdim=True)

    @staticmethod
    def max(x: Tensor) -> Tensor:
        return x.amax(-1, keepdim=True)

    @staticmethod
    def min(x: Tensor) -> Tensor:
        return x.amin(-1, keepdim=True)

    @staticmethod
    def cumsum(x: Tensor) -> Tensor:
        if not (x.is_cuda and torch.are_deterministic_algorithms_enabled()):
            return x.cumsum(-1)
        return cumsum_by_doubling(x)

    @staticmethod
    def cast(condition: Tensor, like: Tensor) -> Tensor:
        return condition.to(like.dtype)

    @staticmethod
    def sort(keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        keys, order = keys.sort(-1)
        return keys, values.gather(-1, order)

    @staticmethod
    def loop(steps: int, body: Any, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        for _ in range(steps):
            state = body(*state)
        return state


def solve_on_device(
    losses: Tensor,
    base: Optional[Tensor],
    alpha: Union[float, Tensor],
    r: Union[float, Tensor],
    worst_loss: Union[float, Tensor, None],
    ordering: str,
) -> tuple[Tensor, Tensor]:
    """The robust losses ``(...)`` and the weights ``(..., n)`` of losses ``(..., n)``.

    Budgets: numbers, or tensors with the leading dimensions of the losses or with none.
    """
    # Apple's GPUs have no double precision.
    single = losses.device.type == "mps"
    dtype = torch.float32 if single else torch.float64
    values = losses.to(dtype)

    def budget(value: Union[float, Tensor]) -> Tensor:
        if isinstance(value, Tensor):
            return value.to(values.device, dtype).unsqueeze(-1).expand_as(values[..., :1])
        return torch.full_like(values[..., :1], value)

    worst = None if worst_loss is None else budget(worst_loss)

    constants, on_worst = _dual.weights(
        _Ops(),
        _dual.SINGLE if single else _dual.DOUBLE,
        values,
        torch.ones_like(values) if base is None else base.to(dtype),
        budget(alpha),
        budget(r),
        worst,
        ordering,
    )
    # Masked losses may be NaN.
    robust = (constants * torch.where(constants > 0, values, torch.zeros_like(values))).sum(-1)
    if worst is not None:
        robust = robust + (on_worst * worst).squeeze(-1)
    return robust.to(losses.dtype), constants.to(losses.dtype, memory_format=torch.contiguous_format)
