"""How far off are forecasts, in the measures of the M4 competition?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from exporter.core.series import Floats

ROUNDING: Final = 1e-12
"""Share of a series' greatest value below which a difference is none."""


@dataclass(frozen=True)
class Accuracy:
    """Means over all series; each series is a mean over its steps.

    Parameters
    ----------
    smape : symmetric mean absolute percentage error, 0 to 200
    mase : mean absolute error over that of seasonal naive within the past
    owa : mean of both, each over that of Naive2; NaN where there is none to compare with
    coverage : share of the values inside the band; NaN where there is no band
    msis : mean scaled interval score at the band's nominal coverage, NaN likewise
    """

    smape: float
    mase: float
    owa: float = np.nan
    coverage: float = np.nan
    msis: float = np.nan


def scales(past: Sequence[Floats], season: int) -> Floats:
    """Return the mean absolute error of seasonal naive within each past: float64 [S].

    NaN where that is no scale: the past is no longer than a season, or repeats itself exactly.
    """
    found = np.full(len(past), np.nan)
    for row, values in enumerate(past):
        if len(values) > season:
            error = np.abs(values[season:] - values[:-season]).mean()
            if error > ROUNDING * np.abs(values).max():
                found[row] = error
    return found


def accuracy(
    came: Floats,
    mean: Floats,
    scale: Floats,
    *,
    naive2: Accuracy | None = None,
    lower: Floats | None = None,
    upper: Floats | None = None,
    coverage: float = 0.9,
) -> Accuracy:
    """Compare forecasts with what came.

    Parameters
    ----------
    came : float64 [S, H]; NaN steps do not count
    mean : float64 [S, H], without NaN
    scale : float64 [S]; a series without one is left out of MASE and MSIS, and of nothing else
    naive2 : what OWA compares with
    lower, upper : float64 [S, H], the band, without NaN
    coverage : what the band promises
    """
    distance = np.abs(came - mean)
    total = np.abs(came) + np.abs(mean)
    smape = _mean(200 * np.divide(distance, total, where=total != 0, out=np.zeros_like(total)))
    mase = _mean(distance / scale[:, None])
    owa = (smape / naive2.smape + mase / naive2.mase) / 2 if naive2 else np.nan
    if lower is None or upper is None:
        return Accuracy(smape, mase, owa)
    is_inside = np.where(np.isnan(came), np.nan, (came >= lower) & (came <= upper))
    outside = np.maximum(lower - came, 0) + np.maximum(came - upper, 0)
    interval = upper - lower + 2 / (1 - coverage) * outside
    return Accuracy(smape, mase, owa, _mean(is_inside), _mean(interval / scale[:, None]))


def _mean(steps: Floats) -> float:
    """Return the mean over series of the mean over steps, both over what is there."""
    is_there = ~np.isnan(steps)
    counted = is_there.any(1)
    if not counted.any():
        return np.nan
    each = np.where(is_there, steps, 0.0).sum(1)[counted] / is_there.sum(1)[counted]
    return float(each.mean())
