"""TensorFlow: eager, in graphs and under XLA. Keras is in test_tensorflow_keras.py."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
tf = pytest.importorskip("tensorflow")

import table  # noqa: E402

import hr_weights as hrw  # noqa: E402
from hr_weights import _operation_tensorflow as operation  # noqa: E402
from hr_weights import tensorflow as module  # noqa: E402
from hr_weights.tensorflow import robust_loss, weights  # noqa: E402

# "callback" is "exact" where TensorFlow does not take the operation.
BACKENDS = ["operation", "callback", "tensor"]
MODES = [(backend, mode) for backend in BACKENDS for mode in ("eager", "graph")]
BOTH = {"worst_loss": 9.5, "base": np.arange(64)}


@pytest.fixture
def backend(request, monkeypatch):
    if request.param == "callback":
        monkeypatch.setattr(operation, "OPERATION", None)
        return "exact"
    return request.param


def sample(n=64, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).exponential(size=n).astype(dtype)


def value_and_gradient(losses, mode="eager", **options):
    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = robust_loss(x, **options)
        return value, tape.gradient(value, x)

    if mode != "eager":
        step = tf.function(step, jit_compile=mode == "xla")
    return step(tf.convert_to_tensor(losses))


@pytest.mark.parametrize("backend", BACKENDS, indirect=True)
def test_the_gradient_is_the_weights_of_the_table(backend):
    rows = table.rows()
    if not rows:
        pytest.skip("the table is in the repository, not in the source distribution")
    if backend == "tensor":
        # It flushes subnormal numbers to zero; the largest doubles need them.
        rows = [row for row in rows if "denormal" not in row.case and "huge" not in row.case]
    for row in rows[:: {"operation": 2, "exact": 10, "tensor": 20}[backend]]:
        value, gradient = value_and_gradient(backend=backend, **row.arguments)
        assert float(value) == pytest.approx(row.robust_loss, rel=1e-9, abs=1e3 * row.tolerance), row.case
        gradient, exact = gradient.numpy(), row.weights
        if row.shared is not None:
            gradient, exact = gradient[~row.shared], exact[~row.shared]
        np.testing.assert_allclose(gradient, exact, rtol=0, atol=1e-11, err_msg=row.case)


@pytest.mark.parametrize("backend, mode", MODES, indirect=["backend"])
@pytest.mark.parametrize("ordering", ["HD", "HR"])
@pytest.mark.parametrize("options", [{}, {"worst_loss": 9.5}, {"base": np.arange(64)}], ids=["plain", "worst", "base"])
def test_value_and_gradient(backend, mode, ordering, options):
    check_value_and_gradient(backend, mode, ordering, options)


# XLA takes seconds to compile each.
@pytest.mark.parametrize("ordering", ["HD", "HR"])
@pytest.mark.parametrize("options", [{}, BOTH], ids=["plain", "worst and base"])
def test_value_and_gradient_under_xla(ordering, options):
    check_value_and_gradient("tensor", "xla", ordering, options)


def check_value_and_gradient(backend, mode, ordering, options):
    losses = sample()
    value, gradient = value_and_gradient(losses, mode, alpha=0.05, r=0.1, ordering=ordering, backend=backend, **options)
    solution = hrw.solve(losses, 0.05, 0.1, ordering=ordering, **options)
    assert value.shape == () and value.dtype == tf.float32
    assert float(value) == pytest.approx(solution.robust_loss, rel=1e-6)
    np.testing.assert_allclose(gradient, solution.weights, rtol=0, atol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS, indirect=True)
def test_static_shapes(backend):
    @tf.function(input_signature=[tf.TensorSpec([7], tf.float32)])
    def known(x):
        assert weights(x, 0.1, 0.2, backend=backend).shape == (7,)
        assert robust_loss(x, 0.1, 0.2, backend=backend).shape == ()
        return weights(x, 0.1, 0.2, backend=backend)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
    def unknown(x):
        assert weights(x, 0.1, 0.2, backend=backend).shape.as_list() == [None]
        return weights(x, 0.1, 0.2, backend=backend)

    np.testing.assert_allclose(known(sample(7)), hrw.weights(sample(7), 0.1, 0.2), atol=1e-6)
    for n in (3, 7):
        np.testing.assert_allclose(unknown(sample(n)), hrw.weights(sample(n), 0.1, 0.2), atol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS, indirect=True)
def test_budgets_may_be_variables(backend):
    alpha, r = tf.Variable(0.1), tf.Variable(0.0)
    step = tf.function(lambda x: weights(x, alpha, r, backend=backend))
    for new in (0.0, 0.3):
        r.assign(new)
        expected = hrw.weights(sample(), float(alpha), float(r))
        np.testing.assert_allclose(step(tf.constant(sample())), expected, atol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS, indirect=True)
def test_base_weights_in_a_list_keep_their_precision(backend):
    """TensorFlow takes the numbers of a list for single ones, unless it is told."""
    losses, base = sample(3, np.float64), [0.1, 0.7, 0.3]
    got = weights(tf.constant(losses), 0.05, 0.1, base=base, backend=backend)
    np.testing.assert_allclose(got, hrw.weights(losses, 0.05, 0.1, base=base), rtol=0, atol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS, indirect=True)
def test_half_precision_and_masks(backend):
    losses = tf.cast(sample(), tf.bfloat16)
    value, gradient = value_and_gradient(losses, alpha=0.05, r=0.1, backend=backend)
    solution = hrw.solve(tf.cast(losses, tf.float32).numpy(), 0.05, 0.1)
    assert value.dtype == tf.float32 and gradient.dtype == tf.bfloat16
    assert float(value) == pytest.approx(solution.robust_loss, rel=1e-6)
    np.testing.assert_allclose(tf.cast(gradient, tf.float32), solution.weights, rtol=2**-7)
    masked, base = sample(8), np.ones(8)
    masked[3], base[3] = math.nan, 0
    value, gradient = value_and_gradient(masked, alpha=0.05, r=0.1, base=base, backend=backend)
    rest = np.arange(8) != 3
    solution = hrw.solve(masked[rest], 0.05, 0.1)
    assert float(value) == pytest.approx(solution.robust_loss, rel=1e-6) and gradient[3] == 0
    np.testing.assert_allclose(gradient.numpy()[rest], solution.weights, atol=1e-6)


GOOD = tf.ones(3)
BAD = [
    (
        "losses is a single number, but one per sample is needed: leave out the mean over the batch",
        tf.constant(1.0),
        {},
    ),
    ("losses has shape (3, 4), but one number per sample is needed", tf.ones((3, 4)), {}),
    ("losses is empty", tf.ones(0), {}),
    ("losses must be floating-point numbers, but their dtype is int32", tf.ones(3, tf.int32), {}),
    ("losses[1] is nan", tf.constant([1, math.nan, math.inf]), {}),
    ("alpha must be a number in [0, 1], not 1.5", GOOD, {"alpha": 1.5}),
    ("alpha must be a number in [0, 1], not 1.5", GOOD, {"alpha": tf.constant(1.5)}),
    ("r must be a number of at least 0 (infinity is allowed), not -1", GOOD, {"r": -1}),
    ("worst_loss = 0.5, the largest loss is 1.0", GOOD, {"worst_loss": 0.5}),
    ("base has shape (2,), but losses has shape (3,)", GOOD, {"base": tf.ones(2)}),
    ("losses must be a dense array of numbers, not None", None, {}),
    ("losses must be a dense array of numbers, not <tf.RaggedTensor", tf.ragged.constant([[1.0, 2.0], [3.0]]), {}),
    ("base must be real numbers, but their dtype is <dtype: 'complex64'>", GOOD, {"base": tf.complex(GOOD, GOOD)}),
    ("base must be real numbers, but their dtype is <dtype: 'string'>", GOOD, {"base": ["a", "b", "c"]}),
    ("base must be a dense array of numbers, not [1.0, None, 2.0]", GOOD, {"base": [1.0, None, 2.0]}),
    ("ordering must be 'HD' or 'HR', not 'hr'", GOOD, {"ordering": "hr"}),
    ("backend must be 'auto' or 'exact' or 'operation' or 'tensor', not 'xla'", GOOD, {"backend": "xla"}),
]


@pytest.mark.parametrize("message, losses, options", BAD, ids=[bad[0][:40] for bad in BAD])
def test_every_bad_input_has_its_own_message(message, losses, options):
    with pytest.raises(ValueError, match=re.escape(message)):
        robust_loss(losses, **options)


def test_in_a_graph_the_index_arrives_too():
    step = tf.function(lambda x: robust_loss(x, 0.1, 0.2))
    with pytest.raises(tf.errors.InvalidArgumentError, match=re.escape("losses[1] is nan")):
        step(tf.constant([1.0, math.nan, 3.0]))


# Eagerly, "tensor" is a graph too.
@pytest.mark.parametrize("backend, mode", [pair for pair in MODES if pair != ("tensor", "graph")], indirect=["backend"])
def test_clean_losses_pass_the_check_of_numerics(backend, mode, monkeypatch):
    """Nothing on the way is NaN or infinite: not what is absent, nor a bound that is none, nor an infinite r. TensorFlow
    has no such check for XLA, where the same operations run as in a graph.
    """
    # The graph that other tests have made has no checks in it.
    fresh = tf.function(module._by_operations.python_function, autograph=False, reduce_retracing=True)
    monkeypatch.setattr(module, "_by_operations", fresh)
    tf.debugging.enable_check_numerics()
    try:
        for ordering in ("HD", "HR"):
            for options in [{}, BOTH]:
                budgets = [(0.0, 0.0), (0.05, 0.1), (1.0, math.inf), (0.0, math.inf), (0.3, 0.0)]
                for alpha, r in budgets if mode == "eager" else budgets[1:3]:
                    value, gradient = value_and_gradient(
                        sample(), mode, alpha=alpha, r=r, ordering=ordering, backend=backend, **options
                    )
                    solution = hrw.solve(sample(), alpha, r, ordering=ordering, **options)
                    assert float(value) == pytest.approx(solution.robust_loss, rel=1e-6)
                    np.testing.assert_allclose(gradient, solution.weights, rtol=0, atol=1e-6)
    finally:
        tf.debugging.disable_check_numerics()


@pytest.mark.parametrize("backend", BACKENDS, indirect=True)
def test_a_worst_loss_that_is_nan_is_not_a_missing_one(backend):
    with pytest.raises(ValueError, match="worst_loss must be finite, not nan"):
        robust_loss(tf.ones(3), worst_loss=tf.constant(math.nan), backend=backend)
    if backend != "tensor":
        step = tf.function(lambda worst: robust_loss(tf.ones(3), worst_loss=worst, backend=backend))
        with pytest.raises(tf.errors.InvalidArgumentError, match="worst_loss must be finite, not nan"):
            step(tf.constant(math.nan))


STRICT = """
import numpy as np, tensorflow as tf
from hr_weights import _operation_tensorflow as operation
from hr_weights.tensorflow import robust_loss
import hr_weights as hrw

