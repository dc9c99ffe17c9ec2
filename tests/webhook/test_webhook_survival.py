"""What was answered with 200 survives: kill -9, SIGTERM and a full disk, under load."""

import asyncio
import resource
import signal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.webhook.daemon import Daemon, daemon
from tests.webhook.deliveries import alert_json, body
from tests.webhook.receiver import receiving
from webhook.dispatcher import CONCURRENCY

MIB = 2**20


class Load:
    """Clients that post one new alert after the other and note which were answered with 200."""

    def __init__(self) -> None:
        self.accepted: set[str] = set()
        self.statuses: set[int] = set()
        self._number = 0
        self._news = asyncio.Event()

    async def run(self, daemon: Daemon, *, clients: int = 8, size: int = 0) -> None:
        """Post until the daemon is gone or the task is cancelled."""
        async with aiohttp.ClientSession() as session:
            await asyncio.gather(*(self._client(session, daemon, size) for _ in range(clients)))

    async def until_accepted(self, count: int) -> None:
        while len(self.accepted) < count:
            self._news.clear()
            await self._news.wait()

    async def until_refused(self) -> None:
        while 503 not in self.statuses:
            self._news.clear()
            await self._news.wait()

    async def _client(self, session: aiohttp.ClientSession, daemon: Daemon, size: int) -> None:
        while True:
            self._number += 1
            name = f"f{self._number}"
            annotations = {"summary": name, "description": "x" * size}
            raw = body(alert_json(fingerprint=name, annotations=annotations))
            try:
                async with session.post(f"{daemon.url}/api/v1/alerts", data=raw) as answer:
                    status = answer.status
            except aiohttp.ClientError:
                return
            self.statuses.add(status)
            if status == 200:
                self.accepted.add(name)
            self._news.set()


async def stored(daemon: Daemon) -> set[str]:
    async with aiohttp.ClientSession() as session:
        return {item["fingerprint"] for item in await pages(session, daemon, "alerts")}


async def pages(session: aiohttp.ClientSession, daemon: Daemon, what: str) -> list[Any]:
    items: list[Any] = []
    url = f"{daemon.url}/api/v1/{what}?limit=1000"
    while url:
        async with session.get(url) as answer:
            page = await answer.json()
        items += page[what]
        url = (page["next"] or "").replace("http://localhost:9854", daemon.url)
    return items


def write_config(folder: Path, channels: str) -> Path:
    path = folder / "webhook.yml"
    path.write_text(f"store: {{url: 'sqlite:///{folder}/webhook.db'}}\nchannels: {channels}\n")
    return path


@pytest.mark.parametrize(("how", "rounds"), [(signal.SIGKILL, 2), (signal.SIGTERM, 1)])
async def test_every_accepted_alert_is_stored_and_notified(
    tmp_path: Path, how: signal.Signals, rounds: int
) -> None:
    load = Load()
    async with receiving() as receiver:
        config = write_config(tmp_path, f"[{{kind: webhook, url: '{receiver.url}'}}]")
        for round_number in range(1, rounds + 1):
            async with daemon(config) as running:
                posting = asyncio.create_task(load.run(running))
                await load.until_accepted(round_number * 150)
                code = await running.stop(how)
                await posting
            assert code == (0 if how is signal.SIGTERM else -signal.SIGKILL)

        async with daemon(config) as running:
            assert load.accepted <= await stored(running)
            async with aiohttp.ClientSession() as session:
                while any(
                    item["state"] != "sent"
                    for item in await pages(session, running, "notifications")
                ):
                    receiver.arrived.clear()
                    await asyncio.wait([asyncio.create_task(receiver.arrived.wait())], timeout=0.1)

    told = [headers["webhook-id"].split("-")[0] for headers, _ in receiver.requests]
    assert load.accepted <= set(told)
    # Only what was on its way when the process died may be told twice.
    assert len(told) - len(set(told)) <= rounds * CONCURRENCY


async def test_a_full_disk_refuses_alerts_and_loses_none(tmp_path: Path) -> None:
    """A limit on the size of files stands in for the disk: it works for every user."""
    load = Load()
    config = write_config(tmp_path, "[{kind: log, severities: [info]}]")
    async with daemon(config) as running:
        pid = running.process.pid
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (MIB, hard))
        posting = asyncio.create_task(load.run(running, size=8_000))
        await load.until_refused()
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{running.url}/-/healthy") as healthy,
        ):
            assert healthy.status == 200, "it lives, and says why not"
        before = len(load.accepted)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
        await load.until_accepted(before + 100)
        posting.cancel()
        await asyncio.wait([posting])
        assert load.accepted <= await stored(running)
        await running.stop(signal.SIGKILL)

    async with daemon(config) as running:
        assert load.accepted <= await stored(running)
    assert load.statuses == {200, 503}
