"""PyTorch Lightning: the criterion in `training_step`, in mixed precision, with accumulated gradients.

pip install "./bindings/python[torch]" lightning
python bindings/python/examples/tools/with_lightning.py
"""

from __future__ import annotations

from typing import Any

import lightning
import torch
from _digits import compare
from _network import dataset, network, scores_of

from hr_weights.torch import HRCriterion


class Classifier(lightning.LightningModule):
    def __init__(self, alpha: float, r: float) -> None:
        super().__init__()
        self.network = network()
        self.criterion = HRCriterion(torch.nn.CrossEntropyLoss(reduction="none"), alpha, r)

    def training_step(self, batch: Any, index: int) -> Any:
        images, labels = batch
        loss = self.criterion(self.network(images), labels)
        self.log("robust_loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), 3e-3)


def trainer_of(epochs: int, accumulated: int, **options: Any) -> Any:
    # Each micro-batch is a problem of its own, and a step takes the mean of their gradients.
    return lightning.Trainer(
        max_epochs=epochs,
        precision="bf16-mixed",
        accumulate_grad_batches=accumulated,
        **options,
    )


def train(images: Any, labels: Any, alpha: float, r: float) -> Any:
    lightning.seed_everything(0, verbose=False)
    model = Classifier(alpha, r)
    loader = torch.utils.data.DataLoader(dataset(images, labels), 64, shuffle=True)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer_of(20, accumulated=2, accelerator="cpu", **quiet).fit(model, loader)
    return scores_of(model.network)


if __name__ == "__main__":
    compare("Lightning", train)
