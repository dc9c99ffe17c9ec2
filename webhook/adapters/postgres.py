"""How does a PostgreSQL database serve as the store? For several replicas of the daemon.

Every writing transaction takes one advisory lock first. So, over all replicas, transactions run one
after the other, as they do on SQLite: an incident is opened once, limits hold, and no two of them
can wait for each other. A commit holds what many requests brought, so this costs little.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from promkit.errors import SecretUnavailable
from promkit.secrets import read_secret
from webhook.adapters.database import JSON, LOCKS, Database
from webhook.errors import StoreUnavailable, StoreUnusable

_READERS = 4
_CONNECT_SECONDS = 5
# What takes longer would hold up everybody; Alertmanager then tries again.
STATEMENT_SECONDS = 5
# A replica that stalls inside a transaction (a frozen machine) may not hold the lock for ever.
_IDLE_SECONDS = 10
_WRITER = f"SELECT pg_advisory_xact_lock({LOCKS}, 0)"
# A server may be set to lose the last commits at a crash; we answered 200.
_DURABLE = (
    "SELECT set_config('synchronous_commit', 'on', false) "
    "WHERE current_setting('synchronous_commit') = 'off'"
)


def postgres_url(url: str) -> URL:
    """Read a store URL.

    Raises
    ------
    ValueError
        If it is not `postgresql://`, names no database or holds a password, or if the driver is
        not installed; the text is free of secrets.
    """
    try:
        parsed = make_url(url.replace("postgres://", "postgresql://", 1))
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or parsed.drivername != "postgresql":
        raise ValueError(
            "it is not the URL of a PostgreSQL database; allowed: postgresql://user@host:5432/name"
        )
    if parsed.password is not None or "password" in parsed.query:
        raise ValueError(
            "it holds a password; write it into a file and name that in store.password_file, "
            "or use ~/.pgpass"
        )
    if not parsed.database:
        raise ValueError("it names no database; write postgresql://user@host:5432/name")
    try:
        import_module("psycopg")
    except ImportError as error:
        raise ValueError(
            f"its driver is not installed ({error}); pip install 'anomaly-exporter[postgres]'"
        ) from None
    return parsed.set(drivername="postgresql+psycopg")


@dataclass(frozen=True, slots=True)
class PostgresDatabase(Database):
    """A database on a server.

    Parameters
    ----------
    url : as `postgres_url` returns it
    password_file : read for every new connection; None leaves it to PostgreSQL's own ways
    """

    url: URL
    password_file: Path | None = None

    @property
    def name(self) -> str:
        """The URL, which has no password."""
        return self.url.set(drivername="postgresql").render_as_string()

    @property
    def is_shared(self) -> bool:
        """Always."""
        return True

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep nobody away."""
        yield

    def writing_engine(self, *, is_migrating: bool = False) -> Engine:
        """Return an engine with one connection, whose transactions begin with the writer's lock."""
        engine = self._engine(
            # A migration, or waiting for another replica's, takes what it takes.
            0 if is_migrating else STATEMENT_SECONDS,
            pool_size=1,
            # A later snapshot for each statement: the first one waits for the lock.
            isolation_level="READ COMMITTED",
        )

        @event.listens_for(engine, "begin")
        def start(connection: Connection) -> None:
            connection.exec_driver_sql(_WRITER)

        return engine

    def reading_engine(self) -> Engine:
        """Return an engine whose transactions each see one state of the database."""
        engine = self._engine(
            STATEMENT_SECONDS, pool_size=_READERS, isolation_level="REPEATABLE READ"
        )
        return engine.execution_options(postgresql_readonly=True)

    def _engine(self, statement_seconds: int, **options: Any) -> Engine:
        engine = create_engine(
            self.url,
            max_overflow=0,
            # After a restart of the server the first to ask must not be the one who finds out.
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": _CONNECT_SECONDS,
                "application_name": "anomaly-webhook",
                # Else a server that vanished is waited for a quarter of an hour.
                "tcp_user_timeout": 1_000 * _IDLE_SECONDS,
                "keepalives_idle": _IDLE_SECONDS,
            },
            **options,
            **JSON,
        )

        @event.listens_for(engine, "do_connect")
        def authenticate(
            _dialect: object, _record: object, _arguments: object, parameters: dict[str, Any]
        ) -> None:
            try:
                password = read_secret(None, self.password_file)
            except SecretUnavailable as error:
                raise StoreUnavailable(f"store.password_file: {error}") from None
            if password is not None:
                parameters["password"] = password

        @event.listens_for(engine, "connect")
        def prepare(connection: Any, _record: object) -> None:
            connection.autocommit = True
            connection.execute(f"SET statement_timeout = '{statement_seconds}s'")
            connection.execute(f"SET idle_in_transaction_session_timeout = '{_IDLE_SECONDS}s'")
            connection.execute(_DURABLE)
            (encoding,) = connection.execute("SHOW server_encoding").fetchone()
            connection.autocommit = False
            if encoding != "UTF8":
                # Else an alert with a character that it lacks would fail at every repetition.
                raise StoreUnusable(
                    f"{self.name} has the encoding {encoding}; create it with ENCODING 'UTF8'"
                )

        return engine

    def before_upgrade(self, revision: str) -> None:
        """Leave it to whoever backs up the server: its tools can, and a copy there is not ours."""

    def check_space(self) -> None:
        """Leave it to the server, which refuses when its disk is full."""

    def unusable(self, error: DBAPIError) -> StoreUnusable:
        """Name the database, and what to check."""
        problem = " ".join(str(error.orig).split())
        return StoreUnusable(
            f"{self.name} cannot be used as the store: {problem}; check that the server runs, that "
            "the database exists, and that its user may connect and create tables"
        )
