"""Runs the trainings of docs/when.md: `make experiments-when`. What a file of results already has is not run again.

    python when.py RESULTS.csv [--quick] [--workers 2]
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from pathlib import Path
from typing import Any, Optional

import numpy as np
import results
import torch
from network import TEST_STEPS
from numpy.typing import NDArray
from stack import Networks, Samples, attack, train
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm
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
    parser = argparse.ArgumentParser(description="Runs the trainings of docs/when.md, as far as they have not been run")
    parser.add_argument("results", type=Path, help="CSV to continue or to begin")
    parser.add_argument("--quick", action="store_true", help="two seeds, a few steps: tries the code")
    parser.add_argument("--workers", type=int, default=2, help="processes, of one thread each, 2")
    options = parser.parse_args(arguments)
    options.results.parent.mkdir(parents=True, exist_ok=True)

    every = jobs(options.quick)
    wanted = {key for job in every for key in keys(job)}
    # Rows of another plan, and of jobs that were cut off, go.
    found = {row.key: row for row in results.read(options.results, Row) if row.key in wanted}
    todo = [job for job in every if not all(key in found for key in keys(job))]
    cut_off = {key for job in todo for key in keys(job)}
    rows = [row for key, row in found.items() if key not in cut_off]
    results.rewrite(options.results, rows, Row)

    start = time.perf_counter()
    # Not forked: PyTorch has threads.
    with multiprocessing.get_context("spawn").Pool(options.workers) as pool:
        # A quick run shows its progress on terminals alone.
        quiet = None if options.quick else False
        trained = pool.imap_unordered(run, todo)
        for new in tqdm(trained, total=len(todo), unit="training", smoothing=0.05, mininterval=1, disable=quiet):
            results.append(options.results, new)
            rows += new
    results.rewrite(options.results, rows, Row)
    last = {row.key[:4]: row.cpu_seconds for row in sorted(rows, key=lambda row: row.step)}
    print(
        f"{len(todo)} trainings in {time.perf_counter() - start:.0f} s; all {len(last)} took {sum(last.values()):.0f} s "
        f"of the processor"
    )


if __name__ == "__main__":
    main()
