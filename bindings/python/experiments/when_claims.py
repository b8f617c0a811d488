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
FEW = "125 images, 0% wrong"
FEW_WRONG = "125 images, 20% wrong"
MANY = "2000 images, 0% wrong"
MANY_WRONG = "2000 images, 20% wrong"
TRUST = "trust without HR"


def gain(ours: Sequence[Row], others: Sequence[Row], column: str) -> Mean:
    """How much better in pairs of a seed: more accurate, or less of anything else."""
    one = difference(ours, others, column)
    return one if column.endswith("accuracy") else Mean(-one.value, one.error, one.seeds)


def differs(one: Mean) -> bool:
    return abs(one.value) > 2 * one.error


def worst(runs: Runs, setting: str, ours: str, other: str) -> Mean:
    """How much more accurate on the worst group, with the length chosen."""
    first, second = (runs.pick("groups", setting, family, early=True) for family in (ours, other))
    return gain(first, second, "worst_accuracy")


def picked(runs: Runs, experiment: str, setting: str, ours: str, other: str, column: str, early: bool) -> Mean:
    first, second = (runs.pick(experiment, setting, family, early) for family in (ours, other))
    return gain(first, second, column)


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
        "it takes the ECE of plain training from 0.073 to 0.031, where HR has 0.044, and the loss to 0.48, where "
        "HR has 0.52.",
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
        "With wrong labels HR has the smallest ECE, 0.061 against 0.167 of plain training, and less loss and a "
        "smaller Brier score than it.",
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


OVER = ("HR", *(f"HR over {loss}" for loss in LOSSES))
BOTH = ("test_accuracy", "test_loss")


def pairs(runs: Runs, setting: str, early: bool, same: bool = False) -> list[tuple[list[Row], list[Row]]]:
    """HR over each loss under attack, and the loss alone: of the same strength, or of the one that is chosen."""
    found = []
    for ours, alone in zip(OVER, ("PGD", *LOSSES)):
        if ours not in runs.families("attacked", setting):
            continue
        rows = same_strength(runs, setting, alone)[1] if same else runs.by_family["attacked", setting, alone]
        found.append((runs.pick("attacked", setting, ours, early), chosen(rows, early)))
    return found


def costs(runs: Runs, setting: str) -> list[float]:
    """Points of accuracy that HR over each loss costs, with the length chosen."""
    return [-100 * gain(*pair, "test_accuracy").value for pair in pairs(runs, setting, early=True)]


def points(runs: Runs) -> list[float]:
    """What HR adds at the end to TRADES, MART and smoothed labels of the same strength, with 500 true labels."""
    return [100 * gain(*pair, "test_accuracy").value for pair in pairs(runs, RIGHT, early=False, same=True)[1:]]


def against_base(runs: Runs, early: bool) -> list[tuple[str, list[Mean]]]:
    """Each setting in which HR over the cross-entropy was tried, and how much better than the base it is: accuracy, loss."""
    return [
        (setting, [picked(runs, experiment, setting, "HR", base(experiment), column, early) for column in BOTH])
        for experiment, setting in having(runs, "HR")
    ]


