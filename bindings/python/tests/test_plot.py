"""The plots show what they are given, and the example that makes them runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hr_weights as hrw
from hr_weights import plot

pyplot = pytest.importorskip("matplotlib.pyplot")

EXAMPLE = Path(__file__).parents[1] / "examples" / "numpy_digits.py"
DIGITS = Path(__file__).parents[2] / "data" / "digits.csv"
PICTURES = Path(__file__).parents[3] / "docs" / "pictures.py"


def test_loss_curves():
    ax = plot.loss_curves({"robust": [3.0, 2.0, 1.0], "test": [2.0, np.nan, 1.5]})
    assert [line.get_label() for line in ax.get_lines()] == ["robust", "test"]
    np.testing.assert_array_equal(ax.get_lines()[0].get_xydata(), [[1, 3], [2, 2], [3, 1]])
    assert ax.get_xlabel() == "epoch"
    assert plot.loss_curves({"more": [1.0]}, ax) is ax


def test_weights_against_losses():
    losses = np.random.default_rng(6).exponential(size=50)
    weights = hrw.weights(losses, 0.05, 0.1)
    wrong = losses > 1
    ax = plot.weights_against_losses(losses, weights, wrong)
    right_points, wrong_points = ax.collections
    np.testing.assert_allclose(right_points.get_offsets(), np.column_stack([losses, weights * 50])[~wrong])
    np.testing.assert_allclose(wrong_points.get_offsets(), np.column_stack([losses, weights * 50])[wrong])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["sample", "wrong label"]
    assert plot.weights_against_losses(losses, weights).get_legend() is None
    with pytest.raises(ValueError, match="weights has shape"):
        plot.weights_against_losses(losses, weights[1:])


LOSSES = np.random.default_rng(7).exponential(size=60)


@pytest.mark.parametrize("ordering", ["HD", "HR"])
def test_curves_against_r(ordering):
    options = {"ordering": ordering, "base": np.arange(60), "worst_loss": 9.0}
    alphas, rs = [0.0, 0.1], [0.01, 0.1, 1.0]
    path = hrw.path(LOSSES, alphas, rs, **options)
    ax = plot.robust_loss_against_r(LOSSES, alphas, rs, **options)
    *curves, worst = ax.get_lines()
    for curve, values in zip(curves, path.robust_loss):
        np.testing.assert_array_equal(curve.get_xydata(), np.column_stack([rs, values]))
    assert list(worst.get_ydata()) == [9.0, 9.0] and ax.get_xscale() == "log"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["alpha = 0", "alpha = 0.1"]
    ax = plot.effective_samples_against_r(LOSSES, alphas, rs, **options)
    for curve, values in zip(ax.get_lines(), path.effective_samples):
        np.testing.assert_array_equal(curve.get_ydata(), values)
    assert len(plot.effective_samples_against_r(LOSSES, ax=ax).get_lines()) == 3


def test_certificate_against_n():
    ax = plot.certificate_against_n(LOSSES, [0.0, 0.1], 0.1, worst_loss=9.0, ns=[20, 60])
    *curves, mean = ax.get_lines()
    for curve, alpha in zip(curves, [0.0, 0.1]):
        bounds = [hrw.certify(LOSSES[:n], alpha, 0.1, worst_loss=9.0).bound for n in (20, 60)]
        np.testing.assert_array_equal(curve.get_xydata(), np.column_stack([[20, 60], bounds]))
    np.testing.assert_allclose(mean.get_ydata(), [LOSSES[:20].mean(), LOSSES.mean()])
    counts = plot.certificate_against_n(LOSSES, worst_loss=9.0).get_lines()[0].get_xdata()
    assert counts[0] == 10 and counts[-1] == 60
    assert len(plot.certificate_against_n([1.0], worst_loss=1.0).get_lines()[0].get_xdata()) == 1
    for ns in ([], [0], [61]):
        with pytest.raises(ValueError, match="ns must be numbers from 1 to the number of losses, 60"):
            plot.certificate_against_n(LOSSES, worst_loss=9.0, ns=ns)
    figures = pyplot.get_fignums()
    with pytest.raises(ValueError, match="alphas must be numbers in"):
        plot.certificate_against_n(LOSSES, [0.0, 1.5], worst_loss=9.0)
    assert pyplot.get_fignums() == figures


@pytest.mark.skipif(not PICTURES.exists(), reason="the script is in the repository")
def test_the_pictures_of_the_documentation(tmp_path):
    result = subprocess.run([sys.executable, PICTURES, tmp_path], capture_output=True, text=True, check=True)
    # Those of the benchmarks are drawn by `make bench-plots`, those of the experiments by `make experiments-page`.
    others = ("accuracy.svg", "speed.svg", "experiments_")
    committed = {path.name for path in (PICTURES.parent / "images").glob("*.svg")}
    assert {path.name for path in tmp_path.iterdir()} == {name for name in committed if not name.startswith(others)}
    # The numbers on the pages are those that the script prints.
    assert "top 40 of 800: 26.9%; 99 wrong labels: 34.4% of the weight" in result.stdout
    assert "997 held-out digits, error rate 5.92%, alpha 0.05: at most 15.02%" in result.stdout


@pytest.mark.skipif(not DIGITS.exists(), reason="the data is in the repository")
def test_the_example(tmp_path):
    target = tmp_path / "digits.png"
    command = [sys.executable, EXAMPLE, "--epochs", "12", "--plot", target]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = {line.split()[0]: line.split() for line in result.stdout.splitlines() if "%" in line}
    accuracies = [float(row[-1].rstrip("%")) for row in rows.values()]
    assert len(accuracies) == 2 and min(accuracies) > 50
    assert target.read_bytes().startswith(b"\x89PNG")
