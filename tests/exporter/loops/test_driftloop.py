"""One query's drift loop on a clock turned by hand."""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from exporter.adapters.selfmetrics import SelfMetrics
from exporter.core.pieces import one_by_one
from exporter.drift.base import Drift
from exporter.drift.check import Checked
from exporter.loops.driftloop import DriftLoop, counts_of, drifts_of
from exporter.loops.driftrunner import DriftRunner
from promkit.clock import ManualClock
from tests.exporter.adapters.test_statefile import sealed
from tests.exporter.arraysource import ArraySource
from tests.exporter.loops.test_driftrunner import COLUMNS, FULL, SECONDS, query_of

INTERVAL = 60.0


class Bench:
    """A loop, its clock and its metrics."""

    def __init__(
        self,
        source: ArraySource,
        pool: ThreadPoolExecutor,
        path: Path | None = None,
        column: int = FULL,
    ) -> None:
        self.clock = ManualClock(column * SECONDS)
        self.metrics = SelfMetrics("1")
        self.heard: list[tuple[str, int]] = []
        self.loop = self.another(source, pool, path)

    def another(
        self,
        source: ArraySource,
        pool: ThreadPoolExecutor,
        path: Path | None = None,
        more: str = "",
    ) -> DriftLoop:
        query = query_of(more)
        assert query.drift is not None
        runner = DriftRunner(query, query.drift, source, path, one_by_one, lambda: 0.0)
        return DriftLoop(
            runner,
            clock=self.clock,
            pool=pool,
            metrics=self.metrics.drift,
            heed=self.hear,
        )

    def hear(self, query: str, counts: Mapping[str, int]) -> None:
        self.heard.append((query, counts["none"]))

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


@pytest.fixture
def source() -> ArraySource:
    return ArraySource(np.random.default_rng(5).normal(10.0, 1.0, (2, COLUMNS)))


async def test_it_checks_once_per_interval_and_at_once_when_hurried(
    pool: ThreadPoolExecutor, source: ArraySource
) -> None:
    bench = Bench(source, pool)
    assert bench.loop.state == "first drift check"
    bench.loop.start(at_once)
    await bench.until_sleeping()
    assert bench.loop.state == "ok"
    await bench.clock.advance(INTERVAL)
    await bench.until_sleeping()
    assert bench.count('drift_checks_total{query="q"}') == 2
    assert bench.count('drift_series{query="q",severity="none"}') == 2
    assert bench.heard == [("q", 2), ("q", 2)]
    assert bench.count('drift_baseline_version{query="q"}') == 1
    assert bench.count('drift_check_duration_seconds_count{query="q"}') == 2
    taken = bench.count('drift_baseline_timestamp_seconds{query="q"}')
    assert taken == FULL * SECONDS
    bench.loop.retake()
    await bench.clock.advance(1.0)
    await bench.until_sleeping()
    assert bench.count('drift_checks_total{query="q"}') == 3
    assert bench.count('drift_baseline_version{query="q"}') == 2
    taken = bench.count('drift_baseline_timestamp_seconds{query="q"}')
    assert taken >= FULL * SECONDS + INTERVAL
    await bench.loop.stop()


