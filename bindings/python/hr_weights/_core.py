"""The functions over NumPy arrays. All mathematics is in the library; here are conversions, and messages for errors."""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import Any, NoReturn, Optional, overload

import numpy as np
from numpy.typing import NDArray

from . import _library, _numbers
from ._arrays import (
    FLOAT32,
    FLOAT64,
    Array,
    as_array,
    computing_dtype,
    contiguous,
    require_vector,
    result_dtype,
    rounded,
    worst_of_type,
)
from ._library import WEIGHTS, WEIGHTS_BATCH, WEIGHTS_RAGGED, Options, Report, address
from ._solution import BatchSolution, Certificate, Solution
from ._types import Exact, Floating, Ordering

# Making the options costs more than solving a small problem, and a training asks for the same ones again and again.
# Nothing writes to them, so calls on several threads may share them.
_cached_options = lru_cache(maxsize=256)(_library.options)

_WEIGHTS_BY_DTYPE = {FLOAT32: WEIGHTS["f"], FLOAT64: WEIGHTS["d"]}
_empty_like = np.empty_like
_ndarray = np.ndarray
_addressof = ctypes.addressof
_from_buffer = _library._from_buffer
_new_report = _library.report


@overload
def weights(
    losses: NDArray[Floating], alpha: float = ..., r: float = ..., *, ordering: Ordering = ...,
    base: Optional[Array] = ..., worst_loss: Optional[float] = ..., threads: int = ...,
) -> NDArray[Floating]: ...
@overload
def weights(
    losses: Exact, alpha: float = ..., r: float = ..., *, ordering: Ordering = ...,
    base: Optional[Array] = ..., worst_loss: Optional[float] = ..., threads: int = ...,
) -> NDArray[np.float64]: ...
@overload
def weights(
    losses: Array, alpha: float = ..., r: float = ..., *, ordering: Ordering = ...,
    base: Optional[Array] = ..., worst_loss: Optional[float] = ..., threads: int = ...,
) -> NDArray[Any]: ...
def weights(
    losses: Array,
    alpha: float = 0.0,
    r: float = 0.0,
    *,
    ordering: Ordering = "HD",
    base: Optional[Array] = None,
    worst_loss: Optional[float] = None,
    threads: int = 1,
) -> NDArray[Any]:
    """The HR weights of n losses: multiply your per-sample losses by them, in place of ``1/n``, as constants.

    losses: shape ``(n,)``, of any unit. Contiguous float32 and float64 arrays are read where they are; everything else
        (lists, strided arrays, other types, objects with ``__array__`` or ``__dlpack__``) is converted first.
    alpha: total-variation budget: the poisoned fraction of the samples, in [0, 1].
    r: Kullback-Leibler budget in nats: the sampling error, in [0, inf]. With ``alpha = r = 0`` every weight is ``1/n``.
    ordering: ``"HD"``: the training data was poisoned, total variation comes first (the authors' default).
        ``"HR"``: corruption happens after sampling, Kullback-Leibler comes first.
    base: shape ``(n,)``, not negative, of any sum: what the weights would be without robustness. A sample of base weight
        0 is masked: its loss is ignored, even NaN, and its weight is 0. Default: one each.
    worst_loss: the worst loss that a sample could have had, at least every loss; where losses were clipped at it, it is
        that number in their type, such as 0.1 in single precision, which is a little more. Its own weight is then part of
        the sum: :func:`solve` reports it. Default: the largest loss, and the weights sum to one.
    threads: 1: the calling thread; 0: as many as useful; k: at most k. The bits do not depend on it. Other Python threads
        run during the call.

    Returns an array of the shape and the dtype of `losses` (float64 for integers). The weights are computed in double
    precision and rounded once.

    Raises ValueError for anything that is not as above, with the argument's name, and with the index of the first loss or
    base weight that is not. `alpha`, `r` and `worst_loss` may be numbers of NumPy and arrays without dimensions.

    Source: arXiv 2303.02251 and arXiv 2207.09560; the duals that are solved are in ``docs/theory.md``.
    """
    if worst_loss is not None:
        worst_loss = worst_of_type(worst_loss, as_array(losses, "losses"))
    options = _options(alpha, r, ordering, worst_loss, threads)
    if base is None:
        result = _solve_plain(losses, options, None)
        if result is not None:
            return result
    return _solve_any(losses, options, base).weights


