"""Calls from processes that were forked or spawned after calls with threads, and from many threads at once."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import sys

import numpy as np
import pytest

import hr_weights as hrw

# From 65,536 samples on, the library uses its threads.
SIZES = [1, 100, 4096, 70_000, 130_000]


def solve(n, threads, ordering="HD", dtype="float64"):
    losses = np.random.default_rng(n).exponential(size=n).astype(dtype)
    return hrw.weights(losses, alpha=0.05, r=0.1, ordering=ordering, threads=threads)


def in_child(n):
    """Both ways in a fresh or forked process, and once more in a second call."""
    return [solve(n, threads).tobytes() for threads in (0, 1, 0)]


@pytest.mark.skipif(sys.platform == "win32", reason="only spawn is there")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning", "ignore:.*fork.*:RuntimeWarning")
def test_forked_after_threads():
    want = {n: solve(n, 0).tobytes() for n in SIZES}
    for _ in range(3):
        with multiprocessing.get_context("fork").Pool(2) as pool:
            for n, answers in zip(SIZES, pool.map(in_child, SIZES)):
                assert answers == [want[n]] * 3
        # The parent's own threads are still there.
        assert solve(SIZES[-1], 0).tobytes() == want[SIZES[-1]]


def test_spawned_after_threads():
    want = {n: solve(n, 0).tobytes() for n in SIZES}
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        for n, answers in zip(SIZES, pool.map(in_child, SIZES)):
            assert answers == [want[n]] * 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning", "ignore:.*fork.*:RuntimeWarning")
def test_forked_while_threads_work():
    n = SIZES[-1]
    want = solve(n, 1).tobytes()
    with concurrent.futures.ThreadPoolExecutor(4) as executor:
        busy = [executor.submit(solve, n, 0) for _ in range(60)]
        for _ in range(10):
            process = os.fork()
            if process == 0:
                # Nothing of Python's runs at the end of this process.
                os._exit(0 if solve(n, 0).tobytes() == want else 1)
            assert os.waitpid(process, 0)[1] == 0
        assert all(future.result().tobytes() == want for future in busy)


def test_many_threads():
    cases = [(n, threads, ordering, dtype) for n in SIZES for threads in (0, 1, 2) for ordering in ("HD", "HR")
             for dtype in ("float32", "float64")]  # fmt: skip
    want = [solve(n, 1, ordering, dtype).tobytes() for n, _, ordering, dtype in cases]
    with concurrent.futures.ThreadPoolExecutor(16) as executor:
        for _ in range(3):
            got = executor.map(lambda case: solve(*case).tobytes(), cases)
            assert list(got) == want
