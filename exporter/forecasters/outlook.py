"""What does one forecast cycle of one query do? Pure: no I/O, no clock."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
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
from exporter.forecasters.breach import Breach, breach
from exporter.forecasters.capacity import capacity
from exporter.forecasters.followup import OUTCOMES, Outcomes
from exporter.forecasters.history import Columns, wall_columns
from exporter.forecasters.plan import ForecastPlan
from exporter.forecasters.resets import Course, without_resets
from exporter.forecasters.seasonal_naive import SeasonalNaive
from exporter.forecasters.special import Days, days_of, workdays

NAIVE: Final = SeasonalNaive()

Calendar = Callable[[int, int], Special]

NO_OUTCOMES: Final = Outcomes(dict.fromkeys(OUTCOMES, 0), np.empty(0))


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


def cycle_of(plan: ForecastPlan, ring: Ring, until: int, special: Calendar | None) -> Cycle:
    """Return what all series of a cycle have in common.

    until : unix milliseconds of the newest column that the cycle before knew
    special : tells the days that are special between two instants, unix milliseconds
    """
    columns = wall_columns(ring.times(plan.stride), plan.step, plan.horizon, plan.zone)
    times = ring.times()
    days = None
    if special is not None:
        days = days_of(special(int(columns.times[0]), int(columns.times[-1])), columns)
    return Cycle(
        plan=plan,
        ring=ring,
        columns=columns,
        days=days,
        since=times[times > until],
    )


def look_ahead(cycle: Cycle, rows: Ints, limit: Floats | None, known: Mapping[str, State]) -> Part:
    """Forecast some series, and compare what was forecast of them with what came.

    Parameters
    ----------
    rows : which ones of the ring
    limit : float64 [rows], NaN where there is none; None: nobody asks
    known : what is known of them since the cycle before
    """
    plan, ring = cycle.plan, cycle.ring
    past = _past(cycle, rows)
    own, naive, failure = _forecasts(cycle, past)
    is_replaced = known["skill"]["replaced"] > 0
    stands_in = is_replaced | np.isnan(own.mean[:, 0])
    shown = naive if failure is not None else _chosen(stands_in, naive, own)
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
    (newest,) = ring.samples(rows, np.array([ring.until])).T
    if not plan.is_scored:
        gauges["anomaly_value"] = newest
    followed, outcomes = known["followup"], NO_OUTCOMES
    if limit is not None:
        gauges["anomaly_forecast_limit"] = limit
        found = _breach(cycle, newest, shown, limit)
        gauges.update(_breach_gauges(found))
        gauges.update(_capacity_gauges(cycle, past, limit))
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


def _past(cycle: Cycle, rows: Ints) -> Course:
    """Return the samples of some series without their resets."""
    times = cycle.ring.times(cycle.plan.stride)
    return without_resets(cycle.ring.learnable(rows, times), cycle.plan.high)


def _forecasts(cycle: Cycle, past: Course) -> tuple[Forecast, Forecast, ForecasterError | None]:
    """Return what the forecaster says, what seasonal naive says, and why the former is the latter.

    Forecasters see series without their resets and without special days.
    """
    plan, columns = cycle.plan, cycle.columns
    ordinary = workdays(columns.history(past.values), cycle.days)

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
        told = past.settle(told, low=plan.low, high=plan.high)
        return replace(
            told,
            mean=columns.in_utc(told.mean),
            lower=columns.in_utc(told.lower),
            upper=columns.in_utc(told.upper),
            paths=columns.in_utc(told.paths),
        )

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
        above=np.where(each, first.above, second.above),
        below=np.where(each, first.below, second.below),
    )


def _breach(cycle: Cycle, newest: Floats, shown: Forecast, limit: Floats) -> Breach:
    plan, now = cycle.plan, cycle.ring.until
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


def _capacity_gauges(cycle: Cycle, past: Course, limit: Floats) -> dict[str, Floats]:
    plan = cycle.plan
    if plan.capacity is None:
        return {}
    history = cycle.columns.history(past.values - past.offset[:, None])
    start = max(0, history.values.shape[1] - plan.capacity.columns)
    recent = history.cut(np.arange(len(history.values)), start)
    found = capacity(
        recent,
        plan.step,
        limit,
        cycle.ring.until,
        direction=plan.direction,
        coverage=plan.capacity.coverage,
        least=min(plan.horizon, plan.capacity.columns),
    )
    return {
        "anomaly_capacity_growth_per_second": found.growth,
        "anomaly_capacity_exhaustion_timestamp_seconds": found.exhaustion,
        "anomaly_capacity_exhaustion_earliest_timestamp_seconds": found.earliest,
        "anomaly_capacity_exhaustion_latest_timestamp_seconds": found.latest,
    }
