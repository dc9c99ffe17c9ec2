"""Is the pace what a disk planner would say, and is its interval honest?"""

import warnings

import numpy as np
import pytest

from exporter.core.kernels import uncompiled
from exporter.core.series import Floats
from exporter.forecasters import capacity as module
from exporter.forecasters.breach import Side
from exporter.forecasters.capacity import LONGEST, Capacity, capacity
from exporter.forecasters.history import history_of

HOUR = 3_600_000
NOW = 1_800_000_000_000
DAYS: Floats = np.linspace(0.0, 84.0, 2016, endpoint=False)
NOISE: Floats = np.random.default_rng(7).standard_normal(2016)
DAILY: Floats = 20 * np.sin(2 * np.pi * DAYS)


def of(
    values: Floats, limit: float, direction: Side = "up", season: int = 24, coverage: float = 0.8
) -> Capacity:
    """Return the capacity of one or more hourly series with one limit."""
    history = history_of(np.atleast_2d(values), season, 7 * season)
    limits = np.full(len(history.values), limit)
    return capacity(history, HOUR, limits, NOW, direction=direction, coverage=coverage)


def test_nothing_is_said_of_an_installation() -> None:
    history = history_of(np.atleast_2d(100.0 + 2.4 * DAYS[:30]), 24, 168)
    told = [
        capacity(history, HOUR, np.array([1000.0]), NOW, direction="up", least=least)
        for least in (30, 31)
    ]
    assert np.isfinite([told[0].growth, told[0].exhaustion]).all()
    assert np.isnan([told[1].growth, told[1].exhaustion]).all()


def per_day(found: Capacity) -> float:
    return float(found.growth[0] * 86_400)


def days_left(found: Capacity) -> list[float]:
    """Return earliest, expected and latest exhaustion of the first series, in days from now."""
    instants = found.earliest[0], found.exhaustion[0], found.latest[0]
    return [float((instant - NOW / 1000) / 86_400) for instant in instants]


def autoregressive(rows: int, columns: int, share: float, seed: int) -> Floats:
    """Return noise [rows, columns] of variance 1 that keeps `share` of itself per column."""
    noise = np.random.default_rng(seed).standard_normal((rows, columns))
    for column in range(1, columns):
        noise[:, column] *= np.sqrt(1 - share**2)
        noise[:, column] += share * noise[:, column - 1]
    return noise


@pytest.mark.parametrize("count", [12, 13, 40, 500, 2016])
def test_a_line_without_noise_is_known_to_the_second(count: int) -> None:
    found = of(100.0 + 2.4 * DAYS[:count], 1000.0)
    left = (900.0 - 2.4 * DAYS[count - 1]) / 2.4
    assert per_day(found) == pytest.approx(2.4, rel=1e-9)
    np.testing.assert_allclose(days_left(found), [left] * 3, atol=1e-5)


def test_a_disk_that_empties_is_full_never_and_empty_some_day() -> None:
    assert days_left(of(1000.0 - 2.4 * DAYS, 2000.0)) == [np.inf] * 3
    down = of(1000.0 - 2.4 * DAYS, 0.0, "down")
    np.testing.assert_allclose(days_left(down)[1], (1000 - 2.4 * DAYS[-1]) / 2.4, rtol=1e-6)


@pytest.mark.parametrize(
    "renewals", [[], [1000], [2014], [2015], [300, 1300], range(100, 2000, 150)]
)
def test_a_certificate_expires_when_it_expires(renewals: list[int]) -> None:
    expiry = np.full(2016, 2015 * 3600.0 + 40 * 86_400.0)
    expiry -= 50 * 86_400.0 * len(renewals)
    for renewal in renewals:
        expiry[renewal:] += 50 * 86_400.0
    found = of(expiry - 3600.0 * np.arange(2016), 0.0, "down")
    assert found.growth[0] == -1.0
    assert found.exhaustion[0] == found.earliest[0] == found.latest[0] == NOW / 1000 + 40 * 86_400
    up = of(expiry - 3600.0 * np.arange(2016), 1e9, "up")
    assert up.exhaustion[0] == np.inf


@pytest.mark.parametrize(
    "event",
    [
        np.zeros(2016),
        DAILY,
        -60.0 * (DAYS > 42),
        -60.0 * (DAYS > 80) + DAILY,
        -500.0 * (DAYS > 60),
        -150.0 * np.clip((DAYS - 30) * 4, 0, 1),
        300.0 * ((DAYS > 20) & (DAYS < 23)),
        1e5 * (np.arange(2016) == 700),
        -1e5 * (np.arange(2016) == 2015),
        10.0 * ((DAYS * 4) % 1),
        40.0 * (DAYS % 1),
        35.0 * ((DAYS / 5) % 1),
    ],
    ids=[
        "nothing",
        "daily season",
        "clean-up",
        "late clean-up",
        "great clean-up",
        "clean-up in stages",
        "temporary file",
        "outlier",
        "outlier at the end",
        "teeth every six hours",
        "teeth every day",
        "teeth every five days",
    ],
)
@pytest.mark.parametrize("pace", [1.0, -1.0])
def test_what_comes_between_does_not_turn_the_pace(pace: float, event: Floats) -> None:
    found = of(500 + pace * DAYS + event + 2 * NOISE, 5000.0)
    assert per_day(found) == pytest.approx(pace, rel=0.15)


