"""SciPy: the robust loss and its gradient for `scipy.optimize.minimize`.

pip install ./bindings/python scipy
python bindings/python/examples/tools/with_scipy.py
"""

from __future__ import annotations

from typing import Any

import numpy as np
from _digits import CLASSES, compare, cross_entropy
from scipy.optimize import minimize
from scipy.special import softmax

import hr_weights as hrw

PENALTY = 1e-3


def train(images: Any, labels: Any, alpha: float, r: float) -> Any:
    inputs = np.column_stack([images, np.ones(len(images))]).astype(np.float64)
    targets = np.eye(CLASSES)[labels]

    def objective(parameters: Any, alpha: float, r: float) -> Any:
        parameters = parameters.reshape(-1, CLASSES)
        scores = inputs @ parameters
        solution = hrw.solve(cross_entropy(scores, labels), alpha, r)
        # The gradient of the robust loss: that of the losses, weighted.
        gradient = inputs.T @ (solution.weights[:, None] * (softmax(scores, axis=1) - targets))
        value = solution.robust_loss + PENALTY * np.sum(parameters**2)
        return value, (gradient + 2 * PENALTY * parameters).ravel()

    # Where all losses are equal, as with parameters of zero, there is a kink: begin where the plain mean ends.
    parameters = np.zeros(inputs.shape[1] * CLASSES)
    for budgets in ((0.0, 0.0), (alpha, r)):
        result = minimize(objective, parameters, budgets, jac=True, method="L-BFGS-B", options={"maxiter": 300})
        parameters = result.x
    return lambda images: np.column_stack([images, np.ones(len(images))]) @ parameters.reshape(-1, CLASSES)


if __name__ == "__main__":
    compare("SciPy", train)
