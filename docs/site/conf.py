"""The site of the documentation: `make docs`. Its source is the repository itself, so that links between pages, and from a
page to a file, are those that work in the repository too."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.pycode import ModuleAnalyzer
from sphinx.util import logging

import hr_weights

sys.path.insert(0, str(Path(__file__).parent))

from prose import listed

project = "hr-weights"
author = "the authors of hr-weights"
release = re.search(r'^version = "(.*)"', (Path(__file__).parents[2] / "Cargo.toml").read_text(), re.MULTILINE)[1]

root_doc = "docs/index"
include_patterns = ["docs/**", "bindings/*/README.md", "tests/data/README.md", "README.md", "CHANGELOG.md"]
include_patterns += ["CONTRIBUTING.md", "SECURITY.md"]
exclude_patterns = ["target", ".git", "docs/site", "src", "benches"]

extensions = ["myst_parser", "breathe", "sphinx.ext.autodoc", "mathml", "repository"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
html_math_renderer = "mathml"

html_theme = "furo"
html_title = f"hr-weights {release}"
html_static_path = ["style.css"]
html_css_files = ["style.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False

breathe_default_project = "hr-weights"
breathe_projects = {"hr-weights": "../../target/doxygen/xml"}
breathe_domain_by_extension = {"h": "c", "hpp": "cpp"}
breathe_show_include = False
breathe_show_define_initializer = True

autodoc_mock_imports = ["torch", "jax", "jaxlib", "tensorflow", "keras", "dask", "mpi4py", "sklearn"]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True


def contents(app: Sphinx, docname: str, source: list[str]) -> None:
    """The lists of links under "Contents" on the start page are the table of contents."""
    if docname != root_doc:
        return
    page, lists = source[0].split("\n## Contents\n")
    trees = []
    for part in lists.split("\n### ")[1:]:
        links = re.findall(r"^- \[(.*?)\]\((.*?)\)", part, re.MULTILINE)
        # The notebook is a file of the repository, and no page.
        pages = [(text, Path(target)) for text, target in links if not target.endswith(".ipynb")]
        entries = "\n".join(f"{text} <{target.with_suffix('')}>" for text, target in pages)
        trees.append(f"```{{toctree}}\n:hidden:\n:caption: {part.splitlines()[0]}\n\n{entries}\n```\n")
    source[0] = f"{page}\n## Contents\n{lists}\n" + "\n".join(trees)


def docstring(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    lines[:] = listed(lines, lambda name, text: f"* **{name}**: {text}")


def signature(app: Sphinx, what: str, name: str, obj: object, options: object, arguments: str, returned: str):
    """Arrays as such: of which type is in the text. The fields of results are listed below them."""
    if what == "class" and issubclass(obj, tuple):
        arguments = ""

    def short(text: str) -> str:
        text = re.sub(r"[\w.~]*_Buffer \|.*?\| [\w.~]*Any", "ArrayLike", text)
        return re.sub(r"[\w.~]*ndarray\[tuple\[[\w.~]+, \.\.\.\], [\w.~]+\[[\w.~]+\]\]|NDArray\[[\w.]+\]", "ndarray", text)

    return short(arguments or ""), short(returned or "")


def forget_overloads() -> None:
    """Type checkers are told of overloads; readers need the one signature, whose text says which types come back."""
    analyze = ModuleAnalyzer.analyze

    def without(self: ModuleAnalyzer) -> None:
        analyze(self)
        self.overloads.clear()

    ModuleAnalyzer.analyze = without


def everything(app: Sphinx, env: BuildEnvironment) -> None:
    """The page of the Python reference names what it shows, in an order of its own: nothing public may be missing."""
    shown = {name.removeprefix("hr_weights.") for name in env.domains.python_domain.objects}
    for name in set(hr_weights.__all__) - shown - {"__version__"}:
        logging.getLogger(__name__).warning("docs/api/python.rst lacks hr_weights.%s", name)


def setup(app: Sphinx) -> None:
    forget_overloads()
    app.connect("autodoc-process-signature", signature)
    app.connect("env-check-consistency", everything)
    app.connect("source-read", contents)
    app.connect("autodoc-process-docstring", docstring)
