"""PGD and FFGSM for PyTorch: small, and tested against torchattacks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Callable, Optional, Union

import torch
from torch import Tensor

from ._frameworks import check_attack, check_pixels, default_step_size, ffgsm_step_size

Numbers = Union[float, Sequence[float], Tensor]
Normalization = tuple[Numbers, Numbers]

#: A gradient of this norm or less has no direction.
_TINY = 1e-10


def pgd(
    model: Callable[[Tensor], Any],
    loss_fn: Callable[[Any, Any], Tensor],
    inputs: Tensor,
    targets: Any,
    epsilon: float,
    *,
    norm: str = "linf",
    steps: int = 10,
    step_size: Optional[float] = None,
    random_start: bool = True,
    bounds: tuple[float, float] = (0.0, 1.0),
    normalization: Optional[Normalization] = None,
) -> Tensor:
    """Projected gradient ascent on the loss of every sample, inside the ball around it and inside `bounds`.

    model, loss_fn: ``loss_fn(model(inputs), targets)`` must return one loss per sample.
    inputs: shape ``(n, ...)``. targets: whatever `loss_fn` takes.
    epsilon: radius of the ball, in the unit of the pixels.
    norm: "l2" or "linf", of all dimensions of a sample together.
    steps, step_size: the default step is 2.5 epsilon / steps.
    random_start: start at a random point of the ball: uniform for "linf"; for "l2" a uniform direction and radius.
    bounds: the smallest and largest value of a pixel.
    normalization: ``(mean, std)``, numbers or one per channel, if the inputs are normalised: `epsilon` and `bounds` refer to
        ``inputs * std + mean``.

    Returns the attacked inputs, detached, of the shape and normalisation of `inputs`. The model is in evaluation mode
    meanwhile, and its parameters get no gradient.

    Raises ValueError for inputs outside of `bounds`, for arguments out of range, and for a `loss_fn` that averages;
    RuntimeError in inference mode.

    Source: Madry et al., arXiv 1706.06083.
    """
    check_attack(epsilon, norm, steps, step_size, bounds)
    pixels, to_model = _pixels(inputs, bounds, normalization)
    step = default_step_size(epsilon, steps) if step_size is None else step_size
    project = _project_l2 if norm == "l2" else _project_linf
    start = torch.zeros_like(pixels)
    if random_start and norm == "l2":
        radius = torch.rand(_per_sample(pixels), dtype=pixels.dtype, device=pixels.device)
        start = _unit(torch.randn_like(pixels)) * (radius * epsilon)
    elif random_start:
        start = torch.empty_like(pixels).uniform_(-epsilon, epsilon)
    with _evaluation(model):
        attacked = (pixels + start).clamp(*bounds)
        for _ in range(steps):
            gradient = _gradient(model, loss_fn, attacked, targets, to_model)
            direction = _unit(gradient) if norm == "l2" else gradient.sign()
            attacked = (pixels + project(attacked + step * direction - pixels, epsilon)).clamp(*bounds)
    return to_model(attacked)


def ffgsm(
    model: Callable[[Tensor], Any],
    loss_fn: Callable[[Any, Any], Tensor],
    inputs: Tensor,
    targets: Any,
    epsilon: float,
    *,
    step_size: Optional[float] = None,
    bounds: tuple[float, float] = (0.0, 1.0),
    normalization: Optional[Normalization] = None,
) -> Tensor:
    """One signed gradient step from a uniformly random point of the l-infinity ball, projected onto the ball and `bounds`.

    step_size: 1.25 epsilon by default. Everything else is as in :func:`pgd`.

    Source: Wong, Rice, Kolter, arXiv 2001.03994.
    """
    return pgd(
        model,
        loss_fn,
        inputs,
        targets,
        epsilon,
        norm="linf",
        steps=1,
        step_size=ffgsm_step_size(epsilon, step_size),
        bounds=bounds,
        normalization=normalization,
    )


def _pixels(
    inputs: Tensor, bounds: tuple[float, float], normalization: Optional[Normalization]
) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """The inputs in the unit of pixels, and the way back to what the model takes."""
    if torch.is_inference_mode_enabled():
        raise RuntimeError(
            "an attack needs gradients in the inputs: use torch.no_grad() in place of torch.inference_mode()"
        )
    if not inputs.dtype.is_floating_point:
        raise ValueError(f"inputs must be floating-point numbers, but their dtype is {inputs.dtype}")
    pixels = inputs.detach()

    def to_model(pixels: Tensor) -> Tensor:
        return pixels

    if normalization is not None:
        mean, std = (_per_channel(numbers, inputs) for numbers in normalization)
        pixels = pixels * std + mean

        def to_model(pixels: Tensor) -> Tensor:
            return (pixels - mean) / std

    if pixels.numel():
        low, high = torch.stack(torch.aminmax(pixels)).tolist()
        check_pixels(low, high, bounds)
    return pixels, to_model


def _per_channel(numbers: Numbers, inputs: Tensor) -> Tensor:
    values = torch.as_tensor(numbers, dtype=inputs.dtype, device=inputs.device)
    return values if values.dim() == 0 else values.reshape(1, -1, *[1] * (inputs.dim() - 2))


def _gradient(
    model: Callable[[Tensor], Any],
    loss_fn: Callable[[Any, Any], Tensor],
    pixels: Tensor,
    targets: Any,
    to_model: Callable[[Tensor], Tensor],
) -> Tensor:
    """The gradient of every sample's own loss: that of their sum."""
    with torch.enable_grad():
        pixels = pixels.detach().requires_grad_()
        losses = loss_fn(model(to_model(pixels)), targets)
        if losses.dim() == 0:
            raise ValueError(
                'loss_fn returned a single number, but one loss per sample is needed: pass reduction="none"'
            )
        (gradient,) = torch.autograd.grad(losses.sum(), pixels)
    return gradient


@contextmanager
def _evaluation(model: Any) -> Iterator[None]:
    """Evaluation mode, and then for every module the mode that it had."""
    modes = [(module, module.training) for module in model.modules()] if isinstance(model, torch.nn.Module) else []
    try:
        if modes:
            model.eval()
        yield
    finally:
        for module, training in modes:
            module.training = training


def _per_sample(tensor: Tensor) -> tuple[int, ...]:
    return (tensor.shape[0],) + (1,) * (tensor.dim() - 1)


def _norms(tensor: Tensor) -> Tensor:
    return tensor.flatten(1).norm(dim=1).reshape(_per_sample(tensor))


def _unit(tensor: Tensor) -> Tensor:
    return tensor / (_norms(tensor) + _TINY)


def _project_l2(change: Tensor, epsilon: float) -> Tensor:
    return change * (epsilon / _norms(change).clamp(min=_TINY)).clamp(max=1.0)


def _project_linf(change: Tensor, epsilon: float) -> Tensor:
    return change.clamp(-epsilon, epsilon)
