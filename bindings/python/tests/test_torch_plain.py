"""The plain criterion, of outputs and targets: against the robust loss of what should count, and PyTorch's own means."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import hr_weights as hrw  # noqa: E402
from hr_weights.torch import HRCriterion, HRLoss, robust_loss  # noqa: E402

F = torch.nn.functional
N, CLASSES, LENGTH = 12, 5, 7
BUDGETS = {"alpha": 0.1, "r": 0.2}


def cross_entropy(**options):
    return torch.nn.CrossEntropyLoss(reduction="none", **options)


def batch(seed=0):
    generator = torch.Generator().manual_seed(seed)
    outputs = torch.randn(N, CLASSES, generator=generator, dtype=torch.float64).requires_grad_()
    return outputs, torch.randint(CLASSES, (N,), generator=generator)


def tokens(seed=0):
    """Logits (n, classes, length), and targets of which sequence i has i ignored ones, as far as it is long."""
    generator = torch.Generator().manual_seed(seed)
    outputs = torch.randn(N, CLASSES, LENGTH, generator=generator, dtype=torch.float64).requires_grad_()
    targets = torch.randint(CLASSES, (N, LENGTH), generator=generator)
    for i in range(N):
        targets[i, LENGTH - min(i, LENGTH) :] = -100
    return outputs, targets


def gradient(value, outputs):
    return torch.autograd.grad(value, outputs)[0]


def test_it_is_the_robust_loss_of_the_losses():
    outputs, targets = batch()
    want = robust_loss(F.cross_entropy(outputs, targets, reduction="none"), **BUDGETS)
    got = HRCriterion(cross_entropy(), **BUDGETS)(outputs, targets)
    torch.testing.assert_close(got, want)
    torch.testing.assert_close(gradient(got, outputs), gradient(want, outputs))


@pytest.mark.parametrize(
    "plain, name",
    [
        ("MSELoss", "one"),
        ("L1Loss", "one"),
        ("MSELoss", "many"),
        ("CrossEntropyLoss", "classes"),
        ("CrossEntropyLoss", "tokens"),
        ("BCEWithLogitsLoss", "many"),
    ],
)
@pytest.mark.parametrize("over", ["samples", "elements"])
def test_without_budgets_it_is_the_mean_of_pytorch(plain, name, over):
    generator = torch.Generator().manual_seed(1)
    if name == "classes":
        outputs, targets = batch()
    elif name == "tokens":
        outputs, targets = tokens()
    else:
        shape = (N,) if name == "one" else (N, 3, 2)
        outputs = torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()
        targets = torch.rand(shape, generator=generator, dtype=torch.float64)
    loss = getattr(torch.nn, plain)
    want = loss()(outputs, targets)
    got = HRCriterion(loss(reduction="none"), over=over)(outputs, targets)
    torch.testing.assert_close(got, want)
    torch.testing.assert_close(gradient(got, outputs), gradient(want, outputs))


def test_tokens_that_are_ignored_do_not_count():
    outputs, targets = tokens()
    losses = F.cross_entropy(outputs, targets, reduction="none")
    want = robust_loss(losses[targets != -100], **BUDGETS)
    got = HRCriterion(cross_entropy(), **BUDGETS, over="elements")(outputs, targets)
    torch.testing.assert_close(got, want)
    torch.testing.assert_close(gradient(got, outputs), gradient(want, outputs))
    # As samples that the model knows perfectly they would be another problem.
    assert abs(robust_loss(losses.flatten(), **BUDGETS) - want) > 0.05


def test_sequences_that_are_samples():
    outputs, targets = tokens()
    losses = F.cross_entropy(outputs, targets, reduction="none").detach().numpy()
    counts = (targets != -100).sum(1).numpy()
    kept = counts > 0
    solution = hrw.solve(losses.sum(1)[kept] / counts[kept], **BUDGETS, base=counts[kept])
    got = HRCriterion(cross_entropy(), **BUDGETS)(outputs, targets)
    assert got.item() == pytest.approx(solution.robust_loss, rel=1e-12)


def test_an_index_for_functions():
    outputs, targets = tokens()
    targets[targets == -100] = 3

    def function(outputs, targets):
        return F.cross_entropy(outputs, targets, reduction="none")

    counted = targets != 3
    want = robust_loss(function(outputs, targets)[counted], **BUDGETS)
    got = HRCriterion(function, **BUDGETS, over="elements", ignore_index=3)(outputs, targets)
    torch.testing.assert_close(got, want)
    # The loss function's own index gives way to the one that is given.
    other = HRCriterion(cross_entropy(ignore_index=1), **BUDGETS, over="elements", ignore_index=3)(outputs, targets)
    losses = F.cross_entropy(outputs, targets, reduction="none", ignore_index=1)
    torch.testing.assert_close(other, robust_loss(losses[counted], **BUDGETS))


def test_the_criterion_that_attacks_ignores_them_too():
    inputs = torch.rand(N, 3, generator=torch.Generator().manual_seed(3))
    _, targets = batch()
    targets[:4] = -100
    model = torch.nn.Linear(3, CLASSES)
    want = robust_loss(F.cross_entropy(model(inputs[4:]), targets[4:], reduction="none"), **BUDGETS)
    criterion = HRLoss(model, cross_entropy(), **BUDGETS)
    torch.testing.assert_close(criterion(inputs, targets), want)
    each = torch.arange(1.0, N + 1)
    half = torch.where(torch.arange(N) < 4, torch.zeros(N), each)
    for given in (each, each.tolist()):
        torch.testing.assert_close(criterion(inputs, targets, base=given), criterion(inputs, targets, base=half))
    with pytest.raises(ValueError, match=r"base has shape \(5,\), but losses has shape \(12,\)"):
        criterion(inputs, targets, base=torch.ones(5))


def test_base_weights_keep_their_range_beside_halves():
    outputs, targets = batch()
    outputs, base = outputs.to(torch.bfloat16), torch.logspace(-9, 9, N)
    losses = F.cross_entropy(outputs, targets, reduction="none").float()
    want = robust_loss(losses, **BUDGETS, base=base)
    model = torch.nn.Identity()
    for got in (
        HRLoss(model, cross_entropy(), **BUDGETS)(outputs, targets, base=base),
        HRCriterion(cross_entropy(), **BUDGETS)(outputs, targets, base=base),
    ):
        torch.testing.assert_close(got.to(want.dtype), want)


def test_probabilities_as_targets_have_no_index():
    outputs, _ = batch()
    targets = torch.softmax(torch.arange(N * CLASSES, dtype=torch.float64).reshape(N, CLASSES).cos(), 1)
    want = robust_loss(F.cross_entropy(outputs, targets, reduction="none"), **BUDGETS)
    torch.testing.assert_close(HRCriterion(cross_entropy(), **BUDGETS)(outputs, targets), want)


@pytest.mark.parametrize("over", ["samples", "elements"])
def test_base_weights(over):
    outputs, targets = tokens()
    each = torch.rand(N, LENGTH, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    criterion = HRCriterion(cross_entropy(), **BUDGETS, over=over)
    # Two copies of a sample are one of twice the base weight.
    rows = torch.arange(N).repeat_interleave(torch.arange(N) % 3)
    torch.testing.assert_close(
        criterion(outputs, targets, base=torch.arange(N) % 3), criterion(outputs[rows], targets[rows])
    )
    # One weight for each loss; ignored ones have none.
    each = torch.where(targets == -100, torch.full_like(each, 5.0), each)
    counted = torch.where(targets == -100, torch.zeros_like(each), each)
    torch.testing.assert_close(criterion(outputs, targets, base=each), criterion(outputs, targets, base=counted))


def test_a_masked_loss_may_be_nan():
    outputs, targets = tokens()
    with torch.no_grad():
        outputs[0, :, 2] = float("nan")
    base = torch.ones(N, LENGTH)
    base[0, 2] = 0
    for over in ("samples", "elements"):
        value = HRCriterion(cross_entropy(), **BUDGETS, over=over)(outputs, targets, base)
        assert torch.isfinite(value)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype):
    outputs = torch.linspace(-3, 3, N * 2).reshape(N, 2).to(dtype).requires_grad_()
    targets = torch.zeros_like(outputs)
    loss = HRCriterion(lambda outputs, targets: (outputs - targets) ** 2, **BUDGETS)(outputs, targets)
    assert loss.dtype == torch.float32
    want = robust_loss((outputs.detach() ** 2).float().mean(1), **BUDGETS)
    torch.testing.assert_close(loss, want)
    assert gradient(loss, outputs).dtype == dtype


def test_budgets_may_change_between_steps():
    outputs, targets = batch()
    criterion = HRCriterion(cross_entropy())
    criterion.alpha, criterion.r, criterion.ordering = 0.1, 0.2, "HR"
    want = robust_loss(F.cross_entropy(outputs, targets, reduction="none"), 0.1, 0.2, ordering="HR")
    torch.testing.assert_close(criterion(outputs, targets), want)
    # Tensors, as a compiled program takes them.
    criterion.alpha, criterion.r = torch.tensor(0.1), torch.tensor(0.2)
    torch.testing.assert_close(criterion(outputs, targets), want)
    criterion.alpha = 2.0
    with pytest.raises(ValueError, match="alpha must be a number in"):
        criterion(outputs, targets)


def test_it_is_a_module_like_any_other():
    outputs, targets = batch()
    criterion = HRCriterion(cross_entropy(weight=torch.arange(1.0, 6.0)), **BUDGETS)
    assert criterion.to(torch.float64).loss_fn.weight.dtype == torch.float64
    want = criterion(outputs, targets)
    for other in (pickle.loads(pickle.dumps(criterion)), copy.deepcopy(criterion)):
        torch.testing.assert_close(other(outputs, targets), want)
    assert "alpha=0.1, r=0.2, ordering='HD', over='samples'" in repr(criterion)
    worst = HRCriterion(cross_entropy(), **BUDGETS, worst_loss=100.0)
    losses = F.cross_entropy(outputs, targets, reduction="none")
    torch.testing.assert_close(worst(outputs, targets), robust_loss(losses, **BUDGETS, worst_loss=100.0))


def test_the_tensor_back_end():
    outputs, targets = tokens()
    exact = HRCriterion(cross_entropy(), **BUDGETS, over="elements")(outputs, targets)
    tensor = HRCriterion(cross_entropy(), **BUDGETS, over="elements", backend="tensor")(outputs, targets)
    torch.testing.assert_close(tensor, exact, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "loss_fn, options, message",
    [
        (None, {}, "loss_fn must be a function of outputs and targets, not NoneType"),
        (torch.nn.CrossEntropyLoss(), {}, "loss_fn must return one loss per sample: reduction=\"none\" in place of 'mean'"),
        (cross_entropy(), {"alpha": -1}, "alpha must be a number in"),
        (cross_entropy(), {"r": None}, "r must be a number, not None"),
        (cross_entropy(), {"over": "tokens"}, "over must be 'samples' or 'elements', not 'tokens'"),
        (cross_entropy(), {"ordering": "hd"}, "ordering must be"),
        (cross_entropy(), {"backend": "gpu"}, "backend must be"),
        (cross_entropy(), {"gradients": "max"}, "gradients must be"),
        (cross_entropy(), {"ignore_index": 0.5}, "ignore_index must be an integer"),
        (cross_entropy(), {"worst_loss": np.inf}, "worst_loss must be finite"),
    ],
)
def test_arguments_that_are_refused(loss_fn, options, message):
    with pytest.raises(ValueError, match=message):
        HRCriterion(loss_fn, **options)


def test_calls_that_are_refused():
    outputs, targets = batch()
    with pytest.raises(ValueError, match="losses is a single number"):
        HRCriterion(F.cross_entropy)(outputs, targets)
    with pytest.raises(ValueError, match="losses must be a torch.Tensor"):
        HRCriterion(lambda outputs, targets: [0.0])(outputs, targets)
    with pytest.raises(ValueError, match=r"base has shape \(5,\), but losses has shape \(12,\)"):
        HRCriterion(cross_entropy())(outputs, targets, base=torch.ones(5))
    with pytest.raises(ValueError, match="ignore_index needs one integer of targets for each loss"):
        HRCriterion(torch.nn.MSELoss(reduction="none"), ignore_index=0)(outputs, torch.zeros_like(outputs))
