"""A sender like Alertmanager: alerts come at a pace of their own, each again until it is taken."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from zlib import crc32

import aiohttp

from tests.webhook.deliveries import alert_json, body

_CLIENTS = 16
_AGAIN_SECONDS = 0.25


@dataclass
class Sender:
    """New alerts at a steady pace; what nobody takes is posted again before anything else.

    Parameters
    ----------
    address : host:port
    pace : deliveries per second
    size : alerts in one delivery
    severities : number n -> the label of the first alert of every n-th delivery, the largest that
        divides wins; all other alerts are `info`

    Attributes
    ----------
    accepted : what was answered with 200: the alert's name and its severity
    answers : how often which status came; `refused` and `broken` are connections
    """

    address: str
    pace: float
    size: int
    severities: Mapping[int, str]
    accepted: dict[str, str] = field(default_factory=dict)
    answers: Counter[int | str] = field(default_factory=Counter)
    deliveries: int = 0
    _began: float = 0.0
    _is_over: bool = False
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Post until `finish`, and then until all that was begun is taken."""
        self._began = time.monotonic()
        timeout = aiohttp.ClientTimeout(total=30)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            await asyncio.gather(*(self._client(session) for _ in range(_CLIENTS)))

    def finish(self) -> None:
        """Begin nothing new."""
        self._is_over = True

    async def until_accepted(self, more: int) -> None:
        """Wait until that many alerts more are taken."""
        wanted = len(self.accepted) + more
        while len(self.accepted) < wanted:
            self._news.clear()
            await self._news.wait()

    async def _client(self, session: aiohttp.ClientSession) -> None:
        while not self._is_over:
            number = self.deliveries
            self.deliveries += 1
            await asyncio.sleep(self._began + number / self.pace - time.monotonic())
            names = self._names(number)
            raw = body(*(_alert(name, severity) for name, severity in names.items()))
            await self._post(session, raw)
            self.accepted |= names
            self._news.set()

    def _names(self, number: int) -> dict[str, str]:
        names = {f"f{number}-{i}": "info" for i in range(self.size)}
        for every in sorted(self.severities, reverse=True):
            if number % every == 0:
                names[f"f{number}-0"] = self.severities[every]
                break
        return names

    async def _post(self, session: aiohttp.ClientSession, raw: bytes) -> None:
        """Try until it is taken."""
        url = f"http://{self.address}/api/v1/alerts"
        answer: int | str = 0
        while answer != 200:
            if answer:
                await asyncio.sleep(_AGAIN_SECONDS)
            try:
                async with session.post(url, data=raw) as response:
                    answer = response.status
            except aiohttp.ClientConnectorError:
                answer = "refused"
            except (aiohttp.ClientError, TimeoutError):
                answer = "broken"
            self.answers[answer] += 1


def _alert(name: str, severity: str) -> dict[str, object]:
    # Twenty queries, so that limits on each have something to hold back.
    query = f"q{crc32(name.encode()) % 20}"
    labels = {"alertname": name, "severity": severity, "query": query, "id": name}
    return alert_json(fingerprint=name, labels=labels, starts_at=time.time())
