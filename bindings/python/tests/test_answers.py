"""The answers: every problem of the table that was solved to 50 digits, through each function."""

from __future__ import annotations

import numpy as np
import pytest
import table

import hr_weights as hrw

ROWS = table.rows()
needs_table = pytest.mark.skipif(not ROWS, reason="the table is in the repository, not in the source distribution")


def check_weights(row, weights, worst_weight, tolerance=1e-12):
    if row.shared is not None:
        worst_weight = worst_weight + weights[row.shared].sum()
        exact = row.worst_weight + row.weights[row.shared].sum()
        weights, exact_weights = weights[~row.shared], row.weights[~row.shared]
    else:
        exact, exact_weights = row.worst_weight, row.weights
    np.testing.assert_allclose(weights, exact_weights, rtol=0, atol=tolerance, err_msg=row.case)
    np.testing.assert_allclose(worst_weight, exact, rtol=0, atol=tolerance, err_msg=row.case)


@needs_table
def test_solve_is_exact():
    for row in ROWS:
        solution = hrw.solve(**row.arguments)
        check_weights(row, solution.weights, solution.worst_weight)
        assert abs(solution.robust_loss - row.robust_loss) <= row.tolerance, row.case
        assert solution.dual_bound >= solution.robust_loss - row.tolerance, row.case
        if row.numbers["kl"] is not None:
            assert solution.kl == pytest.approx(row.numbers["kl"], rel=1e-9, abs=1e-15), row.case
            assert solution.tv == pytest.approx(row.numbers["tv"], rel=1e-9, abs=1e-15), row.case


@needs_table
def test_weights_are_those_of_solve():
    for row in ROWS:
        expected = hrw.solve(**row.arguments).weights
        np.testing.assert_array_equal(hrw.weights(**row.arguments), expected, err_msg=row.case)


@needs_table
@pytest.mark.parametrize("threads", [1, 0])
def test_ragged_rows_are_solve(threads):
    """Problems that share their options, in one call: those of the table by options, which gives ragged batches."""
    batches = {}
    for row in ROWS:
        arguments = dict(row.arguments)
        losses, base = arguments.pop("losses"), arguments.pop("base")
        batches.setdefault(tuple(arguments.items()), []).append(
            (losses, np.ones(losses.size) if base is None else base)
        )
    assert max(map(len, batches.values())) > 5
    for options, problems in batches.items():
        losses, base = (np.concatenate(part) for part in zip(*problems))
        offsets = np.cumsum([0] + [len(problem[0]) for problem in problems])
        batch = hrw.solve_ragged(losses, offsets, base=base, threads=threads, **dict(options))
        assert len(batch) == len(problems)
        for i, (row_losses, row_base) in enumerate(problems):
            single = hrw.solve(row_losses, base=row_base, **dict(options))
            np.testing.assert_array_equal(batch.weights[offsets[i] : offsets[i + 1]], single.weights)
            assert_same_report(batch, i, single)


REPORT = [name for name in hrw.BatchSolution.__dataclass_fields__ if name != "weights"]


def assert_same_report(batch, i, single):
    for name in REPORT:
        assert getattr(batch, name)[i] == getattr(single, name), name


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("ordering", ["HD", "HR"])
@pytest.mark.parametrize("threads", [1, 0, 3])
def test_batch_rows_are_solve(dtype, ordering, threads):
    rng = np.random.default_rng(1)
    losses = rng.exponential(size=(37, 21)).astype(dtype)
    base = rng.integers(0, 3, size=losses.shape).astype(dtype)
    base[:, 0] = 1
    for given in (None, base):
        batch = hrw.solve_batch(losses, 0.05, 0.1, ordering=ordering, base=given, threads=threads)
        assert batch.weights.shape == losses.shape and batch.weights.dtype == dtype
        for i, row in enumerate(losses):
            single = hrw.solve(row, 0.05, 0.1, ordering=ordering, base=None if given is None else given[i])
            np.testing.assert_array_equal(batch.weights[i], single.weights)
            assert_same_report(batch, i, single)


def test_trimming_by_hand():
    # r = 0: alpha = 0.3 of five samples of 0.2 each, taken from the smallest losses and given to the largest.
    solution = hrw.solve([5.0, 1.0, 2.0, 3.0, 4.0], alpha=0.3, r=0.0)
    np.testing.assert_allclose(solution.weights, [0.5, 0.0, 0.1, 0.2, 0.2], atol=1e-15)
    assert solution.robust_loss == pytest.approx(4.1)
    assert solution.trim_loss == 2.0
    assert solution.trimmed == 1
    assert solution.tv == pytest.approx(0.3)
    assert solution.effective_samples == pytest.approx(1 / 0.34)


def test_the_worst_loss_has_its_own_weight():
    solution = hrw.solve([1.0, 2.0, 3.0, 4.0], alpha=0.25, r=0.0, worst_loss=10.0)
    np.testing.assert_allclose(solution.weights, [0.0, 0.25, 0.25, 0.25], atol=1e-15)
    assert solution.worst_weight == pytest.approx(0.25)
    assert solution.worst_loss == 10.0


def test_no_budget_leaves_the_base_weights():
    np.testing.assert_allclose(hrw.weights([3.0, 1.0, 2.0]), 1 / 3)
    np.testing.assert_allclose(hrw.weights([3.0, 1.0, 2.0], base=[2, 1, 1]), [0.5, 0.25, 0.25])


def test_sensitivities_are_derivatives():
    losses = np.random.default_rng(2).exponential(size=50)
    at = hrw.solve(losses, 0.055, 0.1)
    h = 1e-6
    in_r = (hrw.solve(losses, 0.055, 0.1 + h).robust_loss - hrw.solve(losses, 0.055, 0.1 - h).robust_loss) / (2 * h)
    in_alpha = (hrw.solve(losses, 0.055 + h, 0.1).robust_loss - hrw.solve(losses, 0.055 - h, 0.1).robust_loss) / (2 * h)
    assert at.d_r == pytest.approx(in_r, rel=1e-6)
    assert at.d_alpha == pytest.approx(in_alpha, rel=1e-6)


def test_certificate():
    n, delta = 1000, 0.05
    r = (np.log(1 / delta) + np.log(2 * np.sqrt(n + 1))) / n
    assert hrw.certified_r(n, delta) == pytest.approx(r, rel=1e-15)
    losses = np.random.default_rng(3).beta(2, 5, size=n)
    for dtype in (np.float32, np.float64):
        held_out = losses.astype(dtype)
        bound, certified = hrw.certify(held_out, alpha=0.02, delta=delta, worst_loss=1.0)
        assert certified == hrw.certified_r(n, delta)
        assert bound == hrw.solve(held_out, 0.02, certified, worst_loss=1.0).dual_bound
        assert losses.mean() < bound < 1.0
