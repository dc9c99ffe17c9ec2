import numpy as np
import pytest

from exporter.core.kernels import uncompiled
from exporter.core.scores import ANOMALOUS, DECADES
from exporter.core.series import Floats
from exporter.core.tail import Told
from exporter.detectors import cusum
from exporter.detectors.cusum import Cusum
from tests.exporter.detectors.simulated import (
    batch_of,
    every_noise,
    false_alarms,
    remembering,
    scores_of,
    simulate,
)

MINUTE = 60.0


def noise(columns: int, series: int = 20, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).normal(50.0, 1.0, (series, columns))


def shifted(size: float, columns: int = 1500, at: int = 1000) -> Floats:
    values = noise(columns)
    values[:, at:] += size
    return values


def test_sums_by_hand() -> None:
    """0 and 2 in turn: mean 1, mean distance 1, so 2 is 1 / 1.2533 deviations away; slack 0.5."""
    values = np.array([[0.0, 2.0] * 200 + [2.0, 2.0, 2.0]])
    detector = Cusum(half_life=1e9)
    state, _ = detector.advance(detector.fresh(1), batch_of(values[:, :400]))
    z = 1.0 / 1.2533141373155001
    assert state["mean"][0] == pytest.approx(1.0, abs=0.01)
    assert state["scale"][0] == pytest.approx(1.2533, rel=0.01)
    assert state["up"][0] == pytest.approx(z - 0.5, abs=0.02)
    after, scores = detector.advance(state, batch_of(values[:, 400:], first=400))
    assert after["up"][0] - state["up"][0] == pytest.approx(3 * (z - 0.5), abs=0.03)
    rough = float(after["roughness"][0])
    scale = cusum.sum_scale(402.0, rough, 0.5)
    assert scores.score[0, 2] == pytest.approx(
        after["up"][0] / (scale * DECADES * np.log(10.0)), rel=0.01
    )


def test_the_scale_of_the_sums_by_hand() -> None:
    """White noise: the prior's 20 samples of a smooth series apart, V is 1; r = 0.9: V is 19."""
    scale = uncompiled(cusum.sum_scale)
    assert scale(1e9, 1.0, 0.5) == pytest.approx(1.0)
    assert scale(1e9, 0.1, 0.5) == pytest.approx(19.0)
    assert scale(1e9, 1.2, 0.25) == pytest.approx(2.4)
    assert scale(0.0, 1.0, 0.5) == pytest.approx(199.0)


@pytest.mark.parametrize(("size", "usual", "latest"), [(1.0, 23, 180), (2.0, 8, 15), (5.0, 5, 8)])
def test_finds_a_shift_once_and_learns_it(size: float, usual: int, latest: int) -> None:
    scores = scores_of(Cusum(accept_after=30 * MINUTE), shifted(size))
    is_anomaly = scores.score >= ANOMALOUS
    first = is_anomaly[:, 1000:].argmax(1)
    assert not is_anomaly[:, :1000].any()
    assert np.median(first) == pytest.approx(usual, abs=2)
    is_found = is_anomaly[:, 1000:].any(1)
    assert is_found.mean() >= (0.9 if size == 1.0 else 1.0)
    assert (first <= latest).all()
    assert not is_anomaly[:, 1250:].any()
    onsets = (is_anomaly[:, 1000:] & ~is_anomaly[:, 999:-1]).sum(1)
    assert onsets.mean() < (2.0 if size == 1.0 else 1.2)
    np.testing.assert_allclose(scores.expected[is_found, -1], 50.0 + size, atol=0.3)


def test_the_alarm_ends_when_the_level_is_back() -> None:
    values = shifted(3.0)
    values[:, 1100:] -= 3.0
    is_anomaly = scores_of(Cusum(accept_after=1e6), values).score >= ANOMALOUS
    assert is_anomaly[:, 1010:1100].all()
    assert not is_anomaly[:, 1140:].any()


def test_an_incident_does_not_move_the_baseline_until_it_is_accepted() -> None:
    scores = scores_of(Cusum(accept_after=100 * MINUTE), shifted(3.0))
    np.testing.assert_allclose(scores.expected[:, 1090], 50.0, atol=0.3)
    np.testing.assert_allclose(scores.expected[:, 1120], 53.0, atol=0.4)


