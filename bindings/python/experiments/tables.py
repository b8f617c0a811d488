"""Writes the tables of docs/experiments.md from the results: `make experiments-page`.

    python tables.py DIRECTORY [--page experiments.md] [--check]

The page has a line ``<!-- table NAME -->`` before each table and ``<!-- end -->`` after it; what is between is written here,
and the rest by hand. With a page that does not exist, only tables are written. --check changes nothing and fails if the
page is not that of the results.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import results
from results import Row
from summary import Mean, difference, group, last, mean, methods, name

PAGE = Path(__file__).resolve().parents[3] / "docs" / "experiments.md"
BREAKS = re.compile(r" (?=±)|(?<=±) |(?<=HR\(0,) |(?<=HR\(0\.\d,) |(?<=HR\(0\.\d\d,) ")
BLOCK = re.compile(r"(<!-- table ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Numbers do not break before or after their ±, nor budgets after their comma: those spaces are no-break spaces."""
    text = "\n".join("| " + " | ".join(line) + " |" for line in (header, ["---"] * len(header), *lines)) + "\n"
    return BREAKS.sub("\u00a0", text)


def percent(value: Mean) -> str:
    return Mean(100 * value.value, 100 * value.error, value.seeds).text(1)


def accuracy_and_loss(rows: Sequence[Row], prefix: str) -> str:
    """Such as "64.2 ± 0.8; 2.31 ± 0.05"."""
    accuracy = mean(getattr(row, f"{prefix}_accuracy") for row in rows)
    return f"{percent(accuracy)}; {mean(getattr(row, f'{prefix}_loss') for row in rows).text(2)}"


def by_setting(rows: Sequence[Row], column: str, label: str, prefix: str) -> str:
    """Lines: length and method; columns: the values of a setting. Cells: accuracy and loss."""
    settings = sorted({getattr(row, column) for row in rows})
    lines = []
    for step in sorted({row.step for row in rows}):
        for method in methods(rows):
            chosen = [row for row in rows if row.step == step and name(row) == method]
            cells = group(chosen, lambda row: getattr(row, column))
            lines.append([str(step), method, *(accuracy_and_loss(cells[setting], prefix) for setting in settings)])
    return table(["steps", "method", *(f"{label} {setting:g}" for setting in settings)], lines)


def natural(rows: Iterable[Row], experiment: str) -> list[Row]:
    return [row for row in rows if row.experiment == experiment and row.epsilon == 0]


def attacked(rows: Iterable[Row], experiment: str) -> list[Row]:
    return [row for row in rows if row.experiment == experiment and row.epsilon > 0]


def against(rows: Sequence[Row], column: str, label: str, base: str, prefix: str) -> str:
    """HR minus a base method, in pairs of the same seed, at each length."""
    settings = sorted({getattr(row, column) for row in rows})
    lines = []
    for step in sorted({row.step for row in rows}):
        for method in methods(rows):
            if not method.startswith("HR"):
                continue
            cells = []
            for setting in settings:
                here = [row for row in rows if row.step == step and getattr(row, column) == setting]
                pair = [row for row in here if name(row) == method], [row for row in here if name(row) == base]
                accuracy, loss = (difference(*pair, f"{prefix}_{what}") for what in ("accuracy", "loss"))
                cells.append(f"{percent(accuracy)}; {loss.text(2)}")
            lines.append([str(step), method, *cells])
    return table(["steps", f"minus {base}", *(f"{label} {setting:g}" for setting in settings)], lines)


def length(rows: Sequence[Row]) -> str:
    """Lines: methods; columns: steps. Cells: accuracy and loss of the test that the method is told of, and interpolation."""
    chosen = [row for row in rows if row.experiment == "length"]
    steps = sorted({row.step for row in chosen})
    lines = []
    for method in methods(chosen):
        cells = group([row for row in chosen if name(row) == method], lambda row: row.step)
        prefix = "attacked" if cells[steps[0]][0].epsilon > 0 else "test"
        lines.append([method, prefix, *(accuracy_and_loss(cells[step], prefix) for step in steps)])
        lines.append(["", "training", *(percent(mean(row.train_accuracy for row in cells[step])) for step in steps)])
    epochs = group(chosen, lambda row: row.step)
    return table(["method", "", *(f"{step} steps, {epochs[step][0].epoch:.0f} epochs" for step in steps)], lines)


