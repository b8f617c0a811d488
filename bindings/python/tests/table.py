"""Reads the crate's table of problems solved to 50 digits, `tests/data/high_precision.txt`; its README has the format."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

import numpy as np

PATH = Path(__file__).parents[3] / "tests" / "data" / "high_precision.txt"


@dataclass
class Row:
    case: str
    arguments: dict[str, Any]
    robust_loss: float
    tolerance: float
    weights: np.ndarray
    worst_weight: float
    shared: Optional[np.ndarray]
    numbers: dict[str, Optional[float]]


def _numbers(text: str) -> np.ndarray:
    return np.array([float(word) for word in text.split()])


def _row(block: str) -> Row:
    fields = dict(line.split(" ", 1) for line in block.splitlines())
    worst_loss = float(fields["worst_loss"])
    losses = _numbers(fields["losses"])
    value = float(fields["robust_loss"])
    digits, _, exponent = fields["span"].partition("e")
    # Where all mass is at a given worst loss that is also the largest loss, only the sum of these weights is determined.
    shared = losses == worst_loss if worst_loss == value and fields["kl"] == "none" else None
    names = ("eta", "trim", "d_alpha", "d_r", "kl", "tv")
    return Row(
        case=fields["case"],
        arguments={
            "losses": losses,
            "alpha": float(fields["alpha"]),
            "r": float(fields["r"]),
            "ordering": fields["ordering"],
            "base": None if fields["base"] == "none" else _numbers(fields["base"]),
            "worst_loss": None if np.isnan(worst_loss) else worst_loss,
        },
        robust_loss=value,
        # The span may be beyond the range of a double, a fraction of it is not.
        tolerance=float(f"{digits}e{int(exponent or 0) - 13}") + 4 * math.ulp(value),
        weights=_numbers(fields["weights"]),
        worst_weight=float(fields["worst_weight"]),
        shared=shared,
        numbers={name: None if fields[name] == "none" else float(fields[name]) for name in names},
    )


def rows() -> list[Row]:
    """All rows; none where the crate's tests are not at hand, as in a source distribution."""
    if not PATH.exists():
        return []
    return [_row(block) for block in PATH.read_text().split("\n\n") if block.strip()]
