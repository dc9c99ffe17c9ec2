"""What does Naive2, the ruler of the M4 competition, forecast?

Naive on what a multiplicative decomposition leaves, where a test finds the season significant.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from exporter.core.series import Floats

CRITICAL: Final = 1.645
"""Standard errors beyond which an autocorrelation is significant: two-sided, at 90 %."""


def naive2(past: Sequence[Floats], season: int, horizon: int) -> Floats:
    """Return float64 [S, H].

    References
    ----------
    Makridakis, Spiliotis and Assimakopoulos (2020), doi:10.1016/j.ijforecast.2019.04.014, and the
    organisers' program, "Benchmarks and Evaluation.R". There a season longer than 10 log10 of the
    row is never tested, which no row of the M4 is short enough for; here it is. Indices that are
    no positive numbers, where theirs would end in NaN, leave a row as it is.
    """
    told = np.empty((len(past), horizon))
    steps = np.arange(horizon)
    for row, values in enumerate(past):
        told[row] = values[-1]
        if not is_seasonal(values, season):
            continue
        indices = seasonal_indices(values, season)
        if (indices > 0).all():
            end = len(values)
            told[row] *= indices[(end + steps) % season] / indices[(end - 1) % season]
    return told


def is_seasonal(values: Floats, season: int) -> bool:
    """Return whether the autocorrelation at `season` is significant, by Bartlett's formula."""
    if season < 2 or len(values) < 3 * season:
        return False
    centred = values - values.mean()
    if not (power := centred @ centred):
        return False
    lags = range(1, season + 1)
    correlation = np.array([centred[lag:] @ centred[:-lag] for lag in lags]) / power
    limit = CRITICAL * np.sqrt((1 + 2 * (correlation[:-1] ** 2).sum()) / len(values))
    return bool(abs(correlation[-1]) > limit)


def seasonal_indices(values: Floats, season: int) -> Floats:
    """Return the factor of each place in the season, float64 [season], with a mean of 1.

    The classical decomposition: ratios to a centred moving average, averaged by place; place 0 is
    that of the first value. NaN or Inf where an average is zero.
    """
    weights = np.ones(season + 1 - season % 2)
    if season % 2 == 0:
        weights[[0, -1]] = 0.5
    trend = np.convolve(values, weights / season, mode="valid")
    half = season // 2
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = values[half : half + len(trend)] / trend
        place = np.arange(half, half + len(trend)) % season
        mean = np.bincount(place, ratio, season) / np.bincount(place, minlength=season)
        indices: Floats = mean / mean.mean()
    return indices
