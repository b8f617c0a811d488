"""``hr-weights COMMAND LOSSES``, or ``python -m hr_weights COMMAND LOSSES``: weights, certify, calibrate, path and top; see
``--help`` of each.

Exit codes: 0: done; 1: a file cannot be read or its numbers are refused, said in one line on the standard error; 2: the
command line is wrong.
"""

from __future__ import annotations

import argparse
import io
import math
import sys
from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, Context
from pathlib import Path
from typing import Any, Optional

import numpy as np
from numpy.typing import NDArray

import hr_weights as hrw

from . import _command_budgets
from ._command_data import deliver, is_file, read_data, to_json
from ._tables import SEPARATORS

_FILES = """A file is .npy; a table of text (.csv, .tsv), of which --column chooses the column; or other text with one number
per line, or all of them in one line, and comments after #. - is text from the standard input. The first row of a table
is taken for a header if it has a name where the number should be: what was skipped is said. Whatever else is not a number,
and a row that is longer or shorter than the first, is refused."""
_CERTIFIED = """An upper bound on the expected loss of a fixed model, from its losses on held-out samples; on losses of 0
and 1, on its error rate. It holds except with probability DELTA if at most a share ALPHA of the samples was replaced by
anything at all, the samples were otherwise independent and from the distribution that the expectation is over, and no
loss exceeds WORST. Losses that the model was trained or chosen on give no certificate. """
_WEIGHTS = "The HR weights of losses, one per line; or in a file, with a report. "
_CALIBRATED = """The r, or with --find alpha the alpha, with which the losses have a wanted effective sample size, largest
weight or robust loss, for the other budget as given. """
_PATH = """The robust loss, its dual bound, the effective samples, the number of trimmed ones and the derivatives in the
budgets, for every pair of an alpha and an r: a table with a row for each pair. """
_TOP = """The samples with the largest weights, which are those to look at: a table with their index from 0 on, their line
in the file, their loss and their weight. """
_ALPHA = "poisoned share in [0, 1]; default 0"
_RS = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0)


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Runs a command line, by default that of the program; returns the exit code."""
    chosen = _parser().parse_args(arguments)
    try:
        text = chosen.run(chosen)
        if sys.stdout is None:
            raise ValueError("there is no standard output")
        if text:
            if isinstance(sys.stdout, io.TextIOWrapper):
                # A name in letters that it has not is no reason to fail.
                sys.stdout.reconfigure(errors="backslashreplace")
            print(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # Who reads has seen enough.
        _leave_output()
    except KeyboardInterrupt:
        return 130
    except (OSError, ValueError, MemoryError) as error:
        message = " ".join(str(error).split()) or type(error).__name__
        if sys.stderr is not None:
            print(f"hr_weights: {message}", file=sys.stderr)
        _leave_output()
        return 1
    return 0


def _leave_output() -> None:
    """What could not be written is not tried again when the interpreter ends, which would say so once more."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError):
        sys.stdout = None


def _parser() -> argparse.ArgumentParser:
    program = "python -m hr_weights" if Path(sys.argv[0]).name == "__main__.py" else "hr-weights"
    parser = argparse.ArgumentParser(
        program, description="Holistic robust weights, certificates and budgets, from files of losses."
    )
    parser.add_argument("--version", action="version", version=hrw.__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    weights = _command(commands, "weights", "the weight of each sample", _WEIGHTS, _weights)
    _add_budgets(weights)
    _add_base(weights)
    _add_output(weights, "a .npy, a .csv, text")

    certify = _command(commands, "certify", "a bound on the expected loss", _CERTIFIED, _certify, "--worst WORST ")
    certify.add_argument("--alpha", type=_number(0, 1), default=0.0, help=_ALPHA)
    certify.add_argument("--delta", type=_number(0, 1, open_ends=True), default=0.05, help="in (0, 1); default 0.05")
    certify.add_argument("--worst", type=_number(), required=True, help="no loss can exceed it; 1 for 0/1 errors")
    _add_output(certify)

    wants = "(--effective-samples X | --largest-weight X | --robust-loss X) "
    calibrate = _command(
        commands, "calibrate", "the budget for a wanted number", _CALIBRATED, _command_budgets.calibrate, wants
    )
    wanted = calibrate.add_mutually_exclusive_group(required=True)
    wanted.add_argument("--effective-samples", metavar="X", type=_number(0), help="1 / sum(weights**2)")
    wanted.add_argument("--largest-weight", metavar="X", type=_number(0, 1), help="at most 1")
    wanted.add_argument("--robust-loss", metavar="X", type=_number(), help="in the unit of the losses")
    calibrate.add_argument("--find", choices=("r", "alpha"), default="r", help="which budget; default r")
    _add_budgets(calibrate)
    _add_base(calibrate)
    _add_output(calibrate)

    path = _command(commands, "path", "what budgets do: a table", _PATH, _command_budgets.path)
    path.add_argument("--alpha", type=_list(0, 1), default=[0.0], metavar="LIST", help="between commas; default 0")
    path.add_argument(
        "--r", type=_list(0, math.inf), default=list(_RS), metavar="LIST", help=f"default {','.join(map(str, _RS))}"
    )
    _add_base(path)
    _add_output(path, "a .csv, a .tsv")

    top = _command(commands, "top", "the samples with the largest weights", _TOP, _command_budgets.top)
    top.add_argument("-k", "--count", type=_count, default=10, help="how many; default 10")
    _add_budgets(top)
    _add_base(top)
    _add_output(top, "a .csv, a .tsv")
    return parser


def _command(
    commands: Any,
    name: str,
    summary: str,
    description: str,
    run: Callable[[argparse.Namespace], str],
    needed: str = "",
) -> argparse.ArgumentParser:
    """A command with what all of them have: the file of losses, and how it is read; `needed`: options it must have."""
    # One line: all options are a screen of them, above a message that is to be read.
    usage = f"%(prog)s LOSSES {needed}[options]"
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=description + _FILES, usage=usage
    )
    parser.set_defaults(run=run)
    parser.add_argument("losses", metavar="LOSSES", help="a file of losses; - is the standard input")
    parser.add_argument("--column", help="of a table: its name, or its number from 1 on")
    header = parser.add_mutually_exclusive_group()
    header.add_argument("--header", action="store_true", default=None, help="the first row of tables has names")
    header.add_argument("--no-header", action="store_false", dest="header", help="the first row of tables has numbers")
    parser.add_argument("--separator", choices=SEPARATORS, help="of columns; default: the one that fits all rows")
    parser.add_argument("--json", action="store_true", help="a JSON object")
    parser.add_argument("--no-progress", action="store_false", dest="progress", help="no line on how far it is")
    return parser


