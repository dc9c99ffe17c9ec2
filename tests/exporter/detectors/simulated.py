"""Noise whose false alarms are counted, and batches of it."""

from collections.abc import Iterator

import numpy as np
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


def stationary(
    series: int = 100, columns: int = 4000, seed: int = 1
) -> Iterator[tuple[str, Floats]]:
    """Yield noise of every kind that a detector has to bear, 400,000 samples each by default."""
    rng = np.random.default_rng(seed)
    shape = (series, columns)
    yield "normal", 100.0 + rng.normal(size=shape)
    yield "student t3", 100.0 + rng.standard_t(3, size=shape)
    yield "lognormal", rng.lognormal(0.0, 0.5, size=shape)
    yield "exponential", rng.exponential(size=shape)
    yield "poisson", rng.poisson(3.0, size=shape).astype(np.float64)
    yield "AR(1) t3", 100.0 + remembering(rng.standard_t(3, size=shape), 0.9)
    yield "random walk", 1000.0 + np.cumsum(rng.normal(size=shape), 1)
    yield "rare bursts", (rng.random(shape) < 0.002) * rng.lognormal(3.0, 1.0, size=shape)
    yield "constant", np.full(shape, 7.0)


def false_alarms(detector: Detector, values: Floats) -> float:
    """Return the share of samples that score as anomalous."""
    return float((scores_of(detector, values).score >= ANOMALOUS).mean())
