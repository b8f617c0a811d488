"""JAX: the library as a custom call of the compiled program, and array operations where there is no library."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys

import numpy as np
import pytest

# Two devices for shard_map; read when JAX starts.
os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=2"
os.environ.setdefault("JAX_PLATFORMS", "cpu")
jax = pytest.importorskip("jax")

import jax.numpy as jnp  # noqa: E402
import table  # noqa: E402
from jax import export  # noqa: E402

import hr_weights as hrw  # noqa: E402
from hr_weights.jax import robust_loss, weights  # noqa: E402

BACKENDS = ["auto", "tensor"]


@pytest.fixture(params=[False, True], ids=["float32", "x64"])
def x64(request):
    """Both of JAX's modes of precision."""
    jax.config.update("jax_enable_x64", request.param)
    yield request.param
    jax.config.update("jax_enable_x64", False)


def sample(n=64, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).exponential(size=n).astype(dtype)


def test_the_gradient_is_the_weights_of_the_table():
    rows = table.rows()
    if not rows:
        pytest.skip("the table is in the repository, not in the source distribution")
    jax.config.update("jax_enable_x64", True)
    try:
        for row in [row for i, row in enumerate(rows) if i % 5 == 0 or "denormal" in row.case or "huge" in row.case]:
            options = dict(row.arguments)
            losses = jnp.asarray(options.pop("losses"))
            value, gradient = jax.value_and_grad(robust_loss)(losses, **options)
            # XLA flushes subnormal products of weights and losses to zero; the weights do not suffer.
            flushed = losses.size * np.finfo(np.float64).tiny
            assert float(value) == pytest.approx(row.robust_loss, rel=1e-9, abs=1e3 * row.tolerance + flushed), row.case
            gradient, exact = np.asarray(gradient), row.weights
            if row.shared is not None:
                gradient, exact = gradient[~row.shared], exact[~row.shared]
            np.testing.assert_allclose(gradient, exact, rtol=0, atol=1e-12, err_msg=row.case)
    finally:
        jax.config.update("jax_enable_x64", False)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("ordering", ["HD", "HR"])
@pytest.mark.parametrize("options", [{}, {"worst_loss": 9.5}, {"base": np.arange(64)}], ids=["plain", "worst", "base"])
def test_value_and_gradient(x64, backend, ordering, options):
    losses = sample(dtype=np.float64 if x64 else np.float32)
    value, gradient = jax.value_and_grad(robust_loss)(
        jnp.asarray(losses), 0.05, 0.1, ordering=ordering, backend=backend, **options
    )
    solution = hrw.solve(losses, 0.05, 0.1, ordering=ordering, **options)
    assert value.shape == () and value.dtype == gradient.dtype == losses.dtype
    assert float(value) == pytest.approx(solution.robust_loss, rel=1e-9 if x64 else 1e-6)
    np.testing.assert_allclose(gradient, solution.weights, rtol=0, atol=1e-11 if x64 else 1e-6)


def test_a_python_budget_keeps_its_precision_among_float32_losses():
    """0.1 is no float32: with the rounded one the weight of the sample at the cut would differ."""
    losses, exact = sample(1000), hrw.weights(sample(1000), 0.1, 1e-7)
    np.testing.assert_allclose(weights(jnp.asarray(losses), 0.1, 1e-7), exact, rtol=3e-7, atol=1e-13)
    rounded = hrw.weights(losses, float(np.float32(0.1)), float(np.float32(1e-7)))
    assert np.abs(rounded - exact).max() > 1e-10


