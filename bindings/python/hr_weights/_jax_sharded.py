"""One problem over the shards of a mesh, inside of jax.shard_map: the losses of all are gathered, or
there are rounds of messages.
"""

from __future__ import annotations

from typing import Any, Optional

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from . import _library

Array = Any

_STEP = "hr_weights_sharded_step"
# Of the solver and of a message, in numbers of 32 bits.
_SOLVER_WORDS = _library.SHARDED_SIZE // 4
_MESSAGE_WORDS = 2 + 2 * _library.LARGEST_MESSAGE

jax.ffi.register_ffi_target(_STEP, jax.ffi.pycapsule(_library.LIBRARY.hrw_xla_sharded_step), platform="cpu")


def varying(results: Any, *arguments: Array) -> tuple[Array, ...]:
    """The results of a foreign call. Inside shard_map a result is known to differ between shards if an
    argument does, but not through such a call. The compiler removes a choice between equals.
    """
    for argument in arguments:
        results = tuple(jnp.where(argument[0] == 0, x, x) for x in results)
    return tuple(results)


def gathered(
    losses: Array, base: Optional[Array], budgets: Array, axis_name: Any
) -> tuple[Array, Optional[Array], Array]:
    """Losses, base weights and budgets of all shards, by one exchange.

    A budget that is not the same on all of them is NaN, which is refused.
    """
    parts = [losses] + ([] if base is None else [base])
    # Numbers of the program itself are the same everywhere.
    known = isinstance(budgets, np.ndarray)
    message = jnp.concatenate(parts if known else [*parts, lax.stop_gradient(budgets)])
    messages = lax.all_gather(message, axis_name)
    n = losses.size
    if not known:
        rows = messages[:, n * len(parts) :]
        budgets = jnp.where(jnp.all(rows == rows[0], axis=0), rows[0], jnp.nan)
    return messages[:, :n].reshape(-1), None if base is None else messages[:, n : 2 * n].reshape(-1), budgets


def by_rounds(
    losses: Array, base: Optional[Array], budgets: Array, ordering: str, axis_name: Any
) -> tuple[Array, Array]:
    """The robust loss of all shards ``()``, the same on each, and the weights of this one ``(n,)``, both constants."""
    samples = () if base is None else (base,)
    call = jax.ffi.ffi_call(
        _STEP,
        (
            jax.ShapeDtypeStruct((_SOLVER_WORDS,), jnp.uint32),
            jax.ShapeDtypeStruct((_MESSAGE_WORDS,), jnp.uint32),
            jax.ShapeDtypeStruct(losses.shape, losses.dtype),
            jax.ShapeDtypeStruct((2,), losses.dtype),
        ),
    )

    def step(number: int, solver: Array, messages: Array, constants: Array) -> tuple[Array, ...]:
        numbers = jnp.full((1,), number, jnp.uint32)
        results = call(
            losses,
            budgets,
            numbers,
            solver,
            messages,
            constants,
            *samples,
            ordering=np.int32(_library.ORDERINGS[ordering]),
        )
        return varying(results, losses, budgets, *samples)

    def body(state: tuple[Array, ...]) -> tuple[Array, ...]:
        solver, message, constants, _ = state
        # The bits of all messages, joined by the library in the order of the shards: the same doubles everywhere.
        return step(1, solver, lax.all_gather(message, axis_name), constants)

    first = step(
        0, jnp.zeros(_SOLVER_WORDS, jnp.uint32), jnp.zeros((1, _MESSAGE_WORDS), jnp.uint32), jnp.zeros_like(losses)
    )
    # Every shard has the same message next: none leaves the loop before the others.
    _, _, constants, outcome = lax.while_loop(lambda state: state[1][0] > 0, body, first)
    return outcome[0], constants
