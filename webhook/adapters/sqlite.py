"""How does an SQLite file serve as the store? The default: nothing to install, one process."""

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from webhook.adapters.database import JSON, Database
from webhook.errors import StoreUnavailable, StoreUnusable

# Below this much free space alerts are refused (503), so that what was accepted can be finished.
DISK_FLOOR = 64 * 2**20
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
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.drivername != "sqlite" or parsed.query:
        raise ValueError(
            "it is not the URL of a store; allowed: sqlite:///relative/path.db, "
            "sqlite:////absolute/path.db or postgresql://user@host:5432/name"
        )
    if not parsed.database or parsed.database == ":memory:":
        raise ValueError(
            "it names no file, and alerts kept in memory would be lost; write sqlite:///webhook.db"
        )
    return Path(parsed.database)


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder).free


@dataclass(frozen=True, slots=True)
class SqliteFile(Database):
    """One file in WAL mode, for one process.

    Parameters
    ----------
    path : the file; its folder is created
    free_space : tells how many bytes are left where a folder lies
    """

    path: Path
    free_space: Callable[[Path], int] = _free

    @property
    def name(self) -> str:
        """The path."""
        return str(self.path)

    @property
    def is_shared(self) -> bool:
        """Never: of two processes, the second is refused."""
        return False

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep other daemons away from the file; the lock ends with the process."""
        path = self.path
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

    def writing_engine(self, *, is_migrating: bool = False) -> Engine:
        """Return an engine with the single connection through which everything is written."""
        return self._engine("BEGIN IMMEDIATE", pool_size=1)

    def reading_engine(self) -> Engine:
        """Return an engine for reads, which never block the writer."""
        return self._engine("BEGIN", pool_size=_READERS)

    def _engine(self, begin: str, pool_size: int) -> Engine:
        engine = create_engine(
            f"sqlite:///{self.path}", pool_size=pool_size, max_overflow=0, **JSON
        )

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

    def before_upgrade(self, revision: str) -> None:
        """Copy the file to one beside it that has the revision in its name."""
        copy = self.path.with_name(f"{self.path.name}.{revision}.bak")
        unfinished = copy.with_name(copy.name + ".tmp")
        try:
            unfinished.unlink(missing_ok=True)
            with closing(sqlite3.connect(self.path)) as connection:
                connection.execute("VACUUM INTO ?", (str(unfinished),))
            with unfinished.open("rb") as file:
                os.fsync(file.fileno())
            unfinished.replace(copy)
        except (sqlite3.Error, OSError) as error:
            raise StoreUnusable(
                f"cannot copy {self.path} to {copy} before its schema is brought up to date: "
                f"{error}; make room or give the daemon a folder that it may write"
            ) from error

    def check_space(self) -> None:
        """Refuse below `DISK_FLOOR`."""
        free = self.free_space(self.path.parent)
        if free < DISK_FLOOR:
            raise StoreUnavailable(
                f"{free // 2**20} MiB are free on the disk of the store, "
                f"at least {DISK_FLOOR // 2**20} MiB are needed"
            )

    def unusable(self, error: DBAPIError) -> StoreUnusable:
        """Name the file, and how to look into it."""
        return StoreUnusable(
            f"{self.path} cannot be used as the store: {error.orig}; check the file with "
            "`sqlite3 FILE 'PRAGMA integrity_check'`, or move it away to start with an empty one"
        )
