"""From a wanted robust loss, effective sample size or largest weight to the budget that gives it, and grids of budgets."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any, NoReturn, Optional

import numpy as np
from numpy.typing import NDArray

from . import _display, _library, _numbers
from ._arrays import FLOAT64, Array, as_array, computing_dtype, contiguous, worst_of_type
from ._core import _base_address, _empty_reports, _fail, _options, report_columns, vector_problem
from ._library import address
from ._progress import Progress
from ._types import Ordering

_ROBUST_LOSS, _EFFECTIVE_SAMPLES, _LARGEST_WEIGHT = 0, 1, 2
_QUANTITIES = ("a robust loss", "an effective sample size", "a largest weight")
#: Losses times pairs of budgets from which a path takes a second or so.
_LONG = 20_000_000
_ARGUMENTS = ("robust_loss", "effective_samples", "largest_weight")


def r_for_robust_loss(
    losses: Array,
    robust_loss: float,
    alpha: float = 0.0,
    *,
    ordering: Ordering = "HD",
    base: Optional[Array] = None,
    worst_loss: Optional[float] = None,
    threads: int = 1,
) -> float:
    """The r, in nats, with which n losses have this robust loss.

    robust_loss: in the unit of the losses, from what r = 0 gives (with ``alpha = 0``: their mean) to the worst loss.
    Everything else is as in :func:`hr_weights.weights`.

    The robust loss never falls as r grows, since the ambiguity sets are nested. It is met to 1e-12 of what r can
    change. At the largest value that can be attained, r is infinite.

    Raises ValueError for what :func:`hr_weights.weights` refuses, and with the attainable range if the wanted value is
    not in it. Source: a bracketed search (Chandrupatla 1997) on the exact solver.
    """
    return _calibrate("r", _ROBUST_LOSS, losses, robust_loss, alpha, ordering, base, worst_loss, threads)


def r_for_effective_samples(
    losses: Array,
    effective_samples: float,
    alpha: float = 0.0,
    *,
    ordering: Ordering = "HD",
    base: Optional[Array] = None,
    worst_loss: Optional[float] = None,
    threads: int = 1,
) -> float:
    """The r, in nats, with which the weights of n losses have this effective sample size, ``1 / sum(weights**2)``.

    effective_samples: at most what r = 0 gives, which is n with ``alpha = 0``, and at least the number of the largest
        losses. Everything else is as in :func:`r_for_robust_loss`.

    With equal base weights and no given worst loss the effective sample size never grows with r: the k largest weights
    have an ever larger sum, for every k. Otherwise it may turn: then a value is found if it lies between what r = 0 and
    what r = infinity give, and one of the values of r that give it is returned.

    Raises ValueError as :func:`r_for_robust_loss` does.
    """
    return _calibrate("r", _EFFECTIVE_SAMPLES, losses, effective_samples, alpha, ordering, base, worst_loss, threads)


def r_for_largest_weight(
    losses: Array,
    largest_weight: float,
    alpha: float = 0.0,
    *,
    ordering: Ordering = "HD",
    base: Optional[Array] = None,
    worst_loss: Optional[float] = None,
    threads: int = 1,
) -> float:
    """The r, in nats, with which the largest weight of n losses is this.

    largest_weight: between what r = 0 gives, which is 1/n with ``alpha = 0``, and 1, or less if several losses are the
        largest. Everything else, and what is monotone, is as in :func:`r_for_effective_samples`.

    Raises ValueError as :func:`r_for_robust_loss` does.
    """
    return _calibrate("r", _LARGEST_WEIGHT, losses, largest_weight, alpha, ordering, base, worst_loss, threads)


def alpha_for_robust_loss(
    losses: Array,
    robust_loss: float,
    r: float = 0.0,
    *,
    ordering: Ordering = "HD",
    base: Optional[Array] = None,
    worst_loss: Optional[float] = None,
    threads: int = 1,
) -> float:
    """The alpha with which n losses have this robust loss, for a given r. As :func:`r_for_robust_loss` in every other
    respect: the robust loss never falls as alpha grows.
    """
    return _calibrate("alpha", _ROBUST_LOSS, losses, robust_loss, r, ordering, base, worst_loss, threads)


def alpha_for_effective_samples(
    losses: Array,
    effective_samples: float,
    r: float = 0.0,
    *,
    ordering: Ordering = "HD",
    base: Optional[Array] = None,
    worst_loss: Optional[float] = None,
    threads: int = 1,
) -> float:
    """The alpha with which the weights of n losses have this effective sample size, for a given r. As
    :func:`r_for_effective_samples` in every other respect.
    """
    return _calibrate("alpha", _EFFECTIVE_SAMPLES, losses, effective_samples, r, ordering, base, worst_loss, threads)


def alpha_for_largest_weight(
    losses: Array,
    largest_weight: float,
    r: float = 0.0,
    *,
    ordering: Ordering = "HD",
    base: Optional[Array] = None,
    worst_loss: Optional[float] = None,
    threads: int = 1,
) -> float:
    """The alpha with which the largest weight of n losses is this, for a given r. As :func:`r_for_largest_weight` in
    every other respect.
    """
    return _calibrate("alpha", _LARGEST_WEIGHT, losses, largest_weight, r, ordering, base, worst_loss, threads)


def _calibrate(
    budget: str,
    quantity: int,
    losses: Array,
    target: float,
    other: float,
    ordering: Ordering,
    base: Optional[Array],
    worst_loss: Optional[float],
    threads: int,
) -> float:
    array, values, base_values = vector_problem(losses, base, "calibrate one problem at a time")
    alpha, r = (other, 0.0) if budget == "r" else (0.0, other)
    options = _options(alpha, r, ordering, worst_of_type(worst_loss, array), threads)
    wanted = _numbers.real(target, _ARGUMENTS[quantity])
    scratch = np.empty(values.shape, values.dtype)
    report = _library.report()
    found, ends = ctypes.c_double(), (ctypes.c_double * 2)()
    status = _library.CALIBRATE[budget][values.dtype.char](
        options,
        address(values),
        _base_address(base_values),
        values.size,
        quantity,
        wanted,
        address(scratch),
        report,
        ctypes.byref(found),
        ends,
    )
    if status == _library.TARGET:
        _out_of_reach(budget, quantity, target, ends)
    if status:
        _fail(status, options, values, base_values, report.bad_index)
    return found.value


def _out_of_reach(budget: str, quantity: int, target: float, ends: Any) -> NoReturn:
    largest = "infinity" if budget == "r" else "1"
    raise ValueError(
        f"{_ARGUMENTS[quantity]} is out of reach: no {budget} gives {_QUANTITIES[quantity]} of {target}: "
        f"it is {ends[0]:.6g} with {budget} = 0 and {ends[1]:.6g} with {budget} = {largest}"
    )


@dataclass(eq=False, repr=False)
class Path:
    """What :func:`path` returns: the fields of :class:`hr_weights.Solution` but the weights, each an array of shape
    ``(len(alphas), len(rs))``.
    """

    alphas: NDArray[np.float64]
    rs: NDArray[np.float64]
    robust_loss: NDArray[np.float64]
    dual_bound: NDArray[np.float64]
    worst_loss: NDArray[np.float64]
    worst_weight: NDArray[np.float64]
    eta: NDArray[np.float64]
    trim_loss: NDArray[np.float64]
    d_alpha: NDArray[np.float64]
    d_r: NDArray[np.float64]
    kl: NDArray[np.float64]
    tv: NDArray[np.float64]
    effective_samples: NDArray[np.float64]
    trimmed: NDArray[np.uint64]
    iterations: NDArray[np.uint32]

    def __repr__(self) -> str:
        names = ("alphas", "rs", "robust_loss", "effective_samples")
        return _display.line("Path", [(name, getattr(self, name)) for name in names])

    def _repr_html_(self) -> str:
        most = _display.MOST
        rows = [[f"alpha = {alpha:g}", *row[:most]] for alpha, row in zip(self.alphas[:most], self.robust_loss)]
        header = ["robust loss", *(f"r = {r:g}" for r in self.rs[:most])]
        name = "Path" if self.rs.size <= most else f"Path, the first {most} of {self.rs.size} values of r"
        return _display.table(name, header, rows, of=self.alphas.size)


def path(
    losses: Array,
    alphas: Array,
    rs: Array,
    *,
    ordering: Ordering = "HD",
    base: Optional[Array] = None,
    worst_loss: Optional[float] = None,
    threads: int = 1,
    progress: bool = True,
) -> Path:
    """The robust loss, and everything else of a report, for every pair of an alpha and an r on the same losses.

    alphas: one or several numbers in [0, 1].
    rs: one or several numbers of at least 0, in nats.
    progress: True: if it takes more than a second, a line on the standard error says how far it is, on a terminal alone;
        False: never.
    Everything else is as in :func:`hr_weights.weights`.

    Returns a :class:`Path`. Raises ValueError for what :func:`hr_weights.weights` refuses, for any of the budgets.
    """
    array, values, base_values = vector_problem(losses, base, "one problem at a time")
    options = _options(0.0, 0.0, ordering, worst_of_type(worst_loss, array), threads)
    grid = [budgets(alphas, "alphas"), budgets(rs, "rs")]
    scratch = np.empty(values.shape, values.dtype)
    shape = (grid[0].size, grid[1].size)
    reports = _empty_reports(shape[0] * shape[1]).reshape(shape)
    status = 0
    # What takes long goes alpha by alpha, so that there is something to say in between. Otherwise
    # the losses are checked once for all of them.
    step = 1 if values.size * reports.size >= _LONG else shape[0]
    with Progress("path", shape[0], progress) as shown:
        for first in range(0, shape[0], step):
            alphas_here = grid[0][first : first + step]
            status = _library.PATH[values.dtype.char](
                options,
                address(values),
                _base_address(base_values),
                values.size,
                address(alphas_here),
                alphas_here.size,
                address(grid[1]),
                grid[1].size,
                address(scratch),
                address(reports[first : first + step]),
            )
            if status:
                break
            shown.to(first + step)
    if status:
        bad = {_library.ALPHA: ("alphas", grid[0], 1.0), _library.R: ("rs", grid[1], np.inf)}.get(status)
        if bad:
            name, given, most = bad
            index = int(np.flatnonzero(~((given >= 0) & (given <= most)))[0])
            _library._raise(status, f"{name}[{index}] is {given[index]}: {_library.status_message(status)}")
        index = int(reports["bad_index"].flat[0]) if reports.size else _library.NO_INDEX
        _fail(status, options, values, base_values, index)
    return Path(grid[0], grid[1], **report_columns(reports))


def budgets(values: Array, name: str) -> NDArray[np.float64]:
    """One or several numbers as a vector; whether they are in range is for the library to say."""
    array = np.atleast_1d(as_array(values, name))
    computing_dtype(array.dtype, name)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}, but one or several numbers are needed: (k,)")
    return contiguous(array, FLOAT64)
