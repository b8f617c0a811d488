"""The attacks against foolbox: inside the ball and inside [0, 1], and as strong at equal steps."""

from __future__ import annotations

import re

import numpy as np
import pytest

jax = pytest.importorskip("jax")

import digits  # noqa: E402
import jax.numpy as jnp  # noqa: E402

from hr_weights.jax import ffgsm, pgd  # noqa: E402

EPSILON, STEP = {"linf": 0.1, "l2": 0.5, "ffgsm": 0.1}, {"linf": 0.025, "l2": 0.125, "ffgsm": 0.1}


def setup():
    w, b, v, c = digits.network()

    def model(x):
        return jnp.tanh(x.reshape(len(x), -1) @ w + b) @ v + c

    def losses(x, y):
        logarithms = jax.nn.log_softmax(model(x))
        return -jnp.take_along_axis(logarithms, y[:, None], 1)[:, 0]

    images, labels = digits.load()
    return model, losses, jnp.asarray(images), jnp.asarray(labels)


def attack(name, losses, images, labels, key, **options):
    if name == "ffgsm":
        return ffgsm(losses, images, labels, key, EPSILON[name], step_size=STEP[name])
    return pgd(losses, images, labels, key, EPSILON[name], norm=name, steps=10, step_size=STEP[name], **options)


@pytest.mark.parametrize("name", EPSILON)
def test_inside_the_ball_and_the_cube(name):
    _, losses, images, labels = setup()
    attacked = jax.jit(lambda key: attack(name, losses, images, labels, key))(jax.random.key(0))
    digits.check_inside(np.asarray(attacked), np.asarray(images), EPSILON[name], "l2" if name == "l2" else "linf")


@pytest.mark.parametrize("name", EPSILON)
def test_as_strong_as_foolbox(name):
    """PGD from the images themselves, since foolbox draws its random starts from another distribution."""
    foolbox = pytest.importorskip("foolbox")
    model, losses, images, labels = setup()
    keys = jax.random.split(jax.random.key(0), digits.STARTS if name == "ffgsm" else 1)
    options = {} if name == "ffgsm" else {"random_start": False}
    step = jax.jit(lambda key: losses(attack(name, losses, images, labels, key, **options), labels).mean())
    own = np.mean([float(step(key)) for key in keys])
    peer = {
        "linf": foolbox.attacks.LinfPGD(abs_stepsize=STEP["linf"], steps=10, random_start=False),
        "l2": foolbox.attacks.L2PGD(abs_stepsize=STEP["l2"], steps=10, random_start=False),
        "ffgsm": foolbox.attacks.LinfFastGradientAttack(random_start=True),
    }[name]
    wrapped = foolbox.models.JAXModel(model, bounds=(0, 1))
    other = np.mean(
        [float(losses(peer.run(wrapped, images, labels, epsilon=EPSILON[name]), labels).mean()) for _ in keys]
    )
    plain = float(losses(images, labels).mean())
    print(f"{name}: loss {plain:.4f}, attacked {own:.4f}, by foolbox {other:.4f}")
    assert own > 1.5 * plain
    assert own == pytest.approx(other, rel=0.02 if name == "ffgsm" else 0.002)


def test_normalised_inputs_are_attacked_in_the_unit_of_pixels():
    _, losses, images, labels = setup()
    mean, std = 0.3, 0.2

    def of_normalised(x, y):
        return losses(x * std + mean, y)

    key = jax.random.key(0)
    expected = pgd(losses, images, labels, key, 0.1)
    normalised = pgd(of_normalised, (images - mean) / std, labels, key, 0.1, normalization=(mean, std))
    assert np.isclose(normalised * std + mean, expected, atol=1e-5).mean() > 0.999


def test_under_vmap_and_without_gradient_through_it():
    _, losses, images, labels = setup()
    attacked = jax.vmap(lambda e: pgd(losses, images, labels, None, e, steps=3, random_start=False))(
        jnp.array([0.05, 0.1])
    )
    np.testing.assert_allclose(np.abs(attacked - images).max((1, 2, 3)), [0.05, 0.1], rtol=1e-5)
    gradient = jax.grad(lambda e: pgd(losses, images, labels, None, e, random_start=False).sum())(0.1)
    assert gradient == 0


def test_bad_arguments_have_their_own_messages():
    _, losses, images, labels = setup()
    key = jax.random.key(0)
    for arguments, options, message in [
        ((losses, images, labels, None, 0.1), {}, "a random start needs a key"),
        ((lambda x, y: losses(x, y).mean(), images, labels, key, 0.1), {}, "leave out jnp.mean"),
        ((losses, 2 * images, labels, key, 0.1), {}, "inputs are outside of [0.0, 1.0]"),
        ((losses, images, labels, key, -0.1), {}, "epsilon must be a finite number"),
        ((losses, images, labels, key, 0.1), {"norm": "l1"}, "norm must be 'l2' or 'linf'"),
    ]:
        with pytest.raises(ValueError, match=re.escape(message)):
            pgd(*arguments, **options)
