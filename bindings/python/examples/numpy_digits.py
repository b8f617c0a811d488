"""Trains a network in plain NumPy on real handwritten digits of which a quarter is labelled wrongly.

    pip install "hr-weights[plot]"
    python numpy_digits.py

Once with the plain average of the losses and once with HR weights. The one line in which they differ is in `train_step`.
Prints what both score on images that they have not seen, and writes numpy_digits.png.

What to look for: the loss that a training minimises is a prediction of the loss on new data. The plain one is too good,
more so with every epoch; the robust one stays above, until the network knows its sample by heart (`--epochs 600`), and even
then is closer. The price is the average on true labels: robust weights look at the worst losses, and most of these belong to
wrong labels.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import hr_weights as hrw

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

TRAIN, WRONG, CLASSES, HIDDEN, BATCH = 1000, 0.25, 10, 64, 128


class Data:
    """Images in [0, 1], the labels that the training is given, and which of them are wrong."""

    def __init__(self, path: Path, seed: int) -> None:
        table = np.loadtxt(path, delimiter=",", dtype=np.int64)
        rng = np.random.default_rng(seed)
        rng.shuffle(table)
        self.images = (table[:, :-1] / 16).astype(np.float32)
        self.true_labels = table[:, -1]
        self.wrong = rng.random(len(table)) < WRONG
        other = (self.true_labels + rng.integers(1, CLASSES, len(table))) % CLASSES
        self.labels = np.where(self.wrong, other, self.true_labels)


class Network:
    """64 pixels, one hidden layer of rectified units, softmax; trained by Adam."""

    def __init__(self, pixels: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        sizes = [(pixels, HIDDEN), (HIDDEN, CLASSES)]
        self.parameters: list[Floats] = []
        for inputs, outputs in sizes:
            self.parameters.append(rng.normal(0, np.sqrt(2 / inputs), (inputs, outputs)).astype(np.float32))
            self.parameters.append(np.zeros(outputs, np.float32))
        self.mean = [np.zeros_like(p) for p in self.parameters]
        self.square = [np.zeros_like(p) for p in self.parameters]
        self.steps = 0

    def forward(self, images: Floats) -> tuple[Floats, Floats]:
        """The hidden units and the logarithms of the class probabilities."""
        w1, b1, w2, b2 = self.parameters
        hidden = np.maximum(images @ w1 + b1, 0)
        scores = hidden @ w2 + b2
        scores -= scores.max(axis=1, keepdims=True)
        return hidden, scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))

    def losses(self, images: Floats, labels: Integers) -> Floats:
        """Cross-entropy, one per sample."""
        losses: Floats = -self.forward(images)[1][np.arange(len(labels)), labels]
        return losses

    def train_step(self, images: Floats, labels: Integers, alpha: float, r: float) -> float:
        """One step down the gradient of sum(weights * losses), the weights taken as constants. Returns that sum."""
        hidden, logarithms = self.forward(images)
        rows = np.arange(len(labels))
        losses = -logarithms[rows, labels]

        weights = hrw.weights(losses, alpha, r)  # in place of 1/n

        slope = np.exp(logarithms)
        slope[rows, labels] -= 1
        slope *= weights[:, np.newaxis]
        below = (slope @ self.parameters[2].T) * (hidden > 0)
        self._descend([images.T @ below, below.sum(axis=0), hidden.T @ slope, slope.sum(axis=0)])
        return float(weights @ losses)

    def _descend(self, gradient: list[Floats], rate: float = 1e-3) -> None:
        self.steps += 1
        scale = rate * np.sqrt(1 - 0.999**self.steps) / (1 - 0.9**self.steps)
        for p, g, mean, square in zip(self.parameters, gradient, self.mean, self.square):
            mean += 0.1 * (g - mean)
            square += 0.001 * (g * g - square)
            p -= (scale * mean / (np.sqrt(square) + 1e-8)).astype(np.float32)


def train(
    data: Data, alpha: float, r: float, epochs: int, seed: int, name: str
) -> tuple[Network, dict[str, list[float]]]:
    """A training, and per epoch the loss that it minimised and the loss on new images labelled as badly."""
    network = Network(data.images.shape[1], seed)
    rng = np.random.default_rng(seed)
    curves: dict[str, list[float]] = {"training": [], "new data": []}
    for epoch in range(epochs):
        order = rng.permutation(TRAIN)
        batches = [order[i : i + BATCH] for i in range(0, TRAIN, BATCH)]
        sums = [network.train_step(data.images[b], data.labels[b], alpha, r) * len(b) for b in batches]
        curves["training"].append(sum(sums) / TRAIN)
        curves["new data"].append(float(network.losses(data.images[TRAIN:], data.labels[TRAIN:]).mean()))
        progress(name, epoch + 1, epochs, curves["training"][-1])
    return network, curves


def progress(name: str, done: int, of: int, loss: float) -> None:
    if sys.stderr.isatty() or done == of:
        bar = "#" * (30 * done // of)
        print(f"\r{name:12} [{bar:30}] {done}/{of}  loss {loss:.3f}", end="\n" if done == of else "", file=sys.stderr)


def plot(path: Path, data: Data, trainings: dict[str, Any], alpha: float, r: float) -> None:
    from matplotlib.figure import Figure

    from hr_weights.plot import loss_curves, weights_against_losses

    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    curves = {f"{name}, {which}": values for name, (_, both) in trainings.items() for which, values in both.items()}
    loss_curves(curves, left)
    network = trainings[next(reversed(trainings))][0]
    batch = slice(0, 2 * BATCH)
    losses = network.losses(data.images[batch], data.labels[batch])
    weights_against_losses(
        losses, hrw.weights(losses, alpha, r), data.wrong[batch], ("right label", "wrong label"), right
    )
    figure.savefig(path, dpi=120)
    print(f"wrote {path}")


def main() -> None:
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description="Plain and HR training in NumPy, on digits with wrong labels")
    parser.add_argument(
        "--data", type=Path, default=here.parents[1] / "data" / "digits.csv", help="64 pixels and a digit per line"
    )
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--alpha", type=float, default=0.05, help="poisoned fraction to guard against")
    parser.add_argument("--r", type=float, default=0.1, help="sampling error to guard against, in nats")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plot", type=Path, default=Path("numpy_digits.png"))
    arguments = parser.parse_args()

    data = Data(arguments.data, arguments.seed)
    budgets = {"plain": (0.0, 0.0), f"HR({arguments.alpha:g}, {arguments.r:g})": (arguments.alpha, arguments.r)}
    trainings = {name: train(data, *b, arguments.epochs, arguments.seed, name) for name, b in budgets.items()}

    print(f"\n{'':12} {'training loss':>14} {'loss on new data':>17} {'true labels: loss':>18} {'accuracy':>9}")
    test, labels = data.images[TRAIN:], data.true_labels[TRAIN:]
    for name, (network, curves) in trainings.items():
        accuracy = float((network.forward(test)[1].argmax(axis=1) == labels).mean())
        clean = float(network.losses(test, labels).mean())
        print(f"{name:12} {curves['training'][-1]:14.3f} {curves['new data'][-1]:17.3f} {clean:18.3f} {accuracy:9.1%}")
    plot(arguments.plot, data, trainings, arguments.alpha, arguments.r)


if __name__ == "__main__":
    main()
