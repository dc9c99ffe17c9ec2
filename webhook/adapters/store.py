"""What does the daemon keep, and how does the rest of it ask?

One thread owns the writing connection (adapters/writer.py); reads run on connections of their own
in other threads. Every method is a coroutine and returns after the commit.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from webhook.adapters import outbox, upkeep
from webhook.adapters.archive import Archive
from webhook.adapters.database import Database, migrate
from webhook.adapters.recording import Recorded, Recording, record
from webhook.adapters.retention import forget
from webhook.adapters.schema import quarantine
from webhook.adapters.sqlite import SqliteFile
from webhook.adapters.writer import Writer
from webhook.core.text import storable
from webhook.errors import StoreUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")

QUARANTINE_BODY = 64 * 2**10
QUARANTINE_ROWS = 1_000


@contextmanager
def open_store(where: Database | Path) -> Iterator["Store"]:
    """Lock, migrate and open the database; close it after writing what was submitted.

    Parameters
    ----------
    where : a path is an SQLite file

    Raises
    ------
    StoreUnusable
        If it is locked, damaged, of a newer version, cannot be reached, or may not be written.
    """
    database = SqliteFile(where) if isinstance(where, Path) else where
    with database.in_use():
        migrate(database)
        store = Store(database)
        with store.running():
            yield store


class Store:
    """The open database; made by `open_store`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._engine = database.writing_engine()
        self._readers = database.reading_engine()
        self._writer: Writer[Recording, Recorded] = Writer(
            self._engine, record, database.check_space
        )
        self.instance = secrets.token_hex(8)
        """What this process writes into its leases."""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the writer; on leaving, commit what was submitted."""
        self._writer.start()
        try:
            yield
        finally:
            self._writer.close()
            self._engine.dispose()
            self._readers.dispose()

    @property
    def is_shared(self) -> bool:
        """Whether other processes work on the same outbox."""
        return self._database.is_shared

    @property
    def failure(self) -> str | None:
        """Why the last commit failed; None when it succeeded."""
        return self._writer.failure

    async def record(self, recording: Recording) -> Recorded:
        """Store a delivery; when this returns, it survives a kill and a power failure.

        Raises
        ------
        StoreUnavailable
            If it cannot be committed now; nothing of it was stored.
        """
        return await self._writer.record(recording)

    async def write(self, run: Callable[[Connection], T]) -> T:
        """Run a job in the writer's next transaction; it may run again after a rollback.

        Raises
        ------
        StoreUnavailable
            If it cannot be committed now.
        """
        return await self._writer.call(run)

    async def read(self, run: Callable[[Connection], T]) -> T:
        """Run a query on a reading connection, in another thread.

        Raises
        ------
        StoreUnavailable
            If the database cannot be read now.
        """
        return await asyncio.to_thread(self.read_here, run)

    def read_here(self, run: Callable[[Connection], T]) -> T:
        """Run a query in the calling thread; see `read`."""
        try:
            with self._readers.connect() as connection:
                return run(connection)
        except DBAPIError as error:
            problem = " ".join(str(error.orig).split())
            raise StoreUnavailable(f"cannot read: {problem}") from error
        except PoolTimeout:
            raise StoreUnavailable("cannot read: all connections are busy") from None

    async def keep_body(self, body: bytes, problem: str, now: float) -> None:
        """Put a body that could not be read into quarantine: its start, and the newest thousand.

        Raises
        ------
        StoreUnavailable
            If it cannot be committed now.
        """
        row = {
            "received_at": now,
            "problem": storable(problem),
            "size": len(body),
            "body": body[:QUARANTINE_BODY],
        }

        def keep(connection: Connection) -> None:
            self._database.check_space()
            connection.execute(insert(quarantine), row)
            newest = select(func.max(quarantine.c.id)).scalar_subquery()
            connection.execute(
                delete(quarantine).where(quarantine.c.id <= newest - QUARANTINE_ROWS)
            )

        await self.write(keep)

    async def probe(self) -> None:
        """Try to commit, so that `failure` is up to date when nothing else is written.

        Raises
        ------
        StoreUnavailable
            If it still fails.
        """

        def attempt(connection: Connection) -> None:
            self._database.check_space()
            row = {"received_at": 0.0, "problem": "probe", "size": 0, "body": b""}
            statement = insert(quarantine).values(row).returning(quarantine.c.id)
            probe_id = connection.execute(statement).scalar_one()
            connection.execute(delete(quarantine).where(quarantine.c.id == probe_id))

        await self._writer.call(attempt, is_proof=True)

    async def claim(self, channel: str, now: float, limit: int, pace: float = 0.0) -> outbox.Claim:
        """Lease due notifications; see `outbox.claim`."""
        return await self.write(
            lambda connection: outbox.claim(
                connection, channel, now, limit, pace=pace, instance=self.instance
            )
        )

    async def give_back(self, channel: str) -> None:
        """Give back this process' leases; see `upkeep.give_back`."""
        await self.write(lambda connection: upkeep.give_back(connection, channel, self.instance))

    async def settle(self, outcomes: Sequence[outbox.Outcome], now: float) -> None:
        """Write down how attempts ended; see `outbox.settle`."""
        await self.write(lambda connection: outbox.settle(connection, outcomes, now, self.instance))

    async def release_leases(self) -> int:
        """Make due again what an earlier process was working on.

        Where other processes may be at work, their leases run out by themselves.
        """
        return 0 if self.is_shared else await self.write(upkeep.release_leases)

    async def clean(
        self,
        channels: Collection[str],
        retention: float,
        now: float,
        archive: Archive | None = None,
    ) -> int:
        """Delete what ended longer ago than `retention` seconds; give up what nobody will send.

        Raises
        ------
        StoreUnavailable
            If it cannot be committed now.
        ArchiveError
            If what is to be deleted cannot be written to the archive first.
        """
        await self.write(lambda connection: upkeep.mend_times(connection, now))
        await self.write(lambda connection: upkeep.expire_orphans(connection, channels, now))
        total = 0
        while deleted := await self.write(
            lambda connection: forget(connection, now - retention, now, archive)
        ):
            total += deleted
        return total
