#!/usr/bin/env python3
"""Solve several hundred robust-weight problems to 50 digits and write `high_precision.txt`.

Every number in the table is computed here from the definitions of the two programs, with none of the code or the
numerical devices of the library: rational arithmetic for all that is rational (normalised base weights, depths,
trimming) and mpmath for the rest, at a precision that is raised until the answer no longer changes.  Each row is then
proved: its weights satisfy both budgets as defined, and their value equals that of a dual point, to 45 digits.

Notation.  Losses `l[i]`, base weights `b[i]` (sum one), worst loss `w`, depths `d[i] = w - l[i] >= 0`, and an atom at
depth 0 on which the adversary may put mass.  Budgets: `alpha` (total variation) and `r` (Kullback-Leibler, nats).

* HD moves `alpha` from the samples to the atom, `q = b - s`, then picks p with `KL(q || p) <= r`.
* HR picks q with `KL(b || q) <= r`, then moves `alpha` from the samples to the atom, `p = q - s`.

Both maximise `sum p l + p[0] w`.  Sources: Bennouna, Lucas, Van Parys, *Certified Robust Neural Networks:
Generalization and Corruption Resistance* (arXiv 2303.02251); Bennouna, Van Parys, *Holistic Robust Data-Driven
Decisions* (arXiv 2207.09560).

Usage: `python3 make_table.py [--jobs 2] [--output FILE] [--only SUBSTRING] [--cases FILE]`.  Needs mpmath; gmpy2 makes it faster.
The output does not depend on the machine: random inputs are seeded and rounded from 30 digits.
"""

import argparse
import math
import multiprocessing
import os
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from mpmath import mp, mpf

NAN, INF = math.nan, math.inf
DIGITS, WEIGHT_DIGITS = 40, 22  # written to the table
AGREE = "1e-50"  # two precisions must agree to this, relatively, in every number of a row
PROOF = "1e-45"  # and primal and dual to this, relative to the distance from the worst loss
MAX_DPS = 6000


# ---------------------------------------------------------------------------------------------------------------------
# The problem, in exact rationals
# ---------------------------------------------------------------------------------------------------------------------

@dataclass
class Case:
    """One row's input, all of it exact doubles."""

    name: str
    ordinary: bool
    ordering: str
    alpha: float
    r: float
    losses: list
    base: list | None = None
    worst_loss: float = NAN  # NaN: the largest unmasked loss


class Problem:
    """A case with samples of equal depth merged: equal losses are treated alike in both programs."""

    def __init__(self, case):
        base = [1.0] * len(case.losses) if case.base is None else case.base
        total = sum(Fraction(b) for b in base)
        self.base = [Fraction(b) / total for b in base]
        exact = [Fraction(l) if b > 0 else None for l, b in zip(case.losses, base)]
        largest = max(l for l in exact if l is not None)
        self.folded = math.isnan(case.worst_loss)
        self.worst = largest if self.folded else Fraction(case.worst_loss)
        assert self.worst >= largest and 0 <= case.alpha <= 1 and case.r >= 0, case.name
        depth = [None if l is None else self.worst - l for l in exact]
        self.depths = sorted({d for d in depth if d is not None})
        index = {d: k for k, d in enumerate(self.depths)}
        self.group = [None if d is None else index[d] for d in depth]
        self.mass = [Fraction(0)] * len(self.depths)
        for k, b in zip(self.group, self.base):
            if k is not None:
                self.mass[k] += b
        self.top = self.mass[0] if self.depths[0] == 0 else Fraction(0)  # base mass at depth 0
        self.deep = 1 - self.top
        self.span = self.depths[-1]
        self.ordering = case.ordering
        self.alpha = Fraction(case.alpha)
        self.r = INF if math.isinf(case.r) else Fraction(case.r)


@dataclass
class Answer:
    """What a row reports, on groups of equal depth.  None: not determined (see the README)."""

    mass: list  # p of every group
    atom: object  # p[0]
    gap: object  # worst loss minus robust loss
    u: object  # eta - worst loss
    trim: object  # depth of the cut
    d_alpha: object
    d_r: object
    kl: object
    tv: object


class NotPreciseEnough(Exception):
    """The working precision was too low for this problem; try again with more."""


def number(x):
    """An exact rational (or inf, or an mpf) at the working precision."""
    return mpf(x.numerator) / mpf(x.denominator) if isinstance(x, Fraction) else mpf(x)


def require(condition):
    if not condition:
        raise NotPreciseEnough


def close(a, b, tolerance, relative_to):
    return abs(a - b) <= mpf(tolerance) * abs(relative_to)


# ---------------------------------------------------------------------------------------------------------------------
# Trimming and the KL step
# ---------------------------------------------------------------------------------------------------------------------

def trim_deepest(problem):
    """Take alpha from the deepest groups: (what is left of each, index of the threshold group or None, kink).

    `kink`: alpha is within rounding of a boundary between two groups, so that either may be called the threshold.
    """
    left, alpha = list(problem.mass), problem.alpha
    if alpha == 0:
        return left, None, False
    for k in reversed(range(len(left))):
        cut = min(alpha, left[k])
        room = left[k] - cut
        left[k] -= cut
        alpha -= cut
        if alpha == 0:
            tolerance = Fraction(1, 10**12) * problem.alpha + Fraction(1, 10**14)
            return left, k, (k > 0 and room <= tolerance) or (cut <= tolerance and cut < problem.alpha)
    raise AssertionError("alpha exceeds the mass")