losses = np.random.default_rng(0).exponential(size=64).astype(np.float32)
kept = operation.OPERATION
for mode in {modes}:
    exec(mode)
    for backend in ("operation", "callback", "tensor"):
        operation.OPERATION = None if backend == "callback" else kept
        way = "exact" if backend == "callback" else backend
        for options in ({{}}, {{"worst_loss": np.float32(9.5), "base": tf.range(64)}}):
            step = tf.function(lambda x: robust_loss(x, np.float32(0.05), 0.1, backend=way, **options))
            plain = {{name: np.asarray(value) for name, value in options.items()}}
            expected = hrw.solve(losses, float(np.float32(0.05)), 0.1, **plain).robust_loss
            for value in (step(tf.constant(losses)), robust_loss(losses, np.float32(0.05), 0.1, backend=way, **options)):
                assert abs(float(value) - expected) < 1e-6 * expected, (mode, backend, options, float(value), expected)
"""
TYPES = 'tf.experimental.numpy.experimental_enable_numpy_behavior(dtype_conversion_mode="{}")'
DETERMINISTIC = "tf.config.experimental.enable_op_determinism(); tf.keras.utils.set_random_seed(1)"
EAGERLY = "tf.config.run_functions_eagerly(True)"


@pytest.mark.parametrize(
    "modes",
    [[TYPES.format("safe"), DETERMINISTIC], [TYPES.format("all"), EAGERLY]],
    ids=["safe types, then deterministic too", "all types, then eager functions too"],
)
def test_strict_modes(modes):
    """Each is for the whole process and cannot be taken back. Warnings are errors there."""
    code = STRICT.format(modes=modes)
    command = [sys.executable, "-X", "dev", "-W", "error:::hr_weights", "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert result.returncode == 0, result.stderr[-2000:]
