"""The robust loss of a batch and its weights: what is differentiated, and where it is solved."""

from __future__ import annotations

from typing import Any, Optional, Union

import torch
from torch import Tensor

from . import _core, _torch_group
from ._library import report as new_report
from ._numbers import choice
from ._torch_arguments import Budget, checked, number
from ._torch_exact import solve_in_place
from ._torch_operators import is_traced, solve
from ._types import Ordering


def robust_loss(
    losses: Tensor,
    alpha: Budget = 0.0,
    r: Budget = 0.0,
    *,
    ordering: Ordering = "HD",
    base: Optional[Tensor] = None,
    worst_loss: Optional[Budget] = None,
    backend: str = "exact",
    group: Any = None,
    gradients: str = "mean",
) -> Tensor:
    """The worst average loss over the ambiguity set, as a scalar whose gradient in the losses is the HR weights.

    losses: shape ``(n,)``, of any unit, floating point, on any device. float16 and bfloat16 are computed in float32, and so
        is the result.
    alpha: total-variation budget: the poisoned fraction of the samples, in [0, 1].
    r: Kullback-Leibler budget in nats: the sampling error, in [0, inf].
        `alpha`, `r` and `worst_loss` may be tensors without dimensions: a compiled program takes their values as they
        are at each call, where a number of Python is a part of it, and another number compiles it again.
    ordering: "HD" (the data was poisoned before it was sampled, the authors' default) or "HR" (after).
    base: shape ``(n,)``: base weights, not negative, of any sum; None: one each. A sample of base weight 0 is masked: its
        loss may be NaN, and its gradient is 0.
    worst_loss: the worst loss that a sample could have had, finite and at least every loss; None: the largest of them.
    backend: "exact" (default) solves in the library, on the host: from a GPU this takes one copy of the losses each way, and
        waits for them. "tensor" stays on the device: one kernel of Triton on a GPU where Triton is installed and there are
        at most 16,384 losses, else a fixed number of tensor operations, none of which waits for a value. It can be
        captured in a CUDA graph, after a first call outside of it. It is right to 1e-6, and does not notice NaN or a
        `worst_loss` that is too small. Both compile with ``fullgraph=True``, as the operators ``hr_weights::exact`` and
        ``hr_weights::tensor``, and work under ``torch.func.vmap``.
    group: where the losses of the other processes are: a group of ``torch.distributed``, "world" for all processes, or a
        dimension of a ``DeviceMesh``: a mesh of one dimension, such as ``mesh["dp"]``, or the pair ``(mesh, "dp")``.
        Every process of the group must make the call with its own losses (there may be none in some), all in one dtype
        and with the same budgets. The result is then the robust loss of all samples, the same in every process. Losses
        that come to at most 32 KiB together, base weights included, are gathered once, and every process solves; the
        first call, and one that needs more room than the call before, may gather twice. More losses take about five
        small all-reduces (at most 64). Messages are on the host with gloo. Needs ``backend="exact"``, and is not
        compiled. None: these are all the losses.
    gradients: how the trainer joins the gradients of the processes: "mean", as DistributedDataParallel and FSDP do
        (default), or "sum". The gradient in each process's own losses is its weights, times the number of processes if
        they will be divided by it. Of no effect without a group.

    The weights are constants for second derivatives (the first ones are exact by Danskin's theorem). `alpha`, `r`, `base`
    and `worst_loss` have no gradient.

    Raises ValueError for a scalar loss, another shape, no sample, a loss that is NaN or infinite (with its index), and
    arguments out of range; with a group, in every process, whichever made the mistake, and if `alpha`, `r`, `ordering`,
    `worst_loss` or the dtype differ between them. What ``torch.distributed`` raises passes through.

    Source: the programs HD and HR of arXiv 2303.02251 (section 3) and arXiv 2207.09560.
    """
    if group is not None:
        total, constants, ranks = _torch_group.solve_together(
            losses, base, alpha, r, worst_loss, ordering, backend, group
        )
        # Only now: the others would wait for a process that raises before.
        choice(gradients, "gradients", ("mean", "sum"))
        slopes = constants * ranks if gradients == "mean" else constants
        return _with_gradient(total, slopes, losses.to(slopes.dtype), is_traced(losses))
    choice(gradients, "gradients", ("mean", "sum"))
    return _with_gradient(*_solved(losses, base, alpha, r, worst_loss, ordering, backend))


def weights(
    losses: Tensor,
    alpha: Budget = 0.0,
    r: Budget = 0.0,
    *,
    ordering: Ordering = "HD",
    base: Optional[Tensor] = None,
    worst_loss: Optional[Budget] = None,
    backend: str = "exact",
    group: Any = None,
) -> Tensor:
    """The HR weights of n losses, shape ``(n,)``, detached: the gradient of :func:`robust_loss`, whose arguments these are.

    They sum to one, unless `worst_loss` is given and has a weight itself. Multiply your losses by them, in place of ``1/n``.
    """
    if group is not None:
        constants = _torch_group.solve_together(losses, base, alpha, r, worst_loss, ordering, backend, group)[1]
    else:
        constants = _solved(losses, base, alpha, r, worst_loss, ordering, backend)[1]
    return constants if constants.dtype is losses.dtype else constants.to(losses.dtype)


def _solved(
    losses: Tensor,
    base: Optional[Tensor],
    alpha: Budget,
    r: Budget,
    worst_loss: Optional[Budget],
    ordering: Ordering,
    backend: str,
) -> tuple[Union[float, Tensor], Tensor, Tensor, bool]:
    """The robust loss and the weights, both constants, the losses in their type, and whether something traces them."""
    traced = is_traced(losses, base, alpha, r, worst_loss)
    if at_once := backend == "exact" and not traced:
        alpha, r, worst_loss = number(alpha, "alpha"), number(r, "r"), number(worst_loss, "worst_loss")
        options, report = _core._options(alpha, r, ordering, worst_loss, 1), new_report()
        if isinstance(losses, Tensor) and (base is None or isinstance(base, Tensor)):
            constants = solve_in_place(losses, base, options, report)
            if constants is not None:
                return report.robust_loss, constants, losses, False
    losses, base, alpha, r, worst_loss = checked(losses, base, alpha, r, worst_loss, ordering, backend)
    if at_once:
        # In another type, or not strided any more.
        dense = losses.detach().resolve_neg().contiguous()
        constants = solve_in_place(dense, None if base is None else base.resolve_neg().contiguous(), options, report)
        if constants is not None:
            return report.robust_loss, constants, losses, False
    # Without values there is nothing to solve, but the operator knows the shapes.
    traced = traced or losses.is_meta
    total, constants = solve(losses, base, alpha, r, worst_loss, ordering, backend, traced)
    return total, constants, losses, traced


def _with_gradient(total: Union[float, Tensor], constants: Tensor, losses: Tensor, traced: bool) -> Tensor:
    """A scalar of this value, whose gradient in the losses is `constants`."""
    if traced:
        # A change that is zero, whose derivative is the weights: this way every transformation of PyTorch works.
        # Masked losses may be NaN.
        counted = torch.where(constants > 0, losses, torch.zeros_like(losses))
        return total + (constants * (counted - counted.detach())).sum()
    # One operation with that derivative, whose own value, rounded and NaN with a masked loss, is replaced.
    result = torch.dot(losses, constants)
    if isinstance(total, float):
        result.data.fill_(total)
    else:
        result.data.copy_(total)
    return result
