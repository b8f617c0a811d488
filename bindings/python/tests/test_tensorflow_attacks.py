"""The attacks against foolbox: inside the ball and inside [0, 1], and as strong at equal steps."""

from __future__ import annotations

import os
import re

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
tf = pytest.importorskip("tensorflow")

import digits  # noqa: E402

from hr_weights.tensorflow import ffgsm, pgd  # noqa: E402

EPSILON, STEP = {"linf": 0.1, "l2": 0.5, "ffgsm": 0.1}, {"linf": 0.025, "l2": 0.125, "ffgsm": 0.1}
CROSS_ENTROPY = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")


def setup():
    w, b, v, c = digits.network()
    layers = tf.keras.layers
    model = tf.keras.Sequential(
        [layers.Input((8, 8)), layers.Flatten(), layers.Dense(digits.HIDDEN, "tanh"), layers.Dense(10)]
    )
    model.set_weights([w, b, v, c])
    images, labels = digits.load()
    return model, tf.constant(images), tf.constant(labels)


def attack(name, model, images, labels, **options):
    if name == "ffgsm":
        return ffgsm(model, CROSS_ENTROPY, images, labels, EPSILON[name], step_size=STEP[name])
    return pgd(
        model, CROSS_ENTROPY, images, labels, EPSILON[name], norm=name, steps=10, step_size=STEP[name], **options
    )


@pytest.mark.parametrize("name", EPSILON)
@pytest.mark.parametrize("compiled", [False, True], ids=["graph", "xla"])
def test_inside_the_ball_and_the_cube(name, compiled):
    model, images, labels = setup()
    tf.random.set_seed(0)
    attacked = tf.function(lambda: attack(name, model, images, labels), jit_compile=compiled)()
    digits.check_inside(attacked.numpy(), images.numpy(), EPSILON[name], "l2" if name == "l2" else "linf")


@pytest.mark.parametrize("name", EPSILON)
def test_as_strong_as_foolbox(name):
    """PGD from the images themselves, since foolbox draws its random starts from another distribution."""
    foolbox = pytest.importorskip("foolbox")
    model, images, labels = setup()
    tf.random.set_seed(0)

    def loss(x):
        return float(tf.reduce_mean(CROSS_ENTROPY(labels, model(x))))

    starts = digits.STARTS if name == "ffgsm" else 1
    options = {} if name == "ffgsm" else {"random_start": False}
    step = tf.function(lambda: attack(name, model, images, labels, **options))
    own = np.mean([loss(step()) for _ in range(starts)])
    peer = {
        "linf": foolbox.attacks.LinfPGD(abs_stepsize=STEP["linf"], steps=10, random_start=False),
        "l2": foolbox.attacks.L2PGD(abs_stepsize=STEP["l2"], steps=10, random_start=False),
        "ffgsm": foolbox.attacks.LinfFastGradientAttack(random_start=True),
    }[name]
    wrapped = foolbox.models.TensorFlowModel(model, bounds=(0, 1))
    other = np.mean([loss(peer.run(wrapped, images, labels, epsilon=EPSILON[name])) for _ in range(starts)])
    plain = loss(images)
    print(f"{name}: loss {plain:.4f}, attacked {own:.4f}, by foolbox {other:.4f}")
    assert own > 1.5 * plain
    assert own == pytest.approx(other, rel=0.02 if name == "ffgsm" else 0.002)


def test_bad_arguments_have_their_own_messages():
    model, images, labels = setup()
    for arguments, options, message in [
        ((tf.keras.losses.SparseCategoricalCrossentropy(), images), {}, 'pass reduction="none"'),
        ((CROSS_ENTROPY, 2 * images), {}, "inputs are outside of [0.0, 1.0]"),
        ((CROSS_ENTROPY, tf.cast(images, tf.int32)), {}, "inputs must be floating-point numbers"),
        ((CROSS_ENTROPY, images), {"steps": 0}, "steps must be at least 1"),
    ]:
        with pytest.raises(ValueError, match=re.escape(message)):
            pgd(model, *arguments, labels, 0.1, **options)
