"""The kernel of Triton, interpreted on the CPU, against the library. `test_torch_triton.py` runs
this file in a process of its own, since Triton reads TRITON_INTERPRET when it is imported.

HRW_TABLE_EVERY: the tests take every so many-th row of the table of problems that were solved to 50
digits.
"""

from __future__ import annotations

import math
import os

import numpy as np
import pytest
import table
import torch

import hr_weights as hrw
from hr_weights import _torch_tensor, _torch_triton
from hr_weights.torch import robust_loss, weights

assert os.environ.get("TRITON_INTERPRET") == "1", "set TRITON_INTERPRET=1"
ROWS = table.rows()[:: int(os.environ.get("HRW_TABLE_EVERY", "60"))]


@pytest.fixture(autouse=True)
def the_interpreter_computes_with_numpy(numpy_raises):
    with np.errstate(all="ignore"):
        yield


def kernel(losses, alpha=0.0, r=0.0, ordering="HD", base=None, worst_loss=None):
    """The robust losses and the weights, as arrays."""
    base = None if base is None else torch.as_tensor(base, dtype=torch.as_tensor(losses).dtype)
    robust, constants = _torch_triton.solve(torch.as_tensor(losses), base, alpha, r, worst_loss, ordering)
    return robust.numpy(), constants.numpy()


def agrees(losses, tolerance=1e-9, **options):
    robust, constants = kernel(losses, **options)
    solution = hrw.solve(losses, **options)
    np.testing.assert_allclose(constants, solution.weights, rtol=0, atol=tolerance, err_msg=str(options))
    counted = losses if options.get("base") is None else losses[np.asarray(options["base"]) > 0]
    worst = options.get("worst_loss") or counted.max()
    span = float(worst) - float(counted.min())
    rounding = np.finfo(losses.dtype).eps * abs(worst)
    assert abs(float(robust) - solution.robust_loss) <= tolerance * span + rounding, options


@pytest.mark.skipif(not ROWS, reason="the table is in the repository, not in the source distribution")
@pytest.mark.parametrize("ordering", ["HD", "HR"])
def test_the_table(ordering):
    for row in ROWS:
        if row.arguments["ordering"] != ordering:
            continue
        robust, constants = kernel(**row.arguments)
        compared = slice(None) if row.shared is None else ~row.shared
        np.testing.assert_allclose(constants[compared], row.weights[compared], rtol=0, atol=1e-11, err_msg=row.case)
        assert abs(float(robust) - row.robust_loss) <= 100 * row.tolerance, row.case


DISTRIBUTIONS = {
    "exponential": lambda rng, n: rng.exponential(size=n),
    "cauchy": lambda rng, n: rng.standard_cauchy(n),
    "ties": lambda rng, n: rng.integers(0, 4, n).astype(float),
    "offset": lambda rng, n: 1e4 + rng.random(n),
    "signs": lambda rng, n: np.resize([-0.0, 0.0, -1e-300, 1e-300, -1.5, 1.0], n),
}
BUDGETS = [(0.0, 0.1), (0.05, 0.0), (0.3, math.inf), (1.0, 0.1), (0.1, 1e-6), (0.95, 3.0), (0.0, 0.0)]


@pytest.mark.parametrize("ordering", ["HD", "HR"])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_it_is_the_library(name, ordering):
    rng = np.random.default_rng(len(name))
    # Each distribution meets some of these, and all of them meet one.
    first = list(DISTRIBUTIONS).index(name)
    for n, (alpha, r) in list(zip((1, 2, 3, 31, 32, 33, 129), BUDGETS))[first % 2 :: 2]:
        losses = DISTRIBUTIONS[name](rng, n).astype(np.float64 if n % 2 else np.float32)
        worst = float(losses.max() + rng.random()) if n in (2, 33, 129) else None
        agrees(losses, 2e-6 if losses.dtype == np.float32 else 1e-9, alpha=alpha, r=r, ordering=ordering, worst_loss=worst)


@pytest.mark.parametrize("ordering", ["HD", "HR"])
def test_base_weights_and_masks(ordering):
    rng = np.random.default_rng(1)
    for worst_loss in (None, 9.0):
        losses, base = rng.exponential(size=16), rng.random(16) * (rng.random(16) < 0.7)
        agrees(losses, alpha=0.1, r=0.2, ordering=ordering, base=base, worst_loss=worst_loss)
        expected = kernel(losses, 0.1, 0.2, ordering, base, worst_loss)
        losses[base == 0] = math.nan
        for ours, theirs in zip(kernel(losses, 0.1, 0.2, ordering, base, worst_loss), expected):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("ordering", ["HD", "HR"])
