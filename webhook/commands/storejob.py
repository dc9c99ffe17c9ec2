"""How does a command work on the store, whether or not a daemon is at work on it?"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from sqlalchemy import Connection, Row
from sqlalchemy.exc import DBAPIError

from webhook.adapters.database import Database, known_revision, newest_revision
from webhook.adapters.sqlite import SqliteFile
from webhook.errors import StoreUnusable

T = TypeVar("T")


def ask(database: Database, job: Callable[[Connection], T], *, is_writing: bool = False) -> T:
    """Run a job on the store in a transaction of its own.

    Raises
    ------
    StoreUnusable
        If there is no store, another version made it, or it cannot be used now.
    """
    if isinstance(database, SqliteFile) and not database.path.exists():
        raise StoreUnusable(
            f"there is no store at {database.path.absolute()}; name the daemon's file with "
            "--config.file, and run this in the folder where the daemon was started if store.url "
            "is relative; the daemon makes the store at its first start"
        )
    engine = database.writing_engine() if is_writing else database.reading_engine()
    try:
        with engine.begin() as connection:
            found = known_revision(connection, database)
            if found != newest_revision():
                raise StoreUnusable(
                    f"{database.name} has the schema revision {found or 'none'}, this version "
                    f"needs {newest_revision()}; run the daemon once to bring it up to date"
                )
            return job(connection)
    except DBAPIError as error:
        raise database.unusable(error) from error
    finally:
        engine.dispose()


def named(labels: Mapping[str, str]) -> str:
    """Return labels as PromQL writes them, nothing for none."""
    pairs = ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items()))
    return f"{{{pairs}}}" if pairs else ""


def history_json(rows: Iterable[Row[Any]]) -> list[str]:
    """Return rows of the audit as lines for programs."""
    names = ("id", "at", "actor", "action", "subject", "before", "after", "detail")
    return [json.dumps({name: getattr(row, name) for name in names}) for row in rows]
