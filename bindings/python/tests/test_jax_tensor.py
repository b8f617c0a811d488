"""The back end "tensor" of JAX: how many operations its compiled program has. What it computes is
in test_jax.py.
"""

from __future__ import annotations

import re
from collections import Counter

import pytest

jax = pytest.importorskip("jax")

import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

import hr_weights as hrw  # noqa: E402
from hr_weights.jax import _Ops, weights  # noqa: E402


@pytest.mark.parametrize("worst_loss", [None, 9.0])
@pytest.mark.parametrize("with_base", [False, True])
@pytest.mark.parametrize("ordering, most", [("HD", 40), ("HR", 80)])
def test_there_are_few_fusions(ordering, most, with_base, worst_loss):
    """On the CPU, where the compiler makes two fusions of a sum. A loop would hide how often its
    own are run.
    """
    rng = np.random.default_rng(0)
    losses = rng.exponential(size=128).astype(np.float32)
    base = rng.random(128).astype(np.float32) if with_base else None
    options = {"ordering": ordering, "worst_loss": worst_loss}
    solve = jax.jit(lambda x, base: weights(x, 0.05, 0.1, base=base, backend="tensor", **options))
    compiled = solve.lower(losses, base).compile()
    text = compiled.as_text()
    assert not re.search(r" while\(", text)
    instructions = Counter(re.findall(r"= [^=]*?\b([a-z][a-z-]*)\(", text[text.index("ENTRY") :]))
    assert instructions["fusion"] > 0
    for name in ("parameter", "constant", "bitcast", "get-tuple-element", "tuple"):
        del instructions[name]
    assert sum(instructions.values()) <= most, instructions
    np.testing.assert_allclose(compiled(losses, base), hrw.weights(losses, 0.05, 0.1, base=base, **options), atol=1e-6)


@pytest.mark.parametrize("ordering", ["HD", "HR"])
@pytest.mark.parametrize("largest", [1e-30, 1e37, 1.9e37, 1e38, 3.4e38])
def test_losses_at_the_ends_of_the_range(ordering, largest):
    """The compiler divides by the reciprocal of the span, and takes numbers below the normal ones for 0."""
    losses = np.array([1, -1, 0, 0.5], np.float32) * np.float32(largest)
    got = weights(jnp.asarray(losses), 0.05, 0.1, ordering=ordering, backend="tensor")
    np.testing.assert_allclose(got, hrw.weights(losses, 0.05, 0.1, ordering=ordering), atol=1e-6)


@pytest.mark.parametrize("n", [1, 128, 129, 131, 1000])
def test_sums_by_triangles_are_sums(n):
    x = np.random.default_rng(n).random((3, n)).astype(np.float32)
    np.testing.assert_allclose(_Ops.cumsum(jnp.asarray(x)), np.cumsum(x, -1), rtol=1e-5)
