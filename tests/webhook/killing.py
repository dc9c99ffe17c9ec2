"""Kill the daemon under load, again and again, and count what was lost and what came twice."""

import asyncio
import json
import random
import resource
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from sqlalchemy import select, update

from tests.e2e.programs import free_ports
from tests.webhook.daemon import Daemon, daemon
from tests.webhook.receiver import Receiver, receiving
from tests.webhook.sender import Sender
from tests.webhook.standins.mail import MailServer, mail_server
from tests.webhook.standins.pagerduty import ROUTING_KEY, PagerDuty, pagerduty
from webhook.adapters.database import Database
from webhook.adapters.schema import incidents, notifications
from webhook.adapters.sqlite import SqliteFile
from webhook.config import load_config

THROTTLE = """\
# Few go out one by one, so that much is held and named in digests; what is urgent always does.
throttle: {per_metric_and_severity: 5m, total: null, bypass: [critical, high], digest: 2s}
"""


@dataclass
class People:
    """Where notifications end: a chat, a pager and a mailbox."""

    chat: Receiver
    pager: PagerDuty
    mailbox: MailServer

    @property
    def channels(self) -> str:
        """The configuration of the channels."""
        pager = {"kind": "pagerduty", "routing_key": ROUTING_KEY, "url": self.pager.url}
        mail = {"kind": "email", "host": "127.0.0.1", "port": self.mailbox.port, "tls": "none"}
        mail |= {"sender": "alerts@example.org", "recipients": ["ops@example.org"]}
        return json.dumps(
            [
                {"kind": "webhook", "name": "chat", "url": self.chat.url},
                {**pager, "name": "pager", "levels": ["critical"]},
                {**mail, "name": "mailbox", "levels": ["critical", "high"]},
            ]
        )

    async def is_on_the_way(self, number: int) -> None:
        """Wait until something is sent and not yet written down as sent; who, goes by turns."""
        match number % 3:
            case 0:
                self.chat.misbehaviour = "hang"
                self.chat.arrived.clear()
                await self.chat.arrived.wait()
            case 1:
                await _next(self.pager.heard)
            case 2:
                await _next(self.mailbox.heard)

    def let_go(self) -> None:
        """Answer what was left without an answer; nobody listens any more."""
        self.chat.misbehaviour = ""
        self.chat.released.set()
        self.chat.released = asyncio.Event()


async def _next(queue: "asyncio.Queue[str]") -> None:
    while not queue.empty():
        queue.get_nowait()
    await queue.get()


@asynccontextmanager
async def people() -> AsyncIterator[People]:
    async with receiving() as chat, pagerduty() as pager, mail_server() as mailbox:
        yield People(chat, pager, mailbox)


@dataclass(frozen=True)
class Outcome:
    """What became of it all.

    Parameters
    ----------
    accepted, lost : alerts that were answered with 200, and those of them that are not stored
    opened_twice : incidents beyond one for each alert
    untold : alerts of which some channel that takes them was not told, nor by a digest
    damage : what the database finds wrong with itself, "ok" if nothing
    twice : messages that came more than once, by channel
    pages_twice : alerts that paged more than once
    mail_ids_astray : mails beyond the first of their notification with another Message-ID
    sent, digests : messages of incidents that were sent, and digests
    answers : what the sender was answered
    seconds, lived : how long the load lasted, and for how long of it somebody took alerts
    cpu_seconds : of all daemons
    """

    accepted: int
    lost: int
    opened_twice: int
    untold: int
    damage: str
    twice: dict[str, int]
    pages_twice: int
    mail_ids_astray: int
    sent: int
    digests: int
    answers: Counter[int | str]
    seconds: float
    lived: float
    cpu_seconds: float


