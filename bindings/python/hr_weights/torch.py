"""HR learning in PyTorch: the robust loss of a batch, and a criterion that attacks, evaluates and weighs.

In a training loop, replace ``losses.mean()`` by::

    from hr_weights.torch import robust_loss

    losses = torch.nn.functional.cross_entropy(model(inputs), targets, reduction="none")
    robust_loss(losses, alpha=0.05, r=0.1).backward()

Source: Bennouna, Lucas, Van Parys, "Certified Robust Neural Networks: Generalization and Corruption Resistance"
(arXiv 2303.02251); Bennouna, Van Parys, "Holistic Robust Data-Driven Decisions" (arXiv 2207.09560).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any, Callable, Optional

from ._extras import extra

with extra("torch"):
    import torch
    from torch import Tensor

from . import _core, _dual, sharded
from ._attacks_torch import Normalization, ffgsm, pgd
from ._frameworks import ORDERINGS, check_attack, check_base, check_budgets, check_losses
from ._numbers import choice

__all__ = ["HRLoss", "ffgsm", "pgd", "robust_loss", "weights"]

_MEAN = 'reduction="none" in PyTorch\'s losses'
_VMAP = ", or use torch.func.vmap for many problems"


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
        total, constants, ranks = _solve_together(losses, base, alpha, r, worst_loss, ordering, backend, group)
        slopes = constants * ranks if gradients == "mean" else constants
        counted = _where_positive(constants, losses.to(constants.dtype))
        return total + (slopes * (counted - counted.detach())).sum()
    losses, base = _checked(losses, base, alpha, r, ordering, worst_loss, backend)
    total, constants = _solve(losses.detach(), base, *_plain(alpha, r, worst_loss, ordering, backend))
    # A change that is zero, whose derivative is the weights: this way every transformation of PyTorch works.
    counted = _where_positive(constants, losses)
    return total + (constants * (counted - counted.detach())).sum()


def _where_positive(constants: Tensor, values: Tensor) -> Tensor:
    # Masked losses may be NaN.
    return torch.where(constants > 0, values, torch.zeros_like(values))


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
        constants = _solve_together(losses, base, alpha, r, worst_loss, ordering, backend, group)[1]
        return constants.to(losses.dtype)
    dtype = losses.dtype
    losses, base = _checked(losses, base, alpha, r, ordering, worst_loss, backend)
    return _solve(losses.detach(), base, *_plain(alpha, r, worst_loss, ordering, backend))[1].to(dtype)


def _plain(
    alpha: float, r: float, worst_loss: Optional[float], ordering: str, backend: str
) -> tuple[float, float, float, bool, bool]:
    """As the operator takes them."""
    worst = math.nan if worst_loss is None else float(worst_loss)
    return float(alpha), float(r), worst, ordering == "HR", backend == "tensor"


def _checked(
    losses: Tensor,
    base: Optional[Tensor],
    alpha: float,
    r: float,
    ordering: str,
    worst_loss: Optional[float],
    backend: str,
    may_be_empty: bool = False,
) -> tuple[Tensor, Optional[Tensor]]:
    """Losses and base weights in one type, float32 or float64, on one device."""
    if not isinstance(losses, Tensor):
        raise ValueError(
            f"losses must be a torch.Tensor, not {type(losses).__name__}: see hr_weights.weights for arrays"
        )
    shape = (1,) if may_be_empty and losses.shape == (0,) else tuple(losses.shape)
    check_losses(shape, losses.dtype.is_floating_point, losses.dtype, _MEAN, _VMAP)
    choice(ordering, "ordering", ORDERINGS)
    choice(backend, "backend", ("exact", "tensor"))
    check_budgets(alpha, r, worst_loss)
    if losses.dtype in (torch.float16, torch.bfloat16):
        losses = losses.float()
    if base is not None:
        base = torch.as_tensor(base, dtype=losses.dtype, device=losses.device).detach()
        check_base(tuple(base.shape), tuple(losses.shape))
    return losses, base


# ---- many processes --------------------------------------------------------------------------------------------------


def _not_compiled(function: Any) -> Any:
    """`function`, left out by torch.compile, whose graphs have no place for a loop of collective calls."""
    compiler: Any = getattr(torch, "compiler", None)
    return compiler.disable(function) if hasattr(compiler, "disable") else function


@_not_compiled
def _solve_together(
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
        losses, base = _checked(losses, base, alpha, r, ordering, worst_loss, backend, may_be_empty=True)
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


# ---- the operator ----------------------------------------------------------------------------------------------------


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
        return _solve_on_device(losses, base, alpha, r, given, ordering)
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
        {"alpha": alpha, "r": r, "ordering": ordering, "worst_loss": given},
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


if hasattr(torch.library, "custom_op"):
    # PyTorch 2.4 and later: opaque to torch.compile, which would otherwise take minutes over the tensor operations. It has
    # its derivative for whoever calls it directly; torch.func.grad does not reach into operators.
    @torch.library.custom_op(
        "hr_weights::solve",
        mutates_args=(),
        schema="(Tensor losses, Tensor? base, float alpha, float r, float worst_loss, bool hr, bool on_device) "
        "-> (Tensor, Tensor)",
    )
    def _solve(
        losses: Tensor, base: Optional[Tensor], alpha: float, r: float, worst_loss: float, hr: bool, on_device: bool
    ) -> tuple[Tensor, Tensor]:
        return _solve_anywhere(losses, base, alpha, r, worst_loss, hr, on_device)

    @_solve.register_fake
    def _(losses: Tensor, *_: Any) -> tuple[Tensor, Tensor]:
        return losses.new_empty(losses.shape[:-1]), torch.empty_like(losses, memory_format=torch.contiguous_format)

    def _keep_weights(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        ctx.save_for_backward(output[1])
        ctx.mark_non_differentiable(output[1])

    def _backward(ctx: Any, grad: Tensor, _: Optional[Tensor]) -> tuple[Optional[Tensor], ...]:
        (constants,) = ctx.saved_tensors
        return grad.unsqueeze(-1) * constants, None, None, None, None, None, None

    _solve.register_autograd(_backward, setup_context=_keep_weights)

    def _vmap(
        info: Any, in_dims: tuple[Optional[int], ...], losses: Tensor, base: Optional[Tensor], *budgets: Any
    ) -> tuple[tuple[Tensor, Tensor], tuple[int, int]]:
        def rows_first(tensor: Tensor, axis: Optional[int]) -> Tensor:
            return tensor.expand(info.batch_size, *tensor.shape) if axis is None else tensor.movedim(axis, 0)

        losses = rows_first(losses, in_dims[0])
        base = None if base is None else rows_first(base, in_dims[1])
        return _solve(losses, base, *budgets), (0, 0)

    if hasattr(_solve, "register_vmap"):  # PyTorch 2.5
        _solve.register_vmap(_vmap)

else:
    _solve = _solve_anywhere


# ---- the tensor back end ---------------------------------------------------------------------------------------------


def _cumsum_by_doubling(x: Tensor) -> Tensor:
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
        return _cumsum_by_doubling(x)

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


def _solve_on_device(
    losses: Tensor, base: Optional[Tensor], alpha: float, r: float, worst_loss: Optional[float], ordering: str
) -> tuple[Tensor, Tensor]:
    # Apple's GPUs have no double precision.
    single = losses.device.type == "mps"
    dtype = torch.float32 if single else torch.float64
    values = losses.to(dtype)

    def budget(value: float) -> Tensor:
        return torch.full_like(values[..., :1], value)

    constants, on_worst = _dual.weights(
        _Ops(),
        _dual.SINGLE if single else _dual.DOUBLE,
        values,
        torch.ones_like(values) if base is None else base.to(dtype),
        budget(alpha),
        budget(r),
        None if worst_loss is None else budget(worst_loss),
        ordering,
    )
    robust = (constants * _where_positive(constants, values)).sum(-1)
    if worst_loss is not None:
        robust = robust + on_worst.squeeze(-1) * worst_loss
    return robust.to(losses.dtype), constants.to(losses.dtype, memory_format=torch.contiguous_format)


# ---- the criterion ---------------------------------------------------------------------------------------------------

LossFunction = Callable[[Any, Any], Tensor]


def _samples(inputs: Any) -> Optional[int]:
    """The number of samples: the length of the first tensor in what the model takes; None if there is none."""
    if isinstance(inputs, Tensor):
        return len(inputs) if inputs.dim() else None
    if isinstance(inputs, Mapping):
        inputs = list(inputs.values())
    if isinstance(inputs, (list, tuple)):
        return next((count for count in map(_samples, inputs) if count is not None), None)
    return None


class HRLoss(torch.nn.Module):
    """A criterion that attacks the inputs, evaluates the model on the attacked ones, and weighs their losses.

    ::

        criterion = HRLoss(model, torch.nn.CrossEntropyLoss(reduction="none"), alpha=0.05, r=0.1, epsilon=0.1)
        loss = criterion(inputs, targets)
        loss.backward()

    model: what is trained. It is no submodule of the criterion: its parameters stay its own.
    loss_fn: ``loss_fn(model(inputs), targets)`` must return one loss per sample.
    alpha, r, ordering, worst_loss, backend, group, gradients: as in :func:`robust_loss`.
    epsilon: radius of the attack, in the unit of the pixels; 0: none.
    norm: "l2" or "linf", of all dimensions of a sample together.
    attack: "pgd", "ffgsm" (one step from a random point; for "linf" alone), or a callable ``attack(inputs, targets)`` that
        returns the attacked inputs, such as an attack of torchattacks; `epsilon` and what follows then mean nothing.
    steps, step_size: of the attack; the default step is 2.5 epsilon / steps for PGD, and 1.25 epsilon for FFGSM.
    normalization: ``(mean, std)`` per channel, if the inputs are normalised: the attack then works on
        ``inputs * std + mean``, to which `epsilon` and `bounds` refer.
    bounds: the smallest and largest value of a pixel.

    During the attack the model is in evaluation mode, whatever it was before, so that batch statistics are not those of
    intermediate points. The attack needs gradients in the inputs: under ``torch.no_grad()`` it takes them, under
    ``torch.inference_mode()`` it cannot, and raises RuntimeError.

    Raises ValueError for arguments out of range. Calls raise ValueError for inputs outside of `bounds`, for a `loss_fn` that
    averages, and for losses that are not finite (with the sample's index).

    Source: arXiv 2303.02251: poisoning (alpha), sampling error (r) and evasion (epsilon) together.
    """

    def __init__(
        self,
        model: Callable[[Tensor], Any],
        loss_fn: LossFunction,
        alpha: float = 0.0,
        r: float = 0.0,
        epsilon: float = 0.0,
        norm: str = "l2",
        attack: Any = "pgd",
        steps: int = 10,
        step_size: Optional[float] = None,
        normalization: Optional[Normalization] = None,
        ordering: str = "HD",
        *,
        bounds: tuple[float, float] = (0.0, 1.0),
        worst_loss: Optional[float] = None,
        backend: str = "exact",
        group: Any = None,
        gradients: str = "mean",
    ) -> None:
        super().__init__()
        choice(gradients, "gradients", ("mean", "sum"))
        choice(ordering, "ordering", ORDERINGS)
        choice(backend, "backend", ("exact", "tensor"))
        check_budgets(alpha, r, worst_loss)
        if not callable(attack):
            choice(attack, "attack", ("pgd", "ffgsm"))
            check_attack(epsilon, norm, steps, step_size, bounds)
            if attack == "ffgsm" and norm != "linf":
                raise ValueError("attack='ffgsm' is an attack in the l-infinity norm: pass norm='linf'")
        # In a tuple, so that the model does not become a submodule.
        self._model = (model,)
        self.loss_fn = loss_fn
        self.alpha, self.r, self.epsilon = alpha, r, epsilon
        self.norm, self.attack, self.steps, self.step_size = norm, attack, steps, step_size
        self.normalization, self.ordering, self.bounds = normalization, ordering, bounds
        self.worst_loss, self.backend = worst_loss, backend
        self.group, self.gradients = group, gradients

    @property
    def model(self) -> Callable[[Tensor], Any]:
        """The model that is trained."""
        return self._model[0]

    def attacked(self, inputs: Any, targets: Any) -> Any:
        """The inputs, shape ``(n, ...)``, moved to where the loss is larger. Detached."""
        if callable(self.attack):
            attacked: Tensor = self.attack(inputs, targets)
            if not isinstance(inputs, Tensor):
                return attacked
            if not isinstance(attacked, Tensor) or attacked.shape != inputs.shape:
                got = tuple(attacked.shape) if isinstance(attacked, Tensor) else type(attacked).__name__
                raise ValueError(
                    f"the attack must return a tensor of the inputs' shape {tuple(inputs.shape)}, not {got}"
                )
            return attacked.detach()
        if self.epsilon == 0:
            return inputs
        if not isinstance(inputs, Tensor):
            raise ValueError(
                f"inputs must be a tensor to be attacked, not {type(inputs).__name__}: pass attack, a function of "
                "inputs and targets that moves what may be moved, or epsilon=0"
            )
        options: dict[str, Any] = {
            "bounds": self.bounds,
            "normalization": self.normalization,
            "step_size": self.step_size,
        }
        if self.attack == "ffgsm":
            return ffgsm(self.model, self.loss_fn, inputs, targets, self.epsilon, **options)
        return pgd(self.model, self.loss_fn, inputs, targets, self.epsilon, norm=self.norm, steps=self.steps, **options)

    def forward(self, inputs: Tensor, targets: Any, base: Optional[Tensor] = None) -> Tensor:
        """The robust loss, a scalar.

        inputs: shape ``(n, ...)``, or a dict, list or tuple of such tensors if nothing is attacked, as the model takes it.
        targets: whatever `loss_fn` takes. base: shape ``(n,)``, as in :func:`robust_loss`.
        """
        model = self.model
        if torch.is_grad_enabled() and isinstance(model, torch.nn.Module) and not model.training:
            warnings.warn(
                "HRLoss: the model is in evaluation mode while gradients are recorded; call model.train() before training, "
                "or evaluate under torch.no_grad()",
                stacklevel=2,
            )
        losses = self.loss_fn(model(self.attacked(inputs, targets)), targets)
        samples = _samples(inputs)
        if losses.dim() == 1 and samples is not None and losses.shape[0] != samples:
            raise ValueError(f"loss_fn returned {losses.shape[0]} losses for {samples} samples")
        return robust_loss(
            losses,
            self.alpha,
            self.r,
            ordering=self.ordering,
            base=base,
            worst_loss=self.worst_loss,
            backend=self.backend,
            group=self.group,
            gradients=self.gradients,
        )

    def extra_repr(self) -> str:
        attack = self.attack if isinstance(self.attack, str) else type(self.attack).__name__
        budgets = f"alpha={self.alpha}, r={self.r}, epsilon={self.epsilon}"
        return f"{budgets}, norm={self.norm!r}, attack={attack!r}, ordering={self.ordering!r}"
