from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.core import cycles, profiles
from exporter.core.kernels import uncompiled
from exporter.core.rows import State
from exporter.core.seasons import DAY, HOURS, MONDAY, SLOTS, WEEK, Seasons, slots_of
from exporter.core.series import Floats, Ints, SeriesBatch

MINUTE = 60_000
STEP = 5 * MINUTE
PER_DAY = DAY // STEP
BERLIN = ZoneInfo("Europe/Berlin")
DAILY = Seasons(has_week=False, finds_cycles=False)
SHORT = Seasons(cycle=0, has_week=False)


def instant(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def batch_of(
    values: Floats, step: int = STEP, start: int = 0, zone: ZoneInfo | None = None
) -> SeriesBatch:
    keys = tuple(b"%d" % row for row in range(len(values)))
    times = start + np.arange(values.shape[1], dtype=np.int64) * step
    return SeriesBatch(keys, times, values, step).on_clock(zone)


def season_of(seasons: Seasons, batch: SeriesBatch) -> tuple[State, Floats]:
    state = seasons.fresh(len(batch.keys))
    season, rough = seasons.advance(state, batch)
    assert (rough >= 0.0).all()
    return state, season


def daily_shape(wall_times: Ints) -> Floats:
    """Return busy hours from 8 to 18, with a peak at noon, each begun and ended within an hour."""
    hour = wall_times % DAY / 3_600_000
    busy = 1.0 / (1.0 + np.exp(-4.0 * (hour - 8.0))) - 1.0 / (1.0 + np.exp(-4.0 * (hour - 18.0)))
    shape: Floats = 60.0 * busy + 40.0 * np.exp(-((hour - 12.0) ** 2))
    return shape


def test_the_week_begins_on_monday() -> None:
    monday = instant("2026-11-16")
    times = np.array([monday, monday - 1, monday + DAY + 3_600_000], dtype=np.int64)
    hours, _ = slots_of(times - MONDAY, WEEK, HOURS, MINUTE)
    assert hours.tolist() == [0, 167, 25]


def test_places_by_hand() -> None:
    """A quarter of an hour holds three samples at steps of five minutes, one at steps of 15."""
    times = np.arange(6, dtype=np.int64) * STEP
    slots, places = slots_of(times, DAY, SLOTS, STEP)
    assert slots.tolist() == [0, 0, 0, 1, 1, 1]
    assert places == pytest.approx([-1 / 3, 0.0, 1 / 3] * 2)
    slots, places = slots_of(times * 3, DAY, SLOTS, 3 * STEP)
    assert slots.tolist() == list(range(6))
    assert not places.any()


@pytest.mark.parametrize("change", ["2026-03-29", "2026-10-25"])
def test_a_daily_pattern_stays_when_the_clocks_change(change: str) -> None:
    start = instant(change) - 7 * DAY
    rng = np.random.default_rng(1)
    blank = batch_of(np.zeros((1, 10 * PER_DAY)), start=start, zone=BERLIN)
    values = daily_shape(blank.wall_times)[None, :] + rng.normal(0, 1, blank.values.shape)
    misses = {}
    for zone in (BERLIN, None):
        _, season = season_of(DAILY, batch_of(values, start=start, zone=zone))
        rest = values - season
        level = np.median(rest[:, 3 * PER_DAY : 7 * PER_DAY])
        after = np.abs(rest - level)[:, 7 * PER_DAY :]  # the day of the change and two more
        misses[zone] = float((after > 15.0).mean())
    assert misses[BERLIN] == 0.0
    assert misses[None] > 0.05, "a clock that does not change is an hour off"


def test_one_day_teaches_nothing_and_two_do() -> None:
    rng = np.random.default_rng(2)
    values = np.tile(daily_shape(np.arange(PER_DAY) * STEP), 9)[None, :].repeat(2, 0)
    values += rng.normal(0, 1, values.shape)
    incident = slice(2 * 12, 3 * 12)  # from 02:00 to 03:00
    for day in (4, 5, 6, 7, 8):
        if day == 4:
            values[:, day * PER_DAY :][:, incident] += 50.0
        else:
            values[1, day * PER_DAY :][incident] += 50.0  # the other series makes it a habit
    _, season = season_of(DAILY, batch_of(values))
    by_day = np.stack([season[:, day * PER_DAY :][:, incident].mean(1) for day in range(9)])
    usual = by_day[3, 0]
    assert by_day[4:, 0] == pytest.approx(np.full(5, usual), abs=3.0)
    assert by_day[5, 1] == pytest.approx(usual, abs=3.0)
    assert by_day[8, 1] > usual + 25.0


def test_no_season_is_made_of_noise() -> None:
    rng = np.random.default_rng(3)
    noise = rng.standard_t(3, (50, 9 * PER_DAY))
    _, season = season_of(Seasons(), batch_of(noise))
    assert np.abs(season).mean() < 0.1
    wave = np.tile(daily_shape(np.arange(PER_DAY) * STEP), 9) + rng.normal(0, 1, 9 * PER_DAY)
    _, season = season_of(Seasons(), batch_of(wave[None, :]))
    assert np.corrcoef(season[0, -PER_DAY:], wave[-PER_DAY:])[0, 1] > 0.95


def test_weekends_are_learned_as_such() -> None:
    days = 28
    times = np.arange(days * PER_DAY, dtype=np.int64) * STEP
    is_weekend = (times - MONDAY) // DAY % 7 >= 5
    values = daily_shape(times) * np.where(is_weekend, 0.2, 1.0)
    values = 1e9 + values + np.random.default_rng(4).normal(0, 1, (1, len(times)))
    weekend = np.flatnonzero(is_weekend & (times >= 21 * DAY))
    missed = {}
    for has_week in (True, False):
        seasons = Seasons(has_week=has_week, finds_cycles=False)
        _, season = season_of(seasons, batch_of(values))
        rest = values - season
        missed[has_week] = np.abs(rest[0, weekend] - np.median(rest)).mean()
    assert missed[True] < 6.0
    assert missed[False] > 3.0 * missed[True]


def test_a_period_of_its_own() -> None:
    """Three hours, in slots of 15 of the 1,800 steps of six seconds; a day is another matter."""
    period = 3 * 3_600_000
    times = np.arange(10 * 1800, dtype=np.int64) * 6_000
    values = 20.0 * (times % period < period // 3)[None, :] + np.random.default_rng(5).normal(
        0, 1, (1, len(times))
    )
    _, season = season_of(
        Seasons(cycle=period, has_week=False, finds_cycles=False), batch_of(values, 6_000)
    )
    assert np.std(values[:, -1800:] - season[:, -1800:]) < 2.0
    assert np.std(values[:, -1800:]) > 9.0


def test_a_job_every_twenty_samples_is_expected() -> None:
    rng = np.random.default_rng(6)
    values = rng.normal(0, 1, (2, 900))
    values[0, ::20] += 30.0
    state, season = season_of(SHORT, batch_of(values))
    assert state["season_short_length"].tolist() == [20, 0]
    assert season[0, 600::20] == pytest.approx(np.full(15, 28.5), abs=3.0)
    assert np.abs(season[0, 601::20]).max() < 4.0
    assert not season[1].any()
    SHORT.advance(state, batch_of(rng.normal(0, 1, (2, 300)), start=900 * STEP))
    assert state["season_short_length"].tolist() == [0, 0]


@given(cuts=st.lists(st.integers(0, 700), max_size=4), seed=st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_chunking_does_not_matter(cuts: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 1, (3, 700)) + 9.0 * (np.arange(700) % 12 == 0)
    values[rng.random(values.shape) < 0.1] = np.nan
    hourly = batch_of(values, 3_600_000, zone=BERLIN)
    whole_state, whole = season_of(Seasons(), hourly)
    state = Seasons().fresh(3)
    bounds = [0, *sorted(cuts), 700]
    parts = [
        Seasons().advance(state, hourly.columns(start, stop))[0] for start, stop in pairwise(bounds)
    ]
    np.testing.assert_allclose(np.concatenate(parts, 1), whole, rtol=1e-12)
    for name, array in state.items():
        np.testing.assert_array_equal(array, whole_state[name], err_msg=name)


def visit(moments: Floats, arrays: list[npt.NDArray[Any]], error: float) -> float:
    """Close a visit of slot 0 with that mean error; return what the profile then says."""
    moments[profiles.SLOT] = 0.0
    moments[profiles.MISS], moments[profiles.HERE] = 3.0 * error, 3.0
    for close in (profiles.close_visit, uncompiled(profiles.close_visit)):
        own, copies = moments.copy(), [array.copy() for array in arrays]
        close(own, *copies)
    moments[:] = own
    for array, copy in zip(arrays, copies, strict=True):
        array[:] = copy
    return float(arrays[0][0])


def test_a_visit_teaches_what_the_one_before_agrees_on() -> None:
    state = profiles.fresh_profile(1, 2)
    moments = state["moments"][0]
    arrays = [state[name][0] for name in ("profile", "before", "visits")]
    assert visit(moments, arrays, 10.0) == 10.0, "the first is taken as it is"
    assert visit(moments, arrays, 8.0) == 10.0, "the second has nothing to compare with"
    assert visit(moments, arrays, 6.0) == 13.0, "half of 6"
    assert visit(moments, arrays, -6.0) == 13.0, "3 were left of 6: other sign"
    assert visit(moments, arrays, -2.0) == 12.5, "a quarter of 2, the smaller one"
    assert moments[profiles.KNOWN] == 1.0
    assert moments[profiles.SUM] == 12.5
    before = moments.copy()
    profiles.close_visit(moments, *arrays)
    np.testing.assert_array_equal(moments, before, "a slot without samples was not visited")


def test_weight_by_hand() -> None:
    moments = profiles.fresh_moments(1)[0]
    for weight_of in (profiles.weight_of, uncompiled(profiles.weight_of)):
        moments[[profiles.XY, profiles.XX, profiles.TESTED]] = 0.0, 0.0, 0.0
        assert weight_of(moments) == 0.0
        moments[[profiles.XY, profiles.XX, profiles.TESTED]] = 5.0, 10.0, 1.0
        assert weight_of(moments) == pytest.approx(0.5)
        moments[profiles.TESTED] = profiles.PROOF / 2
        assert weight_of(moments) == pytest.approx(0.25)
    one, other = moments.copy(), moments.copy()
    profiles.tally(one, 100.0, -2.0, 0.1)
    uncompiled(profiles.tally)(other, 100.0, -2.0, 0.1)
    np.testing.assert_allclose(one, other)
    assert one[profiles.XY] == pytest.approx(5.0 + 0.1 * (-2.0 * 4.0 - 5.0)), "cut at twice"


def test_level_and_reading_agree_with_their_slow_twins() -> None:
    rng = np.random.default_rng(9)
    one, other = (profiles.fresh_moments(1)[0] for _ in range(2))
    for now in [*rng.normal(50.0, 1.0, 60), 900.0]:
        profiles.track(one, now, 20.0)
        uncompiled(profiles.track)(other, now, 20.0)
    np.testing.assert_allclose(one, other)
    assert one[profiles.LEVEL] == pytest.approx(50.0, abs=1.0)
    profile = np.array([1.0, 3.0, 7.0, 0.0], dtype=np.float32)
    visits = np.array([1, 1, 1, 0], dtype=np.uint8)
    for read in (profiles.read, uncompiled(profiles.read)):
        assert read(profile, visits, 1, 0.25, 1) == pytest.approx((4.0, 2.0))
        assert read(profile, visits, 1, -0.5, 1) == pytest.approx((2.0, 2.0))
        assert read(profile, visits, 2, 0.5, 1) == pytest.approx((7.0, 2.0)), "3 is unknown"


def test_kernels_agree_with_their_slow_twins() -> None:
    rng = np.random.default_rng(7)
    values = rng.normal(0, 1, (3, 300)) + 20.0 * (np.arange(300) % 7 == 0)
    values[0, 70:90] = np.nan
    values[1, 100] = np.inf
    found = []
    for follow, follow_cycle, fold in (
        (profiles.follow, cycles.follow_cycle, cycles.fold),
        (
            uncompiled(profiles.follow),
            uncompiled(cycles.follow_cycle),
            uncompiled(cycles.fold),
        ),
    ):
        state, short = profiles.fresh_profile(3, 24), cycles.fresh_cycle(3)
        outputs = [np.zeros((3, 300)) for _ in range(3)]
        index = np.arange(300, dtype=np.int64)
        follow(values, index % 24, np.zeros(300), 1, 24.0, 48.0, *state.values(), *outputs)
        short["length"][:] = [7, 0, 7]
        pieces = [outputs[0][:, :240], outputs[1][:, :240]]
        follow_cycle(values[:, :240], index[:240], *short.values(), *pieces)
        fold(short["recent"], 239, short["length"], short["cycle"])
        found.append([*state.values(), *short.values(), *outputs])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)
    assert found[0][5][0, :7].argmax() == 0, "the phase of the spikes"
