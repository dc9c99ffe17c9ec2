"""One model's loop on a clock turned by hand."""

import asyncio
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from exporter.adapters.modelmetrics import ModelGauges
from exporter.adapters.selfmetrics import SelfMetrics
from exporter.errors import ModelFailure
from exporter.loops.modelloop import ModelLoop
from exporter.loops.modelrunner import ModelRunner
from promkit.clock import ManualClock
from tests.exporter.adapters.test_statefile import sealed
from tests.exporter.loops.modelsource import HOUR, ORIGIN, ModelSource, model_of, predicted

INTERVAL = 3_600.0


class Bench:
    """A loop, its clock and its metrics."""

    def __init__(self, source: ModelSource, pool: ThreadPoolExecutor, path: Path | None = None):
        self.clock = ManualClock((ORIGIN + 900 * HOUR) / 1000)
        self.metrics = SelfMetrics("1")
        self.source, self.pool = source, pool
        self.loop = self.another(path=path)
        self.metrics.also(
            ModelGauges(lambda: {"m": self.loop.shown} if self.loop.shown is not None else {})
        )

    def another(self, version: str = "1", path: Path | None = None, on: str = "") -> ModelLoop:
        runner = ModelRunner(model_of(on, version), self.source, path, lambda: 0.0)
        return ModelLoop(runner, clock=self.clock, pool=self.pool, metrics=self.metrics.models)

    def page(self) -> dict[str, float]:
        lines = self.metrics.render().decode().splitlines()
        pairs = [line.rpartition(" ") for line in lines if not line.startswith("#")]
        return {name: float(value) for name, _, value in pairs}

    def failures(self, reason: ModelFailure) -> float:
        labels = f'{{model="m",reason="{reason}"}}'
        return self.page()[f"anomaly_exporter_model_quality_check_failures_total{labels}"]

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
def source() -> ModelSource:
    return ModelSource(*predicted(60, 4, 0.1))


async def test_it_looks_once_per_interval_and_shows_what_it_found(
    pool: ThreadPoolExecutor, source: ModelSource
) -> None:
    bench = Bench(source, pool)
    assert bench.loop.state == "first model check"
    bench.loop.start(at_once)
    await bench.until_sleeping()
    await bench.clock.advance(INTERVAL)
    await bench.until_sleeping()
    await bench.loop.stop()
    page = bench.page()
    assert page['anomaly_exporter_model_quality_checks_total{model="m"}'] == 2
    assert page['anomaly_exporter_model_quality_check_interval_seconds{model="m"}'] == INTERVAL
    assert page['anomaly_exporter_last_model_quality_check_timestamp_seconds{model="m"}'] > 0
    labels = 'model="m",model_version="1"'
    assert page[f'anomaly_model_f1_ratio{{{labels},window="30d"}}'] == pytest.approx(0.88, abs=0.02)
    assert page[f"anomaly_model_degradation_severity{{{labels}}}"] == 0
    assert f'anomaly_model_reference_f1_ratio{{{labels},reference="first_days"}}' in page


async def test_after_a_failure_what_is_known_stays_for_a_while(
    pool: ThreadPoolExecutor, source: ModelSource, caplog: pytest.LogCaptureFixture
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
    await bench.loop.stop()
    assert bench.clock.monotonic() > 3 * INTERVAL
    assert bench.failures("unavailable") > 1
    assert not [name for name in bench.page() if name.startswith("anomaly_model")]
    messages = [record.message for record in caplog.records if record.levelno >= logging.ERROR]
    assert messages == ["model check failed", "model checks are too old, withdrawn"]


async def test_each_failure_has_its_reason(
    pool: ThreadPoolExecutor, source: ModelSource, tmp_path: Path
) -> None:
    async def once(bench: Bench) -> Bench:
        bench.loop.start(at_once)
        await bench.until_sleeping()
        await bench.loop.stop()
        return bench

    sealed(tmp_path / "newer", {"version": 2})
    bench = await once(Bench(source, pool, tmp_path / "newer"))
    assert (bench.failures("tallies"), bench.loop.shown) == (1, None)
    (tmp_path / "file").write_text("")
    bench = await once(Bench(source, pool, tmp_path / "file" / "m.npz"))
    assert bench.failures("tallies") == 1
    assert bench.loop.shown is not None
    source.label = '{"row":"0","number":"%d"}'  # all of them are of the first
    bench = Bench(source, pool)
    bench.loop = bench.another(on=", on: [row]")
    assert (await once(bench)).failures("ambiguous") == 1
    source.truths[0] = 2.0
    source.label = '{"__name__":"truth","row":"%d"}'
    bench = await once(Bench(source, pool))
    assert bench.failures("labels") == 1
    assert bench.loop.shown is not None


async def test_a_reload_shows_what_was_shown_unless_the_version_changed(
    pool: ThreadPoolExecutor, source: ModelSource
) -> None:
    bench = Bench(source, pool)
    bench.loop.start(at_once)
    await bench.until_sleeping()
    await bench.loop.stop()
    same, other = bench.another(), bench.another("2")
    same.succeed(bench.loop)
    assert same.shown is bench.loop.shown
    other.succeed(bench.loop)
    assert other.shown is None
    assert other.runner.history is bench.loop.runner.history
