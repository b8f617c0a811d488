"""The commands calibrate, path and top: budgets for a wanted number, what budgets do, and who carries the weight."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import hr_weights as hrw

from ._command_data import Data, deliver, is_file, read_data, table, to_json

#: What a budget can be chosen by: the option, and the functions for each budget.
WANTED = ("effective_samples", "largest_weight", "robust_loss")
#: The columns of a path.
_PATH = ("robust_loss", "dual_bound", "effective_samples", "trimmed", "d_alpha", "d_r")


def calibrate(chosen: argparse.Namespace) -> str:
    """The budget with which the losses have a wanted robust loss, effective sample size or largest weight."""
    data = read_data(chosen)
    name = next(name for name in WANTED if getattr(chosen, name) is not None)
    search = getattr(hrw, f"{chosen.find}_for_{name}")
    other = chosen.r if chosen.find == "alpha" else chosen.alpha
    found = search(data.losses.numbers, getattr(chosen, name), other, **_options(chosen, data))
    budgets = {"alpha": chosen.alpha, "r": chosen.r, chosen.find: found}
    solution = hrw.solve(data.losses.numbers, **budgets, **_options(chosen, data))
    report = {
        **budgets,
        "ordering": chosen.ordering,
        "robust_loss": solution.robust_loss,
        "effective_samples": solution.effective_samples,
        "largest_weight": float(solution.weights.max()),
        "trimmed": solution.trimmed,
        "n": data.n,
        **data.skipped(),
    }
    given = ", ".join(f"{budget} = {value!r}" for budget, value in budgets.items() if budget != chosen.find)
    text = "\n".join(
        [
            f"{chosen.find} = {found!r} (with {given}, {chosen.ordering})",
            f"effective samples {solution.effective_samples:.6g}, largest weight {report['largest_weight']:.6g}, "
            f"robust loss {solution.robust_loss:.6g}, trimmed {solution.trimmed}",
            data.counted(),
        ]
    )
    return deliver(chosen, to_json(report) if chosen.json else text, f"{chosen.find} in {chosen.output}\n{data.counted()}")


def path(chosen: argparse.Namespace) -> str:
    """A row for each pair of budgets."""
    data = read_data(chosen)
    solved = hrw.path(
        data.losses.numbers, chosen.alpha, chosen.r, progress=chosen.progress, **_options(chosen, data)
    )
    rows = [
        [alpha, r, *(getattr(solved, name)[i, j].item() for name in _PATH)]
        for i, alpha in enumerate(solved.alphas.tolist())
        for j, r in enumerate(solved.rs.tolist())
    ]
    return _rows(chosen, data, ["alpha", "r", *_PATH], rows, {"ordering": chosen.ordering})


def top(chosen: argparse.Namespace) -> str:
    """A row for each of the samples with the largest weights."""
    data = read_data(chosen)
    weights = hrw.weights(data.losses.numbers, chosen.alpha, chosen.r, **_options(chosen, data))
    found = hrw.top_samples(weights, chosen.count)
    lines = data.losses.lines
    header = ["sample", *([] if lines is None else ["line"]), "loss", "weight"]
    rows = [
        [index, *([] if lines is None else [lines[index]]), data.losses.numbers[index].item(), weight]
        for index, weight in zip(found.indices.tolist(), np.asarray(found.weights, float).tolist())
    ]
    report = {"share": found.share, "alpha": chosen.alpha, "r": chosen.r, "ordering": chosen.ordering}
    return _rows(chosen, data, header, rows, report, f"{len(rows)} samples have {found.share:.1%} of the weight")


def _options(chosen: argparse.Namespace, data: Data) -> dict[str, Any]:
    return {"ordering": chosen.ordering, "base": data.masses, "worst_loss": chosen.worst}


def _rows(
    chosen: argparse.Namespace,
    data: Data,
    header: list[str],
    rows: list[list[Any]],
    report: dict[str, Any],
    found: str = "",
) -> str:
    """A table, with n in a comment above it unless it goes to a file; or the same as a JSON object."""
    about = f"{found}\n" if found else ""
    said = f"{len(rows)} rows in {chosen.output}\n{about}{data.counted()}"
    if chosen.json:
        objects = [dict(zip(header, row)) for row in rows]
        return deliver(chosen, to_json({**report, "n": data.n, **data.skipped(), "rows": objects}), said)
    text = table(header, rows, chosen.output)
    if not is_file(chosen.output):
        comments = [f"# {line}" for line in (data.counted(), found) if line]
        text = "\n".join([*comments, text])
    return deliver(chosen, text, said)