async def kill_again_and_again(
    folder: Path,
    url: str,
    people: People,
    chance: random.Random,
    *,
    kills: int,
    longest_life: float,
    pace: float,
) -> Outcome:
    """Kill at random instants, and every other time while a message is on its way.

    Parameters
    ----------
    url : of the store
    kills : how often
    longest_life : seconds for which a daemon may work before it is killed
    pace : deliveries of ten alerts per second
    """
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    config = folder / "webhook.yml"
    config.write_text(f"store: {{url: '{url}'}}\n{THROTTLE}channels: {people.channels}\n")
    database = load_config(config.read_text(), str(config)).store.database
    sender = Sender(address, pace, 10, {10: "high", 100: "critical"})
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    posting = asyncio.create_task(sender.run())
    lived = 0.0
    for number in range(kills):
        async with daemon(config, address) as running:
            born = time.monotonic()
            await asyncio.sleep(chance.uniform(0.0, longest_life))
            if number % 2:
                await people.is_on_the_way(number // 2)
            await running.stop(signal.SIGKILL)
            lived += time.monotonic() - born
            people.let_go()
    sender.finish()
    async with AsyncExitStack() as stack:
        last = await stack.enter_async_context(daemon(config, address))
        born = time.monotonic()
        await posting
        seconds = time.monotonic() - began
        lived += time.monotonic() - born
        if database.is_shared:
            await last.stop(signal.SIGKILL)
            _let_leases_run_out(database)
            last = await stack.enter_async_context(daemon(config, address))
        await _until_all_told(last)
        await last.stop(signal.SIGTERM)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return _outcome(database, sender, people, seconds, lived, cpu)


def _let_leases_run_out(database: Database) -> None:
    """Replicas wait a minute for those of a dead one; here that minute is written down."""
    engine = database.writing_engine()
    with engine.begin() as connection:
        connection.execute(update(notifications).values(leased_until=0.0))
    engine.dispose()


async def _until_all_told(running: Daemon) -> None:
    waiting = {"anomaly_webhook_outbox_size 0.0", "anomaly_webhook_notifications_held 0.0"}
    async with aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"{running.url}/metrics") as answer:
                if waiting <= set((await answer.text()).splitlines()):
                    return
            await asyncio.sleep(0.2)


def _outcome(
    database: Database,
    sender: Sender,
    people: People,
    seconds: float,
    lived: float,
    cpu: float,
) -> Outcome:
    engine = database.reading_engine()
    with engine.connect() as connection:
        stored = Counter(connection.execute(select(incidents.c.fingerprint)).scalars())
        rows = connection.execute(
            select(notifications.c.channel, notifications.c.kind, notifications.c.state)
            .add_columns(incidents.c.fingerprint, incidents.c.severity)
            .outerjoin(incidents, incidents.c.id == notifications.c.incident_id)
        ).all()
        damage = _damage(database)
    engine.dispose()
    told: dict[str, set[str]] = {"chat": set(), "pager": set(), "mailbox": set()}
    for row in rows:
        if row.kind == "firing" and row.state in ("sent", "digested"):
            told[row.channel].add(row.fingerprint)
    chat = Counter(headers["webhook-id"] for headers, _ in people.chat.requests)
    pager = Counter(
        event["dedup_key"] for event in people.pager.events if event["event_action"] == "trigger"
    )
    mails = Counter(str(mail["Message-ID"]) for mail in people.mailbox.mails)
    subjects = {str(mail["Subject"]) for mail in people.mailbox.mails}
    return Outcome(
        accepted=len(sender.accepted),
        lost=len(sender.accepted.keys() - stored.keys()),
        opened_twice=stored.total() - len(stored),
        untold=sum(
            name not in told[channel]
            for name, severity in sender.accepted.items()
            for channel in _taken_by(severity)
        ),
        damage=damage,
        twice={
            name: count.total() - len(count)
            for name, count in (("chat", chat), ("pager", pager), ("mailbox", mails))
        },
        pages_twice=len(people.pager.pages) - len(set(people.pager.pages)),
        mail_ids_astray=len(mails) - len(subjects),
        sent=sum(row.kind == "firing" and row.state == "sent" for row in rows),
        digests=sum(row.kind == "digest" for row in rows),
        answers=sender.answers,
        seconds=seconds,
        lived=lived,
        cpu_seconds=cpu,
    )


def _taken_by(severity: str) -> Iterator[str]:
    yield "chat"
    if severity in ("critical", "high"):
        yield "mailbox"
    if severity == "critical":
        yield "pager"


def _damage(database: Database) -> str:
    if not isinstance(database, SqliteFile):
        return "ok"
    with closing(sqlite3.connect(database.path)) as connection:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])
