"""Incidents and alerts that are read, and fail to be read, by a clock turned by hand."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from exporter.core.masks import Masks
from exporter.core.series import SeriesBatch
from exporter.errors import SourceUnavailable
from exporter.lifecycle import silencemasks
from exporter.lifecycle.feedback import START
from exporter.loops.maskreading import INTERVAL, MaskLoop, question
from exporter.loops.slowloop import FIRST_RETRY
from exporter.settings.masks import MasksConfig, masks_in_words
from promkit.clock import ManualClock

OWN = (b'{"instance":"db"}',)
NOW = 3600.0
STEP = 60_000


class Told:
    """A Prometheus that knows verdicts and an alert."""

    def __init__(self) -> None:
        self.incidents = 1
        self.silences: list[str] = []
        self.error: Exception | None = None
        self.asked: list[tuple[str, int, int]] = []

    def fetch(self, expr: str, start: int, end: int, step: int, timeout: float) -> SeriesBatch:
        self.asked.append((expr, start, end))
        if self.error is not None:
            raise self.error
        times = np.arange(start, end + 1, step)
        if expr == "ALERTS":
            values = np.where(times >= 30 * STEP, 1.0, np.nan)[None]
            return SeriesBatch((b'{"alertname":"Down","instance":"db"}',), times, values, step)
        labels = {"__name__": START, "query": "cpu", "verdict": "confirmed", "instance": "db"}
        told = [{**labels, "incident": str(i)} for i in range(self.incidents)]
        instants = [1800.0] * len(told)
        for matchers in self.silences:
            for gauge, value in ((silencemasks.START, 1800.0), (silencemasks.END, 2400.0)):
                told.append({"__name__": gauge, "silence": "s", "matchers": matchers})
                instants.append(value)
        keys = tuple(json.dumps(one).encode() for one in told)
        return SeriesBatch(keys, times, np.tile(np.array(instants)[:, None], len(times)), step)


class Bench:
    def __init__(self, told: Told, config: MasksConfig) -> None:
        self.clock = ManualClock(NOW)
        self.pool = ThreadPoolExecutor(1)
        self.loop = MaskLoop(config, told, clock=self.clock, pool=self.pool)

    async def __aenter__(self) -> "Bench":
        async def at_once() -> None: ...

        self.loop.start(at_once)
        await self._until_sleeping()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.loop.stop()
        self.pool.shutdown()

    async def after(self, seconds: float) -> int:
        """Return how many masks there are then."""
        await self.clock.advance(seconds)
        await self._until_sleeping()
        return len(self.loop.masks)

    async def _until_sleeping(self) -> None:
        async with asyncio.timeout(60):
            await self.clock.until_sleeping()


async def test_incidents_are_read_every_minute_in_one_request() -> None:
    told = Told()
    async with Bench(told, MasksConfig()) as bench:
        assert bench.loop.tried.is_set()
        before = bench.loop.masks
        await bench.after(INTERVAL)
        assert bench.loop.masks is before  # nothing new
        told.incidents = 2
        assert await bench.after(INTERVAL) == 2
        assert bench.loop.facts().masks == 2
        assert bench.loop.facts().last_read == bench.clock.now()
    assert {(expr, end - start) for expr, start, end in told.asked} == {
        (question(MasksConfig()), 0)
    }
    assert len(told.asked) == 3


async def test_silences_are_read_in_the_same_request(caplog: pytest.LogCaptureFixture) -> None:
    told = Told()
    told.silences = ['{instance="db"}', '{instance=~"[[:alpha:]]"}']
    async with Bench(told, MasksConfig()) as bench:
        assert len(bench.loop.masks) == 2
        told.incidents = 2
        assert await bench.after(INTERVAL) == 3
        told.incidents, told.silences = 0, ['{instance=~"[[:alpha:]]"}', '{instance="web"}']
        assert await bench.after(INTERVAL) == 1
    assert len(told.asked) == 3
    # Said once, however often it is read.
    assert [record.getMessage() for record in caplog.records] == [
        "silences are not masked, since their matchers are not understood here"
    ]
    assert caplog.records[0].__dict__["matchers"] == '{instance=~"[[:alpha:]]"}'


def test_what_is_asked_for() -> None:
    both = question(MasksConfig())
    assert both.count("anomaly_verdict_") == both.count("anomaly_silence_") == 2
    assert "silence" not in question(MasksConfig(silences=False))
    assert question(MasksConfig(incidents=False)).count("anomaly_") == 2
    assert question(MasksConfig(incidents=False, silences=False)) == ""


async def test_of_alerts_only_what_is_new_is_asked_for() -> None:
    told = Told()
    config = MasksConfig(incidents=False, silences=False, alerts="ALERTS", history=3000.0)
    async with Bench(told, config) as bench:
        await bench.after(INTERVAL)
        await bench.after(INTERVAL)
        times = np.arange(0, 70 * STEP, STEP)
        found = Masks(bench.loop.masks).where("cpu", OWN, times)
        assert found is not None
        assert np.flatnonzero(found[0])[[0, -1]].tolist() == [15, 67]
        again = MaskLoop(config, told, clock=bench.clock, pool=bench.pool)
        again.succeed(bench.loop)
        assert again.tried.is_set()
        assert again.masks is bench.loop.masks
    spans = [(start // STEP, end // STEP) for _, start, end in told.asked]
    assert spans[0] == (10, 60)
    assert spans[1:] == [(61, 61), (62, 62)]


async def test_what_was_read_last_holds(caplog: pytest.LogCaptureFixture) -> None:
    told = Told()
    async with Bench(told, MasksConfig()) as bench:
        told.error = SourceUnavailable("unavailable", "down")
        assert await bench.after(INTERVAL) == 1
        assert await bench.after(FIRST_RETRY) == 1
        assert bench.loop.facts().failures == {"unavailable": 2}
        told.error = RuntimeError("a defect")
        assert await bench.after(2 * FIRST_RETRY) == 1
        told.error = None
        assert await bench.after(INTERVAL) == 1
        assert bench.loop.last_error is None
    assert sum("cannot be read" in record.message for record in caplog.records) == 2


async def test_nobody_waits_for_what_cannot_be_read() -> None:
    told = Told()
    told.error = SourceUnavailable("unavailable", "down")
    async with Bench(told, MasksConfig()) as bench:
        assert bench.loop.tried.is_set()
        assert bench.loop.masks == ()
    stopped = Bench(told, MasksConfig())
    await stopped.loop.stop()
    assert stopped.loop.tried.is_set()
    stopped.pool.shutdown()


def test_words() -> None:
    all_of_them = masks_in_words(MasksConfig(alerts="up == 0"))
    assert all_of_them == (
        "incidents that people confirmed, what is silenced and whatever up == 0 is about "
        "not learned from"
    )
    told = masks_in_words(MasksConfig(incidents=False, silences=False, alerts='ALERTS{a="b"}'))
    assert told == 'whatever ALERTS{a="b"} is about not learned from'
    assert "nothing but" in masks_in_words(MasksConfig(incidents=False, silences=False))
