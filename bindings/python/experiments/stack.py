"""Small networks, one for each seed, that are trained at the same time: one batched product does the layer of all of them.

At this size a step of one network is mostly the cost of calling PyTorch, which the seeds then share. Nothing else is shared:
each network has its own images, batches and weights, and Adam works on each number by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Optional

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from training import TRAIN_STEPS, batches

import hr_weights as hrw
from hr_weights.torch import pgd

#: How many steps lie between two looks at the whole training set and the held-out samples, for the schedules.
LOOK = 25
#: The held-out robust loss has stopped falling when so many looks have not found a smaller one.
PATIENCE = 4
#: How fast the memory of past losses forgets: the share of the newest one.
RATE = 0.1


@dataclass(frozen=True)
class Method:
    """How to train.

    family: what is compared; hyper-parameters are chosen among the methods of a family.
    loss: of each sample: "plain" cross-entropy, "smooth" (labels smoothed by `strength`), "focal" (`strength` is its gamma),
        "TRADES" and "MART" (`strength` is their beta).
    weigh: "HR" weighs samples with alpha and r (0, 0: their mean); "groups" is HR over groups that count the same; "CVaR" is
        the mean of the largest share `r` of the losses; "DRO" is group DRO with the step size `r`.
    power: of HR over samples, the base weights are n**-power for those of a group of n.
    when: the budgets are there "always", or from a moment on: "known" (the accuracy on the given labels is `threshold` or
        more), "held out" (the robust loss of the held-out samples has stopped falling), "late" (the last tenth); or they
        are "growing" in proportion to the step.
    worst: whether each problem gets the running worst loss of the training.
    trust: whether the base weights are the running means of the probability that a sample's label had.
    """

    family: str
    loss: str = "plain"
    strength: float = 0.0
    alpha: float = 0.0
    r: float = 0.0
    weigh: str = "HR"
    power: float = 0.0
    when: str = "always"
    threshold: float = 0.0
    worst: bool = False
    trust: bool = False

    @property
    def candidate(self) -> str:
        """The hyper-parameters, such as "6, HR(0.05, 0.1)"."""
        parts = [f"{self.strength:g}"] if self.strength else []
        parts += [f"power {self.power:g}"] if self.power else []
        if self.weigh in ("CVaR", "DRO"):
            parts.append(f"{self.r:g}")
        elif self.alpha or self.r:
            parts.append(f"HR({self.alpha:g}, {self.r:g})")
        parts += [f"from {self.threshold:g}"] if self.threshold else []
        return ", ".join(parts) or "none"


@dataclass(frozen=True)
class Samples:
    """For each of S seeds n samples: x (S, n, d), the true and the given labels (S, n), and the groups (S, n)."""

    x: Tensor
    true: Tensor
    given: Tensor
    groups: NDArray[np.intp]

    def __len__(self) -> int:
        return int(self.x.shape[1])


@dataclass(frozen=True)
class Data:
    """What is trained on, what hyper-parameters are chosen with, and what is tested with."""

    train: Samples
    validation: Samples
    test: Samples
    classes: int
    epsilon: float = 0.0


class Networks:
    """One hidden layer with ReLU for each of S seeds."""

    def __init__(self, seeds: Sequence[int], inputs: int, hidden: int, classes: int) -> None:
        def draw(rows: int, columns: int) -> Tensor:
            return torch.stack([torch.randn(rows, columns, generator=one) for one in generators]) * (2 / rows) ** 0.5

        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        zeros = [torch.zeros(len(seeds), 1, count) for count in (hidden, classes)]
        self.parameters = [draw(inputs, hidden), zeros[0], draw(hidden, classes), zeros[1]]
        for one in self.parameters:
            one.requires_grad_()

    def __call__(self, x: Tensor, constant: bool = False) -> Tensor:
        """The outputs (S, n, classes) for x (S, n, d)."""
        w1, b1, w2, b2 = (one.detach() if constant else one for one in self.parameters)
        return torch.baddbmm(b2, torch.baddbmm(b1, x, w1).relu(), w2)


def cross_entropy(outputs: Tensor, labels: Tensor) -> Tensor:
    """Of each sample: outputs (..., classes), labels (...)."""
    flat = functional.cross_entropy(outputs.reshape(-1, outputs.shape[-1]), labels.reshape(-1), reduction="none")
    return flat.view(labels.shape)


def divergence(outputs: Tensor, log_p: Tensor) -> Tensor:
    """KL(p || softmax(outputs)) of each sample."""
    return (log_p.exp() * (log_p - functional.log_softmax(outputs, -1))).sum(-1)


def attack(
    networks: Networks, x: Tensor, targets: Tensor, epsilon: float, steps: int = TRAIN_STEPS, loss: Any = cross_entropy
) -> Tensor:
    """x (S, n, d), each sample moved by at most epsilon to where its loss is large."""

    def function(flat: Tensor) -> Tensor:
        return networks(flat.view(x.shape), constant=True).flatten(0, 1)

    return pgd(function, loss, x.flatten(0, 1), targets.flatten(0, 1), epsilon, norm="l2", steps=steps).view(x.shape)


def losses_of(method: Method, networks: Networks, x: Tensor, labels: Tensor, epsilon: float) -> Tensor:
    """The loss of each sample, (S, n), under the attack in the training if there is one.

    TRADES: Zhang et al., arXiv 1901.08573, equation 5. MART: Wang et al., ICLR 2020, equation 11. Focal loss: Lin et al.,
    arXiv 1708.02002.
    """
    if method.loss == "TRADES":
        with torch.no_grad():
            log_p = functional.log_softmax(networks(x), -1)
        moved = attack(networks, x, log_p, epsilon, loss=divergence)
        outputs = networks(x)
        return cross_entropy(outputs, labels) + method.strength * divergence(
            networks(moved), functional.log_softmax(outputs, -1)
        )
    moved = attack(networks, x, labels, epsilon) if epsilon > 0 else x
    outputs = networks(moved)
    losses = cross_entropy(outputs, labels)
    if method.loss == "smooth":
        return (1 - method.strength) * losses - method.strength * functional.log_softmax(outputs, -1).mean(-1)
    if method.loss == "focal":
        return (1 - torch.exp(-losses)).clamp(min=1e-6) ** method.strength * losses
    if method.loss == "MART":
        log_p = functional.log_softmax(networks(x), -1)
        own = functional.one_hot(labels, outputs.shape[-1]).bool()
        other = functional.softmax(outputs, -1).masked_fill(own, 0.0).amax(-1)
        boosted = losses - torch.log(1.0001 - other)
        return boosted + method.strength * divergence(outputs, log_p) * (1 - log_p.exp()[own].view(labels.shape))
    return losses


class Weigher:
    """Turns the losses of a batch of each seed into weights; it has the memory that a method needs."""

    def __init__(self, method: Method, train: Samples, window: int) -> None:
        seeds, size = train.given.shape
        self.method, self.train = method, train
        #: What the budgets of each seed are multiplied by.
        self.on = np.full(seeds, 1.0 if method.when == "always" else 0.0)
        self.worst = [hrw.RunningWorst(window) for _ in range(seeds)]
        self.trust = np.full((seeds, size), 0.1)
        self.counts = [np.bincount(groups) for groups in train.groups]
        self.group_weights = [np.full(len(count), 1 / len(count)) for count in self.counts]

    def __call__(self, losses: NDArray[np.float64], rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """losses (S, b) of the samples `rows` (S, b). The weights of a seed sum to one, except where a part of them is
        on the running worst loss."""
        return np.stack([self._of_seed(seed, losses[seed], rows[seed]) for seed in range(len(losses))])

    def _of_seed(self, seed: int, losses: NDArray[np.float64], rows: NDArray[np.intp]) -> NDArray[np.float64]:
        method, groups = self.method, self.train.groups[seed][rows]
        alpha, r = self.on[seed] * method.alpha, self.on[seed] * method.r
        if method.weigh == "CVaR":
            return cvar(losses, method.r)
        if method.weigh == "DRO":
            means = np.bincount(groups, losses) / np.bincount(groups)
            # Of exponentials only ratios count.
            tilted = self.group_weights[seed] * np.exp(method.r * (means - means.max()))
            self.group_weights[seed] = tilted / tilted.sum()
            return np.asarray((self.group_weights[seed] / np.bincount(groups))[groups])
        if method.weigh == "groups":
            return np.asarray(hrw.solve_groups(losses, groups, alpha, r, base=np.ones(len(self.counts[seed]))).weights)
        base = self.counts[seed][groups] ** -method.power if method.power else None
        if method.trust:
            base = self.trust[seed][rows]
            self.trust[seed][rows] += RATE * (np.exp(-losses) - base)
        worst = self.worst[seed].update(losses) if method.worst else None
        return np.asarray(hrw.weights(losses, alpha, r, base=base, worst_loss=worst))


def cvar(losses: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """Weights whose mean is that of the largest losses, which have this share of the mass."""
    weights = np.empty(len(losses))
    each = 1 / (share * len(losses))
    weights[np.argsort(-losses, kind="stable")] = np.clip(1 - each * np.arange(len(losses)), 0, each)
    return weights


def _accuracy(networks: Networks, samples: Samples) -> NDArray[np.float64]:
    """Of each seed, on the given labels and the samples as they are."""
    with torch.no_grad():
        return np.asarray((networks(samples.x).argmax(-1) == samples.given).double().mean(1))


def _look(method: Method, weigher: Weigher, networks: Networks, data: Data, held_out: list[NDArray[np.float64]]) -> None:
    """Switches the budgets on where the moment of the schedule has come."""
    if method.when == "known":
        weigher.on[_accuracy(networks, data.train) >= method.threshold] = 1
    elif method.when == "held out":
        x, labels = data.validation.x, data.validation.given
        moved = attack(networks, x, labels, data.epsilon) if data.epsilon > 0 else x
        with torch.no_grad():
            losses = cross_entropy(networks(moved), labels).numpy()
        held_out.append(np.array([hrw.solve(one, method.alpha, method.r).robust_loss for one in losses]))
        since = len(held_out) - 1 - np.argmin(held_out, axis=0)
        weigher.on[since >= PATIENCE] = 1


def _batches(size: int, seeds: Sequence[int], whole: bool) -> Iterator[NDArray[np.intp]]:
    """For each seed the samples of a batch, (S, b)."""
    everything = np.tile(np.arange(size), (len(seeds), 1))
    orders = [batches(size, seed) for seed in seeds]
    while True:
        yield everything if whole else np.stack([next(order).numpy() for order in orders])


def train(
    method: Method,
    data: Data,
    seeds: Sequence[int],
    hidden: int,
    rate: float,
    checkpoints: Sequence[int],
    report: Callable[[int, Networks, NDArray[np.float64]], None],
    whole: bool = False,
) -> None:
    """Adam with the learning rate `rate` until the last checkpoint, a number of steps, in batches of 64 or with the whole
    training set in each step; at each checkpoint calls ``report(step, networks, on_since)``, where the last has for each
    seed the step at which its budgets came on, or NaN.
    """
    networks = Networks(seeds, data.train.x.shape[-1], hidden, data.classes)
    torch.manual_seed(seeds[0])
    optimizer = torch.optim.Adam(networks.parameters, rate, fused=True)
    order = _batches(len(data.train), seeds, whole)
    weigher: Optional[Weigher] = None
    held_out: list[NDArray[np.float64]] = []
    since = np.full(len(seeds), np.nan)
    of_seed = np.arange(len(seeds))[:, None]
    for step in range(1, checkpoints[-1] + 1):
        rows = next(order)
        weigher = weigher or Weigher(method, data.train, window=max(1, len(data.train) // rows.shape[1]))
        if method.when == "growing":
            weigher.on[:] = step / checkpoints[-1]
        elif method.when == "late":
            weigher.on[:] = step > 0.9 * checkpoints[-1]
        elif method.when != "always" and step % LOOK == 0:
            _look(method, weigher, networks, data, held_out)
        since = np.where(np.isnan(since) & (weigher.on > 0), step, since)
        optimizer.zero_grad()
        losses = losses_of(method, networks, data.train.x[of_seed, rows], data.train.given[of_seed, rows], data.epsilon)
        weights = weigher(losses.detach().double().numpy(), rows)
        (torch.from_numpy(weights).float() * losses).sum().backward()  # type: ignore[no-untyped-call,unused-ignore]
        optimizer.step()
        if step in checkpoints:
            report(step, networks, since)
