"""Trains a network in PyTorch on real handwritten digits of which a quarter is labelled wrongly.

    pip install "./bindings/python[plot,torch]"
    python bindings/python/examples/torch_digits.py

Once with the plain average of the losses and once with HR learning on attacked images. Prints what both score on test
images with true labels, as they are and attacked, and writes torch_digits.png: the losses over the training, and the weights
of the training images. The rest of the page is in _page.py.
"""

from __future__ import annotations

from typing import Any

import torch
from _page import BATCH, CLASSES, HIDDEN, Training, run

from hr_weights import torch as hrt

LOSS = torch.nn.CrossEntropyLoss(reduction="none")


def train(training: Training, images: Any, labels: Any) -> Any:
    torch.manual_seed(training.seed)
    model = torch.nn.Sequential(torch.nn.Linear(64, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, CLASSES))
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    inputs, targets = torch.from_numpy(images), torch.from_numpy(labels)

    # In place of CrossEntropyLoss().
    criterion = hrt.HRLoss(model, LOSS, training.alpha, training.r, training.epsilon, norm="linf", steps=3)

    for _ in range(training.epochs):
        losses = []
        for batch in torch.randperm(len(inputs)).split(BATCH):
            optimizer.zero_grad()
            loss = criterion(inputs[batch], targets[batch])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        training.report(losses)
    return model.eval()


def evaluate(model: Any, images: Any, labels: Any) -> Any:
    with torch.no_grad():
        scores = model(torch.from_numpy(images))
        return LOSS(scores, torch.from_numpy(labels)).numpy(), scores.argmax(1).numpy()


def attack(model: Any, images: Any, labels: Any, epsilon: float) -> Any:
    return hrt.pgd(model, LOSS, torch.from_numpy(images), torch.from_numpy(labels), epsilon, norm="linf").numpy()


if __name__ == "__main__":
    run("PyTorch", train, evaluate, attack)
