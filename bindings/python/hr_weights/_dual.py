"""The two robust programs as array operations of any framework: what the back end "tensor" runs.

Everywhere else the library solves them. This form is for arrays that must not leave their device
(CUDA graphs, TPUs) or their compiler (XLA): a fixed number of operations, no branch that depends on
a value, nothing read back. On a device an operation costs its launch, whatever it does to a batch
of losses. So there are few operations, each on a large array: the root is sought at a fan of places
at once. The notation is that of ``docs/theory.md``: masses q, depths ``d = worst loss - loss``
scaled by their span, dual location u, ``x = u + d``.

Arrays have shape ``(..., n)``, one problem per row; reductions keep their axis with length 1. In
double precision the weights are right to 1e-12 or so. In single precision they are right to about
1e-5 of the largest weight.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Callable, Optional, Protocol

Array = Any

#: Places of a fan. More of them find the root in fewer steps, and cost memory.
FAN = 32
#: The numbers that all places of a fan may have together, so that many losses do not exhaust the
#: memory: the fan is smaller then, and there are more steps.
LARGEST_FAN = 1 << 22
#: Where the number of losses is not known while the program is made.
UNKNOWN_FAN = 16


class Ops(Protocol):
    """What a framework has to offer, each as one operation where it has one. Reductions run over
    the last axis, or over `axis`, and keep it.

    `fill` puts a number where the mask is true. `combine` is ``x + factor * y``, `less_ratio` ``x -
    y / z``. A number may stand for an array as the second argument of `maximum` and `minimum`.
    `sums` and `maxima` are those of several arrays of one shape. `count` is how often the mask is
    true along the axis before the last one, in the type of the other array. `sort` sorts the first
    array from small to large, and the others alike. `size` is the number of elements, None if it is
    not known yet; `uniform` the array of this shape with the number 1/n; `steps` a column of the
    whole numbers from `start` to before `stop`; `expand` adds an axis before the last one, and
    `transpose` exchanges the last two.
    """

    def where(self, condition: Array, yes: Array, no: Array) -> Array: ...
    def fill(self, x: Array, mask: Array, value: float) -> Array: ...
    def cast(self, condition: Array, like: Array) -> Array: ...
    def combine(self, x: Array, factor: float, y: Array) -> Array: ...
    def less_ratio(self, x: Array, y: Array, z: Array) -> Array: ...
    def log(self, x: Array) -> Array: ...
    def exp(self, x: Array) -> Array: ...
    def maximum(self, x: Array, y: Array) -> Array: ...
    def minimum(self, x: Array, y: Array) -> Array: ...
    def clamp(self, x: Array, low: float, high: float) -> Array: ...
    def sum(self, x: Array, axis: int = -1) -> Array: ...
    def sums(self, *arrays: Array) -> tuple[Array, ...]: ...
    def product(self, x: Array) -> Array: ...
    def max(self, x: Array) -> Array: ...
    def maxima(self, *arrays: Array) -> tuple[Array, ...]: ...
    def cumsum(self, x: Array) -> Array: ...
    def count(self, mask: Array, like: Array) -> Array: ...
    def sort(self, keys: Array, *values: Array) -> tuple[Array, ...]: ...
    def concat(self, arrays: tuple[Array, ...]) -> Array: ...
    def size(self, x: Array) -> Optional[int]: ...
    def uniform(self, x: Array) -> Array: ...
    def steps(self, start: int, stop: int, like: Array) -> Array: ...
    def expand(self, x: Array) -> Array: ...
    def transpose(self, x: Array) -> Array: ...


@dataclass(frozen=True)
class Precision:
    """Limits that keep numbers inside the range of a type, and how close to its rounding a search
    may come.
    """

    #: log u from here on down is as good as 0 beside depths of order one; the reciprocal of u is
    #: finite.
    log_floor: float
    #: log u from here on up sees all depths alike: they are lost in the rounding of u.
    log_ceiling: float
    #: Budgets and base weights below this one do not move a weight.
    tiny: float
    #: The mass of a given worst loss, far below what moves a weight, and far above the floor of u.
    atom: float
    #: As `tiny`, for what is divided by alpha.
    least_alpha: float
    #: The smallest normal number.
    least: float
    #: The difference of two numbers below this is finite, and its reciprocal is a normal number.
    huge: float
    #: The largest number. Infinities would upset those who look for them in a program.
    largest: float
    #: What is beyond the cap counts for so much at least, so that no cap is 0.
    least_beyond: float
    #: The width, in log u, of a bracket in which a polynomial through `nodes` places is exact to
    #: rounding.
    smooth: float
    nodes: int
    #: The width, in log u, of a bracket in which a polyline is.
    narrow: float


DOUBLE = Precision(
    log_floor=-600.0,
    log_ceiling=40.0,
    tiny=1e-250,
    atom=1e-120,
    least_alpha=1e-30,
    least=2.3e-308,
    least_beyond=1e-25,
    huge=1e307,
    largest=1.79e308,
    smooth=0.6,
    nodes=12,
    narrow=2e-8,
)
SINGLE = Precision(
    log_floor=-60.0,
    log_ceiling=18.0,
    tiny=1e-25,
    atom=1e-20,
    least_alpha=1e-10,
    least=1.2e-38,
    least_beyond=1e-8,
    huge=2e37,
    largest=3.4e38,
    smooth=0.1,
    nodes=4,
    narrow=3e-6,
)
#: From here on every deep sample has lost its weight.
LARGEST_R = 1e4


@dataclass(frozen=True)
class Problem:
    """Rows of losses and of masses, and the budgets of each."""

    ops: Ops
    precision: Precision
    #: The losses, negated: sorted as the depths are, and exact, where depths that differ by less
    #: than their rounding are equal.
    keys: Array
    #: Of any sum, and at most 1 each.
    masses: Array
    sorted_keys: Array
    sorted_masses: Array
    #: From keys to depths.
    depth: Callable[[Array], Array]
    alpha: Array
    r: Array
    #: The key of a worst loss that is a number of its own, with a weight of its own; None: it is
    #: the largest loss.
    atom_key: Optional[Array]


def weights(
    ops: Ops,
    precision: Precision,
    losses: Array,
    base: Optional[Array],
    alpha: Array,
    r: Array,
    worst_loss: Optional[Array],
    ordering: str,
) -> tuple[Array, Array]:
    """The weights ``(..., n)`` and the weight of the worst loss ``(..., 1)``.

    losses, base: ``(..., n)`` of one type; a base weight of 0 masks its sample; None: one each.
    alpha, r: ``(..., 1)`` of that type, in [0, 1] and [0, inf].
    worst_loss: ``(..., 1)``, at least every loss; None: the largest one, whose weight then belongs
    to its samples.
    ordering: "HD" or "HR".

    Nothing is checked: what the library refuses gives weights that are NaN or mean nothing.

    Source: arXiv 2303.02251 and 2207.09560 through the duals of ``docs/theory.md``.
    """
    keys = -losses
    if base is None:
        masses = ops.uniform(losses)
        (sorted_keys,) = ops.sort(keys)
        sorted_masses = masses
    else:
        masked = base <= 0
        most, deepest = ops.maxima(base, ops.fill(keys, masked, -precision.largest))
        # The least of them may be no number of this type beside the largest.
        masses = ops.fill(ops.maximum(base / most, precision.tiny), masked, 0.0)
        keys = ops.where(masked, deepest, keys)
        sorted_keys, sorted_masses = ops.sort(keys, masses)
    atom_key = None if worst_loss is None else -worst_loss
    worst = -sorted_keys[..., :1] if worst_loss is None else worst_loss
    deepest = sorted_keys[..., -1:]
    # The span of finite numbers may overflow, and its reciprocal, with which compilers divide, may
    # be too small a number. A sixteenth of them is exact.
    large = ops.maximum(worst, deepest) >= precision.huge
    unit = 1.0 - 0.9375 * ops.cast(large, worst)
    zero = worst * unit
    span = ops.maximum(deepest * unit + zero, precision.least)

    def depth(keys: Array) -> Array:
        return (keys * unit + zero) / span

    problem = Problem(
        ops,
        precision,
        keys,
        masses,
        sorted_keys,
        sorted_masses,
        depth,
        alpha,
        ops.clamp(r, precision.tiny, LARGEST_R),
        atom_key,
    )
    result = hd(problem) if ordering == "HD" else hr(problem)
    return (result, 0.0 * worst) if worst_loss is None else (result[..., 1:], result[..., :1])


def hd(problem: Problem) -> Array:
    """HD: alpha of the mass goes from the deepest samples to the worst loss; then the KL step.

    The weights of the samples, and before them that of the worst loss, if it has one of its own.
    """
    ops, depths = problem.ops, problem.depth(problem.keys)
    masses, moved, total = trim(
        problem, problem.keys, depths, problem.masses, problem.sorted_keys, problem.sorted_masses
    )
    if problem.atom_key is not None:
        depths = ops.concat((0.0 * moved, depths))
        masses = ops.concat((moved + total * problem.precision.atom, masses))
    masses = masses / total
    places, shares = ops.expand(depths), ops.expand(masses)

    def phi(u: Array) -> Array:
        return divergence(ops, u + places, shares)

    log_u = polynomial_root(problem, phi, *bracket(problem, phi, problem.precision.smooth))
    inverse = masses / (ops.exp(log_u)[..., 0] + depths)
    return inverse / ops.sum(inverse)


def hr(problem: Problem) -> Array:
    """HR: the KL step on depths capped at D, where D is such that the mass beyond it is alpha.

    As `hd`.
    """
    ops, precision, alpha = problem.ops, problem.precision, problem.alpha
    keys, masses = problem.keys, problem.masses
    sorted_keys, sorted_masses = problem.sorted_keys, problem.sorted_masses
    total = ops.sum(masses)
    if problem.atom_key is not None:
        keys, sorted_keys = (ops.concat((problem.atom_key, array)) for array in (keys, sorted_keys))
        atom = total * precision.atom
        masses, sorted_masses = (ops.concat((atom, array)) for array in (masses, sorted_masses))
    shares = sorted_masses / total
    depths, sorted_depths = problem.depth(keys), problem.depth(sorted_keys)
    deeper = ops.concat((sorted_depths[..., 1:], sorted_depths[..., -1:]))
    budget = ops.maximum(alpha, precision.least_alpha)
    beyond = (1.0 - ops.cumsum(shares)) * ((1.0 - budget) / budget)
    beyond = ops.maximum(beyond, precision.least_beyond)

    def capped(u: Array, depths: Array, deeper: Array, masses: Array, beyond: Array) -> tuple[Array, Array]:
        """``u + min(d, D)`` of the sorted samples, and ``u + D``.

        With j samples below the cap, ``u + D`` is ``beyond[j] / sum_{i <= j} b / x``, or the next x
        if that is smaller. The first falls in j and the second grows: the cap is where they cross.
        Where alpha is at least all the mass that is deep, it is not above u, and all x are the same.
        """
        x = u + depths
        cap = ops.max(ops.minimum(beyond / ops.cumsum(masses / x), u + deeper))
        return ops.minimum(x, cap), cap

    arrays = (sorted_depths, deeper, shares, beyond)
    places = tuple(ops.expand(array) for array in arrays)

    def phi(u: Array) -> Array:
        return divergence(ops, capped(u, *places)[0], places[2])

    # Where the cap passes a sample phi has a kink, which no polynomial follows.
    log_u = polyline_root(problem, phi, *bracket(problem, phi, precision.narrow))
    u = ops.exp(log_u)[..., 0]
    x, cap = capped(u, *arrays)
    tilted = masses / ops.minimum(u + depths, cap)
    kept, moved, total = trim(problem, keys, depths, tilted, sorted_keys, sorted_masses / x)
    if problem.atom_key is not None:
        kept = ops.concat((kept[..., :1] + moved, kept[..., 1:]))
    return kept / total


def trim(
    problem: Problem, keys: Array, depths: Array, masses: Array, sorted_keys: Array, sorted_masses: Array
) -> tuple[Array, Array, Array]:
    """The masses after a part alpha of them went from the deepest samples to the worst loss; how
    much that was; and how much all masses are.

    Masses of any sum, sorted as the keys in `sorted_masses`. Ties lose the same share. If the worst
    loss has a weight of its own, what it gets is left to the caller.
    """
    ops, precision = problem.ops, problem.precision
    sums = ops.cumsum(sorted_masses)
    rest = sums[..., -1:] * (1.0 - problem.alpha)
    threshold = ops.max(ops.fill(sorted_keys, sums - sorted_masses > rest, -precision.largest))
    deeper = ops.fill(masses, keys <= threshold, 0.0)
    tied = ops.fill(masses, keys != threshold, 0.0)
    is_deep = depths > 0
    deeper_mass, tied_mass, worst_mass, total = ops.sums(deeper, tied, ops.fill(masses, is_deep, 0.0), masses)
    budget = problem.alpha * total
    share = ops.clamp((budget - deeper_mass) / ops.maximum(tied_mass, precision.tiny), 0.0, 1.0)
    kept = ops.where(keys < threshold, masses, ops.fill(masses * (1.0 - share), keys > threshold, 0.0))
    if problem.atom_key is None:
        return kept + ops.fill(masses * (budget / worst_mass), is_deep, 0.0), budget, total
    # Mass at depth zero has nowhere to go. There may be a rounding more of it than all.
    moved = ops.minimum(budget, ops.maximum(total - worst_mass, 0.0))
    return ops.where(is_deep, kept, masses), moved, total


def divergence(ops: Ops, x: Array, masses: Array) -> Array:
    """``phi = log S1 + sum q log x``, which the tilt by ``1/x`` spends, with ``S1 = sum q / x``.

    As ``y = x S1`` has ``sum q / y = 1``, this is the sum of ``q (log y - (y - 1) / y)``, whose
    terms are positive: nothing cancels, and the rounding of y counts in second order.
    """
    y = x * ops.sum(masses / x)
    return ops.sum(masses * ops.less_ratio(ops.log(y), y - 1.0, y))


def bracket(problem: Problem, phi: Callable[[Array], Array], narrow: float) -> tuple[Array, float]:
    """The lower end ``(..., 1, 1)`` of a bracket of the log u at which phi is r, and its width:
    `narrow` or less.

    Phi takes a column of many u, and falls in u. Where it is less than r everywhere, the end is the
    floor.
    """
    ops, precision = problem.ops, problem.precision
    fan = fan_of(problem)
    r, steps = ops.expand(problem.r), ops.steps(1, fan + 1, problem.r)
    width = precision.log_ceiling - precision.log_floor
    low: Array = precision.log_floor
    for _ in range(math.ceil(math.log(width / narrow) / math.log(fan + 1))):
        width /= fan + 1
        beyond = phi(ops.exp(ops.combine(low, width, steps))) > r
        low = ops.combine(low, width, ops.count(beyond, r))
    return low, width


def fan_of(problem: Problem) -> int:
    """The places of a fan."""
    size = problem.ops.size(problem.masses)
    return UNKNOWN_FAN if size is None else min(FAN, max(4, LARGEST_FAN // max(size, 1)))


def excess_of_log_phi(problem: Problem, phi: Callable[[Array], Array], log_u: Array) -> Array:
    """``log(phi / r)`` in a column."""
    ops, tiny = problem.ops, problem.precision.tiny
    return ops.log(ops.maximum(phi(ops.exp(log_u)), tiny) / ops.expand(problem.r))


def polynomial_root(problem: Problem, phi: Callable[[Array], Array], low: Array, width: float) -> Array:
    """The log u in a bracket at which phi is r: log u as a polynomial of log phi, Lagrange's, at
    log r.
    """
    ops, nodes = problem.ops, problem.precision.nodes
    places = ops.combine(low, width / (nodes - 1), ops.steps(0, nodes, problem.r))
    excess = excess_of_log_phi(problem, phi, places)
    others = ops.transpose(excess)
    gaps = others - excess
    # Places that rounding makes equal are none, and none is far out.
    same = gaps == 0
    factors = ops.fill(others / ops.fill(gaps, same, 1.0), same, 1.0)
    factors = ops.product(ops.clamp(factors, -100.0, 100.0))
    return ops.minimum(ops.maximum(ops.sum(places * factors, axis=-2), low), low + width)


def polyline_root(problem: Problem, phi: Callable[[Array], Array], low: Array, width: float) -> Array:
    """The log u in a bracket at which phi is r: log phi from place to place on a line."""
    ops, fan = problem.ops, fan_of(problem)
    excess = excess_of_log_phi(problem, phi, ops.combine(low, width / fan, ops.steps(0, fan + 1, problem.r)))
    left, right = excess[..., :-1, :], excess[..., 1:, :]
    # Of each interval the part on which phi is more than r.
    part = left / ops.maximum(left - right, problem.precision.tiny)
    return ops.combine(low, width / fan, ops.sum(ops.clamp(part, 0.0, 1.0), axis=-2))
