"""Formulas as MathML, which browsers show by themselves: the site needs no script, and nothing from elsewhere."""

from __future__ import annotations

from xml.etree import ElementTree

from docutils import nodes
from latex2mathml.converter import convert_to_element
from sphinx.application import Sphinx

# Their index goes below in a display.
LIMITS = {"max", "min", "inf", "sup"}
# A thin space parts them from what is no operator or bracket.
FUNCTIONS = {"log", "exp"}


def _mathml(latex: str, display: str) -> str:
    math = convert_to_element(latex, display=display)
    for element in math.iter("msub"):
        if display == "block" and element[0].text in LIMITS:
            element.tag = "munder"
    for row in list(math.iter()):
        for place, (before, after) in reversed(list(enumerate(zip(list(row), list(row)[1:])))):
            if (before.text in FUNCTIONS or after.text in FUNCTIONS) and not {before.tag, after.tag} & {"mo", "mspace"}:
                row.insert(place + 1, ElementTree.Element("mspace", width="0.17em"))
    # Entities such as &#x02211; are already text in the elements.
    return ElementTree.tostring(math, encoding="unicode").replace("&amp;#", "&#")


def _inline(self, node: nodes.math) -> None:
    self.body.append(_mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def _block(self, node: nodes.math_block) -> None:
    self.body.append(f'<div class="formula">{_mathml(node.astext(), "block")}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
