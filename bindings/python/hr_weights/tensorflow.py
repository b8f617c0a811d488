"""HR learning in TensorFlow and Keras: the robust loss of a batch, a Keras loss, and attacks inside ``model.fit``.

With Keras, change the loss::

    from hr_weights.tensorflow import HRLoss

    model.compile(optimizer="adam", loss=HRLoss("sparse_categorical_crossentropy", alpha=0.05, r=0.1))

In a training loop of your own, replace ``tf.reduce_mean(losses)`` by ``robust_loss(losses, alpha=0.05, r=0.1)``.

Source: Bennouna, Lucas, Van Parys, "Certified Robust Neural Networks: Generalization and Corruption Resistance"
(arXiv 2303.02251); Bennouna, Van Parys, "Holistic Robust Data-Driven Decisions" (arXiv 2207.09560).
"""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Optional, Union

from ._extras import extra

with extra("tensorflow"):
    import tensorflow as tf

from . import _core, _dual
from ._attacks_tensorflow import Normalization, ffgsm, pgd
from ._frameworks import ORDERINGS, check_attack, check_base, check_budgets, check_choice, check_losses

__all__ = ["HRLoss", "HRModel", "ffgsm", "pgd", "robust_loss", "weights"]

Tensor = Any

_MEAN = 'reduction="none" in Keras\' losses'
_VMAP = ", or use tf.map_fn for many problems"


@tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
def robust_loss(
    losses: Tensor,
    alpha: Any = 0.0,
    r: Any = 0.0,
    *,
    ordering: str = "HD",
    base: Optional[Tensor] = None,
    worst_loss: Optional[Any] = None,
    backend: str = "exact",
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
    backend: "exact" (default) solves in the library, eagerly and in graphs, on the host. "tensor" is made of TensorFlow
        operations alone: for ``jit_compile=True``, where no library can be called, for accelerators and for SavedModels. It
        is right to 1e-6, and does not notice NaN or a `worst_loss` that is too small.

    `alpha`, `r` and `worst_loss` may be numbers, variables or scalar tensors, such as a schedule's. They and `base` have no
    gradient, and the weights are constants for second derivatives (the first ones are exact by Danskin's theorem).

    Raises ValueError for a scalar loss, another shape, no sample, a loss that is NaN or infinite (with its index), and
    arguments out of range; what only a running graph can see becomes ``tf.errors.InvalidArgumentError``.

    Source: the programs HD and HR of arXiv 2303.02251 (section 3) and arXiv 2207.09560.
    """
    losses, base = _checked(losses, base, alpha, r, ordering, worst_loss, backend)
    constants, on_worst = _solve(losses, base, alpha, r, worst_loss, ordering, backend)
    total = tf.reduce_sum(constants * tf.where(constants > 0, losses, tf.zeros_like(losses)))
    return (
        total if worst_loss is None else total + on_worst * tf.stop_gradient(tf.cast(_double(worst_loss), losses.dtype))
    )


@tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
def weights(
    losses: Tensor,
    alpha: Any = 0.0,
    r: Any = 0.0,
    *,
    ordering: str = "HD",
    base: Optional[Tensor] = None,
    worst_loss: Optional[Any] = None,
    backend: str = "exact",
) -> Tensor:
    """The HR weights of n losses, shape ``(n,)``, as constants: the gradient of :func:`robust_loss`. The same arguments.

    They sum to one, unless `worst_loss` is given and has a weight itself. Multiply your losses by them, in place of ``1/n``.
    """
    dtype = tf.convert_to_tensor(losses).dtype
    losses, base = _checked(losses, base, alpha, r, ordering, worst_loss, backend)
    return tf.cast(_solve(losses, base, alpha, r, worst_loss, ordering, backend)[0], dtype)


def _checked(
    losses: Tensor, base: Optional[Tensor], alpha: Any, r: Any, ordering: str, worst_loss: Any, backend: str
) -> tuple[Tensor, Optional[Tensor]]:
    losses = tf.convert_to_tensor(losses)
    if losses.shape.rank is not None:
        check_losses(losses.shape.as_list(), losses.dtype.is_floating, losses.dtype.name, _MEAN, _VMAP)
    check_choice("ordering", ordering, ORDERINGS)
    check_choice("backend", backend, ("exact", "tensor"))
    check_budgets(alpha, r, worst_loss)
    if losses.dtype.size < 4:
        losses = tf.cast(losses, tf.float32)
    if base is not None:
        base = tf.stop_gradient(tf.cast(base, losses.dtype))
        if base.shape.rank is not None and losses.shape.rank is not None:
            check_base(base.shape.as_list(), losses.shape.as_list())
    return losses, base


def _solve(
    losses: Tensor, base: Optional[Tensor], alpha: Any, r: Any, worst_loss: Optional[Any], ordering: str, backend: str
) -> tuple[Tensor, Tensor]:
    """The weights ``(n,)`` and the weight of the worst loss ``()``, both constants."""
    given = worst_loss is not None
    budgets = tf.stack([_double(alpha), _double(r), _double(worst_loss if given else float("nan"))])
    losses, budgets = tf.stop_gradient(losses), tf.stop_gradient(budgets)
    if backend == "tensor":
        return _by_operations(losses, base, budgets, given, ordering)
    inputs = [losses, budgets] if base is None else [losses, budgets, base]
    function = partial(_by_library, ordering=ordering)
    constants, on_worst = tf.numpy_function(function, inputs, [losses.dtype, losses.dtype], stateful=False)
    constants, on_worst = tf.ensure_shape(constants, losses.shape), tf.ensure_shape(on_worst, ())
    return tf.stop_gradient(constants), tf.stop_gradient(on_worst)


def _double(value: Any) -> Tensor:
    # tf.cast would take a Python float through float32.
    return (
        tf.cast(value, tf.float64) if tf.is_tensor(value) or hasattr(value, "dtype") else tf.constant(value, tf.float64)
    )


def _by_library(losses: Any, budgets: Any, base: Any = None, *, ordering: str) -> tuple[Any, Any]:
    alpha, r, worst_loss = budgets.tolist()
    given = None if worst_loss != worst_loss else worst_loss
    solution = _core.solve(losses, alpha, r, ordering=ordering, base=base, worst_loss=given)
    return solution.weights, losses.dtype.type(solution.worst_weight)


# A function of its own, so that eager programs run a graph.
@tf.function(autograph=False, reduce_retracing=True)  # type: ignore[untyped-decorator]
def _by_operations(
    losses: Tensor, base: Optional[Tensor], budgets: Tensor, given: bool, ordering: str
) -> tuple[Tensor, Tensor]:
    values = tf.cast(losses, tf.float64)
    constants, on_worst = _dual.weights(
        _Ops(),
        _dual.DOUBLE,
        values,
        tf.ones_like(values) if base is None else tf.cast(base, tf.float64),
        budgets[0:1],
        budgets[1:2],
        budgets[2:3] if given else None,
        ordering,
    )
    constants, on_worst = tf.cast(constants, losses.dtype), tf.cast(on_worst[0], losses.dtype)
    return tf.stop_gradient(tf.ensure_shape(constants, losses.shape)), tf.stop_gradient(on_worst)


class _Ops:
    """:class:`hr_weights._dual.Ops` for TensorFlow."""

    log = staticmethod(tf.math.log)
    log1p = staticmethod(tf.math.log1p)
    exp = staticmethod(tf.exp)
    expm1 = staticmethod(tf.math.expm1)
    sqrt = staticmethod(tf.sqrt)
    abs = staticmethod(tf.abs)
    maximum = staticmethod(tf.maximum)
    minimum = staticmethod(tf.minimum)
    sum = staticmethod(partial(tf.reduce_sum, axis=-1, keepdims=True))
    max = staticmethod(partial(tf.reduce_max, axis=-1, keepdims=True))
    min = staticmethod(partial(tf.reduce_min, axis=-1, keepdims=True))
    cumsum = staticmethod(partial(tf.cumsum, axis=-1))

    @staticmethod
    def where(condition: Tensor, yes: Any, no: Any) -> Tensor:
        dtype = yes.dtype if tf.is_tensor(yes) else no.dtype
        return tf.where(condition, tf.cast(yes, dtype), tf.cast(no, dtype))

    @staticmethod
    def cast(condition: Tensor, like: Tensor) -> Tensor:
        return tf.cast(condition, like.dtype)

    @staticmethod
    def sort(keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        order = tf.argsort(keys)
        return tf.gather(keys, order), tf.gather(values, order)

    @staticmethod
    def loop(steps: int, body: Any, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        result: tuple[Tensor, ...] = tf.while_loop(lambda *_: True, body, state, maximum_iterations=steps)
        return result


LossFunction = Union[str, Callable[[Any, Any], Any]]


class HRLoss(tf.keras.losses.Loss):  # type: ignore[misc]
    """The robust loss as a Keras loss: ``model.compile(loss=HRLoss("sparse_categorical_crossentropy", 0.05, 0.1))``.

    loss_fn: the name of a Keras loss, a Keras loss, or a function ``(y_true, y_pred)`` that returns one loss per sample. The
        reduction of a Keras loss is not used: this class is the reduction.
    alpha, r, ordering, worst_loss: as in :func:`robust_loss`.
    backend: "tensor" (default), since Keras compiles with ``jit_compile=True`` where it can; or "exact", which needs
        ``model.compile(..., jit_compile=False)``.

    ``sample_weight`` of ``model.fit`` become base weights: 0 masks a sample.

    Raises ValueError as :func:`robust_loss` does.

    Source: the programs HD and HR of arXiv 2303.02251 (section 3) and arXiv 2207.09560.
    """

    def __init__(
        self,
        loss_fn: LossFunction,
        alpha: Any = 0.0,
        r: Any = 0.0,
        *,
        ordering: str = "HD",
        worst_loss: Optional[Any] = None,
        backend: str = "tensor",
        name: str = "hr_loss",
    ) -> None:
        super().__init__(name=name)
        check_choice("ordering", ordering, ORDERINGS)
        check_choice("backend", backend, ("exact", "tensor"))
        check_budgets(alpha, r, worst_loss)
        self.loss_fn = tf.keras.losses.get(loss_fn) if isinstance(loss_fn, str) else loss_fn
        self.alpha, self.r, self.ordering, self.worst_loss, self.backend = alpha, r, ordering, worst_loss, backend

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The losses of the samples, shape ``(n,)``."""
        function = self.loss_fn.call if isinstance(self.loss_fn, tf.keras.losses.Loss) else self.loss_fn
        return function(y_true, y_pred)

    def __call__(self, y_true: Tensor, y_pred: Tensor, sample_weight: Optional[Tensor] = None) -> Tensor:
        """The robust loss, a scalar. sample_weight: shape ``(n,)`` or ``(n, 1)``, base weights."""
        losses = tf.convert_to_tensor(self.call(tf.convert_to_tensor(y_true), tf.convert_to_tensor(y_pred)))
        if sample_weight is not None:
            sample_weight = tf.reshape(tf.convert_to_tensor(sample_weight), (-1,))
        return robust_loss(
            losses,
            self.alpha,
            self.r,
            ordering=self.ordering,
            base=sample_weight,
            worst_loss=self.worst_loss,
            backend=self.backend,
        )

    def get_config(self) -> dict[str, Any]:
        """What Keras saves."""
        return {
            "loss_fn": tf.keras.losses.serialize(self.loss_fn),
            "alpha": float(self.alpha),
            "r": float(self.r),
            "ordering": self.ordering,
            "worst_loss": None if self.worst_loss is None else float(self.worst_loss),
            "backend": self.backend,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> HRLoss:
        """What Keras loads."""
        return cls(
            tf.keras.losses.deserialize(config["loss_fn"]), **{k: v for k, v in config.items() if k != "loss_fn"}
        )


class HRModel(tf.keras.Model):  # type: ignore[misc]
    """A Keras model that ``fit`` trains on attacked inputs. With :class:`HRLoss` that is HR learning as a whole::

        robust = HRModel(model, epsilon=0.1, norm="linf")
        robust.compile(optimizer="adam", loss=HRLoss("sparse_categorical_crossentropy", alpha=0.05, r=0.1))
        robust.fit(images, labels)

    model: what is trained; use it afterwards as if it had been trained itself.
    epsilon: radius of the attack, in the unit of the pixels; 0: none.
    norm: "l2" or "linf", of all dimensions of a sample together.
    attack: "pgd", "ffgsm" (for "linf" alone), or a callable ``attack(inputs, targets)`` that returns the attacked inputs.
    steps, step_size, normalization, bounds: as in :func:`pgd` and :func:`ffgsm`.

    Validation and prediction see the inputs as they are.

    Raises ValueError for arguments out of range.

    Source: arXiv 2303.02251: poisoning (alpha), sampling error (r) and evasion (epsilon) together.
    """

    def __init__(
        self,
        model: Any,
        epsilon: float = 0.0,
        norm: str = "l2",
        attack: Any = "pgd",
        steps: int = 10,
        step_size: Optional[float] = None,
        normalization: Optional[Normalization] = None,
        bounds: tuple[float, float] = (0.0, 1.0),
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if not callable(attack):
            check_choice("attack", attack, ("pgd", "ffgsm"))
            check_attack(epsilon, norm, steps, step_size, bounds)
            if attack == "ffgsm" and norm != "linf":
                raise ValueError("attack='ffgsm' is an attack in the l-infinity norm: pass norm='linf'")
        self.model = model
        self.epsilon, self.norm, self.attack, self.steps = epsilon, norm, attack, steps
        self.step_size, self.normalization, self.bounds = step_size, normalization, bounds

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """The model's outputs."""
        return self.model(inputs, training=training)

    def attacked(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """The inputs, shape ``(n, ...)``, moved to where the loss that was given to ``compile`` is larger."""
        if callable(self.attack):
            return tf.stop_gradient(self.attack(inputs, targets))
        if self.epsilon == 0:
            return inputs
        if not isinstance(self.loss, HRLoss):
            raise ValueError("HRModel attacks the losses of the samples: compile it with loss=HRLoss(...)")
        options: dict[str, Any] = {
            "bounds": self.bounds,
            "normalization": self.normalization,
            "step_size": self.step_size,
        }
        if self.attack == "ffgsm":
            return ffgsm(self.model, self.loss.call, inputs, targets, self.epsilon, **options)
        return pgd(
            self.model, self.loss.call, inputs, targets, self.epsilon, norm=self.norm, steps=self.steps, **options
        )

    def train_step(self, data: Any) -> Any:
        """One step of ``fit``: attack, then Keras' own step."""
        inputs, targets, sample_weight = tf.keras.utils.unpack_x_y_sample_weight(data)
        inputs = tf.cast(inputs, self.compute_dtype)
        attacked = self.attacked(inputs, targets)
        return super().train_step(tf.keras.utils.pack_x_y_sample_weight(attacked, targets, sample_weight))
