"""What the functions return."""

from __future__ import annotations

from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, Generic, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import _display
from ._library import Report
from ._types import Scalar


def _field(name: str, doc: str) -> Any:
    return property(attrgetter("_report." + name), doc=doc)


class Solution(Generic[Scalar]):
    """The weights of one problem, the proof that they are optimal, what they cost, and how the loss would change with
    the budgets. Losses are in the unit of the caller's losses. For type checkers it has the type of its weights as a
    parameter, ``Solution[numpy.float32]``, which may be left out.

    Source: ``hrw_report`` in ``include/hr_weights.h``.
    """

    # The report is read when it is asked for: copying all of it would take as long as solving a small problem.
    __slots__ = ("_report", "weights")

    #: One weight per sample. They sum to one together with ``worst_weight``.
    weights: NDArray[Scalar]

    def __init__(self, weights: NDArray[Scalar], report: Report) -> None:
        self.weights = weights
        self._report = report

    def __repr__(self) -> str:
        shown = [(name, getattr(self, name)) for name in _display.SUMMARY]
        return _display.line("Solution", [("n", self.weights.size), *shown])

    def _repr_html_(self) -> str:
        return _display.fields(type(self).__name__, [(name, getattr(self, name)) for name in Solution.__annotations__])

    robust_loss: float = _field(
        "robust_loss",
        "``sum(weights * losses) + worst_weight * worst_loss``: the worst average loss over the ambiguity set.",
    )
    dual_bound: float = _field(
        "dual_bound",
        "A bound, from the dual problem, on what any distribution of the ambiguity set can reach. How little it is "
        "above ``robust_loss`` proves that the weights are optimal.",
    )
    worst_loss: float = _field("worst_loss", "The worst loss: the given one, or the largest loss.")
    worst_weight: float = _field(
        "worst_weight",
        "The weight of the worst loss itself; 0 when it was not given: then it is folded into the largest losses.",
    )
    eta: float = _field("eta", "The dual location; infinite when ``r`` is 0.")
    trim_loss: float = _field("trim_loss", "Samples with a smaller loss have weight 0; -inf when nothing is trimmed.")
    d_alpha: float = _field(
        "d_alpha",
        "Derivative of ``robust_loss`` in ``alpha``, from above where there is a kink; may be infinite.",
    )
    d_r: float = _field(
        "d_r",
        "Derivative of ``robust_loss`` in ``r``; infinite at ``r = 0`` unless the losses leave no room.",
    )
    kl: float = _field("kl", "The Kullback-Leibler divergence spent, in nats; at most ``r`` up to rounding.")
    tv: float = _field("tv", "The total variation spent; at most ``alpha``.")
    effective_samples: float = _field(
        "effective_samples",
        "``1 / sum(weights**2)``; infinite when every weight is 0, since the worst loss has it all.",
    )
    trimmed: int = _field("trimmed", "The number of unmasked samples with weight exactly 0.")
    iterations: int = _field(
        "iterations",
        "How many values of u the search for it has tried; for a sharded problem how many all-reduces it took.",
    )


@dataclass(eq=False, repr=False)
class BatchSolution(Generic[Scalar]):
    """The solutions of many problems: the fields of :class:`Solution`, each an array of shape ``(rows,)`` but `weights`,
    which has the shape of the losses. For an empty row of a ragged batch they are NaN, and its counts 0.
    """

    weights: NDArray[Scalar]
    robust_loss: NDArray[np.float64]
    dual_bound: NDArray[np.float64]
    worst_loss: NDArray[np.float64]
    worst_weight: NDArray[np.float64]
    eta: NDArray[np.float64]
    trim_loss: NDArray[np.float64]
    d_alpha: NDArray[np.float64]
    d_r: NDArray[np.float64]
    kl: NDArray[np.float64]
    tv: NDArray[np.float64]
    effective_samples: NDArray[np.float64]
    trimmed: NDArray[np.uint64]
    iterations: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.robust_loss)

    def __repr__(self) -> str:
        names = ("weights", "robust_loss", "effective_samples")
        return _display.line("BatchSolution", [("rows", len(self)), *((name, getattr(self, name)) for name in names)])

    def _repr_html_(self) -> str:
        shown = [field.name for field in fields(self) if field.name != "weights"]
        columns = (getattr(self, name)[: _display.MOST] for name in shown)
        rows = [[row, *values] for row, values in enumerate(zip(*columns))]
        return _display.table("BatchSolution", ["row", *shown], rows, of=len(self))


class Certificate(NamedTuple):
    """A finite-sample certificate from :func:`hr_weights.certify`."""

    #: The expected loss is at most this, except with probability ``delta``. In the unit of the losses.
    bound: float
    #: The Kullback-Leibler radius that it took, in nats.
    r: float

    def _repr_html_(self) -> str:
        return _display.fields("Certificate", zip(self._fields, self))
