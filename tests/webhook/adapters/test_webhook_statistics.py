"""What happened per hour and day, counted by the database."""

from sqlalchemy import insert

from tests.webhook.adapters.storing import record, send_all
from tests.webhook.deliveries import NOW, alert
from webhook.adapters.schema import feedback
from webhook.adapters.statistics import Per, statistics
from webhook.adapters.store import Store

HOUR = 3_600.0


async def counted(store: Store, per: Per, since: float) -> list[tuple[object, ...]]:
    rows = await store.read(lambda connection: statistics(connection, per, since, 100))
    return [tuple(value for value in row if value != "") for row in rows]


async def test_what_was_opened_closed_told_and_judged(store: Store) -> None:
    """NOW is the start of an hour, eight hours into its day."""
    await record(store, alert(severity="critical"), now=NOW - 1)
    await record(store, alert(fingerprint="b", severity="info"), now=NOW)
    await record(store, alert(fingerprint="c", severity="info"), now=NOW + HOUR - 1)
    await send_all(store, now=NOW + HOUR)
    await record(store, alert("resolved", ends_at=NOW + HOUR), now=NOW + HOUR)
    verdict = {"verdict": "false_alarm", "reason": "", "author": "", "via": "page"}
    judged = {"incident_id": 1, **verdict, "created_at": NOW, "changed_at": NOW + HOUR}
    await store.write(lambda connection: connection.execute(insert(feedback), judged))

    before, first, second = int(NOW - HOUR), int(NOW), int(NOW + HOUR)
    told = [row for row in await counted(store, "hour", 0) if row[1] == "notifications"]
    assert (first, "notifications", "chat", "firing", "sent", 2) in told
    assert [row for row in await counted(store, "hour", 0) if row[1] != "notifications"] == [
        (before, "incidents_opened", "cpu", "critical", 1),
        (first, "incidents_opened", "cpu", "info", 2),
        (second, "incidents_closed", "cpu", "critical", 1),
        (second, "verdicts", "cpu", "critical", "false_alarm", 1),
    ]
    day = int(NOW - 8 * HOUR)
    assert await counted(store, "day", day + 1) == []
    assert [row[:2] for row in await counted(store, "day", day) if "notifications" not in row] == [
        (day, "incidents_closed"),
        (day, "incidents_opened"),
        (day, "incidents_opened"),
        (day, "verdicts"),
    ]
    assert len(await counted(store, "hour", NOW + HOUR)) < len(await counted(store, "hour", NOW))
