"""What are costs measured on? Series with a day, a week, a wandering level and noise."""

import numpy as np

from exporter.core.series import Floats

DAY, WEEK = 24, 168
"""Columns of an hour each."""


def simulated(series: int, columns: int, seed: int = 1) -> Floats:
    """Return float64 [S, T], all above zero."""
    rng = np.random.default_rng(seed)
    values: Floats = np.cumsum(rng.normal(0, 0.2, (series, columns)), 1)
    values += rng.standard_t(5, (series, columns))
    time = np.arange(columns)
    for period, height in ((DAY, 10.0), (WEEK, 4.0)):
        phase = rng.uniform(0, 2 * np.pi, (series, 1))
        values += rng.uniform(0, height, (series, 1)) * np.sin(2 * np.pi * time / period + phase)
    values += rng.uniform(1, 100, (series, 1)) - values.min(1, keepdims=True)
    return values
