"""How does work get spread over the cores? Processes, each of one thread."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any, Final, TypeVar

R = TypeVar("R")

SINGLE_THREADED: Final = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
"""Read when the libraries are loaded: a process per core must not start a thread per core."""


def spread(
    function: Callable[..., R], cases: Sequence[tuple[Any, ...]], processes: int
) -> Iterator[tuple[int, R]]:
    """Yield number and result of every case, as they are done.

    Parameters
    ----------
    function : of a module's top level, called with what a case holds
    processes : 1 does the work in this one
    """
    if processes == 1:
        for number, case in enumerate(cases):
            yield number, function(*case)
        return
    with _pool(min(processes, len(cases) or 1)) as pool:
        numbers = {pool.submit(function, *case): number for number, case in enumerate(cases)}
        for done in as_completed(numbers):
            yield numbers[done], done.result()


def alone(function: Callable[..., R], *case: Any) -> R:
    """Return what a function returns in a process that has done nothing else."""
    with _pool(1) as pool:
        return pool.submit(function, *case).result()


def _pool(processes: int) -> ProcessPoolExecutor:
    os.environ.update(dict.fromkeys(SINGLE_THREADED, "1"))
    # Spawned, not forked: the libraries of a fork have decided about their threads already.
    return ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"))
