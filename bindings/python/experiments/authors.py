"""The authors' package and ours in the same training: `make experiments-authors`, in the environment that theirs needs.

    python authors.py RESULTS.csv [--quick]

One network per package, from the same start, on the same batches and the same attack, in turns. Times are those of the
processor, so that what else runs on the machine does not count.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Callable

import torch
from HR_Neural_Networks.HR import HR_Neural_Networks as Theirs
from mnist import split
from network import EPSILON, LOSS, network, score
from tqdm import tqdm
from training import BATCH, LEARNING_RATE, TRAIN_STEPS, batches

import hr_weights.torch
from hr_weights.compat import HR_Neural_Networks as Ours

ALPHA, R, SIZE, WRONG = 0.05, 0.1, 500, 0.25
SEEDS, STEPS = 5, 400


@dataclass
class Row:
    """One training with one package. Times are medians over the steps, in milliseconds of the processor.

    step_ms: attack, forward, weights, backward and optimiser. weights_ms: theirs: the call of the solver alone; ours: from
        losses to robust loss.
    other_solver: steps in which their first solver, ECOS, did not succeed, and another one was taken.
    failed: steps without weights, which the training left out.
    The rest is as in results.Row, at the end of the training.
    """

    package: str
    epsilon: float
    seed: int
    steps: int
    step_ms: float
    weights_ms: float
    other_solver: int
    failed: int
    train_accuracy: float
    test_accuracy: float
    test_loss: float
    attacked_accuracy: float
    attacked_loss: float


class Timed:
    """Calls a function and keeps what each call took."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.seconds: list[float] = []

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        start = time.process_time()
        try:
            return self.function(*arguments, **options)
        finally:
            self.seconds.append(time.process_time() - start)


class Training:
    """A network with the criterion of one package."""

    def __init__(self, criterion: Any, epsilon: float, seed: int) -> None:
        self.model = network(seed)
        self.optimizer = torch.optim.Adam(self.model.parameters(), LEARNING_RATE)
        arguments = {"NN_model": self.model, "train_batch_size": BATCH, "loss_fn": LOSS, "normalisation_used": None}
        self.criterion = criterion(**arguments, α_choice=ALPHA, r_choice=R, ϵ_choice=epsilon)
        # The time of an attack is no part of the comparison, and its random numbers must be the same.
        self.criterion.adversarial_attack_train = self._attack
        self.epsilon = epsilon
        self.step = Timed(self._step)
        self.other_solver = self.failed = 0

    def _attack(self, inputs: Any, targets: Any) -> Any:
        return hr_weights.torch.pgd(self.model, LOSS, inputs, targets, self.epsilon, norm="l2", steps=TRAIN_STEPS)

    def _step(self, number: int, inputs: Any, targets: Any) -> None:
        torch.manual_seed(number)
        self.optimizer.zero_grad()
        try:
            loss = self.criterion.HR_criterion(inputs=inputs, targets=targets, device="cpu")
        except (TypeError, ValueError) as error:
            # Without a solution their weights are None.
            tqdm.write(f"step {number}: {error}")
            self.failed += 1
            return
        loss.backward()
        self.optimizer.step()


def compare(epsilon: float, seed: int, steps: int) -> list[Row]:
    """Both packages on one seed."""
    data = split(seed, SIZE, WRONG, 0.0, 0, 1000)
    theirs, ours = Training(Theirs, epsilon, seed), Training(Ours, epsilon, seed)
    solve = theirs.criterion.model.solve = Timed(theirs.criterion.model.solve)
    plain_robust_loss = hr_weights.torch.robust_loss
    robust_loss = hr_weights.torch.robust_loss = Timed(plain_robust_loss)
    try:
        for number, batch in zip(range(steps), batches(SIZE, seed)):
            for training in (theirs, ours):
                training.step(number, data.train.images[batch], data.train.given[batch])
            statistics_of_solver = theirs.criterion.model.solver_stats
            theirs.other_solver += statistics_of_solver is None or statistics_of_solver.solver_name != "ECOS"
    finally:
        hr_weights.torch.robust_loss = plain_robust_loss
    return [
        row("HR_Neural_Networks", theirs, solve, data, epsilon, seed),
        row("hr-weights", ours, robust_loss, data, epsilon, seed),
    ]


def row(package: str, training: Training, weights: Timed, data: Any, epsilon: float, seed: int) -> Row:
    def median(timed: Timed) -> float:
        return 1e3 * statistics.median(timed.seconds)

    test = score(training.model, data.test.images, data.test.true)
    attacked = score(training.model, data.test.images, data.test.true, EPSILON)
    return Row(
        package,
        epsilon,
        seed,
        len(training.step.seconds),
        median(training.step),
        median(weights),
        training.other_solver,
        training.failed,
        score(training.model, data.train.images, data.train.given).accuracy,
        test.accuracy,
        test.loss,
        attacked.accuracy,
        attacked.loss,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="The authors' package and ours in the same training")
    parser.add_argument("results", type=Path, help="CSV to write")
    parser.add_argument("--quick", action="store_true", help="one seed, a few steps: tries the code")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    settings = [(epsilon, seed) for seed in range(1 if arguments.quick else SEEDS) for epsilon in (0.0, EPSILON)]
    # A quick run shows its progress on terminals alone.
    progress = tqdm(settings, unit="pair", disable=None if arguments.quick else False)
    steps = 10 if arguments.quick else STEPS
    rows = [row for epsilon, seed in progress for row in compare(epsilon, seed, steps)]
    arguments.results.parent.mkdir(parents=True, exist_ok=True)
    with arguments.results.open("w", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(asdict(rows[0])), lineterminator="\n")
        writer.writeheader()
        for one in rows:
            writer.writerow({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in asdict(one).items()})


if __name__ == "__main__":
    main()
