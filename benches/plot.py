"""Draws the two pictures of the front page from a CSV of the table: plot.py TABLE.csv DIRECTORY.

speed.svg: time against the number of losses. accuracy.svg: error against time at n = 128.
"""

import csv
import math
import pathlib
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

# Contender (the beginning of its name), how the picture calls it, colour, line.
SERIES = [
    ("softmax in C", "softmax in C", "#8a8a8a", "--"),
    ("torch", "torch.softmax", "#8a8a8a", ":"),
    ("hr-weights HD f32", "hr-weights, HD", "#0b6e4f", "-"),
    ("hr-weights HR f32", "hr-weights, HR", "#35a77c", "-"),
    ("sort and bisect, HD", "sort and bisect, HD", "#c98a1b", "-"),
    ("Clarabel, HD", "conic program in Clarabel, HD", "#3a6ea5", "-"),
    ("HR_Neural_Networks 1.0.6, HD", "the authors' package, HD", "#a23b3b", "-"),
]

# Contender, label, colour, marker, the label's offset from the larger error in points, its alignment.
POINTS = [
    ("hr-weights HD f32", "hr-weights, f32", "#0b6e4f", "o", (0, 8), "center"),
    ("hr-weights HD f64", "hr-weights, f64", "#0b6e4f", "s", (9, -3), "left"),
    ("sort and bisect, HD", "sort and bisect, f64: the yardstick", "#c98a1b", "s", (0, 8), "center"),
    ("Clarabel, HD", "conic program in Clarabel", "#3a6ea5", "s", (-9, -3), "right"),
    ("HR_Neural_Networks 1.0.6, HD", "the authors' package", "#a23b3b", "o", (9, -3), "left"),
]

# Where double precision ends; smaller errors are drawn here.
ROUNDING = 1e-16

STYLE = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "axes.axisbelow": True,
    "svg.hashsalt": "hr-weights",
}


def read(path: pathlib.Path) -> tuple[list[dict], list[str]]:
    lines = path.read_text().splitlines()
    comments = [line[2:] for line in lines if line.startswith("#")]
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    return [row for row in rows if row["group"] == "sizes"], comments


def times(rows: list[dict], contender: str) -> list[tuple[int, float]]:
    """Size and seconds, of the first contender whose name begins like this."""
    name = next((row["contender"] for row in rows if row["contender"].startswith(contender)), None)
    return [(int(row["n"]), float(row["median_ns"]) * 1e-9) for row in rows if row["contender"] == name]


def seconds(value: float, _position: object = None) -> str:
    for size, unit in ((1, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if value >= size * 0.999:
            return f"{value / size:g} {unit}"
    return f"{value / 1e-9:g} ns"


def draw_speed(rows: list[dict], target: pathlib.Path) -> None:
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    labels = []
    for contender, label, color, line in SERIES:
        points = times(rows, contender)
        if points:
            axes.loglog(*zip(*points), line, color=color, marker="o", markersize=3.5, linewidth=1.8)
            labels.append((points[-1], label, color))
    axes.set_xlabel("number of losses")
    axes.set_ylabel("time of a call")
    axes.yaxis.set_major_formatter(seconds)
    # Labels stand where their lines end, unless they would cover each other.
    right = max(n for (n, _), _, _ in labels)
    axes.set_xlim(right=right * 60)
    low, high = axes.get_ylim()
    apart = (math.log(high) - math.log(low)) / 24
    last = -math.inf
    for (n, time), label, color in sorted(labels, key=lambda entry: entry[0][1]):
        height = math.log(time)
        if n == right:
            height = last = max(height, last + apart)
        axes.annotate(label, (n * 1.3, math.exp(height)), color=color, va="center")
    axes.set_title("Robust weights: time of a call, one thread (α = 0.05, r = 0.1)", loc="left")
    figure.savefig(target, metadata={"Date": None})


def draw_accuracy(rows: list[dict], target: pathlib.Path) -> None:
    figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
    for contender, label, color, marker, offset, alignment in POINTS:
        row = next((r for r in rows if r["contender"].startswith(contender) and r["n"] == "128"), None)
        if row is None:
            continue
        time = float(row["median_ns"]) * 1e-9
        # The textbook is what the others are held against, so its own error shows as zero.
        weight = max(float(row["weight_error"]), ROUNDING)
        loss = max(float(row["loss_error"]), ROUNDING)
        axes.loglog([time, time], [loss, weight], color=color, linewidth=1)
        axes.loglog(time, loss, marker, color=color, markersize=7)
        axes.loglog(time, weight, marker, color=color, markersize=7, markerfacecolor="white")
        place = {"textcoords": "offset points", "ha": alignment}
        axes.annotate(label, (time, max(weight, loss)), offset, color=color, **place)
    axes.plot([], [], "o", color="#555555", label="robust loss, in units of max − min")
    axes.plot([], [], "o", color="#555555", markerfacecolor="white", label="worst weight, in units of the largest weight")
    axes.axhline(2.0**-53, color="#bbbbbb", linewidth=1, linestyle="--")
    axes.annotate("double precision", (1, 2.0**-53), (-4, 3), xycoords=("axes fraction", "data"),
                  textcoords="offset points", ha="right", color="#888888")
    axes.set_xlim(2e-7, 1)
    axes.set_ylim(3e-17, 1)
    axes.xaxis.set_major_formatter(seconds)
    axes.set_xlabel("time of a call")
    axes.set_ylabel("error")
    axes.legend(loc="upper left", frameon=False)
    axes.set_title("Robust weights of 128 losses: error against time (HD, α = 0.05, r = 0.1)", loc="left")
    figure.savefig(target, metadata={"Date": None})


def main() -> None:
    table, directory = map(pathlib.Path, sys.argv[1:])
    rows, _ = read(table)
    directory.mkdir(parents=True, exist_ok=True)
    plt.rcParams.update(STYLE)
    draw_speed(rows, directory / "speed.svg")
    draw_accuracy(rows, directory / "accuracy.svg")


if __name__ == "__main__":
    main()
