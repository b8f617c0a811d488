"""Calibration against the solver and against closed forms, the errors' ranges, and paths over budgets."""

from __future__ import annotations

import math

import numpy as np
import pytest

import hr_weights as hrw

LOSSES = np.random.default_rng(0).exponential(size=400)


def quantity(name, solution):
    return solution.weights.max() if name == "largest_weight" else getattr(solution, name)


@pytest.mark.parametrize("ordering", ["HD", "HR"])
@pytest.mark.parametrize("base", [None, np.random.default_rng(1).random(400) > 0.2])
@pytest.mark.parametrize("worst_loss", [None, 12.0])
@pytest.mark.parametrize("name", ["robust_loss", "effective_samples", "largest_weight"])
@pytest.mark.parametrize("budget", ["r", "alpha"])
def test_the_solver_agrees(budget, name, worst_loss, base, ordering):
    options = {"ordering": ordering, "base": base, "worst_loss": worst_loss}
    other = {"alpha": 0.02} if budget == "r" else {"r": 0.05}
    # What the solver says for a budget is asked back.
    wanted = quantity(name, hrw.solve(LOSSES, **other, **{budget: 0.07}, **options))
    calibrate = getattr(hrw, f"{budget}_for_{name}")
    if (budget, name, worst_loss) == ("r", "largest_weight", 12.0):
        # All weights end at zero, on the way from 1/n: the largest one turns, which is beyond what is promised.
        with pytest.raises(ValueError, match="no r gives a largest weight"):
            calibrate(LOSSES, wanted, **other, **options)
        return
    found = calibrate(LOSSES, wanted, **other, **options)
    again = quantity(name, hrw.solve(LOSSES, **other, **{budget: found}, **options))
    assert again == pytest.approx(wanted, rel=1e-11)
    if name == "robust_loss":
        assert found == pytest.approx(0.07, rel=1e-8)


def test_two_losses():
    p = 0.8
    divergence = 0.5 * math.log(0.5 / p) + 0.5 * math.log(0.5 / (1 - p))
    assert hrw.r_for_robust_loss([0, 1], p) == pytest.approx(divergence, rel=1e-10)
    assert hrw.r_for_largest_weight([0, 1], p) == pytest.approx(divergence, rel=1e-10)
    assert hrw.r_for_effective_samples([0, 1], 1 / (p**2 + (1 - p) ** 2)) == pytest.approx(divergence, rel=1e-10)
    assert hrw.alpha_for_largest_weight([0, 1], p) == pytest.approx(p - 0.5, rel=1e-10)
    assert hrw.alpha_for_effective_samples([0, 1], 1 / (p**2 + (1 - p) ** 2)) == pytest.approx(p - 0.5, rel=1e-10)
    assert hrw.alpha_for_robust_loss([0, 1], p) == pytest.approx(p - 0.5, rel=1e-10)


def test_the_ends():
    assert hrw.r_for_effective_samples(LOSSES, 400) == 0
    assert hrw.r_for_robust_loss(LOSSES, LOSSES.max()) == math.inf
    assert hrw.alpha_for_robust_loss(LOSSES, LOSSES.max()) == 1


@pytest.mark.parametrize(
    "message, call",
    [
        (
            "effective_samples is out of reach: "
            "no r gives an effective sample size of 500: it is 400 with r = 0 and 1 with r = infinity",
            lambda: hrw.r_for_effective_samples(LOSSES, 500),
        ),
        (
            "largest_weight is out of reach: "
            "no alpha gives a largest weight of 2: it is 0.0025 with alpha = 0 and 1 with alpha = 1",
            lambda: hrw.alpha_for_largest_weight(LOSSES, 2),
        ),
        ("robust_loss is out of reach: no r gives a robust loss of nan", lambda: hrw.r_for_robust_loss(LOSSES, math.nan)),
        ("losses[1] is nan", lambda: hrw.r_for_robust_loss([1, math.nan], 1)),
        ("alpha must be a number in [0, 1], not 2.0", lambda: hrw.r_for_robust_loss(LOSSES, 2, alpha=2)),
        ("r must be a number of at least 0", lambda: hrw.alpha_for_robust_loss(LOSSES, 2, r=-1)),
        ("worst_loss = 1.0, the largest loss is", lambda: hrw.r_for_robust_loss(LOSSES, 2, worst_loss=1)),
        ("base has shape (2,)", lambda: hrw.r_for_robust_loss(LOSSES, 2, base=[1, 1])),
        ("losses is empty", lambda: hrw.r_for_robust_loss([], 2)),
        ("alphas[1] is 1.5: alpha must be a number in [0, 1]", lambda: hrw.path(LOSSES, [0, 1.5], 0)),
        ("rs[0] is nan: r must be a number", lambda: hrw.path(LOSSES, 0, [math.nan])),
        ("rs has shape (0,)", lambda: hrw.path(LOSSES, 0, [])),
        ("alphas has shape (1, 1)", lambda: hrw.path(LOSSES, [[0]], 0)),
        ("losses[2] is inf", lambda: hrw.path([1, 2, math.inf], 0, 0)),
    ],
)
def test_errors(message, call):
    with pytest.raises(ValueError) as caught:
        call()
    assert message in str(caught.value)


@pytest.mark.parametrize("ordering", ["HD", "HR"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_path_is_its_solutions(ordering, dtype):
    alphas, rs = [0.0, 0.1, 1.0], [0.3, 0.0, math.inf, 1e-3]
    losses = LOSSES.astype(dtype)
    path = hrw.path(losses, alphas, rs, ordering=ordering, worst_loss=10, base=np.arange(400))
    assert path.robust_loss.shape == (3, 4)
    for i, alpha in enumerate(alphas):
        for j, r in enumerate(rs):
            alone = hrw.solve(losses, alpha, r, ordering=ordering, worst_loss=10, base=np.arange(400, dtype=dtype))
            for name in ("robust_loss", "dual_bound", "effective_samples", "d_alpha", "d_r", "kl", "tv", "trimmed"):
                assert getattr(path, name)[i, j] == getattr(alone, name), name
    assert hrw.path(LOSSES, 0.05, 0.1).robust_loss.shape == (1, 1)
