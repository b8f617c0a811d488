"""The Python in the guide and in the README runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[3] / "docs"
PAGES = [Path(__file__).parents[1] / "README.md", DOCS / "python.md", DOCS / "certificates.md", DOCS / "calibration.md"]
BLOCK = re.compile(r"(?:<!-- needs (\w+) -->\n)?```python\n(.*?)```", re.DOTALL)


def run(page, framework=None):
    """The blocks that need nothing but NumPy and matplotlib, and those that need `framework`."""
    if not page.exists():
        pytest.skip("the guide is in the repository, not in the source distribution")
    pytest.importorskip("matplotlib")
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    assert not framework or any(needs == framework for needs, _ in blocks)
    chosen = [code for needs, code in blocks if needs in ("", framework)]
    assert chosen
    names: dict = {}
    for code in chosen:
        exec(code, names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(page)


@pytest.mark.parametrize("framework", ["torch", "jax", "tensorflow"])
def test_guide_to_a_framework(framework, tmp_path, monkeypatch):
    pytest.importorskip(framework)
    monkeypatch.chdir(tmp_path)
    run(PAGES[1], framework)
