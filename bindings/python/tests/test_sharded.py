"""One problem over many participants: threads that meet, and solvers side by side."""

from __future__ import annotations

import pickle
import threading

import distributed_page
import numpy as np
import pytest

import hr_weights as hrw
from hr_weights import sharded

CUTS = [0, 7, 7, 60]
# What is the same everywhere.
FIELDS = [name for name in hrw.Solution.__annotations__ if name != "weights"]


class Meeting:
    """An all-reduce over threads; it fails for all when one leaves."""

    def __init__(self, ranks):
        self.barrier = threading.Barrier(ranks, timeout=120)
        self.values = [None] * ranks
        self.calls = 0

    def seat(self, rank):
        def allreduce(values, op):
            assert values.dtype == np.float64 and values.ndim == 1 and 0 < values.size <= 3004
            self.values[rank] = values.copy()
            self.barrier.wait()
            joined = {"sum": np.sum, "max": np.max}[op](self.values, axis=0)
            self.barrier.wait()
            values[:] = joined
            self.calls += rank == 0

        return allreduce


def together(calls):
    """Runs one function per participant, each on a thread with its all-reduce: what they return, or raise."""
    meeting = Meeting(len(calls))
    results = [None] * len(calls)

    def run(rank):
        try:
            results[rank] = calls[rank](meeting.seat(rank))
        except Exception as error:
            results[rank] = error
            meeting.barrier.abort() if isinstance(error, OSError) else None

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    return results, meeting.calls


def parts(array):
    return [None] * 5 if array is None else np.split(array, CUTS)


def problem(n=211, dtype=np.float64):
    random = np.random.default_rng(4)
    losses = random.exponential(size=n).astype(dtype)
    losses[::9] = losses[1]
    return losses, random.integers(0, 4, n).astype(dtype)


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-13), (np.float32, 1e-7), (np.float16, 1e-3)])
@pytest.mark.parametrize("ordering", ["HD", "HR"])
@pytest.mark.parametrize("with_base, worst_loss", [(False, None), (True, None), (False, 30.0)])
def test_the_parts_are_those_of_the_whole(dtype, tolerance, ordering, with_base, worst_loss):
    losses, base = problem(dtype=dtype)
    base = base if with_base else None
    options = {"alpha": 0.05, "r": 0.1, "ordering": ordering, "worst_loss": worst_loss}
    whole = hrw.solve(losses, base=base, **options)
    calls = [
        lambda allreduce, own=own, own_base=own_base: sharded.solve(own, base=own_base, allreduce=allreduce, **options)
        for own, own_base in zip(parts(losses), parts(base))
    ]
    solutions, count = together(calls)
    weights = np.concatenate([solution.weights for solution in solutions])
    assert weights.dtype == dtype
    np.testing.assert_allclose(weights, whole.weights, rtol=0, atol=tolerance)
    for solution in solutions:
        assert solution.robust_loss == pytest.approx(whole.robust_loss, rel=1e-12)
        assert solution.worst_weight == pytest.approx(whole.worst_weight, abs=1e-12)
        assert all(getattr(solution, name) == getattr(solutions[0], name) for name in FIELDS)
    assert 3 <= count <= (24 if ordering == "HR" else 16)


def lockstep(losses, base, carry=lambda solver: solver, **options):
    """Solvers side by side; `carry` is what happens to them between steps."""
    solvers = [sharded.Solver(**options) for _ in losses]
    while True:
        messages = [solver.step(own, own_base) for solver, own, own_base in zip(solvers, losses, base)]
        if messages[0] is None:
            assert all(message is None for message in messages)
            return solvers
        op = {"sum": np.sum, "max": np.max}[messages[0].op]
        joined = op([message.values for message in messages], axis=0)
        solvers = [carry(solver) for solver in solvers]
        for solver in solvers:
            solver.receive(joined)


@pytest.mark.parametrize("ordering", ["HD", "HR"])
def test_a_solver_can_be_sent(ordering):
    losses, base = problem()
    options = {"alpha": 0.1, "r": 0.3, "ordering": ordering}
    solvers = lockstep(parts(losses), parts(base), lambda solver: pickle.loads(pickle.dumps(solver)), **options)
    whole = hrw.solve(losses, base=base, **options)
    np.testing.assert_allclose(np.concatenate([s.solution.weights for s in solvers]), whole.weights, rtol=0, atol=1e-13)
    again = pickle.loads(pickle.dumps(solvers[0])).solution
    assert again.robust_loss == solvers[1].solution.robust_loss
    np.testing.assert_array_equal(again.weights, solvers[0].solution.weights)


def test_steps_out_of_order():
    solver = sharded.Solver()
    with pytest.raises(ValueError, match="before step"):
        _ = solver.solution
    message = solver.step([1.0, 2.0])
    with pytest.raises(ValueError, match="shape"):
        solver.receive(np.zeros(message.values.size + 1))


def refused(own, others=None, count=3):
    """What the first of three participants raises, and what the others do."""
    usual = {"losses": [1.0, 2.0], "alpha": 0.05, "r": 0.1}
    arguments = [dict(usual, **own)] + [dict(usual, **(others or {}))] * 2
    results, calls = together(
        [lambda allreduce, own=own: sharded.solve(allreduce=allreduce, **own) for own in arguments]
    )
    assert calls == 1
    assert all(isinstance(result, ValueError) for result in results), results
    assert str(results[1]) == str(results[2])
    return str(results[0]), str(results[1])


def test_everybody_learns_what_is_wrong_with_one():
    mine, theirs = refused({"losses": [1.0, 2.0, np.nan]})
    assert mine.startswith("losses[2] is nan") and theirs.startswith("at another participant")
    mine, theirs = refused({"base": [1.0, -1.0]})
    assert mine.startswith("base[1] is -1.0") and "base weight" in theirs
    mine, theirs = refused({"alpha": 2.0})
    assert mine.endswith("not 2.0") and "disagree about alpha" in theirs
    mine, theirs = refused({"r": 0.2})
    assert "disagree about r" in mine and "here it is 0.2" in mine and "here it is 0.1" in theirs
    mine, theirs = refused({"ordering": "HR"})
    assert "disagree about ordering" in mine
    mine, theirs = refused({"worst_loss": 5.0})
    assert "disagree about worst_loss" in theirs
    mine, theirs = refused({"losses": [], "worst_loss": 1.5}, {"worst_loss": 1.5})
    assert "below a loss" in mine
    mine, theirs = refused({"losses": np.zeros(2, np.float32)})
    assert "widths" in mine and "widths" in theirs
    # What Python finds is told as well.
    mine, theirs = refused({"losses": [[1.0, 2.0]]})
    assert "shape (1, 2)" in mine and theirs == "the input of another participant was refused there"
    mine, theirs = refused({"ordering": "DH"})
    assert "'DH'" in mine and "another participant" in theirs
    mine, theirs = refused({"base": [1.0]})
    assert "base has shape" in mine
    mine, theirs = refused({"losses": []}, {"losses": []})
    assert "no sample" in mine


def test_what_the_engine_raises_passes_through():
    def broken(values, op):
        raise OSError("the network is gone")

    losses, _ = problem()
    results, _ = together(
        [
            lambda _: sharded.weights(losses, 0.05, 0.1, allreduce=broken),
            lambda allreduce: sharded.weights(losses, 0.05, 0.1, allreduce=allreduce),
        ]
    )
    assert isinstance(results[0], OSError) and isinstance(results[1], threading.BrokenBarrierError)


def test_the_page():
    assert distributed_page.run()["solver"].solution.weights.sum() == pytest.approx(1.0)
