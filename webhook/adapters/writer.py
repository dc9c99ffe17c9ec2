"""How do many requests share one commit, and one thread own the writing connection?

A commit costs a flush of the disk whatever it holds. So requests wait in a queue while one commit
runs, and the next commit takes all of them: group commit.
"""

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError, SQLAlchemyError

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
    done: "Future[T]"


@dataclass(frozen=True, slots=True)
class _Record(Generic[Item, Result]):
    item: Item
    done: "Future[Result]"


class Writer(Generic[Item, Result]):
    """One thread that runs jobs in shared transactions.

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
        self._queue: queue.SimpleQueue[_Call[Any] | _Record[Item, Result] | None] = (
            queue.SimpleQueue()
        )
        self._thread = threading.Thread(target=self._loop, name="store-writer", daemon=True)
        self.failure: str | None = None
        """Why the last commit failed; None after one that succeeded."""

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Commit everything submitted so far and end the thread."""
        self._queue.put(None)
        self._thread.join()

    def record(self, item: Item) -> "Future[Result]":
        """Queue an item; the future is done once it is committed."""
        done: Future[Result] = Future()
        self._queue.put(_Record(item, done))
        return done

    def call(self, run: Callable[[Connection], T]) -> "Future[T]":
        """Queue a function of the connection; it may run twice if a neighbour's job failed."""
        done: Future[T] = Future()
        self._queue.put(_Call(run, done))
        return done

    def _loop(self) -> None:
        is_open = True
        while is_open:
            batch: list[_Call[Any] | _Record[Item, Result]] = []
            task = self._queue.get()
            while task is not None:
                # False when the requester gave up meanwhile: nobody was promised anything.
                if task.done.set_running_or_notify_cancel():
                    batch.append(task)
                if len(batch) >= MAX_BATCH or self._queue.empty():
                    break
                task = self._queue.get()
            is_open = task is not None
            if batch:
                self._commit(batch)

    def _commit(self, batch: Sequence[_Call[Any] | _Record[Item, Result]]) -> None:
        try:
            results = self._transact(batch)
        except (OperationalError, StoreUnavailable) as error:
            # The disk or the file, not one job: all of them fail, and all may be sent again.
            self.failure = _cause(error)
            log.error("commit failed", extra={"problem": self.failure, "jobs": len(batch)})
            for task in batch:
                task.done.set_exception(StoreUnavailable(f"cannot commit: {self.failure}"))
        except Exception as error:  # handed to whoever waits for the job; the thread must live
            if len(batch) > 1:
                for task in batch:
                    self._commit([task])
                return
            if isinstance(error, SQLAlchemyError):
                log.exception("the store refused a job")
                error = StoreRefused(f"the store refused it ({type(error).__name__})")
            batch[0].done.set_exception(error)
        else:
            self.failure = None
            for task, result in zip(batch, results, strict=True):
                task.done.set_result(result)

    def _transact(self, batch: Sequence[_Call[Any] | _Record[Item, Result]]) -> list[Any]:
        items = [task.item for task in batch if isinstance(task, _Record)]
        if items:
            self._guard()
        with self._engine.begin() as connection:
            recorded = iter(self._record(connection, items) if items else ())
            return [
                next(recorded) if isinstance(task, _Record) else task.run(connection)
                for task in batch
            ]


def _cause(error: OperationalError | StoreUnavailable) -> str:
    return str(error.orig) if isinstance(error, OperationalError) else str(error)
