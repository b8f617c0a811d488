"""One problem over many processes: each passes its own losses, and gets its part of the weights of all.

With MPI::

    from mpi4py import MPI
    from hr_weights import sharded

    w = sharded.weights(losses, alpha=0.05, r=0.1, allreduce=sharded.mpi(MPI.COMM_WORLD))

Every process ("participant") must make the same call. With another engine, pass a function that replaces an array by
its sum or maximum over the participants; for one that cannot be called from here, ask a :class:`Solver` what is to be
reduced next. PyTorch, JAX and Dask have functions of their own: ``hr_weights.torch``, ``hr_weights.jax``,
``hr_weights.dask``.

Source: as :mod:`hr_weights`; ``docs/distributed.md`` has engines, faults and costs.
"""

from __future__ import annotations

import ctypes
from typing import Any, Callable, Literal, NamedTuple, NoReturn, Optional, overload

import numpy as np
from numpy.typing import NDArray

from . import _core, _library, _numbers
from ._arrays import FLOAT64, Array, as_array, computing_dtype, contiguous, result_dtype, rounded
from ._extras import extra
from ._library import SHARDED_STEP, address
from ._solution import Solution
from ._types import Exact, Floating, Ordering

__all__ = ["Message", "Solver", "mpi", "solve", "weights"]

Op = Literal["sum", "max"]
#: Replaces `values`, shape ``(count,)`` of float64, by their sums or maxima over the participants, in place.
Allreduce = Callable[[NDArray[np.float64], Op], object]
_OPS: tuple[Op, Op] = ("sum", "max")


WIDTHS = "the participants have losses of different widths, or versions of hr-weights that do not fit"


class Elsewhere(ValueError):  # noqa: N818
    """What was wrong was not, or not only, this participant's input."""


class Message(NamedTuple):
    """What has to be reduced before the next step."""

    #: Shape ``(count,)``, at most 3004 of them: a part of the solver's state, to be replaced in place.
    values: NDArray[np.float64]
    #: "sum" or "max".
    op: Op


@overload
def weights(
    losses: NDArray[Floating], alpha: float = ..., r: float = ..., *, allreduce: Allreduce, ordering: Ordering = ...,
    base: Optional[Array] = ..., worst_loss: Optional[float] = ..., threads: int = ...,
) -> NDArray[Floating]: ...
@overload
def weights(
    losses: Exact, alpha: float = ..., r: float = ..., *, allreduce: Allreduce, ordering: Ordering = ...,
    base: Optional[Array] = ..., worst_loss: Optional[float] = ..., threads: int = ...,
) -> NDArray[np.float64]: ...
@overload
def weights(
    losses: Array, alpha: float = ..., r: float = ..., *, allreduce: Allreduce, ordering: Ordering = ...,
    base: Optional[Array] = ..., worst_loss: Optional[float] = ..., threads: int = ...,
) -> NDArray[Any]: ...
def weights(
    losses: Array,
    alpha: float = 0.0,
    r: float = 0.0,
    *,
    allreduce: Allreduce,
    ordering: Ordering = "HD",
    base: Optional[Array] = None,
    worst_loss: Optional[float] = None,
    threads: int = 1,
) -> NDArray[Any]:
    """The HR weights of this participant's losses, as a part of the losses of all participants.

    The weights of all participants sum to one, with the weight of a given `worst_loss`; each is that of
    :func:`hr_weights.weights` over all losses, to 1e-13. Takes and raises what :func:`solve` does.
    """
    return solve(
        losses,
        alpha,
        r,
        allreduce=allreduce,
        ordering=ordering,
        base=base,
        worst_loss=worst_loss,
        threads=threads,
    ).weights


