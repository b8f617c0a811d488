"""The same network, trained on the same batches with the authors' package and with ours: every step has the same loss.

`make python-parity` makes the environment in which their package runs, and shows how many times faster a step is.
"""

from __future__ import annotations

import copy
import time
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
theirs = pytest.importorskip("HR_Neural_Networks.HR")

from hr_weights import compat as ours  # noqa: E402

DIGITS = Path(__file__).parents[2] / "data" / "digits.csv"
STEPS, BATCH = 60, 64
# What their solver reaches when it says that it converged.
TOLERANCE = 2e-4


@pytest.fixture(scope="module")
def batches():
    """Images (n, 1, 8, 8) in [0, 1], and their labels of which a quarter is wrong."""
    table = np.loadtxt(DIGITS, delimiter=",", dtype=np.int64)
    rng = np.random.default_rng(0)
    rng.shuffle(table)
    images = torch.tensor(table[:, :-1].reshape(-1, 1, 8, 8) / 16, dtype=torch.float32)
    wrong = rng.random(len(table)) < 0.25
    labels = torch.tensor(np.where(wrong, rng.integers(0, 10, len(table)), table[:, -1]))
    orders = [rng.choice(len(table), BATCH, replace=False) for _ in range(STEPS)]
    return [(images[order], labels[order]) for order in orders]


class Training:
    """One model with its optimiser and the criterion of one package."""

    def __init__(self, package, model, **options):
        self.model = copy.deepcopy(model)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3)
        arguments = dict(NN_model=self.model, train_batch_size=BATCH, normalisation_used=None)
        arguments.update(loss_fn=torch.nn.CrossEntropyLoss(reduction="none"), **options)
        self.criterion = package.HR_Neural_Networks(**arguments)
        self.seconds = []

    def step(self, inputs, targets):
        # The attack starts at a random point: at the same one in both packages.
        torch.manual_seed(len(self.seconds))
        start = time.perf_counter()
        self.optimizer.zero_grad()
        loss = self.criterion.HR_criterion(inputs=inputs, targets=targets, device="cpu")
        loss.backward()
        self.optimizer.step()
        self.seconds.append(time.perf_counter() - start)
        return float(loss)

    def continue_from(self, other):
        self.model.load_state_dict(other.model.state_dict())
        self.optimizer.load_state_dict(copy.deepcopy(other.optimizer.state_dict()))


def small_network():
    torch.manual_seed(0)
    layers = torch.nn.Flatten(), torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10)
    return torch.nn.Sequential(*layers)


ATTACKS = {
    "no attack": dict(ϵ_choice=0.0),
    "PGD l-2": dict(ϵ_choice=0.3, adversarial_steps=5, adversarial_step_size=0.1),
    "PGD l-inf": dict(ϵ_choice=0.05, noise_set="l-inf", adversarial_steps=5, adversarial_step_size=0.02),
    "FFGSM": dict(ϵ_choice=0.05, noise_set="l-inf", defense_method="FFGSM", adversarial_step_size=0.06),
}
# Their random numbers for these are drawn in another order, so the attack itself is taken from there.
OTHER_DRAWS = ("PGD l-2", "FFGSM")


@pytest.mark.parametrize("approach", ["HD", "HR"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_every_step_has_the_same_loss(batches, approach, attack, capsys):
    options = dict(α_choice=0.05, r_choice=0.1, learning_approach=approach, **ATTACKS[attack])
    # Threads would cost more than they bring to a network of this size.
    torch.set_num_threads(1)
    model = small_network()
    reference, training = Training(theirs, model, **options), Training(ours, model, **options)
    if attack in OTHER_DRAWS:
        training.criterion.adversarial_attack_train = torch_attack(training.model, options)
    worst, compared = 0.0, 0
    for inputs, targets in batches:
        expected, loss = reference.step(inputs, targets), training.step(inputs, targets)
        if reference.criterion.model.status == "optimal":
            compared += 1
            worst = max(worst, abs(loss - expected))
        else:
            training.continue_from(reference)
    ratio = np.median(reference.seconds) / np.median(training.seconds)
    with capsys.disabled():
        print(
            f"\n{approach}, {attack}: {compared} of {STEPS} steps compared, largest difference of a loss {worst:.1e}; "
            f"a step takes {1e3 * np.median(training.seconds):.2f} ms, theirs {1e3 * np.median(reference.seconds):.1f} ms: "
            f"{ratio:.1f} times faster"
        )
    assert compared > 0.9 * STEPS
    assert worst < TOLERANCE
    assert ratio > 1


def torch_attack(model, options):
    import torchattacks

    step, epsilon = options["adversarial_step_size"], options["ϵ_choice".replace("ϵ", "ε")]
    if options.get("defense_method") == "FFGSM":
        return torchattacks.FFGSM(model, eps=epsilon, alpha=step)
    return torchattacks.PGDL2(model, eps=epsilon, alpha=step, steps=options["adversarial_steps"], random_start=True)


@pytest.mark.parametrize("attack", ["PGD l-2", "PGD l-inf", "FFGSM"])
def test_our_attack_is_as_strong_as_theirs(batches, attack):
    """Averages over many random starts, at one model that has been trained a little."""
    options = dict(α_choice=0.05, r_choice=0.1, **ATTACKS[attack])
    training = Training(ours, small_network(), **options)
    for inputs, targets in batches[:20]:
        training.step(inputs, targets)
    reference = Training(theirs, training.model, **options)
    attacked = []
    for criterion in (training.criterion, reference.criterion):
        torch.manual_seed(0)
        losses = []
        for inputs, targets in batches:
            points = criterion.adversarial_attack_train(inputs, targets)
            losses.append(criterion.loss_fn(training.model(points), targets).mean().item())
        attacked.append(np.mean(losses))
    assert attacked[0] == pytest.approx(attacked[1], rel=0.02)
    plain = np.mean([training.criterion.loss_fn(training.model(x), y).mean().item() for x, y in batches])
    assert attacked[0] > plain + 0.01


@pytest.mark.parametrize("approach", ["HD", "HR"])
def test_their_weights(approach):
    """Their mode for weights fails, but what it would return is the value of their variable p."""
    losses = torch.tensor(np.random.default_rng(7).exponential(size=32), dtype=torch.float32)
    options = dict(train_batch_size=32, normalisation_used=None, α_choice=0.05, r_choice=0.1, ϵ_choice=0)
    options.update(loss_fn=lambda outputs, targets: outputs, learning_approach=approach)
    model = torch.nn.Identity()
    model.parameters = lambda: iter([losses])
    reference = theirs.HR_Neural_Networks(NN_model=model, **options)
    reference.HR_criterion(inputs=losses, targets=losses, device="cpu")
    result = ours.HR_Neural_Networks(NN_model=model, output_return="weights", **options).HR_criterion(
        inputs=losses, targets=losses
    )
    assert result.shape == (33,) and result.dtype == torch.float32
    np.testing.assert_allclose(result.numpy(), reference.p.value, atol=2e-4)
