"""PyTorch-Ignite: the criterion as the loss function of a trainer.

pip install "./bindings/python[torch]" pytorch-ignite
python bindings/python/examples/tools/with_ignite.py
"""

from __future__ import annotations

from typing import Any

import torch
from _digits import compare
from _network import dataset, network, scores_of
from ignite.engine import create_supervised_trainer

from hr_weights.torch import HRCriterion


def train(images: Any, labels: Any, alpha: float, r: float) -> Any:
    torch.manual_seed(0)
    model = network()
    criterion = HRCriterion(torch.nn.CrossEntropyLoss(reduction="none"), alpha, r)
    trainer = create_supervised_trainer(model, torch.optim.Adam(model.parameters(), 3e-3), criterion)
    trainer.run(torch.utils.data.DataLoader(dataset(images, labels), 128, shuffle=True), max_epochs=20)
    return scores_of(model)


if __name__ == "__main__":
    compare("Ignite", train)
