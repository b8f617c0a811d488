"""The two robust programs as array operations of any framework: what the back end "tensor" runs.

Everywhere else the library solves them. This form is for arrays that must not leave their device (CUDA graphs, TPUs) or
their compiler (XLA): a fixed number of steps, no branch that depends on a value, nothing read back. It follows
``docs/theory.md``: masses q, depths ``d = worst loss - loss`` scaled by their span, dual location u, ``x = u + d``.

Arrays have shape ``(..., n)``, one problem per row; sums over the last axis keep it with length 1. In double precision the
weights are right to 1e-12 or so. In single precision they are right to about 1e-5 of the largest weight.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable, Optional, Protocol

Array = Any

#: Steps of the root search. A bracketed Newton search in the right coordinates takes 3 to 12; the rest is a reserve.
STEPS = 20


class Ops(Protocol):
    """What a framework has to offer. `sum`, `max`, `min` and `cumsum` run over the last axis; the first three keep it.

    `sort` sorts the first array from small to large along the last axis, and the second one alike. `loop` applies
    a function a number of times to a tuple of arrays. Scalars may stand for arrays as the second or third argument of
    `where` and the second of `maximum` and `minimum`.
    """

    def where(self, condition: Array, yes: Array, no: Array) -> Array: ...
    def log(self, x: Array) -> Array: ...
    def log1p(self, x: Array) -> Array: ...
    def exp(self, x: Array) -> Array: ...
    def expm1(self, x: Array) -> Array: ...
    def sqrt(self, x: Array) -> Array: ...
    def abs(self, x: Array) -> Array: ...
    def maximum(self, x: Array, y: Array) -> Array: ...
    def minimum(self, x: Array, y: Array) -> Array: ...
    def sum(self, x: Array) -> Array: ...
    def max(self, x: Array) -> Array: ...
    def min(self, x: Array) -> Array: ...
    def cumsum(self, x: Array) -> Array: ...
    def cast(self, condition: Array, like: Array) -> Array: ...
    def sort(self, keys: Array, values: Array) -> tuple[Array, Array]: ...
    def loop(self, steps: int, body: Any, state: tuple[Array, ...]) -> tuple[Array, ...]: ...


@dataclass(frozen=True)
class Precision:
    """Limits that keep squares and reciprocals inside the range of a type."""

    #: u from here on down is as good as 0 beside depths of order one; its reciprocal square is finite.
    log_floor: float
    #: u from here on up sees all depths alike; its square is finite.
    log_ceiling: float
    #: Budgets below this one do not move a weight.
    tiny: float
    #: The spacing of the numbers at one.
    epsilon: float
    #: The difference of two numbers below this is finite.
    huge: float
    #: The largest number. Infinities would upset those who look for them in a program.
    largest: float


DOUBLE = Precision(log_floor=-300.0, log_ceiling=300.0, tiny=1e-250, epsilon=2.3e-16, huge=8e307, largest=1.79e308)
SINGLE = Precision(log_floor=-36.0, log_ceiling=30.0, tiny=1e-25, epsilon=1.2e-7, huge=1.6e38, largest=3.4e38)
#: From here on every deep sample has lost its weight.
LARGEST_R = 1e4


@dataclass(frozen=True)
class Problem:
    """Rows of scaled depths and of masses that sum to one, and the budgets of each."""

    ops: Ops
    precision: Precision
    #: The worst loss where masked.
    losses: Array
    #: From losses to depths.
    depth: Callable[[Array], Array]
    depths: Array
    masses: Array
    alpha: Array
    r: Array
    #: The mass at depth zero.
    top: Array


@dataclass(frozen=True)
class View:
    """A distribution of depths seen from one u: the Kullback-Leibler divergence that it spends, and the weights."""

    phi: Array
    #: The derivative of phi in log u.
    slope: Array
    #: ``1 / (x S1)`` for every sample, and for depth zero.
    tilt: Array
    tilt_at_zero: Array
    #: ``x S1 - 1`` at the mean, and ``u + mean``.
    first: Array
    centre: Array


def weights(
    ops: Ops,
    precision: Precision,
    losses: Array,
    base: Array,
    alpha: Array,
    r: Array,
    worst_loss: Optional[Array],
    ordering: str,
) -> tuple[Array, Array]:
    """The weights ``(..., n)`` and the weight of the worst loss ``(..., 1)``.

    losses, base: ``(..., n)`` of one type; a base weight of 0 masks its sample.
    alpha, r: ``(..., 1)`` of that type, in [0, 1] and [0, inf].
    worst_loss: ``(..., 1)``, at least every loss; None: the largest one, whose weight then belongs to its samples.
    ordering: "HD" or "HR".

    Nothing is checked: what the library refuses gives weights that are NaN or mean nothing.

    Source: arXiv 2303.02251 and 2207.09560 through the duals of ``docs/theory.md``.
    """
    unmasked = base > 0
    # The least of them may be no number of this type beside the largest.
    masses = ops.where(unmasked, ops.maximum(base / ops.max(base), precision.tiny), 0.0)
    masses = masses / ops.sum(masses)
    smallest = ops.min(ops.where(unmasked, losses, precision.largest))
    worst = ops.max(ops.where(unmasked, losses, -precision.largest)) if worst_loss is None else worst_loss
    # The span of finite numbers may overflow.
    small = ops.maximum(ops.abs(worst), ops.abs(smallest)) < precision.huge
    unit = ops.where(small, 1.0 + 0.0 * worst, 0.25)
    span = worst * unit - smallest * unit
    scale = ops.where(span > 0, span, 1.0)

    def depth(losses: Array) -> Array:
        return (worst * unit - losses * unit) / scale

    losses = ops.where(unmasked, losses, worst)
    depths = depth(losses)
    top = ops.sum(ops.where(depths > 0, 0.0, masses))
    r = ops.minimum(ops.maximum(r, precision.tiny), LARGEST_R)
    problem = Problem(ops, precision, losses, depth, depths, masses, alpha, r, top)
    result, on_worst = hd(problem) if ordering == "HD" else hr(problem)
    if worst_loss is not None:
        return result, on_worst
    return result + ops.where(depths > 0, 0.0, masses / top * on_worst), 0.0 * on_worst


def hd(problem: Problem) -> tuple[Array, Array]:
    """HD: alpha of the mass goes from the deepest samples to the worst loss; then the KL step."""
    ops, depths, masses = problem.ops, problem.depths, problem.masses
    # Mass at depth zero has nowhere to go.
    moved = ops.minimum(problem.alpha, ops.sum(ops.where(depths > 0, masses, 0.0)))
    # Losses decide who is deepest: depths that differ in less than their rounding are equal.
    sorted_losses, sorted_masses = ops.sort(problem.losses, masses)
    reached = ops.cumsum(sorted_masses) >= moved
    threshold = ops.minimum(ops.min(ops.where(reached, sorted_losses, problem.precision.largest)), ops.max(sorted_losses))
    kept = masses * share_kept(ops, masses, problem.losses, threshold, moved)

    def look(log_u: Array) -> View:
        return view(ops, ops.exp(log_u), depths, kept, moved)

    seen, followed = root(problem, look, depths, kept, moved, problem.top + moved)
    result = followed * kept * seen.tilt
    # What does not follow the tilt stays at depth zero, in proportion.
    at_zero = ops.sum(ops.where(depths > 0, 0.0, kept))
    rest = (1.0 - followed) / ops.where(at_zero + moved > 0, at_zero + moved, 1.0)
    result = result + ops.where(depths > 0, 0.0, rest * kept)
    on_worst = followed * moved * seen.tilt_at_zero + ops.where(at_zero + moved > 0, rest * moved, rest)
    return result, on_worst


def hr(problem: Problem) -> tuple[Array, Array]:
    """HR: the KL step on depths capped at D, where D is such that the mass beyond it is alpha."""
    ops, precision = problem.ops, problem.precision
    masses, alpha, r = problem.masses, problem.alpha, problem.r
    # Where everything moves to the worst loss, D has no scale: any one depth for all deep samples has the same solution.
    collapsed = r >= kl_to_reach_worst(problem)
    deep = problem.depths > 0

    def capped_scale(depths: Array) -> Array:
        return ops.where(collapsed, ops.cast(depths > 0, depths), depths)

    depths = capped_scale(problem.depths)
    sorted_losses, sorted_masses = ops.sort(problem.losses, masses)
    sorted_depths = capped_scale(problem.depth(sorted_losses))
    within = ops.cumsum(sorted_masses)
    beyond = within - sorted_masses
    budget = ops.maximum(alpha, precision.tiny)
    largest = ops.max(sorted_losses)

    def cut(excess_with: Array, further: Array) -> tuple[Array, Array]:
        """D, and the loss at the cut: the first sorted one at which the mass beyond, ties included, exceeds alpha."""
        found = excess_with >= 0
        threshold = ops.minimum(ops.min(ops.where(found, sorted_losses, precision.largest)), largest)
        # Of ties the first counts: it alone knows that all of them are above.
        first = (ops.cumsum(ops.cast(found, beyond)) == 1) & found
        further = ops.maximum(ops.sum(ops.where(first, further, 0.0)), 0.0)
        next_deeper = ops.min(ops.where(found, precision.largest, sorted_depths))
        depth = capped_scale(problem.depth(threshold))
        depth = ops.maximum(depth, ops.minimum(depth + further, next_deeper))
        return ops.where(collapsed, 1.0, depth), threshold

    def tilted(u: Array) -> tuple[Array, Array]:
        """As `cut`, for the mass that the KL step at u leaves, ``q = b / (x S1)``."""
        inverse = sorted_masses / (u + sorted_depths)
        from_deep = ops.cumsum(inverse)
        above = ops.sum(inverse) - from_deep + inverse
        moment = sorted_depths * inverse
        curved = sorted_depths * above - (ops.sum(moment) - ops.cumsum(moment) + moment)
        excess_with = (within - budget) - budget * curved
        # Depths are at most 1, so what is further than that need not be said: it might be infinite.
        above = ops.maximum(above, precision.tiny)
        return cut(excess_with, ops.minimum((beyond - budget) / budget - curved, 2.0 * above) / above)

    def at_floor(u: Array) -> tuple[Array, Array]:
        """As `cut`, where u rests on zero: there ``q = b exp(L - r) / x``, and the rest of the mass is on the worst loss."""
        log_x = ops.log(u + sorted_depths)
        term = sorted_masses * log_x
        above_mass = 1.0 - beyond
        curved = ops.sum(term) - ops.cumsum(term) + term - above_mass * log_x
        log_budget = ops.log(budget)
        excess_with = ops.log(ops.maximum(within, precision.tiny)) - r + curved - log_budget
        log_ratio = ops.log(ops.maximum(beyond, precision.tiny)) - log_budget - r + curved
        log_ratio = log_ratio / ops.maximum(above_mass, precision.tiny)
        further = (u + sorted_depths) * ops.expm1(ops.minimum(ops.maximum(log_ratio, 0.0), 1.0 - precision.log_floor))
        return cut(excess_with, further)

    def look(log_u: Array) -> View:
        u = ops.exp(log_u)
        depth, threshold = tilted(u)
        seen = view(ops, u, ops.minimum(depths, depth), masses, 0.0 * u)
        # While D moves between two samples, phi moves with it.
        x, x_cut = u + depths, u + depth
        inverse = ops.where(problem.losses >= threshold, masses / x, 0.0)
        moves = ops.sum(inverse * (x_cut - x) * (u / x)) / ops.where(depth > 0, ops.sum(inverse), 1.0)
        sum_at_cut = x_cut * (1.0 + seen.first) / seen.centre
        gain = alpha * (sum_at_cut - 1.0) / x_cut * moves
        between = (depth > problem.depth(threshold)) & (ops.sum(inverse) > 0)
        return replace(seen, slope=seen.slope + ops.where(between, ops.where(collapsed, 0.0, gain), 0.0))

    start_depth, _ = tilted(ops.exp(precision.log_ceiling + 0.0 * r))
    capped = ops.minimum(depths, start_depth)
    log_u = find(problem, look, spread(ops, capped, masses, 0.0 * r), problem.top)
    u = ops.exp(log_u)
    depth, threshold = tilted(u)
    seen = view(ops, u, ops.minimum(depths, depth), masses, 0.0 * u)
    floor = (log_u <= precision.log_floor) & (seen.phi <= r)
    depth_at_floor, threshold_at_floor = at_floor(u)
    resting = floor & (problem.top == 0)
    depth, threshold = ops.where(resting, depth_at_floor, depth), ops.where(resting, threshold_at_floor, threshold)
    seen = view(ops, u, ops.minimum(depths, depth), masses, 0.0 * u)
    followed = ops.where(floor, ops.exp(ops.minimum(seen.phi - r, 0.0)), 1.0)
    left = followed * masses * seen.tilt
    rest = 1.0 - followed
    left = left + ops.where(deep, 0.0, rest * masses / ops.where(problem.top > 0, problem.top, 1.0))
    keep = share_kept(ops, left, problem.losses, threshold, ops.minimum(alpha, ops.sum(ops.where(deep, left, 0.0))))
    keep = ops.where(deep & collapsed, 0.0, keep)
    cut_mass = ops.sum(left * (1.0 - keep))
    return left * keep, cut_mass + ops.where(problem.top > 0, 0.0, rest)


def share_kept(ops: Ops, masses: Array, losses: Array, threshold: Array, budget: Array) -> Array:
    """What every sample keeps when a budget is taken from the smallest losses: ties at the threshold lose the same share."""
    below = ops.sum(ops.where(losses < threshold, masses, 0.0))
    tied = ops.sum(ops.where(losses == threshold, masses, 0.0))
    lost = ops.maximum(budget - below, 0.0) / ops.where(tied > 0, tied, 1.0)
    keep = ops.minimum(ops.maximum(1.0 - lost, 0.0), 1.0)
    return ops.where(losses < threshold, 0.0, ops.where(losses == threshold, keep, 1.0 + 0.0 * masses))


def kl_to_reach_worst(problem: Problem) -> Array:
    """The r from which HR moves everything to the worst loss."""
    ops, alpha, tiny = problem.ops, problem.alpha, problem.precision.tiny
    top, deep = problem.top, 1.0 - problem.top
    at_top = ops.where(top > 0, top * (ops.log(ops.maximum(top, tiny)) - ops.log(ops.maximum(1.0 - alpha, tiny))), 0.0)
    at_deep = deep * (ops.log(ops.maximum(deep, tiny)) - ops.log(ops.maximum(alpha, tiny)))
    return ops.where(alpha >= deep, 0.0, at_top + at_deep)


def log_minus_excess(ops: Ops, ratio: Array, excess: Array) -> Array:
    """``log y - (y - 1)`` from y and y - 1, without cancellation where y is close to one."""
    e = ops.minimum(ops.maximum(excess, -0.1), 0.1)
    series = 0.0 * e
    for k in range(16, 1, -1):
        series = (-1.0 if k % 2 == 0 else 1.0) / k + e * series
    return ops.where(ops.abs(excess) < 0.1, series * e * e, ops.log(ratio) - excess)


def view(ops: Ops, u: Array, depths: Array, masses: Array, atom: Array) -> View:
    """The samples' distribution and an atom at depth zero, which together have mass one, seen from u."""
    mean = ops.sum(masses * depths)
    centre = u + mean
    ratio, excess = (u + depths) / centre, (depths - mean) / centre
    ratio_at_zero, excess_at_zero = u / centre, -mean / centre
    bend = ops.sum(masses * log_minus_excess(ops, ratio, excess))
    bend = bend + atom * log_minus_excess(ops, ratio_at_zero, excess_at_zero)
    lift, lift_at_zero = excess / ratio, excess_at_zero / ratio_at_zero
    first = ops.sum(masses * excess * lift) + atom * excess_at_zero * lift_at_zero
    # `1/y - 1 - first` is minus `lift + first`.
    spread_of_inverse = ops.sum(masses * (lift + first) * ((lift + first) * ratio_at_zero))
    spread_of_inverse = spread_of_inverse + atom * (lift_at_zero + first) * ((lift_at_zero + first) * ratio_at_zero)
    return View(
        phi=bend + ops.log1p(first),
        slope=-spread_of_inverse / (1.0 + first),
        tilt=1.0 / (ratio * (1.0 + first)),
        tilt_at_zero=1.0 / (ratio_at_zero * (1.0 + first)),
        first=first,
        centre=centre,
    )


