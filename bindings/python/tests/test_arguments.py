"""Every argument of every public function, given every kind of wrong value: a ValueError with the argument's name."""

from __future__ import annotations

import copy
import inspect
import warnings

import numpy as np
import pytest

import hr_weights as hrw
from hr_weights import compat, plot, sharded
from hr_weights._frameworks import check_attack

NAN, INF = float("nan"), float("inf")
LOSSES = np.array([1.0, 3.0, 2.0])


class Object:
    """Something that is no number and no array."""

    def __repr__(self):
        return "Object()"


class Raises:
    """Something that fails when it is looked at."""

    def __float__(self):
        raise RuntimeError("no float")

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("no array")


# What no argument takes; of each kind of argument, what it does not take either.
NOTHING = [Object(), Raises(), 1j, np.complex64(1), {"a": 1}, {1}, b"1", np.datetime64("2024-01-01"), lambda: 1]
SCALAR = [
    *NOTHING, None, "0.5", "", True, np.True_, np.array(True), [0.5], (0.5,), np.array([0.5]), np.ones((1, 1)), 10**400,
    np.array("0.5"), np.timedelta64(1), np.array(None), np.array(1j),
]  # fmt: skip
# More threads or samples than there are is no mistake.
INTEGER = [value for value in SCALAR if type(value) is not int]
VECTOR = [
    *NOTHING, "abc", ["a", "b", "c"], [None, 1.0, 2.0], [1j, 1, 1], np.ones((2, 3)), np.ones((1, 1, 3)), 1.5,
    np.array(LOSSES, object), np.array(["2024"] * 3, "M8[D]"), np.ma.masked_greater(LOSSES, 2), np.zeros(3, "i4,i4"),
]  # fmt: skip
PER_SAMPLE = [*VECTOR, [1.0, 2.0], np.empty(0), [1.0, NAN, 1.0], [1.0, INF, 1.0]]
WRONG = {
    "losses": [*VECTOR, None, [], [1.0, NAN, 2.0], np.array([1, -INF, 1], np.float32)],
    "base": [*PER_SAMPLE, [1, -1, 1], [0, 0, 0]],
    "alpha": [*SCALAR, -0.1, 1.1, NAN, INF],
    "r": [*SCALAR, -0.1, NAN, -INF],
    "ordering": [*NOTHING, None, ["HD"], "hd", "", 0, True, np.array(["HD"])],
    "worst_loss": [value for value in SCALAR if value is not None] + [NAN, INF, -INF, 2.5],
    "threads": [*INTEGER, 1.0, 0.5, -1, NAN, np.float64(1)],
    "delta": [*SCALAR, 0, 1, -1, NAN, INF],
    "n": [*SCALAR, 2.0, 0, -1, 2**64, NAN],
    "k": [*INTEGER, 2.0, 0, -1, NAN],
    "window": [*SCALAR, 2.0, -1, 2**64, NAN],
    "weights": [*VECTOR, None, [], [1.0, NAN, 1.0], [1.0, -1.0, 1.0]],
    "groups": [
        *NOTHING, None, "abc", 1, [0, 1], [[0, 1, 1]], [0.5, 1, 2], [0, NAN, 1], ["a", None, "b"], ["a", 1, "b"],
        [b"a", "a", "b"], [Object()] * 3, np.array(["2024"] * 3, "M8[D]"), [1j] * 3,
    ],
    "offsets": [*NOTHING, None, "03", 3, [0, 1.5, 3], [0.0, 3.0], [[0, 3]], [], [1, 3], [0, 4], [0, 2, 1, 3], [True, False]],
    "alphas": [*NOTHING, None, "0.5", [], [[0.5]], ["a"], [-1], [NAN], [0.5, 2]],
    "rs": [*NOTHING, None, "0.5", [], [[0.5]], ["a"], [-1], [NAN]],
    "target": [*SCALAR],
    "allreduce": [None, 1, "sum", [1]],
}  # fmt: skip
COMMON = {"losses": LOSSES, "alpha": 0.1, "r": 0.1, "ordering": "HD", "base": None, "worst_loss": None, "threads": 1}


def without(*names):
    return {name: value for name, value in COMMON.items() if name not in names}


def alone(values, op):
    """The all-reduce of a single participant."""


