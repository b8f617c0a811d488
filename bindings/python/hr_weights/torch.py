"""HR learning in PyTorch: the robust loss of a batch, and a criterion that attacks, evaluates and weighs.

In a training loop, replace ``losses.mean()`` by::

    from hr_weights.torch import robust_loss

    losses = torch.nn.functional.cross_entropy(model(inputs), targets, reduction="none")
    robust_loss(losses, alpha=0.05, r=0.1).backward()

Source: Bennouna, Lucas, Van Parys, "Certified Robust Neural Networks: Generalization and Corruption Resistance"
(arXiv 2303.02251); Bennouna, Van Parys, "Holistic Robust Data-Driven Decisions" (arXiv 2207.09560).
"""

from __future__ import annotations

from ._extras import extra

with extra("torch"):
    import torch as _torch  # noqa: F401

from ._attacks_torch import ffgsm, pgd
from ._torch_criterion import HRLoss
from ._torch_loss import robust_loss, weights
from ._torch_plain import HRCriterion

__all__ = ["HRCriterion", "HRLoss", "ffgsm", "pgd", "robust_loss", "weights"]

# A pickled criterion names the public module.
HRLoss.__module__ = HRCriterion.__module__ = __name__
