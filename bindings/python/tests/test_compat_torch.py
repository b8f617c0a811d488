"""The authors' class with PyTorch: the training of their README, with its import changed."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import hr_weights as hrw  # noqa: E402
from hr_weights.compat import HR_Neural_Networks  # noqa: E402


def setting(classes=5, n=32):
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(16, 20), torch.nn.ReLU(), torch.nn.Linear(20, classes)
    )
    return model, torch.rand(n, 1, 4, 4), torch.randint(classes, (n,))


def test_the_example_of_their_readme():
    model, data, target = setting()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    train_loader = [(data, target)] * 30
    criterion = torch.nn.CrossEntropyLoss(reduction="none")
    device = "cpu"
    namespace = dict(locals(), F=torch.nn.functional)
    # From here to the end: the text of the README but for the import, and the losses that are kept.
    exec(
        """
from hr_weights.compat import *

α_choice = 0.05
r_choice = 0.1
ϵ_choice = 0.5

HR = HR_Neural_Networks(NN_model = model,
                        train_batch_size = 128,
                        loss_fn = criterion,
                        normalisation_used = None,
                        α_choice = α_choice,
                        r_choice = r_choice,
                        ϵ_choice = ϵ_choice)

losses = []

def train(HR, model, device, train_loader, optimizer, epoch):
    model.train()
    for batch_idx, (data, target) in enumerate(train_loader):
        data, target = data.to(device), target.to(device)
        optimizer.zero_grad()

        HR_loss, _ = HR.HR_criterion(inputs = data, targets = target, device = device)

        HR_loss.backward()
        optimizer.step()
        losses.append(HR_loss.item())

train(HR, model, device, train_loader, optimizer, 1)
""",
        namespace,
    )
    losses = namespace["losses"]
    assert len(losses) == 30 and losses[-1] < losses[0]


def test_the_shape_of_the_scripts_for_mnist_and_cifar():
    """The device as the third argument, without a name; a wrapped model; normalisation as lists; the loss to NumPy."""
    model, data, target = setting()
    namespace = {"net": torch.nn.DataParallel(model), "trainloader": [(data, target)] * 20}
    exec(
        """
import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
from hr_weights.compat import *

device = 'cpu'
train_batch_size = 64
criterion = nn.CrossEntropyLoss(reduction="none")
optimizer = optim.Adam(net.parameters(), lr = 0.01)
HR = HR_Neural_Networks(NN_model = net,
                        learning_approach = "HD",
                        train_batch_size = train_batch_size,
                        loss_fn = criterion,
                        normalisation_used = [[0.1307], [0.3081]],
                        α_choice = 0.05,
                        r_choice = 0.1,
                        ϵ_choice = 0.2,
                        adversarial_steps = 4,
                        adversarial_step_size = 0.01,
                        noise_set = 'l-2'
                        )
HR_losses = []
for batch_idx, (inputs, targets) in enumerate(trainloader):
    inputs, targets = inputs.to(device), targets.to(device)
    optimizer.zero_grad()
    HR_loss = HR.HR_criterion(inputs, targets, device)
    HR_loss.backward()
    optimizer.step()
    HR_losses.append(HR_loss.cpu().detach().numpy())
mean = np.mean(HR_losses)
""",
        namespace,
    )
    losses = namespace["HR_losses"]
    assert losses[-1] < losses[0] and losses[-1] < namespace["mean"] < losses[0]


@pytest.mark.parametrize("approach", ["HD", "HR"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_shape_of_the_script_for_robust_overfitting(approach, dtype):
    """Weights of losses that went through NumPy, of a module: tensors, to be multiplied by the losses."""
    model, data, target = setting()
    model, data = model.to(dtype), data.to(dtype)
    reference = robust_gradient(model, data, target, approach)
    namespace = {"model": model, "X": data, "y": target, "approach": approach}
    exec(
        """
import torch
import torch.nn as nn
from hr_weights.compat import *

model = nn.DataParallel(model)
HR = HR_Neural_Networks(NN_model = model,
                learning_approach = approach,
                train_batch_size = 128,
                loss_fn = None,
                normalisation_used = [torch.zeros(1, 1, 1), torch.ones(1, 1, 1)],
                α_choice = 0.05,
                r_choice = 0.1,
                ϵ_choice = 0,
                output_return = 'weights'
                )
