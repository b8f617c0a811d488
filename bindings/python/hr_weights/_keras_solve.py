"""The weights for ``hr_weights.keras``, which the module for Keras' own back end computes.

For each back end a class, which also knows how a number that changes between steps gets into a
program that is compiled already. ``read`` gives the budgets as they are now: alpha, r, the worst
loss or None, and all of them in the form that ``solve`` takes. ``solve`` gives the weights
``(n,)``, and the weight of the worst loss times that loss; all constants.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Union

import keras
from keras import ops

from ._frameworks import finite
from ._types import Ordering

Tensor = Any
Budgets = dict[str, Any]
#: Alpha, r, the worst loss, and the three in the back end's own form.
Reading = tuple[Any, Any, Any, Any]


class _TensorFlow:
    """The numbers are in variables, which a graph reads at each call."""

    def __init__(self, budgets: Budgets) -> None:
        import tensorflow as tf

        from . import tensorflow as framework

        self.framework, self.backends = framework, framework.BACKENDS
        self._values = dict(budgets)
        for name, value in budgets.items():
            if isinstance(value, float):
                with tf.init_scope():
                    self._values[name] = tf.Variable(finite(value), trainable=False, dtype=tf.float64)

    def set(self, name: str, value: float) -> None:
        self._values[name].assign(finite(value))

    def read(self, losses: Tensor) -> Reading:
        values = tuple(self._values.values())
        return (*values, self.framework.budgets_of(*values))

    def solve(
        self, losses: Tensor, base: Tensor, reading: Reading, fine: Any, ordering: Ordering, backend: str
    ) -> tuple[Tensor, Any]:
        _, _, worst_loss, numbers = reading
        way = self.framework.chosen(backend)
        # A replica's share of the last batch may be empty, and the library refuses a problem
        # without samples. So there is one more sample, which is masked unless it is the only one.
        padded = way != "tensor" and losses.shape[0] is None
        if padded:
            is_only = ops.cast(ops.sum(base) <= 0, base.dtype)
            losses = ops.concatenate([losses, ops.reshape(ops.cast(fine, losses.dtype), (1,))])
            base = ops.concatenate([base, ops.reshape(is_only, (1,))])
        weights, on_worst = self.framework._solve(losses, base, numbers, ordering, way)
        weights = weights[:-1] if padded else weights
        if worst_loss is None:
            return weights, 0.0
        return weights, on_worst * ops.cast(self.framework._double(numbers[2]), losses.dtype)


class _Jax:
    """A compiled program asks Python for the numbers: as constants they would stay what they were when it was traced."""

    backends = ("auto", "tensor")

    def __init__(self, budgets: Budgets) -> None:
        from . import jax as framework

        self.framework, self._budgets = framework, budgets

    def set(self, name: str, value: float) -> None:
        """The dict has the new value already."""

    def read(self, losses: Tensor) -> Reading:
        import jax
        from jax.experimental import io_callback

        names = [name for name, value in self._budgets.items() if value is not None]
        # A variable of the model is an argument of the program, and any other one is not.
        values = {name: ops.convert_to_tensor(self._budgets[name]) for name in names if self._is_tensor(name)}
        traced = {name: value for name, value in values.items() if isinstance(value, jax.core.Tracer)}
        dtype = losses.dtype
        if isinstance(losses, jax.core.Tracer):
            shape = jax.ShapeDtypeStruct((2 * len(names),), dtype)
            numbers = io_callback(partial(self._numbers, dtype, frozenset(traced)), shape)
        else:
            numbers = self._numbers(dtype, frozenset(traced))
        for name, value in traced.items():
            place = 2 * names.index(name)
            high = jax.numpy.minimum(value.astype(dtype), jax.numpy.finfo(dtype).max)
            numbers = jax.numpy.asarray(numbers).at[place].set(high).at[place + 1].set(0)
        # Of each number what is left when it is rounded to the type is the second of a pair.
        alpha, r, *worst_loss = (numbers[i] + numbers[i + 1] for i in range(0, 2 * len(names), 2))
        return alpha, r, worst_loss[0] if worst_loss else None, numbers

    def _is_tensor(self, name: str) -> bool:
        return not isinstance(self._budgets[name], float)

    def _numbers(self, dtype: Any, without: frozenset[str]) -> Any:
        values = {name: 0.0 if name in without else value for name, value in self._budgets.items()}
        numbers = {name: None if value is None else float(value) for name, value in values.items()}
        return self.framework._budgets(**numbers, dtype=dtype)

    def solve(
        self, losses: Tensor, base: Tensor, reading: Reading, fine: Any, ordering: Ordering, backend: str
    ) -> tuple[Tensor, Any]:
        _, _, worst_loss, numbers = reading
        weights, outcome = self.framework._now(self.framework._solve, losses, base, numbers, ordering, backend)
        return weights, 0.0 if worst_loss is None else outcome[0] * worst_loss


class _Torch:
    """Python runs each step, or ``torch.compile`` sees that a number is another one, and compiles again."""

    backends = ("auto", "exact", "tensor")

    def __init__(self, budgets: Budgets) -> None:
        self._budgets = budgets

    def set(self, name: str, value: float) -> None:
        """The dict has the new value already."""

    def read(self, losses: Tensor) -> Reading:
        numbers = {
            name: value if value is None or isinstance(value, float) else ops.convert_to_tensor(value)
            for name, value in self._budgets.items()
        }
        return numbers["alpha"], numbers["r"], numbers["worst_loss"], numbers

    def solve(
        self, losses: Tensor, base: Tensor, reading: Reading, fine: Any, ordering: Ordering, backend: str
    ) -> tuple[Tensor, Any]:
        from ._torch_loss import _solved

        _, _, worst_loss, numbers = reading
        way = "exact" if backend == "auto" else backend
        robust, weights, losses, _ = _solved(losses, base, **numbers, ordering=ordering, backend=way)
        if worst_loss is None:
            return weights, 0.0
        # What the samples do not have of the robust loss.
        return weights, robust - ops.sum(weights * ops.where(weights > 0, losses, ops.zeros_like(losses)))


Solver = Union[_TensorFlow, _Jax, _Torch]
_SOLVERS: dict[str, Any] = {"tensorflow": _TensorFlow, "jax": _Jax, "torch": _Torch}


def solver_of(budgets: Budgets) -> Solver:
    """What solves with Keras' back end; `budgets` is alpha, r and worst_loss, and may be changed together with ``set``.

    Raises ValueError for a back end that has no module here.
    """
    name = keras.backend.backend()
    if name not in _SOLVERS:
        raise ValueError(f"HRLoss works with Keras on TensorFlow, JAX and PyTorch, but its back end is {name!r}")
    made: Solver = _SOLVERS[name](budgets)
    return made
