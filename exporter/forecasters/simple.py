"""The simplest things to say of the future: members of `auto`, none of which goes far wrong."""

from typing import Final

import numpy as np

from exporter.core.kernels import compiled
from exporter.core.series import Floats, Ints
from exporter.forecasters.history import History

RECENT: Final = 24
"""Samples of the present where there is no season to take."""

SEASONS: Final = 7
"""Seasons whose median is taken."""

SIMPLE: Final = 6


def simple_paths(history: History, origins: Ints, horizon: int) -> list[Floats]:
    """Return what each simple forecast says from each origin, float64 [S, R, H] each.

    They are: the last sample; the median of the last season; the line through the two halves of
    the last horizon; the median of up to seven seasons at each time of day; the last cycle; and
    that moved half way to the present level, as a factor. NaN where one cannot tell.
    """
    told = np.full((SIMPLE, len(history.values), len(origins), horizon), np.nan)
    season, cycle = max(history.season, 1), max(history.cycle, 1)
    for row_wise in (foretell_level, foretell_line):
        row_wise(history.values, history.first, origins, season, told)
    foretell_seasons(history.values, history.first, origins, season, cycle, told)
    return list(told)


@compiled
def foretell_level(values: Floats, first: Ints, origins: Ints, season: int, told: Floats) -> None:
    """Write the first two of what `simple_paths` returns into `told` [6, S, R, H]."""
    for row in range(told.shape[1]):
        for place in range(told.shape[2]):
            own = values[row, first[row] : origins[place]]
            if len(own) > 0:
                told[0, row, place] = own[len(own) - 1]
                told[1, row, place] = np.median(own[-(season if season > 1 else RECENT) :])


@compiled
def foretell_line(values: Floats, first: Ints, origins: Ints, season: int, told: Floats) -> None:
    """Write the third."""
    horizon = told.shape[3]
    for row in range(told.shape[1]):
        for place in range(told.shape[2]):
            own = values[row, first[row] : origins[place]]
            length = len(own)
            half = min(max(horizon // 2, 2), length // 2)
            if half < 1:
                continue
            newer = own[length - half :].mean()
            slope = (newer - own[length - 2 * half : length - half].mean()) / half
            for lead in range(horizon):
                told[2, row, place, lead] = newer + slope * (0.5 * (half + 1) + lead)


@compiled
def foretell_seasons(
    values: Floats, first: Ints, origins: Ints, season: int, cycle: int, told: Floats
) -> None:
    """Write the last three, NaN where no season or cycle was seen."""
    horizon = told.shape[3]
    for row in range(told.shape[1]):
        for place in range(told.shape[2]):
            own = values[row, first[row] : origins[place]]
            length = len(own)
            seasons = min(length // season, SEASONS) if season > 1 else 0
            if seasons >= 2:
                for lead in range(min(season, horizon)):
                    start = length - seasons * season + lead
                    told[3, row, place, lead::season] = np.median(own[start::season])
            if cycle > 1 and length >= cycle + season:
                level = own[length - season :].mean()
                before = own[length - season - cycle : length - cycle].mean()
                moved = np.sqrt(level / before) if level > 0.0 and before > 0.0 else 1.0
                for lead in range(horizon):
                    then = own[length - cycle + lead % cycle]
                    told[4, row, place, lead] = then
                    told[5, row, place, lead] = then * moved
