"""Hugging Face accelerate: one problem over all processes.

pip install "./bindings/python[torch]" accelerate
accelerate launch --cpu --num_processes 2 bindings/python/examples/tools/with_accelerate.py

With one process, or as a program of its own, it does the same.
"""

from __future__ import annotations

from typing import Any

import torch
from _digits import compare
from _network import dataset, network, scores_of
from accelerate import Accelerator, DataLoaderConfiguration
from accelerate.utils import set_seed

from hr_weights.torch import HRCriterion


def train(images: Any, labels: Any, alpha: float, r: float) -> Any:
    set_seed(0)
    # A batch of the loader is that of all processes together, and the same however many they are.
    loading = DataLoaderConfiguration(split_batches=True, use_seedable_sampler=True)
    accelerator = Accelerator(cpu=True, dataloader_config=loading)
    loader = torch.utils.data.DataLoader(dataset(images, labels), 128, shuffle=True, drop_last=True)
    model = network()
    model, optimizer, loader = accelerator.prepare(model, torch.optim.Adam(model.parameters(), 3e-3), loader)

    group = "world" if accelerator.num_processes > 1 else None
    criterion = HRCriterion(torch.nn.CrossEntropyLoss(reduction="none"), alpha, r, group=group)
    for _ in range(20):
        for inputs, targets in loader:
            optimizer.zero_grad()
            accelerator.backward(criterion(model(inputs), targets))
            optimizer.step()
    return scores_of(accelerator.unwrap_model(model))


if __name__ == "__main__":
    compare("accelerate", train)
