"""Keras on the back end that KERAS_BACKEND names: HRLoss is every loss of Keras at budgets 0, and elsewhere the robust loss
of its samples; it trains, its budgets change while it does, and it is saved.
"""

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
BACKEND = os.environ.get("KERAS_BACKEND", "tensorflow")
pytest.importorskip(BACKEND)
keras = pytest.importorskip("keras")

from keras import ops  # noqa: E402
from keras.src.losses import ALL_OBJECTS_DICT  # noqa: E402
from keras_network import data, network  # noqa: E402

import hr_weights as hrw  # noqa: E402
from hr_weights.keras import HRLoss  # noqa: E402

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
    return ops.mean((y_true - y_pred) ** 2, -1)


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
    if mask is not None:
        # Keras has found another place for it since.
        setting = getattr(keras.src.backend, "set_keras_mask", lambda x, m: setattr(x, "_keras_mask", m))
        setting(outputs, ops.convert_to_tensor(mask))
    return outputs


def value_and_gradient(function, outputs):
    """Of a function whose values are summed, in the back end's own way."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        outputs = tf.convert_to_tensor(outputs)
        with tf.GradientTape() as tape:
            tape.watch(outputs)
            value = function(tf.identity(outputs))
            total = tf.reduce_sum(value)
        return value, tape.gradient(total, outputs)
    if BACKEND == "jax":
        import jax

        def total_and_value(outputs):
            value = function(outputs)
            return ops.cast(ops.sum(value), "float32"), value

        (_, value), gradient = jax.value_and_grad(total_and_value, has_aux=True)(jax.numpy.asarray(outputs))
        return value, gradient
    import torch

    outputs = torch.tensor(outputs, requires_grad=True)
    value = function(outputs.clone())
    value.sum().backward()
    return value.detach(), outputs.grad


def outcome(loss, targets, outputs, weight, mask):
    """The value and its gradient in the outputs, or the type of what was raised."""
    try:
        return value_and_gradient(lambda seen: loss(targets, with_mask(seen, mask), weight), outputs)
    except Exception as error:
        return type(error)


def array(tensor):
    """In double precision, which NumPy knows and has for every type."""
    return ops.convert_to_numpy(ops.cast(tensor, "float32" if "16" in str(tensor.dtype) else tensor.dtype)).astype(float)


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
        np.testing.assert_allclose(array(mine), array(keras_own), **tolerance)
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
    # JAX has no double precision unless it is told to.
    tolerance = {"float32": 1e-5, "float64": 1e-5 if BACKEND == "jax" else 1e-7}.get(dtype, 2e-2)
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
    # With PyTorch, Keras itself refuses one weight per sample beside a mask.
    mask, weight = random.random((N, STEPS)) < 0.7, random.random((N, 1)).repeat(STEPS, 1).astype(np.float32)
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
        np.testing.assert_allclose(array(gradient), slopes, atol=1e-6)
    loss = HRLoss("mse", 0.1, 0.2, ordering="HR", reduction="none", backend=backend, worst_loss=worst_loss)
    value, _ = outcome(loss, targets, outputs, weight, mask)
    assert value.shape == (N, STEPS)
    assert array(value).sum() == pytest.approx(mass.sum() * solution.robust_loss, rel=1e-5)
    # As fit passes them: of this kind Keras may write into them.
    tensor = ops.convert_to_tensor(weight.copy())
    again, _ = outcome(loss, targets, outputs, tensor, mask)
    np.testing.assert_array_equal(array(again), array(value))
    np.testing.assert_array_equal(array(tensor), weight)


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
    solution = hrw.solve(array(both(y, p)), 0.1, 0.2, base=weight)
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
    assert np.isnan(float(HRLoss("mse", 0.1, 0.2, backend="tensor")(targets, outputs, weight)))
    with pytest.raises(ValueError, match=re.escape("base[4] is -1.0")):
        HRLoss("mse", 0.1, 0.2)(targets, outputs, weight)
    assert float(HRLoss("mse")(targets, outputs, weight)) == float(keras.losses.MeanSquaredError()(targets, outputs, weight))
    outputs[3] = np.nan
    assert np.isnan(float(HRLoss("mse", 0.1, 0.2, backend="tensor")(targets, outputs)))
    with pytest.raises(ValueError, match=re.escape("losses[3] is nan")):
        HRLoss("mse", 0.1, 0.2)(targets, outputs)


def test_without_budgets_nothing_is_refused_and_an_empty_batch_never_is():
    targets, outputs = arrays("mse", (N, CLASSES), False)
    outputs[3], weight = np.nan, np.ones(N, np.float32)
    weight[4] = -1
    empty = targets[:0], outputs[:0], weight[:0], None
    for reduction in ("sum_over_batch_size", "none"):
        of_keras = keras.losses.MeanSquaredError(reduction=reduction)
        for worst_loss in (None, -3.3):
            none = HRLoss("mse", worst_loss=worst_loss, reduction=reduction)
            theirs = outcome(of_keras, targets, outputs, weight, None)
            same(outcome(none, targets, outputs, weight, None), theirs, rtol=0, atol=0)
            some = HRLoss("mse", 0.1, 0.2, worst_loss=worst_loss, reduction=reduction)
            for loss in (none, some):
                same(outcome(loss, *empty), outcome(of_keras, *empty), rtol=0, atol=0)


def test_losses_of_the_whole_batch_are_refused():
    targets, outputs = arrays("", (N, CLASSES), False)
    whole = HRLoss("Dice")
    assert float(whole(targets, outputs)) == float(keras.losses.Dice()(targets, outputs))
    with pytest.raises(ValueError, match="alpha must stay 0: .* pass axis to Dice"):
        whole.alpha = 0.1
    for loss in [HRLoss("Dice", 0.1), HRLoss(lambda y, p: ops.mean(p), r=0.1), HRLoss(lambda y, p: ops.mean(p))]:
        with pytest.raises(ValueError, match="one loss per sample is needed"):
            loss(targets, outputs)
    assert float(HRLoss(keras.losses.Dice(axis=-1), 0.1, 0.2)(targets, outputs)) > 0


# ---- training --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "loss_fn",
    ["sparse_categorical_crossentropy", keras.losses.SparseCategoricalCrossentropy()],
    ids=["name", "object"],
)
def test_a_step_of_fit_is_a_step_down_the_weighted_losses(loss_fn):
    """The step of Keras' own loss, with the HR weights as sample weights."""
    images, labels = data()
    base = np.random.default_rng(1).random(96).astype(np.float32)
    base[:5] = 0
    model, by_hand = network(), network()
    outputs = by_hand(images, training=True)
    losses = array(keras.losses.sparse_categorical_crossentropy(labels, outputs))
    by_hand = network()
    solution = hrw.solve(losses, 0.1, 0.2, ordering="HR", base=base)
    # Keras divides by the number of the samples.
    steps = [(model, HRLoss(loss_fn, 0.1, 0.2, ordering="HR"), base)]
    steps.append((by_hand, loss_fn, (96 * solution.weights * base.mean()).astype(np.float32)))
    for each, loss, weight in steps:
        each.compile(keras.optimizers.SGD(0.1), loss)
        history = each.fit(images, labels, batch_size=96, epochs=1, shuffle=False, sample_weight=weight, verbose=0).history
        assert history["loss"][0] == pytest.approx(solution.robust_loss * base.mean(), rel=1e-5)
    for ours, theirs in zip(model.trainable_variables, by_hand.trainable_variables):
        np.testing.assert_allclose(array(ours), array(theirs), atol=1e-6)


