"""What the exporter and Prometheus tell of a target that stops for a while, on real programs."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
from aiohttp import web

from exporter.adapters.prometheus import PrometheusSource
from exporter.loops.typewatch import changed
from quickstart.programs import FOLDER, obtain
from tests.recorded.exporter import free_port, running

PROMETHEUS = """
global: {{scrape_interval: 1s}}
scrape_configs: [{{job_name: target, static_configs: [{{targets: ["127.0.0.1:{port}"]}}]}}]
"""
EXPORTER = """
prometheus: {{url: "{url}", scrape_interval: 1s}}
evaluation_interval: 1s
queries:
  - {{name: steady, expr: steady, lookback: 1m, offset: 1s, detectors: [{{kind: zscore}}]}}
  - {{name: share, expr: share, lookback: 1m, offset: 1s, detectors: [{{kind: zscore}}]}}
state: {{path: null}}
"""
REJECTED = "prometheus_target_scrapes_sample_{}_total"


@dataclass
class Target:
    """Answers scrapes unless it is down; `share` is undefined.

    The time of `repeated` stands still and that of `backwards` goes back.
    """

    type: str = "gauge"
    is_down: bool = False
    began: int = field(default_factory=lambda: round(time.time() * 1000))
    scrapes: int = 0

    async def answer(self, _: web.Request) -> web.Response:
        if self.is_down:
            return web.Response(status=503)
        self.scrapes += 1
        lines = (
            f"# TYPE steady {self.type}",
            "steady 1",
            "share NaN",
            f"repeated {self.scrapes} {self.began}",
            f"backwards 1 {self.began - 1000 * self.scrapes}",
            "",
        )
        return web.Response(text="\n".join(lines))


@asynccontextmanager
async def serving(target: Target) -> AsyncIterator[int]:
    app = web.Application()
    app.router.add_get("/metrics", target.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield port
    finally:
        await runner.cleanup()


@asynccontextmanager
async def prometheus(folder: Path, target_port: int) -> AsyncIterator[str]:
    programs = await asyncio.to_thread(obtain, FOLDER, lambda _: None)
    (folder / "prometheus.yml").write_text(PROMETHEUS.format(port=target_port))
    address = f"127.0.0.1:{free_port()}"
    process = await asyncio.create_subprocess_exec(
        programs["prometheus"],
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
        "--log.level=error",
    )
    try:
        await until(lambda: requests.get(f"http://{address}/-/ready", timeout=5).ok)
        yield f"http://{address}"
    finally:
        process.terminate()
        await process.wait()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                if await asyncio.to_thread(condition):
                    return
            except requests.ConnectionError:
                pass
            await asyncio.sleep(0.1)


def counted(url: str, metric: str) -> float:
    """Return a sample of Prometheus' own page."""
    lines = requests.get(f"{url}/metrics", timeout=5).text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{metric} "))


@pytest.mark.timeout(180)
async def test_a_gap_shows_once_the_series_goes_on(tmp_path: Path) -> None:
    target = Target()
    async with serving(target) as port, prometheus(tmp_path, port) as url:
        source = PrometheusSource(url, requests.Session())
        await until(lambda: "steady" in source.metric_types(5.0))
        types = source.metric_types(5.0)
        config = tmp_path / "exporter.yml"
        config.write_text(EXPORTER.format(url=url))
        async with running(config) as exporter:
            before = await exporter.until('anomaly_exporter_series{query="steady"}')
            target.is_down = True
            await exporter.until_without('anomaly_score{query="steady"')
            target.is_down, target.type = False, "counter"
            after = await exporter.until('anomaly_exporter_gaps_per_second{query="steady"}')
        await until(lambda: changed(types, source.metric_types(5.0)) == {"steady"})
        assert counted(url, REJECTED.format("duplicate_timestamp")) > 0
        assert counted(url, REJECTED.format("out_of_order")) > 0
        assert counted(url, REJECTED.format("out_of_bounds")) == 0
    complete = 'anomaly_exporter_completeness_ratio{query="steady"}'
    newest = 'anomaly_exporter_newest_sample_timestamp_seconds{query="steady"}'
    unfit = 'anomaly_exporter_unfit_ratio{query="%s"}'
    assert before[complete] == 1
    assert after[complete] < 1
    assert after[newest] > before[newest] + 3
    assert after[unfit % "steady"] == 0
    assert after[unfit % "share"] == 1
    assert types["steady"] == {"gauge"}
    assert 'anomaly_exporter_metric_type_changes_total{query="steady"}' in after
