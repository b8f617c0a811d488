"""The robust loss of a batch and its weights: what is differentiated, and where it is solved."""

from __future__ import annotations

import math
from typing import Any, Optional

from torch import Tensor

from . import _torch_group
from ._numbers import choice
from ._torch_arguments import checked, where_positive
from ._torch_operators import solve


def robust_loss(
    losses: Tensor,
    alpha: float = 0.0,
    r: float = 0.0,
    *,
    ordering: str = "HD",
    base: Optional[Tensor] = None,
    worst_loss: Optional[float] = None,
    backend: str = "exact",
    group: Any = None,
    gradients: str = "mean",
) -> Tensor:
    """The worst average loss over the ambiguity set, as a scalar whose gradient in the losses is the HR weights.

    losses: shape ``(n,)``, of any unit, floating point, on any device. float16 and bfloat16 are computed in float32, and so
        is the result.
    alpha: total-variation budget: the poisoned fraction of the samples, in [0, 1].
    r: Kullback-Leibler budget in nats: the sampling error, in [0, inf].
    ordering: "HD" (the data was poisoned before it was sampled, the authors' default) or "HR" (after).
    base: shape ``(n,)``: base weights, not negative, of any sum; None: one each. A sample of base weight 0 is masked: its
        loss may be NaN, and its gradient is 0.
    worst_loss: the worst loss that a sample could have had, finite and at least every loss; None: the largest of them.
    backend: "exact" (default) solves in the library, on the host: from a GPU this takes one copy of the losses each way, and
        waits for them. "tensor" is made of tensor operations alone, a fixed number of them, without a look at a value: it
        stays on the device and can be captured in a CUDA graph. It is right to 1e-6, and does not notice NaN or a
        `worst_loss` that is too small. Both compile with ``fullgraph=True`` and work under ``torch.func.vmap``.
    group: where the losses of the other processes are: a group of ``torch.distributed``, or "world" for all processes.
        Every process of the group must make the call with its own losses (there may be none in some), all in one dtype
        and with the same budgets. The result is then the robust loss of all samples, the same in every process. It
        takes about five small all-reduces (at most 64), on the host with gloo. Needs ``backend="exact"``,
        and is not compiled. None: these are all the losses.
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
    choice(gradients, "gradients", ("mean", "sum"))
    if group is not None:
        total, constants, ranks = _torch_group.solve_together(
            losses, base, alpha, r, worst_loss, ordering, backend, group
        )
        slopes = constants * ranks if gradients == "mean" else constants
        counted = where_positive(constants, losses.to(constants.dtype))
        return total + (slopes * (counted - counted.detach())).sum()
    losses, base = checked(losses, base, alpha, r, ordering, worst_loss, backend)
    total, constants = solve(losses.detach(), base, *_plain(alpha, r, worst_loss, ordering, backend))
    # A change that is zero, whose derivative is the weights: this way every transformation of PyTorch works.
    counted = where_positive(constants, losses)
    return total + (constants * (counted - counted.detach())).sum()


def weights(
    losses: Tensor,
    alpha: float = 0.0,
    r: float = 0.0,
    *,
    ordering: str = "HD",
    base: Optional[Tensor] = None,
    worst_loss: Optional[float] = None,
    backend: str = "exact",
    group: Any = None,
) -> Tensor:
    """The HR weights of n losses, shape ``(n,)``, detached: the gradient of :func:`robust_loss`, whose arguments these are.

    They sum to one, unless `worst_loss` is given and has a weight itself. Multiply your losses by them, in place of ``1/n``.
    """
    if group is not None:
        constants = _torch_group.solve_together(losses, base, alpha, r, worst_loss, ordering, backend, group)[1]
        return constants.to(losses.dtype)
    dtype = losses.dtype
    losses, base = checked(losses, base, alpha, r, ordering, worst_loss, backend)
    return solve(losses.detach(), base, *_plain(alpha, r, worst_loss, ordering, backend))[1].to(dtype)


def _plain(
    alpha: float, r: float, worst_loss: Optional[float], ordering: str, backend: str
) -> tuple[float, float, float, bool, bool]:
    """As the operator takes them."""
    worst = math.nan if worst_loss is None else float(worst_loss)
    return float(alpha), float(r), worst, ordering == "HR", backend == "tensor"