def spread(ops: Ops, depths: Array, masses: Array, atom: Array) -> Array:
    """The variance of the depths."""
    mean = ops.sum(masses * depths)
    return ops.sum(masses * (depths - mean) * (depths - mean)) + atom * mean * mean


def root(problem: Problem, look: Any, depths: Array, masses: Array, atom: Array, top: Array) -> tuple[View, Array]:
    """The view from the u that spends r, and the share of the mass that follows it: below one where u rests on its floor."""
    ops, precision = problem.ops, problem.precision
    log_u = find(problem, look, spread(ops, depths, masses, atom), top)
    seen = look(log_u)
    slack = ops.minimum(seen.phi - problem.r, 0.0)
    return seen, ops.where(log_u <= precision.log_floor, ops.exp(slack), 1.0)


def find(problem: Problem, look: Any, variance: Array, top: Array) -> Array:
    """The log u at which phi is r, or the floor if phi is less there.

    phi falls from large values, like ``-(1 - top) log u``, to small ones, like ``variance / (2 u^2)``. Seen through
    ``log(exp(k phi) - 1)`` with ``k = 2 / (1 - top)`` both ends are lines of slope -2: Newton steps in that coordinate, kept
    inside a bracket. The best u seen is the result.
    """
    ops, precision, r = problem.ops, problem.precision, problem.r

    def log_expm1(x: Array) -> Array:
        return x + ops.log(ops.maximum(-ops.expm1(-x), precision.tiny))

    k = 2.0 / ops.maximum(1.0 - top, precision.epsilon)
    target = log_expm1(k * r)
    # Depths that differ by rounding alone have no variance that could be divided by.
    start = 0.5 * (ops.log(ops.maximum(0.5 * k * variance, precision.tiny)) - target)
    start = ops.minimum(ops.maximum(start, precision.log_floor), precision.log_ceiling)
    # Of the type that a sharded JAX gives to everything that depends on the losses.
    low, high = precision.log_floor + 0.0 * start, precision.log_ceiling + 0.0 * start
    resting = look(low).phi <= r

    def step(log_u: Array, low: Array, high: Array, best: Array, least: Array) -> tuple[Array, ...]:
        seen = look(log_u)
        phi = ops.maximum(seen.phi, precision.tiny)
        lack = target - log_expm1(k * phi)
        better = ops.abs(lack) < least
        best, least = ops.where(better, log_u, best), ops.where(better, ops.abs(lack), least)
        low, high = ops.where(phi > r, log_u, low), ops.where(phi > r, high, log_u)
        newton = log_u + lack * -ops.expm1(-k * phi) / (k * ops.minimum(seen.slope, -precision.tiny))
        inside = (newton > low) & (newton < high)
        return ops.where(inside, newton, 0.5 * (low + high)), low, high, best, least

    best = ops.loop(STEPS, step, (start, low, high, start, precision.largest + 0.0 * start))[3]
    return ops.where(resting, low, best)
