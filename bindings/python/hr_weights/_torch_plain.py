"""The plain criterion: of what a model returned and the targets, for trainers that evaluate the model themselves."""

from __future__ import annotations

from typing import Any, Optional

import torch
from torch import Tensor

from ._numbers import choice, integer
from ._torch_arguments import HALF, Budget, LossFunction, check_criterion
from ._torch_loss import robust_loss
from ._types import Ordering


class Criterion(torch.nn.Module):
    """What the criteria have in common: the budgets, and the robust loss of given losses."""

    def __init__(
        self,
        alpha: Budget,
        r: Budget,
        ordering: Ordering,
        worst_loss: Optional[Budget],
        backend: str,
        group: Any,
        gradients: str,
    ) -> None:
        super().__init__()
        check_criterion(alpha, r, worst_loss, ordering, backend, gradients)
        self.alpha, self.r, self.ordering = alpha, r, ordering
        self.worst_loss, self.backend = worst_loss, backend
        self.group, self.gradients = group, gradients

    def _robust_loss(self, losses: Tensor, base: Optional[Tensor]) -> Tensor:
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


class HRCriterion(Criterion):
    """The robust loss as a criterion ``(outputs, targets)``, as Lightning, skorch, ignite and fastai expect one.

    ::

        criterion = HRCriterion(torch.nn.CrossEntropyLoss(reduction="none"), alpha=0.05, r=0.1)
        criterion(model(inputs), targets).backward()

    loss_fn: ``loss_fn(outputs, targets)`` returns one loss per sample, shape ``(n,)``, or several, shape ``(n, ...)``: a
        loss of PyTorch with ``reduction="none"``, or a function. If it is a module, it is a submodule of the criterion.
    alpha, r, ordering, worst_loss, backend, group, gradients: as in :func:`robust_loss`. They are attributes of the same
        names, which may be set between steps.
    over: what the problem is over, if a sample has several losses, such as one for each token: "samples" (default): the
        loss of a sample is the mean of its own, and its base weight is their number; "elements": each loss is a sample.
        The loss of ``alpha = r = 0`` is the same: the mean of all of them.
    ignore_index: targets of this value do not count: they have base weight 0. None: that of `loss_fn`, if it has one, as
        PyTorch's cross-entropy has. The loss of an ignored target is 0 in PyTorch, and without this it would be a sample
        that the model knows perfectly.

    The class weights of PyTorch's cross-entropy (`weight`) multiply the losses. To let them count as samples, pass them as
    base weights: ``base=weight[targets]``.

    Raises ValueError for arguments out of range, and for a `loss_fn` that averages. Losses, targets and base weights that do
    not fit together are refused before the processes of a group talk: in that process alone, while the others wait. To hold
    one problem over the micro-batches of an accumulated step see "In your tools" in the documentation.

    Source: the programs HD and HR of arXiv 2303.02251 (section 3) and arXiv 2207.09560.
    """

    def __init__(
        self,
        loss_fn: LossFunction,
        alpha: Budget = 0.0,
        r: Budget = 0.0,
        ordering: Ordering = "HD",
        *,
        over: str = "samples",
        ignore_index: Optional[int] = None,
        worst_loss: Optional[Budget] = None,
        backend: str = "exact",
        group: Any = None,
        gradients: str = "mean",
    ) -> None:
        if not callable(loss_fn):
            raise ValueError(f"loss_fn must be a function of outputs and targets, not {type(loss_fn).__name__}")
        reduction = getattr(loss_fn, "reduction", "none")
        if reduction != "none":
            raise ValueError(f'loss_fn must return one loss per sample: reduction="none" in place of {reduction!r}')
        choice(over, "over", ("samples", "elements"))
        super().__init__(alpha, r, ordering, worst_loss, backend, group, gradients)
        if ignore_index is not None:
            integer(ignore_index, "ignore_index")
        self.loss_fn = loss_fn
        self.over, self.ignore_index = over, ignore_index

    def forward(self, outputs: Any, targets: Any, base: Optional[Tensor] = None) -> Tensor:
        """The robust loss, a scalar.

        outputs, targets: what `loss_fn` takes. base: base weights as in :func:`robust_loss`, shape ``(n,)``, or one for each
        loss.
        """
        losses = self.loss_fn(outputs, targets)
        if isinstance(losses, Tensor) and losses.dim() > 0:
            losses, base = self._problem(losses, base, counted(self.loss_fn, self.ignore_index, losses, targets))
        return self._robust_loss(losses, base)

    def _problem(
        self, losses: Tensor, base: Optional[Tensor], counts: Optional[Tensor]
    ) -> tuple[Tensor, Optional[Tensor]]:
        """The losses that the problem is over, and their base weights; both of one dimension. counts: as :func:`counted`."""
        if losses.dtype in HALF:
            losses = losses.float()
        if base is not None:
            base = torch.as_tensor(base, dtype=losses.dtype, device=losses.device).detach()
            if base.shape == losses.shape[:1]:
                base = base.reshape(-1, *[1] * (losses.dim() - 1)).expand_as(losses)
            elif base.shape != losses.shape:
                # Refused by the robust loss, which tells the other processes.
                return losses.reshape(-1), base
        base = masked(base, counts, losses.dtype)
        if losses.dim() == 1:
            return losses, base
        if self.over == "elements":
            return losses.reshape(-1), None if base is None else base.reshape(-1)
        if base is None:
            return losses.flatten(1).mean(1), None
        # A loss that does not count may be NaN.
        parts = torch.where(base == 0, torch.zeros_like(losses), losses * base).flatten(1).sum(1)
        base = base.flatten(1).sum(1)
        return parts / torch.where(base == 0, torch.ones_like(base), base), base

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}, r={self.r}, ordering={self.ordering!r}, over={self.over!r}"


def counted(loss_fn: Any, ignore_index: Optional[int], losses: Tensor, targets: Any) -> Optional[Tensor]:
    """For each loss whether it counts; None if all do. ignore_index: in place of that of `loss_fn`."""
    index = getattr(loss_fn, "ignore_index", None) if ignore_index is None else ignore_index
    if index is None:
        return None
    # Probabilities of classes are targets too, and have no index.
    if isinstance(targets, Tensor) and not targets.is_floating_point() and targets.shape == losses.shape:
        return targets != index
    if ignore_index is None:
        return None
    raise ValueError(
        f"ignore_index needs one integer of targets for each loss, but losses has shape {tuple(losses.shape)}, and "
        f"targets is {_described(targets)}"
    )


def masked(base: Any, counts: Optional[Tensor], dtype: torch.dtype) -> Optional[Tensor]:
    """The base weights, 0 where a loss does not count. Those of another shape as they are: the robust loss refuses them."""
    if counts is None:
        return base
    if base is None:
        return counts.to(dtype)
    base = torch.as_tensor(base, dtype=dtype, device=counts.device)
    return torch.where(counts, base, torch.zeros_like(base)) if base.shape == counts.shape else base


def _described(targets: Any) -> str:
    if not isinstance(targets, Tensor):
        return f"a {type(targets).__name__}"
    return f"{targets.dtype} of shape {tuple(targets.shape)}"
