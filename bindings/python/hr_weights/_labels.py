"""The group of each sample, from whatever holds labels: columns of data frames too."""

from __future__ import annotations

from typing import Any, Optional

import numpy as np
from numpy.typing import NDArray

from ._arrays import as_array
from ._numbers import shown

_ALLOWED = "integers, booleans or strings"
_TEXT, _INTEGERS = (str, bytes), (bool, int, np.integer, np.bool_)


def grouped(groups: Any, like: NDArray[Any], like_name: str) -> tuple[NDArray[Any], NDArray[np.uint32]]:
    """The groups that there are, sorted, and for each sample the number of its group.

    groups: a label per sample: integers, booleans or strings, as an array, a list, or a column of pandas, polars or pyarrow,
        of text or of categories. Categories of pandas may be anything else too, such as the intervals of ``pandas.cut``, and
        are then in their own order. A label that is missing (None, NaN, NA) is refused: whose group that is, is for the
        caller to say.
    like: has the shape that the groups must have; like_name: what to call it in messages.

    Raises ValueError, with the index of the first sample that is wrong.
    """
    categories, codes = _categories(groups)
    if categories is not None and codes.shape == like.shape:
        if codes.min(initial=0) < 0:
            raise _missing(int(codes.argmin()), np.nan)
        present, numbers = np.unique(codes, return_inverse=True)
        return categories[present], numbers.reshape(-1).astype(np.uint32)
    # Of a list with text and numbers NumPy would make text: [1, "a"] would have a group "1", ["a", nan] a group "nan".
    array = as_array(_objects(groups) if isinstance(groups, (list, tuple)) else groups, "groups")
    if array.shape != like.shape:
        raise ValueError(f"groups has shape {array.shape}, but {like_name} has shape {like.shape}")
    if array.dtype.kind in "iubUS":
        names, numbers = np.unique(array, return_inverse=True)
        return names, numbers.reshape(-1).astype(np.uint32)
    # Integers of which some are missing come as floating-point numbers.
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise _missing(int(np.isnan(array).argmax()), np.nan)
    # Text as objects, and NumPy's own type of text, which would sort missing labels in among the others.
    if array.dtype.kind not in "OT":
        raise ValueError(f"groups must be {_ALLOWED}, but their dtype is {array.dtype}")
    return _grouped_objects(array.astype(object))


def _categories(groups: Any) -> tuple[Optional[NDArray[Any]], NDArray[Any]]:
    """Of a column of categories of pandas that are not all text or integers: these, and for each sample the number of its
    one, -1 if it has none. None for everything else.
    """
    # A Series has them below its attribute cat, an index and a Categorical have them themselves.
    column = getattr(groups, "cat", groups)
    if not (hasattr(column, "codes") and hasattr(column, "categories")):
        return None, np.empty(0)
    listed = list(column.categories)
    if any(all(isinstance(label, kinds) for label in listed) for kinds in (_TEXT, _INTEGERS)):
        return None, np.empty(0)
    categories = np.empty(len(listed), object)
    categories[:] = listed
    return categories, np.asarray(column.codes)


def _objects(labels: Any) -> Any:
    if not all(isinstance(label, (str, bytes, int, float, np.generic)) or label is None for label in labels):
        # Nested lists and the like: their shape is what is wrong.
        return labels
    array = np.empty(len(labels), object)
    array[:] = labels
    return array


def _grouped_objects(labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.uint32]]:
    listed = labels.tolist()
    try:
        distinct = list(dict.fromkeys(listed))
    except TypeError:
        # What cannot be hashed is no label: the check of all of them finds it.
        distinct = listed
    kinds: dict[str, Any] = {}
    for label in distinct:
        kinds.setdefault(_kind(label, listed), label)
    if len(kinds) > 1:
        first, second = list(kinds)[:2]
        where = _place(kinds[second], listed)
        raise ValueError(f"groups mixes {first} and {second}: groups[{where}] is {shown(kinds[second])}")
    if "integers" in kinds:
        array = np.array(listed)
        # Of integers that no type of it can hold together NumPy makes floating-point numbers, of which some are equal.
        if array.dtype.kind in "iub":
            names, numbers = np.unique(array, return_inverse=True)
            return names, numbers.reshape(-1).astype(np.uint32)
    names = np.empty(len(distinct), object)
    names[:] = sorted(distinct)
    place = {name: number for number, name in enumerate(names.tolist())}
    return names, np.fromiter((place[label] for label in listed), np.uint32, len(listed))


def _kind(label: Any, labels: list[Any]) -> str:
    for kind in (str, bytes):
        if isinstance(label, kind):
            return kind.__name__
    if isinstance(label, (bool, int, np.integer, np.bool_)) and not isinstance(label, np.timedelta64):
        return "integers"
    # NaN is not equal to itself; pandas' NA and NaT say neither yes nor no.
    if label is None or type(label).__name__ in ("NAType", "NaTType") or (isinstance(label, float) and label != label):
        raise _missing(_place(label, labels), label)
    raise ValueError(f"groups must be {_ALLOWED}, but groups[{_place(label, labels)}] is {shown(label)}")


def _missing(index: int, label: Any) -> ValueError:
    return ValueError(
        f"groups[{index}] is missing ({shown(label)}): give the samples without a label a group of their own, or leave "
        "them out"
    )


def _place(label: Any, labels: list[Any]) -> int:
    return next(index for index, other in enumerate(labels) if other is label)
