"""A store goes into a file and comes out of it in the same or the other database."""

import asyncio
import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import insert

from tests.webhook.adapters.storing import bring_to, fill_first_version, record, rows, send_all
from tests.webhook.deliveries import NOW, alert
from tests.webhook.postgres import PostgresServer, database_of
from webhook.adapters.backup import MANIFEST, backup, member_of
from webhook.adapters.database import Database, newest_revision
from webhook.adapters.restore import restore
from webhook.adapters.schema import audit, facts, feedback, incidents, metadata, notifications
from webhook.adapters.sqlite import SqliteFile
from webhook.adapters.store import Store, open_store
from webhook.errors import BackupError, StoreUnusable

NEWEST = f'"{newest_revision()}"'.encode()


async def fill(store: Store) -> None:
    """Put rows into most tables, with everything that JSON and databases may see differently."""
    await record(store, alert(), alert(fingerprint="ü €"), alert(fingerprint="gone"))
    await send_all(store)
    await record(store, alert("resolved"), now=NOW + 1)
    await store.keep_body(bytes(range(256)), "odd", NOW)
    verdict = {"verdict": "false_alarm", "reason": "ünüsual", "author": "", "via": "page"}
    judged = {"incident_id": 1, **verdict, "created_at": NOW + 0.125, "changed_at": NOW}
    digest = {"incident_id": None, "channel": "chat", "kind": "digest", "content": {"a": [1.5]}}
    sending = {
        "state": "sent",
        "attempts": 1,
        "created_at": NOW,
        "due_at": NOW,
        "leased_until": 0.0,
    }

    def more(connection: Any) -> None:
        connection.execute(insert(feedback), judged)
        connection.execute(insert(facts), {"name": "n", "value": None, "changed_at": NOW})
        made = insert(notifications).values({**digest, **sending, "detail": ""})
        row_id = connection.execute(made.returning(notifications.c.id)).scalar_one()
        # A row refers to one that has a higher number than its own.
        first = notifications.update().where(notifications.c.id == 1)
        connection.execute(first.values(state="digested", digest_id=row_id))
        connection.execute(incidents.delete().where(incidents.c.fingerprint == "gone"))

    await store.write(more)


async def everything(store: Store) -> dict[str, list[dict[str, Any]]]:
    found = {table.name: await rows(store, table) for table in metadata.sorted_tables}
    return {name: [dict(row._mapping) for row in found[name]] for name in found}


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    if request.param == "sqlite":
        return SqliteFile(tmp_path / "target" / "webhook.db")
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return database_of(server.new_database())


async def test_a_store_moves_with_all_it_holds(
    any_database: Database, target: Database, tmp_path: Path
) -> None:
    file = tmp_path / "backup.zip"
    with open_store(any_database) as store:
        await fill(store)
        made = backup(any_database, file, NOW)
        before = await everything(store)

    assert restore(target, file, NOW + 9) == made

    with open_store(target) as store:
        after = await everything(store)
        (entry,) = after.pop("audit")
        assert (entry["at"], entry["action"], entry["after"]["rows"]) == (
            NOW + 9,
            "restore",
            made.rows,
        )
        assert before.pop("audit") == []
        assert after == before
        await record(store, alert(fingerprint="new"))
        assert (await rows(store, incidents))[-1].id == 4, "a number is never given twice"
        assert len(await send_all(store, "pager")) > 0


