"""The whole daemon in this process: started, reloaded, failing, healed, stopped."""

import asyncio
import json
import logging
import os
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import aiohttp
import pytest

from promkit.clock import Clock, ManualClock, SystemClock
from promkit.errors import ConfigProblems
from tests.webhook.bench import logged
from tests.webhook.deliveries import alert_json, body
from tests.webhook.receiver import Receiver, receiving
from webhook.errors import StoreUnusable
from webhook.gatekeeper import LONGEST_WAIT
from webhook.keeping import PROBE_SECONDS
from webhook.service import Options, read_config, run

DAY = 86_400.0


class Site:
    """A running daemon and how to talk to it."""

    def __init__(self, session: aiohttp.ClientSession, address: str, config: Path) -> None:
        self.session = session
        self.address = address
        self.config = config

    async def get(self, path: str) -> tuple[int, str]:
        async with self.session.get(f"http://{self.address}{path}") as answer:
            return answer.status, await answer.text()

    async def post(self, path: str, raw: bytes = b"") -> tuple[int, str]:
        async with self.session.post(f"http://{self.address}{path}", data=raw) as answer:
            return answer.status, await answer.text()

    async def fires(self, *fingerprints: str) -> int:
        alerts = (alert_json(fingerprint=name, starts_at=1000.0) for name in fingerprints)
        return (await self.post("/api/v1/alerts", body(*alerts)))[0]

    async def resolves(self, fingerprint: str) -> int:
        item = alert_json("resolved", fingerprint, starts_at=1000.0, ends_at=2000.0)
        return (await self.post("/api/v1/alerts", body(item)))[0]

    async def metric(self, name: str) -> float:
        page = (await self.get("/metrics"))[1].splitlines()
        (line,) = [line for line in page if line.startswith(f"anomaly_webhook_{name} ")]
        return float(line.rsplit(" ", 1)[1])


