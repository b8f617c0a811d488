"""The HR weights of a data set that no single worker can hold: a Dask array of losses, block by block.

::

    from hr_weights.dask import solve

    solution = solve(losses, alpha=0.05, r=0.1)       # losses: a dask.array of shape (n,), in blocks
    solution.weights                                  # a dask.array in the same blocks, on the workers

Losses and weights stay where their blocks are. Between the workers and the caller go about five rounds of small messages:
at most 24 KiB per block and round, joined by the caller.

Source: as :mod:`hr_weights`; ``docs/distributed.md`` has the costs.
"""

from __future__ import annotations

import copy
import itertools
import uuid
from collections.abc import Iterable
from typing import Any, NamedTuple, Optional

import numpy as np
from numpy.typing import NDArray

from . import _display, sharded
from ._arrays import result_dtype
from ._extras import extra
from ._progress import Progress
from ._solution import Solution
from ._types import Ordering

with extra("dask"):
    import dask
    import dask.array as da
    from dask.highlevelgraph import HighLevelGraph

__all__ = ["DaskSolution", "solve", "weights"]


class DaskSolution(NamedTuple):
    """What :func:`solve` returns."""

    #: A dask.array of shape ``(n,)``, in the blocks of the losses and of their dtype. Already computed, on the workers.
    weights: Any
    #: The robust loss, the proof, and the rest of a :class:`hr_weights.Solution`, whose own `weights` are empty.
    report: Solution

    def __repr__(self) -> str:
        return _display.line("DaskSolution", [("n", self.weights.size), *self._fields_of(_display.SUMMARY)])

    def _repr_html_(self) -> str:
        names = [name for name in Solution.__annotations__ if name != "weights"]
        about = f"{self.weights.dtype} {self.weights.shape}, {self.weights.npartitions} blocks"
        return _display.fields("DaskSolution", [("weights", about), *self._fields_of(names)])

    def _fields_of(self, names: Iterable[str]) -> list[tuple[str, Any]]:
        return [(name, getattr(self.report, name)) for name in names]


def weights(
    losses: Any,
    alpha: float = 0.0,
    r: float = 0.0,
    *,
    ordering: Ordering = "HD",
    base: Optional[Any] = None,
    worst_loss: Optional[float] = None,
    progress: bool = True,
) -> Any:
    """The HR weights of the losses of all blocks, as a dask.array in the same blocks. Takes and raises what :func:`solve`
    does.
    """
    return solve(losses, alpha, r, ordering=ordering, base=base, worst_loss=worst_loss, progress=progress).weights


