"""Keras: HRLoss is every loss of Keras at budgets 0, and the robust loss of its samples elsewhere; training, saving."""

from __future__ import annotations

import functools
import inspect
import os
import re
import subprocess
import sys

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
tf = pytest.importorskip("tensorflow")

import keras  # noqa: E402
from keras.src.losses import ALL_OBJECTS_DICT  # noqa: E402

import hr_weights as hrw  # noqa: E402
from hr_weights.tensorflow import HRLoss, HRModel  # noqa: E402

N, STEPS, CLASSES = 12, 4, 3
BASES = (keras.losses.Loss, ALL_OBJECTS_DICT["LossFunctionWrapper"])


def everything_keras_knows():
    """By name, by object and by function: all that Keras has under either of its two lists."""
    for name, entry in ALL_OBJECTS_DICT.items():
        if entry not in BASES:
            yield f"name-{name}", name
    for name, entry in vars(keras.losses).items():
        if inspect.isclass(entry) and issubclass(entry, keras.losses.Loss) and entry not in BASES:
            yield f"object-{name}", entry()
        elif inspect.isfunction(entry) and name not in ("get", "serialize", "deserialize"):
            q = {"q": 0.5} if "q" in inspect.signature(entry).parameters else {}
            yield f"function-{name}", functools.partial(entry, **q) if q else entry


def average_of_squares(y_true, y_pred):
    return tf.reduce_mean((y_true - y_pred) ** 2, -1)


LOSSES = dict(everything_keras_knows())
LOSSES["function of a user"] = average_of_squares
LOSSES["crossentropy"] = "crossentropy"


def arrays(loss, shape, labels):
    """Targets and outputs that suit a loss: probabilities and as many targets, or labels."""
    random = np.random.default_rng(3)
    outputs = random.random(shape).astype(np.float32) + 0.05
    outputs /= outputs.sum(-1, keepdims=True) if shape[-1] > 1 else 2
    if labels:
        return random.integers(0, shape[-1], shape[:-1]), outputs
    return random.random(shape).astype(np.float32), outputs


def plain(loss):
    """The loss as Keras' compile would make one of it."""
    if loss == "crossentropy":
        loss = "categorical_crossentropy"
    made = keras.losses.get(loss)
    return made if isinstance(made, keras.losses.Loss) else ALL_OBJECTS_DICT["LossFunctionWrapper"](made)


def with_mask(outputs, mask):
    outputs = tf.convert_to_tensor(outputs)
    if mask is not None:
        outputs._keras_mask = tf.convert_to_tensor(mask)
    return outputs


def outcome(loss, targets, outputs, weight, mask):
    """The value and its gradient in the outputs, or the type of what was raised."""
    outputs = tf.convert_to_tensor(outputs)
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        seen = with_mask(tf.identity(outputs), mask)
        try:
            value = loss(targets, seen, weight)
        except Exception as error:
            return type(error)
        total = tf.reduce_sum(value)
    return value, tape.gradient(total, outputs)


def cases(shape, whole):
    """Sample weights and masks: one case of both, or every kind."""
    random = np.random.default_rng(5)
    some = random.random(N).astype(np.float32)
    some[:3] = 0
    mask = random.random(shape[:-1]) < 0.6
    mask[0] = False
    yield some, mask
    if whole:
        yield None, None
        yield some, None
        yield some[:, None], None
        yield np.zeros(N, np.float32), None
        yield None, mask
        yield None, np.zeros(shape[:-1], bool)
        if len(shape) > 2:
            yield random.random(shape[:-1]).astype(np.float32), mask


def same(ours, theirs, **tolerance):
    if isinstance(theirs, type):
        assert ours is theirs
        return False
    for mine, keras_own in zip(ours, theirs):
        if keras_own is None:
            assert mine is None
            continue
        assert mine.dtype == keras_own.dtype and mine.shape == keras_own.shape
        np.testing.assert_allclose(tf.cast(mine, "float64"), tf.cast(keras_own, "float64"), **tolerance)
    return True


SHAPES = [((N, CLASSES), False), ((N, CLASSES), True), ((N, 1), False), ((N, STEPS, CLASSES), False)]
SHAPES.append(((N, STEPS, CLASSES), True))


def first_names():
    """Of each loss of Keras, the first name that leads to it."""
    first = {}
    for name, loss in LOSSES.items():
        made = plain(loss)
        first.setdefault(getattr(made, "fn", type(made)), name)
    return set(first.values())


FIRST_NAMES = first_names()


