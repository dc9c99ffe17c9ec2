"""What would have been forecast? History through the cycles that production runs."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from exporter.conditions import AtPresent, none_at_present
from exporter.config import QueryConfig, milliseconds
from exporter.core.pieces import Mapper
from exporter.core.published import Outlook
from exporter.core.rows import State
from exporter.core.series import NEVER, Floats, Keys, SeriesBatch
from exporter.core.source import Source
from exporter.forecasters.followup import OUTCOMES
from exporter.forecasters.plan import ForecastPlan
from exporter.loops.compiling import compile_forecasters
from exporter.loops.forecastrunner import ForecastOutcome, ForecastRunner, SpecialDays
from exporter.planning import forecast_plan_of
from exporter.settings.forecast import ForecastConfig

FETCH_TIMEOUT: Final = 300.0
"""Seconds that a long history may take to arrive."""

BREACH: Final = (
    "timestamp_seconds",
    "earliest_timestamp_seconds",
    "latest_timestamp_seconds",
    "probability",
)
"""Gauges of a breach, in the order in which `Prediction` has them."""


@dataclass(frozen=True)
class Prediction:
    """A breach that was predicted.

    Parameters
    ----------
    key : the series' label set, as JSON
    at : unix seconds of the newest sample that was known
    timestamp, earliest, latest : unix seconds when the limit was to be crossed
    probability : of crossing it within the horizon
    until : unix seconds of the cycle that ended it; NaN if none did
    is_true : the limit was crossed by then
    """

    key: bytes
    at: float
    timestamp: float
    earliest: float
    latest: float
    probability: float
    until: float = math.nan
    is_true: bool = False


@dataclass(frozen=True, eq=False)
class Hindcast:
    """What the cycles of one query would have published.

    Parameters
    ----------
    plan : the query
    forecast : as configured
    interval : seconds between the cycles; more than configured where those would take too long
    history : all samples that were asked for
    cycles : newest column known, unix milliseconds, and what was published then
    counts : outcome -> breaches
    lead_seconds : float64, from the first prediction to the crossing, of those that came true
    replacements : how often seasonal naive began to stand in for the forecaster
    failures : cycles in which the forecaster failed
    predictions : of breaches, in order of time
    """

    plan: ForecastPlan
    forecast: ForecastConfig
    interval: float
    history: SeriesBatch
    cycles: tuple[tuple[int, Outlook], ...]
    counts: dict[str, int]
    lead_seconds: Floats
    replacements: int
    failures: int
    predictions: tuple[Prediction, ...]

    @property
    def last(self) -> Outlook:
        """What was published at the end."""
        return self.cycles[-1][1]


class Remembered:
    """A source that asks another for all columns at once, and then answers from memory.

    Parameters
    ----------
    source : whom to ask
    start, end : unix milliseconds of the first and the last column that anybody wants
    """

    def __init__(self, source: Source, start: int, end: int) -> None:
        self._source = source
        self._start = start
        self._end = end
        self._known: dict[str, SeriesBatch] = {}

    def all_of(self, expr: str, step: int) -> SeriesBatch:
        """Return the whole history of an expression.

        Raises
        ------
        QueryError
            It has no answer.
        """
        if expr not in self._known:
            self._known[expr] = self._source.fetch(
                expr, self._start, self._end, step, FETCH_TIMEOUT
            )
        return self._known[expr]

    def fetch(self, expr: str, start: int, end: int, step: int, timeout: float) -> SeriesBatch:
        """Return what a range query would have; series without a sample are not in it."""
        whole = self.all_of(expr, step)
        first, last = ((instant - self._start) // step for instant in (start, end))
        part = whole.columns(first, last + 1)
        return part.rows(np.flatnonzero(~np.isnan(part.values).all(1)))


def hindcast(
    query: QueryConfig,
    source: Source,
    start: float,
    end: float,
    *,
    pieces: Mapper,
    special: SpecialDays,
    seconds: float,
    clock: Callable[[], float],
    at_present: AtPresent = none_at_present,
) -> Hindcast:
    """Run the forecast cycles of a resolved query from `start` to `end`, unix seconds.

    Parameters
    ----------
    pieces : does the computing
    special : knows the calendars
    seconds : that the cycles may take; the first one tells how many that is
    clock : seconds that never go back
    at_present : what holds for it all the time, besides how it is configured

    Raises
    ------
    QueryError
        The query, or its limit, has no answer.
    """
    forecast = query.forecast
    if forecast is None:
        raise ValueError(f"query {query.name}: found no `forecast`")
    # What is asked for at an instant is what was there then: nothing is to be waited for.
    query = query.model_copy(update={"offset": 0.0})
    plan = forecast_plan_of(query, forecast)
    fine = plan.fine
    first, last = (milliseconds(instant) // fine * fine for instant in (start, end))
    memory = Remembered(source, first - plan.columns * plan.step, last)
    runner = ForecastRunner(query, forecast, memory, None, pieces, special, clock, at_present)
    compile_forecasters([plan])
    # The ring has no more than a column each; a cycle without a new one would tell nothing new.
    interval = every = -(-milliseconds(forecast.interval) // fine) * fine
    made: list[tuple[int, ForecastOutcome]] = []
    followed = _Followed()
    now = first
    while now <= last:
        began = clock()
        outcome = runner.run(now / 1000)
        while outcome.is_behind:
            outcome = runner.run(now / 1000)
        made.append((now, outcome))
        if outcome.outlook is not None:
            state = runner.state
            followed.take(now, outcome.outlook, state.keys, state.groups["followup"])
        if now == first:
            interval *= stretch((last - first) // every + 1, clock() - began, seconds)
        now += interval
    return Hindcast(
        plan=plan,
        forecast=forecast,
        interval=interval / 1000,
        history=memory.all_of(query.expr, fine),
        cycles=tuple((now, done.outlook) for now, done in made if done.outlook is not None),
        counts={name: sum(done.breaches.counts[name] for _, done in made) for name in OUTCOMES},
        lead_seconds=np.concatenate([done.breaches.lead_seconds for _, done in made]),
        replacements=sum(done.replacements for _, done in made),
        failures=sum(done.failure is not None for _, done in made),
        predictions=tuple(followed.predictions()),
    )


def stretch(cycles: int, took: float, seconds: float) -> int:
    """Return by what whole factor intervals are to be longer, so that so many cycles are in time.

    took : seconds of one cycle
    seconds : for all of them
    """
    affordable = max(1, int(seconds / took)) if took > 0 else cycles
    return max(1, -(-cycles // affordable))


class _Followed:
    """Collects the predictions as they are opened and ended."""

    def __init__(self) -> None:
        self._ended: list[Prediction] = []
        self._open: dict[bytes, Prediction] = {}
        self._until = NEVER

    def take(self, now: int, outlook: Outlook, keys: Keys, state: State) -> None:
        """Look at what is open after a cycle.

        now : unix milliseconds of the newest column
        outlook : what it published
        keys : the series of `state`, which is that of `exporter.forecasters.followup`
        """
        opened = {
            keys[row]: int(state["opened"][row])
            for row in np.flatnonzero(state["opened"] > NEVER).tolist()
        }
        row_of = {key: row for row, key in enumerate(keys)} if self._open or opened else {}
        for key, prediction in list(self._open.items()):
            if opened.get(key) != milliseconds(prediction.at):
                row = row_of.get(key)
                is_true = row is not None and int(state["beyond"][row]) > self._until
                self._ended.append(replace(prediction, until=now / 1000, is_true=is_true))
                del self._open[key]
        place = {key: row for row, key in enumerate(outlook.keys)} if opened else {}
        for key in opened.keys() - self._open.keys():
            when, earliest, latest, chance = (
                float(outlook.gauges[f"anomaly_forecast_breach_{gauge}"][place[key]])
                for gauge in BREACH
            )
            self._open[key] = Prediction(key, opened[key] / 1000, when, earliest, latest, chance)
        self._until = now

    def predictions(self) -> list[Prediction]:
        """Return all, in order of time."""
        every = [*self._ended, *self._open.values()]
        return sorted(every, key=lambda prediction: (prediction.at, prediction.key))
