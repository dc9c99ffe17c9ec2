"""One kind of slow work for all queries: its threads, its loops, and what the page says of them."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Container
from functools import partial
from threading import Event
from typing import Any, ClassVar, Generic, TypeVar

from exporter.adapters.pagerows import CycleRow, QueryRow
from exporter.loops.compiling import follow
from exporter.loops.crew import Crew
from exporter.loops.showloop import ShowLoop
from promkit.clock import Clock

Loop = TypeVar("Loop", bound=ShowLoop[Any])


class Showing(ABC, Generic[Loop]):
    """The loops of one kind.

    Parameters
    ----------
    name : of the threads
    askers : queries whose cycles are under way at a time
    clock : paces them
    """

    compiled: ClassVar[str]
    waiting: ClassVar[str]
    """What is compiled, and who begins after it, as the log calls them."""

    def __init__(self, name: str, askers: int, clock: Clock) -> None:
        self._clock = clock
        self._crew = Crew(name, askers)
        self._loops: dict[str, Loop] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = Event()

    def start(
        self, before: asyncio.Task[None], ready: Callable[[str], Awaitable[object]]
    ) -> asyncio.Task[None]:
        """Begin the cycles of each query once what `ready` waits for, given its name, is so.

        before : what is compiled before, since only one thread at a time can

        Returns
        -------
        what is compiled now
        """
        self._stopping = Event()  # another one, since the old compiling may still be under way
        compiling = asyncio.create_task(self._compile_after(before))
        self._tasks = [compiling]

        async def until_ready(name: str) -> None:
            await asyncio.wait([compiling])
            await ready(name)

        for name, loop in self._loops.items():
            loop.start(partial(until_ready, name))
        return compiling

    async def stop(self) -> None:
        """Return once no cycle runs any more; they end early."""
        self._stopping.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*(loop.stop() for loop in self._loops.values()))

    @abstractmethod
    def _compile(self, is_stopped: Callable[[], bool]) -> None:
        """Have the kernels ready before the first cycles, which wait for it; on a thread."""

    async def _compile_after(self, before: asyncio.Task[None]) -> None:
        await asyncio.wait([before])
        work = self._crew.askers.submit(self._compile, self._stopping.is_set)
        await follow(work, self._clock, self.compiled, self.waiting)

    def row(self, query: str) -> CycleRow | None:
        """Return what the page for people says of a query."""
        loop = self._loops.get(query)
        if loop is None:
            return None
        return CycleRow(loop.state, loop.last_success, loop.problem)

    def rows_without(self, others: Container[str]) -> list[QueryRow]:
        """Return what the page says of queries that are not scored, apart from some."""
        return [
            QueryRow(
                query=name,
                state="not scored",
                series=0 if loop.shown is None else len(loop.shown.keys),
            )
            for name, loop in self._loops.items()
            if name not in others
        ]

    def dismiss(self) -> None:
        """End the threads."""
        self._crew.dismiss()
