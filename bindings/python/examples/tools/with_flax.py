"""Optax with Flax NNX: the robust loss of the batch inside of `nnx.value_and_grad`.

pip install "./bindings/python[jax]" flax optax
python bindings/python/examples/tools/with_flax.py
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import optax
from _digits import CLASSES, compare
from flax import nnx

from hr_weights.jax import robust_loss


class Network(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.first = nnx.Linear(64, 64, rngs=rngs)
        self.second = nnx.Linear(64, CLASSES, rngs=rngs)

    def __call__(self, images: Any) -> Any:
        return self.second(jax.nn.relu(self.first(images)))


@nnx.jit
def step(model: Any, optimizer: Any, images: Any, labels: Any, alpha: Any, r: Any) -> Any:
    def loss(model: Any) -> Any:
        losses = optax.softmax_cross_entropy_with_integer_labels(model(images), labels)
        return robust_loss(losses, alpha, r)

    value, gradient = nnx.value_and_grad(loss)(model)
    optimizer.update(model, gradient)
    return value


def train(images: Any, labels: Any, alpha: float, r: float) -> Any:
    model = Network(nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, optax.adam(3e-3), wrt=nnx.Param)
    rng = np.random.default_rng(0)
    for _ in range(20):
        # Batches of one size are compiled once.
        for batch in rng.permutation(len(images))[: len(images) // 128 * 128].reshape(-1, 128):
            step(model, optimizer, images[batch], labels[batch], alpha, r)
    return lambda images: np.asarray(model(images))


if __name__ == "__main__":
    compare("Flax", train)
