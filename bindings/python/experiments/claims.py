"""What docs/experiments.md says in words about the results, each sentence with what it stands on.

    python claims.py DIRECTORY [--page experiments.md]

Fails if a sentence is not on the page as it is here, or if the results do not bear it out. On another machine the networks
differ, and some of what is close may turn over: then the page is to be changed, and this file with it.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Optional

import results
from results import Row
from summary import Mean, R, difference, group, last, mean, name
from tables import PAGE, chosen_by, own_test_loss

#: The share of the training data known by heart from which a network interpolates it.
BY_HEART = 0.97
HR_R5 = "HR(0, 0.5), attacked"


class Runs:
    """The rows of a file of results, and means over their seeds."""

    def __init__(self, directory: Path) -> None:
        self.rows = results.read(directory / "runs.csv")
        self.ends = last(self.rows)
        with (directory / "authors.csv").open(encoding="utf-8") as file:
            self.authors = list(csv.DictReader(file))

    def at(
        self,
        experiment: str,
        method: str,
        step: Optional[int] = None,
        wrong: Optional[float] = None,
        size: Optional[int] = None,
    ) -> list[Row]:
        """One row per seed, at a step or at the end."""
        found = [
            row
            for row in (self.rows if step else self.ends)
            if row.experiment == experiment
            and name(row) == method
            and step in (None, row.step)
            # An experiment with one wrong share or size need not name it.
            and wrong in (None, row.wrong)
            and size in (None, row.size)
        ]
        if len(found) != len({row.seed for row in found}) or not found:
            raise KeyError((experiment, method, step, wrong, size, len(found)))
        return found

    def steps(self, experiment: str) -> list[int]:
        return sorted({row.step for row in self.rows if row.experiment == experiment})

    def pairs(self, experiment: str, others: Sequence[str], ends: bool = False) -> list[tuple[list[Row], list[Row]]]:
        """HR and each other method that attacks as it does, or does not, in every setting at every length."""
        rows = [row for row in (self.ends if ends else self.rows) if row.experiment == experiment]
        pairs = []
        for cell in group(rows, lambda row: (row.size, row.wrong, row.step, row.epsilon)).values():
            by_name = group(cell, name)
            ours = [runs for one, runs in by_name.items() if one.startswith("HR")]
            pairs += [(runs, by_name[other]) for other in others if other in by_name for runs in ours]
        return pairs

    def chosen(self, method: str, ends: bool) -> list[Row]:
        """What validation by the loss chose in "together", for each seed."""
        rows = [
            row for row in (self.ends if ends else self.rows) if row.experiment == "together" and row.method == method
        ]
        return [chosen_by(run, "loss") for run in group(rows, lambda row: row.seed).values()]


def own(row: Row) -> str:
    """The columns of the test that the training was told of."""
    return "attacked" if row.epsilon > 0 else "test"


def accuracy(rows: Sequence[Row]) -> float:
    return mean(getattr(row, f"{own(row)}_accuracy") for row in rows).value


def loss(rows: Sequence[Row]) -> float:
    return mean(own_test_loss(row) for row in rows).value


def gain(ours: Sequence[Row], others: Sequence[Row], what: str) -> Mean:
    """How much more accurate, or how much less loss, in pairs of a seed."""
    mean_of_pairs = difference(ours, others, f"{own(ours[0])}_{what}")
    return mean_of_pairs if what == "accuracy" else Mean(-mean_of_pairs.value, mean_of_pairs.error, mean_of_pairs.seeds)


def clear(one: Mean) -> bool:
    """More than two standard errors above zero."""
    return one.value > 2 * one.error


def by_heart(runs: Runs) -> list[tuple[list[Row], list[Row]]]:
    """HR and plain training or PGD, at the end, where both know their training data."""
    pairs = [
        pair
        for experiment in ("poison", "length", "size", "overfit", "together")
        for pair in runs.pairs(experiment, ("plain", "PGD"), ends=True)
    ]
    return [pair for pair in pairs if all(mean(row.train_accuracy for row in rows).value >= BY_HEART for rows in pair)]


def reductions(runs: Runs) -> list[float]:
    return [1 - loss(ours) / loss(others) for ours, others in by_heart(runs)]


def better(ours: Sequence[Row], others: Sequence[Row]) -> bool:
    """More accurate and less loss, on average."""
    return accuracy(ours) > accuracy(others) and loss(ours) < loss(others)


def early_stopping_wins(runs: Runs) -> bool:
    """Of the first two lengths one is better, in both, than every HR at every length: wherever labels are wrong."""
    cells = [("poison", 0.1), ("poison", 0.4), ("length", 0.25)]
    for experiment, wrong in cells:
        steps = runs.steps(experiment)
        ours = [row for row in runs.rows if row.experiment == experiment and row.wrong == wrong and row.method == "HR"]
        for budgets in group(ours, lambda row: (name(row), row.step)).values():
            base = "PGD" if budgets[0].epsilon > 0 else "plain"
            stopped = [runs.at(experiment, base, step, wrong) for step in steps[:2]]
            best_accuracy, least_loss = max(map(accuracy, stopped)), min(map(loss, stopped))
            if accuracy(budgets) >= best_accuracy or loss(budgets) <= least_loss:
                return False
    return True


def at_best(runs: Runs, method: str) -> list[Row]:
    """The checkpoint of each seed of "overfit" with the least test loss."""
    rows = [row for row in runs.rows if row.experiment == "overfit" and name(row) == method]
    return [min(run, key=own_test_loss) for run in group(rows, lambda row: row.seed).values()]


def gain_at_best(runs: Runs, what: str) -> Mean:
    return gain(at_best(runs, HR_R5), at_best(runs, "PGD"), what)


def trades(runs: Runs, what: str, wrong: bool) -> list[bool]:
    """In every setting and at every length: is TRADES(6) better than HR?"""
    pairs = [
        pair
        for experiment in ("poison", "length", "size", "together")
        for pair in runs.pairs(experiment, ["TRADES(6)"])
    ]
    return [gain(ours, others, what).value < 0 for ours, others in pairs if wrong <= (ours[0].wrong > 0)]


def size(runs: Runs, method: str, images: int, step: Optional[int] = None) -> list[Row]:
    return runs.at("size", method, step, size=images)


def saved(runs: Runs, images: int) -> list[float]:
    """The part of the loss that r = .5 takes away after 600 steps: without attacks, with attacks."""
    pairs = (("HR(0, 0.5)", "plain"), (HR_R5, "PGD"))
    return [1 - loss(size(runs, ours, images, 600)) / loss(size(runs, base, images, 600)) for ours, base in pairs]


def keeps(row: Row) -> bool:
    return own_test_loss(row) <= row.robust_loss


def first_of_hr(runs: Runs) -> list[Row]:
    first = {
        experiment: min(row.step for row in rows)
        for experiment, rows in group(runs.rows, lambda row: row.experiment).items()
    }
    return [row for row in runs.rows if row.method == "HR" and row.step == first[row.experiment]]


def exceeded(runs: Runs) -> list[Row]:
    """The trainings whose test exceeds one of their certificates."""
    return [
        row
        for row in runs.ends
        if 1 - row.attacked_accuracy > min(row.certified_error, row.certified_poisoned)
        or row.clipped_loss > row.certified_loss
    ]


def seeds_of_exceeded(runs: Runs) -> bool:
    """All of one seed, where held-out images have 3 points (2.5 to 3.5) less error."""
    seeds = {row.seed for row in exceeded(runs)}
    easier = mean(1 - row.attacked_accuracy - row.held_out_error for row in runs.ends if row.seed in seeds)
    return len(seeds) == 1 and 0.025 <= easier.value < 0.035


def points_for(runs: Runs, wrong: float) -> float:
    """What the certificate from poisoned labels costs beside the one from true ones, in points."""
    return 100 * mean(row.certified_poisoned - row.certified_error for row in runs.ends if row.wrong == wrong).value


def authors(runs: Runs, package: str, epsilon: float, column: str) -> Mean:
    return mean(
        float(row[column]) for row in runs.authors if row["package"] == package and float(row["epsilon"]) == epsilon
    )


def beyond_two_errors(runs: Runs) -> int:
    """How many numbers at the end differ by more than two standard errors on average, with attacks or without."""
    theirs, ours = (
        {(row["epsilon"], row["seed"]): row for row in runs.authors if row["package"] == package}
        for package in ("HR_Neural_Networks", "hr-weights")
    )
    columns = [column for column in runs.authors[0] if column.endswith(("_accuracy", "_loss"))]
    differences = [
        mean(float(ours[key][column]) - float(theirs[key][column]) for key in ours if key[0] == epsilon)
        for column in columns
        for epsilon in sorted({epsilon for epsilon, _ in ours})
    ]
    assert len(differences) == 10
    return sum(clear(Mean(abs(one.value), one.error, one.seeds)) for one in differences)


def share(runs: Runs, package: str) -> float:
    """Of a step with attacks: the part of the weights, in percent."""
    return 100 * authors(runs, package, 0.3, "weights_ms").value / authors(runs, package, 0.3, "step_ms").value


def times_faster(runs: Runs) -> list[float]:
    return [
        authors(runs, "HR_Neural_Networks", e, "weights_ms").value / authors(runs, "hr-weights", e, "weights_ms").value
        for e in (0.0, 0.3)
    ]


@dataclass(frozen=True)
class Claim(Generic[R]):
    """A sentence of a page, or a part of one, and whether the results bear it out."""

    text: str
    holds: Callable[[R], bool]


CLAIMS: tuple[Claim[Runs], ...] = (
    Claim(
        "It then lowers the test loss, mostly by a fifth to a half, with wrong labels and without",
        lambda runs: (
            sum(0.195 <= one <= 0.525 for one in reductions(runs)) > 0.6 * len(reductions(runs))
            and min(reductions(runs)) > -0.05
        ),
    ),
    Claim(
        "Accuracy hardly changes: by some two points at most, in either direction.",
        lambda runs: all(abs(gain(*pair, "accuracy").value) < 0.025 for pair in by_heart(runs)),
    ),
    Claim(
        "After 100 steps on 500 images HR is behind in accuracy and in loss",
        lambda runs: all(
            clear(Mean(-one.value, one.error, one.seeds))
            for pair in [*runs.pairs("poison", ("plain", "PGD")), *runs.pairs("length", ("plain", "PGD"))]
            if pair[0][0].step == 100
            for one in (gain(*pair, "accuracy"), gain(*pair, "loss"))
        ),
    ),
    Claim(
        "With 40% wrong labels, attacks and alpha .2 the network has hardly begun to learn after 1,000 steps.",
        lambda runs: (
            mean(row.train_accuracy for row in runs.at("poison", "HR(0.2, 0.1), attacked", 1000, 0.4)).value < 0.5
            and loss(runs.at("poison", "HR(0.2, 0.1), attacked", 1000, 0.4)) > 2.2
        ),
    ),
    Claim(
        "Plain training or PGD, stopped after 100 or 300 steps, is more accurate and has less loss than HR at any length.",
        early_stopping_wins,
    ),
    Claim(
        "With true labels and 500 images HR with r = .5 has, at its best moment, less loss than PGD at its own",
        lambda runs: clear(gain_at_best(runs, "loss")),
    ),
    Claim(
        "Under attack TRADES with a beta of 6 is more accurate than HR in every setting here",
        lambda runs: all(trades(runs, "accuracy", wrong=False)),
    ),
    Claim(
        "where labels are wrong it mostly has less loss too",
        lambda runs: sum(trades(runs, "loss", wrong=True)) > 0.8 * len(trades(runs, "loss", wrong=True)),
    ),
    Claim(
        "it is slower than PGD to learn them by heart",
        lambda runs: all(
            clear(
                difference(
                    runs.at("poison", "PGD", 1000, wrong), runs.at("poison", "TRADES(6)", 1000, wrong), "train_accuracy"
                )
            )
            for wrong in (0.1, 0.4)
        ),
    ),
    Claim(
        "With few images and true labels HR with r = .5 can have less loss.",
        lambda runs: clear(gain(size(runs, HR_R5, 125, 600), size(runs, "TRADES(6)", 125, 600), "loss")),
    ),
    Claim(
        "with 2,000 true labels r = .5 is worse than no budget",
        lambda runs: all(
            better(size(runs, base, 2000, step), size(runs, ours, 2000, step))
            for step in runs.steps("size")
            for base, ours in (("plain", "HR(0, 0.5)"), ("PGD", HR_R5))
        ),
    ),
    Claim(
        "After 600 steps r = .5 lowers the loss by a quarter to a half with 250 and 500 images, with attacks and without.",
        lambda runs: all(0.245 <= one <= 0.525 for images in (250, 500) for one in saved(runs, images)),
    ),
    Claim(
        "With 125 it does so only under attack, with 1,000 only without (under attack it costs two points of accuracy "
        "there), and with 2,000 it costs.",
        lambda runs: (
            [[0.245 <= one <= 0.525 for one in saved(runs, images)] for images in (125, 1000)]
            == [[False, True], [True, False]]
            and round(100 * gain(size(runs, HR_R5, 1000, 600), size(runs, "PGD", 1000, 600), "accuracy").value) == -2
            and all(one < 0 for one in saved(runs, 2000))
        ),
    ),
    Claim(
        "after 600 steps r = .1 makes no difference",
        lambda runs: (
            not any(
                clear(Mean(abs(one.value), one.error, one.seeds))
                for base, ours in (("plain", "HR(0, 0.1)"), ("PGD", "HR(0, 0.1), attacked"))
                for one in (
                    gain(size(runs, ours, 2000, 600), size(runs, base, 2000, 600), what)
                    for what in ("accuracy", "loss")
                )
            )
        ),
    ),
    Claim(
        "a call takes an eighth to a tenth of the time of the authors' solver",
        lambda runs: all(7.5 <= one < 10.5 for one in times_faster(runs)),
    ),
    Claim(
        "5% or less of a training step with attacks against more than a quarter, for the same results",
        lambda runs: share(runs, "hr-weights") < 5.5 and share(runs, "HR_Neural_Networks") > 25,
    ),
    Claim(
        "of the ten differences one is beyond two standard errors",
        lambda runs: beyond_two_errors(runs) == 1,
    ),
    Claim(
        "PGD has the least loss at the first checkpoint, after 200 steps.",
        lambda runs: {row.step for row in at_best(runs, "PGD")} == {200},
    ),
    Claim(
        "r = .5 has less at its own best moment, where the accuracies do not differ by two errors",
        lambda runs: (
            clear(gain_at_best(runs, "loss"))
            and abs(gain_at_best(runs, "accuracy").value) <= 2 * gain_at_best(runs, "accuracy").error
        ),
    ),
    Claim(
        "at the end it has less than 60% of PGD's loss, and more accuracy.",
        lambda runs: (
            loss(runs.at("overfit", HR_R5)) < 0.6 * loss(runs.at("overfit", "PGD"))
            and clear(gain(runs.at("overfit", HR_R5), runs.at("overfit", "PGD"), "accuracy"))
        ),
    ),
    Claim(
        "Trained to the end, HR has half the loss of PGD under attack and the same accuracy, and TRADES the best accuracy.",
        lambda runs: (
            0.45 <= loss(runs.chosen("HR", ends=True)) / loss(runs.chosen("PGD", ends=True)) <= 0.55
            and not clear(gain(runs.chosen("PGD", ends=True), runs.chosen("HR", ends=True), "accuracy"))
            and not clear(gain(runs.chosen("HR", ends=True), runs.chosen("PGD", ends=True), "accuracy"))
            and all(
                clear(gain(runs.chosen("TRADES", ends=True), runs.chosen(one, ends=True), "accuracy"))
                for one in ("HR", "PGD")
            )
        ),
    ),
    Claim(
        "With early stopping HR is last among the methods that attack.",
        lambda runs: all(
            clear(gain(runs.chosen(one, ends=False), runs.chosen("HR", ends=False), what))
            for one in ("PGD", "TRADES")
            for what in ("accuracy", "loss")
        ),
    ),
    Claim(
        "With wrong labels HR keeps it at the first checkpoint, always; with true labels not always.",
        lambda runs: (
            all(keeps(row) for row in first_of_hr(runs) if row.wrong > 0)
            and not all(keeps(row) for row in first_of_hr(runs) if row.wrong == 0)
        ),
    ),
    Claim(
        "after 600 steps on 2,000 images always, on 125 never.",
        lambda runs: all(
            keeps(row) == (row.size == 2000)
            for row in runs.ends
            if row.experiment == "size" and row.method == "HR" and row.size in (125, 2000)
        ),
    ),
    Claim(
        "The mean over the batches of an epoch is a little below the robust loss of the whole",
        lambda runs: all(
            mean(row.batch_loss for row in rows).value < mean(row.robust_loss for row in rows).value
            for rows in group(
                [row for row in runs.ends if row.method == "HR"], lambda row: (row.experiment, row.alpha, row.r)
            ).values()
        ),
    ),
    Claim("whose held-out images are easier than its test by 3 points", seeds_of_exceeded),
    Claim(
        "here 15 points for 10%, 24 for a quarter",
        lambda runs: [round(points_for(runs, one)) for one in (0.1, 0.25)] == [15, 24],
    ),
    Claim(
        "with 40% nothing is certified",
        lambda runs: all(row.certified_poisoned > 0.99 for row in runs.ends if row.wrong == 0.4),
    ),
    Claim(
        "at a size that two cores finish in half an hour",
        lambda runs: sum(row.cpu_seconds for row in runs.ends) / 2 < 30 * 60,
    ),
)


def failures(claims: Sequence[Claim[R]], runs: R, page: str) -> list[str]:
    """The sentences that are not on the page, or do not hold."""
    words = " ".join(page.replace("**", "").split())
    missing = [f"not on the page: {claim.text}" for claim in claims if claim.text not in words]
    return missing + [f"not so: {claim.text}" for claim in claims if not claim.holds(runs)]


def check(claims: Sequence[Claim[R]], read: Callable[[Path], R], page: Path, description: str) -> None:
    """The command: holds a page against the results on its command line, which `read` reads."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("results", type=Path, help="where the results are")
    parser.add_argument("--page", type=Path, default=page)
    arguments = parser.parse_args()
    found = failures(claims, read(arguments.results), arguments.page.read_text(encoding="utf-8"))
    if found:
        sys.exit("\n".join(found))


if __name__ == "__main__":
    check(CLAIMS, Runs, PAGE, "Holds the page on the experiments against a directory with runs.csv and authors.csv")
