"""What is run: for each experiment its methods, settings, lengths of training and seeds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from network import EPSILON
from training import Method

SEEDS = 5
#: Share of the sample that is set aside to choose hyper-parameters with, where they are chosen.
VALIDATION = 0.3

PLAIN = Method("plain")
PGD = Method("PGD", epsilon=EPSILON)
TRADES = Method("TRADES", epsilon=EPSILON, beta=6.0)


def hr(alpha: float, r: float, epsilon: float = 0.0) -> Method:
    return Method("HR", alpha, r, epsilon)


@dataclass(frozen=True)
class Job:
    """One training.

    size: images known, of which the share `wrong` is labelled wrongly and the share `validation` not trained on.
    checkpoints: steps after which to evaluate; the last one ends the training.
    held_out, test: images to certify with, and to test with.
    """

    experiment: str
    method: Method
    size: int
    wrong: float
    seed: int
    checkpoints: tuple[int, ...]
    validation: float = 0.0
    held_out: int = 1000
    test: int = 1000


WRONG_SHARES = (0.0, 0.1, 0.4)
SIZES = (125, 250, 500, 1000, 2000)
ALPHAS = (0.05, 0.2)
RS = (0.1, 0.5)


def _poison(seed: int) -> Iterator[Job]:
    natural = [PLAIN, *(hr(alpha, 0.1) for alpha in ALPHAS)]
    attacked = [PGD, TRADES, *(hr(alpha, 0.1, EPSILON) for alpha in ALPHAS)]
    for wrong in WRONG_SHARES:
        for method in natural + attacked:
            yield Job("poison", method, 500, wrong, seed, (100, 300, 1000))


def _length(seed: int) -> Iterator[Job]:
    for method in (PLAIN, hr(0.1, 0.1), PGD, TRADES, hr(0.1, 0.1, EPSILON)):
        yield Job("length", method, 500, 0.25, seed, (100, 300, 1000, 2500))


def _size(seed: int) -> Iterator[Job]:
    natural = [PLAIN, *(hr(0.0, r) for r in RS)]
    attacked = [PGD, TRADES, *(hr(0.0, r, EPSILON) for r in RS)]
    for size in SIZES:
        for method in natural + attacked:
            yield Job("size", method, size, 0.0, seed, (150, 600))


def _overfit(seed: int) -> Iterator[Job]:
    for method in (PGD, *(hr(0.0, r, EPSILON) for r in RS)):
        yield Job("overfit", method, 500, 0.0, seed, tuple(range(200, 1601, 200)))


def _together(seed: int) -> Iterator[Job]:
    budgets = ((0.05, 0.2), (0.1, 0.1), (0.2, 0.2))
    methods = [PLAIN, PGD, replace(TRADES, beta=1.0), TRADES, hr(0.1, 0.1), *(hr(*pair, EPSILON) for pair in budgets)]
    for method in methods:
        yield Job("together", method, 500, 0.1, seed, (100, 250, 800), VALIDATION)


EXPERIMENTS = {"poison": _poison, "length": _length, "size": _size, "overfit": _overfit, "together": _together}


def jobs(quick: bool = False) -> list[Job]:
    """All jobs, seed by seed, so that an interrupted run has whole seeds. Quick: one seed, a few steps, small samples."""
    every = [
        job for seed in range(1 if quick else SEEDS) for experiment in EXPERIMENTS.values() for job in experiment(seed)
    ]
    return [_quick(job) for job in every] if quick else every


def _quick(job: Job) -> Job:
    checkpoints = tuple(range(2, 2 * len(job.checkpoints) + 1, 2))
    return replace(job, checkpoints=checkpoints, size=min(job.size, 100 + job.size // 20), held_out=100, test=100)
