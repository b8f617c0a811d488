"""Every kind of bad input has its own message, which names the argument and, where there is one, the sample."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest

import hr_weights as hrw

NAN, INF = float("nan"), float("inf")
GOOD = [1.0, 2.0, 3.0]


def fails(message, function, *arguments, **options):
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        function(*arguments, **options)
    return str(caught.value)


@pytest.mark.parametrize("function", [hrw.weights, hrw.solve])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_the_first_loss_that_is_not_finite(function, dtype, value):
    losses = np.ones(100, dtype)
    losses[[17, 60]] = value
    fails(f"losses[17] is {value}", function, losses)


CASES = [
    ("alpha must be a number in [0, 1], not 1.5", GOOD, {"alpha": 1.5}),
    ("alpha must be a number in [0, 1], not nan", GOOD, {"alpha": NAN}),
    ("r must be a number of at least 0 (infinity is allowed), not -0.1", GOOD, {"r": -0.1}),
    ("ordering must be 'HD' or 'HR', not 'hd'", GOOD, {"ordering": "hd"}),
    ("threads must be at least 0, not -1", GOOD, {"threads": -1}),
    ("threads must be an integer, not 1.5", GOOD, {"threads": 1.5}),
    ("worst_loss = 2.5, the largest loss is 3.0", GOOD, {"worst_loss": 2.5}),
    ("worst_loss = inf", GOOD, {"worst_loss": INF}),
    ("base[1] is -1.0", GOOD, {"base": [1, -1, 1]}),
    ("base[2] is nan", GOOD, {"base": [1, 1, NAN]}),
    ("base: all of them are zero, so that every sample is masked", GOOD, {"base": [0, 0, 0]}),
    ("base has shape (2,), but losses has shape (3,)", GOOD, {"base": [1, 1]}),
    ("base must be real numbers, but its dtype is complex128", GOOD, {"base": [1j, 1, 1]}),
    ("losses is empty", [], {}),
    ("losses is a single number, but one per sample is needed: leave out the mean", 1.5, {}),
    ("reduction='none' in PyTorch", np.float32(1.5), {}),
    ("losses has shape (2, 3), but one number per sample is needed: use solve_batch", [GOOD, GOOD], {}),
    ("losses must be real numbers, but its dtype is complex128", [1j], {}),
    ("losses must be real numbers, but its dtype is <U1", ["a"], {}),
    ("losses must be real numbers, but its dtype is object", [None], {}),
    ("losses must be real numbers, but its dtype is object", None, {}),
    ("losses must be real numbers, but its dtype is datetime64[D]", np.array(["2024-01-01"], "M8"), {}),
    ("losses is a NumPy masked array", np.ma.masked_greater(GOOD, 2), {}),
]


@pytest.mark.parametrize("function", [hrw.weights, hrw.solve])
@pytest.mark.parametrize("message, losses, options", CASES, ids=[case[0] for case in CASES])
def test_message(function, message, losses, options):
    fails(message, function, losses, **options)


class Gpu:
    """What CuPy and CUDA tensors look like from outside."""

    __cuda_array_interface__ = {"shape": (3,), "typestr": "<f4", "data": (1, False), "version": 3}

    def __array__(self, dtype=None, copy=None):
        raise TypeError("implicit conversion")


class GpuByDLPack:
    def __dlpack__(self, **arguments):
        raise AssertionError("must not be asked")

    def __dlpack_device__(self):
        return (2, 0)


class Grad:
    requires_grad = True

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


class Broken:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("the dog ate it")


@pytest.mark.parametrize("losses", [Gpu(), GpuByDLPack()])
def test_gpu(losses):
    fails("losses is in the memory of a GPU: copy it to the host first (.cpu() in PyTorch", hrw.weights, losses)
    fails("base is in the memory of a GPU", hrw.weights, GOOD, base=losses)


def test_grad():
    fails("losses requires grad, but weights are constants: use hr_weights.torch.robust_loss", hrw.weights, Grad())


def test_what_belongs_to_a_framework_is_sent_there():
    for module, framework in (("jaxlib.xla", "jax"), ("tensorflow.python", "tensorflow"), ("torch", "torch")):
        tracer = type("Tracer", (Broken,), {"__module__": module})()
        fails(f"the dog ate it; or use hr_weights.{framework}.robust_loss", hrw.weights, tracer)


def test_a_failing_conversion_keeps_its_reason():
    fails("losses cannot be read as a NumPy array: the dog ate it", hrw.weights, Broken())
    # Older versions of NumPy make an array of objects of it, with a warning.
    with pytest.raises(ValueError, match="losses cannot be read as a NumPy array|losses must be real numbers"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            hrw.weights([[1.0], [1.0, 2.0]])


def test_batch():
    losses = np.ones((4, 5), np.float32)
    losses[2, 3] = NAN
    losses[3, 0] = NAN
    fails("losses[2, 3] is nan", hrw.solve_batch, losses)
    fails("base[1, 4] is -2.0", hrw.solve_batch, np.ones((2, 5)), base=[[1] * 5, [1, 1, 1, 1, -2]])
    fails("worst_loss = 0.5, the largest loss is 1.0", hrw.solve_batch, np.ones((2, 5)), worst_loss=0.5)
    fails("losses has shape (3,), but one row per problem is needed: (rows, n)", hrw.solve_batch, GOOD)
    fails("losses has shape (3, 0): the rows are empty", hrw.solve_batch, np.empty((3, 0)))
    fails("base has shape (5,), but losses has shape (2, 5)", hrw.solve_batch, np.ones((2, 5)), base=np.ones(5))
    fails("alpha must be a number in [0, 1], not 2.0", hrw.solve_batch, np.ones((2, 5)), 2)
    fails("losses must be real numbers", hrw.solve_batch, [["a"]])


def test_a_row_that_is_all_masked_is_named():
    """There is no distribution over no samples. A row without samples is another thing: nothing is asked of it."""
    losses, base = np.ones((4, 3)), np.ones((4, 3))
    base[2] = 0
    message = "base in row 2: all of them are zero, so that every sample is masked"
    for dtype in (np.float32, np.float64, bool):
        text = fails(message, hrw.solve_batch, losses, base=base.astype(dtype))
        assert text.endswith("leave the row out")
        # Offsets with empty rows before it.
        text = fails(message, hrw.solve_ragged, losses.ravel(), [0, 0, 6, 9, 9, 12], base=base.ravel().astype(dtype))
        assert text.endswith("leave its samples out: an empty row is allowed")
    # What is suggested works.
    kept = base.any(axis=1)
    assert hrw.solve_batch(losses[kept], base=base[kept]).weights.shape == (3, 3)
    ragged = hrw.solve_ragged(losses[kept].ravel(), [0, 3, 6, 6, 9], base=base[kept].ravel())
    assert np.isnan(ragged.robust_loss).tolist() == [False, False, True, False]
    # Another row that is wrong comes first.
    base[1, 1] = NAN
    fails("base[1, 1] is nan", hrw.solve_batch, losses, base=base)


def test_ragged():
    losses = np.array([1.0, 2.0, NAN, 4.0])
    fails("losses[2] (row 1) is nan", hrw.solve_ragged, losses, [0, 2, 2, 4][:2] + [4])
    fails("losses[2] (row 2) is nan", hrw.solve_ragged, losses, [0, 2, 2, 4])
    fails("offsets must start at 0 and end at the number of losses, 4", hrw.solve_ragged, losses, [0, 2, 5])
    fails("offsets must start at 0 and end at the number of losses, 4", hrw.solve_ragged, losses, [1, 4])
    fails("offsets must start at 0 and end at the number of losses, 4", hrw.solve_ragged, losses, [0, -1, 4])
    fails("offsets must start at 0 and never decrease", hrw.solve_ragged, losses, [0, 3, 2, 4])
    fails("offsets must be integers, but their dtype is float64", hrw.solve_ragged, losses, [0.0, 4.0])
    fails("offsets has shape (0,), but (rows + 1,) is needed", hrw.solve_ragged, losses, np.array([], int))
    fails("losses has shape (1, 3)", hrw.solve_ragged, [GOOD], [0, 3])


def test_certificate():
    good = [0.1, 0.2, 0.3]
    fails("delta must be a number strictly between 0 and 1 (delta = 0)", hrw.certified_r, 10, 0)
    fails("n must be at least 1, not 0", hrw.certified_r, 0, 0.1)
    fails("delta must be a number strictly between 0 and 1 (delta = 1.0)", hrw.certify, good, delta=1.0, worst_loss=1)
    fails("worst_loss = 0.25, the largest loss is 0.3", hrw.certify, good, worst_loss=0.25)
    fails("losses[1] is nan", hrw.certify, [0.1, NAN], worst_loss=1)
    fails("alpha must be a number in [0, 1], not -1.0", hrw.certify, good, alpha=-1, worst_loss=1)
    fails("losses is empty", hrw.certify, [], worst_loss=1)
    with pytest.raises(TypeError):
        hrw.certify(good)  # a bound without a worst loss would be no bound
