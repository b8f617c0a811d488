"""Both programs in one kernel launch, for PyTorch on a GPU: a program of Triton per row.

A row is in the registers of its program, at most :data:`_torch_tensor.LARGEST` losses. Nothing is sorted: the cut
is found by bisection over the bits of the losses, and the root by bisection and secants of log u.
It follows ``docs/theory.md``: masses m, depths ``d = worst loss - loss`` scaled by their span, dual
location u, ``x = u + d``. Everything is computed in double precision.
"""

from __future__ import annotations

from typing import Any, Optional, Union

import torch
import triton
import triton.language as tl
from torch import Tensor


@triton.jit
def _keys(losses):
    """Whole numbers in the order of the losses; equal losses have the same, zero and minus zero
    too.
    """
    bits = (losses + 0.0).to(tl.int64, bitcast=True)
    return tl.where(bits < 0, bits ^ 0x7FFFFFFFFFFFFFFF, bits)


@triton.jit
def _between(keys, low, high):
    """A key between two others, in the middle of those that there are; `low` if there is none."""
    first = tl.min(tl.where(keys > low, keys, high), 0)
    last = tl.max(tl.where(keys < high, keys, low), 0)
    middle = (first & last) + ((first ^ last) >> 1)
    return tl.max(tl.where((keys <= middle) & (keys < high), keys, low), 0)


@triton.jit
def _trim(keys, masses, budget):
    """The masses after a budget was taken from those of the smallest keys. Ties lose the same
    share.
    """
    low = tl.min(keys, 0) - 1
    high = tl.max(keys, 0)
    key = _between(keys, low, high)
    while key > low:
        enough = tl.sum(tl.where(keys <= key, masses, 0.0), 0) >= budget
        low = tl.where(enough, low, key)
        high = tl.where(enough, key, high)
        key = _between(keys, low, high)
    below = tl.sum(tl.where(keys < high, masses, 0.0), 0)
    tied = tl.sum(tl.where(keys == high, masses, 0.0), 0)
    share = tl.minimum(tl.maximum((budget - below) / tl.where(tied > 0, tied, 1.0), 0.0), 1.0)
    return tl.where(keys < high, 0.0, tl.where(keys == high, masses * (1.0 - share), masses))


@triton.jit
def _cap(u, keys, depths, masses, atom, rate, low, high):
    """u + D, where the mass that the tilt leaves beyond D is alpha, and the key of the sample at D
    or next beyond it.

    low, high: what is known of that key: it is not below `low`, and below `high`.
    """
    x = u + depths
    key = _between(keys, low, high)
    while key > low:
        at_key = tl.max(tl.where(keys == key, x, 0.0), 0)
        kept = tl.sum(tl.where(keys >= key, masses / x, 0.0), 0) + atom / u
        deeper = rate * tl.sum(tl.where(keys < key, masses, 0.0), 0) > at_key * kept
        low = tl.where(deeper, low, key)
        high = tl.where(deeper, key, high)
        key = _between(keys, low, high)
    kept = tl.sum(tl.where(keys >= high, masses / x, 0.0), 0) + atom / u
    excess = rate * tl.sum(tl.where(keys < high, masses, 0.0), 0)
    next_x = tl.max(tl.where(keys == low, x, 0.0), 0)
    cap = tl.where(excess < next_x * kept, excess / tl.where(kept > 0, kept, 1.0), next_x)
    return tl.maximum(cap, u), low


@triton.jit
def _sum_of_tilt(u, x, masses, atom):
    return tl.sum(masses / x, 0) + atom / u


@triton.jit
def _excess(u, x, masses, atom, r):
    """``log(phi / r)``; phi as a sum of positive terms, in which nothing cancels, and the rounding
    of y counts twice over.
    """
    total = _sum_of_tilt(u, x, masses, atom)
    y = x * total
    at_zero = u * total
    phi = tl.sum(masses * (tl.log(y) - (y - 1.0) / y), 0)
    phi += atom * (tl.log(at_zero) - (at_zero - 1.0) / at_zero)
    return tl.log(tl.maximum(phi, 1e-250) / r)


