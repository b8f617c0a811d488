"""What a call costs, in microseconds: all of it, and the library's part alone. `make python-bench` runs it.

The smallest of many repetitions, so that what else the machine does counts least.
"""

from __future__ import annotations

import timeit

import numpy as np

import hr_weights as hrw
from hr_weights import _library

ALPHA, R = 0.05, 0.1


def microseconds(statement, **names):
    timer = timeit.Timer(statement, globals=names)
    number = max(1, int(2e-3 / max(1e-7, timer.timeit(10) / 10)))
    return 1e6 * min(timer.repeat(200, number)) / number


def library(losses):
    result = np.empty_like(losses)
    arguments = (
        _library.options(ALPHA, R, "HD", None, 1),
        losses.ctypes.data,
        None,
        losses.size,
        result.ctypes.data,
        None,
    )
    taken = microseconds("f(*a)", f=_library.WEIGHTS[losses.dtype.char], a=arguments)
    np.testing.assert_array_equal(result, hrw.weights(losses, ALPHA, R))
    return taken


def main():
    print(f"hr_weights {hrw.__version__}, NumPy {np.__version__}; microseconds per call, alpha {ALPHA}, r {R}, HD")
    print(f"{'n':>8} {'dtype':>8} {'weights':>8} {'library':>8} {'read-only':>10} {'solve':>8}")
    for n in (8, 32, 128, 512, 2048, 8192):
        for dtype in (np.float32, np.float64):
            losses = np.random.default_rng(n).exponential(size=n).astype(dtype)
            frozen = losses.copy()
            frozen.flags.writeable = False
            names = dict(hrw=hrw, losses=losses, frozen=frozen, alpha=ALPHA, r=R)
            weights, read_only, solve = (
                microseconds(f"hrw.{call}, alpha, r)", **names)
                for call in ("weights(losses", "weights(frozen", "solve(losses")
            )
            print(
                f"{n:8} {np.dtype(dtype).name:>8} {weights:8.2f} {library(losses):8.2f} {read_only:10.2f} {solve:8.2f}"
            )


if __name__ == "__main__":
    main()
