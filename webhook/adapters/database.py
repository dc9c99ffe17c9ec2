"""How is the database opened, locked and brought to the newest schema?"""

import fcntl
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.exc import DatabaseError

from webhook.errors import StoreUnusable

_MIGRATIONS = Path(__file__).parent / "migrations"
# The first half of the keys of PostgreSQL's locks; the second says which loop.
_LOOPS = 0x616E6F6D
# Readers may wait for a checkpoint, never for each other.
_READERS = 4
_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    # NORMAL survives a kill but may lose the last commits at a power failure; we answered 200.
    "PRAGMA synchronous=FULL",
    "PRAGMA busy_timeout=5000",
    "PRAGMA foreign_keys=ON",
    "PRAGMA journal_size_limit=67108864",
)


def sqlite_path(url: str) -> Path:
    """Return the file that a store URL names.

    Raises
    ------
    ValueError
        If it is not `sqlite:///file`.
    """
    parsed = None if ":" not in url else make_url(url)
    if parsed is None or parsed.drivername != "sqlite" or parsed.query:
        raise ValueError(
            "it is not the URL of an SQLite file; allowed: sqlite:///relative/path.db or "
            "sqlite:////absolute/path.db"
        )
    if not parsed.database or parsed.database == ":memory:":
        raise ValueError(
            "it names no file, and alerts kept in memory would be lost; write sqlite:///webhook.db"
        )
    return Path(parsed.database)


@contextmanager
def exclusive_use(path: Path) -> Iterator[None]:
    """Keep other daemons away from the database file; the lock ends with the process.

    Raises
    ------
    StoreUnusable
        If the folder cannot be written or another process holds the lock.
    """
    lock = path.with_name(path.name + ".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o640)
    except OSError as error:
        raise StoreUnusable(
            f"cannot write {lock}: {error.strerror}; give the daemon a folder that it may write"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise StoreUnusable(
            f"{path} is in use by another anomaly-webhook; stop that one, or give this one "
            "a store.url of its own"
        ) from None
    try:
        yield
    finally:
        os.close(descriptor)


def writing_engine(path: Path) -> Engine:
    """Return an engine with the single connection through which everything is written."""
    return _engine(path, "BEGIN IMMEDIATE", pool_size=1)


def reading_engine(path: Path) -> Engine:
    """Return an engine for reads, which never block the writer."""
    return _engine(path, "BEGIN", pool_size=_READERS)


def _engine(path: Path, begin: str, pool_size: int) -> Engine:
    engine = create_engine(f"sqlite:///{path}", pool_size=pool_size, max_overflow=0)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        # The driver's own BEGIN comes late and deferred; ours is the listener below.
        connection.isolation_level = None
        for pragma in _PRAGMAS:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def migrate(engine: Engine, path: Path) -> None:
    """Create the tables or bring them to the newest revision.

    Raises
    ------
    StoreUnusable
        If the file is no database of ours, is damaged, or was written by a newer version.
    """
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    try:
        with engine.begin() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
            if found is not None and found not in known:
                raise StoreUnusable(
                    f"{path} has the schema revision {found!r}, which this version does not know; "
                    "it was written by a newer anomaly-webhook: install that version again, or "
                    "restore the copy of the file made before the upgrade"
                )
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DatabaseError as error:
        raise StoreUnusable(
            f"{path} cannot be used as the store: {error.orig}; check the file with "
            "`sqlite3 FILE 'PRAGMA integrity_check'`, or move it away to start with an empty one"
        ) from error


def try_lock(connection: Connection, name: str) -> bool:
    """Take what only one process may do at a time; it is given back when the transaction ends.

    One process alone uses an SQLite file, so there it is always free.
    """
    if connection.dialect.name == "sqlite":
        return True
    key = zlib.crc32(name.encode())
    return bool(connection.execute(select(func.pg_try_advisory_xact_lock(_LOOPS, key))).scalar())