@triton.jit
def _solve(
    losses_pointer,
    base_pointer,
    weights_pointer,
    robust_pointer,
    alpha: tl.float64,
    r: tl.float64,
    worst_loss: tl.float64,
    budgets_pointer,
    n,
    losses_stride,
    base_stride,
    budgets_stride,
    HAS_BASE: tl.constexpr,
    HAS_WORST: tl.constexpr,
    HAS_BUDGETS: tl.constexpr,
    HR: tl.constexpr,
    BLOCK: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    place = tl.arange(0, BLOCK)
    inside = place < n
    losses = tl.load(losses_pointer + row * losses_stride + place, mask=inside, other=0.0).to(tl.float64)
    if HAS_BASE:
        base = tl.load(base_pointer + row * base_stride + place, mask=inside, other=0.0).to(tl.float64)
        counted = inside & (base > 0)
        base = tl.maximum(base / tl.max(tl.where(counted, base, 0.0), 0), 1e-250)
        masses = tl.where(counted, base, 0.0)
        masses = masses / tl.sum(masses, 0)
    else:
        counted = inside
        masses = tl.where(inside, 1.0 / tl.full((), n, tl.float64), 0.0)
    if HAS_BUDGETS:
        alpha = tl.load(budgets_pointer + row * budgets_stride)
        r = tl.load(budgets_pointer + row * budgets_stride + 1)
    alpha = tl.full((), alpha, tl.float64)
    largest = tl.max(tl.where(counted, losses, -1.79e308), 0)
    worst = largest
    if HAS_WORST:
        if HAS_BUDGETS:
            worst_loss = tl.load(budgets_pointer + row * budgets_stride + 2)
        worst = tl.full((), worst_loss, tl.float64)
    # What is not counted has no mass, and lies where it changes no sum.
    losses = tl.where(counted, losses, largest)
    smallest = tl.min(losses, 0)
    # The span of finite numbers may overflow. A quarter of them is exact.
    unit = tl.where(tl.maximum(worst, -smallest) >= 8e307, 0.25, 1.0).to(tl.float64)
    span = tl.maximum(worst * unit - smallest * unit, 2.3e-308)
    depths = (worst * unit - losses * unit) / span
    keys = _keys(losses)
    r = tl.minimum(tl.maximum(tl.full((), r, tl.float64), 1e-250), 1e4)

    # The mass at depth zero beside that of the samples there. Where the worst loss is no sample's,
    # its own mass is far too small to move a weight, and the tilt makes of it what is left.
    atom = tl.full((), 1e-120 if HAS_WORST else 0.0, tl.float64)
    deep = tl.sum(tl.where(depths > 0, masses, 0.0), 0)
    tilted = masses
    if not HR:
        moved = tl.minimum(alpha, deep)
        tilted = _trim(keys, masses, moved)
        atom += moved
    rate = (1.0 - alpha) / tl.maximum(alpha, 1e-30)

    low = tl.full((), -600.0, tl.float64)
    high = tl.full((), 40.0, tl.float64)
    first_key = tl.min(keys, 0)
    last_key = tl.max(keys, 0) + 1
    key_at_low = last_key
    key_at_high = first_key
    excess_at_low = tl.full((), 1.0, tl.float64)
    excess_at_high = tl.full((), -1.0, tl.float64)
    side = 0
    step = 0
    while (high - low > 4e-13) & (step < 100):
        # Bisection until the excess is smooth in the bracket, and now and then, so that it ends.
        bisects = (high - low > 1.0) | (step % 4 == 3)
        part = tl.where(bisects, 0.5, excess_at_low / (excess_at_low - excess_at_high))
        log_u = tl.minimum(tl.maximum(low + (high - low) * part, low), high)
        u = tl.exp(log_u)
        x = u + depths
        key = first_key
        if HR:
            cap, key = _cap(u, keys, depths, masses, atom, rate, key_at_high, key_at_low)
            x = tl.minimum(x, cap)
        excess = _excess(u, x, tilted, atom, r)
        above = excess > 0
        # The Illinois rule: an end that stays once more counts for half.
        excess_at_high = tl.where(above, tl.where(side > 0, 0.5 * excess_at_high, excess_at_high), excess)
        excess_at_low = tl.where(above, excess, tl.where(side < 0, 0.5 * excess_at_low, excess_at_low))
        side = tl.where(above, 1, -1)
        key_at_low = tl.where(above, tl.minimum(key + 1, last_key), key_at_low)
        key_at_high = tl.where(above, key_at_high, key)
        # Where the excess is rounding, or a secant ends where it starts, no step comes closer.
        done = (tl.abs(excess) <= 1e-15) | (log_u <= low) | (log_u >= high)
        low = tl.where(above | done, log_u, low)
        high = tl.where(above & (done == 0), high, log_u)
        step += 1

    u = tl.exp(0.5 * (low + high))
    x = u + depths
    if HR:
        cap, key = _cap(u, keys, depths, masses, atom, rate, key_at_high, key_at_low)
        x = tl.minimum(x, cap)
    total = _sum_of_tilt(u, x, tilted, atom)
    weights = tilted / (x * total)
    at_worst = atom / (u * total)
    if HR:
        moved = tl.minimum(alpha, tl.sum(tl.where(depths > 0, weights, 0.0), 0))
        weights = _trim(keys, weights, moved)
        at_worst += moved
    # By the depths, since an offset of the losses would count at its own rounding.
    robust = (worst * unit - span * tl.sum(weights * depths, 0)) / unit
    if not HAS_WORST:
        # The largest loss is the worst one: its samples share.
        mass = tl.where(depths > 0, 0.0, masses)
        weights += mass * (at_worst / tl.sum(mass, 0))
    tl.store(weights_pointer + row * n + place, weights, mask=inside)
    tl.store(robust_pointer + row, robust)


def solve(
    losses: Tensor,
    base: Optional[Tensor],
    alpha: Union[float, Tensor],
    r: Union[float, Tensor],
    worst_loss: Union[float, Tensor, None],
    ordering: str,
) -> tuple[Tensor, Tensor]:
    """The robust losses ``(...)`` and the weights ``(..., n)`` of losses ``(..., n)``, n at most
    :data:`_torch_tensor.LARGEST`.

    base: ``(n,)`` or the shape of the losses. Budgets: numbers, or tensors with the leading
    dimensions of the losses or with none.
    """
    columns = losses.shape[-1]
    rows = losses.reshape(-1, columns).contiguous()
    weights, robust = torch.empty_like(rows), rows.new_empty(rows.shape[0])
    if base is not None:
        base = base.expand_as(losses).reshape(-1, columns)
        base = base if base.stride(-1) == 1 else base.contiguous()
    given = [alpha, r] if worst_loss is None else [alpha, r, worst_loss]
    budgets = _budgets(given, losses) if any(isinstance(value, Tensor) for value in given) else None
    numbers = [0.0, 0.0, 0.0] if budgets is not None else [*given, 0.0][:3]
    block = triton.next_power_of_2(columns)
    if rows.shape[0] > 0:
        # A kernel is launched on the current device.
        with torch.cuda.device_of(rows):
            _solve[(rows.shape[0],)](
                rows,
                rows if base is None else base,
                weights,
                robust,
                *numbers,
                rows if budgets is None else budgets,
                columns,
                columns,
                0 if base is None else base.stride(0),
                0 if budgets is None else budgets.stride(0),
                HAS_BASE=base is not None,
                HAS_WORST=worst_loss is not None,
                HAS_BUDGETS=budgets is not None,
                HR=ordering == "HR",
                BLOCK=block,
                num_warps=min(32, max(1, block // 256)),
                # The same sum is the same number wherever it is made.
                enable_fp_fusion=False,
            )
    return robust.reshape(losses.shape[:-1]), weights.reshape(losses.shape)


def _budgets(given: list[Any], losses: Tensor) -> Tensor:
    """Alpha, r and the worst loss, if there is one, of every row, ``(rows, 2)`` or ``(rows, 3)``,
    on the device.
    """
    shape = losses.shape[:-1]
    columns = [
        value.to(losses.device, torch.float64)
        if isinstance(value, Tensor)
        # Filled there: a number that is copied from the host's memory would be waited for.
        else torch.full((), value, dtype=torch.float64, device=losses.device)
        for value in given
    ]
    columns = [column.expand(shape) for column in columns]
    return torch.stack(columns, -1).reshape(-1, len(given))
