"""TensorFlow and Keras: eager, in graphs, under XLA, and inside model.fit."""

from __future__ import annotations

import math
import os
import re

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
tf = pytest.importorskip("tensorflow")

import table  # noqa: E402

import hr_weights as hrw  # noqa: E402
from hr_weights.tensorflow import HRLoss, HRModel, robust_loss, weights  # noqa: E402

BACKENDS = ["exact", "tensor"]
MODES = [("exact", "eager"), ("exact", "graph"), ("tensor", "eager"), ("tensor", "graph"), ("tensor", "xla")]


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


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_gradient_is_the_weights_of_the_table(backend):
    rows = table.rows()
    if not rows:
        pytest.skip("the table is in the repository, not in the source distribution")
    if backend == "tensor":
        # It flushes subnormal numbers to zero; the largest doubles need them.
        rows = [row for row in rows if "denormal" not in row.case and "huge" not in row.case]
    for row in rows[:: 2 if backend == "exact" else 20]:
        value, gradient = value_and_gradient(backend=backend, **row.arguments)
        assert float(value) == pytest.approx(row.robust_loss, rel=1e-9, abs=1e3 * row.tolerance), row.case
        gradient, exact = gradient.numpy(), row.weights
        if row.shared is not None:
            gradient, exact = gradient[~row.shared], exact[~row.shared]
        np.testing.assert_allclose(gradient, exact, rtol=0, atol=1e-11, err_msg=row.case)


@pytest.mark.parametrize("backend, mode", MODES)
@pytest.mark.parametrize("ordering", ["HD", "HR"])
@pytest.mark.parametrize("options", [{}, {"worst_loss": 9.5}, {"base": np.arange(64)}], ids=["plain", "worst", "base"])
def test_value_and_gradient(backend, mode, ordering, options):
    losses = sample()
    value, gradient = value_and_gradient(losses, mode, alpha=0.05, r=0.1, ordering=ordering, backend=backend, **options)
    solution = hrw.solve(losses, 0.05, 0.1, ordering=ordering, **options)
    assert value.shape == () and value.dtype == tf.float32
    assert float(value) == pytest.approx(solution.robust_loss, rel=1e-6)
    np.testing.assert_allclose(gradient, solution.weights, rtol=0, atol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
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


@pytest.mark.parametrize("backend", BACKENDS)
def test_budgets_may_be_variables(backend):
    alpha, r = tf.Variable(0.1), tf.Variable(0.0)
    step = tf.function(lambda x: weights(x, alpha, r, backend=backend))
    for new in (0.0, 0.3):
        r.assign(new)
        expected = hrw.weights(sample(), float(alpha), float(r))
        np.testing.assert_allclose(step(tf.constant(sample())), expected, atol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
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
    ("ordering must be 'HD' or 'HR', not 'hr'", GOOD, {"ordering": "hr"}),
    ("backend must be 'exact' or 'tensor', not 'xla'", GOOD, {"backend": "xla"}),
]


@pytest.mark.parametrize("message, losses, options", BAD, ids=[bad[0][:40] for bad in BAD])
def test_every_bad_input_has_its_own_message(message, losses, options):
    with pytest.raises(ValueError, match=re.escape(message)):
        robust_loss(losses, **options)


def test_in_a_graph_the_index_arrives_too():
    step = tf.function(lambda x: robust_loss(x, 0.1, 0.2))
    with pytest.raises(tf.errors.InvalidArgumentError, match=re.escape("losses[1] is nan")):
        step(tf.constant([1.0, math.nan, 3.0]))


# ---- Keras -----------------------------------------------------------------------------------------------------------


def data(n=96):
    rng = np.random.default_rng(0)
    images = rng.random((n, 6)).astype(np.float32)
    return images, (images.sum(1) > 3).astype(np.int64)


def network(seed=0):
    tf.keras.utils.set_random_seed(seed)
    layers = tf.keras.layers
    return tf.keras.Sequential(
        [layers.Input((6,)), layers.Dense(8, "tanh"), layers.BatchNormalization(), layers.Dense(2, "softmax")]
    )


@pytest.mark.parametrize(
    "loss_fn",
    ["sparse_categorical_crossentropy", tf.keras.losses.SparseCategoricalCrossentropy()],
    ids=["name", "object"],
)
def test_a_step_of_fit_is_a_step_down_the_weighted_losses(loss_fn):
    images, labels = data()
    base = np.random.default_rng(1).random(96).astype(np.float32)
    base[:5] = 0
    model, by_hand = network(), network()
    model.compile(tf.keras.optimizers.SGD(0.1), HRLoss(loss_fn, 0.1, 0.2, ordering="HR"))
    history = model.fit(images, labels, batch_size=96, epochs=1, shuffle=False, sample_weight=base, verbose=0)
    with tf.GradientTape() as tape:
        losses = tf.keras.losses.sparse_categorical_crossentropy(labels, by_hand(images, training=True))
        solution = hrw.solve(losses.numpy(), 0.1, 0.2, ordering="HR", base=base)
        loss = tf.reduce_sum(solution.weights * losses)
    gradients = tape.gradient(loss, by_hand.trainable_variables)
    tf.keras.optimizers.SGD(0.1).apply_gradients(zip(gradients, by_hand.trainable_variables))
    assert history.history["loss"][0] == pytest.approx(solution.robust_loss, rel=1e-5)
    for ours, theirs in zip(model.trainable_variables, by_hand.trainable_variables):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=1e-6)


