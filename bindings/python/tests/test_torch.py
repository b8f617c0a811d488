"""PyTorch, old (1.13, eager) and new (an operator that compiles)."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import table  # noqa: E402

import hr_weights as hrw  # noqa: E402
from hr_weights import _torch_operators, _torch_tensor  # noqa: E402
from hr_weights import torch as hrt  # noqa: E402
from hr_weights.torch import HRCriterion, HRLoss, robust_loss, weights  # noqa: E402

BACKENDS = ["exact", "tensor"]
NEW = hasattr(torch.library, "custom_op")
needs_operator = pytest.mark.skipif(not NEW, reason="operators came with PyTorch 2.4")


def sample(n=64, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n, dtype=torch.float64, generator=generator).mul(3).to(dtype).requires_grad_()


@pytest.mark.parametrize("backend, tolerance", [("exact", 1e-12), ("tensor", 1e-11)])
def test_the_gradient_is_the_weights_of_the_table(backend, tolerance):
    rows = table.rows()
    if not rows:
        pytest.skip("the table is in the repository, not in the source distribution")
    for row in rows[:: 1 if backend == "exact" else 5]:
        options = dict(row.arguments)
        losses = torch.tensor(options.pop("losses"), requires_grad=True)
        base = options.pop("base")
        loss = robust_loss(losses, base=None if base is None else torch.tensor(base), backend=backend, **options)
        loss.backward()
        assert loss.shape == () and loss.dtype == torch.float64
        assert loss.item() == pytest.approx(row.robust_loss, rel=1e-9, abs=1e3 * row.tolerance), row.case
        gradient, exact = losses.grad.numpy(), row.weights
        if row.shared is not None:
            gradient, exact = gradient[~row.shared], exact[~row.shared]
        np.testing.assert_allclose(gradient, exact, rtol=0, atol=tolerance, err_msg=row.case)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("ordering", ["HD", "HR"])
def test_the_gradient_is_that_of_finite_differences(backend, ordering):
    losses = sample(12)
    options = {"alpha": 0.15, "r": 0.2, "ordering": ordering, "worst_loss": 4.0, "backend": backend}
    base = torch.arange(12, dtype=torch.float64)
    robust_loss(losses, base=base, **options).backward()
    for i in range(12):
        step = torch.zeros(12, dtype=torch.float64)
        step[i] = 1e-5
        up, down = (robust_loss(losses.detach() + s * step, base=base, **options) for s in (1, -1))
        assert float(up - down) / 2e-5 == pytest.approx(float(losses.grad[i]), abs=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_mask_hides_a_loss_that_is_nan(backend):
    losses = sample(8, torch.float32)
    with torch.no_grad():
        losses[3] = math.nan
    base = torch.ones(8)
    base[3] = 0
    loss = robust_loss(losses, 0.1, 0.2, base=base, backend=backend)
    loss.backward()
    rest = [i for i in range(8) if i != 3]
    solution = hrw.solve(losses.detach().numpy()[rest], 0.1, 0.2)
    assert loss.item() == pytest.approx(solution.robust_loss, rel=1e-6)
    assert losses.grad[3] == 0
    np.testing.assert_allclose(losses.grad.numpy()[rest], solution.weights, atol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_types(backend, dtype):
    losses = sample(50, dtype)
    loss = robust_loss(losses, 0.1, 0.2, backend=backend)
    loss.backward()
    solution = hrw.solve(losses.detach().double().numpy(), 0.1, 0.2)
    assert loss.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert losses.grad.dtype == dtype and weights(losses, 0.1, 0.2, backend=backend).dtype == dtype
    assert loss.item() == pytest.approx(solution.robust_loss, rel=1e-6)
    spacing = torch.finfo(dtype).eps
    np.testing.assert_allclose(losses.grad.double().numpy(), solution.weights, rtol=spacing, atol=1e-7)


@pytest.mark.parametrize("backend", BACKENDS)
def test_autocast(backend):
    torch.manual_seed(0)
    model, inputs = torch.nn.Linear(10, 3), torch.rand(32, 10)
    targets = torch.randint(3, (32,))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outputs = model(inputs)
        assert outputs.dtype == torch.bfloat16
        losses = (outputs - torch.nn.functional.one_hot(targets, 3)).pow(2).sum(1).to(torch.bfloat16)
        loss = robust_loss(losses, 0.1, 0.2, backend=backend)
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(hrw.solve(losses.detach().float().numpy(), 0.1, 0.2).robust_loss, rel=1e-6)
    assert model.weight.grad.isfinite().all() and model.weight.grad.abs().max() > 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_strided_and_expanded_losses(backend):
    losses = torch.rand(20, 2)[:, 1]
    solution = hrw.solve(losses.numpy(), 0.1, 0.2)
    assert float(robust_loss(losses, 0.1, 0.2, backend=backend)) == pytest.approx(solution.robust_loss, rel=1e-6)
    equal = torch.ones(1).expand(5)
    np.testing.assert_allclose(weights(equal, 0.1, 0.2, backend=backend).numpy(), 0.2, rtol=1e-6)


GOOD = torch.ones(3)
BAD = [
    (
        'losses is a single number, but one per sample is needed: leave out the mean over the batch (reduction="none"',
        torch.tensor(1.0),
        {},
    ),
    (
        "losses has shape (3, 4), but one number per sample is needed: average over the other dimensions first",
        torch.ones(3, 4),
        {},
    ),
    ("losses is empty", torch.ones(0), {}),
    ("losses must be floating-point numbers, but their dtype is torch.int64", torch.ones(3, dtype=torch.int64), {}),
    ("losses must be a torch.Tensor, not list", [1.0, 2.0], {}),
    ("losses must be dense, but their layout is torch.sparse_coo", torch.ones(3).to_sparse(), {}),
    ("losses[1] is nan", torch.tensor([1.0, math.nan, math.inf]), {}),
    ("losses[2] is inf", torch.tensor([1.0, 2.0, math.inf]), {}),
    ("alpha must be a number in [0, 1], not 1.5", GOOD, {"alpha": 1.5}),
    ("r must be a number of at least 0 (infinity is allowed), not nan", GOOD, {"r": math.nan}),
    ("ordering must be 'HD' or 'HR', not 'hr'", GOOD, {"ordering": "hr"}),
    ("backend must be 'exact' or 'tensor', not 'gpu'", GOOD, {"backend": "gpu"}),
    ("base has shape (2,), but losses has shape (3,)", GOOD, {"base": torch.ones(2)}),
    ("base[1] is -1.0", GOOD, {"base": torch.tensor([1.0, -1.0, 1.0])}),
    ("base must be real numbers, but their dtype is torch.complex64", GOOD, {"base": torch.tensor([1, 1j, 1])}),
    ("base must be a dense array of numbers, not 'ones'", GOOD, {"base": "ones"}),
    ("base must be a dense array of numbers, not [1.0, None, 2.0]", GOOD, {"base": [1.0, None, 2.0]}),
    ("base must be dense, but their layout is torch.sparse_coo", GOOD, {"base": torch.ones(3).to_sparse()}),
    ("losses must be one tensor, but they are a nested one", torch.nested.nested_tensor([GOOD, GOOD[:2]]), {}),
    ("worst_loss = 0.5, the largest loss is 1.0", GOOD, {"worst_loss": 0.5}),
    ("worst_loss must be finite, not inf", GOOD, {"worst_loss": math.inf}),
]


@pytest.mark.parametrize("message, losses, options", BAD, ids=[bad[0][:40] for bad in BAD])
def test_every_bad_input_has_its_own_message(message, losses, options):
    with pytest.raises(ValueError, match=re.escape(message)):
        robust_loss(losses, **options)


def test_second_derivatives_take_the_weights_as_constants():
    parameter = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    points = torch.linspace(0, 1, 9, dtype=torch.float64)
    losses = (parameter - points) ** 2
    (slope,) = torch.autograd.grad(robust_loss(losses, 0.1, 0.2), parameter, create_graph=True)
    (bend,) = torch.autograd.grad(slope, parameter)
    assert float(bend) == pytest.approx(2.0)


class Watch:
    """Stands for an operator, and counts its calls."""

    def __init__(self, operator):
        self.operator, self.calls = operator, 0

    def __call__(self, *arguments):
        self.calls += 1
        return self.operator(*arguments)


@pytest.fixture
def operators(monkeypatch):
    watches = {name: Watch(getattr(_torch_operators, name)) for name in ("exact", "tensor")}
    for name, watch in watches.items():
        monkeypatch.setattr(_torch_operators, name, watch)
    return watches


PLAIN = {
    "double": lambda: sample(9),
    "float": lambda: sample(9, torch.float32),
    "half": lambda: sample(9, torch.float16),
    "parameter": lambda: torch.nn.Parameter(sample(9).detach()),
    "every other": lambda: sample(18)[::2],
    "not of a graph": lambda: sample(9).detach(),
    # The sign bit is not in memory.
    "negative view": lambda: torch._neg_view(-sample(9)),
    "not aligned": lambda: torch.frombuffer(
        bytearray(b"?" + sample(9).detach().numpy().tobytes()), dtype=torch.float64, offset=1
    ),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", PLAIN)
def test_where_nothing_traces_no_operator_is_called(operators, name, backend):
    for base in (None, torch.tensor([1, 2, 0, 1, 1, 1, 3, 0, 1]), torch.arange(9.0), torch.arange(9.0).double()):
        for worst_loss in (None, 4.0):
            losses = PLAIN[name]()
            loss = robust_loss(losses, 0.1, 0.2, base=base, worst_loss=worst_loss, backend=backend)
            plain = (
                losses.detach().resolve_neg().clone().float()
                if name == "half"
                else losses.detach().resolve_neg().clone()
            )
            host_base = None if base is None else base.to(plain.dtype).numpy()
            solution = hrw.solve(plain.numpy(), 0.1, 0.2, base=host_base, worst_loss=worst_loss)
            assert loss.dtype == plain.dtype
            if backend == "exact":
                # Rounded once.
                assert loss.item() == torch.tensor(solution.robust_loss, dtype=plain.dtype).item()
            assert loss.item() == pytest.approx(solution.robust_loss, rel=1e-6)
            assert loss.requires_grad == losses.requires_grad
            if losses.requires_grad:
                (slope,) = torch.autograd.grad(loss, losses)
                assert slope.dtype == losses.dtype
                atol = 1e-3 if name == "half" else 1e-6
                np.testing.assert_allclose(slope.double().numpy(), solution.weights, rtol=0, atol=atol)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            losses = PLAIN[name]()
            assert not robust_loss(losses, 0.1, 0.2, backend=backend).requires_grad
            weights(losses, 0.1, 0.2, backend=backend)
    assert operators["exact"].calls == operators["tensor"].calls == 0


@needs_operator
@pytest.mark.parametrize("backend", BACKENDS)
def test_whoever_traces_sees_one_operator(operators, backend):
    from torch._subclasses import FakeTensorMode
    from torch.fx.experimental.proxy_tensor import make_fx
    from torch.utils._python_dispatch import TorchDispatchMode

    class Quiet(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, arguments=(), options=None):
            return function(*arguments, **(options or {}))

    def loss(x):
        return robust_loss(x, 0.1, 0.2, backend=backend)

    calls = operators[backend]
    with Quiet():
        loss(torch.rand(9))
    assert calls.calls == 1
    with FakeTensorMode():
        assert loss(torch.rand(9)).shape == ()
    assert calls.calls == 2
    torch.func.vmap(loss)(torch.rand(2, 9))
    assert calls.calls == 3
    torch.func.grad(loss)(torch.rand(9))
    assert calls.calls == 4
    assert loss(torch.rand(9, device="meta")).shape == ()
    assert calls.calls == 5
    assert f"hr_weights.{backend}" in make_fx(loss)(torch.rand(9)).code


class Exported(torch.nn.Module):
    def __init__(self, backend):
        super().__init__()
        self.backend = backend

    def forward(self, x):
        return robust_loss(x, 0.1, 0.2, backend=self.backend)


@needs_operator
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("strict", [False, True])
def test_an_exported_program_has_one_operator(backend, strict):
    losses = torch.rand(9)
    program = torch.export.export(Exported(backend), (losses,), strict=strict)
    assert program.graph_module.code.count("hr_weights.") == 1
    assert f"hr_weights.{backend}" in program.graph_module.code
    value = float(program.module()(losses))
    assert value == pytest.approx(hrw.solve(losses.numpy(), 0.1, 0.2).robust_loss, rel=1e-6)


def test_a_call_is_few_operations():
    """Each costs a microsecond, many times what the library takes for a small batch."""
    losses = sample(128, torch.float32)
    counted = {}
    for name, loss in {"mean": torch.mean, "robust": lambda x: robust_loss(x, 0.1, 0.2)}.items():
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            loss(losses).backward()
        counted[name] = sum(event.name.startswith("aten::") for event in profile.events())
    assert counted["robust"] <= counted["mean"] + 8, counted
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        weights(losses, 0.1, 0.2)
    assert sum(event.name.startswith("aten::") for event in profile.events()) <= 4


@pytest.mark.parametrize("backend", BACKENDS)
def test_forward_derivatives(backend):
    import torch.autograd.forward_ad as forward

    losses, direction = sample(9).detach(), torch.rand(9, dtype=torch.float64)
    with forward.dual_level():
        loss = robust_loss(forward.make_dual(losses, direction), 0.1, 0.2, backend=backend)
        value, slope = forward.unpack_dual(loss)
    solution = hrw.solve(losses.numpy(), 0.1, 0.2)
    assert value.item() == pytest.approx(solution.robust_loss)
    assert slope.item() == pytest.approx(solution.weights @ direction.numpy())


@needs_operator
@pytest.mark.parametrize("operator", ["exact", "tensor"])
@pytest.mark.parametrize("hr", [False, True])
def test_opcheck(operator, hr):
    solve = getattr(_torch_operators, operator)
    torch.library.opcheck(solve, (sample(7), None, [0.1, 0.2], None, hr))
    torch.library.opcheck(solve, (sample(7), torch.rand(7, dtype=torch.float64), [0.1, 0.2, 3.5], None, hr))
    budgets = torch.tensor([[0.1, 0.2], [0.0, 0.3], [0.2, 0.0]], dtype=torch.float64)
    torch.library.opcheck(solve, (torch.rand(3, 5, requires_grad=True), torch.rand(3, 5), [], budgets, hr))


@needs_operator
def test_what_waits_for_the_host_is_kept_out_of_cuda_graphs():
    if not hasattr(torch.Tag, "cudagraph_unsafe"):
        pytest.skip("the tag came with PyTorch 2.9")
    assert torch.Tag.cudagraph_unsafe in torch.ops.hr_weights.exact.default.tags
    assert torch.Tag.cudagraph_unsafe not in torch.ops.hr_weights.tensor.default.tags


BUDGETS = [(0.01 * step, 0.02 * (12 - step), 3.0 + step) for step in range(12)]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("with_worst", [False, True])
def test_budgets_may_be_tensors(backend, with_worst):
    losses = sample(11)
    for alpha, r, worst in BUDGETS[::3]:
        # Of any type, and with a gradient that is not used.
        given = torch.tensor(alpha, dtype=torch.float64), torch.nn.Parameter(torch.tensor(r, dtype=torch.float64))
        worst_loss = torch.tensor(int(worst)) if with_worst else None
        loss = robust_loss(losses, *given, worst_loss=worst_loss, backend=backend)
        solution = hrw.solve(losses.detach().numpy(), alpha, r, worst_loss=worst if with_worst else None)
        assert loss.item() == pytest.approx(solution.robust_loss, rel=1e-9)
        result = weights(losses, *given, worst_loss=worst_loss, backend=backend)
        np.testing.assert_allclose(result.numpy(), solution.weights, atol=1e-9)
    for name, options in {"alpha": {"alpha": torch.ones(1)}, "worst_loss": {"worst_loss": torch.ones(2)}}.items():
        with pytest.raises(ValueError, match=f"{name} must be a number, not tensor"):
            robust_loss(losses, backend=backend, **options)


def test_a_bad_budget_in_a_tensor_is_found():
    for options, message in [
        ({"alpha": torch.tensor(1.5)}, "alpha must be a number in [0, 1], not 1.5"),
        ({"r": torch.tensor(-1.0)}, "r must be a number of at least 0 (infinity is allowed), not -1.0"),
        ({"worst_loss": torch.tensor(math.nan)}, "worst_loss must be"),
        ({"worst_loss": torch.tensor(0.5)}, "worst_loss = 0.5, the largest loss is 1.0"),
    ]:
        with pytest.raises(ValueError, match=re.escape(message)):
            robust_loss(GOOD, **options)


@needs_operator
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("with_worst", [False, True])
def test_budgets_in_tensors_do_not_compile_again(backend, with_worst):
    compiled = 0

    def count(graph, inputs):
        nonlocal compiled
        compiled += 1
        return graph.forward

    torch.compiler.reset()

    @torch.compile(fullgraph=True, backend=count)
    def step(x, alpha, r, worst_loss):
        return robust_loss(x, alpha, r, worst_loss=worst_loss, backend=backend)

    losses = sample(10)
    for alpha, r, worst in BUDGETS:
        worst_loss = torch.tensor(worst, dtype=torch.float64) if with_worst else None
        losses.grad = None
        loss = step(losses, torch.tensor(alpha, dtype=torch.float64), torch.tensor(r, dtype=torch.float64), worst_loss)
        loss.backward()
        solution = hrw.solve(losses.detach().numpy(), alpha, r, worst_loss=worst if with_worst else None)
        assert loss.item() == pytest.approx(solution.robust_loss, rel=1e-9)
        np.testing.assert_allclose(losses.grad.numpy(), solution.weights, atol=1e-9)
    assert compiled == 1
    if backend == "exact":
        with pytest.raises(Exception, match="alpha"):
            step(losses, torch.tensor(1.5, dtype=torch.float64), torch.tensor(0.1, dtype=torch.float64), worst_loss)


@needs_operator
@pytest.mark.parametrize("backend", BACKENDS)
def test_vmap_over_budgets_and_in_two_levels(backend):
    losses = torch.rand(3, 4, 9, dtype=torch.float64)
    base = torch.rand(3, 9, dtype=torch.float64)
    alpha = torch.tensor([0.0, 0.1, 0.3], dtype=torch.float64)
    r = torch.tensor([0.1, 0.2, 0.5, 1.0], dtype=torch.float64)
    vmap = torch.func.vmap

    def one(row, base, alpha, r):
        return weights(row, alpha, r, base=base, worst_loss=2.0, backend=backend)

    inner = vmap(one, in_dims=(0, None, None, 0))
    result = vmap(inner, in_dims=(0, 0, 0, None))(losses, base, alpha, r)
    turned = vmap(vmap(one, in_dims=(0, 0, 0, None)), in_dims=(1, None, None, 0))(losses, base, alpha, r)
    for i in range(3):
        for j in range(4):
            options = {"alpha": alpha[i].item(), "r": r[j].item(), "base": base[i].numpy(), "worst_loss": 2.0}
            expected = hrw.weights(losses[i, j].numpy(), **options)
            np.testing.assert_allclose(result[i, j].numpy(), expected, atol=1e-9)
            np.testing.assert_allclose(turned[j, i].numpy(), expected, atol=1e-9)
    # The losses shared, the budgets not.
    same = vmap(lambda r: weights(losses[0, 0], 0.1, r, backend=backend))(r)
    for j in range(4):
        np.testing.assert_allclose(same[j].numpy(), hrw.weights(losses[0, 0].numpy(), 0.1, r[j].item()), atol=1e-9)


def test_criteria_take_budgets_in_tensors_that_change():
    torch.manual_seed(3)
    inputs, targets = torch.rand(8, 6), torch.randint(3, (8,))
    model, alpha = torch.nn.Linear(6, 3), torch.tensor(0.0)
    criterion, plain = HRLoss(model, CROSS_ENTROPY, alpha, 0.2), HRCriterion(CROSS_ENTROPY, alpha, 0.2)
    losses = CROSS_ENTROPY(model(inputs), targets)
    for value in (0.0, 0.25):
        alpha.fill_(value)
        expected = robust_loss(losses, value, 0.2).item()
        assert criterion(inputs, targets).item() == plain(model(inputs), targets).item() == pytest.approx(expected)


@needs_operator
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("ordering", ["HD", "HR"])
def test_vmap_and_functional_gradients(backend, ordering):
    losses, base = torch.rand(4, 9, dtype=torch.float64), torch.rand(9, dtype=torch.float64)

    def one(row):
        return robust_loss(row, 0.1, 0.2, ordering=ordering, base=base, backend=backend)

    solutions = [hrw.solve(row.numpy(), 0.1, 0.2, ordering=ordering, base=base.numpy()) for row in losses]
    values = np.array([solution.robust_loss for solution in solutions])
    expected = np.stack([solution.weights for solution in solutions])
    vmap, grad = torch.func.vmap, torch.func.grad
    np.testing.assert_allclose(vmap(one)(losses).numpy(), values, atol=1e-9)
    np.testing.assert_allclose(vmap(one, in_dims=1)(losses.T).numpy(), values, atol=1e-9)
    np.testing.assert_allclose(vmap(grad(one))(losses).numpy(), expected, atol=1e-9)
    np.testing.assert_allclose(grad(lambda x: vmap(one)(x).sum())(losses).numpy(), expected, atol=1e-9)
    _, slope = torch.func.jvp(one, (losses[0],), (losses[1],))
    assert float(slope) == pytest.approx(float(expected[0] @ losses[1].numpy()))


@needs_operator
@pytest.mark.parametrize("backend", BACKENDS)
def test_compile_without_a_break(backend):
    losses = sample(16, torch.float32)

    @torch.compile(fullgraph=True, backend="aot_eager")
    def step(x):
        return robust_loss(2 * x, 0.1, 0.2, ordering="HR", backend=backend) + 1

    loss = step(losses)
    loss.backward()
    solution = hrw.solve(2 * losses.detach().numpy(), 0.1, 0.2, ordering="HR")
    assert loss.item() == pytest.approx(solution.robust_loss + 1, rel=1e-6)
    np.testing.assert_allclose(losses.grad.numpy(), 2 * solution.weights, atol=1e-6)


@needs_operator
def test_compile_with_inductor():
    losses = sample(16, torch.float32)
    loss = torch.compile(lambda x: robust_loss(x * x, 0.1, 0.2), fullgraph=True)(losses)
    loss.backward()
    solution = hrw.solve((losses * losses).detach().numpy(), 0.1, 0.2)
    np.testing.assert_allclose(losses.grad.numpy(), 2 * losses.detach().numpy() * solution.weights, atol=1e-5)


@needs_operator
@pytest.mark.parametrize("ordering", ["HD", "HR"])
@pytest.mark.parametrize("worst_loss", [None, 4.0])
def test_the_tensor_back_end_looks_at_no_value(ordering, worst_loss):
    """Fake tensors have no values: whatever would wait for one raises."""
    from torch._subclasses import FakeTensorMode

    with FakeTensorMode():
        losses = torch.rand(10)
        robust, constants = _torch_tensor.solve_on_device(losses, torch.rand(10), 0.1, 0.2, worst_loss, ordering)
    assert robust.shape == () and constants.shape == (10,)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("backend", BACKENDS)
def test_cuda(backend):
    losses = sample(100, torch.float32).detach().cuda().requires_grad_()
    base = torch.rand(100, device="cuda")
    loss = robust_loss(losses, 0.1, 0.2, base=base, backend=backend)
    loss.backward()
    solution = hrw.solve(losses.detach().cpu().numpy(), 0.1, 0.2, base=base.cpu().numpy())
    assert loss.device.type == "cuda" and loss.item() == pytest.approx(solution.robust_loss, rel=1e-5)
    np.testing.assert_allclose(losses.grad.cpu().numpy(), solution.weights, atol=1e-6)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_cuda_graph():
    losses = sample(100, torch.float32).detach().cuda()
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        robust_loss(losses, 0.1, 0.2, backend="tensor")
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = robust_loss(losses, 0.1, 0.2, backend="tensor")
    losses.mul_(2)
    graph.replay()
    assert loss.item() == pytest.approx(hrw.solve(losses.cpu().numpy(), 0.1, 0.2).robust_loss, rel=1e-5)


# ---- the criterion ---------------------------------------------------------------------------------------------------


def small_model(seed=0):
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Linear(6, 8), torch.nn.BatchNorm1d(8), torch.nn.Dropout(0.5), torch.nn.Tanh(), torch.nn.Linear(8, 3)
    )


CROSS_ENTROPY = torch.nn.CrossEntropyLoss(reduction="none")


@pytest.fixture
def batch():
    torch.manual_seed(1)
    return torch.rand(20, 6), torch.randint(3, (20,))


def test_without_an_attack_the_criterion_is_robust_loss_of_the_losses(batch):
    inputs, targets = batch
    model = small_model().train()
    criterion = HRLoss(model, CROSS_ENTROPY, 0.1, 0.2, ordering="HR")
    assert list(criterion.parameters()) == [] and criterion.model is model
    torch.manual_seed(5)
    criterion(inputs, targets).backward()
    gradients = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    torch.manual_seed(5)
    losses = CROSS_ENTROPY(model(inputs), targets)
    constants = torch.from_numpy(hrw.weights(losses.detach().numpy(), 0.1, 0.2, ordering="HR"))
    (constants * losses).sum().backward()
    for ours, p in zip(gradients, model.parameters()):
        np.testing.assert_allclose(ours.numpy(), p.grad.numpy(), atol=1e-6)


@pytest.mark.parametrize("norm, attack", [("l2", "pgd"), ("linf", "pgd"), ("linf", "ffgsm")])
def test_the_attack_raises_the_loss_and_leaves_the_model_as_it_was(batch, norm, attack):
    inputs, targets = batch
    model = small_model().train()
    model[1].eval()  # a frozen batch norm stays frozen
    state = {name: value.clone() for name, value in model.state_dict().items()}
    criterion = HRLoss(model, CROSS_ENTROPY, 0.1, 0.2, epsilon=0.1, norm=norm, attack=attack)
    attacked = criterion.attacked(inputs, targets)
    assert not attacked.requires_grad and attacked.shape == inputs.shape
    assert [module.training for module in model] == [True, False, True, True, True] and model.training
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in state.items())
    assert all(p.grad is None for p in model.parameters())
    model.eval()
    with torch.no_grad():
        before, after = (float(CROSS_ENTROPY(model(x), targets).mean()) for x in (inputs, attacked))
    assert after > before
    model.train()
    criterion(inputs, targets).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_under_no_grad_it_still_attacks_and_in_inference_mode_it_says_that_it_cannot(batch):
    inputs, targets = batch
    model = small_model().eval()
    criterion = HRLoss(model, CROSS_ENTROPY, 0.1, 0.2, epsilon=0.2)
    plain = HRLoss(model, CROSS_ENTROPY, 0.1, 0.2)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("error")
        loss = criterion(inputs, targets)
        assert not loss.requires_grad and loss > plain(inputs, targets)
    with torch.inference_mode(), pytest.raises(RuntimeError, match="use torch.no_grad"):
        criterion(inputs, targets)


def test_a_model_in_the_wrong_mode_is_reported(batch):
    with pytest.warns(UserWarning, match="evaluation mode while gradients are recorded"):
        HRLoss(small_model().eval(), CROSS_ENTROPY)(*batch)


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_normalised_inputs_are_attacked_in_the_unit_of_pixels(norm):
    torch.manual_seed(0)
    pixels, targets = torch.rand(5, 3, 4, 4), torch.randint(2, (5,))
    mean, std = [0.4, 0.5, 0.6], [0.2, 0.1, 0.3]
    shape = (1, 3, 1, 1)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 2))
    inputs = (pixels - torch.tensor(mean).reshape(shape)) / torch.tensor(std).reshape(shape)
    attacked = hrt.pgd(model, CROSS_ENTROPY, inputs, targets, 0.05, norm=norm, normalization=(mean, std))
    back = attacked * torch.tensor(std).reshape(shape) + torch.tensor(mean).reshape(shape)
    change = (back - pixels).flatten(1)
    sizes = change.abs().amax(1) if norm == "linf" else change.norm(dim=1)
    assert float(sizes.max()) <= 0.05 + 1e-6 and float(sizes.min()) > 0.03
    assert float(back.min()) >= -1e-6 and float(back.max()) <= 1 + 1e-6
    with pytest.raises(ValueError, match=re.escape("inputs are outside of [0.0, 1.0]")):
        hrt.pgd(model, CROSS_ENTROPY, inputs, targets, 0.05)


def test_the_attack_may_be_any_callable(batch):
    inputs, targets = batch
    model = torch.nn.Linear(6, 3)
    criterion = HRLoss(model, CROSS_ENTROPY, 0.1, 0.2, attack=lambda x, y: x + 0.1)
    expected = robust_loss(CROSS_ENTROPY(model(inputs + 0.1), targets), 0.1, 0.2)
    assert float(criterion(inputs, targets)) == pytest.approx(float(expected))
    with pytest.raises(ValueError, match=re.escape("the attack must return a tensor of the inputs' shape (20, 6)")):
        HRLoss(model, CROSS_ENTROPY, attack=lambda x, y: x[:3])(inputs, targets)


def test_bad_criteria_have_their_own_messages(batch):
    inputs, targets = batch
    model = torch.nn.Linear(6, 3)
    mean = torch.nn.CrossEntropyLoss()
    for options, message in [
        ({"norm": "l1"}, "norm must be 'l2' or 'linf', not 'l1'"),
        ({"attack": "fgsm"}, "attack must be 'pgd' or 'ffgsm', not 'fgsm'"),
        ({"attack": "ffgsm"}, "pass norm='linf'"),
        ({"epsilon": -1.0}, "epsilon must be a finite number of at least 0"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"step_size": 0.0}, "step_size must be a positive number"),
        ({"alpha": 2.0}, "alpha must be a number in [0, 1]"),
    ]:
        with pytest.raises(ValueError, match=re.escape(message)):
            HRLoss(model, CROSS_ENTROPY, **options)
    for options, message in [
        ({"epsilon": 0.1, "step_size": 0.0}, "step_size must be a positive number"),
        ({"epsilon": "much"}, "epsilon must be a number"),
        ({"epsilon": -1.0}, "epsilon must be a finite number of at least 0"),
    ]:
        with pytest.raises(ValueError, match=re.escape(message)):
            hrt.ffgsm(model, CROSS_ENTROPY, inputs, targets, **options)
    for epsilon in (0.0, 0.1):
        with pytest.raises(ValueError, match=re.escape('reduction="none"')):
            HRLoss(model, mean, epsilon=epsilon)(inputs, targets)
    with pytest.raises(ValueError, match="loss_fn returned 19 losses for 20 samples"):
        HRLoss(model, lambda outputs, y: outputs[1:, 0])(inputs, targets)
    with pytest.raises(ValueError, match="inputs must be floating-point numbers"):
        HRLoss(model, CROSS_ENTROPY, epsilon=0.1)(torch.ones(2, 6, dtype=torch.int64), targets)


class TwoInputs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(6, 3)

    def forward(self, inputs):
        first, second = inputs.values() if isinstance(inputs, dict) else inputs
        return self.linear(torch.cat([first, second], 1))


@pytest.mark.parametrize("kind", [dict, list, tuple])
def test_several_inputs(kind):
    torch.manual_seed(2)
    first, second, targets = torch.rand(8, 4), torch.rand(8, 2), torch.randint(3, (8,))
    inputs = {"image": first, "more": second} if kind is dict else kind((first, second))
    model = TwoInputs()
    expected = robust_loss(CROSS_ENTROPY(model(inputs), targets), 0.1, 0.2)
    assert float(HRLoss(model, CROSS_ENTROPY, 0.1, 0.2)(inputs, targets)) == float(expected)
    moved = HRLoss(model, CROSS_ENTROPY, 0.1, 0.2, attack=lambda x, y: x)
    assert float(moved(inputs, targets)) == float(expected)
    with pytest.raises(ValueError, match="inputs must be a tensor to be attacked, not " + kind.__name__):
        HRLoss(model, CROSS_ENTROPY, epsilon=0.1)(inputs, targets)
    with pytest.raises(ValueError, match="loss_fn returned 7 losses for 8 samples"):
        HRLoss(model, lambda outputs, y: outputs[1:, 0])(inputs, targets)


def test_the_running_worst_loss_is_in_a_checkpoint_without_code(tmp_path):
    worst = hrw.RunningWorst(window=3)
    worst.update(torch.tensor([1.0, 4.0]))
    kinds = {int: torch.int64, float: torch.float64}
    states = [{name: torch.tensor(value, dtype=kinds[type(value)]) for name, value in worst.state_dict().items()}]
    # Without code, PyTorch 1.13 loads no floats of Python.
    states += [worst.state_dict()] if hasattr(torch, "compile") else []
    for state in states:
        torch.save({"worst": state}, tmp_path / "checkpoint.pt")
        again = hrw.RunningWorst()
        again.load_state_dict(torch.load(tmp_path / "checkpoint.pt", weights_only=True)["worst"])
        assert repr(again) == repr(worst)


def test_sums_in_a_fixed_order_are_sums():
    for n in (1, 2, 7, 64, 100):
        x = torch.rand(3, n, dtype=torch.float64)
        np.testing.assert_allclose(_torch_tensor.cumsum_by_doubling(x).numpy(), x.cumsum(-1).numpy(), rtol=1e-14)


STRICT = """
import torch
{mode}
import hr_weights as hrw
from hr_weights.torch import HRLoss, robust_loss
device = "cuda" if torch.cuda.is_available() else "cpu"
losses = torch.rand(50, dtype=torch.float64, device=device).requires_grad_()
base = torch.arange(50, device=device)
for backend in ("exact", "tensor"):
    for ordering in ("HD", "HR"):
        for options in ({{}}, {{"worst_loss": 2.0}}, {{"base": base}}):
            losses.grad = None
            robust_loss(losses, 0.1, 0.2, ordering=ordering, backend=backend, **options).backward()
            host = {{name: value.cpu() if name == "base" else value for name, value in options.items()}}
            expected = torch.from_numpy(hrw.weights(losses.detach().cpu(), 0.1, 0.2, ordering=ordering, **host))
            assert (losses.grad.cpu() - expected).abs().max() < 1e-11
masked = torch.tensor([1.0, float("nan"), 2.0], device=device, requires_grad=True)
robust_loss(masked, 0.1, 0.2, base=torch.tensor([1.0, 0.0, 1.0], device=device)).backward()
assert masked.grad[1] == 0
model = torch.nn.Linear(6, 3).to(device)
criterion = HRLoss(model, torch.nn.CrossEntropyLoss(reduction="none"), 0.1, 0.2, epsilon=0.1)
criterion(torch.rand(20, 6, device=device), torch.randint(3, (20,), device=device)).backward()
"""


@pytest.mark.parametrize(
    "mode",
    ["", "torch.autograd.set_detect_anomaly(True)", "torch.use_deterministic_algorithms(True)"],
    ids=["dev", "anomaly", "deterministic"],
)
def test_strict_modes(mode):
    """Each for a whole process, where warnings are errors."""
    environment = dict(os.environ, CUBLAS_WORKSPACE_CONFIG=":4096:8")
    command = [sys.executable, "-X", "dev", "-W", "error:::hr_weights", "-c", STRICT.format(mode=mode)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=240, env=environment)
    assert result.returncode == 0, result.stderr[-2000:]
