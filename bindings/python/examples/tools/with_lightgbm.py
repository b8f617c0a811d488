"""LightGBM: the robust loss as an objective of one's own.

pip install ./bindings/python lightgbm
python bindings/python/examples/tools/with_lightgbm.py
"""

from __future__ import annotations

from typing import Any

from _digits import compare
from _trees import derivatives
from lightgbm import LGBMClassifier


def train(images: Any, labels: Any, alpha: float, r: float) -> Any:
    def objective(labels: Any, scores: Any) -> Any:
        return derivatives(scores, labels, alpha, r)

    model = LGBMClassifier(objective=objective, n_estimators=50, max_depth=3, learning_rate=0.1, verbose=-1)
    model.fit(images, labels)
    return lambda images: model.predict(images, raw_score=True)


if __name__ == "__main__":
    compare("LightGBM", train)