# PyTorch runs Python at each step unless it is told to compile, which takes a minute.
WAYS = {"torch": [], "tensorflow": [("auto", True)], "jax": [("auto", True), ("tensor", True)]}[BACKEND]
WAYS += [("auto", False), ("tensor", False)]


@pytest.mark.parametrize("backend, compiled", WAYS)
def test_a_callback_changes_the_budgets(backend, compiled):
    """alpha, r and worst_loss are set between steps of a program that was compiled before."""
    images, labels = data(16)
    model = network()
    loss = HRLoss("sparse_categorical_crossentropy", worst_loss=4.0, backend=backend)
    model.compile(loss=loss, jit_compile=compiled)
    losses = array(keras.losses.sparse_categorical_crossentropy(labels, model(images)))
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
    loss = HRLoss("sparse_categorical_crossentropy", alpha=variable, backend=backend)
    model.compile(loss=loss, jit_compile=compiled)
    for alpha in (0.1, 0.3):
        loss.alpha = alpha
        assert array(variable) == pytest.approx(alpha)
        expected = hrw.solve(losses, alpha).robust_loss
        assert model.evaluate(images, labels, batch_size=16, verbose=0) == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ValueError, match="r cannot be changed, since it is"):
        HRLoss("mse", r=ops.convert_to_tensor(0.1)).r = 0.2


@pytest.mark.parametrize("backend, compiled", WAYS)
def test_budgets_may_be_variables_of_the_model(backend, compiled):
    """They are arguments of a step that JAX has compiled."""
    images, labels = data(16)
    model, layer = network(), keras.layers.Rescaling(1.0)
    budgets = [layer.add_weight(shape=(), initializer="zeros", trainable=False) for _ in range(2)]
    model.add(layer)
    loss = HRLoss("sparse_categorical_crossentropy", *budgets, ordering="HR", worst_loss=9.0, backend=backend)
    model.compile("sgd", loss, jit_compile=compiled)
    losses = array(keras.losses.sparse_categorical_crossentropy(labels, model(images)))
    for alpha, r in [(0.0, 0.0), (0.2, 0.3), (0.0, np.inf)]:
        loss.alpha, loss.r = alpha, r
        expected = hrw.solve(losses, alpha, r, ordering="HR", worst_loss=9.0).robust_loss
        assert model.evaluate(images, labels, batch_size=16, verbose=0) == pytest.approx(expected, rel=1e-5)


