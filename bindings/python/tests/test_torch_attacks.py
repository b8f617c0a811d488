"""The attacks against torchattacks: inside the ball and inside [0, 1], and as strong at equal steps."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
torchattacks = pytest.importorskip("torchattacks")

import digits  # noqa: E402

from hr_weights.torch import ffgsm, pgd  # noqa: E402

CROSS_ENTROPY = torch.nn.CrossEntropyLoss(reduction="none")


def setup():
    w, b, v, c = (torch.from_numpy(array) for array in digits.network())
    model = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(64, digits.HIDDEN), torch.nn.Tanh(), torch.nn.Linear(digits.HIDDEN, 10)
    )
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), (w.T, b, v.T, c)):
            parameter.copy_(value)
    images, labels = digits.load()
    return model, torch.from_numpy(images).unsqueeze(1), torch.from_numpy(labels)


CASES = {
    "linf": (
        lambda m, x, y: pgd(m, CROSS_ENTROPY, x, y, 0.1, norm="linf", steps=10, step_size=0.025),
        lambda m: torchattacks.PGD(m, eps=0.1, alpha=0.025, steps=10),
        0.1,
    ),
    "l2": (
        lambda m, x, y: pgd(m, CROSS_ENTROPY, x, y, 0.5, norm="l2", steps=10, step_size=0.125),
        lambda m: torchattacks.PGDL2(m, eps=0.5, alpha=0.125, steps=10),
        0.5,
    ),
    "ffgsm": (
        lambda m, x, y: ffgsm(m, CROSS_ENTROPY, x, y, 0.1, step_size=0.125),
        lambda m: torchattacks.FFGSM(m, eps=0.1, alpha=0.125),
        0.1,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_as_strong_as_torchattacks(name):
    ours, theirs, epsilon = CASES[name]
    model, images, labels = setup()
    torch.manual_seed(0)

    def loss(x):
        with torch.no_grad():
            return CROSS_ENTROPY(model(x), labels).mean().item()

    attacked = ours(model, images, labels)
    digits.check_inside(attacked.numpy(), images.numpy(), epsilon, "l2" if name == "l2" else "linf")
    # The mean over random starts.
    own = np.mean([loss(ours(model, images, labels)) for _ in range(digits.STARTS)])
    other = np.mean([loss(theirs(model)(images, labels)) for _ in range(digits.STARTS)])
    plain = loss(images)
    print(f"{name}: loss {plain:.4f}, attacked {own:.4f}, by torchattacks {other:.4f}")
    assert own > 1.5 * plain
    assert own == pytest.approx(other, rel=0.02)


def test_without_a_random_start_pgd_is_theirs_to_rounding():
    model, images, labels = setup()
    attacked = pgd(model, CROSS_ENTROPY, images, labels, 0.1, steps=5, step_size=0.03, random_start=False)
    peer = torchattacks.PGD(model, eps=0.1, alpha=0.03, steps=5, random_start=False)(images, labels)
    same = np.isclose(attacked.numpy(), peer.numpy(), atol=1e-6)
    # The sign of a gradient that is zero up to rounding may differ.
    assert same.mean() > 0.999
