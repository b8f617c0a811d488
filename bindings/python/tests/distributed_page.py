"""The Python in docs/distributed.md runs as it stands there; each engine's part in the tests of that engine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "distributed.md"
BLOCK = re.compile(r"(?:<!-- needs (\w+) -->\n)?```python\n(.*?)```", re.DOTALL)


def run(needs=""):
    """Runs the blocks that need this package, and returns their names."""
    if not PAGE.exists():
        pytest.skip("the page is in the repository, not in the source distribution")
    chosen = [code for package, code in BLOCK.findall(PAGE.read_text(encoding="utf-8")) if package == needs]
    assert chosen
    names: dict = {}
    for code in chosen:
        exec(code, names)
    return names
