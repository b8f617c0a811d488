"""The operators of PyTorch that solve: what torch.compile, torch.func and autograd are told of them.

Where nothing traces, no operator is needed, and calling one costs several times what a small problem does: see
:func:`is_traced`.
"""

from __future__ import annotations

from typing import Any, Callable, Optional

import torch
from torch import Tensor

from ._torch_arguments import Budget
from ._torch_exact import solve_on_host
from ._torch_tensor import solve_on_device
from ._types import Ordering

Solve = Callable[[Tensor, Optional[Tensor], list[float], Optional[Tensor], bool], tuple[Tensor, Tensor]]

# Subclasses of Tensor may stand for anything, such as values that are not there (FakeTensor) or are elsewhere (DTensor).
_PLAIN = (Tensor, float, type(None), torch.nn.Parameter)
_never: Callable[[], Any] = lambda: None  # noqa: E731


def _look_up() -> tuple[bool, Callable[[], Any], Callable[[], Any], Callable[[], Any]]:
    """Whether there are operators, and what tells if torch.compile, torch.func or a mode traces; 0 and None are no."""
    if not hasattr(torch.library, "custom_op"):  # PyTorch 2.4
        return False, _never, _never, _never
    always: Callable[[], Any] = lambda: True  # noqa: E731
    # Private names; without one of them, a call of an operator is right, if slow.
    transforms = getattr(torch._C, "_are_functorch_transforms_active", always)
    modes = getattr(torch._C, "_len_torch_dispatch_stack", always)
    return True, torch.compiler.is_compiling, transforms, modes


_HAS_OPERATORS, _is_compiling, _transforms, _modes = _look_up()
_jit_state = torch._C._get_tracing_state


def is_traced(*tensors: Any) -> bool:
    """Whether someone follows the operations on these tensors, and is to find one operator among them.

    That is torch.compile and torch.export, a transformation of torch.func, torch.jit.trace, a TorchDispatchMode, or a
    subclass of Tensor.
    """
    if not _HAS_OPERATORS:
        return False
    if _is_compiling() or _transforms() or _modes() or _jit_state() is not None:
        return True
    for tensor in tensors:
        if type(tensor) not in _PLAIN and isinstance(tensor, Tensor):
            return True
    return False


def solve(
    losses: Tensor,
    base: Optional[Tensor],
    alpha: Budget,
    r: Budget,
    worst_loss: Optional[Budget],
    ordering: Ordering,
    backend: str,
    traced: bool,
) -> tuple[Tensor, Tensor]:
    """The robust loss ``()`` and the weights ``(n,)`` of losses ``(n,)`` of float32 or float64, both constants.

    By an operator if they are traced, else at once. Budgets: numbers, or tensors without dimensions.
    """
    losses = losses.detach()
    given = [x.detach() if isinstance(x, Tensor) else float(x) for x in (alpha, r, worst_loss) if x is not None]
    if not traced:
        function = solve_on_device if backend == "tensor" else solve_on_host
        return function(losses, base, given[0], given[1], given[2] if len(given) > 2 else None, ordering)
    operator = tensor if backend == "tensor" else exact
    if not any(isinstance(value, Tensor) for value in given):
        return operator(losses, base, given, None, ordering == "HR")
    # Apple's GPUs have no double precision.
    place: dict[str, Any] = {"device": losses.device if backend == "tensor" else torch.device("cpu")}
    place["dtype"] = torch.float32 if place["device"].type == "mps" else torch.float64
    budgets = [value.to(**place) if isinstance(value, Tensor) else torch.full((), value, **place) for value in given]
    return operator(losses, base, [], torch.stack(budgets), ordering == "HR")


def _of_rows(
    function: Any, losses: Tensor, base: Optional[Tensor], numbers: list[float], budgets: Optional[Tensor], hr: bool
) -> tuple[Tensor, Tensor]:
    """The robust losses ``(...)`` and the weights ``(..., n)`` of losses ``(..., n)``, by one of the two functions.

    numbers: alpha, r, and the worst loss if there is one. budgets: the same in a tensor, shape ``(2,)`` or ``(3,)``, or with
    the leading dimensions of the losses; `numbers` is empty then.
    """
    alpha, r, *worst_loss = budgets.unbind(-1) if budgets is not None else numbers
    base = None if base is None else base.detach().expand_as(losses)
    ordering = "HR" if hr else "HD"
    robust, constants = function(losses.detach(), base, alpha, r, worst_loss[0] if worst_loss else None, ordering)
    return robust, constants


