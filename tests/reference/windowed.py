"""Slow, obvious twins of the windowed detectors: one series, one sample at a time."""

import math
import statistics
from collections.abc import Sequence

import numpy as np

from exporter.core.rolling import MAD_TO_SIGMA


def mean_and_deviation(past: Sequence[float]) -> tuple[float, float]:
    return statistics.fmean(past), statistics.stdev(past)


def median_and_mad(past: Sequence[float]) -> tuple[float, float]:
    middle = statistics.median(past)
    gaps = [abs(value - middle) for value in past]
    spread = MAD_TO_SIGMA * statistics.median(gaps)
    return middle, spread or math.sqrt(statistics.fmean(gap**2 for gap in gaps))


def last_samples(values: Sequence[float], window: int) -> list[float]:
    """Return the last `window` samples that are there."""
    return [float(value) for value in values if not np.isnan(value)][-window:]
