"""The shared library: the only module that uses ctypes.

Finds ``libhr_weights``, checks that it belongs to this package, and declares every function of ``include/hr_weights.h``,
where the contract of each is written. Everything here is private to the package; framework modules build on it.
"""

from __future__ import annotations

import ctypes
import operator
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any, Callable, Final, NoReturn, Optional

import numpy as np

from ._version import __version__

ABI_VERSION: Final = 1
ORDERINGS: Final = {"HD": 0, "HR": 1}
NO_INDEX: Final = 2**64 - 1

# Of enum hrw_status, the codes that this package tells apart.
OK: Final = 0
NULL_POINTER: Final = 1
EMPTY: Final = 3
ALPHA: Final = 4
R: Final = 5
ORDERING: Final = 6
WORST_LOSS: Final = 7
BASE_WEIGHTS: Final = 8
NON_FINITE_LOSS: Final = 9
REDUCE: Final = 13
THREADS: Final = 14
TARGET: Final = 16
PANIC: Final = 99


class Options(ctypes.Structure):
    """``hrw_options``. Create one with :func:`options`, and do not change it afterwards: calls may share it."""

    _fields_ = [
        ("struct_size", ctypes.c_size_t),
        ("alpha", ctypes.c_double),
        ("r", ctypes.c_double),
        ("worst_loss", ctypes.c_double),
        ("ordering", ctypes.c_int32),
        ("threads", ctypes.c_int32),
    ]


class Report(ctypes.Structure):
    """``hrw_report``."""

    _fields_ = [
        ("struct_size", ctypes.c_size_t),
        ("robust_loss", ctypes.c_double),
        ("dual_bound", ctypes.c_double),
        ("worst_loss", ctypes.c_double),
        ("worst_weight", ctypes.c_double),
        ("eta", ctypes.c_double),
        ("trim_loss", ctypes.c_double),
        ("d_alpha", ctypes.c_double),
        ("d_r", ctypes.c_double),
        ("kl", ctypes.c_double),
        ("tv", ctypes.c_double),
        ("effective_samples", ctypes.c_double),
        ("trimmed", ctypes.c_uint64),
        ("bad_index", ctypes.c_uint64),
        ("iterations", ctypes.c_uint32),
    ]


class RunningWorst(ctypes.Structure):
    """``hrw_running_worst``."""

    _fields_ = [
        ("struct_size", ctypes.c_size_t),
        ("window", ctypes.c_uint64),
        ("seen", ctypes.c_uint64),
        ("current", ctypes.c_double),
        ("previous", ctypes.c_double),
    ]


def _find() -> tuple[Path, bool]:
    """The library's file, and whether it is the one that was built with this package."""
    override = os.environ.get("HR_WEIGHTS_LIBRARY")
    if override:
        path = Path(override).expanduser()
        # A bare name that is no file here is the system's to find. A path is made absolute, since
        # pathlib takes "./" away, and what is left would be such a name.
        return path.absolute() if os.path.dirname(override) or path.exists() else path, False
    name = {"win32": "hr_weights.dll", "darwin": "libhr_weights.dylib"}.get(sys.platform, "libhr_weights.so")
    return Path(__file__).parent / "_lib" / name, True


def _load() -> tuple[ctypes.CDLL, Path]:
    path, own = _find()
    try:
        # CDLL, not PyDLL: other Python threads run during a call.
        library = ctypes.CDLL(str(path))
    except OSError as error:
        hint = (
            "install the package again (pip install hr-weights, or pip install ./bindings/python in a checkout); "
            "a program that was frozen or zipped needs the directory hr_weights/_lib beside it, as a file system has it"
            if own
            else "it is named by the environment variable HR_WEIGHTS_LIBRARY"
        )
        raise ImportError(f"cannot load the hr-weights library {path}: {error}; {hint}", path=str(path)) from error
    _declare(library, "hrw_abi_version", ctypes.c_uint32)
    _declare(library, "hrw_version", ctypes.c_char_p)
    abi = library.hrw_abi_version()
    version = library.hrw_version().decode()
    if abi != ABI_VERSION:
        raise ImportError(f"{path} has ABI {abi}, but hr_weights {__version__} needs ABI {ABI_VERSION}", path=str(path))
    # A library of the user's choice may be another version with the same ABI; ours can only be a stale build.
    if own and version != __version__:
        raise ImportError(
            f"{path} is version {version}, but hr_weights is {__version__}: install it again", path=str(path)
        )
    return library, path


