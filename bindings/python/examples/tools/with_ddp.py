"""DistributedDataParallel: one problem over all processes.

pip install "./bindings/python[torch]"
torchrun --nproc_per_node 2 bindings/python/examples/tools/with_ddp.py
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from _digits import compare
from _network import network, scores_of
from torch.nn.parallel import DistributedDataParallel

from hr_weights.torch import HRCriterion

BATCH = 128


def train(images: Any, labels: Any, alpha: float, r: float) -> Any:
    torch.manual_seed(0)
    rank, ranks = dist.get_rank(), dist.get_world_size()
    inputs, targets = torch.from_numpy(images), torch.from_numpy(labels)
    model = DistributedDataParallel(network())
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)

    criterion = HRCriterion(torch.nn.CrossEntropyLoss(reduction="none"), alpha, r, group="world")
    for _ in range(20):
        for batch in torch.randperm(len(inputs)).split(BATCH):
            own = batch[rank::ranks]                # the parts need not be of one size
            optimizer.zero_grad()
            criterion(model(inputs[own]), targets[own]).backward()
            optimizer.step()
    return scores_of(model.module)


if __name__ == "__main__":
    dist.init_process_group("gloo")
    compare(f"DDP, rank {dist.get_rank()}", train)
    dist.destroy_process_group()
