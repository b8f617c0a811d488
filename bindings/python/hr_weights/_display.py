"""How results show themselves: one short line in a terminal, a small table in a notebook."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

#: Of longer results a notebook shows so many rows or columns, and says how many there are.
MOST = 10
#: The fields of a report that its line has, after n.
SUMMARY = ("robust_loss", "dual_bound", "effective_samples", "trimmed")


def number(value: Any) -> str:
    """A number with six digits; what is none as it is."""
    if isinstance(value, (float, np.floating)):
        return f"{float(value):.6g}"
    return str(value)


def values(array: Any) -> str:
    """What an array holds, in a few words: its shape, its type, and its range."""
    array = np.asarray(array)
    about = f"{array.dtype} {array.shape}"
    if not array.size or array.dtype.kind not in "iuf":
        return about
    # Rows that are empty have NaN; numpy.nanmin would warn where all are.
    known = array[~np.isnan(array)] if array.dtype.kind == "f" else array
    return f"{about}, {number(known.min())} to {number(known.max())}" if known.size else f"{about}, nan"


def line(name: str, fields: Iterable[tuple[str, Any]]) -> str:
    """For ``__repr__``: ``name(field=value, ...)``, arrays by what they hold."""
    shown = ((field, f"<{values(value)}>" if isinstance(value, np.ndarray) else number(value)) for field, value in fields)
    return f"{name}({', '.join(f'{field}={text}' for field, text in shown)})"


def fields(name: str, pairs: Iterable[tuple[str, Any]]) -> str:
    """For ``_repr_html_``: a field and its value in each row."""
    rows = [[field, values(value) if isinstance(value, np.ndarray) else value] for field, value in pairs]
    return table(name, [], rows)


def table(name: str, header: Sequence[Any], rows: Sequence[Sequence[Any]], of: int = 0) -> str:
    """For ``_repr_html_``: rows below a title.

    header: the names of the columns; empty: the first cell of each row is its name.
    of: how many rows there are, if more than are shown.
    """

    def cells(tag: str, texts: Iterable[Any]) -> str:
        return "".join(f"<{tag}>{html.escape(number(text))}</{tag}>" for text in texts)

    head = f"<thead><tr>{cells('th', header)}</tr></thead>" if header else ""
    body = "".join(f"<tr>{cells('th', row[:1])}{cells('td', row[1:])}</tr>" for row in rows)
    more = f"<p>{len(rows)} of {of} shown</p>" if of > len(rows) else ""
    return f"<table><caption>{html.escape(name)}</caption>{head}<tbody>{body}</tbody></table>{more}"
