"""A source that answers from memory and notes what it was asked."""

from collections.abc import Callable

import numpy as np

from exporter.core.series import Floats, SeriesBatch
from exporter.errors import SourceUnavailable

STEP = 15_000


class ArraySource:
    """Series that have a value for every column from time 0 on.

    Parameters
    ----------
    values : float64 [S, T], column t at t * STEP milliseconds

    Attributes
    ----------
    meanwhile : what happens while the next answers are awaited, one per answer
    """

    def __init__(self, values: Floats) -> None:
        self.values = values
        self.asked: list[tuple[int, int]] = []
        self.is_down = False
        self.is_slow = False
        self.meanwhile: list[Callable[[], None]] = []

    def fetch(self, expr: str, start: int, end: int, step: int, timeout: float) -> SeriesBatch:
        self.asked.append((start, end))
        if self.meanwhile:
            self.meanwhile.pop(0)()
        if self.is_down:
            raise SourceUnavailable("unavailable", "down")
        if self.is_slow:
            raise SourceUnavailable("timeout", "did not answer in time")
        times = np.arange(start, end + step, step, dtype=np.int64)
        known = np.full((len(self.values), len(times)), np.nan)
        columns = times // STEP
        there = (columns >= 0) & (columns < self.values.shape[1])
        known[:, there] = self.values[:, columns[there]]
        keys = tuple(b'{"row":"%d"}' % row for row in range(len(self.values)))
        has_any = np.flatnonzero(~np.isnan(known).all(1))
        return SeriesBatch(keys, times, known, step).rows(has_any)
