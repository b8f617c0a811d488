"""Trains a network in Keras on real handwritten digits of which a quarter is labelled wrongly.

    pip install "./bindings/python[plot,tensorflow]"
    python bindings/python/examples/tensorflow_digits.py

Once with the plain average of the losses and once with HR learning on attacked images. Prints what both score on test
images with true labels, as they are and attacked, and writes tensorflow_digits.png: the losses over the training, and
the weights of the training images. The rest of the page is in _page.py.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from _page import BATCH, CLASSES, HIDDEN, Training, run

from hr_weights import tensorflow as hrt

LOSS = tf.keras.losses.sparse_categorical_crossentropy


def train(training: Training, images: Any, labels: Any) -> Any:
    tf.keras.utils.set_random_seed(training.seed)
    layers = tf.keras.layers
    model = tf.keras.Sequential([layers.Input((64,)), layers.Dense(HIDDEN, "relu"), layers.Dense(CLASSES, "softmax")])
    show = tf.keras.callbacks.LambdaCallback(on_epoch_end=lambda _, logs: training.report([logs["loss"]]))

    loss = hrt.HRLoss("sparse_categorical_crossentropy", training.alpha, training.r)  # in place of the name alone
    robust = hrt.HRModel(model, training.epsilon, norm="linf", steps=3)  # without it, nothing is attacked

    robust.compile(tf.keras.optimizers.Adam(3e-3), loss=loss)
    robust.fit(images, labels, batch_size=BATCH, epochs=training.epochs, verbose=0, callbacks=[show])
    return model


def evaluate(model: Any, images: Any, labels: Any) -> Any:
    probabilities = model(images)
    return LOSS(labels, probabilities).numpy(), probabilities.numpy().argmax(1)


def attack(model: Any, images: Any, labels: Any, epsilon: float) -> Any:
    return hrt.pgd(model, LOSS, tf.constant(images), labels, epsilon, norm="linf").numpy()


if __name__ == "__main__":
    run("Keras", train, evaluate, attack)
