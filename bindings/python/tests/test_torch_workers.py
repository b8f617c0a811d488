"""Data loaders of PyTorch, whose workers are forked processes, with calls in the data set and in collate."""

from __future__ import annotations

import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import hr_weights as hrw  # noqa: E402
from hr_weights.torch import weights  # noqa: E402

N = 70_000  # enough for the library's threads


class Losses(torch.utils.data.Dataset):
    """Each item is a sum of squared weights of losses of its own."""

    def __len__(self):
        return 12

    def __getitem__(self, index):
        losses = np.random.default_rng(index).exponential(size=N)
        return float(np.square(hrw.weights(losses, alpha=0.05, r=0.1, threads=index % 2)).sum())


def collate(items):
    """The items, and the weights of them as losses, by the module for PyTorch."""
    losses = torch.tensor(items, dtype=torch.float64)
    return losses, weights(losses, alpha=0.05, r=0.1)


def batches(workers):
    # The default context: fork on Linux, until Python 3.14.
    context = "fork" if workers and sys.platform == "linux" else None
    options = {"num_workers": workers, "multiprocessing_context": context}
    loader = torch.utils.data.DataLoader(Losses(), 4, collate_fn=collate, **options)
    return [torch.stack(batch) for batch in loader]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning", "ignore:.*fork.*:RuntimeWarning")
def test_workers_agree_with_the_parent():
    want = batches(0)
    # The parent's pool of threads is there before the workers are forked.
    hrw.weights(np.arange(float(N)), alpha=0.05, r=0.1, threads=0)
    for _ in range(2):
        got = batches(2)
        assert len(got) == len(want) == 3
        assert all(torch.equal(a, b) for a, b in zip(got, want))
