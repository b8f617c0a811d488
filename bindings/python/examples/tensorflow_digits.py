"""Trains a network in Keras on real handwritten digits of which a quarter is labelled wrongly.

    pip install "hr-weights[plot,tensorflow]"
    python tensorflow_digits.py

Once with the plain average of the losses and once with HR learning on attacked images. Prints what both score on test
images with true labels, as they are and attacked, and writes tensorflow_digits.png: the losses over the training, and
the weights of the training images.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from hr_weights import tensorflow as hrt
from hr_weights.plot import loss_curves, weights_against_losses

TRAIN, WRONG, BATCH, HIDDEN, EPSILON = 1000, 0.25, 125, 64, 0.05


def load(path: Path, seed: int) -> tuple[Any, Any, Any]:
    """Images in [0, 1], the labels that the training is given, and the true ones."""
    table = np.loadtxt(path, delimiter=",", dtype=np.int64)
    rng = np.random.default_rng(seed)
    rng.shuffle(table)
    images, true = (table[:, :-1] / 16).astype(np.float32), table[:, -1]
    wrong = rng.random(len(true)) < WRONG
    return images, np.where(wrong, (true + rng.integers(1, 10, len(true))) % 10, true), true


def progress(name: str, done: int, of: int, loss: float) -> None:
    if sys.stderr.isatty() or done == of:
        bar = "#" * (30 * done // of)
        print(f"\r{name:6} [{bar:30}] {done}/{of}  loss {loss:.3f}", end="\n" if done == of else "", file=sys.stderr)


def train(
    images: Any, labels: Any, budgets: tuple[float, float, float], epochs: int, seed: int, name: str
) -> tuple[Any, list[float]]:
    """A trained model, and the loss that each epoch minimised."""
    tf.keras.utils.set_random_seed(seed)
    layers = tf.keras.layers
    model = tf.keras.Sequential([layers.Input((64,)), layers.Dense(HIDDEN, "relu"), layers.Dense(10, "softmax")])
    alpha, r, epsilon = budgets
    robust = hrt.HRModel(model, epsilon, norm="linf", steps=3)  # leave it out, and compile the model, for no attack
    robust.compile(tf.keras.optimizers.Adam(3e-3), loss=hrt.HRLoss("sparse_categorical_crossentropy", alpha, r))
    show = tf.keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: progress(name, epoch + 1, epochs, logs["loss"])
    )
    history = robust.fit(images, labels, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=[show])
    return model, history.history["loss"]


def accuracies(model: Any, images: Any, labels: Any) -> tuple[float, float]:
    """Of the images as they are, and attacked."""
    inputs = tf.constant(images)
    both = (inputs, hrt.pgd(model, tf.keras.losses.sparse_categorical_crossentropy, inputs, labels, EPSILON))
    clean, attacked = (float((model(x).numpy().argmax(1) == labels).mean()) for x in both)
    return clean, attacked


def weigh(model: Any, images: Any, labels: Any, alpha: float, r: float) -> tuple[Any, Any]:
    losses = tf.keras.losses.sparse_categorical_crossentropy(labels, model(images))
    return losses.numpy(), hrt.weights(losses, alpha, r).numpy()


def plot(path: Path, curves: dict[str, Any], losses: Any, weights: Any, wrong: Any) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    loss_curves(curves, left)
    weights_against_losses(losses, weights, wrong, ("right label", "wrong label"), right)
    figure.savefig(path, dpi=120)
    print(f"wrote {path}")


def main() -> None:
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description="Plain and HR training in Keras, on digits with wrong labels")
    parser.add_argument("--data", type=Path, default=here.parents[1] / "data" / "digits.csv")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--alpha", type=float, default=0.05, help="poisoned fraction to guard against")
    parser.add_argument("--r", type=float, default=0.1, help="sampling error to guard against, in nats")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plot", type=Path, default=Path("tensorflow_digits.png"))
    arguments = parser.parse_args()
    images, labels, true = load(arguments.data, arguments.seed)
    alpha, r = arguments.alpha, arguments.r
    curves: dict[str, Any] = {}
    for name, budgets in {"plain": (0.0, 0.0, 0.0), "HR": (alpha, r, EPSILON)}.items():
        model, curves[name] = train(images[:TRAIN], labels[:TRAIN], budgets, arguments.epochs, arguments.seed, name)
        clean, attacked = accuracies(model, images[TRAIN:], true[TRAIN:])
        print(f"{name:6} accuracy on true labels {clean:.1%}, attacked {attacked:.1%}")
    losses, weights = weigh(model, images[:TRAIN], labels[:TRAIN], alpha, r)
    plot(arguments.plot, curves, losses, weights, (labels != true)[:TRAIN])


if __name__ == "__main__":
    main()
