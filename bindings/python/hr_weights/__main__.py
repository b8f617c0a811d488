"""``python -m hr_weights certify LOSSES`` and ``python -m hr_weights weights LOSSES``: see ``--help`` of each.

Exit codes: 0: done; 1: a file cannot be read or its numbers are refused, said in one line on the standard error; 2: the
command line is wrong.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Callable, Optional, TextIO

import numpy as np
from numpy.typing import NDArray

import hr_weights as hrw

_FILES = """FILE is .npy, .csv (one column, or the one that --column names; a first line of names is fine), or text:
numbers between white space, with comments after #. - is text from the standard input."""
_CERTIFIED = """An upper bound on the expected loss of a fixed model, from its losses on held-out samples; on losses of 0
and 1, on its error rate. It holds except with probability DELTA if at most a share ALPHA of the samples was replaced by
anything at all, the samples were otherwise independent and from the distribution that the expectation is over, and no
loss exceeds WORST. Losses that the model was trained or chosen on give no certificate. """


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Runs a command line, by default that of the program; returns the exit code."""
    chosen = _parser().parse_args(arguments)
    try:
        text = chosen.run(chosen)
        if text:
            print(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # Who reads has seen enough; the interpreter need not try again.
        sys.stderr.close()
    except (OSError, ValueError) as error:
        print(f"hr_weights: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m hr_weights", description="Holistic robust weights and certificates.")
    parser.add_argument("--version", action="version", version=hrw.__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    certify = commands.add_parser("certify", help="a bound on the expected loss", description=_CERTIFIED + _FILES)
    certify.set_defaults(run=_certify)
    _add_common(certify)
    certify.add_argument("--delta", type=_number(0, 1, open_ends=True), default=0.05, help="in (0, 1); default 0.05")
    certify.add_argument("--worst", type=_number(), required=True, help="no loss can exceed it; 1 for 0/1 errors")

    weights = commands.add_parser(
        "weights",
        help="the weight of each sample",
        description="The HR weights of losses, one per line; or in a file, with a report. " + _FILES,
    )
    weights.set_defaults(run=_weights)
    _add_common(weights)
    weights.add_argument("--r", type=_number(0, math.inf), default=0.0, help="sampling error in nats; default 0")
    weights.add_argument("--ordering", choices=("HD", "HR"), default="HD", help="default HD: the data was poisoned")
    weights.add_argument("--base", metavar="FILE", help="base weights; 0 masks a sample")
    weights.add_argument("--worst", type=_number(), help="the worst loss; default: the largest")
    weights.add_argument("--output", metavar="FILE", help="where to write the weights: .npy, .csv or text")
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("losses", metavar="LOSSES", help="a file of losses")
    parser.add_argument("--column", help="of a .csv: its name, or its number from 1 on")
    parser.add_argument("--alpha", type=_number(0, 1), default=0.0, help="poisoned share in [0, 1]; default 0")
    parser.add_argument("--json", action="store_true", help="a JSON object")


def _number(low: float = -math.inf, high: float = math.inf, open_ends: bool = False) -> Callable[[str], float]:
    def number(text: str) -> float:
        value = float(text)
        inside = low < value < high if open_ends else low <= value <= high
        if not inside or (math.isinf(value) and not math.isinf(high)) or (math.isinf(low) and math.isinf(value)):
            brackets = "()" if open_ends else "[]"
            raise argparse.ArgumentTypeError(f"{text} is not a number in {brackets[0]}{low:g}, {high:g}{brackets[1]}")
        return value

    return number


def _certify(chosen: argparse.Namespace) -> str:
    losses = _read(chosen.losses, chosen.column)
    bound, r = hrw.certify(losses, chosen.alpha, chosen.delta, worst_loss=chosen.worst)
    report = {
        "bound": bound,
        "mean_loss": float(losses.mean()),
        "n": losses.size,
        "alpha": chosen.alpha,
        "delta": chosen.delta,
        "worst_loss": chosen.worst,
        "r": r,
    }
    if chosen.json:
        return json.dumps(report)
    replaced = math.floor(chosen.alpha * losses.size)
    return "\n".join(
        [
            f"The expected loss is at most {_rounded_up(bound)}, except with probability {chosen.delta:g},",
            f"if at most {replaced} of the {losses.size} samples were replaced and no loss exceeds {chosen.worst:g}.",
            f"mean loss {report['mean_loss']:.6g}, alpha {chosen.alpha:g}, r {r:.6g} nats",
        ]
    )


def _rounded_up(bound: float) -> str:
    """Six digits that are not below the bound."""
    if bound == 0:
        return "0"
    unit = 10.0 ** (math.floor(math.log10(abs(bound))) - 5)
    rounded = math.ceil(bound / unit) * unit
    return f"{rounded if rounded >= bound else rounded + unit:.6g}"


def _weights(chosen: argparse.Namespace) -> str:
    losses = _read(chosen.losses, chosen.column)
    base = None if chosen.base is None else _read(chosen.base, None)
    solution = hrw.solve(
        losses, chosen.alpha, chosen.r, ordering=chosen.ordering, base=base, worst_loss=chosen.worst
    )
    names = ("robust_loss", "dual_bound", "worst_loss", "worst_weight", "effective_samples")
    report: dict[str, Any] = {name: getattr(solution, name) for name in names}
    report.update(n=losses.size, trimmed=solution.trimmed, alpha=chosen.alpha, r=chosen.r, ordering=chosen.ordering)
    if chosen.output:
        _write(chosen.output, solution.weights)
    elif chosen.json:
        report["weights"] = solution.weights.tolist()
    if chosen.json:
        # JSON has no infinity.
        return json.dumps({name: _finite(value) for name, value in report.items()})
    if not chosen.output:
        return "\n".join(map(repr, solution.weights.tolist()))
    return "\n".join(
        [
            f"weights of {losses.size} samples in {chosen.output}",
            f"robust loss {solution.robust_loss:.6g}, dual bound {solution.dual_bound:.6g}",
            f"effective samples {solution.effective_samples:.6g}, trimmed {solution.trimmed}",
        ]
    )


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _read(name: str, column: Optional[str]) -> NDArray[Any]:
    """The numbers of a file. Raises OSError or ValueError with the file's name."""
    suffix = Path(name).suffix.lower()
    if column is not None and suffix != ".csv":
        raise ValueError(f"{name}: only a .csv has columns")
    if suffix == ".npy":
        try:
            array = np.load(name, allow_pickle=False)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
        if not isinstance(array, np.ndarray) or array.ndim != 1:
            raise ValueError(f"{name}: one number per sample is needed, but the shape is {np.shape(array)}")
        return array
    if name == "-":
        return np.array(_numbers_of_text(sys.stdin, "standard input"))
    with open(name, encoding="utf-8", newline="") as file:
        return np.array(_numbers_of_table(file, name, column) if suffix == ".csv" else _numbers_of_text(file, name))


