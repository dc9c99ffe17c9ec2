"""What does one forecast cycle of one query do? Pure: no I/O, no clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from exporter.core.ring import Ring
from exporter.core.series import Floats, Ints
from exporter.errors import ForecasterError
from exporter.forecasters.bands import Forecast, forecast
from exporter.forecasters.base import Forecaster
from exporter.forecasters.history import History, history_of, seasons_of
from exporter.forecasters.seasonal_naive import SeasonalNaive

NAIVE: Final = SeasonalNaive()

Side = Literal["up", "down"]


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
    direction : the side from which the limit is no longer kept
    grace : milliseconds for which a series may pause
    remember_for : milliseconds for which a series that is gone is remembered
    max_series : of which there is a forecast at most
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
    max_series: int | None = None

    @property
    def fine(self) -> int:
        """Milliseconds between the columns of the ring."""
        return self.step // self.stride

    def blank_ring(self) -> Ring:
        """Return the ring of a query that nothing is known of."""
        return Ring(self.fine, self.columns * self.stride)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What becomes of some of a query's series.

    Parameters
    ----------
    leads : gauge name -> float64 [S, leads]
    gauges : gauge name -> float64 [S]
    failure : why the forecaster could not tell, so that seasonal naive stands in
    """

    leads: dict[str, Floats]
    gauges: dict[str, Floats]
    failure: ForecasterError | None = None


def present(plan: ForecastPlan, ring: Ring) -> Ints:
    """Return the rows of the series that are there now."""
    age = ring.until - ring.seen
    return np.flatnonzero(age <= max(plan.grace, 2 * ring.step))


def look_ahead(plan: ForecastPlan, ring: Ring, rows: Ints, limit: Floats | None) -> Part:
    """Forecast some series.

    Parameters
    ----------
    ring : their past
    rows : which ones
    limit : float64 [rows], NaN where there is none
    """
    times = ring.times(plan.stride)
    history = history_of(ring.samples(rows, times), *seasons_of(plan.step))
    naive = _forecast(plan, NAIVE, history)
    own, failure = naive, None
    if plan.forecaster != NAIVE:
        try:
            own = _forecast(plan, plan.forecaster, history)
        except ForecasterError as error:
            failure = error
    shown = own
    when = np.array(list(plan.leads.values())) - 1
    leads = {
        "anomaly_forecast_value": shown.mean[:, when],
        "anomaly_forecast_lower_bound": shown.lower[:, when],
        "anomaly_forecast_upper_bound": shown.upper[:, when],
    }
    gauges: dict[str, Floats] = {}
    if limit is not None:
        gauges["anomaly_forecast_limit"] = limit
    return Part(leads, gauges, failure)


def _forecast(plan: ForecastPlan, forecaster: Forecaster, history: History) -> Forecast:
    return forecast(
        forecaster,
        history,
        plan.horizon,
        coverage=plan.coverage,
        low=plan.low,
        high=plan.high,
    )