@overload
def solve(
    losses: NDArray[Floating], alpha: float = ..., r: float = ..., *, ordering: Ordering = ...,
    base: Optional[Array] = ..., worst_loss: Optional[float] = ..., threads: int = ...,
) -> Solution[Floating]: ...
@overload
def solve(
    losses: Exact, alpha: float = ..., r: float = ..., *, ordering: Ordering = ...,
    base: Optional[Array] = ..., worst_loss: Optional[float] = ..., threads: int = ...,
) -> Solution[np.float64]: ...
@overload
def solve(
    losses: Array, alpha: float = ..., r: float = ..., *, ordering: Ordering = ...,
    base: Optional[Array] = ..., worst_loss: Optional[float] = ..., threads: int = ...,
) -> Solution[Any]: ...
def solve(
    losses: Array,
    alpha: float = 0.0,
    r: float = 0.0,
    *,
    ordering: Ordering = "HD",
    base: Optional[Array] = None,
    worst_loss: Optional[float] = None,
    threads: int = 1,
) -> Solution[Any]:
    """The HR weights of n losses with the robust loss, the proof of optimality, and the sensitivities to the budgets.

    Takes what :func:`weights` takes, raises what it raises, and returns a :class:`Solution`.
    """
    if worst_loss is not None:
        worst_loss = worst_of_type(worst_loss, as_array(losses, "losses"))
    options = _options(alpha, r, ordering, worst_loss, threads)
    if base is None:
        report = _new_report()
        result = _solve_plain(losses, options, report)
        if result is not None:
            return Solution(result, report)
    return _solve_any(losses, options, base)


def _options(alpha: Any, r: Any, ordering: Any, worst_loss: Any, threads: Any) -> Options:
    """The options of a call. Raises ValueError, with the argument's name, for what is no number or no ordering."""
    # Equal numbers of other types must not find the entry of each other: 1.0 and True are no number of threads.
    if not (
        type(alpha) is type(r) is float
        and type(ordering) is str
        and type(threads) is int
        and (worst_loss is None or (type(worst_loss) is float and worst_loss == worst_loss))
    ):
        alpha, r, worst_loss = _numbers.real(alpha, "alpha"), _numbers.real(r, "r"), _numbers.worst(worst_loss)
        ordering = _numbers.choice(ordering, "ordering", tuple(_library.ORDERINGS))
        threads = _numbers.integer(threads, "threads")
    return _cached_options(alpha, r, ordering, worst_loss, threads)


def _solve_plain(losses: Array, options: Options, report: Optional[Report]) -> Optional[NDArray[Any]]:
    """The weights of losses that the library can read where they are; None for others, and if something was wrong.

    Small problems take microseconds, and so do the conversions and checks that are left out here.
    """
    if type(losses) is not _ndarray or losses.ndim != 1:
        return None
    function = _WEIGHTS_BY_DTYPE.get(losses.dtype)
    flags = losses.flags
    if function is None or not (flags.carray or (flags.c_contiguous and flags.aligned)) or not losses.size:
        return None
    result: NDArray[Any] = _empty_like(losses)
    status = function(
        options,
        # As in _library.address, without the call.
        _addressof(_from_buffer(losses)) if flags.writeable else losses.ctypes.data,
        None,
        losses.size,
        _addressof(_from_buffer(result)),
        report,
    )
    return None if status else result


def _solve_any(losses: Array, options: Options, base: Optional[Array]) -> Solution[Any]:
    instead = "use solve_batch for one problem per row, or losses.ravel() for one over all numbers"
    array, values, base_values = vector_problem(losses, base, instead)
    result = np.empty(values.shape, values.dtype)
    report = _new_report()
    status = WEIGHTS[values.dtype.char](
        options, address(values), _base_address(base_values), values.size, address(result), report
    )
    if status:
        _fail(status, options, values, base_values, report.bad_index)
    return Solution(rounded(result, result_dtype(array.dtype)), report)


