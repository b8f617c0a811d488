"""Columns of data frames as losses and groups: pandas, polars and pyarrow; text, categories, and labels that are missing."""

from __future__ import annotations

import numpy as np
import pytest

import hr_weights as hrw

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

LOSSES, LABELS = [1.0, 3.0, 2.0], ["a", "b", "a"]
# At r = 0.1 and equal base weights: of two groups with the mean losses 1.5 and 3.
WEIGHT_OF_A, WEIGHT_OF_B = 0.287121, 0.712879


def numpy_text(labels, **options):
    return np.array(labels, np.dtypes.StringDType(**options))


TEXT = {
    "list": list,
    "tuple": tuple,
    "NumPy U": np.array,
    "NumPy S": lambda labels: np.array(labels, "S"),
    "NumPy object": lambda labels: np.array(labels, object),
    "NumPy text": numpy_text,
    "pandas": pd.Series,
    "pandas object": lambda labels: pd.Series(labels, dtype=object),
    "pandas category": lambda labels: pd.Series(labels, dtype="category"),
    "pandas Categorical": lambda labels: pd.Categorical(labels, categories=["z", "b", "a"], ordered=True),
    "pandas string": lambda labels: pd.Series(labels, dtype="string"),
    "pandas string[pyarrow]": lambda labels: pd.Series(labels, dtype="string[pyarrow]"),
    "pandas Index": pd.Index,
    "polars": pl.Series,
    "polars Categorical": lambda labels: pl.Series(labels, dtype=pl.Categorical),
    "polars Enum": lambda labels: pl.Series(labels, dtype=pl.Enum(["z", "b", "a"])),
    "pyarrow": pa.array,
    "pyarrow chunks": lambda labels: pa.chunked_array([labels[:1], labels[1:]]),
    "pyarrow dictionary": lambda labels: pa.array(labels).dictionary_encode(),
    "pyarrow large": lambda labels: pa.array(labels, pa.large_string()),
}
NUMBERS = {
    "NumPy": lambda labels: np.array(labels, np.int16),
    "NumPy object": lambda labels: np.array(labels, object),
    "list": list,
    "pandas": pd.Series,
    "pandas Int64": lambda labels: pd.Series(labels, dtype="Int64"),
    "pandas category": lambda labels: pd.Series(labels, dtype="category"),
    "polars": pl.Series,
    "pyarrow": pa.array,
}
needs_text = pytest.mark.skipif(not hasattr(np, "dtypes") or not hasattr(np.dtypes, "StringDType"), reason="NumPy 1")


def forms(kinds):
    return [pytest.param(make, id=name, marks=needs_text if name == "NumPy text" else ()) for name, make in kinds.items()]


@pytest.mark.parametrize("make", forms(TEXT))
@pytest.mark.parametrize("ordering", ["HD", "HR"])
def test_text_and_categories(make, ordering):
    groups = make(LABELS)
    base = {name.encode() if np.asarray(groups).dtype.kind == "S" else name: 1.0 for name in "abc"}
    solution = hrw.solve_groups(LOSSES, groups, r=0.1, base=base, ordering=ordering)
    np.testing.assert_allclose(solution.group_weights, [WEIGHT_OF_A, WEIGHT_OF_B], atol=1e-6)
    np.testing.assert_allclose(solution.weights, [WEIGHT_OF_A / 2, WEIGHT_OF_B, WEIGHT_OF_A / 2], atol=1e-6)
    assert [name.decode() if isinstance(name, bytes) else name for name in solution.labels.tolist()] == ["a", "b"]
    assert solution.group_sizes.tolist() == [2, 1]
    shares = hrw.group_shares(solution.weights, groups)
    np.testing.assert_allclose(shares.shares, [WEIGHT_OF_A, WEIGHT_OF_B], atol=1e-6)
    assert shares.labels.tolist() == solution.labels.tolist()


@pytest.mark.parametrize("make", forms(NUMBERS))
def test_numbers(make):
    solution = hrw.solve_groups(LOSSES, make([7, -1, 7]), r=0.1, base={7: 1, -1: 1, 100: 1})
    np.testing.assert_allclose(solution.group_weights, [WEIGHT_OF_B, WEIGHT_OF_A], atol=1e-6)
    assert solution.labels.tolist() == [-1, 7]


