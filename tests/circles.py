"""Fails if files under src, or rooms of it, import each other in a circle, and names them.

A room is a folder of src, or a file that lies in src itself.

A file imports another by `use crate::...`, `use super::...`, or such a path in its code. A name that a
module only passes on (`pub use child::Name`) counts as an import of the file that defines it. What only
tests need does not count.
"""

import re
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "src"
TEST_MODULE = re.compile(r"^#\[cfg\((?:all\()?test\b.*\]\n(?:#.*\n)*mod (\w+)( \{|;)", re.MULTILINE)
USE = re.compile(r"^\s*(pub(?:\(\w+\))? )?use ([^;]+);", re.MULTILINE)
PATH = re.compile(r"(?<![\w:])(\$?crate|super)((?:::\w+)+)")


def without_tests(text):
    """The text before its module of tests, and the names of test modules in files of their own."""
    files = [match[1] for match in TEST_MODULE.finditer(text) if match[2] == ";"]
    inline = [match.start() for match in TEST_MODULE.finditer(text) if match[2] != ";"]
    return text[: min(inline, default=len(text))], files


def without_comments(text):
    return re.sub(r"//.*", "", text)


def leaves(tree):
    """All paths of a use tree, as lists of names, each with the name that it gets."""
    tree = tree.strip()
    head, brace, rest = tree.partition("{")
    if not brace:
        path, _, alias = tree.partition(" as ")
        names = [name.strip() for name in path.split("::")]
        return [(names, alias.strip() or names[-1])]
    found, depth, start = [], 0, 0
    body = rest[: rest.rindex("}")] + ","
    for place, letter in enumerate(body):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            if part := body[start:place].strip():
                prefix = [name.strip() for name in head.split("::") if name.strip()]
                found += [(prefix + names, alias) for names, alias in leaves(part)]
            start = place + 1
    return found


class Crate:
    """The modules of the crate: which file each of them is, and what it passes on."""

    def __init__(self):
        self.files, self.texts, tests = {}, {}, set()
        for file in sorted(SOURCE.rglob("*.rs")):
            parts = file.relative_to(SOURCE).with_suffix("").parts
            module = tuple(part for part in parts if part not in ("mod", "lib"))
            self.files[module] = file.relative_to(SOURCE)
            text, test_files = without_tests(file.read_text())
            self.texts[module] = without_comments(text)
            tests |= {(*module, name) for name in test_files}
        for module in tests:
            self.files.pop(module, None)
            self.texts.pop(module, None)
        self.passed_on = {module: {} for module in self.files}
        for module, text in self.texts.items():
            for visible, tree in USE.findall(text):
                for names, alias in leaves(tree):
                    if visible:
                        self.passed_on[module][alias] = self.absolute(module, names)

    def absolute(self, module, names):
        """The path of some names in a module, from the root of the crate; None if it is another crate's."""
        if names[0] in ("crate", "$crate"):
            return tuple(names[1:])
        if names[0] == "self":
            return module + tuple(names[1:])
        ups = next((place for place, name in enumerate(names) if name != "super"), len(names))
        if ups:
            return module[: len(module) - ups] + tuple(names[ups:])
        return module + tuple(names) if module + (names[0],) in self.files else None

    def defining(self, path):
        """The module that defines what a path names."""
        for _ in range(10):
            length = max(length for length in range(len(path) + 1) if path[:length] in self.files)
            module, rest = path[:length], path[length:]
            passed_on = self.passed_on[module].get(rest[0]) if rest else None
            if passed_on is None:
                return module
            path = passed_on + rest[1:]
        raise ValueError(f"{path} is passed on without end")

    def imports(self, module):
        text = self.texts[module]
        paths = [names for _, tree in USE.findall(text) for names, _ in leaves(tree)]
        paths += [[start, *rest.split("::")[1:]] for start, rest in PATH.findall(USE.sub("", text))]
        children = "|".join(child[-1] for child in self.files if child[:-1] == module and child)
        if children:
            code = re.findall(rf"(?<![\w:])({children})((?:::\w+)+)", USE.sub("", text))
            paths += [["self", child, *rest.split("::")[1:]] for child, rest in code]
        absolute = [self.absolute(module, names[:1] + [name for name in names[1:] if name != "self"]) for names in paths]
        return {self.defining(path) for path in absolute if path is not None} - {module}


def circles(graph):
    """The strongly connected components of more than one node (Tarjan)."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(graph[node]):
            if other not in index:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == index[node]:
            place = stack.index(node)
            found.append(stack[place:])
            del stack[place:]

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return [component for component in found if len(component) > 1]


def main():
    crate = Crate()
    graph = {module: crate.imports(module) for module in crate.files}
    # The root declares the modules and passes names on; who imports from it names the module itself.
    graph[()] = set()
    rooms = {module[:1]: set() for module in graph}
    for module, imports in graph.items():
        rooms[module[:1]] |= {other[:1] for other in imports} - {module[:1]}
    found = [(graph, component) for component in circles(graph)] + [(rooms, component) for component in circles(rooms)]
    for graph, component in found:
        print("These import each other in a circle:")
        for module in component:
            others = sorted(str(crate.files[other]) for other in graph[module] if other in component)
            print(f"  {crate.files[module]} imports {', '.join(others)}")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