@overload
def solve(
    losses: NDArray[Floating], alpha: float = ..., r: float = ..., *, allreduce: Allreduce, ordering: Ordering = ...,
    base: Optional[Array] = ..., worst_loss: Optional[float] = ..., threads: int = ...,
) -> Solution[Floating]: ...
@overload
def solve(
    losses: Exact, alpha: float = ..., r: float = ..., *, allreduce: Allreduce, ordering: Ordering = ...,
    base: Optional[Array] = ..., worst_loss: Optional[float] = ..., threads: int = ...,
) -> Solution[np.float64]: ...
@overload
def solve(
    losses: Array, alpha: float = ..., r: float = ..., *, allreduce: Allreduce, ordering: Ordering = ...,
    base: Optional[Array] = ..., worst_loss: Optional[float] = ..., threads: int = ...,
) -> Solution[Any]: ...
def solve(
    losses: Array,
    alpha: float = 0.0,
    r: float = 0.0,
    *,
    allreduce: Allreduce,
    ordering: Ordering = "HD",
    base: Optional[Array] = None,
    worst_loss: Optional[float] = None,
    threads: int = 1,
) -> Solution[Any]:
    """This participant's part of the weights of all losses, and the report of the whole: the same report everywhere.

    losses: shape ``(n,)``, those of this participant; n may be 0 as long as some participant has a loss. Converted as
        by :func:`hr_weights.weights`. All participants must have losses of the same width, an empty array too.
    base: shape ``(n,)`` or None, computed in the type of the losses. If any participant passes base weights, those that
        do not have ones.
    allreduce: ``allreduce(values, op)`` joins the float64 array `values` over the participants, in place, by ``op``:
        "sum" or "max". It is called about five times, and never more than 64, by every participant alike, with at most
        3,004 values. (A search that has not ended by then, of which none is known, ends with the base weights and the
        worst loss as ``dual_bound``: ``dual_bound - robust_loss`` is what they may lack.) All must end with the same
        values, to the bit. What it raises ends the solve, and passes through; its engine must see to it that the
        others' calls fail as well. :func:`mpi` makes one.
    alpha, r, ordering, worst_loss: as in :func:`hr_weights.weights`, and the same everywhere; `threads` may differ.

    Raises ValueError for what :func:`hr_weights.solve` does, on every participant: what is wrong with one is told to
    all in the first call of `allreduce`. So is a difference in `alpha`, `r`, `ordering`, `worst_loss`, or the width of
    the losses.
    """
    if not callable(allreduce):
        raise ValueError(f"allreduce must be a function of an array and an operation, not {_numbers.shown(allreduce)}")
    try:
        solver = Solver(alpha, r, ordering=ordering, worst_loss=worst_loss, threads=threads)
        values, base_values, dtype = _prepared(losses, base)
    except ValueError:
        tell(allreduce)
        raise
    while True:
        message = solver._step(values, base_values)
        if message is None:
            result = solver.solution
            result.weights = rounded(result.weights, dtype)
            return result
        allreduce(*message)


def tell(allreduce: Allreduce) -> None:
    """Tells the other participants, who wait in their first call, that this one's input was refused."""
    message = Solver()._step(None, None)
    assert message is not None
    allreduce(*message)


