"""What the commands read and write: losses and base weights from files, and results to a file or the standard output."""

from __future__ import annotations

import argparse
import csv
import io
import json
import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

import numpy as np
from numpy.typing import NDArray

from ._tables import Column, Layout, read


@dataclass(frozen=True)
class Data:
    """The losses of a command, and the base weights if there are any; both are fit for the library."""

    losses: Column
    base: Optional[Column]

    @property
    def n(self) -> int:
        """The number of losses."""
        return self.losses.numbers.size

    @property
    def masses(self) -> Optional[NDArray[Any]]:
        """The base weights, for the library."""
        return None if self.base is None else self.base.numbers

    def counted(self) -> str:
        """How many losses there are, and what was passed over, in words."""
        counted = f"n = {self.n}, {self.losses.skipped()}"
        return counted if self.base is None else f"{counted}; base: {self.base.skipped()}"

    def skipped(self) -> dict[str, Any]:
        """What was passed over, for JSON."""
        report = _skipped(self.losses)
        if self.base is not None:
            report.update({f"base_{name}": value for name, value in _skipped(self.base).items()})
        return report


def read_data(chosen: argparse.Namespace, based: bool = True) -> Data:
    """What the command line names. `based`: the command takes base weights.

    Raises OSError, and ValueError with the file's name and, where there is one, the line.
    """
    if based and chosen.base == chosen.losses == "-":
        raise ValueError("the losses and the base weights cannot both be from the standard input")
    inputs = [name for name in (chosen.losses, chosen.base if based else None) if name not in (None, "-")]
    if is_file(chosen.output) and any(_is_same(name, chosen.output) for name in inputs):
        raise ValueError(f"--output would write over {chosen.output}, which is read")
    losses = read(chosen.losses, Layout(chosen.column, chosen.header, chosen.separator), chosen.progress)
    if not losses.numbers.size:
        raise ValueError(f"{losses.name}: losses is empty: there is no number in the file; {losses.skipped()}")
    base = _base(chosen, losses) if based else None
    masses = None if base is None else base.numbers
    if base is not None:
        _refuse_unfit(base, "base", lambda numbers: (numbers >= 0) & np.isfinite(numbers))
    _refuse_unfit(losses, "losses", lambda numbers: np.isfinite(numbers) | (masses is not None and masses == 0))
    return Data(losses, base)


def _is_same(name: str, other: str) -> bool:
    return os.path.exists(name) and os.path.exists(other) and os.path.samefile(name, other)


def _skipped(column: Column) -> dict[str, Any]:
    # An array has no lines to skip.
    return {} if column.lines is None else {name: getattr(column, name) for name in ("header", "comments", "quoted")}


def _base(chosen: argparse.Namespace, losses: Column) -> Optional[Column]:
    if chosen.base is None:
        for option in ("base_column", "base_header"):
            if getattr(chosen, option) is not None:
                raise ValueError(f"--{option.replace('_', '-')} is of the file that --base names")
        return None
    array = chosen.base.lower().endswith(".npy")
    header = chosen.header if chosen.base_header is None and not array else chosen.base_header
    layout = Layout(chosen.base_column, header, None if array else chosen.separator)
    base = read(chosen.base, layout, chosen.progress)
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


def to_json(report: Any) -> str:
    """Text of JSON, which has no infinity and no NaN: null stands for them."""
    return json.dumps(_finite(report))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def table(header: Sequence[str], rows: Iterable[Sequence[Any]], output: Optional[str]) -> str:
    """Rows as text, without an end of line: between tabs if `output` is a .tsv, else between commas."""
    text = io.StringIO()
    mark = "\t" if output is not None and Path(output).suffix.lower() == ".tsv" else ","
    writer = csv.writer(text, delimiter=mark, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()[:-1]


def is_file(output: Optional[str]) -> bool:
    """Whether ``--output`` names a file: - is the standard output, as without it."""
    return output not in (None, "-")


def deliver(chosen: argparse.Namespace, content: str, said: str) -> str:
    """What is to be printed: `content`, or if it was written to a file, what is `said` of that."""
    if not is_file(chosen.output):
        return content
    Path(chosen.output).write_text(content + "\n", encoding="utf-8")
    return said
