"""Losses of PyTorch, solved by the library on the host."""

from __future__ import annotations

from typing import Any, Optional, Union

import torch
from torch import Tensor

from . import _core
from ._library import WEIGHTS, Options, Report
from ._types import Ordering

_FUNCTIONS = {torch.float32: (WEIGHTS["f"], 3), torch.float64: (WEIGHTS["d"], 7)}
_STRIDED = torch.strided
_empty_like = torch.empty_like


def solve_in_place(
    losses: Tensor, base: Optional[Tensor], options: Options, report: Optional[Report]
) -> Optional[Tensor]:
    """The weights of losses that the library can read where they are; None for others, and if something was wrong.

    Small problems take microseconds, and so do the conversions and checks that are left out here. Nothing may trace.
    """
    dtype = losses.dtype
    function, misaligned = _FUNCTIONS.get(dtype, (None, 0))
    # The sign bit of a view of a conjugate is not in memory.
    if function is None or losses.dim() != 1 or losses.layout is not _STRIDED or not losses.is_cpu or losses.is_neg():
        return None
    address, base_address = losses.data_ptr(), None
    if base is not None:
        # A nested tensor has no shape.
        if base.dtype is not dtype or base.dim() != 1 or base.shape != losses.shape:
            return None
        if base.layout is not _STRIDED or not base.is_cpu:
            return None
        if not base.is_contiguous() or base.is_neg() or base.data_ptr() & misaligned:
            return None
        base_address = base.data_ptr()
    if address & misaligned or not losses.is_contiguous():
        return None
    result = _empty_like(losses)
    status = function(options, address, base_address, losses.numel(), result.data_ptr(), report)
    return None if status else result


def solve_on_host(
    losses: Tensor,
    base: Optional[Tensor],
    alpha: Union[float, Tensor],
    r: Union[float, Tensor],
    worst_loss: Union[float, Tensor, None],
    ordering: Ordering,
) -> tuple[Tensor, Tensor]:
    """The robust losses ``(...)`` and the weights ``(..., n)`` of losses ``(..., n)``, on any device.

    Budgets: numbers, or tensors with the leading dimensions of the losses or with none.
    """
    if base is None:
        host_losses, host_base = losses.cpu().resolve_neg(), None
    elif losses.device.type == "cpu":
        host_losses, host_base = losses.resolve_neg(), base.resolve_neg()
    else:
        # One copy for both.
        host_losses, host_base = torch.stack((losses, base)).cpu().unbind(0)
    cols = losses.shape[-1]
    budgets = {"alpha": alpha, "r": r, "worst_loss": worst_loss}
    answer = _solve_rows(
        host_losses.reshape(-1, cols),
        None if host_base is None else host_base.reshape(-1, cols),
        {name: value.reshape(-1).tolist() if isinstance(value, Tensor) else [value] for name, value in budgets.items()},
        ordering,
    ).to(losses.device)
    # Copies, since the results of an operator may not share memory.
    robust = answer[:, cols].clone().reshape(losses.shape[:-1])
    return robust, answer[:, :cols].clone(memory_format=torch.contiguous_format).reshape(losses.shape)


def _solve_rows(losses: Tensor, base: Optional[Tensor], budgets: dict[str, list[Any]], ordering: Ordering) -> Tensor:
    """Per row the weights and then the robust loss, in one tensor that crosses to the device at once."""
    rows, cols = losses.shape
    answer = torch.empty((rows, cols + 1), dtype=losses.dtype)
    if rows == 1 or any(len(values) > 1 for values in budgets.values()):
        for row in range(rows):
            own = {name: values[row if len(values) > 1 else 0] for name, values in budgets.items()}
            row_base = None if base is None else base[row].numpy()
            solution = _core.solve(losses[row].numpy(), base=row_base, ordering=ordering, **own)
            answer[row, :cols] = torch.from_numpy(solution.weights)
            answer[row, cols] = solution.robust_loss
    else:
        shared = {name: values[0] for name, values in budgets.items()}
        host_base = None if base is None else base.numpy()
        batch = _core.solve_batch(losses.numpy(), base=host_base, ordering=ordering, **shared)
        answer[:, :cols] = torch.from_numpy(batch.weights)
        answer[:, cols] = torch.from_numpy(batch.robust_loss)
    return answer
