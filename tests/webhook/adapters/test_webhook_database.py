"""Opening, committing, refusing and upgrading, on either database."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, insert, text

from tests.webhook.adapters.storing import bring_to, fill_first_version, record, rows
from tests.webhook.deliveries import alert
from webhook.adapters.database import Database
from webhook.adapters.schema import events, incidents, metadata, notifications
from webhook.adapters.store import Store, open_store
from webhook.adapters.writer import MAX_BATCH, Writer
from webhook.errors import StoreRefused, StoreUnavailable, StoreUnusable


async def test_requests_that_wait_share_one_commit(any_database: Database) -> None:
    sizes: list[int] = []
    entered, go = threading.Event(), threading.Event()

    def block(_: Connection) -> None:
        entered.set()
        assert go.wait(10)

    def write(_: Connection, items: Sequence[int]) -> Sequence[int]:
        sizes.append(len(items))
        return [item * 10 for item in items]

    with any_database.in_use():
        engine = any_database.writing_engine()
        writer = Writer(engine, write, lambda: None)
        writer.start()
        blocking = writer.call(block)
        assert entered.wait(10)
        waiting = [writer.record(i) for i in range(MAX_BATCH + 10)]
        go.set()
        writer.close()
        engine.dispose()

    await blocking
    assert await asyncio.gather(*waiting) == [i * 10 for i in range(MAX_BATCH + 10)]
    assert sizes == [MAX_BATCH, 10]


def test_the_writer_outlives_an_event_loop_that_did_not_wait(any_database: Database) -> None:
    entered, go = threading.Event(), threading.Event()

    def block(_: Connection) -> None:
        entered.set()
        assert go.wait(10)

    async def leave(writer: Writer[Any, Any]) -> None:
        writer.call(block)
        await asyncio.to_thread(entered.wait, 10)

    async def ask(writer: Writer[Any, Any]) -> int:
        async with asyncio.timeout(10):
            return await writer.call(lambda connection: int(connection.scalar(text("SELECT 7"))))

    with any_database.in_use():
        engine = any_database.writing_engine()
        writer: Writer[Any, Any] = Writer(engine, lambda connection, items: items, lambda: None)
        writer.start()
        asyncio.run(leave(writer))
        go.set()
        assert asyncio.run(ask(writer)) == 7
        writer.close()
        engine.dispose()


async def test_only_what_writes_as_alerts_do_proves_that_the_store_works(store: Store) -> None:
    def broken(connection: Connection) -> None:
        connection.execute(text("SELECT * FROM nowhere"))

    with pytest.raises(StoreUnavailable):
        await store.write(broken)
    assert store.failure is not None
    await store.write(lambda connection: connection.execute(text("SELECT 1")).scalar())
    assert store.failure is not None
    await store.probe()
    assert store.failure is None


async def test_a_job_that_fails_does_not_cost_its_neighbours(store: Store) -> None:
    entered, go = threading.Event(), threading.Event()

    def block(_: Connection) -> None:
        entered.set()
        assert go.wait(10)

    def refuse(connection: Connection) -> None:
        connection.execute(text("INSERT INTO incidents (id) VALUES (NULL)"))

    def defect(_: Connection) -> None:
        raise ZeroDivisionError

    def mistake(connection: Connection) -> None:
        connection.execute(text("SELECT * FROM nowhere"))

    blocking = asyncio.create_task(store.write(block))
    await asyncio.to_thread(entered.wait, 10)
    jobs = [
        asyncio.create_task(record(store, alert())),
        asyncio.create_task(store.write(refuse)),
        asyncio.create_task(store.write(defect)),
        asyncio.create_task(store.write(mistake)),
        asyncio.create_task(record(store, alert(fingerprint="other"))),
    ]
    await asyncio.sleep(0)
    go.set()
    await blocking
    results = await asyncio.gather(*jobs, return_exceptions=True)

    assert isinstance(results[1], StoreRefused)
    assert isinstance(results[2], ZeroDivisionError)
    assert isinstance(results[3], StoreUnavailable)
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


async def test_what_an_older_version_stored_is_all_there_after_the_upgrade(
    any_database: Database,
) -> None:
    with any_database.in_use():
        bring_to(any_database, "0001")
        fill_first_version(any_database)

    with open_store(any_database) as store:
        (incident,) = await rows(store, incidents)
        assert (incident.id, incident.labels, incident.origin) == (7, {"a": "b"}, "alertmanager")
        assert [row.incident_id for row in await rows(store, events)] == [7]
        (notification,) = await rows(store, notifications)
        assert (notification.incident_id, notification.detail) == (7, "HTTP 503")
        (item,) = (await store.claim("chat", 2.0, 10)).claimed
        assert item.attempts == 2


def test_a_newer_schema_is_refused(any_database: Database) -> None:
    with open_store(any_database):
        pass
    engine = any_database.writing_engine()
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()

    with pytest.raises(StoreUnusable, match=r"revision '9999'.*newer"), open_store(any_database):
        pass
