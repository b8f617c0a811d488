"""Trains a network in JAX on real handwritten digits of which a quarter is labelled wrongly.

    pip install "./bindings/python[plot,jax]"
    python bindings/python/examples/jax_digits.py

Once with the plain average of the losses and once with HR learning on attacked images. Prints what both score on test
images with true labels, as they are and attacked, and writes jax_digits.png: the losses over the training, and the weights
of the training images. The rest of the page is in _page.py.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from _page import BATCH, CLASSES, HIDDEN, Training, run

from hr_weights import jax as hrj


def scores(parameters: Any, images: Any) -> Any:
    w, b, v, c = parameters
    return jax.nn.relu(images @ w + b) @ v + c


def per_sample(parameters: Any, images: Any, labels: Any) -> Any:
    """The cross-entropy of each image."""
    return -jnp.take_along_axis(jax.nn.log_softmax(scores(parameters, images)), labels[:, None], 1)[:, 0]


def train(training: Training, images: Any, labels: Any) -> Any:
    first, second, key = jax.random.split(jax.random.key(training.seed), 3)
    parameters = (
        jax.random.normal(first, (64, HIDDEN)) * 0.18,
        jnp.zeros(HIDDEN),
        jax.random.normal(second, (HIDDEN, CLASSES)) * 0.18,
        jnp.zeros(CLASSES),
    )

    @jax.jit  # type: ignore[untyped-decorator]
    def step(parameters: Any, momentum: Any, x: Any, y: Any, key: Any) -> Any:
        if training.epsilon > 0:
            x = attack(parameters, x, y, training.epsilon, key, steps=3)

        def loss(parameters: Any) -> Any:
            # In place of jnp.mean.
            return hrj.robust_loss(per_sample(parameters, x, y), training.alpha, training.r)

        value, gradient = jax.value_and_grad(loss)(parameters)
        momentum = jax.tree.map(lambda m, g: 0.9 * m + g, momentum, gradient)
        return jax.tree.map(lambda p, m: p - 0.05 * m, parameters, momentum), momentum, value

    momentum = jax.tree.map(jnp.zeros_like, parameters)
    rng = np.random.default_rng(training.seed)
    for _ in range(training.epochs):
        losses = []
        for batch in rng.permutation(len(images)).reshape(-1, BATCH):
            key, own = jax.random.split(key)
            parameters, momentum, value = step(parameters, momentum, images[batch], labels[batch], own)
            losses.append(float(value))
        training.report(losses)
    return parameters


def attack(parameters: Any, images: Any, labels: Any, epsilon: float, key: Any, steps: int = 10) -> Any:
    def losses(x: Any, y: Any) -> Any:
        return per_sample(parameters, x, y)

    return hrj.pgd(losses, images, labels, key, epsilon, norm="linf", steps=steps)


def evaluate(parameters: Any, images: Any, labels: Any) -> Any:
    return np.asarray(per_sample(parameters, images, labels)), np.asarray(scores(parameters, images).argmax(1))


if __name__ == "__main__":
    run("JAX", train, evaluate, partial(attack, key=jax.random.key(1)))
