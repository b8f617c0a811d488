"""Runs the experiments: `make experiments`. What a file of results already has is not run again.

    python run.py RESULTS.csv [--quick] [--workers 2] [--only EXPERIMENT]
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import continued
import plan
import torch
from mnist import Split, split
from network import EPSILON, NOISE, Score, score
from plan import Job
from results import Row
from torch import Tensor
from training import BATCH, train

import hr_weights as hrw

#: Certificates fail with at most this probability.
DELTA = 0.05
#: The cross-entropy has no upper limit, which a certificate needs.
CLIP = 5.0


def evaluate(job: Job, data: Split, model: Any, step: int, batch_loss: float) -> Row:
    """The numbers of a checkpoint; its time is for the caller."""
    method, train_data, test = job.method, data.train, data.test
    natural = score(model, train_data.images, train_data.given)
    seen = score(model, train_data.images, train_data.given, method.epsilon) if method.epsilon > 0 else natural
    tests = _three_ways(model, test.images, test.true)
    row = Row(
        job.experiment,
        method.name,
        method.alpha,
        method.r,
        method.epsilon,
        method.beta,
        job.size,
        job.wrong,
        job.seed,
        step,
        # Whole batches only: some epochs leave a few images out.
        epoch=step / max(1, len(train_data) // BATCH),
        cpu_seconds=math.nan,
        train_accuracy=natural.accuracy,
        train_loss=seen.loss,
        robust_loss=hrw.solve(seen.losses.double().numpy(), method.alpha, method.r).robust_loss,
        batch_loss=batch_loss,
        **_numbers(("test", "attacked", "noisy"), tests),
    )
    if len(data.validation):
        scores = _three_ways(model, data.validation.images, data.validation.given)
        for name, value in _numbers(("validation", "validation_attacked", "validation_noisy"), scores).items():
            setattr(row, name, value)
    if step == job.checkpoints[-1]:
        certify(row, data, model)
        row.clipped_loss = float(tests[1].losses.clamp(max=CLIP).mean())
    return row


def _three_ways(model: Any, images: Tensor, labels: Tensor) -> list[Score]:
    """As they are, under attack, with noise."""
    return [score(model, images, labels, *way) for way in ((0.0, 0.0), (EPSILON, 0.0), (0.0, NOISE))]


def _numbers(names: Sequence[str], scores: Sequence[Score]) -> dict[str, float]:
    numbers = {f"{name}_accuracy": one.accuracy for name, one in zip(names, scores)}
    return {**numbers, **{f"{name}_loss": one.loss for name, one in zip(names, scores)}}


def certify(row: Row, data: Split, model: Any) -> None:
    """Bounds on the error and the loss under the attack of the tests, from images that no training has seen."""
    held_out = data.held_out
    true = score(model, held_out.images, held_out.true, EPSILON)
    # The certificate allows for anything in place of the poisoned ones.
    given = score(model, held_out.images, held_out.given, EPSILON) if row.wrong > 0 else true

    def bound(values: Tensor, alpha: float, worst: float) -> float:
        return hrw.certify(values.double().numpy(), alpha, DELTA, worst_loss=worst).bound

    poisoned = float((held_out.given != held_out.true).double().mean())
    row.held_out_error = 1 - true.accuracy
    row.certified_error = bound(true.errors, 0.0, 1.0)
    row.certified_poisoned = bound(given.errors, poisoned, 1.0)
    row.certified_loss = bound(true.losses.clamp(max=CLIP), 0.0, CLIP)


def run(job: Job) -> list[Row]:
    """One training, in a process of its own with one thread."""
    torch.set_num_threads(1)
    start = time.process_time()
    data = split(job.seed, job.size, job.wrong, job.validation, job.held_out, job.test)
    rows: list[Row] = []

    def report(step: int, model: Any, batch_loss: float) -> None:
        rows.append(evaluate(job, data, model, step, batch_loss))
        rows[-1].cpu_seconds = time.process_time() - start

    train(job.method, data.train, job.seed, job.checkpoints, report)
    return rows


def keys(job: Job) -> list[tuple[Any, ...]]:
    """The keys of the rows that `job` will make."""
    m = job.method
    training = (job.experiment, job.size, job.wrong, m.name, m.epsilon, m.alpha, m.r, m.beta, job.seed)
    return [(*training, step) for step in job.checkpoints]


def main() -> None:
    parser = continued.parser("Runs the experiments, as far as they have not been run")
    parser.add_argument("--only", choices=sorted(plan.EXPERIMENTS), help="one experiment")
    options = parser.parse_args()
    only = options.only
    continued.carry_on(options, Row, plan.jobs(options.quick), keys, run, lambda job: only in (None, job.experiment))


if __name__ == "__main__":
    main()
