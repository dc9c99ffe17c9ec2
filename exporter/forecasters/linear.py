"""Linear: the straight line through the last samples goes on."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge

from exporter.core.kernels import compiled
from exporter.core.series import Floats, Ints
from exporter.forecasters.base import Forecaster
from exporter.forecasters.history import History


@dataclass(frozen=True, kw_only=True)
class Linear(Forecaster):
    """Go on along the least-squares line.

    Parameters
    ----------
    window : newest samples through which the line goes, or as many as there are

    Notes
    -----
    Knows no season and trusts every sample: one outlier turns the line. It does not pass through
    the last sample, but through the middle of the noise.

    References
    ----------
    Hyndman and Athanasopoulos (2021), Forecasting: Principles and Practice, section 7.4.
    """

    kind: Literal["linear"] = "linear"
    window: Annotated[int, Ge(2)] = 336

    def _foretell(self, history: History, origins: Ints, horizon: int) -> Floats:
        paths = np.empty((len(history.values), len(origins), horizon))
        draw_lines(history.values, history.first, origins, self.window, paths)
        return paths


@compiled
def draw_lines(values: Floats, first: Ints, origins: Ints, window: int, paths: Floats) -> None:
    """Write the lines [S, R, H] through the last `window` samples before each origin."""
    for row in range(len(values)):
        for place in range(len(origins)):
            origin = origins[place]
            start = max(first[row], origin - window)
            count = origin - start
            if count < 1:
                paths[row, place] = np.nan
                continue
            base = values[row, origin - 1]
            middle = 0.5 * (count - 1)
            total, turned, spread = 0.0, 0.0, 0.0
            for age in range(count):
                height = values[row, origin - 1 - age] - base
                arm = middle - age
                total += height
                turned += height * arm
                spread += arm * arm
            slope = turned / spread if count > 1 else 0.0
            for lead in range(paths.shape[2]):
                paths[row, place, lead] = base + (total / count + slope * (middle + 1 + lead))
