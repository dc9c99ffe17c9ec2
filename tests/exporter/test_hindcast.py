"""Forecasts in a backtest, on a source in memory."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import tzinfo
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exporter.adapters.forecastplots import plot_forecasts
from exporter.config import QueryConfig, parse_config
from exporter.core.series import Floats
from exporter.core.spans import NOTHING, Special
from exporter.hindcast import Hindcast, Remembered, hindcast, stretch
from exporter.loops.forecastrunner import ForecastRunner
from exporter.reports.hindcast import MOST_LINES, courses_of, format_hindcast
from tests.exporter.arraysource import STEP, ArraySource

MINUTE = 60
START, END = 120 * MINUTE, 200 * MINUTE
CROSSED = 160 * MINUTE
LIMIT = CROSSED / MINUTE
FORECAST = "kind: linear, window: 40, step: 1m, interval: 1m, horizon: 24m, lookback: 1h"


def query_of(more: str = f", limit: {LIMIT}") -> QueryConfig:
    text = f"queries: [{{name: q, expr: up, ensemble: none, forecast: {{{FORECAST}{more}}}}}]"
    (query,) = parse_config(text, "c.yml").all_queries()
    return query


def minutes() -> Floats:
    """Return three series: one crosses its limit, one is cleaned in time, one only waves."""
    rng = np.random.default_rng(2)
    minute = np.arange(END * 1000 // STEP + 1) * STEP / 60_000
    cleaned = np.where(minute < LIMIT - 5, minute - 5, minute - 100)
    values = np.stack([minute, cleaned, 50 + 5 * np.sin(minute / 8)])
    return np.asarray(values + rng.normal(0.0, 0.05, values.shape))


def one_by_one(work: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
    return map(work, items)


def ordinary_days(names: Iterable[str], start: int, end: int, zone: tzinfo | None) -> Special:
    return Special(NOTHING)


def done_with(query: QueryConfig, source: ArraySource, seconds: float = 1e9) -> Hindcast:
    ticks = count()
    return hindcast(
        query,
        source,
        START,
        END,
        pieces=one_by_one,
        special=ordinary_days,
        seconds=seconds,
        clock=lambda: float(next(ticks)),
    )


@pytest.fixture
def source() -> ArraySource:
    return ArraySource(minutes())


@pytest.fixture
def done(source: ArraySource) -> Hindcast:
    return done_with(query_of(), source)


def test_publishes_what_the_exporter_would_have(done: Hindcast, source: ArraySource) -> None:
    query = query_of().model_copy(update={"offset": 0.0})
    assert query.forecast is not None
    runner = ForecastRunner(
        query, query.forecast, source, None, one_by_one, ordinary_days, lambda: 0.0
    )
    assert [now for now, _ in done.cycles] == list(range(START * 1000, END * 1000 + 1, 60_000))
    for now, outlook in done.cycles:
        live = runner.run(now / 1000).outlook
        assert live is not None
        assert live.keys == outlook.keys
        for gauge, values in live.gauges.items():
            np.testing.assert_array_equal(values, outlook.gauges[gauge])
        for lead, gauges in live.leads.items():
            for gauge, values in gauges.items():
                np.testing.assert_array_equal(values, outlook.leads[lead][gauge])


def test_asks_for_the_history_once(source: ArraySource) -> None:
    done_with(query_of(), source)
    assert len(source.asked) == 1


def test_tells_what_became_of_predictions(done: Hindcast) -> None:
    counts = done.counts
    assert (counts["materialised"], counts["unpredicted"]) == (1, 0)
    assert counts["averted"] + counts["false"] == 1
    crossed, cleaned = done.predictions
    assert crossed.key == b'{"row":"0"}'
    assert crossed.is_true
    assert crossed.until == pytest.approx(CROSSED, abs=MINUTE)
    assert crossed.timestamp == pytest.approx(CROSSED, abs=2 * MINUTE)
    assert crossed.until - crossed.at == pytest.approx(done.lead_seconds[0])
    assert crossed.until - crossed.at > 20 * MINUTE
    assert (cleaned.key, cleaned.is_true) == (b'{"row":"1"}', False)
    text = format_hindcast(done)
    assert "81 cycles, 3 series\n" in text
    assert "error: " in text
    assert "band: 90.0% said, " in text
    assert "breaches: 1 materialised, " in text
    assert "first predicted 2" in text
    assert '{row="0"} crosses it at 1970-01-01 02:' in text
    assert "crossed by 1970-01-01 02:40:00" in text
    assert "given up at" in text


def test_a_prediction_of_the_end_is_open(source: ArraySource) -> None:
    done = done_with(query_of(", limit: 205"), source)
    assert "probability 1.00: still open" in format_hindcast(done)
    many = replace(done, predictions=done.predictions * (MOST_LINES + 2))
    assert "and 2 more predictions" in format_hindcast(many)


def test_takes_fewer_cycles_where_all_would_take_too_long(source: ArraySource) -> None:
    done = done_with(query_of(), source, seconds=20.0)
    assert done.interval == 5 * MINUTE
    assert len(done.cycles) == 17
    assert "one every 5m rather than every 1m, which would have taken too" in format_hindcast(done)
    assert done.counts["materialised"] == 1


@pytest.mark.parametrize(
    ("cycles", "took", "seconds", "factor"),
    [(100, 1.0, 100.0, 1), (100, 1.0, 99.0, 2), (100, 1.0, 0.5, 100), (100, 0.0, 1.0, 1)],
)
def test_stretches_by_whole_factors(cycles: int, took: float, seconds: float, factor: int) -> None:
    assert stretch(cycles, took, seconds) == factor


def test_draws_what_is_most_interesting_first(done: Hindcast, tmp_path: Path) -> None:
    courses = courses_of(done, START)
    assert [course.title for course in courses] == [f'q {{row="{row}"}}' for row in (0, 1, 2)]
    first = courses[0]
    assert (first.times[0], first.times[-1]) == (START, END)
    assert first.limit is not None
    assert set(first.limit[1]) == {LIMIT}
    lead = first.leads["24m"]
    assert lead.times[0] == START + 24 * MINUTE
    np.testing.assert_allclose(lead.value, lead.times / MINUTE, atol=1.0)
    assert len(first.predictions) == 1
    plot_forecasts(tmp_path / "q.png", courses)
    assert (tmp_path / "q.png").read_bytes().startswith(b"\x89PNG")


def test_without_a_limit_errors_are_what_is_interesting(source: ArraySource) -> None:
    done = done_with(query_of(""), source)
    error = done.last.gauges["anomaly_forecast_error_ratio"]
    (worst, *_) = courses_of(done, START)
    assert worst.limit is None
    assert worst.title == f'q {{row="{int(error.argmax())}"}}'
    assert "breaches" not in format_hindcast(done)


def test_says_so_where_there_is_nothing() -> None:
    done = done_with(query_of(), ArraySource(np.full((1, 10), np.nan)))
    assert format_hindcast(done).endswith("  no series")
    assert courses_of(done, START) == []


def test_a_series_without_samples_is_not_in_an_answer() -> None:
    values = np.ones((2, 20))
    values[1, :10] = np.nan
    memory = Remembered(ArraySource(values), 0, 19 * STEP)
    assert memory.fetch("up", 0, 5 * STEP, STEP, 1.0).keys == (b'{"row":"0"}',)
    both = memory.fetch("up", 5 * STEP, 15 * STEP, STEP, 1.0)
    assert len(both.keys) == 2
    assert (both.times[0], both.times[-1]) == (5 * STEP, 15 * STEP)


def test_a_query_without_forecast_is_refused(source: ArraySource) -> None:
    query = query_of().model_copy(update={"forecast": None})
    with pytest.raises(ValueError, match="query q: found no `forecast`"):
        done_with(query, source)
