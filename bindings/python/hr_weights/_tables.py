"""A column of numbers from a file or the standard input: an array of NumPy, or text, every line of which is accounted for.

No number is guessed: a cell that is not read whole, a row of another length, or a line that may or may not be a name is
refused, with the number of the line.
"""

from __future__ import annotations

import csv
import io
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Optional

import numpy as np
from numpy.typing import NDArray

from ._progress import each

#: What may separate columns, by the name that the command line has for it.
SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|", "space": " "}
# As Python writes numbers, without the rest of what float() takes: 1_000, digits of other scripts.
_NUMBER = re.compile(r"[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|nan|inf|infinity)", re.ASCII | re.IGNORECASE)
# What a header looks like that is taken for one without --header: it starts with a letter, and has nothing like 0.5 or = 3
# in it, as a loss that was mistyped or printed with its name has.
_NAME = re.compile(r"[#_ ]*[^\W\d_](?!.*[.,:=(]\s*\d).*", re.DOTALL)
# What stands for a number that is missing or went wrong, also in a spreadsheet, and letters that look like digits.
_NO_NAME = re.compile(
    r"#?n\.?/?a\.?|nat|nan\(.*\)|null|none|missing|true|false|#[a-z/0]+[!?]|e[+-]?\d+|[oli]", re.ASCII | re.IGNORECASE
)
# In text between spaces.
_COMMENT = re.compile(r"(^|[ \t])#.*", re.MULTILINE)
# A word that may be one number with a decimal comma.
_DECIMAL_COMMA = re.compile(r"(^|[ \t])[+-]?\d+,\d+([ \t]|$)")

# A line of a table: its number, counted from 1, and its cells.
Row = tuple[int, list[str]]


@dataclass(frozen=True)
class Column:
    """The numbers of a file, and what was passed over to get them."""

    #: Shape ``(n,)``; from text float64.
    numbers: NDArray[Any]
    #: The file, as in messages.
    name: str
    #: For each number the line that it is from; None where there are no lines.
    lines: Optional[list[int]] = None
    #: The cells of the header that was skipped; None if there was none.
    header: Optional[list[str]] = None
    #: How many lines were comments.
    comments: int = 0
    #: How many ends of lines are within quotes: two rows may have become one where a quote is missing.
    quoted: int = 0

    def place(self, index: int) -> str:
        """The file and the line of a number."""
        return self.name if self.lines is None else f"{self.name}:{self.lines[index]}"

    def skipped(self) -> str:
        """What was passed over, in words."""
        if self.lines is None:
            return "no header"
        header = "no header" if self.header is None else f"header skipped: {', '.join(self.header)}"
        comments = f", comments skipped: {self.comments}" if self.comments else ""
        return header + comments + (f", ends of lines within quotes: {self.quoted}" if self.quoted else "")


@dataclass(frozen=True)
class Layout:
    """What the user says of a table."""

    #: The name of a column, or its number, counted from 1. None: there is one column.
    column: Optional[str] = None
    #: Whether the first row is a header. None: it is if it has a name in the place of the number.
    header: Optional[bool] = None
    #: A key of SEPARATORS. None: the one with which all rows have the same number of cells.
    separator: Optional[str] = None


def read(name: str, layout: Layout, progress: bool = False) -> Column:
    """The numbers of a file: .npy, or text; - is text from the standard input.

    Text in .csv and .tsv, or with commas, semicolons, bars or quotes in it, is a table as spreadsheets write it. Other text
    has a number per line, or all of them in one line, and comments after #; or columns, if all of several lines have tabs
    within, or if the separator is said to be a space.

    progress: whether to say on a terminal how far it is.

    Raises OSError, and ValueError with the file's name and, where there is one, the line.
    """
    if Path(name).suffix.lower() == ".npy" and name != "-":
        if layout != Layout():
            raise ValueError(f"{name}: columns, headers and separators are of text, and this is an array")
        return Column(_array(name), name)
    shown = "standard input" if name == "-" else name
    text = _text(_bytes(name), shown)
    spreadsheet = Path(name).suffix.lower() in (".csv", ".tsv") or re.search('[,;|"]', _COMMENT.sub("", text))
    if not spreadsheet and layout.separator is None and _is_tabbed(text):
        spreadsheet = True
    if layout.separator == "space" or not (spreadsheet or layout.separator):
        rows, comments = _words(text, shown, progress)
        quoted = 0
    else:
        rows, comments = _cells(text, shown, layout.separator), 0
        # A row has the number of its last line.
        quoted = rows[-1][0] - len(rows) if rows else 0
    rows = _without_blank_lines(rows, shown)
    if not spreadsheet and layout.separator is None:
        if layout.column is not None:
            raise ValueError(f"{shown}: only a .csv has columns; if they are between spaces, say --separator space")
        if len(rows) == 1 and len(rows[0][1]) > 1 and not layout.header:
            # All of the numbers in one line.
            rows, layout = [(rows[0][0], [cell]) for cell in rows[0][1]], Layout(header=False)
        elif rows and len(rows[0][1]) > 1:
            raise ValueError(
                f"{shown}:{rows[0][0]}: there are {len(rows[0][1])} words in the line; write one number per line, or choose "
                "a column with --separator space and --column"
            )
    return replace(_column(rows, shown, layout, progress), comments=comments, quoted=quoted)


