"""Weights over groups by hand and on real digits of unequal classes; the running worst loss; who carries the weight."""

from __future__ import annotations

import copy
import math
import pickle

import digits
import numpy as np
import pytest

import hr_weights as hrw


@pytest.mark.parametrize("ordering", ["HD", "HR"])
@pytest.mark.parametrize("base", [None, [1.0, 1.0, 1.0], {"b": 2.0, "c": 1.0}])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_by_hand(ordering, base, dtype):
    rng = np.random.default_rng(2)
    losses, groups = rng.exponential(size=60).astype(dtype), rng.choice(list("abc"), 60, p=[0.6, 0.3, 0.1])
    sizes = np.array([(groups == name).sum() for name in "abc"])
    means = np.array([losses[groups == name].mean(dtype=float) for name in "abc"])
    masses = sizes if base is None else [base.get(name, 0) for name in "abc"] if isinstance(base, dict) else base
    alone = hrw.solve(means, 0.05, 0.1, ordering=ordering, base=masses)
    solution = hrw.solve_groups(losses, groups, 0.05, 0.1, ordering=ordering, base=base)
    assert solution.labels.tolist() == ["a", "b", "c"]
    np.testing.assert_allclose(solution.group_losses, means, rtol=1e-14)
    np.testing.assert_allclose(solution.group_weights, alone.weights, rtol=1e-11)
    np.testing.assert_array_equal(solution.group_sizes, sizes)
    place = np.searchsorted(solution.labels, groups)
    tolerance = 1e-6 if dtype == np.float32 else 1e-11
    np.testing.assert_allclose(solution.weights, (alone.weights / sizes)[place], rtol=tolerance)
    assert solution.weights.dtype == dtype
    assert solution.robust_loss == pytest.approx(alone.robust_loss, rel=1e-12)
    assert "group_weights={'a': " in repr(solution)


def test_the_limits():
    losses, groups = [1.0, 2.0, 3.0, 7.0], [5, 5, -1, 5]
    np.testing.assert_array_equal(hrw.solve_groups(losses, groups).weights, [0.25] * 4)
    equal = hrw.solve_groups(losses, groups, base=[1, 1])
    np.testing.assert_allclose(equal.weights, [1 / 6, 1 / 6, 1 / 2, 1 / 6])
    worst = hrw.solve_groups(losses, groups, r=math.inf)
    np.testing.assert_allclose(worst.weights, [1 / 3, 1 / 3, 0, 1 / 3])
    masked = hrw.solve_groups([1.0, np.nan, 2.0], [0, 1, 2], r=0.1, base=[1, 0, 1])
    assert masked.weights[1] == 0 and masked.weights.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    "message, losses, groups, options",
    [
        ("groups has shape (2,), but losses has shape (3,)", [1, 2, 3], [0, 1], {}),
        ("groups must be integers, booleans or strings", [1, 2], [0.5, 1], {}),
        ("base has shape (3,), but there are 2 groups", [1, 2], [0, 1], {"base": [1, 1, 1]}),
        ("base has a weight for none of the groups", [1, 2], [0, 1], {"base": {7: 1}}),
        ("base[7] is -1.0", [1, 2], [0, 1], {"base": {0: 1, 7: -1}}),
        ("base[7] must be a number", [1, 2], [0, 1], {"base": {0: 1, 7: "1"}}),
        ("base[1] is -1.0", [1, 2], [0, 1], {"base": [1, -1]}),
        ("all of them are zero", [1, 2], [0, 1], {"base": {}}),
        ("losses[1] is nan", [1, math.nan], [0, 0], {}),
        ("worst_loss = 1.0, the largest mean of a group is 2.5", [1, 2, 3], [0, 1, 1], {"worst_loss": 1}),
        ("alpha must be", [1, 2], [0, 1], {"alpha": -1}),
        ("losses is empty", [], [], {}),
    ],
)
def test_errors(message, losses, groups, options):
    with pytest.raises(ValueError) as caught:
        hrw.solve_groups(losses, groups, **options)
    assert message in str(caught.value)


def test_rare_classes_of_real_digits():
    """Of the digits 3, 5 and 8, easily confused, the 8 is rare in the training data: classes as groups raise the
    accuracy on it, which the mean over samples neglects."""
    images, labels = digits.load(5000)
    x, kept = images.reshape(len(images), -1).astype(float), np.isin(labels, [3, 5, 8])
    x, y = x[kept], np.searchsorted([3, 5, 8], labels[kept])
    rng = np.random.default_rng(0)
    test = rng.random(len(x)) < 0.5
    train = ~test & ((y != 2) | (rng.random(len(x)) < 0.06))
    sizes = np.bincount(y[train])
    assert sizes[2] * 10 < min(sizes[:2]), sizes

    def worst_accuracy(weigh):
        w = np.zeros((x.shape[1] + 1, 3))
        features, target = np.column_stack([x, np.ones(len(x))]), np.eye(3)[y]
        for _ in range(300):
            scores = np.exp(features[train] @ w)
            p = scores / scores.sum(1, keepdims=True)
            losses = -np.log(p[np.arange(train.sum()), y[train]])
            w -= 0.5 * features[train].T @ (weigh(losses)[:, None] * (p - target[train]))
        right = (features[test] @ w).argmax(1) == y[test]
        return min(right[y[test] == k].mean() for k in range(3))

    plain = worst_accuracy(lambda losses: np.full(losses.size, 1 / losses.size))
    grouped = worst_accuracy(lambda losses: hrw.solve_groups(losses, y[train], r=0.5).weights)
    print(f"worst class: plain {plain:.3f}, groups {grouped:.3f}")
    assert grouped > plain + 0.05


