"""When does it pay? The settings, and the methods whose hyper-parameters a validation sample chooses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import torch
from mnist import CLASSES, split
from network import EPSILON
from numpy.typing import NDArray
from stack import Data, Method, Samples

#: Share of the known samples that is set aside: hyper-parameters, lengths and temperatures are chosen with it.
VALIDATION = 0.3


@dataclass(frozen=True)
class Setting:
    """What is learned: "MNIST" (`size` images known, the share `wrong` wrongly labelled) or a set of scikit-learn.

    seeds: how many. checkpoints: steps after which to evaluate; the last one ends the training.
    """

    experiment: str
    source: str
    size: int = 0
    wrong: float = 0.0
    epsilon: float = 0.0
    seeds: int = 10
    checkpoints: tuple[int, ...] = (100, 200, 300, 600, 1000)
    hidden: int = 64
    rate: float = 3e-3
    test: int = 1000

    @property
    def name(self) -> str:
        return f"{self.size} images, {100 * self.wrong:g}% wrong" if self.source == "MNIST" else self.source

    @property
    def whole(self) -> bool:
        """Whether each step is taken on the whole training set: the sets of scikit-learn are small."""
        return self.source != "MNIST"


@dataclass(frozen=True)
class Job:
    setting: Setting
    method: Method


#: Every family with HR chooses between these three, as TRADES and the others choose between three strengths.
BUDGETS = ((0.05, 0.1), (0.2, 0.2), (0.0, 0.5))
ATTACKED = [Setting("attacked", "MNIST", 500, wrong, EPSILON, test=500) for wrong in (0.2, 0.0)]
#: Where only the losses are tried, with HR and without.
MORE_ATTACKED = [
    Setting("attacked", "MNIST", size, wrong, EPSILON, seeds=5, test=500)
    for size, wrong in ((500, 0.4), *((size, wrong) for size in (125, 2000) for wrong in (0.0, 0.2, 0.4)))
]
NATURAL = [Setting("natural", "MNIST", 500, wrong) for wrong in (0.2, 0.0)]
GROUPS = [
    Setting("groups", source, checkpoints=(20, 50, 100, 200, 400), hidden=32, rate=1e-2)
    for source in ("digits, rare classes", "digits, rare inverted", "cancer, rare malignant", "cancer, class and size")
]


def _losses(attacked: bool) -> Iterator[Method]:
    """The losses alone, which choose between three strengths, and under HR, with the first strength."""
    base = "PGD" if attacked else "plain"
    yield Method(base)
    kinds = [("smoothing", "smooth", (0.1, 0.3, 0.5))]
    if attacked:
        kinds += [("TRADES", "TRADES", (6.0, 2.0, 12.0)), ("MART", "MART", (5.0, 2.0, 10.0))]
    for family, loss, strengths in kinds:
        for strength in strengths:
            yield Method(family, loss, strength)
        for alpha, r in BUDGETS:
            yield Method(f"HR over {family}", loss, strengths[0], alpha, r)
    for alpha, r in BUDGETS:
        yield Method("HR", alpha=alpha, r=r)


def _schedules() -> Iterator[Method]:
    for r in (0.1, 0.5, 1.0):
        yield Method("r alone", r=r)
    # With a fifth of the labels wrong: at 90% half of those are known at least, at 98% nearly all of them.
    moments = (("known", 0.9), ("known", 0.98), ("held out", 0.0), ("growing", 0.0), ("late", 0.0))
    for when, threshold in moments:
        for alpha, r in BUDGETS:
            yield Method(f"HR, {when}", alpha=alpha, r=r, when=when, threshold=threshold)


def _memories() -> Iterator[Method]:
    yield Method("trust without HR", trust=True)
    for worst, trust, family in ((True, False, "HR, worst"), (False, True, "HR, trust"), (True, True, "HR, worst, trust")):
        for alpha, r in BUDGETS:
            yield Method(family, alpha=alpha, r=r, worst=worst, trust=trust)


def _groups() -> Iterator[Method]:
    yield Method("plain")
    for power in (0.5, 0.75, 1.0):
        yield Method("weights", power=power)
    for gamma in (1.0, 2.0, 4.0):
        yield Method("focal", "focal", gamma)
    for share in (0.1, 0.3, 0.6):
        yield Method("CVaR", weigh="CVaR", r=share)
    for step in (0.01, 0.05, 0.2):
        yield Method("group DRO", weigh="DRO", r=step)
    for alpha, r in ((0.0, 0.1), (0.0, 0.5), (0.0, 2.0)):
        yield Method("HR", alpha=alpha, r=r)
        yield Method("HR over groups", alpha=alpha, r=r, weigh="groups")
    for power in (0.5, 0.75, 1.0):
        yield Method("HR over weights", power=power, r=0.2)


def jobs(quick: bool = False) -> list[Job]:
    """All trainings, each of all of its seeds. Quick: of each family the first method, two seeds, few steps, few samples."""
    plan: list[tuple[Setting, list[Method]]] = [(setting, list(_groups())) for setting in GROUPS]
    plan += [(setting, [*_losses(False), *_schedules(), *_memories()]) for setting in NATURAL]
    plan += [(setting, [*_losses(True), *_schedules(), *(_memories() if setting.wrong else ())]) for setting in ATTACKED]
    plan += [(setting, list(_losses(True))) for setting in MORE_ATTACKED]
    every = []
    for setting, methods in plan:
        if quick:
            setting = replace(setting, size=min(setting.size, 125), seeds=2, checkpoints=(26, 28), test=100)
            methods = list({method.family: method for method in reversed(methods)}.values())
        every += [Job(setting, method) for method in methods]
    # What the quick settings no longer distinguish is run once.
    return list(dict.fromkeys(every))


@cache
def data(setting: Setting) -> Data:
    """Of all seeds; those of a seed do not depend on the method."""
    of_seed = _mnist if setting.source == "MNIST" else _tabular
    parts = [of_seed(setting, seed) for seed in range(setting.seeds)]
    train, validation, test = (Samples(*map(_stacked, zip(*part))) for part in zip(*parts))
    classes = CLASSES if setting.source == "MNIST" else int(test.true.max()) + 1
    return Data(train, validation, test, classes, setting.epsilon)


Part = tuple[Any, Any, Any, NDArray[np.intp]]


def _stacked(arrays: tuple[Any, ...]) -> Any:
    return torch.stack(arrays) if isinstance(arrays[0], torch.Tensor) else np.stack(arrays)


def _mnist(setting: Setting, seed: int) -> list[Part]:
    parts = split(seed, setting.size, setting.wrong, VALIDATION, held_out=0, test=setting.test)
    return [
        (one.images.flatten(1), one.true, one.given, one.true.numpy()) for one in (parts.train, parts.validation, parts.test)
    ]


#: Of the rare classes and groups: their share of what they would be among the known samples.
RARE = 0.1


def _tabular(setting: Setting, seed: int) -> list[Part]:
    """A set of scikit-learn: 40% for the test, in natural proportions; of the known ones rare groups are thinned."""
    from sklearn.datasets import load_breast_cancer, load_digits

    rng = np.random.default_rng(seed)
    cancer = setting.source.startswith("cancer")
    x, y = (load_breast_cancer if cancer else load_digits)(return_X_y=True)
    groups = y
    if cancer:
        x = (x - x.mean(0)) / x.std(0)
    else:
        x = x / 16
    if setting.source == "digits, rare inverted":
        groups = rng.permutation(np.arange(len(y)) % 2)
        x = np.where(groups[:, None] == 1, 1 - x, x)
    if setting.source == "cancer, class and size":
        # The first column is the mean radius: malignant tumours that are small, and benign ones that are large, are few.
        groups = 2 * y + (x[:, 0] > np.median(x[:, 0]))
    thinned = {"digits, rare classes": (3, 5, 8), "digits, rare inverted": (1,), "cancer, rare malignant": (0,)}
    # Of each group the same share, so that all seeds have the same numbers of samples.
    parts: list[list[NDArray[np.intp]]] = [[], [], []]
    for group in np.unique(groups):
        members = rng.permutation(np.flatnonzero(groups == group))
        known = round(0.6 * len(members))
        test = members[known:]
        if group in thinned.get(setting.source, ()):
            known = round(RARE * known)
        kept = known - round(VALIDATION * known)
        for part, rows in zip(parts, (members[:kept], members[kept:known], test)):
            part.append(rows)
    chosen = [np.concatenate(part) for part in parts]
    inputs, labels = torch.tensor(x, dtype=torch.float32), torch.tensor(y)
    return [(inputs[rows], labels[rows], labels[rows], groups[rows]) for rows in chosen]
