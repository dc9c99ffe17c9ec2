"""Counters go on from where they are, certificates too, and nothing else is touched."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.kernels import uncompiled
from exporter.core.series import Floats
from exporter.forecasters.bands import forecast
from exporter.forecasters.history import history_of
from exporter.forecasters.resets import (
    Course,
    are_multiples,
    has_few_reversals,
    is_counter,
    join_counter,
    join_mirror,
    join_resets,
    usual_fall,
    without_resets,
)
from exporter.forecasters.seasonal_naive import SeasonalNaive

HOURS = 24 * 28


def counter(
    seed: int = 0, resets_at: tuple[int, ...] = (200, 610), length: int = HOURS
) -> tuple[Floats, Floats]:
    """Return samples [1, T] of a counter with a daily rhythm, and how they had gone on unreset."""
    rng = np.random.default_rng(seed)
    busy = 2.0 + np.sin(2 * np.pi * np.arange(length) / 24)
    grown = np.cumsum(rng.gamma(4.0, 25.0 * busy))
    samples = grown.copy()
    for at in resets_at:
        samples[at:] = grown[at:] - grown[at] + (grown[at] - grown[at - 1]) / 3
    return samples[None], grown[None]


def certificate(length: int = HOURS, renewed: int = 400) -> Floats:
    """Return what is left [1, T], in seconds, of a certificate that is renewed for 90 days."""
    left = 30 * 86_400.0 - 3600.0 * np.arange(length, dtype=np.float64)
    left[renewed:] = 90 * 86_400.0 - 3600.0 * np.arange(length - renewed)
    return left[None]


def test_the_course_of_a_counter_grows_as_if_there_had_been_no_reset() -> None:
    samples, grown = counter()
    course = without_resets(samples)
    np.testing.assert_array_less(0.0, np.diff(course.values))
    assert course.offset[0] == samples[0, 199] + samples[0, 609]
    np.testing.assert_allclose(course.values[0, -1] - course.offset[0], samples[0, -1])
    # What it counted within the two columns of the resets is all that is not known.
    lost = grown[0, -1] - course.values[0, -1]
    assert 0 < lost < np.diff(grown[0]).max() * 2


def test_by_hand() -> None:
    rows = np.array([[*range(0, 40, 2), 1.0, 3.0, np.nan, 7.0, 9.0, 11.0]])
    course = without_resets(rows)
    assert course.values[0, 18:].tolist()[:4] == [36.0, 38.0, 39.0, 41.0]
    assert np.isnan(course.values[0, 22])
    assert course.values[0, 23:].tolist() == [45.0, 47.0, 49.0]
    assert course.offset.tolist() == [38.0]


def test_the_forecast_of_a_counter_is_of_its_own_level_and_clears_the_reset() -> None:
    long, _ = counter(resets_at=(200, 610), length=HOURS + 24)
    samples, came = long[:, :HOURS], long[:, HOURS:]

    def naive(values: Floats) -> Any:
        """Yesterday's increase, which a forecaster with a trend would have found by itself."""
        return values[:, -1:] + values[:, -24:] - values[:, -25:-24]

    course = without_resets(samples)
    assert np.abs(naive(course.values) - course.offset - came).mean() < 500
    told = course.settle(forecast(SeasonalNaive(), history_of(course.values), 24), low=0.0)
    np.testing.assert_allclose(told.mean[0], samples[0, -1])  # flat: no season was given
    raw = forecast(SeasonalNaive(), history_of(samples), 24)
    assert (told.upper - told.lower).max() < (raw.upper - raw.lower).max()
    assert told.lower.min() >= 0.0


def test_what_is_left_of_a_certificate_falls_on_as_it_did_before_it_was_renewed() -> None:
    samples = certificate()
    course = without_resets(samples)
    np.testing.assert_allclose(np.diff(course.values), -3600.0)
    np.testing.assert_array_equal(course.values[0, 400:], samples[0, 400:])
    assert course.offset.tolist() == [0.0]
    told = forecast(SeasonalNaive(), history_of(course.values), 24)
    assert course.settle(told) is told


