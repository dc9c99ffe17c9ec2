"""Noise whose false alarms are counted, and batches of it."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.signal import lfilter

from exporter.core.scores import ANOMALOUS, Scores
from exporter.core.series import Floats, SeriesBatch
from exporter.detectors.base import Detector

STEP = 60_000


def batch_of(values: Floats, first: int = 0, step: int = STEP) -> SeriesBatch:
    keys = tuple(b"%d" % row for row in range(len(values)))
    times = (first + np.arange(values.shape[1], dtype=np.int64)) * step
    return SeriesBatch(keys, times, np.ascontiguousarray(values), step)


def scores_of(detector: Detector, values: Floats, step: int = STEP) -> Scores:
    _, scores = detector.advance(detector.fresh(len(values)), batch_of(values, step=step))
    return scores


def remembering(innovations: Floats, phi: float) -> Floats:
    """Return the AR(1) process of those innovations."""
    noise: Floats = lfilter([1.0], [1.0, -phi], innovations, axis=1)
    return noise


Draw = Callable[[np.random.Generator, tuple[int, int]], Floats]

STATIONARY: dict[str, Draw] = {
    "normal": lambda rng, shape: 100.0 + rng.normal(size=shape),
    "student t3": lambda rng, shape: 100.0 + rng.standard_t(3, size=shape),
    "lognormal": lambda rng, shape: rng.lognormal(0.0, 0.5, size=shape),
    "exponential": lambda rng, shape: rng.exponential(size=shape),
    "poisson": lambda rng, shape: rng.poisson(3.0, size=shape).astype(np.float64),
    "AR(1) t3": lambda rng, shape: 100.0 + remembering(rng.standard_t(3, size=shape), 0.9),
    "random walk": lambda rng, shape: 1000.0 + np.cumsum(rng.normal(size=shape), 1),
    "rare bursts": lambda rng, shape: (rng.random(shape) < 0.002) * rng.lognormal(3.0, 1.0, shape),
    "constant": lambda rng, shape: np.full(shape, 7.0),
}
"""Noise that every detector has to bear."""

every_noise = pytest.mark.parametrize("noise", STATIONARY)


def simulate(noise: str, series: int = 100, columns: int = 4000) -> Floats:
    """Return noise of that kind, 400,000 samples by default."""
    return STATIONARY[noise](np.random.default_rng(1), (series, columns))


def false_alarms(detector: Detector, values: Floats) -> float:
    """Return the share of samples that score as anomalous."""
    return float((scores_of(detector, values).score >= ANOMALOUS).mean())