def length_pairs(rows: Sequence[Row]) -> str:
    chosen = [row for row in rows if row.experiment == "length"]
    steps = sorted({row.step for row in chosen})
    hr = [one for one in methods(chosen) if one.startswith("HR")]
    lines = []
    for one, base, prefix in ((hr[0], "plain", "test"), (hr[1], "PGD", "attacked")):
        cells = []
        for step in steps:
            here = [row for row in chosen if row.step == step]
            pair = [row for row in here if name(row) == one], [row for row in here if name(row) == base]
            accuracy, loss = (difference(*pair, f"{prefix}_{what}") for what in ("accuracy", "loss"))
            cells.append(f"{percent(accuracy)}; {loss.text(2)}")
        lines.append([f"{one} minus {base}", *cells])
    return table(["", *(f"{step} steps" for step in steps)], lines)


def findings(rows: Sequence[Row]) -> str:
    """HR against the others where the page's summary looks, with a verdict at two standard errors."""
    by_training = group(rows, lambda row: (row.experiment, row.wrong, row.size, name(row), row.step))
    lines = []

    def compare(setting: str, training: str, hr: Sequence[Row], other: Sequence[Row], prefix: str) -> None:
        accuracy, loss = (difference(hr, other, f"{prefix}_{what}") for what in ("accuracy", "loss"))
        # With chosen budgets it is the method that is compared.
        ours, others = (name(runs[0]) if training != "chosen" else runs[0].method for runs in (hr, other))
        verdicts = verdict(accuracy, others), verdict(Mean(-loss.value, loss.error, loss.seeds), others)
        cells = accuracy_and_loss(hr, prefix), accuracy_and_loss(other, prefix), f"{percent(accuracy)}; {loss.text(2)}"
        lines.append([setting, training, ours.replace(", attacked", ""), others, *cells, "; ".join(verdicts)])

    for title, experiment, wrong, place, ours, others, prefix in SUMMARY:
        size = sorted({row.size for row in rows if row.experiment == experiment})[place]
        steps = sorted({row.step for row in rows if row.experiment == experiment})
        for step in (steps[0], steps[-1]):
            for other in others:
                hr, base = (by_training[experiment, wrong, size, one, step] for one in (ours, other))
                compare(title, f"{step} steps", hr, base, prefix)
    chosen = [row for row in rows if row.experiment == "together"]
    end = max(row.step for row in chosen)
    for candidates in ([row for row in chosen if row.step == end], chosen):
        picks = {
            family: [chosen_by(run, "loss") for run in group(members, lambda row: row.seed).values()]
            for family, members in group(candidates, lambda row: row.method).items()
        }
        title = "all at once, " + ("early stopping" if candidates is chosen else f"{end} steps")
        for other in ("plain", "PGD", "TRADES"):
            compare(title, "chosen", picks["HR"], picks[other], "attacked")
    header = ["setting", "training", "HR", "against", "HR: accuracy; loss", "the other", "HR minus the other"]
    return table([*header, "better by two errors"], lines)


def verdict(gain: Mean, other: str) -> str:
    """Who is better by two standard errors, if anybody."""
    if abs(gain.value) > 2 * gain.error:
        return "HR" if gain.value > 0 else other
    return "-"


