"""What only an SQLite file has: a disk that fills up, a lock, and a copy before an upgrade."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from tests.webhook.adapters.storing import bring_to, fill_first_version, record, rows
from tests.webhook.deliveries import alert
from webhook.adapters.schema import events, incidents
from webhook.adapters.sqlite import DISK_FLOOR, SqliteFile
from webhook.adapters.store import Store, open_store
from webhook.errors import StoreUnavailable, StoreUnusable


@pytest.fixture
def store(database: Path) -> Iterator[Store]:
    with open_store(database) as opened:
        yield opened


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

    with open_store(SqliteFile(database, lambda _: free)) as store:
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


@pytest.mark.usefixtures("store")
def test_a_store_in_use_is_refused(database: Path) -> None:
    with (
        pytest.raises(StoreUnusable, match="in use by another anomaly-webhook"),
        open_store(database),
    ):
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


def test_a_copy_with_its_revision_is_kept_before_an_upgrade(database: Path) -> None:
    file = SqliteFile(database)
    with file.in_use():
        bring_to(file, "0001")
        fill_first_version(file)

    with open_store(database):
        pass

    copy = database.with_name("webhook.db.0001.bak")
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [
            ("0001",)
        ]
        assert connection.execute("SELECT id, fingerprint FROM incidents").fetchall() == [
            (7, "abc")
        ]
    with open_store(database):
        pass
    assert sorted(path.name for path in database.parent.iterdir()) == [
        "webhook.db",
        "webhook.db.0001.bak",
        "webhook.db.lock",
    ]


def test_without_a_copy_there_is_no_upgrade(database: Path) -> None:
    file = SqliteFile(database)
    with file.in_use():
        bring_to(file, "0001")
    database.with_name("webhook.db.0001.bak").mkdir()

    with (
        pytest.raises(StoreUnusable, match=r"cannot copy .*webhook\.db\.0001\.bak"),
        open_store(database),
    ):
        pass

    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [
            ("0001",)
        ]
