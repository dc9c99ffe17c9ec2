"""When is a query's model looked at, and what does a failure cost? That look, nothing else."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Final

from exporter.adapters.nextsteps import Fault
from exporter.adapters.pagerows import Problem
from exporter.adapters.refitmetrics import RefitMetrics
from exporter.core.pieces import Stopped
from exporter.errors import QueryError, StateCorrupt, StateError
from exporter.lifecycle.due import DriftStreak
from exporter.lifecycle.versions import Manifest, Reason
from exporter.loops.refitrunner import Change, RefitRunner
from exporter.loops.slowloop import SlowLoop
from promkit.clock import Clock

log = logging.getLogger(__name__)

LONGEST_RETRY: Final = 600.0
"""Seconds between attempts after failures at most."""

BRIEFEST: Final = 1.0
"""Seconds between looks at least."""


class RefitLoop(SlowLoop):
    """Looks after one query's model.

    Parameters
    ----------
    runner : the query's model
    streak : what drift checks of the query found
    turn : held by the one query whose challenger is fitted
    clock : paces it
    pool : where it runs
    metrics : where it is counted
    retake : has the query's baseline of drift taken anew
    """

    def __init__(
        self,
        runner: RefitRunner,
        *,
        streak: DriftStreak,
        turn: asyncio.Semaphore,
        clock: Clock,
        pool: Executor,
        metrics: RefitMetrics,
        retake: Callable[[str], None],
    ) -> None:
        super().__init__(runner.query.name, runner.models.tail, clock=clock, pool=pool)
        self.runner = runner
        self._streak = streak
        self._turn = turn
        self._metrics = metrics
        self._retake = retake
        self._is_asked = False
        self._ways_back: Sequence[int] = ()
        self._fault: Fault = "internal"
        metrics.remember(self.name, runner.models.refit)

    def succeed(self, before: "RefitLoop") -> None:
        """Do what a stopped loop of the same query was still asked for."""
        self._is_asked = before._is_asked
        if before.runner.fingerprint == self.runner.fingerprint:
            self._ways_back = before._ways_back

    @property
    def version(self) -> tuple[int, float] | None:
        """Number of the version in force, and unix seconds of when it was made; None for none."""
        life = self.runner.life
        champion = life.manifest(life.champion)
        return None if champion is None else (champion.number, champion.made)

    @property
    def problem(self) -> Problem | None:
        """Why the model is not looked after; None if it is."""
        if self.last_error is None:
            return None
        return Problem("model", self.last_error, self._fault)

    def refit(self) -> None:
        """Have a challenger fitted as soon as there is a tail to judge it by."""
        self._is_asked = True
        self.hurry()

    def roll_back(self, to: int | None) -> int:
        """Have another version put in force, at once; return which one it is to be.

        Raises
        ------
        ValueError
            There is no such version; says which there are.
        """
        self._ways_back = self.runner.ways_back(to)
        self.runner.interrupted.set()
        self.hurry()
        return self._ways_back[0]

    async def stop(self) -> None:
        """Return once nothing of this loop runs any more; what is under way ends early."""
        self.runner.stopping.set()
        await super().stop()

    async def _cycle(self) -> None:
        try:
            await self._look()
        except Stopped:
            if not self._ways_back:
                raise
            self.hurry()  # somebody wants another version first
        if self.last_error is not None:
            log.info("the model is looked after again", extra={"query": self.name})
        self.last_error = None

    async def _look(self) -> None:
        if self._ways_back:
            ways, self._ways_back = self._ways_back, ()
            await self._go_back(ways)
        await self._work(self.runner.look, self._clock.now(), self._streak.counts)
        self._show_version()
        reason = self.runner.due(
            self._clock.now(), is_asked=self._is_asked, has_drifted=self._streak.has_drifted
        )
        if reason is not None:
            async with self._turn:
                await self._challenge(reason)

    async def _challenge(self, reason: Reason) -> None:
        began = self._clock.monotonic()
        now, counts = self._clock.now(), self._streak.counts
        change = await self._work(self.runner.refit, now, reason, counts)
        fit, metrics = change.manifest, self._metrics
        self._is_asked = False
        metrics.refits_total.labels(self.name).inc()
        metrics.model_decisions_total.labels(self.name, fit.decision).inc()
        metrics.last_refit_timestamp_seconds.labels(self.name).set(now)
        metrics.refit_duration_seconds.labels(self.name).observe(self._clock.monotonic() - began)
        self._show_quality(fit)
        self._show_version()
        self._note(change)
        if reason == "drift":
            self._streak.clear()
            if fit.decision == "promoted":
                self._retake(self.name)

    async def _go_back(self, ways: Sequence[int]) -> None:
        change = await self._work(self.runner.roll_back, self._clock.now(), ways)
        self._metrics.model_rollbacks_total.labels(self.name, "command").inc()
        self._note(change)

    def _note(self, change: Change) -> None:
        if change.unsaved is not None:
            self._count_failure("state")
            about = {"query": self.name, "error": change.unsaved}
            log.warning("what a retired version knew last is not kept", extra=about)

    def _show_version(self) -> None:
        life, clock = self.runner.life, self._clock
        champion = life.manifest(life.champion)
        if champion is None:
            return
        made = champion.made
        self._metrics.show_version(
            self.name, champion.number, life.refusals, lambda: max(0.0, clock.now() - made)
        )
        newest = life.manifests[-1]
        if newest.beside is not None:  # after a restart, too
            self._show_quality(newest)

    def _show_quality(self, fit: Manifest) -> None:
        if fit.quality is not None and fit.champion is not None:
            self._metrics.show_quality(self.name, "challenger", fit.quality)
            self._metrics.show_quality(self.name, "champion", fit.champion)

    def _until_due(self) -> float:
        if self.last_error is not None:
            return LONGEST_RETRY
        pause = self.runner.pause(self._clock.now(), has_drifted=self._streak.has_drifted)
        return max(BRIEFEST, pause)

    def _fail(self, error: Exception) -> None:
        reason, message = _reason(error)
        self._count_failure(reason)
        if self.last_error != message:
            about = {"query": self.name, "reason": reason, "error": message}
            log.error("a model is not looked after", extra=about, exc_info=reason == "internal")
        self.last_error, self._fault = message, reason

    def _count_failure(self, reason: str) -> None:
        self._metrics.refit_failures_total.labels(self.name, reason).inc()


def _reason(error: Exception) -> tuple[Fault, str]:
    """Return under which reason a failure is counted, and what is said of it."""
    if isinstance(error, QueryError):
        return error.reason, str(error)
    if isinstance(error, StateCorrupt):
        return "damaged", str(error)
    if isinstance(error, StateError):
        return "state", str(error)
    return "internal", f"{type(error).__name__}: {error}"
