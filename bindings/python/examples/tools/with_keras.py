"""Keras 3 on TensorFlow, JAX or PyTorch: the loss of `compile`. The back end is the one that KERAS_BACKEND names.

pip install ./bindings/python keras jax
KERAS_BACKEND=jax python bindings/python/examples/tools/with_keras.py
"""

from __future__ import annotations

from typing import Any

import keras
from _digits import CLASSES, compare

from hr_weights.keras import HRLoss


def train(images: Any, labels: Any, alpha: float, r: float) -> Any:
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential([layers.Input((64,)), layers.Dense(64, "relu"), layers.Dense(CLASSES)])
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    model.compile(keras.optimizers.Adam(3e-3), loss=HRLoss(cross_entropy, alpha, r))
    model.fit(images, labels, batch_size=128, epochs=20, verbose=0)
    return lambda images: model.predict(images, verbose=0)


if __name__ == "__main__":
    compare(f"Keras, {keras.backend.backend()}", train)
