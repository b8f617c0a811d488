"""The network of the recipes for PyTorch."""

from __future__ import annotations

from typing import Any

import torch
from _digits import CLASSES, Scores


def network() -> torch.nn.Module:
    """64 pixels to ten scores."""
    return torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, CLASSES))


def dataset(images: Any, labels: Any) -> torch.utils.data.TensorDataset:
    """Images and labels as a data set of PyTorch."""
    return torch.utils.data.TensorDataset(torch.from_numpy(images), torch.from_numpy(labels))


def scores_of(model: Any) -> Scores:
    """A trained model as a function of arrays."""

    def scores(images: Any) -> Any:
        with torch.no_grad():
            return model(torch.from_numpy(images)).float().numpy()

    return scores
