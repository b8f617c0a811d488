"""The comments of the header and the docstrings are written to be read where they are, with an argument described as

    losses, base, n: as in hrw_weights_f32, and so on
        in indented lines.

For the site such lines become the items of a list. As a program it is doxygen's filter of the header:

    python3 prose.py include/hr_weights.h
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

# Sentences such as "Memory: ..." start with a capital letter; a name does if it goes on with another, or an underscore.
ENTRY = re.compile(r"((?:[^\WA-Z]|[A-Z]+_)\w*(?:, \w+)*): +(.*)")


def listed(lines: list[str], item: Callable[[str, str], str]) -> list[str]:
    """The lines, in which each paragraph that starts with an argument has become a list; `item` writes name and text."""
    result: list[str] = []
    in_list = False
    for line, before in zip(lines, ["", *lines]):
        entry = ENTRY.fullmatch(line)
        if entry and (in_list or not before.strip()):
            if not in_list and result:
                result.append("")
            in_list = True
            line = item(entry[1], entry[2])
        elif in_list and line.startswith("  "):
            line = "  " + line.strip()
        elif in_list:
            in_list = False
            result.append("")
        result.append(line)
    return result


def _code(text: str) -> str:
    return re.sub(r"`(\w+)`", r"<code>\1</code>", text)


def _comment(match: re.Match[str]) -> str:
    lines = [line[3:] for line in match[0].splitlines()[1:-1]]
    text = "\n".join(" * " + line for line in listed(lines, lambda name, text: f"- <b>{name}</b>: {text}"))
    return f"/**\n{_code(text)}\n */"


def _opening(match: re.Match[str]) -> str:
    """The comment at the top: what the header is for, a few lines of C, and the rules as a list."""
    text = re.sub(r"^ \*(?: |$)", "", match[1], flags=re.M)
    text = re.sub(r"((?:^    .*\n)+)", lambda code: f"@code{{.c}}\n{dedent(code[0])}@endcode\n", text, flags=re.M)
    text = _code(text)
    text = re.sub(r"^([A-Z][a-z ]+)([.:]) (?=.*\n(?:  |[A-Z]|\Z))", r"- <b>\1\2</b> ", text, flags=re.M)
    return f"/** @file\n{text}*/"


def header(text: str) -> str:
    """The header with lists in its comments, and each type declared once, as doxygen and Sphinx want it."""
    text = re.sub(r"\A/\*\n(.*?)\*/", _opening, text, flags=re.S)
    text = re.sub(r"^/\*\*\n.*?\*/", _comment, text, flags=re.S | re.M)
    text = re.sub(r"^typedef (enum|struct) (\w+) \{", r"\1 \2 {", text, flags=re.M)
    text = re.sub(r"^typedef struct (\w+) \1;", r"struct \1;", text, flags=re.M)
    return re.sub(r"^\} \w+;", "};", text, flags=re.M)


if __name__ == "__main__":
    sys.stdout.write(header(Path(sys.argv[1]).read_text(encoding="utf-8")))
