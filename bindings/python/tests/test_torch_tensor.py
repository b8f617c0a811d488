"""The back end "tensor" of PyTorch: how many operations it is made of. What it computes is in
test_torch.py.
"""

from __future__ import annotations

from collections import Counter

import pytest

torch = pytest.importorskip("torch")

from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

from hr_weights import _torch_tensor  # noqa: E402


class Counting(TorchDispatchMode):
    """Counts the operations of ATen that are dispatched, views among them. On a GPU each but the
    views is a launch or more.
    """

    def __init__(self):
        super().__init__()
        self.operations = Counter()

    def __torch_dispatch__(self, operation, types, arguments=(), options=None):
        self.operations[str(operation)] += 1
        return operation(*arguments, **(options or {}))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("worst_loss", [None, 2.0])
@pytest.mark.parametrize("with_base", [False, True])
@pytest.mark.parametrize("ordering, most", [("HD", 150), ("HR", 300)])
def test_there_are_few_operations(ordering, most, with_base, worst_loss, dtype):
    losses, base = torch.rand(1000, dtype=dtype), torch.rand(1000, dtype=dtype) if with_base else None
    with Counting() as counting:
        _torch_tensor.solve_on_device(losses, base, 0.05, 0.1, worst_loss, ordering)
    # Older releases take some functions apart into two operations.
    allowed = most if int(torch.__version__.split(".")[0]) >= 2 else 1.15 * most
    assert sum(counting.operations.values()) <= allowed, counting.operations
