"""How do many requests share one commit, and one thread own the writing connection?

A commit costs a flush of the disk whatever it holds. So requests wait in a queue while one commit
runs, and the next commit takes all of them: group commit.
"""

import asyncio
import contextlib
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError

from webhook.errors import StoreRefused, StoreUnavailable

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")
T = TypeVar("T")

# Bounds the time that one transaction keeps its requests waiting.
MAX_BATCH = 256


@dataclass(frozen=True, slots=True)
class _Call(Generic[T]):
    run: Callable[[Connection], T]
    done: "asyncio.Future[T]"
    is_proof: bool


@dataclass(frozen=True, slots=True)
class _Record(Generic[Item, Result]):
    item: Item
    done: "asyncio.Future[Result]"


_Task: TypeAlias = _Call[Any] | _Record[Item, Result]


class Writer(Generic[Item, Result]):
    """One thread that runs jobs in shared transactions; they come from one event loop.

    Parameters
    ----------
    engine : where to write
    record : writes many items at once and returns one result for each; may run again with fewer
        items after a rollback
    guard : called before items are recorded; raises StoreUnavailable when there is no room
    """

    def __init__(
        self,
        engine: Engine,
        record: Callable[[Connection, Sequence[Item]], Sequence[Result]],
        guard: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._record = record
        self._guard = guard
        self._queue: queue.SimpleQueue[_Task[Item, Result] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._loop, name="store-writer", daemon=True)
        self.failure: str | None = None
        """Why a commit failed; None once what was asked of us, or a trial of it, is committed."""

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Commit everything submitted so far and end the thread."""
        self._queue.put(None)
        self._thread.join()

    def record(self, item: Item) -> "asyncio.Future[Result]":
        """Queue an item; the future is done once it is committed."""
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._queue.put(_Record(item, done))
        return done

    def call(
        self, run: Callable[[Connection], T], *, is_proof: bool = False
    ) -> "asyncio.Future[T]":
        """Queue a function of the connection; it may run twice if a neighbour's job failed.

        Parameters
        ----------
        is_proof : whether its success says that the store works again: a loop that reads one
            table says nothing of those that alerts are written to
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put(_Call(run, done, is_proof))
        return done

    def _loop(self) -> None:
        is_open = True
        while is_open:
            batch: list[_Task[Item, Result]] = []
            task = self._queue.get()
            while task is not None:
                # When the requester gave up meanwhile, nobody was promised anything.
                if not task.done.cancelled():
                    batch.append(task)
                if len(batch) >= MAX_BATCH or self._queue.empty():
                    break
                task = self._queue.get()
            is_open = task is not None
            self._commit(self._with_room(batch))

    def _with_room(self, batch: list[_Task[Item, Result]]) -> list[_Task[Item, Result]]:
        """Refuse what would fill the disk; what is needed to finish the rest may go on."""
        if not any(isinstance(task, _Record) for task in batch):
            return batch
        try:
            self._guard()
        except StoreUnavailable as error:
            self._fail([task for task in batch if isinstance(task, _Record)], str(error))
            return [task for task in batch if not isinstance(task, _Record)]
        return batch

    def _commit(self, batch: Sequence[_Task[Item, Result]]) -> None:
        if not batch:
            return
        try:
            results = self._transact(batch)
        except Exception as error:  # handed to whoever waits for the job; the thread must live
            if len(batch) > 1 and not _hits_every_job(error):
                for task in batch:
                    self._commit([task])
            elif _is_the_store(error):
                cause = str(error.orig) if isinstance(error, DBAPIError) else str(error)
                self._fail(batch, " ".join(cause.split()))
            else:
                self._refuse(batch[0], error)
        else:
            is_proof = any(isinstance(task, _Record) or task.is_proof for task in batch)
            if self.failure is not None and is_proof:
                log.info("commits work again")
                self.failure = None
            _tell(_succeed, [task.done for task in batch], results)

    def _fail(self, batch: Sequence[_Task[Item, Result]], cause: str) -> None:
        if self.failure != cause:
            # Once: a full disk under load fails hundreds of times a second.
            log.error("commits fail", extra={"problem": cause})
        self.failure = cause
        errors = [StoreUnavailable(f"cannot commit: {cause}") for _ in batch]
        _tell(_break, [task.done for task in batch], errors)

    def _refuse(self, task: _Task[Item, Result], error: Exception) -> None:
        if isinstance(task, _Record) or isinstance(error, SQLAlchemyError):
            log.error("the store refused a job", exc_info=error)
            error = StoreRefused(f"the store refused it ({type(error).__name__})")
        _tell(_break, [task.done], [error])

    def _transact(self, batch: Sequence[_Task[Item, Result]]) -> list[Any]:
        items = [task.item for task in batch if isinstance(task, _Record)]
        with self._engine.begin() as connection:
            recorded = iter(self._record(connection, items) if items else ())
            return [
                next(recorded) if isinstance(task, _Record) else task.run(connection)
                for task in batch
            ]


def _tell(
    how: Callable[[Sequence["asyncio.Future[Any]"], Sequence[Any]], None],
    waiting: Sequence["asyncio.Future[Any]"],
    answers: Sequence[Any],
) -> None:
    """Wake the event loop once for all whose jobs shared a commit: waking costs a system call."""
    # A loop that is closed has nobody left who waits.
    with contextlib.suppress(RuntimeError):
        waiting[0].get_loop().call_soon_threadsafe(how, waiting, answers)


def _succeed(waiting: Sequence["asyncio.Future[Any]"], results: Sequence[Any]) -> None:
    for done, result in zip(waiting, results, strict=True):
        if not done.done():
            done.set_result(result)


def _break(waiting: Sequence["asyncio.Future[Any]"], errors: Sequence[Exception]) -> None:
    for done, error in zip(waiting, errors, strict=True):
        if not done.done():
            done.set_exception(error)


def _is_the_store(error: Exception) -> bool:
    """Tell a store that does not work, so that trying again helps, from a job it does not take."""
    if isinstance(error, DBAPIError):
        if isinstance(error, IntegrityError | DataError):
            return False
        # SQLite's for a value that it cannot bind; PostgreSQL's are about its tables and rights.
        return not isinstance(error.orig, sqlite3.InterfaceError | sqlite3.ProgrammingError)
    return isinstance(error, StoreUnavailable)


def _hits_every_job(error: Exception) -> bool:
    """Tell a full disk, a lock, a damaged file or a lost server from an error of one statement."""
    if not _is_the_store(error):
        return False
    cause = error.orig if isinstance(error, DBAPIError) else None
    # 42 is PostgreSQL's class for statements that make no sense to it.
    is_statement = (getattr(cause, "sqlstate", None) or "").startswith("42")
    return not is_statement and getattr(cause, "sqlite_errorname", "") != "SQLITE_ERROR"