def phi(u, points):
    """phi(u) = sum q log(u+d) + log sum q/(u+d), which the KL step sets to r, and its derivative in log u."""
    terms = [(q / (u + d), u + d) for d, q in points]
    s1 = mp.fsum(a for a, _ in terms)
    s2 = mp.fsum(a / x for a, x in terms)
    return mp.fsum(q * mp.log(x) for (_, q), (_, x) in zip(points, terms)) + mp.log(s1), u * (s1 - s2 / s1)


def kl_step(points, r, log_u=None):
    """Minimise u - exp(sum q log(u+d) - r) over u >= 0: safeguarded Newton for phi(u) = r in log u.

    `points`: (depth, mass) with distinct ascending depths and positive masses that sum to one.
    """
    if points[0][0] > 0 and (len(points) == 1 or phi(mpf(0), points)[0] <= r):
        return mpf(0)
    if log_u is None:
        mean = mp.fsum(q * d for d, q in points)
        log_u = mp.log(mp.fsum(q * (d - mean) ** 2 for d, q in points) / (2 * r)) / 2
    low, high = -mp.inf, mp.inf  # phi(low) > r > phi(high)
    stride = mpf(1)
    for _ in range(3000):
        require(abs(log_u) < mpf(10) ** (mp.dps - 60))  # beyond, log u has too few correct digits
        value, slope = phi(mp.exp(log_u), points)
        if value > r:
            low = log_u
        else:
            high = log_u
        if value > 0 and slope < 0:
            step = (value - r) / slope if value > 1 else mp.log(value / r) * value / slope
            if abs(step) < mpf("1e-55"):
                return mp.exp(log_u - step)
            newton = log_u - step
        else:
            newton = None
        if newton is not None and max(low, log_u - stride) < newton < min(high, log_u + stride):
            log_u = newton
        elif mp.isinf(low) or mp.isinf(high):
            log_u += stride if mp.isinf(high) else -stride
            stride *= 4
        else:
            log_u = (low + high) / 2
            stride = high - low
    raise NotPreciseEnough


def tilt(u, points, r):
    """exp(sum q log(u+d) - r): the KL step's weights are q * tilt / (u+d), and its derivative in r is tilt."""
    return mp.exp(mp.fsum(q * mp.log(u + d) for d, q in points) - r)


def as_points(depths, masses):
    """Positive masses as mpf, those at equal (adjacent) depths merged."""
    points = []
    for d, q in zip(depths, masses):
        if q > 0:
            if points and points[-1][0] == d:
                points[-1] = (d, points[-1][1] + q)
            else:
                points.append((d, q))
    return [(number(d), number(q)) for d, q in points]


# ---------------------------------------------------------------------------------------------------------------------
# Cases without a dual equation
# ---------------------------------------------------------------------------------------------------------------------

def unchanged(problem):
    """Every loss is the worst loss: nothing to gain, p = b."""
    u = None if problem.r == 0 else mpf(0)
    return Answer(list(problem.mass), Fraction(0), Fraction(0), u, None, mpf(0), mpf(0), mpf(0), mpf(0))


def two_point_deep_mass(problem):
    """HR: q-mass left off depth 0 when all depths are equal; with alpha at or above it, everything moves to w."""
    if problem.r == 0:
        return problem.deep
    if problem.r == INF:
        return Fraction(0)
    r = number(problem.r)
    if problem.top == 0:
        return mp.exp(-r)
    top, deep = number(problem.top), number(problem.deep)
    points = [(mpf(0), top), (mpf(1), deep)]
    u = kl_step(points, r)
    left = deep * tilt(u, points, r) / (u + 1)
    require(close(top * mp.log(top / (1 - left)) + deep * mp.log(deep / left), r, PROOF, r))
    return left


def all_on_worst(problem, reached_at):
    """All mass on the worst loss.  `reached_at`: the smallest alpha that does it.

    The split between the atom and samples at depth 0, which only matters when the caller gives w equal to the largest
    loss, is the limit of the general solution: the atom holds what had to be moved, and no more.
    """
    if problem.ordering == "HD":
        moved = min(problem.alpha, problem.deep)
        total = moved + problem.top
        atom = moved / total if total > 0 else Fraction(1)
    else:
        atom = number(reached_at) if problem.top > 0 else Fraction(1)
    mass = [Fraction(0)] * len(problem.mass)
    if problem.top > 0:
        mass[0] = 1 - atom
    u = None if problem.r == 0 else mpf(0)
    return Answer(mass, atom, Fraction(0), u, None, mpf(0), mpf(0), None, None)


def near_limit(problem, reached_at):
    """Whether rounding decides on which side of the limit alpha lies."""
    if problem.r == INF:
        return False
    alpha, edge = number(problem.alpha), number(reached_at)
    return close(alpha, edge, "1e-10", max(alpha, edge))