def _declare(library: ctypes.CDLL, name: str, restype: Any, *argtypes: Any) -> Any:
    try:
        function = getattr(library, name)
    except AttributeError:
        raise ImportError(f"the hr-weights library {library._name} has no function {name}") from None
    function.restype = restype
    function.argtypes = argtypes
    return function


LIBRARY, LIBRARY_PATH = _load()

# Arrays are passed as addresses: a typed pointer would cost a conversion per call and check nothing that we do not.
_ARRAY = ctypes.c_void_p
_SIZE = ctypes.c_size_t
_STATUS = ctypes.c_int32
_OPTIONS = ctypes.POINTER(Options)
_REPORT = ctypes.POINTER(Report)

_status_message = _declare(LIBRARY, "hrw_status_message", ctypes.c_char_p, _STATUS)
_options_init = _declare(LIBRARY, "hrw_options_init", _STATUS, _OPTIONS, _SIZE)
_report_init = _declare(LIBRARY, "hrw_report_init", _STATUS, _REPORT, _SIZE)
_certified_r = _declare(
    LIBRARY, "hrw_certified_r", _STATUS, ctypes.c_uint64, ctypes.c_double, ctypes.POINTER(ctypes.c_double)
)


def _per_type(name: str, *argtypes: Any) -> dict[str, Any]:
    """The float and the double form of a function, by NumPy's character for the type."""
    return {
        "f": _declare(LIBRARY, f"{name}_f32", _STATUS, *argtypes),
        "d": _declare(LIBRARY, f"{name}_f64", _STATUS, *argtypes),
    }


WEIGHTS: Final = _per_type("hrw_weights", _OPTIONS, _ARRAY, _ARRAY, _SIZE, _ARRAY, _REPORT)
WEIGHTS_BATCH: Final = _per_type("hrw_weights_batch", _OPTIONS, _ARRAY, _ARRAY, _SIZE, _SIZE, _ARRAY, _ARRAY)
WEIGHTS_RAGGED: Final = _per_type("hrw_weights_ragged", _OPTIONS, _ARRAY, _ARRAY, _ARRAY, _SIZE, _ARRAY, _ARRAY)
CERTIFY: Final = _per_type(
    "hrw_certify", _ARRAY, _SIZE, ctypes.c_double, ctypes.c_double, ctypes.c_double, ctypes.POINTER(ctypes.c_double)
)

# One problem over many participants. The callback form, hrw_weights_sharded_T, is for C: in Python the same loop is a few
# lines, and what the engine raises passes through them.
SHARDED_STEP: Final = _per_type(
    "hrw_sharded_step",
    _ARRAY,
    _OPTIONS,
    _ARRAY,
    _ARRAY,
    _SIZE,
    _ARRAY,
    _REPORT,
    ctypes.POINTER(ctypes.c_void_p),
    ctypes.POINTER(_SIZE),
    ctypes.POINTER(ctypes.c_int32),
)
SHARDED_INIT: Final = _declare(LIBRARY, "hrw_sharded_init", _STATUS, _ARRAY, _SIZE)
SHARDED_SIZE: Final[int] = _declare(LIBRARY, "hrw_sharded_size", _SIZE)()
#: The largest count of values in a message of a sharded solve, as the header promises.
LARGEST_MESSAGE: Final = 3004

