#!/usr/bin/env python3
"""What the pages say of the first table of `make demo`, against that table and what it must show.

    tests/docs/demo.py OUTPUT        (OUTPUT is what target/demo/digits printed)

Another compiler rounds otherwise, so that now and then an image more or less is right: a number may be off by TOLERANCE.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOLERANCE = 0.02
TABLE = re.compile(r"<!-- numbers of the demo -->\n(.*?)<!-- end -->", re.DOTALL)
# A row of the output: a name of single spaces, what is known of an image, and four numbers with their errors.
ROW = re.compile(r"^  (\S+(?: \S+)*)  +(\S+(?: \S+)*)" + r" +(\d\.\d+) \+-\d\.\d+" * 4 + "$", re.MULTILINE)

Rows = dict[str, list[float]]


def printed(text: str) -> Rows:
    first = text[: text.index("\n2. ")]
    return {name: [float(number) for number in numbers] for name, _, *numbers in ROW.findall(first)}


def on_the_page() -> Rows:
    found = TABLE.search((ROOT / "bindings/c/README.md").read_text(encoding="utf-8"))
    assert found is not None, "bindings/c/README.md has no numbers of the demo"
    cells = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in found[1].splitlines()[2:]]
    return {name: [float(number) for number in numbers] for name, _, *numbers in cells}


def main() -> None:
    rows, page = printed(Path(sys.argv[1]).read_text(encoding="utf-8")), on_the_page()
    assert rows.keys() == page.keys() and len(rows) == 5, f"other rows: {[*rows]} against {[*page]}"
    for name, numbers in rows.items():
        for ours, theirs in zip(numbers, page[name]):
            assert abs(ours - theirs) <= TOLERANCE, f"{name}: the page says {theirs}, the demo {ours}"
    plain, over_samples, over_digits = (page[n][0] for n in ("plain average", "HR(0, 0.3)", "HR(0, 0.3) over digits"))
    assert plain + 0.1 < over_samples and over_samples + 0.05 < over_digits, "the first table does not show where HR helps"
    said = {
        "README.md": [f"{100 * plain:.0f}% of the 8s", f"{100 * over_samples:.0f}%, and over digits {100 * over_digits:.0f}%"],
        "docs/index.md": [f"{plain:.3f} right becomes {over_samples:.3f}"],
    }
    for name, sentences in said.items():
        text = " ".join((ROOT / name).read_text(encoding="utf-8").split())
        for sentence in sentences:
            assert sentence in text, f"{name} does not say {sentence!r}"
    print("the pages say of the first table what it shows")


if __name__ == "__main__":
    main()
