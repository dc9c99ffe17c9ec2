"""What does one forecast cycle of one query do? Pure: no I/O, no clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

import numpy as np

from exporter.core.ring import Ring
from exporter.core.rows import State
from exporter.core.series import Bools, Floats, Ints
from exporter.core.spans import Special
from exporter.errors import ForecasterError
from exporter.forecasters import followup, skill
from exporter.forecasters.bands import Forecast, forecast
from exporter.forecasters.base import Forecaster
from exporter.forecasters.breach import Breach, Side, breach
from exporter.forecasters.followup import OUTCOMES, Outcomes
from exporter.forecasters.history import Columns, wall_columns
from exporter.forecasters.resets import without_resets
from exporter.forecasters.seasonal_naive import SeasonalNaive
from exporter.forecasters.special import Days, days_of, workdays

NAIVE: Final = SeasonalNaive()

NO_OUTCOMES: Final = Outcomes(dict.fromkeys(OUTCOMES, 0), np.empty(0))


@dataclass(frozen=True, kw_only=True)
class ForecastPlan:
    """One query's forecasts, as a cycle needs them.

    Parameters
    ----------
    query : its name
    forecaster : what says how series go on
    step : milliseconds between the columns that it sees
    stride : how many columns of the ring make such a step
    columns : how many of them it sees
    horizon : how many it tells
    leads : horizon as published, such as 6h -> that many columns ahead
    coverage : share of the values that a band promises to hold
    low, high : the range of possible values
    direction : which way the limit is crossed
    grace : milliseconds for which a series may pause
    remember_for : milliseconds for which a series that is gone is remembered
    max_series : of which there is a forecast at most
    zone : whose days and weeks count; None is UTC
    """

    query: str
    forecaster: Forecaster
    step: int
    stride: int
    columns: int
    horizon: int
    leads: Mapping[str, int]
    coverage: float = 0.9
    low: float = -np.inf
    high: float = np.inf
    direction: Side = "up"
    grace: int = 0
    remember_for: int = 0
    max_series: int = 10_000
    zone: tzinfo | None = None

    @property
    def fine(self) -> int:
        """Milliseconds between the columns of the ring."""
        return self.step // self.stride

    def blank_ring(self) -> Ring:
        """Return the ring of a query that nothing is known of."""
        return Ring(self.fine, self.columns * self.stride)


@dataclass(frozen=True, slots=True, eq=False)
class Cycle:
    """What all series of a cycle have in common.

    Parameters
    ----------
    plan : the query
    ring : its past
    columns : those that the forecaster sees and tells
    days : which of them are special, None if none is
    since : int64, the ring's columns that came after the cycle before
    """

    plan: ForecastPlan
    ring: Ring
    columns: Columns
    days: Days | None
    since: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What becomes of some of a query's series.

    Parameters
    ----------
    leads : gauge name -> float64 [S, leads]
    gauges : gauge name -> float64 [S]
    learned : what is to be known of them in the next cycle
    outcomes : what ended
    replacements : series that seasonal naive begins to stand in for
    failure : why the forecaster could not tell, so that seasonal naive stands in
    """

    leads: dict[str, Floats]
    gauges: dict[str, Floats]
    learned: dict[str, State]
    outcomes: Outcomes
    replacements: int
    failure: ForecasterError | None = None


def cycle_of(plan: ForecastPlan, ring: Ring, until: int, special: Special | None) -> Cycle:
    """Return what all series of a cycle have in common.

    until : unix milliseconds of the newest column that the cycle before knew
    special : the days that calendars name, for at least the span of history and horizon
    """
    columns = wall_columns(ring.times(plan.stride), plan.step, plan.horizon, plan.zone)
    times = ring.times()
    return Cycle(
        plan=plan,
        ring=ring,
        columns=columns,
        days=None if special is None else days_of(special, columns),
        since=times[times > until],
    )


def present(plan: ForecastPlan, ring: Ring) -> Ints:
    """Return the rows of the series that are there now."""
    age = ring.until - ring.seen
    return np.flatnonzero(age <= max(plan.grace, 2 * ring.step))