FUNCTIONS = [
    (hrw.weights, COMMON),
    (hrw.solve, COMMON),
    (hrw.solve_batch, {**COMMON, "losses": LOSSES.reshape(1, 3)}),
    (hrw.solve_ragged, {**COMMON, "offsets": [0, 3]}),
    (hrw.solve_groups, {**COMMON, "groups": ["a", "b", "a"]}),
    (hrw.certify, {"losses": LOSSES, "alpha": 0.1, "delta": 0.1, "worst_loss": 3}),
    (hrw.certified_r, {"n": 3, "delta": 0.1}),
    (hrw.path, {**without("alpha", "r"), "alphas": [0.1], "rs": [0.1]}),
    (hrw.r_for_robust_loss, {**without("r"), "robust_loss": 2.5}),
    (hrw.r_for_effective_samples, {**without("r"), "effective_samples": 2}),
    (hrw.r_for_largest_weight, {**without("r"), "largest_weight": 0.6}),
    (hrw.alpha_for_robust_loss, {**without("alpha"), "robust_loss": 2.5}),
    (hrw.alpha_for_effective_samples, {**without("alpha"), "effective_samples": 2}),
    (hrw.alpha_for_largest_weight, {**without("alpha"), "largest_weight": 0.6}),
    (hrw.top_samples, {"weights": LOSSES, "k": 2}),
    (hrw.group_shares, {"weights": LOSSES, "groups": [1, 2, 1]}),
    (hrw.RunningWorst, {"window": 3}),
    (hrw.RunningWorst(3).update, {"losses": LOSSES, "base": None}),
    (sharded.solve, {**COMMON, "allreduce": alone}),
    (sharded.weights, {**COMMON, "allreduce": alone}),
    (sharded.Solver, without("losses", "base")),
]
TARGETS = ("robust_loss", "effective_samples", "largest_weight")
# What is right for these, though it is wrong elsewhere.
FINE = {
    # One number of a grid is a grid.
    ("path", "alphas"): [0.5],
    ("solve_groups", "base"): [{"a": 1}, [1.0, 2.0]],
}


def name_of(function):
    module = inspect.unwrap(function).__module__.partition("hr_weights.")[2]
    return f"{module}.{function.__qualname__}" if module in ("sharded", "plot") else function.__qualname__


def cases():
    for function, good in FUNCTIONS:
        for name in good:
            kind = "target" if name in TARGETS else name
            for value in WRONG[kind]:
                if not any(value is fine or (type(value) is type(fine) and value == fine)
                           for fine in FINE.get((name_of(function), name), [])):  # fmt: skip
                    yield pytest.param(function, good, name, value, id=f"{name_of(function)}-{name}-{value!r:.20}")


@pytest.mark.parametrize("function, good, name, value", list(cases()))
def test_a_wrong_value_is_named(function, good, name, value):
    if function is hrw.solve_batch and name in ("losses", "base"):
        # One row of what is wrong as a vector; several rows are right here.
        if isinstance(value, np.ma.MaskedArray):
            value = value.reshape(1, 3)
        elif isinstance(value, np.ndarray) and value.shape == (2, 3):
            value = LOSSES
        elif isinstance(value, list):
            value = [value]
    arguments = {**good, name: value}
    before = {key: copy.copy(given) for key, given in arguments.items() if isinstance(given, (np.ndarray, list))}
    with pytest.raises(ValueError) as caught:
        # Of old versions of NumPy, about lists of lists; they are refused all the same.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", getattr(np, "VisibleDeprecationWarning", DeprecationWarning))
            result = function(**arguments)
            # Budgets out of range are told to the other participants before they are refused.
            while function is sharded.Solver and result.step(LOSSES) is not None:
                pass
    message = str(caught.value)
    assert name in message or {"alphas": "alpha", "rs": "r must"}.get(name, name) in message, message
    assert "\n" not in message and len(message) < 400
    for key, given in before.items():
        np.testing.assert_equal(arguments[key], given)


@pytest.mark.parametrize("function, good", FUNCTIONS, ids=[name_of(function) for function, _ in FUNCTIONS])
def test_the_right_values_are_taken(function, good):
    """Else the test above would pass for what refuses everything. Numbers may be of NumPy, and without dimensions."""
    function(**good)
    scalars = {"alpha", "r", "delta", "worst_loss", *TARGETS}
    integers = {"threads", "n", "k", "window"}
    for form in (np.float32, np.float64, np.array):
        given = {name: form(value) if name in scalars and value is not None else value for name, value in good.items()}
        function(**given)
    for form in (np.int64, np.uint8, np.array):
        function(**{name: form(value) if name in integers else value for name, value in good.items()})


def test_every_function_is_in_the_list():
    public = {name for name in hrw.__all__ if callable(getattr(hrw, name))}
    results = {"BatchSolution", "Certificate", "GroupShares", "GroupSolution", "Path", "Solution", "TopSamples"}
    # The one is a type, the other takes nothing.
    results |= {"Ordering", "show_versions"}
    assert public - results == {name_of(function) for function, _ in FUNCTIONS[:17]}


@pytest.mark.parametrize("worst_loss", [np.array(3.0), np.float32(3), 3])
def test_budgets_without_dimensions_have_the_same_result(worst_loss):
    want = hrw.solve(LOSSES, 0.25, 0.5, worst_loss=3.0)
    got = hrw.solve(LOSSES, np.array(0.25), np.array(0.5, np.float32), worst_loss=worst_loss, threads=np.array(1))
    np.testing.assert_array_equal(got.weights, want.weights)
    assert got.robust_loss == want.robust_loss


