"""The robust loss of the losses of many processes, by torch.distributed."""

from __future__ import annotations

from typing import Any, Optional

import torch
from torch import Tensor

from . import sharded
from ._torch_arguments import checked


def _not_compiled(function: Any) -> Any:
    """`function`, left out by torch.compile, whose graphs have no place for a loop of collective calls."""
    compiler: Any = getattr(torch, "compiler", None)
    return compiler.disable(function) if hasattr(compiler, "disable") else function


@_not_compiled
def solve_together(
    losses: Tensor,
    base: Optional[Tensor],
    alpha: float,
    r: float,
    worst_loss: Optional[float],
    ordering: str,
    backend: str,
    group: Any,
) -> tuple[Tensor, Tensor, int]:
    """The robust loss of all processes, this one's weights, both on its device and in float32 or float64; their number."""
    import torch.distributed as dist

    if not (dist.is_available() and dist.is_initialized()):
        raise ValueError("there is no group of processes: call torch.distributed.init_process_group first")
    joined = None if isinstance(group, str) and group == "world" else group
    if isinstance(joined, str):
        raise ValueError(f"group must be a group of torch.distributed or 'world', not {group!r}")
    ranks = dist.get_world_size(joined)
    if ranks < 1:
        raise ValueError("this process is not in the group")
    allreduce = _allreduce(dist, joined)
    try:
        if backend != "exact":
            raise ValueError(f"with a group, backend must be 'exact', not {backend!r}")
        losses, base = checked(losses, base, alpha, r, ordering, worst_loss, backend, may_be_empty=True)
    except ValueError:
        # The others wait for the first call.
        sharded.tell(allreduce)
        raise
    solution = sharded.solve(
        losses.detach().cpu().numpy(),
        alpha,
        r,
        allreduce=allreduce,
        ordering=ordering,
        base=None if base is None else base.cpu().numpy(),
        worst_loss=worst_loss,
    )
    total = torch.tensor(solution.robust_loss, dtype=losses.dtype, device=losses.device)
    return total, torch.from_numpy(solution.weights).to(losses.device), ranks


def _allreduce(dist: Any, group: Any) -> Any:
    """The all-reduce of a group of processes. gloo works on the host's memory, NCCL on the GPU's alone."""
    operations = {"sum": dist.ReduceOp.SUM, "max": dist.ReduceOp.MAX}
    on_gpu = dist.get_backend(group) == "nccl"

    def allreduce(values: Any, op: str) -> None:
        tensor = torch.from_numpy(values)
        message = tensor.cuda() if on_gpu else tensor
        dist.all_reduce(message, op=operations[op], group=group)
        if on_gpu:
            tensor.copy_(message)

    return allreduce
