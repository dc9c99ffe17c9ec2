"""The store on a real SQLite file: what one transaction holds, and what survives."""

import asyncio
import sqlite3
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Row, insert, select, text

from tests.webhook.deliveries import NOW, alert, delivery
from webhook.adapters import outbox, queries
from webhook.adapters.database import writing_engine
from webhook.adapters.recording import Recorded, Recording
from webhook.adapters.schema import events, incidents, metadata, notifications, quarantine
from webhook.adapters.store import DISK_FLOOR, QUARANTINE_BODY, QUARANTINE_ROWS, Store, open_store
from webhook.adapters.writer import MAX_BATCH, Writer
from webhook.core.alerts import Alert
from webhook.core.incidents import Change
from webhook.core.routing import Routing, Target
from webhook.errors import StoreRefused, StoreUnavailable, StoreUnusable

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


async def test_one_transaction_holds_event_incident_and_outbox(store: Store) -> None:
    recorded = await record(store, alert(), alert(fingerprint="low", severity="info"))

    assert recorded == Recorded(changes=Counter({Change.OPENED: 2}), unrouted=0)
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

    assert recorded.unrouted == 1
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


@pytest.mark.parametrize("was_sent", [True, False])
async def test_a_resolved_follows_or_replaces_its_firing(store: Store, was_sent: bool) -> None:
    await record(store, alert())
    if was_sent:
        assert await send_all(store) == ["1 firing"]

    await record(store, alert("resolved"))

    assert await send_all(store) == ["1 resolved"]
    first = "sent" if was_sent else "suppressed"
    assert [state for state in await states(store) if state[0] == "chat"] == [
        ("chat", "firing", first),
        ("chat", "resolved", "sent"),
    ]


async def test_a_resolved_waits_while_its_firing_is_being_sent(store: Store) -> None:
    await record(store, alert())
    (firing,) = (await store.claim("chat", NOW, 10)).claimed
    await record(store, alert("resolved"), now=NOW + 1)

    assert (await store.claim("chat", NOW + 1, 10)).claimed == ()

    await store.settle([outbox.Outcome(firing.id, "HTTP 503", due_at=NOW + 100)], NOW + 2)
    claim = await store.claim("chat", NOW + 3, 10)
    assert [item.kind for item in claim.claimed] == ["resolved"]
    assert claim.suppressed == {"superseded": 1}


async def test_nobody_hears_the_end_of_what_nobody_heard_begin(store: Store) -> None:
    await record(store, alert())
    (firing,) = (await store.claim("chat", NOW, 10)).claimed
    await record(store, alert("resolved"))
    await store.settle([outbox.Outcome(firing.id, "HTTP 404")], NOW)

    claim = await store.claim("chat", NOW, 10)

    assert (claim.claimed, claim.suppressed) == ((), {"firing_not_delivered": 1})
    await record(store, alert(starts_at=NOW + 1))
    (again,) = (await store.claim("chat", NOW, 10)).claimed
    await store.settle([outbox.Outcome(again.id, "HTTP 404")], NOW)
    await record(store, alert("resolved", starts_at=NOW + 1, ends_at=NOW + 2))
    assert (await store.claim("chat", NOW, 10)).claimed == ()


async def test_a_claim_takes_the_oldest_due_and_leases_it(store: Store) -> None:
    for i in range(3):
        await record(store, alert(fingerprint=f"f{i}"), now=NOW + i)

    assert (await store.claim("chat", NOW - 1, 10)).claimed == ()
    first = (await store.claim("chat", NOW + 10, 2)).claimed
    assert [(item.incident.fingerprint, item.attempts) for item in first] == [("f0", 1), ("f1", 1)]
    assert [item.incident_id for item in (await store.claim("chat", NOW + 10, 2)).claimed] == [3]
    after_lease = await store.claim("chat", NOW + 10 + outbox.LEASE_SECONDS, 10)
    assert [item.attempts for item in after_lease.claimed] == [2, 2, 2]
    assert await store.read(lambda connection: outbox.next_due(connection, "chat")) == NOW
    assert await store.read(lambda connection: outbox.next_due(connection, "other")) is None


async def test_what_was_being_sent_is_due_again_after_a_restart(database: Path) -> None:
    with open_store(database) as store:
        await record(store, alert())
        assert len((await store.claim("chat", NOW, 10)).claimed) == 1
        assert (await store.claim("chat", NOW, 10)).claimed == ()

    with open_store(database) as store:
        assert await store.release_leases() == 1
        assert await send_all(store) == ["1 firing"]


