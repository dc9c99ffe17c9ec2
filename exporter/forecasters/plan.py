"""What does a forecast cycle have to know of a query?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo

import numpy as np

from exporter.core.ring import Ring
from exporter.forecasters.base import Forecaster
from exporter.forecasters.breach import Side


@dataclass(frozen=True, kw_only=True)
class CapacityPlan:
    """How the rate is measured at which a limit is approached.

    Parameters
    ----------
    columns : history that it is taken from
    coverage : share of cases in which the interval is to hold the time of exhaustion
    """

    columns: int
    coverage: float = 0.8


@dataclass(frozen=True, kw_only=True)
class ForecastPlan:
    """One query's forecasts, as a cycle needs them.

    Parameters
    ----------
    query : its name
    forecaster : what says how series go on
    step : milliseconds between the columns that it sees
    stride : how many columns of the ring make such a step
    columns : how many of them it sees
    horizon : how many it tells
    leads : horizon as published, such as 6h -> that many columns ahead
    coverage : share of the values that a band promises to hold
    low, high : the range of possible values
    direction : which way the limit is crossed
    grace : milliseconds for which a series may pause
    zone : whose days and weeks count; None is UTC
    capacity : how to tell when the limit is reached at the present rate; None: nobody asks
    is_scored : evaluations publish the newest samples
    """

    query: str
    forecaster: Forecaster
    step: int
    stride: int
    columns: int
    horizon: int
    leads: Mapping[str, int]
    coverage: float = 0.9
    low: float = -np.inf
    high: float = np.inf
    direction: Side = "up"
    grace: int = 0
    zone: tzinfo | None = None
    capacity: CapacityPlan | None = None
    is_scored: bool = True

    @property
    def fine(self) -> int:
        """Milliseconds between the columns of the ring."""
        return self.step // self.stride

    def blank_ring(self) -> Ring:
        """Return the ring of a query that nothing is known of."""
        return Ring(self.fine, self.columns * self.stride)