def test_remembering_noise_takes_more_to_shift() -> None:
    """A shift by 6 deviations is found in AR(1) noise too, one by half a deviation is not."""
    base = remembering(np.random.default_rng(3).normal(size=(20, 1500)), 0.9) * np.sqrt(1 - 0.81)
    for size, share in ((6.0, 1.0), (0.5, 0.0)):
        values = base.copy()
        values[:, 1000:] += size
        is_found = (scores_of(Cusum(), values).score[:, 1000:] >= ANOMALOUS).any(1)
        assert is_found.mean() == share


@every_noise
def test_noise_is_no_shift(noise: str) -> None:
    assert false_alarms(Cusum(), simulate(noise)) < 1.5e-4


def test_a_spike_is_no_shift() -> None:
    values = noise(500)
    values[:, 300] = [1e6, np.inf] * 10
    scores = scores_of(Cusum(), values)
    assert (scores.score[:, 300:] < 0.5).all()
    np.testing.assert_allclose(scores.expected[:, 301], scores.expected[:, 300], atol=0.02)


def test_levels_that_shift_all_day_become_usual() -> None:
    """A series with a daily season raises alarms on its first days only."""
    minutes = np.arange(7200)
    season = 30.0 * np.sin(2 * np.pi * minutes / 1440)
    values = season + 3.0 * remembering(np.random.default_rng(4).normal(size=(10, 7200)), 0.7)
    is_anomaly = scores_of(Cusum(), values).score >= ANOMALOUS
    assert is_anomaly[:, :2880].any()
    assert is_anomaly[:, 4320:].mean() < 1e-3


def test_leaving_a_constant_is_as_rare_as_the_constant_was_long() -> None:
    values = np.full((1, 600), 7.0)
    values[0, 500:] = 8.0
    scores = scores_of(Cusum(), values)
    assert 0.0 < scores.score[0, 500:].max() < 0.4
    assert scores.upper[0, 499] == pytest.approx(7.0, abs=1e-3)


def test_the_band_ends_where_the_next_sample_would_alarm() -> None:
    detector = Cusum()
    state, _ = detector.advance(detector.fresh(20), batch_of(shifted(3.0)[:, :1004]))
    _, now = detector.advance(state, batch_of(np.full((20, 1), 50.0), first=1004))
    distance = (now.upper - now.expected)[:, 0] / state["scale"]
    close = (distance > 0.1) & (distance < 2.0)
    assert close.any()
    for row in np.flatnonzero(close):
        for gap in (-0.01, 0.01):
            values = np.full((20, 1), now.upper[row, 0] + gap)
            _, there = detector.advance(state, batch_of(values, first=1004))
            assert (there.score[row, 0] >= ANOMALOUS) == (gap > 0)


def test_compiled_and_uncompiled_agree() -> None:
    values = noise(200, series=2)
    values[:, 120:170] += [[5.0], [60.0]]
    values[0, [60, 130]] = [np.nan, np.inf]
    values[1, 90] = 1e4
    detector = Cusum(min_samples=20, accept_after=30 * MINUTE)
    state, scores = detector.advance(detector.fresh(2), batch_of(values))
    slow = detector.fresh(2)
    told = Told(*(np.full(values.shape, np.nan) for _ in Told._fields))
    gain = 1.0 - 0.5 ** (1.0 / detector.half_life)
    uncompiled(cusum.advance_cusum)(values, cusum.Past(**slow), gain, 0.5, 20, 30, told)
    np.testing.assert_allclose(told.score, scores.score)
    np.testing.assert_allclose(told.lower, scores.lower)
    for recent, patience in ((2.0, 3), (0.0, 3), (2.0, 0)):
        for name, array in slow.items():
            np.testing.assert_allclose(array, state[name], err_msg=name)
        for hold, learn, memory in (
            (cusum.hold_sample, cusum.learn_sample, state),
            (uncompiled(cusum.hold_sample), uncompiled(cusum.learn_sample), slow),
        ):
            past = cusum.Past(**memory)
            past.recent[0] = recent
            hold(past, 0, 57.0, 0.5, 20, patience)
            learn(past, 0, 50.5, 0.3, gain, 20)
            past.samples[1] = 0
            learn(past, 1, 50.5, 0.0, gain, 20)