def trimming(problem):
    """r = 0, both programs: the CVaR-like linear program, in exact rationals."""
    left, k, kink = trim_deepest(problem)
    gap = sum(q * d for q, d in zip(left, problem.depths))
    cut = problem.depths[-1] if k is None else problem.depths[k]
    dual_gap = sum(q * min(d, cut) for q, d in zip(problem.mass, problem.depths)) - problem.alpha * cut
    assert gap == dual_gap and sum(left) + problem.alpha == 1
    if problem.ordering == "HD":
        reached = [(Fraction(0), problem.alpha + problem.top)] + list(zip(problem.depths, left))[problem.top > 0:]
        used = [d for d, q in reached if q > 0]
    else:
        used = sorted({min(d, cut) for d in problem.depths})
    # With a single depth the KL step has no curvature: its derivative at r = 0 is that depth and u is arbitrary.
    u, d_r = (None, used[0]) if len(used) == 1 else (mp.inf, mp.inf)
    trim = None if k is None or kink else cut
    return Answer(left, problem.alpha, gap, u, trim, None if kink else cut, d_r, mpf(0), problem.alpha)


# ---------------------------------------------------------------------------------------------------------------------
# HD and HR
# ---------------------------------------------------------------------------------------------------------------------

def solve_hd(problem):
    """Trim alpha from the deepest, then the KL step."""
    left, k, kink = trim_deepest(problem)
    r, alpha = number(problem.r), number(problem.alpha)
    points = as_points([Fraction(0)] + problem.depths, [problem.alpha] + left)
    u = kl_step(points, r)
    g = tilt(u, points, r)
    depths, q = [number(d) for d in problem.depths], [number(x) for x in left]
    p = [x * g / (u + d) if x > 0 else mpf(0) for x, d in zip(q, depths)]
    atom = alpha * g / u if alpha > 0 else (1 - mp.fsum(p) if u == 0 else mpf(0))

    # Primal: both budgets as defined.
    moved = [b - x for b, x in zip(problem.mass, left)]
    assert min(moved) >= 0 and min(left) >= 0 and sum(moved) == problem.alpha
    spent = mp.fsum(a * mp.log(a / x) for a, x in zip(q + [alpha], p + [atom]) if a > 0)
    require(atom >= 0 and close(mp.fsum(p) + atom, 1, PROOF, 1) and close(spent, r, PROOF, r))
    gap = mp.fsum(x * d for x, d in zip(p, depths))
    # Dual: for this u the least sum q log(u+d) over all admissible q is a linear program, bounded below by its dual at
    # the price log(1 + d*/u).  It starts from b and alpha, not from the trimmed q.
    threshold = depths[-1] if k is None else depths[k]
    if u > 0:
        price = mp.log(1 + threshold / u)
        least = mp.fsum(number(b) * min(mp.log(1 + d / u), price) for b, d in zip(problem.mass, depths))
        dual_gap = mp.exp(mp.log(u) + least - alpha * price - r) - u
    else:
        assert alpha == 0
        dual_gap = mp.exp(mp.fsum(number(b) * mp.log(d) for b, d in zip(problem.mass, depths)) - r)
    require(close(gap, dual_gap, PROOF, gap))

    d_alpha = g * (mp.log(u + threshold) - mp.log(u)) if u > 0 else mp.inf
    trim = None if k is None or kink else problem.depths[k]
    return Answer(p, atom, gap, u, trim, None if kink else d_alpha, g, spent, problem.alpha)


class CappedStep:
    """HR's KL step for a given cap D: base weights b, depths min(d, D)."""

    def __init__(self, depths, mass, cap, r, log_u=None):
        self.cap = cap
        self.points = [(d, b) for d, b in zip(depths, mass) if d < cap]
        self.points.append((cap, mp.fsum(b for d, b in zip(depths, mass) if d >= cap)))
        self.u = kl_step(self.points, r, log_u)
        self.g = tilt(self.u, self.points, r)
        self.q = [b * self.g / (self.u + min(d, cap)) for d, b in zip(depths, mass)]
        self.over = mp.fsum(q for q, d in zip(self.q, depths) if d > cap)
        self.from_cap = mp.fsum(q for q, d in zip(self.q, depths) if d >= cap)

    def log_u(self):
        return mp.log(self.u) if self.u > 0 else None


def find_cap(depths, mass, alpha, r):
    """The cap D with mass{d > D} <= alpha <= mass{d >= D} in q, for 0 <= alpha < two_point_deep_mass."""
    low, high = (0 if depths[0] > 0 else 1), len(depths) - 1
    at_high = CappedStep(depths, mass, depths[high], r)
    while low < high:  # the first depth whose mass above it is at most alpha
        middle = (low + high) // 2
        step = CappedStep(depths, mass, depths[middle], r, at_high.log_u())
        if step.over <= alpha:
            high, at_high = middle, step
        else:
            low = middle + 1
    if at_high.from_cap >= alpha:
        return at_high
    # Strictly between two depths: a root of log mass{d > D} - log alpha, by false position (Illinois) in log D.
    require(high > 0 and depths[high - 1] > 0)
    left, right = mp.log(depths[high - 1]), mp.log(depths[high])
    step = CappedStep(depths, mass, depths[high - 1], r, at_high.log_u())
    f_left, f_right = mp.log(step.over / alpha), mp.log(at_high.from_cap / alpha)
    side = 0
    for count in range(2000):
        last = step.cap
        fraction = f_left / (f_left - f_right) if count % 20 < 19 else mpf(1) / 2
        x = left + (right - left) * fraction
        step = CappedStep(depths, mass, mp.exp(x), r, step.log_u())
        value = mp.log(step.over / alpha)
        if value == 0 or right - left < mpf("1e-60") or abs(step.cap - last) < mpf("1e-60") * last:
            return step
        if value > 0:
            left, f_left = x, value
            f_right = f_right / 2 if side > 0 else f_right
            side = 1
        else:
            right, f_right = x, value
            f_left = f_left / 2 if side < 0 else f_left
            side = -1
    raise NotPreciseEnough