def rows_that_are_neither() -> dict[str, Floats]:
    rng = np.random.default_rng(3)
    hours = np.arange(HOURS)
    walk = 50.0 + np.cumsum(rng.normal(0, 0.3, HOURS))
    burst = np.zeros(HOURS)
    burst[[100, 301]] = 500.0
    disk = 20.0 + 0.05 * hours
    disk[300:] -= 15.0
    noisy = 90.0 - 0.05 * hours + rng.normal(0, 0.05, HOURS)
    noisy[500:] += 40.0
    quarter = np.arange(4 * HOURS)
    today = np.where(quarter // 96 % 7 < 5, quarter % 96 * 7.0, 0.0)[-HOURS:]
    restarted = today.copy()
    at = int(np.flatnonzero(today)[0]) + 40
    restarted[at : at + 56] = np.maximum(restarted[at : at + 56] - restarted[at] + 3.0, 3.0)
    crash, _ = counter(resets_at=(200, 205))
    back = counter()[0][0].copy()
    back[50] -= 1e-9 + back[50] - back[49]
    return {
        "season": 100 + 50 * np.sin(2 * np.pi * hours / 24) + rng.normal(0, 1, HOURS),
        "walk": walk,
        "bursts over a base of zero": burst,
        "a disk that was tidied": disk,
        "a free disk that was tidied": noisy,
        "the age of a daily backup": (hours % 24) * 3600.0,
        "the age of a weekly backup": (hours % 168) * 3600.0,
        "orders of today": today,
        "orders of today, and a restart": restarted,
        "a counter in a crash loop": crash[0],
        "a counter that went back a little": back,
        "a counter without resets": counter(resets_at=())[0][0],
        "below zero": -counter()[0][0],
        "constant": np.full(HOURS, 3.0),
        "nothing": np.full(HOURS, np.nan),
        "one step": np.where(hours < 300, 5.0, 4.0),
        "huge": np.where(hours % 300 == 0, 0.0, 1e308 + 1e305 * hours / HOURS),
        "infinite": np.where(hours == 200, np.inf, walk),
    }


@pytest.mark.parametrize("name", list(rows_that_are_neither()))
def test_all_else_passes_bit_for_bit(name: str) -> None:
    rows = rows_that_are_neither()[name][None]
    before = rows.copy()
    course = without_resets(rows)
    assert course.values.tobytes() == before.tobytes() == rows.tobytes()
    assert course.values is not rows
    assert not course.offset.any()


def test_a_course_that_would_leave_the_range_is_not_joined() -> None:
    samples, grown = counter()
    assert without_resets(samples, high=grown.max() * 0.9).values.tobytes() == samples.tobytes()
    assert without_resets(samples, high=grown.max()).offset[0] > 0


@given(
    seed=st.integers(0, 10_000),
    first=st.integers(60, 200),
    second=st.integers(300, 600),
    scale=st.floats(1e-6, 1e9),
    gaps=st.integers(0, 60),
)
def test_a_counter_is_known_in_any_unit_with_gaps_and_beside_any_row(
    seed: int, first: int, second: int, scale: float, gaps: int
) -> None:
    samples, _ = counter(seed, (first, second))
    rng = np.random.default_rng(seed)
    samples = samples * scale
    samples[0, rng.choice(HOURS, gaps, replace=False)] = np.nan
    others = np.array(list(rows_that_are_neither().values()))
    rows = np.concatenate([others, samples, certificate()])
    course = without_resets(rows)
    assert course.values[:-2].tobytes() == others.tobytes()
    known = np.isfinite(samples[0])
    np.testing.assert_array_less(-1e-9 * scale, np.diff(course.values[-2][known]))
    np.testing.assert_array_equal(np.isfinite(course.values[-2]), known)
    np.testing.assert_array_less(samples[0][known] * (1 - 1e-12), course.values[-2][known] + 1e-300)
    order = rng.permutation(len(rows))
    again = without_resets(rows[order])
    assert again.values.tobytes() == course.values[order].tobytes()
    assert again.offset.tobytes() == course.offset[order].tobytes()


def test_settling_touches_no_other_row() -> None:
    rng = np.random.default_rng(1)
    rows = np.concatenate([rng.normal(5, 1, (1, HOURS)), counter()[0]])
    course = without_resets(rows)
    told = forecast(SeasonalNaive(), history_of(course.values, 24, 168), 24)
    settled = course.settle(told, low=0.0)
    for name in ("mean", "lower", "upper", "paths"):
        own, before = getattr(settled, name), getattr(told, name)
        assert own[0].tobytes() == before[0].tobytes()
        np.testing.assert_allclose(own[1], np.maximum(before[1] - course.offset[1], 0.0))
    cannot_tell = Course(course.values, course.offset).settle(
        forecast(SeasonalNaive(), history_of(np.full((2, 30), np.nan)), 3)
    )
    assert np.isnan(cannot_tell.mean).all()


@pytest.mark.parametrize(
    ("distances", "expected"),
    [
        ([24, 24, 25, 72, 23], True),
        ([24, 24, 7, 17, 24, 24], True),
        ([48, 24, 24, 72, 24], True),
        ([100, 100], True),
        ([60, 137, 340], False),
        ([200, 90], False),
        ([168, 30, 50, 411, 168, 77], False),
    ],
)
def test_regular_resets_are_a_season(distances: list[float], expected: bool) -> None:
    given = np.array(distances, dtype=np.float64)
    assert bool(are_multiples(given)) == expected
    assert bool(uncompiled(are_multiples)(given)) == expected


def test_a_counter_that_is_reset_now_and_then_is_one() -> None:
    samples, _ = counter(resets_at=(60, 180, 600))
    assert without_resets(samples).offset[0] > 0


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid:RuntimeWarning")
def test_the_kernels_do_what_their_source_says() -> None:
    rows = np.array([*rows_that_are_neither().values(), counter()[0][0], certificate()[0]])
    course = without_resets(rows)
    joined, offset = rows.copy(), np.zeros(len(rows))
    uncompiled(join_resets)(rows, np.inf, joined, offset)
    assert joined.tobytes() == course.values.tobytes()
    assert offset.tobytes() == course.offset.tobytes()
    where = np.arange(HOURS)
    for row in rows[np.isfinite(rows).all(1)]:
        rates = np.diff(row, prepend=row[0])
        usual = usual_fall(rates, HOURS)
        assert uncompiled(usual_fall)(rates, HOURS) == usual
        assert uncompiled(has_few_reversals)(rates, HOURS) == has_few_reversals(rates, HOURS)
        assert uncompiled(is_counter)(row, where, HOURS) == is_counter(row, where, HOURS)
        slow, fast = np.empty(HOURS), np.empty(HOURS)
        end = join_counter(row, HOURS, fast)
        assert uncompiled(join_counter)(row, HOURS, slow) == end
        np.testing.assert_array_equal(slow, fast)
        uncompiled(join_mirror)(row, where, HOURS, usual, slow)
        join_mirror(row, where, HOURS, usual, fast)
        np.testing.assert_allclose(slow, fast)
