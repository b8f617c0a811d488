"""torch.distributed with gloo, over loopback: processes that train together as one would alone. No process may hang."""

from __future__ import annotations

import contextlib
import datetime
import multiprocessing
import os
import queue
import socket
import traceback

import numpy as np
import pytest

torch = pytest.importorskip("torch")
dist = pytest.importorskip("torch.distributed")
if not dist.is_available():
    pytest.skip("this PyTorch was built without torch.distributed", allow_module_level=True)

import distributed_page  # noqa: E402
from torch.nn.parallel import DistributedDataParallel  # noqa: E402

import hr_weights as hrw  # noqa: E402
from hr_weights.torch import HRLoss, robust_loss, weights  # noqa: E402

TIMEOUT = 300


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def member(work, rank, ranks, port, results, timeout):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    try:
        dist.init_process_group("gloo", rank=rank, world_size=ranks, timeout=datetime.timedelta(seconds=timeout))
        results.put((rank, work(rank, ranks)))
        dist.barrier()
        dist.destroy_process_group()
    except BaseException:
        results.put((rank, traceback.format_exc()))


def together(work, ranks, timeout=TIMEOUT, expected=None):
    """What the processes return, by rank; a traceback, as a string, of one that raises. `expected`: how many report."""
    context = multiprocessing.get_context("spawn")
    results, port = context.Queue(), free_port()
    arguments = [(work, rank, ranks, port, results, timeout) for rank in range(ranks)]
    processes = [context.Process(target=member, args=own, daemon=True) for own in arguments]
    for process in processes:
        process.start()
    try:
        found = {}
        for _ in range(ranks if expected is None else expected):
            rank, result = results.get(timeout=TIMEOUT)
            found[rank] = result
        for process in processes:
            process.join(TIMEOUT)
            assert not process.is_alive()
        return found
    except queue.Empty:
        raise AssertionError(f"a process hangs; so far: {found}") from None
    finally:
        for process in processes:
            process.kill()


def spread(array, rank):
    """Uneven parts for three; the second is empty."""
    return torch.from_numpy(np.split(array, [20, 20])[rank].copy())


LOSSES = np.random.default_rng(8).exponential(size=101)
OPTIONS = {"alpha": 0.1, "r": 0.3}


def answers(rank, ranks):
    answer = {}
    for ordering in ("HD", "HR"):
        losses = spread(LOSSES, rank).requires_grad_()
        loss = robust_loss(losses, ordering=ordering, group="world", gradients="sum", **OPTIONS)
        loss.backward()
        answer[ordering] = loss.item(), losses.grad.numpy()
        same = weights(losses.detach(), ordering=ordering, group=dist.group.WORLD, **OPTIONS)
        assert torch.equal(same, losses.grad)
        # As a trainer needs it that divides by the number of processes.
        averaged = spread(LOSSES, rank).requires_grad_()
        robust_loss(averaged, ordering=ordering, group="world", **OPTIONS).backward()
        assert torch.allclose(averaged.grad, ranks * losses.grad, rtol=1e-15)
    half = spread(LOSSES, rank).to(torch.float16).requires_grad_()
    loss = robust_loss(half, group="world", **OPTIONS)
    loss.backward()
    assert loss.dtype == torch.float32 and half.grad.dtype == torch.float16
    answer["exchanges"] = exchanges(rank, ranks)
    answer["mesh"] = meshes(rank, ranks) if hasattr(dist, "device_mesh") else {}
    return answer


@contextlib.contextmanager
def recorded():
    """The collective calls that are made, and the bytes that this process sends in each."""
    plain, calls = {name: getattr(dist, name) for name in ("all_gather", "all_reduce")}, []

    def all_gather(results, message, **options):
        calls.append(("all_gather", message.numel() * message.element_size()))
        plain["all_gather"](results, message, **options)

    def all_reduce(message, **options):
        calls.append(("all_reduce", message.numel() * message.element_size()))
        plain["all_reduce"](message, **options)

    dist.all_gather, dist.all_reduce = all_gather, all_reduce
    try:
        yield calls
    finally:
        dist.all_gather, dist.all_reduce = plain["all_gather"], plain["all_reduce"]


# How many losses the processes have, call by call, and whether they have base weights.
CALLS = [
    ([20, 0, 20], [False, False, False]),
    ([20, 0, 15], [False, True, True]),
    ([300, 1, 2], [False, False, False]),
    ([300, 300, 300], [True, True, True]),
    ([5000, 1, 300], [True, False, False]),
    ([3, 0, 1], [False, False, False]),
    ([0, 0, 4096], [False, False, False]),
]


def call(step):
    counts, with_base = CALLS[step]
    random = np.random.default_rng(step)
    losses = np.split(random.exponential(size=sum(counts)), np.cumsum(counts)[:-1])
    base = [random.integers(0, 3, count).astype(float) if has else None for count, has in zip(counts, with_base)]
    return losses, base