@pytest.mark.parametrize("make", [np.array, list, pd.Series, lambda x: pd.Series(x, dtype="boolean"), pl.Series, pa.array])
def test_truth_values(make):
    solution = hrw.solve_groups(LOSSES, make([False, True, False]), r=0.1, base={True: 1, False: 1})
    np.testing.assert_allclose(solution.group_weights, [WEIGHT_OF_A, WEIGHT_OF_B], atol=1e-6)
    assert solution.labels.tolist() == [False, True]


OTHER_CATEGORIES = {
    "intervals": pd.cut(pd.Series([20, 50, 25]), [0, 30, 60, 100]),
    "intervals of an array": pd.cut(np.array([20, 50, 25]), [0, 30, 60, 100]),
    "dates": pd.Series(pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-01"])).astype("category"),
    "floats": pd.Series([0.1, 0.5, 0.1], dtype="category"),
    "numbers and text": pd.Series(pd.Categorical([1, "a", 1], categories=["z", 1, "a"])),
    "an index": pd.CategoricalIndex([0.1, 0.5, 0.1]),
}


@pytest.mark.parametrize("groups", OTHER_CATEGORIES.values(), ids=OTHER_CATEGORIES)
def test_categories_that_are_neither_text_nor_integers(groups):
    categories = getattr(groups, "cat", groups).categories
    a, b = groups[0], groups[1]
    solution = hrw.solve_groups(LOSSES, groups, r=0.1, base=pd.Series(1.0, index=categories))
    np.testing.assert_allclose(solution.group_weights, [WEIGHT_OF_A, WEIGHT_OF_B], atol=1e-6)
    assert solution.labels.tolist() == [a, b] and solution.group_sizes.tolist() == [2, 1]
    np.testing.assert_allclose(hrw.solve_groups(LOSSES, groups, base=[1, 3]).group_weights, [0.25, 0.75])
    assert hrw.group_shares(LOSSES, groups).labels.tolist() == [a, b]
    missing = pd.Series(groups).where([True, False, True])
    with pytest.raises(ValueError, match=r"groups\[1\] is missing"):
        hrw.solve_groups(LOSSES, missing)
    with pytest.raises(ValueError, match=r"groups has shape \(2,\)"):
        hrw.solve_groups(LOSSES, groups[:2])


def test_integers_that_no_type_of_numpy_holds():
    """NumPy would make floating-point numbers of them, of which the first and the last are equal."""
    groups = [2**63 + 1, -1, 2**63 + 2]
    assert hrw.solve_groups(LOSSES, groups).labels.tolist() == [-1, 2**63 + 1, 2**63 + 2]
    assert hrw.solve_groups(LOSSES, np.array(groups, object)).labels.tolist() == [-1, 2**63 + 1, 2**63 + 2]


@pytest.mark.parametrize("make", [dict, pd.Series])
def test_base_weights_that_are_truth_values(make):
    solution = hrw.solve_groups([1.0, np.nan, 2.0], LABELS, base=make({"a": True, "b": False, "c": True}))
    np.testing.assert_array_equal(solution.weights, [0.5, 0, 0.5])


MISSING = {
    "list with None": ["a", None, "b"],
    "list with NaN": ["a", float("nan"), "b"],
    "pandas": pd.Series(["a", None, "b"]),
    "pandas category": pd.Series(["a", None, "b"], dtype="category"),
    "pandas string": pd.Series(["a", None, "b"], dtype="string"),
    "pandas Int64": pd.Series([1, None, 2], dtype="Int64"),
    "pandas float": pd.Series([1, None, 2]),
    "polars": pl.Series(["a", None, "b"]),
    "polars Categorical": pl.Series(["a", None, "b"], dtype=pl.Categorical),
    "polars integers": pl.Series([1, None, 2]),
    "pyarrow": pa.array(["a", None, "b"]),
    "pyarrow integers": pa.array([1, None, 2]),
}


@pytest.mark.parametrize("groups", MISSING.values(), ids=MISSING)
def test_a_missing_label_is_named(groups):
    for call in (hrw.solve_groups, hrw.group_shares):
        with pytest.raises(ValueError, match=r"groups\[1\] is missing"):
            call(LOSSES, groups)


@needs_text
@pytest.mark.parametrize("missing", [None, np.nan])
def test_a_label_that_is_missing_in_the_text_of_numpy(missing):
    # Sorting it would put it among the others, in silence.
    groups = numpy_text(["a", missing, "b"], na_object=missing)
    with pytest.raises(ValueError, match=r"groups\[1\] is missing"):
        hrw.solve_groups(LOSSES, groups)


@pytest.mark.parametrize(
    "message, groups",
    [
        ("groups mixes integers and str: groups[1] is 'a'", [1, "a", 2]),
        ("groups mixes str and bytes", ["a", b"a", "b"]),
        ("groups must be integers, booleans or strings, but groups[0] is 0.5", [0.5, 1.5, 0.5]),
        ("groups must be integers, booleans or strings, but their dtype is float64", pd.Series([0.5, 1.5, 0.5])),
        ("groups must be integers, booleans or strings, but groups[0] is ", pd.period_range("2024", periods=3)),
        ("groups has shape (2,)", pd.Series(["a", "b"])),
        ("groups has shape (3, 1)", pd.DataFrame({"g": LABELS})),
    ],
)
def test_labels_that_are_none(message, groups):
    with pytest.raises(ValueError) as caught:
        hrw.solve_groups(LOSSES, groups)
    assert message in str(caught.value)


def test_a_column_is_not_written():
    frame = pd.DataFrame({"loss": LOSSES, "group": pd.Categorical(LABELS)})
    before = frame.copy(deep=True)
    hrw.solve_groups(frame["loss"], frame["group"], 0.1, 0.1)
    pd.testing.assert_frame_equal(frame, before)


def test_base_weights_by_the_index_of_a_series():
    """By its labels, as pandas joins things, and not by their order."""
    base = pd.Series({"b": 3.0, "c": 9.0, "a": 1.0})
    solution = hrw.solve_groups(LOSSES, pd.Series(LABELS, dtype="category"), base=base)
    np.testing.assert_allclose(solution.group_weights, [0.25, 0.75])
    for message, wrong in [
        ("base has two weights for the same group", pd.Series([1.0, 2.0], index=["a", "a"])),
        ("base has a weight for none of the groups", pd.Series([1.0, 2.0])),
        ("base['c'] is nan", pd.Series({"a": 1.0, "b": 1.0, "c": np.nan})),
    ]:
        with pytest.raises(ValueError) as caught:
            hrw.solve_groups(LOSSES, LABELS, base=wrong)
        assert message in str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        pd.Series,
        pytest.param(
            lambda x: pd.Series(x, dtype="Float64"),
            # To older versions an array of these is one of objects.
            marks=pytest.mark.skipif(int(pd.__version__.split(".")[0]) < 2, reason="pandas 1"),
        ),
        lambda x: pd.Series(x, index=[5, 3, 1]),
        pl.Series,
        pa.array,
        lambda x: pa.chunked_array([x[:1], x[1:]]),
    ],
)
def test_columns_of_losses(make):
    want = hrw.weights(np.array(LOSSES), 0.1, 0.1)
    np.testing.assert_array_equal(hrw.weights(make(LOSSES), 0.1, 0.1), want)
    assert hrw.certify(make(LOSSES), worst_loss=3) == hrw.certify(LOSSES, worst_loss=3)
    missing = make([1.0, None, 2.0])
    with pytest.raises(ValueError, match=r"losses\[1\] is nan|losses must be real numbers"):
        hrw.weights(missing)


def test_many_labels_are_as_exact_as_few():
    rng = np.random.default_rng(5)
    losses, numbers = rng.exponential(size=20_000), rng.integers(0, 700, 20_000)
    text = pd.Series([f"group {number:04}" for number in numbers], dtype="category")
    by_number, by_text = hrw.solve_groups(losses, numbers, 0.05, 0.1), hrw.solve_groups(losses, text, 0.05, 0.1)
    np.testing.assert_array_equal(by_text.weights, by_number.weights)
    np.testing.assert_array_equal(by_text.group_sizes, by_number.group_sizes)
