"""From rows of results to means over seeds with their standard errors."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from results import Row

#: The rows of a file of results: those of results.py or of when_rows.py.
R = TypeVar("R")


@dataclass(frozen=True)
class Mean:
    """A mean over seeds and its standard error: the standard deviation of one seed, over the root of their number."""

    value: float
    error: float
    seeds: int

    def text(self, digits: int) -> str:
        """Such as ".123 ± .004"; without the error for a single seed."""
        value = f"{self.value:.{digits}f}"
        return value if math.isnan(self.error) else f"{value} ± {self.error:.{digits}f}"


def mean(values: Iterable[float]) -> Mean:
    """The mean of one value per seed. NaN for the error of a single one."""
    array = np.array(list(values), float)
    error = array.std(ddof=1) / math.sqrt(array.size) if array.size > 1 else math.nan
    return Mean(float(array.mean()), float(error), array.size)


def name(row: Row) -> str:
    """The method of a row with its budgets, as the tables and pictures call it."""
    if row.method == "TRADES":
        return f"TRADES({row.beta:g})"
    if row.method != "HR":
        return row.method
    budgets = f"HR({row.alpha:g}, {row.r:g})"
    return f"{budgets}, attacked" if row.epsilon > 0 else budgets


def group(rows: Iterable[R], key: Callable[[R], Any]) -> dict[Any, list[R]]:
    """Rows by the value of `key`, in order of its first occurrence."""
    groups: dict[Any, list[R]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return dict(groups)


def methods(rows: Iterable[Row]) -> list[str]:
    """The names of the methods: plain, PGD, TRADES, then HR by its budgets."""
    rank = {"plain": 0, "PGD": 1, "TRADES": 2, "HR": 3}
    order = {name(row): (rank[row.method], row.epsilon, row.beta, row.alpha, row.r) for row in rows}
    return sorted(order, key=lambda one: order[one])


def last(rows: Iterable[Row]) -> list[Row]:
    """Of each training its last checkpoint."""
    return [max(rows, key=lambda row: row.step) for rows in group(rows, lambda row: row.key[:-1]).values()]


def difference(rows: Iterable[Any], others: Iterable[Any], column: str) -> Mean:
    """The mean of `rows` minus `others` over the seeds of both, which train and are tested on the same images."""
    by_seed = {row.seed: getattr(row, column) for row in others}
    return mean(getattr(row, column) - by_seed[row.seed] for row in rows if row.seed in by_seed)
