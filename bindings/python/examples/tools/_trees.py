"""The robust loss as boosted trees see it: derivatives in the scores."""

from __future__ import annotations

from typing import Any

import numpy as np

import hr_weights as hrw


def derivatives(scores: Any, labels: Any, alpha: float, r: float) -> tuple[Any, Any]:
    """The first and second derivatives of n times the robust loss in the scores, shape (n, classes)."""
    scores = np.asarray(scores, dtype=np.float64)
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    own = np.arange(len(labels)), np.asarray(labels, dtype=np.int64)
    losses = -np.log(np.maximum(probabilities[own], 1e-300))
    weights = len(losses) * hrw.weights(losses, alpha, r)[:, None]
    slopes = probabilities.copy()
    slopes[own] -= 1.0
    return weights * slopes, weights * np.maximum(2 * probabilities * (1 - probabilities), 1e-6)