async def test_only_an_empty_store_is_filled_unless_told_otherwise(
    any_database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "backup.zip"
    with open_store(any_database) as store:
        await record(store, alert())
    backup(any_database, file, NOW)
    with open_store(any_database) as store:
        await record(store, alert(fingerprint="later"))

    with pytest.raises(BackupError, match=r"is not empty: it has incidents; .*--replace"):
        restore(any_database, file, NOW)
    restore(any_database, file, NOW, is_replacing=True)

    with open_store(any_database) as store:
        assert [row.fingerprint for row in await rows(store, incidents)] == ["abc"]
        assert len(await rows(store, audit)) == 1


def test_a_store_of_an_older_schema_is_not_backed_up(
    any_database: Database, tmp_path: Path
) -> None:
    with any_database.in_use():
        bring_to(any_database, "0001")
        fill_first_version(any_database)
    with pytest.raises(BackupError, match="has the schema revision 0001, this version needs"):
        backup(any_database, tmp_path / "backup.zip", NOW)


@pytest.fixture
def source(tmp_path: Path) -> SqliteFile:
    return SqliteFile(tmp_path / "source.db")


@pytest.fixture
async def saved(source: SqliteFile, tmp_path: Path) -> Path:
    file = tmp_path / "backup.zip"
    with open_store(source) as store:
        await record(store, alert(), alert(fingerprint="b"))
        backup(source, file, NOW)
    return file


def rewritten(file: Path, member: str, change: Callable[[bytes], bytes]) -> Path:
    """Return a copy of a backup in which one file is another, and every zip checksum is right."""
    copy = file.with_name("changed.zip")
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(copy, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, change(content) if name == member else content)
    return copy


@pytest.mark.parametrize(
    ("member", "change", "problem"),
    [
        (member_of("incidents"), lambda raw: raw.replace(b"cpu", b"gpu"), "incidents has 2 rows"),
        (member_of("incidents"), lambda raw: raw.splitlines(True)[0], "incidents has 1 rows"),
        (member_of("incidents"), lambda raw: b"{" + raw, "damaged: incidents"),
        (member_of("events"), lambda raw: raw.replace(b"cause", b"because"), "a row of events has"),
        (MANIFEST, lambda raw: b"", "is no backup of a store, or is damaged"),
        (MANIFEST, lambda raw: b"{}", "its format is None"),
        (MANIFEST, lambda raw: raw.replace(b'"version": 1', b'"version": 2'), "has the version 2"),
        (MANIFEST, lambda raw: raw.replace(NEWEST, b'"9999"'), "revision '9999'"),
        (MANIFEST, lambda raw: raw.replace(b'"rows"', b'"lines"'), "damaged: its manifest"),
    ],
)
def test_a_backup_that_is_not_as_it_was_changes_nothing(
    saved: Path, any_database: Database, member: str, change: Callable[[bytes], bytes], problem: str
) -> None:
    with pytest.raises(BackupError, match=problem):
        restore(any_database, rewritten(saved, member, change), NOW)

    assert restore(any_database, saved, NOW).tables["incidents"].rows == 2


def test_a_file_that_was_cut_off_or_is_no_backup(saved: Path, database: Path) -> None:
    target = SqliteFile(database.with_name("target.db"))
    for size in (0, 1, saved.stat().st_size // 2, saved.stat().st_size - 1):
        cut = saved.with_name(f"cut{size}")
        cut.write_bytes(saved.read_bytes()[:size])
        with pytest.raises(BackupError, match="no backup of a store, or is damaged"):
            restore(target, cut, NOW)
    with pytest.raises(BackupError, match=r"cannot read .*: No such file"):
        restore(target, saved.with_name("nowhere"), NOW)


def test_a_bit_that_fell_over_is_noticed(saved: Path, database: Path) -> None:
    target = SqliteFile(database.with_name("target.db"))
    raw = bytearray(saved.read_bytes())
    with zipfile.ZipFile(saved) as archive:
        start = archive.getinfo(member_of("incidents")).header_offset + 80
    raw[start] ^= 1
    saved.write_bytes(raw)

    with pytest.raises(BackupError, match="damaged"):
        restore(target, saved, NOW)


def test_what_keeps_a_backup_from_being_made(
    saved: Path, source: SqliteFile, tmp_path: Path
) -> None:
    with pytest.raises(BackupError, match="exists already; name a new file"):
        backup(source, saved, NOW)
    with pytest.raises(BackupError, match="there is no store at"):
        backup(SqliteFile(tmp_path / "none.db"), tmp_path / "new.zip", NOW)
    with pytest.raises(BackupError, match=r"cannot write .*: No such file"):
        backup(source, tmp_path / "nowhere" / "new.zip", NOW)
    assert not (tmp_path / "none.db").exists()


def test_a_store_in_use_is_not_restored(saved: Path, source: SqliteFile) -> None:
    with open_store(source), pytest.raises(StoreUnusable, match="in use by another"):
        restore(source, saved, NOW, is_replacing=True)


async def test_a_restore_brings_an_older_schema_up_to_date(
    saved: Path, any_database: Database
) -> None:
    """A backup as the first version would have made it: fewer tables, fewer columns."""
    first = saved.with_name("first.zip")
    columns = {
        "incidents": "id fingerprint starts_at ends_at opened_at closed_at last_seen_at alertname "
        "severity query labels annotations generator_url",
        "events": "id incident_id received_at status change starts_at ends_at annotations "
        "receiver source cause",
    }
    with zipfile.ZipFile(saved) as source, zipfile.ZipFile(first, "w") as target:
        manifest = msgspec.json.decode(source.read(MANIFEST))
        tables = {}
        for name, first_columns in columns.items():
            lines = [
                msgspec.json.decode(line) for line in source.read(member_of(name)).splitlines()
            ]
            kept = [{key: row[key] for key in first_columns.split()} for row in lines]
            raw = b"".join(msgspec.json.encode(row) + b"\n" for row in kept)
            target.writestr(member_of(name), raw)
            tables[name] = {
                "rows": len(kept),
                "sha256": hashlib.sha256(raw).hexdigest(),
                "last_id": len(kept),
            }
        changed = {**manifest, "schema": "0001", "tables": tables}
        target.writestr(MANIFEST, msgspec.json.encode(changed))

    restore(any_database, first, NOW)

    with open_store(any_database) as store:
        found = await rows(store, incidents)
        assert [(row.fingerprint, row.origin) for row in found] == [
            ("abc", "alertmanager"),
            ("b", "alertmanager"),
        ]


async def test_a_backup_holds_one_state_while_the_daemon_goes_on(
    any_database: Database, tmp_path: Path
) -> None:
    """Incidents come in while tables are read: each one has all of its events, or is not there."""
    with open_store(any_database) as store:
        stop = asyncio.Event()

        async def go_on() -> None:
            number = 0
            while not stop.is_set():
                number += 1
                await record(store, alert(fingerprint=f"f{number}"))

        going = asyncio.create_task(go_on())
        files = [tmp_path / f"{i}.zip" for i in range(3)]
        for file in files:
            await asyncio.to_thread(backup, any_database, file, NOW)
        stop.set()
        await going

    for file in files:
        with zipfile.ZipFile(file) as archive:
            counts = {
                name: len(archive.read(member_of(name)).splitlines())
                for name in ("incidents", "events", "notifications")
            }
        assert counts["events"] == counts["incidents"]
        assert counts["notifications"] == 2 * counts["incidents"]
