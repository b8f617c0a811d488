#!/usr/bin/env python3
"""Every block of code on every page is compiled, run, or says why it is not.

    tests/docs/blocks.py LIBDIR        (LIBDIR holds libhr_weights.a, such as target/release)

The line before a block may be a comment that says what is to be done with it:

    <!-- in: FRAME -->        it becomes a part of tests/docs/FRAME, in the place of its next line that is `BLOCK`
    <!-- not run: REASON -->  nothing is done
    <!-- tested: NAME -->, <!-- file: NAME -->    tests/install/run.sh runs it, or builds with it
    <!-- needs NAME -->       Python that needs this package runs where it is tested
    <!-- example: FILE -->    its paragraphs stand in this file of bindings/python/examples, which the tests run

Without one, C is a part of step.c and C++ of step.cpp, Rust runs as a test of the crate's documentation, Python in
bindings/python/tests/test_docs.py, and commands may be targets of make, which must exist. Relative links must lead
somewhere. The targets that the workflows call must exist too.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ["*.md", "docs/*.md", "bindings/*/README.md", "tests/data/*.md"]
PAGES = [page for folder in FOLDERS for page in sorted(ROOT.glob(folder))]
FENCED = re.compile(r"^(?:<!-- ([^\n]*) -->\n)?```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
MAKEFILES = [ROOT / "Makefile", *ROOT.glob("bindings/**/*.mk"), *(path for folder in ("benches", "docs", "fuzz", "tests") for path in ROOT.glob(f"{folder}/*.mk"))]
TARGETS = {name for path in MAKEFILES for name in re.findall(r"^([a-z-]+):", path.read_text(encoding="utf-8"), re.MULTILINE)}
WORKFLOWS = sorted(ROOT.glob(".github/workflows/*.yml"))
CALLED = re.compile(r"^ *(?:- )?(?:run: make|targets:) +(.+)$", re.MULTILINE)
PACKAGES = {"torch", "jax", "tensorflow", "mpi4py", "dask", "sklearn"}
EXAMPLES = ROOT / "bindings/python/examples"
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-Wno-unused", "-Wno-misleading-indentation"]
INCLUDED = ("include", "bindings/cpp/include", "bindings/c/examples/digits", "tests/docs")
HEADERS = [f"-I{ROOT / folder}" for folder in INCLUDED]
LIBRARIES = ["-lpthread", "-ldl", "-lm"]


@dataclass
class Block:
    page: Path
    line: int
    mark: str
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def marked(self, key: str) -> str:
        return self.mark.removeprefix(f"{key}: ") if self.mark.startswith(f"{key}: ") else ""


class BlockError(Exception):
    pass


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [Block(page, text[: m.start()].count("\n") + 1, m[1] or "", m[2], m[3]) for m in FENCED.finditer(text)]


def build_and_run(frame: str, blocks: list[Block], libraries: Path) -> None:
    """The frame, with the blocks where it has the word."""
    included = [line for block in blocks for line in block.code.splitlines() if line.startswith("#include")]
    parts = (ROOT / "tests/docs" / frame).read_text(encoding="utf-8").split("BLOCK\n")
    texts = ["\n".join(line for line in block.code.splitlines() if line not in included) + "\n" for block in blocks]
    program = "\n".join(included) + "\n" + "".join(a + b for a, b in zip(parts, [*texts, ""]))
    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory, frame)
        source.write_text(program, encoding="utf-8")
        compilers = {".c": [os.environ.get("CC", "gcc"), "-std=c11"], ".cpp": [os.environ.get("CXX", "g++"), "-std=c++20"]}
        if source.suffix == ".sh":
            commands = [["bash", "-eu", frame]]
        else:
            build = [*compilers[source.suffix], *WARNINGS, *HEADERS, frame, libraries / "libhr_weights.a", *LIBRARIES]
            commands = [[*build, "-o", "program"], ["./program"]]
        for command in commands:
            done = subprocess.run(command, cwd=directory, capture_output=True, encoding="utf-8", timeout=600)
            if done.returncode != 0:
                raise BlockError(f"in tests/docs/{frame}:\n{done.stdout}{done.stderr}")


def check_excerpt(code: str, name: str) -> None:
    """Raises BlockError unless each paragraph of the code stands in the example, whatever its indentation."""
    lines = (EXAMPLES / name).read_text(encoding="utf-8").splitlines()
    for paragraph in re.split(r"\n{2,}", code.strip("\n")):
        count = paragraph.count("\n") + 1
        parts = (textwrap.dedent("\n".join(lines[i : i + count])) for i in range(len(lines) - count + 1))
        if textwrap.dedent(paragraph) not in parts:
            raise BlockError(f"bindings/python/examples/{name} does not have this:\n{paragraph}")


def check(block: Block, pending: dict[str, list[Block]], libraries: Path) -> None:
    """Raises BlockError if the block does not do what its page says."""
    frame = block.marked("in") or {"c": "step.c", "cpp": "step.cpp"}.get(block.language, "")
    if block.marked("not run") or block.language == "text":
        pass
    elif name := block.marked("tested") or block.marked("file"):
        script = (ROOT / "tests/install/run.sh").read_text(encoding="utf-8")
        if f"docs/{block.page.name}" not in script or not re.search(rf'[ "]{name}[ ";]', script):
            raise BlockError(f"tests/install/run.sh does not know {name} of this page")
    elif frame:
        waiting = pending.setdefault(frame, [])
        waiting.append(block)
        if len(waiting) == (ROOT / "tests/docs" / frame).read_text(encoding="utf-8").count("BLOCK\n"):
            build_and_run(frame, pending.pop(frame), libraries)
    elif block.marked("example"):
        check_excerpt(block.code, block.marked("example"))
    elif block.language == "python":
        if block.mark and block.mark.removeprefix("needs ") not in PACKAGES:
            raise BlockError(f"no test has this package: {block.mark}")
    elif block.language == "rust":
        if f'"../{block.page.relative_to(ROOT)}"' not in (ROOT / "src/lib.rs").read_text(encoding="utf-8"):
            raise BlockError("src/lib.rs does not include this page among its tests")
    elif block.language == "sh":
        for line in block.code.splitlines():
            target = re.fullmatch(r"make ([a-z-]+)( +#.*)?", line)
            if not target:
                raise BlockError(f"neither run nor said why not: {line}")
            if target[1] not in TARGETS:
                raise BlockError(f"make has no target {target[1]}")
    else:
        raise BlockError(f"nothing is known about this language: {block.language or '(none)'}")


def main() -> None:
    libraries = Path(sys.argv[1]).resolve()
    failures: list[str] = []
    count = 0
    for page in PAGES:
        pending: dict[str, list[Block]] = {}
        for block in blocks_of(page):
            count += 1
            try:
                check(block, pending, libraries)
            except (BlockError, OSError, subprocess.TimeoutExpired) as why:
                failures.append(f"{block}: {why}")
        failures += [f"{page.relative_to(ROOT)}: too few blocks for tests/docs/{frame}" for frame in pending]
        for link in LINK.findall(FENCED.sub("", page.read_text(encoding="utf-8"))):
            if not re.match(r"[a-z]+:|#", link) and not (page.parent / link.split("#")[0]).exists():
                failures.append(f"{page.relative_to(ROOT)}: there is no {link}")
    for workflow in WORKFLOWS:
        for line in CALLED.findall(workflow.read_text(encoding="utf-8")):
            for target in re.findall(r"(?<![\w.-])[a-z][a-z-]*(?![\w.-])", line):
                if target not in TARGETS:
                    failures.append(f"{workflow.relative_to(ROOT)}: make has no target {target}")
    print(*failures, f"{count} blocks of code on {len(PAGES)} pages, {len(failures)} wrong", sep="\n")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
