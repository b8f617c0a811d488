"""A Keras model that trains on attacked inputs, with TensorFlow."""

from __future__ import annotations

import math
from typing import Any, Optional

import keras
import numpy as np
import tensorflow as tf

from ._attacks_tensorflow import Normalization, ffgsm, pgd
from ._frameworks import check_named_attack
from .keras import HRLoss, needs_tensorflow

Tensor = Any

_ATTACK = ("epsilon", "norm", "attack", "steps", "step_size", "normalization", "bounds")


class HRModel(keras.Model):  # type: ignore[misc]
    """A Keras model that ``fit`` trains on attacked inputs. With :class:`HRLoss` that is HR learning as a whole::

        robust = HRModel(model, epsilon=0.1, norm="linf")
        robust.compile(optimizer="adam", loss=HRLoss("sparse_categorical_crossentropy", alpha=0.05, r=0.1))
        robust.fit(images, labels)

    model: what is trained; use it afterwards as if it had been trained itself. It may have several inputs, as a list or a
        dict: those that are floating-point numbers are attacked together, the others are left as they are.
    epsilon: radius of the attack, in the unit of the pixels; 0: none.
    norm: "l2" or "linf", of all dimensions of a sample together, those of all inputs.
    attack: "pgd", "ffgsm" (for "linf" alone), or a callable ``attack(inputs, targets)`` that returns the attacked inputs.
    steps, step_size, normalization, bounds: as in :func:`hr_weights.tensorflow.pgd` and :func:`hr_weights.tensorflow.ffgsm`.
        With several inputs there is no `normalization`.

    Validation and prediction see the inputs as they are. The arguments are attributes, which may be set between steps, as by
    a callback: ``robust.epsilon = 0.2`` traces the step again. ``save``, ``save_weights`` and ``ModelCheckpoint`` work as
    for every Keras model; import ``hr_weights.tensorflow`` before ``keras.saving.load_model``.

    Raises ValueError for arguments out of range, where Keras has another back end than TensorFlow, and from ``fit`` for
        targets without losses of samples.

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
        if keras.backend.backend() != "tensorflow":
            raise ValueError(needs_tensorflow())
        super().__init__(**options)
        self.model = model
        self.epsilon, self.norm, self.attack, self.steps = epsilon, norm, attack, steps
        self.step_size, self.normalization, self.bounds = step_size, normalization, bounds
        self._check()

    def _check(self) -> None:
        check_named_attack(self.attack, self.epsilon, self.norm, self.steps, self.step_size, self.bounds)

    def __setattr__(self, name: str, value: Any) -> None:
        old = getattr(self, name, None) if name in _ATTACK else None
        super().__setattr__(name, value)
        # The step that fit runs has the old value in it.
        if name in _ATTACK and getattr(self, "train_function", None) is not None:
            try:
                self._check()
            except ValueError:
                super().__setattr__(name, old)
                raise
            self.make_train_function(force=True)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """The model's outputs."""
        return self.model(inputs, training=training)

    def attacked(self, inputs: Any, targets: Any) -> Any:
        """The inputs, each of shape ``(n, ...)``, moved to where the loss that was given to ``compile`` is larger."""
        if callable(self.attack):
            return keras.tree.map_structure(tf.stop_gradient, self.attack(inputs, targets))
        if self.epsilon == 0:
            return inputs
        if not isinstance(self.loss, HRLoss):
            raise ValueError("HRModel attacks the losses of the samples: compile it with loss=HRLoss(...)")
        joined, split = (inputs, lambda pixels: pixels) if tf.is_tensor(inputs) else self._joined(inputs)

        def outputs(pixels: Tensor) -> Any:
            return self.model(split(pixels), training=False)

        options: dict[str, Any] = {
            "bounds": self.bounds,
            "normalization": self.normalization,
            "step_size": self.step_size,
        }
        arguments = (outputs, self.loss.losses, joined, targets, self.epsilon)
        if self.attack == "ffgsm":
            return split(ffgsm(*arguments, **options))
        return split(pgd(*arguments, norm=self.norm, steps=self.steps, **options))

    def _joined(self, inputs: Any) -> tuple[Tensor, Any]:
        """The dimensions of all floating-point inputs as one tensor ``(n, d)``, and the way back."""
        if self.normalization is not None:
            raise ValueError("normalization is for a model of one input: let the model normalise its inputs itself")
        leaves = keras.tree.flatten(inputs)
        moving = [leaf for leaf in leaves if leaf.dtype.is_floating]
        if not moving:
            raise ValueError("HRModel attacks floating-point inputs, and this model has none")
        sizes = [math.prod(leaf.shape[1:]) for leaf in moving]

        def split(pixels: Tensor) -> Any:
            parts = iter(tf.split(pixels, sizes, axis=1))
            return keras.tree.pack_sequence_as(
                inputs,
                [tf.reshape(next(parts), tf.shape(leaf)) if leaf.dtype.is_floating else leaf for leaf in leaves],
            )

        return tf.concat([tf.reshape(leaf, (-1, size)) for leaf, size in zip(moving, sizes)], axis=1), split

    def train_step(self, data: Any) -> Any:
        """One step of ``fit``: attack, then Keras' own step."""
        inputs, targets, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        if tf.is_tensor(inputs):
            inputs = tf.cast(inputs, self.compute_dtype)
        else:
            inputs = keras.tree.map_structure(
                lambda x: tf.cast(x, self.compute_dtype) if x.dtype.is_floating else x, inputs
            )
        attacked = self.attacked(inputs, targets)
        return super().train_step(keras.utils.pack_x_y_sample_weight(attacked, targets, sample_weight))

    def get_config(self) -> dict[str, Any]:
        """What Keras saves."""
        attack = self.attack if isinstance(self.attack, str) else keras.saving.serialize_keras_object(self.attack)
        normalization = self.normalization
        return {
            **super().get_config(),
            "model": keras.saving.serialize_keras_object(self.model),
            "epsilon": float(self.epsilon),
            "norm": self.norm,
            "attack": attack,
            "steps": self.steps,
            "step_size": None if self.step_size is None else float(self.step_size),
            "normalization": None if normalization is None else [np.asarray(x).tolist() for x in normalization],
            "bounds": [float(bound) for bound in self.bounds],
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Optional[dict[str, Any]] = None) -> HRModel:
        """What Keras loads."""
        config = dict(config)
        for name in ("model", "attack"):
            if isinstance(config[name], dict):
                config[name] = keras.saving.deserialize_keras_object(config[name], custom_objects)
        return cls(**config)


# `load_model` finds the class by this name. (Not as a decorator: the pages are made without Keras.)
keras.saving.register_keras_serializable(package="hr_weights")(HRModel)
