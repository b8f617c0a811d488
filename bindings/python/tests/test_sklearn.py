"""The estimators for scikit-learn: its own checks, the optimum found another way, and what a fit leaves behind."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn")
optimize = pytest.importorskip("scipy.optimize")

from sklearn.base import BaseEstimator, RegressorMixin, clone  # noqa: E402
from sklearn.datasets import load_breast_cancer, load_diabetes  # noqa: E402
from sklearn.ensemble import RandomForestClassifier  # noqa: E402
from sklearn.exceptions import ConvergenceWarning, NotFittedError  # noqa: E402
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score  # noqa: E402
from sklearn.neighbors import KNeighborsClassifier  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.svm import LinearSVC  # noqa: E402
from sklearn.utils import get_tags  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

import hr_weights as hrw  # noqa: E402
from hr_weights.sklearn import HRClassifier, HRRegressor  # noqa: E402

ALPHA, R = 0.05, 0.1


@pytest.fixture(autouse=True)
def numpy_raises():
    """Here NumPy is left as it is: the estimators of scikit-learn underflow on the way."""


# Exact minimisers, since the checks compare fits that must agree.
EXACT = LogisticRegression(solver="newton-cholesky", tol=1e-12)


@parametrize_with_checks(
    [
        HRClassifier(LogisticRegression()),
        HRRegressor(Ridge()),
        HRClassifier(EXACT, alpha=ALPHA, r=R, tol=0.1),
        HRRegressor(Ridge(), alpha=ALPHA, r=R, tol=0.1),
    ]
)
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)


# ---- the optimum ----------------------------------------------------------------------------------------------------


def wrong_labels(n=200, share=0.25):
    """Two classes that a linear model can tell apart, a quarter of the labels wrong."""
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)[:n]
    rng = np.random.default_rng(0)
    return X, np.where(rng.random(n) < share, 1 - y[:n], y[:n])


def logistic(parameters, X, y):
    """The losses, and their derivatives in the scores."""
    scores = (X @ parameters[:-1] + parameters[-1]) * (2 * y - 1)
    return np.logaddexp(0, -scores), -(2 * y - 1) / (1 + np.exp(scores))


def penalty(parameters, n, C=1.0):
    return parameters[:-1] @ parameters[:-1] / (2 * C * n)


def robust_objective(parameters, X, y):
    """The robust loss with the penalty of LogisticRegression, both for a mean of the samples."""
    losses, _ = logistic(parameters, X, y)
    return hrw.solve(losses, ALPHA, R).robust_loss + penalty(parameters, len(y))


def weighted_minimum(weights, X, y):
    """The least weighted loss with the penalty: less than the robust loss of any model."""

    def objective(parameters):
        losses, slopes = logistic(parameters, X, y)
        inner = np.append(X.T @ (weights * slopes), weights @ slopes)
        inner[:-1] += parameters[:-1] / len(y)
        return weights @ losses + penalty(parameters, len(y)), inner

    result = optimize.minimize(
        objective, np.zeros(X.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 5000, "ftol": 1e-15}
    )
    return result.fun


def parameters_of(model):
    return np.append(model.estimator_.coef_[0], model.estimator_.intercept_[0])


def test_the_gap_brackets_the_optimum():
    """Both sides by other code: the objective by its formula, the bound by minimising with the weights by SciPy."""
    X, y = wrong_labels()
    model = HRClassifier(EXACT, ALPHA, R, tol=0.01).fit(X, y)
    above = robust_objective(parameters_of(model), X, y)
    below = weighted_minimum(model.weights_, X, y)
    assert below <= above + 1e-9
    assert above - below == pytest.approx(model.gap_, abs=1e-6)
    assert model.gap_ <= 0.01 * model.robust_loss_
    # No other minimiser gets below.
    start = parameters_of(model)
    rng = np.random.default_rng(1)
    for scale in (1e-3, 1e-2, 0.1, 1.0):
        for _ in range(50):
            assert robust_objective(start + scale * rng.normal(size=start.size), X, y) >= below - 1e-9


def test_refitting_with_the_last_weights_does_not_converge():
    """Why the weights are averaged: the robust loss of the models goes round in circles, far above the optimum."""
    X, y = wrong_labels()
    weights, seen = np.ones(len(y)), []
    for _ in range(60):
        estimator = clone(EXACT).fit(X, y, sample_weight=weights)
        losses, _ = logistic(np.append(estimator.coef_[0], estimator.intercept_[0]), X, y)
        solution = hrw.solve(losses, ALPHA, R)
        weights = len(y) * solution.weights
        seen.append(solution.robust_loss)
    best = HRClassifier(EXACT, ALPHA, R, tol=0.01).fit(X, y).robust_loss_
    assert min(seen[-20:]) > 1.3 * best


def test_linear_regression_at_the_optimum_of_the_robust_loss():
    """Without a penalty: the least robust loss, by the smooth part of SciPy's minimisers, from the solution on."""
    X, y = load_diabetes(return_X_y=True)
    X, y = StandardScaler().fit_transform(X)[:150], (y[:150] - 150) / 75

    def objective(parameters):
        residuals = y - X @ parameters[:-1] - parameters[-1]
        solution = hrw.solve(residuals**2, 0.0, 0.2)
        slopes = -2 * residuals * solution.weights
        return solution.robust_loss, np.append(X.T @ slopes, slopes.sum())

    # alpha is 0: without an atom on the worst sample the robust loss is smooth where that one is alone.
    best = optimize.minimize(
        objective, np.zeros(X.shape[1] + 1), jac=True, method="BFGS", options={"gtol": 1e-9, "maxiter": 5000}
    ).fun
    model = HRRegressor(LinearRegression(), r=0.2, tol=1e-3, max_iter=5000).fit(X, y)
    assert model.gap_ <= 1e-3 * model.robust_loss_
    assert best - model.gap_ <= model.robust_loss_ <= best + model.gap_ + 1e-9


