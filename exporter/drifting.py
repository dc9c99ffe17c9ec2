"""The drift of all queries: their threads, their loops, and what stays at a reload."""

import asyncio
from collections.abc import Awaitable, Callable, Container, Mapping
from functools import partial
from pathlib import Path

from exporter.adapters.selfmetrics import SelfMetrics
from exporter.adapters.web import CycleRow, QueryRow
from exporter.baselinefile import baseline_path
from exporter.compiling import compile_drift_tests, follow
from exporter.config import QueryConfig
from exporter.core.published import Drifts
from exporter.core.source import Source
from exporter.crew import Crew
from exporter.driftloop import DriftLoop
from exporter.driftrunner import DriftRunner
from promkit.clock import Clock

ASKERS = 2
"""Queries whose checks are under way at a time."""


class Drifting:
    """All drift loops of a running exporter.

    Parameters
    ----------
    clock : paces them
    metrics : where they are counted
    """

    def __init__(self, clock: Clock, metrics: SelfMetrics) -> None:
        self._clock = clock
        self._metrics = metrics.drift
        self._crew = Crew("drift", ASKERS)
        self._loops: dict[str, DriftLoop] = {}
        self._compiling: asyncio.Task[None] | None = None

    def take(self, queries: Mapping[str, QueryConfig], source: Source, state: Path | None) -> None:
        """Take resolved queries in the place of the old ones, whose loops have been stopped.

        state : the state file, beside which baselines are kept
        """
        loops: dict[str, DriftLoop] = {}
        for name, query in queries.items():
            if query.drift is None:
                continue
            runner = DriftRunner(
                query,
                query.drift,
                source,
                baseline_path(state, name),
                self._crew.map,
                self._clock.monotonic,
            )
            loops[name] = DriftLoop(
                runner, clock=self._clock, pool=self._crew.askers, metrics=self._metrics
            )
            if before := self._loops.get(name):
                loops[name].succeed(before)
        for name in self._loops.keys() - loops.keys():
            self._metrics.forget(name)
        self._loops = loops

    def start(
        self, compiled: asyncio.Task[None], ready: Callable[[str], Awaitable[object]]
    ) -> None:
        """Begin the checks of each query once what `ready` waits for, given its name, is so.

        compiled : what is compiled before, since only one thread at a time can
        """
        if not self._loops:
            return
        self._compiling = compiling = asyncio.create_task(self._compile(compiled))

        async def until_ready(name: str) -> None:
            await asyncio.wait([compiling])
            await ready(name)

        for name, loop in self._loops.items():
            loop.start(partial(until_ready, name))

    async def stop(self) -> None:
        """Return once no check runs any more; they end early."""
        if self._compiling is not None:
            self._compiling.cancel()
        await asyncio.gather(*(loop.stop() for loop in self._loops.values()))

    async def _compile(self, before: asyncio.Task[None]) -> None:
        """Have the kernels ready before the first checks, which wait for it."""
        await asyncio.wait([before])
        plans = [loop.runner.plan for loop in self._loops.values()]
        work = self._crew.askers.submit(compile_drift_tests, plans)
        await follow(work, self._clock, "drift tests", "drift checks")

    def retake(self, query: str) -> None:
        """Have a query's baseline taken anew, at once.

        Raises
        ------
        LookupError
            There is no such query with `drift`; says which there are.
        """
        loop = self._loops.get(query)
        if loop is None:
            names = ", ".join(self._loops) or "none, since no query has `drift`"
            raise LookupError(f"found query {query!r}; allowed: {names}")
        loop.retake()

    def drifts(self) -> list[Drifts]:
        """Return what is published at this instant; any thread may ask."""
        found = (loop.shown for loop in self._loops.values())
        return [drifts for drifts in found if drifts is not None]

    def row(self, query: str) -> CycleRow | None:
        """Return what the page for people says of a query's drift."""
        loop = self._loops.get(query)
        if loop is None:
            return None
        return CycleRow(loop.state, loop.last_success, loop.last_error)

    def rows_without(self, others: Container[str]) -> list[QueryRow]:
        """Return what the page says of queries that are only checked for drift."""
        return [
            QueryRow(
                query=name,
                state="not scored",
                series=0 if loop.shown is None else len(loop.shown.keys),
                warming=0,
                evaluated=None,
                error=None,
            )
            for name, loop in self._loops.items()
            if name not in others
        ]

    def dismiss(self) -> None:
        """End the threads."""
        self._crew.dismiss()
