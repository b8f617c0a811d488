"""The pages on the experiments are those of the committed results, and a run that was interrupted continues."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest

EXPERIMENTS = Path(__file__).parents[1] / "experiments"
PAGES = Path(__file__).parents[3] / "docs"

if not EXPERIMENTS.exists():
    pytest.skip("the experiments are in the repository, not in the source distribution", allow_module_level=True)


@pytest.fixture
def modules(monkeypatch):
    monkeypatch.syspath_prepend(EXPERIMENTS)
    import results
    import summary

    yield results, summary
    for name in ("results", "summary"):
        del sys.modules[name]


@pytest.mark.parametrize("prefix, results, page", [("", "", "experiments.md"), ("when_", "when.csv", "when.md")])
def test_the_pages_are_those_of_the_results(prefix, results, page):
    """Their tables are made from the committed results, which bear out what the pages say in words."""
    for script, options in (("tables.py", ["--check"]), ("claims.py", [])):
        command = [EXPERIMENTS / (prefix + script), EXPERIMENTS / "results" / results, "--page", PAGES / page]
        subprocess.run([sys.executable, *command, *options], check=True)


def row(results, **changes):
    numbers = {name: 0 for name in results.CONVERT}
    return results.Row(**{**numbers, "experiment": "size", "method": "HR", "alpha": 0.05, **changes})


def test_results_are_continued(modules, tmp_path):
    results, _ = modules
    path = tmp_path / "runs.csv"
    assert results.read(path) == []
    results.append(path, [row(results, step=1), row(results, step=2)])
    results.append(path, [row(results, seed=1, step=1, test_loss=0.125)])
    # A run that was ended while it wrote.
    with path.open("a", encoding="utf-8") as file:
        file.write("size,HR,0.05")
    rows = results.read(path)
    assert [(one.seed, one.step) for one in rows] == [(0, 1), (0, 2), (1, 1)]
    assert rows[2].test_loss == 0.125 and rows[2].alpha == 0.05 and rows[2].method == "HR"
    results.rewrite(path, reversed(rows))
    assert results.read(path) == rows
    results.append(path, [row(results, seed=2)])
    assert len(results.read(path)) == 4


def test_means_and_paired_differences(modules):
    results, summary = modules
    one = summary.mean([1.0, 2.0, 3.0])
    assert one.value == 2 and one.error == pytest.approx(1 / math.sqrt(3)) and one.text(2) == "2.00 ± 0.58"
    assert summary.mean([1.0]).text(1) == "1.0"
    rows = [row(results, seed=seed, test_loss=loss) for seed, loss in enumerate((1.0, 5.0))]
    others = [row(results, seed=seed, test_loss=loss) for seed, loss in ((1, 4.0), (0, 1.0))]
    assert summary.difference(rows, others, "test_loss").value == 0.5
    assert summary.difference(rows, others[:1], "test_loss").value == 1.0
    assert summary.last([row(results, step=1), row(results, step=3)])[0].step == 3
