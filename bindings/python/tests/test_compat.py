"""The authors' class without PyTorch: their weights mode, on arrays, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

import hr_weights as hrw
from hr_weights.compat import HR_Neural_Networks

LOSSES = np.random.default_rng(5).exponential(size=40).astype(np.float32)


def criterion(**options):
    arguments = dict(NN_model=None, train_batch_size=128, loss_fn=None, normalisation_used=None)
    arguments.update(α_choice=0.05, r_choice=0.1, ϵ_choice=0.0, output_return="weights")
    arguments.update(options)
    return HR_Neural_Networks(**arguments)


@pytest.mark.parametrize("approach", ["HD", "HR"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weights_have_one_more_entry_for_the_worst_loss(approach, dtype):
    losses = LOSSES.astype(dtype)
    result = criterion(learning_approach=approach).HR_criterion(inf_loss=losses)
    expected = hrw.solve(losses, 0.05, 0.1, ordering=approach)
    assert result.shape == (41,) and result.dtype == dtype
    assert result.sum() == pytest.approx(1, abs=1e-6)
    assert result[-1] > 0
    assert result[:-1] @ losses + result[-1] * losses.max() == pytest.approx(expected.robust_loss, rel=1e-6)
    folded = result[:-1].copy()
    folded[losses.argmax()] += result[-1]
    np.testing.assert_allclose(folded, expected.weights, atol=1e-7)


def test_a_list_and_any_batch_size():
    weigh = criterion()
    for size in (1, 2, 17, 40):
        assert weigh.HR_criterion(inf_loss=LOSSES[:size].tolist()).shape == (size + 1,)


def test_no_budget_is_the_average():
    result = criterion(α_choice=0, r_choice=0).HR_criterion(inf_loss=LOSSES)
    np.testing.assert_allclose(result, np.append(np.full(40, 1 / 40), 0), atol=1e-9)


def test_a_zero_stays_a_zero():
    result = criterion(α_choice=0.05, r_choice=0).HR_criterion(inf_loss=LOSSES)
    trimmed = hrw.solve(LOSSES, 0.05, 0.0)
    assert (result == 0).sum() == trimmed.trimmed
    assert result[-1] == pytest.approx(0.05, abs=1e-7)


def test_a_model_of_no_framework():
    weigh = criterion(NN_model=lambda x: 2 * x, loss_fn=lambda outputs, targets: (outputs - targets) ** 2)
    inputs, targets = np.arange(5.0), np.ones(5)
    np.testing.assert_array_equal(
        weigh.HR_criterion(inputs=inputs, targets=targets),
        criterion().HR_criterion(inf_loss=(2 * inputs - targets) ** 2),
    )


@pytest.mark.parametrize(
    "options, message",
    [
        ({"learning_approach": "DRO"}, "learning_approach must be one of ('HD', 'HR')"),
        ({"noise_set": "l2"}, "noise_set must be one of ('l-2', 'l-inf')"),
        ({"defense_method": "FGSM"}, "defense_method must be one of"),
        ({"output_return": "loss"}, "output_return must be one of"),
        ({"defense_method": "FFGSM"}, 'defense_method "FFGSM" needs noise_set "l-inf"'),
        ({"α_choice": 2}, "alpha must be a number in [0, 1]"),
        ({"r_choice": -1}, "r must be a number of at least 0"),
        # Python reads the name as another epsilon, as a keyword too, but not in a string.
        (dict(ϵ_choice=-1), "must be at least 0, not -1"),
    ],
)
def test_what_it_refuses_at_once(options, message):
    with pytest.raises(ValueError) as caught:
        criterion(**options)
    assert message in str(caught.value)


def test_what_it_refuses_later():
    weigh = criterion()
    for arguments, message in [
        ({}, "pass inputs and targets, or the losses"),
        ({"inputs": LOSSES, "targets": LOSSES}, "there is no NN_model"),
        ({"inf_loss": 1.0}, "leave out the mean over the batch"),
        ({"inf_loss": [1.0, np.nan]}, "losses[1] is nan"),
        ({"inf_loss": [1.0, np.inf]}, "losses[1] is inf"),
        ({"inf_loss": []}, "losses is empty"),
        ({"inf_loss": ["a"]}, "inf_loss must be real numbers"),
    ]:
        with pytest.raises(ValueError) as caught:
            weigh.HR_criterion(**arguments)
        assert message in str(caught.value)


def test_importing_it_imports_no_framework():
    import subprocess
    import sys

    code = (
        "import sys, hr_weights.compat, hr_weights.plot\n"
        "print({'torch', 'jax', 'tensorflow', 'matplotlib'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


def test_the_star_import_gives_the_class_alone():
    names: dict = {}
    exec("from hr_weights.compat import *", names)
    assert set(names) - {"__builtins__"} == {"HR_Neural_Networks"}
