"""Trains a network in plain NumPy on real handwritten digits of which a quarter is labelled wrongly.

    pip install "./bindings/python[plot]"
    python bindings/python/examples/numpy_digits.py

Once with the plain average of the losses and once with HR weights. The one line in which they differ is in `train_step`.
Prints what both score on images that they have not seen, and writes numpy_digits.png. The data, the command line and the
plot are in _page.py.

What to look for: the loss that a training minimises is a prediction of the loss on new data. The plain one is too good,
more so with every epoch; the robust one stays above, until the network knows its sample by heart (`--epochs 600`), and even
then is closer. The price is the average on true labels: robust weights look at the worst losses, and most of these belong to
wrong labels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from _page import BATCH, CLASSES, HIDDEN, TRAIN, Digits, Floats, Integers, Training, command_line, plot

import hr_weights as hrw


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


def train(training: Training, digits: Digits) -> tuple[Network, list[float]]:
    """A network, and per epoch its loss on new images labelled as badly."""
    network = Network(digits.images.shape[1], training.seed)
    rng = np.random.default_rng(training.seed)
    new_data: list[float] = []
    for _ in range(training.epochs):
        batches = rng.permutation(TRAIN).reshape(-1, BATCH)
        losses = [
            network.train_step(digits.images[b], digits.labels[b], training.alpha, training.r) for b in batches
        ]
        new_data.append(float(network.losses(digits.images[TRAIN:], digits.labels[TRAIN:]).mean()))
        training.report(losses)
    return network, new_data


def main() -> None:
    arguments = command_line("NumPy", epochs=100)
    digits = Digits(arguments.data, arguments.seed)
    alpha, r = arguments.alpha, arguments.r
    test, true = digits.images[TRAIN:], digits.true[TRAIN:]
    curves: dict[str, Any] = {}
    lines = []
    for name, budgets in {"plain": (0.0, 0.0), f"HR({alpha:g}, {r:g})": (alpha, r)}.items():
        training = Training(name, *budgets, 0.0, arguments.epochs, arguments.seed)
        network, new_data = train(training, digits)
        curves.update({f"{name}, training": training.curve, f"{name}, new data": new_data})
        accuracy = float(np.mean(network.forward(test)[1].argmax(axis=1) == true))
        clean = float(network.losses(test, true).mean())
        lines.append(f"{name:13} {training.curve[-1]:14.3f} {new_data[-1]:17.3f} {clean:18.3f} {accuracy:9.1%}")
    print(f"\n{'':13} {'training loss':>14} {'loss on new data':>17} {'true labels: loss':>18} {'accuracy':>9}")
    print(*lines, sep="\n")
    losses = network.losses(digits.images[:TRAIN], digits.labels[:TRAIN])
    plot(arguments.plot, curves, losses, hrw.weights(losses, alpha, r), digits.wrong[:TRAIN])


if __name__ == "__main__":
    main()
