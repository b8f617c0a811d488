"""What counts as an array, what is copied, and what comes back."""

from __future__ import annotations

import array
import threading
import time

import numpy as np
import pytest

import hr_weights as hrw
from hr_weights import _arrays

LOSSES = np.random.default_rng(0).exponential(size=30)
BUDGETS = {"alpha": 0.05, "r": 0.1}
EXPECTED = hrw.weights(LOSSES, **BUDGETS)


def strided(values):
    wide = np.empty(3 * values.size, values.dtype)
    wide[::3] = values
    return wide[::3]


def unaligned(values):
    raw = np.empty(values.nbytes + 1, np.uint8)
    shifted = raw[1:].view(values.dtype)
    shifted[:] = values
    assert not shifted.flags.aligned
    return shifted


def read_only(values):
    values = values.copy()
    values.flags.writeable = False
    return values


class WithArray:
    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype=dtype)


class WithDLPack:
    def __init__(self, values):
        self.values = values

    def __dlpack__(self, **arguments):
        return self.values.__dlpack__(**arguments)

    def __dlpack_device__(self):
        return self.values.__dlpack_device__()


class Subclass(np.ndarray):
    pass


FORMS = {
    "contiguous": lambda values: values,
    "reversed": lambda values: values[::-1].copy()[::-1],
    "strided": strided,
    "unaligned": unaligned,
    "read-only": read_only,
    "other byte order": lambda values: values.astype(values.dtype.newbyteorder("S")),
    "__array__": WithArray,
    "DLPack": WithDLPack,
    "subclass": lambda values: values.view(Subclass),
    "buffer": lambda values: memoryview(values),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_has_the_same_weights(form, dtype):
    if form == "DLPack" and not hasattr(np.ndarray, "__dlpack__"):
        pytest.skip("NumPy too old")
    losses = LOSSES.astype(dtype)
    expected = hrw.weights(losses, **BUDGETS)
    given = FORMS[form](losses)
    for result in (hrw.weights(given, **BUDGETS), hrw.solve(given, **BUDGETS).weights):
        assert type(result) is np.ndarray
        assert result.dtype == dtype and result.dtype.isnative and result.shape == losses.shape
        np.testing.assert_array_equal(result, expected)
    base = np.arange(1, losses.size + 1, dtype=dtype)
    expected = hrw.weights(losses, base=base, **BUDGETS)
    np.testing.assert_array_equal(hrw.weights(losses, base=FORMS[form](base), **BUDGETS), expected)


@pytest.mark.parametrize("sequence", [list, tuple, lambda values: array.array("d", values)])
def test_sequences(sequence):
    result = hrw.weights(sequence(LOSSES.tolist()), **BUDGETS)
    assert result.dtype == np.float64
    np.testing.assert_array_equal(result, EXPECTED)


@pytest.mark.parametrize("dtype", ["?", "i1", "u1", "i8", "u8", ">i4"])
def test_integers_are_computed_in_double(dtype):
    losses = np.array([1, 0, 0, 1, 1], dtype)
    result = hrw.weights(losses, **BUDGETS)
    assert result.dtype == np.float64
    np.testing.assert_array_equal(result, hrw.weights(losses.astype(float), **BUDGETS))


def test_half_precision_comes_back_in_half_precision():
    losses = LOSSES.astype(np.float16)
    result = hrw.weights(losses, **BUDGETS)
    assert result.dtype == np.float16
    np.testing.assert_array_equal(result, hrw.weights(losses.astype(np.float32), **BUDGETS).astype(np.float16))


def test_bfloat16():
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    losses = LOSSES.astype(bfloat16)
    result = hrw.weights(losses, **BUDGETS)
    assert result.dtype == bfloat16
    np.testing.assert_array_equal(result, hrw.weights(losses.astype(np.float32), **BUDGETS).astype(bfloat16))


def test_long_double_is_rounded():
    result = hrw.weights(LOSSES.astype(np.longdouble), **BUDGETS)
    assert result.dtype == np.longdouble
    np.testing.assert_array_equal(result.astype(float), EXPECTED)


def test_single_precision_base_weights_of_other_types():
    losses = LOSSES.astype(np.float32)
    mask = np.arange(losses.size) % 3 != 0
    expected = hrw.weights(losses[mask], **BUDGETS)
    # 1e-60 is not a float: it must not become a mask.
    for base in (mask, mask.astype(int), mask.tolist(), mask * 1e-60):
        result = hrw.weights(losses, base=base, **BUDGETS)
        assert result.dtype == np.float32
        np.testing.assert_allclose(result[mask], expected, rtol=3e-7, atol=1e-16)
        assert not result[~mask].any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_contiguous_arrays_are_not_copied(dtype):
    losses = LOSSES.astype(dtype)
    assert _arrays.contiguous(_arrays.as_array(losses, "losses"), np.dtype(dtype)) is losses
    frozen = read_only(losses)
    assert _arrays.contiguous(_arrays.as_array(WithArray(frozen), "losses"), np.dtype(dtype)) is frozen


@pytest.mark.parametrize("form", ["contiguous", "strided", "read-only"])
def test_inputs_are_not_written(form):
    losses = FORMS[form](LOSSES.copy())
    base = FORMS[form](np.ones_like(LOSSES))
    hrw.solve(losses, base=base, **BUDGETS)
    hrw.weights(losses, **BUDGETS)
    np.testing.assert_array_equal(losses, LOSSES)
    np.testing.assert_array_equal(base, 1)


def test_masked_losses_may_be_anything():
    losses = np.append(LOSSES, [np.nan, np.inf])
    result = hrw.weights(losses, base=np.isfinite(losses), **BUDGETS)
    np.testing.assert_allclose(result, np.append(EXPECTED, [0, 0]), rtol=0, atol=1e-15)
    assert not result[-2:].any()


def test_batches_of_any_form():
    losses = np.stack([LOSSES, LOSSES[::-1]])
    expected = hrw.solve_batch(losses, **BUDGETS).weights
    np.testing.assert_array_equal(expected[0], EXPECTED)
    for given in (np.asfortranarray(losses), losses.tolist(), WithArray(losses), read_only(losses)):
        np.testing.assert_array_equal(hrw.solve_batch(given, **BUDGETS).weights, expected)
    assert hrw.solve_batch(losses.astype(np.float16), **BUDGETS).weights.dtype == np.float16
    for offsets in ([0, 30, 60], np.array([0, 30, 60], np.uint8), (0, 30, 60)):
        ragged = hrw.solve_ragged(losses.ravel(), offsets, **BUDGETS)
        np.testing.assert_array_equal(ragged.weights, expected.ravel())


def test_no_rows():
    batch = hrw.solve_batch(np.empty((0, 5), np.float32), **BUDGETS)
    assert batch.weights.shape == (0, 5) and len(batch) == 0
    ragged = hrw.solve_ragged([], [0], **BUDGETS)
    assert ragged.weights.shape == (0,) and len(ragged) == 0


def test_an_empty_ragged_row_is_skipped():
    batch = hrw.solve_ragged(LOSSES, [0, 0, LOSSES.size], **BUDGETS)
    np.testing.assert_array_equal(batch.weights, EXPECTED)
    assert np.isnan(batch.robust_loss[0]) and batch.iterations[0] == 0
    assert batch.robust_loss[1] == hrw.solve(LOSSES, **BUDGETS).robust_loss


def test_numbers_of_any_type_are_budgets():
    for number in (np.float32, np.float64, np.array):
        result = hrw.weights(LOSSES, number(0.5), number(0.25), worst_loss=number(64.0), threads=np.int64(1))
        np.testing.assert_array_equal(result, hrw.weights(LOSSES, 0.5, 0.25, worst_loss=64.0))


def test_budgets_that_change_are_not_remembered():
    alpha = np.array(0.1)
    before = hrw.weights(LOSSES, alpha)
    alpha[...] = 0.4
    after = hrw.weights(LOSSES, alpha)
    np.testing.assert_array_equal(before, hrw.weights(LOSSES, 0.1))
    np.testing.assert_array_equal(after, hrw.weights(LOSSES, 0.4))


def test_other_threads_run_during_a_call():
    """If the call kept the interpreter's lock, the counting thread would stand still from its start to its end."""
    losses = np.random.default_rng(4).standard_cauchy(size=4_000_000)
    moments = []
    done = threading.Event()

    def count():
        while not done.is_set():
            moments.append(time.perf_counter())
            time.sleep(0.0002)

    def counted_during_a_call():
        start = time.perf_counter()
        hrw.weights(losses, **BUDGETS)
        end = time.perf_counter()
        margin = 0.1 * (end - start)
        return any(start + margin < moment < end - margin for moment in moments)

    counter = threading.Thread(target=count)
    counter.start()
    try:
        # On a busy machine the counting thread may have no processor for a while.
        assert any(counted_during_a_call() for _ in range(20))
    finally:
        done.set()
        counter.join()


def test_calls_from_many_threads():
    failures = []

    def work(seed):
        losses = np.random.default_rng(seed).exponential(size=100)
        first = hrw.weights(losses, **BUDGETS)
        for _ in range(200):
            if not np.array_equal(hrw.weights(losses, **BUDGETS), first):
                failures.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("worst", [2.9, 0.1, 0.3, 0.7])
def test_losses_that_were_clipped_at_the_worst_loss(dtype, worst):
    """In single precision 0.1 is a little more than 0.1; what is above that is refused."""
    losses = np.minimum(np.array([9.0, 0.5, 0.01, worst]).astype(dtype), dtype(worst))
    greatest = max(worst, float(dtype(worst)))
    want = hrw.solve(losses, 0.05, 0.1, worst_loss=greatest)
    got = hrw.solve(losses, 0.05, 0.1, worst_loss=worst)
    assert got.worst_loss == greatest and got.robust_loss == want.robust_loss
    np.testing.assert_array_equal(hrw.weights(losses, 0.05, 0.1, worst_loss=worst), want.weights)
    bounds = [hrw.certify(losses, 0.05, worst_loss=x).bound for x in (worst, greatest)]
    assert bounds[0] == bounds[1] <= greatest
    groups = hrw.solve_groups(losses, [0, 1, 1, 0], 0.05, 0.1, worst_loss=worst)
    assert groups.worst_loss == greatest and groups.group_losses[0] == dtype(worst)
    assert (hrw.solve_batch(losses[None], 0.05, 0.1, worst_loss=worst).worst_loss == greatest).all()
    assert (hrw.solve_ragged(losses, [0, 1, 4], 0.05, 0.1, worst_loss=worst).worst_loss == greatest).all()
    assert (hrw.path(losses, [0.05], [0.1], worst_loss=worst).worst_loss == greatest).all()
    assert hrw.r_for_robust_loss(losses, want.robust_loss, 0.05, worst_loss=worst) == pytest.approx(0.1, rel=1e-6)
    with pytest.raises(ValueError, match="worst_loss must be finite and at least as large as every loss"):
        hrw.weights(np.nextafter(losses, dtype(99)), worst_loss=worst)
    # Where no loss was clipped, it is the number that was given.
    assert hrw.solve(losses * dtype(0.5), 0.05, 0.1, worst_loss=worst).worst_loss == worst