@pytest.mark.parametrize("name", LOSSES)
def test_without_budgets_it_is_the_loss_of_keras(name):
    """Whatever Keras does, a refusal included; and next to zero the robust loss is next to it, where there are samples.
    Further names of a loss need one comparison to show that they lead to it.
    """
    loss, compared = LOSSES[name], 0
    for shape, labels in SHAPES:
        if compared and name not in FIRST_NAMES:
            break
        targets, outputs = arrays(loss, shape, labels)
        variants = [(targets, outputs)]
        if shape[-1] == 1:
            variants += [(targets[:, 0], outputs), (targets, outputs[:, 0])]
        if loss == "crossentropy" and (labels or shape[-1] == 1):
            continue
        for y, p in variants:
            for weight, mask in cases(shape, name in ("name-mse", "function-sparse_categorical_crossentropy")):
                theirs = outcome(plain(loss), y, p, weight, mask)
                compared += same(outcome(HRLoss(loss), y, p, weight, mask), theirs, rtol=0, atol=0)
                if not isinstance(theirs, type) and not name.lower().endswith(("dice", "tversky")):
                    # Here the weights are those of the solver.
                    ours = outcome(HRLoss(loss, r=1e-14), y, p, weight, mask)
                    assert same(ours, theirs, rtol=1e-5, atol=1e-6)
    assert compared > 0 or "ctc" in name.lower()


def test_the_list_is_whole():
    kinds = {kind: set() for kind in ("name", "object", "function")}
    for name in everything_keras_knows():
        kind, _, loss = name[0].partition("-")
        kinds[kind].add(loss)
    assert {"mse", "KLD", "Hinge", "ctc", "circle"} <= kinds["name"]
    assert all(len(names) > 15 for names in kinds.values())