# ---- what a fit leaves behind ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fitted():
    X, y = wrong_labels()
    return HRClassifier(EXACT, ALPHA, R, tol=0.02).fit(X, y), X, y


def test_history(fitted):
    model, X, y = fitted
    history = model.history_
    assert set(history) == {"robust_loss", "dual_bound", "weighted_loss", "gap"}
    assert all(values.shape == (model.n_iter_,) for values in history.values())
    assert np.all(history["gap"] >= 0)
    np.testing.assert_allclose(history["dual_bound"], history["robust_loss"], rtol=1e-12)
    np.testing.assert_allclose(history["gap"], history["dual_bound"] - history["weighted_loss"], atol=1e-12)
    # It ends on the gap: the last one is the first that is small enough, and its model is what is kept.
    small = history["gap"] <= 0.02 * history["robust_loss"]
    assert small[-1] and not small[:-1].any()
    assert (model.gap_, model.robust_loss_) == (history["gap"][-1], history["robust_loss"][-1])
    # The first fit is the plain one.
    plain = clone(EXACT).fit(X, y)
    losses, _ = logistic(np.append(plain.coef_[0], plain.intercept_[0]), X, y)
    assert history["weighted_loss"][0] == pytest.approx(losses.mean(), rel=1e-9)
    assert history["robust_loss"][0] == pytest.approx(hrw.solve(losses, ALPHA, R).robust_loss, rel=1e-9)


def test_the_weights_are_those_of_the_model(fitted):
    model, X, y = fitted
    assert model.weights_.sum() == pytest.approx(1, rel=1e-12)
    again = clone(EXACT).fit(X, y, sample_weight=len(y) * model.weights_)
    np.testing.assert_allclose(again.coef_, model.estimator_.coef_, rtol=1e-6)
    # The average of weights within the budgets is within the budgets: it has no more of any loss than the worst one.
    losses, _ = logistic(parameters_of(model), X, y)
    assert model.weights_ @ losses <= hrw.solve(losses, ALPHA, R).robust_loss + 1e-12