@pytest.mark.parametrize("backend, compiled", [("tensor", True), ("tensor", False), ("exact", False)])
@pytest.mark.parametrize("attack, norm", [("pgd", "l2"), ("ffgsm", "linf")])
def test_fit_with_an_attack_learns(backend, compiled, attack, norm):
    images, labels = data()
    model = network()
    robust = HRModel(model, epsilon=0.02, norm=norm, attack=attack, steps=2)
    loss = HRLoss("sparse_categorical_crossentropy", 0.02, 0.05, backend=backend)
    robust.compile(tf.keras.optimizers.Adam(0.03), loss, metrics=["accuracy"], jit_compile=compiled)
    history = robust.fit(images, labels, epochs=12, verbose=0, validation_data=(images, labels)).history
    assert history["loss"][-1] < 0.8 * history["loss"][0]
    assert {"accuracy", "val_loss", "val_accuracy"} <= set(history)
    np.testing.assert_allclose(robust.predict(images[:3], verbose=0), model.predict(images[:3], verbose=0), rtol=1e-5)


def test_the_loss_is_saved_and_loaded():
    loss = HRLoss("sparse_categorical_crossentropy", 0.1, 0.2, ordering="HR", worst_loss=9.0)
    again = HRLoss.from_config(loss.get_config())
    images, labels = data(12)
    outputs = network()(images)
    assert float(again(labels, outputs)) == pytest.approx(float(loss(labels, outputs)))


def test_bad_keras_arguments_have_their_own_messages():
    with pytest.raises(ValueError, match=re.escape("alpha must be a number in [0, 1]")):
        HRLoss("mse", 1.5)
    with pytest.raises(ValueError, match="pass norm='linf'"):
        HRModel(network(), 0.1, attack="ffgsm")
    with pytest.raises(ValueError, match="norm must be 'l2' or 'linf'"):
        HRModel(network(), 0.1, norm="l1")
    images, labels = data(12)
    robust = HRModel(network(), 0.1)
    robust.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match=re.escape("compile it with loss=HRLoss(...)")):
        robust.fit(images, labels, verbose=0)
    with pytest.raises(ValueError, match="leave out the mean over the batch"):
        HRLoss(lambda y, p: tf.reduce_mean(p))(labels, network()(images))
