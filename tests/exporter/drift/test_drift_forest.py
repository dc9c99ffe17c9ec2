"""Does a group that stays as it is stay quiet, and does one that changes drift?"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
import pytest
from scipy import stats
from scipy.signal import lfilter

from exporter.core.series import Floats
from exporter.drift.base import HIGH, NONE, Drift
from exporter.drift.hours import DAY, halves
from exporter.drift.isolation_forest import IsolationForest
from exporter.drift.ks import Ks
from exporter.drift.samples import reference_of, samples_of
from exporter.drift.together import Together

SMALL: Final = IsolationForest(trees=20)
TINY: Final = IsolationForest(trees=8)
COUNT: Final = 1200
HALF_HOUR: Final = 1_800_000
A_DAY: Final = 48
WEEK: Final = 7 * A_DAY


def pair_of(seed: int) -> Floats:
    """Return two series [2, 1400] of which each nearly tells the other."""
    values = np.random.default_rng(seed).normal(0, 1, (2, 1400))
    values[1] = values[0] + 0.3 * values[1]
    return values


def together(values: Floats, *, count: int = COUNT, step: int = 1) -> Together:
    """Return a group [G, count and window]; a day has no columns at a step of a millisecond."""
    times = step * np.arange(values.shape[1], dtype=np.int64)
    return Together(values[:, :count], values[:, count:], times[:count], times[count:], step)


def compare(values: Floats, *, test: IsolationForest = SMALL, **more: int) -> Drift:
    return test.judge([test.measure(together(values, **more))])


def days(seed: int, window: int, *, level: float = 0.0) -> Floats:
    """Return a slow group [3, a week and so many days] with a rhythm and days that differ.

    level : deviation of the days, in those of the noise
    """
    rng = np.random.default_rng(seed)
    columns = WEEK + window * A_DAY
    common = rng.normal(0, 1, (1, columns + 200))
    noise = 0.8 * common + 0.6 * rng.normal(0, 1, (3, columns + 200))
    # What has 0.95 at five minutes has 0.74 at half an hour.
    slow: Floats = lfilter([np.sqrt(1 - 0.74**2)], [1.0, -0.74], noise)[:, 200:]
    slow += 3 * np.sin(2 * np.pi * np.arange(columns) / A_DAY)
    return slow + np.repeat(rng.normal(0, level, (3, columns // A_DAY)), A_DAY, 1)


def test_series_that_part_company_drift_though_neither_does() -> None:
    values = pair_of(1)
    values[1, COUNT:] *= -1
    assert (compare(values).severity >= HIGH).all()
    alone = Ks().compare(reference_of(values[:, :COUNT]), samples_of(values[:, COUNT:]))
    assert (alone.severity == NONE).all()


@pytest.mark.parametrize("slow", [False, True])
def test_no_more_than_the_nominal_share_of_groups_drifts(slow: bool) -> None:
    rng = np.random.default_rng(2)
    groups = 30
    noise = rng.normal(0, 1, (groups, 2, 1400 + 500))
    values = lfilter([1.0], [1.0, -0.95 if slow else 0.0], noise)[..., 500:]
    drift = TINY.judge([TINY.measure(together(group)) for group in values])
    assert (drift.p_value[::2] < 0.01).sum() <= 2  # more: once in a hundred times
    assert (drift.severity == NONE).all()


@pytest.mark.parametrize(("window", "level"), [(3, 0.0), (1, 0.4), (3, 0.4)])
def test_nor_where_there_is_a_rhythm_and_days_differ(window: int, level: float) -> None:
    runs = 25
    found = [
        compare(days(seed, window, level=level), test=TINY, count=WEEK, step=HALF_HOUR)
        for seed in range(runs)
    ]
    false = sum(float(drift.p_value[0]) < 0.01 for drift in found)
    assert false <= int(stats.binom.ppf(0.999, runs, 0.01))
    assert np.mean([np.isfinite(drift.p_value[0]) for drift in found]) > 0.5


def test_one_odd_day_of_three_is_no_drift_and_three_are() -> None:
    found = []
    for last in (1, 3):
        values = days(3, 3)
        values[:2, -last * A_DAY :] += np.array([[4.0], [-4.0]])
        found.append(compare(values, count=WEEK, step=HALF_HOUR).severity.tolist())
    assert found[0] == [NONE] * 3
    assert min(found[1]) >= HIGH


def test_the_same_hours_of_the_week_are_in_the_same_half() -> None:
    times = HALF_HOUR * np.arange(9, WEEK + 9 + 3 * A_DAY, dtype=np.int64)
    half, other = halves(times[:WEEK], times[WEEK:], HALF_HOUR)
    np.testing.assert_array_equal(half[: 3 * A_DAY], other)
    assert 3 * A_DAY <= half.sum() <= 4 * A_DAY
    whole = np.flatnonzero(times[:WEEK] % DAY == 0)
    for first in whole[:-1]:
        assert len(set(half[first : first + A_DAY].tolist())) == 1
    two, after = halves(times[: 2 * A_DAY], times[2 * A_DAY : 3 * A_DAY], HALF_HOUR)
    assert two.sum() == A_DAY
    np.testing.assert_array_equal(two[:A_DAY], after)


def test_the_same_samples_and_seed_give_the_same() -> None:
    values = pair_of(4)
    first, again = compare(values), compare(values)
    np.testing.assert_array_equal(first.statistic, again.statistic)
    others = {compare(values, test=replace(SMALL, seed=seed)).statistic[0] for seed in range(1, 5)}
    assert len(others) > 1


def lacking(values: Floats) -> None:
    values[1, : COUNT * 2 // 3] = np.nan


def gone(values: Floats) -> None:
    values[1, COUNT:] = np.inf


@pytest.mark.parametrize("spoil", [lacking, gone])
def test_a_member_without_samples_is_left_out(spoil: Callable[[Floats], None]) -> None:
    values = pair_of(7)
    spoil(values)
    drift = compare(values)
    assert drift.statistic[0] == compare(values[:1]).statistic[0]
    assert np.isnan(drift.statistic[1])


def test_too_many_members_or_too_few_samples_cannot_tell() -> None:
    assert np.isnan(compare(pair_of(8), test=IsolationForest(largest=1)).statistic).all()
    few = pair_of(9)
    few[:, : COUNT - 50] = np.nan
    assert np.isnan(compare(few).statistic).all()
    sparse = pair_of(9)
    sparse[0, COUNT::2] = np.nan
    sparse[1, COUNT + 1 :: 2] = np.nan
    assert np.isnan(compare(sparse).statistic).all()  # never both at a time


def test_a_member_that_never_moved_drifts_when_it_does() -> None:
    values = pair_of(10)
    values[1] = 3.0
    assert (compare(values).severity == NONE).all()
    values[1, COUNT:] = 4.0
    assert (compare(values).severity >= HIGH).all()