def cap_is_stable(depths, mass, alpha, r, edge, cap):
    """Whether D survives a change of alpha by rounding: with tiny r it jumps from one depth to the next."""
    change = alpha * mpf("1e-13") + mpf("1e-15")
    if alpha + change >= edge:
        return False
    for moved in (alpha + change, max(alpha - change, mpf(0))):
        if not close(find_cap(depths, mass, moved, r).cap, cap, "1e-10", cap):
            return False
    return True


def solve_hr(problem, edge):
    """Exact search for the cap D over the distinct depths, with u solved for each; then between two of them."""
    r, alpha = number(problem.r), number(problem.alpha)
    depths, mass = [number(d) for d in problem.depths], [number(b) for b in problem.mass]
    step = find_cap(depths, mass, alpha, r)
    u, cap, g, q = step.u, step.cap, step.g, step.q
    q_atom = 1 - mp.fsum(q) if u == 0 else mpf(0)
    at_cap = any(d == cap for d in depths)
    share = (step.from_cap - alpha) / (step.from_cap - step.over) if at_cap else mpf(0)  # of the group at D that stays
    p = [x if d < cap else x * share if d == cap else mpf(0) for x, d in zip(q, depths)]
    atom = q_atom + alpha

    # Primal: both budgets as defined.
    spent = mp.fsum(b * mp.log(b / x) for b, x in zip(mass, q))
    require(q_atom >= 0 and close(mp.fsum(q) + q_atom, 1, PROOF, 1) and close(spent, r, PROOF, r))
    moved = [a - x for a, x in zip(q, p)]
    require(0 <= share <= 1 and min(moved) >= 0 and close(mp.fsum(moved), alpha, PROOF, alpha))
    gap = mp.fsum(x * d for x, d in zip(p, depths))
    # Dual value at (u, D), and the two stationarity conditions.
    capped = mp.fsum(b * mp.log(u + min(d, cap)) for b, d in zip(mass, depths))
    require(close(gap, mp.exp(capped - r) - u - alpha * cap, PROOF, gap))
    slack = 1 + mpf(PROOF)
    require(step.over <= alpha * slack and alpha <= step.from_cap * slack)
    value = phi(u, step.points)[0]
    require(close(value, r, PROOF, r) if u > 0 else value <= r * slack)

    stable = cap_is_stable(depths, mass, alpha, r, edge, cap)
    return Answer(p, atom, gap, u, cap if alpha > 0 and stable else None, cap if stable else None, g, spent, alpha)


def solve_at_working_precision(problem):
    """The exact limits first, then the program of the problem's ordering."""
    if problem.span == 0:
        return unchanged(problem)
    edge = problem.deep if problem.ordering == "HD" else two_point_deep_mass(problem)
    if problem.r == INF or number(problem.alpha) >= number(edge):
        answer = all_on_worst(problem, edge)
    elif problem.r == 0:
        answer = trimming(problem)
    elif problem.ordering == "HD":
        answer = solve_hd(problem)
    else:
        answer = solve_hr(problem, edge)
    if near_limit(problem, edge):
        answer.u = answer.trim = answer.d_alpha = answer.d_r = answer.kl = answer.tv = None
    return answer


# ---------------------------------------------------------------------------------------------------------------------
# Rows
# ---------------------------------------------------------------------------------------------------------------------

def report(problem):
    """The numbers of a row, as (key, value or None) and the weights, at the working precision."""
    a = solve_at_working_precision(problem)
    worst = number(problem.worst)
    weights = [Fraction(0) if k is None else number(a.mass[k]) * number(b / problem.mass[k])
               for k, b in zip(problem.group, problem.base)]
    atom = number(a.atom)
    if problem.folded:  # p[0] belongs to the samples with the largest loss, in proportion to their base weights
        for i, k in enumerate(problem.group):
            if k == 0:
                weights[i] += atom * number(problem.base[i] / problem.top)
        atom = mpf(0)
    require(close(mp.fsum(number(x) for x in weights) + atom, 1, PROOF, 1))
    robust = problem.worst - a.gap if isinstance(a.gap, Fraction) else worst - a.gap
    values = {
        "robust_loss": robust,
        "span": problem.span,
        "worst_weight": atom,
        "eta": None if a.u is None else worst + a.u,
        "trim": None if a.trim is None else worst - number(a.trim),
        "d_alpha": a.d_alpha,
        "d_r": a.d_r,
        "kl": a.kl,
        "tv": a.tv,
    }
    return {key: None if x is None else number(x) for key, x in values.items()}, [number(x) for x in weights]


def agree(first, second):
    """The same in every number, zero and None included."""
    def same(a, b):
        if a is None or b is None:
            return a is b
        return a == b or (mp.isfinite(a) and mp.isfinite(b) and close(a, b, AGREE, b))
    return all(same(a, second[0][key]) for key, a in first[0].items()) and all(map(same, first[1], second[1]))


