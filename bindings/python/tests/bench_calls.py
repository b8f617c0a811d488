"""What a call costs beside the framework's own mean of the same losses. `make python-bench` runs it for every framework.

    bench_calls.py FRAMEWORK [RESULTS]

Writes the rows of the framework, which must be installed, into today's calls.csv in the directory,
which has the other rows of the newest one there. Each time is the smallest of many repetitions, so
that what else the machine does counts least, and a mean and its robust loss take turns.
"""

from __future__ import annotations

import csv
import datetime
import os
import pathlib
import sys
import timeit

import numpy as np

import hr_weights as hrw
from hr_weights import _library

N, ALPHA, R = 128, 0.05, 0.1
ROWS = 64
FIELDS = ("group", "framework", "call", "n", "mean_ns", "hr_ns")
LOSSES = np.random.default_rng(N).exponential(size=N).astype(np.float32)


def nanoseconds(*functions, rounds=200, seconds=2e-3):
    """The least time of a call of each."""
    timers = [timeit.Timer(function) for function in functions]
    numbers = [max(1, int(seconds / max(1e-7, timer.timeit(10) / 10))) for timer in timers]
    best = [float("inf")] * len(timers)
    for _ in range(rounds):
        for index, (timer, number) in enumerate(zip(timers, numbers)):
            best[index] = min(best[index], timer.timeit(number) / number)
    return [1e9 * time for time in best]


def numpy():
    frozen, doubles = LOSSES.copy(), LOSSES.astype(float)
    frozen.flags.writeable = False
    result = np.empty_like(LOSSES)
    arguments = (_library.options(ALPHA, R, "HD", None, 1), LOSSES.ctypes.data, None, N, result.ctypes.data, None)
    yield "the library alone", lambda: LOSSES.mean(), lambda: _library.WEIGHTS["f"](*arguments)
    yield "`weights`", lambda: LOSSES.mean(), lambda: hrw.weights(LOSSES, ALPHA, R)
    yield "`weights` of doubles", lambda: doubles.mean(), lambda: hrw.weights(doubles, ALPHA, R)
    yield "`weights` of a read-only array", lambda: frozen.mean(), lambda: hrw.weights(frozen, ALPHA, R)
    yield "`solve`", lambda: LOSSES.mean(), lambda: hrw.solve(LOSSES, ALPHA, R)


def torch():
    import torch

    from hr_weights.torch import robust_loss, weights

    losses = torch.from_numpy(LOSSES)
    leaf = losses.clone().requires_grad_()
    base = torch.ones(N)

    def robust(x):
        return robust_loss(x, ALPHA, R)

    def backward(function):
        def call():
            leaf.grad = None
            function(leaf).backward()

        return call

    yield "eager, `weights`", losses.mean, lambda: weights(losses, ALPHA, R)
    yield "eager, `robust_loss`", losses.mean, lambda: robust(losses)
    yield "eager, forward and backward", backward(torch.mean), backward(robust)
    yield "the same with base weights", backward(torch.mean), backward(lambda x: robust_loss(x, ALPHA, R, base=base))
    if hasattr(torch.library, "custom_op"):
        means, robusts = (torch.compile(function, fullgraph=True) for function in (torch.mean, robust))
        yield "compiled, forward and backward", backward(means), backward(robusts)
        rows = losses.repeat(ROWS, 1)
        means, robusts = torch.func.vmap(torch.mean), torch.func.vmap(robust)
        yield f"`vmap`, {ROWS} rows", lambda: means(rows), lambda: robusts(rows)


def jax():
    import jax
    import jax.numpy as jnp

    from hr_weights.jax import robust_loss

    losses = jnp.asarray(LOSSES)
    rows = jnp.tile(losses, (ROWS, 1))

    def robust(x):
        return robust_loss(x, ALPHA, R)

    def both(transform, argument):
        for function in (jnp.mean, robust):
            compiled = jax.jit(transform(function))
            yield lambda compiled=compiled: jax.block_until_ready(compiled(argument))

    yield "`jit`", *both(lambda function: function, losses)
    yield "`jit`, value and gradient", *both(jax.value_and_grad, losses)
    yield f"`jit` of `vmap`, {ROWS} rows", *both(jax.vmap, rows)


def tensorflow():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    import tensorflow as tf

    from hr_weights.tensorflow import HRLoss, robust_loss

    losses = tf.constant(LOSSES)

    def robust(x):
        return robust_loss(x, ALPHA, R)

    def with_gradient(function):
        def call(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                value = function(x)
            return value, tape.gradient(value, x)

        return call

    def graphs(function):
        return tf.function(function, input_signature=[tf.TensorSpec([None], tf.float32)])

    mean = tf.reduce_mean
    yield "eager", lambda: mean(losses), lambda: robust(losses)
    pair = [with_gradient(function) for function in (mean, robust)]
    for name, functions in {
        "eager, value and gradient": pair,
        "graph": [graphs(function) for function in (mean, robust)],
        "graph, value and gradient": [graphs(function) for function in pair],
    }.items():
        yield name, *(lambda call=call: call(losses) for call in functions)

    inputs, labels = np.ones((N, 4), np.float32), np.zeros(N, np.int32)
    steps = []
    for loss in (
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        HRLoss(keras.losses.SparseCategoricalCrossentropy(from_logits=True), ALPHA, R),
    ):
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        model.compile("sgd", loss)
        steps.append(lambda model=model: model.train_on_batch(inputs, labels))
    yield "Keras, a step of training", *steps


def main():
    name = sys.argv[1]
    framework = {"numpy": "NumPy", "torch": "PyTorch", "jax": "JAX", "tensorflow": "TensorFlow"}[name]
    print(f"{framework}: microseconds a call, n = {N}, float32, alpha {ALPHA}, r {R}, HD")
    print(f"{'':40} {'mean':>9} {'HR':>9}")
    rows = []
    for call, mean, robust in globals()[name]():
        times = nanoseconds(mean, robust)
        print(f"{call.replace('`', ''):40} {times[0] / 1e3:9.2f} {times[1] / 1e3:9.2f}", flush=True)
        rows.append(("calls", framework, call, N, *(round(time) for time in times)))
    if len(sys.argv) > 2:
        write(pathlib.Path(sys.argv[2]), framework, rows)


def write(directory, framework, rows):
    order = ("NumPy", "PyTorch", "JAX", "TensorFlow")
    kept, today = [], datetime.date.today()
    for newest in sorted(directory.glob("*-calls.csv"))[-1:]:
        lines = [line for line in newest.read_text().splitlines() if not line.startswith("#")]
        kept = [row for row in map(tuple, csv.reader(lines[1:])) if row[1] != framework]
    with (directory / f"{today}-calls.csv").open("w", newline="") as file:
        file.write(f"# make python-bench ({machine()}), hr-weights {hrw.__version__}\n")
        file.write(f"# nanoseconds a call, the least of many; float32, alpha {ALPHA}, r {R}, HD\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(FIELDS)
        writer.writerows(sorted(kept + rows, key=lambda row: order.index(row[1])))


def machine():
    """The processor, as Linux calls it."""
    info = pathlib.Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "unknown processor")


if __name__ == "__main__":
    main()
