"""Load on real daemons, and what became of it."""

import asyncio
from typing import Any

import aiohttp

from tests.webhook.daemon import Daemon
from tests.webhook.deliveries import alert_json, body
from tests.webhook.receiver import Receiver

UNLIMITED = """\
throttle: {per_metric_and_severity: null, total: null, flapping: null}
correlation: null"""
"""Configuration with which everything goes out at once."""


class Load:
    """Clients that post one new alert after the other and note which were answered with 200.

    pause : seconds that each client rests between two alerts
    """

    def __init__(self, pause: float = 0.0) -> None:
        self._pause = pause
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
            labels = {"alertname": name, "severity": "critical", "query": name}
            raw = body(alert_json(fingerprint=name, labels=labels, annotations=annotations))
            try:
                async with session.post(f"{daemon.url}/api/v1/alerts", data=raw) as answer:
                    status = answer.status
            except aiohttp.ClientError:
                return
            self.statuses.add(status)
            if status == 200:
                self.accepted.add(name)
            self._news.set()
            await asyncio.sleep(self._pause)


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


async def until_all_sent(daemon: Daemon, receiver: Receiver) -> None:
    """Wait until every notification was sent."""
    async with aiohttp.ClientSession() as session:
        while any(
            item["state"] != "sent" for item in await pages(session, daemon, "notifications")
        ):
            receiver.arrived.clear()
            await asyncio.wait([asyncio.create_task(receiver.arrived.wait())], timeout=0.1)
