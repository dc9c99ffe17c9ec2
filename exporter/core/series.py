"""What is a batch of series?"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]
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
    """

    keys: Keys
    times: Ints
    values: Floats
    step: int

    def __post_init__(self) -> None:
        if self.values.shape != (len(self.keys), len(self.times)):
            raise ValueError(
                f"values have shape {self.values.shape}, "
                f"keys and times ask for {(len(self.keys), len(self.times))}"
            )

    def columns(self, start: int, stop: int) -> "SeriesBatch":
        """Return the columns [start, stop) of every series, as a view."""
        return SeriesBatch(self.keys, self.times[start:stop], self.values[:, start:stop], self.step)

    def rows(self, index: Ints) -> "SeriesBatch":
        """Return the series at `index`, in that order."""
        keys = tuple(self.keys[i] for i in index.tolist())
        return SeriesBatch(keys, self.times, self.values[index], self.step)


def empty_batch(times: Ints, step: int) -> SeriesBatch:
    """Return a batch of no series on `times`."""
    return SeriesBatch((), times, np.empty((0, len(times))), step)
