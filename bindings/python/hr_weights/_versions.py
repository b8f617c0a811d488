"""What this program runs with, for a report of a fault."""

from __future__ import annotations

import platform
import sys
from importlib import metadata

from . import _library
from ._version import __version__

#: The distributions that modules of this package work with, and whose arrays and columns they take.
_OPTIONAL = (
    "matplotlib",
    "torch",
    "triton",
    "jax",
    "jaxlib",
    "tensorflow",
    "tensorflow-cpu",
    "keras",
    "scikit-learn",
    "dask",
    "mpi4py",
    "pandas",
    "polars",
    "pyarrow",
)


def show_versions() -> None:
    """Prints what a report of a fault needs: the versions of this package, its library, Python, the system, NumPy, and of
    the frameworks that are installed. None of those is imported. What is not installed is left out.
    """
    found = versions()
    width = max(map(len, found))
    print("\n".join(f"{name:<{width}}  {version}" for name, version in found.items()))


def versions() -> dict[str, str]:
    """What :func:`show_versions` prints, by name."""
    found = {
        "hr-weights": __version__,
        "library": f"{_library.LIBRARY.hrw_version().decode()}, ABI {_library.LIBRARY.hrw_abi_version()}",
        "library file": str(_library.LIBRARY_PATH),
        "Python": f"{platform.python_implementation()} {platform.python_version()}, {sys.maxsize.bit_length() + 1} bits",
        "system": platform.platform(),
        "processor": platform.machine(),
    }
    for name in ("numpy", *_OPTIONAL):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
