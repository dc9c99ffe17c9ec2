"""What came of some series, looked at one after the other and sample by sample."""

import math

import numpy as np

from exporter.core.series import Bools, Floats


def counts(
    values: Floats, undefined: Bools, step: int, longest: int, fading: int
) -> tuple[float, ...]:
    """Return faded numbers: arrived, lost, gaps, unfit, appeared, vanished."""
    total = np.zeros(6)
    columns = values.shape[1]
    for row in range(len(values)):
        heard: int | None = None  # columns
        seen: int | None = None
        for column in range(columns):
            weight = math.exp((column - columns + 1) * step / fading)
            value = values[row, column]
            silence = math.inf if seen is None else (column - seen) * step
            if not math.isnan(value):
                total[4] += weight * (silence > longest and column > 0)
                seen = column
            elif longest < silence <= longest + step:
                total[5] += weight
            if not math.isnan(value) or undefined[row, column]:
                total[0] += weight
                total[3] += weight * (not math.isfinite(value))
                if heard is not None and 1 < column - heard <= longest / step:
                    total[1] += weight * (column - heard - 1)
                    total[2] += weight
                heard = column
    return tuple(total)