@pytest.mark.parametrize("ordering", ["HD", "HR"])
def test_a_smaller_tolerance_takes_longer(ordering):
    X, y = wrong_labels()
    counts = []
    for tol in (0.2, 0.05):
        model = HRClassifier(EXACT, ALPHA, R, tol=tol, ordering=ordering).fit(X, y)
        assert model.gap_ <= tol * model.robust_loss_
        counts.append(model.n_iter_)
    assert counts[0] < counts[1]


def test_without_budgets_it_is_the_estimator():
    X, y = wrong_labels()
    weights = np.random.default_rng(0).exponential(size=len(y))
    for sample_weight in (None, weights):
        plain = LogisticRegression().fit(X, y, sample_weight)
        model = HRClassifier(LogisticRegression()).fit(X, y, sample_weight)
        assert model.n_iter_ == 1 and model.gap_ == pytest.approx(0, abs=1e-12)
        np.testing.assert_array_equal(model.predict_proba(X), plain.predict_proba(X))
        np.testing.assert_array_equal(model.decision_function(X), plain.decision_function(X))
    X, y = load_diabetes(return_X_y=True)
    np.testing.assert_array_equal(HRRegressor(Ridge()).fit(X, y).predict(X), Ridge().fit(X, y).predict(X))


def test_a_sample_of_weight_zero_is_not_there():
    X, y = wrong_labels()
    there = np.arange(len(y)) % 5 != 0
    strange = np.where(there[:, None], X, 1e3 * X)
    masked = HRClassifier(EXACT, ALPHA, R, tol=0.1).fit(strange, y, sample_weight=there)
    without = HRClassifier(EXACT, ALPHA, R, tol=0.1).fit(X[there], y[there])
    assert np.all(masked.weights_[~there] == 0)
    np.testing.assert_allclose(masked.history_["gap"], without.history_["gap"], rtol=1e-4)


def test_a_fit_that_is_cut_short_keeps_the_best():
    X, y = wrong_labels()
    model = HRClassifier(EXACT, ALPHA, R, max_iter=7, tol=0.0)
    with pytest.warns(ConvergenceWarning, match="after max_iter=7 fits the gap is"):
        model.fit(X, y)
    assert model.n_iter_ == 7
    assert model.gap_ == model.history_["gap"].min()


# ---- at home in scikit-learn ----------------------------------------------------------------------------------------


def test_a_pipeline_is_given_the_weights_in_its_last_step():
    X, y = wrong_labels()
    scaler = StandardScaler().fit(X)
    scaled = scaler.transform(X)
    direct = HRClassifier(EXACT, ALPHA, R, tol=0.1).fit(scaled, y).predict_proba(scaled)
    for pipeline in (make_pipeline(StandardScaler(), EXACT), make_pipeline(make_pipeline(StandardScaler(), EXACT))):
        model = HRClassifier(pipeline, ALPHA, R, tol=0.1).fit(X, y)
        np.testing.assert_allclose(model.predict_proba(X), direct, rtol=1e-6)
    with sklearn.config_context(enable_metadata_routing=True):
        routed = make_pipeline(
            StandardScaler().set_fit_request(sample_weight=False), clone(EXACT).set_fit_request(sample_weight=True)
        )
        model = HRClassifier(routed, ALPHA, R, tol=0.1).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X), direct, rtol=1e-6)


