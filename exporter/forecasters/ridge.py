"""Ridge regression of the columns to come on those before, all leads at once."""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Literal

import numpy as np
from annotated_types import Ge, Gt

from exporter.core.kernels import compiled
from exporter.core.series import Floats, Ints
from exporter.forecasters.base import Forecaster
from exporter.forecasters.history import History
from exporter.forecasters.simple import median

LONGEST: Final = 192
"""Columns of a cycle, or else of a season, that are all looked at: the cost is their cube."""

PLAIN: Final = 48
"""Columns that are looked at where there is no season."""

NEAR_ZERO: Final = 0.1
"""Share of the median below which values are taken as they are rather than their logarithm."""

RESOLUTION: Final = 1e-9
"""Spreads below this share of the mean are rounding."""

FEWEST: Final = 4
"""Columns that are worth looking at."""

WINDOWS_EACH: Final = 3
"""Windows of the history for each column looked at: with fewer, noise is taken for habit."""


@dataclass(frozen=True, kw_only=True)
class Ridge(Forecaster):
    """Predict each lead by a linear function of the last `lags` samples.

    Both are taken relative to the mean of the last season, and the leads relative to the last
    season itself, so that what the regression cannot tell stays as seasonal naive has it.

    Parameters
    ----------
    transform : what is regressed: the values, or the inverse hyperbolic sine of them in units of
        a tenth of their median: that is their logarithm, but for values near zero and below
    lags : samples that are looked at; None is a cycle, else a season, else 48, and less in a short
        history
    penalty : how much a coefficient has to gain to be believed, relative to the samples' variance

    Notes
    -----
    All windows of the history are samples of the regression. Its Gram matrix has the structure of
    a Hankel matrix's and costs one row of products; a factorisation is the rest. Origins
    within half a horizon of the last fit share it; the last origin always has its own. It never
    goes farther beyond what was seen than what was seen is wide.

    References
    ----------
    Hoerl and Kennard (1970), doi:10.1080/00401706.1970.10488634. Taieb, Bontempi, Atiya and
    Sorjamaa (2012), doi:10.1016/j.eswa.2012.01.039, on forecasting all leads at once.
    """

    kind: Literal["ridge"] = "ridge"
    transform: Literal["none", "asinh"] = "none"
    lags: Annotated[int, Ge(FEWEST)] | None = None
    penalty: Annotated[float, Gt(0)] = 0.03

    least: ClassVar[int] = 12

    def _foretell(self, history: History, origins: Ints, horizon: int) -> Floats:
        values, season, cycle = history.values, history.season, history.cycle
        lags = self.lags or 0
        if not lags:
            lags = cycle if 2 <= cycle <= LONGEST else season
            lags = lags if 2 <= lags <= LONGEST else PLAIN
        units = np.zeros((len(values), len(origins)))
        if self.transform == "asinh":
            for place, origin in enumerate(origins.tolist()):
                units[:, place] = NEAR_ZERO * median(np.abs(values[:, :origin]))
            units[units == 0.0] = np.nan
        paths = np.full((*units.shape, horizon), np.nan)
        regress(values, history.first, origins, units, season, lags, self.penalty, paths)
        low = np.fmin.accumulate(values, 1)[:, origins - 1, None]
        high = np.fmax.accumulate(values, 1)[:, origins - 1, None]
        return np.clip(paths, low - (high - low), high + (high - low), out=paths)


