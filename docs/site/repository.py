"""Links from a page to a file or a directory of the repository: on the site that file is a page, in colours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util.osutil import relative_uri

# The pages of files, beside those of the site.
FOLDER = "files"
LEXERS = {
    ".c": "c", ".cpp": "cpp", ".csv": "text", ".h": "c", ".hpp": "cpp", ".ipynb": "json", ".md": "markdown",
    ".mk": "make", ".py": "python", ".rs": "rust", ".sh": "bash", ".txt": "text",
}  # fmt: skip


class Links(SphinxTransform):
    """Turns links to what is no page of the site into links to the pages made below."""

    # Before MyST looks for documents and Sphinx for downloads.
    default_priority = 5

    def apply(self, **_: object) -> None:
        for link in list(self.document.findall(nodes.Element)):
            if not isinstance(link, (addnodes.download_reference, addnodes.pending_xref)) or link["reftype"] != "myst":
                continue
            if link.get("refdomain") == "doc":
                continue
            path, absolute = self.env.relfn2path(link["reftarget"].split("#")[0])
            if not Path(absolute).exists():
                continue
            path = PurePosixPath(Path(absolute).resolve().relative_to(Path(self.env.srcdir).resolve()))
            readme = str(path / "README")
            page = readme if readme in self.env.found_docs else f"{FOLDER}/{path}"
            if page != readme:
                self.env.metadata[self.env.docname].setdefault("files", "")
                self.env.metadata[self.env.docname]["files"] += f"{path}\n"
            uri = self.app.builder.get_relative_uri(self.env.docname, page)
            link.replace_self(nodes.reference("", "", *link.children, refuri=uri, internal=True))


def listing(app: Sphinx, path: Path, names: list[str]) -> str:
    here = app.builder.get_target_uri(f"{FOLDER}/{path.as_posix()}")
    there = (app.builder.get_target_uri(f"{FOLDER}/{(path / name).as_posix()}") for name in names)
    links = (f'<li><a href="{relative_uri(here, uri)}"><code>{name}</code></a></li>' for name, uri in zip(names, there))
    return f"<ul>{''.join(links)}</ul>"


def pages(app: Sphinx) -> Iterator[tuple[str, dict[str, str], str]]:
    """A page for each file and directory that is linked to, and for what is in the directories."""
    root = Path(app.srcdir)
    wanted = {Path(name) for data in app.env.metadata.values() for name in data.get("files", "").split()}
    done: set[Path] = set()
    while wanted - done:
        path = min(wanted - done)
        done.add(path)
        if (root / path).is_dir():
            entries = sorted(entry for entry in (root / path).iterdir() if not entry.name.startswith(("_", ".")))
            names = [entry.name for entry in entries if entry.is_dir() or entry.suffix in LEXERS]
            wanted |= {path / name for name in names}
            body = listing(app, path, names)
        else:
            text = (root / path).read_text(encoding="utf-8")
            body = app.builder.highlighter.highlight_block(text, LEXERS.get(path.suffix, "text"))
        yield f"{FOLDER}/{path.as_posix()}", {"title": str(path), "body": f"<h1>{path}</h1>{body}"}, "page.html"


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_transform(Links)
    app.connect("html-collect-pages", pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
