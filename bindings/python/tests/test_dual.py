"""The array form of the solver, run by NumPy, against the table of problems that were solved to 50 digits."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import table

import hr_weights as hrw
from hr_weights import _dual

ROWS = table.rows()


class NumPyOps:
    where, log, exp, maximum, minimum = (staticmethod(f) for f in (np.where, np.log, np.exp, np.maximum, np.minimum))
    product, max = (staticmethod(partial(f, axis=-1, keepdims=True)) for f in (np.prod, np.max))
    cumsum = staticmethod(partial(np.cumsum, axis=-1))
    concat = staticmethod(partial(np.concatenate, axis=-1))
    size = staticmethod(np.size)

    def fill(self, x, mask, value):
        return np.where(mask, x.dtype.type(value), x)

    def cast(self, condition, like):
        return condition.astype(like.dtype)

    def combine(self, x, factor, y):
        return x + y.dtype.type(factor) * y

    def less_ratio(self, x, y, z):
        return x - y / z

    def clamp(self, x, low, high):
        return np.clip(x, x.dtype.type(low), x.dtype.type(high))

    def sum(self, x, axis=-1):
        return x.sum(axis, keepdims=True)

    def sums(self, *arrays):
        return tuple(map(self.sum, arrays))

    def maxima(self, *arrays):
        return tuple(map(self.max, arrays))

    def count(self, mask, like):
        return mask.sum(-2, keepdims=True, dtype=like.dtype)

    def sort(self, keys, *values):
        order = np.argsort(keys, -1)
        return tuple(np.take_along_axis(array, order, -1) for array in (keys, *values))

    def uniform(self, x):
        return np.full_like(x, 1.0 / x.shape[-1])

    def steps(self, start, stop, like):
        return np.arange(start, stop, dtype=like.dtype)[:, None]

    def expand(self, x):
        return x[..., None, :]

    def transpose(self, x):
        return np.swapaxes(x, -1, -2)


def dual(losses, alpha=0.0, r=0.0, ordering="HD", base=None, worst_loss=None, dtype=np.float64):
    """As hrw.solve, but the weights and the worst weight alone."""
    losses = np.asarray(losses, dtype)
    base = None if base is None else np.asarray(base, dtype)
    budget = [None if x is None else np.asarray([x], dtype) for x in (alpha, r, worst_loss)]
    precision = _dual.DOUBLE if dtype == np.float64 else _dual.SINGLE
    with np.errstate(all="ignore"):
        weights, worst = _dual.weights(NumPyOps(), precision, losses, base, *budget, ordering)
    return weights, float(worst[0])


@pytest.mark.skipif(not ROWS, reason="the table is in the repository, not in the source distribution")
def test_double_precision_is_right_to_1e_11():
    for row in ROWS:
        weights, worst = dual(**row.arguments)
        exact, exact_worst = row.weights, row.worst_weight
        if row.shared is not None:
            worst, exact_worst = worst + weights[row.shared].sum(), exact_worst + exact[row.shared].sum()
            weights, exact = weights[~row.shared], exact[~row.shared]
        np.testing.assert_allclose(weights, exact, rtol=0, atol=1e-11, err_msg=row.case)
        assert abs(worst - exact_worst) <= 1e-11, row.case


DISTRIBUTIONS = {
    "exponential": lambda rng, n: rng.exponential(size=n),
    "cauchy": lambda rng, n: rng.standard_cauchy(n),
    "pareto": lambda rng, n: rng.pareto(0.7, n),
    "ties": lambda rng, n: rng.integers(0, 4, n).astype(float),
    "offset": lambda rng, n: 1e4 + rng.random(n),
    "tiny": lambda rng, n: 1e-30 * rng.random(n),
    "one outlier": lambda rng, n: np.r_[np.zeros(n - 1), 1e3],
}


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-9), (np.float32, 2e-6)])
@pytest.mark.parametrize("ordering", ["HD", "HR"])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_it_is_the_library(name, ordering, dtype, tolerance):
    rng = np.random.default_rng(len(name))
    for n in (1, 2, 3, 8, 33, 200):
        losses = DISTRIBUTIONS[name](rng, n).astype(dtype)
        for alpha in (0.0, 0.01, 0.3, 0.95, 1.0):
            for r in (0.0, 1e-4, 0.1, 3.0, np.inf):
                base = None if rng.random() < 0.5 else (rng.random(n) * (rng.random(n) < 0.7)).astype(dtype)
                if base is not None and not base.any():
                    base = None
                alpha, r = float(dtype(alpha)), float(dtype(r))
                solution = hrw.solve(losses, alpha, r, ordering=ordering, base=base)
                weights, _ = dual(losses, alpha, r, ordering, base, dtype=dtype)
                np.testing.assert_allclose(
                    weights, solution.weights, rtol=0, atol=tolerance, err_msg=f"{n} {alpha} {r}"
                )


@pytest.mark.parametrize("ordering", ["HD", "HR"])
def test_a_given_worst_loss_and_rows_with_their_own_budgets(ordering):
    rng = np.random.default_rng(5)
    losses = rng.exponential(size=(40, 16))
    alpha, r = rng.random((40, 1)), rng.exponential(size=(40, 1))
    worst = losses.max(1, keepdims=True) + rng.random((40, 1))
    with np.errstate(all="ignore"):
        weights, on_worst = _dual.weights(
            NumPyOps(), _dual.DOUBLE, losses, np.ones_like(losses), alpha, r, worst, ordering
        )
    np.testing.assert_allclose(weights.sum(1) + on_worst[:, 0], 1, atol=1e-12)
    for row in range(40):
        solution = hrw.solve(losses[row], alpha[row, 0], r[row, 0], ordering=ordering, worst_loss=worst[row, 0])
        if solution.dual_bound - solution.robust_loss < 1e-9:  # the weights are proven to be optimal
            np.testing.assert_allclose(weights[row], solution.weights, atol=1e-9)


def test_all_losses_are_the_given_worst_loss():
    for n in range(1, 50):
        for ordering in ("HD", "HR"):
            weights, worst = dual(np.full(n, 2.0), 0.1, 0.2, ordering, worst_loss=2.0)
            assert weights.sum() + worst == pytest.approx(1) and weights.min() >= 0 and worst >= 0


@pytest.mark.parametrize("ordering", ["HD", "HR"])
def test_what_many_losses_need_at_a_time_is_bounded(ordering, monkeypatch):
    largest = []

    class Watching(NumPyOps):
        def log(self, x):
            largest.append(x.size)
            return np.log(x)

    monkeypatch.setattr(_dual, "LARGEST_FAN", 20_000)
    losses = np.random.default_rng(8).exponential(size=4000)
    budgets = np.array([0.05]), np.array([0.1])
    weights, _ = _dual.weights(Watching(), _dual.DOUBLE, losses, None, *budgets, None, ordering)
    np.testing.assert_allclose(weights, hrw.weights(losses, 0.05, 0.1, ordering=ordering), rtol=0, atol=1e-12)
    assert max(largest) <= 4000 * _dual.DOUBLE.nodes < 4000 * _dual.FAN


def test_the_root_may_be_at_a_kink():
    """In HR the cap reaches a sample exactly at the u that is sought: alpha by bisection."""
    losses = np.array([0.0, 0.2, 0.5, 0.6, 1.0])
    low, high = 0.0, 1.0
    for _ in range(60):
        alpha = 0.5 * (low + high)
        # The derivative in alpha is the depth of the cap.
        deeper = hrw.solve(losses, alpha, 0.1, ordering="HR").d_alpha > 0.5 + 1e-12
        low, high = (alpha, high) if deeper else (low, alpha)
    assert 0.01 < low < 0.99
    for alpha in (low, high):
        expected = hrw.weights(losses, alpha, 0.1, ordering="HR")
        np.testing.assert_allclose(dual(losses, alpha, 0.1, "HR")[0], expected, rtol=0, atol=1e-11)
