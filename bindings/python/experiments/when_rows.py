"""The columns of the results of docs/when.md. Reading them needs no PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass
class Row:
    """What one network had come to after `step` steps. Losses in nats, accuracies and calibration errors as shares.

    The first columns say which training it is, see ``when_plan.Setting`` and ``stack.Method``.

    cpu_seconds: of the processor, for all seeds of the training until this step, evaluation included.
    on_since: the step at which the budgets came on; NaN: not yet.
    train_accuracy: on the training samples as they are, with the given labels.
    validation_*: with the given labels; test_*: with the true ones; under the attack if there is one. The accuracies of
        "groups" are means over the groups, as is the loss.
    worst_accuracy: of the group with the smallest one, on the test samples. The groups are classes or those of the setting.
    natural_accuracy: on the test samples without an attack; where there is none, over all samples.
    ece, brier: calibration error of the test, in bins of the confidence, and Brier score, the sum over classes.
    scaled_*: after the temperature that is best on the validation sample.
    """

    experiment: str
    setting: str
    family: str
    candidate: str
    seed: int
    step: int
    cpu_seconds: float
    on_since: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    test_loss: float
    test_accuracy: float
    worst_accuracy: float
    natural_accuracy: float
    ece: float
    brier: float
    scaled_loss: float
    scaled_ece: float
    scaled_brier: float

    @property
    def key(self) -> tuple[Any, ...]:
        return self.experiment, self.setting, self.family, self.candidate, self.seed, self.step