#: For ``findings``: what the line says; experiment, wrong share and which of its sizes; the HR of the line, and whom it is
#: compared with; the columns.
SUMMARY = (
    ("10% wrong, no attack", "poison", 0.1, 0, "HR(0.05, 0.1)", ("plain",), "test"),
    ("10% wrong, attack", "poison", 0.1, 0, "HR(0.05, 0.1), attacked", ("PGD", "TRADES(6)"), "attacked"),
    ("40% wrong, attack", "poison", 0.4, 0, "HR(0.2, 0.1), attacked", ("PGD", "TRADES(6)"), "attacked"),
    ("125 images, attack", "size", 0.0, 0, "HR(0, 0.5), attacked", ("PGD", "TRADES(6)"), "attacked"),
    ("2,000 images, attack", "size", 0.0, -1, "HR(0, 0.5), attacked", ("PGD", "TRADES(6)"), "attacked"),
    ("500 images, attack", "overfit", 0.0, 0, "HR(0, 0.5), attacked", ("PGD",), "attacked"),
)


def interpolation(rows: Sequence[Row]) -> str:
    """How far the training is at each length: the accuracy on the training images, with the given labels."""
    chosen = [row for row in rows if row.experiment == "poison"]
    settings = sorted({row.wrong for row in chosen})
    lines = []
    for step in sorted({row.step for row in chosen}):
        for method in methods(chosen):
            here = group([row for row in chosen if row.step == step and name(row) == method], lambda row: row.wrong)
            epoch = next(iter(here.values()))[0].epoch
            cells = (percent(mean(row.train_accuracy for row in here[setting])) for setting in settings)
            lines.append([str(step), f"{epoch:.0f}", method, *cells])
    return table(["steps", "epochs", "method", *(f"wrong {setting:g}" for setting in settings)], lines)


def overfit(rows: Sequence[Row]) -> str:
    chosen = [row for row in rows if row.experiment == "overfit"]
    lines = []
    for method in methods(chosen):
        runs = list(group([row for row in chosen if name(row) == method], lambda row: row.seed).values())
        ends = [max(run, key=lambda row: row.step) for run in runs]
        best = [min(run, key=lambda row: row.attacked_loss) for run in runs]
        lines.append(
            [
                method,
                mean(row.attacked_loss for row in best).text(3),
                f"{mean(row.step for row in best).value:.0f}",
                mean(row.attacked_loss for row in ends).text(3),
                percent(mean(row.attacked_accuracy for row in best)),
                percent(mean(row.attacked_accuracy for row in ends)),
                mean(row.train_loss for row in ends).text(3),
                mean(row.robust_loss for row in ends).text(3),
            ]
        )
    header = ["method", "lowest test loss", "at step", "test loss at the end", "accuracy at the lowest loss"]
    return table([*header, "accuracy at the end", "training loss at the end", "robust loss at the end"], lines)


def chosen_by(rows: Sequence[Row], what: str) -> Row:
    """The row that the validation images prefer, over attack and noise together: of one family and one seed."""

    def value(row: Row) -> float:
        return float(
            getattr(row, f"validation_attacked_{what}") + getattr(row, f"validation_noisy_{what}")  # their mean, twice
        )

    return min(rows, key=value) if what == "loss" else max(rows, key=value)


def together(rows: Sequence[Row]) -> str:
    chosen = [row for row in rows if row.experiment == "together"]
    end = max(row.step for row in chosen)
    lines = []
    for what in ("loss", "accuracy"):
        for stopped in (False, True):
            candidates = [row for row in chosen if stopped or row.step == end]
            lines += _preferred(candidates, what, stopped)
    header = ["chosen by validation", "stopped at", "method", "most often", "as they are", "attacked", "with noise"]
    return table(header, lines)


def _preferred(candidates: Sequence[Row], what: str, stopped: bool) -> list[list[str]]:
    """For each method the test of what the validation prefers among its budgets, and lengths if `stopped`."""

    def label(row: Row) -> str:
        return f"{name(row)} at {row.step}" if stopped else name(row)

    lines = []
    families = group(candidates, lambda row: row.method)
    for family in ("plain", "PGD", "TRADES", "HR"):
        picks = [chosen_by(run, what) for run in group(families[family], lambda row: row.seed).values()]
        names = group(picks, label)
        often = max(names, key=lambda one: len(names[one]))
        cells = [accuracy_and_loss(picks, prefix) for prefix in ("test", "attacked", "noisy")]
        length = "chosen too" if stopped else "the end"
        lines.append([what, length, family, f"{often} ({len(names[often])} of {len(picks)})", *cells])
    return lines


