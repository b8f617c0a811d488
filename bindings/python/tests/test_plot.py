"""The plots show what they are given, and the example that makes them runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hr_weights as hrw
from hr_weights import plot

pytest.importorskip("matplotlib")

EXAMPLE = Path(__file__).parents[1] / "examples" / "numpy_digits.py"
DIGITS = Path(__file__).parents[2] / "data" / "digits.csv"


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


@pytest.mark.skipif(not DIGITS.exists(), reason="the data is in the repository")
def test_the_example(tmp_path):
    target = tmp_path / "digits.png"
    command = [sys.executable, EXAMPLE, "--epochs", "12", "--plot", target]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = {line.split()[0]: line.split() for line in result.stdout.splitlines() if "%" in line}
    accuracies = [float(row[-1].rstrip("%")) for row in rows.values()]
    assert len(accuracies) == 2 and min(accuracies) > 50
    assert target.read_bytes().startswith(b"\x89PNG")
