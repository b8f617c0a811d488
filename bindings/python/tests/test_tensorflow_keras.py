"""Keras on TensorFlow: training on attacked inputs, and what only a graph has. The loss itself: test_keras.py."""

from __future__ import annotations

import os
import re

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
tf = pytest.importorskip("tensorflow")

import keras  # noqa: E402
from keras_network import data, network  # noqa: E402

from hr_weights.tensorflow import HRLoss, HRModel  # noqa: E402


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "none"])
@pytest.mark.parametrize("worst_loss", [None, -3.3])
def test_an_empty_batch_of_a_graph_has_the_loss_that_keras_gives_it(reduction, worst_loss):
    """The last batch of a replica may be empty; a graph does not know."""
    rng = np.random.default_rng(3)
    targets, outputs = rng.random((12, 3)).astype(np.float32), rng.random((12, 3)).astype(np.float32)
    outputs[3], weight = np.nan, np.ones(12, np.float32)
    weight[4] = -1

    def step(loss, *batch):
        def value_and_gradient(y, p, w):
            with tf.GradientTape() as tape:
                tape.watch(p)
                value = loss(y, p, w)
            return value, tape.gradient(value, p)

        signature = [tf.TensorSpec([None, 3])] * 2 + [tf.TensorSpec([None])]
        return tf.function(value_and_gradient, input_signature=signature)(*batch)

    of_keras = keras.losses.MeanSquaredError(reduction=reduction)
    none = HRLoss("mse", worst_loss=worst_loss, reduction=reduction)
    some = HRLoss("mse", 0.1, 0.2, worst_loss=worst_loss, reduction=reduction)
    whole, empty = (targets, outputs, weight), (targets[:0], outputs[:0], weight[:0])
    for loss, batch in [(none, whole), (none, empty), (some, empty)]:
        for ours, theirs in zip(step(loss, *batch), step(of_keras, *batch)):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    "backend, compiled, attack, norm",
    [
        ("auto", True, "pgd", "l2"),
        ("auto", False, "ffgsm", "linf"),
    ],
)
def test_fit_with_an_attack_learns(backend, compiled, attack, norm):
    images, labels = data()
    model = network()
    robust = HRModel(model, epsilon=0.02, norm=norm, attack=attack, steps=2)
    loss = HRLoss("sparse_categorical_crossentropy", 0.02, 0.05, backend=backend)
    robust.compile(keras.optimizers.Adam(0.03), loss, metrics=["accuracy"], jit_compile=compiled)
    history = robust.fit(images, labels, epochs=12, verbose=0, validation_data=(images, labels)).history
    assert history["loss"][-1] < 0.8 * history["loss"][0]
    assert {"accuracy", "val_loss", "val_accuracy"} <= set(history)
    np.testing.assert_allclose(robust.predict(images[:3], verbose=0), model.predict(images[:3], verbose=0), rtol=1e-5)


def test_a_callback_changes_the_attack():
    images, labels = data(32)
    robust = HRModel(network(), steps=2)
    robust.compile(keras.optimizers.SGD(0.0), HRLoss("sparse_categorical_crossentropy"), jit_compile=False)
    stronger = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, _: setattr(robust, "epsilon", 0.4 * epoch))
    losses = robust.fit(images, labels, epochs=3, batch_size=32, verbose=0, callbacks=[stronger]).history["loss"]
    assert losses[0] < losses[1] < losses[2]
    with pytest.raises(ValueError, match="epsilon must be"):
        robust.epsilon = -1.0
    assert robust.epsilon == 0.8


@pytest.mark.parametrize("as_dict", [False, True], ids=["list", "dict"])
@pytest.mark.parametrize("epsilon, norm", [(0.0, "l2"), (0.3, "l2"), (0.1, "linf")])
def test_several_inputs(as_dict, epsilon, norm):
    images, labels = data(32)
    kinds = np.arange(32, dtype=np.int32).reshape(32, 1) % 5
    layers = keras.layers
    inputs = [layers.Input((6,), name="a"), layers.Input((2, 2), name="b"), layers.Input((1,), name="kind", dtype="int32")]
    flat = [inputs[0], layers.Flatten()(inputs[1]), layers.Flatten()(layers.Embedding(5, 2)(inputs[2]))]
    outputs = layers.Dense(2, "softmax")(layers.Concatenate()(flat))
    batch = [images, images[:, :4].reshape(-1, 2, 2), kinds]
    if as_dict:
        inputs, batch = (dict(zip(("a", "b", "kind"), each)) for each in (inputs, batch))
    robust = HRModel(keras.Model(inputs, outputs), epsilon, norm)
    robust.compile(keras.optimizers.SGD(0.1), HRLoss("sparse_categorical_crossentropy", 0.05, 0.1))
    history = robust.fit(batch, labels, batch_size=32, epochs=3, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    before = keras.tree.map_structure(tf.constant, batch)
    after = robust.attacked(before, tf.constant(labels))
    moved = [np.reshape(y - x, (32, -1)) for x, y in zip(keras.tree.flatten(before), keras.tree.flatten(after))]
    assert not moved[2].any()
    change = np.concatenate(moved[:2], axis=1)
    sizes = np.abs(change).max(1) if norm == "linf" else np.linalg.norm(change, axis=1)
    assert sizes.max() <= epsilon + 1e-6 and (epsilon == 0 or sizes.max() > 0.9 * epsilon)


def test_a_model_is_saved_checkpointed_and_loaded(tmp_path):
    images, labels = data(32)
    robust = HRModel(network(), 0.05, "linf", attack="ffgsm", normalization=([0.1] * 6, [0.9] * 6))
    robust.compile("adam", HRLoss("sparse_categorical_crossentropy", 0.02, 0.05))
    callbacks = [
        keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", monitor="loss", save_best_only=True),
        keras.callbacks.ModelCheckpoint(tmp_path / "last.weights.h5", save_weights_only=True),
    ]
    scaled = (images - 0.1) / 0.9
    robust.fit(scaled, labels, epochs=2, verbose=0, callbacks=callbacks)
    robust.save(tmp_path / "whole.keras")
    expected = robust.predict(scaled, verbose=0)
    again = keras.saving.load_model(tmp_path / "whole.keras")
    np.testing.assert_allclose(again.predict(scaled, verbose=0), expected, rtol=1e-6)
    assert again.loss.get_config() == robust.loss.get_config()
    for name in ("epsilon", "norm", "attack", "steps", "step_size", "normalization", "bounds"):
        assert again.get_config()[name] == robust.get_config()[name]
    again.fit(scaled, labels, verbose=0)
    again.load_weights(tmp_path / "last.weights.h5")
    np.testing.assert_allclose(again.predict(scaled, verbose=0), expected, rtol=1e-6)


def test_bad_arguments_of_the_model_have_their_own_messages():
    with pytest.raises(ValueError, match="pass norm='linf'"):
        HRModel(network(), 0.1, attack="ffgsm")
    with pytest.raises(ValueError, match="norm must be 'l2' or 'linf'"):
        HRModel(network(), 0.1, norm="l1")
    images, labels = data(12)
    robust = HRModel(network(), 0.1)
    robust.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match=re.escape("compile it with loss=HRLoss(...)")):
        robust.fit(images, labels, verbose=0)
