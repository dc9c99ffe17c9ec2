"""A query's forecast cycles, on a source in memory."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import tzinfo
from typing import Any

import numpy as np
import pytest

from exporter.config import QueryConfig, parse_config
from exporter.core.pieces import Stopped
from exporter.core.published import FORECAST_GAUGES, OUTLOOK_GAUGES, Outlook
from exporter.core.series import Floats, SeriesBatch
from exporter.core.spans import NOTHING, Special
from exporter.errors import QueryError, QueryRejected
from exporter.loops.forecastrunner import PIECE, ForecastOutcome, ForecastRunner, piece_of
from tests.exporter.arraysource import STEP, ArraySource
from tests.exporter.masks import mask, under

SECONDS = STEP / 1000
SETTINGS = "kind: seasonal_naive, step: 1m, interval: 30s, horizon: 10m, lookback: 40m"


class Limits(ArraySource):
    """Answers `limit` with limits of its own."""

    def __init__(self, values: Floats, limits: dict[bytes, float]) -> None:
        super().__init__(values)
        self.limits = limits

    def fetch(self, expr: str, start: int, end: int, step: int, timeout: float) -> SeriesBatch:
        if expr == "limit":
            values = np.array(list(self.limits.values()))[:, None]
            times = np.array([end], dtype=np.int64)
            return SeriesBatch(tuple(self.limits), times, values, step)
        if expr == "broken":
            raise QueryRejected("rejected", "no such thing")
        return super().fetch(expr, start, end, step, timeout)


def query_of(more: str = "", beside: str = "") -> QueryConfig:
    forecast = f"{{{SETTINGS}{more}}}"
    text = f"queries: [{{name: q, expr: up, offset: 0, forecast: {forecast}{beside}}}]"
    (query,) = parse_config(text, "c.yml").all_queries()
    return query


def one_by_one(work: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
    return map(work, items)


def ordinary_days(names: Iterable[str], start: int, end: int, zone: tzinfo | None) -> Special:
    return Special(NOTHING)


def runner_of(source: ArraySource, query: QueryConfig | None = None) -> ForecastRunner:
    query = query or query_of()
    assert query.forecast is not None
    return ForecastRunner(
        query, query.forecast, source, None, one_by_one, ordinary_days, lambda: 0.0
    )


def finish(runner: ForecastRunner, now: float) -> ForecastOutcome:
    while (outcome := runner.run(now)).is_behind:
        pass
    return outcome


def outlook_of(outcome: ForecastOutcome) -> Outlook:
    assert outcome.outlook is not None
    return outcome.outlook


@pytest.fixture
def values() -> Floats:
    noise = np.random.default_rng(5).normal(0.0, 1.0, (3, 400))
    values: Floats = noise + np.array([[10.0], [20.0], [30.0]]) + np.arange(400) / 100
    return values


def test_asks_for_the_history_once_and_then_only_for_what_is_new(values: Floats) -> None:
    source = ArraySource(values)
    runner = runner_of(source)
    outlook = outlook_of(finish(runner, 300 * SECONDS))
    fine = 2 * STEP
    first = 300 * STEP - 79 * fine
    assert source.asked == [(300 * STEP, 300 * STEP), (first, 300 * STEP)]
    assert outlook.leads.keys() == {"2m", "10m"}
    assert all(gauges.keys() == FORECAST_GAUGES.keys() for gauges in outlook.leads.values())
    np.testing.assert_allclose(outlook.leads["10m"]["anomaly_forecast_value"], values[:, 300])
    source.asked.clear()
    runner.run(301 * SECONDS)
    assert source.asked == []
    runner.run(305 * SECONDS)
    assert source.asked == [(302 * STEP, 304 * STEP)]


def test_it_sees_every_so_manieth_column_counted_back_from_the_newest(values: Floats) -> None:
    query = query_of().model_copy(update={"range": (None, 1e9)})
    values[:, 1::4] = 1_000.0  # never seen from a column that is a multiple of four
    outlook = outlook_of(finish(runner_of(ArraySource(values), query), 300 * SECONDS))
    assert (outlook.leads["2m"]["anomaly_forecast_upper_bound"] < 100).all()


def test_a_failure_costs_nothing_but_the_cycle(values: Floats) -> None:
    steady, source = runner_of(ArraySource(values)), ArraySource(values)
    runner = runner_of(source)
    for column in range(300, 340, 2):
        outcome = finish(steady, column * SECONDS)
        source.is_down = column in (310, 312)
        if source.is_down:
            with pytest.raises(QueryError):
                runner.run(column * SECONDS)
        else:
            found = finish(runner, column * SECONDS)
    for lead, gauges in outlook_of(outcome).leads.items():
        for name, expected in gauges.items():
            np.testing.assert_array_equal(outlook_of(found).leads[lead][name], expected)


def test_series_come_and_go(values: Floats) -> None:
    values[2, 200:] = np.nan
    values[1, :290] = np.nan
    runner = runner_of(ArraySource(values))
    outlook = outlook_of(finish(runner, 300 * SECONDS))
    assert outlook.keys == (b'{"row":"0"}', b'{"row":"1"}')
    values[1, 301:] = np.nan
    assert len(outlook_of(runner.run(302 * SECONDS)).keys) == 2
    assert outlook_of(runner.run(306 * SECONDS)).keys == (b'{"row":"0"}',)
    assert len(runner.feed.ring.keys) == 3


def test_series_that_are_gone_for_long_are_forgotten(values: Floats) -> None:
    values[1, 302:] = np.nan
    query = query_of(beside=", remember_for: 5m, missing_for: 0")
    runner = runner_of(ArraySource(values), query)
    finish(runner, 300 * SECONDS)
    for column, known in ((324, 3), (326, 2)):
        outcome = finish(runner, column * SECONDS)
        assert len(runner.feed.ring.keys) == len(runner.state.keys) == known
    assert outlook_of(outcome).keys == (b'{"row":"0"}', b'{"row":"2"}')


def test_no_series_is_no_forecast() -> None:
    outlook = outlook_of(finish(runner_of(ArraySource(np.empty((0, 400)))), 300 * SECONDS))
    assert (outlook.keys, set(outlook.leads)) == ((), {"2m", "10m"})


def test_more_series_than_allowed_are_left_out(values: Floats) -> None:
    query = query_of(beside=", max_series: 2, remember_for: 0, missing_for: 0")
    source = ArraySource(values)
    runner = runner_of(source, query)
    first = outlook_of(finish(runner, 300 * SECONDS)).keys
    assert len(first) == 2
    assert outlook_of(runner.run(304 * SECONDS)).keys == first
    gone = int(first[0][8:9])
    values[gone, 305:] = np.nan
    keys = outlook_of(finish(runner, 340 * SECONDS)).keys
    assert len(keys) == 2
    assert first[0] not in keys
    assert len(runner.feed.ring.keys) == 2


def test_limits_are_asked_for_at_the_newest_column_and_matched_by_labels(values: Floats) -> None:
    source = Limits(values, {b'{"row":"0"}': 5.0, b'{"row":"1"}': 1e6})
    runner = runner_of(source, query_of(", limit: limit"))
    outlook = outlook_of(finish(runner, 300 * SECONDS))
    gauges = outlook.gauges
    assert gauges.keys() == OUTLOOK_GAUGES.keys()
    np.testing.assert_array_equal(gauges["anomaly_forecast_limit"], [5.0, 1e6, np.nan])
    when = gauges["anomaly_forecast_breach_timestamp_seconds"]
    np.testing.assert_array_equal(when, [300 * SECONDS, np.inf, np.nan])
    likely = gauges["anomaly_forecast_breach_probability"]
    np.testing.assert_allclose(likely, [1.0, 0.0, np.nan], atol=1e-9)
    source.limits = {b'{"row":"0"}': np.inf}
    limits = outlook_of(runner.run(300 * SECONDS)).gauges["anomaly_forecast_limit"]
    assert np.isnan(limits).all()
    source.limits = {b'{"__name__":"size"}': 1e6}
    outlook = outlook_of(runner.run(302 * SECONDS))
    np.testing.assert_array_equal(outlook.gauges["anomaly_forecast_limit"], [1e6] * 3)


def test_a_limit_that_cannot_be_had_fails_the_cycle(values: Floats) -> None:
    runner = runner_of(Limits(values, {}), query_of(", limit: broken"))
    with pytest.raises(QueryError, match="the forecast's limit: no such thing") as caught:
        finish(runner, 300 * SECONDS)
    assert caught.value.reason == "rejected"


def test_forecasts_are_judged_and_breaches_followed_up(values: Floats) -> None:
    rising = np.tile(np.arange(400.0), (2, 1))
    query = query_of(", limit: 360").model_copy()
    forecast = query_of(", limit: 360").forecast
    assert forecast is not None
    linear = forecast.model_copy(update={"kind": "linear"})
    runner = runner_of(ArraySource(rising), query.model_copy(update={"forecast": linear}))
    counts: dict[str, int] = {}
    leads = []
    for column in range(300, 380, 2):
        outcome = finish(runner, column * SECONDS)
        for name, count in outcome.breaches.counts.items():
            counts[name] = counts.get(name, 0) + count
        leads += outcome.breaches.lead_seconds.tolist()
    assert counts == {"materialised": 2, "averted": 0, "false": 0, "unpredicted": 0}
    assert min(leads) > 300
    gauges = outlook_of(outcome).gauges
    assert (gauges["anomaly_forecast_error_ratio"] < 0.1).all()
    assert (gauges["anomaly_forecast_replaced"] == 0).all()
    np.testing.assert_allclose(gauges["anomaly_capacity_growth_per_second"], 1 / SECONDS)


def test_fewer_series_are_forecast_at_a_time_where_each_takes_more_memory() -> None:
    plan = runner_of(ArraySource(np.empty((0, 400)))).plan
    assert piece_of(replace(plan, horizon=24, columns=2_016)) == PIECE
    assert piece_of(replace(plan, horizon=500, columns=2_016)) == 24
    assert piece_of(replace(plan, horizon=24, columns=20_000)) == 50


def test_many_series_are_taken_in_pieces() -> None:
    values = np.random.default_rng(1).normal(10.0, 1.0, (2 * PIECE + 1, 400))
    many = outlook_of(finish(runner_of(ArraySource(values)), 300 * SECONDS))
    few = outlook_of(finish(runner_of(ArraySource(values[:3])), 300 * SECONDS))
    assert len(many.keys) == 2 * PIECE + 1
    for name, expected in few.leads["10m"].items():
        np.testing.assert_array_equal(many.leads["10m"][name][:3], expected)


def test_it_ends_when_told_to(values: Floats) -> None:
    runner = runner_of(ArraySource(values))
    runner.stopping.set()
    with pytest.raises(Stopped):
        finish(runner, 300 * SECONDS)


def test_a_clock_set_back_starts_anew(values: Floats) -> None:
    runner = runner_of(ArraySource(values))
    finish(runner, 380 * SECONDS)
    outlook = outlook_of(finish(runner, 300 * SECONDS))
    np.testing.assert_allclose(outlook.leads["10m"]["anomaly_forecast_value"], values[:, 300])


def test_calendars_are_asked_about_history_and_horizon(values: Floats) -> None:
    asked: list[tuple[list[str], int, int]] = []

    def special(names: Iterable[str], start: int, end: int, zone: tzinfo | None) -> Special:
        asked.append((list(names), start, end))
        return Special(NOTHING)

    query = query_of()
    assert query.forecast is not None
    forecast = query.forecast.model_copy(update={"calendars": ("feasts",)})
    source = ArraySource(values)
    runner = ForecastRunner(query, forecast, source, None, one_by_one, special, lambda: 0.0)
    finish(runner, 300 * SECONDS)
    assert asked == [(["feasts"], 300 * STEP - 39 * 60_000, 300 * STEP + 600_000)]


def test_masked_samples_are_no_history() -> None:
    values = np.tile(np.random.default_rng(5).normal(10.0, 0.1, 400), (2, 1))
    values[:, 350:380] += 100.0
    conditions = under(mask((350 * STEP, 380 * STEP), rows="0"))
    query = query_of()
    assert query.forecast is not None
    runner = ForecastRunner(
        query,
        query.forecast,
        ArraySource(values),
        None,
        one_by_one,
        ordinary_days,
        lambda: 0.0,
        lambda: conditions,
    )
    told = outlook_of(finish(runner, 379 * SECONDS)).leads["10m"]["anomaly_forecast_value"]
    assert told[0] == pytest.approx(10.0, abs=1.0)
    assert told[1] > 50.0