@asynccontextmanager
async def running(config: Path, clock: Clock | None = None) -> AsyncIterator[Site]:
    stop, listening = asyncio.Event(), asyncio.get_running_loop().create_future()
    task = asyncio.create_task(
        run(Options(config, ("127.0.0.1:0",)), clock or SystemClock(), stop, listening.set_result)
    )
    await asyncio.wait([task, listening], return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        await task
    async with aiohttp.ClientSession() as session:
        yield Site(session, listening.result()[0], config)
    stop.set()
    await task


def write_config(folder: Path, receiver: Receiver, more: str = "") -> Path:
    path = folder / "webhook.yml"
    path.write_text(
        f"store: {{url: 'sqlite:///{folder}/webhook.db'}}\n"
        "external_url: https://alerts.example.org\n"
        f"channels: [{{kind: webhook, name: ops, url: '{receiver.url}'}}]\n"
        f"throttle: {{per_metric_and_severity: null, total: null, flapping: null}}\n{more}"
    )
    return path


async def told(receiver: Receiver, count: int) -> list[dict[str, object]]:
    """Return the first `count` notifications, waiting for them."""
    while len(receiver.requests) < count:
        receiver.arrived.clear()
        await receiver.arrived.wait()
    return [json.loads(raw) for _, raw in receiver.requests]


async def test_an_alert_reaches_people_when_it_fires_and_when_it_ends(tmp_path: Path) -> None:
    async with receiving() as receiver, running(write_config(tmp_path, receiver)) as site:
        assert await site.fires("abc") == 200
        assert await site.fires("abc") == 200
        (firing,) = await told(receiver, 1)
        assert await site.resolves("abc") == 200
        _, resolved = await told(receiver, 2)
        assert (await site.get("/-/healthy"))[0] == 200
        assert (await site.get("/-/ready"))[0] == 200

    assert (firing["status"], firing["ends_at"]) == ("firing", None)
    links = firing["links"]
    assert isinstance(links, dict)
    assert links["incident"] == "https://alerts.example.org/incidents/1"
    assert links["confirm"].startswith("https://alerts.example.org/feedback/v1.")
    assert links["graph"] == "http://prometheus:9090/graph?g0.expr=up"
    assert (firing["alertname"], firing["severity"], firing["value"]) == (
        "CpuAnomaly",
        "critical",
        0.97,
    )
    assert (resolved["status"], resolved["ends_at"]) == ("resolved", "1970-01-01T00:33:20.000Z")
    assert resolved["id"] == str(firing["id"]).replace("firing", "resolved")


async def test_a_reload_takes_effect_or_changes_nothing(tmp_path: Path) -> None:
    async with receiving() as receiver:
        config = write_config(tmp_path, receiver)
        async with running(config) as site:
            assert await site.metric("config_last_reload_successful") == 1

            config.write_text("channels: [{kind: pigeon}]")
            status, text = await site.post("/-/reload")
            assert status == 500
            assert "found 'pigeon'; allowed: log, webhook" in text
            assert await site.metric("config_last_reload_successful") == 0

            config.write_text("store: {url: 'sqlite:///elsewhere.db'}")
            status, text = await site.post("/-/reload")
            assert status == 500
            assert "restart it to change the store" in text

            assert await site.fires("old rules") == 200
            await told(receiver, 1)

            write_config(tmp_path, receiver, "routes: [{matchers: [query=cpu], channels: []}]\n")
            os.kill(os.getpid(), signal.SIGHUP)
            while await site.metric("config_last_reload_successful") == 0:
                continue
            assert await site.fires("new") == 200
            name = 'notifications_suppressed_total{reason="no_channel"}'
            assert await site.metric(name) == 1


async def test_a_broken_store_is_not_ready_until_it_heals(tmp_path: Path) -> None:
    clock = ManualClock(1_800_000_000.0)
    async with (
        receiving() as receiver,
        running(write_config(tmp_path, receiver), clock) as site,
    ):
        rename(tmp_path, quarantine="away", events="gone")
        assert await site.fires("abc") == 503
        status, reason = await site.get("/-/ready")
        assert status == 503
        assert "the store cannot commit: no such table" in reason
        assert (await site.get("/-/healthy"))[0] == 200

        await clock.advance(PROBE_SECONDS)
        assert (await site.get("/-/ready"))[0] == 503
        rename(tmp_path, away="quarantine", gone="events")
        while (await site.get("/-/ready"))[0] == 503:
            await clock.advance(PROBE_SECONDS)
        assert await site.fires("abc") == 200
        await told(receiver, 1)


def rename(folder: Path, **names: str) -> None:
    """Rename tables, all or none: the daemon looks at them meanwhile."""
    with closing(sqlite3.connect(folder / "webhook.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        for old, new in names.items():
            connection.execute(f"ALTER TABLE {old} RENAME TO {new}")
        connection.execute("COMMIT")


async def test_old_incidents_are_deleted(tmp_path: Path) -> None:
    async with receiving() as receiver:
        config = write_config(tmp_path, receiver)
        async with running(config, ManualClock(1_800_000_000.0)) as site:
            await site.fires("old")
            await told(receiver, 1)
            await site.resolves("old")
            await told(receiver, 2)
            await site.fires("open")
            await told(receiver, 3)
        async with running(config, ManualClock(1_800_000_000.0 + 91 * DAY)) as site:
            while "old" in (alerts := (await site.get("/api/v1/alerts"))[1]):
                continue
    assert "open" in alerts


async def test_what_was_interrupted_is_sent_after_the_next_start(tmp_path: Path) -> None:
    async with receiving() as receiver:
        config = write_config(tmp_path, receiver)
        async with running(config) as site:
            await site.fires("abc")
            await told(receiver, 1)
        with closing(sqlite3.connect(tmp_path / "webhook.db")) as connection:
            # As a process leaves it that died between sending and writing that down.
            connection.execute("UPDATE notifications SET state='pending', leased_until=9e9")
            connection.commit()

        async with running(config):
            first, second = await told(receiver, 2)

    assert first["id"] == second["id"], "a receiver can tell that it is the same"


async def test_a_daemon_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(ConfigProblems, match="there is no such file; name yours"):
        async with running(tmp_path / "missing.yml"):
            pass
    (tmp_path / "webhook.db").write_bytes(b"no database" * 1000)
    async with receiving() as receiver:
        with pytest.raises(StoreUnusable, match="cannot be used as the store"):
            async with running(write_config(tmp_path, receiver)):
                pass


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.yml").write_bytes(b"# \xe4\n")
    with pytest.raises(ConfigProblems, match="not UTF-8"):
        read_config(tmp_path / "latin.yml")
    with pytest.raises(ConfigProblems, match="cannot be read: Is a directory"):
        read_config(tmp_path)


async def test_a_client_that_leaves_is_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "webhook")
    async with receiving() as receiver, running(write_config(tmp_path, receiver)) as site:
        host, port = site.address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = b"POST /api/v1/alerts HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n"
        writer.write(head + b"Expect: 100-continue\r\n\r\n")
        # From here on the body is waited for.
        assert b"100 Continue" in await reader.readuntil(b"\r\n")
        writer.close()
        await writer.wait_closed()
        await logged(caplog, "a client left before its body was complete")

    assert not [entry for entry in caplog.records if entry.levelno >= logging.WARNING]


async def test_what_limits_hold_back_waits_for_its_digest_through_a_reload(tmp_path: Path) -> None:
    clock = ManualClock(1_800_000_000.0)
    async with receiving() as receiver:
        config = write_config(tmp_path, receiver, "correlation: null\n")
        unlimited = config.read_text()
        limited = "throttle: {total: null, flapping: null}\ncorrelation: null\n"
        config.write_text(unlimited.split("throttle:")[0] + limited)
        async with running(config, clock) as site:
            for name in ("a", "b", "c"):
                assert await site.fires(name) == 200
            await told(receiver, 1)
            while await site.metric("notifications_held") != 2:
                continue
            config.write_text(unlimited)
            assert (await site.post("/-/reload"))[0] == 200
            assert await site.fires("d") == 200
            await told(receiver, 2)
            assert await site.metric("notifications_held") == 2
            assert await site.resolves("a") == 200
            await told(receiver, 3)
            while await site.metric("digests_total") == 0:
                await clock.advance(LONGEST_WAIT)
            (*_, digest) = await told(receiver, 4)

    links = digest["links"]
    assert isinstance(links, dict)
    assert links["incident"].startswith("https://alerts.example.org/digests/")


async def test_a_verdict_moves_a_threshold_and_tells_prometheus(tmp_path: Path) -> None:
    async with receiving() as receiver:
        config = write_config(tmp_path, receiver, "tuning: {alertnames: [CpuAnomaly]}\n")
        async with running(config) as site:
            # Ten incidents of one series.
            assert await site.fires(*(f"{number}" for number in range(10))) == 200
            for number in range(1, 11):
                verdict = {"incident": number, "verdict": "false_alarm"}
                url = f"http://{site.address}/api/v1/feedback"
                async with site.session.post(url, json=verdict) as answer:
                    said = (await answer.json())["threshold"]
                if number == 9:
                    assert said == "9 of 10 false alarms for this series; its threshold stays"
            page = (await site.get("/metrics"))[1]
            shown = (await site.get("/thresholds"))[1]
            listed = json.loads((await site.get("/api/v1/adjustments"))[1])["adjustments"]
            history = json.loads((await site.get("/api/v1/thresholds/history"))[1])["history"]
            weights = json.loads((await site.get("/api/v1/weights"))[1])

    assert "the threshold is raised by 10 %, to 1.1 times" in said
    assert 'anomaly_threshold_adjustment_ratio{instance="a",query="cpu"} 1.1' in page
    assert f"Undo {history[0]['change']}" in shown
    assert weights == {"weights": []}
    assert [(each["labels"], each["ratio"]) for each in listed] == [({"instance": "a"}, 1.1)]
