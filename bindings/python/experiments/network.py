"""The network, and what it scores on a sample: as it is, under attack, and with noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from mnist import CLASSES, SIDE
from torch import Tensor, nn
from torch.nn import functional

from hr_weights.torch import pgd

LOSS = nn.CrossEntropyLoss(reduction="none")
#: Of the attack in tests, as in training: the radius in the l2 norm of all pixels, for pixels in [0, 1].
EPSILON = 0.3
#: Steps of the attack in tests; in training it has TRAIN_STEPS.
TEST_STEPS = 10
#: Standard deviation of the noise of a pixel.
NOISE = 0.3


def network(seed: int, channels: int = 8, hidden: int = 64) -> Any:
    """Two convolutions and two full layers, as in the authors' experiments, with strides in place of pooling."""
    torch.manual_seed(seed)
    side = (SIDE + 3) // 4
    return nn.Sequential(
        nn.Conv2d(1, channels, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(2 * channels * side * side, hidden),
        nn.ReLU(),
        nn.Linear(hidden, CLASSES),
    )


@cache
def _indices(shape: torch.Size, side: int) -> tuple[Tensor, int]:
    """For each pixel that a convolution reads and each that it writes: one more than the index of their weight, or 0."""
    outputs, inputs = shape[:2]
    numbers = torch.arange(1, shape.numel() + 1, dtype=torch.float64).reshape(shape)
    pixels = torch.eye(inputs * side * side, dtype=torch.float64).reshape(-1, inputs, side, side)
    written = functional.conv2d(pixels, numbers, stride=2, padding=1)
    return written.flatten(1).round().long(), written.shape[-1]


def matrices(model: Any) -> Callable[[Tensor], Tensor]:
    """The same function of the images as `model`, with constant parameters and each convolution written as a matrix.

    An attack evaluates a model many times between two steps of training, and at this size matrices take less time.
    """
    side, steps = SIDE, []
    with torch.no_grad():
        for layer in model:
            if isinstance(layer, nn.Conv2d):
                indices, side = _indices(layer.weight.shape, side)
                weights = torch.cat([layer.weight.new_zeros(1), layer.weight.flatten()])
                steps.append((weights[indices], layer.bias.repeat_interleave(side * side)))
            elif isinstance(layer, nn.Linear):
                steps.append((layer.weight.t(), layer.bias.detach()))

    def function(images: Tensor) -> Tensor:
        values = torch.addmm(steps[0][1], images.flatten(1), steps[0][0])
        for weights, bias in steps[1:]:
            values = torch.addmm(bias, values.relu(), weights)
        return values

    return function


@dataclass(frozen=True)
class Score:
    """The loss of each image, shape (n,), and whether it is classified wrongly."""

    losses: Tensor
    errors: Tensor

    @property
    def loss(self) -> float:
        return float(self.losses.mean())

    @property
    def accuracy(self) -> float:
        return 1 - float(self.errors.float().mean())


def score(model: Any, images: Tensor, labels: Tensor, epsilon: float = 0.0, noise: float = 0.0) -> Score:
    """What `model` makes of images (n, 1, 14, 14), moved by an attack of radius `epsilon` and by noise, if any.

    The random numbers are the same for every model, so that models are compared on the same noise.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if epsilon > 0:
            images = pgd(matrices(model), LOSS, images, labels, epsilon, norm="l2", steps=TEST_STEPS)
        if noise > 0:
            images = images + noise * torch.randn_like(images)
    with torch.no_grad():
        outputs = model(images)
        return Score(LOSS(outputs, labels), outputs.argmax(1) != labels)
