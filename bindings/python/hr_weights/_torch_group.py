"""The robust loss of the losses of many processes, by torch.distributed."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, Optional, Union
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from . import _core, _gathered, sharded
from ._torch_arguments import Budget, checked, number
from ._types import Ordering

# By group of processes: what its processes have agreed on by their last call. A group that is made anew starts anew.
_rooms: MutableMapping[Any, int] = WeakKeyDictionary()


def _not_compiled(function: Any) -> Any:
    """`function`, left out by torch.compile, whose graphs have no place for a loop of collective calls."""
    compiler: Any = getattr(torch, "compiler", None)
    return compiler.disable(function) if hasattr(compiler, "disable") else function


@_not_compiled
def solve_together(
    losses: Tensor,
    base: Optional[Tensor],
    alpha: Budget,
    r: Budget,
    worst_loss: Optional[Budget],
    ordering: Ordering,
    backend: str,
    group: Any,
) -> tuple[Union[float, Tensor], Tensor, int]:
    """The robust loss of all processes; this one's weights, on its device and in float32 or float64; how many processes."""
    import torch.distributed as dist

    processes = _processes(dist, group)
    ranks = dist.get_world_size(processes)
    if ranks < 1:
        raise ValueError("this process is not in the group")
    own: Optional[_gathered.Own] = None
    refusal: Optional[Exception] = None
    try:
        if backend != "exact":
            raise ValueError(f"with a group, backend must be 'exact', not {backend!r}")
        alpha, r, worst_loss = number(alpha, "alpha"), number(r, "r"), number(worst_loss, "worst_loss")
        losses, base, alpha, r, worst_loss = checked(
            losses, base, alpha, r, worst_loss, ordering, backend, may_be_empty=True
        )
        own = _gathered.Own(
            _on_host(losses),
            None if base is None else _on_host(base),
            _core._options(alpha, r, ordering, worst_loss, 1),
        )
    except Exception as error:  # whatever it is
        refusal = error
    solution, room = _gathered.solve(
        own, dist.get_rank(processes), _allgather(dist, processes), _rooms.get(processes, _gathered.FIRST_ROOM)
    )
    # The others wait for the first message, and so it is sent before this is raised.
    if refusal is not None:
        raise refusal
    assert own is not None
    _rooms[processes] = room
    if solution is None:
        solution = sharded.solve(
            own.losses,
            own.options.alpha,
            own.options.r,
            allreduce=_allreduce(dist, processes),
            ordering=ordering,
            base=own.base,
            worst_loss=worst_loss,
        )
    return solution.robust_loss, torch.from_numpy(solution.weights).to(losses.device), ranks


def _processes(dist: Any, group: Any) -> Any:
    """The group of processes that the argument stands for."""
    if not (dist.is_available() and dist.is_initialized()):
        raise ValueError("there is no group of processes: call torch.distributed.init_process_group first")
    if isinstance(group, str) and group == "world":
        return dist.group.WORLD
    mesh, *dimension = group if isinstance(group, tuple) and len(group) == 2 else (group,)
    if hasattr(mesh, "get_group") and hasattr(mesh, "ndim"):
        if not dimension and mesh.ndim != 1:
            raise ValueError(
                f"group is a DeviceMesh of {mesh.ndim} dimensions: pass one of them, such as mesh['dp'] or (mesh, 'dp')"
            )
        if mesh.get_coordinate() is None:
            raise ValueError("this process is not in the group")
        try:
            return mesh.get_group(*dimension)
        except (KeyError, IndexError, RuntimeError, TypeError, ValueError) as error:
            raise ValueError(f"group is no dimension of the DeviceMesh: {error}") from error
    if isinstance(group, (str, tuple)):
        raise ValueError(
            f"group must be a group of torch.distributed, 'world', or a dimension of a DeviceMesh, not {group!r}"
        )
    return group


def _on_host(tensor: Tensor) -> Any:
    return tensor.detach().cpu().resolve_neg().contiguous().numpy()


def _allgather(dist: Any, group: Any) -> Any:
    """The all-gather of a group of processes. gloo works on the host's memory, NCCL on the GPU's alone."""
    on_gpu = dist.get_backend(group) == "nccl"

    def allgather(message: Any) -> Any:
        own = torch.from_numpy(message)
        own = own.cuda() if on_gpu else own
        gathered = own.new_empty((dist.get_world_size(group), own.numel()))
        dist.all_gather(list(gathered.unbind(0)), own, group=group)
        return gathered.cpu().numpy()

    return allgather


def _allreduce(dist: Any, group: Any) -> Any:
    """The all-reduce of a group of processes, on the same memory."""
    operations = {"sum": dist.ReduceOp.SUM, "max": dist.ReduceOp.MAX}
    on_gpu = dist.get_backend(group) == "nccl"

    def allreduce(values: Any, op: str) -> None:
        tensor = torch.from_numpy(values)
        message = tensor.cuda() if on_gpu else tensor
        dist.all_reduce(message, op=operations[op], group=group)
        if on_gpu:
            tensor.copy_(message)

    return allreduce
