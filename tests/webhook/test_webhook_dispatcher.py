"""The outbox loop over the real store, with time turned by hand."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from sqlalchemy import select, text

from promkit.clock import Clock, ManualClock
from tests.webhook.deliveries import NOW, alert, delivery
from webhook.adapters import queries
from webhook.adapters.exposition import Metrics
from webhook.adapters.outbox import Claimed
from webhook.adapters.recording import Recording
from webhook.adapters.schema import notifications
from webhook.adapters.store import Store
from webhook.channels.base import Channel, Send
from webhook.core.alerts import Alert
from webhook.core.message import Message
from webhook.core.routing import Routing, Target
from webhook.dispatcher import LONGEST_WAIT, Dispatcher
from webhook.errors import ChannelError

DAY = 86_400.0
_OUTBOXES: dict[str, "Inbox"] = {}


@dataclass
class Inbox:
    """What a channel was told to send; `answer` may raise."""

    answer: Callable[[Message], None] = lambda message: None
    keys: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    connections: int = 0

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

        async def send(message: Message) -> str:
            inbox.keys.append(message.key)
            inbox.times.append(clock.now())
            inbox.news.set()
            await inbox.gate.wait()
            inbox.answer(message)
            return "ok"

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


def message_of(item: Claimed) -> Message:
    return Message(
        key=f"{item.incident.fingerprint} {item.kind} {item.attempts}",
        incident=item.incident_id,
        status=item.kind,
        severity="critical",
        alertname="",
        query="",
        labels={},
        annotations={},
        starts_at=0,
        ends_at=None,
        generator_url="",
        incident_url="",
    )


def scripted(name: str, version: int = 1) -> ScriptedChannel:
    return ScriptedChannel(name=name, version=version)


@pytest.fixture
async def bench(store: Store) -> AsyncIterator[Bench]:
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


async def test_sends_what_comes_in_and_counts_it(bench: Bench) -> None:
    await bench.receive(alert(), alert(fingerprint="low", severity="info"))
    await bench.until(sent=3)

    assert sorted(bench.inboxes["chat"].keys) == ["abc firing 1", "low firing 1"]
    assert bench.inboxes["pager"].keys == ["low firing 1"]
    assert bench.number('notifications_total{channel="chat"}') == 2
    assert bench.number("notification_latency_seconds_count") == 3


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
    logger = logging.getLogger("webhook.dispatcher")
    logger.addHandler(watch)
    if message not in caplog.text:
        await seen.wait()
    logger.removeHandler(watch)


async def test_tries_again_when_due_and_not_before(bench: Bench) -> None:
    inbox = bench.inboxes["chat"]
    inbox.answer = failing(ChannelError("server_error", "HTTP 500"), times=3)
    await bench.receive(alert())
    for wait in (2, 4, 8):
        await bench.until_due_in(wait)
        await advance(bench, wait - 0.01)
        await advance(bench, 0.02)
    await bench.until(sent=1)

    assert inbox.keys == [f"abc firing {attempt}" for attempt in (1, 2, 3, 4)]
    assert [at - NOW for at in inbox.times] == pytest.approx([0, 2, 6, 14], abs=0.1)
    name = 'notification_failures_total{channel="chat",reason="server_error"}'
    assert bench.number(name) == 3
    assert bench.number('notifications_total{channel="chat"}') == 4


async def test_gives_up_after_a_day(bench: Bench) -> None:
    inbox = bench.inboxes["chat"]
    inbox.answer = failing(ChannelError("timeout", "no answer", retry_after=2 * DAY))
    await bench.receive(alert())
    await bench.until_due_in(DAY)
    await advance(bench, DAY)
    await advance(bench, LONGEST_WAIT)
    await bench.until(dead=1)

    assert inbox.keys == ["abc firing 1", "abc firing 2"]
    assert bench.number('notifications_dead_total{channel="chat"}') == 1


async def test_a_permanent_refusal_is_given_up_at_once(bench: Bench) -> None:
    bench.inboxes["chat"].answer = failing(
        ChannelError("rejected", "HTTP 404", is_permanent=True), times=1
    )
    await bench.receive(alert())
    await bench.until(dead=1)
    await bench.receive(alert("resolved"))

    (row,) = await bench.rows()
    assert (row.state, row.detail, row.attempts) == ("dead", "HTTP 404", 1)


async def test_a_channel_that_asks_for_a_pause_gets_it_for_everything(bench: Bench) -> None:
    inbox = bench.inboxes["chat"]
    inbox.answer = failing(ChannelError("rate_limited", "HTTP 429", retry_after=60), times=1)
    await bench.receive(alert())
    await bench.until_due_in(60)
    await bench.clock.until_sleeping(2)

    await bench.receive(alert(fingerprint="new", severity="info"))
    await bench.inboxes["pager"].count(1)
    await bench.clock.until_sleeping(2)
    assert inbox.keys == ["abc firing 1"]
    await bench.clock.advance(60.1)
    await bench.until(sent=3)
    assert sorted(inbox.keys[1:]) == ["abc firing 2", "new firing 1"]


async def test_a_defect_in_a_channel_costs_only_its_own_attempt(bench: Bench) -> None:
    def answer(message: Message) -> None:
        if message.key.startswith("bad"):
            raise ZeroDivisionError

    bench.inboxes["chat"].answer = answer
    await bench.receive(alert(fingerprint="bad"), alert(fingerprint="good"))
    await bench.until(sent=1, pending=1)

    name = 'notification_failures_total{channel="chat",reason="internal"}'
    assert bench.number(name) == 1


async def test_a_channel_that_hangs_delays_no_other(bench: Bench) -> None:
    bench.inboxes["chat"].gate.clear()

    await bench.receive(alert(severity="info"))
    await bench.until(sent=1, pending=1)

    assert bench.inboxes["pager"].keys == ["abc firing 1"]
    bench.inboxes["chat"].gate.set()
    await bench.until(sent=2)


async def test_a_reload_leaves_unchanged_channels_alone(bench: Bench) -> None:
    chat, pager = bench.inboxes["chat"], bench.inboxes["pager"]
    chat.gate.clear()
    await bench.receive(alert())
    await chat.count(1)

    changing = asyncio.create_task(bench.dispatcher.use([scripted("chat", 2), scripted("pager")]))
    await asyncio.sleep(0)
    assert not changing.done(), "what is being sent is finished first"
    chat.gate.set()
    await changing
    await bench.until(sent=1)
    assert (chat.connections, pager.connections) == (2, 1)

    await bench.dispatcher.use([scripted("pager")])
    await bench.receive(alert(fingerprint="b"))
    await bench.until(sent=1, pending=1)
    await bench.dispatcher.use([scripted("chat")])
    await bench.until(sent=2)


async def test_closing_cuts_off_what_hangs_and_leaves_it_to_the_next_start(bench: Bench) -> None:
    bench.inboxes["chat"].gate.clear()
    await bench.receive(alert())
    await bench.inboxes["chat"].count(1)

    await bench.dispatcher.close(grace=0.01)

    (row,) = await bench.rows()
    assert (row.state, row.attempts) == ("pending", 1)
    assert await bench.store.release_leases() == 1


async def test_what_was_sent_is_written_down_once_the_store_works_again(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = bench.inboxes["chat"]
    inbox.gate.clear()
    await bench.receive(alert())
    await inbox.count(1)
    await bench.rename("notifications", "away")
    inbox.gate.set()
    await logged(caplog, "cannot write down what was sent")
    await bench.rename("away", "notifications")
    await advance(bench, 2)
    await bench.until(sent=1)

    assert inbox.keys == ["abc firing 1"]


async def test_an_outbox_that_is_not_available_is_asked_again(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = bench.inboxes["chat"]
    await bench.clock.until_sleeping(2)
    recording = Recording(delivery(alert()), bench.routing, NOW)
    await bench.store.record(recording)
    await bench.rename("notifications", "away")
    bench.dispatcher.wake()
    await logged(caplog, "the outbox is not available")
    await bench.rename("away", "notifications")
    await advance(bench, 2)
    await bench.until(sent=1)

    assert inbox.keys == ["abc firing 1"]
