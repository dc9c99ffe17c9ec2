"""What is compared with what, and what follows from several tests."""

from dataclasses import replace
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from scipy import stats
from scipy.signal import lfilter

from exporter.core.pieces import one_by_one
from exporter.core.ring import Ring
from exporter.core.series import Floats, Ints, Keys, SeriesBatch
from exporter.drift.base import Drift, Measure, SeriesTest
from exporter.drift.baselines import Baseline, cohort_of, retaken, with_born
from exporter.drift.check import agreed, check
from exporter.drift.hours import columns_like
from exporter.drift.isolation_forest import IsolationForest
from exporter.drift.ks import Ks
from exporter.drift.plan import DriftPlan
from exporter.drift.psi import Psi
from exporter.drift.samples import Reference, Samples, reference_of

HOUR = 3_600_000
STEP = 300_000
NAN = float("nan")


def plan_of(reference: int = 240, window: int = 60, **more: Any) -> DriftPlan:
    plan = DriftPlan(query="q", tests=(Ks(),), step=STEP, reference=reference, window=window)
    return replace(plan, **more)


def ring_of(values: Floats, keys: Keys = ()) -> Ring:
    ring = Ring(STEP, values.shape[1])
    keys = keys or tuple(b'{"row":"%d"}' % row for row in range(len(values)))
    times = np.arange(1, values.shape[1] + 1, dtype=np.int64) * STEP
    ring.append(SeriesBatch(keys, times, values, STEP))
    return ring


def baseline_of(values: Floats, plan: DriftPlan) -> Baseline:
    """Return what was taken when only so many columns had come as a reference has."""
    cohort = cohort_of(ring_of(values[:, : plan.reference]), plan, 1)
    assert cohort is not None
    return retaken(None, cohort, plan, 0, "first run")


