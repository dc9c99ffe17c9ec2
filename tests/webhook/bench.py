"""The outbox loop on a bench: a real store, time turned by hand, and scripted channels."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from sqlalchemy import select, text

from promkit.clock import Clock, ManualClock
from tests.webhook.admitting import admit
from tests.webhook.deliveries import NOW, delivery
from webhook.adapters import queries
from webhook.adapters.exposition import Metrics
from webhook.adapters.outbox import Claimed
from webhook.adapters.recording import Recording
from webhook.adapters.schema import notifications
from webhook.adapters.store import Store
from webhook.channels.base import Channel, Receipt, Send
from webhook.core.alerts import Alert
from webhook.core.facts import Links
from webhook.core.message import Message
from webhook.core.routing import Routing, Target
from webhook.dispatcher import Dispatcher
from webhook.errors import ChannelError

_OUTBOXES: dict[str, "Inbox"] = {}


@dataclass
class Inbox:
    """What a channel was told to send; `answer` may raise."""

    answer: Callable[[Message], None] = lambda message: None
    keys: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    hangs: str = ""
    released: asyncio.Event = field(default_factory=asyncio.Event)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    connections: int = 0
    broken_connections: int = 0

    async def count(self, number: int) -> None:
        while len(self.keys) < number:
            self.news.clear()
            await self.news.wait()


class ScriptedChannel(Channel):
    """The world outside, as a test wants it."""

    kind: Literal["scripted"] = "scripted"
    version: int = 1

    @asynccontextmanager
    async def connect(self, clock: Clock) -> AsyncIterator[Send]:
        inbox = _OUTBOXES[self.name]
        inbox.connections += 1
        if inbox.connections <= inbox.broken_connections:
            raise ZeroDivisionError

        async def send(message: Message) -> Receipt:
            inbox.keys.append(message.key)
            inbox.times.append(clock.now())
            inbox.news.set()
            await inbox.gate.wait()
            if inbox.hangs and message.key.startswith(inbox.hangs):
                await inbox.released.wait()
            inbox.answer(message)
            return Receipt("ok")

        yield send


@dataclass
class Bench:
    store: Store
    clock: ManualClock
    dispatcher: Dispatcher
    metrics: Metrics
    inboxes: dict[str, Inbox]
    routing: Routing

    async def receive(self, *alerts: Alert) -> None:
        await self.store.record(Recording(delivery(*alerts), self.routing, self.clock.now()))
        await admit(self.store, self.clock.now())
        self.dispatcher.wake()

    async def until(self, **states: int) -> None:
        """Wait until the outbox holds exactly this many rows in these states."""
        while True:
            rows = await self.rows()
            found = {name: sum(row.state == name for row in rows) for name in states}
            if found == states:
                return

    async def until_due_in(self, seconds: float) -> None:
        """Wait until the only pending row is due that much later, give or take a moment."""
        while True:
            (row,) = [row for row in await self.rows() if row.state == "pending"]
            if row.leased_until == 0 and abs(row.due_at - self.clock.now() - seconds) < 1:
                return

    async def rename(self, old: str, new: str) -> None:
        """Rename a table: every statement on it then fails as if the file were broken."""
        statement = text(f"ALTER TABLE {old} RENAME TO {new}")
        await self.store.write(lambda connection: connection.execute(statement))

    async def rows(self) -> Any:
        return await self.store.read(
            lambda connection: connection.execute(select(notifications)).all()
        )

    def number(self, name: str) -> float:
        page = self.metrics.render("")[0].decode()
        (line,) = [
            line for line in page.splitlines() if line.startswith(f"anomaly_webhook_{name} ")
        ]
        return float(line.rsplit(" ", 1)[1])


async def message_of(item: Claimed) -> Message:
    name = "many" if item.incident is None else item.incident.fingerprint
    return Message(
        key=f"{name} {item.kind} {item.attempts}",
        incident=item.incident_id or 0,
        status="resolved" if item.kind == "resolved" else "firing",
        severity="critical",
        alertname="",
        query="",
        labels={},
        annotations={},
        starts_at=0,
        ends_at=None,
        generator_url="",
        links=Links(""),
    )


def scripted(name: str, version: int = 1) -> ScriptedChannel:
    return ScriptedChannel(name=name, version=version)


@asynccontextmanager
async def on_the_bench(store: Store) -> AsyncIterator[Bench]:
    clock = ManualClock(NOW)
    metrics = Metrics("1", lambda: store.read_here(queries.counts), lambda: (True, 0), clock.now)
    dispatcher = Dispatcher(store, clock, metrics, message_of, uniform=lambda low, high: high)
    inboxes = {name: Inbox() for name in ("chat", "pager")}
    for inbox in inboxes.values():
        inbox.gate.set()
    _OUTBOXES.update(inboxes)
    routing = Routing((Target("chat"), Target("pager", frozenset({"info"}))))
    await dispatcher.use([scripted("chat"), scripted("pager")])
    yield Bench(store, clock, dispatcher, metrics, inboxes, routing)
    await dispatcher.close(grace=0.1)


def failing(error: ChannelError, times: int = 10**6) -> Callable[[Message], None]:
    """Fail that many times, then succeed."""
    remaining = [error] * min(times, 1000)

    def answer(_: Message) -> None:
        if remaining:
            raise remaining.pop()

    return answer


async def advance(bench: Bench, seconds: float) -> None:
    """Move time once both channels wait for it."""
    await bench.clock.until_sleeping(2)
    await bench.clock.advance(seconds)


async def logged(caplog: pytest.LogCaptureFixture, message: str) -> None:
    """Wait until a line was logged."""
    seen = asyncio.Event()

    class Watch(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage() == message:
                seen.set()

    watch = Watch()
    logger = logging.getLogger("webhook")
    logger.addHandler(watch)
    if message not in caplog.text:
        await seen.wait()
    logger.removeHandler(watch)


DAY = 86_400.0
