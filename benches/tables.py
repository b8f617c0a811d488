"""Writes the tables of the README and of docs/performance.md from the CSVs of the table and of the calls from Python, or
checks that they are those of them.

    tables.py TABLE.csv CALLS.csv PAGE...
    tables.py --check TABLE.csv CALLS.csv PAGE...

A table stands between the lines `<!-- numbers: NAME -->` and `<!-- end -->`; NAME is a function below.
"""

from __future__ import annotations

import csv
import pathlib
import re
import sys

SOFTMAX, TORCH, HD, HR = "softmax in C, f32", "torch", "hr-weights HD f32", "hr-weights HR f32"
TABLE = re.compile(r"(<!-- numbers: (\w+) -->\n).*?(<!-- end -->\n)", re.DOTALL)

Rows = list[dict[str, str]]


def read(path: pathlib.Path) -> Rows:
    return list(csv.DictReader(line for line in path.read_text().splitlines() if not line.startswith("#")))


def time(nanoseconds: float | None) -> str:
    if nanoseconds is None:
        return ""
    size, unit = next((s, u) for s, u in ((1e9, "s"), (1e6, "ms"), (1e3, "us"), (0, "ns")) if nanoseconds >= s * 0.1)
    value = nanoseconds / size if size else nanoseconds
    # With a space that does not break.
    return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f}\N{NO-BREAK SPACE}{unit}"


def number(text: str) -> str:
    return f"{int(text):,}"


def markdown(header: list[str], rows: list[list[str]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in [header, ["---"] * len(header), *rows])


def median(rows: Rows, n: str, contender: str, group: str = "sizes") -> float | None:
    """Of the first contender whose name begins like this."""
    return next(
        (float(r["median_ns"]) for r in rows if (r["group"], r["n"]) == (group, n) and r["contender"].startswith(contender)),
        None,
    )


def sizes_of(rows: Rows) -> list[str]:
    return list(dict.fromkeys(row["n"] for row in rows if row["group"] == "sizes"))


def sizes(rows: Rows) -> str:
    """The front page: the library beside a softmax."""
    wanted = ["128", "1024", "4096", "16384", "1000000", "10000000"]
    contenders = {"softmax": SOFTMAX, "HD": HD, "HR": HR}
    return markdown(
        ["n", *contenders], [[number(n), *(time(median(rows, n, c)) for c in contenders.values())] for n in wanted]
    )


def contenders(rows: Rows) -> str:
    """Everybody, at some sizes."""
    wanted = ["32", "128", "1024", "4096", "100000", "1000000"]
    names = {
        "softmax in C": SOFTMAX,
        "`torch.softmax`": TORCH,
        "HD, `f32`": HD,
        "HR, `f32`": HR,
        "HD, `f64`": "hr-weights HD f64",
        "HR, `f64`": "hr-weights HR f64",
        "sort and bisect, HD": "sort and bisect, HD",
        "conic program, HD": "Clarabel, HD",
        "conic program, HR": "Clarabel, HR",
    }
    return markdown(
        ["", *(f"n = {number(n)}" for n in wanted)],
        [[label, *(time(median(rows, n, name)) for n in wanted)] for label, name in names.items()],
    )


def of_size(n: int, *targets: float) -> float | None:
    """As of_size in benches/src/targets.rs; shorter vectors have no target."""
    return targets[sum(n >= start for start in (1024, 4096, 16_384, 10_000_000))] if n >= 128 else None


def targets(rows: Rows) -> str:
    """What `make bench` promises of each size, and how it came out: see benches/src/targets.rs."""
    promises = [
        ("HD / softmax in C", HD, SOFTMAX, lambda n: of_size(n, 9.0, 4.5, 2.7, 1.7, 1.5)),
        ("HD / `torch.softmax`", HD, TORCH, lambda n: of_size(n, 1.0, 1.0, 0.9, 0.8, 0.4)),
        ("HR / HD", HR, HD, lambda n: 1.3),
        ("HD `f64` / HD `f32`", "hr-weights HD f64", HD, lambda n: 1.6),
    ]

    def cell(n: str, above: str, below: str, target: float | None) -> str:
        a, b = median(rows, n, above), median(rows, n, below)
        if target is None or a is None or b is None:
            return ""
        return f"{a / b:.2f} of {target:g}" if a / b <= target else f"**{a / b:.2f}** of {target:g}"

    body = [[number(n), *(cell(n, a, b, target(int(n))) for _, a, b, target in promises)] for n in sizes_of(rows)]
    return markdown(["n", *(name for name, *_ in promises)], body)


def budgets(rows: Rows) -> str:
    """From the cheapest to the dearest budgets."""
    body = []
    for n in dict.fromkeys(row["n"] for row in rows if row["group"] == "budgets"):
        for ordering in ("HD", "HR"):
            own = [r for r in rows if r["group"] == "budgets" and r["n"] == n and r["contender"].startswith(ordering)]
            own.sort(key=lambda row: float(row["median_ns"]))
            headline = median(rows, n, f"{ordering} alpha 0.05 r 1e-1", "budgets")
            ends = (
                f"{time(float(row['median_ns']))} (alpha {float(row['alpha']):g}, r {float(row['r']):g})"
                for row in (own[0], own[-1])
            )
            body.append([number(n), ordering, time(headline), *ends])
    return markdown(["n", "", "alpha 0.05, r 0.1", "cheapest", "dearest"], body)


def threads(rows: Rows) -> str:
    """One thread and two."""
    body = [
        [f"HD, n = {number(n)}", time(median(rows, n, HD)), time(median(rows, n, "hr-weights, 2 threads, HD f32"))]
        for n in sizes_of(rows)
        if int(n) >= 65_536
    ]
    batch = [median(rows, "128", name, "batch") for name in ("one call, 1 thread", "one call, 2 threads")]
    return markdown(["", "1 thread", "2 threads"], [*body, ["4,096 rows of 128", *map(time, batch)]])


def calls(rows: Rows) -> str:
    """A call from Python, beside the mean of the same framework: see bindings/python/tests/bench_calls.py."""
    body, before = [], ""
    for row in rows:
        if row["group"] == "calls":
            mean, robust = (float(row[name]) for name in ("mean_ns", "hr_ns"))
            framework = row["framework"] if row["framework"] != before else ""
            before = row["framework"]
            body.append([framework, row["call"], time(mean), time(robust)])
    return markdown(["", "", "the mean", "HR"], body)


def main() -> None:
    arguments = [argument for argument in sys.argv[1:] if argument != "--check"]
    sources = [argument for argument in arguments if argument.endswith(".csv")]
    rows = [row for source in sources for row in read(pathlib.Path(source))]
    tables = {table.__name__: table(rows) for table in (sizes, contenders, targets, budgets, threads, calls)}
    for page in map(pathlib.Path, arguments[len(sources) :]):
        before = page.read_text()
        after = TABLE.sub(lambda match: match[1] + tables[match[2]] + match[3], before)
        if before != after and "--check" in sys.argv:
            sys.exit(f"{page} has other numbers than {' and '.join(sources)}: run make bench-plots")
        page.write_text(after)


if __name__ == "__main__":
    main()
