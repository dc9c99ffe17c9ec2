"""What the tests of the store do again and again."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select

from tests.webhook.deliveries import NOW, delivery
from webhook.adapters import outbox
from webhook.adapters.recording import Recorded, Recording
from webhook.adapters.schema import notifications
from webhook.adapters.store import Store
from webhook.core.alerts import Alert
from webhook.core.routing import Routing, Target

DAY = 86_400.0


ROUTING = Routing((Target("chat"), Target("pager", frozenset({"critical"}))))


async def record(
    store: Store, *alerts: Alert, now: float = NOW, routing: Routing = ROUTING
) -> Recorded:
    return await store.record(Recording(delivery(*alerts), routing, now))


async def rows(store: Store, table: Any) -> Sequence[Row[Any]]:
    return await store.read(lambda connection: connection.execute(select(table)).all())


async def states(store: Store) -> list[tuple[str, str, str]]:
    found = await rows(store, notifications)
    return sorted((row.channel, row.kind, row.state) for row in found)


async def send_all(store: Store, channel: str = "chat", now: float = NOW) -> list[str]:
    """Claim and settle as a channel that always succeeds; return what it was told to send."""
    sent: list[str] = []
    while (claim := await store.claim(channel, now, 10)).claimed:
        sent.extend(f"{item.incident_id} {item.kind}" for item in claim.claimed)
        done = [outbox.Outcome(item.id, "ok", is_sent=True) for item in claim.claimed]
        await store.settle(done, now)
    return sent


def fingerprint(item: outbox.Claimed) -> str:
    """Return whose notification it is."""
    assert item.incident is not None
    name: str = item.incident.fingerprint
    return name
