"""Trains a network in JAX on real handwritten digits of which a quarter is labelled wrongly.

    pip install "hr-weights[plot,jax]"
    python jax_digits.py

Once with the plain average of the losses and once with HR learning on attacked images. Prints what both score on test
images with true labels, as they are and attacked, and writes jax_digits.png: the losses over the training, and the weights
of the training images.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from hr_weights import jax as hrj
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


def scores(parameters: Any, images: Any) -> Any:
    w, b, v, c = parameters
    return jax.nn.relu(images @ w + b) @ v + c


def per_sample(parameters: Any, images: Any, labels: Any) -> Any:
    return -jnp.take_along_axis(jax.nn.log_softmax(scores(parameters, images)), labels[:, None], 1)[:, 0]


def train(
    images: Any, labels: Any, budgets: tuple[float, float, float], epochs: int, seed: int, name: str
) -> tuple[Any, list[float]]:
    """Trained parameters, and the loss that each epoch minimised."""
    alpha, r, epsilon = budgets
    key = jax.random.key(seed)
    first, second, key = jax.random.split(key, 3)
    parameters = (
        jax.random.normal(first, (64, HIDDEN)) * 0.18,
        jnp.zeros(HIDDEN),
        jax.random.normal(second, (HIDDEN, 10)) * 0.18,
        jnp.zeros(10),
    )

    @jax.jit  # type: ignore[untyped-decorator]
    def step(parameters: Any, momentum: Any, x: Any, y: Any, key: Any) -> Any:
        if epsilon > 0:
            x = hrj.pgd(lambda x, y: per_sample(parameters, x, y), x, y, key, epsilon, steps=3)

        def loss(parameters: Any) -> Any:
            return hrj.robust_loss(per_sample(parameters, x, y), alpha, r)  # in place of jnp.mean

        value, gradient = jax.value_and_grad(loss)(parameters)
        momentum = jax.tree.map(lambda m, g: 0.9 * m + g, momentum, gradient)
        return jax.tree.map(lambda p, m: p - 0.05 * m, parameters, momentum), momentum, value

    momentum = jax.tree.map(jnp.zeros_like, parameters)
    rng, curve = np.random.default_rng(seed), []
    for epoch in range(epochs):
        sums = 0.0
        for batch in rng.permutation(TRAIN).reshape(-1, BATCH):
            key, own = jax.random.split(key)
            parameters, momentum, value = step(parameters, momentum, images[batch], labels[batch], own)
            sums += float(value) * BATCH
        curve.append(sums / TRAIN)
        progress(name, epoch + 1, epochs, curve[-1])
    return parameters, curve


def accuracies(parameters: Any, images: Any, labels: Any) -> tuple[float, float]:
    """Of the images as they are, and attacked."""

    def losses(x: Any, y: Any) -> Any:
        return per_sample(parameters, x, y)

    both = (images, hrj.pgd(losses, images, labels, jax.random.key(1), EPSILON))
    clean, attacked = (float((scores(parameters, x).argmax(1) == labels).mean()) for x in both)
    return clean, attacked


def weigh(parameters: Any, images: Any, labels: Any, alpha: float, r: float) -> tuple[Any, Any]:
    losses = per_sample(parameters, images, labels)
    return np.asarray(losses), np.asarray(hrj.weights(losses, alpha, r))


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
    parser = argparse.ArgumentParser(description="Plain and HR training in JAX, on digits with wrong labels")
    parser.add_argument("--data", type=Path, default=here.parents[1] / "data" / "digits.csv")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--alpha", type=float, default=0.05, help="poisoned fraction to guard against")
    parser.add_argument("--r", type=float, default=0.1, help="sampling error to guard against, in nats")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plot", type=Path, default=Path("jax_digits.png"))
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