def _add_budgets(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--alpha", type=_number(0, 1), default=0.0, help=_ALPHA)
    parser.add_argument("--r", type=_number(0, math.inf), default=0.0, help="sampling error in nats; default 0")


def _add_base(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ordering", choices=("HD", "HR"), default="HD", help="default HD: the data was poisoned")
    parser.add_argument("--base", metavar="FILE", help="base weights; 0 masks a sample")
    parser.add_argument("--base-column", metavar="COLUMN", help="of the table of base weights: as --column")
    header = parser.add_mutually_exclusive_group()
    header.add_argument("--base-header", action="store_true", default=None, help="as --header, which is for both files")
    header.add_argument("--no-base-header", action="store_false", dest="base_header", help="as --no-header, likewise")
    parser.add_argument("--worst", type=_number(), help="the worst loss; default: the largest")


def _add_output(parser: argparse.ArgumentParser, kinds: str = "a file") -> None:
    parser.add_argument("--output", metavar="FILE", help=f"where to write the answer: {kinds}; - (default): here")


def _list(low: float, high: float) -> Callable[[str], list[float]]:
    number = _number(low, high)

    def numbers(text: str) -> list[float]:
        parts = []
        for part in text.split(","):
            try:
                parts.append(number(part))
            except ValueError:
                raise argparse.ArgumentTypeError(f"{part!r} is not a number") from None
        return parts

    return numbers


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return value


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
    data = read_data(chosen, based=False)
    losses = data.losses.numbers
    bound, r = hrw.certify(losses, chosen.alpha, chosen.delta, worst_loss=chosen.worst)
    report: dict[str, Any] = {
        "bound": bound,
        "mean_loss": _mean(losses),
        "n": losses.size,
        "alpha": chosen.alpha,
        "delta": chosen.delta,
        "worst_loss": chosen.worst,
        "r": r,
        **data.skipped(),
    }
    replaced = math.floor(chosen.alpha * losses.size)
    text = "\n".join(
        [
            f"The expected loss is at most {_rounded_up(bound)}, except with probability {chosen.delta:g},",
            f"if at most {replaced} of the {losses.size} samples were replaced and no loss exceeds {chosen.worst:g}.",
            f"mean loss {report['mean_loss']:.6g}, alpha {chosen.alpha:g}, r {r:.6g} nats",
            data.counted(),
        ]
    )
    said = f"certificate in {chosen.output}\n{data.counted()}"
    return deliver(chosen, to_json(report) if chosen.json else text, said)


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


def _weights(chosen: argparse.Namespace) -> str:
    data = read_data(chosen)
    solution = hrw.solve(
        data.losses.numbers,
        chosen.alpha,
        chosen.r,
        ordering=chosen.ordering,
        base=data.masses,
        worst_loss=chosen.worst,
    )
    names = ("robust_loss", "dual_bound", "worst_loss", "worst_weight", "effective_samples")
    report: dict[str, Any] = {name: getattr(solution, name) for name in names}
    report.update(n=data.n, trimmed=solution.trimmed, alpha=chosen.alpha, r=chosen.r, ordering=chosen.ordering)
    report.update(data.skipped())
    to_file = is_file(chosen.output)
    if to_file:
        _write(chosen.output, solution.weights)
    elif chosen.json:
        report["weights"] = solution.weights.tolist()
    if chosen.json:
        return to_json(report)
    if not to_file:
        # A comment to NumPy, to R, and to this program.
        return "\n".join([f"# {data.counted()}", *map(repr, solution.weights.tolist())])
    return "\n".join(
        [
            f"weights of {data.n} samples in {chosen.output}",
            f"robust loss {solution.robust_loss:.6g}, dual bound {solution.dual_bound:.6g}",
            f"effective samples {solution.effective_samples:.6g}, trimmed {solution.trimmed}",
            data.counted(),
        ]
    )


def _write(name: str, weights: NDArray[Any]) -> None:
    if Path(name).suffix.lower() == ".npy":
        with open(name, "wb") as file:
            # To a name np.save would add .npy if it ends with .NPY.
            np.save(file, weights)
    else:
        header = "weight\n" if Path(name).suffix.lower() in (".csv", ".tsv") else ""
        Path(name).write_text(header + "".join(f"{weight!r}\n" for weight in weights.tolist()), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
