"""The notebook of the documentation: its cells run from first to last, and say what the text around them says."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[3] / "docs" / "first_steps.ipynb"
pytestmark = pytest.mark.skipif(
    not NOTEBOOK.exists(), reason="the notebook is in the repository, not in the source distribution"
)


def cells():
    return json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]


def run(source, names):
    """As a kernel does: a cell that ends on an expression has it for its result."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return None if last is None else eval(compile(ast.Expression(last.value), "cell", "eval"), names)


def test_colab_can_open_it():
    """The fourth format, whose cells have what it asks for; without outputs, which would grow old."""
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    identifiers = [cell["id"] for cell in cells()]
    assert len(set(identifiers)) == len(identifiers) > 15
    for cell in cells():
        assert all(line.endswith("\n") for line in cell["source"][:-1])
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None
            # No magics: they are no Python, and so would be tested by nobody.
            ast.parse("".join(cell["source"]))
        else:
            assert cell["cell_type"] == "markdown"


def test_its_cells_run(capsys, monkeypatch):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    monkeypatch.chdir(NOTEBOOK.parent)
    names: dict = {"__name__": "__main__"}
    results = [run("".join(cell["source"]), names) for cell in cells() if cell["cell_type"] == "code"]
    shown = [type(result).__name__ for result in results if result is not None]
    assert shown == ["Solution", "Path", "GroupShares", "Certificate"]
    assert all(result._repr_html_().startswith("<table>") for result in results if result is not None)
    # What a kernel shows below a cell that draws.
    assert len(names["plt"].get_fignums()) == 2
    names["plt"].close("all")
    # What the text says: the 8s gain, and the other digits lose less than they do.
    plain, robust = names["shares"].values()
    assert robust[8] > plain[8] + 0.05
    assert sum(robust.values()) > sum(plain.values())
    # Of all groups the rare one has the most weight for its size.
    shares = next(result for result in results if type(result).__name__ == "GroupShares")
    assert shares.labels[shares.ratios.argmax()] == 8
    assert "the weights rest on 100 of 200 samples" in capsys.readouterr().out
