"""The problem on its device, in PyTorch: one kernel of Triton where there is one (:mod:`hr_weights._torch_triton`), and
:mod:`hr_weights._dual` with the operations of PyTorch elsewhere.
"""

from __future__ import annotations

import warnings
from functools import partial
from importlib.util import find_spec
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

    where = staticmethod(torch.where)
    log = staticmethod(torch.log)
    exp = staticmethod(torch.exp)
    clamp = staticmethod(torch.clamp)
    concat = staticmethod(partial(torch.cat, dim=-1))
    size = staticmethod(Tensor.numel)

    @staticmethod
    def fill(x: Tensor, mask: Tensor, value: float) -> Tensor:
        return x.masked_fill(mask, value)

    @staticmethod
    def cast(condition: Tensor, like: Tensor) -> Tensor:
        return condition.to(like.dtype)

    @staticmethod
    def combine(x: Any, factor: float, y: Tensor) -> Tensor:
        # The one operation of this kind that takes a number for x.
        return torch.rsub(y, x, alpha=-factor)

    @staticmethod
    def less_ratio(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        return torch.addcdiv(x, y, z, value=-1)

    @staticmethod
    def count(mask: Tensor, like: Tensor) -> Tensor:
        return mask.sum(-2, keepdim=True, dtype=like.dtype)

    @staticmethod
    def maximum(x: Tensor, y: Any) -> Tensor:
        return torch.maximum(x, y) if isinstance(y, Tensor) else x.clamp(min=y)

    @staticmethod
    def minimum(x: Tensor, y: Any) -> Tensor:
        return torch.minimum(x, y) if isinstance(y, Tensor) else x.clamp(max=y)

    @staticmethod
    def sum(x: Tensor, axis: int = -1) -> Tensor:
        return x.sum(axis, keepdim=True)

    @staticmethod
    def sums(*arrays: Tensor) -> tuple[Tensor, ...]:
        return tuple(array.sum(-1, keepdim=True) for array in arrays)

    @staticmethod
    def product(x: Tensor) -> Tensor:
        return x.prod(-1, keepdim=True)

    @staticmethod
    def max(x: Tensor) -> Tensor:
        return x.amax(-1, keepdim=True)

    @staticmethod
    def maxima(*arrays: Tensor) -> tuple[Tensor, ...]:
        return tuple(array.amax(-1, keepdim=True) for array in arrays)

    @staticmethod
    def cumsum(x: Tensor) -> Tensor:
        if not (x.is_cuda and torch.are_deterministic_algorithms_enabled()):
            return x.cumsum(-1)
        return cumsum_by_doubling(x)

    @staticmethod
    def sort(keys: Tensor, *values: Tensor) -> tuple[Tensor, ...]:
        keys, order = keys.sort(-1)
        return (keys, *(array.gather(-1, order) for array in values))

    @staticmethod
    def uniform(x: Tensor) -> Tensor:
        return torch.full_like(x, 1.0 / x.shape[-1])

    @staticmethod
    def steps(start: int, stop: int, like: Tensor) -> Tensor:
        return torch.arange(start, stop, dtype=like.dtype, device=like.device).unsqueeze(-1)

    @staticmethod
    def expand(x: Tensor) -> Tensor:
        return x.unsqueeze(-2)

    @staticmethod
    def transpose(x: Tensor) -> Tensor:
        return x.transpose(-1, -2)


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
    if has_kernel(losses):
        try:
            from . import _torch_triton  # Where there is no Triton there is no such module.

            return _torch_triton.solve(losses, base, alpha, r, worst_loss, ordering)
        except torch.cuda.OutOfMemoryError:
            raise
        except Exception as error:  # Triton needs a compiler for C, among others, and says so in many ways.
            if losses.is_cuda and torch.cuda.is_current_stream_capturing():
                raise
            # Not the error itself, which would keep the losses of the call.
            _kernel_fails.append(str(error))
            warnings.warn(
                f"Triton cannot compile the kernel of hr_weights ({error}): it is replaced by some hundred operations",
                stacklevel=2,
            )
    return _solve_by_operations(losses, base, alpha, r, worst_loss, ordering)


#: The losses of a row that the kernel's program can hold.
LARGEST = 16384
_HAS_TRITON = find_spec("triton") is not None
_kernel_fails: list[str] = []


def has_kernel(losses: Tensor) -> bool:
    """Whether one kernel solves these: on a GPU, where Triton is installed, with at most 16,384 losses in a row."""
    return losses.is_cuda and losses.shape[-1] <= LARGEST and _HAS_TRITON and not _kernel_fails


def _solve_by_operations(
    losses: Tensor,
    base: Optional[Tensor],
    alpha: Union[float, Tensor],
    r: Union[float, Tensor],
    worst_loss: Union[float, Tensor, None],
    ordering: str,
) -> tuple[Tensor, Tensor]:
    # Apple's GPUs have no double precision.
    single = losses.device.type == "mps"
    dtype = torch.float32 if single else torch.float64
    values = losses.to(dtype)

    def budget(value: Union[float, Tensor]) -> Tensor:
        if isinstance(value, Tensor):
            return value.to(values.device, dtype).unsqueeze(-1).expand_as(values[..., :1])
        return values.new_full((*values.shape[:-1], 1), value)

    worst = None if worst_loss is None else budget(worst_loss)

    constants, on_worst = _dual.weights(
        _Ops(),
        _dual.SINGLE if single else _dual.DOUBLE,
        values,
        None if base is None else base.to(dtype),
        budget(alpha),
        budget(r),
        worst,
        ordering,
    )
    # Masked losses may be NaN.
    robust = (constants * values.masked_fill(constants <= 0, 0.0)).sum(-1)
    if worst is not None:
        robust = robust + (on_worst * worst).squeeze(-1)
    # A copy, since what an operator returns may be no part of another tensor.
    return robust.to(losses.dtype), constants.to(losses.dtype, copy=True, memory_format=torch.contiguous_format)
