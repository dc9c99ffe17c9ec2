"""What the tests of the store do again and again."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select

from tests.webhook.admitting import admit
from tests.webhook.deliveries import NOW, delivery
from webhook.adapters import outbox
from webhook.adapters.database import Database, upgrade
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
    """Store a delivery, and let out what it announces."""
    recorded = await store.record(Recording(delivery(*alerts), routing, now))
    await admit(store, now)
    return recorded


async def rows(store: Store, table: Any) -> Sequence[Row[Any]]:
    """Return a table's rows in the order in which they came."""
    ordered = select(table).order_by(*table.primary_key.columns)
    return await store.read(lambda connection: connection.execute(ordered).all())


async def states(store: Store) -> list[tuple[str, str, str]]:
    found = await rows(store, notifications)
    return sorted((row.channel, row.kind, row.state) for row in found)


async def send_all(store: Store, channel: str = "chat", now: float = NOW) -> list[str]:
    """Claim and settle as a channel that always succeeds; return what it was told to send."""
    sent: list[str] = []
    while (claim := await store.claim(channel, now, 10)).claimed or claim.suppressed:
        sent.extend(f"{item.incident_id} {item.kind}" for item in claim.claimed)
        done = [outbox.Outcome(item.id, "ok", is_sent=True) for item in claim.claimed]
        await store.settle(done, now)
    return sent


def fingerprint(item: outbox.Claimed) -> str:
    """Return whose notification it is."""
    assert item.incident is not None
    name: str = item.incident.fingerprint
    return name


def bring_to(database: Database, revision: str) -> None:
    """Make a database as an older version left it."""
    engine = database.writing_engine()
    with engine.begin() as connection:
        upgrade(connection, revision)
    engine.dispose()


def fill_first_version(database: Database) -> None:
    """Put an incident with its event and notification where revision 0001 had them."""
    engine = database.writing_engine()
    with engine.begin() as connection:
        for statement in (
            "INSERT INTO incidents VALUES (7, 'abc', 1, NULL, 2, NULL, 3, 'Cpu', 'critical', "
            "'cpu', '{\"a\": \"b\"}', '{}', '')",
            "INSERT INTO events VALUES (8, 7, 2, 'firing', 'opened', 1, NULL, '{}', '', '', '')",
            "INSERT INTO notifications VALUES (9, 7, 'chat', 'firing', 'pending', 1, 2, 2, 0, "
            "NULL, 'HTTP 503')",
        ):
            connection.exec_driver_sql(statement)
    engine.dispose()
