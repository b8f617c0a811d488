"""What docs/when.md says in words about the results, each sentence with what it stands on. See claims.py.

    python when_claims.py RESULTS.csv [--page when.md]
"""

from __future__ import annotations

from collections.abc import Sequence

from claims import Claim, check, clear
from summary import Mean, difference, mean
from when_rows import Row
from when_tables import LOSSES, SCHEDULES, WHEN, Runs, base, best_schedule, chosen, having, same_strength

TABULAR = ("digits, rare inverted", "digits, rare classes", "cancer, rare malignant", "cancer, class and size")
WRONG = "500 images, 20% wrong"
RIGHT = "500 images, 0% wrong"
TRUST = "trust without HR"


def gain(ours: Sequence[Row], others: Sequence[Row], column: str) -> Mean:
    """How much better in pairs of a seed: more accurate, or less of anything else."""
    one = difference(ours, others, column)
    return one if column.endswith("accuracy") else Mean(-one.value, one.error, one.seeds)


def differs(one: Mean) -> bool:
    return abs(one.value) > 2 * one.error


def worst(runs: Runs, setting: str, ours: str, other: str) -> Mean:
    """How much more accurate on the worst group, with the length chosen."""
    pair = (runs.pick("groups", setting, family, early=True) for family in (ours, other))
    return gain(*pair, "worst_accuracy")


def picked(runs: Runs, experiment: str, setting: str, ours: str, other: str, column: str, early: bool) -> Mean:
    pair = (runs.pick(experiment, setting, family, early) for family in (ours, other))
    return gain(*pair, column)


def value(runs: Runs, experiment: str, setting: str, family: str, column: str, early: bool = False) -> float:
    return mean(getattr(row, column) for row in runs.pick(experiment, setting, family, early)).value


def shown(runs: Runs, experiment: str, setting: str, families: Sequence[str], column: str, early: bool = False) -> list[str]:
    """The means as the page shows them: accuracies in percent with one digit, others with two."""
    means = (value(runs, experiment, setting, family, column, early) for family in families)
    return [f"{100 * one:.1f}" if column.endswith("accuracy") else f"{one:.2f}" for one in means]


def better_than(runs: Runs, ours: str, other: str) -> list[str]:
    """The settings in which HR has the more accurate worst group, by two errors."""
    return [setting for setting in TABULAR if clear(worst(runs, setting, ours, other))]


#: What the claims on calibration compare: networks trained to the end.
NATURAL = ("plain", "smoothing", "HR", "HR over smoothing")


def ends(runs: Runs, setting: str, ours: str, other: str, columns: Sequence[str]) -> list[Mean]:
    """How much better without an attack, at the end."""
    return [picked(runs, "natural", setting, ours, other, column, early=False) for column in columns]


def numbers(runs: Runs, setting: str, families: Sequence[str], column: str) -> list[str]:
    return [f"{value(runs, 'natural', setting, family, column):.3f}" for family in families]


def between(runs: Runs, early: bool) -> bool:
    """The loss of HR with the running worst loss, where labels are wrong: between those of HR and of the base."""
    triples = [
        [value(runs, experiment, WRONG, family, "test_loss", early) for family in (base(experiment), "HR, worst", "HR")]
        for experiment in ("natural", "attacked")
    ]
    return all(sorted((first, last)) == sorted((first, last, middle))[::2] for first, middle, last in triples)


MEMORY_CLAIMS: tuple[Claim[Runs], ...] = (
    Claim(
        "without an attack 78.2% at the end, where plain training has 68.6%, and 80.8% with a loss of 0.64 with the length "
        "chosen, where plain training has 78.4% and 0.82.",
        lambda runs: (
            shown(runs, "natural", WRONG, (TRUST, "plain"), "test_accuracy") == ["78.2", "68.6"]
            and shown(runs, "natural", WRONG, (TRUST, "plain"), "test_accuracy", early=True) == ["80.8", "78.4"]
            and shown(runs, "natural", WRONG, (TRUST, "plain"), "test_loss", early=True) == ["0.64", "0.82"]
            and clear(picked(runs, "natural", WRONG, TRUST, "plain", "test_accuracy", early=True))
        ),
    ),
    Claim(
        "Under attack they keep 66.0% to the end, where PGD falls to 42.6%.",
        lambda runs: shown(runs, "attacked", WRONG, (TRUST, "PGD"), "test_accuracy") == ["66.0", "42.6"],
    ),
    Claim(
        "Where labels are wrong the remembered base weights alone, stopped early, have the least loss of all methods here",
        lambda runs: all(
            value(runs, experiment, WRONG, TRUST, "test_loss", early=True)
            <= min(
                value(runs, experiment, WRONG, family, "test_loss", early)
                for family in runs.families(experiment, WRONG)
                for early in (False, True)
            )
            for experiment in ("natural", "attacked")
        ),
    ),
    Claim(
        "With true labels they cost nothing.",
        lambda runs: not any(
            clear(picked(runs, "natural", RIGHT, "plain", TRUST, "test_accuracy", early)) for early in (False, True)
        ),
    ),
    Claim(
        "its accuracy at the end is nearly that of HR without them",
        lambda runs: all(
            abs(picked(runs, experiment, WRONG, "HR, trust", "HR", "test_accuracy", early=False).value) < 0.04
            for experiment in ("natural", "attacked")
        ),
    ),
    Claim(
        "with the length chosen it is between plain training and HR, and at the end too.",
        lambda runs: between(runs, early=True) and between(runs, early=False),
    ),
    Claim(
        "Both memories together are no better than the base weights alone.",
        lambda runs: not any(
            clear(picked(runs, experiment, WRONG, "HR, worst, trust", TRUST, "test_accuracy", early))
            for experiment in ("natural", "attacked")
            for early in (False, True)
        ),
    ),
)

