"""The recipes for other tools: each trains to a lower robust loss than the plain mean does, and does what its page says."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[1] / "examples" / "tools"
DATA = Path(__file__).parents[2] / "data" / "digits.csv"
# The recipe, and what it needs to be installed. What is missing is skipped, so that a part of the tools can be tested.
RECIPES = {
    "with_accelerate": "accelerate",
    "with_catboost": "catboost",
    "with_flax": "flax",
    "with_ignite": "ignite",
    "with_keras": "keras",
    "with_lightgbm": "lightgbm",
    "with_lightning": "lightning",
    "with_scipy": "scipy",
    "with_sklearn": "sklearn",
    "with_skorch": "skorch",
    "with_transformers": "transformers",
    "with_xgboost": "xgboost",
}


@pytest.fixture(autouse=True)
def numpy_raises(monkeypatch, tmp_path):
    """NumPy is left as it is, since these tools underflow on the way; what they write goes elsewhere."""
    monkeypatch.syspath_prepend(str(TOOLS))
    monkeypatch.chdir(tmp_path)


def require(package):
    pytest.importorskip(package)
    if not DATA.exists():
        pytest.skip("the digits are in the repository, not in the source distribution")


def recipe(name, needs=None):
    require(needs or RECIPES[name])
    return importlib.import_module(name)


def test_every_recipe_is_tested():
    assert {path.stem for path in TOOLS.glob("with_*.py")} == {*RECIPES, "with_ddp", "with_tokens"}


@pytest.mark.parametrize("name", RECIPES)
def test_the_robust_loss_is_lower_than_with_the_plain_mean(name):
    module = recipe(name)
    from _digits import compare

    robust = compare(name, module.train)
    assert robust["HR"] < robust["plain"]


def test_the_derivatives_for_trees_are_those_of_the_robust_loss():
    """Against differences of the robust loss itself."""
    require("numpy")
    import numpy as np
    from _digits import ALPHA, R, cross_entropy
    from _trees import derivatives

    import hr_weights as hrw

    rng = np.random.default_rng(0)
    scores, labels, step = rng.normal(size=(30, 4)), rng.integers(0, 4, 30), 1e-6
    slopes, _ = derivatives(scores, labels, ALPHA, R)
    for i, j in np.ndindex(*scores.shape):
        ends = []
        for sign in (-1, 1):
            moved = scores.copy()
            moved[i, j] += sign * step
            ends.append(hrw.solve(cross_entropy(moved, labels), ALPHA, R).robust_loss)
        assert slopes[i, j] == pytest.approx(30 * (ends[1] - ends[0]) / (2 * step), abs=1e-5)


def test_tokens():
    right, wrong = recipe("with_tokens", "torch").main()
    # Ignored tokens have the loss 0: counted, they are what alpha takes away, and lower the mean.
    assert wrong < right


# ---- many processes -------------------------------------------------------------------------------------------------


def printed(name, processes):
    """The robust losses that a recipe prints, of the plain and of the HR training, in each of its processes."""
    launch = ["-m", "torch.distributed.run", "--nproc_per_node", str(processes), "--master_addr", "127.0.0.1"]
    command = [sys.executable, *launch, "--rdzv_backend", "c10d", "--rdzv_endpoint", "127.0.0.1:0", f"{TOOLS / name}.py"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert result.returncode == 0, result.stderr
    found = {
        kind: [float(number) for number in re.findall(rf"{kind} +robust loss ([\d.]+)", result.stdout)]
        for kind in ("plain", "HR")
    }
    assert len(found["plain"]) == len(found["HR"]) == processes
    return found


@pytest.mark.parametrize("name, needs", [("with_ddp", "torch"), ("with_accelerate", "accelerate")])
def test_processes_train_as_one(name, needs):
    require(needs)
    one, two = printed(name, 1), printed(name, 2)
    for kind in ("plain", "HR"):
        assert two[kind] == pytest.approx(2 * one[kind], abs=0.01)
    assert one["HR"] < one["plain"]


# ---- accumulated gradients ------------------------------------------------------------------------------------------


def mean_of_the_parts(model, parts, alpha, r):
    """The gradient of the mean of the robust losses of the micro-batches; `parts` are outputs and labels."""
    import torch

    from hr_weights.torch import robust_loss

    losses = [torch.nn.functional.cross_entropy(outputs, labels, reduction="none") for outputs, labels in parts]
    total = sum(robust_loss(part, alpha, r) for part in losses) / len(parts)
    return torch.autograd.grad(total, list(model.parameters()))


def test_lightning_takes_the_mean_of_accumulated_gradients():
    import copy

    module = recipe("with_lightning")
    import lightning
    import torch
    from _digits import ALPHA, R, digits
    from _network import dataset

    images, labels, _, _ = digits()
    loader = torch.utils.data.DataLoader(dataset(images[:64], labels[:64]), 32)
    found = []

    class Watched(module.Classifier):
        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.0)

        def on_before_optimizer_step(self, optimizer):
            found.append([p.grad.clone() for p in self.network.parameters()])

    torch.manual_seed(0)
    model = Watched(ALPHA, R)
    start = copy.deepcopy(model.network)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = lightning.Trainer(max_epochs=1, accumulate_grad_batches=2, accelerator="cpu", **quiet)
    trainer.fit(model, loader)
    parts = [(start(torch.from_numpy(images[i : i + 32])), torch.from_numpy(labels[i : i + 32])) for i in (0, 32)]
    want = mean_of_the_parts(start, parts, ALPHA, R)
    assert len(found) == 1
    for got, right in zip(found[0], want):
        torch.testing.assert_close(got, right, rtol=1e-4, atol=1e-6)


def test_the_trainer_takes_the_mean_of_accumulated_gradients():
    import copy

    module = recipe("with_transformers")
    import torch
    from _digits import ALPHA, R, digits
    from transformers import TrainingArguments

    images, labels, _, _ = digits()
    items = module.items(images[:64], labels[:64])
    model = module.model_of(seed=0)
    start = copy.deepcopy(model)

    class Watched(module.HRTrainer):
        def _get_train_sampler(self, *_):
            return torch.utils.data.SequentialSampler(self.train_dataset)

    arguments = TrainingArguments(
        output_dir=".",
        max_steps=1,
        per_device_train_batch_size=32,
        gradient_accumulation_steps=2,
        learning_rate=1.0,
        lr_scheduler_type="constant",
        optim="sgd",
        max_grad_norm=0.0,
        use_cpu=True,
        save_strategy="no",
        logging_strategy="no",
        report_to=[],
        disable_tqdm=True,
    )
    Watched(model, arguments, train_dataset=items, alpha=ALPHA, r=R).train()
    pixels = torch.from_numpy(images[:64]).reshape(-1, 1, 8, 8)
    parts = [(start(pixels[i : i + 32]).logits, torch.from_numpy(labels[i : i + 32])) for i in (0, 32)]
    want = mean_of_the_parts(start, parts, ALPHA, R)
    # One step of gradient descent of length one is the gradient.
    for before, after, right in zip(start.parameters(), model.parameters(), want):
        torch.testing.assert_close(before - after, right, rtol=1e-3, atol=1e-5)


# ---- scikit-learn's searches ----------------------------------------------------------------------------------------


def test_skorch_searches_over_the_budgets():
    module = recipe("with_skorch")
    from _digits import digits
    from sklearn.model_selection import GridSearchCV

    images, labels, _, _ = digits()
    net = module.net_of(0.0, 0.0).set_params(max_epochs=2)
    search = GridSearchCV(net, {"criterion__r": [0.05, 0.2]}, cv=2, error_score="raise").fit(images[:200], labels[:200])
    assert search.best_estimator_.criterion_.r == search.best_params_["criterion__r"]
    assert abs(search.predict_proba(images).sum(axis=1) - 1).max() < 1e-5