class Solver:
    """A sharded solve in steps, for an engine that cannot be called back (Dask, Spark, asynchronous collectives).

    ::

        solver = Solver(alpha=0.05, r=0.1)
        while (message := solver.step(losses)) is not None:
            ...  # replace message.values by their message.op ("sum" or "max") over the participants, in place
        solver.solution.weights

    It holds no losses, but 110 KB of plain data and the weights: it can be pickled, copied and sent between steps.
    Messages come about five times, and never more than 64, for every participant alike.

    alpha, r, ordering, worst_loss: as in :func:`hr_weights.weights`, the same for every participant; `threads` may
    differ.

    Raises ValueError for an ordering that is neither "HD" nor "HR", and for what is no number; budgets out of range are
    found by the first step.
    """

    def __init__(
        self,
        alpha: float = 0.0,
        r: float = 0.0,
        *,
        ordering: Ordering = "HD",
        worst_loss: Optional[float] = None,
        threads: int = 1,
    ) -> None:
        self._arguments = (
            _numbers.real(alpha, "alpha"),
            _numbers.real(r, "r"),
            _numbers.choice(ordering, "ordering", tuple(_library.ORDERINGS)),
            _numbers.worst(worst_loss),
            _numbers.integer(threads, "threads"),
        )
        self._state = np.empty(-(-_library.SHARDED_SIZE // 8), np.float64)
        _library._check(_library.SHARDED_INIT(address(self._state), self._state.nbytes))
        self._pending = slice(0, 0)
        # Written in the last step but one.
        self._weights: Optional[NDArray[Any]] = None
        self._finished: Optional[Solution] = None
        self._solution: Optional[tuple[NDArray[Any], bytes]] = None

    def _options(self) -> _library.Options:
        return _core._options(*self._arguments)

    def step(self, losses: Array, base: Optional[Array] = None) -> Optional[Message]:
        """Goes on: what must be reduced next, or None at the end. Every step is passed the same samples.

        losses: shape ``(n,)``, this participant's; n may be 0. base: shape ``(n,)`` or None.

        Raises ValueError as :func:`solve` does: in the second step of every participant, once they have told each
        other.
        """
        try:
            values, base_values, dtype = _prepared(losses, base)
        except ValueError as error:
            message = self._step(None, None, error)
        else:
            message = self._step(values, base_values)
            if message is None:
                self.solution.weights = rounded(self.solution.weights, dtype)
        return message

    @property
    def solution(self) -> Solution[Any]:
        """This participant's weights, and the report of the whole. Raises ValueError before the last step."""
        if self._finished is None:
            raise ValueError("there is no solution before step() has returned None")
        return self._finished

    def receive(self, values: Array) -> None:
        """Puts what the last message came to into its place, where that was not done already: after a copy, or on
        another machine.

        values: shape ``(count,)``, as the message's. Raises ValueError for another shape.
        """
        array = as_array(values, "values")
        computing_dtype(array.dtype, "values")
        if array.shape != self._state[self._pending].shape:
            raise ValueError(f"values has shape {array.shape}, but the message had {self._state[self._pending].shape}")
        self._state[self._pending] = array

    def _step(
        self, losses: Optional[NDArray[Any]], base: Optional[NDArray[Any]], refused: Optional[ValueError] = None
    ) -> Optional[Message]:
        """As `step`, of contiguous arrays of one type; None: they have been refused, and the others are to be told."""
        options, report = self._options(), _library.report()
        values, count, op = ctypes.c_void_p(), ctypes.c_size_t(), ctypes.c_int32()
        if losses is not None and (self._weights is None or self._weights.shape != losses.shape):
            self._weights = np.empty_like(losses)
        result = None if losses is None else self._weights
        status = SHARDED_STEP["d" if losses is None else losses.dtype.char](
            address(self._state),
            options,
            None if losses is None else address(losses),
            None if base is None else address(base),
            1 if losses is None else losses.size,
            None if result is None else address(result),
            report,
            ctypes.byref(values),
            ctypes.byref(count),
            ctypes.byref(op),
        )
        if status:
            if refused is not None:
                raise refused
            _fail(status, options, losses, base, report.bad_index)
        if count.value:
            start = ((values.value or 0) - address(self._state)) // 8
            self._pending = slice(start, start + count.value)
            return Message(self._state[self._pending], _OPS[op.value])
        assert result is not None
        self._finished, self._weights = Solution(result, report), None
        return None

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        if self._finished is not None:
            state["_finished"] = (self._finished.weights, bytes(self._finished._report))
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        finished = state.pop("_finished", None)
        self.__dict__.update(state)
        self._finished = None
        if finished is not None:
            self._finished = Solution(finished[0], _library.Report.from_buffer_copy(finished[1]))


def mpi(communicator: Any) -> Allreduce:
    """The all-reduce of an mpi4py communicator, for :func:`solve` and :func:`weights`.

    communicator: an ``mpi4py.MPI.Comm``, such as ``MPI.COMM_WORLD``. By default MPI ends all processes when one of them
        fails; with ``communicator.Set_errhandler(MPI.ERRORS_RETURN)`` it raises ``MPI.Exception`` where it notices.

    Raises ValueError for what is no communicator. Needs mpi4py: ``pip install "hr-weights[mpi]"``.
    """
    with extra("mpi"):
        from mpi4py import MPI
    if not hasattr(communicator, "Allreduce"):
        raise ValueError(f"communicator must be one of mpi4py, not {_numbers.shown(communicator)}")

    ops = {"sum": MPI.SUM, "max": MPI.MAX}

    def allreduce(values: NDArray[np.float64], op: Op) -> None:
        communicator.Allreduce(MPI.IN_PLACE, values, op=ops[op])

    return allreduce


def _prepared(losses: Array, base: Optional[Array]) -> tuple[NDArray[Any], Optional[NDArray[Any]], np.dtype[Any]]:
    """Losses and base weights as the library reads them, and the type of the weights."""
    array = as_array(losses, "losses")
    if array.ndim != 1:
        raise ValueError(f"losses has shape {array.shape}, but one number per sample is needed")
    values = contiguous(array, computing_dtype(array.dtype, "losses"))
    if base is None:
        return values, None, result_dtype(array.dtype)
    base_array = as_array(base, "base")
    if base_array.shape != array.shape:
        raise ValueError(f"base has shape {base_array.shape}, but losses has shape {array.shape}")
    computing_dtype(base_array.dtype, "base")
    return values, contiguous(base_array, values.dtype), result_dtype(array.dtype)


#: What the participants must have alike, by the status that says that they do not, or that one of them is wrong.
_TERMS = {
    _library.ALPHA: "alpha",
    _library.R: "r",
    _library.ORDERING: "ordering",
    _library.WORST_LOSS: "worst_loss",
}


def _fail(
    status: int,
    options: _library.Options,
    losses: Optional[NDArray[Any]],
    base: Optional[NDArray[Any]],
    bad_index: int,
) -> NoReturn:
    """Raises ValueError for this participant's own mistake, as `hr_weights.solve` would, else Elsewhere."""
    message = _library.status_message(status)
    if status == _library.PANIC:
        raise RuntimeError(message)
    own = np.empty(0, FLOAT64) if losses is None else losses
    if _is_own(status, options, bad_index):
        _core._fail(status, options, own, base, bad_index)
    if status in _TERMS:
        name = _TERMS[status]
        value = getattr(options, name)
        if name == "worst_loss":
            raise Elsewhere(
                f"{message}: the participants disagree about worst_loss, or it is below a loss; here it is {value}"
            )
        disagree = f"the participants disagree about {name}, or one of them is wrong"
        raise Elsewhere(f"{disagree}: {message}; here it is {value}")
    if status == _library.REDUCE:
        raise Elsewhere(WIDTHS)
    if status == _library.EMPTY:
        raise Elsewhere(f"losses is empty at every participant: {message}")
    if status == _library.NULL_POINTER:
        raise Elsewhere("the input of another participant was refused there")
    raise Elsewhere(f"at another participant, or at all: {message}")


def _is_own(status: int, options: _library.Options, bad_index: int) -> bool:
    if bad_index != _library.NO_INDEX:
        return True
    out_of_range = {
        _library.ALPHA: not 0 <= options.alpha <= 1,
        _library.R: not options.r >= 0,
        _library.WORST_LOSS: np.isinf(options.worst_loss),
        _library.THREADS: options.threads < 0,
    }
    return bool(out_of_range.get(status, False))
