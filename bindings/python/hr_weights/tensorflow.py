"""HR learning in TensorFlow and Keras: the robust loss of a batch, a Keras loss, and attacks inside ``model.fit``.

With Keras, change the loss::

    from hr_weights.tensorflow import HRLoss

    model.compile(optimizer="adam", loss=HRLoss("sparse_categorical_crossentropy", alpha=0.05, r=0.1))

In a training loop of your own, replace ``tf.reduce_mean(losses)`` by ``robust_loss(losses, alpha=0.05, r=0.1)``.

The library is an operation of TensorFlow's graphs, without copies and without Python. A SavedModel may have it: a process
that loads one imports this module first, which makes the operation known to TensorFlow.

Source: Bennouna, Lucas, Van Parys, "Certified Robust Neural Networks: Generalization and Corruption Resistance"
(arXiv 2303.02251); Bennouna, Van Parys, "Holistic Robust Data-Driven Decisions" (arXiv 2207.09560).
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, Optional

from ._extras import extra

with extra("tensorflow"):
    import tensorflow as tf

from . import _core, _dual, _operation_tensorflow
from ._attacks_tensorflow import ffgsm, pgd
from ._frameworks import ORDERINGS, check_base, check_budgets, check_losses, check_real, finite, naming
from ._keras_model import HRModel
from ._numbers import choice
from ._types import Ordering
from .keras import HRLoss

__all__ = ["HRLoss", "HRModel", "ffgsm", "pgd", "robust_loss", "weights"]

Tensor = Any

#: What `backend` may be.
BACKENDS = ("auto", "exact", "operation", "tensor")

_MEAN = 'reduction="none" in Keras\' losses'
_VMAP = ", or use tf.vectorized_map for many problems"


@tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
def robust_loss(
    losses: Tensor,
    alpha: Any = 0.0,
    r: Any = 0.0,
    *,
    ordering: Ordering = "HD",
    base: Optional[Tensor] = None,
    worst_loss: Optional[Any] = None,
    backend: str = "auto",
) -> Tensor:
    """The worst average loss over the ambiguity set, as a scalar whose gradient in the losses is the HR weights.

    losses: shape ``(n,)``, of any unit, floating point; n need not be known while tracing. float16 and bfloat16 are computed
        in float32, and so is the result.
    alpha: total-variation budget: the poisoned fraction of the samples, in [0, 1].
    r: Kullback-Leibler budget in nats: the sampling error, in [0, inf].
    ordering: "HD" (the data was poisoned before it was sampled, the authors' default) or "HR" (after).
    base: shape ``(n,)``: base weights, not negative, of any sum; None: one each. A sample of base weight 0 is masked: its
        loss may be NaN, and its gradient is 0.
    worst_loss: the worst loss that a sample could have had, finite and at least every loss; None: the largest of them.
    backend: "auto" (default): "exact", or "tensor" in a program that XLA compiles. (A ``tf.function`` that was traced
        outside of such a program is not traced again within it.) "exact" solves in the library, eagerly and in graphs, on
        the host: by an operation of its own, or through ``tf.numpy_function`` where this TensorFlow does not take the
        operation (on Windows, and without its C interface for kernels). "operation": by the operation, as a SavedModel
        needs it. "tensor" is made of TensorFlow's operations alone: for ``jit_compile=True``, where no library can be
        called, for accelerators, and for a SavedModel that is loaded without this package. It is right to 1e-6, and does
        not notice NaN or a `worst_loss` that is too small.

    `alpha`, `r` and `worst_loss` may be numbers, variables or scalar tensors, such as a schedule's. They and `base` have no
    gradient, and the weights are constants for second derivatives (the first ones are exact by Danskin's theorem). A graph
    reads tensors and variables at each call. ``tf.vectorized_map`` solves many problems in one call of the library.

    Raises ValueError for a scalar loss, another shape, no sample, a loss that is NaN or infinite (with its index),
    arguments out of range, and "operation" where there is none; what only a running graph can see becomes
    ``tf.errors.InvalidArgumentError``.

    Source: the programs HD and HR of arXiv 2303.02251 (section 3) and arXiv 2207.09560.
    """
    losses, base, budgets, backend = _checked(losses, base, alpha, r, ordering, worst_loss, backend)
    if backend == "operation":
        return _operation_tensorflow.solve(losses, budgets, base, ordering)[2]
    constants, on_worst = _solve(losses, base, budgets, ordering, backend)
    total = tf.reduce_sum(constants * tf.where(constants > 0, losses, tf.zeros_like(losses)))
    return total if worst_loss is None else total + on_worst * tf.cast(_double(budgets[2]), losses.dtype)


@tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
def weights(
    losses: Tensor,
    alpha: Any = 0.0,
    r: Any = 0.0,
    *,
    ordering: Ordering = "HD",
    base: Optional[Tensor] = None,
    worst_loss: Optional[Any] = None,
    backend: str = "auto",
) -> Tensor:
    """The HR weights of n losses, shape ``(n,)``, as constants: the gradient of :func:`robust_loss`. The same arguments.

    They sum to one, unless `worst_loss` is given and has a weight itself. Multiply your losses by them, in place of ``1/n``.
    """
    losses = _tensor(losses, "losses")
    dtype = losses.dtype
    losses, base, budgets, backend = _checked(losses, base, alpha, r, ordering, worst_loss, backend)
    return tf.cast(_solve(losses, base, budgets, ordering, backend)[0], dtype)


def _checked(
    losses: Tensor, base: Optional[Tensor], alpha: Any, r: Any, ordering: str, worst_loss: Any, backend: str
) -> tuple[Tensor, Optional[Tensor], tuple[Any, ...], str]:
    """Losses and base weights in float32 or float64, the budgets, and the way to solve."""
    losses = _tensor(losses, "losses")
    if losses.shape.rank is not None:
        check_losses(losses.shape.as_list(), losses.dtype.is_floating, losses.dtype.name, _MEAN, _VMAP)
    else:
        losses = tf.ensure_shape(losses, (None,))
    choice(ordering, "ordering", ORDERINGS)
    backend = chosen(backend)
    budgets = budgets_of(alpha, r, worst_loss)
    if losses.dtype.size < 4:
        losses = tf.cast(losses, tf.float32)
    if base is not None:
        check_real(base, "base")
        base = _tensor(base, "base", losses.dtype)
        check_real(base, "base")
        base = tf.stop_gradient(tf.cast(base, losses.dtype))
        if base.shape.rank is not None:
            check_base(base.shape.as_list(), losses.shape.as_list())
    return losses, base, budgets, backend


def _tensor(value: Any, name: str, hint: Any = None) -> Tensor:
    """`hint`: the type of what has none itself, such as a list, whose numbers would be those of single precision."""
    with naming(value, name):
        return tf.convert_to_tensor(value, dtype_hint=hint)


def chosen(backend: str) -> str:
    """The way to solve that a back end stands for here: "operation", "exact" (through ``tf.numpy_function``) or "tensor".

    Raises ValueError for one that is none, or that cannot be had.
    """
    choice(backend, "backend", BACKENDS)
    if backend == "auto":
        backend = "tensor" if _operation_tensorflow.is_compiled_by_xla() else "exact"
    is_there = _operation_tensorflow.OPERATION is not None
    if backend == "operation" and not is_there:
        raise ValueError("backend must be 'auto', 'exact' or 'tensor': this TensorFlow does not take the operation")
    return "operation" if backend == "exact" and is_there else backend


def budgets_of(alpha: Any, r: Any, worst_loss: Any) -> tuple[Any, ...]:
    """Alpha, r and the worst loss, if there is one: floats, or tensors of double precision.

    Raises ValueError for those that are out of range, if they have a value now.
    """
    alpha, r, worst_loss = check_budgets(*(_plain(number) for number in (alpha, r, worst_loss)))
    numbers = (alpha, finite(r) if isinstance(r, float) else r, worst_loss)
    return tuple(number if isinstance(number, float) else _double(number) for number in numbers if number is not None)


def _plain(number: Any) -> Any:
    """The value of a tensor or a variable that has one now, so that it can be checked."""
    known = tf.executing_eagerly() and hasattr(number, "numpy") and tuple(number.shape) == ()
    return float(number.numpy()) if known else number


def _double(value: Any) -> Tensor:
    # tf.cast would take a Python float through float32.
    return tf.constant(value, tf.float64) if isinstance(value, float) else tf.cast(value, tf.float64)


def _solve(
    losses: Tensor, base: Optional[Tensor], budgets: tuple[Any, ...], ordering: Ordering, backend: str
) -> tuple[Tensor, Tensor]:
    """The weights ``(n,)`` and the weight of the worst loss ``()``, both constants; `backend`: a way to solve."""
    losses = tf.stop_gradient(losses)
    if backend == "operation":
        return _operation_tensorflow.solve(losses, budgets, base, ordering)[:2]
    numbers = [_double(number) for number in budgets]
    numbers[1] = tf.minimum(numbers[1], _double(finite(math.inf)))
    stacked = tf.stop_gradient(tf.stack(numbers))
    if backend == "tensor":
        return _by_operations(losses, base, stacked, len(numbers) == 3, ordering)
    inputs = [losses, stacked] if base is None else [losses, stacked, base]
    function = partial(_by_library, ordering=ordering)
    constants, on_worst = tf.numpy_function(function, inputs, [losses.dtype, losses.dtype], stateful=False)
    constants, on_worst = tf.ensure_shape(constants, losses.shape), tf.ensure_shape(on_worst, ())
    return tf.stop_gradient(constants), tf.stop_gradient(on_worst)


def _by_library(losses: Any, budgets: Any, base: Any = None, *, ordering: Ordering) -> tuple[Any, Any]:
    alpha, r, *worst_loss = budgets.tolist()
    # A worst loss that is NaN would be no worst loss to the solver.
    check_budgets(alpha, r, *worst_loss or [None])
    solution = _core.solve(losses, alpha, r, ordering=ordering, base=base, worst_loss=(worst_loss or [None])[0])
    return solution.weights, losses.dtype.type(solution.worst_weight)


# A function of its own, so that eager programs run a graph.
@tf.function(autograph=False, reduce_retracing=True)  # type: ignore[untyped-decorator]
def _by_operations(
    losses: Tensor, base: Optional[Tensor], budgets: Tensor, given: bool, ordering: str
) -> tuple[Tensor, Tensor]:
    # That there is a worst loss is said apart: a graph for many shapes no longer knows that of the budgets.
    values = tf.cast(losses, tf.float64)
    constants, on_worst = _dual.weights(
        _Ops(),
        _dual.DOUBLE,
        values,
        None if base is None else tf.cast(base, tf.float64),
        budgets[0:1],
        budgets[1:2],
        budgets[2:3] if given else None,
        ordering,
    )
    constants, on_worst = tf.cast(constants, losses.dtype), tf.cast(on_worst[0], losses.dtype)
    if losses.shape.rank is not None:
        constants = tf.ensure_shape(constants, losses.shape)
    return tf.stop_gradient(constants), tf.stop_gradient(on_worst)


class _Ops:
    """:class:`hr_weights._dual.Ops` for TensorFlow."""

    where = staticmethod(tf.where)
    log = staticmethod(tf.math.log)
    exp = staticmethod(tf.exp)
    maximum = staticmethod(tf.maximum)
    minimum = staticmethod(tf.minimum)
    product = staticmethod(partial(tf.reduce_prod, axis=-1, keepdims=True))
    max = staticmethod(partial(tf.reduce_max, axis=-1, keepdims=True))
    cumsum = staticmethod(partial(tf.cumsum, axis=-1))
    concat = staticmethod(partial(tf.concat, axis=-1))
    expand = staticmethod(partial(tf.expand_dims, axis=-2))
    transpose = staticmethod(tf.linalg.matrix_transpose)

    @staticmethod
    def fill(x: Tensor, mask: Tensor, value: float) -> Tensor:
        # tf.where would take a Python float through float32.
        return tf.where(mask, tf.constant(value, x.dtype), x)

    @staticmethod
    def cast(condition: Tensor, like: Tensor) -> Tensor:
        return tf.cast(condition, like.dtype)

    @staticmethod
    def combine(x: Tensor, factor: float, y: Tensor) -> Tensor:
        return x + factor * y

    @staticmethod
    def less_ratio(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        return x - y / z

    @staticmethod
    def clamp(x: Tensor, low: float, high: float) -> Tensor:
        return tf.clip_by_value(x, tf.constant(low, x.dtype), tf.constant(high, x.dtype))

    @staticmethod
    def sum(x: Tensor, axis: int = -1) -> Tensor:
        return tf.reduce_sum(x, axis=axis, keepdims=True)

    @staticmethod
    def sums(*arrays: Tensor) -> tuple[Tensor, ...]:
        return tuple(tf.unstack(tf.reduce_sum(tf.stack(arrays), axis=-1, keepdims=True), num=len(arrays)))

    @staticmethod
    def maxima(*arrays: Tensor) -> tuple[Tensor, ...]:
        return tuple(tf.unstack(tf.reduce_max(tf.stack(arrays), axis=-1, keepdims=True), num=len(arrays)))

    @staticmethod
    def count(mask: Tensor, like: Tensor) -> Tensor:
        return tf.reduce_sum(tf.cast(mask, like.dtype), axis=-2, keepdims=True)

    @staticmethod
    def sort(keys: Tensor, *values: Tensor) -> tuple[Tensor, ...]:
        order = tf.argsort(keys)
        return tuple(tf.gather(array, order, batch_dims=(keys.shape.rank or 1) - 1) for array in (keys, *values))

    @staticmethod
    def size(x: Tensor) -> Optional[int]:
        size: Optional[int] = x.shape.num_elements()
        return size

    @staticmethod
    def uniform(x: Tensor) -> Tensor:
        return tf.ones_like(x) / tf.cast(tf.shape(x)[-1], x.dtype)

    @staticmethod
    def steps(start: int, stop: int, like: Tensor) -> Tensor:
        return tf.range(start, stop, dtype=like.dtype)[:, None]