def test_requests_that_wait_share_one_commit(database: Path) -> None:
    database.parent.mkdir()
    sizes: list[int] = []
    entered, go = threading.Event(), threading.Event()

    def block(_: Connection) -> None:
        entered.set()
        assert go.wait(10)

    def write(_: Connection, items: Sequence[int]) -> Sequence[int]:
        sizes.append(len(items))
        return [item * 10 for item in items]

    writer = Writer(writing_engine(database), write, lambda: None)
    writer.start()
    blocking = writer.call(block)
    assert entered.wait(10)
    waiting = [writer.record(i) for i in range(MAX_BATCH + 10)]
    go.set()
    writer.close()

    assert blocking.done()
    assert [future.result(0) for future in waiting] == [i * 10 for i in range(MAX_BATCH + 10)]
    assert sizes == [MAX_BATCH, 10]


async def test_a_job_that_fails_does_not_cost_its_neighbours(store: Store) -> None:
    entered, go = threading.Event(), threading.Event()

    def block(_: Connection) -> None:
        entered.set()
        assert go.wait(10)

    def refuse(connection: Connection) -> None:
        connection.execute(text("INSERT INTO incidents (id) VALUES (NULL)"))

    def defect(_: Connection) -> None:
        raise ZeroDivisionError

    blocking = asyncio.create_task(store.write(block))
    await asyncio.to_thread(entered.wait, 10)
    jobs = [
        asyncio.create_task(record(store, alert())),
        asyncio.create_task(store.write(refuse)),
        asyncio.create_task(store.write(defect)),
        asyncio.create_task(record(store, alert(fingerprint="other"))),
    ]
    await asyncio.sleep(0)
    go.set()
    await blocking
    results = await asyncio.gather(*jobs, return_exceptions=True)

    assert isinstance(results[1], StoreRefused)
    assert isinstance(results[2], ZeroDivisionError)
    assert [row.fingerprint for row in await rows(store, incidents)] == ["abc", "other"]
    assert store.failure is None


async def test_a_request_that_gave_up_is_not_stored(store: Store) -> None:
    entered, go = threading.Event(), threading.Event()

    def block(_: Connection) -> None:
        entered.set()
        assert go.wait(10)

    blocking = asyncio.create_task(store.write(block))
    await asyncio.to_thread(entered.wait, 10)
    waiting = asyncio.create_task(record(store, alert()))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    go.set()
    await blocking

    assert await rows(store, incidents) == []


async def test_a_full_disk_refuses_and_recovers(store: Store) -> None:
    pages = await store.write(lambda connection: _pragma(connection, "page_count"))
    await store.write(lambda connection: _pragma(connection, f"max_page_count={pages + 2}"))

    big = [alert(fingerprint=f"f{i}") for i in range(200)]
    with pytest.raises(StoreUnavailable, match="full"):
        await record(store, *big)
    assert store.failure is not None
    assert "full" in store.failure
    assert await rows(store, events) == [], "nothing of a refused delivery stays"

    await store.write(lambda connection: _pragma(connection, "max_page_count=100000"))
    await store.probe()
    assert store.failure is None
    await record(store, *big)
    assert len(await rows(store, incidents)) == 200


def _pragma(connection: Connection, name: str) -> int:
    return int(connection.execute(text(f"PRAGMA {name}")).scalar_one())


async def test_alerts_are_refused_while_the_disk_is_nearly_full(database: Path) -> None:
    free = DISK_FLOOR - 1

    with open_store(database, lambda _: free) as store:
        with pytest.raises(StoreUnavailable, match="63 MiB are free"):
            await record(store, alert())
        with pytest.raises(StoreUnavailable, match="63 MiB are free"):
            await store.probe()
        free += 1
        await store.probe()
        assert store.failure is None
        await record(store, alert())


async def test_settings_that_make_a_commit_durable(store: Store, database: Path) -> None:
    async def pragma(name: str) -> int | str:
        return await store.write(
            lambda connection: connection.execute(text(f"PRAGMA {name}")).scalar_one()
        )

    assert await pragma("journal_mode") == "wal"
    assert await pragma("synchronous") == 2, "FULL"
    assert await pragma("foreign_keys") == 1


async def test_the_migrations_make_the_tables_that_the_code_expects(store: Store) -> None:
    def differences(connection: Connection) -> Any:
        return compare_metadata(MigrationContext.configure(connection), metadata)

    assert await store.write(differences) == []


async def test_the_database_itself_forbids_two_open_incidents(store: Store) -> None:
    await record(store, alert())
    (incident,) = await rows(store, incidents)
    copy = {**incident._mapping, "id": 99}

    with pytest.raises(StoreRefused):
        await store.write(lambda connection: connection.execute(insert(incidents), copy))


def test_a_store_in_use_is_refused(database: Path, store: Store) -> None:
    with (
        pytest.raises(StoreUnusable, match="in use by another anomaly-webhook"),
        open_store(database),
    ):
        pass


