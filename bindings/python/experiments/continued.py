"""Runs jobs in processes and continues where an earlier run was interrupted."""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import results
from tqdm import tqdm

J = TypeVar("J")


def parser(description: str) -> argparse.ArgumentParser:
    """The arguments that every experiment has."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("results", type=Path, help="CSV to continue or to begin")
    made.add_argument("--quick", action="store_true", help="few seeds, a few steps: tries the code")
    made.add_argument("--workers", type=int, default=2, help="processes, of one thread each, 2")
    return made


def carry_on(
    options: argparse.Namespace,
    kind: Any,
    every: Sequence[J],
    keys: Callable[[J], list[tuple[Any, ...]]],
    run: Callable[[J], list[Any]],
    wanted: Callable[[J], bool] = lambda job: True,
) -> None:
    """Runs those of the jobs that are wanted and whose rows the file does not have, and writes the rows of each job as it
    ends.

    kind: the class of the rows. keys: the keys of the rows that a job will make. run: makes them, in a process of its own.
    """
    path = options.results
    path.parent.mkdir(parents=True, exist_ok=True)
    planned = {key for job in every for key in keys(job)}
    # Rows of another plan, and of jobs that were cut off, go.
    found = {row.key: row for row in results.read(path, kind) if row.key in planned}
    done = [job for job in every if all(key in found for key in keys(job))]
    rows = [found[key] for job in done for key in keys(job)]
    results.rewrite(path, rows, kind)
    finished = set(done)
    todo = [job for job in every if job not in finished and wanted(job)]

    start = time.perf_counter()
    # Not forked: PyTorch has threads.
    with multiprocessing.get_context("spawn").Pool(options.workers) as pool:
        # A quick run shows its progress on terminals alone.
        quiet = None if options.quick else False
        trained = pool.imap_unordered(run, todo)
        for new in tqdm(trained, total=len(todo), unit="training", smoothing=0.05, mininterval=1, disable=quiet):
            results.append(path, new)
            rows += new
    results.rewrite(path, rows, kind)
    print(f"{len(todo)} trainings in {time.perf_counter() - start:.0f} s")
