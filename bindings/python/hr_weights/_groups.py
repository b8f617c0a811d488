"""Weights over groups of samples, and the worst loss of a training."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Mapping
from typing import Any, Optional, Union, overload

import numpy as np
from numpy.typing import NDArray

from . import _display, _library, _numbers
from ._arrays import FLOAT64, Array, as_array, computing_dtype, contiguous, result_dtype, rounded, worst_of_type
from ._core import _base_address, _fail, _options, vector_problem
from ._labels import grouped
from ._library import Report, address
from ._solution import Solution
from ._types import Exact, Floating, Ordering, Scalar


class GroupSolution(Solution[Scalar]):
    """The weights of samples in groups. As :class:`hr_weights.Solution`, for the problem whose samples are the groups:
    ``effective_samples`` and ``trimmed`` count groups. Only ``weights`` has one number per sample.
    """

    __slots__ = ("group_losses", "group_sizes", "group_weights", "labels")

    #: The groups that there are, in order: what the other arrays of groups are about.
    labels: NDArray[Any]
    #: The mean loss of each group, in the unit of the losses.
    group_losses: NDArray[np.float64]
    #: The weight of each group: that of all of its samples together. They sum to one together with ``worst_weight``.
    group_weights: NDArray[np.float64]
    #: The number of samples of each group.
    group_sizes: NDArray[np.intp]

    def __init__(self, weights: NDArray[Scalar], report: Report, labels: NDArray[Any], table: NDArray[np.float64]) -> None:
        super().__init__(weights, report)
        self.labels = labels
        self.group_losses, self.group_weights, sizes = table
        self.group_sizes = sizes.astype(np.intp)

    def __repr__(self) -> str:
        count = self.labels.size
        shown = zip(self.labels[: _display.MOST].tolist(), self.group_weights.tolist())
        groups = ", ".join(f"{label!r}: {weight:.6g}" for label, weight in shown) + ", ..." * (count > _display.MOST)
        return f"GroupSolution(n={self.weights.size}, robust_loss={self.robust_loss:.6g}, group_weights={{{groups}}})"

    def _repr_html_(self) -> str:
        columns = (self.labels, self.group_sizes, self.group_losses, self.group_weights)
        rows = list(zip(*(column[: _display.MOST].tolist() for column in columns)))
        groups = _display.table("Groups", ["group", "size", "loss", "weight"], rows, of=self.labels.size)
        return super()._repr_html_() + groups


@overload
def solve_groups(
    losses: NDArray[Floating], groups: Array, alpha: float = ..., r: float = ..., *, ordering: Ordering = ...,
    base: Optional[Union[Array, Mapping[Any, float]]] = ..., worst_loss: Optional[float] = ..., threads: int = ...,
) -> GroupSolution[Floating]: ...
@overload
def solve_groups(
    losses: Exact, groups: Array, alpha: float = ..., r: float = ..., *, ordering: Ordering = ...,
    base: Optional[Union[Array, Mapping[Any, float]]] = ..., worst_loss: Optional[float] = ..., threads: int = ...,
) -> GroupSolution[np.float64]: ...
@overload
def solve_groups(
    losses: Array, groups: Array, alpha: float = ..., r: float = ..., *, ordering: Ordering = ...,
    base: Optional[Union[Array, Mapping[Any, float]]] = ..., worst_loss: Optional[float] = ..., threads: int = ...,
) -> GroupSolution[Any]: ...
def solve_groups(
    losses: Array,
    groups: Array,
    alpha: float = 0.0,
    r: float = 0.0,
    *,
    ordering: Ordering = "HD",
    base: Optional[Union[Array, Mapping[Any, float]]] = None,
    worst_loss: Optional[float] = None,
    threads: int = 1,
) -> GroupSolution[Any]:
    """The HR weights of n losses whose groups, not they themselves, are what HR chooses between: those of the groups'
    mean losses, each shared out evenly among the samples of its group. With ``r=inf`` this is group DRO.

    losses: shape ``(n,)``, converted as in :func:`hr_weights.weights`.
    groups: shape ``(n,)``, for each sample its group: integers, booleans or strings, in any order; an array, a list, or a
        column of text or categories of pandas, polars or pyarrow; also categories of pandas that are something else, such
        as the intervals of ``pandas.cut``. No label may be missing.
    alpha, r: budgets of the groups' mass, as in :func:`hr_weights.weights`.
    base: what the groups would weigh without robustness: a number per group, in the order of ``numpy.unique(groups)``
        (of such categories in their own, and only those that there are), or a mapping from group to number, or a pandas
        Series with the groups as its index; not negative, of any sum. In a mapping a missing group counts 0, and a group
        without a sample among these is left out, so that one mapping serves every batch. A group of base weight 0 is
        masked: its losses are ignored, even NaN. Default: the number of samples of the group, so that without budgets
        every sample has weight ``1/n``. A mapping to equal numbers makes groups of different sizes count the same.
    worst_loss: the worst that the mean loss of a group could have been. Default: the largest mean.
    ordering, threads: as in :func:`hr_weights.weights`.

    Returns a :class:`GroupSolution`. Raises ValueError as :func:`hr_weights.weights` does.

    Source: group DRO is that of Sagawa, Koh, Hashimoto, Liang (arXiv 1911.08731), the ambiguity set that of arXiv
    2303.02251.
    """
    array, values, _ = vector_problem(losses, None, "solve one problem at a time")
    names, of_sample = grouped(groups, array, "losses")
    masses = _group_base(base, names)
    options = _options(alpha, r, ordering, worst_of_type(worst_loss, array), threads)
    result = np.empty(values.shape, values.dtype)
    table = np.empty((3, names.size))
    report = _library.report()
    status = _library.WEIGHTS_GROUPS[values.dtype.char](
        options,
        address(values),
        address(of_sample),
        values.size,
        _base_address(masses),
        names.size,
        address(result),
        address(table),
        report,
    )
    if status == _library.WORST_LOSS:
        means = table[0][np.isfinite(table[0])]
        raise ValueError(
            f"{_library.status_message(status)}: worst_loss = {options.worst_loss}, the largest mean of a group is "
            f"{means.max(initial=-np.inf)}"
        )
    if status:
        _fail(status, options, values, masses, report.bad_index)
    return GroupSolution(rounded(result, result_dtype(array.dtype)), report, names, table)


def _group_base(base: Any, names: NDArray[Any]) -> Optional[NDArray[np.float64]]:
    if base is None:
        return None
    if isinstance(base, Mapping) or hasattr(base, "index") and hasattr(base, "items"):
        base = _in_order(base, names)
    array = as_array(base, "base")
    computing_dtype(array.dtype, "base")
    if array.shape != names.shape:
        raise ValueError(f"base has shape {array.shape}, but there are {names.size} groups")
    return contiguous(array, FLOAT64)


def _in_order(base: Any, names: NDArray[Any]) -> list[float]:
    """Of a mapping or a Series, the weights of the groups that there are."""
    try:
        pairs = list(base.items())
    # What mappings of other libraries raise is theirs to choose.
    except Exception as error:
        raise ValueError(f"base cannot be read as a mapping: {error}") from error
    # A truth value masks, as in an array.
    numbers = [(name, float(weight) if isinstance(weight, (bool, np.bool_)) else weight) for name, weight in pairs]
    weights = {name: _numbers.real(weight, f"base[{_numbers.shown(name)}]") for name, weight in numbers}
    if len(weights) < len(pairs):
        raise ValueError("base has two weights for the same group")
    for name, weight in weights.items():
        # Of a group without samples too, which the library does not see.
        if not 0 <= weight < math.inf:
            raise ValueError(f"base[{_numbers.shown(name)}] is {weight}: base weights are finite and not negative")
    if not any(name in weights for name in names.tolist()):
        there, known = (_numbers.shown(list(some)[:3]) for some in (names.tolist(), weights))
        raise ValueError(
            f"base has a weight for none of the groups, so that all of them are zero: {there} against {known}"
        )
    return [weights.get(name, 0.0) for name in names.tolist()]


#: The fields of what the library keeps, but for its size.
_STATE = ("window", "seen", "current", "previous")


class RunningWorst:
    """The largest loss of the last batches, to be given as `worst_loss` to the next.

    A batch's largest loss is below that of the data, so the robust loss of a batch, which by default takes it for the
    worst loss, is too small: with ``alpha > 0`` the poisoned mass is put at too small a loss. The largest loss of an
    epoch is nearer the truth. Even so the mean of the robust losses of batches is at most the robust loss of all their
    samples: it is no bound. ::

        worst = hrw.RunningWorst(window=batches_per_epoch)
        for ...:
            w = hrw.solve(losses, alpha=0.05, r=0.1, worst_loss=worst.update(losses))

    The weight of the worst loss itself is then ``w.worst_weight``, and the gradient of the robust loss is still that of
    ``w.weights @ losses``.

    window: at least the last so many batches are remembered, and fewer than twice as many; 0: all. The number of
        batches of an epoch is a good choice while the losses fall.

    Raises ValueError if `window` is no integer or negative. One thread at a time may use it; it can be copied and pickled.
    In a checkpoint that is to be loaded without running code (``torch.load(..., weights_only=True)``), save its
    :meth:`state_dict`.
    """

    __slots__ = ("_state",)

    def __init__(self, window: int = 0) -> None:
        count = _numbers.integer(window, "window")
        # Others would wrap around on their way to C.
        if not 0 <= count < 2**64:
            raise ValueError(f"window must be at least 0, not {_numbers.shown(window)}, and below 2**64")
        self._state = _library.RunningWorst()
        _library._check(_library.running_worst_init(self._state, ctypes.sizeof(_library.RunningWorst), count))

    @property
    def worst_loss(self) -> float:
        """The largest loss that is remembered; minus infinity before the first batch."""
        return max(float(self._state.current), float(self._state.previous))

    def update(self, losses: Array, base: Optional[Array] = None) -> float:
        """Takes in the losses of a batch, and returns the worst loss to use for it: at least each of them, and each
        that is remembered.

        losses, base: as in :func:`hr_weights.weights`; masked samples do not count.

        Raises ValueError as :func:`hr_weights.weights` does; nothing is then taken in.
        """
        _, values, masses = vector_problem(losses, base, "one batch at a time")
        worst = ctypes.c_double()
        status = _library.RUNNING_WORST_UPDATE[values.dtype.char](
            self._state, address(values), _base_address(masses), values.size, ctypes.byref(worst)
        )
        if status:
            _fail(status, _options(0.0, 0.0, "HD", None, 1), values, masses, _first_unfit(status, values, masses))
        return worst.value

    def state_dict(self) -> dict[str, Union[int, float]]:
        """What is remembered, in numbers of Python alone; for :meth:`load_state_dict`, as in PyTorch."""
        return {name: getattr(self._state, name) for name in _STATE}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Remembers what was remembered when :meth:`state_dict` was called, the window included.

        Raises ValueError for anything but such a mapping; nothing is then changed.
        """
        if not isinstance(state, Mapping) or set(state) != set(_STATE):
            raise ValueError(f"state must be a state_dict of RunningWorst, with {', '.join(_STATE)}")
        loaded = _library.RunningWorst.from_buffer_copy(bytes(self._state))
        for name in _STATE:
            read = _numbers.real if name in ("current", "previous") else _numbers.integer
            value = read(state[name], f"state[{name!r}]")
            if isinstance(value, int) and not 0 <= value < 2**64 or value != value or value == np.inf:
                raise ValueError(f"state[{name!r}] is {value}, which no RunningWorst has")
            setattr(loaded, name, value)
        self._state = loaded

    def __repr__(self) -> str:
        return f"RunningWorst(window={self._state.window}, worst_loss={self.worst_loss})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (bytes(self._state),)


def _restore(state: bytes) -> RunningWorst:
    result = RunningWorst()
    result._state = _library.RunningWorst.from_buffer_copy(state)
    return result


def _first_unfit(status: int, values: NDArray[Any], masses: Optional[NDArray[Any]]) -> int:
    """The sample that the library, which has no report here, has found."""
    counted = np.ones(values.shape, bool) if masses is None else masses != 0
    if status == _library.BASE_WEIGHTS and masses is not None:
        unfit = np.flatnonzero(~(np.isfinite(masses) & (masses >= 0)))
    else:
        unfit = np.flatnonzero(counted & ~np.isfinite(values))
    return int(unfit[0]) if unfit.size else _library.NO_INDEX