ATTACK_CLAIMS: tuple[Claim[Runs], ...] = (
    Claim(
        "After 1,000 steps on 500 images it has a loss of 0.80, where TRADES has 1.16 and PGD 1.51; its accuracy, "
        "74.9%, does not differ from that of TRADES by two errors.",
        lambda runs: (
            shown(runs, "attacked", RIGHT, ("HR over TRADES", "TRADES", "PGD"), "test_loss") == ["0.80", "1.16", "1.51"]
            and shown(runs, "attacked", RIGHT, ("HR over TRADES",), "test_accuracy") == ["74.9"]
            and not differs(picked(runs, "attacked", RIGHT, "HR over TRADES", "TRADES", "test_accuracy", early=False))
            and value(runs, "attacked", RIGHT, "HR over TRADES", "test_loss")
            == min(value(runs, "attacked", RIGHT, one, "test_loss") for one in runs.families("attacked", RIGHT))
        ),
    ),
    Claim(
        "HR lowers the loss over each of the four, and over TRADES, MART and smoothed labels of the same strength "
        "it adds 1.7 to 3.1 points of accuracy.",
        lambda runs: (
            all(clear(gain(*pair, "test_loss")) for pair in pairs(runs, RIGHT, early=False))
            and [round(one(points(runs)), 1) for one in (min, max)] == [1.7, 3.1]
            and all(clear(gain(*pair, "test_accuracy")) for pair in pairs(runs, RIGHT, early=False, same=True)[1:])
        ),
    ),
    Claim(
        "With 125 images smoothed labels alone have less loss, and less still under HR; with 2,000 HR over TRADES has more "
        "than TRADES and 1.8 points less accuracy.",
        lambda runs: (
            sorted(runs.families("attacked", FEW), key=lambda one: value(runs, "attacked", FEW, one, "test_loss"))[:3]
            == ["HR over smoothing", "smoothing", "HR over TRADES"]
            and clear(picked(runs, "attacked", MANY, "TRADES", "HR over TRADES", "test_loss", early=False))
            and clear(lost := picked(runs, "attacked", MANY, "TRADES", "HR over TRADES", "test_accuracy", early=False))
            and round(100 * lost.value, 1) == 1.8
        ),
    ),
    Claim(
        "with 500 images and the length chosen HR is better than none of the four alone by two errors, and TRADES "
        "alone has the least loss, 0.77.",
        lambda runs: (
            not any(clear(gain(*pair, column)) for pair in pairs(runs, RIGHT, early=True) for column in BOTH)
            and shown(runs, "attacked", RIGHT, ("TRADES",), "test_loss", early=True) == ["0.77"]
            and value(runs, "attacked", RIGHT, "TRADES", "test_loss", early=True)
            == min(value(runs, "attacked", RIGHT, one, "test_loss", early=True) for one in runs.families("attacked", RIGHT))
        ),
    ),
    Claim(
        "with 500 images 7 to 15 points with 20% wrong labels, and more with 40%.",
        lambda runs: (
            [round(one(costs(runs, WRONG))) for one in (min, max)] == [7, 15]
            and min(costs(runs, "500 images, 40% wrong")) > min(costs(runs, WRONG))
            and max(costs(runs, "500 images, 40% wrong")) > max(costs(runs, WRONG))
        ),
    ),
    Claim(
        "At the end HR over TRADES has 46.4% with 20% wrong labels, where TRADES has 62.9%",
        lambda runs: (
            shown(runs, "attacked", WRONG, ("HR over TRADES", "TRADES"), "test_accuracy") == ["46.4", "62.9"]
        ),
    ),
    Claim(
        "With wrong labels HR over any of them costs accuracy where the length is chosen",
        lambda runs: all(
            cost > 0 for setting in runs.settings("attacked") if " 0%" not in setting for cost in costs(runs, setting)
        ),
    ),
    Claim(
        "Only with 125 images, which TRADES knows by heart too, HR over it has less loss, 2.56 against 3.89, and the same "
        "accuracy.",
        lambda runs: (
            shown(runs, "attacked", FEW_WRONG, ("HR over TRADES", "TRADES"), "test_loss") == ["2.56", "3.89"]
            and not differs(picked(runs, "attacked", FEW_WRONG, "HR over TRADES", "TRADES", "test_accuracy", early=False))
            and value(runs, "attacked", FEW_WRONG, "TRADES", "train_accuracy") > 0.97
            and all(
                clear(picked(runs, "attacked", setting, "TRADES", "HR over TRADES", "test_loss", early=False))
                for setting in (WRONG, "500 images, 40% wrong", MANY_WRONG)
            )
        ),
    ),
    Claim(
        "TRADES with a large beta is slow to learn wrong labels by heart, which HR undoes.",
        lambda runs: (
            value(runs, "attacked", WRONG, "TRADES", "train_accuracy") < 0.95
            and value(runs, "attacked", WRONG, "HR over TRADES", "train_accuracy") > 0.97
        ),
    ),
)


def confirmed(runs: Runs, early: bool, other: str, column: str) -> list[Mean]:
    """How much better than HR all the time, or than the "base", the best schedule of the first seeds is on the others."""
    gains = []
    for experiment, setting in having(runs, SCHEDULES[0]):
        ours = best_schedule(runs, experiment, setting, early)[1]
        family = base(experiment) if other == "base" else other
        gains.append(gain(ours, runs.pick(experiment, setting, family, early), column))
    return gains


def late(runs: Runs, column: str) -> list[Mean]:
    """HR for the last tenth against the base, at the end."""
    return [
        picked(runs, experiment, setting, "HR, late", base(experiment), column, early=False)
        for experiment, setting in having(runs, "HR, late")
    ]