criterion = nn.CrossEntropyLoss(reduction = 'none')
model.zero_grad()
robust_loss = criterion(model(X), y)
robust_loss_np = robust_loss.cpu().detach().numpy()
weights = HR.HR_criterion(inf_loss = robust_loss_np)
robust_loss = torch.dot(weights[0:len(robust_loss_np)], robust_loss) + torch.max(robust_loss)*weights[len(robust_loss_np)]
robust_loss.backward()
""",
        namespace,
    )
    assert namespace["weights"].dtype == dtype and not namespace["weights"].requires_grad
    for parameter, expected in zip(model.parameters(), reference):
        assert parameter.grad.dtype == dtype
        torch.testing.assert_close(parameter.grad, expected, rtol=1e-4, atol=1e-6)


def robust_gradient(model, inputs, targets, approach):
    losses = torch.nn.CrossEntropyLoss(reduction="none")(model(inputs), targets)
    weights = torch.from_numpy(hrw.weights(losses.detach().numpy(), 0.05, 0.1, ordering=approach))
    model.zero_grad()
    (weights @ losses).backward()
    return [parameter.grad.clone() for parameter in model.parameters()]


@pytest.mark.parametrize("approach", ["HD", "HR"])
def test_the_loss_and_its_gradient(approach):
    model, inputs, targets = setting()
    criterion = torch.nn.CrossEntropyLoss(reduction="none")
    hr = HR_Neural_Networks(model, 128, criterion, None, 0.05, 0.1, 0, learning_approach=approach)
    loss = hr.HR_criterion(inputs=inputs, targets=targets)
    loss.backward()
    gradient = [p.grad.clone() for p in model.parameters()]

    losses = criterion(model(inputs), targets)
    solution = hrw.solve(losses.detach(), 0.05, 0.1, ordering=approach)
    assert loss.item() == pytest.approx(solution.robust_loss, rel=1e-6)
    model.zero_grad()
    (torch.as_tensor(solution.weights) * losses).sum().backward()
    for mine, expected in zip(gradient, model.parameters()):
        torch.testing.assert_close(mine, expected.grad)


def test_budgets_are_tensors_without_dimensions():
    losses = [1.0, 3.0, 2.0]
    want = hrw.solve(losses, 0.25, 0.5, worst_loss=4.0)
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        alpha, r, worst = (torch.tensor(value, dtype=dtype, requires_grad=True) for value in (0.25, 0.5, 4.0))
        got = hrw.solve(losses, alpha, r, worst_loss=worst, threads=torch.tensor(1))
        assert got.weights.tolist() == want.weights.tolist()
    for wrong in (torch.tensor(True), torch.tensor([0.25]), torch.tensor(1j)):
        with pytest.raises(ValueError, match="alpha must be a number"):
            hrw.weights(losses, wrong)
    for wrong in (torch.tensor(2.0), torch.tensor(True)):
        with pytest.raises(ValueError, match="k must be an integer"):
            hrw.top_samples(losses, wrong)


def test_what_can_be_done_with_the_loss():
    model, inputs, targets = setting()
    hr = HR_Neural_Networks(model, 128, None, None, 0.05, 0.1, 0)
    result = hr.HR_criterion(inputs=inputs, targets=targets)
    assert result.shape == () and result.requires_grad
    assert type(result + 1) is torch.Tensor and type(result.detach()) is torch.Tensor
    assert f"{result:.3f}" == f"{result.item():.3f}"
    loss, weights = result
    assert type(loss) is torch.Tensor and loss.item() == result.item()
    assert weights.shape == (33,) and not weights.requires_grad
    (2 * loss).backward()
    assert all(p.grad is not None for p in model.parameters())


def test_weights_of_losses_that_require_grad():
    losses = torch.rand(10, dtype=torch.float64, requires_grad=True)
    hr = HR_Neural_Networks(None, 128, None, None, 0.05, 0.1, 0, output_return="weights")
    weights = hr.HR_criterion(inf_loss=losses)
    assert weights.dtype == torch.float64 and weights.sum().item() == pytest.approx(1)
    assert hr.HR_criterion(inf_loss=losses.to(torch.bfloat16)).dtype == torch.float32
    ((weights[:-1] * losses).sum() + weights[-1] * losses.max()).backward()
    assert losses.grad.sum().item() == pytest.approx(1)


def test_weights_asked_of_numpy_functions():
    losses = torch.rand(10)
    assert isinstance(hrw.weights(losses, 0.1), np.ndarray)
    with pytest.raises(ValueError, match="requires grad, but weights are constants: use hr_weights.torch.robust_loss"):
        hrw.weights(losses.requires_grad_(), 0.1)
    with pytest.raises(ValueError, match="leave out the mean over the batch"):
        hrw.weights(losses.detach().mean(), 0.1)


ATTACKS = [
    dict(noise_set="l-2"),
    dict(noise_set="l-inf", adversarial_step_size=0.05),
    dict(noise_set="l-inf", defense_method="FFGSM", adversarial_step_size=0.1),
]


@pytest.mark.parametrize("options", ATTACKS)
@pytest.mark.parametrize("normalisation", [None, ([0.3], [0.4])])
def test_the_attack_stays_where_it_may(options, normalisation):
    model, images, targets = setting()
    model.train()
    hr = HR_Neural_Networks(model, 128, None, normalisation, 0.05, 0.1, 0.1, **options)
    mean, std = (0.0, 1.0) if normalisation is None else (0.3, 0.4)
    inputs = (images - mean) / std
    attacked = hr.adversarial_attack_train(inputs, targets)
    moved = attacked * std + mean
    change = (moved - images).flatten(1)
    size = change.norm(dim=1) if options["noise_set"] == "l-2" else change.abs().amax(dim=1)
    assert size.max() <= 0.1 * (1 + 1e-5) and moved.min() >= -1e-6 and moved.max() <= 1 + 1e-6
    assert model.training
    assert hr.loss_fn(model(attacked), targets).mean() > hr.loss_fn(model(inputs), targets).mean()


def test_an_attack_of_ones_own():
    model, inputs, targets = setting()
    hr = HR_Neural_Networks(model, 128, None, None, 0.0, 0.0, 0.1)
    hr.adversarial_attack_train = lambda inputs, targets: torch.zeros_like(inputs)
    expected = hr.loss_fn(model(torch.zeros_like(inputs)), targets).mean().item()
    assert hr.HR_criterion(inputs=inputs, targets=targets).item() == pytest.approx(expected, rel=1e-6)
