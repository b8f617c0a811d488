"""Plots of weights, of what the budgets do, and of certificates, with matplotlib: ``pip install "hr-weights[plot]"``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional

import numpy as np

from ._arrays import Array, as_array, require_vector
from ._calibrate import path
from ._core import certify

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

    Returns the axes. Raises ImportError without matplotlib.
    """
    ax = _axes(ax)
    for label, values in curves.items():
        ax.plot(np.arange(1, len(values) + 1), values, label=label)
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
    names: for the legend, if there are groups.
    ax: where to draw; None: a new figure.

    Returns the axes. Raises ImportError without matplotlib, and ValueError if the shapes differ.
    """
    x = as_array(losses, "losses")
    y = as_array(weights, "weights")
    group = np.zeros(x.shape, np.intp) if groups is None else as_array(groups, "groups").astype(np.intp)
    for name, array in (("weights", y), ("groups", group)):
        if array.shape != x.shape or x.ndim != 1:
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
    ordering: str = "HD",
    base: Optional[Array] = None,
    worst_loss: Optional[float] = None,
    ax: Optional[Axes] = None,
) -> Axes:
    """The robust loss, in the unit of the losses, against r on a logarithmic axis: a curve for each alpha. The dashed
    line is the worst loss, which no budget exceeds.

    losses, ordering, base, worst_loss: as in :func:`hr_weights.weights`.
    alphas: in [0, 1].
    rs: positive, in nats; None: from 0.001 to 10.
    ax: where to draw; None: a new figure.

    Returns the axes. Raises ImportError without matplotlib, and ValueError as :func:`hr_weights.path` does.
    """
    ax, solved = _against_r("robust_loss", losses, alphas, rs, ordering, base, worst_loss, ax)
    ax.axhline(float(solved.worst_loss.flat[0]), color="0.5", linestyle="--", linewidth=1)
    ax.set_ylabel("robust loss")
    return ax


def effective_samples_against_r(
    losses: Array,
    alphas: Sequence[float] = (0.0,),
    rs: Optional[Array] = None,
    *,
    ordering: str = "HD",
    base: Optional[Array] = None,
    worst_loss: Optional[float] = None,
    ax: Optional[Axes] = None,
) -> Axes:
    """The effective sample size, ``1 / sum(weights**2)``, against r, both on logarithmic axes: a curve for each alpha.

    Takes, returns and raises what :func:`robust_loss_against_r` does.
    """
    ax, _ = _against_r("effective_samples", losses, alphas, rs, ordering, base, worst_loss, ax)
    ax.set_yscale("log")
    ax.set_ylabel("effective samples")
    return ax


def _against_r(
    field: str,
    losses: Array,
    alphas: Sequence[float],
    rs: Optional[Array],
    ordering: str,
    base: Optional[Array],
    worst_loss: Optional[float],
    ax: Optional[Axes],
) -> tuple[Axes, Path]:
    ax = _axes(ax)
    grid = np.geomspace(1e-3, 10.0, 81) if rs is None else rs
    solved = path(losses, alphas, grid, ordering=ordering, base=base, worst_loss=worst_loss)
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
) -> Axes:
    """The certificate of the first n losses against n, on a logarithmic axis: a curve for each alpha. The dashed curve
    is the mean of the same losses. Each point holds except with probability `delta`, not all of them together.

    losses, delta, worst_loss: as in :func:`hr_weights.certify`; in random order.
    alphas: in [0, 1].
    ns: from 1 to the number of losses; None: from 10 on.
    ax: where to draw; None: a new figure.

    Returns the axes. Raises ImportError without matplotlib, and ValueError as :func:`hr_weights.certify` does.
    """
    values = as_array(losses, "losses")
    require_vector(values, "losses", "certify one model at a time")
    if ns is None:
        counts = np.unique(np.geomspace(min(10, values.size), values.size, 61).round().astype(np.intp))
    else:
        counts = as_array(ns, "ns").astype(np.intp)
        if counts.ndim != 1 or counts.size == 0 or counts.min() < 1 or counts.max() > values.size:
            raise ValueError(f"ns must be numbers from 1 to the number of losses, {values.size}")
    ax = _axes(ax)
    for alpha in alphas:
        bounds = [certify(values[:n], alpha, delta, worst_loss=worst_loss).bound for n in counts]
        ax.plot(counts, bounds, label=f"alpha = {alpha:g}")
    ax.plot(counts, [values[:n].mean() for n in counts], color="0.5", linestyle="--", linewidth=1, label="mean")
    ax.set_xscale("log")
    ax.set_xlabel("held-out samples")
    ax.set_ylabel("expected loss, at most")
    ax.margins(x=0)
    ax.legend(frameon=False)
    return ax


def _axes(ax: Optional[Any]) -> Axes:
    if ax is not None:
        given: Axes = ax
        return given
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError('plots need matplotlib: pip install "hr-weights[plot]"') from error
    # Not pyplot: it would keep the figure alive, and choose a window system. `ax.figure.savefig(...)` works as it is.
    return Figure(figsize=(5, 3.5), layout="constrained").subplots()