@overload
def solve_batch(
    losses: NDArray[Floating], alpha: float = ..., r: float = ..., *, ordering: Ordering = ...,
    base: Optional[Array] = ..., worst_loss: Optional[float] = ..., threads: int = ...,
) -> BatchSolution[Floating]: ...
@overload
def solve_batch(
    losses: Exact, alpha: float = ..., r: float = ..., *, ordering: Ordering = ...,
    base: Optional[Array] = ..., worst_loss: Optional[float] = ..., threads: int = ...,
) -> BatchSolution[np.float64]: ...
@overload
def solve_batch(
    losses: Array, alpha: float = ..., r: float = ..., *, ordering: Ordering = ...,
    base: Optional[Array] = ..., worst_loss: Optional[float] = ..., threads: int = ...,
) -> BatchSolution[Any]: ...
def solve_batch(
    losses: Array,
    alpha: float = 0.0,
    r: float = 0.0,
    *,
    ordering: Ordering = "HD",
    base: Optional[Array] = None,
    worst_loss: Optional[float] = None,
    threads: int = 1,
) -> BatchSolution[Any]:
    """One problem per row.

    losses: shape ``(rows, n)``; there may be no rows, but a row may not be empty.
    base: shape ``(rows, n)`` or None. A row that is all zeros is refused, since over no samples there is no distribution,
        and since mostly the mask is wrong. If it is not, leave the row out.
    Everything else is as in :func:`weights`; `threads` divides the rows. Nothing is returned if any row is wrong.

    Returns a :class:`BatchSolution`. Raises ValueError, with the row and the index in it of the first sample that is wrong.
    """
    array = as_array(losses, "losses")
    dtype = computing_dtype(array.dtype, "losses")
    if array.ndim != 2:
        raise ValueError(f"losses has shape {array.shape}, but one row per problem is needed: (rows, n)")
    rows, columns = array.shape
    if columns == 0 and rows != 0:
        raise ValueError(f"losses has shape {array.shape}: the rows are empty")
    options = _options(alpha, r, ordering, worst_of_type(worst_loss, array), threads)
    values, base_values = _prepare(array, dtype, base)
    result = np.empty(values.shape, values.dtype)
    reports = _empty_reports(rows)
    status = WEIGHTS_BATCH[values.dtype.char](
        options, address(values), _base_address(base_values), rows, columns, address(result), address(reports)
    )
    if status:
        row, index = _first_bad(reports, base_values, columns * np.arange(rows + 1))
        _fail(status, options, values, base_values, index, offset=row * columns, row=row)
    return BatchSolution(rounded(result, result_dtype(array.dtype)), **report_columns(reports))


@overload
def solve_ragged(
    losses: NDArray[Floating], offsets: Array, alpha: float = ..., r: float = ..., *, ordering: Ordering = ...,
    base: Optional[Array] = ..., worst_loss: Optional[float] = ..., threads: int = ...,
) -> BatchSolution[Floating]: ...
@overload
def solve_ragged(
    losses: Exact, offsets: Array, alpha: float = ..., r: float = ..., *, ordering: Ordering = ...,
    base: Optional[Array] = ..., worst_loss: Optional[float] = ..., threads: int = ...,
) -> BatchSolution[np.float64]: ...
@overload
def solve_ragged(
    losses: Array, offsets: Array, alpha: float = ..., r: float = ..., *, ordering: Ordering = ...,
    base: Optional[Array] = ..., worst_loss: Optional[float] = ..., threads: int = ...,
) -> BatchSolution[Any]: ...
def solve_ragged(
    losses: Array,
    offsets: Array,
    alpha: float = 0.0,
    r: float = 0.0,
    *,
    ordering: Ordering = "HD",
    base: Optional[Array] = None,
    worst_loss: Optional[float] = None,
    threads: int = 1,
) -> BatchSolution[Any]:
    """One problem per row, of different lengths: row i is ``losses[offsets[i]:offsets[i + 1]]``.

    losses: shape ``(total,)``, the rows one after the other. A row may be empty.
    offsets: shape ``(rows + 1,)``, integers: starts at 0, never decreases, ends at ``total``.
    base: shape ``(total,)`` or None. A row that is not empty needs a base weight above zero, as in :func:`solve_batch`.
    Everything else is as in :func:`weights`; `threads` divides the rows. Nothing is returned if any row is wrong.

    Returns a :class:`BatchSolution`; ``numpy.split(solution.weights, offsets[1:-1])`` are the weights by row. Raises
    ValueError, with the row and the index in `losses` of the first sample that is wrong.
    """
    array = as_array(losses, "losses")
    dtype = computing_dtype(array.dtype, "losses")
    if array.ndim != 1:
        raise ValueError(f"losses has shape {array.shape}, but one number per sample is needed, row after row")
    bounds = _prepare_offsets(offsets, array.size)
    rows = bounds.size - 1
    options = _options(alpha, r, ordering, worst_of_type(worst_loss, array), threads)
    values, base_values = _prepare(array, dtype, base)
    result = np.empty(values.shape, values.dtype)
    reports = _empty_reports(rows)
    status = WEIGHTS_RAGGED[values.dtype.char](
        options,
        address(values),
        _base_address(base_values),
        address(bounds),
        rows,
        address(result),
        address(reports),
    )
    if status:
        row, index = _first_bad(reports, base_values, bounds)
        _fail(status, options, values, base_values, index, offset=int(bounds[row]), row=row)
    return BatchSolution(rounded(result, result_dtype(array.dtype)), **report_columns(reports))


