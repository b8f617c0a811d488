"""The Trainer of Hugging Face transformers: `compute_loss` with the robust loss of the batch.

pip install "./bindings/python[torch]" transformers accelerate
python bindings/python/examples/tools/with_transformers.py
"""

from __future__ import annotations

import tempfile
from typing import Any

import torch
from _digits import CLASSES, compare
from transformers import Trainer, TrainingArguments, ViTConfig, ViTForImageClassification, set_seed

from hr_weights.torch import HRCriterion


class HRTrainer(Trainer):
    def __init__(self, *args: Any, alpha: float = 0.0, r: float = 0.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.criterion = HRCriterion(torch.nn.CrossEntropyLoss(reduction="none"), alpha, r)
        # A step is then the mean over its micro-batches. Otherwise it is their sum, since the Trainer
        # leaves the division to models that know the number of items.
        self.model_accepts_loss_kwargs = False

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        inputs = dict(inputs)
        labels = inputs.pop("labels")
        outputs = model(**inputs)
        loss = self.criterion(outputs.logits, labels)
        return (loss, outputs) if return_outputs else loss


def model_of(seed: int) -> Any:
    """A small network with random parameters; nothing is downloaded."""
    set_seed(seed)
    return ViTForImageClassification(
        ViTConfig(
            image_size=8,
            patch_size=2,
            num_channels=1,
            hidden_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=64,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            num_labels=CLASSES,
        )
    )


def items(images: Any, labels: Any) -> list[dict[str, Any]]:
    pixels = torch.from_numpy(images).reshape(-1, 1, 8, 8)
    return [{"pixel_values": x, "labels": int(y)} for x, y in zip(pixels, labels)]


def train(images: Any, labels: Any, alpha: float, r: float) -> Any:
    model = model_of(seed=0)
    with tempfile.TemporaryDirectory() as directory:
        arguments = TrainingArguments(
            output_dir=directory,
            num_train_epochs=12,
            per_device_train_batch_size=32,
            gradient_accumulation_steps=2,
            learning_rate=5e-3,
            use_cpu=True,
            save_strategy="no",
            logging_strategy="no",
            report_to=[],
            disable_tqdm=True,
        )
        HRTrainer(model, arguments, train_dataset=items(images, labels), alpha=alpha, r=r).train()
    model.eval()

    def scores(images: Any) -> Any:
        with torch.no_grad():
            return model(torch.from_numpy(images).reshape(-1, 1, 8, 8)).logits.numpy()

    return scores


if __name__ == "__main__":
    compare("transformers", train)