def look_ahead(cycle: Cycle, rows: Ints, limit: Floats | None, known: Mapping[str, State]) -> Part:
    """Forecast some series, and compare what was forecast of them with what came.

    Parameters
    ----------
    rows : which ones of the ring
    limit : float64 [rows], NaN where there is none; None: nobody asks
    known : what is known of them since the cycle before
    """
    plan, ring = cycle.plan, cycle.ring
    own, naive, failure = _forecasts(cycle, rows)
    is_replaced = known["skill"]["replaced"] > 0
    shown = naive if failure is not None else _chosen(is_replaced, naive, own)
    when = np.array(list(plan.leads.values())) - 1
    leads = {
        "anomaly_forecast_value": shown.mean[:, when],
        "anomaly_forecast_lower_bound": shown.lower[:, when],
        "anomaly_forecast_upper_bound": shown.upper[:, when],
    }
    recent = ring.samples(rows, cycle.since)
    judged, skilled = skill.advance(
        known["skill"],
        (when + 1) * plan.step,
        cycle.since,
        recent,
        ring.until,
        own.mean[:, when] if failure is None else np.full((len(rows), len(when)), np.nan),
        naive.mean[:, when],
        leads["anomaly_forecast_lower_bound"],
        leads["anomaly_forecast_upper_bound"],
    )
    gauges = {
        "anomaly_forecast_error_ratio": skilled.error_ratio,
        "anomaly_forecast_coverage_ratio": skilled.coverage_ratio,
        "anomaly_forecast_bias_ratio": skilled.bias_ratio,
        "anomaly_forecast_replaced": (is_replaced | (failure is not None)).astype(np.float64),
    }
    followed, outcomes = known["followup"], NO_OUTCOMES
    if limit is not None:
        gauges["anomaly_forecast_limit"] = limit
        found = _breach(cycle, rows, shown, limit)
        gauges.update(_breach_gauges(found))
        followed, outcomes = followup.advance(
            followed,
            cycle.since,
            recent,
            limit,
            found,
            shown.upper[:, 0] - shown.lower[:, 0],
            direction=plan.direction,
            horizon=plan.horizon * plan.step,
        )
    return Part(
        leads=leads,
        gauges=gauges,
        learned={"skill": judged, "followup": followed},
        outcomes=outcomes,
        replacements=int((skilled.replaced & ~is_replaced).sum()),
        failure=failure,
    )


def _forecasts(cycle: Cycle, rows: Ints) -> tuple[Forecast, Forecast, ForecasterError | None]:
    """Return what the forecaster says, what seasonal naive says, and why the former is the latter.

    Forecasters see series without their resets and without special days.
    """
    plan, columns = cycle.plan, cycle.columns
    samples = cycle.ring.samples(rows, cycle.ring.times(plan.stride))
    course = without_resets(samples, plan.high)
    ordinary = workdays(columns.history(course.values), cycle.days)

    def told_by(forecaster: Forecaster) -> Forecast:
        told = forecast(
            forecaster,
            ordinary.history,
            columns.horizon,
            coverage=plan.coverage,
            low=plan.low,
            high=plan.high,
        )
        told = ordinary.settle(told, low=plan.low, high=plan.high)
        told = course.settle(told, low=plan.low, high=plan.high)
        return Forecast(*map(columns.in_utc, (told.mean, told.lower, told.upper, told.paths)))

    naive = told_by(NAIVE)
    if plan.forecaster == NAIVE:
        return naive, naive, None
    try:
        return told_by(plan.forecaster), naive, None
    except ForecasterError as error:
        return naive, naive, error


def _chosen(is_first: Bools, first: Forecast, second: Forecast) -> Forecast:
    """Return the first forecast of some series and the second of the others."""
    if first is second or not is_first.any():
        return second
    each = is_first[:, None]
    return Forecast(
        mean=np.where(each, first.mean, second.mean),
        lower=np.where(each, first.lower, second.lower),
        upper=np.where(each, first.upper, second.upper),
        paths=np.where(each[..., None], first.paths, second.paths),
    )


def _breach(cycle: Cycle, rows: Ints, shown: Forecast, limit: Floats) -> Breach:
    plan, now = cycle.plan, cycle.ring.until
    (newest,) = cycle.ring.samples(rows, np.array([now])).T
    ahead = now + plan.step * np.arange(1, plan.horizon + 1)
    return breach(
        shown,
        newest,
        limit,
        ahead,
        now,
        direction=plan.direction,
        coverage=plan.coverage,
    )


def _breach_gauges(found: Breach) -> dict[str, Floats]:
    return {
        "anomaly_forecast_breach_timestamp_seconds": found.timestamp,
        "anomaly_forecast_breach_earliest_timestamp_seconds": found.earliest,
        "anomaly_forecast_breach_latest_timestamp_seconds": found.latest,
        "anomaly_forecast_breach_probability": found.probability,
    }
