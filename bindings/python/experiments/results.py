"""The table of results: one line of a CSV per checkpoint of a training; a job is done when all of its lines are there.

Files of other experiments have rows of other columns: a dataclass of numbers and strings with a ``key``.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any


@dataclass
class Row:
    """What a training had come to after `step` steps. Losses in nats; NaN where a number was not taken.

    The first columns say which training it is, see ``plan.Job`` and ``training.Method``.

    epoch: how often each training image was seen.
    cpu_seconds: of the processor, from the start of the job, evaluation included.
    train_accuracy: on the training images as they are, with the given labels: near 1 the network interpolates them.
    train_loss: mean over the training images with the given labels, attacked if the training attacks.
    robust_loss: HD of these losses in one problem, with the method's alpha and r: what the paper says that the test loss
        does not exceed.
    batch_loss: mean of what was minimised, over the batches of an epoch.
    test_*: on test images with true labels; attacked_*: under attack; noisy_*: with Gaussian noise.
    validation_*: the same on the images set aside, with the given labels.
    At the last checkpoint, on the held-out images, under the attack of the tests:
    held_out_error: share classified wrongly, by the true labels.
    certified_error: the bound on the expected share, at delta .05, from true labels and alpha = 0.
    certified_poisoned: the same from the given labels, with alpha the share of wrong ones.
    certified_loss: bound on the expected loss, each clipped at CLIP, from true labels.
    clipped_loss: what that is on the test images.
    """

    experiment: str
    method: str
    alpha: float
    r: float
    epsilon: float
    beta: float
    size: int
    wrong: float
    seed: int
    step: int
    epoch: float
    cpu_seconds: float
    train_accuracy: float
    train_loss: float
    robust_loss: float
    batch_loss: float
    test_accuracy: float
    test_loss: float
    attacked_accuracy: float
    attacked_loss: float
    noisy_accuracy: float
    noisy_loss: float
    validation_accuracy: float = float("nan")
    validation_loss: float = float("nan")
    validation_attacked_accuracy: float = float("nan")
    validation_attacked_loss: float = float("nan")
    validation_noisy_accuracy: float = float("nan")
    validation_noisy_loss: float = float("nan")
    held_out_error: float = float("nan")
    certified_error: float = float("nan")
    certified_poisoned: float = float("nan")
    certified_loss: float = float("nan")
    clipped_loss: float = float("nan")

    @property
    def key(self) -> tuple[Any, ...]:
        """Which checkpoint of which training."""
        training = (self.experiment, self.size, self.wrong, self.method, self.epsilon, self.alpha, self.r, self.beta)
        return (*training, self.seed, self.step)


TYPES: dict[str, Any] = {"str": str, "int": int, "float": float}
CONVERT = {field.name: TYPES[str(field.type)] for field in fields(Row)}


def read(path: Path, kind: Any = Row) -> Any:
    """The rows of a file, of the class `kind`; none if there is no file. A last line that was cut off is left out."""
    if not path.exists():
        return []
    convert = {field.name: TYPES[str(field.type)] for field in fields(kind)}
    text = path.read_text(encoding="utf-8")
    lines = csv.DictReader(io.StringIO(text[: text.rfind("\n") + 1]))
    return [kind(**{name: convert[name](value) for name, value in line.items()}) for line in lines]


def _lines(rows: Iterable[Any], header: Any) -> str:
    """`header`: the class whose columns are named first, or None."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if header:
        writer.writerow(field.name for field in fields(header))
    for row in rows:
        values = (getattr(row, field.name) for field in fields(row))
        writer.writerow(f"{value:.6g}" if isinstance(value, float) else value for value in values)
    return text.getvalue()


def append(path: Path, rows: Sequence[Any]) -> None:
    """Adds the rows of one job, of which there is at least one, in one write."""
    with path.open("a", encoding="utf-8") as file:
        file.write(_lines(rows, type(rows[0]) if file.tell() == 0 else None))
        file.flush()
        os.fsync(file.fileno())


def rewrite(path: Path, rows: Iterable[Any], kind: Any = Row) -> None:
    """Replaces the file at once, with its rows, of the class `kind`, in order."""
    temporary = path.with_suffix(".new")
    temporary.write_text(_lines(sorted(rows, key=lambda row: row.key), kind), encoding="utf-8")
    temporary.replace(path)
