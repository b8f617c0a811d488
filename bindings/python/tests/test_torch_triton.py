"""The kernel of Triton: what it computes, by its interpreter, and that it compiles for GPUs.
Neither needs one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")
triton = pytest.importorskip("triton")

from hr_weights import _torch_tensor, _torch_triton  # noqa: E402


def test_the_kernel_is_interpreted_on_the_cpu():
    file = Path(__file__).parent / "triton_interpreted.py"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error:::hr_weights", str(file)]
    environment = dict(os.environ, TRITON_INTERPRET="1")
    result = subprocess.run(command, capture_output=True, text=True, timeout=1200, env=environment)
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]


@pytest.mark.parametrize("hr, extras, kind, block", [(False, False, "fp64", 128), (True, True, "fp32", 16384)])
def test_the_kernel_compiles_for_a_gpu(hr, extras, kind, block):
    """To a binary for compute capability 9.0, which takes no GPU."""
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    constants = {"HAS_BASE": extras, "HAS_WORST": extras, "HAS_BUDGETS": extras, "HR": hr, "BLOCK": block}
    signature = {}
    for parameter in _torch_triton._solve.params:
        name = parameter.name
        pointer = "*fp64" if name == "budgets_pointer" and extras else f"*{kind}"
        other = pointer if name.endswith("_pointer") else "constexpr" if name in constants else "i32"
        # Numbers of Python would be rounded to single precision.
        signature[name] = parameter.annotation_type or other
    assert [name for name in signature if signature[name] == "fp64"] == ["alpha", "r", "worst_loss"]
    compiled = triton.compile(
        ASTSource(_torch_triton._solve, signature, constants),
        target=GPUTarget("cuda", 90, 32),
        options={"num_warps": min(32, max(1, block // 256)), "enable_fp_fusion": False},
    )
    assert compiled.asm["cubin"]


def test_it_is_chosen_on_a_gpu_for_as_many_losses_as_it_holds():
    def chosen(n, is_cuda):
        return _torch_tensor.has_kernel(SimpleNamespace(is_cuda=is_cuda, shape=(4, n)))

    assert chosen(_torch_tensor.LARGEST, True)
    assert not chosen(_torch_tensor.LARGEST + 1, True) and not chosen(4, False)
