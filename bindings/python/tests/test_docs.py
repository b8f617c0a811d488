"""The Python in the guide and in the README runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGES = [Path(__file__).parents[1] / "README.md", Path(__file__).parents[3] / "docs" / "python.md"]
BLOCK = re.compile(r"(<!-- needs .* -->\n)?```python\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page(page, tmp_path, monkeypatch):
    if not page.exists():
        pytest.skip("the guide is in the repository, not in the source distribution")
    monkeypatch.chdir(tmp_path)
    blocks = [code for needs, code in BLOCK.findall(page.read_text(encoding="utf-8")) if not needs]
    assert blocks
    names: dict = {}
    for code in blocks:
        if "hr_weights.plot" in code:
            pytest.importorskip("matplotlib")
        exec(code, names)
