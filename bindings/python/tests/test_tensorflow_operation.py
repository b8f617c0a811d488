"""TensorFlow's operation that calls the library: which programs have it, batches, changing budgets, errors, saving."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
tf = pytest.importorskip("tensorflow")

import hr_weights as hrw  # noqa: E402
from hr_weights import _operation_tensorflow as operation  # noqa: E402
from hr_weights.tensorflow import robust_loss, weights  # noqa: E402


def sample(*shape, seed=0):
    return np.random.default_rng(seed).exponential(size=shape).astype(np.float32)


def kinds(function, *arguments):
    """The types of the operations in the graph of a function, and of what it calls."""
    graph = function.get_concrete_function(*arguments).graph.as_graph_def()
    nodes = list(graph.node) + [node for inner in graph.library.function for node in inner.node_def]
    return {node.op for node in nodes}


def test_a_graph_has_the_operation_unless_xla_compiles_it():
    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = robust_loss(x, 0.05, 0.1)
        return value, tape.gradient(value, x)

    losses = tf.constant(sample(64))
    inner = tf.function(step)
    plain, compiled = tf.function(step), tf.function(step, jit_compile=True)
    around = tf.function(lambda x: inner(x), jit_compile=True)
    for function, has_it in [(plain, True), (compiled, False), (around, False)]:
        found = kinds(function, losses)
        assert (operation.NAME in found) is has_it and not any("PyFunc" in kind for kind in found)
    solution = hrw.solve(losses.numpy(), 0.05, 0.1)
    for function in (plain, around):
        value, gradient = function(losses)
        assert float(value) == pytest.approx(solution.robust_loss, rel=1e-6)
        np.testing.assert_allclose(gradient, solution.weights, rtol=0, atol=1e-6)
    with pytest.raises(tf.errors.InvalidArgumentError, match=operation.NAME):
        tf.function(lambda x: robust_loss(x, 0.05, 0.1, backend="operation"), jit_compile=True)(losses)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("ordering", ["HD", "HR"])
@pytest.mark.parametrize("worst_loss", [None, 9.5])
def test_leading_dimensions_are_a_batch(dtype, ordering, worst_loss):
    losses, base = sample(2, 3, 40).astype(dtype), sample(2, 3, 40, seed=1).astype(dtype)
    given = [] if worst_loss is None else [worst_loss]
    r = np.array([[0.1, 0.2, 0.3], [0.4, 0.0, np.inf]])
    with tf.GradientTape() as tape:
        x = tf.constant(losses)
        tape.watch(x)
        found, on_worst, values = operation.OPERATION(x, 0.05, r, [base], given, ordering=ordering)
        total = tf.reduce_sum(values * tf.range(1, 4, dtype=values.dtype))
    slopes = tape.gradient(total, x).numpy()
    tolerance = 1e-6 if dtype == np.float32 else 1e-14
    for place in np.ndindex(2, 3):
        solution = hrw.solve(losses[place], 0.05, r[place], ordering=ordering, base=base[place], worst_loss=worst_loss)
        np.testing.assert_allclose(found.numpy()[place], solution.weights, rtol=0, atol=tolerance)
        np.testing.assert_allclose(slopes[place], (place[1] + 1) * solution.weights, rtol=0, atol=4 * tolerance)
        assert values.numpy()[place] == pytest.approx(solution.robust_loss, rel=tolerance)
        assert on_worst.numpy()[place] == pytest.approx(solution.worst_weight, abs=tolerance)


def test_vectorized_map_is_one_call():
    losses, base, alpha = sample(5, 30), sample(30, seed=1), np.linspace(0.0, 0.3, 5)

    @tf.function
    def rows(x, alpha):
        def one(row):
            return weights(row[0], row[1], 0.1, base=base), robust_loss(row[0], row[1], 0.1, worst_loss=20.0, ordering="HR")

        return tf.vectorized_map(one, (x, alpha))

    assert not any("While" in kind for kind in kinds(rows, losses, alpha))
    found, values = rows(losses, alpha)
    for row in range(5):
        np.testing.assert_allclose(found[row], hrw.weights(losses[row], alpha[row], 0.1, base=base), rtol=0, atol=1e-6)
        solution = hrw.solve(losses[row], alpha[row], 0.1, ordering="HR", worst_loss=20.0)
        assert float(values[row]) == pytest.approx(solution.robust_loss, rel=1e-6)


def test_shapes_are_known_as_far_as_they_can_be():
    @tf.function(input_signature=[tf.TensorSpec(None)])
    def unknown(x):
        assert weights(x, 0.1, 0.2).shape.as_list() == [None] and robust_loss(x, 0.1, 0.2).shape == ()
        return robust_loss(x, 0.1, 0.2)

    assert float(unknown(sample(7))) == pytest.approx(hrw.solve(sample(7), 0.1, 0.2).robust_loss, rel=1e-6)
    with pytest.raises(tf.errors.InvalidArgumentError, match="shape"):
        unknown(sample(2, 7))

    @tf.function(input_signature=[tf.TensorSpec([3, None, 7])])
    def batch(x):
        found, on_worst, value = operation.OPERATION(x, 0.1, 0.2, [], [], ordering="HD")
        assert found.shape.as_list() == [3, None, 7]
        assert on_worst.shape.as_list() == value.shape.as_list() == [3, None]
        return value

    assert batch(sample(3, 2, 7)).shape == (3, 2) and batch(sample(3, 0, 7)).shape == (3, 0)
    with pytest.raises(ValueError, match="rank"):
        tf.function(lambda x: operation.OPERATION(x, 0.1, 0.2, [], [], ordering="HD"))(tf.constant(1.0))


def test_budgets_change_without_another_trace():
    alpha, r, worst = tf.Variable(0.1), tf.Variable(0.2, dtype=tf.float64), tf.Variable(8.0)
    traces = []

    @tf.function
    def step(x, factor):
        traces.append(x)
        return robust_loss(x, alpha * factor, r, worst_loss=worst)

    losses = sample(50)
    for new_alpha, new_r, new_worst in [(0.1, 0.2, 8.0), (0.25, 0.0, 9.0), (0.0, np.inf, 10.0)]:
        alpha.assign(new_alpha), r.assign(new_r), worst.assign(new_worst)
        expected = hrw.solve(losses, float(np.float32(new_alpha)), new_r, worst_loss=new_worst).robust_loss
        assert float(step(losses, tf.constant(1.0))) == pytest.approx(expected, rel=1e-6)
    assert len(traces) == 1


def test_the_weights_are_constants_for_second_derivatives():
    x = tf.constant(sample(20))
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            value = robust_loss(x * x, 0.05, 0.1)
        first = inner.gradient(value, x)
    constants = hrw.weights((x * x).numpy(), 0.05, 0.1)
    np.testing.assert_allclose(first, 2 * constants * x, atol=1e-6)
    np.testing.assert_allclose(outer.gradient(first, x), 2 * constants, atol=1e-6)


BAD = [
    ("losses[1] is nan: ", {"losses": [1, np.nan, np.inf]}),
    ("alpha must be a number in [0, 1], not 1.5", {"alpha": 1.5}),
    ("alpha must be a number in [0, 1], not nan", {"alpha": np.nan}),
    ("r must be a number of at least 0 (infinity is allowed), not -1.0", {"r": -1.0}),
    ("worst_loss must be finite, not inf", {"worst_loss": np.inf}),
    ("worst_loss = 2.5, the largest loss is 3.0", {"worst_loss": 2.5}),
    ("base[2] is -1.0: ", {"base": [1, 1, -1]}),
    ("all base weights are zero", {"base": [0, 0, 0]}),
    ("base has shape [2], but losses has shape [3]", {"base": [1, 1]}),
    ("losses is empty", {"losses": [], "base": []}),
]


@pytest.mark.parametrize("message, bad", BAD, ids=[message[:30] for message, _ in BAD])
def test_what_a_graph_refuses_is_named(message, bad):
    names = ["losses", "alpha", "r", "worst_loss", "base"]
    numbers = {"losses": [1, 2, 3], "alpha": 0.1, "r": 0.1, "worst_loss": 9.0, "base": [1, 1, 1], **bad}
    arguments = [tf.constant(numbers[name], tf.float32) for name in names]

    @tf.function(input_signature=[tf.TensorSpec([None] if argument.shape.rank else []) for argument in arguments])
    def step(losses, alpha, r, worst_loss, base):
        return robust_loss(losses, alpha, r, worst_loss=worst_loss, base=base)

    with pytest.raises(tf.errors.InvalidArgumentError, match=re.escape(message)):
        step(*arguments)
    if "shape" not in message and "empty" not in message:
        arguments = dict(zip(names, arguments))
        with pytest.raises(ValueError, match="losses|alpha|r must|worst_loss|base"):
            robust_loss(arguments.pop("losses"), **arguments)


def test_an_eager_mistake_is_a_value_error_and_what_a_graph_raises():
    for kind in (ValueError, tf.errors.InvalidArgumentError):
        with pytest.raises(kind) as caught:
            robust_loss(tf.constant([1.0, np.inf]), 0.1)
    message = str(caught.value)
    assert message == "losses[1] is inf: loss 1 is NaN or infinite, and its base weight is not zero"


def test_where_it_cannot_be_had_numpy_function_takes_its_place(monkeypatch):
    monkeypatch.setattr(operation, "OPERATION", None)
    losses = sample(20)
    step = tf.function(lambda x: robust_loss(x, 0.05, 0.1))
    assert any("PyFunc" in kind for kind in kinds(step, losses))
    assert float(step(losses)) == pytest.approx(hrw.solve(losses, 0.05, 0.1).robust_loss, rel=1e-6)
    with pytest.raises(ValueError, match="backend must be 'auto', 'exact' or 'tensor'"):
        robust_loss(losses, backend="operation")


def test_the_operation_is_registered_once():
    """A second registration would end the process."""
    assert importlib.reload(operation).OPERATION is not None
    value = robust_loss(tf.constant([1.0, 2.0]), 0.5)
    assert float(value) == 2.0


SERVED = """
import sys
import tensorflow as tf
try:
    tf.saved_model.load(sys.argv[1])