def exchanges(rank, ranks):
    group = dist.new_group(list(range(ranks)))
    found = []
    for step in range(len(CALLS)):
        losses, base = (parts[rank] for parts in call(step))
        with recorded() as calls:
            own = torch.from_numpy(losses).requires_grad_()
            own_base = None if base is None else torch.from_numpy(base)
            loss = robust_loss(own, base=own_base, worst_loss=30.0, group=group, gradients="sum", **OPTIONS)
            loss.backward()
        found.append((calls, loss.item(), own.grad.numpy()))
    return found


def meshes(rank, ranks):
    mesh = dist.device_mesh.init_device_mesh("cpu", (1, ranks), mesh_dim_names=("tp", "dp"))
    losses = spread(LOSSES, rank)
    values = [robust_loss(losses, group=group, **OPTIONS).item() for group in (mesh["dp"], (mesh, "dp"), (mesh, 1))]
    refused = [message(torch.ones(3), group=group) for group in (mesh, (mesh, "pp"), "workers")]
    return {"values": values, "refused": refused, "alone": robust_loss(torch.arange(3.0), group=mesh["tp"]).item()}


@pytest.fixture(scope="module")
def three():
    found = together(answers, 3)
    assert not any(isinstance(answer, str) for answer in found.values()), found
    return found


def test_the_answers_are_those_of_one_process(three):
    for ordering in ("HD", "HR"):
        whole = hrw.solve(LOSSES, ordering=ordering, **OPTIONS)
        for rank in range(3):
            assert three[rank][ordering][0] == pytest.approx(whole.robust_loss, rel=1e-13)
        gradient = np.concatenate([three[rank][ordering][1] for rank in range(3)])
        np.testing.assert_allclose(gradient, whole.weights, rtol=0, atol=1e-13)


def test_few_losses_are_gathered_once_and_many_take_rounds(three):
    for step in range(len(CALLS)):
        losses, base = call(step)
        whole_base = None
        if any(part is not None for part in base):
            whole_base = np.concatenate([np.ones(len(x)) if part is None else part for x, part in zip(losses, base)])
        whole = hrw.solve(np.concatenate(losses), base=whole_base, worst_loss=30.0, **OPTIONS)
        calls = [three[rank]["exchanges"][step][0] for rank in range(3)]
        assert calls[0] == calls[1] == calls[2]
        for rank in range(3):
            assert three[rank]["exchanges"][step][1] == pytest.approx(whole.robust_loss, rel=1e-13)
        gradient = np.concatenate([three[rank]["exchanges"][step][2] for rank in range(3)])
        np.testing.assert_allclose(gradient, whole.weights, rtol=0, atol=1e-13)
    kinds = [[name for name, _ in calls] for calls, _, _ in three[0]["exchanges"]]
    assert kinds[0] == kinds[1] == kinds[5] == ["all_gather"]
    # What needs more room than the call before.
    assert kinds[2] == kinds[3] == kinds[6] == ["all_gather"] * 2
    # 42 KiB.
    assert kinds[4][0] == "all_gather" and set(kinds[4][1:]) == {"all_reduce"} and len(kinds[4]) <= 65
    sent = [[count for _, count in calls] for calls, _, _ in three[0]["exchanges"]]
    # 20 losses of 8 bytes: in the first message of all there is more room.
    assert sent[1][0] <= 0.5 * sent[0][0] <= 700
    assert sent[3][1] <= 300 * 8 * 2 + 100 and sent[5][0] <= 400


def test_a_dimension_of_a_mesh_is_a_group(three):
    if not three[0]["mesh"]:
        pytest.skip("DeviceMesh came with PyTorch 2.2")
    whole = hrw.solve(LOSSES, **OPTIONS)
    for rank in range(3):
        assert three[rank]["mesh"]["values"] == pytest.approx(3 * [whole.robust_loss], rel=1e-13)
        assert three[rank]["mesh"]["alone"] == 1.0
        two, missing, text = three[rank]["mesh"]["refused"]
        assert "DeviceMesh of 2 dimensions" in two and "no dimension of the DeviceMesh" in missing and "'world'" in text


STEPS = 8


def network():
    torch.manual_seed(5)
    return torch.nn.Sequential(torch.nn.Linear(6, 16), torch.nn.Tanh(), torch.nn.Linear(16, 3)).double()


def batches():
    random = np.random.default_rng(6)
    for _ in range(STEPS):
        yield random.normal(size=(101, 6)), random.integers(0, 3, 101)


