"""``hr-weights certify LOSSES`` and ``hr-weights weights LOSSES``, or ``python -m hr_weights`` and the same: see ``--help``
of each.

Exit codes: 0: done; 1: a file cannot be read or its numbers are refused, said in one line on the standard error; 2: the
command line is wrong.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from decimal import ROUND_CEILING, Context
from pathlib import Path
from typing import Any, Callable, Optional

import numpy as np
from numpy.typing import NDArray

import hr_weights as hrw

from ._tables import SEPARATORS, Column, Layout, read

_FILES = """A file is .npy; a table of text (.csv, .tsv), of which --column chooses the column; or other text with one number
per line, or all of them in one line, and comments after #. - is text from the standard input. The first row of a table
is taken for a header if it has a name where the number should be: what was skipped is said. Whatever else is not a number,
and a row that is longer or shorter than the first, is refused."""
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
    program = "python -m hr_weights" if Path(sys.argv[0]).name == "__main__.py" else "hr-weights"
    parser = argparse.ArgumentParser(program, description="Holistic robust weights and certificates.")
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
    weights.add_argument("--base-column", metavar="COLUMN", help="of the table of base weights: as --column")
    weights.add_argument("--worst", type=_number(), help="the worst loss; default: the largest")
    weights.add_argument("--output", metavar="FILE", help="where to write the weights: .npy, .csv or text")
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("losses", metavar="LOSSES", help="a file of losses")
    parser.add_argument("--column", help="of a table: its name, or its number from 1 on")
    header = parser.add_mutually_exclusive_group()
    header.add_argument("--header", action="store_true", default=None, help="the first row of tables has names")
    header.add_argument("--no-header", action="store_false", dest="header", help="the first row of tables has numbers")
    parser.add_argument("--separator", choices=SEPARATORS, help="of columns; default: the one that fits all rows")
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
    column = _losses(chosen)
    _refuse_unfit(column, "losses", np.isfinite)
    losses = column.numbers
    bound, r = hrw.certify(losses, chosen.alpha, chosen.delta, worst_loss=chosen.worst)
    report: dict[str, Any] = {
        "bound": bound,
        "mean_loss": _mean(losses),
        "n": losses.size,
        "alpha": chosen.alpha,
        "delta": chosen.delta,
        "worst_loss": chosen.worst,
        "r": r,
        **_skipped(column),
    }
    if chosen.json:
        return json.dumps(report)
    replaced = math.floor(chosen.alpha * losses.size)
    return "\n".join(
        [
            f"The expected loss is at most {_rounded_up(bound)}, except with probability {chosen.delta:g},",
            f"if at most {replaced} of the {losses.size} samples were replaced and no loss exceeds {chosen.worst:g}.",
            f"mean loss {report['mean_loss']:.6g}, alpha {chosen.alpha:g}, r {r:.6g} nats",
            f"n = {losses.size}, {column.skipped()}",
        ]
    )


def _mean(losses: NDArray[Any]) -> float:
    with np.errstate(all="ignore"):
        mean = float(losses.mean(dtype=float))
    # The sum of the largest numbers overflows, the robust loss without budgets, which is their mean too, does not.
    return mean if math.isfinite(mean) else hrw.solve(losses).robust_loss


def _rounded_up(bound: float) -> str:
    """Six digits that are not below the bound."""
    # In decimal numbers, since a double has fewer digits near the ends of its range.
    rounded = Context(prec=6, rounding=ROUND_CEILING, Emin=-999, Emax=999).create_decimal_from_float(bound).normalize()
    return f"{rounded:f}" if bound == 0 or 1e-5 <= abs(bound) < 1e15 else f"{rounded:e}"


def _skipped(column: Column) -> dict[str, Any]:
    """For JSON. An array has no lines to skip."""
    return {} if column.lines is None else {"header": column.header, "comments": column.comments}


def _weights(chosen: argparse.Namespace) -> str:
    if chosen.base == chosen.losses == "-":
        raise ValueError("the losses and the base weights cannot both be from the standard input")
    column = _losses(chosen)
    losses, base_column = column.numbers, _base(chosen, column)
    base = None if base_column is None else base_column.numbers
    if base_column is not None:
        _refuse_unfit(base_column, "base", lambda numbers: (numbers >= 0) & np.isfinite(numbers))
    _refuse_unfit(column, "losses", lambda numbers: np.isfinite(numbers) | (base is not None and base == 0))
    solution = hrw.solve(
        losses, chosen.alpha, chosen.r, ordering=chosen.ordering, base=base, worst_loss=chosen.worst
    )
    names = ("robust_loss", "dual_bound", "worst_loss", "worst_weight", "effective_samples")
    report: dict[str, Any] = {name: getattr(solution, name) for name in names}
    report.update(n=losses.size, trimmed=solution.trimmed, alpha=chosen.alpha, r=chosen.r, ordering=chosen.ordering)
    report.update(_skipped(column))
    if base_column is not None:
        report.update({f"base_{name}": value for name, value in _skipped(base_column).items()})
    if chosen.output:
        _write(chosen.output, solution.weights)
    elif chosen.json:
        report["weights"] = solution.weights.tolist()
    if chosen.json:
        # JSON has no infinity.
        return json.dumps({name: _finite(value) for name, value in report.items()})
    counted = f"n = {losses.size}, {column.skipped()}"
    if base_column is not None:
        counted += f"; base: {base_column.skipped()}"
    if not chosen.output:
        # A comment to NumPy, to R, and to this program.
        return "\n".join([f"# {counted}", *map(repr, solution.weights.tolist())])
    return "\n".join(
        [
            f"weights of {losses.size} samples in {chosen.output}",
            f"robust loss {solution.robust_loss:.6g}, dual bound {solution.dual_bound:.6g}",
            f"effective samples {solution.effective_samples:.6g}, trimmed {solution.trimmed}",
            counted,
        ]
    )


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _losses(chosen: argparse.Namespace) -> Column:
    losses = read(chosen.losses, Layout(chosen.column, chosen.header, chosen.separator))
    if not losses.numbers.size:
        raise ValueError(f"{losses.name}: losses is empty: there is no number in the file; {losses.skipped()}")
    return losses


def _base(chosen: argparse.Namespace, losses: Column) -> Optional[Column]:
    if chosen.base is None:
        if chosen.base_column is not None:
            raise ValueError("--base-column is of the file that --base names")
        return None
    array = chosen.base.lower().endswith(".npy")
    base = read(chosen.base, Layout(chosen.base_column, *((None, None) if array else (chosen.header, chosen.separator))))
    if base.numbers.shape != losses.numbers.shape:
        raise ValueError(
            f"base has shape {base.numbers.shape} ({base.name}, {base.skipped()}), but losses has shape "
            f"{losses.numbers.shape} ({losses.name}, {losses.skipped()})"
        )
    return base


def _refuse_unfit(column: Column, what: str, fit: Callable[[NDArray[Any]], NDArray[np.bool_]]) -> None:
    """Says the line of the first number that is not fit, which the library cannot know."""
    if column.numbers.dtype.kind in "fiub":
        unfit = np.flatnonzero(~fit(column.numbers))
        if unfit.size:
            index = int(unfit[0])
            raise ValueError(f"{column.place(index)}: {what}[{index}] is {column.numbers[index]}")


def _write(name: str, weights: NDArray[Any]) -> None:
    if Path(name).suffix.lower() == ".npy":
        with open(name, "wb") as file:
            # To a name np.save would add .npy if it ends with .NPY.
            np.save(file, weights)
    else:
        header = "weight\n" if Path(name).suffix.lower() == ".csv" else ""
        Path(name).write_text(header + "".join(f"{weight!r}\n" for weight in weights.tolist()), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
