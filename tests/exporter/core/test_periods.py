import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.core.periods import autocorrelation, find_period
from exporter.core.series import Floats
from tests.reference import autocorrelation as slow

LONGEST = 80


def period_of(*rows: Floats) -> list[int]:
    lags, _ = find_period(autocorrelation(np.array(rows), LONGEST + 1))
    return [int(lag) for lag in lags]


sample = st.one_of(st.integers(-50, 50).map(float), st.just(math.nan))


@given(values=st.lists(sample, min_size=6, max_size=30), scale=st.sampled_from([1.0, 1e200]))
@settings(max_examples=200, deadline=None)
def test_autocorrelation_agrees_with_the_twin(values: list[float], scale: float) -> None:
    fast = autocorrelation(np.array([values, values]) * scale, 4)
    if not all(map(math.isnan, values)):
        twin = [slow.autocorrelation(values, lag) for lag in range(5)]
        assert fast[0] == pytest.approx(twin, abs=1e-9)
    np.testing.assert_array_equal(fast[0], fast[1])


def test_finds_the_fundamental_period_of_many_shapes() -> None:
    rng = np.random.default_rng(2)
    place = np.arange(240)
    wave = np.sin(2 * np.pi * place / 24)
    spikes = np.where(place % 20 < 2, 8.0, 0.0) + rng.normal(0, 1, 240)
    saw = (place % 60) / 60.0 + rng.normal(0, 0.1, 240)
    drifting = wave + rng.normal(0, 0.3, 240) + place / 10.0
    gappy = np.where(rng.random(240) < 0.2, np.nan, wave)
    assert period_of(wave, spikes, saw, drifting, gappy) == [24, 20, 60, 24, 24]


def test_finds_none_where_there_is_none() -> None:
    rng = np.random.default_rng(3)
    noise = rng.normal(0, 1, (1000, 240))
    wandering = np.cumsum(rng.normal(0, 1, (1000, 240)), 1)
    assert np.count_nonzero(period_of(*noise)) <= 10
    assert np.count_nonzero(period_of(*wandering)) <= 50
    flat = np.full(240, 3.0)
    step = np.repeat([0.0, 5.0], 120)
    once = np.where(np.arange(240) == 100, 50.0, rng.normal(0, 1, 240))
    assert period_of(flat, step, once, np.full(240, np.nan)) == [0, 0, 0, 0]
