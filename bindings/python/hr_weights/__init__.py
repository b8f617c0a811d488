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

from ._core import certified_r, certify, solve, solve_batch, solve_ragged, weights
from ._solution import BatchSolution, Certificate, Solution
from ._version import __version__

__all__ = [
    "BatchSolution",
    "Certificate",
    "Solution",
    "__version__",
    "certified_r",
    "certify",
    "solve",
    "solve_batch",
    "solve_ragged",
    "weights",
]