def _exact(
    losses: Tensor, base: Optional[Tensor], numbers: list[float], budgets: Optional[Tensor], hr: bool
) -> tuple[Tensor, Tensor]:
    return _of_rows(solve_on_host, losses, base, numbers, budgets, hr)


def _tensor(
    losses: Tensor, base: Optional[Tensor], numbers: list[float], budgets: Optional[Tensor], hr: bool
) -> tuple[Tensor, Tensor]:
    return _of_rows(solve_on_device, losses, base, numbers, budgets, hr)


def _rows_first(tensor: Tensor, axis: Optional[int], rows: tuple[int, ...]) -> Tensor:
    """`tensor`, one vector or one for each row of the inner batches, as one for each of `rows`: the batch and these."""
    if axis is None:
        return tensor.expand(*rows, tensor.shape[-1])
    tensor = tensor.movedim(axis, 0)
    between = (1,) * (len(rows) + 1 - tensor.dim())
    return tensor.reshape(rows[0], *between, *tensor.shape[1:]).expand(*rows, tensor.shape[-1])


def _register(name: str, function: Solve, **options: Any) -> Solve:
    """The function as an operator: opaque to torch.compile, and with a derivative for whoever calls it directly.
    torch.func.grad does not reach into operators.
    """
    operator: Any = torch.library.custom_op(
        f"hr_weights::{name}",
        function,
        mutates_args=(),
        schema="(Tensor losses, Tensor? base, float[] numbers, Tensor? budgets, bool hr) -> (Tensor, Tensor)",
        **options,
    )

    @operator.register_fake
    def _(losses: Tensor, *_: Any) -> tuple[Tensor, Tensor]:
        return losses.new_empty(losses.shape[:-1]), torch.empty_like(losses, memory_format=torch.contiguous_format)

    def keep_weights(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        ctx.save_for_backward(output[1])
        ctx.mark_non_differentiable(output[1])

    def backward(ctx: Any, grad: Tensor, _: Optional[Tensor]) -> tuple[Optional[Tensor], ...]:
        (constants,) = ctx.saved_tensors
        return grad.unsqueeze(-1) * constants, None, None, None, None

    operator.register_autograd(backward, setup_context=keep_weights)

    def vmap(
        info: Any,
        in_dims: tuple[Any, ...],
        losses: Tensor,
        base: Optional[Tensor],
        numbers: list[float],
        budgets: Optional[Tensor],
        hr: bool,
    ) -> tuple[tuple[Tensor, Tensor], tuple[int, int]]:
        inner = losses.dim() - 1 - (in_dims[0] is not None)
        if in_dims[0] is not None:
            losses = losses.movedim(in_dims[0], 0)
        rows = (info.batch_size, *losses.shape[losses.dim() - 1 - inner : -1])
        losses = losses.expand(*rows, losses.shape[-1])
        base = None if base is None else _rows_first(base, in_dims[1], rows)
        # The rows share their budgets if they can: they are solved in one call then.
        if budgets is not None and (in_dims[3] is not None or budgets.dim() > 1):
            budgets = _rows_first(budgets, in_dims[3], rows)
        return operator(losses, base, numbers, budgets, hr), (0, 0)

    if hasattr(operator, "register_vmap"):  # PyTorch 2.5
        operator.register_vmap(vmap)
    solve: Solve = operator
    return solve


exact: Solve = _exact
tensor: Solve = _tensor
if _HAS_OPERATORS:
    # It waits for the device and computes on the host, which no CUDA graph can hold.
    unsafe = getattr(torch.Tag, "cudagraph_unsafe", None)  # PyTorch 2.9
    exact = _register("exact", _exact, **({} if unsafe is None else {"tags": (unsafe,)}))
    tensor = _register("tensor", _tensor)