def solve(
    losses: Any,
    alpha: float = 0.0,
    r: float = 0.0,
    *,
    ordering: Ordering = "HD",
    base: Optional[Any] = None,
    worst_loss: Optional[float] = None,
    progress: bool = True,
) -> DaskSolution:
    """One problem over all blocks of an array: its weights, block by block, and the report.

    losses: a dask.array of shape ``(n,)`` of real numbers, such as a column of a data frame by
        ``.to_dask_array(lengths=True)``. Blocks may be of any size, and empty. It is persisted: on a distributed
        cluster its blocks are computed once, stay on their workers (which may spill them), and each round is a task per
        block, run where the block is. Without a cluster Dask's scheduler in this process does the same.
    base: a dask.array of shape ``(n,)`` or None, in the blocks of the losses (it is rechunked to them).
    alpha, r, ordering, worst_loss: as in :func:`hr_weights.weights`.
    progress: True: if it takes more than a second, a line on the standard error counts the rounds, on a terminal alone;
        False: never.

    The result is that of :func:`hr_weights.solve` over all losses, to 1e-13. It is computed when this returns.

    Raises ValueError for what :func:`hr_weights.solve` does; of a loss or base weight that is wrong, with its block and
    its index within it. What Dask raises passes through.
    """
    if not isinstance(losses, da.Array):
        raise ValueError(f"losses must be a dask.array, not {type(losses).__name__}: see hr_weights.solve for arrays")
    if losses.ndim != 1:
        raise ValueError(f"losses has shape {losses.shape}, but one number per sample is needed")
    if base is not None:
        if not isinstance(base, da.Array) or base.shape != losses.shape:
            raise ValueError(f"base must be a dask.array of the shape of the losses, {losses.shape}")
        base = base.rechunk(losses.chunks)
    (losses,) = dask.persist(losses)
    parts = list(losses.to_delayed())
    bases = [None] * len(parts)
    if base is not None:
        (base,) = dask.persist(base)
        bases = list(base.to_delayed())
    # What only changes between rounds is a state of 110 KB, and the weights, per block.
    solvers: list[Any] = [sharded.Solver(alpha, r, ordering=ordering, worst_loss=worst_loss)] * len(parts)
    joined: Optional[NDArray[np.float64]] = None
    with Progress("rounds", None, progress) as line:
        for done in itertools.count():
            line.to(done)
            # Of the two results of a step, the solver stays on its worker, and the message comes here.
            steps = list(dask.persist(*(_step(*block, joined) for block in zip(solvers, parts, bases))))
            messages = dask.compute(*(_second(step) for step in steps))
            _raise_if_refused(messages, losses.chunks[0])
            solvers = [_first(step) for step in steps]
            op = messages[0].op
            if op is None:
                break
            joined = (np.sum if op == "sum" else np.max)([message.values for message in messages], axis=0)
    blocks = [_weights(solver) for solver in solvers]
    # Not by concatenate, which drops empty blocks.
    name = f"hr-weights-{uuid.uuid4().hex}"
    graph = HighLevelGraph.from_collections(
        name, {(name, number): block.key for number, block in enumerate(blocks)}, dependencies=blocks
    )
    result = da.Array(graph, name, losses.chunks, dtype=result_dtype(losses.dtype))
    result, report = dask.persist(result, _report(solvers[0]))
    return DaskSolution(result, dask.compute(report)[0])


class _Message(NamedTuple):
    """What a block tells: what is to be reduced, or neither at the end, or what is wrong."""

    op: Optional[str] = None
    values: Optional[NDArray[np.float64]] = None
    error: Optional[ValueError] = None


@dask.delayed(pure=False, traverse=False)
def _step(
    solver: sharded.Solver, losses: NDArray[Any], base: Optional[NDArray[Any]], joined: Optional[NDArray[np.float64]]
) -> tuple[sharded.Solver, _Message]:
    # Results of other tasks are not to be changed.
    solver = copy.deepcopy(solver)
    try:
        if joined is not None:
            solver.receive(joined)
        message = solver.step(losses, base)
    except ValueError as error:
        return solver, _Message(error=error)
    return solver, _Message() if message is None else _Message(message.op, message.values.copy())


@dask.delayed(pure=False)
def _first(pair: tuple[sharded.Solver, _Message]) -> sharded.Solver:
    return pair[0]


@dask.delayed(pure=False)
def _second(pair: tuple[sharded.Solver, _Message]) -> _Message:
    return pair[1]


@dask.delayed(pure=False)
def _weights(solver: sharded.Solver) -> NDArray[Any]:
    return solver.solution.weights


@dask.delayed(pure=False)
def _report(solver: sharded.Solver) -> Solution:
    solution = copy.deepcopy(solver).solution
    solution.weights = solution.weights[:0]
    return solution


def _raise_if_refused(messages: tuple[_Message, ...], sizes: tuple[int, ...]) -> None:
    """Raises the error of the block at fault, or of any if all are."""
    refused = [(number, message.error) for number, message in enumerate(messages) if message.error is not None]
    for number, error in refused:
        if not isinstance(error, sharded.Elsewhere):
            raise ValueError(f"in block {number}, which starts at {sum(sizes[:number])}: {error}") from error
    if refused:
        raise ValueError(str(refused[0][1]))
