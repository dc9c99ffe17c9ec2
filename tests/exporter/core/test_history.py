from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from exporter.core import history
from exporter.core.features import DAY
from exporter.core.history import LIMIT, Windows, group_median
from exporter.core.kernels import uncompiled
from exporter.core.rows import State
from exporter.core.series import Bools, Floats, Ints, SeriesBatch

HOUR = 3_600_000
BERLIN = ZoneInfo("Europe/Berlin")


def batch_of(values: Floats, first: int = 0, step: int = 15_000) -> SeriesBatch:
    keys = tuple(b"%d" % row for row in range(len(values)))
    times = np.arange(first, first + values.shape[1], dtype=np.int64) * step
    return SeriesBatch(keys, times, values, step)


def run(
    windows: Windows, batch: SeriesBatch, groups: Ints | None = None
) -> tuple[Floats, Bools, State]:
    state = windows.fresh(len(batch.keys))
    if groups is None:
        groups = np.arange(len(batch.keys))
    vectors, ready = windows.advance(state, batch, groups)
    return vectors.astype(np.float64), ready, state


def test_the_deviation_is_in_spreads_of_the_samples_before() -> None:
    """Nine values 1..9: median 5, MAD 2, so 20 is 15 / (1.4826 * 2) spreads away."""
    values = np.array([[*range(1, 10), 20.0]])
    vectors, ready, _ = run(Windows(10, ("deviation", "lag_1")), batch_of(values))
    assert ready[0].tolist() == [False] * 9 + [True]
    assert vectors[0, 9] == pytest.approx([15 / 2.9652, 4 / 2.9652], rel=1e-4)


def test_units_do_not_matter() -> None:
    values = np.random.default_rng(1).normal(size=(1, 200))
    windows = Windows(32, ("deviation", "slope_16", "roughness_16"))
    one, _, _ = run(windows, batch_of(values))
    other, _, _ = run(windows, batch_of(1e9 * values + 3e9))
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_gaps_are_filled_and_long_ones_start_anew() -> None:
    values = np.arange(60.0)[None] % 7
    values[0, 20:22] = np.nan
    values[0, 30] = np.inf
    values[0, 40:46] = np.nan
    vectors, ready, state = run(Windows(10, ("flat_share_16",)), batch_of(values))
    assert not ready[0, [20, 21, 30, 45, 54]].any()
    assert ready[0, [9, 19, 22, 29, 31, 39, 55]].all()
    assert vectors[0, 22, 0] == pytest.approx(2 / 9)  # the sample before the gap, thrice
    assert np.isfinite(state["recent"]).all()


def test_a_quiet_stretch_does_not_make_the_next_step_enormous() -> None:
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.normal(0, 1, 200), np.zeros(50), [0.5]])[None]
    vectors, _, _ = run(Windows(20, ("deviation",)), batch_of(values))
    assert abs(vectors[0, -1, 0]) < 2.0
    born_quiet, _, _ = run(Windows(20, ("deviation",)), batch_of(values[:, 210:]))
    assert born_quiet[0, -1, 0] == LIMIT


def test_yesterday_and_last_week_follow_the_wall_clock() -> None:
    """Each day is the one before and 1 more; on 2026-03-29 yesterday's noon is 23 hours ago."""
    start = 1_774_000_000_000 // HOUR  # 2026-03-20
    times = np.arange(start, start + 24 * 12, dtype=np.int64) * HOUR
    batch = SeriesBatch((b"x",), times, np.zeros((1, len(times))), HOUR).on_clock(BERLIN)
    hour, day = (batch.wall_times // HOUR) % 24, batch.wall_times // DAY
    values = np.asarray(100.0 * hour + day, dtype=np.float64)[None]
    batch = SeriesBatch(batch.keys, times, values, HOUR, batch.offset)
    names = ("yesterday_residual", "last_week_residual")
    vectors, _, state = run(Windows(10, names), batch)
    is_known = (day > day[0] + 7) & (hour != 2)  # there was no 02:00 on the 29th
    assert (day[is_known] * DAY > 1_774_828_800_000).any(), "after the change too"
    assert (vectors[0, is_known, 0] > 0).all()
    assert vectors[0, is_known, 1] == pytest.approx(7 * vectors[0, is_known, 0], rel=1e-3)
    assert not vectors[0, day == day[0]].any(), "nothing is known of yesterday yet"
    assert np.isfinite(state["profile"]).sum() == 24 + 168


def test_the_median_of_a_group_by_hand() -> None:
    deviation = np.array([[1.0, 5.0], [2.0, 6.0], [9.0, 7.0], [4.0, 8.0]])
    ready = np.array([[True, True], [True, False], [True, True], [False, False]])
    found = group_median(deviation, ready, np.array([0, 0, 0, 1]))
    assert found.tolist() == [[2.0, 6.0]] * 3 + [[0.0, 0.0]]


def test_one_of_many_is_compared_with_its_group() -> None:
    shared = np.random.default_rng(2).normal(size=80)
    values = np.stack([shared + 3, 2 * shared, shared, np.random.default_rng(3).normal(size=80)])
    names = ("group_deviation", "group_correlation")
    vectors, _, _ = run(Windows(10, names), batch_of(values), np.zeros(4, dtype=np.int64))
    assert vectors[:3, -1, 1] == pytest.approx(np.ones(3), abs=0.05)
    assert vectors[3, -1, 1] < 0.8
    assert abs(vectors[0, -1, 0]) < 1e-6 < abs(vectors[3, -1, 0])


def test_kernels_agree_with_their_uncompiled_selves() -> None:
    rng = np.random.default_rng(4)
    values = rng.normal(size=(2, 30))
    values[0, 3:5] = np.nan
    values[1, 10:20] = np.nan
    results = []
    kernels: list[Callable[..., Any]] = [history.fill_gaps, history.settle, history.remember]
    for fill_gaps, settle, remember in (kernels, [uncompiled(kernel) for kernel in kernels]):
        recent = np.full((2, 7), np.nan)
        presence = np.zeros((2, 2), dtype=np.int64)
        filled, ages = np.empty((2, 37)), np.empty((2, 30), dtype=np.int64)
        fill_gaps(values, recent, presence, filled, ages)
        scale, usual = np.abs(filled[:, 7:]) * (values > 0), np.zeros(2)
        with np.errstate(invalid="ignore"):
            settle(scale, filled[:, 7:], ages > 2, usual)
        slots = np.stack([np.arange(30) // 2, np.arange(30) // 8])
        profile = np.full((2, 96 + 168), np.nan, dtype=np.float32)
        running, before = np.zeros((2, 2, 3)), np.empty((2, 2, 30))
        remember(values, slots, profile, running, before)
        results.append([recent, presence, filled, ages, scale, usual, profile, running, before])
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other)
