"""What is installed beside the package for some of its modules: the extras of ``pip install "hr-weights[...]"``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Around the imports of a module: what is missing is an ImportError that names the extra which brings it."""
    try:
        yield
    except ModuleNotFoundError as error:
        # Keras imports the back end that KERAS_BACKEND names, and the extra "keras" brings its
        # default alone.
        name = error.name if error.name in ("jax", "tensorflow", "torch") else name
        raise ImportError(
            f'{error.name} is missing, which hr_weights needs here: pip install "hr-weights[{name}]"', name=error.name
        ) from error
