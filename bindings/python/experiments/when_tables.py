"""Writes the tables of docs/when.md from the results: `make experiments-when-page`. tables.py says how.

    python when_tables.py RESULTS.csv [--page when.md] [--check]
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Optional

import results
from summary import Mean, difference, group, mean
from tables import PAGE, percent, table, write
from when_rows import Row

WHEN = PAGE.with_name("when.md")
LOSSES = ("smoothing", "TRADES", "MART")
SCHEDULES = ("HR, known", "HR, held out", "HR, growing", "HR, late")
MEMORIES = ("HR, worst", "HR, trust", "HR, worst, trust", "trust without HR")
CALIBRATED = ("plain", "smoothing", "HR", "r alone", "HR over smoothing", "trust without HR")
GROUPED = ("plain", "weights", "focal", "CVaR", "group DRO", "HR", "HR over groups", "HR over weights")
#: What the page calls a family, where it says more than the family itself.
TITLES = {
    "HR, known": "HR once the training set is known",
    "HR, held out": "HR once the held-out robust loss rises",
    "HR, growing": "HR with growing budgets",
    "HR, late": "HR for the last tenth",
    "HR, worst": "HR with the running worst loss",
    "HR, trust": "HR with remembered base weights",
    "HR, worst, trust": "HR with both",
    "trust without HR": "remembered base weights alone",
    "weights": "group weights",
    "HR over weights": "HR over group weights",
}


def title(family: str) -> str:
    return TITLES.get(family, family)


def of_groups(family: str) -> str:
    return "HR over samples" if family == "HR" else title(family)


def chosen(rows: Iterable[Row], early: bool = False, step: Optional[int] = None) -> list[Row]:
    """Of each seed the row that its validation sample prefers: of a family after the last step, after `step`, or after any.

    It prefers the least loss; between groups the largest mean accuracy, and of equal ones the least loss.
    """

    def value(row: Row) -> tuple[float, float]:
        return (-row.validation_accuracy if row.experiment == "groups" else 0.0), row.validation_loss

    rows = list(rows)
    last = step or max(row.step for row in rows)
    candidates = [row for row in rows if early or row.step == last]
    return [min(run, key=value) for run in group(candidates, lambda row: row.seed).values()]


class Runs:
    """The rows of a file of results, by experiment, setting and family."""

    def __init__(self, path: Path) -> None:
        self.rows: list[Row] = results.read(path, Row)
        self.by_family = group(self.rows, lambda row: (row.experiment, row.setting, row.family))

    def settings(self, experiment: str) -> list[str]:
        """Of fewest images first, then of the fewest wrong labels; then by name."""
        found = {row.setting for row in self.rows if row.experiment == experiment}
        return sorted(found, key=lambda one: ([int(word) for word in re.findall(r"\d+", one)], one))

    def families(self, experiment: str, setting: str) -> list[str]:
        return [family for one, other, family in self.by_family if (one, other) == (experiment, setting)]

    def pick(
        self, experiment: str, setting: str, family: str, early: bool = False, step: Optional[int] = None
    ) -> list[Row]:
        return chosen(self.by_family[experiment, setting, family], early, step)


def base(experiment: str) -> str:
    return "PGD" if experiment == "attacked" else "plain"


def cell(rows: Sequence[Row], columns: tuple[str, str] = ("test_accuracy", "test_loss")) -> str:
    """Such as "64.2 ± 0.8; 2.31 ± 0.05"."""
    return "; ".join(_number(mean(getattr(row, column) for row in rows), column) for column in columns)


def minus(*pair: Sequence[Row], columns: tuple[str, str] = ("test_accuracy", "test_loss")) -> str:
    """The first rows minus the second, seed by seed."""
    rows, others = pair
    return "; ".join(_number(difference(rows, others, column), column) for column in columns)


def _number(value: Mean, column: str) -> str:
    return percent(value) if column.endswith("accuracy") else value.text(2)


#: For ``findings``: what one has; experiment, setting and whether the length is chosen; what is used, against what.
FINDINGS = (
    ("a rare group, known", "groups", "digits, rare inverted", True, "HR over groups", ("plain", "group DRO", "weights")),
    ("a rare class", "groups", "cancer, rare malignant", True, "HR over groups", ("plain", "group DRO", "weights", "focal")),
    ("a rare group, not known", "groups", "digits, rare inverted", True, "HR", ("plain", "focal", "CVaR")),
    ("20% wrong labels", "natural", "500 images, 20% wrong", True, "HR", ("plain", "trust without HR")),
    ("the same, to the end", "natural", "500 images, 20% wrong", False, "HR", ("plain", "trust without HR")),
    ("attacks, true labels", "attacked", "500 images, 0% wrong", True, "HR over TRADES", ("TRADES",)),
    ("the same, to the end", "attacked", "500 images, 0% wrong", False, "HR over TRADES", ("TRADES",)),
    ("attacks, 20% wrong", "attacked", "500 images, 20% wrong", True, "HR over TRADES", ("TRADES", "trust without HR")),
    ("the same, to the end", "attacked", "500 images, 20% wrong", False, "HR over TRADES", ("TRADES", "trust without HR")),
)


def findings(runs: Runs) -> str:
    """HR where the page's summary looks, and who is better by two standard errors of the paired difference."""
    lines = []
    for what, experiment, setting, early, ours, others in FINDINGS:
        if setting not in runs.settings(experiment):
            # A quick run has fewer images.
            continue
        columns = GROUP_COLUMNS if experiment == "groups" else ("test_accuracy", "test_loss")
        call = of_groups if experiment == "groups" else title
        picks = {family: runs.pick(experiment, setting, family, early) for family in (ours, *others)}
        for other in others:
            pair = picks[ours], picks[other]
            verdicts = "; ".join(better(*pair, column, (call(ours), call(other))) for column in columns)
            cells = (cell(picks[family], columns) for family in (ours, other))
            lines.append([what, call(ours), call(other), *cells, minus(*pair, columns=columns), verdicts])
    return table(["setting", "HR", "against", "HR", "the other", "HR minus the other", "better by two errors"], lines)


