"""Robust linear: the line that most of the last samples agree on goes on from the present level."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal

import numpy as np
from annotated_types import Ge

from exporter.core.kernels import compiled
from exporter.core.series import Floats, Ints
from exporter.forecasters.base import Forecaster
from exporter.forecasters.history import History
from exporter.forecasters.lines import middle_slope, without_jumps

POINTS: Final = 24
"""Parts of the window whose medians the line goes through; seasons are the parts if enough fit."""
SEASONS: Final = 7


@dataclass(frozen=True, kw_only=True)
class RobustLinear(Forecaster):
    """Go on along the Theil-Sen line, from the level of the last season.

    Parameters
    ----------
    window : newest samples through which the line goes, or as many as there are

    Notes
    -----
    Lasting jumps that are not a habit, such as a cleaned disk, are taken out before; then the
    window is cut into parts, whole seasons where seven of them fit, and the slope is the median of
    those between the medians of any two parts: a quarter of the window may be wrong altogether. It
    goes on from the median level of the last part, not from the last sample.

    References
    ----------
    Sen (1968), Estimates of the regression coefficient based on Kendall's tau,
    doi:10.1080/01621459.1968.10480934.
    """

    kind: Literal["robust_linear"] = "robust_linear"
    window: Annotated[int, Ge(2)] = 336

    def _foretell(self, history: History, origins: Ints, horizon: int) -> Floats:
        paths = np.full((len(history.values), len(origins), horizon), np.nan)
        season = max(history.season, 1)
        draw_robust_lines(history.values, history.first, origins, self.window, season, paths)
        return paths


@compiled
def draw_robust_lines(
    values: Floats, first: Ints, origins: Ints, window: int, season: int, paths: Floats
) -> None:
    """Write the lines [S, R, H] through the last `window` samples before each origin."""
    slopes = np.empty(POINTS * POINTS)
    for row in range(len(values)):
        for place in range(len(origins)):
            origin = origins[place]
            start = max(first[row], origin - window)
            count = origin - start
            if count < 1:
                continue
            base = values[row, origin - 1]
            recent = values[row, start:origin] - base
            part = -(-count // POINTS)
            if season > part and count >= SEASONS * season:
                part = season
            without_jumps(recent, max(part, count // POINTS, 2))
            parts = count // part
            levels = np.empty(parts)
            for point in range(parts):
                end = count - (parts - 1 - point) * part
                levels[point] = np.median(recent[end - part : end])
            slope = middle_slope(levels, slopes) / part
            newest = recent[count - part :]
            for age in range(part):
                newest[part - 1 - age] += slope * (age + 1)
            level = np.median(newest)
            for lead in range(paths.shape[2]):
                paths[row, place, lead] = base + (level + slope * lead)