def together_all(rows: Sequence[Row]) -> str:
    chosen = last(row for row in rows if row.experiment == "together")
    lines = []
    for method in methods(chosen):
        runs = [row for row in chosen if name(row) == method]
        lines.append([method, *(accuracy_and_loss(runs, prefix) for prefix in ("test", "attacked", "noisy"))])
    return table(["at the end", "as they are", "attacked", "with noise"], lines)


def own_test_loss(row: Row) -> float:
    """The test loss under what the training was told of: the attack if it attacks."""
    return row.attacked_loss if row.epsilon > 0 else row.test_loss


def kept(rows: Sequence[Row]) -> str:
    return f"{sum(own_test_loss(row) <= row.robust_loss for row in rows)} of {len(rows)}"


def promise(rows: Sequence[Row]) -> str:
    """How often the test loss is at most the robust loss of the training data."""
    lines = []
    hr = [row for row in rows if row.method in ("HR", "PGD", "plain")]
    for experiment in ("poison", "length", "size", "overfit", "together"):
        chosen = [row for row in hr if row.experiment == experiment]
        first = min(row.step for row in chosen)
        end = max(row.step for row in chosen)
        for budgets, runs in sorted(group(chosen, lambda row: (row.alpha, row.r)).items()):
            ends = [row for row in runs if row.step == end]
            lines.append(
                [
                    experiment,
                    f"{budgets[0]:g}",
                    f"{budgets[1]:g}",
                    kept([row for row in runs if row.step == first]),
                    kept(ends),
                    f"{mean(row.robust_loss for row in ends).value:.2f}",
                    f"{mean(own_test_loss(row) for row in ends).value:.2f}",
                    f"{mean(row.batch_loss for row in ends).value:.2f}",
                ]
            )
    header = ["experiment", "alpha", "r", "kept, first checkpoint", "kept, at the end", "robust loss", "test loss"]
    return table([*header, "mean over batches"], lines)


def certificate(rows: Sequence[Row]) -> str:
    lines = []
    ends = last(rows)
    for (experiment, wrong), runs in group(ends, lambda row: (row.experiment, row.wrong)).items():
        errors = [1 - row.attacked_accuracy for row in runs]
        clean = sum(error <= row.certified_error for error, row in zip(errors, runs))
        poisoned = sum(error <= row.certified_poisoned for error, row in zip(errors, runs))
        losses = sum(row.clipped_loss <= row.certified_loss for row in runs)
        lines.append(
            [
                experiment,
                f"{wrong:g}",
                f"{100 * mean(errors).value:.1f}",
                f"{100 * mean(row.certified_error for row in runs).value:.1f}",
                f"{clean} of {len(runs)}",
                f"{100 * mean(row.certified_poisoned for row in runs).value:.1f}",
                f"{poisoned} of {len(runs)}",
                f"{mean(row.clipped_loss for row in runs).value:.2f}",
                f"{mean(row.certified_loss for row in runs).value:.2f}",
                f"{losses} of {len(runs)}",
            ]
        )
    header = ["experiment", "wrong", "test error, %", "certified, %", "kept", "certified from poisoned, %", "kept"]
    return table([*header, "test loss, clipped", "certified", "kept"], sorted(lines))


