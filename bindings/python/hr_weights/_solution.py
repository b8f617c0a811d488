"""What the functions return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


@dataclass(eq=False)
class Solution:
    """The weights of one problem, the proof that they are optimal, what they cost, and how the loss would change with
    the budgets. Losses are in the unit of the caller's losses.

    Source: ``hrw_report`` in ``include/hr_weights.h``.
    """

    #: One weight per sample. They sum to one together with ``worst_weight``.
    weights: NDArray[Any]
    #: ``sum(weights * losses) + worst_weight * worst_loss``: the worst average loss over the ambiguity set.
    robust_loss: float
    #: A bound, from the dual problem, on what any distribution of the ambiguity set can reach. How little it is above
    #: ``robust_loss`` proves that the weights are optimal.
    dual_bound: float
    #: The worst loss: the given one, or the largest loss.
    worst_loss: float
    #: The weight of the worst loss itself; 0 when it was not given: then it is folded into the largest losses.
    worst_weight: float
    #: The dual location; infinite when ``r`` is 0.
    eta: float
    #: Samples with a smaller loss have weight 0; -inf when nothing is trimmed.
    trim_loss: float
    #: Derivative of ``robust_loss`` in ``alpha``, from above where there is a kink; may be infinite.
    d_alpha: float
    #: Derivative of ``robust_loss`` in ``r``; infinite at ``r = 0`` unless the losses leave no room.
    d_r: float
    #: The Kullback-Leibler divergence spent, in nats; at most ``r`` up to rounding.
    kl: float
    #: The total variation spent; at most ``alpha``.
    tv: float
    #: ``1 / sum(weights**2)``; infinite when every weight is 0, since the worst loss has it all.
    effective_samples: float
    #: The number of unmasked samples with weight exactly 0.
    trimmed: int
    #: How often the root search looked at the data.
    iterations: int


@dataclass(eq=False)
class BatchSolution:
    """The solutions of many problems: the fields of :class:`Solution`, each an array of shape ``(rows,)`` but `weights`,
    which has the shape of the losses. For an empty row of a ragged batch they are NaN, and its counts 0.
    """

    weights: NDArray[Any]
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


class Certificate(NamedTuple):
    """A finite-sample certificate from :func:`hr_weights.certify`."""

    #: The expected loss is at most this, except with probability ``delta``. In the unit of the losses.
    bound: float
    #: The Kullback-Leibler radius that it took, in nats.
    r: float
