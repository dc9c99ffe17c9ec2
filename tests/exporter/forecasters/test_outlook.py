"""One forecast cycle, without a source or a clock."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from exporter.core.series import Floats, SeriesBatch
from exporter.core.spans import Special
from exporter.forecasters.linear import Linear
from exporter.forecasters.outlook import Part, cycle_of, look_ahead
from exporter.forecasters.outlookstate import unseen
from exporter.forecasters.plan import CapacityPlan, ForecastPlan
from exporter.forecasters.seasonal_naive import SeasonalNaive
from exporter.loops.compiling import compile_forecasters

HOUR = 3_600_000
DAY = 24
COLUMNS = 14 * DAY

PLAN = ForecastPlan(
    query="q",
    forecaster=SeasonalNaive(),
    step=HOUR,
    stride=1,
    columns=COLUMNS,
    horizon=DAY,
    leads={"6h": 6, "24h": DAY},
    low=0.0,
)


def part_of(
    plan: ForecastPlan, values: Floats, limit: float | None = None, *, replaced: bool = False
) -> Part:
    """Forecast samples [S, T] that end at the Monday 2025-11-24 00:00 UTC."""
    end = 1_763_942_400_000
    times = end + HOUR * np.arange(1 - values.shape[1], 1, dtype=np.int64)
    keys = tuple(b'{"row":"%d"}' % row for row in range(len(values)))
    ring = plan.blank_ring()
    ring.append(SeriesBatch(keys, times, values, HOUR))
    known = unseen(len(values), len(plan.leads))
    known["skill"]["replaced"][:] = replaced
    limits = None if limit is None else np.full(len(values), limit)
    cycle = cycle_of(plan, ring, end - HOUR, None)
    return look_ahead(cycle, np.arange(len(values)), limits, known)


def daily(level: float) -> Floats:
    hours = np.arange(1, COLUMNS + 1)
    shape: Floats = level + 5.0 * np.sin(2 * np.pi * hours / DAY)
    return shape[None] + np.random.default_rng(3).normal(0.0, 0.1, (2, COLUMNS))


def test_a_day_comes_again() -> None:
    part = part_of(PLAN, daily(10.0))
    np.testing.assert_allclose(part.leads["anomaly_forecast_value"], [[15.0, 10.0]] * 2, atol=0.5)
    lower, upper = (part.leads[f"anomaly_forecast_{end}_bound"] for end in ("lower", "upper"))
    assert ((upper - lower > 0.1) & (upper - lower < 2.0)).all()


def test_a_query_that_is_not_scored_shows_its_newest_samples() -> None:
    assert "anomaly_value" not in part_of(PLAN, daily(10.0)).gauges
    values = daily(10.0)
    shown = part_of(replace(PLAN, is_scored=False), values).gauges["anomaly_value"]
    np.testing.assert_array_equal(shown, values[:, -1])


def test_no_series_are_no_failure() -> None:
    plan = replace(PLAN, capacity=CapacityPlan(columns=100))
    part = part_of(plan, np.empty((0, COLUMNS)), limit=1.0)
    assert part.leads["anomaly_forecast_value"].shape == (0, 2)
    assert {len(values) for values in part.gauges.values()} == {0}


def test_nothing_leaves_the_range() -> None:
    part = part_of(replace(PLAN, high=12.0), daily(6.0))
    for values in part.leads.values():
        assert (values >= 0.0).all()
        assert (values <= 12.0).all()


def test_while_replaced_naive_is_shown_and_the_forecaster_goes_on_being_judged() -> None:
    values = daily(10.0)
    naive = part_of(PLAN, values)
    linear = replace(PLAN, forecaster=Linear())
    own, stand_in = part_of(linear, values), part_of(linear, values, replaced=True)
    for name, shown in naive.leads.items():
        np.testing.assert_array_equal(stand_in.leads[name], shown)
        assert not np.allclose(own.leads[name], shown)
    assert stand_in.gauges["anomaly_forecast_replaced"].tolist() == [1.0, 1.0]
    waiting = [part.learned["skill"]["waiting"][..., :2] for part in (own, stand_in)]
    np.testing.assert_array_equal(waiting[0], waiting[1])


def test_a_limit_brings_breach_and_capacity() -> None:
    rising = np.tile(np.arange(COLUMNS) / 10, (1, 1))
    plan = replace(PLAN, forecaster=Linear(), capacity=CapacityPlan(columns=100))
    part = part_of(plan, rising, limit=rising[0, -1] + 1.0)
    now = 1_763_942_400.0
    ten_hours = now + 36_000
    assert part.gauges["anomaly_forecast_breach_timestamp_seconds"] == pytest.approx(ten_hours)
    assert part.gauges["anomaly_capacity_exhaustion_timestamp_seconds"] == pytest.approx(ten_hours)
    assert part.gauges["anomaly_forecast_breach_probability"] == pytest.approx(1.0)
    without = part_of(replace(plan, capacity=None), rising, limit=1e9)
    assert not [name for name in without.gauges if "capacity" in name]
    assert without.gauges["anomaly_forecast_breach_timestamp_seconds"] == np.inf


def test_a_counter_is_forecast_through_its_resets_and_its_limit_is_of_the_samples() -> None:
    counter = np.asarray(np.arange(COLUMNS) % 150 * 2, dtype=np.float64)[None]
    plan = replace(PLAN, forecaster=Linear(), capacity=CapacityPlan(columns=COLUMNS))
    part = part_of(plan, counter, limit=1e6)
    newest = counter[0, -1]
    np.testing.assert_allclose(
        part.leads["anomaly_forecast_value"], [[newest + 12.0, newest + 48.0]], rtol=0.01
    )
    assert part.gauges["anomaly_capacity_growth_per_second"] == pytest.approx(2 / 3600, rel=0.01)


def test_seasons_keep_to_the_wall_clock_of_the_query() -> None:
    end = 1_761_696_000_000  # 2025-10-29 00:00 UTC, three days after the clocks were put back
    times = end + HOUR * np.arange(1 - COLUMNS, 1, dtype=np.int64)
    zone = ZoneInfo("Europe/Berlin")
    back = 1_761_440_400_000
    hour = (times // HOUR + np.where(times < back, 2, 1)) % DAY
    values = np.where(hour == 9, 100.0, 1.0)[None]

    def peak_of(plan: ForecastPlan) -> list[float]:
        ring = plan.blank_ring()
        ring.append(SeriesBatch((b"{}",), times[:-48], values[:, :-48], HOUR))
        cycle = cycle_of(plan, ring, ring.until, None)
        known = unseen(1, len(plan.leads))
        told = look_ahead(cycle, np.arange(1), None, known).leads["anomaly_forecast_value"]
        return [float(value) for value in told[0]]

    # 2025-10-27 00:00 UTC: it is 8:00 UTC that is 9:00 in Berlin from now on.
    plan = replace(PLAN, leads={"7h": 7, "8h": 8}, zone=zone)
    assert peak_of(plan) == [1.0, 100.0]


def test_special_days_are_asked_for_over_history_and_horizon() -> None:
    asked = []

    def special(start: int, end: int) -> Special:
        asked.append((start, end))
        return Special(np.empty((0, 2), dtype=np.int64))

    ring = PLAN.blank_ring()
    ring.append(SeriesBatch((b"{}",), np.array([COLUMNS * HOUR]), np.ones((1, 1)), HOUR))
    cycle_of(PLAN, ring, 0, special)
    assert asked == [(HOUR, (COLUMNS + DAY) * HOUR)]


def test_forecasters_are_compiled_once_each() -> None:
    compile_forecasters([PLAN, PLAN, replace(PLAN, forecaster=Linear())])
