"""What does a drift test see of a series? Its samples in ascending order, and what they are worth.

Samples of a metric resemble those just before them, so a thousand of them tell less than a thousand
independent ones. How much less is the autocorrelation time: so many samples are worth one.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from exporter.core.kernels import compiled
from exporter.core.pieces import Mapper, one_by_one
from exporter.core.series import Bools, Floats, Ints
from exporter.core.tail import HUGE

Piece: TypeAlias = tuple[int, int]
"""Rows [start, stop)."""

ROWS: Final = 256
"""Series in a piece of work."""

LEAST: Final = 5.0
"""Fewer independent samples than this, on either side, cannot tell."""

ROUNDING: Final = 1e-12
"""Samples that differ by less than this share of the greatest are equal."""

SEASONS: Final = 3
"""Repetitions from which a rhythm is told from chance."""

NORMAL: Final = 1.2533141373155001
"""sqrt(pi / 2): makes the mean distance estimate the deviation of a normal law."""


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """The samples of S series in a window.

    Parameters
    ----------
    ascending : float64 [S, N], each row sorted, NaN behind its samples
    count : int64 [S], samples of each
    """

    ascending: Floats
    count: Ints

    def rows(self, start: int, stop: int) -> "Samples":
        """Return the series [start, stop), as views."""
        return Samples(self.ascending[start:stop], self.count[start:stop])


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """The samples to compare with, made once and kept: axis 0 of every array is the series.

    Parameters
    ----------
    samples : of S series
    memory : float64 [S], autocorrelation time in samples, at least 1; see `memory_of`
    """

    samples: Samples
    memory: Floats

    def rows(self, start: int, stop: int) -> "Reference":
        """Return the series [start, stop), as views."""
        return Reference(self.samples.rows(start, stop), self.memory[start:stop])

    def sizes(self, recent: Samples) -> tuple[Floats, Floats]:
        """Return how many independent samples both sides are worth, each float64 [S].

        The memory is the reference's on both sides: that of the few recent samples would be
        mostly noise, and a shift amid them would count as a long memory.
        """
        return self.samples.count / self.memory, recent.count / self.memory

    def tells(self, recent: Samples) -> Bools:
        """Return for which series there are samples enough on both sides, bool [S]."""
        here, there = self.sizes(recent)
        enough: Bools = np.minimum(here, there) >= LEAST
        return enough

    def equals(self, recent: Samples) -> Bools:
        """Return which series are one and the same constant on both sides, bool [S]."""
        lows, highs = zip(_ends(self.samples), _ends(recent), strict=True)
        low, high = np.minimum(*lows), np.maximum(*highs)
        same: Bools = high - low <= ROUNDING * np.maximum(np.abs(low), np.abs(high))
        return same


def samples_of(values: Floats) -> Samples:
    """Return the samples of a window.

    Parameters
    ----------
    values : float64 [S, N] in any order, not written to; NaN, infinite and absurd (beyond 1e150)
        values are no samples
    """
    ascending = np.where(np.abs(values) < HUGE, values, np.nan)
    ascending.sort()
    count = np.isfinite(ascending).sum(1)
    return Samples(ascending, count)


def reference_of(values: Floats, *, season: int = 0, each: Mapper = one_by_one) -> Reference:
    """Return the reference made of `values` [S, N] in the order of time.

    Parameters
    ----------
    values : see `samples_of`
    season : see `autocorrelation_times`
    each : does pieces of the work
    """
    ascending = np.empty(values.shape)
    count, memory = np.zeros(len(values), dtype=np.int64), np.ones(len(values))

    def work(piece: Piece) -> None:
        rows = slice(*piece)
        ascending[rows], order, count[rows] = _in_rank(values[rows])
        memory[rows] = memory_of(ascending[rows], order, count[rows], season)

    deque(each(work, pieces_of(len(values))), maxlen=0)
    return Reference(Samples(ascending, count), memory)


def autocorrelation_times(values: Floats, season: int = 0) -> Floats:
    """Return how many samples are worth one independent sample, float64 [S], at least 1.

    Parameters
    ----------
    values : float64 [S, N], see `samples_of`
    season : columns after which a rhythm repeats itself that the windows hold wholly, such as a
        day: it is the same on both sides, so that samples are not worth less for it. Known from
        three repetitions; 0 is none
    """
    return memory_of(*_in_rank(values), season)


def _in_rank(values: Floats) -> tuple[Floats, Ints, Ints]:
    """Return samples in ascending order, where each was in time, and how many there are."""
    known = np.where(np.abs(values) < HUGE, values, np.nan)
    order = known.argsort()
    ascending = np.take_along_axis(known, order, 1)
    return ascending, order, np.isfinite(ascending).sum(1)


def pieces_of(series: int) -> list[Piece]:
    """Return all rows, some at a time."""
    return [(start, min(start + ROWS, series)) for start in range(0, series, ROWS)]


def _ends(samples: Samples) -> tuple[Floats, Floats]:
    """Return the least and the greatest samples of each series, NaN without any."""
    if not samples.ascending.shape[1]:
        return np.full(len(samples.count), np.nan), np.full(len(samples.count), np.nan)
    last = np.maximum(samples.count - 1, 0)
    return samples.ascending[:, 0], samples.ascending[np.arange(len(last)), last]


@compiled
def memory_of(ascending: Floats, order: Ints, count: Ints, season: int) -> Floats:
    """Return the autocorrelation time of the ranks of each series, float64 [S], at least 1.

    It is 1 + 2 (r1 + r2 + ...), the initial monotone sequence estimate of Geyer (1992),
    doi:10.1214/ss/1177011137: pairs of neighbouring lags count until their sum is not positive.
    Ranks, since tests of distributions count how many samples are below a value; no outlier can
    feign or hide a memory there. A missing sample is the mean rank, which makes the result right
    for those that are there. Farther lags are looked at ever more sparsely.

    Where days differ a little beneath much noise, that sum ends before it has seen it. So with a
    season it is at least by how much the sums of whole seasons vary beyond those of independent
    samples: the variance of batch means, Conway (1963), doi:10.1287/mnsc.10.1.47.

    ascending, order, count : float64 [S, N], where each sample was in time, samples of each
    season : columns whose rhythm is no memory, see `autocorrelation_times`
    """
    series, columns = ascending.shape
    memory = np.ones(series)
    for row in range(series):
        rank = np.zeros(columns)
        start = 0
        middle = 0.5 * (count[row] - 1)
        while start < count[row]:
            stop = start + 1
            while stop < count[row] and ascending[row, stop] == ascending[row, start]:
                stop += 1
            for place in range(start, stop):
                rank[order[row, place]] = 0.5 * (start + stop - 1) - middle
            start = stop
        has_rhythm = 0 < SEASONS * season <= columns
        if has_rhythm:
            there = np.zeros(columns)
            there[order[row, : count[row]]] = 1.0
            remove_rhythm(rank, there, season)
        power = np.dot(rank, rank)
        if power <= ROUNDING * count[row] ** 3:
            continue
        lag = 0
        total = 0.0
        least = np.inf
        while lag + 1 < columns // 2:
            near = np.dot(rank[: columns - lag], rank[lag:])
            pair = (near + np.dot(rank[: columns - lag - 1], rank[lag + 1 :])) / power
            if pair <= 0.0:
                break
            least = min(least, pair)
            step = max(1, lag // 16)
            total += step * least
            lag += 2 * step
        memory[row] = max(2.0 * total - 1.0, 1.0)
        if has_rhythm:
            squares = 0.0
            for first in range(0, columns, season):
                squares += rank[first : first + season].sum() ** 2
            memory[row] = max(memory[row], squares / power)
    return memory


@compiled
def remove_rhythm(rank: Floats, there: Floats, season: int) -> None:
    """Take from the ranks [N] their mean at that phase; `there` [N] is 1 where a sample is."""
    for phase in range(season):
        count = there[phase::season].sum()
        if count > 0.0:
            mean = rank[phase::season].sum() / count
            for place in range(phase, len(rank), season):
                rank[place] -= there[place] * mean
