"""The trainings of docs/when.md: losses and weights by hand, a stack of networks against each of them alone, the schedules,
calibration, and a run that continues. With PyTorch and scikit-learn: `make python-tools`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")
pytest.importorskip("tqdm")
EXPERIMENTS = Path(__file__).parents[1] / "experiments"
if not EXPERIMENTS.exists():
    pytest.skip("the experiments are in the repository, not in the source distribution", allow_module_level=True)
sys.path.insert(0, str(EXPERIMENTS))

import results  # noqa: E402
import stack  # noqa: E402
import when  # noqa: E402
import when_plan  # noqa: E402
from stack import Data, Method, Networks, Samples  # noqa: E402
from torch.nn import functional  # noqa: E402

CANCER = next(one for one in when_plan.GROUPS if one.source == "cancer, class and size")


def samples(seeds=3, count=80, inputs=6, classes=3):
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.random((seeds, count, inputs)), dtype=torch.float32)
    labels = torch.tensor(rng.integers(0, classes, (seeds, count)))
    return Samples(x, labels, labels, labels.numpy())


def of_seeds(some, chosen):
    return Samples(some.x[chosen], some.true[chosen], some.given[chosen], some.groups[chosen])


def trained(method, data, seeds, checkpoints=(60,), whole=False):
    """The parameters at the end, and since when the budgets are on."""
    reports = []
    stack.train(method, data, seeds, 5, 0.01, checkpoints, lambda *report: reports.append(report), whole)
    assert [step for step, *_ in reports] == list(checkpoints)
    return [one.detach() for one in reports[-1][1].parameters], reports[-1][2]


@pytest.mark.parametrize(
    "method",
    [
        Method("HR", alpha=0.05, r=0.1),
        Method("HR, worst, trust", alpha=0.05, r=0.1, worst=True, trust=True),
        Method("HR over groups", r=0.5, weigh="groups"),
        Method("group DRO", weigh="DRO", r=0.05),
        Method("HR, known", r=0.5, when="known", threshold=0.6),
    ],
)
def test_networks_that_are_trained_together_are_those_that_are_trained_alone(method):
    some = samples()
    together, since = trained(method, Data(some, some, some, 3), [0, 1, 2])
    for place, seed in enumerate([0, 1, 2]):
        one = of_seeds(some, [place])
        alone, its = trained(method, Data(one, one, one, 3), [seed])
        np.testing.assert_array_equal(since[place], its[0])
        for ours, theirs in zip(together, alone):
            torch.testing.assert_close(ours[place], theirs[0], rtol=1e-3, atol=1e-4)


def test_losses_by_hand():
    some, rng = samples(), torch.Generator().manual_seed(0)
    networks = Networks([0, 1, 2], 6, 5, 3)
    outputs = networks(some.x).detach()
    plain = functional.cross_entropy(outputs.flatten(0, 1), some.given.flatten(), reduction="none").view(3, 80)

    def losses(loss, strength, epsilon=0.0):
        method = Method("", loss, strength)
        return stack.losses_of(method, networks, some.x, some.given, epsilon).detach()

    torch.testing.assert_close(losses("plain", 0), plain)
    smooth = functional.cross_entropy(
        outputs.flatten(0, 1), some.given.flatten(), reduction="none", label_smoothing=0.2
    ).view(3, 80)
    torch.testing.assert_close(losses("smooth", 0.2), smooth)
    p = outputs.softmax(-1)
    own = p.gather(-1, some.given[..., None])[..., 0]
    torch.testing.assert_close(losses("focal", 2.0), (1 - own) ** 2 * -own.log())
    # Without an attack the divergence of MART is zero, and so is that of TRADES but for its random start.
    other = p.masked_fill(functional.one_hot(some.given, 3).bool(), 0).amax(-1)
    torch.testing.assert_close(losses("MART", 5.0), -own.log() - (1.0001 - other).log())
    torch.testing.assert_close(losses("TRADES", 0.0, 0.1), plain)
    assert (losses("TRADES", 6.0, 0.1) > plain - 1e-6).all()
    moved = stack.attack(networks, some.x, some.given, 0.1)
    assert (moved - some.x).flatten(0, 1).norm(dim=1).max() < 0.1 + 1e-5
    log_p = torch.rand(4, 3, generator=rng).log_softmax(-1)
    expected = functional.kl_div(outputs[0, :4].log_softmax(-1), log_p.exp(), reduction="none").sum(-1)
    torch.testing.assert_close(stack.divergence(outputs[0, :4], log_p), expected)


def test_cvar_is_the_mean_of_the_largest_share():
    losses = np.array([1.0, 4.0, 2.0, 3.0])
    np.testing.assert_allclose(stack.cvar(losses, 0.5), [0, 0.5, 0, 0.5])
    np.testing.assert_allclose(stack.cvar(losses, 1.0), [0.25] * 4)
    # 0.3 of four samples are the largest one and a fifth of the next.
    np.testing.assert_allclose(stack.cvar(losses, 0.3), [0, 1 / 1.2, 0, 0.2 / 1.2], atol=1e-15)


def test_group_weights_make_groups_count_the_same():
    some = samples(seeds=1)
    rows = np.arange(80)[None]
    weights = stack.Weigher(Method("weights", power=1.0), some, 1)(np.ones((1, 80)), rows)[0]
    np.testing.assert_allclose(np.bincount(some.groups[0], weights), [1 / 3] * 3)


def test_schedules_come_on_when_they_say():
    some = samples()
    data = Data(some, some, some, 3)
    for when_, expected in (("always", 1), ("growing", 1), ("late", 91)):
        assert (trained(Method("", r=0.5, when=when_), data, [0, 1, 2], (100,))[1] == expected).all()
    # Nothing reaches an accuracy above 1, and everything one of 0: at the first look.
    never, at_once = (Method("", r=0.5, when="known", threshold=one) for one in (1.1, 0.0))
    assert np.isnan(trained(never, data, [0, 1, 2], (100,))[1]).all()
    assert (trained(at_once, data, [0, 1, 2], (100,))[1] == stack.LOOK).all()
    # Before they come on, it is the plain training.
    plain, late = (trained(one, data, [0, 1, 2], (90,))[0] for one in (Method("plain"), never))
    assert all(torch.equal(*pair) for pair in zip(plain, late))
    # Labels without any meaning: the held-out loss rises while they are learnt by heart.
    fresh = torch.tensor(np.random.default_rng(1).integers(0, 3, some.given.shape))
    other = Samples(some.x.flip(1), fresh, fresh, some.groups)
    since = trained(Method("", r=0.5, when="held out"), replace(data, validation=other), [0, 1, 2], (1500,))[1]
    assert ((since >= (stack.PATIENCE + 1) * stack.LOOK) & (since % stack.LOOK == 0)).all()


def test_calibration_by_hand():
    # Two confidences, 0.9 and 0.6: of ten samples each, 8 and 3 are right.
    confidence = torch.tensor([0.9] * 10 + [0.6] * 10)
    outputs = torch.stack([confidence, 1 - confidence], 1).log()
    labels = torch.tensor([0] * 8 + [1] * 2 + [0] * 3 + [1] * 7)
    loss, ece, brier = when.calibration(outputs, labels)
    assert ece == pytest.approx((0.1 + 0.3) / 2, abs=1e-6)
    assert brier == pytest.approx((8 * 0.02 + 2 * 1.62 + 3 * 0.32 + 7 * 0.72) / 20, abs=1e-6)
    assert loss == pytest.approx(-(8 * np.log(0.9) + 2 * np.log(0.1) + 3 * np.log(0.6) + 7 * np.log(0.4)) / 20, abs=1e-6)


def test_the_temperature_undoes_a_scale():
    generator = torch.Generator().manual_seed(0)
    outputs = 2 * torch.randn(20_000, 4, generator=generator)
    labels = torch.multinomial(outputs.softmax(1), 1, generator=generator)[:, 0]
    assert when.temperature(3 * outputs, labels) == pytest.approx(3, rel=0.06)


@pytest.mark.parametrize("setting", when_plan.GROUPS, ids=lambda one: one.source)
def test_no_sample_is_in_two_parts_and_the_rare_are_rare(setting):
    data = when_plan.data(replace(setting, seeds=2))
    for seed in range(2):
        # A row of digits may be there twice in the set itself, of the other tables none.
        rows = [{bytes(x.numpy()) for x in part.x[seed]} for part in (data.train, data.validation, data.test)]
        assert len(rows[0] & rows[2]) + len(rows[1] & rows[2]) + len(rows[0] & rows[1]) <= 2
        train, test = (np.bincount(part.groups[seed]) for part in (data.train, data.test))
        assert (train > 0).all() and (test > 0).all()
        assert (train / train.sum()).min() < (0.6 * test / test.sum()).min() or setting == CANCER


def test_each_row_is_made_once():
    for quick in (False, True):
        keys = [key for job in when_plan.jobs(quick) for key in when.keys(job)]
        assert len(keys) == len(set(keys))


def test_a_run_continues(tmp_path, monkeypatch):
    chosen = [job for job in when_plan.jobs(quick=True) if job.setting.source == CANCER.source][:3]
    monkeypatch.setattr(when, "jobs", lambda quick: chosen)
    path = tmp_path / "when.csv"
    when.main([str(path), "--quick", "--workers", "1"])
    before = results.read(path, when.Row)
    assert {row.key for row in before} == {key for job in chosen for key in when.keys(job)}
    # Ended in the middle of a job, and with a row of another plan: the others stay as they are.
    text = path.read_text().splitlines(keepends=True)
    path.write_text("".join(text[:-1]) + text[-1].replace("groups", "other"))
    when.main([str(path), "--quick", "--workers", "1"])
    after = results.read(path, when.Row)
    assert [row.key for row in after] == [row.key for row in before]
    again = {row.key[:4] for row in before[-1:]}
    kept = [[row for row in rows if row.key[:4] not in again] for rows in (before, after)]
    # NaN is not equal to itself.
    assert repr(kept[0]) == repr(kept[1])