def test_searches_scores_and_pickles():
    X, y = wrong_labels()
    names = np.where(y == 1, "benign", "malignant")
    search = GridSearchCV(HRClassifier(EXACT, tol=0.1), {"r": [0.0, 0.1], "estimator__C": [0.1, 1.0]}, cv=3)
    search.fit(X, names)
    model = search.best_estimator_
    assert set(model.classes_) == {"benign", "malignant"}
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))
    assert model.score(X, names) > 0.6
    assert len(cross_val_score(HRRegressor(Ridge(), r=0.05, tol=0.1), *load_diabetes(return_X_y=True), cv=3)) == 3


def test_columns_reach_the_estimator():
    pandas = pytest.importorskip("pandas")
    X, y = wrong_labels()
    frame = pandas.DataFrame(X, columns=[f"column {i}" for i in range(X.shape[1])])
    model = HRClassifier(EXACT, r=0.05, tol=0.1).fit(frame, pandas.Series(y))
    assert list(model.feature_names_in_) == list(frame.columns)
    assert model.n_features_in_ == X.shape[1]


def test_several_outputs():
    X, y = load_diabetes(return_X_y=True)
    both = np.column_stack([y, -2 * y])
    model = HRRegressor(LinearRegression(), ALPHA, R, tol=0.05).fit(X, both)
    single = HRRegressor(LinearRegression(), ALPHA, R, tol=0.05).fit(X, y)
    # The second is the first twice over: the mean of their squares is 2.5 times as large.
    np.testing.assert_allclose(model.predict(X)[:, 0], single.predict(X), rtol=1e-6)
    assert model.robust_loss_ == pytest.approx(2.5 * single.robust_loss_, rel=1e-6)


class Median(RegressorMixin, BaseEstimator):
    """A weighted median, which minimises the absolute error."""

    def fit(self, X, y, sample_weight=None):
        order = np.argsort(y)
        below = np.cumsum(np.asarray(sample_weight)[order])
        self.median_ = np.asarray(y)[order][np.searchsorted(below, below[-1] / 2)]
        return self

    def predict(self, X):
        return np.full(len(X), self.median_)


def test_absolute_errors_and_losses_of_ones_own():
    y = np.random.default_rng(0).exponential(size=101)
    X = np.zeros((101, 1))
    model = HRRegressor(Median(), ALPHA, R, loss="absolute_error", tol=0.02).fit(X, y)
    # Of one number the optimum can be found by trying.
    tried = [hrw.solve(np.abs(y - m), ALPHA, R).robust_loss for m in np.linspace(0, y.max(), 4001)]
    assert min(tried) - 1e-3 <= model.robust_loss_ <= min(tried) + model.gap_ + 1e-3

    own = HRRegressor(Median(), ALPHA, R, loss=lambda model, X, y: np.abs(y - model.median_), tol=0.02).fit(X, y)
    np.testing.assert_array_equal(own.history_["gap"], model.history_["gap"])


def test_a_loss_of_a_classifier_without_probabilities():
    X, y = wrong_labels()

    def squared_hinge(model, X, y):
        return np.maximum(0, 1 - (2 * y - 1) * model.decision_function(X)) ** 2

    model = HRClassifier(LinearSVC(tol=1e-8, max_iter=100_000), ALPHA, R, loss=squared_hinge, tol=0.05).fit(X, y)
    assert model.gap_ <= 0.05 * model.robust_loss_
    assert not hasattr(model, "predict_proba")


# ---- refusals -------------------------------------------------------------------------------------------------------