def test_the_running_worst_loss():
    worst = hrw.RunningWorst(window=2)
    assert worst.worst_loss == -math.inf
    assert [worst.update([loss, 0.5]) for loss in (3, 1, 1, 1, 1)] == [3, 3, 3, 3, 1]
    assert worst.update(np.array([9, 2], np.float32), base=[0, 1]) == 2
    for other in (copy.copy(worst), copy.deepcopy(worst), pickle.loads(pickle.dumps(worst))):
        assert other.update([4.0]) == 4
    assert worst.worst_loss == 2 and repr(worst) == "RunningWorst(window=2, worst_loss=2.0)"
    for message, arguments in [
        ("losses[1] is nan", ([1, math.nan],)),
        ("base[0] is -1.0", ([1, 2], [-1, 1])),
        ("all of them are zero", ([1, 2], [0, 0])),
        ("losses is empty", ([],)),
    ]:
        with pytest.raises(ValueError) as caught:
            worst.update(*arguments)
        assert message in str(caught.value)
    with pytest.raises(ValueError, match="window must be at least 0"):
        hrw.RunningWorst(-1)


def test_batches_under_estimate_the_whole():
    losses = np.random.default_rng(3).exponential(size=(64, 128))
    whole = hrw.solve(losses.ravel(), 0.05, 0.1).robust_loss
    without = np.mean([hrw.solve(batch, 0.05, 0.1).robust_loss for batch in losses])
    worst = hrw.RunningWorst(window=64)
    for batch in losses:
        worst.update(batch)
    kept = np.mean([hrw.solve(batch, 0.05, 0.1, worst_loss=worst.update(batch)).robust_loss for batch in losses])
    assert without < 0.9 * whole and 0.98 * whole < kept < whole


def test_top_samples():
    top = hrw.top_samples([0.1, 0.4, 0.1, 0.4], 3)
    assert top.indices.tolist() == [1, 3, 0] and top.weights.tolist() == [0.4, 0.4, 0.1]
    assert top.share == pytest.approx(0.9)
    assert hrw.top_samples([0.0, 0.0]).share == 0
    for message, arguments in [("k must be", ([1.0], 0)), ("weights[1] is -1.0", ([1.0, -1.0],)), ("empty", ([],))]:
        with pytest.raises(ValueError) as caught:
            hrw.top_samples(*arguments)
        assert message in str(caught.value)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64])
def test_diagnostics_against_a_sort(dtype):
    rng = np.random.default_rng(4)
    weights = (rng.pareto(1.0, 500).clip(0, 60) * (rng.random(500) < 0.9) * 50).astype(dtype)
    groups = rng.choice([7, -2, 5], 500)
    exact = weights.astype(object)
    total = math.fsum(exact)
    order = sorted(range(500), key=lambda i: (-exact[i], i))
    # Any layout: here every other one, backwards.
    padded = np.repeat(weights, 2)[::-1][::2][::-1]
    for k in (1, 10, 499, 500, 2000):
        top = hrw.top_samples(padded, k)
        assert top.indices.tolist() == order[:k] and top.indices.dtype == np.intp
        np.testing.assert_array_equal(top.weights, weights[order[:k]])
        assert top.weights.dtype == dtype
        assert top.share == pytest.approx(math.fsum(exact[order[:k]]) / total, rel=1e-15)
    shares = hrw.group_shares(padded, groups)
    assert shares.labels.tolist() == [-2, 5, 7] and shares.sizes.sum() == 500
    for label, size, share, ratio in zip(*shares):
        assert size == (groups == label).sum()
        assert share == pytest.approx(math.fsum(exact[groups == label]) / total, rel=1e-15)
        assert ratio == pytest.approx(share * 500 / size, rel=1e-14)


def test_group_shares():
    shares = hrw.group_shares([0.1, 0.4, 0.1, 0.4], ["cat", "dog", "cat", "cat"])
    assert shares.labels.tolist() == ["cat", "dog"] and shares.sizes.tolist() == [3, 1]
    np.testing.assert_allclose(shares.shares, [0.6, 0.4])
    np.testing.assert_allclose(shares.ratios, [0.8, 1.6])
    assert hrw.group_shares([0.0, 0.0], [1, 2]).shares.tolist() == [0, 0]
    with pytest.raises(ValueError, match=r"weights\[0\] is inf"):
        hrw.group_shares([math.inf, 0.5], [1, 1])
    with pytest.raises(ValueError, match="groups has shape"):
        hrw.group_shares([0.5, 0.5], [1])


def test_the_running_worst_loss_goes_through_numbers_of_python():
    worst = hrw.RunningWorst(window=2)
    for loss in (5.0, 1.0, 2.0):
        worst.update([loss])
    again = hrw.RunningWorst()
    again.load_state_dict(worst.state_dict())
    assert set(map(type, worst.state_dict().values())) == {int, float} and repr(again) == repr(worst)
    assert [again.update([x]) for x in (1.0, 0.5)] == [worst.update([x]) for x in (1.0, 0.5)]
    before = again.state_dict()
    bad = [{}, None, dict(before, seen=-1), dict(before, window="2"), dict(before, current=np.nan), dict(before, extra=1)]
    bad += [dict(before, current=10**400), dict(before, previous="2.0"), dict(before, window=2.0)]
    for state in bad:
        with pytest.raises(ValueError, match="state"):
            again.load_state_dict(state)
    assert again.state_dict() == before
