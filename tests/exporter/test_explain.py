import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from exporter.core.rows import State
from exporter.core.scores import Scores, blank_scores
from exporter.core.series import Floats, SeriesBatch
from exporter.detectors.base import Detector
from exporter.detectors.mad import Mad
from exporter.detectors.zscore import ZScore
from exporter.ensemble import Combination
from exporter.explain import Explanation, anomalous_rows, explain, reason_of, short
from exporter.judge import Policy
from exporter.pipeline import QueryState, cold_state, evaluate
from exporter.plan import Plan

STEP = 600_000
HOUR, DAY = 6, 144
NAN = float("nan")
PLAN = Plan(
    query="load",
    detectors=(ZScore(window=20, min_samples=10), Mad(window=20, min_samples=10, weight=2.0)),
    policy=Policy(high=1000.0),
    grace=2 * STEP,
    missing_for=10 * STEP,
)


def explained(values: Floats, plan: Plan = PLAN, start: str = "2026-03-02") -> list[Explanation]:
    """Explain what is anomalous after columns ten minutes apart."""
    rows = len(values)
    first = int(datetime.fromisoformat(start).replace(tzinfo=UTC).timestamp()) * 1000
    times = first + np.arange(values.shape[1], dtype=np.int64) * STEP
    keys = tuple(b'{"__name__":"load1","host":"%d"}' % row for row in range(rows))
    state, _ = evaluate(plan, cold_state(plan), SeriesBatch(keys, times, values, STEP))
    return explain(plan, state, anomalous_rows(plan, state))


def noise(rows: int, columns: int) -> Floats:
    return np.random.default_rng(7).normal(10.0, 1.0, (rows, columns))


def test_what_is_anomalous_now_is_explained_worst_first() -> None:
    values = noise(5, 60)
    values[1, 57:] = 40.0
    values[2, -1] = -60.0
    values[3, 40] = 90.0  # over
    values[4, -1] = 5000.0  # impossible
    found = explained(values)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    low, high, impossible = sorted(found, key=lambda one: one.value)
    assert [one.labels["host"] for one in (low, high, impossible)] == ["2", "1", "4"]
    assert (high.query, high.labels["__name__"]) == ("load", "load1")
    assert (low.direction, high.direction) == ("down", "up")
    assert impossible.contributions == {}
    assert impossible.reason == "5k is above 1k, the highest possible value"
    assert high.since == datetime(2026, 3, 2, 9, 30, tzinfo=UTC).timestamp()
    assert sum(high.contributions.values()) == pytest.approx(1.0, abs=0.002)
    assert list(high.contributions) == ["mad", "zscore"]
    assert high.lower < high.expected < high.upper < high.value
    assert high.score >= high.threshold == 0.6


def test_nothing_anomalous_nothing_to_explain() -> None:
    assert explained(noise(3, 60)) == []
    assert explained(np.empty((0, 60))) == []


def test_a_series_that_is_gone_is_not_anomalous_now() -> None:
    values = noise(2, 60)
    values[0, 55] = 40.0
    values[0, 56:] = NAN
    assert explained(values) == []


@pytest.mark.parametrize(
    ("days", "place", "said"),
    [
        ([0], 12, " %"),
        ([0, 1], 12, "; 2nd time in 7 days"),
        ([0, 1, 2], 12, "; 3rd time in 7 days, always about 02:05"),
        ([0, 1, 2, 3], DAY - 1, "; 4th time in 7 days, always about 23:55"),
        ([0, 8], 12, "; as on 2026-03-02 02:00"),
        ([0, 1, 2, 9, 10], 12, "; 2nd time in 7 days"),
    ],
)
def test_how_often_it_happened(days: list[int], place: int, said: str) -> None:
    starts = [day * DAY + place + day % 2 for day in days]
    values = noise(1, starts[-1] + 1)
    for start in starts:
        values[0, start : start + 3] = 60.0
    (one,) = explained(values)
    assert one.reason.endswith(said)
    assert len(one.occurrences) == len(days) - 1
    for past in one.occurrences:
        assert (past.duration, past.sigmas > 5) == (1200.0, True)


def test_different_times_of_day_are_not_one() -> None:
    values = noise(1, 3 * DAY)
    values[0, [30, DAY + 30, -1]] = 60.0
    (one,) = explained(values)
    assert one.reason.endswith("; 3rd time in 7 days")


def test_the_time_of_day_is_that_of_the_query_across_daylight_saving() -> None:
    berlin = Plan(**{**vars(PLAN), "zone": ZoneInfo("Europe/Berlin")})
    values = noise(1, 2 * DAY + 2 * HOUR + 2)
    values[0, [3 * HOUR, DAY + 2 * HOUR, -2, -1]] = 60.0
    (one,) = explained(values[:, :-1], berlin, "2026-03-28")
    assert one.reason.endswith("3rd time in 7 days, always about 04:00")
    (later,) = explained(values, berlin, "2026-03-28")
    assert later.since == one.since  # the same anomaly still


