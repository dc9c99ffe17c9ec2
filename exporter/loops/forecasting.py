"""The forecasts of all queries: their threads, their loops, and what stays at a reload."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import tzinfo

from exporter.adapters.calendarmetrics import CalendarMetrics
from exporter.adapters.calendars import Calendars, CalendarState
from exporter.adapters.checkpoint import Outlooks
from exporter.adapters.selfmetrics import SelfMetrics
from exporter.conditions import AtPresent, none_at_present
from exporter.config import QueryConfig
from exporter.core.published import Outlook
from exporter.core.source import Source
from exporter.core.spans import Special
from exporter.loops.compiling import compile_forecasters
from exporter.loops.forecastloop import ForecastLoop
from exporter.loops.forecastrunner import ForecastRunner
from exporter.loops.showing import Showing
from exporter.settings.calendars import CalendarConfig
from exporter.settings.forecast import lead_name
from promkit.clock import Clock

ASKERS = 4
"""Queries whose cycles are under way at a time."""


class Forecasting(Showing[ForecastLoop]):
    """All forecast loops of a running exporter.

    Parameters
    ----------
    clock : paces them
    metrics : where they are counted
    """

    compiled = "forecasters"
    waiting = "forecasts"

    def __init__(self, clock: Clock, metrics: SelfMetrics) -> None:
        super().__init__("forecast", ASKERS, clock)
        self._metrics = metrics
        self._calendars = Calendars(())
        self._configured: tuple[CalendarConfig, ...] = ()
        metrics.also(CalendarMetrics(self._calendar_states))

    def take(
        self,
        queries: Mapping[str, QueryConfig],
        source: Source,
        saved: Outlooks,
        calendars: Iterable[CalendarConfig],
        at_present: AtPresent = none_at_present,
    ) -> None:
        """Take resolved queries in the place of the old ones, whose loops have been stopped.

        saved : what is known from before the exporter was started
        calendars : those that are configured now
        at_present : what holds for the queries, besides how they are configured
        """
        calendars = tuple(calendars)
        has_other_days = calendars != self._configured
        self._calendars, self._configured = Calendars(calendars, self._calendars), calendars
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
                at_present,
            )
            loops[name] = ForecastLoop(
                runner, clock=self._clock, pool=self._crew.askers, metrics=self._metrics
            )
            if before := self._loops.get(name):
                loops[name].succeed(before)
                if has_other_days and forecast.calendars:
                    loops[name].hurry()
        for name in self._loops.keys() - loops.keys():
            self._metrics.forecasts.forget(name)
        for name in self._loops.keys() - queries.keys():
            self._metrics.forget(name)
        self._loops = loops

    def start(
        self, before: asyncio.Task[None], ready: Callable[[str], Awaitable[object]]
    ) -> asyncio.Task[None]:
        """Begin the cycles, see `Showing`, and read the calendars."""
        compiling = super().start(before, ready)
        self._tasks.append(asyncio.create_task(self._calendars.run(self._clock)))
        return compiling

    async def stop(self) -> None:
        """Return once no cycle runs any more; they end early, and so does reading calendars."""
        self._calendars.stop()
        await super().stop()

    def special(self, names: Iterable[str], start: int, end: int, zone: tzinfo | None) -> Special:
        """Return what some calendars call special now, see `Calendars`; any thread may ask."""
        return self._calendars.special(names, start, end, zone)

    def _calendar_states(self) -> Sequence[CalendarState]:
        return self._calendars.states()  # of those in force now

    def _compile(self, is_stopped: Callable[[], bool]) -> None:
        compile_forecasters([loop.runner.plan for loop in self._loops.values()], is_stopped)

    def states(self) -> Outlooks:
        """Return what is known by now; nobody writes to it any more."""
        runners = {name: loop.runner for name, loop in self._loops.items()}
        return {name: (runner.fingerprint, runner.state) for name, runner in runners.items()}

    def outlooks(self) -> list[Outlook]:
        """Return what is published at this instant; any thread may ask."""
        found = (loop.outlook for loop in self._loops.values())
        return [outlook for outlook in found if outlook is not None]