def test_equal_numbers_of_other_types_are_refused_after_a_call_with_the_right_one():
    hrw.weights(LOSSES, 1.0, 0.1, threads=1)
    for options in ({"threads": 1.0}, {"threads": True}, {"alpha": True}, {"alpha": 1 + 0j}):
        with pytest.raises(ValueError, match=next(iter(options))):
            hrw.weights(LOSSES, **{"alpha": 1.0, "r": 0.1, **options})


COMPAT = {"NN_model": None, "train_batch_size": 3, "loss_fn": None, "normalisation_used": None, "α_choice": 0.1}
COMPAT.update({"r_choice": 0.1, "ε_choice": 0.0, "output_return": "weights", "learning_approach": "HD"})
COMPAT.update({"noise_set": "l-2", "defense_method": "PGD", "adversarial_steps": 10, "adversarial_step_size": 0.2})


@pytest.mark.parametrize("name", sorted(set(COMPAT) - {"train_batch_size", "normalisation_used"}))
def test_the_class_of_the_authors(name):
    wrong = {
        "α_choice": WRONG["alpha"],
        "r_choice": WRONG["r"],
        "ε_choice": [*WRONG["r"], INF],
        "adversarial_steps": WRONG["k"],
        "adversarial_step_size": [*WRONG["r"], 0, INF],
        "NN_model": [1, "model", [1]],
        "loss_fn": [1, "loss", [1]],
    }.get(name, [*NOTHING, None, "", 1, ["HD"], np.array(["PGD", "FFGSM"])])
    compat.HR_Neural_Networks(**COMPAT)
    for value in wrong:
        with pytest.raises(ValueError) as caught:
            compat.HR_Neural_Networks(**{**COMPAT, name: value})
        # Of the two letters that are one name to Python, the message has theirs.
        assert name.replace("ε", "") in str(caught.value).replace("ϵ", ""), (value, str(caught.value))


PLOTS = [
    (plot.loss_curves, {"curves": {"a": [1.0, 2.0]}}),
    (plot.weights_against_losses, {"losses": LOSSES, "weights": LOSSES / 6, "groups": [0, 1, 0]}),
    (plot.robust_loss_against_r, {"losses": LOSSES, "alphas": [0.1], "rs": [0.1], "worst_loss": 3.0}),
    (plot.effective_samples_against_r, {"losses": LOSSES, "alphas": [0.1], "rs": [0.1], "worst_loss": 3.0}),
    (plot.certificate_against_n, {"losses": LOSSES, "alphas": [0.1], "delta": 0.1, "worst_loss": 3.0, "ns": [1, 3]}),
]


@pytest.mark.parametrize("function, good", PLOTS, ids=[function.__name__ for function, _ in PLOTS])
def test_plots(function, good):
    pytest.importorskip("matplotlib")
    function(**good)
    wrong = {
        **{name: WRONG[name] for name in ("alphas", "rs", "delta", "worst_loss")},
        "losses": VECTOR,
        "weights": PER_SAMPLE[:-2],
        "curves": [None, 1, "a", [1.0], {"a": "b"}, {"a": [[1.0]]}, {"a": [None]}],
        "groups": [*VECTOR, [0, 1], [0, 1, 2], [0, -1, 0], [0.0, 1.0, 0.0]],
        "ns": [*VECTOR, [], [0], [4], [1.5]],
        "ax": [1, "ax", [1]],
    }
    for name in [*good, "ax"]:
        for value in wrong[name]:
            # None is the default, and one number of a grid is a grid.
            if value is None or (name == "rs" and isinstance(value, float)):
                continue
            with pytest.raises(ValueError) as caught:
                function(**{**good, name: value})
            assert name in str(caught.value) or {"alphas": "alpha", "rs": "r must"}.get(name, name) in str(caught.value)


@pytest.mark.parametrize(
    "name, value",
    [
        *[("epsilon", value) for value in ("0.1", None, True, -1.0, NAN, INF, [0.1])],
        *[("steps", value) for value in (2.0, None, 0, "3")],
        *[("step_size", value) for value in ("0.1", 0.0, True)],
        *[("bounds", value) for value in (None, 1.0, (0.0,), (0.0, None), (1.0, 0.0), ("0", "1"))],
        *[("norm", value) for value in (["l2"], None, "l1")],
    ],
)
def test_arguments_of_attacks(name, value):
    """The same for every framework, and without one."""
    good = {"epsilon": np.float32(0.1), "norm": "l2", "steps": np.int64(3), "step_size": None, "bounds": (0, 1)}
    check_attack(**good)
    with pytest.raises(ValueError, match=f"{name} must be "):
        check_attack(**{**good, name: value})
