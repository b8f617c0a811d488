"""How results show themselves: one short line, and a table for notebooks; and the versions for a report of a fault."""

from __future__ import annotations

import html.parser
import io
import math
import platform

import numpy as np
import pytest

import hr_weights as hrw
from hr_weights._versions import versions

LOSSES = np.random.default_rng(0).exponential(size=2000)
ROWS = LOSSES.reshape(50, 40)
GROUPS = np.arange(2000) % 25
WEIGHTS = hrw.weights(LOSSES, 0.05, 0.1)
RESULTS = {
    "Solution": hrw.solve(LOSSES, 0.05, 0.1),
    "Solution of few": hrw.solve([1.0], 0.05, 0.1),
    "Solution without weight": hrw.solve([1.0, 2.0], 0, math.inf, worst_loss=9),
    "BatchSolution": hrw.solve_batch(ROWS, 0.05, 0.1),
    "BatchSolution with empty rows": hrw.solve_ragged(LOSSES, [0, 0, 2000, 2000], 0.05, 0.1),
    "BatchSolution of none": hrw.solve_batch(np.empty((0, 4))),
    "GroupSolution": hrw.solve_groups(LOSSES, GROUPS, 0.05, 0.1),
    "GroupSolution of text": hrw.solve_groups(LOSSES[:3], ["<b>", "a & b", "c"], 0.05, 0.1),
    "Certificate": hrw.certify(LOSSES, worst_loss=99.0),
    "Path": hrw.path(LOSSES, np.linspace(0, 1, 30), np.linspace(0, 1, 30)),
    "TopSamples": hrw.top_samples(WEIGHTS, 300),
    "GroupShares": hrw.group_shares(WEIGHTS, GROUPS),
}


class Table(html.parser.HTMLParser):
    """The cells of each row; every tag that is opened must be closed, and nothing else may be a tag."""

    def __init__(self, text):
        super().__init__()
        self.open, self.rows, self.text = [], [], ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        assert tag in ("table", "caption", "thead", "tbody", "tr", "th", "td", "p") and attrs == []
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if self.open and self.open[-1] in ("th", "td"):
            self.rows[-1][-1] += data


@pytest.mark.parametrize("name", RESULTS)
def test_every_result_is_one_short_line_and_a_small_table(name):
    result = RESULTS[name]
    text = repr(result)
    assert text.startswith(name.split()[0] + "(") and text.endswith(")")
    assert "\n" not in text and len(text) < 400
    table = Table(result._repr_html_())
    assert name.split()[0] in table.text or isinstance(result, hrw.TopSamples)
    # At most a screen of it, whatever the size of the problem.
    assert 1 <= len(table.rows) <= 30 and len(table.text) < 5000


def test_the_numbers_are_those_of_the_result():
    solution = RESULTS["Solution"]
    assert f"n=2000, robust_loss={solution.robust_loss:.6g}, dual_bound={solution.dual_bound:.6g}" in repr(solution)
    rows = dict(row for row in Table(solution._repr_html_()).rows)
    assert rows["robust_loss"] == f"{solution.robust_loss:.6g}" and rows["trimmed"] == str(solution.trimmed)
    assert rows["weights"].startswith("float64 (2000,), 0 to ")
    batch = RESULTS["BatchSolution"]
    assert f"rows=50, weights=<float64 (50, 40), 0 to {batch.weights.max():.6g}>" in repr(batch)
    table = Table(batch._repr_html_())
    place = table.rows[0].index("robust_loss")
    assert [row[place] for row in table.rows[1:]] == [f"{loss:.6g}" for loss in batch.robust_loss[:10]]
    assert "10 of 50 shown" in table.text
    assert repr(hrw.Certificate(0.5, 0.25)) == "Certificate(bound=0.5, r=0.25)"
    shares = Table(RESULTS["GroupShares"]._repr_html_())
    assert shares.rows[1][:2] == ["0", "80"] and "10 of 25 shown" in shares.text


def test_labels_are_no_html():
    rows = Table(RESULTS["GroupSolution of text"]._repr_html_()).rows
    assert [row[0] for row in rows[-3:]] == ["<b>", "a & b", "c"]
    assert "group_weights={'<b>': " in repr(RESULTS["GroupSolution of text"])


def test_results_are_still_tuples():
    bound, r = RESULTS["Certificate"]
    assert (bound, r) == RESULTS["Certificate"] and RESULTS["TopSamples"]._fields == ("indices", "weights", "share")


def test_show_versions(monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr("sys.stdout", screen)
    assert hrw.show_versions() is None
    lines = dict(line.split("  ", 1) for line in screen.getvalue().splitlines())
    found = {name: value.strip() for name, value in lines.items()}
    assert found == versions()
    assert found["hr-weights"] == hrw.__version__ and found["numpy"] == np.__version__
    assert found["library"] == f"{hrw.__version__}, ABI 1" and platform.python_version() in found["Python"]
    assert "hr_weights" in found["library file"]
