"""What the pages beside this file share: the digits with wrong labels, the command line, the progress bar and the plot."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

import hr_weights as hrw

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

TRAIN, WRONG, CLASSES, HIDDEN, BATCH = 1000, 0.25, 10, 64, 125
#: How much an attack may change a pixel.
EPSILON = 0.05


class Digits:
    """Images in [0, 1], the labels that the training is given, the true ones, and where they differ."""

    def __init__(self, path: Path, seed: int) -> None:
        table = np.loadtxt(path, delimiter=",", dtype=np.int64)
        rng = np.random.default_rng(seed)
        rng.shuffle(table)
        self.images: Floats = (table[:, :-1] / 16).astype(np.float32)
        self.true: Integers = table[:, -1]
        self.wrong = rng.random(len(table)) < WRONG
        other = (self.true + rng.integers(1, CLASSES, len(table))) % CLASSES
        self.labels: Integers = np.where(self.wrong, other, self.true)


@dataclass
class Training:
    """One training: its budgets, its length, and the loss that each epoch minimised."""

    name: str
    alpha: float
    r: float
    epsilon: float
    epochs: int
    seed: int
    curve: list[float] = field(default_factory=list)

    def report(self, losses: Sequence[float]) -> None:
        """To be called after each epoch with the losses of its batches."""
        self.curve.append(float(np.mean(losses)))
        done = len(self.curve)
        if sys.stderr.isatty() or done == self.epochs:
            bar, end = "#" * (30 * done // self.epochs), "\n" if done == self.epochs else ""
            text = f"\r{self.name:13} [{bar:30}] {done}/{self.epochs}  loss {self.curve[-1]:.3f}"
            print(text, end=end, file=sys.stderr, flush=True)


def command_line(framework: str, epochs: int) -> Any:
    """The arguments of a page, and its data."""
    parser = argparse.ArgumentParser(description=f"Plain and HR training in {framework}, on digits with wrong labels")
    data = Path(__file__).resolve().parents[2] / "data" / "digits.csv"
    picture = Path(sys.argv[0]).with_suffix(".png").name
    parser.add_argument("--data", type=Path, default=data, help="64 pixels and a digit per line")
    parser.add_argument("--epochs", type=int, default=epochs, help=f"passes over the data, {epochs}")
    parser.add_argument("--alpha", type=float, default=0.05, help="poisoned fraction to guard against, 0.05")
    parser.add_argument("--r", type=float, default=0.1, help="sampling error to guard against, in nats, 0.1")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plot", type=Path, default=Path(picture), help=f"where to draw, {picture}")
    return parser.parse_args()


def run(
    framework: str,
    train: Callable[[Training, Floats, Integers], Any],
    evaluate: Callable[[Any, Floats, Integers], tuple[Floats, Integers]],
    attack: Callable[[Any, Floats, Integers, float], Floats],
) -> None:
    """Trains plainly and by HR, prints what both score on new images with true labels, and draws.

    train: a training, images and labels to a model. evaluate: the losses of a model, and the digits that it sees.
    attack: the images moved to where the losses of a model are larger, each pixel by at most the last argument.
    """
    arguments = command_line(framework, epochs=40)
    digits = Digits(arguments.data, arguments.seed)
    known, new = slice(0, TRAIN), slice(TRAIN, None)
    budgets = {"plain": (0.0, 0.0, 0.0), "HR": (arguments.alpha, arguments.r, EPSILON)}
    trainings = [Training(name, *values, arguments.epochs, arguments.seed) for name, values in budgets.items()]
    for training in trainings:
        model = train(training, digits.images[known], digits.labels[known])
        images, true = digits.images[new], digits.true[new]
        accuracies = [
            float(np.mean(evaluate(model, x, true)[1] == true)) for x in (images, attack(model, images, true, EPSILON))
        ]
        print("{:13} accuracy on true labels {:.1%}, attacked {:.1%}".format(training.name, *accuracies))
    losses, _ = evaluate(model, digits.images[known], digits.labels[known])
    weights = hrw.weights(losses, arguments.alpha, arguments.r)
    plot(arguments.plot, {t.name: t.curve for t in trainings}, losses, weights, digits.wrong[known])


def plot(path: Path, curves: Mapping[str, Sequence[float]], losses: Any, weights: Any, wrong: Any) -> None:
    """Draws the losses over the training, and the weights of images against their losses."""
    from matplotlib.figure import Figure

    from hr_weights.plot import loss_curves, weights_against_losses

    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    loss_curves(curves, left)
    weights_against_losses(losses, weights, wrong, ("right label", "wrong label"), right)
    figure.savefig(path, dpi=120)
    print(f"wrote {path}")
