"""The criterion that attacks, evaluates and weighs."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Callable, Optional

import torch
from torch import Tensor

from ._attacks_torch import Normalization, ffgsm, pgd
from ._frameworks import check_named_attack
from ._torch_arguments import HALF, Budget, LossFunction
from ._torch_plain import Criterion, counted, masked
from ._types import Ordering


def _samples(inputs: Any) -> Optional[int]:
    """The number of samples: the length of the first tensor in what the model takes; None if there is none."""
    if isinstance(inputs, Tensor):
        return len(inputs) if inputs.dim() else None
    if isinstance(inputs, Mapping):
        inputs = list(inputs.values())
    if isinstance(inputs, (list, tuple)):
        return next((count for count in map(_samples, inputs) if count is not None), None)
    return None


class HRLoss(Criterion):
    """A criterion that attacks the inputs, evaluates the model on the attacked ones, and weighs their losses.

    ::

        criterion = HRLoss(model, torch.nn.CrossEntropyLoss(reduction="none"), alpha=0.05, r=0.1, epsilon=0.1)
        loss = criterion(inputs, targets)
        loss.backward()

    model: what is trained. It is no submodule of the criterion: its parameters stay its own.
    loss_fn: ``loss_fn(model(inputs), targets)`` must return one loss per sample. A sample whose target is its
        ``ignore_index``, if it has one, has base weight 0.
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
    averages, and for losses that are not finite (with the sample's index). With a group, another number of losses than of
    samples is refused before the processes talk: in that process alone, while the others wait.

    Source: arXiv 2303.02251: poisoning (alpha), sampling error (r) and evasion (epsilon) together.
    """

    def __init__(
        self,
        model: Callable[[Tensor], Any],
        loss_fn: LossFunction,
        alpha: Budget = 0.0,
        r: Budget = 0.0,
        epsilon: float = 0.0,
        norm: str = "l2",
        attack: Any = "pgd",
        steps: int = 10,
        step_size: Optional[float] = None,
        normalization: Optional[Normalization] = None,
        ordering: Ordering = "HD",
        *,
        bounds: tuple[float, float] = (0.0, 1.0),
        worst_loss: Optional[Budget] = None,
        backend: str = "exact",
        group: Any = None,
        gradients: str = "mean",
    ) -> None:
        super().__init__(alpha, r, ordering, worst_loss, backend, group, gradients)
        check_named_attack(attack, epsilon, norm, steps, step_size, bounds)
        # In a tuple, so that the model does not become a submodule.
        self._model = (model,)
        self.loss_fn = loss_fn
        self.epsilon, self.norm, self.attack = epsilon, norm, attack
        self.steps, self.step_size = steps, step_size
        self.normalization, self.bounds = normalization, bounds

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
        if losses.dim() == 1:
            # Base weights have more digits, and a wider range, than halves.
            losses = losses.float() if losses.dtype in HALF else losses
            base = masked(base, counted(self.loss_fn, None, losses, targets), losses.dtype)
        return self._robust_loss(losses, base)

    def extra_repr(self) -> str:
        attack = self.attack if isinstance(self.attack, str) else type(self.attack).__name__
        budgets = f"alpha={self.alpha}, r={self.r}, epsilon={self.epsilon}"
        return f"{budgets}, norm={self.norm!r}, attack={attack!r}, ordering={self.ordering!r}"
