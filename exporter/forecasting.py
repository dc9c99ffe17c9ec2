"""The forecasts of all queries: their threads, their loops, and what stays at a reload."""

import asyncio
from collections.abc import Awaitable, Callable, Container, Iterable, Mapping, Sequence
from functools import partial

from exporter.adapters.calendarmetrics import CalendarMetrics
from exporter.adapters.calendars import Calendars, CalendarState
from exporter.adapters.selfmetrics import SelfMetrics
from exporter.adapters.web import CycleRow, QueryRow
from exporter.calendarconfig import CalendarConfig
from exporter.checkpoint import Outlooks
from exporter.compiling import compile_forecasters, follow
from exporter.config import QueryConfig
from exporter.core.published import Outlook
from exporter.core.source import Source
from exporter.crew import Crew
from exporter.forecastconfig import lead_name
from exporter.forecastloop import ForecastLoop
from exporter.forecastrunner import ForecastRunner
from promkit.clock import Clock

ASKERS = 4
"""Queries whose cycles are under way at a time."""


class Forecasting:
    """All forecast loops of a running exporter.

    Parameters
    ----------
    clock : paces them
    metrics : where they are counted
    """

    def __init__(self, clock: Clock, metrics: SelfMetrics) -> None:
        self._clock = clock
        self._metrics = metrics
        self._crew = Crew("forecast", ASKERS)
        self._loops: dict[str, ForecastLoop] = {}
        self._calendars = Calendars(())
        self._tasks: list[asyncio.Task[None]] = []
        metrics.also(CalendarMetrics(self._calendar_states))

    def take(
        self,
        queries: Mapping[str, QueryConfig],
        source: Source,
        saved: Outlooks,
        calendars: Iterable[CalendarConfig],
    ) -> None:
        """Take resolved queries in the place of the old ones, whose loops have been stopped.

        saved : what is known from before the exporter was started
        calendars : those that are configured now
        """
        self._calendars = Calendars(calendars, self._calendars)
        loops: dict[str, ForecastLoop] = {}
        for name, query in queries.items():
            forecast = query.forecast
            if forecast is None:
                self._metrics.describe(name, query.unit)
                continue
            self._metrics.describe(
                name, query.unit, forecast.kind, lead_name(forecast.horizon or 0.0)
            )
            _, state = saved.get(name, ("", None))
            runner = ForecastRunner(
                query,
                forecast,
                source,
                state,
                self._crew.map,
                self._calendars.special,
                self._clock.monotonic,
            )
            loops[name] = ForecastLoop(
                runner, clock=self._clock, pool=self._crew.askers, metrics=self._metrics
            )
            if before := self._loops.get(name):
                loops[name].succeed(before)
        for name in self._loops.keys() - loops.keys():
            self._metrics.forecasts.forget(name)
        for name in self._loops.keys() - queries.keys():
            self._metrics.forget(name)
        self._loops = loops

    def start(
        self, compiled: asyncio.Task[None], ready: Callable[[str], Awaitable[object]]
    ) -> asyncio.Task[None]:
        """Begin the cycles of each query once what `ready` waits for, given its name, is so.

        compiled : what is compiled before, since only one thread at a time can

        Returns
        -------
        what is compiled now
        """
        compiling = asyncio.create_task(self._compile(compiled))
        self._tasks = [compiling, asyncio.create_task(self._calendars.run(self._clock))]

        async def until_ready(name: str) -> None:
            await asyncio.wait([compiling])
            await ready(name)

        for name, loop in self._loops.items():
            loop.start(partial(until_ready, name))
        return compiling

    async def stop(self) -> None:
        """Return once no cycle runs any more; they end early."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*(loop.stop() for loop in self._loops.values()))

    def _calendar_states(self) -> Sequence[CalendarState]:
        return self._calendars.states()  # of those in force now

    async def _compile(self, before: asyncio.Task[None]) -> None:
        """Have the kernels ready before the first cycles, which wait for it."""
        await asyncio.wait([before])
        plans = [loop.runner.plan for loop in self._loops.values()]
        work = self._crew.askers.submit(compile_forecasters, plans)
        await follow(work, self._clock, "forecasters", "forecasts")

    def states(self) -> Outlooks:
        """Return what is known by now; nobody writes to it any more."""
        runners = {name: loop.runner for name, loop in self._loops.items()}
        return {name: (runner.fingerprint, runner.state) for name, runner in runners.items()}

    def outlooks(self) -> list[Outlook]:
        """Return what is published at this instant; any thread may ask."""
        found = (loop.outlook for loop in self._loops.values())
        return [outlook for outlook in found if outlook is not None]

    def row(self, query: str) -> CycleRow | None:
        """Return what the page for people says of a query's forecasts."""
        loop = self._loops.get(query)
        if loop is None:
            return None
        return CycleRow(loop.state, loop.last_success, loop.last_error)

    def rows_without(self, scored: Container[str]) -> list[QueryRow]:
        """Return what the page says of queries that are only forecast."""
        return [
            QueryRow(
                query=name,
                state="not scored",
                series=0 if loop.outlook is None else len(loop.outlook.keys),
                warming=0,
                evaluated=None,
                error=None,
                forecast=self.row(name),
            )
            for name, loop in self._loops.items()
            if name not in scored
        ]

    def dismiss(self) -> None:
        """End the threads."""
        self._crew.dismiss()
