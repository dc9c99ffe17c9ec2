"""What has lately been right for this series? Several forecasters, each as good as it was."""

from dataclasses import dataclass
from typing import ClassVar, Final, Literal

import numpy as np

from exporter.core.kernels import compiled
from exporter.core.series import Floats, Ints
from exporter.forecasters.base import Forecaster
from exporter.forecasters.history import History
from exporter.forecasters.ridge import Ridge
from exporter.forecasters.seasonal_naive import SeasonalNaive

STRICTNESS: Final = 3.0
"""Power of the relative error by which a member's weight falls."""

TRIMMED: Final = 0.25
"""Share of the weight that is cut off at either end before the mean is taken."""


@dataclass(frozen=True, kw_only=True)
class Auto(Forecaster):
    """Mix several forecasters, for every series by their errors at its own earlier origins.

    Notes
    -----
    Members: ridge regressions of the values and of their logarithms, on a whole cycle and on three
    seasons; seasonal naive of day and week, the latter also moved half way to the present level.
    A member's weight is its mean absolute error, relative to the best one's, to the power of -3;
    the forecast is the weighted mean of what lies between the quartiles. Before there are errors
    to tell by, all weigh the same.

    References
    ----------
    Bates and Granger (1969), doi:10.1057/jors.1969.103. Jose and Winkler (2008),
    doi:10.1016/j.ijforecast.2007.06.001, on trimmed means of forecasts. Montero-Manso et al.
    (2020), doi:10.1016/j.ijforecast.2019.02.011, second of the M4 competition, weight by features.
    """

    kind: Literal["auto"] = "auto"

    least: ClassVar[int] = 1

    def _foretell(self, history: History, origins: Ints, horizon: int) -> Floats:
        season = history.season
        members: list[Forecaster] = [
            Ridge(),
            Ridge(transform="asinh"),
            SeasonalNaive(),
        ]
        if season >= 2:
            members += [
                Ridge(lags=3 * season),
                Ridge(transform="asinh", lags=3 * season),
            ]
        told = [member.foretell(history, origins, horizon) for member in members]
        if history.cycle >= 2:
            for share in (0.0, 0.5):
                told.append(a_cycle_ago(history, origins, horizon, share))
        paths = np.empty_like(told[0])
        blend(history.values, origins, np.stack(told), paths)
        return paths


def a_cycle_ago(history: History, origins: Ints, horizon: int, share: float) -> Floats:
    """Return what was one cycle ago, moved by a share of how the level changed since."""
    paths = np.full((len(history.values), len(origins), horizon), np.nan)
    season, cycle = max(history.season, 1), history.cycle
    for place, origin in enumerate(origins.tolist()):
        if origin < cycle + season:
            continue
        then = origin - cycle + np.arange(horizon) % cycle
        level = history.values[:, origin - season : origin].mean(1)
        before = history.values[:, origin - season - cycle : origin - cycle].mean(1)
        moved = np.where((level > 0.0) & (before > 0.0), (level / before) ** share, 1.0)
        paths[:, place] = history.values[:, then] * moved[:, None]
    return paths


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
            count = 0
            for earlier in range(place):
                for lead in range(min(horizon, origin - origins[earlier])):
                    count += 1
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
def weigh(error: Floats, can_tell: Floats, weight: Floats) -> None:
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
