"""Who does the slow work? Threads that let everybody else go first."""

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import Final, TypeVar

from threadpoolctl import threadpool_limits

NICENESS: Final = 10
"""Priority by which these threads stand back, as `nice -n` has it."""

A = TypeVar("A")
B = TypeVar("B")


class Crew:
    """Two groups of threads: those that wait for answers, and one per core that computes.

    Parameters
    ----------
    name : of the threads
    askers : threads that wait for answers, and for the computing
    """

    def __init__(self, name: str, askers: int) -> None:
        cores = os.cpu_count() or 1
        # With a computer on every core, the threads of BLAS would only be in their way: four
        # times the CPU for the small matrices that forecasters solve.
        threadpool_limits(1, user_api="blas")
        self.askers = ThreadPoolExecutor(askers, f"{name}-ask", initializer=_stand_back)
        self._computers = ThreadPoolExecutor(cores, f"{name}", initializer=_stand_back)
        self._ahead = 2 * cores

    def map(self, work: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
        """Yield what `work` makes of each item, in order; for the askers.

        Only some are under way at a time, so that others who ask have their turn. Once this ends,
        for whatever reason, none is.
        """
        under_way: deque[Future[B]] = deque()
        try:
            for item in items:
                under_way.append(self._computers.submit(copy_context().run, work, item))
                if len(under_way) >= self._ahead:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for left in under_way:
                left.cancel()
            wait(under_way)

    def dismiss(self) -> None:
        """Return once all is done that was begun."""
        self.askers.shutdown(wait=True, cancel_futures=True)
        self._computers.shutdown(wait=True, cancel_futures=True)


def _stand_back() -> None:
    if sys.platform == "linux":  # elsewhere it would be the whole process
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
