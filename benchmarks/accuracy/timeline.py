"""Which column of an exact grid does each row of a file belong to?

Production asks Prometheus for columns at a step it was told. A file has neither, so both are
worked out here, without ever looking at a row before its turn: a file cut short has the same
columns as the whole one.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np

from exporter.core.series import Bools, Ints

FIRST_ROWS: Final = 50
"""Rows whose distances tell the step."""

TYPICAL: Final = 0.25
"""Share of the distances that the most frequent one needs to be the step; else the median is."""

FURTHEST: Final = 1
"""Columns by which a row may be late when its own column is taken."""


@dataclass(frozen=True, eq=False)
class Timeline:
    """Where R rows lie on a grid.

    Parameters
    ----------
    step : milliseconds between columns
    start : unix milliseconds of column 0, a multiple of `step`
    column : int64 [R], ascending, the column by whose score each row is told
    is_judged : bool [R]; other rows came too close after the last one, or before it, and share
        that one's score: their value is left out, as Prometheus leaves out all but the last
        sample before a column
    """

    step: int
    start: int
    column: Ints
    is_judged: Bools

    @property
    def columns(self) -> int:
        """How many columns there are."""
        return int(self.column[-1]) + 1 if len(self.column) else 0

    def times(self, start: int, stop: int) -> Ints:
        """Return the columns [start, stop) in unix milliseconds."""
        return self.start + np.arange(start, stop, dtype=np.int64) * self.step


def infer_step(times: Ints) -> int:
    """Return the milliseconds between samples, from the first rows of `times` [R] alone."""
    distances = np.diff(times[:FIRST_ROWS])
    distances = distances[distances > 0]
    if not len(distances):
        return 60_000
    frequency = Counter(distances.tolist())
    most = max(frequency.values())
    if most < TYPICAL * len(distances):
        return max(1, int(np.median(distances)))
    return int(min(distance for distance, times in frequency.items() if times == most))


def lay_out(times: Ints) -> Timeline:
    """Return the columns of rows at `times` [R], unix milliseconds, mostly ascending."""
    step = infer_step(times)
    first = int(times[0]) if len(times) else 0
    start = (first + step // 2) // step * step
    wanted = (times - first + step // 2) // step
    if bool((np.diff(wanted) > 0).all()):
        return Timeline(step, start, wanted, np.ones(len(times), dtype=np.bool_))
    column = np.empty_like(wanted)
    is_judged = np.zeros(len(wanted), dtype=np.bool_)
    last = -1
    for row, own in enumerate(wanted.tolist()):
        free = max(own, last + 1)
        if free - own <= FURTHEST:
            last, is_judged[row] = free, True
        column[row] = last
    return Timeline(step, start, column, is_judged)
