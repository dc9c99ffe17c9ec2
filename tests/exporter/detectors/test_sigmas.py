import numpy as np
import pytest

from exporter.core.scores import ANOMALOUS
from exporter.core.series import SeriesBatch
from exporter.detectors.base import WindowedDetector
from exporter.detectors.mad import Mad
from exporter.detectors.zscore import ZScore


@pytest.mark.parametrize("kind", [Mad, ZScore])
def test_the_textbooks_three_sigmas_are_one_setting(kind: type[WindowedDetector]) -> None:
    past = np.random.default_rng(5).normal(10.0, 1.0, 200)
    detector = kind(sigmas=3.0)

    def scores_of(now: float) -> tuple[float, float]:
        values = np.append(past, now)[None, :]
        times = np.arange(len(past) + 1, dtype=np.int64) * 15_000
        batch = SeriesBatch((b"{}",), times, values, 15_000)
        _, told = detector.advance(detector.fresh(1), batch)
        return float(told.score[0, -1]), float(told.upper[0, -1])

    _, upper = scores_of(10.0)
    at_the_edge, _ = scores_of(upper)
    assert at_the_edge == pytest.approx(ANOMALOUS)
    assert upper == pytest.approx(13.0, abs=0.7)
    assert scores_of(upper + 0.1)[0] > ANOMALOUS > scores_of(upper - 0.1)[0]