def _numbers_of_text(file: TextIO, name: str) -> list[float]:
    numbers = []
    for count, line in enumerate(file, 1):
        for word in line.partition("#")[0].split():
            numbers.append(_parse(word, f"{name}:{count}"))
    return numbers


def _numbers_of_table(file: TextIO, name: str, column: Optional[str]) -> list[float]:
    rows = [(count, row) for count, row in enumerate(csv.reader(file), 1) if any(cell.strip() for cell in row)]
    if not rows:
        return []
    first = [cell.strip() for cell in rows[0][1]]
    has_names = not all(_is_number(cell) for cell in first)
    if column is None:
        if len(first) != 1:
            known = ", ".join(first) if has_names else f"1 to {len(first)}"
            raise ValueError(f"{name}: there are {len(first)} columns; choose one with --column: {known}")
        index = 0
    elif has_names and column in first:
        index = first.index(column)
    elif column.isdigit() and 1 <= int(column) <= len(first):
        index = int(column) - 1
    else:
        raise ValueError(f"{name}: there is no column {column}")
    numbers = []
    for count, row in rows[has_names:]:
        if index >= len(row):
            raise ValueError(f"{name}:{count}: there is no column {index + 1}")
        numbers.append(_parse(row[index].strip(), f"{name}:{count}"))
    return numbers


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _parse(text: str, place: str) -> float:
    if not _is_number(text):
        raise ValueError(f"{place}: {text!r} is not a number")
    return float(text)


def _write(name: str, weights: NDArray[Any]) -> None:
    if Path(name).suffix.lower() == ".npy":
        np.save(name, weights)
    else:
        header = "weight\n" if Path(name).suffix.lower() == ".csv" else ""
        Path(name).write_text(header + "".join(f"{weight!r}\n" for weight in weights.tolist()), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