def better(rows: Sequence[Row], others: Sequence[Row], column: str, names: tuple[str, str]) -> str:
    """Which of two is better by two standard errors, or "-"."""
    gain = difference(rows, others, column)
    if abs(gain.value) <= 2 * gain.error:
        return "-"
    return names[(gain.value < 0) == column.endswith("accuracy")]


def combined(runs: Runs, early: bool) -> str:
    """Lines: families; columns: settings under attack."""
    settings = runs.settings("attacked")
    lines = []
    for loss in ("PGD", *LOSSES):
        for family in (loss, "HR" if loss == "PGD" else f"HR over {loss}"):
            cells = (
                cell(runs.pick("attacked", setting, family, early)) if family in runs.families("attacked", setting) else ""
                for setting in settings
            )
            lines.append(["HR over PGD" if family == "HR" else family, *cells])
    return table(["method", *settings], lines)


def same_strength(runs: Runs, setting: str, loss: str) -> tuple[list[Row], list[Row]]:
    """All rows of HR over a loss, and those of the loss alone with the strength that it has under HR."""
    ours = runs.by_family["attacked", setting, "HR" if loss == "PGD" else f"HR over {loss}"]
    strength = ours[0].candidate.split(", HR")[0] if loss != "PGD" else "none"
    return ours, [row for row in runs.by_family["attacked", setting, loss] if row.candidate == strength]


def over(runs: Runs) -> str:
    """HR over a loss minus this loss of the same strength, at each length."""
    lines = []
    for setting in runs.settings("attacked"):
        for loss in ("PGD", *LOSSES):
            if loss not in runs.families("attacked", setting):
                continue
            ours, alone = same_strength(runs, setting, loss)
            at = [minus(chosen(ours, step=step), chosen(alone, step=step)) for step in lengths(runs, "attacked")]
            lines.append([setting, loss, *at, minus(chosen(ours, early=True), chosen(alone, early=True))])
    return table(["setting", "loss", *(f"{step} steps" for step in lengths(runs, "attacked")), "chosen"], lines)


def lengths(runs: Runs, experiment: str) -> list[int]:
    """Those of the other page, 100, 300 and 1,000; of a quick run all."""
    steps = sorted({row.step for row in runs.rows if row.experiment == experiment})
    return [step for step in steps if step in (100, 300, 1000)] or steps


def having(runs: Runs, family: str) -> list[tuple[str, str]]:
    """The experiments and settings that have a family; not all have schedules and memories."""
    return [
        (experiment, setting)
        for experiment in ("attacked", "natural")
        for setting in runs.settings(experiment)
        if family in runs.families(experiment, setting)
    ]


def compared(runs: Runs, families: Sequence[str]) -> str:
    """Lines: settings and families; at the end, and with the length chosen, beside the base that is stopped early."""
    lines = []
    for experiment, setting in having(runs, families[-1]):
        stopped = runs.pick(experiment, setting, base(experiment), early=True)
        others = ("TRADES",) if experiment == "attacked" else ()
        for family in (base(experiment), *others, *families):
            end, early = (runs.pick(experiment, setting, family, early) for early in (False, True))
            name = title(family)
            lines.append([f"{experiment}, {setting}", name, cell(end), cell(early), minus(early, stopped)])
    return table(["setting", "method", "at the end", "length chosen", "minus the base, length chosen"], lines)


#: The seeds on which a schedule is chosen; the others tell what it is worth.
FIRST = 5


def confirmed(runs: Runs) -> str:
    """The schedule that does best on the first seeds, on the others, beside the base, HR all the time and TRADES."""
    lines = []
    for experiment, setting in having(runs, SCHEDULES[0]):
        for early in (False, True):
            best, ours = best_schedule(runs, experiment, setting, early)
            others = (base(experiment), "HR", *(("TRADES",) if experiment == "attacked" else ()))
            cells = [minus(ours, _others(runs.pick(experiment, setting, one, early))) for one in others]
            cells += [""] * (3 - len(cells))
            lines.append([f"{experiment}, {setting}", "chosen" if early else "1,000 steps", title(best), cell(ours), *cells])
    header = ["setting", "length", "best schedule of the first seeds", "on the others"]
    return table([*header, "minus the base", "minus HR all the time", "minus TRADES"], lines)