def certify(losses: Array, alpha: float = 0.0, delta: float = 0.05, *, worst_loss: float) -> Certificate:
    """An upper bound on the expected loss of a fixed model, from its losses on n held-out samples.

    It holds except with probability `delta` if at most a fraction `alpha` of the samples was replaced by anything at all,
    the samples were otherwise independent and from the distribution that the expectation is over, and no loss can exceed
    `worst_loss`. Losses that the model was trained on give no certificate.

    losses: shape ``(n,)``, of any unit; converted as in :func:`weights`.
    alpha: in [0, 1].
    delta: strictly between 0 and 1.
    worst_loss: finite, at least every loss; 1 for errors counted as 0 and 1.

    Returns a :class:`Certificate`. Raises ValueError for anything that is not as above, with the index of the loss.

    Source: the Certificate section of ``docs/theory.md``.
    """
    array, values, _ = vector_problem(losses, None, "certify one model at a time")
    # First, since only it can tell what is wrong with delta.
    r = certified_r(values.size, delta)
    worst = _numbers.real(worst_of_type(worst_loss, array), "worst_loss")
    options = _options(alpha, 0.0, "HD", worst, 1)
    status, bound = _library.certify(values, options.alpha, _numbers.real(delta, "delta"), options.worst_loss)
    if status:
        unfit = np.flatnonzero(~np.isfinite(values))
        _fail(status, options, values, None, int(unfit[0]) if unfit.size else _library.NO_INDEX)
    return Certificate(bound, r)


def certified_r(n: int, delta: float) -> float:
    """The radius r in nats with which HD bounds the expected loss from n held-out losses, except with probability delta:
    ``(log(1/delta) + log(2 sqrt(n+1))) / n``.

    n: the number of samples, at least 1.
    delta: strictly between 0 and 1.

    Raises ValueError for anything else. Source: the Certificate section of ``docs/theory.md``.
    """
    count, risk = _numbers.integer(n, "n"), _numbers.real(delta, "delta")
    # Others would wrap around on their way to C.
    if not 1 <= count < 2**64:
        raise ValueError(f"n must be at least 1, not {_numbers.shown(n)}, and below 2**64")
    try:
        return _library.certified_r(count, risk)
    except ValueError as error:
        raise ValueError(f"{error} (delta = {delta!r})") from None


def vector_problem(
    losses: Array, base: Optional[Array], instead: str
) -> tuple[NDArray[Any], NDArray[Any], Optional[NDArray[Any]]]:
    """The caller's losses as a vector, and what the library reads: these, and the base weights, in one type.

    instead: what to do with more dimensions.
    """
    array = as_array(losses, "losses")
    dtype = computing_dtype(array.dtype, "losses")
    require_vector(array, "losses", instead)
    return (array, *_prepare(array, dtype, base))


def _prepare(
    losses: NDArray[Any], dtype: np.dtype[Any], base: Optional[Array]
) -> tuple[NDArray[Any], Optional[NDArray[Any]]]:
    """Losses and base weights as contiguous arrays of the one type, at least `dtype`, in which both are exact."""
    if base is None:
        return contiguous(losses, dtype), None
    array = as_array(base, "base")
    if array.shape != losses.shape:
        raise ValueError(f"base has shape {array.shape}, but losses has shape {losses.shape}")
    # A mask is exact in any type, so it need not widen the losses.
    if array.dtype.kind != "b" and computing_dtype(array.dtype, "base") == FLOAT64:
        dtype = FLOAT64
    return contiguous(losses, dtype), contiguous(array, dtype)


