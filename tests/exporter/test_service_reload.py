"""A reload while Prometheus is slow to answer."""

import asyncio
import json
import socket
from collections.abc import Callable
from pathlib import Path

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from exporter.service import Options, Service
from promkit.clock import SystemClock

CONFIG = """
prometheus: {{url: "{url}"}}
evaluation_interval: 1s
queries:
  - {{name: q, expr: up, timeout: 1s, lookback: 1s, threshold: {threshold}, range: [5, null]}}
  - {{name: cold, expr: up, timeout: 1s, lookback: 1s}}
state: {{path: null}}
"""

SAVED = """
prometheus: {{url: "{url}"}}
evaluation_interval: 1h
queries: [{{name: q, expr: up, timeout: 1s}}]
state: {{path: "{state}", interval: 50ms}}
"""

COLD = {
    'anomaly_score{query="cold",a="b"} 0.0',
    'anomaly_exporter_warm_ratio{query="cold"} 0.0',
    'anomaly_exporter_series_warming{query="cold"} 1.0',
}


async def test_a_reload_keeps_the_scores_of_unchanged_queries_on_the_page(tmp_path: Path) -> None:
    is_open, is_held = asyncio.Event(), asyncio.Event()
    is_open.set()

    async def answer(request: web.Request) -> web.Response:
        if not is_open.is_set():
            is_held.set()
        await is_open.wait()
        end = float(str((await request.post())["end"]))
        series = {"metric": {"a": "b"}, "values": [[end, "1"]]}
        data = {"resultType": "matrix", "result": [series]}
        return web.json_response({"status": "success", "data": data}, dumps=json.dumps)

    app = web.Application()
    app.router.add_post("/api/v1/query_range", answer)
    config, stop = tmp_path / "exporter.yml", asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    async with TestServer(app) as prometheus, aiohttp.ClientSession() as session:
        url = str(prometheus.make_url("/"))
        config.write_text(CONFIG.format(url=url, threshold=0.6))
        task = asyncio.create_task(Service(Options(config, [address]), SystemClock()).run(stop))

        async def ask(path: str, method: str = "GET") -> tuple[int, str]:
            async with session.request(method, f"http://{address}{path}") as response:
                return response.status, await response.text()

        try:
            async with asyncio.timeout(10):
                while True:
                    try:
                        if (await ask("/-/ready"))[0] == 200:
                            break
                    except aiohttp.ClientConnectionError:
                        pass
                    await asyncio.sleep(0.02)
            page = (await ask("/metrics"))[1]
            assert set(page.splitlines()) >= COLD | {'anomaly_score{query="q",a="b"} 1.0'}
            assert "1 of 1 warming up, ready within about" in (await ask("/"))[1]
            (odd,) = json.loads((await ask("/api/v1/anomalies"))[1])["anomalies"]
            assert (odd["query"], odd["labels"]) == ("q", {"a": "b"})
            assert odd["reason"] == "1 is below 5, the lowest possible value"
            is_open.clear()
            await is_held.wait()
            config.write_text(CONFIG.format(url=url, threshold=0.7))
            assert (await ask("/-/reload", "POST"))[0] == 200
            assert 'anomaly_score{query="q",a="b"}' in (await ask("/metrics"))[1]
            assert (await ask("/-/ready"))[0] == 200
            (still,) = json.loads((await ask("/api/v1/anomalies?query=q"))[1])["anomalies"]
            assert still["since"] == odd["since"]
            nothing = json.loads((await ask("/api/v1/anomalies?query=r"))[1])
            assert nothing == {"anomalies": [], "total": 0}
        finally:
            is_open.set()
            stop.set()
            await task


async def until(is_so: Callable[[], bool]) -> None:
    while True:
        if is_so():
            break
        await asyncio.sleep(0.02)


async def test_a_reload_waits_for_the_state_to_be_saved(tmp_path: Path) -> None:
    """The next evaluation writes to arrays that a save is still reading."""

    async def answer(request: web.Request) -> web.Response:
        data = {"resultType": "matrix", "result": []}
        return web.json_response({"status": "success", "data": data})

    app = web.Application()
    app.router.add_post("/api/v1/query_range", answer)
    config, stop = tmp_path / "exporter.yml", asyncio.Event()
    async with TestServer(app) as prometheus:
        url = str(prometheus.make_url("/"))
        config.write_text(SAVED.format(url=url, state=tmp_path / "state"))
        service = Service(Options(config, ["127.0.0.1:0"]), SystemClock())
        task = asyncio.create_task(service.run(stop))
        try:
            async with asyncio.timeout(10):
                await until(lambda: any(loop.tried.is_set() for loop in service._loops.values()))
                runner = service._loops["q"].runner
                with runner.held():
                    await until(service._saving.locked)
                    reload = asyncio.create_task(service._apply(config.read_text()))
                    await asyncio.wait([reload], timeout=0.2)
                    assert service._loops["q"].runner is runner
                await reload
            assert service._loops["q"].runner is not runner
        finally:
            stop.set()
            await task
