"""The robust loss as a loss of Keras, on TensorFlow, JAX and PyTorch.

::

    from hr_weights.keras import HRLoss

    model.compile(optimizer="adam", loss=HRLoss("sparse_categorical_crossentropy", alpha=0.05, r=0.1))

Import this module before ``keras.saving.load_model``: it is what tells Keras of the class. ``HRModel``, which attacks the
inputs in ``fit``, is there with TensorFlow alone.

Source: Bennouna, Lucas, Van Parys, "Certified Robust Neural Networks: Generalization and Corruption Resistance"
(arXiv 2303.02251); Bennouna, Van Parys, "Holistic Robust Data-Driven Decisions" (arXiv 2207.09560).
"""

from __future__ import annotations

from typing import Any, Callable, Optional, Union

from ._extras import extra

with extra("keras"):
    import keras
    from keras import ops

    # Neither is public: how compile makes a loss of a function, and where its functions are.
    from keras.src.losses import losses as keras_losses
    from keras.src.losses.losses import LossFunctionWrapper

from ._frameworks import ORDERINGS, check_budgets
from ._keras_solve import solver_of
from ._numbers import choice
from ._types import Ordering

__all__ = ["HRLoss"]

Tensor = Any
LossFunction = Union[str, Callable[[Any, Any], Any]]

#: The names with which ``compile`` chooses a cross-entropy by the shapes.
_BY_SHAPE = ("ce", "crossentropy")
_HALF = ("float16", "bfloat16")
_WHOLE_BATCH = (
    "loss_fn returned a single number for the batch, but one loss per sample is needed: leave out the mean over the batch, "
    "or pass axis to Dice and Tversky"
)


def _budget(name: str, doc: str) -> Any:
    return property(lambda self: self._budgets[name], lambda self, value: self._set(name, value), doc=doc)


