"""One problem over the devices of a mesh: jax.shard_map over four devices of the host."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

jax = pytest.importorskip("jax")
if not hasattr(jax, "shard_map"):
    pytest.skip("jax.shard_map came with JAX 0.6", allow_module_level=True)

import distributed_page  # noqa: E402
import jax.numpy as jnp  # noqa: E402
from jax.sharding import Mesh, NamedSharding, PartitionSpec  # noqa: E402

import hr_weights as hrw  # noqa: E402
from hr_weights.jax import robust_loss, weights  # noqa: E402

DEVICES = 4
P = PartitionSpec


@pytest.fixture
def mesh():
    if len(jax.devices()) < DEVICES:
        pytest.skip("needs four devices: see test_on_four_devices")
    return Mesh(np.array(jax.devices()[:DEVICES]), ("shards",))


# Of 400 losses all are gathered; of so many they are not.
MANY = 20_000


def problem(n=400, dtype=np.float64):
    random = np.random.default_rng(2)
    losses = random.exponential(size=n).astype(dtype)
    losses[::9] = losses[3]
    return losses, random.integers(0, 4, n).astype(dtype)


def sharded(function, mesh, **options):
    return jax.jit(jax.shard_map(function, mesh=mesh, in_specs=P("shards"), out_specs=P("shards"), **options))


@pytest.mark.parametrize("ordering", ["HD", "HR"])
@pytest.mark.parametrize(
    "dtype, x64, tolerance", [("float64", True, 1e-13), ("float32", True, 1e-8), ("float32", False, 1e-8)]
)
@pytest.mark.parametrize("with_base, worst_loss", [(False, None), (True, None), (False, 30.0)])
@pytest.mark.parametrize("n", [400, MANY])
def test_weights_are_those_of_one_device(mesh, n, ordering, dtype, x64, tolerance, with_base, worst_loss):
    losses, base = problem(n, dtype)
    options = {"alpha": 0.05, "r": 0.1, "ordering": ordering, "worst_loss": worst_loss}
    whole = hrw.solve(losses, base=base if with_base else None, **options)

    def parts(losses, base):
        chosen = base if with_base else None
        loss = robust_loss(losses, base=chosen, axis_name="shards", **options)
        return weights(losses, base=chosen, axis_name="shards", **options), loss

    jax.config.update("jax_enable_x64", x64)
    try:
        solve = jax.shard_map(parts, mesh=mesh, in_specs=P("shards"), out_specs=(P("shards"), P()))
        result, loss = jax.jit(solve)(jnp.asarray(losses), jnp.asarray(base))
        assert result.dtype == loss.dtype == dtype
        # The rounded doubles, to the last bit but one, whether JAX has doubles or not.
        np.testing.assert_allclose(result, whole.weights, rtol=2e-7 if dtype == "float32" else 0, atol=tolerance)
        assert float(loss) == pytest.approx(whole.robust_loss, rel=1e-7 if dtype == "float32" else 1e-13)
    finally:
        jax.config.update("jax_enable_x64", False)


@pytest.mark.parametrize("n", [400, MANY])
def test_the_gradient_in_the_losses_is_the_weights(mesh, n):
    losses, _ = problem(n, np.float32)
    whole = hrw.weights(losses, alpha=0.05, r=0.1)

    def loss(losses):
        return robust_loss(losses, alpha=0.05, r=0.1, axis_name="shards")

    outside = jax.grad(jax.shard_map(loss, mesh=mesh, in_specs=P("shards"), out_specs=P()))
    inside = jax.shard_map(jax.grad(loss), mesh=mesh, in_specs=P("shards"), out_specs=P("shards"))
    # Rounds of messages that are not compiled as one take seconds.
    for gradient in (jax.jit(outside), jax.jit(inside), *((outside, inside) if n < MANY else ())):
        np.testing.assert_allclose(gradient(losses), whole, rtol=2e-7, atol=1e-8)


def per_sample(parameters, images, labels):
    logarithms = jax.nn.log_softmax(jnp.tanh(images @ parameters["in"]) @ parameters["out"])
    return -jnp.take_along_axis(logarithms, labels[:, None], axis=1)[:, 0]


def test_training_on_a_mesh_is_training_alone_step_by_step(mesh):
    random = np.random.default_rng(7)
    shapes = {"in": (6, 16), "out": (16, 3)}
    parameters = {name: jnp.asarray(random.normal(size=shape) / 3, jnp.float32) for name, shape in shapes.items()}
    batches = [(random.normal(size=(64, 6)).astype(np.float32), random.integers(0, 3, 64)) for _ in range(6)]

    def alone(parameters, images, labels):
        return robust_loss(per_sample(parameters, images, labels), alpha=0.1, r=0.3)

    def own(parameters, images, labels):
        return robust_loss(per_sample(parameters, images, labels), alpha=0.1, r=0.3, axis_name="shards")

    specs = (P(), P("shards"), P("shards"))
    step = jax.jit(jax.value_and_grad(alone))
    steps = [
        # The gradient of the parameters inside of shard_map is summed over the shards by JAX; and from outside.
        jax.jit(jax.shard_map(jax.value_and_grad(own), mesh=mesh, in_specs=specs, out_specs=(P(), P()))),
        jax.jit(jax.value_and_grad(jax.shard_map(own, mesh=mesh, in_specs=specs, out_specs=P()))),
    ]
    for together in steps:
        one, many = parameters, parameters
        for images, labels in batches:
            loss, gradient = step(one, images, labels)
            spread = [jax.device_put(x, NamedSharding(mesh, P("shards"))) for x in (images, labels)]
            same, gradients = together(many, *spread)
            assert float(same) == pytest.approx(float(loss), rel=1e-5)
            jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=0, atol=2e-6), gradient, gradients)
            one, many = (jax.tree.map(lambda x, y: x - 0.5 * y, x, y) for x, y in ((one, gradient), (many, gradients)))


@pytest.mark.parametrize("n", [400, MANY])
def test_a_bad_loss_ends_all(mesh, n):
    losses, _ = problem(n, np.float32)
    losses[350] = np.nan
    solve = sharded(lambda losses: weights(losses, r=0.1, axis_name="shards"), mesh)
    with pytest.raises((ValueError, jax.errors.JaxRuntimeError), match="loss"):
        jax.block_until_ready(solve(losses))
    # And the devices go on.
    losses[350] = 1.0
    np.testing.assert_allclose(solve(losses), hrw.weights(losses, r=0.1), rtol=2e-7, atol=1e-8)


def collectives(function, *arguments):
    """How many of each the program has."""
    text = str(jax.make_jaxpr(function)(*arguments))
    return {name: text.count(f" {name}[") for name in ("all_gather", "psum", "psum_invariant", "pmax")}


@pytest.mark.parametrize("with_base", [False, True])
def test_few_losses_are_gathered_once(mesh, with_base):
    def own(losses, base):
        return weights(losses, 0.05, 0.1, base=base if with_base else None, axis_name="shards")

    def solve(losses, base):
        return jax.shard_map(own, mesh=mesh, in_specs=P("shards"), out_specs=P("shards"))(losses, base)

    # 32 KiB, base weights included, and a little more.
    most = 8192 // (2 if with_base else 1)
    for n, few in ((400, True), (most, True), (most + DEVICES, False)):
        counts = collectives(solve, *problem(n, np.float32))
        assert sum(counts.values()) == counts["all_gather"] == 1
        assert ("while[" in str(jax.make_jaxpr(solve)(*problem(n, np.float32)))) != few


@pytest.mark.parametrize("n", [400, MANY])
def test_two_axes_and_traced_budgets(mesh, n):
    losses, base = problem(n, np.float32)
    mesh = Mesh(np.array(jax.devices()[:DEVICES]).reshape(2, 2), ("rows", "columns"))
    axes = ("rows", "columns")

    @jax.jit
    def solve(losses, base, alpha, r):
        def own(losses, base, alpha, r):
            options = {"base": base, "worst_loss": 2 * alpha + 30, "axis_name": axes}
            return weights(losses, alpha, r, **options), robust_loss(losses, alpha, r, **options)

        return jax.shard_map(own, mesh=mesh, in_specs=(P(axes), P(axes), P(), P()), out_specs=(P(axes), P()))(
            losses, base, alpha, r
        )

    for alpha, r in ((0.0, 0.25), (0.125, np.inf), (0.125, 0.25)):
        whole = hrw.solve(losses, alpha, r, base=base, worst_loss=2 * alpha + 30)
        result, loss = solve(losses, base, jnp.float32(alpha), jnp.float32(r))
        np.testing.assert_allclose(result, whole.weights, rtol=2e-7, atol=1e-8)
        assert float(loss) == pytest.approx(whole.robust_loss, rel=1e-7)


@pytest.mark.parametrize("n", [400, MANY])
def test_budgets_that_differ_between_shards_are_refused(mesh, n):
    losses, _ = problem(n, np.float32)

    def own(losses, r):
        return weights(losses, 0.05, r[0], axis_name="shards")

    solve = jax.jit(jax.shard_map(own, mesh=mesh, in_specs=P("shards"), out_specs=P("shards")))
    same = solve(losses, jnp.full(DEVICES, 0.25, jnp.float32))
    np.testing.assert_allclose(same, hrw.weights(losses, 0.05, 0.25), rtol=2e-7, atol=1e-8)
    with pytest.raises((ValueError, jax.errors.JaxRuntimeError), match="r must"):
        jax.block_until_ready(solve(losses, jnp.asarray([0.25, 0.25, 0.5, 0.25], jnp.float32)))


@pytest.mark.parametrize("backend", ["auto", "tensor"])
@pytest.mark.parametrize("kind", ["Auto", "Explicit"])
def test_spread_losses_need_no_shard_map(mesh, backend, kind):
    """Their sharding is enough, with axes of either type: whatever the mesh, every device has the whole problem."""
    losses, base = problem(dtype=np.float32)
    kinds = (getattr(jax.sharding.AxisType, kind),)
    mesh = jax.make_mesh((DEVICES,), ("shards",), axis_types=kinds, devices=jax.devices()[:DEVICES])
    whole = hrw.solve(losses, 0.05, 0.1, base=base)

    def loss(losses, base):
        return robust_loss(losses, 0.05, 0.1, base=base, backend=backend)

    with jax.set_mesh(mesh):
        spread = [jax.device_put(x, NamedSharding(mesh, P("shards"))) for x in (losses, base)]
        for function in (jax.value_and_grad(loss), jax.jit(jax.value_and_grad(loss))):
            value, gradient = function(*spread)
            assert float(value) == pytest.approx(whole.robust_loss, rel=1e-5)
            np.testing.assert_allclose(gradient, whole.weights, rtol=0, atol=1e-5)
            assert gradient.sharding.is_equivalent_to(spread[0].sharding, 1) or kind == "Auto"
        np.testing.assert_allclose(
            weights(spread[0], 0.05, 0.1, base=spread[1], backend=backend), whole.weights, atol=1e-5
        )


@pytest.mark.parametrize("backend", ["auto", "tensor"])
@pytest.mark.parametrize("ordering", ["HD", "HR"])
def test_problems_may_be_spread_and_share_their_base_weights(mesh, backend, ordering):
    """Each device has a row of the batch, and its alpha. JAX's own stack refuses what has no batch beside what has."""
    losses, base = problem(dtype=np.float32)
    mesh = jax.make_mesh((DEVICES,), ("rows",), devices=jax.devices()[:DEVICES])
    alphas = np.linspace(0.05, 0.2, DEVICES, dtype=np.float32)
    whole = [hrw.solve(losses, float(a), 0.1, base=base, worst_loss=99.0, ordering=ordering) for a in alphas]

    def loss(losses, alpha):
        return robust_loss(losses, alpha, 0.1, base=base, worst_loss=99.0, ordering=ordering, backend=backend)

    with jax.set_mesh(mesh):
        rows = [jax.device_put(x, NamedSharding(mesh, P("rows"))) for x in (np.stack([losses] * DEVICES), alphas)]
        value, gradient = jax.jit(jax.vmap(jax.value_and_grad(loss)))(*rows)
    np.testing.assert_allclose(value, [solution.robust_loss for solution in whole], rtol=1e-5)
    np.testing.assert_allclose(gradient, np.stack([solution.weights for solution in whole]), atol=1e-5)


def test_arguments(mesh):
    losses, _ = problem(dtype=np.float32)
    with pytest.raises(ValueError, match="backend"):
        sharded(lambda losses: weights(losses, axis_name="shards", backend="tensor"), mesh)(losses)


def test_the_page(mesh):
    slope = distributed_page.run("jax")["slope"]
    assert slope.shape == (8,) and float(slope[0]) == pytest.approx(14.0)


@pytest.mark.skipif("HRW_FOUR_DEVICES" in os.environ, reason="these are they")
def test_on_four_devices():
    """The number of devices is fixed when JAX starts, so these tests run in a process of their own."""
    flags = os.environ.get("XLA_FLAGS", "") + f" --xla_force_host_platform_device_count={DEVICES}"
    environment = dict(os.environ, XLA_FLAGS=flags, HRW_FOUR_DEVICES="1", JAX_PLATFORMS="cpu")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900)
    assert result.returncode == 0 and "skipped" not in result.stdout.splitlines()[-1].replace("1 skipped", ""), (
        result.stdout + result.stderr
    )
