"""The Python on the pages runs as it stands there. That of docs/distributed.md runs in the tests of its engines, and what is
an excerpt of an example in the tests of the examples.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FRAMEWORKS = ("torch", "jax", "tensorflow", "sklearn")
DOCS = Path(__file__).parents[3] / "docs"
BLOCK = re.compile(r"(?:<!-- (?:needs (\w+)|(example: )\S+) -->\n)?```python\n(.*?)```", re.DOTALL)


def blocks_of(page):
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [(needs, code) for needs, example, code in found if not example]


FRONT = [DOCS.parent / "README.md"] if DOCS.exists() else []
# In the source distribution there is the README of the package alone.
PAGES = [
    page
    for page in [Path(__file__).parents[1] / "README.md", *FRONT, *sorted(DOCS.glob("*.md"))]
    if page.name != "distributed.md" and blocks_of(page)
]
GUIDES = [
    (page, framework)
    for framework in FRAMEWORKS
    for page in PAGES
    if any(needs == framework for needs, _ in blocks_of(page))
]


def run(page, framework=None):
    """The blocks that need nothing but NumPy and matplotlib, and those that need `framework`."""
    pytest.importorskip("matplotlib")
    names: dict = {}
    for needs, code in blocks_of(page):
        if needs in ("", framework):
            exec(code, names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(page)


@pytest.mark.parametrize("page, framework", GUIDES, ids=lambda value: getattr(value, "name", value))
def test_guide_to_a_framework(page, framework, tmp_path, monkeypatch):
    pytest.importorskip(framework)
    monkeypatch.chdir(tmp_path)
    run(page, framework)


def test_frameworks_have_guides():
    if DOCS.exists():
        assert {framework for _, framework in GUIDES} == set(FRAMEWORKS)


@pytest.mark.skipif(not DOCS.exists(), reason="the pages are in the repository, not in the source distribution")
def test_every_picture_is_in_the_gallery():
    page = (DOCS / "gallery.md").read_text(encoding="utf-8")
    shown = re.findall(r"^!\[[^\]]+\]\(images/(\S+)\)$", page, re.MULTILINE)
    assert sorted(shown) == sorted(path.name for path in (DOCS / "images").iterdir())
    # Each has a sentence and a link to the page that it is from.
    parts = re.split(r"^!\[.*$", page, flags=re.MULTILINE)[1:]
    assert all(re.search(r"\*\*.+?\*\*[^[]*\[", part, re.DOTALL) and ".md" in part for part in parts)


@pytest.mark.skipif(not DOCS.exists(), reason="the front page is in the repository, not in the source distribution")
def test_the_front_page_begins_with_what_a_reader_needs():
    """What it is, one example, the contents; then the formula; and epsilon is explained where it is first named."""
    page = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    example, contents, formula = page.index("```python"), page.index("**Contents**"), page.index("$$")
    assert page.index("weight for each") < example < contents < formula
    assert page.count("```", 0, contents) == 2 and page.count("\n", 0, contents) < 24
    assert page.index("epsilon") == page.index("**epsilon**: somebody") + 2
    anchors = re.findall(r"\]\(#([a-z-]+)\)", page[contents:formula])
    titles = [title.lower().replace(" ", "-") for title in re.findall(r"^## (.+)$", page, re.MULTILINE)]
    assert anchors == titles
