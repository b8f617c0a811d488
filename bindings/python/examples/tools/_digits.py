"""What the recipes beside this file share: digits of which two are rare in training, and a comparison of two trainings."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

import hr_weights as hrw

DATA = Path(__file__).resolve().parents[3] / "data" / "digits.csv"
CLASSES, TRAIN, KEPT = 10, 1000, 0.1
#: The digits of which training has one in ten, and what comes later all.
RARE = (3, 8)
ALPHA, R = 0.05, 0.3

Images = NDArray[np.float32]
Labels = NDArray[np.int64]
#: Of images, shape (n, 64), the scores of the digits, shape (n, 10): what the softmax is taken of.
Scores = Callable[[Images], NDArray[Any]]


def digits() -> tuple[Images, Labels, Images, Labels]:
    """Images in [0, 1] and labels: to train with, and new ones."""
    table = np.loadtxt(DATA, delimiter=",", dtype=np.int64)
    rng = np.random.default_rng(0)
    rng.shuffle(table)
    kept = ~np.isin(table[:TRAIN, -1], RARE) | (rng.random(TRAIN) < KEPT)
    train, new = table[:TRAIN][kept], table[TRAIN:]
    images, new_images = ((rows[:, :-1] / 16).astype(np.float32) for rows in (train, new))
    return images, train[:, -1], new_images, new[:, -1]


def cross_entropy(scores: Any, labels: Labels) -> NDArray[np.float64]:
    """The loss of each sample, shape (n,), in nats."""
    scores = np.asarray(scores, dtype=np.float64)
    scores = scores - scores.max(axis=1, keepdims=True)
    losses: NDArray[np.float64] = np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(len(labels)), labels]
    return losses


def compare(tool: str, train: Callable[[Images, Labels, float, float], Scores]) -> dict[str, float]:
    """Trains with the plain mean and with HR weights, and prints what both score. Returns the robust losses in training.

    train: of images, labels, alpha and r, a model.
    """
    images, labels, new_images, new_labels = digits()
    rare = np.isin(new_labels, RARE)
    robust = {}
    for name, alpha, r in (("plain", 0.0, 0.0), ("HR", ALPHA, R)):
        scores = train(images, labels, alpha, r)
        robust[name] = hrw.solve(cross_entropy(scores(images), labels), ALPHA, R).robust_loss
        right = scores(new_images).argmax(axis=1) == new_labels
        print(
            f"{tool:12} {name:5} robust loss {robust[name]:.3f}   new images: {right.mean():.1%} right, "
            f"of the rare digits {right[rare].mean():.1%}"
        )
    return robust
