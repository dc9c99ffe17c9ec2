"""What does it mean that a series climbs to a level? Cases, and the one rule that finds them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from exporter.core.series import Floats

LEAST: Final = 12
"""Columns from the start of a climb to its crossing without which it is a jump."""

JUMP: Final = 0.5
"""Share of the way to the level that may at most be made in a single column."""


@dataclass(frozen=True, eq=False)
class Climb:
    """One crossing from below, and the way to it.

    Parameters
    ----------
    values : float64 [T], samples, some of them after the crossing
    start : column of the last low before it
    crossing : column of the first sample at or above the limit
    limit : the level that was crossed
    """

    values: Floats
    start: int
    crossing: int
    limit: float

    @property
    def instant(self) -> float:
        """The crossing, in columns; between two of them the series is a straight line."""
        before, after = self.values[self.crossing - 1 : self.crossing + 1]
        return self.crossing - float((after - self.limit) / (after - before))


@dataclass(frozen=True, eq=False)
class Climbs:
    """Climbs that are forecast in the same way.

    Parameters
    ----------
    name : what they are, for people
    step : milliseconds between the columns of a forecast
    stride : how many samples make such a step
    columns : how many of them a forecaster sees
    horizon : how many it tells
    cases : each with a value per sample, not per step
    """

    name: str
    step: int
    stride: int
    columns: int
    horizon: int
    cases: tuple[Climb, ...]


def climb_between(values: Floats, start: int, end: int, least: int = LEAST) -> Climb | None:
    """Return the climb to half-way between the value at `start` and the highest up to `end`.

    None where it is none: the level was reached in fewer than `least` columns after the last low,
    or most of the way was made at a single one.

    start, end : columns, the latter excluded
    """
    part = values[start:end]
    if len(part) < 2 or not np.isfinite(part).all():
        return None
    limit = float((part[0] + part.max()) / 2)
    (above,) = np.nonzero(part >= limit)
    crossing = int(above[0])
    if crossing == 0:
        return None
    low = crossing - 1 - int(part[:crossing][::-1].argmin())
    way = limit - part[low]
    biggest = np.diff(part[low : crossing + 1]).max()
    if crossing - low < least or way <= 0 or biggest > JUMP * way:
        return None
    return Climb(values, start + low, start + crossing, limit)


def rises(values: Floats, swing: float) -> Iterator[tuple[int, int]]:
    """Yield the columns of each low and of the high after it, the latter excluded.

    A low or a high is one that the series turned from by at least `swing`.
    """
    low = high = 0
    is_rising = False
    for column in range(1, len(values)):
        value = values[column]
        if is_rising:
            if value > values[high]:
                high = column
            elif values[high] - value >= swing:
                yield low, high + 1
                is_rising, low = False, column
        elif value <= values[low]:
            low = column
        elif value - values[low] >= swing:
            is_rising, high = True, column