def test_a_bad_loss_of_a_compiled_step_is_an_error():
    images, labels = data(16)
    images[3] = np.nan
    model = network()
    model.compile("sgd", HRLoss("sparse_categorical_crossentropy", 0.1, 0.2), jit_compile=BACKEND == "jax")
    with pytest.raises(Exception, match=re.escape("losses[0] is nan")):
        # Batch normalisation makes NaN of all samples.
        model.fit(images, labels, batch_size=16, verbose=0)


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


def test_functions_of_a_user_are_loaded_as_keras_loads_them():
    def absolute(y_true, y_pred):
        return ops.mean(abs(y_true - y_pred), -1)

    targets, outputs = arrays("mse", (N, CLASSES), False)
    saved = [keras.losses.serialize(HRLoss(function, 0.1, 0.2)) for function in (absolute, lambda x, y: abs(x - y)[..., 0])]
    with keras.saving.custom_object_scope({"absolute": absolute}):
        loss = keras.losses.deserialize(saved[0])
    assert loss.loss_fn is absolute
    with pytest.raises((TypeError, ValueError), match="absolute"):
        keras.losses.deserialize(saved[0])
    with pytest.raises(ValueError, match="lambda"):
        keras.losses.deserialize(saved[1])
    with keras.src.saving.serialization_lib.SafeModeScope(False):
        assert float(keras.losses.deserialize(saved[1])(targets, outputs)) > 0


def test_a_model_is_loaded_by_another_process_on_any_back_end(tmp_path):
    """Which knows of the loss from the module alone. TensorFlow is beside no other back end here."""
    images, labels = data(32)
    model = network()
    model.compile("adam", HRLoss("sparse_categorical_crossentropy", 0.02, 0.05, worst_loss=20.0))
    callbacks = [
        keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", monitor="loss", save_best_only=True),
        keras.callbacks.ModelCheckpoint(tmp_path / "last.weights.h5", save_weights_only=True),
    ]
    model.fit(images, labels, epochs=2, verbose=0, callbacks=callbacks)
    model.save(tmp_path / "whole.keras")
    expected = model.evaluate(images, labels, batch_size=32, verbose=0)
    again = keras.saving.load_model(tmp_path / "whole.keras")
    assert again.loss.get_config() == model.loss.get_config()
    again.fit(images, labels, verbose=0)
    again.load_weights(tmp_path / "last.weights.h5")
    assert again.evaluate(images, labels, batch_size=32, verbose=0) == pytest.approx(expected, rel=1e-5)
    np.savez(tmp_path / "data.npz", images=images, labels=labels)
    code = (
        "import hr_weights.keras, keras, numpy as np\n"
        "data, model = np.load('data.npz'), keras.saving.load_model('whole.keras')\n"
        "print(model.loss.alpha, model.evaluate(data['images'], data['labels'], batch_size=32, verbose=0))"
    )
    for backend in ["tensorflow"] if BACKEND == "tensorflow" else ["jax", "torch"]:
        environment = {**os.environ, "KERAS_BACKEND": backend}
        command = [sys.executable, "-c", code]
        loaded = subprocess.run(command, capture_output=True, text=True, timeout=240, cwd=tmp_path, env=environment)
        assert loaded.returncode == 0, loaded.stderr
        alpha, loss = map(float, loaded.stdout.split()[-2:])
        assert alpha == 0.02 and loss == pytest.approx(expected, rel=1e-5)


def test_bad_arguments_have_their_own_messages():
    with pytest.raises(ValueError, match=re.escape("alpha must be a number in [0, 1]")):
        HRLoss("mse", 1.5)
    with pytest.raises(ValueError, match="loss_fn must be"):
        HRLoss(None)
    with pytest.raises(ValueError, match="backend must be 'auto' or .*'tensor', not 'numpy'"):
        HRLoss("mse", backend="numpy")
    images, labels = data(12)
    with pytest.raises(ValueError, match="leave out the mean over the batch"):
        HRLoss(lambda y, p: ops.mean(p))(labels, network()(images))


def test_a_back_end_without_a_module_is_named(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "numpy")
    with pytest.raises(ValueError, match="Keras on TensorFlow, JAX and PyTorch, but its back end is 'numpy'"):
        HRLoss("mse")


def test_the_model_that_attacks_is_there_with_tensorflow_alone():
    import hr_weights.keras

    if BACKEND == "tensorflow":
        assert issubclass(hr_weights.keras.HRModel, keras.Model)
    else:
        with pytest.raises(ImportError, match=f"HRModel works with Keras on TensorFlow, but its back end is '{BACKEND}'"):
            from hr_weights.keras import HRModel  # noqa: F401
        assert "tensorflow" not in sys.modules
