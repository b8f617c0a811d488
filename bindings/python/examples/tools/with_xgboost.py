"""XGBoost: the robust loss as an objective of one's own.

pip install ./bindings/python xgboost
python bindings/python/examples/tools/with_xgboost.py
"""

from __future__ import annotations

from typing import Any

import xgboost
from _digits import CLASSES, compare
from _trees import derivatives


def train(images: Any, labels: Any, alpha: float, r: float) -> Any:
    def objective(scores: Any, data: Any) -> Any:
        return derivatives(scores.reshape(-1, CLASSES), data.get_label(), alpha, r)

    parameters = {"num_class": CLASSES, "max_depth": 3, "learning_rate": 0.1, "disable_default_eval_metric": 1}
    booster = xgboost.train(parameters, xgboost.DMatrix(images, labels), num_boost_round=50, obj=objective)
    return lambda images: booster.predict(xgboost.DMatrix(images), output_margin=True)


if __name__ == "__main__":
    compare("XGBoost", train)
