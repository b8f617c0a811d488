"""PGD and FFGSM for TensorFlow: small, and tested against foolbox."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable, Optional, Union

import tensorflow as tf

from ._frameworks import check_attack, check_pixels, default_step_size, ffgsm_step_size

Tensor = Any
Numbers = Union[float, Sequence[float], Tensor]
Normalization = tuple[Numbers, Numbers]

#: A gradient of this norm or less has no direction.
_TINY = 1e-10


@tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
def pgd(
    model: Callable[..., Any],
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

    model, loss_fn: ``loss_fn(targets, model(inputs))`` must return one loss per sample. (The order is Keras'.) A Keras
        model is called with ``training=False``.
    inputs: shape ``(n, ...)``. targets: whatever `loss_fn` takes.
    epsilon: radius of the ball, in the unit of the pixels.
    norm: "l2" or "linf", of all dimensions of a sample together.
    steps, step_size: the default step is 2.5 epsilon / steps.
    random_start: start at a random point of the ball: uniform for "linf"; for "l2" a uniform direction and radius.
    bounds: the smallest and largest value of a pixel.
    normalization: ``(mean, std)``, which broadcast against `inputs` (so per channel, where channels are last), if these
        are normalised: `epsilon` and `bounds` refer to ``inputs * std + mean``.

    Returns the attacked inputs, of the shape and normalisation of `inputs`, as constants. Works eagerly, in graphs and under
    ``jit_compile=True``.

    Raises ValueError for arguments out of range, for inputs outside of `bounds` (when eager), and for a `loss_fn` that
    averages.

    Source: Madry et al., arXiv 1706.06083.
    """
    check_attack(epsilon, norm, steps, step_size, bounds)
    inputs = tf.stop_gradient(tf.convert_to_tensor(inputs))
    if not inputs.dtype.is_floating:
        raise ValueError(f"inputs must be floating-point numbers, but their dtype is {inputs.dtype.name}")
    mean, std = (0.0, 1.0) if normalization is None else (tf.cast(x, inputs.dtype) for x in normalization)
    pixels = inputs * std + mean
    if tf.executing_eagerly() and pixels.shape.num_elements():
        check_pixels(float(tf.reduce_min(pixels)), float(tf.reduce_max(pixels)), bounds)
    step = default_step_size(epsilon, steps) if step_size is None else step_size
    axes = tuple(range(1, len(inputs.shape)))
    options = {"training": False} if isinstance(model, tf.keras.Model) else {}

    def gradient(pixels: Tensor) -> Tensor:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(pixels)
            losses = loss_fn(targets, model((pixels - mean) / std, **options))
            if losses.shape.rank == 0:
                raise ValueError(
                    'loss_fn returned a single number, but one loss per sample is needed: pass reduction="none"'
                )
        # The gradient of every sample's own loss: that of their sum.
        return tape.gradient(losses, pixels)

    def norms(x: Tensor) -> Tensor:
        return tf.sqrt(tf.reduce_sum(x * x, axis=axes, keepdims=True))

    def unit(x: Tensor) -> Tensor:
        return x / (norms(x) + _TINY)

    def project(change: Tensor) -> Tensor:
        if norm == "linf":
            return tf.clip_by_value(change, -epsilon, epsilon)
        return change * tf.minimum(epsilon / tf.maximum(norms(change), _TINY), 1.0)

    start = tf.zeros_like(pixels)
    if random_start and norm == "l2":
        radius = tf.random.uniform(tf.shape(norms(pixels)), dtype=pixels.dtype)
        start = unit(tf.random.normal(tf.shape(pixels), dtype=pixels.dtype)) * (radius * epsilon)
    elif random_start:
        start = tf.random.uniform(tf.shape(pixels), -1.0, 1.0, dtype=pixels.dtype) * epsilon
    attacked = tf.clip_by_value(pixels + start, *bounds)
    for _ in range(steps):
        slope = gradient(attacked)
        direction = unit(slope) if norm == "l2" else tf.sign(slope)
        attacked = tf.clip_by_value(pixels + project(attacked + step * direction - pixels), *bounds)
    return tf.stop_gradient(tf.ensure_shape((attacked - mean) / std, inputs.shape))


@tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
def ffgsm(
    model: Callable[..., Any],
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