@dataclass(frozen=True, kw_only=True)
class Shape(Detector):
    """Finds values above 50 odd and has no band."""

    @property
    def name(self) -> str:
        return "shape"

    @property
    def memory(self) -> int:
        return 1

    def fresh(self, series: int) -> State:
        return {"seen": np.zeros(series)}

    def _advance(self, state: State, batch: SeriesBatch) -> tuple[State, Scores]:
        scores = blank_scores(*batch.values.shape)
        scores.score[:] = np.where(batch.values > 50.0, 0.95, 0.0)
        return state, scores


def test_without_a_band_there_is_no_direction_but_a_reason_and_a_past() -> None:
    values = noise(1, 60)
    values[0, [20, -1]] = 60.0
    (one,) = explained(values, Plan(**{**vars(PLAN), "detectors": (Shape(),)}))
    assert (one.direction, len(one.occurrences)) == (None, 1)
    assert one.reason == "60 is unusual for this series; shape 100 %; 2nd time in 7 days"
    both = (Shape(), *PLAN.detectors)
    values[0, [20, -1]] = -60.0, 60.0
    (one,) = explained(values, Plan(**{**vars(PLAN), "detectors": both}))
    assert one.direction == "up"
    assert one.occurrences == ()
    assert not math.isnan(one.expected)


def test_what_looked_different_is_not_counted() -> None:
    values = noise(1, 50 * HOUR)
    values[0, 10 * HOUR] = -60.0  # the other direction
    values[0, 20 * HOUR] = 900.0  # far more of it
    values[0, 30 * HOUR] = 60.0
    values[0, -1] = 60.0
    (one,) = explained(values)
    assert [past.start % 86_400 for past in one.occurrences] == [6 * 3600.0]


def test_contributions_follow_the_combination() -> None:
    values = noise(1, 60)
    values[0, -1] = 40.0
    (one,) = explained(values, Plan(**{**vars(PLAN), "combination": Combination(kind="max")}))
    assert one.contributions == {"mad": 1.0}


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ((4.2, 1.0, 1.8, 12.04), "4.2 is above the band 1 to 1.8 (12 sigmas); lof 60 %, mad 40 %"),
        ((0.25, 1.0, 1.8, -3.5), "0.25 is below the band 1 to 1.8 (3.5 sigmas)"),
        ((1.5, 1.0, 1.8, 0.1), "1.5 is unusual though within the band 1 to 1.8 (0.1 sigmas)"),
        ((2.5e9, 1.0, 1.8, 1000.0), "2.5G is above the band 1 to 1.8 (1000 or more sigmas)"),
        ((4.2, NAN, NAN, NAN), "4.2 is unusual for this series"),
        ((math.inf, 1.0, 1.8, 1000.0), "inf is above 1P, the highest possible value"),
        ((-1.0, 0.0, 1.8, -9.0), "-1 is below 0, the lowest possible value"),
    ],
)
def test_reasons_in_words(cell: tuple[float, float, float, float], expected: str) -> None:
    shares = {"lof": 0.6, "mad": 0.4} if "lof" in expected else {}
    plan = replace(PLAN, policy=Policy(low=0.0, high=1e15))
    assert reason_of(*cell, shares=shares, plan=plan) == expected


@pytest.mark.parametrize(
    ("ratios", "expected"),
    [
        ({"mad": 0.8}, "mad 70 % (weight lowered to 1.6 by verdicts)"),
        ({"zscore": 1.1}, "mad 70 %, zscore 0 % (weight raised to 1.1 by verdicts)"),
    ],
)
def test_it_is_said_that_verdicts_moved_a_weight(ratios: dict[str, float], expected: str) -> None:
    plan = replace(PLAN, ratios=ratios)
    found = reason_of(9.0, 1.0, 2.0, 5.0, shares={"mad": 0.7}, plan=plan)
    assert found == f"9 is above the band 1 to 2 (5 sigmas); {expected}"
    impossible = reason_of(1e4, 1.0, 2.0, 5.0, shares={}, plan=plan)
    assert impossible == "10k is above 1k, the highest possible value"


def test_shares_are_by_the_weights_in_force() -> None:
    values = noise(1, 60)
    values[0, -1] = 40.0
    (plain,) = explained(values)
    (moved,) = explained(values, replace(PLAN, ratios={"mad": 0.5}))
    assert (plain.weight_ratios, moved.weight_ratios) == ({}, {"mad": 0.5})
    assert plain.contributions["mad"] == pytest.approx(0.667, abs=0.01)
    assert moved.contributions["mad"] == pytest.approx(0.5, abs=0.01)
    assert "(weight lowered to 1 by verdicts)" in moved.reason


def test_numbers_are_short() -> None:
    numbers = (0.0, 0.000123456, 999.94, 1234.0, -15_360_000.0, 1e18, -math.inf)
    said = [short(number) for number in numbers]
    assert said == ["0", "0.0001235", "999.9", "1.234k", "-15.36M", "1000P", "-inf"]


def test_state_of_no_series_explains_nothing() -> None:
    state: QueryState = cold_state(PLAN)
    assert explain(PLAN, state, anomalous_rows(PLAN, state)) == []
