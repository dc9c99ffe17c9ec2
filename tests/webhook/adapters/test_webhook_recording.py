"""What one transaction holds, and how alerts become incidents."""

from collections import Counter

from sqlalchemy import insert

from tests.webhook.adapters.storing import record, rows, send_all, states
from tests.webhook.deliveries import NOW, alert
from webhook.adapters import queries
from webhook.adapters.recording import Recorded
from webhook.adapters.schema import events, incidents, notifications, quarantine
from webhook.adapters.store import QUARANTINE_BODY, QUARANTINE_ROWS, Store
from webhook.core.alerts import Alert
from webhook.core.incidents import Change
from webhook.core.routing import Routing


async def test_one_transaction_holds_event_incident_and_outbox(store: Store) -> None:
    recorded = await record(store, alert(), alert(fingerprint="low", severity="info"))

    assert recorded == Recorded(
        changes=Counter({Change.OPENED: 2}),
        unrouted=0,
        is_notified=True,
        opened=Counter({("CpuAnomaly", "cpu"): 2}),
    )
    assert [row.change for row in await rows(store, events)] == ["opened", "opened"]
    (first, second) = await rows(store, incidents)
    assert (first.fingerprint, first.severity, first.query) == ("abc", "critical", "cpu")
    assert (first.starts_at, first.ends_at, first.opened_at) == (NOW - 60, None, NOW)
    assert second.annotations == {"summary": "unusual"}
    assert await states(store) == [
        ("chat", "firing", "pending"),
        ("chat", "firing", "pending"),
        ("pager", "firing", "pending"),
    ]


async def test_an_incident_nobody_takes_is_stored_and_counted(store: Store) -> None:
    recorded = await record(store, alert(), routing=Routing(()))

    assert (recorded.unrouted, recorded.is_notified) == (1, False)
    assert len(await rows(store, incidents)) == 1


async def test_repetitions_keep_one_incident_and_one_notification(store: Store) -> None:
    await record(store, alert())
    later = Alert("abc", "firing", {}, {"summary": "worse"}, NOW - 59, None, "")
    await record(store, later, later, now=NOW + 60)

    (incident,) = await rows(store, incidents)
    assert incident.annotations == {"summary": "worse"}
    assert (incident.starts_at, incident.last_seen_at) == (NOW - 59, NOW + 60)
    assert incident.labels["alertname"] == "CpuAnomaly"
    assert [row.change for row in await rows(store, events)] == ["opened", "repeated", "repeated"]
    assert await send_all(store) == ["1 firing"]


async def test_an_incident_that_closes_and_another_that_opens_in_one_delivery(store: Store) -> None:
    await record(store, alert(starts_at=NOW - 60))

    await record(
        store,
        alert("resolved", ends_at=NOW - 30),
        alert(starts_at=NOW - 20),
        alert("resolved", starts_at=NOW - 20, ends_at=NOW - 10),
        alert(starts_at=NOW - 60),
        alert(starts_at=NOW - 5),
    )

    found = [(row.id, row.starts_at, row.ends_at) for row in await rows(store, incidents)]
    assert found == [
        (1, NOW - 60, NOW - 30),
        (2, NOW - 20, NOW - 10),
        (3, NOW - 5, None),
    ]
    changes = [row.change for row in await rows(store, events)]
    assert changes == ["opened", "closed", "opened", "closed", "stale", "opened"]


async def test_an_end_without_a_beginning_is_kept_but_not_announced(store: Store) -> None:
    await record(store, alert("resolved", ends_at=NOW - 5))
    await record(store, alert("resolved", ends_at=NOW))
    await record(store, alert(starts_at=NOW - 1))

    (incident,) = await rows(store, incidents)
    assert incident.ends_at == NOW
    assert await rows(store, notifications) == []


async def test_quarantine_keeps_the_start_of_the_newest_bodies(store: Store) -> None:
    await store.keep_body(b"x" * (QUARANTINE_BODY + 1), "too odd\x00", NOW)
    (kept,) = await rows(store, quarantine)
    assert (len(kept.body), kept.size, kept.problem) == (
        QUARANTINE_BODY,
        QUARANTINE_BODY + 1,
        "too odd\ufffd",
    )

    many = [
        {"received_at": NOW, "problem": "", "size": 0, "body": b""} for _ in range(QUARANTINE_ROWS)
    ]
    await store.write(lambda connection: connection.execute(insert(quarantine), many))
    await store.keep_body(b"last", "odd", NOW)
    kept_rows = await rows(store, quarantine)
    assert len(kept_rows) == QUARANTINE_ROWS == await store.read(queries.quarantined)
    assert kept_rows[-1].body == b"last"
