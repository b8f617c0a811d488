"""Strict modes of Python and NumPy: results of any size are no errors, and nothing warns. All tests run under
numpy.seterr(all="raise"), see conftest.py; `make python-tests` adds `python -X dev -W error`.
"""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import hr_weights as hrw


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "longdouble"])
@pytest.mark.parametrize("ordering", ["HD", "HR"])
def test_weights_below_the_smallest_number_of_their_type(dtype, ordering):
    """With 200,000 losses a weight of float16, whose smallest number is 6e-8, may be rounded to zero."""
    library = pytest.importorskip("ml_dtypes") if dtype == "bfloat16" else np
    dtype, limits = getattr(library, dtype), library.finfo(dtype)
    with np.errstate(all="ignore"):
        losses = np.random.default_rng(0).exponential(size=200_000).astype(dtype)
    options = {"alpha": 0.05, "r": 0.1, "ordering": ordering}
    want = hrw.weights(losses.astype(np.float64), **options)
    # Half of a step of the type in relative terms, and half of its smallest number.
    for got in (hrw.weights(losses, **options), hrw.solve(losses, **options).weights):
        assert got.dtype == dtype
        bound = want * float(limits.eps) + float(limits.smallest_subnormal)
        assert (abs(got.astype(np.float64) - want) <= bound + 1e-7 * want).all()
    groups = np.arange(losses.size) % 1000
    for result, total in (
        (hrw.solve_groups(losses, groups, **options).weights, 1),
        (hrw.solve_batch(losses.reshape(2, -1), **options).weights, 2),
        (hrw.solve_ragged(losses, [0, 0, losses.size], **options).weights, 1),
        (hrw.sharded.weights(losses, **options, allreduce=lambda values, op: None), 1),
    ):
        # In float16 a weight of 5e-6 has two digits.
        assert result.dtype == dtype and result.astype(np.float64).sum() == pytest.approx(total, rel=0.01)


@pytest.mark.parametrize("scale", [1e-323, 1e-318, 1e-300, 1e300])
def test_losses_at_the_ends_of_the_range(scale):
    losses = np.array([0.0, 1.0, 2.0, 3.0]) * scale
    mean, largest = 1.5 * scale, 3 * scale
    solution = hrw.solve(losses, 0.05, 0.1)
    assert mean <= solution.robust_loss <= largest
    assert mean <= hrw.certify(losses, worst_loss=largest).bound <= largest
    assert hrw.certify([scale] * 5, worst_loss=scale).bound == scale
    hrw.path(losses, [0, 0.1], [0, 0.1, np.inf])
    assert hrw.RunningWorst().update(losses) == largest


def test_base_weights_and_losses_that_are_rounded_on_their_way_in():
    tiny = np.array([1, 1e-300, 1e-4000 if np.finfo(np.longdouble).tiny < 1e-4000 else 1e-300], np.longdouble)
    assert hrw.weights([1.0, 2.0, 3.0], base=tiny).sum() == pytest.approx(1)
    with pytest.raises(ValueError, match=r"losses\[1\] is inf|losses must be"):
        hrw.weights(np.array([1, np.inf], np.longdouble))
    # To the type of the losses, of which each participant has its own.
    losses = np.array([1, 2, 3], np.float32)
    got = hrw.sharded.weights(losses, base=np.array([1, 1e-300, 1]), allreduce=lambda values, op: None)
    np.testing.assert_array_equal(got, [0.5, 0, 0.5])


def test_nothing_warns(tmp_path):
    """A program of its own, so that the imports count too."""
    code = """if True:
        import warnings
        import numpy as np
        np.seterr(all="raise")
        import hr_weights as hrw
        from hr_weights import compat, plot, sharded
        from hr_weights.__main__ import main
        losses = np.random.default_rng(0).exponential(size=100).astype(np.float16)
        hrw.solve(losses, 0.05, 0.1)
        hrw.solve_groups(losses, ["a", "b"] * 50, 0.05, 0.1)
        hrw.r_for_effective_samples(losses, 50)
        hrw.path(losses, [0, 1], [0, np.inf])
        hrw.certify([1e-318] * 5, worst_loss=1e-318)
        hrw.top_samples(hrw.weights(losses, r=1.0))
        np.save("losses.npy", losses)
        main(["certify", "losses.npy", "--worst", "99"])
        main(["weights", "losses.npy", "--output", "weights.csv"])
    """
    result = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", code], capture_output=True, text=True, cwd=tmp_path
    )
    assert result.returncode == 0 and result.stderr == "", result.stderr
