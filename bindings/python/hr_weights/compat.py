"""The class of the paper's authors, on the exact solver: the arguments and names of ``HR_Neural_Networks`` 1.0.6.

A training that uses their package runs with only its import changed::

    from hr_weights.compat import HR_Neural_Networks   # was: from HR_Neural_Networks.HR import *

What is different, each on purpose:

* ``r_choice = 0`` and ``α_choice = 0`` mean zero. They become 0.001 and 0.000001 there.
* A batch of another size than ``train_batch_size`` costs nothing and gives no warning; the argument is not used.
* ``HR_criterion`` returns the loss, which can also be unpacked, as in their README: ``loss, _ = HR.HR_criterion(...)``.
* ``output_return="weights"`` works, on the losses of any framework and without PyTorch, and always gives N+1 entries.
* The attack climbs ``loss_fn``. It climbs the cross-entropy there, which is the same for classifiers.
* The result is on the device of the losses; ``device`` is not used.
* Unknown values of arguments are refused when the object is made.

For new code, ``hr_weights.torch.HRLoss`` is the same in PyTorch's manner.

Source: Bennouna, Lucas, Van Parys, "Certified Robust Neural Networks: Generalization and Corruption Resistance"
(arXiv 2303.02251).
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Any, Callable, Optional

import numpy as np
from numpy.typing import NDArray

from ._arrays import as_array, computing_dtype, contiguous, rounded
from ._core import solve
from ._numbers import integer, real, shown
from ._types import Ordering

__all__ = ["HR_Neural_Networks"]

_CHOICES = {
    "learning_approach": ("HD", "HR"),
    "noise_set": ("l-2", "l-inf"),
    "defense_method": ("PGD", "FFGSM"),
    "output_return": ("pytorch_loss_function", "weights"),
}


class HR_Neural_Networks:
    """The holistic robust loss of a model: attacks the inputs, evaluates the losses, and weighs them.

    NN_model: maps inputs to outputs: a ``torch.nn.Module``; with ``output_return="weights"`` and ``ϵ_choice=0`` any
        callable, or None if only losses are passed. Of a module the weights are tensors, whatever the losses are.
    train_batch_size: not used: batches may have any size.
    loss_fn: maps outputs and targets to one loss per sample: no reduction. None: the cross-entropy.
    normalisation_used: None, or the mean and the standard deviation per channel with which the inputs were normalised, so
        that the attack can keep the images in [0, 1].
    α_choice: the poisoned fraction of the training data, in [0, 1].
    r_choice: the sampling error in nats, at least 0.
    ϵ_choice: the radius of the attack, for inputs in [0, 1] before normalisation; 0: no attack.
    learning_approach: ``"HD"``: the training data was poisoned; ``"HR"``: corruption happens after sampling.
    adversarial_steps, adversarial_step_size: of the attack; FFGSM takes one step.
    noise_set: ``"l-2"`` or ``"l-inf"``: the ball that the attack stays in.
    defense_method: ``"PGD"``, or ``"FFGSM"`` for ``"l-inf"``.
    output_return: ``"pytorch_loss_function"``: the robust loss, to be differentiated; ``"weights"``: the weights.

    Raises ValueError for other values of these.
    """

    def __init__(
        self,
        NN_model: Any,
        train_batch_size: int,
        loss_fn: Optional[Callable[[Any, Any], Any]],
        normalisation_used: Any,
        α_choice: float,
        r_choice: float,
        ϵ_choice: float,
        learning_approach: Ordering = "HD",
        adversarial_steps: int = 10,
        adversarial_step_size: float = 0.2,
        noise_set: str = "l-2",
        defense_method: str = "PGD",
        output_return: str = "pytorch_loss_function",
    ) -> None:
        self.NN_model = NN_model
        self.train_batch_size = train_batch_size
        self.normalisation_used = normalisation_used
        self.α_choice = α_choice
        self.r_choice = r_choice
        self.ϵ_choice = ϵ_choice
        self.learning_approach = learning_approach
        self.adversarial_steps = adversarial_steps
        self.adversarial_step_size = adversarial_step_size
        self.noise_set = noise_set
        self.defense_method = defense_method
        self.output_return = output_return
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if not isinstance(value, str) or value not in choices:
                raise ValueError(f"{name} must be one of {choices}, not {shown(value)}")
        for name, function in (("NN_model", NN_model), ("loss_fn", loss_fn)):
            if function is not None and not callable(function):
                raise ValueError(f"{name} must be a function or None, not {shown(function)}")
        if integer(adversarial_steps, "adversarial_steps") < 1:
            raise ValueError(f"adversarial_steps must be at least 1, not {adversarial_steps}")
        if not 0 < real(adversarial_step_size, "adversarial_step_size") < np.inf:
            raise ValueError(f"adversarial_step_size must be a positive number, not {adversarial_step_size}")
        if defense_method == "FFGSM" and noise_set == "l-2":
            raise ValueError('defense_method "FFGSM" needs noise_set "l-inf"')
        if loss_fn is None and NN_model is not None:
            from torch.nn import CrossEntropyLoss

            loss_fn = CrossEntropyLoss(reduction="none")
        self.loss_fn = loss_fn
        # Refuses budgets out of range now, not in the middle of an epoch.
        alpha, r = real(α_choice, "α_choice"), real(r_choice, "r_choice")
        if not 0 <= alpha <= 1:
            raise ValueError(f"α_choice: alpha must be a number in [0, 1], not {alpha}")
        if not r >= 0:
            raise ValueError(f"r_choice: r must be a number of at least 0 (infinity is allowed), not {r}")
        if not 0 <= real(ϵ_choice, "ϵ_choice") < np.inf:
            raise ValueError(f"ϵ_choice must be at least 0, not {ϵ_choice}, and finite")

    def adversarial_attack_train(self, inputs: Any, targets: Any) -> Any:
        """The attacked inputs. May be replaced by any callable of inputs and targets, such as one of torchattacks."""
        from .torch import ffgsm, pgd

        assert self.loss_fn is not None
        arguments = (self.NN_model, self.loss_fn, inputs, targets, self.ϵ_choice)
        options = {"step_size": self.adversarial_step_size, "normalization": self.normalisation_used}
        if self.defense_method == "FFGSM":
            return ffgsm(*arguments, **options)
        norm = "l2" if self.noise_set == "l-2" else "linf"
        return pgd(*arguments, norm=norm, steps=self.adversarial_steps, **options)

    def HR_criterion(self, inputs: Any = None, targets: Any = None, inf_loss: Any = None, device: Any = "cuda") -> Any:
        """The robust loss of a batch, or its weights.

        inputs, targets: the batch. The inputs are attacked if ``ϵ_choice > 0``; then come the model and ``loss_fn``.
        inf_loss: the losses themselves, shape ``(N,)``, of any framework; used when there are no inputs. (The scripts of
            the paper have the device in its place, which does no harm.)
        device: not used: the result is where the losses are, or, if they are no tensor, where the parameters of the module
            are.

        Returns, for ``output_return="pytorch_loss_function"``, a tensor with one element; it can be unpacked into the loss
        and the weights. For ``"weights"``: N+1 weights, the last one that of the worst loss, ``max(losses)``, as a tensor if
        the losses are one of PyTorch or NN_model is a module, else as a NumPy array; float32, or float64 for losses that
        are not exact in float32.

        Raises ValueError as :func:`hr_weights.weights` does, and without inputs and losses.
        """
        if inputs is not None:
            if self.loss_fn is None or self.NN_model is None:
                raise ValueError("there is no NN_model to evaluate the inputs with: pass inf_loss instead")
            if self.ϵ_choice > 0:
                inputs = self.adversarial_attack_train(inputs, targets)
            inf_loss = self.loss_fn(self.NN_model(inputs), targets)
        elif inf_loss is None:
            raise ValueError("pass inputs and targets, or the losses as inf_loss")
        if self.output_return == "weights":
            return self._weights(inf_loss)
        from .torch import robust_loss

        loss = robust_loss(inf_loss, self.α_choice, self.r_choice, ordering=self.learning_approach)
        return _unpackable(loss, lambda: self._weights(inf_loss))

    def _weights(self, losses: Any) -> Any:
        if not hasattr(losses, "detach"):
            weights = self._solve(as_array(losses, "inf_loss"))
            return weights if self._device() is None else _tensor(weights, self._device())
        import torch

        values = losses.detach()
        if values.dtype not in (torch.float32, torch.float64):
            values = values.to(torch.float32)
        return _tensor(self._solve(values.cpu().numpy()), values.device)

    def _device(self) -> Any:
        """Where the parameters of the model are; None if it is no module of PyTorch."""
        torch = sys.modules.get("torch")
        if torch is None or not isinstance(self.NN_model, torch.nn.Module):
            return None
        return next((parameter.device for parameter in self.NN_model.parameters()), torch.device("cpu"))

    def _solve(self, losses: NDArray[Any]) -> NDArray[Any]:
        values = contiguous(losses, computing_dtype(losses.dtype, "inf_loss"))
        # A worst loss that is given keeps its own weight. What is not finite is for the solver to report.
        worst_loss = values.max(initial=-np.inf)
        solution = solve(
            values,
            self.α_choice,
            self.r_choice,
            ordering=self.learning_approach,
            worst_loss=worst_loss if np.isfinite(worst_loss) else None,
        )
        return np.append(solution.weights, rounded(np.array(solution.worst_weight), values.dtype))


def _tensor(weights: NDArray[Any], device: Any) -> Any:
    import torch

    return torch.from_numpy(weights).to(device)


@cache
def _pair_type() -> Any:
    """A tensor that can also be unpacked. Made at the first use, since that needs PyTorch."""
    import torch

    class PairOfLossAndWeights(torch.Tensor):
        # What is computed from it is a plain tensor again.
        __torch_function__ = torch._C._disabled_torch_function_impl

        def __iter__(self) -> Any:
            yield self.as_subclass(torch.Tensor)
            yield self._hr_weights()

        def __format__(self, specification: str) -> str:
            # PyTorch formats a tensor like its number only if it is exactly a Tensor.
            return format(self.item(), specification)

    return PairOfLossAndWeights


def _unpackable(loss: Any, weights: Callable[[], Any]) -> Any:
    pair = loss.as_subclass(_pair_type())
    pair._hr_weights = weights
    return pair
