"""One query's loop, paced by a clock that does what clocks do."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from exporter.adapters.anomalies import Anomalies
from exporter.adapters.selfmetrics import SelfMetrics
from exporter.config import parse_config
from exporter.core.series import SeriesBatch
from exporter.loops.queryloop import QueryLoop
from exporter.loops.runner import QueryRunner
from promkit.clock import ManualClock
from promkit.traces import current_trace
from tests.exporter.arraysource import STEP, ArraySource

INTERVAL = STEP / 1000


class SteppedClock(ManualClock):
    """A clock that somebody sets back."""

    back = 0.0

    def now(self) -> float:
        return super().now() - self.back


class ClockSetter(ArraySource):
    """Sets the clock back while it answers."""

    def __init__(self, clock: SteppedClock) -> None:
        super().__init__(np.ones((1, 400)))
        self._clock = clock

    def fetch(self, expr: str, start: int, end: int, step: int, timeout: float) -> SeriesBatch:
        self._clock.back += 100.0
        return super().fetch(expr, start, end, step, timeout)


class Turns(ArraySource):
    """Notes who asks."""

    turns: list[int]

    def fetch(self, expr: str, start: int, end: int, step: int, timeout: float) -> SeriesBatch:
        self.turns.append(len(self.values))
        return super().fetch(expr, start, end, step, timeout)


class Broken(ArraySource):
    """Has a defect."""

    def fetch(self, expr: str, start: int, end: int, step: int, timeout: float) -> SeriesBatch:
        raise ZeroDivisionError("a defect")


def loop_of(
    source: ArraySource,
    clock: ManualClock,
    pool: ThreadPoolExecutor,
    lookback: str = "10m",
    more: str = "",
) -> QueryLoop:
    text = f"queries: [{{name: q, expr: up, offset: 0, lookback: {lookback}{more}}}]"
    (query,) = parse_config(text, "c.yml").all_queries()
    runner = QueryRunner(query, source, None, lambda phase, seconds: None, lambda: 0.0)
    return QueryLoop(runner, INTERVAL, clock=clock, pool=pool, metrics=SelfMetrics("1"))


async def test_a_clock_set_back_during_an_evaluation_does_not_end_the_loop() -> None:
    clock = SteppedClock(3000.0)
    source = ClockSetter(clock)
    with ThreadPoolExecutor(1) as pool:
        loop = loop_of(source, clock, pool)
        loop.start()
        async with asyncio.timeout(60):
            for _ in range(2):
                await clock.until_sleeping()
                await clock.advance(INTERVAL)
            await clock.until_sleeping()
        await loop.stop()
    assert len(source.asked) >= 2


async def test_a_defect_that_persists_has_one_traceback(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock(3000.0)
    with ThreadPoolExecutor(1) as pool, caplog.at_level(logging.ERROR):
        loop = loop_of(Broken(np.ones((1, 1))), clock, pool)
        loop.start()
        async with asyncio.timeout(60):
            for _ in range(3):
                await clock.until_sleeping()
                await clock.advance(INTERVAL)
            await clock.until_sleeping()
        await loop.stop()
    assert loop.last_error == "ZeroDivisionError: a defect"
    assert [record.message for record in caplog.records if record.exc_info] == ["evaluation failed"]


async def test_what_is_anomalous_is_withdrawn_with_the_scores() -> None:
    clock = ManualClock(3000.0)
    values = np.random.default_rng(1).normal(10.0, 1.0, (3, 400))
    values[1, 200:] = 99.0
    source = ArraySource(values)
    with ThreadPoolExecutor(1) as pool:
        loop = loop_of(source, clock, pool)
        loop.start()
        async with asyncio.timeout(60):
            await clock.until_sleeping()
            found = loop.anomalies(5)
            assert (found.total, loop.anomalies(0)) == (1, Anomalies(1, []))
            assert [one.labels["row"] for one in found.worst] == ["1"]
            source.is_down = True
            await clock.advance(INTERVAL)
            await clock.until_sleeping()
            assert loop.anomalies(5).total == 0
        await loop.stop()


async def test_a_long_lookback_lets_other_queries_have_their_turn() -> None:
    clock = ManualClock(9000.0)
    values = np.random.default_rng(1).normal(10.0, 1.0, (4_000, 601))
    busy, quick = Turns(values), Turns(values[:1])
    turns: list[int] = []
    busy.turns = quick.turns = turns
    with ThreadPoolExecutor(1) as pool:
        loops = [
            loop_of(busy, clock, pool, lookback="2h"),
            loop_of(quick, clock, pool, lookback="10m"),
        ]
        gate = asyncio.get_running_loop().create_future()
        for loop in loops:
            loop.start(gate)
        await asyncio.sleep(0)
        assert turns == []
        gate.set_result(None)
        async with asyncio.timeout(30):
            await clock.until_sleeping(2)
        for loop in loops:
            await loop.stop()
    assert loops[0].published is not None
    assert loops[1].published is not None
    assert turns.index(1) < 3, turns
    assert turns.count(4_000) > 2


async def test_stopping_does_not_wait_for_evaluations_that_have_not_begun() -> None:
    clock = ManualClock(3000.0)
    source = ArraySource(np.ones((1, 400)))
    with ThreadPoolExecutor(1) as pool:
        gate = asyncio.Event()
        running = asyncio.get_running_loop()
        held = pool.submit(lambda: asyncio.run_coroutine_threadsafe(gate.wait(), running).result())
        loop = loop_of(source, clock, pool)
        loop.start()
        await asyncio.sleep(0)
        async with asyncio.timeout(60):
            await loop.stop()
        gate.set()
        await asyncio.wrap_future(held)
    assert source.asked == []


class Tracing(ArraySource):
    """Notes which trace it is asked in."""

    traces: list[str]

    def fetch(self, expr: str, start: int, end: int, step: int, timeout: float) -> SeriesBatch:
        self.traces.append(current_trace())
        return super().fetch(expr, start, end, step, timeout)


async def test_each_evaluation_is_one_trace_in_every_thread() -> None:
    clock = ManualClock(3000.0)
    with ThreadPoolExecutor(1) as pool:
        source = Tracing(np.ones((1, 400)))
        source.traces = []
        loop = loop_of(source, clock, pool)
        loop.start()
        await loop.tried.wait()
        first = list(source.traces)
        await clock.until_sleeping()
        while len(source.traces) == len(first):
            await clock.advance(INTERVAL)
            await clock.until_sleeping()
        await loop.stop()
    assert len(set(first)) == 1
    assert "" not in first
    assert source.traces[-1] not in first
    assert current_trace() == ""


async def test_the_page_is_told_what_goes_wrong_and_when_the_query_is_warm() -> None:
    clock = ManualClock(3000.0)
    source = ArraySource(np.random.default_rng(3).normal(5.0, 1.0, (3, 400)))
    with ThreadPoolExecutor(1) as pool:
        loop = loop_of(source, clock, pool, "3m", ", max_series: 2, ensemble: sensitive")
        assert (loop.row().state, loop.row().cost) == ("first evaluation", None)
        loop.start()
        async with asyncio.timeout(60):
            await clock.until_sleeping()
        row = loop.row()
        assert (row.state, row.series, row.warming) == ("warming up", 2, 2)
        assert row.ready_in == (20 - 13) * INTERVAL  # of mad, the quickest
        assert row.weights == {"forecast_error": 1.0, "novelty": 1.0, "mad": 1.0}
        assert row.cost is not None
        assert row.cost.columns == 13
        assert row.size is not None
        assert row.size > 2 * 192
        (full,) = row.problems
        assert (full.what, full.fault) == ("series", "max_series")
        source.is_slow = True
        async with asyncio.timeout(60):
            await clock.advance(INTERVAL)
            await clock.until_sleeping()
        row = loop.row()
        assert (row.state, row.series, row.warming, row.ready_in) == ("failing", 0, 0, None)
        assert [one.fault for one in row.problems] == ["timeout", "max_series"]
        assert row.problems[0].expr == "up"
        again = loop_of(source, clock, pool)
        again.succeed(loop)
        assert [one.fault for one in again.row().problems] == ["timeout", "max_series"]
        await loop.stop()
