"""Holistic robust (HR) importance weights, from a vector of per-sample losses.

HR learning minimises the worst average loss over every distribution that the data could have come from: up to a
fraction ``alpha`` of the samples poisoned (total variation), a sampling error of ``r`` nats (Kullback-Leibler). The
worst distribution is a weight per sample. In a training step::

    import hr_weights as hrw

    w = hrw.weights(losses, alpha=0.05, r=0.1)

then multiply each sample's loss by its weight, in place of ``1/n``, treating the weight as a constant. Modules are loaded
when they are first used: ``hrw.torch.robust_loss`` needs no import of its own. The modules
``hr_weights.torch``, ``hr_weights.jax`` and ``hr_weights.tensorflow`` do that in one call; ``hr_weights.compat`` has the
class of the paper's authors.

Source: Bennouna, Lucas, Van Parys, "Certified Robust Neural Networks: Generalization and Corruption Resistance"
(arXiv 2303.02251); Bennouna, Van Parys, "Holistic Robust Data-Driven Decisions" (arXiv 2207.09560).
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

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
from ._types import Ordering
from ._version import __version__
from ._versions import show_versions

__all__ = [
    "BatchSolution",
    "Certificate",
    "GroupShares",
    "GroupSolution",
    "Ordering",
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
    "show_versions",
    "solve",
    "solve_batch",
    "solve_groups",
    "solve_ragged",
    "top_samples",
    "weights",
]

if TYPE_CHECKING:
    from . import compat as compat
    from . import dask as dask
    from . import jax as jax
    from . import keras as keras
    from . import plot as plot
    from . import sharded as sharded
    from . import sklearn as sklearn
    from . import tensorflow as tensorflow
    from . import torch as torch
else:

    def __getattr__(name: str) -> Any:
        """A module of the package, loaded when it is first used: some import a framework."""
        if not name.startswith("_") and importlib.util.find_spec(f"{__name__}.{name}"):
            # Raises ImportError, with the extra to install, if what the module needs is missing.
            return importlib.import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
