"""From whatever the caller has to a contiguous NumPy array of float32 or float64, or to an error that says what to do."""

from __future__ import annotations

from typing import Any, Union

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._numbers import real

Floats = NDArray[Any]
# What every function takes. Any: objects of other libraries that have __array__ or __dlpack__.
Array = Union[ArrayLike, Any]

FLOAT32 = np.dtype(np.float32)
FLOAT64 = np.dtype(np.float64)
# DLPack's device types whose memory this process can read: kDLCPU, kDLCUDAHost, kDLROCMHost.
_HOST_DEVICES = (1, 3, 11)
_FRAMEWORKS = {"torch": "torch", "jax": "jax", "jaxlib": "jax", "tensorflow": "tensorflow"}


def as_array(values: Any, name: str) -> NDArray[Any]:
    """`values` as a NumPy array, not copied if that is possible.

    values: an array, a (nested) sequence of numbers, or any object with ``__array__`` or ``__dlpack__``.
    name: what to call it in messages.

    Raises ValueError for what is on a GPU, part of an autograd graph, masked by NumPy, or no array at all.
    """
    if type(values) is np.ndarray:
        return values
    if isinstance(values, np.ma.MaskedArray):
        # NumPy would drop the mask in silence.
        raise ValueError(f"{name} is a NumPy masked array: pass its data, and base weights of 0 where it is masked")
    _refuse_grad(values, name)
    try:
        on_gpu = hasattr(values, "__cuda_array_interface__")
        if not on_gpu and not hasattr(values, "__array__") and hasattr(values, "__dlpack__"):
            on_gpu = values.__dlpack_device__()[0] not in _HOST_DEVICES
            if not on_gpu:
                return _from_dlpack(values)
        if not on_gpu:
            return np.asarray(values)
    except Exception as error:
        raise ValueError(f"{name} cannot be read as a NumPy array: {error}{_hint(values)}") from error
    raise ValueError(
        f"{name} is in the memory of a GPU: copy it to the host first "
        f"(.cpu() in PyTorch, .get() in CuPy, jax.device_get in JAX){_hint(values)}"
    )


def _refuse_grad(values: Any, name: str) -> None:
    if getattr(values, "requires_grad", False) is True:
        raise ValueError(
            f"{name} requires grad, but weights are constants: use hr_weights.torch.robust_loss, which differentiates "
            f"the robust loss, or pass {name}.detach() and multiply the losses by the weights yourself"
        )


def _from_dlpack(values: Any) -> NDArray[Any]:
    # NumPy 1.22 has it under a private name.
    function = getattr(np, "from_dlpack", None) or getattr(np, "_from_dlpack")  # noqa: B009
    array: NDArray[Any] = function(values)
    return array


def _hint(values: Any) -> str:
    framework = _FRAMEWORKS.get(type(values).__module__.partition(".")[0])
    return f"; or use hr_weights.{framework}.robust_loss" if framework else ""


def computing_dtype(dtype: np.dtype[Any], name: str) -> np.dtype[Any]:
    """float32 or float64: the one that holds every number of `dtype`, or float64 if none does."""
    if dtype.kind == "f":
        return FLOAT32 if dtype.itemsize <= 4 else FLOAT64
    if dtype.name == "bfloat16":
        return FLOAT32
    if dtype.kind in "iub":
        return FLOAT64
    raise ValueError(f"{name} must be real numbers, but its dtype is {dtype}")


def worst_of_type(worst_loss: Any, losses: NDArray[Any]) -> Any:
    """`worst_loss`, or that number in the type of the losses if it is one of them: a loss that was clipped at 0.1 in single
    precision is 0.1 as single precision has it, which is a little more than 0.1.
    """
    if worst_loss is None or losses.dtype.kind in "iub" or computing_dtype(losses.dtype, "losses") != FLOAT32:
        return worst_loss
    given = real(worst_loss, "worst_loss")
    with _quiet():
        in_type = losses.dtype.type(given)
        return float(in_type) if float(in_type) > given and bool((losses == in_type).any()) else worst_loss


def result_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """That of the losses in native byte order; float64 for integers, in which weights could not be expressed."""
    return FLOAT64 if dtype.kind in "iub" else dtype.newbyteorder("=")


def contiguous(array: NDArray[Any], dtype: np.dtype[Any]) -> Floats:
    """`array` itself if C can read it as it is, else a copy."""
    flags = array.flags
    if array.dtype == dtype and array.dtype.isnative and flags.c_contiguous and flags.aligned:
        return array
    with _quiet():
        return np.require(array, dtype=dtype, requirements=("C", "A"))


def rounded(array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """`array` itself if it has this dtype, else rounded to it."""
    if array.dtype == dtype:
        return array
    with _quiet():
        return array.astype(dtype)


def _quiet() -> Any:
    """Rounding is what is wanted, so that a caller's numpy.seterr must not make an error of it. What becomes infinite is
    refused by the library, and a weight below the smallest number of its type is zero.
    """
    return np.errstate(all="ignore")


def require_vector(array: NDArray[Any], name: str, instead: str) -> None:
    """Raises ValueError unless `array` is a non-empty vector. `instead`: what to do with more dimensions."""
    if array.ndim == 1:
        if array.size == 0:
            raise ValueError(f"{name} is empty: there must be at least one sample")
    elif array.ndim == 0:
        raise ValueError(
            f"{name} is a single number, but one per sample is needed: leave out the mean over the batch "
            "(reduction='none' in PyTorch, reduction=None in Keras)"
        )
    else:
        raise ValueError(f"{name} has shape {array.shape}, but one number per sample is needed: {instead}")
