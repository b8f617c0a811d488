"""skorch: the criterion and its budgets as parameters of a scikit-learn estimator.

pip install "./bindings/python[torch]" skorch
python bindings/python/examples/tools/with_skorch.py
"""

from __future__ import annotations

from typing import Any

import torch
from _digits import compare
from _network import network
from skorch import NeuralNetClassifier

from hr_weights.torch import HRCriterion


def net_of(alpha: float, r: float) -> Any:
    return NeuralNetClassifier(
        network,
        criterion=HRCriterion,
        criterion__loss_fn=torch.nn.CrossEntropyLoss(reduction="none"),
        criterion__alpha=alpha,
        criterion__r=r,
        predict_nonlinearity=torch.nn.Softmax(dim=1),  # skorch knows that of PyTorch's own losses alone
        optimizer=torch.optim.Adam,
        lr=3e-3,
        batch_size=128,
        max_epochs=20,
        train_split=None,
        verbose=0,
    )


def train(images: Any, labels: Any, alpha: float, r: float) -> Any:
    torch.manual_seed(0)
    net = net_of(alpha, r).fit(images, labels)
    return lambda images: net.forward(images).numpy()


if __name__ == "__main__":
    compare("skorch", train)
