"""What mpirun runs: ``mpirun -n 3 python mpi_ranks.py``. Every rank checks; one that finds a fault ends all of them."""

from __future__ import annotations

import sys
import traceback

import numpy as np
from mpi4py import MPI

import hr_weights as hrw
from hr_weights import sharded

WORLD = MPI.COMM_WORLD
RANK, RANKS = WORLD.Get_rank(), WORLD.Get_size()

# What is the same everywhere.
FIELDS = [name for name in hrw.Solution.__annotations__ if name != "weights"]


def counted():
    """An all-reduce, and the number of its calls."""
    calls = []
    inner = sharded.mpi(WORLD)

    def allreduce(values, op):
        calls.append(values.nbytes)
        inner(values, op)

    return allreduce, calls


def spread(array):
    """This rank's part: the later the rank, the more it has, and the second of three or more has none."""
    places = [at * at * len(array) // RANKS**2 for at in [0, 2 if RANKS > 2 else 1, *range(2, RANKS)]]
    return np.split(array, places[1:])[RANK]


def problems():
    random = np.random.default_rng(3)
    for n in (1, 5, 5000):
        losses = random.exponential(size=n)
        for dtype in (np.float64, np.float32):
            for ordering in ("HD", "HR"):
                for alpha, r in ((0.0, 0.0), (0.05, 0.1), (0.3, 2.0)):
                    yield losses.astype(dtype), random.integers(1, 4, n).astype(dtype), alpha, r, ordering


def answers():
    most = 0
    for losses, base, alpha, r, ordering in problems():
        for chosen in (None, base):
            options = {"alpha": alpha, "r": r, "ordering": ordering}
            whole = hrw.solve(losses, base=chosen, **options)
            allreduce, calls = counted()
            own_base = None if chosen is None else spread(chosen)
            solution = sharded.solve(spread(losses), base=own_base, allreduce=allreduce, **options)
            tolerance = 1e-13 if losses.dtype == np.float64 else 1e-7
            np.testing.assert_allclose(solution.weights, spread(whole.weights), rtol=0, atol=tolerance)
            assert solution.weights.dtype == losses.dtype
            assert abs(solution.robust_loss - whole.robust_loss) <= 1e-12 * abs(whole.robust_loss)
            reports = WORLD.allgather(repr([getattr(solution, name) for name in FIELDS]))
            assert all(report == reports[0] for report in reports), reports
            assert len(calls) <= 64 and max(calls) <= 32 << 10
            most = max(most, len(calls))
    return most


def faults():
    def message(losses, **options):
        allreduce, calls = counted()
        try:
            sharded.weights(losses, allreduce=allreduce, **options)
        except ValueError as error:
            assert len(calls) == 1
            return str(error)
        raise AssertionError("nothing was raised")

    last = RANK == RANKS - 1
    text = message(np.array([1.0, np.nan] if last else [1.0, 2.0]), r=0.1)
    assert text.startswith("losses[1] is nan" if last else "at another participant"), text
    if RANKS > 1:
        text = message(np.ones(3), r=0.1 if last else 0.2)
        assert "disagree about r" in text, text
    text = message(np.ones((2, 2)) if last else np.ones(4))
    assert ("shape (2, 2)" if last else "another participant") in text, text
    text = message(np.empty(0))
    assert "no sample" in text, text


try:
    calls = answers()
    faults()
except BaseException:
    traceback.print_exc()
    sys.stderr.flush()
    WORLD.Abort(1)
if RANK == 0:
    print(f"mpi4py: {RANKS} ranks, at most {calls} all-reduces: the answers and errors are those of one process")
