"""The authors' package (HR_Neural_Networks), as a contender of the table: see src/contenders/process.rs for the protocol.

The model is the identity and the loss function hands its outputs on, so that the losses of a "batch" are a given vector. The
robust loss comes back as a torch scalar; its gradient in the losses is the weights.
"""

import contextlib
import importlib.metadata
import sys
import time

import numpy
import torch

with contextlib.redirect_stdout(sys.stderr):
    from HR_Neural_Networks.HR import HR_Neural_Networks


def criterion(n: int, ordering: str, alpha: float, r: float):
    """The package's object for batches of n. It needs some attack; epsilon 0 never runs it."""
    return HR_Neural_Networks(
        NN_model=torch.nn.Identity(),
        train_batch_size=n,
        loss_fn=lambda outputs, targets: outputs,
        normalisation_used=None,
        α_choice=alpha,
        r_choice=r,
        ϵ_choice=0,
        learning_approach=ordering,
    )


def main() -> None:
    torch.set_num_threads(1)
    channel = sys.stdout
    sys.stdout = sys.stderr  # the solvers print
    losses, robust = torch.empty(0), None

    def reply(text: object) -> None:
        print(text, file=channel, flush=True)

    def call():
        return robust.HR_criterion(inputs=losses, targets=losses, device="cpu")

    reply(f"ready HR_Neural_Networks {importlib.metadata.version('HR_Neural_Networks')}")
    for line in sys.stdin:
        command, *words = line.split()
        if command == "load":
            losses = torch.from_numpy(numpy.fromfile(words[0], dtype=numpy.float32))
            robust = criterion(len(losses), words[1], float(words[2]), float(words[3]))
            call()  # the first solve compiles the program; a trainer pays that once
            reply("ok")
        elif command == "run":
            start = time.perf_counter_ns()
            for _ in range(int(words[0])):
                call()
            reply(time.perf_counter_ns() - start)
        elif command == "answer":
            losses.requires_grad_()
            loss = call()
            (weights,) = torch.autograd.grad(loss, losses)
            losses.requires_grad_(False)
            weights.numpy().astype(numpy.float64).tofile(words[0])
            reply(float(loss))


if __name__ == "__main__":
    main()
