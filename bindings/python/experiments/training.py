"""Training by the methods that are compared: plain, PGD, TRADES and HR, on the same batches from the same start."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Callable

import torch
from mnist import Sample
from network import LOSS, matrices, network
from torch import Tensor
from torch.nn import functional

from hr_weights.torch import pgd, robust_loss

#: As the authors have it on MNIST.
BATCH = 64
#: Three times theirs: the network knows its training data by heart after hundreds of steps, not tens of thousands.
LEARNING_RATE = 3e-3
#: Steps of the attack, each of 2.5 epsilon / TRAIN_STEPS.
TRAIN_STEPS = 3


@dataclass(frozen=True)
class Method:
    """How to train: `name` is "plain", "PGD", "TRADES" or "HR".

    alpha, r: budgets of HR (HD ordering, the authors' default), for each batch; 0 for the others.
    epsilon: radius of the attack in training; 0: none.
    beta: what TRADES multiplies its second term by; 0 for the others.
    """

    name: str
    alpha: float = 0.0
    r: float = 0.0
    epsilon: float = 0.0
    beta: float = 0.0


def objective(method: Method, model: Any, images: Tensor, labels: Tensor) -> Tensor:
    """What a step of `method` descends, for a batch."""
    if method.name == "TRADES":
        return _trades(method, model, images, labels)
    if method.epsilon > 0:
        images = pgd(matrices(model), LOSS, images, labels, method.epsilon, norm="l2", steps=TRAIN_STEPS)
    losses = LOSS(model(images), labels)
    if method.name == "HR":
        return robust_loss(losses, method.alpha, method.r)
    return losses.mean()


def _divergence(outputs: Tensor, log_p: Tensor) -> Tensor:
    """KL(p || softmax(outputs)) of each image, shape (n,)."""
    return (log_p.exp() * (log_p - functional.log_softmax(outputs, 1))).sum(1)


def _trades(method: Method, model: Any, images: Tensor, labels: Tensor) -> Tensor:
    """Zhang et al., arXiv 1901.08573, equation 5: the attack climbs the divergence between the outputs."""
    with torch.no_grad():
        log_p = functional.log_softmax(model(images), 1)
    moved = pgd(matrices(model), _divergence, images, log_p, method.epsilon, norm="l2", steps=TRAIN_STEPS)
    outputs = model(images)
    divergence = _divergence(model(moved), functional.log_softmax(outputs, 1))
    return LOSS(outputs, labels).mean() + method.beta * divergence.mean()


def batches(size: int, seed: int) -> Iterator[Tensor]:
    """Indices of batches without end: shuffled in each epoch; what does not fill a batch is left out, as the authors do."""
    generator = torch.Generator().manual_seed(seed)
    count = min(BATCH, size)
    while True:
        for batch in torch.randperm(size, generator=generator).split(count):
            if len(batch) == count:
                yield batch


def train(
    method: Method, sample: Sample, seed: int, checkpoints: tuple[int, ...], report: Callable[[int, Any, float], None]
) -> None:
    """Adam until the last checkpoint, a number of steps; at each calls ``report(step, model, objective)``, where the last is
    the mean of the objective over the batches of about one epoch.
    """
    model = network(seed)
    optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE, fused=True)
    order = batches(len(sample), seed)
    values: list[float] = []
    for step in range(1, checkpoints[-1] + 1):
        batch = next(order)
        optimizer.zero_grad()
        loss = objective(method, model, sample.images[batch], sample.given[batch])
        loss.backward()  # type: ignore[no-untyped-call,unused-ignore]
        optimizer.step()
        values.append(float(loss.detach()))
        if step in checkpoints:
            epoch = values[-max(1, len(sample) // BATCH) :]
            report(step, model, sum(epoch) / len(epoch))