def train(model, batches, criterion):
    """The losses and the parameters, step by step."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
    history = []
    for inputs, labels in batches:
        optimizer.zero_grad()
        loss = criterion(model, inputs, labels)
        loss.backward()
        optimizer.step()
        flat = torch.cat([parameter.detach().reshape(-1) for parameter in model.parameters()])
        history.append((loss.item(), flat.numpy().copy()))
    return history


def per_sample(model, inputs, labels):
    return torch.nn.functional.cross_entropy(model(inputs), labels, reduction="none")


def train_part(rank, ranks):
    own = [tuple(torch.from_numpy(np.split(array, [30])[rank]) for array in batch) for batch in batches()]

    def criterion(model, inputs, labels):
        return robust_loss(per_sample(model, inputs, labels), group="world", **OPTIONS)

    first = train(DistributedDataParallel(network()), own, criterion)

    def as_criterion(model, inputs, labels):
        return HRLoss(model, torch.nn.CrossEntropyLoss(reduction="none"), group="world", **OPTIONS)(inputs, labels)

    second = train(DistributedDataParallel(network()), own, as_criterion)
    return first, second


@pytest.fixture(scope="module")
def pair():
    """What two processes come to: by rank, their trainings, and what they are told of mistakes."""
    found = together(train_and_err, 2)
    assert not any(isinstance(answer, str) for answer in found.values()), found
    return found


def train_and_err(rank, ranks):
    return train_part(rank, ranks), mistakes(rank, ranks)


def test_training_together_is_training_alone_step_by_step(pair):
    alone = train(
        network(),
        [tuple(torch.from_numpy(array) for array in batch) for batch in batches()],
        lambda model, inputs, labels: robust_loss(per_sample(model, inputs, labels), **OPTIONS),
    )
    for histories, _ in pair.values():
        for history in histories:
            for (loss, parameters), (own_loss, own_parameters) in zip(alone, history):
                assert own_loss == pytest.approx(loss, rel=1e-11)
                np.testing.assert_allclose(own_parameters, parameters, rtol=0, atol=1e-10)
    # It went somewhere.
    assert alone[-1][0] != pytest.approx(alone[0][0], rel=1e-2)


def message(losses, **options):
    try:
        robust_loss(losses, **{"group": "world", **OPTIONS, **options})
    except ValueError as error:
        return str(error)
    return "nothing was raised"


def mistakes(rank, ranks):
    first = rank == 0
    return [
        message(torch.tensor([1.0, float("nan") if first else 2.0])),
        message(torch.ones(3), alpha=0.2 if first else 0.1),
        message(torch.ones(3, 1) if first else torch.ones(3)),
        message(torch.ones(3), backend="tensor" if first else "exact"),
        message(torch.ones(3, dtype=torch.float64 if first else torch.float32)),
        message(torch.ones(0)),
        message(torch.ones(2), base=torch.tensor([1.0, -1.0 if first else 1.0])),
        message(torch.ones(2), base=torch.zeros(2)),
        message(torch.tensor([9.0 if first else 1.0]), worst_loss=5.0),
        # By rounds.
        message(torch.full((9000,), float("nan") if first else 2.0)),
        # They can still talk to each other.
        robust_loss(torch.ones(3), group="world").item(),
    ]


def test_everybody_learns_of_a_mistake(pair):
    first, second = pair[0][1], pair[1][1]
    assert "losses[1] is nan" in first[0] and "at another participant" in second[0]
    assert "disagree about alpha" in first[1] and "disagree about alpha" in second[1]
    assert "shape (3, 1)" in first[2] and "another participant" in second[2]
    assert "backend" in first[3] and "another participant" in second[3]
    assert "widths" in first[4] and "widths" in second[4]
    assert "no sample" in first[5] and "no sample" in second[5]
    assert "base[1] is -1.0" in first[6] and "at another participant" in second[6]
    assert "zero" in first[7] and "zero" in second[7]
    assert "below a loss" in first[8] and "below a loss" in second[8]
    assert "losses[0] is nan" in first[9] and "at another participant" in second[9]
    assert first[10] == second[10] == 1.0


def deserted(rank, ranks):
    if rank == 1:
        os._exit(3)
    try:
        robust_loss(torch.ones(3), group="world", **OPTIONS)
    except RuntimeError as error:
        # What gloo says; nothing of ours is in between. Leave without a barrier.
        results = f"ended: {type(error).__name__}"
    else:
        results = "nothing was raised"
    dist.barrier = lambda: None
    return results


def test_the_others_end_when_a_process_dies():
    found = together(deserted, 2, timeout=5, expected=1)
    assert list(found) == [0] and found[0].startswith("ended: "), found


def test_the_page(monkeypatch):
    environment = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "RANK": "0", "WORLD_SIZE": "1"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    try:
        names = distributed_page.run("torch")
    finally:
        dist.destroy_process_group()
    assert next(names["model"].parameters()).grad.abs().sum() > 0


def test_arguments():
    with pytest.raises(ValueError, match="init_process_group"):
        robust_loss(torch.ones(3), group="world")
    with pytest.raises(ValueError, match="gradients"):
        robust_loss(torch.ones(3), gradients="both")