X2, Y2 = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"alpha": 1.5}, "alpha must be a number in"),
        ({"r": -1}, "r must be a number of at least 0"),
        ({"r": "much"}, "r must be a number, not 'much'"),
        ({"ordering": "DH"}, "ordering must be 'HD' or 'HR'"),
        ({"loss": "hinge"}, "loss must be 'log_loss', not 'hinge'"),
        ({"loss": lambda model, X, y: 1.0}, r"loss returned an array of shape \(\), but there are 4 samples"),
        ({"loss": lambda model, X, y: [0, 1, np.nan, 0]}, r"losses\[2\] is nan"),
        ({"max_iter": 0}, "max_iter must be at least 1"),
        ({"max_iter": 2.5}, "max_iter must be an integer"),
        ({"tol": -1e-3}, "tol must be a number of at least 0"),
        ({"tol": np.nan}, "tol must be a number of at least 0"),
        ({"estimator": KNeighborsClassifier()}, "estimator must take sample weights, but KNeighborsClassifier"),
        ({"estimator": LinearSVC()}, "loss='log_loss' needs predict_proba, which LinearSVC lacks"),
    ],
)
def test_arguments_that_are_refused(options, message):
    options = {"estimator": LogisticRegression(), "alpha": 0.1, **options}
    with pytest.raises(ValueError, match=message):
        HRClassifier(**options).fit(X2, Y2)


@pytest.mark.parametrize("estimator", [None, "logistic", LogisticRegression, object()])
@pytest.mark.parametrize("robust", [HRClassifier, HRRegressor])
def test_what_is_no_estimator(robust, estimator):
    with pytest.raises(ValueError, match="estimator must be an estimator of scikit-learn, not"):
        robust(estimator).fit(X2, Y2)


@pytest.mark.parametrize(
    "weights, message",
    [
        ([1, 1, -1, 1], r"sample_weight\[2\] is -1.0"),
        ([1, np.inf, 1, 1], r"sample_weight\[1\] is inf"),
        ([1, np.nan, 1, 1], r"sample_weight\[1\] is nan"),
        ([0, 0, 0, 0], "sample_weight is zero for every sample"),
        ([1e308] * 4, "sample_weight is too large"),
        ([1, 1], r"sample_weight has shape \(2,\), but there are 4 samples"),
        (["a", "b", "c", "d"], "sample_weight must be numbers"),
    ],
)
def test_sample_weights_that_are_refused(weights, message):
    for model in (HRClassifier(LogisticRegression(), r=0.1), HRRegressor(Ridge(), r=0.1)):
        with pytest.raises(ValueError, match=message):
            model.fit(X2, Y2, sample_weight=weights)


def test_nothing_is_predicted_before_a_fit():
    for model in (HRClassifier(LogisticRegression()), HRRegressor(Ridge())):
        with pytest.raises(NotFittedError):
            model.predict(X2)
        assert not hasattr(model, "n_features_in_")


def test_several_labels_are_refused():
    with pytest.raises(ValueError, match="y should be a 1d array"):
        HRClassifier(RandomForestClassifier(2), r=0.1).fit(X2, [[0, 1], [1, 1], [0, 0], [1, 0]])
    assert not get_tags(HRClassifier(RandomForestClassifier())).classifier_tags.multi_label


def test_a_fit_that_fails_leaves_the_model_as_it_was():
    calls = []

    def loss(model, X, y):
        calls.append(model)
        return np.full(4, np.nan) if len(calls) == 4 else -np.log(model.predict_proba(X)[range(4), y])

    model = HRClassifier(LogisticRegression(), 0.1, 0.1, loss=loss, tol=10.0).fit(X2, Y2)
    before = model.estimator_
    with pytest.raises(ValueError, match="is nan"):
        model.set_params(tol=0.0).fit(X2, Y2)
    assert len(calls) == 4 and model.estimator_ is before and model.n_iter_ == 1


def test_no_warning_of_its_own():
    X, y = wrong_labels()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        HRClassifier(EXACT, ALPHA, R, tol=0.1).fit(X, y)


def test_a_long_fit_counts_its_fits_on_a_terminal(terminal):
    x, y = load_diabetes(return_X_y=True)
    estimator = HRRegressor(Ridge(), ALPHA, R, tol=1e-2, progress=False)
    estimator.fit(x, y)
    assert terminal.getvalue() == ""
    estimator.set_params(progress=True).fit(x, y)
    written = terminal.getvalue()
    assert "fits: " in written and written.endswith(" \r")