class HRLoss(keras.losses.Loss):  # type: ignore[misc]
    """The robust loss as a Keras loss: ``model.compile(loss=HRLoss("sparse_categorical_crossentropy", 0.05, 0.1))``.

    loss_fn: what ``compile`` takes for a loss: the name of a Keras loss, a Keras loss, or a function ``(y_true, y_pred)``.
        It must have a loss per sample: Keras' Dice and Tversky have one only with an `axis`, and without it are refused
        unless `alpha` and `r` are 0.
    alpha, r, worst_loss: as in the ``robust_loss`` of Keras' back end: numbers, or variables. Numbers may be set between
        steps, as by a callback: ``loss.alpha = 0.1``, and count from the next step on. Whether there is a worst loss is
        fixed.
    ordering: "HD" or "HR". Fixed.
    backend: "auto" (default), which fits every back end of Keras, or what the ``robust_loss`` of this one takes: "exact",
        "operation" or "tensor" on TensorFlow, "tensor" on JAX, "exact" or "tensor" on PyTorch. "auto" is the library, and
        on TensorFlow its own operations where Keras compiles with ``jit_compile=True``, as it does by itself if there is
        a GPU; "exact" and "operation" need ``model.compile(..., jit_compile=False)`` there. On JAX it is array operations
        where the program does not run on the CPU. Fixed.
    reduction: as in every Keras loss; "inherit" (default): that of `loss_fn` if it is a Keras loss, else Keras' default.
    dtype: as in every Keras loss: that of the computations; None: that of `loss_fn` if it is a Keras loss, else Keras'
        default. float16 and bfloat16 losses are weighed in float32.

    With ``alpha = r = 0`` this is `loss_fn` under Keras, in all respects. Otherwise Keras' weights of the samples, which are
    1, the ``sample_weight`` of ``fit``, and 0 where Keras masks, become base weights; the HR weights, scaled to the same
    sum, take their place in Keras' reduction. (So "sum_over_batch_size" divides by the number of samples, not by the sum of
    their weights.) If a sample has several losses, as a sequence has, the problem is over the samples, and the loss of each
    is the weighted mean of its own. A batch whose weights are all zero has the loss that Keras gives it.

    Raises ValueError for arguments out of range, for losses without samples, and where Keras has another back end than
    TensorFlow, JAX and PyTorch. Losses that are not finite and negative sample weights are a ValueError, in a graph
    ``tf.errors.InvalidArgumentError``, in a program that JAX has compiled ``jax.errors.JaxRuntimeError`` or a ValueError,
    and with "tensor" make the loss NaN.

    Source: the programs HD and HR of arXiv 2303.02251 (section 3) and arXiv 2207.09560.
    """

    def __init__(
        self,
        loss_fn: LossFunction,
        alpha: Any = 0.0,
        r: Any = 0.0,
        *,
        ordering: Ordering = "HD",
        worst_loss: Optional[Any] = None,
        backend: str = "auto",
        name: str = "hr_loss",
        reduction: Optional[str] = "inherit",
        dtype: Any = None,
    ) -> None:
        self._loss = None if _is_by_shape(loss_fn) else _loss_of(loss_fn, dtype)
        self._given = loss_fn if isinstance(loss_fn, str) else keras.losses.get(loss_fn)
        if reduction == "inherit":
            reduction = "sum_over_batch_size" if self._loss is None else self._loss.reduction
        # Keras computes in the default type unless it is told another one.
        super().__init__(name=name, reduction=reduction, dtype=dtype or (self._loss and self._loss.dtype))
        choice(ordering, "ordering", ORDERINGS)
        self._ordering, self._backend = ordering, backend
        alpha, r, worst_loss = check_budgets(alpha, r, worst_loss)
        self._budgets = {"alpha": alpha, "r": r, "worst_loss": worst_loss}
        self._solver = solver_of(self._budgets)
        choice(backend, "backend", self._solver.backends)
        self._whole_batch = False

    # What may change takes effect, and what may not is refused.
    alpha = _budget("alpha", "The total-variation budget, in [0, 1].")
    r = _budget("r", "The Kullback-Leibler budget, in nats.")
    worst_loss = _budget("worst_loss", "The worst loss that a sample could have had, or None.")
    ordering = property(lambda self: self._ordering, doc='"HD" or "HR".')
    backend = property(lambda self: self._backend, doc='"auto", or the name of a way to solve.')
    loss_fn = property(lambda self: self._given, doc="What the losses of the samples are.")

    def _set(self, name: str, value: Any) -> None:
        old = self._budgets[name]
        if (old is None) != (value is None):
            raise ValueError(f"{name} cannot be changed from {old} to {value}: make another HRLoss")
        if value is None:
            return
        value = _float(value) if hasattr(value, "dtype") else value
        checked = check_budgets(**{"alpha": 0.0, "r": 0.0, "worst_loss": None, name: value})
        new = checked[list(self._budgets).index(name)]
        if self._whole_batch and new != 0:
            raise ValueError(f"{name} must stay 0: {_WHOLE_BATCH}")
        if isinstance(old, float):
            self._budgets[name] = new
            self._solver.set(name, new)
        elif hasattr(old, "assign"):
            # The caller's own variable.
            old.assign(new)
        else:
            raise ValueError(f"{name} cannot be changed, since it is {type(old).__name__}: pass a number or a variable")

    # ---- the loss ----

    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        """The losses of the samples, shape ``(n,)``, or ``(n, ...)`` where a sample has several."""
        loss = self._loss or _loss_of(_cross_entropy(y_true, y_pred), self.dtype)
        return loss.call(y_true, y_pred)

    def losses(self, y_true: Any, y_pred: Any) -> Tensor:
        """As :meth:`call`, of arguments of any type."""
        y_true, y_pred = (
            keras.tree.map_structure(lambda x: ops.convert_to_tensor(x, dtype=self.dtype), y) for y in (y_true, y_pred)
        )
        return self.call(y_true, y_pred)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Optional[Any] = None) -> Tensor:
        """The robust loss, reduced as Keras reduces losses.

        y_true, y_pred, sample_weight: as for every Keras loss; sample weights must not be negative.
        """
        with keras.name_scope(self.name):
            losses = self.losses(y_true, y_pred)
            mask = _mask_of(losses)

            def reduced(values: Tensor, reduction: Optional[str], dtype: str) -> Tensor:
                # With PyTorch, Keras multiplies the mask into the tensor that it is given.
                weight = None if sample_weight is None else ops.copy(ops.convert_to_tensor(sample_weight))
                return _Reduction(values, mask, reduction, dtype)(y_pred, y_pred, weight)

            plain = reduced(losses, self.reduction, self.dtype)
            if len(losses.shape) == 0:
                self._check_whole_batch()
                return plain
            if losses.shape[0] == 0:
                return plain
            wide = "float32" if self.dtype in _HALF else self.dtype
            losses = ops.cast(losses, wide)
            ones = ops.ones_like(losses)
            # Of every loss, its weight under Keras, and both multiplied.
            masses, parts = reduced(ones, "none", wide), reduced(losses, "none", wide)
            parts = ops.where(masses != 0, parts, ops.zeros_like(parts))
            inner = tuple(range(1, len(masses.shape)))
            mass = ops.sum(masses, inner) if inner else masses
            divisor = ops.where(mass != 0, mass, ops.ones_like(mass))
            samples = (ops.sum(parts, inner) if inner else parts) / divisor
            total = ops.sum(mass)
            reading = self._solver.read(losses)
            alpha, r, worst, _ = reading
            none = (alpha == 0) & (r == 0)
            # Without budgets whatever Keras takes is fine, so the solver gets nothing that it would
            # refuse.
            if none is True:
                return plain
            fine = 0.0 if worst is None else 2 * ops.minimum(ops.cast(worst, wide), 0.0)
            known = ops.where(none, fine * ops.ones_like(samples), ops.stop_gradient(samples))
            base = ops.where((total > 0) & ops.logical_not(none), ops.stop_gradient(mass), ops.ones_like(mass))
            weights, at_worst = self._solver.solve(known, base, reading, fine, self._ordering, self._backend)
            # NaN if a loss is not finite or a sample weight is negative, which the tensor back end
            # does not notice; else 0.
            fit = ops.where((mass < 0) & ops.logical_not(none), ops.zeros_like(mass), ops.ones_like(mass))
            unfit = ops.sum(0.0 * known / fit)
            if self.reduction in (None, "none"):
                scale = weights * total / divisor + unfit
                result = parts * ops.reshape(scale, (-1,) + (1,) * len(inner)) + at_worst * masses
            else:
                robust = ops.sum(weights * ops.where(weights > 0, samples, ops.zeros_like(samples))) + at_worst + unfit
                result = robust * reduced(ones, self.reduction, wide)
            # PyTorch's type is that of what Keras has multiplied.
            return ops.where(none, plain, ops.cast(result, plain.dtype))

    def _check_whole_batch(self) -> None:
        loss = self._loss
        known = getattr(loss, "fn", type(loss)).__module__ == keras_losses.__name__
        if not known or self._budgets["alpha"] != 0.0 or self._budgets["r"] != 0.0:
            raise ValueError(_WHOLE_BATCH)
        self._whole_batch = True

    def get_config(self) -> dict[str, Any]:
        """What Keras saves."""
        given = self._given if isinstance(self._given, str) else keras.losses.serialize(self._given)
        budgets = {name: None if value is None else _float(value) for name, value in self._budgets.items()}
        return {
            "loss_fn": given,
            **budgets,
            "ordering": self.ordering,
            "backend": self.backend,
            "name": self.name,
            "reduction": self.reduction,
            "dtype": self.dtype,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> HRLoss:
        """What Keras loads."""
        config = dict(config)
        given = config.pop("loss_fn")
        # As Keras loads its own, in whose words a function that is missing is told.
        return cls(keras.saving.deserialize_keras_object(given) if isinstance(given, dict) else given, **config)


# `load_model` finds the class by this name. (Not as a decorator: the pages are made without Keras.)
keras.saving.register_keras_serializable(package="hr_weights")(HRLoss)


class _Reduction(keras.losses.Loss):  # type: ignore[misc]
    """Keras' own reduction, with the weights and the masks that it would use, of losses that are there already."""

    def __init__(self, values: Tensor, mask: Optional[Tensor], reduction: Optional[str], dtype: str) -> None:
        super().__init__(name="reduction", reduction=reduction, dtype=dtype)
        self.values, self.mask = values, mask

    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        if self.mask is not None:
            _set_mask(self.values, self.mask)
        return self.values


def _mask_of(values: Tensor) -> Optional[Tensor]:
    """The mask that some losses give to their result."""
    get = getattr(keras.src.backend, "get_keras_mask", None)
    return get(values) if get else getattr(values, "_keras_mask", None)


def _set_mask(values: Tensor, mask: Tensor) -> None:
    setting = getattr(keras.src.backend, "set_keras_mask", None)
    if setting:
        setting(values, mask)
    else:
        values._keras_mask = mask


def _float(value: Any) -> float:
    return float(ops.convert_to_numpy(value))


def _is_by_shape(loss_fn: Any) -> bool:
    return isinstance(loss_fn, str) and loss_fn.lower() in _BY_SHAPE


def _loss_of(loss_fn: Any, dtype: Any) -> Any:
    """As ``compile`` makes a loss of what it is given."""
    loss = keras.losses.get(loss_fn)
    if loss is None:
        raise ValueError("loss_fn must be the name of a Keras loss, a Keras loss or a function, not None")
    return loss if isinstance(loss, keras.losses.Loss) else LossFunctionWrapper(loss, dtype=dtype)


def _cross_entropy(y_true: Tensor, y_pred: Tensor) -> str:
    """As ``compile`` chooses one."""
    if y_pred.shape[-1] == 1:
        return "binary_crossentropy"
    sparse = len(y_true.shape) < len(y_pred.shape) or (y_true.shape[-1] == 1 and y_pred.shape[-1] > 1)
    return "sparse_categorical_crossentropy" if sparse else "categorical_crossentropy"


def needs_tensorflow() -> str:
    """What is wrong where HRModel is wanted and Keras has another back end."""
    return (
        f"HRModel works with Keras on TensorFlow, but its back end is {keras.backend.backend()!r}: attack the inputs in a "
        "loop of your own, with pgd of hr_weights.jax or hr_weights.torch"
    )


def __getattr__(name: str) -> Any:
    """HRModel, which imports TensorFlow."""
    if name != "HRModel":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if keras.backend.backend() != "tensorflow":
        raise ImportError(needs_tensorflow())
    from ._keras_model import HRModel

    return HRModel