def test_the_most_losses_of_a_row(ordering):
    losses = np.random.default_rng(2).exponential(size=_torch_tensor.LARGEST)
    agrees(losses, alpha=0.05, r=0.1, ordering=ordering)


@pytest.mark.parametrize("ordering", ["HD", "HR"])
def test_rows_with_their_own_budgets(ordering):
    rng = np.random.default_rng(3)
    losses, base = rng.exponential(size=(2, 3, 20)), rng.random((2, 3, 20))
    alpha, r = rng.random((2, 3)), rng.exponential(size=(2, 3))
    worst = losses.max(-1) + rng.random((2, 3))
    robust, constants = kernel(losses, torch.tensor(alpha), torch.tensor(r), ordering, base, torch.tensor(worst))
    assert robust.shape == (2, 3) and constants.shape == losses.shape
    for place in np.ndindex(2, 3):
        options = {"base": base[place], "worst_loss": worst[place], "ordering": ordering}
        solution = hrw.solve(losses[place], alpha[place], r[place], **options)
        np.testing.assert_allclose(constants[place], solution.weights, atol=1e-9)
        assert robust[place] == pytest.approx(solution.robust_loss, rel=1e-9)


# ---- through the functions that users call
# ---------------------------------------------------------------------------


@pytest.fixture
def on_device(monkeypatch):
    """As if the CPU were a device with Triton; how often the kernel was launched."""
    launches = []

    def solve(*arguments):
        launches.append(arguments)
        return _torch_triton_solve(*arguments)

    _torch_triton_solve = _torch_triton.solve
    monkeypatch.setattr(_torch_tensor, "has_kernel", lambda losses: True)
    monkeypatch.setattr(_torch_triton, "solve", solve)
    return launches


def test_the_tensor_back_end_launches_it(on_device):
    losses = torch.tensor([0.5, 3.0, 1.0, 2.0], dtype=torch.float64, requires_grad=True)
    loss = robust_loss(losses, 0.1, 0.2, backend="tensor")
    loss.backward()
    solution = hrw.solve(losses.detach().numpy(), 0.1, 0.2)
    assert loss.item() == pytest.approx(solution.robust_loss) and len(on_device) == 1
    np.testing.assert_allclose(losses.grad.numpy(), solution.weights, atol=1e-12)
    r = torch.tensor(0.2)
    np.testing.assert_allclose(weights(losses.detach(), 0.1, r, backend="tensor").numpy(), solution.weights, atol=1e-8)
    robust_loss(losses, 0.1, 0.2)
    assert len(on_device) == 2  # the exact back end launches nothing


def test_vmap_is_one_launch(on_device):
    losses = torch.rand(4, 9, dtype=torch.float64)
    rows = torch.func.vmap(lambda x: weights(x, 0.1, 0.2, base=torch.ones(9), backend="tensor"))(losses)
    np.testing.assert_allclose(rows.numpy(), hrw.solve_batch(losses.numpy(), 0.1, 0.2).weights, atol=1e-12)
    assert len(on_device) == 1


def test_where_it_cannot_be_compiled_operations_take_over(on_device, monkeypatch):
    def solve(*arguments):
        raise RuntimeError("Failed to find C compiler")

    monkeypatch.setattr(_torch_triton, "solve", solve)
    monkeypatch.setattr(_torch_tensor, "_kernel_fails", [])
    losses = torch.rand(9, dtype=torch.float64)
    with pytest.warns(UserWarning, match="Failed to find C compiler"):
        constants = weights(losses, 0.1, 0.2, backend="tensor")
    np.testing.assert_allclose(constants.numpy(), hrw.weights(losses.numpy(), 0.1, 0.2), atol=1e-12)
    monkeypatch.undo()
    assert not _torch_tensor._kernel_fails


def test_no_rows_and_strided_ones():
    assert kernel(np.empty((0, 5)))[1].shape == (0, 5)
    losses = torch.rand(7, 3, dtype=torch.float64).T
    constants = _torch_triton.solve(losses, torch.rand(7, 1).T.double(), 0.1, 0.2, None, "HD")[1]
    assert constants.shape == (3, 7) and np.allclose(constants.sum(-1), 1)