@pytest.mark.parametrize("noise", [0.0, 2.0])
def test_a_new_pace_counts_after_a_third_of_the_history(noise: float) -> None:
    kink = DAYS + 3.0 * np.maximum(DAYS - 56, 0) + DAILY + noise * NOISE
    assert per_day(of(kink, 1e4)) == pytest.approx(4.0, rel=0.1)
    stopped = 5.0 * np.minimum(DAYS, 56) + noise * NOISE
    assert abs(per_day(of(stopped, 1e4))) < 0.2


def test_noise_goes_nowhere() -> None:
    found = of(100 + DAILY + autoregressive(200, 2016, 0.9, 3), 200.0)
    assert np.isinf(found.exhaustion).mean() > 0.7
    assert np.isinf(found.latest).mean() > 0.7
    assert (found.earliest > NOW / 1000 + 100 * 86_400).all()


def test_beyond_is_now_and_beyond_ten_years_is_never() -> None:
    values = 100.0 + DAYS
    assert days_left(of(values, 150.0)) == [0.0] * 3
    assert days_left(of(values, float(values[-1]))) == [0.0] * 3
    slow = (LONGEST / 86_400 + 10) + values[-1]
    assert days_left(of(values, slow)) == [np.inf] * 3
    assert np.isfinite(days_left(of(values, slow - 20))).all()


def test_what_cannot_be_told_is_not_told() -> None:
    values = np.full((3, 60), np.nan)
    values[1, 50:] = 1.0
    values[2] = np.linspace(0.0, 1.0, 60)
    found = of(values, np.nan)
    assert np.isnan(found.growth).tolist() == [True, True, False]
    assert np.isnan(found.exhaustion).all()
    assert np.isnan(of(values, 2.0).latest).tolist() == [True, True, False]


@pytest.mark.parametrize("season", [0, 6])
def test_odd_series_hurt_nobody(season: int) -> None:
    rows = [np.zeros(60), np.full(60, 1e300), np.resize([1e300, -1e300], 60), np.eye(1, 60, 59)[0]]
    rows += [np.resize([0.0, 5e-324], 60), np.full(60, -0.3)]
    values = np.array(rows)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = of(values, 5.0, season=season)
        of(values[:0], 5.0)
        of(values[:, :1], 5.0)
    assert found.growth[[0, 5]].tolist() == [0.0, 0.0]
    assert np.isinf(found.earliest[[0, 4, 5]]).all()
    assert found.exhaustion[1] == NOW / 1000


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.95])
@pytest.mark.parametrize(
    ("columns", "share", "noise", "direction"),
    [
        (2016, 0.0, 2.0, "up"),
        (2016, 0.9, 5.0, "up"),
        (2016, 0.98, 2.0, "down"),
        (504, 0.9, 1.0, "up"),
    ],
)
def test_the_interval_holds_the_truth_as_often_as_it_says(
    columns: int, share: float, noise: float, direction: Side, coverage: float
) -> None:
    """Within 0.08: 400 series leave 0.04 to chance, the rest is what a rule of thumb may err."""
    away, sign = 60.0, 1.0 if direction == "up" else -1.0
    days = DAYS[:columns]
    values = sign * days + DAILY[:columns] + noise * autoregressive(400, columns, share, 5)
    found = of(values, sign * (days[-1] + away), direction, coverage=coverage)
    truth = NOW / 1000 + away * 86_400
    is_inside = (found.earliest <= truth) & (truth <= found.latest)
    assert is_inside.mean() == pytest.approx(coverage, abs=0.08)


def test_kernels_agree_with_their_uncompiled_selves(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.linspace(0, 30, 150) + 4 * autoregressive(5, 150, 0.5, 9)
    values[1, :100] = np.nan
    values[2, 90:] -= 80.0
    values[3] = 9e6 - 3600.0 * np.arange(150)
    values[4, :145] = np.nan
    expected = of(values, 60.0, season=6)
    kernels = "measure", "is_countdown", "without_season", "clipped", "slow_noise", "clinging_noise"
    for name in (*kernels, "follow", "without_jumps", "middle_slope"):
        monkeypatch.setattr(module, name, uncompiled(getattr(module, name)))
    found = of(values, 60.0, season=6)
    for name in ("growth", "exhaustion", "earliest", "latest"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-9)
