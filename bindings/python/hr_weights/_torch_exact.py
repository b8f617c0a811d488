"""Losses of PyTorch, solved by the library on the host."""

from __future__ import annotations

from typing import Any, Optional

import torch
from torch import Tensor

from . import _core


def solve_on_host(
    losses: Tensor, base: Optional[Tensor], alpha: float, r: float, worst_loss: Optional[float], ordering: str
) -> tuple[Tensor, Tensor]:
    """The robust losses ``(...)`` and the weights ``(..., n)`` of losses ``(..., n)``, on any device."""
    if base is None:
        host_losses, host_base = losses.cpu(), None
    elif losses.device.type == "cpu":
        host_losses, host_base = losses, base
    else:
        # One copy for both.
        host_losses, host_base = torch.stack((losses, base)).cpu().unbind(0)
    cols = losses.shape[-1]
    answer = _solve_rows(
        host_losses.reshape(-1, cols),
        None if host_base is None else host_base.reshape(-1, cols),
        {"alpha": alpha, "r": r, "ordering": ordering, "worst_loss": worst_loss},
    ).to(losses.device)
    # Copies, since the results of an operator may not share memory.
    robust = answer[:, cols].clone().reshape(losses.shape[:-1])
    return robust, answer[:, :cols].clone(memory_format=torch.contiguous_format).reshape(losses.shape)


def _solve_rows(losses: Tensor, base: Optional[Tensor], options: dict[str, Any]) -> Tensor:
    """Per row the weights and then the robust loss, in one tensor that crosses to the device at once."""
    rows, cols = losses.shape
    if rows == 1:
        row_base = None if base is None else base[0].numpy()
        solution: Any = _core.solve(losses[0].numpy(), base=row_base, **options)
    else:
        solution = _core.solve_batch(losses.numpy(), base=None if base is None else base.numpy(), **options)
    answer = torch.empty((rows, cols + 1), dtype=losses.dtype)
    answer[:, :cols] = torch.from_numpy(solution.weights)
    answer[:, cols] = torch.as_tensor(solution.robust_loss, dtype=torch.float64)
    return answer
