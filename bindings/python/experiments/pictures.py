"""Draws the pictures of docs/experiments.md from the results: `make experiments-page`.

    python pictures.py DIRECTORY PICTURES

The files are SVG, the same on every run of one version of matplotlib. Bars are standard errors over seeds.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib
import results
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from results import Row
from summary import group, last, mean, methods, name
from tables import attacked, natural, own_test_loss

matplotlib.use("svg")
# Names of clip paths and glyphs are random otherwise.
matplotlib.rcParams["svg.hashsalt"] = "hr-weights"
matplotlib.rcParams["font.size"] = 8


def curves(ax: Axes, rows: Sequence[Row], x: Callable[[Row], float], column: str) -> None:
    """A curve per method: the mean of a column over seeds, against `x`."""
    for number, method in enumerate(methods(rows)):
        points = group([row for row in rows if name(row) == method], x)
        places = sorted(points)
        means = [mean(getattr(row, column) for row in points[place]) for place in places]
        style = "-" if method.startswith("HR") else "--"
        ax.errorbar(
            places,
            [one.value for one in means],
            [one.error for one in means],
            label=method,
            color=f"C{number}",
            linestyle=style,
            marker="o",
            markersize=2.5,
            linewidth=1.2,
            capsize=2,
        )


def panels(rows: Sequence[Sequence[Row]], prefixes: Sequence[str], x: Callable[[Row], float], label: str) -> Figure:
    """A line of two panels, accuracy and loss, for each set of rows."""
    figure = Figure(figsize=(7.5, 2.7 * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), 2, squeeze=False)
    for line, chosen, prefix in zip(axes, rows, prefixes):
        for ax, what in zip(line, ("accuracy", "loss")):
            curves(ax, chosen, x, f"{prefix}_{what}")
            ax.set_xlabel(label)
            ax.set_ylabel(f"test {what}" + (", attacked" if prefix == "attacked" else ""))
            ax.set_ylim(bottom=0 if what == "loss" else None)
        line[0].legend(frameon=False, fontsize=7)
    return figure


def logarithmic(figure: Figure, places: Sequence[int]) -> Figure:
    """With a logarithmic x axis whose ticks are the places that were measured."""
    for ax in figure.axes:
        ax.set_xscale("log")
        ax.set_xticks(places, [str(place) for place in places], minor=False)
        ax.set_xticks([], minor=True)
    return figure


def poison(rows: Sequence[Row]) -> Figure:
    ends = last(rows)
    chosen = natural(ends, "poison"), attacked(ends, "poison")
    return panels(chosen, ("test", "attacked"), lambda row: row.wrong, "share of wrong labels")


def length(rows: Sequence[Row]) -> Figure:
    chosen = natural(rows, "length"), attacked(rows, "length")
    figure = panels(chosen, ("test", "attacked"), lambda row: row.step, "steps of training")
    return logarithmic(figure, sorted({row.step for row in chosen[0]}))


def size(rows: Sequence[Row]) -> Figure:
    ends = last(rows)
    chosen = natural(ends, "size"), attacked(ends, "size")
    figure = panels(chosen, ("test", "attacked"), lambda row: row.size, "training images")
    return logarithmic(figure, sorted({row.size for row in chosen[0]}))


def overfit(rows: Sequence[Row]) -> Figure:
    chosen = [row for row in rows if row.experiment == "overfit"]
    figure = panels([chosen], ["attacked"], lambda row: row.epoch, "epochs")
    ax = figure.axes[1]
    for number, method in enumerate(methods(chosen)):
        points = group([row for row in chosen if name(row) == method], lambda row: row.epoch)
        losses = [mean(row.robust_loss for row in points[epoch]).value for epoch in sorted(points)]
        ax.plot(sorted(points), losses, color=f"C{number}", linestyle=":", linewidth=1)
    ax.set_ylabel("test loss (dots: robust, training)")
    return figure


def promise(rows: Sequence[Row]) -> Figure:
    """Test loss against the robust loss of the training data: the paper says that the points are below the line."""
    figure = Figure(figsize=(4.6, 4), layout="constrained")
    ax = figure.subplots()
    chosen = [row for row in last(rows) if row.method in ("plain", "PGD", "HR")]
    for budgets, runs in sorted(group(chosen, lambda row: (row.alpha, row.r)).items()):
        xs, ys = [row.robust_loss for row in runs], [own_test_loss(row) for row in runs]
        label = "alpha {:g}, r {:g}".format(*budgets)
        ax.scatter(xs, ys, s=8, alpha=0.7, linewidths=0, label=label)
    ends = [min(own_test_loss(row) for row in chosen), max(own_test_loss(row) for row in chosen)]
    ax.plot(ends, ends, color="0.5", linestyle="--", linewidth=1)
    ax.set_xscale("log")
    ax.set_yscale("log")
    places = (0.2, 0.5, 1, 2, 5)
    ax.set_yticks(places, [f"{place:g}" for place in places])
    ax.set_yticks([], minor=True)
    ax.set_xlabel("robust loss of the training data")
    ax.set_ylabel("test loss")
    ax.legend(frameon=False, fontsize=7)
    return figure


PICTURES = {"poison": poison, "length": length, "size": size, "overfit": overfit, "promise": promise}


def main() -> None:
    directory, pictures = Path(sys.argv[1]), Path(sys.argv[2])
    rows = results.read(directory / "runs.csv")
    for title, draw in PICTURES.items():
        path = pictures / f"experiments_{title}.svg"
        draw(rows).savefig(path, metadata={"Date": None, "Creator": None})
        print(path)


if __name__ == "__main__":
    main()
