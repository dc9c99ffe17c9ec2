"""What does a forecaster see of the past? Samples without gaps, and the seasons they may follow."""

from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

import numpy as np

from exporter.core.kernels import compiled
from exporter.core.series import Floats, Ints, utc_offsets

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

    def cut(self, rows: Ints, start: int) -> "History":
        """Return some series from the column `start` on."""
        values = np.ascontiguousarray(self.values[rows, start:])
        first = np.maximum(self.first[rows] - start, 0)
        return History(values, first, self.season, self.cycle)

    def seasons_at(self, origin: int) -> Ints:
        """Return the season to believe in before `origin`, int64 [S]: 1 until it was seen twice."""
        was_seen = (self.season >= 2) & (origin - self.first >= 2 * self.season)
        return np.where(was_seen, self.season, 1).astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """The columns that a forecaster sees and tells, evenly spaced on the wall clock.

    Where clocks are put forward, the hour that they skip is a gap in the history like any other;
    where they are put back, the later one of the two hours counts.

    Parameters
    ----------
    times : int64 [T + H], unix milliseconds of the T columns seen and of the H ahead; in an hour
        that is skipped those of the column before
    wall : int64 [T + H], what the wall clock shows then, ascending by `step`
    step : milliseconds between columns
    horizon : H
    sources : int64 [T], where each column is in the samples, -1 where it is skipped; None where
        the two are the same
    leads : int64, for every lead that was asked for the one of H that tells it; None likewise
    """

    times: Ints
    wall: Ints
    step: int
    horizon: int
    sources: Ints | None = None
    leads: Ints | None = None

    def history(self, values: Floats) -> History:
        """Return what samples [S, columns in UTC] look like on these columns."""
        if self.sources is not None:
            values = np.where(self.sources >= 0, values[:, self.sources], np.nan)
        return history_of(values, *seasons_of(self.step))

    def in_utc(self, told: Floats) -> Floats:
        """Return what is told of [..., H] for the leads that were asked for."""
        return told if self.leads is None else told[..., self.leads]


def wall_columns(times: Ints, step: int, horizon: int, zone: tzinfo | None) -> Columns:
    """Line up columns by the wall clock, so that seasons stay in step across its changes.

    Parameters
    ----------
    times : int64 [T], unix milliseconds of the samples, ascending by `step`
    step : milliseconds
    horizon : columns ahead that are wanted, in UTC
    zone : whose wall clock; None is UTC

    Returns
    -------
    Columns, the very ones given unless a change of the clock by whole steps is among them
    """
    times = np.concatenate([times, times[-1] + step * np.arange(1, horizon + 1)])
    if zone is None:
        return Columns(times, times, step, horizon)
    offsets = utc_offsets(times, zone)
    wall = times + offsets
    now = len(times) - horizon - 1
    places = (wall - wall[0]) // step
    if (offsets == offsets[0]).all() or ((wall - wall[0]) % step).any():
        return Columns(times, wall, step, horizon)
    leads = np.maximum(places[now + 1 :] - places[now] - 1, 0)  # the doubled hour may be ahead
    seen, ahead = int(places[now]) + 1, int(leads.max()) + 1
    is_ahead = np.arange(len(times)) > now
    placed = np.flatnonzero((places >= 0) & (is_ahead == (places > places[now])))
    sources = np.full(seen + ahead, -1)
    sources[places[placed]] = placed  # of two the later one
    last = np.maximum.accumulate(np.maximum(sources, 0))
    even = wall[0] + step * np.arange(seen + ahead)
    return Columns(times[last], even, step, ahead, sources[:seen], leads)


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
