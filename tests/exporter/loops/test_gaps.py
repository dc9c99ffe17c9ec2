"""Is a gap in the data taken for an anomaly, while it lasts or when it ends?"""

from collections.abc import Callable

import numpy as np
import pytest

from exporter.core.series import Floats, SeriesBatch
from exporter.ensembles import named_ensemble
from exporter.judge import Policy
from exporter.pipeline import cold_state, evaluate
from exporter.plan import Plan

STEP = 15_000
SERIES, COLUMNS, WARM = 40, 3_000, 1_500
FIRST = 1_763_700_000_000


def noise(rng: np.random.Generator) -> Floats:
    """Return heavy-tailed noise with a memory, float64 [S, T]."""
    values = rng.standard_t(3, (SERIES, COLUMNS))
    for column in range(1, COLUMNS):
        values[:, column] += 0.9 * values[:, column - 1]
    return 100 + values


def season(rng: np.random.Generator) -> Floats:
    """Return noise on a wave, so that a level from before the gap is wrong after it."""
    wave = 8 * np.sin(2 * np.pi * np.arange(COLUMNS) / 480)
    return 100 + wave + rng.standard_t(3, (SERIES, COLUMNS)) / 2


@pytest.mark.parametrize("make", [noise, season])
def test_neither_a_gap_nor_what_follows_is_anomalous(
    make: Callable[[np.random.Generator], Floats],
) -> None:
    rng = np.random.default_rng(3)
    values = make(rng)
    is_gap = np.zeros(values.shape, dtype=np.bool_)
    follows = np.zeros(values.shape, dtype=np.bool_)
    for row in range(SERIES):
        start = WARM
        while start < COLUMNS - 300:
            start += int(rng.integers(60, 200))
            end = start + int(rng.choice([1, 2, 5, 20, 60]))
            is_gap[row, start:end] = True
            follows[row, end : end + 5] = True
            start = end
    values[is_gap] = np.nan
    ensemble = named_ensemble("default")
    plan = Plan(
        query="q",
        detectors=ensemble.detectors,
        combination=ensemble.combination,
        policy=Policy(),
        grace=2 * STEP,
        missing_for=3_600_000,
    )
    keys = tuple(b'{"row":"%d"}' % row for row in range(SERIES))
    times = FIRST + np.arange(COLUMNS, dtype=np.int64) * STEP
    _, done = evaluate(plan, cold_state(plan), SeriesBatch(keys, times, values, STEP))
    assert np.isnan(done.verdict.scores.score[is_gap]).all()
    assert not done.verdict.is_anomaly[is_gap].any()
    assert follows.sum() > 1_000
    assert not done.verdict.is_anomaly[follows & ~is_gap].any()