def _array(name: str) -> NDArray[Any]:
    # Opened here, since NumPy leaves a file open that is no archive after all.
    with open(name, "rb") as file:
        try:
            array = np.load(file, allow_pickle=False)
        # What is no array may raise anything, such as zipfile.BadZipFile or what reads Python's syntax.
        except Exception as error:
            raise ValueError(f"{name}: {error}") from error
        if not isinstance(array, np.ndarray):
            array.close()
            raise ValueError(f"{name}: it holds several arrays, and one of one number per sample is needed")
        # np.save to an open file adds an array after those that are there, and np.load reads the first.
        if file.read(1):
            raise ValueError(f"{name}: it goes on after its first array; save all losses as one array")
    if array.ndim != 1:
        raise ValueError(f"{name}: one number per sample is needed, but the shape is {array.shape}")
    return array


def _bytes(name: str) -> bytes:
    if name != "-":
        return Path(name).read_bytes()
    if sys.stdin is None:
        raise ValueError("there is no standard input")
    buffer = getattr(sys.stdin, "buffer", None)
    return sys.stdin.read().encode() if buffer is None else bytes(buffer.read())


def _text(data: bytes, name: str) -> str:
    if data.startswith((b"PK\x03\x04", b"\x1f\x8b")):
        raise ValueError(f"{name}: it is an archive or a workbook; save the losses as text, or one array as .npy")
    try:
        # The byte-order mark is no part of the first cell.
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = 1 + data[: error.start].count(b"\n")
        raise ValueError(f"{name}:{line}: the text is not UTF-8 ({error.reason}); save it as UTF-8") from error
    if "\0" in text:
        line = 1 + text[: text.index("\0")].count("\n")
        raise ValueError(f"{name}:{line}: there is a NUL, as in UTF-16; save the text as UTF-8")
    return text


def _is_tabbed(text: str) -> bool:
    """Whether it can only be a table between tabs: one line of numbers may have them too, and so may comments."""
    lines = [line.strip() for line in io.StringIO(text, newline=None) if not line.isspace()]
    return len(lines) > 1 and "#" not in text and all("\t" in line for line in lines)


def _words(text: str, name: str, progress: bool) -> tuple[list[Row], int]:
    """Cells between spaces, and the number of lines that are comments."""
    rows, comments = [], 0
    # Lines end as they do in files, and not at the form feeds at which str.splitlines would end them.
    lines = each(io.StringIO(text, newline=None), "reading", text.count("\n"), progress)
    for number, line in enumerate(lines, 1):
        kept = _COMMENT.sub("", line.rstrip("\n")).strip(" \t")
        if '"' in kept:
            rows += _parse(kept.replace("\t", " "), name, " ", number - 1)
        elif kept:
            # At a no-break space between thousands str.split would cut a number in two.
            rows.append((number, re.split(r"[ \t]+", kept)))
        elif "#" in line:
            comments += 1
        else:
            rows.append((number, []))
    return rows, comments


def _cells(text: str, name: str, separator: Optional[str]) -> list[Row]:
    """Cells as the csv module reads them."""
    if separator is not None:
        return _parse(text, name, SEPARATORS[separator])
    present = [mark for mark in ",;\t|" if mark in text]
    tables = {}
    for mark in present:
        try:
            tables[mark] = _parse(text, name, mark)
        except ValueError:
            continue
    # Those with which every row has the same number of cells, more than one.
    widths = {mark: {len(cells) for _, cells in rows if cells} for mark, rows in tables.items()}
    fitting = [mark for mark in tables if len(widths[mark]) == 1 and widths[mark] != {1}]
    if "," in fitting and _may_be_decimal_commas(text):
        fitting.append(" ")
    if len(fitting) > 1:
        names = " or ".join(key for key, mark in SEPARATORS.items() if mark in fitting)
        raise ValueError(f"{name}: the columns may be separated by {names}; say which with --separator")
    # With none of them, what is wrong is found later, and is said of the first.
    mark = (fitting or present or [","])[0]
    return tables[mark] if mark in tables else _parse(text, name, mark)


def _may_be_decimal_commas(text: str) -> bool:
    """Whether the commas may be those of numbers between spaces, as in "img1.png 2,9"."""
    lines = [line.strip() for line in io.StringIO(text, newline=None) if not line.isspace()]
    return all(" " in line and _DECIMAL_COMMA.search(line) for line in lines)