def solve(case):
    """Raise the precision until every proof passes and two precisions agree: (values, weights, digits used)."""
    problem = Problem(case)
    dps = 80 + (math.ceil(3 * max(0.0, -math.log10(case.r))) if 0 < case.r < 1 else 0)
    previous = None
    while dps < MAX_DPS:
        with mp.workdps(dps):
            try:
                current = report(problem)
            except NotPreciseEnough:
                current = None
            if previous and current and agree(previous, current):
                return *current, dps
        previous = current
        dps = dps * 3 // 2 + 20
    raise AssertionError(f"{case.name}: no agreement below {MAX_DPS} digits")


def decimal(x, digits):
    if x is None:
        return "none"
    if x == 0 or (x != mp.inf and abs(x) < mpf(10) ** -9999):
        return "0"
    return "inf" if x == mp.inf else mp.nstr(x, digits)


def row(case):
    """The text of one block of the table."""
    values, weights, dps = solve(case)
    lines = [
        f"case {case.name}",
        f"kind {'ordinary' if case.ordinary else 'extreme'}",
        f"ordering {case.ordering}",
        f"alpha {case.alpha!r}",
        f"r {case.r!r}",
        f"worst_loss {case.worst_loss!r}",
        "losses " + " ".join(map(repr, case.losses)),
        "base " + ("none" if case.base is None else " ".join(map(repr, case.base))),
    ]
    with mp.workdps(dps):
        lines += [f"{key} {decimal(x, DIGITS)}" for key, x in values.items()]
        lines.append("weights " + " ".join(decimal(x, WEIGHT_DIGITS) for x in weights))
    return "\n".join(lines) + "\n\n"


# ---------------------------------------------------------------------------------------------------------------------
# Inputs
# ---------------------------------------------------------------------------------------------------------------------

SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 127, 128, 129, 257, 300]
ALPHAS = [0.0, 1e-300, 1e-12, 0.001, 0.01, 0.05, 0.1, 0.25, 0.3, 0.5, 0.9, 0.999, 1.0]
RADII = [0.0, 1e-300, 1e-200, 1e-30, 1e-9, 1e-6, 1e-3, 0.01, 0.1, 1.0, 3.0, 10.0, 50.0, 700.0, 2000.0, INF]
ORDERINGS = ["HD", "HR"]
TINY = 5e-324


class Draws:
    """Reproducible random doubles: a seeded generator, and functions evaluated to 30 digits before rounding."""

    def __init__(self, seed):
        self.rng = random.Random(seed)

    def unit(self):
        return mpf(2 * self.rng.getrandbits(53) + 1) / 2**54

    def many(self, n, function):
        with mp.workdps(30):
            return [float(function()) for _ in range(n)]

    def exponential(self, n, scale=1, shift=0):
        return self.many(n, lambda: shift - scale * mp.log(self.unit()))

    def pareto(self, n):
        return self.many(n, lambda: self.unit() ** (mpf(-10) / 7))

    def cauchy(self, n):
        return self.many(n, lambda: mp.tan(mp.pi * (self.unit() - mpf(1) / 2)))

    def normal(self, n, mean=0):
        return self.many(n, lambda: mean + mp.sqrt(-2 * mp.log(self.unit())) * mp.cos(2 * mp.pi * self.unit()))

    def powers_of_ten(self, n, low, high):
        return self.many(n, lambda: mpf(10) ** (low + (high - low) * self.unit()))

    def uniform(self, n, low=0, high=1):
        return self.many(n, lambda: low + (high - low) * self.unit())

    def integers(self, n, low, high):
        return [self.rng.randint(low, high) for _ in range(n)]


def with_last(values, last):
    return values[:-1] + [last]


LOSSES = {  # name: (function of draws and n, ordinary)
    "exp": (lambda g, n: g.exponential(n), True),
    "pareto": (lambda g, n: g.pareto(n), True),
    "normal": (lambda g, n: g.normal(n), True),
    "offset": (lambda g, n: g.normal(n, 10**6), True),
    "sorted": (lambda g, n: sorted(g.exponential(n)), True),
    "reversed": (lambda g, n: sorted(g.exponential(n), reverse=True), True),
    "negative": (lambda g, n: [-1 - x for x in g.exponential(n)], True),
    "cauchy": (lambda g, n: g.cauchy(n), False),
    "small": (lambda g, n: g.exponential(n, mpf("1e-290")), False),
    "large": (lambda g, n: g.exponential(n, mpf("1e290")), False),
    "tied": (lambda g, n: [x / 2 for x in g.integers(n, 0, 4)], False),
    "equal": (lambda g, n: [0.7] * n, False),
    "all-but-one": (lambda g, n: with_last([0.7] * n, 1.9), False),
    "outlier": (lambda g, n: with_last(g.exponential(n), 1e6), False),
    "binary": (lambda g, n: [float(x) for x in g.integers(n, 0, 1)], False),
    "denormal": (lambda g, n: [TINY * x for x in g.integers(n, 0, 1000)], False),
    "huge": (lambda g, n: g.uniform(n, mpf(-1.7e308), mpf(1.7e308)), False),
}


def uneven(g, n):
    return g.powers_of_ten(n, -12, 0)