_DOUBLE = ctypes.c_double
_DOUBLES = ctypes.POINTER(ctypes.c_double)
_CALIBRATION = (_OPTIONS, _ARRAY, _ARRAY, _SIZE, ctypes.c_int32, _DOUBLE, _ARRAY, _REPORT, _DOUBLES, _DOUBLES)
CALIBRATE: Final = {name: _per_type(f"hrw_calibrate_{name}", *_CALIBRATION) for name in ("r", "alpha")}
PATH: Final = _per_type("hrw_path", _OPTIONS, _ARRAY, _ARRAY, _SIZE, _ARRAY, _SIZE, _ARRAY, _SIZE, _ARRAY, _ARRAY)
WEIGHTS_GROUPS: Final = _per_type(
    "hrw_weights_groups", _OPTIONS, _ARRAY, _ARRAY, _SIZE, _ARRAY, _SIZE, _ARRAY, _ARRAY, _REPORT
)
TOP_SAMPLES: Final = _per_type("hrw_top_samples", _ARRAY, _SIZE, _SIZE, _ARRAY, _DOUBLES)
GROUP_SHARES: Final = _per_type("hrw_group_shares", _ARRAY, _ARRAY, _SIZE, _SIZE, _ARRAY)
_RUNNING_WORST = ctypes.POINTER(RunningWorst)
running_worst_init = _declare(LIBRARY, "hrw_running_worst_init", _STATUS, _RUNNING_WORST, _SIZE, ctypes.c_uint64)
RUNNING_WORST_UPDATE: Final = _per_type("hrw_running_worst_update", _RUNNING_WORST, _ARRAY, _ARRAY, _SIZE, _DOUBLES)


def _check(status: int, report: Optional[Report] = None) -> None:
    """Raises ValueError with the library's message for every status but OK, and with the sample's index if there is one."""
    if status == OK:
        return
    message = status_message(status)
    if report is not None and report.bad_index != NO_INDEX:
        message += f" (sample {report.bad_index})"
    _raise(status, message)


def _raise(status: int, message: str) -> NoReturn:
    # Everything that a caller can cause is a wrong value.
    raise RuntimeError(message) if status == PANIC else ValueError(message)


def status_message(status: int) -> str:
    """The library's English message for a status code."""
    message: bytes = _status_message(status)
    return message.decode()


def options(alpha: float, r: float, ordering: str, worst_loss: Optional[float], threads: int) -> Options:
    """Options for a call. Budgets out of range are the library's to refuse; an unknown ordering is refused here."""
    if ordering not in ORDERINGS:
        raise ValueError(f"ordering must be 'HD' or 'HR', not {ordering!r}")
    result = Options()
    _check(_options_init(result, ctypes.sizeof(Options)))
    result.alpha = float(alpha)
    result.r = float(r)
    if worst_loss is not None:
        result.worst_loss = float(worst_loss)
    result.ordering = ORDERINGS[ordering]
    try:
        result.threads = _int32(threads)
    except TypeError:
        raise ValueError(f"threads must be an integer, not {threads!r}") from None
    return result


def _int32(value: int) -> int:
    # ctypes would cut off the upper bits of a larger integer in silence.
    return max(-1, min(operator.index(value), 2**31 - 1))


def _empty_report() -> bytes:
    result = Report()
    _check(_report_init(result, ctypes.sizeof(Report)))
    return bytes(result)


#: An empty report, ready for a call: a copy of one that the library made.
report: Final[Callable[[], Report]] = partial(Report.from_buffer_copy, _empty_report())


# The layout of an array of reports, for NumPy.
REPORT_DTYPE: Final = np.dtype(Report)


def certified_r(n: int, delta: float) -> float:
    """``hrw_certified_r``."""
    r = ctypes.c_double()
    _check(_certified_r(n, delta, ctypes.byref(r)))
    return r.value


# `array.ctypes.data` takes a microsecond; by way of the buffer, which only a writable array gives, it is a third of that.
_addressof = ctypes.addressof
# NumPy declares that arrays are buffers from Python 3.12 on only; they always were.
_from_buffer: Callable[[Any], ctypes.c_char] = ctypes.c_char.from_buffer


def address(array: np.ndarray[Any, Any]) -> int:
    """The address of a contiguous array. The caller keeps the array alive."""
    if array.flags.writeable and array.size:
        return _addressof(_from_buffer(array))
    return array.ctypes.data


def certify(losses: np.ndarray[Any, Any], alpha: float, delta: float, worst_loss: float) -> tuple[int, float]:
    """``hrw_certify_T``: the status and the bound, for contiguous losses of float32 or float64."""
    bound = ctypes.c_double()
    status = CERTIFY[losses.dtype.char](address(losses), losses.size, alpha, delta, worst_loss, ctypes.byref(bound))
    return status, bound.value