def _parse(text: str, name: str, mark: str, before: int = 0) -> list[Row]:
    """before: how many lines there are above the text."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True, skipinitialspace=True)
    rows = []
    try:
        for cells in reader:
            # The line on which the row ends: quoted cells may go over several.
            rows.append((before + reader.line_num, [cell.strip(" \t") for cell in cells]))
    except csv.Error as error:
        raise ValueError(f"{name}:{before + reader.line_num}: {error}") from error
    return rows


def _without_blank_lines(rows: list[Row], name: str) -> list[Row]:
    """Without those at the end; among the others a loss may be missing."""
    while rows and not rows[-1][1]:
        rows = rows[:-1]
    for number, cells in rows:
        if not cells:
            raise ValueError(f"{name}:{number}: the line is blank, as if a number were missing")
    return rows


def _column(rows: list[Row], name: str, layout: Layout, progress: bool) -> Column:
    if not rows:
        return Column(np.empty(0), name, [])
    index = _index(rows[0], name, layout)
    width = len(rows[0][1])
    for number, cells in rows:
        if len(cells) != width:
            if layout.column is None:
                for cell in cells:
                    _number(cell, f"{name}:{number}")
            gone = f"there is no column {index + 1}: " if index >= len(cells) else ""
            raise ValueError(f"{name}:{number}: {gone}the row has {len(cells)} cells, but line {rows[0][0]} has {width}")
    header = _header(rows, index, name, layout)
    if header is not None:
        rows = rows[1:]
    told = each(rows, "numbers", len(rows), progress)
    numbers = np.array([_number(cells[index], f"{name}:{number}") for number, cells in told], float)
    return Column(numbers, name, [number for number, _ in rows], header)


def _index(row: Row, name: str, layout: Layout) -> int:
    """The place of the column in the first row."""
    line, first = row
    named = any(not _NUMBER.fullmatch(cell) for cell in first) if layout.header is None else layout.header
    if layout.column is None:
        if len(first) != 1:
            known = ", ".join(first) if named else f"1 to {len(first)}"
            raise ValueError(f"{name}: there are {len(first)} columns; choose one with --column: {known}")
        return 0
    # A number that stands in the first line is a name only if that line is said to be a header.
    unnamed = layout.header is None and _NUMBER.fullmatch(layout.column)
    places = [place for place, cell in enumerate(first) if cell == layout.column and named and not unnamed]
    if layout.column.isascii() and layout.column.isdigit() and 1 <= int(layout.column) <= len(first):
        places.append(int(layout.column) - 1)
    if len(set(places)) > 1:
        raise ValueError(f"{name}:{line}: column {layout.column} may be any of {len(set(places))}: rename it")
    if not places:
        raise ValueError(f"{name}: there is no column {layout.column}")
    return places[0]


def _header(rows: list[Row], index: int, name: str, layout: Layout) -> Optional[list[str]]:
    line, first = rows[0]
    cell = first[index]
    if layout.header is not None:
        return first if layout.header else None
    if _NUMBER.fullmatch(cell):
        if _may_be_names(first, [cells for _, cells in rows[1:]], index):
            raise ValueError(f"{name}:{line}: {cell!r} may be a loss or the name of the column; say --header or --no-header")
        return None
    # A loss that is mistyped or missing in the first line must not be taken for a name that nobody asked for.
    if cell != layout.column and (not _NAME.fullmatch(cell) or _NO_NAME.fullmatch(cell)):
        raise ValueError(f"{name}:{line}: {cell!r} is not a number; if the line is a header, say --header")
    return first


def _may_be_names(first: list[str], others: list[list[str]], index: int) -> bool:
    """Whether a first row with a number in the column may be a header all the same: in another column it has another kind
    of cell than all rows below it, or it has the names that pandas gives to columns without, 0, 1 and so on, and in some
    column there is no integer below.
    """
    if not others:
        return False
    for place, cell in enumerate(first):
        if place != index and all(_kind(cells[place]) != _kind(cell) for cells in others):
            return True
    places = range(len(first))
    if first != [str(place) for place in places]:
        return False
    return any(not any(cells[place].isdigit() for cells in others) for place in places)


def _kind(cell: str) -> str:
    return "number" if _NUMBER.fullmatch(cell) else "text" if cell else "nothing"


def _number(text: str, place: str) -> float:
    if _NUMBER.fullmatch(text):
        return float(text)
    if re.fullmatch(r"[+-]?[\d.]*,\d+", text):
        raise ValueError(f"{place}: {text!r} is not a number: write a point for the decimals, and no thousands separators")
    raise ValueError(f"{place}: {text!r} is not a number" if text else f"{place}: the cell is empty")