def test_a_newer_schema_is_refused(database: Path) -> None:
    with open_store(database):
        pass
    connection = sqlite3.connect(database)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()

    with pytest.raises(StoreUnusable, match=r"revision '9999'.*newer"), open_store(database):
        pass


def test_what_is_no_database_is_refused(database: Path) -> None:
    database.parent.mkdir()
    database.write_text("this is not a database, however long it may be" * 100)

    with pytest.raises(StoreUnusable, match="not a database"), open_store(database):
        pass


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with (
        pytest.raises(StoreUnusable, match="give the daemon a folder"),
        open_store(tmp_path / "file" / "webhook.db"),
    ):
        pass


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


async def test_retention_deletes_what_ended_long_ago_and_nothing_else(store: Store) -> None:
    def firing_then_resolved(name: str, starts_at: float) -> tuple[Alert, Alert]:
        end = alert("resolved", name, starts_at=starts_at, ends_at=starts_at + 1)
        return alert(fingerprint=name, starts_at=starts_at), end

    old = NOW - 91 * DAY
    await record(store, *firing_then_resolved("old", old), now=old)
    await record(store, *firing_then_resolved("unsent", old), now=old)
    await record(store, alert(fingerprint="long", starts_at=old), now=old)
    await record(store, *firing_then_resolved("new", NOW - DAY), now=NOW - DAY)
    await store.keep_body(b"x", "odd", old)
    assert "2 resolved" in await send_all(store, "pager", old)
    # The pager got everything; the chat keeps "unsent" waiting.
    for item in (await store.claim("chat", old, 100)).claimed:
        if item.incident.fingerprint == "old":
            await store.settle([outbox.Outcome(item.id, "ok", is_sent=True)], old)

    deleted = await store.clean(["chat", "pager"], 90 * DAY, NOW)

    assert deleted > 0
    names = {row.fingerprint for row in await rows(store, incidents)}
    assert names == {"unsent", "long", "new"}
    assert {row.received_at for row in await rows(store, events)} == {NOW - DAY}
    assert {row.incident_id for row in await rows(store, notifications)} == {2, 3, 4}
    assert await rows(store, quarantine) == []


async def test_what_waits_for_a_removed_channel_is_given_up_after_a_day(store: Store) -> None:
    await record(store, alert(), now=NOW)

    await store.clean(["chat"], 90 * DAY, NOW + DAY - 1)
    assert ("pager", "firing", "pending") in await states(store)
    await store.clean(["chat"], 90 * DAY, NOW + DAY)
    assert await states(store) == [("chat", "firing", "pending"), ("pager", "firing", "dead")]


async def test_counts_and_channel_states(store: Store) -> None:
    await record(store, alert(), alert(fingerprint="b"), now=NOW)
    first, second = (await store.claim("chat", NOW, 10)).claimed
    done = outbox.Outcome(first.id, "HTTP 200", is_sent=True)
    retry = outbox.Outcome(second.id, "HTTP 503", due_at=NOW + 5)
    await store.settle([done, retry], NOW + 1)

    assert await store.read(queries.counts) == queries.Counts(2, 3, NOW)
    assert await store.read(queries.channel_states) == {
        "chat": queries.ChannelState({"pending": 1, "sent": 1}, NOW + 1, "HTTP 503"),
        "pager": queries.ChannelState({"pending": 2}, None, ""),
    }


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_however_deliveries_arrive_each_incident_is_told_once(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Several series, out of order and repeated, with a channel that sends at any moment."""
    news = [
        item
        for name in ("a", "b")
        for begin in (NOW - 1000, NOW - 500)
        for item in (
            alert(fingerprint=name, starts_at=begin),
            alert("resolved", name, starts_at=begin, ends_at=begin + 100),
        )
    ]
    news += data.draw(st.lists(st.sampled_from(news), max_size=4))
    order = data.draw(st.permutations(news))
    pauses = data.draw(st.lists(st.booleans(), min_size=len(order), max_size=len(order)))

    async def play(store: Store) -> tuple[list[str], Sequence[Row[Any]]]:
        sent: list[str] = []
        for item, is_pause in zip(order, pauses, strict=True):
            await record(store, item)
            if is_pause:
                sent += await send_all(store)
        return sent + await send_all(store), await rows(store, incidents)

    with open_store(tmp_path_factory.mktemp("play") / "webhook.db") as store:
        sent, found = asyncio.run(play(store))

    assert len(sent) == len(set(sent)), "nothing is said twice"
    assert all(row.ends_at is not None for row in found)
    newest = {row.fingerprint: row.ends_at for row in found}
    assert newest == {"a": NOW - 400, "b": NOW - 400}
    for row in found:
        told = [kind for kind in sent if kind.startswith(f"{row.id} ")]
        assert told in ([], [f"{row.id} resolved"], [f"{row.id} firing", f"{row.id} resolved"])