def _base_address(base: Optional[NDArray[Any]]) -> Any:
    return None if base is None else address(base)


def _prepare_offsets(offsets: Array, total: int) -> NDArray[np.uintp]:
    array = as_array(offsets, "offsets")
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"offsets has shape {array.shape}, but (rows + 1,) is needed")
    if array.dtype.kind not in "iu":
        raise ValueError(f"offsets must be integers, but their dtype is {array.dtype}")
    # The library cannot know how long losses is: this keeps it inside. That they never decrease is the library's to check.
    if array[0] != 0 or array[-1] != total or (array.dtype.kind == "i" and array.min() < 0):
        raise ValueError(f"offsets must start at 0 and end at the number of losses, {total}")
    return contiguous(array, np.dtype(np.uintp))


def _empty_reports(rows: int) -> NDArray[Any]:
    reports = np.zeros(rows, _library.REPORT_DTYPE)
    for name in _library.REPORT_DTYPE.names or ():
        if reports.dtype[name].kind == "f":
            # What is not written, that of an empty row, is not a number.
            reports[name] = np.nan
    reports["struct_size"] = ctypes.sizeof(Report)
    reports["bad_index"] = _library.NO_INDEX
    return reports


def report_columns(reports: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """What the reports say, field by field."""
    skip = ("struct_size", "bad_index")
    return {name: reports[name].copy() for name in _library.REPORT_DTYPE.names or () if name not in skip}


def _first_bad(reports: NDArray[Any], base: Optional[NDArray[Any]], bounds: NDArray[Any]) -> tuple[int, int]:
    """The row and the index in it of what the library found wrong; NO_INDEX if it was no sample, but the whole row of base
    weights, or nothing in the rows, and then row 0.

    bounds: where the rows start and end.
    """
    rows = np.flatnonzero(reports["bad_index"] != _library.NO_INDEX)
    if rows.size:
        return int(rows[0]), int(reports["bad_index"][rows[0]])
    if base is not None:
        counted = np.append(0, np.cumsum(base.reshape(-1) != 0))
        masked = np.flatnonzero((np.diff(bounds) > 0) & (np.diff(counted[bounds]) == 0))
        if masked.size:
            return int(masked[0]), _library.NO_INDEX
    return 0, _library.NO_INDEX


def _fail(
    status: int,
    options: Options,
    losses: NDArray[Any],
    base: Optional[NDArray[Any]],
    bad_index: int,
    offset: int = 0,
    row: Optional[int] = None,
) -> NoReturn:
    """Raises ValueError with the library's message and the value that it is about.

    bad_index: from the report, counted from `offset`, where `row` starts.
    """
    message = _library.status_message(status)
    if status in (_library.NON_FINITE_LOSS, _library.BASE_WEIGHTS) and bad_index != _library.NO_INDEX:
        name, array = ("base", base) if status == _library.BASE_WEIGHTS else ("losses", losses)
        assert array is not None
        flat = offset + bad_index
        value = array.reshape(-1)[flat]
        place = f"{row}, {bad_index}" if array.ndim == 2 else f"{flat}"
        where = f" (row {row})" if array.ndim == 1 and row is not None else ""
        raise ValueError(f"{name}[{place}]{where} is {value}: {message}")
    if status == _library.BASE_WEIGHTS:
        place = "base" if row is None else f"base in row {row}"
        instead = "leave the row out" if losses.ndim == 2 else "leave its samples out: an empty row is allowed"
        raise ValueError(
            f"{place}: all of them are zero, so that every sample is masked, and there is no distribution over no samples"
            + ("" if row is None else f"; {instead}")
        )
    if status == _library.WORST_LOSS:
        counted = losses if base is None else losses[base > 0]
        raise ValueError(
            f"{message}: worst_loss = {options.worst_loss}, the largest loss is {counted.max(initial=-np.inf)}"
        )
    values = {_library.ALPHA: ("alpha", options.alpha), _library.R: ("r", options.r)}
    values[_library.THREADS] = ("threads", options.threads)
    if status in values:
        name, value = values[status]
        message += f", not {value}"
    _library._raise(status, message)
