"""Runs the trainings of docs/when.md: `make experiments-when`. What a file of results already has is not run again.

    python when.py RESULTS.csv [--quick] [--workers 2]
"""

from __future__ import annotations

import time
from typing import Any, Optional

import continued
import numpy as np
import torch
from network import TEST_STEPS
from numpy.typing import NDArray
from stack import Networks, Samples, attack, train
from torch import Tensor
from torch.nn import functional
from when_plan import Job, data, jobs
from when_rows import Row

#: Intervals of the confidence in the calibration error.
BINS = 15
#: Among these the validation sample chooses the temperature.
TEMPERATURES = np.geomspace(0.2, 20, 93)


def calibration(outputs: Tensor, labels: Tensor) -> tuple[float, float, float]:
    """Mean cross-entropy, calibration error and Brier score of outputs (n, classes): Guo et al., arXiv 1706.04599."""
    p = functional.softmax(outputs.double(), 1)
    confidence, guess = p.max(1)
    right = (guess == labels).double()
    bins = (confidence * BINS).long().clamp(max=BINS - 1)
    gaps = torch.zeros(BINS, dtype=torch.float64).index_add(0, bins, right - confidence)
    brier = ((p - functional.one_hot(labels, p.shape[1])) ** 2).sum(1).mean()
    loss = functional.cross_entropy(outputs.double(), labels)
    return float(loss), float(gaps.abs().sum() / len(labels)), float(brier)


def temperature(outputs: Tensor, labels: Tensor) -> float:
    """What the outputs (n, classes) are to be divided by to have the least cross-entropy."""
    losses = [float(functional.cross_entropy(outputs / one, labels)) for one in TEMPERATURES]
    return float(TEMPERATURES[int(np.argmin(losses))])


def _outputs(networks: Networks, samples: Samples, epsilon: float, labels: Tensor) -> Tensor:
    """Under the attack of the tests, whose random numbers are the same for every method."""
    x = samples.x
    if epsilon > 0:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            x = attack(networks, x, labels, epsilon, TEST_STEPS)
    with torch.no_grad():
        return networks(x)


def _by_group(values: Tensor, groups: NDArray[np.intp]) -> NDArray[np.float64]:
    return np.bincount(groups, values.double().numpy()) / np.bincount(groups)


def evaluate(job: Job, networks: Networks, step: int, since: NDArray[np.float64], start: float) -> list[Row]:
    """A row for each seed."""
    known = data(job.setting)
    grouped = job.setting.experiment == "groups"
    with torch.no_grad():
        train_right = (networks(known.train.x).argmax(-1) == known.train.given).double()
        natural = (networks(known.test.x).argmax(-1) == known.test.true).double()
    pairs = ((known.validation, known.validation.given), (known.test, known.test.true))
    outputs = [_outputs(networks, samples, known.epsilon, labels) for samples, labels in pairs]
    rows = []
    for seed in range(job.setting.seeds):
        losses, right, of_groups = [], [], []
        for (samples, labels), output in zip(pairs, outputs):
            each = functional.cross_entropy(output[seed], labels[seed], reduction="none")
            hits = (output[seed].argmax(1) == labels[seed]).double()
            of_groups.append(_by_group(hits, samples.groups[seed]))
            losses.append(float(_by_group(each, samples.groups[seed]).mean() if grouped else each.mean()))
            right.append(float(of_groups[-1].mean() if grouped else hits.mean()))
        best = temperature(outputs[0][seed], known.validation.given[seed])
        _, ece, brier = calibration(outputs[1][seed], known.test.true[seed])
        row = Row(
            job.setting.experiment,
            job.setting.name,
            job.method.family,
            job.method.candidate,
            seed,
            step,
            time.process_time() - start,
            float(since[seed]),
            float(train_right[seed].mean()),
            losses[0],
            right[0],
            losses[1],
            right[1],
            float(of_groups[1].min()),
            float(natural[seed].mean()),
            ece,
            brier,
            *calibration(outputs[1][seed] / best, known.test.true[seed]),
        )
        rows.append(row)
    return rows


def run(job: Job) -> list[Row]:
    """One training of all of its seeds, in a process of its own with one thread."""
    torch.set_num_threads(1)
    # The gradients of what is known by heart become so small that processors take long to multiply them.
    torch.set_flush_denormal(True)
    known, start = data(job.setting), time.process_time()
    setting, rows = job.setting, []

    def report(step: int, networks: Networks, since: NDArray[np.float64]) -> None:
        rows.extend(evaluate(job, networks, step, since, start))

    seeds = range(setting.seeds)
    train(job.method, known, seeds, setting.hidden, setting.rate, setting.checkpoints, report, setting.whole)
    return rows


def keys(job: Job) -> list[tuple[Any, ...]]:
    """The keys of the rows that `job` will make."""
    training = (job.setting.experiment, job.setting.name, job.method.family, job.method.candidate)
    return [(*training, seed, step) for seed in range(job.setting.seeds) for step in job.setting.checkpoints]


def main(arguments: Optional[list[str]] = None) -> None:
    options = continued.parser("Runs the trainings of docs/when.md, as far as they have not been run").parse_args(arguments)
    continued.carry_on(options, Row, jobs(options.quick), keys, run)


if __name__ == "__main__":
    main()