@compiled
def regress(
    values: Floats,
    first: Ints,
    origins: Ints,
    units: Floats,
    season: int,
    lags: int,
    penalty: float,
    paths: Floats,
) -> None:
    """Write the forecasts from every origin into `paths` [S, R, H]; NaN stays where none is.

    units : [S, R], of what the inverse hyperbolic sine is taken; 0 where it is not
    """
    horizon = paths.shape[2]
    samples = np.empty(values.shape[1])
    gram = np.empty((lags + horizon, lags + horizon))
    level = np.empty(lags + horizon)
    weights = np.empty(lags)
    for row in range(values.shape[0]):
        fitted = -horizon
        used = back = 1
        unit = 0.0
        factor = gram
        for place in range(len(origins)):
            own = values[row, first[row] : origins[place]]
            size = min(lags, (len(own) - horizon) // (WINDOWS_EACH + 1))
            if size < FEWEST:
                continue
            if place == len(origins) - 1 or origins[place] - fitted >= horizon // 2:
                fitted = origins[place]
                unit = units[row, place]
                used = size
                back = season if 2 <= season <= used else 1
                curve(own, unit, samples)
                factor = fit(
                    samples[: len(own)], used, back, penalty, gram[: used + horizon], level
                )
            recent = samples[len(own) - used : len(own)]
            curve(own[len(own) - used :], unit, recent)
            middle = 0.0
            for lag in range(used - back, used):
                middle += recent[lag] / back
            for lag in range(used):
                weights[lag] = recent[lag] - middle
            substitute(factor, weights[:used])
            for lead in range(horizon):
                path = recent[used - back + lead % back]
                path += np.dot(weights[:used], gram[used + lead, :used])
                paths[row, place, lead] = path if unit == 0.0 else unit * math.sinh(path)


@compiled
def curve(values: Floats, unit: float, samples: Floats) -> None:
    """Write to the head of `samples` what is regressed of values."""
    for column in range(len(values)):
        value = values[column]
        samples[column] = value if unit == 0.0 else math.asinh(value / unit)


@compiled
def fit(
    samples: Floats, used: int, back: int, penalty: float, gram: Floats, level: Floats
) -> Floats:
    """Return the factor [L, L] of the lags' Gram matrix, NaN where there is none.

    gram : [L + H, L + H]; below the first L rows is left what the leads have to do with the lags
    level : [L + H], scratch
    """
    mean = 0.0
    for sample in samples:
        mean += sample / len(samples)
    square = 0.0
    for sample in samples:
        square += (sample - mean) ** 2 / len(samples)
    spread = math.sqrt(square)
    if not spread > RESOLUTION * abs(mean):
        spread = 1.0
    multiply_windows((samples - mean) / spread, gram)
    relate(gram, used, back, level)
    load = 0.0
    for lag in range(used):
        load += gram[lag, lag]
    load = penalty * load / used + RESOLUTION * len(samples)
    is_finite = load < np.inf
    tied = gram[:used, :used].copy()
    for lag in range(used):
        tied[lag, lag] += load if is_finite else np.nan
    if not is_finite:
        return tied
    return np.asarray(np.linalg.cholesky(tied), dtype=np.float64)


@compiled
def multiply_windows(samples: Floats, gram: Floats) -> None:
    """Write the lower half of the Gram matrix [W, W] of all windows of W samples.

    Each further row follows from the one before: its sums have one product less at their start
    and one more at their end.
    """
    width = len(gram)
    count = len(samples) - width + 1
    for lag in range(width):
        gram[lag, 0] = np.dot(samples[:count], samples[lag : lag + count])
    for here in range(1, width):
        for lag in range(1, here + 1):
            gram[here, lag] = (
                gram[here - 1, lag - 1]
                - samples[here - 1] * samples[lag - 1]
                + samples[count + here - 1] * samples[count + lag - 1]
            )


@compiled
def relate(gram: Floats, used: int, back: int, level: Floats) -> None:
    """Turn the products of windows into those of windows less their level, in place.

    The level is the mean of the last `back` of the first `used` columns; of the columns after
    these, what repeating the last `back` would say is taken away, too.
    """
    width = len(gram)
    for here in range(width):
        level[here] = 0.0
        for lag in range(used - back, used):
            level[here] += (gram[here, lag] if lag <= here else gram[lag, here]) / back
    overall = 0.0
    for lag in range(used - back, used):
        overall += level[lag] / back
    for here in range(width):
        for lag in range(min(here + 1, used)):
            gram[here, lag] += overall - level[here] - level[lag]
    for lead in range(width - used):
        season = used - back + lead % back
        for lag in range(used):
            gram[used + lead, lag] -= gram[season, lag] if lag <= season else gram[lag, season]


@compiled
def substitute(factor: Floats, target: Floats) -> None:
    """Replace the target by the x with L L' x = target, for the lower triangle L."""
    size = len(target)
    for here in range(size):
        target[here] -= np.dot(factor[here, :here], target[:here])
        target[here] /= factor[here, here]
    for here in range(size - 1, -1, -1):
        target[here] /= factor[here, here]
        for before in range(here):
            target[before] -= factor[here, before] * target[here]
