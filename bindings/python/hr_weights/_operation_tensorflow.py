"""The library as an operation of TensorFlow: eager programs and graphs call it without copies and without Python.

The library registers the operation through TensorFlow's C interface for kernels, which is stable. Two things here are
TensorFlow's own: the list of operations, and what makes the Python function of one, as ``tf.load_op_library`` does for
libraries that are not loaded yet. Where one of them is missing, ``OPERATION`` is None.
"""

from __future__ import annotations

import ctypes
import re
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Callable, Optional

import tensorflow as tf

from . import _library

#: What saved models have.
NAME = "HrWeights"

Tensor = Any


def _load() -> Optional[Callable[..., Any]]:
    """The Python function of the operation, which is registered unless it is there already; None if it cannot be had."""
    try:
        from tensorflow.core.framework import op_def_pb2
        from tensorflow.python.framework import _pywrap_python_op_gen, op_def_registry

        # TensorFlow ends a process that registers a name twice, as a second copy of this package would.
        if op_def_registry.get(NAME) is None and not _register():
            return None
        operations = op_def_pb2.OpList(op=[op_def_registry.get(NAME)])
        source = _pywrap_python_op_gen.GetPythonWrappers(operations.SerializeToString())
    except (ImportError, AttributeError, OSError):
        return None
    if not isinstance(source, bytes):
        # The pages are made without TensorFlow.
        return None
    module = types.ModuleType(f"{__name__}.made")
    exec(source, module.__dict__)
    return getattr(module, "hr_weights", None)


def _register() -> bool:
    """Has the library register the operation; whether it did."""
    libraries = sorted(Path(tf.sysconfig.get_lib()).glob("libtensorflow_framework.*"))
    if not libraries:
        return False
    register = _library.LIBRARY.hrw_tensorflow_register
    register.restype, register.argtypes = ctypes.c_int32, (ctypes.c_void_p,)
    # TensorFlow has loaded it already, so this opens nothing but a handle.
    return bool(register(ctypes.CDLL(str(libraries[0]))._handle) == 0)


def is_compiled_by_xla() -> bool:
    """Whether what is traced now will be compiled by XLA, which cannot call the operation: jit_compile=True, or a TPU.

    TensorFlow has no public way to ask; where it has none at all, False.
    """
    if tf.executing_eagerly():
        return False
    try:
        from tensorflow.python.ops.control_flow_util import GraphOrParentsInXlaContext
    except ImportError:
        return False
    return bool(GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph()))


class ArgumentError(tf.errors.InvalidArgumentError, ValueError):  # type: ignore[misc]
    """What an eager call raises: a ValueError, as every wrong argument, and what a graph raises for the same."""


def solve(losses: Tensor, budgets: Sequence[Any], base: Optional[Tensor], ordering: str) -> tuple[Tensor, Tensor, Tensor]:
    """The weights ``(n,)``, the weight of the worst loss ``()``, and the robust loss ``()``, the only one with a gradient.

    budgets: alpha, r and perhaps the worst loss: numbers, or tensors of double precision. losses, base: of one type.
    """
    assert OPERATION is not None
    alpha, r, *worst_loss = budgets
    inputs = (losses, alpha, r, [] if base is None else [base], worst_loss)
    try:
        weights, on_worst, total = OPERATION(*inputs, ordering=ordering)
    except tf.errors.InvalidArgumentError as error:
        # TensorFlow writes the name of the operation before and after the message.
        message = re.sub(r"^\{\{.*?\}\} |\s*\[Op:.*", "", error.message, flags=re.DOTALL)
        raise ArgumentError(error.node_def, error.op, message) from None
    return weights, on_worst, total


def _gradient(operation: Any, *gradients: Tensor) -> list[Optional[Tensor]]:
    """Of the robust loss, in the losses alone: the weights, which are constants themselves."""
    slopes = tf.expand_dims(gradients[2], -1) * tf.stop_gradient(operation.outputs[0])
    return [slopes] + [None] * (len(operation.inputs) - 1)


def _vectorized(problem: Any) -> list[Any]:
    """For ``tf.vectorized_map``: the operation takes a batch as it is."""
    from tensorflow.python.ops.parallel_for.pfor import wrap

    assert OPERATION is not None
    problem.stack_inputs()
    losses, alpha, r, *rest = (problem.stacked_input(index) for index in range(problem.num_inputs))
    bases, ordering = problem.get_attr("bases"), problem.get_attr("ordering").decode()
    outputs = OPERATION(losses, alpha, r, rest[:bases], rest[bases:], ordering=ordering)
    return [wrap(output, True) for output in outputs]


OPERATION: Optional[Callable[..., Any]] = _load()

if OPERATION is not None:
    try:
        tf.RegisterGradient(NAME)(_gradient)
    except KeyError:
        # Another copy of this module has.
        pass
    try:
        from tensorflow.python.ops.parallel_for.pfor import RegisterPFor

        RegisterPFor(NAME)(_vectorized)
    except (ImportError, AssertionError):
        # Without it tf.vectorized_map solves one problem after another; a copy of this module may have done it.
        pass
