"""scikit-learn: any estimator that takes sample weights.

pip install "./bindings/python[sklearn]"
python bindings/python/examples/tools/with_sklearn.py
"""

from __future__ import annotations

from typing import Any

from _digits import compare
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hr_weights.sklearn import HRClassifier


def train(images: Any, labels: Any, alpha: float, r: float) -> Any:
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=0.1))
    model = HRClassifier(pipeline, alpha=alpha, r=r, tol=0.03).fit(images, labels)
    print(f"{model.n_iter_} fits, gap {model.gap_:.4f} of the robust loss {model.robust_loss_:.4f}")
    return model.decision_function


if __name__ == "__main__":
    compare("scikit-learn", train)
