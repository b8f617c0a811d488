"""Plots of weights, of what the budgets do, and of certificates, with matplotlib: ``pip install "hr-weights[plot]"``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional

import numpy as np
from numpy.typing import NDArray

from . import _numbers
from ._arrays import Array, as_array, computing_dtype, require_vector
from ._calibrate import budgets, path
from ._core import certify
from ._extras import extra
from ._progress import Progress
from ._types import Ordering

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ._calibrate import Path

__all__ = [
    "certificate_against_n",
    "effective_samples_against_r",
    "loss_curves",
    "robust_loss_against_r",
    "weights_against_losses",
]


def loss_curves(curves: Mapping[str, Sequence[float]], ax: Optional[Axes] = None, ylabel: str = "loss") -> Axes:
    """Losses over a training, one curve per name: say, the robust loss of the training data and the loss of test data.

    curves: for each label of the legend, one value per epoch; NaN leaves a gap.
    ax: where to draw; None: a new figure.

    Returns the axes. Raises ImportError without matplotlib, and ValueError for what is no mapping to vectors of numbers.
    """
    if not isinstance(curves, Mapping):
        raise ValueError(f"curves must be a mapping from labels to losses, not {_numbers.shown(curves)}")
    vectors = {label: _vector(values, f"curves[{_numbers.shown(label)}]") for label, values in curves.items()}
    ax = _axes(ax)
    for label, vector in vectors.items():
        ax.plot(np.arange(1, vector.size + 1), vector, label=label)
    ax.set_xlabel("epoch")
    ax.set_ylabel(ylabel)
    ax.margins(x=0)
    if curves:
        ax.legend(frameon=False)
    return ax


def weights_against_losses(
    losses: Array,
    weights: Array,
    groups: Optional[Array] = None,
    names: Sequence[str] = ("sample", "wrong label"),
    ax: Optional[Axes] = None,
) -> Axes:
    """The weight of each sample, in units of the plain ``1/n``, against its loss. On the dashed line nothing would
    change.

    losses, weights: shape ``(n,)``; see :func:`hr_weights.weights`.
    groups: shape ``(n,)`` or None: for each sample the index of its name, such as booleans that say which labels are
        wrong.
    names: for the legend, if there are groups: one for each index.
    ax: where to draw; None: a new figure.

    Returns the axes. Raises ImportError without matplotlib, and ValueError if the shapes differ or a group has no name.
    """
    x = _vector(losses, "losses")
    y = _vector(weights, "weights")
    group = np.zeros(x.shape, np.intp) if groups is None else _indices(groups, "groups", 0, len(names) - 1, "names")
    for name, array in (("weights", y), ("groups", group)):
        if array.shape != x.shape:
            raise ValueError(f"{name} has shape {array.shape} and losses {x.shape}, but both must be (n,)")
    ax = _axes(ax)
    for index in np.unique(group):
        chosen = group == index
        label = None if groups is None else names[index]
        ax.scatter(x[chosen], y[chosen] * x.size, s=12, alpha=0.7, linewidths=0, label=label)
    ax.axhline(1.0, color="0.5", linestyle="--", linewidth=1)
    # A few samples may have most of the weight, many have none.
    ax.set_yscale("symlog", linthresh=1.0)
    ax.set_ylim(-0.05, max(1.5, 1.5 * float((y * x.size).max(initial=1.0))))
    ax.set_xlabel("loss")
    ax.set_ylabel("weight, in units of 1/n")
    if groups is not None:
        ax.legend(frameon=False)
    return ax


def robust_loss_against_r(
    losses: Array,
    alphas: Sequence[float] = (0.0,),
    rs: Optional[Array] = None,
    *,
    ordering: Ordering = "HD",
    base: Optional[Array] = None,
    worst_loss: Optional[float] = None,
    ax: Optional[Axes] = None,
    progress: bool = True,
) -> Axes:
    """The robust loss, in the unit of the losses, against r on a logarithmic axis: a curve for each alpha. The dashed
    line is the worst loss, which no budget exceeds.

    losses, ordering, base, worst_loss: as in :func:`hr_weights.weights`.
    alphas: in [0, 1].
    rs: positive, in nats; None: from 0.001 to 10.
    ax: where to draw; None: a new figure.
    progress: as in :func:`hr_weights.path`.

    Returns the axes. Raises ImportError without matplotlib, and ValueError as :func:`hr_weights.path` does.
    """
    ax, solved = _against_r("robust_loss", losses, alphas, rs, ordering, base, worst_loss, ax, progress)
    ax.axhline(float(solved.worst_loss.flat[0]), color="0.5", linestyle="--", linewidth=1)
    ax.set_ylabel("robust loss")
    return ax


def effective_samples_against_r(
    losses: Array,
    alphas: Sequence[float] = (0.0,),
    rs: Optional[Array] = None,
    *,
    ordering: Ordering = "HD",
    base: Optional[Array] = None,
    worst_loss: Optional[float] = None,
    ax: Optional[Axes] = None,
    progress: bool = True,
) -> Axes:
    """The effective sample size, ``1 / sum(weights**2)``, against r, both on logarithmic axes: a curve for each alpha.

    Takes, returns and raises what :func:`robust_loss_against_r` does.
    """
    ax, _ = _against_r("effective_samples", losses, alphas, rs, ordering, base, worst_loss, ax, progress)
    ax.set_yscale("log")
    ax.set_ylabel("effective samples")
    return ax


def _against_r(
    field: str,
    losses: Array,
    alphas: Sequence[float],
    rs: Optional[Array],
    ordering: Ordering,
    base: Optional[Array],
    worst_loss: Optional[float],
    ax: Optional[Axes],
    progress: bool,
) -> tuple[Axes, Path]:
    grid = np.geomspace(1e-3, 10.0, 81) if rs is None else rs
    solved = path(losses, alphas, grid, ordering=ordering, base=base, worst_loss=worst_loss, progress=progress)
    ax = _axes(ax)
    for alpha, values in zip(solved.alphas, getattr(solved, field)):
        ax.plot(solved.rs, values, label=f"alpha = {alpha:g}")
    ax.set_xscale("log")
    ax.set_xlabel("r, in nats")
    ax.margins(x=0)
    ax.legend(frameon=False)
    return ax, solved


def certificate_against_n(
    losses: Array,
    alphas: Sequence[float] = (0.0,),
    delta: float = 0.05,
    *,
    worst_loss: float,
    ns: Optional[Array] = None,
    ax: Optional[Axes] = None,
    progress: bool = True,
) -> Axes:
    """The certificate of the first n losses against n, on a logarithmic axis: a curve for each alpha. The dashed curve
    is the mean of the same losses. Each point holds except with probability `delta`, not all of them together.

    losses, delta, worst_loss: as in :func:`hr_weights.certify`; in random order.
    alphas: in [0, 1].
    ns: from 1 to the number of losses; None: from 10 on.
    ax: where to draw; None: a new figure.
    progress: as in :func:`hr_weights.path`.

    Returns the axes. Raises ImportError without matplotlib, and ValueError as :func:`hr_weights.certify` does.
    """
    values = _vector(losses, "losses")
    require_vector(values, "losses", "certify one model at a time")
    if ns is None:
        counts = np.unique(np.geomspace(min(10, values.size), values.size, 61).round().astype(np.intp))
    else:
        counts = _indices(ns, "ns", 1, values.size, "losses")
    # Before a figure is made, whatever is wrong.
    shares = budgets(alphas, "alphas")
    for share in shares:
        if not 0 <= share <= 1:
            raise ValueError(f"alphas must be numbers in [0, 1], not {share}")
    certify(values, worst_loss=worst_loss, delta=delta)
    ax = _axes(ax)
    with Progress("certificates", shares.size * counts.size, progress) as line:
        for row, alpha in enumerate(shares):
            bounds = np.empty(counts.size)
            for place, n in enumerate(counts):
                bounds[place] = certify(values[:n], alpha, delta, worst_loss=worst_loss).bound
                line.to(row * counts.size + place + 1)
            ax.plot(counts, bounds, label=f"alpha = {alpha:g}")
    ax.plot(counts, [values[:n].mean() for n in counts], color="0.5", linestyle="--", linewidth=1, label="mean")
    ax.set_xscale("log")
    ax.set_xlabel("held-out samples")
    ax.set_ylabel("expected loss, at most")
    ax.margins(x=0)
    ax.legend(frameon=False)
    return ax


def _vector(values: Array, name: str) -> NDArray[Any]:
    array = as_array(values, name)
    computing_dtype(array.dtype, name)
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}, but it must be (n,)")
    return array


def _indices(values: Array, name: str, first: int, last: int, counted: str) -> NDArray[np.intp]:
    array = as_array(values, name)
    if array.dtype.kind in "iub" and array.ndim == 1 and array.size and first <= array.min() and array.max() <= last:
        return array.astype(np.intp)
    # The last is one less than their number if the first is 0.
    number = f"the number of {counted}, {last}" if first else f"{last}, for {last + 1} {counted}"
    raise ValueError(f"{name} must be numbers from {first} to {number}, not {_numbers.shown(values)}")


def _axes(ax: Optional[Any]) -> Axes:
    if ax is not None:
        if not hasattr(ax, "plot"):
            raise ValueError(f"ax must be axes of matplotlib, not {_numbers.shown(ax)}")
        given: Axes = ax
        return given
    with extra("plot"):
        from matplotlib.figure import Figure
    # Not pyplot: it would keep the figure alive, and choose a window system. `ax.figure.savefig(...)` works as it is.
    return Figure(figsize=(5, 3.5), layout="constrained").subplots()
