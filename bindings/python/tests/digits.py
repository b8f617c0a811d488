"""Real digits for the attacks, and a small network on them that every framework can evaluate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

PATH = Path(__file__).parents[2] / "data" / "digits.csv"
HIDDEN = 32
#: Attacks are compared by their mean over so many random starts.
STARTS = 10


def load(count: int = 256) -> tuple[np.ndarray, np.ndarray]:
    """Images in [0, 1], shape (count, 8, 8), and labels."""
    if not PATH.exists():
        pytest.skip("the digits are in the repository, not in the source distribution")
    table = np.loadtxt(PATH, delimiter=",", dtype=np.int64, max_rows=count)
    return (table[:, :-1] / 16).astype(np.float32).reshape(-1, 8, 8), table[:, -1]


def network() -> list[np.ndarray]:
    """Weights and biases of two layers with tanh between them, trained by plain gradient descent."""
    images, labels = load(1024)
    x, y = images.reshape(len(images), -1), np.eye(10)[labels]
    rng = np.random.default_rng(0)
    w, b = rng.normal(0, 0.1, (64, HIDDEN)), np.zeros(HIDDEN)
    v, c = rng.normal(0, 0.1, (HIDDEN, 10)), np.zeros(10)
    for _ in range(200):
        h = np.tanh(x @ w + b)
        s = np.exp(h @ v + c)
        slope = (s / s.sum(1, keepdims=True) - y) / len(x)
        below = (slope @ v.T) * (1 - h * h)
        for parameter, gradient in ((v, h.T @ slope), (c, slope.sum(0)), (w, x.T @ below), (b, below.sum(0))):
            parameter -= 2.0 * gradient
    return [parameter.astype(np.float32) for parameter in (w, b, v, c)]


def check_inside(attacked: np.ndarray, images: np.ndarray, epsilon: float, norm: str) -> None:
    """Inside the ball and inside [0, 1], and not in the middle of both."""
    assert attacked.shape == images.shape
    assert attacked.min() >= 0 and attacked.max() <= 1
    change = (attacked.astype(np.float64) - images).reshape(len(images), -1)
    sizes = np.abs(change).max(1) if norm == "linf" else np.sqrt((change**2).sum(1))
    assert sizes.max() <= epsilon * (1 + 1e-5)
    assert np.median(sizes) > 0.8 * epsilon
