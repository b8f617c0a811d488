"""HR learning in JAX: the robust loss of a batch, and attacks.

In a training step, replace ``losses.mean()`` by::

    from hr_weights.jax import robust_loss

    def loss(params):
        return robust_loss(per_sample_losses(params, inputs, targets), alpha=0.05, r=0.1)

    gradient = jax.grad(loss)(params)

On the CPU the compiled program calls the library, without copies and without Python. On other platforms the same problem is
solved by array operations. Both work under ``jit``, ``vmap``, ``grad``, ``lax.scan`` and ``shard_map``.

Source: Bennouna, Lucas, Van Parys, "Certified Robust Neural Networks: Generalization and Corruption Resistance"
(arXiv 2303.02251); Bennouna, Van Parys, "Holistic Robust Data-Driven Decisions" (arXiv 2207.09560).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, Optional

import numpy as np

from ._extras import extra

with extra("jax"):
    import jax
    import jax.numpy as jnp
    from jax import lax

from . import _dual, _jax_sharded, _library
from ._attacks_jax import ffgsm, pgd
from ._frameworks import ORDERINGS, check_base, check_budgets, check_losses, check_real, naming
from ._gathered import LARGEST
from ._numbers import choice
from ._types import Ordering

__all__ = ["ffgsm", "pgd", "robust_loss", "weights"]

Array = Any

_MEAN = "return the losses of the samples, without jnp.mean"
_VMAP = ", or use jax.vmap for many problems"
_TARGET = "hr_weights_solve"

jax.ffi.register_ffi_target(_TARGET, jax.ffi.pycapsule(_library.LIBRARY.hrw_xla_weights), platform="cpu")


def robust_loss(
    losses: Array,
    alpha: Any = 0.0,
    r: Any = 0.0,
    *,
    ordering: Ordering = "HD",
    base: Optional[Array] = None,
    worst_loss: Optional[Any] = None,
    backend: str = "auto",
    axis_name: Optional[Any] = None,
) -> Array:
    """The worst average loss over the ambiguity set, as a scalar whose gradient in the losses is the HR weights.

    losses: shape ``(n,)``, of any unit, floating point. float16 and bfloat16 are computed in float32, and so is the result.
    alpha: total-variation budget: the poisoned fraction of the samples, in [0, 1].
    r: Kullback-Leibler budget in nats: the sampling error, in [0, inf].
    ordering: "HD" (the data was poisoned before it was sampled, the authors' default) or "HR" (after). Static.
    base: shape ``(n,)``: base weights, not negative, of any sum; None: one each. A sample of base weight 0 is masked: its
        loss may be NaN, and its gradient is 0.
    worst_loss: the worst loss that a sample could have had, finite and at least every loss; None: the largest of them.
    backend: "auto" (default): the library on the CPU, array operations elsewhere. "tensor": array operations everywhere.
        These are right to 1e-6 with ``jax_enable_x64`` and to 1e-5 without, and do not notice bad values.
    axis_name: inside ``jax.shard_map``, the name of the mesh axis that the samples are spread over, or a tuple of
        names: these are then the losses of one shard, and the result is the robust loss of all shards, the same on
        each. Losses that come to at most 32 KiB together, base weights included, are gathered once, and every shard
        solves. With more of them every shard makes about five small exchanges (at most 64), on the CPU alone; they are
        exact without ``jax_enable_x64`` too. None: these are all the losses.

    `alpha`, `r` and `worst_loss` may be numbers or traced scalars, such as a schedule's. They and `base` have no gradient,
    and the weights are constants for second derivatives (the first ones are exact by Danskin's theorem).

    Losses that are spread over a mesh need no `axis_name` outside of ``shard_map``: the program, compiled by ``jit`` or not,
    gathers them, and every device solves the whole problem. The axes of the mesh may be of the type Auto or Explicit.

    Raises ValueError for a scalar loss, another shape, no sample, and numbers out of range. A loss that is NaN or infinite
    (with its index) and a bad base weight are a ValueError too if the call is made outside of ``jit`` and the like.
    What only a compiled program can see, traced budgets out of range among it, is an error of JAX with the same message:
    ``jax.errors.JaxRuntimeError``, raised where the result is waited for, or a ValueError where JAX runs the program at
    once.

    Source: the programs HD and HR of arXiv 2303.02251 (section 3) and arXiv 2207.09560.
    """
    losses, base, budgets = _checked(losses, base, alpha, r, ordering, worst_loss, backend)
    if axis_name is not None:
        total, constants = _together(losses, base, budgets, ordering, backend, axis_name)
        # A change that is zero, whose derivative is the weights: the collectives have none. Masked losses may be NaN.
        counted = jnp.where(constants > 0, losses, 0)
        # One shard has the value, so that the sum is the same, and known to be, on each.
        own = jnp.where(lax.axis_index(axis_name) == 0, total, 0)
        return lax.psum(own + jnp.sum(constants * (counted - lax.stop_gradient(counted))), axis_name)
    return _now(_robust_loss, losses, base, budgets, ordering, backend)


def weights(
    losses: Array,
    alpha: Any = 0.0,
    r: Any = 0.0,
    *,
    ordering: Ordering = "HD",
    base: Optional[Array] = None,
    worst_loss: Optional[Any] = None,
    backend: str = "auto",
    axis_name: Optional[Any] = None,
) -> Array:
    """The HR weights of n losses, shape ``(n,)``, as constants: the gradient of :func:`robust_loss`. The same arguments.

    They sum to one, unless `worst_loss` is given and has a weight itself. Multiply your losses by them, in place of ``1/n``.
    """
    losses = _array(losses, "losses")
    dtype = losses.dtype
    losses, base, budgets = _checked(losses, base, alpha, r, ordering, worst_loss, backend)
    if axis_name is not None:
        return _together(losses, base, budgets, ordering, backend, axis_name)[1].astype(dtype)
    return _now(_solve, losses, base, budgets, ordering, backend)[0].astype(dtype)


def _checked(
    losses: Array, base: Optional[Array], alpha: Any, r: Any, ordering: str, worst_loss: Any, backend: str
) -> tuple[Array, Optional[Array], Array]:
    """Losses and base weights in float32 or float64, each whole on every device, and the budgets for the library."""
    losses = _array(losses, "losses")
    check_losses(losses.shape, jnp.issubdtype(losses.dtype, jnp.floating), losses.dtype, _MEAN, _VMAP)
    choice(ordering, "ordering", ORDERINGS)
    choice(backend, "backend", ("auto", "tensor"))
    budgets = check_budgets(*(_plain(number) for number in (alpha, r, worst_loss)))
    if losses.dtype.itemsize < 4:
        losses = losses.astype(jnp.float32)
    losses = _gathered(losses)
    if base is not None:
        check_real(base, "base")
        base = _array(base, "base", losses.dtype)
        check_base(base.shape, losses.shape)
        base = _gathered(base)
    return losses, base, _budgets(*budgets, losses.dtype)


def _array(value: Any, name: str, dtype: Any = None) -> Array:
    with naming(value, name):
        return jnp.asarray(value, dtype)


def _plain(number: Any) -> Any:
    """The value of an array that has one now, so that it can be checked."""
    known = isinstance(number, jax.Array) and not isinstance(number, jax.core.Tracer) and number.shape == ()
    return float(number) if known else number


def _gathered(array: Array) -> Array:
    """Whole on every device of the mesh, if its axes are of the type Explicit: these demand that it is said. Those of the
    type Auto leave it to the compiler.
    """
    # Older versions know no such axes.
    sharding = getattr(jax.typeof(array), "sharding", None) if hasattr(jax, "typeof") else None
    if sharding is not None and any(part is not None for part in getattr(sharding, "spec", ())):
        array = jax.sharding.reshard(array, jax.sharding.NamedSharding(sharding.mesh, jax.sharding.PartitionSpec()))
    return array


def _now(solve: Any, *arguments: Any) -> Array:
    """The result of the library. Where it has a value now it is waited for, so that what is refused is a ValueError here."""
    try:
        result = solve(*arguments)
        waits = not any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(result))
        return jax.block_until_ready(result) if waits else result
    # From the third call or so on JAX translates what was refused at once to a ValueError of its own.
    except (jax.errors.JaxRuntimeError, ValueError) as error:
        code, _, message = str(error).partition(": ")
        if code != "INVALID_ARGUMENT":
            raise
        raise ValueError(message) from error


def _budgets(alpha: Any, r: Any, worst_loss: Any, dtype: Any) -> Array:
    """Alpha, r and the worst loss, if there is one: each as the sum of two numbers of this type, so that a Python float
    keeps its precision among float32 losses. Shape ``(4,)`` or ``(6,)``.
    """
    # An infinite r is as good as the largest number, and is no trouble to debug.
    largest = float(jnp.finfo(dtype).max)
    r = min(r, largest) if isinstance(r, float) else jnp.minimum(_widened(r, dtype), largest)
    numbers = [alpha, r] + ([] if worst_loss is None else [worst_loss])
    if all(isinstance(number, float) for number in numbers):
        exact = np.asarray(numbers, np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            high = exact.astype(dtype)
            low = np.where(np.isfinite(high), exact - high.astype(np.float64), 0.0)
        return np.stack((high, low.astype(dtype)), axis=1).reshape(-1)
    pairs: list[Any] = []
    for number in numbers:
        number = lax.stop_gradient(_widened(jnp.asarray(number), dtype))
        high = number.astype(dtype)
        low = jnp.where(jnp.isfinite(high), number - high.astype(number.dtype), 0)
        pairs += [high, low.astype(dtype)]
    return _stacked(pairs)


def _widened(number: Array, dtype: Any) -> Array:
    """In this type or in double precision: types are not mixed, since strict promotion refuses that."""
    return number if number.dtype == jnp.float64 else number.astype(dtype)


def _stacked(arrays: Sequence[Array]) -> Array:
    """``jnp.stack``, which under ``vmap`` refuses a batch that is spread over an Explicit axis beside what has no batch."""
    return jnp.concatenate([jnp.expand_dims(array, 0) for array in arrays])


@partial(jax.jit, static_argnums=(3, 4))
def _robust_loss(losses: Array, base: Optional[Array], budgets: Array, ordering: str, backend: str) -> Array:
    constants, outcome = _solve(losses, base, budgets, ordering, backend)
    total = jnp.sum(constants * jnp.where(constants > 0, losses, 0))
    return total + outcome[0] * (budgets[4] + budgets[5]) if budgets.shape[-1] > 4 else total


def _together(
    losses: Array, base: Optional[Array], budgets: Array, ordering: str, backend: str, axis_name: Any
) -> tuple[Array, Array]:
    """The robust loss of all shards ``()``, and the weights of this one ``(n,)``, both constants."""
    if backend != "auto":
        raise ValueError(f"with axis_name, backend must be 'auto', not {backend!r}")
    losses, base = lax.stop_gradient(losses), None if base is None else lax.stop_gradient(base)
    size = losses.size * losses.dtype.itemsize * (1 if base is None else 2)
    if lax.psum(1, axis_name) * size > LARGEST:
        return _jax_sharded.by_rounds(losses, base, lax.stop_gradient(jnp.asarray(budgets)), ordering, axis_name)
    samples, all_base, budgets = _jax_sharded.gathered(losses, base, budgets, axis_name)
    constants, outcome = _solve(samples, all_base, budgets, ordering, backend)
    start = lax.axis_index(axis_name) * losses.size
    return outcome[1], lax.dynamic_slice(constants, (start,), losses.shape)


@partial(jax.jit, static_argnums=(3, 4))
def _solve(losses: Array, base: Optional[Array], budgets: Array, ordering: str, backend: str) -> tuple[Array, Array]:
    """The weights ``(n,)``; the weight of the worst loss and the robust loss ``(2,)``; all constants.

    Compiled once per shape.
    """
    arguments = tuple(lax.stop_gradient(x) for x in (losses, budgets) + (() if base is None else (base,)))
    by_library = partial(_by_library, ordering=ordering)
    by_arrays = partial(_by_arrays, ordering=ordering)
    if backend == "tensor":
        result = by_arrays(*arguments)
    else:
        result = lax.platform_dependent(*arguments, cpu=by_library, default=by_arrays)
    constants, outcome = result
    return constants, outcome


def _by_library(losses: Array, budgets: Array, *base: Array, ordering: str) -> tuple[Array, Array]:
    call = jax.ffi.ffi_call(
        _TARGET,
        (jax.ShapeDtypeStruct(losses.shape, losses.dtype), jax.ShapeDtypeStruct((2,), losses.dtype)),
        vmap_method="broadcast_all",
    )
    results = call(losses, budgets, *base, ordering=np.int32(_library.ORDERINGS[ordering]))
    constants, outcome = _jax_sharded.varying(results, losses, budgets, *base)
    return constants, outcome


def _by_arrays(losses: Array, budgets: Array, *base: Array, ordering: str) -> tuple[Array, Array]:
    dtype = jnp.float64 if jax.config.jax_enable_x64 else jnp.float32  # type: ignore[attr-defined]
    values = losses.astype(dtype)
    alpha, r, *worst_loss = budgets.astype(dtype).reshape(-1, 2).sum(1, keepdims=True)
    constants, on_worst = _dual.weights(
        _Ops(),
        _dual.DOUBLE if dtype == jnp.float64 else _dual.SINGLE,
        values,
        base[0].astype(dtype) if base else None,
        alpha,
        r,
        worst_loss[0] if worst_loss else None,
        ordering,
    )
    total = jnp.sum(constants * jnp.where(constants > 0, values, 0))
    outcome = _stacked((on_worst[0], total + on_worst[0] * worst_loss[0][0] if worst_loss else total))
    return constants.astype(losses.dtype), outcome.astype(losses.dtype)


class _Ops:
    """:class:`hr_weights._dual.Ops` for JAX."""

    where = staticmethod(jnp.where)
    log = staticmethod(jnp.log)
    exp = staticmethod(jnp.exp)
    maximum = staticmethod(jnp.maximum)
    minimum = staticmethod(jnp.minimum)
    clamp = staticmethod(jnp.clip)
    product = staticmethod(partial(jnp.prod, axis=-1, keepdims=True))
    max = staticmethod(partial(jnp.max, axis=-1, keepdims=True))
    concat = staticmethod(partial(jnp.concatenate, axis=-1))

    @staticmethod
    def size(x: Array) -> Optional[int]:
        # jax.export takes shapes whose numbers are not known yet.
        return x.size if isinstance(x.size, int) else None

    @staticmethod
    def fill(x: Array, mask: Array, value: float) -> Array:
        return jnp.where(mask, value, x)

    @staticmethod
    def cast(condition: Array, like: Array) -> Array:
        return condition.astype(like.dtype)

    @staticmethod
    def combine(x: Array, factor: float, y: Array) -> Array:
        return x + factor * y

    @staticmethod
    def less_ratio(x: Array, y: Array, z: Array) -> Array:
        return x - y / z

    @staticmethod
    def sum(x: Array, axis: int = -1) -> Array:
        return jnp.sum(x, axis=axis, keepdims=True)

    @staticmethod
    def sums(*arrays: Array) -> tuple[Array, ...]:
        return tuple(jnp.sum(_stacked(arrays), axis=-1, keepdims=True))

    @staticmethod
    def maxima(*arrays: Array) -> tuple[Array, ...]:
        return tuple(jnp.max(_stacked(arrays), axis=-1, keepdims=True))

    @staticmethod
    def cumsum(x: Array) -> Array:
        # As products with triangles of ones, in blocks. As a window that slides it would be many operations.
        n = x.shape[-1]
        if not isinstance(n, int):
            return jnp.cumsum(x, -1)
        root = math.isqrt(n - 1) + 1
        block = n if n <= 128 else next((k for k in range(root, 8 * root) if n % k == 0), root)
        padding = -n % block
        rows = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, padding)]) if padding else x
        rows = rows.reshape(*x.shape[:-1], -1, block)
        within = jnp.matmul(rows, np.tri(block, dtype=x.dtype).T, precision=lax.Precision.HIGHEST)
        if n > block:
            earlier = np.tri(rows.shape[-2], k=-1, dtype=x.dtype).T
            before = jnp.matmul(jnp.sum(rows, -1), earlier, precision=lax.Precision.HIGHEST)
            within = within + before[..., None]
        sums = within.reshape(*x.shape[:-1], -1)
        return sums[..., :n] if padding else sums

    @staticmethod
    def count(mask: Array, like: Array) -> Array:
        return jnp.sum(mask, axis=-2, keepdims=True, dtype=like.dtype)

    @staticmethod
    def sort(keys: Array, *values: Array) -> tuple[Array, ...]:
        return tuple(lax.sort((keys, *values), num_keys=1))

    @staticmethod
    def uniform(x: Array) -> Array:
        return jnp.full_like(x, 1.0 / x.shape[-1])

    @staticmethod
    def steps(start: int, stop: int, like: Array) -> Array:
        return jnp.asarray(np.arange(start, stop, dtype=like.dtype)[:, None])

    @staticmethod
    def expand(x: Array) -> Array:
        return jnp.expand_dims(x, -2)

    @staticmethod
    def transpose(x: Array) -> Array:
        return jnp.swapaxes(x, -1, -2)
