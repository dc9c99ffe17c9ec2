"""Which instants are special? Spans of time, and whether an instant lies in one of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np

from exporter.core.series import Bools, Ints

Spans: TypeAlias = Ints
"""int64 [N, 2], unix milliseconds [start, end), ascending, none touching the next."""

NOTHING: Final[Spans] = np.empty((0, 2), dtype=np.int64)

SUNDAY: Final = 6
"""Its number, with Monday as 0."""


def merged(spans: Iterable[tuple[int, int]]) -> Spans:
    """Return pairs in any order as spans; those that are empty are left out."""
    result: list[list[int]] = []
    for start, end in sorted(pair for pair in spans if pair[0] < pair[1]):
        if result and start <= result[-1][1]:
            result[-1][1] = max(result[-1][1], end)
        else:
            result.append([start, end])
    return np.array(result, dtype=np.int64).reshape(-1, 2)


def inside(times: Ints, spans: Spans) -> Bools:
    """Return whether each of the instants, int64 [T] in unix milliseconds, lies in a span."""
    if not len(spans):
        return np.zeros(len(times), dtype=np.bool_)
    place = np.searchsorted(spans[:, 0], times, side="right") - 1
    inside: Bools = (place >= 0) & (times < spans[np.maximum(place, 0), 1])
    return inside


@dataclass(frozen=True, slots=True, eq=False)
class Special:
    """What calendars say of a window of time.

    Parameters
    ----------
    days : whole days, as the wall clock of one time zone has them
    hours : shorter spans
    rest : the day of the week that a holiday is most like, Monday is 0
    """

    days: Spans
    hours: Spans = field(default_factory=lambda: NOTHING)
    rest: int = SUNDAY

    def mask(self, times: Ints) -> Bools:
        """Return which of the instants, int64 [T] in unix milliseconds, are special."""
        return inside(times, self.days) | inside(times, self.hours)


def united(parts: Iterable[Special]) -> Special:
    """Return what several calendars say together; the first one's day of rest counts."""
    parts = tuple(parts)
    return Special(
        merged(pair for part in parts for pair in part.days.tolist()),
        merged(pair for part in parts for pair in part.hours.tolist()),
        next((part.rest for part in parts), SUNDAY),
    )
