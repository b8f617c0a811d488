"""One small problem whose samples are at many participants: all of them are gathered once, and each solves the whole.

Where the losses of all fit into one message, this takes a single exchange, where :mod:`hr_weights.sharded` takes about five.
A message is as long for every participant, since none knows how many losses the others have: a header that says so, and room
for the losses. What does not fit is sent in a second exchange, or not at all if it is too much for this way.
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple, Optional

import numpy as np
from numpy.typing import NDArray

from . import _library, sharded
from ._library import WEIGHTS, address
from ._solution import Solution

#: Gathers the bytes, shape ``(count,)`` of uint8, of all participants: shape ``(participants, count)``, in their order.
Allgather = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]

#: The bytes of all losses and base weights together that are gathered.
LARGEST = 32 * 1024
#: The bytes for samples that the first message of all has room for, and the least that a later one has.
FIRST_ROOM, LEAST_ROOM = 1024, 256

_HEADER = np.dtype(
    [
        ("refused", np.int64),
        ("count", np.int64),
        ("has_base", np.int64),
        # What must be the same for all.
        ("width", np.int64),
        ("ordering", np.int64),
        ("alpha", np.float64),
        ("r", np.float64),
        ("worst_loss", np.float64),
    ]
)


class Own(NamedTuple):
    """What one participant has: losses and base weights, contiguous and of one type, float32 or float64."""

    losses: NDArray[Any]
    base: Optional[NDArray[Any]]
    options: _library.Options


def solve(own: Optional[Own], rank: int, allgather: Allgather, room: int) -> tuple[Optional[Solution], int]:
    """This participant's weights and the report of the whole, or None if the losses are too many; and the room to make in
    the next call's first message.

    own: None if this participant's input was refused: the others are told. rank: this participant's place among them.
    room: the same for all participants.

    Raises ValueError as :func:`hr_weights.sharded.solve` does, for every participant, once they have told each other. The
    room then remains.
    """
    parts = [] if own is None else [part for part in (own.losses, own.base) if part is not None]
    header = _header(own)
    gathered = allgather(_message(header, parts, room))
    headers = np.ascontiguousarray(gathered[:, : _HEADER.itemsize]).view(_HEADER)[:, 0]
    if own is None:
        return None, room
    _compare(headers, own.options)
    sizes = headers["count"] * headers["width"] * (1 + headers["has_base"])
    largest, total = int(sizes.max()), int(sizes.sum())
    if total > LARGEST:
        return None, LEAST_ROOM
    if largest > room:
        gathered = allgather(_message(header, parts, largest))
    next_room = max(LEAST_ROOM, 1 << (largest - 1).bit_length() if largest else 0)
    return _solve(own, headers, gathered[:, _HEADER.itemsize :], rank), next_room


def _header(own: Optional[Own]) -> NDArray[Any]:
    header = np.zeros((), _HEADER)
    if own is None:
        header["refused"] = 1
        return header
    header["count"], header["has_base"] = own.losses.size, own.base is not None
    header["width"] = own.losses.itemsize
    for name in ("ordering", "alpha", "r", "worst_loss"):
        header[name] = getattr(own.options, name)
    return header


def _message(header: NDArray[Any], parts: list[NDArray[Any]], room: int) -> NDArray[np.uint8]:
    """The header, and the samples if there is room for all of them."""
    message = np.zeros(_HEADER.itemsize + room, np.uint8)
    message[: _HEADER.itemsize] = np.frombuffer(header.tobytes(), np.uint8)
    if sum(part.nbytes for part in parts) <= room:
        start = _HEADER.itemsize
        for part in parts:
            message[start : start + part.nbytes] = part.view(np.uint8)
            start += part.nbytes
    return message


def _compare(headers: NDArray[Any], options: _library.Options) -> None:
    """Raises ValueError unless all participants want the same."""
    if headers["refused"].any():
        raise sharded.Elsewhere("the input of another participant was refused there")
    # As bits: an absent worst loss is NaN.
    bits = headers.view(np.int64).reshape(headers.size, -1)
    terms = _HEADER.names[3:] if _HEADER.names else ()
    if (bits[:, -len(terms) :] == bits[0, -len(terms) :]).all():
        return
    different = next(name for name in terms if np.unique(headers[name].view(np.int64)).size > 1)
    if different == "width":
        raise sharded.Elsewhere(sharded.WIDTHS)
    raise sharded.Elsewhere(f"the participants disagree about {different}; here it is {getattr(options, different)}")


def _solve(own: Own, headers: NDArray[Any], samples: NDArray[np.uint8], rank: int) -> Solution:
    """The whole problem; of its weights, those of this participant."""
    dtype = own.losses.dtype
    counts = headers["count"]
    parts = [row[: count * dtype.itemsize].view(dtype) for row, count in zip(samples, counts)]
    losses, base = np.concatenate(parts), None
    if headers["has_base"].any():
        base = np.concatenate(
            [
                row[count * dtype.itemsize :][: count * dtype.itemsize].view(dtype) if has else np.ones(count, dtype)
                for row, count, has in zip(samples, counts, headers["has_base"])
            ]
        )
    result, report = np.empty_like(losses), _library.report()
    base_address = None if base is None else address(base)
    status = WEIGHTS[dtype.char](own.options, address(losses), base_address, losses.size, address(result), report)
    start = int(counts[:rank].sum())
    if status:
        index = report.bad_index - start if report.bad_index != _library.NO_INDEX else -1
        sharded._fail(
            status, own.options, own.losses, own.base, index if 0 <= index < own.losses.size else _library.NO_INDEX
        )
    return Solution(result[start:][: own.losses.size].copy(), report)