except Exception as error:
    print("refused", "HrWeights" in str(error))
import hr_weights.tensorflow
model = tf.saved_model.load(sys.argv[1])
value, gradient = model.step(tf.constant([1.0, 2.0, 3.0, 4.0]))
print(float(value), *gradient.numpy().tolist())
model.alpha.assign(0.5)
print(float(model.step(tf.constant([1.0, 2.0, 3.0, 4.0]))[0]))
"""


def test_a_saved_model_is_served_by_another_process(tmp_path):
    class Model(tf.Module):
        def __init__(self):
            super().__init__()
            self.alpha = tf.Variable(0.25)

        @tf.function(input_signature=[tf.TensorSpec([None])])
        def step(self, losses):
            with tf.GradientTape() as tape:
                tape.watch(losses)
                value = robust_loss(losses, self.alpha, 0.1, ordering="HR")
            return value, tape.gradient(value, losses)

    tf.saved_model.save(Model(), str(tmp_path / "model"))
    command = [sys.executable, "-c", SERVED, str(tmp_path / "model")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert result.returncode == 0, result.stderr[-2000:]
    refused, answer, changed = result.stdout.splitlines()[-3:]
    assert refused == "refused True"
    solution = hrw.solve(np.float32([1, 2, 3, 4]), 0.25, 0.1, ordering="HR")
    np.testing.assert_allclose([float(x) for x in answer.split()], [solution.robust_loss, *solution.weights], rtol=1e-6)
    expected = hrw.solve(np.float32([1, 2, 3, 4]), 0.5, 0.1, ordering="HR").robust_loss
    assert float(changed) == pytest.approx(expected, rel=1e-6)
