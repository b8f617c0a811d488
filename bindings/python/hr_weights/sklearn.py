"""Estimators of scikit-learn that minimise the robust loss, made of any estimator that takes sample weights.

::

    from sklearn.linear_model import LogisticRegression
    from hr_weights.sklearn import HRClassifier

    model = HRClassifier(LogisticRegression(), alpha=0.05, r=0.1).fit(X, y)
    model.history_["gap"][-1]      # how far from the optimum it can be, at most

The estimator is fitted again and again. Refitting it with the weights of its own last losses would go round in circles
for ever: the samples that one fit neglects are those that the next one is about. The average of all weights so far
converges instead: this is fictitious play in the game of the model against the worst distribution, or the method of
Frank and Wolfe for the dual, and it comes with a gap that bounds how far the model is from the optimum.

Source: Bennouna, Lucas, Van Parys, "Certified Robust Neural Networks: Generalization and Corruption Resistance"
(arXiv 2303.02251); Frank and Wolfe, "An algorithm for quadratic programming" (1956), whose gap this is.
"""

from __future__ import annotations

import inspect
import warnings
from functools import partial
from typing import Any, Callable, Union

import numpy as np
from numpy.typing import NDArray

from ._core import solve
from ._extras import extra
from ._frameworks import ORDERINGS, check_budgets
from ._numbers import choice, integer, real, shown
from ._progress import Progress
from ._types import Ordering

with extra("sklearn"):
    from sklearn import get_config
    from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, RegressorMixin, clone
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.pipeline import Pipeline
    from sklearn.utils import column_or_1d, get_tags
    from sklearn.utils.metaestimators import available_if
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted

__all__ = ["HRClassifier", "HRRegressor"]

Loss = Union[str, Callable[[Any, Any, Any], Any]]
_HISTORY = ("robust_loss", "dual_bound", "weighted_loss", "gap")


def _has(method: str) -> Callable[[Any], bool]:
    """Whether the estimator, fitted if it is, has a method: what it lacks, the one around it lacks too."""

    def has(method: str, self: Any) -> bool:
        return hasattr(getattr(self, "estimator_", self.estimator), method)

    # Not a function: where the pages are made without scikit-learn, its stand-in takes one for what it decorates.
    return partial(has, method)


