"""What is a batch of series?"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]
QUARTER: Final = 900_000
"""A quarter of an hour in milliseconds."""
NEVER: Final = -(2**60)
"""The instant of what has not been, in unix milliseconds."""

Keys: TypeAlias = tuple[bytes, ...]
"""Series identities: each label set as the JSON object that Prometheus wrote, byte for byte."""


@dataclass(frozen=True, slots=True, eq=False)
class SeriesBatch:
    """Series on one exact time grid.

    Parameters
    ----------
    keys : S distinct label sets, the identity of each row
    times : int64 [T], unix milliseconds, multiples of `step`, ascending by `step`
    values : float64 [S, T]; NaN is "no sample", never zero
    step : milliseconds between columns
    offset : int64 [T], milliseconds by which the query's wall clock is ahead of UTC; None is UTC
    undefined : bool [S, T], where there was a sample and it was NaN; None for nowhere
    histograms : series that were left out since they hold native histograms
    """

    keys: Keys
    times: Ints
    values: Floats
    step: int
    offset: Ints | None = None
    undefined: Bools | None = None
    histograms: int = 0

    def __post_init__(self) -> None:
        if self.values.shape != (len(self.keys), len(self.times)):
            raise ValueError(
                f"values have shape {self.values.shape}, "
                f"keys and times ask for {(len(self.keys), len(self.times))}"
            )

    @property
    def wall_times(self) -> Ints:
        """What the wall clock showed, int64 [T]: milliseconds since 1970-01-01 00:00, no zone."""
        return self.times if self.offset is None else self.times + self.offset

    def columns(self, start: int, stop: int) -> "SeriesBatch":
        """Return the columns [start, stop) of every series, as a view."""
        return replace(
            self,
            times=self.times[start:stop],
            values=self.values[:, start:stop],
            offset=None if self.offset is None else self.offset[start:stop],
            undefined=None if self.undefined is None else self.undefined[:, start:stop],
        )

    def rows(self, index: Ints) -> "SeriesBatch":
        """Return the series at `index`, in that order."""
        return replace(
            self,
            keys=tuple(self.keys[i] for i in index.tolist()),
            values=self.values[index],
            undefined=None if self.undefined is None else self.undefined[index],
        )

    def on_clock(self, zone: tzinfo | None) -> "SeriesBatch":
        """Return the batch with the wall clock of a time zone; None is UTC."""
        if zone is None:
            return self
        return replace(self, offset=utc_offsets(self.times, zone))


def utc_offsets(times: Ints, zone: tzinfo) -> Ints:
    """Return by how many milliseconds the wall clock of `zone` is ahead of UTC at `times` [T]."""
    # Every zone of the database changes its offset on a quarter of an hour.
    quarters, place = np.unique(times // QUARTER, return_inverse=True)
    seconds = [
        datetime.fromtimestamp(quarter * QUARTER / 1000, zone).utcoffset() or timedelta(0)
        for quarter in quarters.tolist()
    ]
    offsets = np.array([offset // timedelta(milliseconds=1) for offset in seconds], dtype=np.int64)
    return offsets[place]


def empty_batch(times: Ints, step: int) -> SeriesBatch:
    """Return a batch of no series on `times`."""
    return SeriesBatch((), times, np.empty((0, len(times))), step)