GROUP_CLAIMS: tuple[Claim[Runs], ...] = (
    Claim(
        "in none of the four settings do the three differ by two errors.",
        lambda runs: not any(
            differs(worst(runs, setting, *pair))
            for setting in TABULAR
            for pair in (("HR over groups", "group DRO"), ("HR over groups", "weights"), ("group DRO", "weights"))
        ),
    ),
    Claim(
        "Against plain training it gains 13.3 points where inverted digits are rare, 10.2 for rare digits and 7.3 for rare "
        "malignant tumours.",
        lambda runs: (
            [f"{100 * worst(runs, one, 'HR over groups', 'plain').value:.1f}" for one in TABULAR[:3]]
            == ["13.3", "10.2", "7.3"]
            and set(TABULAR[:3]) <= set(better_than(runs, "HR over groups", "plain"))
        ),
    ),
    Claim(
        "It is better than the focal loss and than CVaR, which do not know the groups, in the three settings where groups "
        "were thinned.",
        lambda runs: all(better_than(runs, "HR over groups", one) == list(TABULAR[:3]) for one in ("focal", "CVaR")),
    ),
    Claim(
        "no pair differs by two errors",
        lambda runs: not any(
            differs(worst(runs, TABULAR[3], *pair))
            for pair in (
                *(("HR over groups", one) for one in ("plain", "weights", "group DRO", "focal", "CVaR", "HR")),
                *(("HR", one) for one in ("plain", "focal", "CVaR")),
                ("HR over weights", "weights"),
            )
        ),
    ),
    Claim(
        "it is better than plain training where inverted digits are rare, 63.3% against 55.8%, nowhere worse by two errors, "
        "and never differs from CVaR by two.",
        lambda runs: (
            better_than(runs, "HR", "plain") == [TABULAR[0]]
            and shown(runs, "groups", TABULAR[0], ("HR", "plain"), "worst_accuracy", early=True) == ["63.3", "55.8"]
            and not better_than(runs, "plain", "HR")
            and not any(differs(worst(runs, setting, "HR", "CVaR")) for setting in TABULAR)
        ),
    ),
    Claim(
        "On top of group weights HR adds nothing, and costs 2.6 points where malignant tumours are rare.",
        lambda runs: (
            not better_than(runs, "HR over weights", "weights")
            and better_than(runs, "weights", "HR over weights") == [TABULAR[2]]
            and round(100 * worst(runs, TABULAR[2], "weights", "HR over weights").value, 1) == 2.6
        ),
    ),
)

CALIBRATION_CLAIMS: tuple[Claim[Runs], ...] = (
    Claim(
        "it takes the ECE of plain training from 0.073 to 0.031, where HR has 0.044, and the loss to 0.48, where HR has 0.52.",
        lambda runs: (
            numbers(runs, RIGHT, ("plain", "HR"), "ece") == ["0.073", "0.044"]
            and numbers(runs, RIGHT, ("plain",), "scaled_ece") == ["0.031"]
            and shown(runs, "natural", RIGHT, ("plain",), "scaled_loss") == ["0.48"]
            and shown(runs, "natural", RIGHT, ("HR",), "test_loss") == ["0.52"]
        ),
    ),
    Claim(
        "After a temperature HR has no advantage left.",
        lambda runs: not any(
            clear(one) for one in ends(runs, RIGHT, "HR", "plain", ("scaled_ece", "scaled_loss", "scaled_brier"))
        ),
    ),
    Claim(
        "Smoothed labels, and HR over them, have the largest ECE.",
        lambda runs: (
            set(sorted(NATURAL, key=lambda one: value(runs, "natural", RIGHT, one, "ece"))[2:])
            == {"smoothing", "HR over smoothing"}
        ),
    ),
    Claim(
        "With wrong labels HR has the smallest ECE, 0.061 against 0.167 of plain training, and less loss and a smaller Brier "
        "score than it.",
        lambda runs: (
            numbers(runs, WRONG, ("HR", "plain"), "ece") == ["0.061", "0.167"]
            and all(clear(one) for one in ends(runs, WRONG, "HR", "plain", ("ece", "test_loss", "brier")))
            and all(clear(one) for family in ("smoothing", TRUST) for one in ends(runs, WRONG, "HR", family, ("ece",)))
        ),
    ),
    Claim(
        "it makes the ECE larger, 0.212.",
        lambda runs: numbers(runs, WRONG, ("plain",), "scaled_ece") == ["0.212"],
    ),
    Claim(
        "HR over smoothed labels has no less of it than HR.",
        lambda runs: not differs(ends(runs, WRONG, "HR over smoothing", "HR", ("ece",))[0]),
    ),
    Claim(
        "plain training with the length chosen, and the remembered base weights at the end, have a smaller Brier score than "
        "HR, though they say less well how sure they are.",
        lambda runs: all(
            clear(gain(rows, runs.pick("natural", WRONG, "HR"), "brier"))
            and clear(gain(runs.pick("natural", WRONG, "HR"), rows, "ece"))
            for rows in (runs.pick("natural", WRONG, "plain", early=True), runs.pick("natural", WRONG, TRUST))
        ),
    ),
)
