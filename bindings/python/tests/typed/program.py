"""A user's program: `mypy --strict` finds nothing in it (`make python-lint`), and what it says of types is so
(test_types.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import hr_weights as hrw
from hr_weights import plot, sharded

if TYPE_CHECKING:
    from typing_extensions import assert_type

    # Each of these needs a framework, which need not be there to be checked.
    from hr_weights.compat import HR_Neural_Networks
    from hr_weights.dask import weights as dask_weights
    from hr_weights.jax import robust_loss as jax_loss
    from hr_weights.keras import HRLoss
    from hr_weights.sklearn import HRClassifier
    from hr_weights.tensorflow import robust_loss as tensorflow_loss
    from hr_weights.torch import HRCriterion
    from hr_weights.torch import robust_loss as torch_loss

    def in_frameworks(losses: Any, model: Any, ordering: hrw.Ordering) -> list[Any]:
        criterion = HRCriterion(model, 0.05, 0.1, ordering=ordering)
        estimator = HRClassifier(model, 0.05, 0.1, ordering="HR", progress=False)
        theirs = HR_Neural_Networks(model, 64, None, None, 0.05, 0.1, 0.0, learning_approach=ordering)
        return [
            torch_loss(losses, 0.05, 0.1, ordering=ordering),
            jax_loss(losses, 0.05, 0.1, ordering=ordering),
            tensorflow_loss(losses, 0.05, 0.1, ordering=ordering),
            dask_weights(losses, 0.05, 0.1, ordering=ordering),
            HRLoss("mse", 0.05, 0.1, ordering=ordering),
            criterion(losses, losses),
            estimator.fit(losses, losses),
            theirs.HR_criterion(inf_loss=losses),
        ]

else:
    # What is asserted at run time, for the test: pairs of a value and its type.
    ASSERTED: list = []

    def assert_type(value, kind):
        ASSERTED.append((value, kind))
        return value


singles = np.linspace(0, 1, 6, dtype=np.float32)
doubles = np.linspace(0, 1, 6)
halves = np.linspace(0, 1, 6).astype(np.float16)
errors = doubles > 0.5
counts = np.arange(6)
groups = ["a", "b", "a", "b", "a", "b"]

# Weights have the type of the losses, and float64 where that cannot be or nobody chose.
assert_type(hrw.weights(singles, 0.05, 0.1), NDArray[np.float32])
assert_type(hrw.weights(doubles, alpha=0.05, r=0.1, base=errors), NDArray[np.float64])
assert_type(hrw.weights(halves), NDArray[np.float16])
assert_type(hrw.weights(errors), NDArray[np.float64])
assert_type(hrw.weights(counts), NDArray[np.float64])
assert_type(hrw.weights([0.3, 2.0]), NDArray[np.float64])
assert_type(hrw.weights([0, 1]), NDArray[np.float64])
assert_type(hrw.solve(singles, r=0.1).weights, NDArray[np.float32])
assert_type(hrw.solve_batch(singles.reshape(2, 3), r=0.1).weights, NDArray[np.float32])
assert_type(hrw.solve_ragged(doubles, [0, 2, 6], r=0.1).weights, NDArray[np.float64])
assert_type(hrw.solve_groups(singles, groups, r=0.1).weights, NDArray[np.float32])
assert_type(hrw.solve_groups(singles, groups, base={"a": 1, "b": 2}).group_weights, NDArray[np.float64])

# So it is of a participant's part.
assert_type(sharded.weights(singles, 0.05, 0.1, allreduce=lambda values, op: None), NDArray[np.float32])
assert_type(sharded.solve(doubles, r=0.1, allreduce=lambda values, op: None).weights, NDArray[np.float64])

# Numbers, and results by their parts.
assert_type(hrw.solve(singles).robust_loss, float)
assert_type(hrw.certify(errors, worst_loss=1.0).bound, float)
assert_type(hrw.r_for_effective_samples(doubles, 4), float)
assert_type(hrw.path(doubles, [0, 0.1], 0.1, ordering="HR").robust_loss, NDArray[np.float64])
assert_type(hrw.top_samples(doubles / doubles.sum(), 2).share, float)
assert_type(hrw.RunningWorst(window=3).update(doubles), float)


# The type of the weights may be said, or left out.
def gap(solution: hrw.Solution) -> float:
    return solution.dual_bound - solution.robust_loss


def robust(losses: NDArray[np.float32], ordering: hrw.Ordering) -> hrw.Solution[np.float32]:
    return hrw.solve(losses, 0.05, 0.1, ordering=ordering)


def mean_gap(batch: hrw.BatchSolution) -> float:
    return float(np.mean(batch.dual_bound - batch.robust_loss))


def of_anything(losses: Any) -> NDArray[Any]:
    return hrw.weights(losses)


orderings: tuple[hrw.Ordering, ...] = ("HD", "HR")
gaps = [gap(robust(singles, ordering)) for ordering in orderings]
gaps.append(mean_gap(hrw.solve_batch(doubles.reshape(2, 3))))
of_anything([0.5, 0.25])
hrw.show_versions()
drawn = plot.weights_against_losses
