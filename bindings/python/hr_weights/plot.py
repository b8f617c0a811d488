"""Two plots of a robust training, with matplotlib: ``pip install "hr-weights[plot]"``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional

import numpy as np

from ._arrays import Array, as_array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["loss_curves", "weights_against_losses"]


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
    """The weight of each sample, in units of the plain ``1/n``, against its loss. On the dashed line nothing would change.

    losses, weights: shape ``(n,)``; see :func:`hr_weights.weights`.
    groups: shape ``(n,)`` or None: for each sample the index of its name, such as booleans that say which labels are wrong.
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
