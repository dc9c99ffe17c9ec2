"""Opening, committing and refusing, on a real SQLite file."""

import asyncio
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, insert, text

from tests.webhook.adapters.storing import record, rows
from tests.webhook.deliveries import alert
from webhook.adapters.database import writing_engine
from webhook.adapters.schema import events, incidents, metadata
from webhook.adapters.store import DISK_FLOOR, Store, open_store
from webhook.adapters.writer import MAX_BATCH, Writer
from webhook.errors import StoreRefused, StoreUnavailable, StoreUnusable


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
