"""What does a query show of slow work between two cycles, and after failures?"""

import logging
from abc import abstractmethod
from concurrent.futures import Executor
from threading import Event
from typing import ClassVar, Final, Generic, Self, TypeVar

from exporter.adapters.metricset import Cycles
from exporter.adapters.nextsteps import Fault
from exporter.adapters.pagerows import Problem
from exporter.errors import QueryError
from exporter.loops.slowloop import SlowLoop
from promkit.clock import Clock

log = logging.getLogger(__name__)

PATIENCE: Final = 60.0
"""Seconds of failures after which what is shown is withdrawn, unless the interval is longer."""

Shown = TypeVar("Shown")


class ShowLoop(SlowLoop, Generic[Shown]):
    """Shows what the last good cycle of a query found, until that is too old.

    Parameters
    ----------
    name : of the query
    interval : seconds between cycles
    fingerprint : what it finds depends on
    stopping : ends a cycle early
    cycles : where they are counted
    clock : paces it
    pool : where they run

    Attributes
    ----------
    shown : None when there is nothing, or nothing that could pass for current
    last_success : unix seconds of the last cycle that succeeded, or None
    """

    one: ClassVar[str]
    """What a cycle is called in the log; several of them with an s."""

    def __init__(
        self,
        name: str,
        interval: float,
        fingerprint: str,
        stopping: Event,
        cycles: Cycles,
        *,
        clock: Clock,
        pool: Executor,
    ) -> None:
        super().__init__(name, interval, clock=clock, pool=pool)
        self.shown: Shown | None = None
        self.last_success: float | None = None
        self._fingerprint = fingerprint
        self._stopping = stopping
        self._cycles = cycles
        self._noted: str | None = None
        self._fault: Fault = "internal"

    @property
    def state(self) -> str:
        """What the page for people says of it."""
        if self.last_error is not None:
            return "failing"
        return f"first {self.one}" if self.last_success is None else "ok"

    @property
    def problem(self) -> Problem | None:
        """What the last cycle failed with, and what to do about it; None if it did not."""
        if self.last_error is None:
            return None
        return Problem(self.one, self.last_error, self._fault)

    async def stop(self) -> None:
        """Return once nothing of this loop runs any more; a cycle ends early."""
        self._stopping.set()
        await super().stop()

    def _go_on(self, before: Self) -> None:
        """Show what a stopped loop of the same query has shown, unless something else is asked."""
        if before._fingerprint == self._fingerprint:
            self.shown = before.shown
            self.last_success = before.last_success
            self.last_error, self._fault = before.last_error, before._fault

    def _until_first(self) -> float:
        """Return how long what is shown from before a reload is as good as new."""
        if self.shown is None or self.last_success is None or self.last_error is not None:
            return 0.0
        pause = self._until_due()
        is_of_this_interval = self._clock.now() + pause - self.last_success <= self.interval
        return pause if is_of_this_interval else 0.0

    @abstractmethod
    async def _look(self) -> Shown:
        """Return what is to be shown from now on, and count it."""

    @abstractmethod
    def _count_none(self) -> None:
        """Count that nothing is shown any more."""

    async def _cycle(self) -> None:
        began = self._clock.monotonic()
        self.shown = await self._look()
        self.last_success = self._clock.now()
        if self.last_error is not None:
            log.info(f"{self.one}s succeed again", extra={"query": self.name})
        self.last_error = None
        self._cycles.last_timestamp_seconds.labels(self.name).set(self.last_success)
        self._cycles.duration_seconds.labels(self.name).observe(self._clock.monotonic() - began)

    def _fail(self, error: Exception) -> None:
        """Count and log a failure; what is shown stays until it is too old."""
        reason, message = self._reason(error)
        self._count_failure(reason)
        if self.last_error != message:
            about = {"query": self.name, "reason": reason, "error": message}
            log.error(f"{self.one} failed", extra=about, exc_info=reason == "internal")
        self.last_error, self._fault = message, reason
        oldest = self._clock.now() - max(3 * self.interval, self.interval + PATIENCE)
        if self.shown is not None and (self.last_success or 0.0) < oldest:
            log.error(f"{self.one}s are too old, withdrawn", extra={"query": self.name})
            self.shown = None
            self._count_none()

    def _note(self, failure: Exception | None, reason: str, meaning: str) -> None:
        """Count, and log once, what a cycle failed with in part; None for nothing."""
        if failure is not None:
            self._count_failure(reason)
            if self._noted != str(failure):
                about = {"query": self.name, "error": str(failure)}
                log.warning(meaning, extra=about, exc_info=failure)
        self._noted = None if failure is None else str(failure)

    def _reason(self, error: Exception) -> tuple[Fault, str]:
        """Return under which reason a failure is counted, and what is said of it."""
        if isinstance(error, QueryError):
            return error.reason, str(error)
        return "internal", f"{type(error).__name__}: {error}"

    def _count_failure(self, reason: str) -> None:
        self._cycles.failures_total.labels(self.name, reason).inc()
