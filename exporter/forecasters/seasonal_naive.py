"""Seasonal naive: as it was one season ago."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from exporter.core.series import Floats, Ints
from exporter.forecasters.base import Forecaster
from exporter.forecasters.history import History


@dataclass(frozen=True, kw_only=True)
class SeasonalNaive(Forecaster):
    """Repeat the last season; until two of them were seen, the last sample.

    Notes
    -----
    The ruler that every other forecaster is measured by, and what replaces one that does worse.

    References
    ----------
    Hyndman and Athanasopoulos (2021), Forecasting: Principles and Practice, section 5.2.
    """

    kind: Literal["seasonal_naive"] = "seasonal_naive"

    least: ClassVar[int] = 1

    def _foretell(self, history: History, origins: Ints, horizon: int) -> Floats:
        paths = np.empty((len(history.values), len(origins), horizon))
        lead = np.arange(horizon)
        for place, origin in enumerate(origins.tolist()):
            season = history.seasons_at(origin)[:, None]
            column = np.maximum(origin - season + lead % season, 0)
            paths[:, place] = np.take_along_axis(history.values, column, 1)
        return paths