class _HREstimator(MetaEstimatorMixin, BaseEstimator):  # type: ignore[misc]
    """What both have: the fits, and what is passed on to the estimator."""

    # Name and function of the losses that are known by name.
    _losses_by_name: dict[str, Callable[[Any, Any, Any], Any]]

    def __init__(
        self,
        estimator: Any,
        alpha: float,
        r: float,
        ordering: Ordering,
        loss: Loss,
        max_iter: int,
        tol: float,
        progress: bool,
    ) -> None:
        self.estimator = estimator
        self.alpha = alpha
        self.r = r
        self.ordering = ordering
        self.loss = loss
        self.max_iter = max_iter
        self.tol = tol
        self.progress = progress

    def _fit(self, X: Any, y: NDArray[Any], sample_weight: Any) -> Any:
        max_iter, tol = integer(self.max_iter, "max_iter"), real(self.tol, "tol")
        if max_iter < 1:
            raise ValueError(f"max_iter must be at least 1, not {max_iter}")
        if not tol >= 0:
            raise ValueError(f"tol must be a number of at least 0, not {tol}")
        choice(self.ordering, "ordering", ORDERINGS)
        alpha, r, _ = check_budgets(self.alpha, self.r, None)
        base = _base(sample_weight, len(y))
        total = base.sum()
        name = _weight_name(self.estimator)

        history: dict[str, list[float]] = {key: [] for key in _HISTORY}
        best = np.inf
        weights = base
        with Progress("fits", None, self.progress) as line:
            for k in range(max_iter):
                line.to(k)
                estimator = clone(self.estimator).fit(X, y, **{name: weights.copy()})
                losses = np.where(base > 0, self._losses(estimator, X, y), 0.0)
                solution = solve(losses, alpha, r, ordering=self.ordering, base=base)
                weighted = float(weights @ losses) / total
                gap = max(solution.dual_bound - weighted, 0.0)
                for key, value in zip(_HISTORY, (solution.robust_loss, solution.dual_bound, weighted, gap)):
                    history[key].append(value)
                if gap < best:
                    best, kept = gap, (estimator, weights / total, solution.robust_loss, gap)
                closed = gap <= tol * abs(solution.robust_loss)
                if closed:
                    break
                weights = weights + (total * solution.weights - weights) / (k + 2)
        if not closed:
            warnings.warn(
                f"after max_iter={max_iter} fits the gap is {best:.3g}, more than tol={tol:g} of the robust loss "
                f"{kept[2]:.3g}: more fits may close it, unless the estimator does not minimise this loss "
                "exactly",
                ConvergenceWarning,
                stacklevel=3,
            )
        self.estimator_, self.weights_, self.robust_loss_, self.gap_ = kept
        self.history_ = {key: np.array(values) for key, values in history.items()}
        self.n_iter_ = len(history["gap"])
        return self

    def _losses(self, estimator: Any, X: Any, y: NDArray[Any]) -> NDArray[np.float64]:
        if callable(self.loss):
            function = self.loss
        else:
            function = self._losses_by_name[choice(self.loss, "loss", tuple(self._losses_by_name))]
        losses = np.asarray(function(estimator, X, y), dtype=np.float64)
        if losses.shape != (len(y),):
            raise ValueError(f"loss returned an array of shape {losses.shape}, but there are {len(y)} samples")
        return losses

    def predict(self, X: Any) -> Any:
        """What the fitted estimator predicts for X, shape ``(n, features)``."""
        check_is_fitted(self)
        return self.estimator_.predict(X)

    @property
    def n_features_in_(self) -> int:
        """The number of features, if the estimator has it."""
        count: int = self.estimator_.n_features_in_
        return count

    @property
    def feature_names_in_(self) -> Any:
        """The names of the columns, if X had names and the estimator keeps them."""
        return self.estimator_.feature_names_in_

    def __sklearn_tags__(self) -> Any:
        tags, inner = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.input_tags, tags.target_tags = inner.input_tags, inner.target_tags
        tags.non_deterministic = inner.non_deterministic
        return tags


