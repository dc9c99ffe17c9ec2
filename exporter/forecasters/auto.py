"""What has lately been right for this series? Several forecasters, each as good as it was."""

from dataclasses import dataclass
from typing import ClassVar, Final, Literal

import numpy as np

from exporter.core.kernels import compiled
from exporter.core.series import Bools, Floats, Ints
from exporter.forecasters.arima import Arima
from exporter.forecasters.base import Forecaster
from exporter.forecasters.exponential_smoothing import ExponentialSmoothing
from exporter.forecasters.history import History
from exporter.forecasters.ridge import Ridge
from exporter.forecasters.seasonal_decomposition import SeasonalDecomposition
from exporter.forecasters.seasonal_naive import SeasonalNaive
from exporter.forecasters.simple import simple_paths

SEL = (0, 1, 2, 3)
STRICTNESS: Final = 3.0
"""Power of the relative error by which a member's weight falls."""

FADING: Final = 0.8
"""What errors at an origin count for when those at the next one are known."""

FOREGOING: Final = 2
"""Origins before the first one asked for, so that it has errors to go by, too."""

TRIMMED: Final = 0.25
"""Share of the weight that is cut off at either end before the mean is taken."""

MEMBERS: Final[tuple[Forecaster, ...]] = (
    Arima(),
    ExponentialSmoothing(),
    Ridge(),
    Ridge(transform="asinh"),
    SeasonalDecomposition(),
    SeasonalNaive(),
)
"""Beside them stand the simple ones of `exporter.forecasters.simple`."""


@dataclass(frozen=True, kw_only=True)
class Auto(Forecaster):
    """Mix several forecasters, for every series by their errors at its own earlier origins.

    Notes
    -----
    Members: `arima`, `exponential_smoothing`, `ridge` of the values and of their logarithms,
    `seasonal_decomposition`, `seasonal_naive`, and the simplest there are: the last sample, the
    last median, the last slope, the median of a week of days, last week, and last week moved half
    way to the present level. A member's weight is its mean absolute error, relative to the best
    one's, to the power of -3, later origins counting more; the forecast is the weighted mean of
    what lies between the quartiles. So the choice is nearly one of the best, but none that a
    single lucky day decides. Before there are errors to tell by, all weigh the same.

    References
    ----------
    Bates and Granger (1969), doi:10.1057/jors.1969.103. Jose and Winkler (2008),
    doi:10.1016/j.ijforecast.2007.06.001, on trimmed means of forecasts. Montero-Manso et al.
    (2020), doi:10.1016/j.ijforecast.2019.02.011, second of the M4 competition, weight by features.
    """

    kind: Literal["auto"] = "auto"

    least: ClassVar[int] = 1

    def _foretell(self, history: History, origins: Ints, horizon: int) -> Floats:
        gap = int(origins[1] - origins[0]) if len(origins) > 1 else horizon
        before = origins[0] - gap * np.arange(FOREGOING, 0, -1)
        before = before[before >= 1]
        everywhere = np.concatenate([before, origins])
        told = [member.foretell(history, everywhere, horizon) for member in MEMBERS]
        told += simple_paths(history, everywhere, horizon)
        paths = np.empty_like(told[0])
        blend(history.values, everywhere, np.stack(told), paths)
        return paths[:, len(before) :].copy()


@compiled
def blend(values: Floats, origins: Ints, told: Floats, paths: Floats) -> None:
    """Write the weighted trimmed mean of K members' forecasts [K, S, R, H] into `paths`.

    At each origin the weights come from the errors of earlier ones that are known by then.
    """
    members, series, places, horizon = told.shape
    error = np.empty(members)
    weight = np.empty(members)
    for row in range(series):
        for place in range(places):
            origin = origins[place]
            error[:] = 0.0
            for earlier in range(place):
                error *= FADING
                for lead in range(min(horizon, origin - origins[earlier])):
                    came = values[row, origins[earlier] + lead]
                    for member in range(members):
                        error[member] += abs(told[member, row, earlier, lead] - came)
            can_tell = ~np.isnan(told[:, row, place, 0])
            if not can_tell.any():
                paths[row, place] = np.nan
                continue
            weigh(error, can_tell, weight)
            for lead in range(horizon):
                paths[row, place, lead] = middle(told[:, row, place, lead], weight)


@compiled
def weigh(error: Floats, can_tell: Bools, weight: Floats) -> None:
    """Write the weight of each member, 0 for one that cannot tell, the sum being 1."""
    best = np.inf
    for member in range(len(error)):
        if can_tell[member] and error[member] < best:
            best = error[member]
    for member in range(len(error)):
        if not can_tell[member]:
            weight[member] = 0.0
        elif not np.isfinite(best):
            weight[member] = 1.0
        elif np.isnan(error[member]):
            weight[member] = 0.0
        elif best == 0.0:
            weight[member] = 1.0 if error[member] == 0.0 else 0.0
        else:
            weight[member] = (best / error[member]) ** STRICTNESS
    weight /= weight.sum()


@compiled
def middle(told: Floats, weight: Floats) -> float:
    """Return the weighted mean of what is left when both ends have lost `TRIMMED` of the weight."""
    passed = 0.0
    total = 0.0
    inside = 0.0
    for member in np.argsort(told):
        if weight[member] <= 0.0:
            continue
        start = max(passed, TRIMMED)
        passed += weight[member]
        share = min(passed, 1.0 - TRIMMED) - start
        if share > 0.0:
            total += share * told[member]
            inside += share
    return total / inside
