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


@pytest.mark.parametrize("options", [{}, {"worst_loss": 9.0}], ids=["", "worst loss"])
@pytest.mark.parametrize("ordering, most", [("HD", 40), ("HR", 80)])
def test_there_are_few_fusions(ordering, most, options):
    """On the CPU, where the compiler makes two fusions of a sum. A loop would hide how often its
    own are run.
    """
    losses = np.random.default_rng(0).exponential(size=128).astype(np.float32)
    solve = jax.jit(lambda x: weights(x, 0.05, 0.1, ordering=ordering, backend="tensor", **options))
    compiled = solve.lower(losses).compile()
    text = compiled.as_text()
    assert not re.search(r" while\(", text)
    instructions = Counter(re.findall(r"= [^=]*?\b([a-z][a-z-]*)\(", text[text.index("ENTRY") :]))
    assert instructions["fusion"] > 0
    for name in ("parameter", "constant", "bitcast", "get-tuple-element", "tuple"):
        del instructions[name]
    # What more is given takes a few more.
    assert sum(instructions.values()) <= (1.15 * most if options else most), instructions
    np.testing.assert_allclose(compiled(losses), hrw.weights(losses, 0.05, 0.1, ordering=ordering, **options), atol=1e-6)


@pytest.mark.parametrize("n", [1, 128, 129, 131, 1000])
def test_sums_by_triangles_are_sums(n):
    x = np.random.default_rng(n).random((3, n)).astype(np.float32)
    np.testing.assert_allclose(_Ops.cumsum(jnp.asarray(x)), np.cumsum(x, -1), rtol=1e-5)
