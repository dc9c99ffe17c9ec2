"""What are holidays to a forecast? Days to learn no rhythm from, and to expect another one on.

Only series with a rhythm of days or weeks are touched: how full a disk is on a holiday is a fact
like any other, and what follows on it starts there.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from exporter.core.kernels import compiled
from exporter.core.series import Bools, Floats, Ints
from exporter.core.spans import Special, inside
from exporter.forecasters.bands import Forecast
from exporter.forecasters.history import DAY, Columns, History

ORDINARY: Final = 0
HOURS: Final = 1
WHOLE_DAY: Final = 2

RHYTHM: Final = 0.6
"""A series has a rhythm if it differs from a period ago by less than this share of what it differs
from half a period ago. For noise of any kind that is 1, for random walks and trends more."""

FOLLOWS: Final = 0.8
"""A forecast follows that rhythm if its shape is off a period ago's by at most this share of it. A
line is off by nearly all."""

_THURSDAY: Final = 3  # what 1970-01-01 was, with Monday as 0


@dataclass(frozen=True, slots=True, eq=False)
class Days:
    """Which columns are special, and which they resemble; the same for all series.

    Parameters
    ----------
    kinds : int8 [T + H], `ORDINARY`, `HOURS` or `WHOLE_DAY`
    like : int64 [2, H], for each lead the column of the history to take its course from, -1 for
        none: the last special one of its kind at that time of day, and for whole days that of the
        last ordinary day of rest
    """

    kinds: npt.NDArray[np.int8]
    like: Ints

    @property
    def special(self) -> Bools:
        """Whether each column of the history is special."""
        is_special: Bools = self.kinds[: len(self.kinds) - self.like.shape[1]] != ORDINARY
        return is_special


def days_of(special: Special, columns: Columns) -> Days | None:
    """Return what calendars mean for the columns of a forecast, None if they are all ordinary.

    special : for at least the span of `columns.times`
    """
    kinds = np.where(inside(columns.times, special.hours), HOURS, ORDINARY).astype(np.int8)
    kinds[inside(columns.times, special.days)] = WHOLE_DAY
    if not kinds.any():
        return None
    day, clock = np.divmod(columns.wall, DAY)
    seen = len(kinds) - columns.horizon
    is_rest = ((day + _THURSDAY) % 7 == special.rest) & (kinds == ORDINARY)
    like = np.full((2, columns.horizon), -1)
    for lead in np.flatnonzero(kinds[seen:]).tolist():
        kind, same_time = kinds[seen + lead], clock[:seen] == clock[seen + lead]
        like[0, lead] = _last(same_time & (kinds[:seen] == kind))
        if kind == WHOLE_DAY:
            like[1, lead] = _last(same_time & is_rest[:seen])
    return Days(kinds, like)


def _last(mask: Bools) -> int:
    places = np.flatnonzero(mask)
    return int(places[-1]) if len(places) else -1


@dataclass(frozen=True, slots=True, eq=False)
class Workdays:
    """A history without its special days, and how they come back into the forecast.

    Parameters
    ----------
    history : for the forecaster; the one given if there is nothing to take out
    given : the history as it was
    days : the columns' kinds, None if all are ordinary
    periods : int64 [S], columns of the rhythm that each series has, 0 for none
    """

    history: History
    given: History
    days: Days | None
    periods: Ints

    def settle(self, forecast: Forecast, *, low: float = -np.inf, high: float = np.inf) -> Forecast:
        """Give the leads on special days the course of such a day, at the level of the forecast.

        The forecast is of S series over H columns and is returned as it is if no lead is special.
        What is added to the mean is by how much the day to take after was off an ordinary one: of
        the lead's own weekday, between those before and after it. Band and paths move along.
        Nothing is added to a forecast that does not follow the rhythm itself, such as a line.

        low, high : the query's range
        """
        days = self.days
        if days is None or not (days.like >= 0).any():
            return forecast
        shift = np.zeros(forecast.mean.shape)
        for period in _periods(self.given):
            rows = np.flatnonzero(self.periods == period)
            if len(rows):
                shift[rows] = self._effect(days, rows, period, forecast.mean[rows])
        moved = shift != 0.0

        def settled(told: Floats) -> Floats:
            by, where = (shift, moved) if told.ndim == 2 else (shift[:, None], moved[:, None])
            return np.where(where, np.clip(told + by, low, high), told)

        return replace(
            forecast,
            mean=settled(forecast.mean),
            lower=settled(forecast.lower),
            upper=settled(forecast.upper),
            paths=settled(forecast.paths),
        )

    def _effect(self, days: Days, rows: Ints, period: int, mean: Floats) -> Floats:
        """Return what to add to the mean [rows, H], 0 where there is nothing to go by."""
        given, first = self.given.values[rows], self.given.first[rows][:, None]
        course = np.concatenate([self.history.values[rows], mean], 1)
        lead = given.shape[1] + np.arange(mean.shape[1])
        shift = np.zeros(mean.shape)
        for like in days.like[::-1]:  # the last special day comes last, and stays
            source = np.maximum(like, 0)
            before = lead + period * ((source - lead) // period)
            share = (source - before) / period
            after = course[:, before + period]
            usual = (1.0 - share) * course[:, np.maximum(before, 0)] + share * after
            usual = np.where(before >= first, usual, after)
            shift = np.where((like >= first) & (like >= 0), given[:, source] - usual, shift)
        follows = _follows(mean, course[:, lead - period * (1 + (lead - lead[0]) // period)])
        return np.where(np.isfinite(shift) & follows[:, None], shift, 0.0)


def _follows(mean: Floats, past: Floats) -> Bools:
    """Tell which rows of a forecast [S, H] have the shape of a period ago rather than none."""
    shape = past - past.mean(1, keepdims=True)
    gap = mean - mean.mean(1, keepdims=True) - shape
    follows: Bools = np.abs(gap).sum(1) <= FOLLOWS * np.abs(shape).sum(1)
    return follows


def workdays(history: History, days: Days | None) -> Workdays:
    """Take special days out of a history.

    They are replaced by the same weekday of the nearest ordinary week, or by the nearest ordinary
    day if the series was not there for two weeks, moved to the level of the days around. Series
    that follow neither days nor weeks stay as they are, bit for bit.

    Parameters
    ----------
    history : S series over T columns; not written to
    days : from `days_of`
    """
    periods = np.zeros(len(history.values), dtype=np.int64)
    if days is None:
        return Workdays(history, history, days, periods)
    ordinary = ~days.special
    values = history.values
    if not ordinary.all():
        values = values.copy()
    for period in _periods(history):
        find_rhythm(history.values, history.first, ordinary, period, periods)
        rows = np.flatnonzero(periods == period)
        for start, stop in _runs(~ordinary):
            _replace(values, rows, history, ordinary, period, start, stop)
    return Workdays(replace(history, values=values), history, days, periods)


def _periods(history: History) -> list[int]:
    """Return a week and a day in columns, as far as there are such."""
    return [period for period in (history.cycle, history.season) if period >= 2]


def _runs(mask: Bools) -> list[tuple[int, int]]:
    """Return where a mask is true, as [start, stop)."""
    edges = np.flatnonzero(np.diff(mask, prepend=False, append=False)).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def _replace(
    values: Floats,
    rows: Ints,
    history: History,
    ordinary: Bools,
    period: int,
    start: int,
    stop: int,
) -> None:
    """Write an ordinary course into the columns [start, stop) of some rows of `values`."""
    for shift in _ordinary_shifts(ordinary, period, start, stop):
        ready = history.first[rows] <= min(start, start + shift)
        some, rows = rows[ready], rows[~ready]
        if len(some):
            given, first = history.values[some], history.first[some]
            width = history.season or period
            sides = (slice(max(start - width, 0), start), slice(stop, stop + width))
            before, after = (_above(given, first, ordinary, shift, side) for side in sides)
            before, after = (
                np.where(np.isfinite(before), before, after),
                np.where(np.isfinite(after), after, before),
            )
            share = (np.arange(start, stop) - start + 1) / (stop - start + 1)
            level = np.outer(before, 1.0 - share) + np.outer(after, share)
            level = np.where(np.isfinite(level), level, 0.0)
            values[some, start:stop] = given[:, start + shift : stop + shift] + level


def _ordinary_shifts(ordinary: Bools, period: int, start: int, stop: int) -> list[int]:
    """Return by how many columns the nearest ordinary stretches are off, nearest first."""
    columns = len(ordinary)
    nearest = []
    for sign in (-1, 1):
        for count in range(1, columns // period + 1):
            first, last = start + sign * count * period, stop + sign * count * period
            if first >= 0 and last <= columns and ordinary[first:last].all():
                nearest.append(sign * count * period)
                break
    return sorted(nearest, key=abs)


def _above(given: Floats, first: Ints, ordinary: Bools, shift: int, side: slice) -> Floats:
    """Return how far rows usually are above what they were `shift` columns off, NaN if unknown."""
    columns = np.arange(given.shape[1])[side]
    columns = columns[(columns + shift >= 0) & (columns + shift < given.shape[1])]
    columns = columns[ordinary[columns] & ordinary[columns + shift]]
    if not len(columns):
        return np.full(len(given), np.nan)
    gap = given[:, columns] - given[:, columns + shift]
    gap[np.minimum(columns, columns + shift) < first[:, None]] = np.nan
    ascending = np.sort(gap, 1)
    count = np.isfinite(gap).sum(1)
    middle: Floats = ascending[np.arange(len(gap)), np.maximum(count - 1, 0) // 2]
    return middle


@compiled
def find_rhythm(values: Floats, first: Ints, ordinary: Bools, period: int, periods: Ints) -> None:
    """Write `period` into the rows of `periods` that have none so far and follow this one."""
    half = period // 2
    for row in range(values.shape[0]):
        if periods[row] > 0:
            continue
        differs = np.zeros(2)
        counted = 0
        mean = np.zeros(2)
        for turn in range(2):
            counted = 0
            for now in range(first[row] + period, values.shape[1]):
                if ordinary[now] and ordinary[now - period] and ordinary[now - half]:
                    counted += 1
                    whole = values[row, now] - values[row, now - period]
                    part = values[row, now] - values[row, now - half]
                    if turn == 0:
                        mean[0] += whole
                        mean[1] += part
                    else:
                        differs[0] += abs(whole - mean[0])
                        differs[1] += abs(part - mean[1])
            if turn == 0:
                mean /= max(counted, 1)
        if 2 * counted >= period and differs[0] < RHYTHM * differs[1]:
            periods[row] = period
