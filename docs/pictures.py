"""Draws the pictures of docs/certificates.md and docs/calibration.md: `make pictures`.

    python docs/pictures.py [DIRECTORY]

Needs hr_weights and matplotlib, and the digits of bindings/data. The files are SVG, the same on every run of one version
of matplotlib. The numbers that the pages quote are printed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib
import numpy as np

import hr_weights as hrw
from hr_weights import plot

matplotlib.use("svg")
# Names of clip paths and glyphs are random otherwise.
matplotlib.rcParams["svg.hashsalt"] = "hr-weights"
matplotlib.rcParams["font.size"] = 9

DIGITS = Path(__file__).parents[1] / "bindings" / "data" / "digits.csv"
#: The rest is held out.
TRAINED = 800


def network(images: np.ndarray, labels: np.ndarray, epochs: int) -> list[np.ndarray]:
    """Two layers with tanh between them, trained by plain gradient descent on the mean of the losses."""
    rng = np.random.default_rng(0)
    w, b, v, c = rng.normal(0, 0.1, (64, 48)), np.zeros(48), rng.normal(0, 0.1, (48, 10)), np.zeros(10)
    target = np.eye(10)[labels]
    for _ in range(epochs):
        h = np.tanh(images @ w + b)
        s = np.exp(h @ v + c)
        slope = (s / s.sum(1, keepdims=True) - target) / len(images)
        below = (slope @ v.T) * (1 - h * h)
        for parameter, gradient in ((v, h.T @ slope), (c, slope.sum(0)), (w, images.T @ below), (b, below.sum(0))):
            parameter -= 1.0 * gradient
    return [w, b, v, c]


def evaluate(parameters: list[np.ndarray], images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The loss of each sample, and whether it is classified wrongly."""
    w, b, v, c = parameters
    scores = np.tanh(images @ w + b) @ v + c
    scores -= scores.max(1, keepdims=True)
    log_p = scores - np.log(np.exp(scores).sum(1, keepdims=True))
    return -log_p[np.arange(len(labels)), labels], scores.argmax(1) != labels


def save(ax: matplotlib.axes.Axes, directory: Path, name: str) -> None:
    ax.figure.savefig(directory / name, metadata={"Date": None, "Creator": None})
    print(directory / name)


def main() -> None:
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "images"
    directory.mkdir(parents=True, exist_ok=True)
    table = np.loadtxt(DIGITS, delimiter=",", dtype=np.int64)
    rng = np.random.default_rng(0)
    table = table[rng.permutation(len(table))]
    images, labels = table[:, :-1] / 16, table[:, -1]
    train, held_out = slice(0, TRAINED), slice(TRAINED, None)
    wrong = rng.random(TRAINED) < 0.1
    noisy = np.where(wrong, (labels[train] + rng.integers(1, 10, TRAINED)) % 10, labels[train])
    parameters = network(images[train], noisy, 150)
    losses, _ = evaluate(parameters, images[train], noisy)
    _, errors = evaluate(parameters, images[held_out], labels[held_out])

    weights = hrw.weights(losses, 0.05, 0.1)
    save(plot.weights_against_losses(losses, weights, wrong), directory, "weights.svg")
    top, shares = hrw.top_samples(weights, 40), hrw.group_shares(weights, wrong)
    print(f"top 40 of {TRAINED}: {top.share:.1%}; {shares.sizes[1]} wrong labels: {shares.shares[1]:.1%} of the weight")

    save(plot.robust_loss_against_r(losses, (0.0, 0.02, 0.1)), directory, "robust_loss.svg")
    save(plot.effective_samples_against_r(losses, (0.0, 0.02, 0.1)), directory, "effective_samples.svg")

    ax = plot.certificate_against_n(errors, (0.0, 0.01, 0.05), delta=0.05, worst_loss=1.0)
    ax.set_ylabel("error rate, at most")
    save(ax, directory, "certificate.svg")
    for alpha in (0.0, 0.01, 0.05):
        bound = hrw.certify(errors, alpha, 0.05, worst_loss=1.0).bound
        print(f"{errors.size} held-out digits, error rate {errors.mean():.2%}, alpha {alpha}: at most {bound:.2%}")


if __name__ == "__main__":
    main()
