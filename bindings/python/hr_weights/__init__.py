"""Holistic robust (HR) importance weights, from a vector of per-sample losses.

HR learning minimises the worst average loss over every distribution that the data could have come from: up to a
fraction ``alpha`` of the samples poisoned (total variation), a sampling error of ``r`` nats (Kullback-Leibler). The
worst distribution is a weight per sample. In a training step::

    import hr_weights as hrw

    w = hrw.weights(losses, alpha=0.05, r=0.1)

then multiply each sample's loss by its weight, in place of ``1/n``, treating the weight as a constant. The modules
``hr_weights.torch``, ``hr_weights.jax`` and ``hr_weights.tensorflow`` do that in one call; ``hr_weights.compat`` has the
class of the paper's authors.

Source: Bennouna, Lucas, Van Parys, "Certified Robust Neural Networks: Generalization and Corruption Resistance"
(arXiv 2303.02251); Bennouna, Van Parys, "Holistic Robust Data-Driven Decisions" (arXiv 2207.09560).
"""

from ._calibrate import (
    Path,
    alpha_for_effective_samples,
    alpha_for_largest_weight,
    alpha_for_robust_loss,
    path,
    r_for_effective_samples,
    r_for_largest_weight,
    r_for_robust_loss,
)
from ._core import certified_r, certify, solve, solve_batch, solve_ragged, weights
from ._diagnostics import GroupShares, TopSamples, group_shares, top_samples
from ._groups import GroupSolution, RunningWorst, solve_groups
from ._solution import BatchSolution, Certificate, Solution
from ._version import __version__

__all__ = [
    "BatchSolution",
    "Certificate",
    "GroupShares",
    "GroupSolution",
    "Path",
    "RunningWorst",
    "Solution",
    "TopSamples",
    "__version__",
    "alpha_for_effective_samples",
    "alpha_for_largest_weight",
    "alpha_for_robust_loss",
    "certified_r",
    "certify",
    "group_shares",
    "path",
    "r_for_effective_samples",
    "r_for_largest_weight",
    "r_for_robust_loss",
    "solve",
    "solve_batch",
    "solve_groups",
    "solve_ragged",
    "top_samples",
    "weights",
]
