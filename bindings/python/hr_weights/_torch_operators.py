"""The operators of PyTorch that solve: what torch.compile, torch.func and autograd are told of them."""

from __future__ import annotations

import math
from typing import Any, Optional

import torch
from torch import Tensor

from ._torch_exact import solve_on_host
from ._torch_tensor import solve_on_device


def _solve_anywhere(
    losses: Tensor, base: Optional[Tensor], alpha: float, r: float, worst_loss: float, hr: bool, on_device: bool
) -> tuple[Tensor, Tensor]:
    """The robust losses ``(...)`` and the weights ``(..., n)`` of losses ``(..., n)`` of float32 or float64.

    worst_loss: NaN if there is none. on_device: with tensor operations alone.
    """
    losses = losses.detach()
    base = None if base is None else base.detach().expand_as(losses)
    ordering = "HR" if hr else "HD"
    given = None if math.isnan(worst_loss) else worst_loss
    if on_device:
        return solve_on_device(losses, base, alpha, r, given, ordering)
    return solve_on_host(losses, base, alpha, r, given, ordering)


if hasattr(torch.library, "custom_op"):
    # PyTorch 2.4 and later: opaque to torch.compile, which would otherwise take minutes over the tensor operations. It has
    # its derivative for whoever calls it directly; torch.func.grad does not reach into operators.
    @torch.library.custom_op(
        "hr_weights::solve",
        mutates_args=(),
        schema="(Tensor losses, Tensor? base, float alpha, float r, float worst_loss, bool hr, bool on_device) "
        "-> (Tensor, Tensor)",
    )
    def solve(
        losses: Tensor, base: Optional[Tensor], alpha: float, r: float, worst_loss: float, hr: bool, on_device: bool
    ) -> tuple[Tensor, Tensor]:
        return _solve_anywhere(losses, base, alpha, r, worst_loss, hr, on_device)

    @solve.register_fake
    def _(losses: Tensor, *_: Any) -> tuple[Tensor, Tensor]:
        return losses.new_empty(losses.shape[:-1]), torch.empty_like(losses, memory_format=torch.contiguous_format)

    def _keep_weights(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        ctx.save_for_backward(output[1])
        ctx.mark_non_differentiable(output[1])

    def _backward(ctx: Any, grad: Tensor, _: Optional[Tensor]) -> tuple[Optional[Tensor], ...]:
        (constants,) = ctx.saved_tensors
        return grad.unsqueeze(-1) * constants, None, None, None, None, None, None

    solve.register_autograd(_backward, setup_context=_keep_weights)

    def _vmap(
        info: Any, in_dims: tuple[Optional[int], ...], losses: Tensor, base: Optional[Tensor], *budgets: Any
    ) -> tuple[tuple[Tensor, Tensor], tuple[int, int]]:
        def rows_first(tensor: Tensor, axis: Optional[int]) -> Tensor:
            return tensor.expand(info.batch_size, *tensor.shape) if axis is None else tensor.movedim(axis, 0)

        losses = rows_first(losses, in_dims[0])
        base = None if base is None else rows_first(base, in_dims[1])
        return solve(losses, base, *budgets), (0, 0)

    if hasattr(solve, "register_vmap"):  # PyTorch 2.5
        solve.register_vmap(_vmap)

else:
    solve = _solve_anywhere