class HRClassifier(ClassifierMixin, _HREstimator):  # type: ignore[misc]
    """A classifier that minimises the robust loss: `estimator`, fitted with averaged HR weights until the gap is small.

    estimator: a classifier whose ``fit`` takes `sample_weight`; of a Pipeline, its last step is given the
        weights, or with metadata routing those that ask for them.
    alpha: total-variation budget: the poisoned fraction of the samples, in [0, 1].
    r: Kullback-Leibler budget in nats: the sampling error, in [0, inf].
    ordering: "HD" (the data was poisoned before it was sampled, the authors' default) or "HR" (after).
    loss: "log_loss" (default), in nats, from ``predict_proba``, whose values are clipped to be at least their type's
        epsilon, as in ``sklearn.metrics.log_loss``; or a function ``loss(estimator, X, y)`` that returns one loss per
        sample, shape ``(n,)``. It must be the loss that the estimator minimises.
    max_iter: how often the estimator is fitted at most.
    tol: the gap, as a share of the robust loss, at which to stop.
    progress: True: if the fit takes more than a second, a line on the standard error counts the fits, on a terminal
        alone; False: never.

    With ``alpha = r = 0`` the estimator is fitted once, with the given sample weights. The weights always have their sum,
    so that penalties keep their strength. An estimator's own ``class_weight`` is not seen here: pass such weights as
    `sample_weight`.

    After a fit there are:

    * ``estimator_``: the fitted estimator that has the smallest gap;
    * ``weights_``: shape ``(n,)``, the averaged weights that it was fitted with; they sum to one;
    * ``robust_loss_``: the worst average of its losses over the ambiguity set, and ``gap_``, its gap;
    * ``n_iter_``: how often the estimator was fitted;
    * ``history_``: a dict of arrays of shape ``(n_iter_,)``, for each fit: "robust_loss"; "dual_bound", the bound that
      proves it to be the worst average; "weighted_loss", the average with the weights of the fit; and "gap", the
      dual bound less the weighted loss;
    * ``classes_``, ``n_features_in_``, ``feature_names_in_``: those of the estimator, as far as it has them.

    If the estimator minimises its weighted loss and a penalty exactly, no other parameters have a robust loss with
    penalty that is less by more than the gap: the penalty is in both of its terms, and the weighted minimum is at most the
    robust one. For one that does not (trees, or few iterations) the gap says how far the game is from a balance, and proves
    nothing; it may not close, which is a ConvergenceWarning.

    Raises ValueError for arguments out of range, an estimator without sample weights or without what `loss` needs, losses
    that are not finite (with the sample's index), and what the estimator raises.

    Source: the programs HD and HR of arXiv 2303.02251 (section 3) and arXiv 2207.09560.
    """

    def __init__(
        self,
        estimator: Any,
        alpha: float = 0.0,
        r: float = 0.0,
        *,
        ordering: Ordering = "HD",
        loss: Loss = "log_loss",
        max_iter: int = 1000,
        tol: float = 1e-3,
        progress: bool = True,
    ) -> None:
        super().__init__(estimator, alpha, r, ordering, loss, max_iter, tol, progress)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> HRClassifier:
        """Fits the estimator with averaged weights.

        X: shape ``(n, features)``, or what else the estimator takes. y: shape ``(n,)``, the classes.
        sample_weight: shape ``(n,)``: base weights, not negative, of any sum; None: one each.
        """
        _check_estimator(self.estimator)
        labels = column_or_1d(y, warn=True)
        check_classification_targets(labels)
        fitted: HRClassifier = self._fit(X, labels, sample_weight)
        return fitted

    @property
    def classes_(self) -> Any:
        """The classes, in the order of the columns of ``predict_proba``."""
        return self.estimator_.classes_

    @available_if(_has("predict_proba"))  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Any:
        """The probabilities of the classes, shape ``(n, classes)``."""
        check_is_fitted(self)
        return self.estimator_.predict_proba(X)

    @available_if(_has("predict_log_proba"))  # type: ignore[untyped-decorator]
    def predict_log_proba(self, X: Any) -> Any:
        """Their logarithms, shape ``(n, classes)``."""
        check_is_fitted(self)
        return self.estimator_.predict_log_proba(X)

    @available_if(_has("decision_function"))  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> Any:
        """The scores of the estimator, shape ``(n,)`` or ``(n, classes)``."""
        check_is_fitted(self)
        return self.estimator_.decision_function(X)

    def __sklearn_tags__(self) -> Any:
        tags, inner = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.target_tags.multi_output = False
        if inner.classifier_tags is not None:
            tags.classifier_tags = inner.classifier_tags
            tags.classifier_tags.multi_label = False
        return tags


class HRRegressor(RegressorMixin, _HREstimator):  # type: ignore[misc]
    """A regressor that minimises the robust loss: `estimator`, fitted with averaged HR weights until the gap is small.

    estimator: a regressor whose ``fit`` takes `sample_weight`; of a Pipeline, its last step is given the
        weights, or with metadata routing those that ask for them.
    loss: "squared_error" (default) or "absolute_error", in the unit of y squared or that of y; over the outputs, if there
        are several, their mean; or a function ``loss(estimator, X, y)`` that returns one loss per sample, shape ``(n,)``.
        It must be the loss that the estimator minimises.

    The other parameters, what there is after a fit (without ``classes_``), what the gap means, and errors are as in
    :class:`HRClassifier`: ``estimator_``, ``weights_``, ``robust_loss_``, ``gap_``, ``n_iter_``, ``history_``,
    ``n_features_in_`` and ``feature_names_in_``.

    Source: the programs HD and HR of arXiv 2303.02251 (section 3) and arXiv 2207.09560.
    """

    def __init__(
        self,
        estimator: Any,
        alpha: float = 0.0,
        r: float = 0.0,
        *,
        ordering: Ordering = "HD",
        loss: Loss = "squared_error",
        max_iter: int = 1000,
        tol: float = 1e-3,
        progress: bool = True,
    ) -> None:
        super().__init__(estimator, alpha, r, ordering, loss, max_iter, tol, progress)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> HRRegressor:
        """Fits the estimator with averaged weights.

        X: shape ``(n, features)``, or what else the estimator takes. y: shape ``(n,)``, or ``(n, outputs)`` if the
        estimator takes that. sample_weight: shape ``(n,)``: base weights, not negative, of any sum; None: one each.
        """
        _check_estimator(self.estimator)
        values = np.asarray(y)
        several = get_tags(self.estimator).target_tags.multi_output and values.ndim == 2 and values.shape[1] != 1
        fitted: HRRegressor = self._fit(X, values if several else column_or_1d(values, warn=True), sample_weight)
        return fitted

    def __sklearn_tags__(self) -> Any:
        tags, inner = super().__sklearn_tags__(), get_tags(self.estimator)
        if inner.regressor_tags is not None:
            tags.regressor_tags = inner.regressor_tags
        return tags


