"""PGD and FFGSM for JAX: pure functions of a key, tested against foolbox."""

from __future__ import annotations

from typing import Any, Callable, Optional

import jax
import jax.numpy as jnp
from jax import lax

from ._frameworks import check_attack, check_pixels, default_step_size, ffgsm_step_size

Array = Any

#: A gradient of this norm or less has no direction.
_TINY = 1e-10


def pgd(
    loss_fn: Callable[[Array, Any], Array],
    inputs: Array,
    targets: Any,
    key: Optional[Array],
    epsilon: Any,
    *,
    norm: str = "linf",
    steps: int = 10,
    step_size: Optional[float] = None,
    random_start: bool = True,
    bounds: tuple[float, float] = (0.0, 1.0),
    normalization: Optional[tuple[Any, Any]] = None,
) -> Array:
    """Projected gradient ascent on the loss of every sample, inside the ball around it and inside `bounds`.

    loss_fn: ``loss_fn(inputs, targets)`` must return one loss per sample; it knows the model's parameters.
    inputs: shape ``(n, ...)``. targets: whatever `loss_fn` takes.
    key: of ``jax.random``, for the random start; None without one.
    epsilon: radius of the ball, in the unit of the pixels; may be traced.
    norm: "l2" or "linf", of all dimensions of a sample together.
    steps, step_size: the default step is 2.5 epsilon / steps.
    random_start: start at a random point of the ball: uniform for "linf"; for "l2" a uniform direction and radius.
    bounds: the smallest and largest value of a pixel.
    normalization: ``(mean, std)``, which broadcast against `inputs`, if these are normalised: `epsilon` and `bounds`
        refer to ``inputs * std + mean``.

    Returns the attacked inputs, of the shape and normalisation of `inputs`, as constants: nothing is differentiated through
    the attack. Works under jit, vmap and scan.

    Raises ValueError for arguments out of range, for inputs outside of `bounds` (unless they are traced), for a missing key,
    and for a `loss_fn` that averages.

    Source: Madry et al., arXiv 1706.06083.
    """
    check_attack(epsilon, norm, steps, step_size, bounds)
    inputs = lax.stop_gradient(jnp.asarray(inputs))
    if not jnp.issubdtype(inputs.dtype, jnp.floating):
        raise ValueError(f"inputs must be floating-point numbers, but their dtype is {inputs.dtype}")
    mean, std = (0.0, 1.0) if normalization is None else (jnp.asarray(x, inputs.dtype) for x in normalization)
    pixels = inputs * std + mean
    if not isinstance(pixels, jax.core.Tracer) and pixels.size:
        check_pixels(float(pixels.min()), float(pixels.max()), bounds)
    step = default_step_size(epsilon, steps) if step_size is None else step_size
    per_sample = (inputs.shape[0],) + (1,) * (inputs.ndim - 1)

    def total(pixels: Array) -> Array:
        losses = loss_fn((pixels - mean) / std, targets)
        if losses.ndim == 0:
            raise ValueError("loss_fn returned a single number, but one loss per sample is needed: leave out jnp.mean")
        # The gradient of every sample's own loss is that of their sum.
        return losses.sum()

    def norms(x: Array) -> Array:
        return jnp.sqrt(jnp.sum(x.reshape(len(x), -1) ** 2, axis=1)).reshape(per_sample)

    def unit(x: Array) -> Array:
        return x / (norms(x) + _TINY)

    def project(change: Array) -> Array:
        if norm == "linf":
            return jnp.clip(change, -epsilon, epsilon)
        return change * jnp.minimum(epsilon / jnp.maximum(norms(change), _TINY), 1.0)

    def ascend(_: Any, attacked: Array) -> Array:
        gradient = jax.grad(total)(attacked)
        direction = unit(gradient) if norm == "l2" else jnp.sign(gradient)
        return jnp.clip(pixels + project(attacked + step * direction - pixels), *bounds).astype(pixels.dtype)

    start = jnp.zeros_like(pixels)
    if random_start:
        if key is None:
            raise ValueError("a random start needs a key of jax.random: pass one, or random_start=False")
        key_direction, key_radius = jax.random.split(key)
        if norm == "l2":
            radius = jax.random.uniform(key_radius, per_sample, pixels.dtype)
            start = unit(jax.random.normal(key_direction, pixels.shape, pixels.dtype)) * (radius * epsilon)
        else:
            start = jax.random.uniform(key_direction, pixels.shape, pixels.dtype, -1.0, 1.0) * epsilon
    start = jnp.clip(pixels + start, *bounds).astype(pixels.dtype)
    return lax.stop_gradient((lax.fori_loop(0, steps, ascend, start) - mean) / std)


def ffgsm(
    loss_fn: Callable[[Array, Any], Array],
    inputs: Array,
    targets: Any,
    key: Array,
    epsilon: Any,
    *,
    step_size: Optional[float] = None,
    bounds: tuple[float, float] = (0.0, 1.0),
    normalization: Optional[tuple[Any, Any]] = None,
) -> Array:
    """One signed gradient step from a uniformly random point of the l-infinity ball, projected onto the ball and `bounds`.

    step_size: 1.25 epsilon by default. Everything else is as in :func:`pgd`.

    Source: Wong, Rice, Kolter, arXiv 2001.03994.
    """
    return pgd(
        loss_fn,
        inputs,
        targets,
        key,
        epsilon,
        norm="linf",
        steps=1,
        step_size=ffgsm_step_size(epsilon, step_size),
        bounds=bounds,
        normalization=normalization,
    )
