"""What does a forecaster see of the past? Samples without gaps, and the seasons they may follow."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from exporter.core.kernels import compiled
from exporter.core.series import Floats, Ints

DAY: Final = 86_400_000
"""Milliseconds."""


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """S series over the T columns up to now.

    Parameters
    ----------
    values : float64 [S, T], C order, oldest first; finite from each row's first sample on, NaN
        before it
    first : int64 [S], column of the first sample; T where there is none
    season : columns after which series may repeat themselves, mostly those of a day; below 2 is
        none
    cycle : a longer such period, mostly a week; a multiple of `season`, or below 2 for none
    """

    values: Floats
    first: Ints
    season: int = 0
    cycle: int = 0

    def rows(self, start: int, stop: int) -> "History":
        """Return the series [start, stop), as a view."""
        rows = slice(start, stop)
        return History(self.values[rows], self.first[rows], self.season, self.cycle)

    def seasons_at(self, origin: int) -> Ints:
        """Return the season to believe in before `origin`, int64 [S]: 1 until it was seen twice."""
        was_seen = (self.season >= 2) & (origin - self.first >= 2 * self.season)
        return np.where(was_seen, self.season, 1).astype(np.int64)


def history_of(values: Floats, season: int = 0, cycle: int = 0) -> History:
    """Return the history that samples [S, T] make: gaps become straight lines, Inf is a gap.

    After the last sample the series stays where it was.
    """
    filled = np.where(np.isfinite(values), values, np.nan)
    first = np.empty(len(values), dtype=np.int64)
    bridge_gaps(filled, first)
    return History(filled, first, season, cycle)


def seasons_of(step: int) -> tuple[int, int]:
    """Return the columns of a day and of a week, 0 where they are no whole number of at least 2.

    step : milliseconds between columns
    """
    day, rest = divmod(DAY, step)
    season = day if rest == 0 and day >= 2 else 0
    week, rest = divmod(7 * DAY, step)
    cycle = week if rest == 0 and week >= 2 and (season or day < 2) else 0
    return (season, cycle) if season else (cycle, 0)


@compiled
def bridge_gaps(values: Floats, first: Ints) -> None:
    """Fill the gaps of each row in place and write the column of its first sample."""
    columns = values.shape[1]
    for row in range(values.shape[0]):
        last = -1
        first[row] = columns
        for column in range(columns):
            if np.isnan(values[row, column]):
                continue
            if last < 0:
                first[row] = column
            for gap in range(last + 1, column if last >= 0 else 0):
                share = (gap - last) / (column - last)
                values[row, gap] = (1.0 - share) * values[row, last] + share * values[row, column]
            last = column
        if last >= 0:
            values[row, last + 1 :] = values[row, last]