SCHEDULE_CLAIMS: tuple[Claim[Runs], ...] = (
    Claim(
        "At the end the best schedule of the first seeds has more loss on the others than HR all the time, in all "
        "four settings.",
        lambda runs: [one.value < 0 for one in confirmed(runs, False, "HR", "test_loss")] == [True] * 4,
    ),
    Claim(
        "With the length chosen it is no better than plain training or PGD",
        lambda runs: not any(clear(one) for column in BOTH for one in confirmed(runs, True, "base", column)),
    ),
    Claim(
        "the validation sample often stops before the budgets come on",
        lambda runs: (
            sum(
                row.on_since != row.on_since
                for experiment, setting in having(runs, SCHEDULES[0])
                for family in ("HR, known", "HR, held out", "HR, late")
                for row in runs.pick(experiment, setting, family, early=True)
            )
            > 0.5 * 12 * 10
        ),
    ),
    Claim(
        "HR for the last tenth costs accuracy in all four settings, 0.3 to 5.2 points, and has hardly less loss than none.",
        lambda runs: (
            all(clear(Mean(-one.value, one.error, one.seeds)) for one in late(runs, "test_accuracy"))
            and sorted(round(-100 * one.value, 1) for one in late(runs, "test_accuracy"))[::3] == [0.3, 5.2]
            and all(one.value < 0.05 for one in late(runs, "test_loss"))
        ),
    ),
    Claim(
        "Where labels are true, `r` alone has no more loss at the end than HR that may choose an alpha too.",
        lambda runs: not any(
            clear(picked(runs, experiment, RIGHT, "HR", "r alone", "test_loss", early=False))
            for experiment in ("attacked", "natural")
        ),
    ),
)

SUMMARY_CLAIMS: tuple[Claim[Runs], ...] = (
    Claim(
        "It raises the accuracy of the worst one by 7 to 13 points where groups were thinned.",
        lambda runs: all(7 <= 100 * worst(runs, one, "HR over groups", "plain").value <= 13.5 for one in TABULAR[:3]),
    ),
    Claim(
        "beyond the errors in one of four settings.",
        lambda runs: len(better_than(runs, "HR", "plain")) == 1,
    ),
    Claim(
        "With the length chosen, HR over the cross-entropy is nowhere more accurate than plain training or PGD by two "
        "errors, and has less loss only with 125 images, 40% of them wrongly labelled. Where labels are wrong it costs up "
        "to 14 points.",
        lambda runs: (
            not any(clear(accuracy) for _, (accuracy, _) in against_base(runs, early=True))
            and [name for name, (_, loss) in against_base(runs, early=True) if clear(loss)] == ["125 images, 40% wrong"]
            and round(max(-100 * gains[0].value for _, gains in against_base(runs, early=True))) == 14
        ),
    ),
    Claim(
        "With 125 and 500 images it then has less loss than plain training or PGD, with wrong labels and without, "
        "and with 500 it is no less accurate.",
        lambda runs: all(
            clear(loss) and (accuracy.value > -2 * accuracy.error or setting.startswith("125"))
            for setting, (accuracy, loss) in against_base(runs, early=False)
            if not setting.startswith("2000")
        ),
    ),
    Claim(
        "With 2,000 images, a fifth of them wrongly labelled, which PGD does not know by heart after 1,000 steps, "
        "it has more loss and 3.7 points less accuracy.",
        lambda runs: (
            value(runs, "attacked", MANY_WRONG, "PGD", "train_accuracy") < 0.9
            and clear(picked(runs, "attacked", MANY_WRONG, "PGD", "HR", "test_loss", early=False))
            and round(100 * picked(runs, "attacked", MANY_WRONG, "PGD", "HR", "test_accuracy", early=False).value, 1) == 3.7
        ),
    ),
    Claim(
        "With wrong labels and 500 images or more HR over TRADES costs more than 10 points.",
        lambda runs: all(
            picked(runs, "attacked", setting, "TRADES", "HR over TRADES", "test_accuracy", early).value > 0.1
            for setting in (WRONG, "500 images, 40% wrong", MANY_WRONG)
            for early in (False, True)
        ),
    ),
    Claim(
        "Stop early, and TRADES alone is as good or better.",
        lambda runs: not any(
            clear(picked(runs, "attacked", setting, "HR over TRADES", "TRADES", column, early=True))
            for setting in runs.settings("attacked")
            for column in BOTH
        ),
    ),
    Claim(
        "They are worth 9.6 points at the end without an attack, where HR is worth none.",
        lambda runs: (
            round(100 * picked(runs, "natural", WRONG, TRUST, "plain", "test_accuracy", early=False).value, 1) == 9.6
            and not clear(picked(runs, "natural", WRONG, "HR", "plain", "test_accuracy", early=False))
        ),
    ),
    Claim(
        "None that was tried is better than HR all the time or stopping early, whichever is better.",
        lambda runs: not any(
            clear(one)
            for column in BOTH
            for one in (*confirmed(runs, True, "base", column), *confirmed(runs, False, "HR", column))
        ),
    ),
)

CLAIMS = SUMMARY_CLAIMS + ATTACK_CLAIMS + SCHEDULE_CLAIMS + MEMORY_CLAIMS + GROUP_CLAIMS + CALIBRATION_CLAIMS

if __name__ == "__main__":
    check(CLAIMS, Runs, WHEN, "Holds the page on when it pays against its results")