@pytest.mark.parametrize("backend", BACKENDS)
def test_jit_with_traced_budgets(backend):
    losses = sample()
    step = jax.jit(lambda x, a, r, w: weights(x, a, r, worst_loss=w, backend=backend))
    for alpha, r, worst in [(0.05, 0.1, 10.0), (0.3, 0.0, 11.0), (0.0, math.inf, 12.0)]:
        expected = hrw.weights(losses, float(np.float32(alpha)), float(np.float32(r)), worst_loss=worst)
        np.testing.assert_allclose(step(losses, alpha, r, worst), expected, atol=1e-6)
    assert step._cache_size() == 1


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("ordering", ["HD", "HR"])
def test_vmap_over_losses_and_budgets(backend, ordering):
    losses, alphas = sample(40).reshape(5, 8), np.linspace(0, 0.5, 5, dtype=np.float32)

    def one(x, a):
        return robust_loss(x, a, 0.2, ordering=ordering, backend=backend)

    gradients = jax.vmap(jax.grad(one))(losses, alphas)
    across = jax.vmap(jax.grad(one), in_axes=(1, None))(losses.T, 0.25)
    nested = jax.vmap(jax.vmap(one, (None, 0)), (0, None))(losses, alphas)
    for row in range(5):
        expected = hrw.solve(losses[row], float(alphas[row]), 0.2, ordering=ordering)
        np.testing.assert_allclose(gradients[row], expected.weights, atol=1e-6)
        np.testing.assert_allclose(across[row], hrw.weights(losses[row], 0.25, 0.2, ordering=ordering), atol=1e-6)
        assert float(nested[row, row]) == pytest.approx(expected.robust_loss, rel=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_scan(backend):
    losses = sample(40).reshape(5, 8)
    total, each = jax.lax.scan(
        lambda sum, x: (sum + robust_loss(x, 0.1, 0.2, backend=backend),) * 2, jnp.float32(0), losses
    )
    expected = [hrw.solve(row, 0.1, 0.2).robust_loss for row in losses]
    np.testing.assert_allclose(each, np.cumsum(expected), rtol=1e-6)
    assert float(total) == pytest.approx(sum(expected), rel=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_shard_map(backend):
    if not hasattr(jax, "shard_map"):
        pytest.skip("jax.shard_map came with JAX 0.6")
    mesh = jax.sharding.Mesh(np.array(jax.devices()), ("data",))
    assert mesh.size == 2
    spec = jax.sharding.PartitionSpec("data")
    losses = sample(32).reshape(2, 16)
    solve = jax.shard_map(
        lambda x: robust_loss(x[0], 0.1, 0.2, backend=backend)[None], mesh=mesh, in_specs=spec, out_specs=spec
    )
    expected = [hrw.solve(row, 0.1, 0.2) for row in losses]
    np.testing.assert_allclose(jax.jit(solve)(losses), [s.robust_loss for s in expected], rtol=1e-6)
    gradient = jax.jit(jax.grad(lambda x: solve(x).sum()))(losses)
    np.testing.assert_allclose(gradient, [s.weights for s in expected], atol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_forward_derivatives_and_the_chain_rule(backend):
    losses, direction = sample(seed=1), sample(seed=2)
    expected = hrw.weights(losses, 0.05, 0.1)
    _, slope = jax.jvp(lambda x: robust_loss(x, 0.05, 0.1, backend=backend), (losses,), (direction,))
    assert float(slope) == pytest.approx(float(expected @ direction), rel=1e-5)
    gradient = jax.grad(lambda x: robust_loss(x**2, 0.05, 0.1, backend=backend))(losses)
    np.testing.assert_allclose(gradient, 2 * losses * hrw.weights(losses**2, 0.05, 0.1), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_half_precision(backend, dtype):
    losses = jnp.asarray(sample(), dtype)
    value, gradient = jax.value_and_grad(robust_loss)(losses, 0.05, 0.1, backend=backend)
    solution = hrw.solve(np.asarray(losses, np.float32), 0.05, 0.1)
    assert value.dtype == jnp.float32 and gradient.dtype == dtype
    assert float(value) == pytest.approx(solution.robust_loss, rel=1e-6)
    np.testing.assert_allclose(np.asarray(gradient, np.float32), solution.weights, rtol=float(jnp.finfo(dtype).eps))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_mask_hides_a_loss_that_is_nan(backend):
    losses, base = sample(8), np.ones(8)
    losses[3], base[3] = math.nan, 0
    value, gradient = jax.value_and_grad(robust_loss)(losses, 0.1, 0.2, base=base, backend=backend)
    rest = np.arange(8) != 3
    solution = hrw.solve(losses[rest], 0.1, 0.2)
    assert float(value) == pytest.approx(solution.robust_loss, rel=1e-6) and gradient[3] == 0
    np.testing.assert_allclose(gradient[rest], solution.weights, atol=1e-6)


def test_on_the_cpu_the_library_is_called():
    program = jax.jit(lambda x: robust_loss(x, 0.05, 0.1)).lower(jnp.ones(4))
    assert "hr_weights_solve" in program.as_text()
    assert "hr_weights_solve" not in jax.jit(lambda x: robust_loss(x, backend="tensor")).lower(jnp.ones(4)).as_text()


@pytest.mark.parametrize("backend, ordering", [("auto", "HR"), ("tensor", "HD")])
def test_an_exported_program_takes_any_number_of_losses(backend, ordering):
    options = {"ordering": ordering, "worst_loss": 9.5}
    call = export.DisabledSafetyCheck.custom_call("hr_weights_solve")
    vectors = [jax.ShapeDtypeStruct(export.symbolic_shape("n"), jnp.float32)] * 2
    step = jax.jit(lambda x, base: jax.value_and_grad(robust_loss)(x, 0.05, 0.1, base=base, backend=backend, **options))
    program = export.export(step, disabled_checks=[call])(*vectors)
    for n in (1, 5, 200):
        losses, base = sample(n), sample(n, seed=1)
        value, gradient = program.call(losses, base)
        solution = hrw.solve(losses, 0.05, 0.1, base=base, **options)
        assert float(value) == pytest.approx(solution.robust_loss, rel=1e-5)
        np.testing.assert_allclose(gradient, solution.weights, atol=1e-6)


GOOD = np.ones(3, np.float32)
BAD = [
    ("losses is a single number, but one per sample is needed: leave out the mean over the batch", np.float32(1), {}),
    ("losses has shape (3, 4), but one number per sample is needed", np.ones((3, 4), np.float32), {}),
    ("losses is empty", np.ones(0, np.float32), {}),
    ("losses must be floating-point numbers, but their dtype is int32", np.ones(3, np.int32), {}),
    ("loss 1 is NaN or infinite", np.array([1, math.nan, math.inf], np.float32), {}),
    ("loss 2 is NaN or infinite", np.array([1, 2, math.inf], np.float32), {}),
    ("base weight 1 is negative", GOOD, {"base": np.array([1, -1, 1])}),
    ("base has shape (2,), but losses has shape (3,)", GOOD, {"base": np.ones(2)}),
    ("losses must be a dense array of numbers, not 'abc'", "abc", {}),
    ("losses must be a dense array of numbers, not [1.0, None]", [1.0, None], {}),
    ("base must be real numbers, but their dtype is complex128", GOOD, {"base": np.array([1, 1j, 1])}),
    ("base must be real numbers, but their dtype is datetime64", GOOD, {"base": np.array(["2026"] * 3, "M8[D]")}),
    ("base must be a dense array of numbers, not [1.0, None, 2.0]", GOOD, {"base": [1.0, None, 2.0]}),
    ("alpha must be a number in [0, 1], not 1.5", GOOD, {"alpha": 1.5}),
    ("alpha must be a number in [0, 1]", GOOD, {"alpha": jnp.float32(1.5)}),
    ("r must be a number of at least 0 (infinity is allowed), not -1", GOOD, {"r": -1}),
    ("worst_loss must be finite and at least as large as every loss", GOOD, {"worst_loss": 0.5}),
    ("ordering must be 'HD' or 'HR', not 'hr'", GOOD, {"ordering": "hr"}),
    ("backend must be 'auto' or 'tensor', not 'exact'", GOOD, {"backend": "exact"}),
]


@pytest.mark.parametrize("message, losses, options", BAD, ids=[bad[0][:40] for bad in BAD])
def test_every_bad_input_has_its_own_message(message, losses, options):
    with pytest.raises(ValueError, match=re.escape(message)):
        robust_loss(losses, **options)


def test_what_only_a_compiled_program_sees_is_an_error_of_jax():
    step = jax.jit(robust_loss)
    for losses, alpha, message in [([1.0, math.nan], 0.1, "loss 1 is NaN"), ([1.0, 2.0], 1.5, "alpha must be a number")]:
        # Which of the two it is, is decided by what JAX has run before.
        with pytest.raises((jax.errors.JaxRuntimeError, ValueError), match=message):
            jax.block_until_ready(step(jnp.array(losses), alpha))


def test_a_mistake_after_good_calls_has_the_same_message():
    """JAX runs a program that it knows in another way, with other errors."""
    good, bad = jnp.ones(2), jnp.array([1.0, math.nan])
    for function in (robust_loss, jax.grad(robust_loss)):
        for _ in range(4):
            function(good, 0.05, 0.1)
        with pytest.raises(ValueError, match=r"^losses\[1\] is nan"):
            function(bad, 0.05, 0.1)


STRICT = """
import jax, jax.numpy as jnp, numpy as np
import hr_weights as hrw
from hr_weights.jax import robust_loss, weights
losses = np.random.default_rng(0).exponential(size=64).astype(np.float32)
budgets = [(np.float32(0.05), np.float64(0.1)), (0.0, np.inf), (jnp.bfloat16(0.0625), jnp.int32(0))]
for backend in ("auto", "tensor"):
    for (alpha, r), options in zip(budgets, ({}, {"worst_loss": np.float32(9.5)}, {"base": np.arange(64)})):
        def step(x, alpha, r):
            return robust_loss(x, alpha, r, backend=backend, **options)
        expected = hrw.solve(losses, float(alpha), float(r), **options)
        for value, slope in (jax.value_and_grad(f)(losses, alpha, r) for f in (step, jax.jit(step))):
            assert abs(float(value) - expected.robust_loss) < 1e-5 * expected.robust_loss
            assert abs(np.asarray(slope) - expected.weights).max() < 1e-5
"""


@pytest.mark.parametrize(
    "flags",
    [
        {"JAX_DEBUG_NANS": "1", "JAX_NUMPY_RANK_PROMOTION": "raise", "JAX_NUMPY_DTYPE_PROMOTION": "strict"},
        {"JAX_DEBUG_INFS": "1"},
        {"JAX_ENABLE_CHECKS": "1", "JAX_CHECK_TRACER_LEAKS": "1"},
    ],
    ids="+".join,
)
def test_strict_modes(flags):
    """Each for a whole process, where warnings are errors. Budgets may be infinite, and what is absent is no number."""
    code = STRICT.replace(", np.inf)", ", 50.0)") if "JAX_DEBUG_INFS" in flags else STRICT
    command = [sys.executable, "-X", "dev", "-W", "error:::hr_weights", "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, timeout=240, env=dict(os.environ, **flags))
    assert result.returncode == 0, result.stderr[-2000:]


def test_a_bad_sample_of_a_batch_is_found():
    losses = np.ones((4, 3), np.float32)
    losses[2, 1] = math.nan
    with pytest.raises((ValueError, RuntimeError), match=r"loss 1 is NaN .*\(problem 2 of the batch\)"):
        jax.block_until_ready(jax.vmap(robust_loss)(losses))
