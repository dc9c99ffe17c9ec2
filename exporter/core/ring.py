"""What of the past do forecasts and drift need? The newest columns of every series, in a ring."""

from collections.abc import Callable

import numpy as np

from exporter.core.rows import align, select_keys
from exporter.core.series import NEVER, Bools, Floats, Ints, Keys, SeriesBatch


class Ring:
    """The newest columns of S series; each column has its place by the clock alone.

    Parameters
    ----------
    step : milliseconds between columns
    columns : how many are kept

    Attributes
    ----------
    keys : S series
    until : unix milliseconds of the newest column
    seen : int64 [S], unix milliseconds of each series' newest sample
    masked : returns which samples of series at some times are not to be learned from, bool
        [series, times], or None if none is
    """

    def __init__(self, step: int, columns: int) -> None:
        self.step = step
        self.columns = columns
        self.keys: Keys = ()
        self.until = NEVER
        self.seen: Ints = np.empty(0, dtype=np.int64)
        self.masked: Callable[[Keys, Ints], Bools | None] = _nothing
        self._values: Floats = np.empty((0, columns))

    def append(self, batch: SeriesBatch) -> None:
        """Take in columns that come after `until`; what is between is NaN.

        batch : at least one column of this ring's step; series may come, go and change places
        """
        alignment = align(self.keys, batch.keys)
        born = len(alignment.keys) - len(self.keys)
        if born:
            blank = np.full((born, self.columns), np.nan)
            self._values = np.concatenate([self._values, blank]) if self.keys else blank
            self.seen = np.append(self.seen, np.full(born, NEVER, dtype=np.int64))
            self.keys = alignment.keys
        batch = batch.columns(max(0, len(batch.times) - self.columns), len(batch.times))
        first, last = int(batch.times[0]), int(batch.times[-1])
        oldest = max(self.until, last - self.columns * self.step) + self.step
        self._values[:, self._places(np.arange(oldest, last + 1, self.step))] = np.nan
        there = np.flatnonzero(alignment.new >= 0)
        values = batch.values[alignment.new[there]]
        self._values[there[:, None], self._places(batch.times)] = values
        self.until = last
        is_sample = np.isfinite(values)
        newest = first + self.step * (values.shape[1] - 1 - np.argmax(is_sample[:, ::-1], 1))
        self.seen[there] = np.where(is_sample.any(1), newest, self.seen[there])

    def keep(self, rows: Ints) -> None:
        """Forget all series but those at `rows`."""
        self.keys = select_keys(self.keys, rows)
        self.seen = self.seen[rows]
        self._values = self._values[rows]

    def present(self, grace: int) -> Ints:
        """Return the rows of the series that are there now.

        grace : milliseconds for which one may pause; never less than two columns
        """
        return np.flatnonzero(self.until - self.seen <= max(grace, 2 * self.step))

    def newest(self, columns: int) -> "Ring":
        """Return a ring of the newest columns only."""
        shorter = Ring(self.step, columns)
        times = self.times()[-columns:]
        values = self.samples(np.arange(len(self.keys)), times)
        shorter.append(SeriesBatch(self.keys, times, values, self.step))
        shorter.seen = self.seen.copy()
        shorter.masked = self.masked
        return shorter

    def times(self, every: int = 1) -> Ints:
        """Return the newest column and every so manieth before it, int64 ascending."""
        span = (self.columns - 1) // every * every * self.step
        return np.arange(self.until - span, self.until + 1, every * self.step, dtype=np.int64)

    def samples(self, rows: Ints, times: Ints) -> Floats:
        """Return a copy of the samples at `times`, columns of this ring: float64 [rows, times]."""
        copied: Floats = self._values[rows[:, None], self._places(times)]
        return copied

    def learnable(self, rows: Ints, times: Ints) -> Floats:
        """Return what `samples` does, NaN in the place of samples not to be learned from."""
        values = self.samples(rows, times)
        masked = self.masked(select_keys(self.keys, rows), times)
        if masked is not None:
            values[masked] = np.nan
        return values

    def _places(self, times: Ints) -> Ints:
        return times // self.step % self.columns


def _nothing(keys: Keys, times: Ints) -> None:
    return None