@pytest.mark.parametrize("reduction", ["sum", "sum_over_batch_size", "mean", "mean_with_sample_weight", "none", None])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "mixed_float16"])
def test_reductions_and_types_are_those_of_keras(reduction, dtype):
    targets, outputs = arrays("mse", (N, STEPS, CLASSES), False)
    tolerance = {"float32": 1e-5, "float64": 1e-7}.get(dtype, 2e-2)
    for weight, mask in [(None, None), *cases((N, STEPS, CLASSES), dtype == "float32")]:
        of_keras = keras.losses.MeanSquaredError(reduction=reduction, dtype=dtype)
        theirs = outcome(of_keras, targets, outputs, weight, mask)
        for loss in [HRLoss("mse", reduction=reduction, dtype=dtype), HRLoss(of_keras)]:
            same(outcome(loss, targets, outputs, weight, mask), theirs, rtol=0, atol=0)
        near = HRLoss(of_keras, r=1e-14)
        same(outcome(near, targets, outputs, weight, mask), theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("backend", ["auto", "tensor"])
@pytest.mark.parametrize("worst_loss", [None, 3.0])
def test_with_budgets_it_is_the_robust_loss_of_the_samples(backend, worst_loss):
    """Computed again with NumPy: sequences whose steps are masked and weighted, in every reduction."""
    random = np.random.default_rng(7)
    targets, outputs = arrays("mse", (N, STEPS, CLASSES), False)
    mask, weight = random.random((N, STEPS)) < 0.7, random.random((N, 1)).astype(np.float32)
    mask[2] = False
    each = ((targets - outputs) ** 2).mean(-1)
    masses = weight * mask
    mass = masses.sum(1)
    samples = np.divide((masses * each).sum(1), mass, out=np.zeros_like(mass), where=mass > 0)
    solution = hrw.solve(samples, 0.1, 0.2, ordering="HR", base=mass, worst_loss=worst_loss)
    for reduction, factor in [
        ("sum", mass.sum()),
        ("mean_with_sample_weight", 1.0),
        ("sum_over_batch_size", mass.sum() / mask.sum()),
    ]:
        loss = HRLoss("mse", 0.1, 0.2, ordering="HR", reduction=reduction, backend=backend, worst_loss=worst_loss)
        value, gradient = outcome(loss, targets, outputs, weight, mask)
        assert float(value) == pytest.approx(factor * solution.robust_loss, rel=1e-5)
        slopes = 2 * (outputs - targets) / CLASSES * masses[..., None]
        slopes *= (factor * solution.weights / np.where(mass > 0, mass, 1))[:, None, None]
        np.testing.assert_allclose(gradient, slopes, atol=1e-6)
    loss = HRLoss("mse", 0.1, 0.2, ordering="HR", reduction="none", backend=backend, worst_loss=worst_loss)
    value, _ = outcome(loss, targets, outputs, weight, mask)
    assert value.shape == (N, STEPS)
    assert float(tf.reduce_sum(value)) == pytest.approx(mass.sum() * solution.robust_loss, rel=1e-5)


def test_outputs_of_any_structure():
    def both(y_true, y_pred):
        return average_of_squares(y_true["a"], y_pred["a"]) + average_of_squares(y_true["b"], y_pred["b"])

    class Both(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return both(y_true, y_pred)

    random = np.random.default_rng(0)
    y, p = ({"a": random.random((N, 2)).astype("f"), "b": random.random((N, 3)).astype("f")} for _ in range(2))
    weight = random.random(N).astype("f")
    assert float(HRLoss(Both())(y, p, weight)) == float(Both()(y, p, weight))
    solution = hrw.solve(both(y, p).numpy(), 0.1, 0.2, base=weight)
    assert float(HRLoss(Both(), 0.1, 0.2)(y, p, weight)) == pytest.approx(solution.robust_loss * weight.mean(), rel=1e-5)


def test_the_mask_that_a_loss_makes():
    """ignore_class masks labels, through a mask of the losses."""
    targets, outputs = arrays("", (N, CLASSES), True)
    of_keras = keras.losses.SparseCategoricalCrossentropy(ignore_class=1)
    kept = targets != 1
    assert float(HRLoss(of_keras)(targets, outputs)) == float(of_keras(targets, outputs))
    solution = hrw.solve(-np.log(outputs[np.arange(N), targets]), 0.1, 0.2, base=kept)
    assert float(HRLoss(of_keras, 0.1, 0.2)(targets, outputs)) == pytest.approx(solution.robust_loss, rel=1e-5)


def test_what_the_tensor_back_end_cannot_refuse_is_nan_and_not_silence():
    targets, outputs = arrays("mse", (N, CLASSES), False)
    weight = np.ones(N, np.float32)
    weight[4] = -1
    assert np.isnan(HRLoss("mse", 0.1, 0.2, backend="tensor")(targets, outputs, weight))
    with pytest.raises(ValueError, match=re.escape("base[4] is -1.0")):
        HRLoss("mse", 0.1, 0.2)(targets, outputs, weight)
    assert float(HRLoss("mse")(targets, outputs, weight)) == float(keras.losses.MeanSquaredError()(targets, outputs, weight))
    outputs[3] = np.nan
    assert np.isnan(HRLoss("mse", 0.1, 0.2, backend="tensor")(targets, outputs))
    with pytest.raises(ValueError, match=re.escape("losses[3] is nan")):
        HRLoss("mse", 0.1, 0.2)(targets, outputs)


def test_without_budgets_nothing_is_refused_and_an_empty_batch_never_is():
    """The last batch of a replica may be empty."""
    targets, outputs = arrays("mse", (N, CLASSES), False)
    outputs[3], weight = np.nan, np.ones(N, np.float32)
    weight[4] = -1
    empty = targets[:0], outputs[:0], weight[:0]

    def step(loss):
        signature = [tf.TensorSpec([None, CLASSES])] * 2 + [tf.TensorSpec([None])]
        return tf.function(lambda y, p, w: outcome(loss, y, p, w, None), input_signature=signature)

    for reduction in ("sum_over_batch_size", "none"):
        of_keras = keras.losses.MeanSquaredError(reduction=reduction)
        for worst_loss in (None, -3.3):
            none = HRLoss("mse", worst_loss=worst_loss, reduction=reduction)
            same(step(none)(targets, outputs, weight), step(of_keras)(targets, outputs, weight), rtol=0, atol=0)
            some = HRLoss("mse", 0.1, 0.2, worst_loss=worst_loss, reduction=reduction)
            for loss in (none, some):
                same(step(loss)(*empty), step(of_keras)(*empty), rtol=0, atol=0)


def test_losses_of_the_whole_batch_are_refused():
    targets, outputs = arrays("", (N, CLASSES), False)
    whole = HRLoss("Dice")
    assert float(whole(targets, outputs)) == float(keras.losses.Dice()(targets, outputs))
    with pytest.raises(ValueError, match="alpha must stay 0: .* pass axis to Dice"):
        whole.alpha = 0.1
    for loss in [HRLoss("Dice", 0.1), HRLoss(lambda y, p: tf.reduce_mean(p), r=0.1), HRLoss(lambda y, p: tf.reduce_mean(p))]:
        with pytest.raises(ValueError, match="one loss per sample is needed"):
            loss(targets, outputs)
    assert float(HRLoss(keras.losses.Dice(axis=-1), 0.1, 0.2)(targets, outputs)) > 0


# ---- training --------------------------------------------------------------------------------------------------------


def data(n=96):
    rng = np.random.default_rng(0)
    images = rng.random((n, 6)).astype(np.float32)
    return images, (images.sum(1) > 3).astype(np.int64)


def network(seed=0):
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    return keras.Sequential(
        [layers.Input((6,)), layers.Dense(8, "tanh"), layers.BatchNormalization(), layers.Dense(2, "softmax")]
    )


@pytest.mark.parametrize(
    "loss_fn",
    ["sparse_categorical_crossentropy", keras.losses.SparseCategoricalCrossentropy()],
    ids=["name", "object"],
)
def test_a_step_of_fit_is_a_step_down_the_weighted_losses(loss_fn):
    images, labels = data()
    base = np.random.default_rng(1).random(96).astype(np.float32)
    base[:5] = 0
    model, by_hand = network(), network()
    model.compile(keras.optimizers.SGD(0.1), HRLoss(loss_fn, 0.1, 0.2, ordering="HR"))
    history = model.fit(images, labels, batch_size=96, epochs=1, shuffle=False, sample_weight=base, verbose=0)
    with tf.GradientTape() as tape:
        losses = keras.losses.sparse_categorical_crossentropy(labels, by_hand(images, training=True))
        solution = hrw.solve(losses.numpy(), 0.1, 0.2, ordering="HR", base=base)
        # Keras divides by the number of the samples.
        loss = tf.reduce_sum(solution.weights * losses) * base.mean()
    gradients = tape.gradient(loss, by_hand.trainable_variables)
    keras.optimizers.SGD(0.1).apply_gradients(zip(gradients, by_hand.trainable_variables))
    assert history.history["loss"][0] == pytest.approx(solution.robust_loss * base.mean(), rel=1e-5)
    for ours, theirs in zip(model.trainable_variables, by_hand.trainable_variables):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=1e-6)


@pytest.mark.parametrize("backend, compiled", [("auto", True), ("auto", False), ("tensor", False)])
def test_a_callback_changes_the_budgets(backend, compiled):
    """alpha, r and worst_loss are set between steps of a program that was compiled before."""
    images, labels = data(16)
    model = network()
    loss = HRLoss("sparse_categorical_crossentropy", worst_loss=4.0, backend=backend)
    model.compile(loss=loss, jit_compile=compiled)
    losses = keras.losses.sparse_categorical_crossentropy(labels, model(images)).numpy()
    for alpha, r, worst_loss in [(0.0, 0.0, 4.0), (0.2, 0.0, 4.0), (0.2, 0.3, 5.0), (0.0, 0.0, 5.0)]:
        loss.alpha, loss.r, loss.worst_loss = alpha, r, worst_loss
        assert (loss.alpha, loss.r, loss.worst_loss) == (alpha, r, worst_loss)
        expected = hrw.solve(losses, alpha, r, worst_loss=worst_loss).robust_loss
        assert model.evaluate(images, labels, batch_size=16, verbose=0) == pytest.approx(expected, rel=1e-5)
    for name, value in [("alpha", 1.5), ("r", -1.0), ("worst_loss", np.inf), ("alpha", None), ("alpha", "0.1")]:
        with pytest.raises(ValueError, match=name):
            setattr(loss, name, value)
    with pytest.raises(ValueError, match="worst_loss cannot be changed from 5.0 to None"):
        loss.worst_loss = None
    with pytest.raises(AttributeError):
        loss.ordering = "HR"
    variable = keras.Variable(0.1)
    loss = HRLoss("mse", alpha=variable)
    loss.alpha = 0.3
    assert float(variable) == pytest.approx(0.3)


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


# ---- saving ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "loss_fn",
    [
        "mse",
        keras.losses.CategoricalCrossentropy(label_smoothing=0.1, reduction="sum"),
        keras.losses.log_cosh,
        "crossentropy",
    ],
)
def test_the_loss_is_saved_and_loaded(loss_fn):
    loss = HRLoss(loss_fn, 0.1, 0.2, ordering="HR", worst_loss=9.0, dtype="float64")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert isinstance(again, HRLoss) and again.get_config() == loss.get_config()
    targets, outputs = arrays("mse", (N, CLASSES), False)
    assert float(again(targets, outputs)) == float(loss(targets, outputs))


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
    # Another process, which knows of the loss from the module alone.
    code = f"import hr_weights.keras, keras; print(keras.saving.load_model({str(tmp_path / 'plain.keras')!r}).loss.alpha)"
    robust.model.compile("adam", robust.loss)
    robust.model.save(tmp_path / "plain.keras")
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240)
    assert loaded.stdout.split()[-1:] == ["0.02"], loaded.stderr


def test_bad_keras_arguments_have_their_own_messages():
    with pytest.raises(ValueError, match=re.escape("alpha must be a number in [0, 1]")):
        HRLoss("mse", 1.5)
    with pytest.raises(ValueError, match="loss_fn must be"):
        HRLoss(None)
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