def authors(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        every: list[dict[str, str]] = list(csv.DictReader(file))
    lines = []
    for epsilon in sorted({float(row["epsilon"]) for row in every}):
        for package in ("HR_Neural_Networks", "hr-weights"):
            runs = [row for row in every if row["package"] == package and float(row["epsilon"]) == epsilon]

            def over(column: str, runs: Any = runs) -> Mean:
                return mean(float(row[column]) for row in runs)

            lines.append(
                [
                    f"{epsilon:g}",
                    package,
                    over("step_ms").text(1),
                    over("weights_ms").text(2),
                    f"{100 * over('weights_ms').value / over('step_ms').value:.0f} %",
                    f"{over('other_solver').value:.0f}, {over('failed').value:.0f}",
                    percent(over("train_accuracy")),
                    f"{percent(over('test_accuracy'))}; {over('test_loss').text(3)}",
                    f"{percent(over('attacked_accuracy'))}; {over('attacked_loss').text(3)}",
                ]
            )
    header = ["epsilon", "package", "ms per step", "of it weights", "share", "other solver, none", "training accuracy"]
    return table([*header, "test", "attacked test"], lines)


def cost(rows: Sequence[Row]) -> str:
    lines = []
    total = 0.0
    for experiment, runs in group(last(rows), lambda row: row.experiment).items():
        seconds = sum(row.cpu_seconds for row in runs)
        total += seconds
        lines.append([experiment, str(len(runs)), str(len({row.seed for row in runs})), *_took(seconds)])
    lines.sort()
    trainings = str(len(last(rows)))
    header = ["experiment", "trainings", "seeds", "CPU seconds", "minutes of two cores"]
    return table(header, [*lines, ["all", trainings, "", *_took(total)]])


def _took(seconds: float) -> tuple[str, str]:
    return f"{seconds:.0f}", f"{seconds / 120:.1f}"


def tables(directory: Path) -> dict[str, str]:
    """All tables by name. Raises FileNotFoundError if a file of results is missing."""
    rows = results.read(directory / "runs.csv")
    makers: dict[str, Callable[[], str]] = {
        "findings": lambda: findings(rows),
        "poison-natural": lambda: by_setting(natural(rows, "poison"), "wrong", "wrong", "test"),
        "poison-attacked": lambda: by_setting(attacked(rows, "poison"), "wrong", "wrong", "attacked"),
        "poison-natural-pairs": lambda: against(natural(rows, "poison"), "wrong", "wrong", "plain", "test"),
        "poison-attacked-pairs": lambda: against(attacked(rows, "poison"), "wrong", "wrong", "PGD", "attacked"),
        "length": lambda: length(rows),
        "length-pairs": lambda: length_pairs(rows),
        "interpolation": lambda: interpolation(rows),
        "size-natural": lambda: by_setting(natural(rows, "size"), "size", "n =", "test"),
        "size-attacked": lambda: by_setting(attacked(rows, "size"), "size", "n =", "attacked"),
        "overfit": lambda: overfit(rows),
        "together": lambda: together(rows),
        "together-all": lambda: together_all(rows),
        "promise": lambda: promise(rows),
        "certificate": lambda: certificate(rows),
        "authors": lambda: authors(directory / "authors.csv"),
        "cost": lambda: cost(rows),
    }
    return {title: make() for title, make in makers.items()}


def filled(page: str, made: dict[str, str]) -> str:
    """The page with its tables replaced. Raises KeyError for a table that there is not."""
    return BLOCK.sub(lambda block: block[1] + made[block[2]] + block[3], page)


def write(tables: Callable[[Path], dict[str, str]], page: Path, description: str) -> None:
    """The command: fills a page with the tables that are made from the results on its command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("results", type=Path, help="where the results are")
    parser.add_argument("--page", type=Path, default=page)
    parser.add_argument("--check", action="store_true", help="fail if the page would change")
    arguments = parser.parse_args()
    made = tables(arguments.results)
    if not arguments.page.exists():
        arguments.page.write_text(
            "".join(f"<!-- table {title} -->\n{text}<!-- end -->\n\n" for title, text in made.items())
        )
        return
    before = arguments.page.read_text(encoding="utf-8")
    after = filled(before, made)
    if arguments.check and after != before:
        sys.exit(f"{arguments.page} is not that of the results: write the page again, without --check")
    if after != before:
        arguments.page.write_text(after, encoding="utf-8")


if __name__ == "__main__":
    write(tables, PAGE, "Writes the tables of the page on the experiments from a directory with runs.csv and authors.csv")