async def test_after_a_failure_drift_stays_for_a_while(
    pool: ThreadPoolExecutor, source: ArraySource, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(source, pool)
    bench.loop.start(at_once)
    await bench.until_sleeping()
    source.is_down = True
    for _ in range(16):
        await bench.clock.advance(INTERVAL / 2)
        await bench.until_sleeping()
        if bench.loop.shown is None:
            break
    assert bench.clock.monotonic() > 3 * INTERVAL
    assert (bench.loop.state, bench.loop.last_error) == ("failing", "down")
    assert bench.count('drift_series{query="q",severity="none"}') == 0
    assert bench.count('drift_check_failures_total{query="q",reason="unavailable"}') > 1
    source.is_down = False
    await bench.clock.advance(INTERVAL)
    await bench.until_sleeping()
    await bench.loop.stop()
    assert bench.loop.shown is not None
    messages = [record.message for record in caplog.records if record.levelno >= logging.ERROR]
    assert messages == ["drift check failed", "drift checks are too old, withdrawn"]


async def test_a_baseline_that_cannot_be_read_or_written_is_a_failure_of_its_own(
    pool: ThreadPoolExecutor, source: ArraySource, tmp_path: Path
) -> None:
    failures = 'drift_check_failures_total{query="q",reason="baseline"}'
    sealed(tmp_path / "newer", {"version": 2})
    bench = Bench(source, pool, tmp_path / "newer")
    bench.loop.start(at_once)
    await bench.until_sleeping()
    await bench.loop.stop()
    assert (bench.count(failures), bench.loop.shown) == (1, None)
    assert "has version 2" in (bench.loop.last_error or "")
    (tmp_path / "file").write_text("")
    bench = Bench(source, pool, tmp_path / "file" / "q.npz")
    bench.loop.start(at_once)
    await bench.until_sleeping()
    await bench.loop.stop()
    assert bench.count(failures) == bench.count('drift_checks_total{query="q"}') == 1
    assert bench.loop.shown is not None


async def test_without_history_it_says_that_it_waits(
    pool: ThreadPoolExecutor, source: ArraySource
) -> None:
    bench = Bench(source, pool, column=30)
    bench.loop.start(at_once)
    await bench.until_sleeping()
    await bench.loop.stop()
    assert bench.loop.state == "waiting for history"
    assert bench.count('drift_baseline_version{query="q"}') == 0


async def test_a_reload_shows_what_was_shown_unless_something_else_is_asked(
    pool: ThreadPoolExecutor, source: ArraySource
) -> None:
    bench = Bench(source, pool)
    bench.loop.start(at_once)
    await bench.until_sleeping()
    await bench.loop.stop()
    same, other = bench.another(source, pool), bench.another(source, pool, None, ", by: [row]")
    same.succeed(bench.loop)
    assert same.shown is bench.loop.shown
    assert bench.count('drift_series{query="q",severity="none"}') == 2
    other.succeed(bench.loop)
    assert other.shown is None
    assert other.runner.baseline is bench.loop.runner.baseline
    assert bench.count('drift_series{query="q",severity="none"}') == 0


async def test_after_a_reload_it_checks_when_it_is_due(
    pool: ThreadPoolExecutor, source: ArraySource
) -> None:
    bench = Bench(source, pool)
    checks = 'drift_checks_total{query="q"}'

    async def reload(more: str = "") -> None:
        await bench.until_sleeping()
        await bench.loop.stop()
        loop = bench.another(source, pool, None, more)
        loop.succeed(bench.loop)
        bench.loop = loop
        loop.start(at_once)
        await bench.until_sleeping()

    bench.loop.start(at_once)
    await reload()
    assert bench.count(checks) == 1
    await bench.clock.advance(INTERVAL)
    await bench.until_sleeping()
    assert bench.count(checks) == 2
    await reload()
    assert bench.count(checks) == 2
    bench.loop.runner.retake.set()  # a command that came too late for the old loop
    await reload()
    assert bench.count(checks) == 3
    await reload(", by: [row]")
    assert bench.count(checks) == 4
    await bench.loop.stop()


def test_what_is_published_of_a_check() -> None:
    numbers = np.array([0.5, np.nan])
    drift = Drift(numbers, numbers, np.array([2, 0], dtype=np.int8))
    severity = np.array([2.0, np.nan])
    tests = {"ks": drift, "psi": drift}
    checked = Checked((b"{}", b"{}"), tests, severity, numbers, numbers)
    drifts = drifts_of("q", checked)
    assert drifts.tests["ks"].keys() == {"anomaly_drift_statistic", "anomaly_drift_p_value"}
    assert drifts.tests["psi"].keys() == {"anomaly_drift_statistic"}
    assert drifts.gauges["anomaly_drift_severity"] is severity
    assert counts_of(checked) == {"none": 0, "moderate": 0, "high": 1, "critical": 0}
