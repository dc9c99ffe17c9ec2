"""What is configured about where alerts are kept, and for how long?"""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, model_validator

from promkit.durations import Duration, format_duration
from promkit.errors import FieldProblem
from promkit.strictyaml import ConfigPath, StrictModel
from webhook.adapters.database import Database, without_password
from webhook.adapters.postgres import PostgresDatabase, postgres_url
from webhook.adapters.sqlite import SqliteFile, sqlite_path

DAY = 86_400.0


def _store_url(url: str) -> str:
    try:
        _database(url, None)
    except ValueError as error:
        raise ValueError(f"found {without_password(url)!r}; {error}") from None
    return url


def _database(url: str, password_file: Path | None) -> Database:
    if url.startswith(("postgresql:", "postgres:", "postgresql+")):
        return PostgresDatabase(postgres_url(url), password_file)
    return SqliteFile(sqlite_path(url))


def _retention(seconds: float) -> float:
    # A late firing is told from a new one by the end of the closed incident.
    if seconds < DAY:
        raise ValueError(f"found {format_duration(seconds)}; allowed: 1d or more")
    return seconds


class StoreConfig(StrictModel):
    """Where alerts are kept, and for how long.

    Parameters
    ----------
    url : an SQLite file on a local disk, or a PostgreSQL database, for one or more replicas
    password_file : PostgreSQL's password, where ~/.pgpass or another of its ways does not serve
    retention : how long closed incidents stay
    archive : a folder; what retention deletes is written there first. None: it is gone
    """

    url: Annotated[str, AfterValidator(_store_url)] = "sqlite:///data/webhook.db"
    password_file: ConfigPath | None = None
    retention: Annotated[Duration, AfterValidator(_retention)] = 90 * DAY
    archive: ConfigPath | None = None

    @model_validator(mode="after")
    def _cross_check(self) -> Self:
        if self.password_file is not None and not self.database.is_shared:
            raise FieldProblem(
                ("password_file",),
                "found a password for an SQLite file, which takes none; leave the key out",
            )
        return self

    @cached_property
    def database(self) -> Database:
        """What `url` and `password_file` name."""
        return _database(self.url, self.password_file)
