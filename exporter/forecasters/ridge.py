"""Ridge regression of the columns to come on those before, all leads at once."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Literal

import numpy as np
from annotated_types import Ge, Gt

from exporter.core.kernels import compiled
from exporter.core.series import Floats, Ints
from exporter.forecasters.base import Forecaster
from exporter.forecasters.history import History

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
    within half a horizon of the last fit share it; the last origin always has its own.

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
        season, cycle = history.season, history.cycle
        lags = self.lags or 0
        if not lags:
            lags = cycle if 2 <= cycle <= LONGEST else season
            lags = lags if 2 <= lags <= LONGEST else PLAIN
        paths = np.full((len(history.values), len(origins), horizon), np.nan)
        is_curved = self.transform == "asinh"
        regress(
            history.values, history.first, origins, season, lags, self.penalty, is_curved, paths
        )
        return paths


@compiled
def regress(
    values: Floats,
    first: Ints,
    origins: Ints,
    season: int,
    lags: int,
    penalty: float,
    is_curved: bool,
    paths: Floats,
) -> None:
    """Write the forecasts from every origin into `paths` [S, R, H]; NaN stays where none is."""
    horizon = paths.shape[2]
    for row in range(values.shape[0]):
        fitted = -horizon
        unit = 1.0
        factor = np.empty((0, 0))
        across = np.empty((0, 0))
        for place in range(len(origins)):
            own = values[row, first[row] : origins[place]]
            used = min(lags, (len(own) - horizon) // 2)
            if used < FEWEST:
                continue
            if place == len(origins) - 1 or origins[place] - fitted >= horizon // 2:
                fitted = origins[place]
                unit = NEAR_ZERO * np.median(np.abs(own)) if is_curved else 1.0
                back = season if 2 <= season <= used else 1
                samples = np.arcsinh(own / unit) if is_curved else own.copy()
                factor, across = fit(samples, used, horizon, back, penalty)
            used = len(factor)
            back = season if 2 <= season <= used else 1
            recent = own[len(own) - used :]
            if is_curved:
                recent = np.arcsinh(recent / unit)
            weights = substitute(factor, recent - recent[used - back :].mean())
            for lead in range(horizon):
                path = recent[used - back + lead % back] + np.dot(weights, across[lead])
                paths[row, place, lead] = unit * np.sinh(path) if is_curved else path


@compiled
def fit(
    samples: Floats, used: int, horizon: int, back: int, penalty: float
) -> tuple[Floats, Floats]:
    """Return the factor [L, L] of the lags' Gram matrix, and the leads' part of it [H, L]."""
    spread = samples.std()
    spread = spread if spread > RESOLUTION * abs(samples.mean()) else 1.0
    gram = window_products((samples - samples.mean()) / spread, used + horizon)
    relate(gram, used, back)
    tied = gram[:used, :used].copy()
    load = penalty * np.trace(tied) / used + RESOLUTION * len(samples)
    for lag in range(used):
        tied[lag, lag] += load
    across = gram[:used, used:].T.copy()
    if not np.isfinite(load):
        return np.full((used, used), np.nan), across
    return np.asarray(np.linalg.cholesky(tied), dtype=np.float64), across


@compiled
def window_products(samples: Floats, width: int) -> Floats:
    """Return the Gram matrix [width, width] of all windows of that width, a row of products.

    Each further row follows from the one before: its sums have one product less at their start
    and one more at their end.
    """
    count = len(samples) - width + 1
    gram = np.empty((width, width))
    for lag in range(width):
        gram[0, lag] = np.dot(samples[:count], samples[lag : lag + count])
    for here in range(1, width):
        for lag in range(here, width):
            gram[here, lag] = (
                gram[here - 1, lag - 1]
                - samples[here - 1] * samples[lag - 1]
                + samples[count + here - 1] * samples[count + lag - 1]
            )
    for here in range(width):
        for lag in range(here):
            gram[here, lag] = gram[lag, here]
    return gram


@compiled
def relate(gram: Floats, used: int, back: int) -> None:
    """Turn the products of windows into those of windows less their level, in place.

    The level is the mean of the last `back` of the first `used` columns; of the columns after
    these, what repeating the last `back` would say is taken away, too.
    """
    width = len(gram)
    level = np.zeros(width)
    for lag in range(used - back, used):
        level += gram[lag] / back
    overall = level[used - back : used].mean()
    for here in range(width):
        for there in range(width):
            gram[here, there] += overall - level[here] - level[there]
    for lead in range(width - used):
        season = used - back + lead % back
        for lag in range(used):
            gram[lag, used + lead] -= gram[lag, season]


@compiled
def substitute(factor: Floats, target: Floats) -> Floats:
    """Return x with L L' x = target, for the lower triangle L."""
    size = len(target)
    found = target.copy()
    for here in range(size):
        for before in range(here):
            found[here] -= factor[here, before] * found[before]
        found[here] /= factor[here, here]
    for here in range(size - 1, -1, -1):
        found[here] /= factor[here, here]
        for before in range(here):
            found[before] -= factor[here, before] * found[here]
    return found
