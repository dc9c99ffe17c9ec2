"""How does a whole store go into one file, and out of it into the same or the other database?

A zip of JSON lines, a file per table, with a manifest of the schema's revision, rows and checksums:
docs/webhook-store.md, "Backup and restore". Nothing in it is ever run.
"""

import hashlib
import os
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import msgspec
from sqlalchemy import Connection, Table, func, select, text

from webhook.adapters.database import Database, known_revision, newest_revision
from webhook.adapters.rowjson import line_of, values_of
from webhook.adapters.schema import metadata
from webhook.adapters.sqlite import SqliteFile
from webhook.errors import BackupError

FORMAT = "anomaly-webhook-backup"
VERSION = 1
MANIFEST = "manifest.json"
_ROWS_AT_ONCE = 1_000


class TableEntry(msgspec.Struct, frozen=True):
    """What the manifest says of a table; `last_id` is the last number that was given."""

    rows: int
    sha256: str
    last_id: int | None


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds; `made_at` in unix seconds."""

    format: str
    version: int
    schema: str
    made_at: float
    tables: dict[str, TableEntry]

    @property
    def rows(self) -> int:
        """How many there are in all."""
        return sum(entry.rows for entry in self.tables.values())


def backup(database: Database, path: Path, now: float) -> Manifest:
    """Write what the store holds at this moment to a new file, while the daemon goes on.

    Raises
    ------
    BackupError
        If the store is empty or old, or the file exists or cannot be written.
    StoreUnusable
        If a newer version made the store.
    """
    if isinstance(database, SqliteFile) and not database.path.exists():
        raise BackupError(f"there is no store at {database.path}; check store.url")
    if path.exists():
        raise BackupError(f"{path} exists already; name a new file")
    unfinished = path.with_name(path.name + ".tmp")
    engine = database.reading_engine()
    try:
        with engine.connect() as connection:
            found = known_revision(connection, database)
            if found != newest_revision():
                raise BackupError(
                    f"{database.name} has the schema revision {found or 'none'}, this version "
                    f"needs {newest_revision()}; run the daemon once to bring it up to date"
                )
            with unfinished.open("wb") as file:
                manifest = _write(connection, file, now)
                file.flush()
                os.fsync(file.fileno())
        unfinished.rename(path)
    except OSError as error:
        raise BackupError(f"cannot write {path}: {error.strerror}") from error
    finally:
        engine.dispose()
        unfinished.unlink(missing_ok=True)
    return manifest


def _write(connection: Connection, file: IO[bytes], now: float) -> Manifest:
    tables: dict[str, TableEntry] = {}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for table in metadata.sorted_tables:
            digest = hashlib.sha256()
            count = 0
            with archive.open(member_of(table.name), "w", force_zip64=True) as member:
                for line in _lines(connection, table):
                    member.write(line)
                    digest.update(line)
                    count += 1
            last_id = _last_id(connection, table)
            tables[str(table.name)] = TableEntry(count, digest.hexdigest(), last_id)
        manifest = Manifest(FORMAT, VERSION, newest_revision(), now, tables)
        archive.writestr(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=2))
    return manifest


def member_of(table: str) -> str:
    """Return the name of a table's file within a backup."""
    return f"tables/{table}.jsonl"


def _lines(connection: Connection, table: Table) -> Iterator[bytes]:
    ordered = select(table).order_by(*table.primary_key.columns)
    if "digest_id" in table.c:
        # What refers to a row of its own table comes after it.
        ordered = select(table).order_by(table.c.digest_id.is_not(None), table.c.id)
    for row in connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(ordered):
        yield line_of(values_of(row))


def _last_id(connection: Connection, table: Table) -> int | None:
    """Return the last number that the table gave to a row, though the row may be gone."""
    if "id" not in table.c:
        return None
    newest: int = connection.execute(select(func.coalesce(func.max(table.c.id), 0))).scalar_one()
    if connection.dialect.name == "sqlite":
        given = "SELECT seq FROM sqlite_sequence WHERE name = :name"
    else:
        given = "SELECT pg_sequence_last_value(pg_get_serial_sequence(:name, 'id')::regclass)"
    last = connection.execute(text(given), {"name": table.name}).scalar()
    return max(newest, last or 0)


def read_manifest(archive: zipfile.ZipFile, path: Path) -> Manifest:
    """Read and check the manifest of a backup.

    Raises
    ------
    BackupError
        If it is not one of ours, is damaged, or is of a newer version.
    """
    try:
        found: dict[str, Any] = msgspec.json.decode(archive.read(MANIFEST), type=dict[str, Any])
    except (KeyError, msgspec.DecodeError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise BackupError(f"{path} is no backup of a store, or is damaged: {error}") from None
    if found.get("format") != FORMAT:
        raise BackupError(f"{path} is no backup of a store: its format is {found.get('format')!r}")
    if found.get("version") != VERSION:
        raise BackupError(
            f"{path} has the version {found.get('version')!r}, this program reads {VERSION}; "
            "restore it with the version that wrote it"
        )
    try:
        return msgspec.convert(found, Manifest)
    except msgspec.ValidationError as error:
        raise BackupError(f"{path} is damaged: its manifest: {error}") from None
