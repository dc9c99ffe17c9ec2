"""How far off may a forecast be? As far as it would have been at earlier origins."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import ndtri, stdtrit

from exporter.core.series import Floats, Ints
from exporter.forecasters.base import Forecaster
from exporter.forecasters.history import History

ORIGINS: Final = 8
"""Earlier origins whose forecasts are compared with what came."""

NEIGHBOURS: Final = 3
"""Leads before and after one whose errors tell of it, too."""

ERRORS_EACH: Final = 2
"""So many independent ones the errors of one origin count for: those of near leads are alike."""

SURPRISE: Final = 2.0
"""Times the usual error up to which that of the newest origin is none."""

ALIKE: Final = 1.5
"""Series whose histories differ by less than this factor are looked at from the same origins."""

OVERALL: Final = 8.0
"""Errors that the mean over all leads counts for at each of them."""

FEWEST: Final = 8
"""Errors without which there is no band."""


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
    above, below : float64 [S, R], equally likely distances by which the highest value passes the
        mean's highest, and the lowest falls short of its lowest: what they were at R earlier
        origins. NaN where fewer than two are known. The paths' extremes are too far out, since
        what noise the mean has is in the errors, too
    """

    mean: Floats
    lower: Floats
    upper: Floats
    paths: Floats
    above: Floats
    below: Floats


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

    Origins are spread over half of a series' own history, so that a young one has a band, too.
    The errors of earlier forecasts are divided by how large they are at their lead; the band is
    the quantile of these at `coverage`, widened as Student's t is for as few origins as there are.

    Parameters
    ----------
    history : S series
    horizon : H, columns
    coverage : share of the values that the band promises to hold
    low, high : the query's range; nothing outside is ever forecast

    Raises
    ------
    ForecasterError
        The forecaster's arithmetic failed.

    References
    ----------
    Vovk, Gammerman and Shafer (2005), Algorithmic Learning in a Random World, for quantiles of
    past errors as bands. Tashman (2000), doi:10.1016/S0169-2070(00)00065-0, for rolling origins.
    """
    columns = history.values.shape[1]
    enough = 2 * _wanted_span(horizon, history.season + history.cycle)
    ages = np.clip(columns - history.first, 1, max(enough, 1))
    of_an_age = np.floor(np.log(ages) / np.log(ALIKE))
    shape = len(ages), ORIGINS, horizon
    mean, lower, upper = np.full((3, shape[0], horizon), np.nan)
    paths = np.full((shape[0], 2 * ORIGINS, horizon), np.nan)
    above, below = np.full((2, *shape[:2]), np.nan)
    for each in np.unique(of_an_age):
        rows = np.flatnonzero(of_an_age == each)
        start = columns - int(ages[rows].max()) if ages[rows].max() < enough else 0
        part = _forecast_alike(
            forecaster,
            history if len(rows) == len(ages) and start == 0 else history.cut(rows, start),
            horizon,
            coverage=coverage,
            low=low,
            high=high,
        )
        mean[rows], lower[rows], upper[rows] = part.mean, part.lower, part.upper
        if part.above.shape[1]:
            again = np.arange(ORIGINS) % part.above.shape[1]
            above[rows], below[rows] = part.above[:, again], part.below[:, again]
            twice = np.concatenate([again, again + part.above.shape[1]])
            paths[rows] = part.paths[:, twice]
    return Forecast(mean, lower, upper, paths, above, below)


def _forecast_alike(
    forecaster: Forecaster,
    history: History,
    horizon: int,
    *,
    coverage: float,
    low: float,
    high: float,
) -> Forecast:
    """Do the work of `forecast` for series of about one age."""
    columns = history.values.shape[1]
    origins = rolling_origins(columns, horizon, history.season + history.cycle)
    told = np.clip(forecaster.foretell(history, np.append(origins, columns), horizon), low, high)
    told, mean = told[:, :-1], told[:, -1]
    when = origins[:, None] + np.arange(horizon)
    came = np.where(when < columns, history.values[:, np.minimum(when, columns - 1)], np.nan)
    with np.errstate(all="ignore"):  # of values near the largest there are
        astray = surprise(came - told)[:, None] * np.sqrt(np.arange(1, horizon + 1) / horizon)
        ways, scale, reach = weigh_errors(came - told, coverage)
        ways *= scale[:, None]
        ways += astray[:, None] * _evenly(len(origins))[:, None]
        paths = mean[:, None] + np.concatenate([ways, -ways], 1)
        band = np.maximum(reach[:, None] * scale, ndtri(0.5 + coverage / 2.0) * astray)
        above, below = (
            passed_by(sign * told, sign * came) + astray[:, -1:] * _evenly(len(origins))
            for sign in (1.0, -1.0)
        )
    lower, upper, paths = (np.clip(each, low, high) for each in (mean - band, mean + band, paths))
    return Forecast(mean, lower, upper, paths, above, below)


def rolling_origins(columns: int, horizon: int, seasons: int) -> Ints:
    """Return earlier origins, int64 [R <= ORIGINS] ascending, to compare forecasts at.

    They reach back over all seasons or four horizons, and over half of the history at most.
    """
    span = min(_wanted_span(horizon, seasons), columns // 2)
    spacing = max(span // ORIGINS, 1)
    origins = columns - spacing * np.arange(ORIGINS, 0, -1)
    return origins[origins >= 1].astype(np.int64)


def _wanted_span(horizon: int, seasons: int) -> int:
    return max(seasons, ORIGINS * ((horizon + 1) // 2))


def passed_by(told: Floats, came: Floats) -> Floats:
    """Return by how much the highest value passed the highest forecast, float64 [S, R].

    told, came : [S, R, H], at earlier origins; NaN where not known, or not yet. The first origins
        of a row are those at which nothing is known: they become the others again
    """
    is_known = ~(np.isnan(told) | np.isnan(came))
    known = is_known.any(2)
    count = known.sum(1, keepdims=True)
    passed = np.zeros(known.shape)
    np.subtract(
        np.max(came, 2, where=is_known, initial=-np.inf),
        np.max(told, 2, where=is_known, initial=-np.inf),
        out=passed,
        where=known,
    )
    origins = known.shape[1]
    age = np.arange(origins - 1, -1, -1) % np.maximum(count, 1)
    return np.where(count < 2, np.nan, np.take_along_axis(passed, origins - 1 - age, 1))


def surprise(errors: Floats) -> Floats:
    """Return how much farther off the newest origin's forecast is than is usual, float64 [S].

    The root mean square of its errors, without what `SURPRISE` times that of the origins before
    explains; 0 where it is no surprise. Something new has begun then, of which the origins
    before know nothing, and nobody knows where it leads.

    errors : [S, R, H]; NaN where nothing is known
    """
    is_known = ~np.isnan(errors)
    square = np.where(is_known, errors, 0.0) ** 2
    mean = square.sum(2) / np.maximum(is_known.sum(2), 1)
    if mean.shape[1] < 2:
        return np.zeros(len(mean))
    before = np.maximum(is_known[:, :-1, 0].sum(1), 1)
    usual = SURPRISE**2 * mean[:, :-1].sum(1) / before
    excess: Floats = np.sqrt(np.maximum(mean[:, -1] - usual, 0.0))
    return excess


def _evenly(count: int) -> Floats:
    """Return so many values that are spread as a standard normal law's are."""
    return np.asarray(ndtri((np.arange(count) + 0.5) / count))


