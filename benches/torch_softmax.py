"""torch.softmax on one thread, as a contender of the table: see src/contenders/process.rs for the protocol.

`--out` times the variant that writes into an existing tensor instead of allocating one.
"""

import sys
import time

import numpy
import torch


def main(in_place: bool) -> None:
    torch.set_num_threads(1)
    losses = out = torch.empty(0)
    arguments = {"out": out} if in_place else {}

    def reply(text: object) -> None:
        print(text, flush=True)

    reply(f"ready torch {torch.__version__} softmax{', out=' if in_place else ''}")
    for line in sys.stdin:
        command, *words = line.split()
        if command == "load":
            losses = torch.from_numpy(numpy.fromfile(words[0], dtype=numpy.float32))
            if in_place:
                arguments["out"] = torch.empty_like(losses)
            reply("ok")
        elif command == "run":
            calls = range(int(words[0]))
            with torch.no_grad():
                start = time.perf_counter_ns()
                for _ in calls:
                    torch.softmax(losses, 0, **arguments)
                reply(time.perf_counter_ns() - start)
        elif command == "answer":
            torch.softmax(losses, 0).numpy().astype(numpy.float64).tofile(words[0])
            reply("nan")


if __name__ == "__main__":
    main("--out" in sys.argv[1:])
