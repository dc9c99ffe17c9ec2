"""What happens in a forecast cycle: what is asked for, what is kept, what is published."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from functools import partial
from threading import Event
from typing import Final, Protocol

import numpy as np

from exporter.conditions import AtPresent, none_at_present
from exporter.config import QueryConfig
from exporter.core.limits import limits_of
from exporter.core.pieces import Mapper, until
from exporter.core.published import Outlook
from exporter.core.rows import select_keys
from exporter.core.series import Floats, Ints, Keys
from exporter.core.source import Source
from exporter.core.spans import Special
from exporter.errors import ForecasterError, QueryError
from exporter.forecasters.followup import OUTCOMES, Outcomes
from exporter.forecasters.outlook import NO_OUTCOMES, Calendar, Part, cycle_of, look_ahead
from exporter.forecasters.outlookstate import (
    OutlookState,
    cold_outlook,
    for_keys,
    rows_of,
    with_rows,
)
from exporter.forecasters.plan import ForecastPlan
from exporter.loops.ringfeed import RingFeed
from exporter.planning import forecast_fingerprint, forecast_plan_of
from exporter.settings.forecast import ForecastConfig

log = logging.getLogger(__name__)

PIECE: Final = 256
"""Series that are forecast at a time, at most."""

AHEAD: Final = 12_288
"""Of them times columns ahead, at most: what `auto` mixes for these takes some 50 MB."""

PAST: Final = 1_000_000
"""Of them times columns of history, at most: 8 MB for every copy."""


class SpecialDays(Protocol):
    """Tells which days are special."""

    def __call__(self, names: Iterable[str], start: int, end: int, zone: tzinfo | None) -> Special:
        """Return what some calendars call special between two instants, unix milliseconds."""
        ...


@dataclass(frozen=True, slots=True)
class ForecastOutcome:
    """What one cycle did.

    Parameters
    ----------
    outlook : what is published
    dropped, without_limit : series above `max_series`; those that the `limit` has no answer for
    replaced, replacements : series that seasonal naive stands in for; of these, since now
    breaches : what became of predicted breaches, and those that were not
    failure : why the forecaster could not tell of some of the series
    is_behind : there is more history up to now; to be called again at once
    """

    outlook: Outlook | None = None
    dropped: int = 0
    without_limit: int = 0
    replaced: int = 0
    replacements: int = 0
    breaches: Outcomes = NO_OUTCOMES
    failure: ForecasterError | None = None
    is_behind: bool = False


def piece_of(plan: ForecastPlan) -> int:
    """Return how many series are forecast at a time."""
    return max(1, min(PIECE, AHEAD // plan.horizon, PAST // plan.columns))


class ForecastRunner:
    """The forecasts of one query; `run` is called from one thread at a time.

    Parameters
    ----------
    query : resolved, see `Config.all_queries`
    forecast : its forecast
    source : where its samples come from
    state : what an earlier runner of the same fingerprint learned
    pieces : does the computing
    special : knows the calendars
    clock : seconds that never go back
    at_present : what holds for the query, besides how it is configured
    """

    def __init__(
        self,
        query: QueryConfig,
        forecast: ForecastConfig,
        source: Source,
        state: OutlookState | None,
        pieces: Mapper,
        special: SpecialDays,
        clock: Callable[[], float],
        at_present: AtPresent = none_at_present,
    ) -> None:
        self.query = query
        self.forecast = forecast
        self.plan = forecast_plan_of(query, forecast)
        self.fingerprint = forecast_fingerprint(query)
        self.state = state or cold_outlook(len(self.plan.leads))
        self.stopping = Event()
        self.feed = RingFeed(query, self.plan.blank_ring(), source, clock)
        self._source = source
        self._at_present = at_present
        self._pieces = pieces
        self._special: Calendar | None = None
        if forecast.calendars:
            self._special = partial(special, forecast.calendars, zone=self.plan.zone)
        self._matched: tuple[Keys, Keys, Ints] = ((), (), np.empty(0, dtype=np.int64))

    def succeed(self, before: "ForecastRunner") -> None:
        """Go on with the history that a stopped runner of the same query has."""
        if before.fingerprint == self.fingerprint:
            self.state = before.state
        self.feed.succeed(before.feed)

    def run(self, now: float) -> ForecastOutcome:
        """Ask for what is new up to `now` (unix seconds) and forecast every series.

        If much is new, only for the first of it; the outcome says that it `is_behind`.

        Raises
        ------
        QueryError
            The query has no answer; the next call asks for the same columns again.
        Stopped
            `stopping` was set.
        """
        if not self.feed.advance(now):
            return ForecastOutcome(is_behind=True)
        self.feed.ring.masked = self._at_present().masked(self.query.name)
        return self._look_ahead()

    def _look_ahead(self) -> ForecastOutcome:
        plan, ring = self.plan, self.feed.ring
        rows = ring.present(plan.grace)
        keys = ring.keys if len(rows) == len(ring.keys) else select_keys(ring.keys, rows)
        limits = self._limits(keys)
        state = for_keys(self.state, ring.keys, len(plan.leads))
        cycle = cycle_of(plan, ring, state.until, self._special)

        size = piece_of(plan)

        def forecast_piece(first: int) -> Part:
            piece = slice(first, first + size)
            limit = None if limits is None else limits[piece]
            return look_ahead(cycle, rows[piece], limit, rows_of(state, rows[piece]))

        # With no series one empty piece, for the names of its gauges.
        pieces = until(self.stopping.is_set, self._pieces)
        parts = list(pieces(forecast_piece, range(0, max(1, len(rows)), size)))
        self.state = with_rows(state, rows, ring.until, [part.learned for part in parts])
        return self._outcome(keys, parts)

    def _outcome(self, keys: Keys, parts: Sequence[Part]) -> ForecastOutcome:
        leads = {
            name: {
                gauge: np.concatenate([part.leads[gauge][:, place] for part in parts])
                for gauge in parts[0].leads
            }
            for place, name in enumerate(self.plan.leads)
        }
        gauges = {
            gauge: np.concatenate([part.gauges[gauge] for part in parts])
            for gauge in parts[0].gauges
        }
        return ForecastOutcome(
            outlook=Outlook(self.query.name, keys, leads, gauges),
            dropped=self.feed.dropped,
            without_limit=int(np.isnan(gauges.get("anomaly_forecast_limit", ())).sum()),
            replaced=int(gauges["anomaly_forecast_replaced"].sum()),
            replacements=sum(part.replacements for part in parts),
            breaches=Outcomes(
                {name: sum(part.outcomes.counts[name] for part in parts) for name in OUTCOMES},
                np.concatenate([part.outcomes.lead_seconds for part in parts]),
            ),
            failure=next((part.failure for part in parts if part.failure is not None), None),
        )

    def _limits(self, keys: Keys) -> Floats | None:
        """Return the limit of each series, NaN where there is none, or None without any."""
        limit = self.forecast.limit
        if limit is None:
            return None
        if not isinstance(limit, str):
            return np.full(len(keys), limit)
        until = self.feed.ring.until
        try:
            batch = self._source.fetch(limit, until, until, self.plan.fine, self.query.timeout)
        except QueryError as error:
            raise QueryError(error.reason, f"the forecast's limit: {error}") from error
        if (keys, batch.keys) != self._matched[:2]:
            self._matched = (keys, batch.keys, limits_of(keys, batch.keys))
        limits = np.append(batch.values[:, 0], np.nan)[self._matched[2]]
        return np.where(np.isfinite(limits), limits, np.nan)