def _check_estimator(estimator: Any) -> None:
    if isinstance(estimator, type) or not (hasattr(estimator, "fit") and hasattr(estimator, "get_params")):
        raise ValueError(f"estimator must be an estimator of scikit-learn, not {shown(estimator)}")


def _base(sample_weight: Any, n: int) -> NDArray[np.float64]:
    """The given sample weights, or ones."""
    if sample_weight is None:
        return np.ones(n)
    try:
        base = np.array(sample_weight, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"sample_weight must be numbers, not {shown(sample_weight)}") from error
    if base.shape != (n,):
        raise ValueError(f"sample_weight has shape {base.shape}, but there are {n} samples")
    unfit = np.flatnonzero(~((base >= 0) & np.isfinite(base)))
    if unfit.size:
        raise ValueError(f"sample_weight[{unfit[0]}] is {base[unfit[0]]}: it must be finite and not negative")
    if not base.any():
        raise ValueError("sample_weight is zero for every sample")
    if not np.isfinite(base.sum()):
        raise ValueError("sample_weight is too large: its sum is not finite")
    return base


def _weight_name(estimator: Any) -> str:
    """The argument of ``estimator.fit`` that takes the sample weights."""
    # With metadata routing, the steps of a pipeline have said which of them want the weights.
    if isinstance(estimator, Pipeline) and not get_config()["enable_metadata_routing"]:
        step, last = estimator.steps[-1]
        return f"{step}__{_weight_name(last)}"
    parameters = inspect.signature(estimator.fit).parameters.values()
    if not any(p.name == "sample_weight" or p.kind is p.VAR_KEYWORD for p in parameters):
        raise ValueError(f"estimator must take sample weights, but {type(estimator).__name__}.fit has no sample_weight")
    return "sample_weight"


def _log_loss(estimator: Any, X: Any, y: NDArray[Any]) -> Any:
    if not hasattr(estimator, "predict_proba"):
        raise ValueError(
            f"loss='log_loss' needs predict_proba, which {type(estimator).__name__} lacks: pass the loss that it minimises, "
            "a function loss(estimator, X, y)"
        )
    probabilities = estimator.predict_proba(X)
    own = probabilities[np.arange(len(y)), np.searchsorted(estimator.classes_, y)]
    return -np.log(np.clip(own, np.finfo(probabilities.dtype).eps, 1.0))


def _residuals(estimator: Any, X: Any, y: NDArray[Any]) -> Any:
    return y - np.reshape(estimator.predict(X), y.shape)


def _squared_error(estimator: Any, X: Any, y: NDArray[Any]) -> Any:
    return np.mean(np.reshape(_residuals(estimator, X, y) ** 2, (len(y), -1)), axis=1)


def _absolute_error(estimator: Any, X: Any, y: NDArray[Any]) -> Any:
    return np.mean(np.reshape(np.abs(_residuals(estimator, X, y)), (len(y), -1)), axis=1)


HRClassifier._losses_by_name = {"log_loss": _log_loss}
HRRegressor._losses_by_name = {"squared_error": _squared_error, "absolute_error": _absolute_error}
