"""Who carries the weight."""

from __future__ import annotations

import ctypes
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import _display, _library, _numbers
from ._arrays import Array, as_array, computing_dtype, contiguous, require_vector
from ._labels import grouped
from ._library import address


class TopSamples(NamedTuple):
    """From :func:`top_samples`."""

    #: The samples, the one with the largest weight first.
    indices: NDArray[np.intp]
    #: Their weights.
    weights: NDArray[Any]
    #: The share that they have of all weight, in [0, 1].
    share: float

    def __repr__(self) -> str:
        return _display.line("TopSamples", zip(self._fields, self))

    def _repr_html_(self) -> str:
        rows = list(zip(self.indices[: _display.MOST].tolist(), self.weights.tolist()))
        name = f"TopSamples: {self.indices.size} samples have {self.share:.1%} of the weight"
        return _display.table(name, ["sample", "weight"], rows, of=self.indices.size)


class GroupShares(NamedTuple):
    """From :func:`group_shares`: arrays with an element per group."""

    #: The groups, in order.
    labels: NDArray[Any]
    #: How many samples each has.
    sizes: NDArray[np.intp]
    #: The share of the weight that each has; they sum to one.
    shares: NDArray[np.float64]
    #: The share over that of the samples: 1 where robustness changes nothing.
    ratios: NDArray[np.float64]

    def __repr__(self) -> str:
        return _display.line("GroupShares", [("groups", self.labels.size), *zip(self._fields[1:], self[1:])])

    def _repr_html_(self) -> str:
        rows = list(zip(*(column[: _display.MOST].tolist() for column in self)))
        return _display.table("GroupShares", ["group", "size", "share", "ratio"], rows, of=self.labels.size)


def top_samples(weights: Array, k: int = 10) -> TopSamples:
    """The k samples with the largest weights: those to look at, for wrong labels say.

    weights: shape ``(n,)``, not negative, such as those of :func:`hr_weights.weights`.
    k: at least 1; if there are fewer samples, all. Of equal weights the first come first.

    Returns a :class:`TopSamples`. Raises ValueError for anything else.
    """
    array, values = _weights(weights)
    count = _numbers.integer(k, "k")
    if count < 1:
        raise ValueError(f"k must be at least 1, not {_numbers.shown(k)}")
    count = min(count, values.size)
    indices = np.empty(count, np.uintp)
    share = ctypes.c_double()
    _check(
        _library.TOP_SAMPLES[values.dtype.char](
            address(values), values.size, count, address(indices), ctypes.byref(share)
        ),
        array,
    )
    order = indices.astype(np.intp)
    return TopSamples(order, array[order], share.value)


def group_shares(weights: Array, groups: Array) -> GroupShares:
    """The share of the weight that each group has: classes, sites, right and wrong labels.

    weights: shape ``(n,)``, not negative, such as those of :func:`hr_weights.weights`.
    groups: shape ``(n,)``, for each sample its group, as in :func:`hr_weights.solve_groups`.

    Returns a :class:`GroupShares`. Raises ValueError if the shapes differ, for a label that is missing, and for a weight
    that is negative or NaN.
    """
    array, values = _weights(weights)
    names, of_sample = grouped(groups, array, "weights")
    table = np.empty((3, names.size))
    _check(
        _library.GROUP_SHARES[values.dtype.char](
            address(values), address(of_sample), values.size, names.size, address(table)
        ),
        array,
    )
    shares, ratios, sizes = table
    return GroupShares(names, sizes.astype(np.intp), shares, ratios)


def _weights(weights: Array) -> tuple[NDArray[Any], NDArray[Any]]:
    """The caller's array, and the same for the library."""
    array = as_array(weights, "weights")
    dtype = computing_dtype(array.dtype, "weights")
    require_vector(array, "weights", "one problem at a time")
    return array, contiguous(array, dtype)


def _check(status: int, array: NDArray[Any]) -> None:
    if status == _library.BASE_WEIGHTS:
        bad = np.flatnonzero(~(np.isfinite(array) & (array >= 0)))
        if bad.size:
            raise ValueError(f"weights[{bad[0]}] is {array[bad[0]]}, but weights are finite and not negative")
    _library._check(status)
