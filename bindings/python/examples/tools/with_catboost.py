"""CatBoost: one tree at a time, each with the weights of the present losses.

An objective of one's own in Python is no way here: CatBoost calls it with blocks of the samples, in several threads, and
the weights of a block are not those of the whole.

pip install ./bindings/python catboost
python bindings/python/examples/tools/with_catboost.py
"""

from __future__ import annotations

from typing import Any

import catboost
import numpy as np
from _digits import CLASSES, compare, cross_entropy

import hr_weights as hrw


def train(images: Any, labels: Any, alpha: float, r: float) -> Any:
    scores = np.zeros((len(images), CLASSES))
    models = []
    for _ in range(100):
        weights = len(labels) * hrw.weights(cross_entropy(scores, labels), alpha, r)
        model = catboost.CatBoostClassifier(
            loss_function="MultiClass",
            classes_count=CLASSES,
            iterations=1,
            depth=3,
            learning_rate=0.1,
            # The noise that CatBoost adds to scores shrinks from tree to tree of one model; here each is the first.
            random_strength=0.0,
            bootstrap_type="No",
            allow_writing_files=False,
            verbose=False,
        )
        # The trees so far are the baseline, to which the new ones are fitted.
        model.fit(catboost.Pool(images, labels, weight=weights, baseline=scores))
        scores = scores + model.predict(images, prediction_type="RawFormulaVal")
        models.append(model)
    ensemble = catboost.sum_models(models)
    return lambda images: ensemble.predict(images, prediction_type="RawFormulaVal")


if __name__ == "__main__":
    compare("CatBoost", train)
