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


def learned_samples(
    values: Sequence[float], window: int, min_samples: int, quarantine: int
) -> list[float]:
    """Return what is learned of ordinary samples: the last `quarantine` of them still wait."""
    there = [float(value) for value in values if not np.isnan(value)]
    learned = there[: max(min(len(there), min_samples), len(there) - quarantine)]
    return learned[-window:]