@pytest.mark.parametrize(
    ("days", "hours"),
    [(1 / 4, set(range(6))), (3, {0, 23, 24, 47, 48, 71}), (7, {23, 24}), (14, {23, 24})],
)
def test_the_same_hours_of_the_week_of_the_day_or_all(days: float, hours: set[int]) -> None:
    columns = int(days * 288)
    reference = np.arange(columns, dtype=np.int64) * STEP
    window = np.arange(24, dtype=np.int64) * STEP + (14 * 24 + 23) * HOUR
    chosen = columns_like(reference, window, STEP)
    assert {hour % 168 for hour in (reference[chosen] // HOUR).tolist()} == hours


def test_hours_are_those_of_the_wall_clock() -> None:
    hourly = plan_of(168, 2, step=HOUR)

    def ring_at(start: int, values: Floats) -> Ring:
        ring = Ring(HOUR, len(values))
        times = start + HOUR * np.arange(len(values), dtype=np.int64)
        ring.append(SeriesBatch((b"{}",), times, values[None], HOUR))
        return ring

    winter = ring_at(1_767_571_200_000, np.arange(168.0))  # Monday, 2026-01-05
    summer = ring_at(1_783_288_800_000, np.zeros(2))  # Sunday, 2026-07-05 22:00 UTC
    cohort = cohort_of(winter, hourly, 1)
    assert cohort is not None
    baseline = retaken(None, cohort, hourly, 0, "first run")
    for zone, medians in ((None, 166.5), (ZoneInfo("Europe/Berlin"), (167 + 0) / 2)):
        checked = check(replace(hourly, zone=zone), summer, baseline, one_by_one)
        assert checked.before[0] == medians


def test_what_is_compared_are_the_samples_before_the_window_and_those_in_it() -> None:
    values = np.random.default_rng(3).normal(1e9, 5.0, (2, 300))
    values[0, 240:] += 2.0
    values[1, 100:110] = NAN
    plan, ring = plan_of(), ring_of(values)
    checked = check(plan, ring, baseline_of(values, plan), one_by_one)
    for row in range(2):
        past, now = values[row, :240], values[row, 240:]
        expected = stats.ks_2samp(past[~np.isnan(past)], now).statistic
        assert checked.tests["ks"].statistic[row] == pytest.approx(expected, abs=1e-12)
        assert checked.before[row] == pytest.approx(np.nanmedian(past), rel=1e-15)
        assert checked.now[row] == pytest.approx(np.median(now), rel=1e-15)


def test_cohorts_of_different_times_are_told_apart() -> None:
    rng = np.random.default_rng(4)
    shared = rng.normal(0.0, 1.0, 300)
    values = np.vstack([shared, shared, rng.normal(0.0, 1.0, 300)])
    values = values + rng.normal(0.0, 0.1, values.shape)
    values[2, 280:] += 5.0
    plan = plan_of(tests=(Ks(), IsolationForest(trees=20)))
    ring = ring_of(values)
    first = cohort_of(ring, plan, 1, {b'{"row":"2"}'})
    later = cohort_of(ring, plan, 1, {b'{"row":"0"}', b'{"row":"1"}'})
    assert first is not None
    assert later is not None
    baseline = with_born(retaken(None, first, plan, 0, "first run"), later, set(ring.keys))
    found = check(plan, ring, baseline, one_by_one).tests["isolation_forest"].statistic
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize(
    ("severities", "agreement"),
    [
        ([3], 3),
        ([3, 0], 0),
        ([3, 2], 2),
        ([3, 2, 0], 2),
        ([3, 0, 0], 0),
        ([3, 3, 1], 3),
        ([3, None, 2], 2),
        ([None, 3, None], 3),
        ([None, None], NAN),
    ],
)
def test_most_tests_have_to_agree(severities: list[int | None], agreement: float) -> None:
    def one(severity: int | None) -> Drift:
        told = np.array([NAN if severity is None else 1.0])
        return Drift(told, told, np.array([severity or 0], dtype=np.int8))

    found = agreed([one(severity) for severity in severities], 1)
    np.testing.assert_array_equal(found, [agreement])


class Crashing(SeriesTest):
    """Cannot tell."""

    kind: Literal["crashing"] = "crashing"

    def _measure(self, reference: Reference, recent: Samples) -> Measure:
        raise ValueError("on purpose")


def test_a_test_that_crashes_leaves_the_others() -> None:
    values = np.random.default_rng(3).normal(0.0, 1.0, (2, 300))
    values[1, 240:] += 5.0
    plan = plan_of(tests=(Crashing(kind="crashing"), Psi(), Ks()))
    ring = ring_of(values)
    checked = check(plan, ring, baseline_of(values, plan), one_by_one)
    assert str(checked.failure) == "drift test crashing: ValueError: on purpose"
    assert np.isnan(checked.tests["crashing"].statistic).all()
    np.testing.assert_array_equal(checked.severity, [0, 3])


def test_series_that_are_gone_are_left_out() -> None:
    values = np.random.default_rng(3).normal(0.0, 1.0, (3, 300))
    values[1, 290:] = NAN
    plan, ring = plan_of(), ring_of(values)
    checked = check(plan, ring, baseline_of(values, plan), one_by_one)
    assert checked.keys == (b'{"row":"0"}', b'{"row":"2"}')
    assert checked.severity.shape == (2,)


def test_equal_samples_stay_equal_however_they_are_kept() -> None:
    few: Ints = np.random.default_rng(3).integers(0, 3, (1, 300))
    values = np.asarray(1_700_000_000.1 + few * 0.1, dtype=np.float64)
    values[0, 240:] = values[0, 0:60]
    values[0, 0:240] = np.tile(values[0, 0:60], 4)
    plan, ring = plan_of(), ring_of(values)
    checked = check(plan, ring, baseline_of(values, plan), one_by_one)
    np.testing.assert_array_equal(checked.tests["ks"].statistic, [0.0])


def test_a_daily_rhythm_is_neither_drift_nor_in_the_way() -> None:
    times = np.arange(8 * 288)
    noise = np.random.default_rng(6).normal(0.0, 0.5, (3, len(times)))
    values = 10.0 + 5.0 * np.sin(times * 2 * np.pi / 288) + noise
    values[1, 7 * 288 :] += 2.5
    values[2, 7 * 288 + 144 :] -= 5.0
    plan, ring = plan_of(2016, 288, tests=(Ks(), Psi())), ring_of(values)
    checked = check(plan, ring, baseline_of(values, plan), one_by_one)
    assert checked.severity[0] == 0
    assert checked.severity[1] > 0
    assert checked.severity[2] > 0


def test_what_samples_are_worth_is_measured_once_and_on_all_of_the_past() -> None:
    rng = np.random.default_rng(7)
    noise: Floats = lfilter([1.0], [1.0, -0.5], rng.normal(0.0, 1.0, (3, 8 * 288 + 500)))[:, 500:]
    values = noise + 10 * np.sin(2 * np.pi * np.arange(8 * 288) / 288)
    values[:, 7 * 288 :] += 1.0
    plan, ring = plan_of(2016, 288, tests=(Ks(), Psi())), ring_of(values)
    baseline = baseline_of(values, plan)
    (cohort,) = baseline.cohorts
    assert np.isnan(cohort.memory).all()
    first = check(plan, ring, baseline, one_by_one)
    kept = cohort.values(np.arange(3), np.arange(2016))
    np.testing.assert_array_equal(cohort.memory, reference_of(kept, season=288).memory)
    again = check(plan, ring, baseline, one_by_one)
    for name, drift in first.tests.items():
        np.testing.assert_array_equal(again.tests[name].p_value, drift.p_value)
    cohort.memory[:] *= 2.0  # it is not measured again
    doubled = check(plan, ring, baseline, one_by_one)
    assert (doubled.tests["ks"].p_value > first.tests["ks"].p_value).all()


def test_a_baseline_taken_now_takes_what_is_so_now_for_usual() -> None:
    rng = np.random.default_rng(6)
    values = 10.0 + rng.normal(0.0, 0.5, (1, 7 * 288))
    values[0, 6 * 288 :] += 2.5
    plan, ring = plan_of(2016, 288), ring_of(values)
    cohort = cohort_of(ring, plan, 1)
    assert cohort is not None
    checked = check(plan, ring, retaken(None, cohort, plan, 0, "command"), one_by_one)
    assert not checked.severity[0] > 0
