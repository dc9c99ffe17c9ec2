"""How far off may a forecast be? As far as it would have been at earlier origins."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from exporter.core.series import Floats, Ints
from exporter.forecasters.base import Forecaster
from exporter.forecasters.history import History

ORIGINS: Final = 8
"""Earlier origins whose forecasts are compared with what came."""


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """How S series go on over the next H columns.

    Parameters
    ----------
    mean : float64 [S, H], the expected value; NaN in all leads where there is no telling
    lower, upper : float64 [S, H], the band that promises to hold each value with `coverage`; NaN
        where there is nothing yet to learn from how far off forecasts are
    paths : float64 [S, P, H], equally likely ways to go, made of the mean and earlier errors: they
        tell when a limit is crossed, which no band can; NaN like the band
    """

    mean: Floats
    lower: Floats
    upper: Floats
    paths: Floats


def forecast(
    forecaster: Forecaster,
    history: History,
    horizon: int,
    *,
    coverage: float = 0.9,
    low: float = -np.inf,
    high: float = np.inf,
) -> Forecast:
    """Forecast the columns after the history, with a band.

    Parameters
    ----------
    history : S series
    horizon : H, columns
    coverage : share of the values that the band promises to hold
    low, high : the query's range; nothing outside is ever forecast
    """
    columns = history.values.shape[1]
    origins = rolling_origins(columns, horizon)
    told = forecaster.foretell(history, np.append(origins, columns), horizon)
    mean = np.clip(told[:, -1], low, high)
    when = origins[:, None] + np.arange(horizon)
    came = np.where(when < columns, history.values[:, np.minimum(when, columns - 1)], np.nan)
    errors = came - np.clip(told[:, :-1], low, high)
    distance = np.sort(np.abs(errors).reshape(len(errors), -1), 1)
    count = np.isfinite(distance).sum(1)
    rank = np.minimum(np.ceil(coverage * (count + 1)).astype(np.int64), count) - 1
    reach = np.take_along_axis(distance, np.maximum(rank, 0)[:, None], 1)
    errors = np.where(np.isfinite(errors), errors, 0.0)
    paths = np.clip(mean[:, None] + np.concatenate([errors, -errors], 1), low, high)
    return Forecast(mean, np.clip(mean - reach, low, high), np.clip(mean + reach, low, high), paths)


def rolling_origins(columns: int, horizon: int) -> Ints:
    """Return earlier origins, int64 [R] ascending, whose forecasts can be compared by now."""
    latest = max(columns - horizon, 2)
    earliest = max(min(columns // 3, latest), 1)
    return np.unique(np.linspace(earliest, latest, ORIGINS).astype(np.int64))
