"""One query's forecast loop, and the pacing of slow loops, on a clock turned by hand."""

import asyncio
import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from exporter.adapters.selfmetrics import SelfMetrics
from exporter.core.spans import NOTHING, Special
from exporter.errors import ForecasterError
from exporter.forecasters.base import Forecaster
from exporter.forecasters.history import History
from exporter.loops.crew import NICENESS, Crew
from exporter.loops.forecastloop import ForecastLoop
from exporter.loops.forecastrunner import ForecastRunner
from exporter.loops.slowloop import FIRST_RETRY
from promkit.clock import ManualClock
from tests.exporter.arraysource import STEP, ArraySource
from tests.exporter.loops.test_forecastrunner import query_of

SECONDS = STEP / 1000
INTERVAL = 30.0


class Crashing(Forecaster):
    """Cannot tell."""

    def _foretell(self, history: History, origins: Any, horizon: int) -> Any:
        raise ForecasterError("crashing", "on purpose")


def one_by_one(work: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
    return map(work, items)


def no_days(*_: object, **__: object) -> Special:
    return Special(NOTHING)


class Bench:
    """A loop, its clock and its metrics."""

    def __init__(
        self, source: ArraySource, pool: ThreadPoolExecutor, more: str = "", beside: str = ""
    ) -> None:
        self.source, self.pool = source, pool
        self.clock = ManualClock(300 * SECONDS)
        self.metrics = SelfMetrics("1")
        self.configure(more, beside)

    def configure(self, more: str, beside: str = "") -> None:
        query = query_of(more, beside)
        assert query.forecast is not None
        self.runner = ForecastRunner(
            query, query.forecast, self.source, None, one_by_one, no_days, lambda: 0.0
        )
        self.loop = ForecastLoop(
            self.runner, clock=self.clock, pool=self.pool, metrics=self.metrics
        )

    def count(self, name: str) -> float:
        lines = self.metrics.render().decode().splitlines()
        (line,) = (line for line in lines if line.startswith(f"anomaly_exporter_{name} "))
        return float(line.rpartition(" ")[2])

    async def until_sleeping(self) -> None:
        async with asyncio.timeout(60):
            await self.clock.until_sleeping()


async def at_once() -> None:
    pass


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as threads:
        yield threads


async def test_it_forecasts_once_per_interval(pool: ThreadPoolExecutor) -> None:
    source = ArraySource(np.ones((2, 400)))
    bench = Bench(source, pool)
    bench.loop.start(at_once)
    await bench.until_sleeping()
    assert (bench.loop.state, bench.count('forecasts_total{query="q"}')) == ("ok", 1)
    await bench.clock.advance(INTERVAL)
    await bench.until_sleeping()
    await bench.clock.advance(INTERVAL)
    await bench.until_sleeping()
    await bench.loop.stop()
    assert bench.count('forecasts_total{query="q"}') == 3
    assert bench.count('forecast_series{query="q"}') == 2
    assert bench.count('forecast_duration_seconds_count{query="q"}') == 3
    assert bench.loop.last_success is not None
    assert bench.count('last_forecast_timestamp_seconds{query="q"}') == bench.loop.last_success
    spread = bench.loop.last_success % INTERVAL
    assert 0 <= spread < INTERVAL / 5


def test_the_metrics_tell_what_is_promised_now(pool: ThreadPoolExecutor) -> None:
    bands, interval = "forecast_coverage_target_ratio", "capacity_coverage_target_ratio"
    more = ", limit: 5, coverage: 0.5, capacity: {coverage: 0.95}"
    bench = Bench(ArraySource(np.ones((2, 400))), pool, more)
    assert bench.count(f'{bands}{{query="q"}}') == 0.5
    assert bench.count(f'{interval}{{query="q"}}') == 0.95
    for more, capacity in [(", limit: 5", [b"0.8"]), (", limit: 5, capacity: false", [])]:
        bench.configure(more)
        assert bench.count(f'{bands}{{query="q"}}') == 0.9
        found = re.findall(rb'_%b\{query="q"\} (.+)' % interval.encode(), bench.metrics.render())
        assert found == capacity


async def test_it_waits_for_what_it_is_told_to(pool: ThreadPoolExecutor) -> None:
    source, gate = ArraySource(np.ones((1, 400))), asyncio.Event()
    bench = Bench(source, pool)
    bench.loop.start(gate.wait)
    await asyncio.sleep(0)
    assert (source.asked, bench.loop.state) == ([], "first forecast")
    gate.set()
    await bench.until_sleeping()
    assert bench.loop.outlook is not None
    await bench.loop.stop()


async def test_after_a_failure_it_tries_sooner_and_keeps_the_last_forecast_for_a_while(
    pool: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    source = ArraySource(np.ones((2, 4000)))
    bench = Bench(source, pool)
    bench.loop.start(at_once)
    await bench.until_sleeping()
    source.is_down = True
    failures = []
    with caplog.at_level(logging.INFO):
        for _ in range(200):
            await bench.clock.advance(1.0)
            await bench.until_sleeping()
            failures.append(bench.count('forecast_failures_total{query="q",reason="unavailable"}'))
            if bench.loop.outlook is None:
                break
        assert 90 <= len(failures) <= 90 + 1.5 * INTERVAL
        assert (bench.loop.state, bench.loop.last_error) == ("failing", "down")
        assert bench.count('forecast_series{query="q"}') == 0
        first = failures.index(1.0)
        assert failures.index(2.0) - first == FIRST_RETRY
        assert failures.index(3.0) - failures.index(2.0) == 2 * FIRST_RETRY
        source.is_down = False
        await bench.clock.advance(INTERVAL)
        await bench.until_sleeping()
    await bench.loop.stop()
    assert bench.loop.outlook is not None
    assert bench.loop.last_error is None
    assert [record.message for record in caplog.records] == [
        "forecast failed",
        "forecasts are too old, withdrawn",
        "forecasts succeed again",
    ]


async def test_a_forecaster_that_crashes_is_stood_in_for(
    pool: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(ArraySource(np.ones((2, 400))), pool)
    object.__setattr__(bench.runner.plan, "forecaster", Crashing(kind="crashing"))
    bench.loop.start(at_once)
    await bench.until_sleeping()
    await bench.clock.advance(INTERVAL)
    await bench.until_sleeping()
    await bench.loop.stop()
    outlook = bench.loop.outlook
    assert outlook is not None
    np.testing.assert_array_equal(outlook.leads["10m"]["anomaly_forecast_value"], [1.0, 1.0])
    np.testing.assert_array_equal(outlook.gauges["anomaly_forecast_replaced"], [1.0, 1.0])
    assert bench.count('forecast_series_replaced{query="q"}') == 2
    assert bench.count('forecast_failures_total{query="q",reason="crashed"}') == 2
    assert [record.message for record in caplog.records] == [
        "forecaster failed, seasonal naive stands in"
    ]


async def test_a_defect_is_counted_and_stops_nothing(
    pool: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(ArraySource):
        def fetch(self, *_: object) -> Any:
            raise ZeroDivisionError("a defect")

    bench = Bench(Broken(np.ones((1, 1))), pool)
    bench.loop.start(at_once)
    for _ in range(2):
        await bench.until_sleeping()
        await bench.clock.advance(INTERVAL)
    await bench.loop.stop()
    assert bench.count('forecast_failures_total{query="q",reason="internal"}') >= 2
    assert bench.loop.last_error == "ZeroDivisionError: a defect"
    assert [record.message for record in caplog.records if record.exc_info] == ["forecast failed"]


async def test_what_became_of_breaches_is_counted(pool: ThreadPoolExecutor) -> None:
    values = np.tile(np.arange(400.0), (2, 1))
    values[1] = np.where(np.arange(400) < 305, 1.0, 500.0)
    bench = Bench(ArraySource(values), pool, ", limit: 304")
    object.__setattr__(bench.runner.plan, "forecaster", Rising(kind="rising"))
    bench.loop.start(at_once)
    for _ in range(5):
        await bench.until_sleeping()
        await bench.clock.advance(INTERVAL)
    await bench.loop.stop()
    assert bench.count('forecast_breaches_total{outcome="materialised",query="q"}') == 1
    assert bench.count('forecast_breaches_total{outcome="unpredicted",query="q"}') == 1
    assert bench.count('forecast_breach_lead_seconds_sum{query="q"}') == 60.0


class Rising(Forecaster):
    """Goes on as between the last two columns."""

    def _foretell(self, history: History, origins: Any, horizon: int) -> Any:
        last = history.values[:, origins - 1]
        slope = last - history.values[:, np.maximum(origins - 2, 0)]
        return last[..., None] + slope[..., None] * np.arange(1, horizon + 1)


async def test_stopping_ends_a_cycle_early(pool: ThreadPoolExecutor) -> None:
    bench = Bench(ArraySource(np.ones((1, 400))), pool)
    begun, gate = threading.Event(), threading.Event()

    def held(work: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        begun.set()
        gate.wait(60)
        return map(work, items)

    bench.runner._pieces = held
    bench.loop.start(at_once)
    await asyncio.to_thread(begun.wait, 60)
    stopping = asyncio.create_task(bench.loop.stop())
    await asyncio.sleep(0)
    gate.set()
    await stopping
    assert bench.loop.outlook is None
    assert bench.runner.state.keys == ()


def test_a_crew_works_in_order_and_lets_others_go_first() -> None:
    crew = Crew("test", 1)
    try:
        assert list(crew.map(lambda n: n * n, range(50))) == [n * n for n in range(50)]
        priority = crew.askers.submit(lambda: os.getpriority(os.PRIO_PROCESS, 0)).result()
        if sys.platform == "linux":
            assert priority >= NICENESS
            (computing,) = crew.map(lambda _: os.getpriority(os.PRIO_PROCESS, 0), [0])
            assert computing >= NICENESS
            # Only those threads: what evaluates keeps its own.
            assert os.getpriority(os.PRIO_PROCESS, 0) < priority
    finally:
        crew.dismiss()


def test_computers_do_not_share_their_cores_with_threads_of_blas() -> None:
    Crew("test", 1).dismiss()
    blas = [each for each in threadpool_info() if each["user_api"] == "blas"]
    assert {each["num_threads"] for each in blas} == {1}


def test_a_piece_that_fails_fails_the_whole_once_nothing_of_it_runs() -> None:
    crew = Crew("test", 1)
    running = []

    def work(number: int) -> int:
        running.append(number)
        if number == 3:
            raise ZeroDivisionError
        running.remove(number)
        return number

    try:
        with pytest.raises(ZeroDivisionError):
            list(crew.map(work, range(100)))
        assert running == [3]
    finally:
        crew.dismiss()
