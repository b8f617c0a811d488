"""A line on the standard error that says how far a long call is: only on a terminal, and only after a second."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Optional, TypeVar

#: Seconds before the line is shown first: a call that is over by then shows none. And between two
#: changes of the line.
DELAY, INTERVAL = 1.0, 0.1
_BAR = 30
#: Of many small steps so many are taken between two looks at the clock.
_MANY = 4096

Item = TypeVar("Item")

# Replaced by tests.
_clock = time.monotonic


class Progress:
    """``with Progress("path", total, shown) as progress: progress.to(done)``, which costs a look at the clock.

    label: what is done, in a word.
    total: how many steps there are; None: nobody knows, so that they are only counted.
    shown: False: nothing is ever written. True: on a terminal alone, so that no log and no notebook has the line.

    The line is rewritten in place, and gone at the end, after an error too.
    """

    __slots__ = ("_label", "_next", "_shown", "_start", "_total", "_written")

    def __init__(self, label: str, total: Optional[int], shown: bool = True) -> None:
        self._label = label
        self._total = total
        # A program without a console has no standard error.
        self._shown = bool(shown) and sys.stderr is not None and sys.stderr.isatty()
        self._start = _clock()
        self._next = self._start + DELAY
        self._written = 0

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if self._written:
            self._write("\r" + " " * self._written + "\r")

    def to(self, done: int) -> None:
        """So many steps are done."""
        if not self._shown:
            return
        now = _clock()
        if now < self._next:
            return
        self._next = now + INTERVAL
        line = self._line(done, now - self._start)
        self._write("\r" + line.ljust(self._written))
        self._written = max(self._written, len(line))

    def _line(self, done: int, seconds: float) -> str:
        if self._total is None:
            return f"{self._label}: {done}, {seconds:.0f} s"
        share = min(done / self._total, 1.0) if self._total else 1.0
        bar = "#" * int(share * _BAR)
        left = f", about {seconds * (1 - share) / share:.0f} s left" if 0 < share < 1 else ""
        return f"{self._label} [{bar:.<{_BAR}}] {share:4.0%}, {seconds:.0f} s{left}"

    def _write(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except (OSError, ValueError):
            # A terminal that was closed is no reason to lose the result.
            self._shown = False


def each(items: Iterable[Item], label: str, total: int, shown: bool) -> Iterator[Item]:
    """The items one after the other, `total` of them, with a :class:`Progress` over them."""
    with Progress(label, total, shown) as progress:
        for done, item in enumerate(items):
            if done % _MANY == 0:
                progress.to(done)
            yield item
