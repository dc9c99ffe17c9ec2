"""When is it time for what takes long and is done seldom?"""

import asyncio
import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, Future
from contextvars import copy_context
from functools import partial
from typing import Any, Final, ParamSpec, TypeVar

from promkit.clock import Clock
from promkit.log import trace_id
from promkit.traces import new_trace_id

FIRST_RETRY: Final = 5.0
"""Seconds after a failure; twice as long after each further one, up to the interval."""

SPREAD: Final = 0.2
"""Share of the interval over which the cycles of several queries are spread."""

P = ParamSpec("P")
R = TypeVar("R")


class SlowLoop(ABC):
    """Runs a cycle now and then at every multiple of the interval, and sooner after a failure.

    Each cycle is a trace, whichever thread works on it.

    Parameters
    ----------
    name : of the query; also decides where in the interval its cycles are
    interval : seconds between cycles
    clock : paces them
    pool : where they run

    Attributes
    ----------
    last_error : what the last cycle failed with, None when it did not
    """

    def __init__(self, name: str, interval: float, *, clock: Clock, pool: Executor) -> None:
        self.name = name
        self.interval = interval
        self.last_error: str | None = None
        self._clock = clock
        self._pool = pool
        self._task: asyncio.Task[None] | None = None
        self._job: Future[Any] | None = None
        self._running: asyncio.Future[Any] | None = None
        self._hurried = asyncio.Event()

    def hurry(self) -> None:
        """Let the next cycle, or the first one, begin at once."""
        self._hurried.set()

    def start(self, ready: Callable[[], Awaitable[object]]) -> None:
        """Begin on the running event loop, once what `ready` waits for has happened."""
        self._task = asyncio.create_task(
            self._run(ready), name=f"{type(self).__name__} {self.name}"
        )

    async def stop(self) -> None:
        """Return once nothing of this loop runs any more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._job is not None and self._running is not None and not self._job.cancel():
            await asyncio.wait([self._running])  # it had begun already
            self._running.exception()  # nobody else is there any more to look at it

    async def _abandon(self) -> None:
        """Do what `stop` does, and let a thread that only reads end by itself."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._job is not None and self._running is not None and not self._job.cancel():
            self._running.add_done_callback(_unheard)

    @abstractmethod
    async def _cycle(self) -> None:
        """Do what is to be done."""

    @abstractmethod
    def _fail(self, error: Exception) -> None:
        """Count and log what a cycle failed with, and set `last_error`."""

    async def _work(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run it in the pool; it goes on until its end when this loop is stopped."""
        in_trace = partial(copy_context().run, work, *args, **kwargs)
        self._job = job = self._pool.submit(in_trace)
        running = asyncio.wrap_future(job)
        self._running = running
        return await asyncio.shield(running)

    async def _run(self, ready: Callable[[], Awaitable[object]]) -> None:
        await ready()
        await self._rest(self._until_first())
        failures = 0
        while True:
            trace_id.set(new_trace_id())
            try:
                await self._cycle()
                failures = 0
            except Exception as error:  # one query must never stop the others
                self._fail(error)
                failures += 1
            pause = self._until_due()
            if failures:
                pause = min(pause, FIRST_RETRY * 2.0 ** min(failures - 1, 16))
            await self._rest(pause)

    async def _rest(self, seconds: float) -> None:
        """Wait that long, or until someone hurries."""
        if self._hurried.is_set():
            seconds = 0.0
        waiting = [
            asyncio.ensure_future(self._clock.sleep(seconds)),
            asyncio.ensure_future(self._hurried.wait()),
        ]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()
        self._hurried.clear()

    def _until_first(self) -> float:
        """Return for how many seconds the first cycle can wait."""
        return 0.0

    def _until_due(self) -> float:
        """Return how many seconds are left."""
        passed = self._clock.now() - self._phase
        return (math.floor(passed / self.interval) + 1) * self.interval - passed

    @property
    def _phase(self) -> float:
        digest = hashlib.blake2b(self.name.encode(), digest_size=4).digest()
        return int.from_bytes(digest) / 2**32 * SPREAD * self.interval


def _unheard(done: asyncio.Future[Any]) -> None:
    """Look at what became of it, since nobody else is there any more."""
    if not done.cancelled():
        done.exception()
