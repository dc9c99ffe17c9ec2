from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from scipy import stats
from scipy.signal import lfilter

from exporter.core.kernels import uncompiled
from exporter.core.series import Floats, utc_offsets
from exporter.drift.discovery import adjusted
from exporter.drift.hours import HOUR, same_hours
from exporter.drift.samples import memory_of, reference_of, remove_rhythm, samples_of
from tests.reference import drift as slow


def autoregressive(phi: float, series: int, columns: int) -> Floats:
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 1, (series, columns + 500))
    walk: Floats = lfilter([1.0], [1.0, -phi], noise)[:, 500:]
    return walk


@pytest.mark.parametrize(("phi", "memory"), [(0.0, 1.0), (0.5, 3.0), (0.9, 19.0), (0.95, 39.0)])
def test_the_memory_is_what_theory_says(phi: float, memory: float) -> None:
    # Of ranks it is a little less than (1 + phi) / (1 - phi).
    found = reference_of(autoregressive(phi, 100, 4000)).memory
    assert np.median(found) == pytest.approx(memory, rel=0.12)


def test_the_memory_is_as_the_slow_twin_has_it() -> None:
    values = autoregressive(0.7, 5, 60)
    found = reference_of(values)
    expected = [slow.memory(row.tolist()) for row in values]
    np.testing.assert_allclose(found.memory, expected, rtol=1e-9)


def test_days_that_differ_beneath_much_noise_are_a_memory() -> None:
    rng = np.random.default_rng(3)
    days = np.repeat(rng.normal(0, 1, (5, 9)), 20, 1)
    values = days + rng.normal(0, 3, days.shape)
    found = reference_of(values, season=20).memory
    expected = [slow.memory_by_seasons(row.tolist(), 20) for row in values]
    assert min(expected) > 1.0
    assert (found >= np.array(expected) * (1 - 1e-9)).all()
    alone = reference_of(values).memory
    assert np.isclose(found, expected, rtol=1e-9).sum() >= 3
    assert np.median(found) > 1.5 * np.median(alone)


def test_machine_code_does_what_is_written() -> None:
    values = np.round(autoregressive(0.9, 6, 80))
    values[2, ::3] = np.nan
    values[3] = 4.0
    values[4] = np.nan
    order = values.argsort()
    ascending, count = np.take_along_axis(values, order, 1), np.isfinite(values).sum(1)
    for season in (0, 7, 40):
        quick = memory_of(ascending, order, count, season)
        plain = uncompiled(memory_of)(ascending, order, count, season)
        np.testing.assert_allclose(quick, plain, rtol=1e-9)
        np.testing.assert_array_equal(quick[3:5], 1.0)
    rank, there = np.arange(9.0), np.array([1.0, 1, 1, 1, 1, 0, 1, 1, 0])
    rank[there == 0] = 0.0
    for function in (remove_rhythm, uncompiled(remove_rhythm)):
        left = rank.copy()
        function(left, there, 3)
        np.testing.assert_array_equal(left, [-3, -3, 0, 0, 0, 0, 3, 3, 0])


def test_a_rhythm_that_is_told_of_is_no_memory() -> None:
    day = 10 * np.sin(2 * np.pi * np.arange(2016) / 288)
    values = autoregressive(0.9, 20, 2016) + day
    assert np.median(reference_of(values).memory) > 60
    assert np.median(reference_of(values, season=288).memory) == pytest.approx(19, rel=0.2)
    two_days = reference_of(values[:, :576], season=288).memory
    np.testing.assert_array_equal(two_days, reference_of(values[:, :576]).memory)


def test_gaps_leave_the_worth_of_what_is_there() -> None:
    values = autoregressive(0.9, 50, 4000)
    every_other = values.copy()
    every_other[:, ::2] = np.nan
    alone = reference_of(np.ascontiguousarray(values[:, 1::2])).memory
    np.testing.assert_allclose(
        np.median(reference_of(every_other).memory), np.median(alone), rtol=0.15
    )


def test_what_is_no_sample_is_left_out() -> None:
    values = np.array([[3.0, np.nan, -np.inf, 1.0, 1e300, 2.0]])
    samples = samples_of(values)
    assert samples.count[0] == 3
    np.testing.assert_array_equal(samples.ascending[0, :3], [1.0, 2.0, 3.0])
    assert np.isnan(samples.ascending[0, 3:]).all()


def test_p_values_are_adjusted_as_scipy_does() -> None:
    rng = np.random.default_rng(2)
    p_value = rng.uniform(0, 1, 50) ** 3
    np.testing.assert_allclose(adjusted(p_value), stats.false_discovery_control(p_value))
    with_gap = np.insert(p_value, 10, np.nan)
    expected = np.insert(stats.false_discovery_control(p_value), 10, np.nan)
    np.testing.assert_allclose(adjusted(with_gap), expected)
    assert np.isnan(adjusted(np.full(3, np.nan))).all()


def test_the_same_hours_are_those_of_the_wall_clock() -> None:
    zone = ZoneInfo("Europe/Berlin")  # summer time ends on 2025-10-26
    start = datetime(2025, 10, 20, tzinfo=UTC)
    instants = [start + timedelta(minutes=30 * number) for number in range(2 * 7 * 48)]
    times = np.array([int(each.timestamp() * 1000) for each in instants])
    wall = times + utc_offsets(times, zone)
    local = [each.astimezone(zone) for each in instants]
    now = [place for place, each in enumerate(local) if each.day == 30 and 9 <= each.hour < 11]
    chosen = [local[place] for place in np.flatnonzero(same_hours(wall, wall[now]))]
    assert {(each.weekday(), each.hour) for each in chosen} == {(3, 9), (3, 10)}
    assert {each.day for each in chosen} == {23, 30}
    assert len(chosen) == 8


def test_no_window_has_no_hours() -> None:
    assert not same_hours(np.arange(5) * HOUR, np.empty(0, dtype=np.int64)).any()
