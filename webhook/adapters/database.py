"""What must a database be able to do to be the store, and how does it get the newest schema?"""

import re
import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import msgspec
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import DBAPIError

from webhook.errors import StoreUnusable

_MIGRATIONS = Path(__file__).parent / "migrations"
# The first half of the keys of PostgreSQL's advisory locks; the second says which lock.
LOCKS = 0x616E6F6D


class Database(ABC):
    """Where the store lies: one file, or a server that several processes share."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What messages call it; without a password."""

    @property
    @abstractmethod
    def is_shared(self) -> bool:
        """Whether other processes may use it at the same time."""

    @abstractmethod
    def in_use(self) -> AbstractContextManager[None]:
        """Keep away whoever must not use it at the same time.

        Raises
        ------
        StoreUnusable
            If it is in use, or cannot be used at all.
        """

    @abstractmethod
    def writing_engine(self, *, is_migrating: bool = False) -> Engine:
        """Return an engine whose transactions, over all processes, run one after the other."""

    @abstractmethod
    def reading_engine(self) -> Engine:
        """Return an engine whose transactions each read one state, and never block a writer."""

    @abstractmethod
    def before_upgrade(self, revision: str) -> None:
        """Keep what makes a way back, where the database is ours to copy."""

    @abstractmethod
    def check_space(self) -> None:
        """Refuse when there is no room for more.

        Raises
        ------
        StoreUnavailable
            If too little is free.
        """

    @abstractmethod
    def unusable(self, error: DBAPIError) -> StoreUnusable:
        """Return what to say when it cannot be opened."""


def migrate(database: Database) -> None:
    """Create the tables or bring them to the newest revision.

    Raises
    ------
    StoreUnusable
        If it is no database of ours, is damaged, or was written by a newer version.
    """
    engine = database.writing_engine(is_migrating=True)
    try:
        with engine.begin() as connection:
            found = known_revision(connection, database)
        if found is not None and found != newest_revision():
            database.before_upgrade(found)
        with engine.begin() as connection:
            # PostgreSQL: another replica may have done it while this one waited for its turn.
            if current_revision(connection) != newest_revision():
                upgrade(connection)
    except DBAPIError as error:
        raise database.unusable(error) from error
    finally:
        engine.dispose()


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the tables to a revision, within the transaction of the connection."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def current_revision(connection: Connection) -> str | None:
    """Return which revision the tables have; None where there are none."""
    return MigrationContext.configure(connection).get_current_revision()


def known_revision(connection: Connection, database: Database) -> str | None:
    """Return which revision the tables have.

    Raises
    ------
    StoreUnusable
        If a newer version made them.
    """
    found = current_revision(connection)
    if found is not None and found not in revisions():
        raise StoreUnusable(
            f"{database.name} has the schema revision {found!r}, which this version does not know; "
            "it was written by a newer anomaly-webhook: install that version again, or restore "
            "the copy made before the upgrade"
        )
    return found


def newest_revision() -> str:
    """Return the revision that this version works with."""
    return revisions()[0]


def revisions() -> list[str]:
    """Return every revision that this version knows, the newest first."""
    return [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


def try_lock(connection: Connection, name: str) -> bool:
    """Take what only one process may do at a time; it is given back when the transaction ends.

    One process alone uses an SQLite file, so there it is always free.
    """
    if connection.dialect.name == "sqlite":
        return True
    key = zlib.crc32(name.encode()) - 2**31
    return bool(connection.execute(select(func.pg_try_advisory_xact_lock(LOCKS, key))).scalar())


def without_password(url: str) -> str:
    """Return a URL, however badly written, as it may be shown."""
    shown = re.sub(r"(://[^:/@]*):.*@", r"\1:***@", url, flags=re.DOTALL)
    return re.sub(r"(password=)[^&]*", r"\1***", shown)


def _plain(value: object) -> object:
    """Return what msgspec does not know as something that it does."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be stored as JSON")


# Five times as fast as the standard library, which is what recording an alert costs most.
JSON: Mapping[str, Any] = {
    "json_serializer": lambda value: msgspec.json.encode(value, enc_hook=_plain).decode(),
    "json_deserializer": msgspec.json.decode,
}
"""How an engine turns JSON columns into text and back."""