def holes(g, n):
    """Uniform random weights, about a third of them zero, at least one not."""
    return with_last([b if b > 0.35 else 0.0 for b in g.uniform(n)], 0.5)


BASES = {  # name: (function of draws and n, ordinary)
    "none": (lambda g, n: None, True),
    "uniform": (lambda g, n: g.uniform(n), True),
    "sum": (lambda g, n: g.uniform(n, 30, 50), True),
    "holes": (holes, True),
    "uneven": (uneven, False),
    "top-1e-9": (lambda g, n: g.uniform(n), False),  # the largest loss then gets this weight
    "top-1e-300": (lambda g, n: g.uniform(n), False),
}


def largest_and_span(losses, base):
    kept = [l for i, l in enumerate(losses) if base is None or base[i] > 0]
    return max(kept), max(kept) - min(kept)


WORSTS = {  # name: (function of the largest loss and the span, ordinary)
    "default": (lambda top, span: NAN, True),
    "tenth": (lambda top, span: top + span / 10, True),
    "equal": (lambda top, span: top, False),
    "slightly": (lambda top, span: top + abs(top) * 1e-9, False),
    "far": (lambda top, span: top + 100 * span if span > 0 else top + 100, False),
}


def draw(name, ordering, alpha, r, n, losses="exp", base="none", worst="default"):
    """A case from the named generators; the name is its seed."""
    g = Draws(name)
    values, weights = LOSSES[losses][0](g, n), BASES[base][0](g, n)
    if base.startswith("top-"):
        weights[values.index(max(values))] = float(base[4:])
    if base == "holes":  # what is masked may be anything
        for i, b in enumerate(weights):
            if b == 0 and i % 2 == 0:
                values[i] = [NAN, INF, -INF, 1e308][i // 2 % 4]
    given = WORSTS[worst][0](*largest_and_span(values, weights))
    if math.isinf(given):
        given = NAN
    ordinary = (n >= 8 and (alpha == 0 or 1e-3 <= alpha <= 0.5) and 1e-6 <= r <= 10
                and LOSSES[losses][1] and BASES[base][1] and WORSTS[worst][1])
    return Case(name, ordinary, ordering, alpha, r, values, weights, given)


def ladders():
    """One budget or the size varied at a time."""
    for ordering in ORDERINGS:
        for n in SIZES:
            yield draw(f"size-{ordering}-{n}", ordering, 0.05, 0.1, n)
        for alpha in ALPHAS:
            yield draw(f"alpha-{ordering}-{alpha:g}", ordering, alpha, 0.1, 17)
        for r in RADII:
            yield draw(f"r-{ordering}-{r:g}", ordering, 0.05, r, 16)
            yield draw(f"r-only-{ordering}-{r:g}", ordering, 0.0, r, 9, "normal")
        for losses in LOSSES:
            yield draw(f"losses-{ordering}-{losses}", ordering, 0.1, 0.1, 33, losses)
        for base in BASES:
            yield draw(f"base-{ordering}-{base}", ordering, 0.1, 0.1, 31, "exp", base)
            yield draw(f"base-r-only-{ordering}-{base}", ordering, 0.0, 0.01, 15, "exp", base)
        for worst in WORSTS:
            yield draw(f"worst-{ordering}-{worst}", ordering, 0.1, 0.1, 32, "exp", "none", worst)
            yield draw(f"worst-r-only-{ordering}-{worst}", ordering, 0.0, 1.0, 16, "normal", "none", worst)


def named(ordering):
    """Special cases, each for a reason its name tells: (name, alpha, r, losses, base, worst loss)."""
    four, eight = [0.25, 1.5, -0.5, 1.0], [0.1, 2.3, 0.4, 0.9, 1.7, 0.2, 3.1, 0.6]
    ten = [0.3, 1.9, 0.8, 0.05, 2.2, 1.1, 0.45, 0.7, 3.6, 1.4]
    halves = [0.0, 1.0] * 4
    for alpha, r in [(0.0, 0.0), (0.3, 0.1), (1.0, INF)]:
        yield f"one-sample-a{alpha}-r{r}", alpha, r, [2.5], None, NAN
        yield f"one-sample-w-above-a{alpha}-r{r}", alpha, r, [2.5], None, 3.0
        yield f"one-sample-w-equal-a{alpha}-r{r}", alpha, r, [2.5], [0.4], 2.5
        yield f"all-equal-a{alpha}-r{r}", alpha, r, [0.7] * 5, None, NAN
        yield f"all-equal-w-above-a{alpha}-r{r}", alpha, r, [0.7] * 5, [1.0, 2.0, 0.0, 1e-9, 3.0], 1.0
    yield "all-equal-w-above-r-only", 0.0, 0.4, [0.7] * 3, None, 1.0
    yield "all-equal-w-above-alpha-only", 0.4, 0.0, [0.7] * 3, None, 1.0
    yield "no-budget", 0.0, 0.0, eight, None, NAN
    yield "no-budget-w-above", 0.0, 0.0, eight, [1.0, 0.0, 2.0, 1.0, 1.0, 3.0, 1.0, 0.5], 4.0
    yield "two-losses", 0.2, 0.1, [1.0, 3.0], None, NAN
    yield "two-losses-uneven", 0.2, 0.1, [1.0, 3.0], [5.0, 0.25], NAN
    for r in [0.0, 1e-200, 1e-9, 0.1, 3.0]:  # alpha * n a whole number, exactly or up to rounding
        yield f"alpha-n-integer-4-r{r}", 0.25, r, four, None, NAN
        yield f"alpha-n-integer-8-r{r}", 0.25, r, eight, None, NAN
        yield f"alpha-n-integer-10-r{r}", 0.3, r, ten, None, NAN
    yield "alpha-n-integer-10-one", 0.1, 0.05, ten, None, NAN
    yield "alpha-n-integer-10-w-above", 0.3, 0.05, ten, None, 4.0
    for alpha in [0.25, 0.5, 0.5 - 1e-6, 0.5 + 1e-6, 0.9]:  # half of the samples are wrong
        yield f"binary-half-a{alpha}", alpha, 0.1, halves, None, NAN
        yield f"binary-half-a{alpha}-r0", alpha, 0.0, halves, None, NAN
    yield "binary-one-right", 0.05, 0.2, [1.0] * 15 + [0.0], None, NAN
    yield "binary-one-wrong", 0.05, 0.2, [0.0] * 15 + [1.0], None, NAN
    yield "binary-all-right-w", 0.05, 0.2, [0.0] * 16, None, 1.0
    yield "binary-all-right-w-r-only", 0.0, 0.2, [0.0] * 16, None, 1.0
    yield "outlier-high", 0.05, 0.1, with_last(eight * 4, 1e6), None, NAN
    yield "outlier-low", 0.02, 0.1, with_last(eight * 4, -1e6), None, NAN
    yield "outlier-high-r-only", 0.0, 1e-3, with_last(eight * 4, 1e6), None, NAN
    yield "huge-two", 0.1, 0.1, [-1.7e308, 1.7e308], None, NAN
    yield "huge-and-denormal", 0.1, 0.1, [-1.7e308, 1.7e308, 0.0, TINY, 1.0, -1e300], None, NAN
    yield "huge-w", 0.1, 0.1, [-1.7e308, 0.0, 1.0], None, 1.7976931348623157e308
    yield "denormal-two", 0.1, 0.1, [0.0, TINY], None, NAN
    yield "denormal-w", 0.1, 0.1, [0.0, TINY, 3 * TINY], None, 10 * TINY
    yield "signed-zeros", 0.1, 0.1, [-0.0, 0.0, -0.0, 1.0], None, NAN
    for tiny in [1e-9, 1e-300]:
        for alpha in [0.0, 0.05]:
            for r in [1e-6, 0.1, 3.0]:
                base = [1.0, 1.0, 2.0, 1.0, 1.0, 1.0, tiny, 1.0]
                yield f"top-weight-{tiny:g}-a{alpha}-r{r:g}", alpha, r, eight, base, NAN
        yield f"only-deep-{tiny:g}", 0.0, 0.1, [0.0, 1.0, 1.0], [tiny, 1.0, 1.0], NAN
        yield f"only-deep-{tiny:g}-alpha", tiny / 4, 0.1, [0.0, 1.0, 1.0], [tiny, 1.0, 1.0], NAN
        for scale in [tiny, 1 / tiny]:
            yield f"base-scale-{scale:g}", 0.1, 0.1, eight, [scale * b for b in [1.0, 2.0, 3.0, 4.0] * 2], NAN
    yield "masked-all-but-one", 0.1, 0.1, [NAN, 3.0, INF, -INF], [0.0, 1.0, 0.0, 0.0], NAN
    yield "masked-all-but-one-w", 0.1, 0.1, [NAN, 3.0, INF, -INF], [0.0, 1.0, 0.0, 0.0], 4.0
    yield "masked-largest", 0.1, 0.1, [9.0] + eight + [NAN], [0.0] + [1.0] * 8 + [0.0], NAN
    yield "masked-above-w", 0.1, 0.1, [9.0] + eight + [NAN], [0.0] + [1.0] * 8 + [0.0], 4.0
    yield "duplicates-as-weights", 0.15, 0.2, four, [3.0, 1.0, 2.0, 2.0], NAN
    yield "duplicates-as-samples", 0.15, 0.2, [0.25] * 3 + [1.5] + [-0.5] * 2 + [1.0] * 2, None, NAN
    for shape, order in [("given", ten), ("sorted", sorted(ten)), ("reversed", sorted(ten, reverse=True))]:
        yield f"permutation-{shape}", 0.17, 0.2, order, None, NAN
    for exponent in [-290, -20, 20, 290]:
        yield f"scale-1e{exponent}", 0.17, 0.2, [x * 10.0**exponent for x in ten], None, NAN
    yield "offset-1e6", 0.17, 0.2, [x + 1e6 for x in ten], None, NAN
    yield "offset-1e15", 0.17, 0.2, [x + 1e15 for x in [1.0, 2.0, 4.0, 8.0, 16.0]], None, NAN
    for alpha, r in [(0.0, INF), (0.2, INF), (1.0, 0.1), (0.2, 0.0), (0.2, 0.1), (0.95, 0.1)]:
        yield f"w-equal-a{alpha}-r{r}", alpha, r, eight, None, 3.1
        yield f"w-equal-tied-a{alpha}-r{r}", alpha, r, [1.0, 3.0, 2.0, 3.0], [1.0, 1.0, 2.0, 3.0], 3.0
        yield f"w-above-a{alpha}-r{r}", alpha, r, eight, None, 3.5
    # Without mass at depth 0 and with r at least phi(0), u is 0; just below it u is small.
    for r in [0.3, 0.31, 0.32, 0.5, 5.0]:
        yield f"w-above-u-zero-r{r}", 0.0, r, eight, None, 3.5
        yield f"w-above-small-alpha-r{r}", 1e-12, r, eight, None, 3.5
    # HR sends everything to the worst loss when alpha reaches the two-point deep mass: both sides of it.
    for label, losses, worst in [("", ten, NAN), ("-w", ten, 4.0)]:
        for r in [1e-9, 0.1, 2.0]:
            with mp.workdps(150):
                edge = two_point_deep_mass(Problem(Case("edge", False, "HR", 0.0, r, losses, None, worst)))
                sides = [(side, float(edge * mpf(side))) for side in ["0.9", "0.999999", "1.000001"]]
            for side, alpha in sides:
                if alpha <= 1:
                    yield f"limit{label}-r{r:g}-{side}", alpha, r, losses, None, worst


def between():
    """HR with D strictly between two depths: alpha is the mass deeper than the middle of the gap."""
    losses = [0.3, 1.9, 0.8, 0.05, 2.2, 1.1, 0.45, 0.7, 3.6, 1.4]
    for label, base, worst in [("", None, NAN), ("-w", [1.0, 2.0, 0.5, 3.0, 1.0, 0.0, 1.0, 2.0, 0.25, 1.0], 4.0)]:
        for r in [1e-3, 0.1, 0.5, 2.0]:
            probe = Problem(Case("probe", False, "HR", 0.0, r, losses, base, worst))
            for k in [1, 3, len(probe.depths) - 2]:
                with mp.workdps(150):
                    depths, mass = [number(d) for d in probe.depths], [number(b) for b in probe.mass]
                    alpha = float(CappedStep(depths, mass, (depths[k] + depths[k + 1]) / 2, number(probe.r)).over)
                yield Case(f"between{label}-{k}-r{r:g}", False, "HR", alpha, r, losses, base, worst)


def random_cases(count):
    """Seeded draws over everything; half of them from the ordinary range."""
    g = Draws("random cases").rng
    for index in range(count):
        ordering = ORDERINGS[index % 2]
        if index % 4 < 2:
            n = g.choice([n for n in SIZES if n >= 8])
            n = min(n, g.choice(SIZES[6:]))
            alpha, r = g.choice([0.0, 0.001, 0.01, 0.05, 0.1, 0.25, 0.3, 0.5]), g.choice(RADII[5:12])
            losses = g.choice([k for k, v in LOSSES.items() if v[1]])
            base = g.choice(["none", "none"] + [k for k, v in BASES.items() if v[1]])
            worst = g.choice(["default", "default", "tenth"])
        else:
            n = min(g.choice(SIZES), g.choice(SIZES))
            alpha, r = g.choice(ALPHAS[:11] + ALPHAS[:10] + ALPHAS), g.choice(RADII[1:13] + RADII)
            losses, base = g.choice(list(LOSSES)), g.choice(list(BASES))
            worst = g.choice(["default"] * 3 + list(WORSTS))
        yield draw(f"random-{index:03d}-{ordering}-{losses}-{base}-{worst}", ordering, alpha, r, n, losses, base, worst)


def read_cases(path):
    """The inputs in a file of blocks as in the table; what a block says beyond its input is not looked at."""
    def numbers(text):
        return [float(word) for word in text.split()]

    for block in path.read_text(encoding="ascii").split("\n\n"):
        fields = dict(line.split(" ", 1) for line in block.splitlines())
        if fields:
            base = None if fields["base"] == "none" else numbers(fields["base"])
            yield Case(fields["case"], fields["kind"] == "ordinary", fields["ordering"], float(fields["alpha"]),
                       float(fields["r"]), numbers(fields["losses"]), base, float(fields["worst_loss"]))


def all_cases():
    cases = list(ladders())
    for ordering in ORDERINGS:
        cases += [Case(f"{name}-{ordering}", False, ordering, alpha, r, losses, base, worst)
                  for name, alpha, r, losses, base, worst in named(ordering)]
    cases += between()
    cases += random_cases(176)
    # What random campaigns and fuzzing have found.
    cases += read_cases(Path(__file__).with_name("found.txt"))
    repeated = [name for name, count in Counter(case.name for case in cases).items() if count > 1]
    assert not repeated, repeated
    return cases


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("high_precision.txt"))
    parser.add_argument("--only", default="", help="only the cases whose name contains this")
    parser.add_argument("--cases", type=Path, help="a file of inputs to solve in place of the table's")
    options = parser.parse_args()
    cases = list(read_cases(options.cases)) if options.cases else all_cases()
    cases = [case for case in cases if options.only in case.name]
    start, rows = time.monotonic(), []
    with multiprocessing.Pool(options.jobs, initializer=os.nice, initargs=(10,)) as pool:
        for text in pool.imap(row, cases):
            rows.append(text)
            if len(rows) % 25 == 0 or len(rows) == len(cases):
                print(f"{len(rows)}/{len(cases)} rows, {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    options.output.write_text("".join(rows), encoding="ascii")


if __name__ == "__main__":
    main()
