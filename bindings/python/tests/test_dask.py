"""One problem over the blocks of a Dask array: in this process, and on workers none of which could hold it."""

from __future__ import annotations

import numpy as np
import pytest

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")

import dask.array as da  # noqa: E402
import distributed_page  # noqa: E402

import hr_weights as hrw  # noqa: E402
from hr_weights.dask import solve, weights  # noqa: E402


def problem(dtype=np.float64):
    random = np.random.default_rng(1)
    losses = random.exponential(size=1000).astype(dtype)
    losses[::7] = losses[2]
    return losses, random.integers(0, 3, 1000).astype(dtype)


CHUNKS = ((1, 99, 0, 800, 100),)


@pytest.mark.parametrize("ordering", ["HD", "HR"])
@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-13), (np.float32, 1e-8)])
@pytest.mark.parametrize("with_base, worst_loss", [(False, None), (True, None), (False, 30.0)])
def test_the_blocks_are_those_of_the_whole(ordering, dtype, tolerance, with_base, worst_loss):
    losses, base = problem(dtype)
    options = {"alpha": 0.05, "r": 0.1, "ordering": ordering, "worst_loss": worst_loss}
    whole = hrw.solve(losses, base=base if with_base else None, **options)
    spread_base = da.from_array(base, chunks=300) if with_base else None
    with dask.config.set(scheduler="synchronous"):
        solution = solve(da.from_array(losses, chunks=CHUNKS), base=spread_base, **options)
        assert solution.weights.chunks == CHUNKS and solution.weights.dtype == dtype
        result = solution.weights.compute()
    np.testing.assert_allclose(result, whole.weights, rtol=2e-7 if dtype == np.float32 else 0, atol=tolerance)
    assert solution.report.robust_loss == pytest.approx(whole.robust_loss, rel=1e-13)
    assert solution.report.worst_weight == pytest.approx(whole.worst_weight, abs=1e-12)


def test_errors():
    losses, _ = problem()
    losses[150] = np.nan
    with dask.config.set(scheduler="synchronous"):
        with pytest.raises(ValueError, match=r"in block 3, which starts at 100: losses\[50\] is nan"):
            weights(da.from_array(losses, chunks=CHUNKS))
        with pytest.raises(ValueError, match="alpha"):
            weights(da.ones(10, chunks=5), alpha=2.0)
        with pytest.raises(ValueError, match="below a loss"):
            weights(da.ones(10, chunks=5), worst_loss=0.5)
        with pytest.raises(ValueError, match="losses is empty at every participant: there is no sample"):
            weights(da.ones(0))
        with pytest.raises(ValueError, match="shape"):
            weights(da.ones((2, 5)))
        with pytest.raises(ValueError, match="base"):
            weights(da.ones(10), base=da.ones(9))
    with pytest.raises(ValueError, match=r"dask\.array"):
        weights(losses)


@pytest.mark.parametrize(
    "name, values",
    [
        ("losses", [None, [1.0, 2.0], da.zeros((2, 2)), da.from_array(np.array(["a"])), da.zeros(2, dtype=complex)]),
        ("base", [[1.0, 2.0], 1.0, da.zeros(3), da.zeros(2, dtype=complex), da.zeros(2), -da.ones(2)]),
        ("alpha", [None, "0.1", True, [0.1], 2, float("nan")]),
        ("r", [None, "0.1", True, [0.1], -1, float("nan")]),
        ("ordering", [None, ["HD"], "hd"]),
        ("worst_loss", ["3", True, [3.0], 0.5, float("nan"), float("inf")]),
    ],
)
def test_a_wrong_value_is_named(name, values):
    with dask.config.set(scheduler="synchronous"):
        for value in values:
            with pytest.raises(ValueError, match=name):
                solve(**{"losses": da.ones(2, chunks=1), name: value})


def test_the_page():
    names = distributed_page.run("dask")
    assert float(names["solution"].weights.sum().compute()) == pytest.approx(1.0)


def test_the_page_on_mpi():
    pytest.importorskip("mpi4py")
    names = distributed_page.run("mpi4py")
    assert names["solution"].weights.sum() == pytest.approx(1.0)


LIMIT = 300 << 20
N = 40_000_000


def test_a_data_set_that_no_worker_can_hold():
    assert 2 * N * 4 > LIMIT  # losses and weights

    def make(block, block_info=None):
        number = block_info[0]["chunk-location"][0]
        return np.random.default_rng(number).exponential(size=block.shape).astype(np.float32)

    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, memory_limit=LIMIT, processes=True, dashboard_address=None
    ) as cluster, distributed.Client(cluster) as client:
        column = da.empty(N, chunks=1_000_000, dtype=np.float32).map_blocks(make, dtype=np.float32)
        solution = solve(column, alpha=0.05, r=0.1)
        assert len(client.scheduler_info()["workers"]) == 2
        total, largest = dask.compute(solution.weights.astype(np.float64).sum(), solution.weights.max())
        assert total == pytest.approx(1.0, abs=1e-6)
        # Against the answer of one machine, which is this one.
        whole = np.concatenate([make(np.empty(1_000_000), {0: {"chunk-location": (i,)}}) for i in range(40)])
        single = hrw.solve(whole, alpha=0.05, r=0.1)
        assert solution.report.robust_loss == pytest.approx(single.robust_loss, rel=1e-12)
        assert solution.report.trimmed == single.trimmed
        assert largest == single.weights.max()
        block = solution.weights.blocks[17].compute()
        np.testing.assert_array_max_ulp(block, single.weights[17_000_000:18_000_000], 2)


def test_rounds_are_counted_on_a_terminal(terminal):
    losses = da.from_array(problem()[0], chunks=CHUNKS)
    with dask.config.set(scheduler="synchronous"):
        weights(losses, 0.05, 0.1, progress=False)
        assert terminal.getvalue() == ""
        weights(losses, 0.05, 0.1)
    assert terminal.getvalue().startswith("\rrounds: ")


def test_it_shows_itself_without_its_blocks():
    losses = problem()[0]
    with dask.config.set(scheduler="synchronous"):
        solution = solve(da.from_array(losses, chunks=CHUNKS), 0.05, 0.1)
    whole = hrw.solve(losses, 0.05, 0.1)
    assert repr(solution).startswith(f"DaskSolution(n=1000, robust_loss={whole.robust_loss:.6g}, ")
    assert "float64 (1000,), 5 blocks" in solution._repr_html_()
    assert f"<td>{whole.robust_loss:.6g}</td>" in solution._repr_html_()