def _others(rows: Iterable[Row]) -> list[Row]:
    """Of the seeds that are not the first; of a quick run all."""
    rows = list(rows)
    return [row for row in rows if row.seed >= FIRST] or rows


def best_schedule(runs: Runs, experiment: str, setting: str, early: bool) -> tuple[str, list[Row]]:
    """The schedule with the least validation loss on the first seeds, and its rows of the others."""

    def value(family: str) -> float:
        rows = runs.pick(experiment, setting, family, early)
        return mean(row.validation_loss for row in rows if row.seed < FIRST).value

    best = min(SCHEDULES, key=value)
    return best, _others(runs.pick(experiment, setting, best, early))


def moments(runs: Runs) -> str:
    """When the schedules that look for their moment find it: the step, over the seeds that find it, and how many do."""
    lines = []
    for experiment, setting in having(runs, SCHEDULES[0]):
        cells = []
        for family in SCHEDULES[:2]:
            ends = runs.pick(experiment, setting, family)
            found = [row.on_since for row in ends if row.on_since == row.on_since]
            cells.append(f"{mean(found).text(0)} ({len(found)} of {len(ends)})" if found else "never")
        lines.append([f"{experiment}, {setting}", *cells])
    return table(["setting", *map(title, SCHEDULES[:2])], lines)


def calibrated(runs: Runs) -> str:
    """As it is and after the temperature: at the end, and the plain training with the length chosen."""
    columns = ("test_loss", "ece", "brier", "scaled_loss", "scaled_ece", "scaled_brier")
    lines = []
    for setting in runs.settings("natural"):
        for family, early in (*((family, False) for family in CALIBRATED), ("plain", True)):
            rows = runs.pick("natural", setting, family, early)
            means = [mean(getattr(row, column) for row in rows).text(3) for column in columns]
            name = f"{title(family)}, length chosen" if early else title(family)
            lines.append([setting, name, percent(mean(row.test_accuracy for row in rows)), *means])
    header = ["setting", "method", "accuracy", "loss", "ECE", "Brier score"]
    return table([*header, "loss, scaled", "ECE, scaled", "Brier score, scaled"], lines)


GROUP_COLUMNS = ("worst_accuracy", "test_accuracy")


def grouped(runs: Runs, early: bool) -> str:
    settings = runs.settings("groups")
    lines = [
        [of_groups(family), *(cell(runs.pick("groups", setting, family, early), GROUP_COLUMNS) for setting in settings)]
        for family in GROUPED
    ]
    return table(["method", *settings], lines)


def grouped_pairs(runs: Runs) -> str:
    """HR over groups, and over samples, minus the others, with the length chosen."""
    settings = runs.settings("groups")
    pairs = [
        *(("HR over groups", one) for one in ("plain", "weights", "group DRO", "focal", "CVaR", "HR")),
        *(("HR", one) for one in ("plain", "focal", "CVaR")),
        ("HR over weights", "weights"),
    ]
    lines = [
        [
            f"{of_groups(ours)} minus {of_groups(other)}",
            *(
                minus(*(runs.pick("groups", setting, one, True) for one in (ours, other)), columns=GROUP_COLUMNS)
                for setting in settings
            ),
        ]
        for ours, other in pairs
    ]
    return table(["", *settings], lines)


def cost(runs: Runs) -> str:
    lines, total = [], 0.0
    ends = {row.key[:4]: row for row in sorted(runs.rows, key=lambda row: row.step)}
    for experiment, rows in group(ends.values(), lambda row: row.experiment).items():
        seconds = sum(row.cpu_seconds for row in rows)
        total += seconds
        lines.append([experiment, str(len(rows)), f"{seconds:.0f}", f"{seconds / 120:.1f}"])
    lines = [*sorted(lines), ["all", str(len(ends)), f"{total:.0f}", f"{total / 120:.1f}"]]
    return table(["experiment", "methods in settings", "CPU seconds", "minutes of two cores"], lines)


def tables(path: Path) -> dict[str, str]:
    """All tables by name."""
    runs = Runs(path)
    makers: dict[str, Callable[[], str]] = {
        "findings": lambda: findings(runs),
        "combined-end": lambda: combined(runs, early=False),
        "combined-early": lambda: combined(runs, early=True),
        "over": lambda: over(runs),
        "schedules": lambda: compared(runs, ("HR", "r alone", *SCHEDULES)),
        "confirmed": lambda: confirmed(runs),
        "moments": lambda: moments(runs),
        "memories": lambda: compared(runs, ("HR", *MEMORIES)),
        "calibration": lambda: calibrated(runs),
        "groups-end": lambda: grouped(runs, early=False),
        "groups-early": lambda: grouped(runs, early=True),
        "groups-pairs": lambda: grouped_pairs(runs),
        "cost": lambda: cost(runs),
    }
    return {name: make() for name, make in makers.items()}


if __name__ == "__main__":
    write(tables, WHEN, "Writes the tables of the page on when it pays")
