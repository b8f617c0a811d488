"""A small problem of classification and a network for it, of any back end of Keras."""

import keras
import numpy as np


def data(n=96):
    """Images, shape (n, 6), and labels, shape (n,), 0 or 1."""
    rng = np.random.default_rng(0)
    images = rng.random((n, 6)).astype(np.float32)
    return images, (images.sum(1) > 3).astype(np.int32)


def network(seed=0):
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    return keras.Sequential(
        [layers.Input((6,)), layers.Dense(8, "tanh"), layers.BatchNormalization(), layers.Dense(2, "softmax")]
    )
