"""How does a backup become a store again, wholly or not at all?"""

import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import JSON, Connection, MetaData, Table, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError

from webhook.adapters.backup import Manifest, TableEntry, member_of, read_manifest
from webhook.adapters.database import Database, known_revision, revisions, upgrade
from webhook.adapters.rowjson import row_of
from webhook.adapters.schema import audit, metadata
from webhook.errors import BackupError

_VIEWS = ("stats_hourly", "stats_daily")
_ROWS_AT_ONCE = 500
_DAMAGED = (
    KeyError,
    ValueError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    msgspec.MsgspecError,
)


def restore(database: Database, path: Path, now: float, *, is_replacing: bool = False) -> Manifest:
    """Fill a store from a backup, in one transaction; note it in the audit.

    Parameters
    ----------
    is_replacing : whether what the store holds may be thrown away

    Raises
    ------
    BackupError
        If the store is not empty, or the file is damaged or of a newer version.
    StoreUnusable
        If the store is in use or cannot be used.
    """
    try:
        with zipfile.ZipFile(path) as archive, database.in_use():
            manifest = read_manifest(archive, path)
            if manifest.schema not in revisions():
                raise BackupError(
                    f"{path} has the schema revision {manifest.schema!r}, which this version does "
                    "not know; restore it with the version that wrote it, or a newer one"
                )
            _restore(database, archive, manifest, now, is_replacing=is_replacing)
            return manifest
    except zipfile.BadZipFile as error:
        raise BackupError(f"{path} is no backup of a store, or is damaged: {error}") from None
    except OSError as error:
        raise BackupError(f"cannot read {path}: {error.strerror}") from error


def _restore(
    database: Database,
    archive: zipfile.ZipFile,
    manifest: Manifest,
    now: float,
    *,
    is_replacing: bool,
) -> None:
    engine = database.writing_engine(is_migrating=True)
    try:
        with engine.begin() as connection:
            if known_revision(connection, database) is not None:
                if not is_replacing:
                    _must_be_empty(connection, database)
                _drop(connection)
            # As it was when the backup was made; what was added since is added to the rows, too.
            upgrade(connection, manifest.schema)
            tables = MetaData()
            tables.reflect(connection, only=list(manifest.tables))
            for table in tables.sorted_tables:
                entry = manifest.tables[str(table.name)]
                _fill(connection, table, archive, entry)
                if entry.last_id:
                    _count_on_from(connection, table, entry.last_id)
            upgrade(connection)
            connection.execute(insert(audit), _entry(manifest, now))
    except DBAPIError as error:
        raise BackupError(
            f"{database.name} does not take the backup: {' '.join(str(error.orig).split())}; "
            "nothing was changed"
        ) from error
    finally:
        engine.dispose()


def _must_be_empty(connection: Connection, database: Database) -> None:
    present = inspect(connection).get_table_names()
    for table in metadata.sorted_tables:
        # `facts` has rows as soon as a daemon has run.
        if table.name not in present or table.name == "facts":
            continue
        if connection.execute(select(text("1")).select_from(table).limit(1)).first():
            raise BackupError(
                f"{database.name} is not empty: it has {table.name}; name an empty one in "
                "store.url, or throw away what it holds with --replace"
            )


def _drop(connection: Connection) -> None:
    """Drop our views and tables, and nobody else's."""
    for view in _VIEWS:
        connection.execute(text(f"DROP VIEW IF EXISTS {view}"))
    metadata.drop_all(connection)
    connection.execute(text("DROP TABLE alembic_version"))


def _fill(
    connection: Connection, table: Table, archive: zipfile.ZipFile, entry: TableEntry
) -> None:
    for column in table.c:
        if isinstance(column.type, JSON):
            # Else None would become the JSON null.
            column.type = JSON(none_as_null=bool(column.nullable))
    digest = hashlib.sha256()
    count = 0
    try:
        rows = _rows(archive, table, digest)
        while chunk := list(islice(rows, _ROWS_AT_ONCE)):
            connection.execute(insert(table), chunk)
            count += len(chunk)
    except _DAMAGED as error:
        raise BackupError(f"the backup is damaged: {table.name}: {error}") from None
    if (count, digest.hexdigest()) != (entry.rows, entry.sha256):
        raise BackupError(
            f"the backup is damaged: {table.name} has {count} rows with the checksum "
            f"{digest.hexdigest()[:12]}…, expected {entry.rows} with {entry.sha256[:12]}…"
        )


def _rows(archive: zipfile.ZipFile, table: Table, digest: Any) -> Iterator[dict[str, Any]]:
    with archive.open(member_of(table.name)) as member:
        for line in member:
            digest.update(line)
            yield row_of(table, msgspec.json.decode(line, type=dict[str, Any]))


def _count_on_from(connection: Connection, table: Table, last_id: int) -> None:
    """Let the next row have a number that no row ever had."""
    if connection.dialect.name != "sqlite":
        given = text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last)")
        connection.execute(given, {"name": table.name, "last": last_id})
        return
    # Only tables that never give a number twice have a row there, and only once they gave one.
    if not _is_counted(connection, table):
        return
    connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": table.name})
    connection.execute(
        text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)"),
        {"name": table.name, "last": last_id},
    )


def _is_counted(connection: Connection, table: Table) -> bool:
    made = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name"
    return "AUTOINCREMENT" in connection.execute(text(made), {"name": table.name}).scalar_one()


def _entry(manifest: Manifest, now: float) -> dict[str, object]:
    return {
        "at": now,
        "actor": "command line",
        "action": "restore",
        "subject": "store",
        "after": {"made_at": manifest.made_at, "rows": manifest.rows, "schema": manifest.schema},
        "detail": "",
    }