def _widening(coverage: float) -> Floats:
    """Return by how much wider a band is of 0, 1, ..., ORIGINS origins than of any number."""
    tail = 0.5 + coverage / 2.0
    wider = stdtrit(ERRORS_EACH * np.arange(1, ORIGINS + 1), tail) / ndtri(tail)
    return np.concatenate([[np.nan], wider])


def weigh_errors(errors: Floats, coverage: float) -> tuple[Floats, Floats, Floats]:
    """Divide errors by how large they are at their lead, and say how far `coverage` of them reach.

    errors : [S, R, H]; NaN where nothing is known yet

    Returns
    -------
    relative : [S, R, H], the errors divided; where nothing is known what it was at the lead
        before, or 0 in the first of them
    scale : [S, H], root mean square error around each lead
    reach : [S], quantile of the divided errors' absolute values

    Relative errors and reach are as much wider as Student's t is for as few origins as are known.
    All is NaN where there are too few errors to tell.
    """
    lead = np.arange(errors.shape[2])
    is_known = ~np.isnan(errors)
    counts = is_known.sum(1)
    squares = np.where(is_known, errors**2, 0.0).sum(1)
    overall = squares.sum(1, keepdims=True) / counts.sum(1, keepdims=True)
    near = _around(counts)
    scale = np.sqrt((_around(squares) + OVERALL * overall) / (near + OVERALL))
    known = np.maximum.accumulate(np.where(near > 0, lead, 0), 1)
    # Beyond what is known, as a random walk goes on.
    scale = np.take_along_axis(scale, known, 1) * np.sqrt((lead + 1) / (known + 1))
    relative = np.where(overall[:, None] > 0.0, errors / scale[:, None], 0.0 * errors)
    reach = _quantile(np.abs(relative).reshape(len(errors), math.prod(errors.shape[1:])), coverage)
    last = np.maximum.accumulate(np.where(is_known, lead, -1), 2)
    relative = np.take_along_axis(relative, np.maximum(last, 0), 2)
    relative[last < 0] = 0.0
    seen = is_known[:, :, 0].sum(1)
    can_tell = (seen >= 2) & (counts.sum(1) >= FEWEST) & np.isfinite(overall[:, 0])
    wider = np.where(can_tell, _widening(coverage)[seen], np.nan)
    scale[~can_tell] = np.nan
    return relative * wider[:, None, None], scale, reach * wider


def _around(values: Floats | Ints) -> Floats:
    """Return the sums over NEIGHBOURS columns before and after each, [S, H]."""
    padded = np.pad(values, ((0, 0), (NEIGHBOURS, NEIGHBOURS)))
    return np.asarray(sliding_window_view(padded, 2 * NEIGHBOURS + 1, 1).sum(2))


def _quantile(values: Floats, share: float) -> Floats:
    """Return the quantile over each row [S, N] of what is not NaN."""
    if values.shape[1] == 0:  # there was no earlier origin
        return np.full(len(values), np.nan)
    last = np.maximum((~np.isnan(values)).sum(1, keepdims=True) - 1, 0)
    place = share * last
    ordered = np.sort(values, 1)
    low = np.take_along_axis(ordered, np.floor(place).astype(np.int64), 1)
    high = np.take_along_axis(ordered, np.ceil(place).astype(np.int64), 1)
    return np.asarray(low + (place - np.floor(place)) * (high - low))[:, 0]
