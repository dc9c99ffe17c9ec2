"""When are the adjustments of thresholds and weights read, and which ones hold meanwhile?"""

import logging
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path

from exporter.adapters.adjustmentfile import Kept, load_adjustments, save_adjustments
from exporter.adapters.adjustmentmetrics import AdjustmentFacts
from exporter.adapters.pagerows import Problem
from exporter.config import milliseconds
from exporter.core.adjustments import (
    HIGHEST,
    LOWEST,
    TARGET,
    WEIGHT_GAUGE,
    Adjustments,
    adjustments_in,
)
from exporter.core.source import Source
from exporter.core.weights import NO_WEIGHTS, Weights, weights_in
from exporter.errors import QueryError, QueryFailure, StateError
from exporter.loops.slowloop import SlowLoop
from exporter.settings.adjustments import AdjustmentsConfig
from promkit.clock import Clock

log = logging.getLogger(__name__)


class AdjustmentLoop(SlowLoop):
    """Asks for all adjustments once per evaluation interval, just before the evaluations.

    What was answered last holds until there is another answer, also over a restart.

    Parameters
    ----------
    config : what to ask
    interval : seconds between evaluations
    queries : the names of those that are configured
    source : whom to ask
    path : where the last answer is kept, or None
    clock : paces it
    pool : where it runs

    Attributes
    ----------
    adjustments, weights : those in force
    """

    def __init__(
        self,
        config: AdjustmentsConfig,
        interval: float,
        queries: Sequence[str],
        source: Source,
        path: Path | None,
        *,
        clock: Clock,
        pool: Executor,
    ) -> None:
        super().__init__("adjustments", interval, clock=clock, pool=pool)
        self.adjustments = Adjustments()
        self.weights = NO_WEIGHTS
        self._config = config
        self._queries = tuple(queries)
        self._source = source
        self._path = path
        self._last_read = 0.0
        self._clamped = 0
        self._failures: Counter[QueryFailure] = Counter()
        self._saved: Kept | None = None
        self._unsaved: str | None = None
        self._reason: QueryFailure = "internal"

    def succeed(self, before: "AdjustmentLoop") -> None:
        """Go on with what a stopped loop knew."""
        self.adjustments = before.adjustments
        self.weights = before.weights if self._config.weights else NO_WEIGHTS
        self._last_read, self._clamped = before._last_read, before._clamped
        self._failures = before._failures
        if before._path == self._path:
            self._saved = before._saved

    def restore(self) -> None:
        """Take what was known before the exporter was started; a damaged file is none."""
        if self._path is None or not self._path.exists():
            return
        try:
            kept = load_adjustments(self._path)
        except StateError as error:
            log.error("adjustments are not known until they are read", extra={"error": error})
            return
        self._saved, self._last_read = kept, kept.read
        self.adjustments = Adjustments(kept.adjustments)
        self.weights = Weights(kept.weights) if self._config.weights else NO_WEIGHTS

    def facts(self) -> AdjustmentFacts:
        """Return what there is to tell; any thread may ask."""
        moved = {
            name: (self.adjustments.count(name), len(self.weights.ratios(name)))
            for name in self._queries
        }
        return AdjustmentFacts(moved, self._last_read, self._clamped, dict(self._failures))

    @property
    def problem(self) -> Problem | None:
        """Why verdicts are not known; None if they are."""
        if self.last_error is None:
            return None
        return Problem("adjustments", self.last_error, self._reason, self._config.expr)

    async def stop(self) -> None:
        """Return once it does not run any more, whatever Prometheus still has to say."""
        await self._abandon()

    @property
    def _phase(self) -> float:
        return 0.0  # evaluations come right after it, by their `offset`

    async def _cycle(self) -> None:
        now = self._clock.now()
        kept, clamped = await self._work(self._read, now)
        if clamped and not self._clamped:
            log.warning(
                "adjustments beyond what is allowed were cut; who else writes this gauge?",
                extra={"count": clamped, "lowest": LOWEST, "highest": HIGHEST},
            )
        if kept.adjustments != self.adjustments.entries:
            self.adjustments = Adjustments(kept.adjustments)
            about = {"count": len(kept.adjustments)}
            log.info("other adjustments of thresholds are in force", extra=about)
        if kept.weights != self.weights.entries:
            self.weights = Weights(kept.weights)
            about = {"count": len(kept.weights)}
            log.info("other weights of detectors are in force", extra=about)
        self._last_read, self._clamped = now, clamped
        if self.last_error is not None:
            log.info("adjustments can be read again")
        self.last_error = None
        if self._path is not None and (self._saved is None or not kept.says_as(self._saved)):
            await self._work(self._save, self._path, kept)

    def _read(self, now: float) -> tuple[Kept, int]:
        instant = milliseconds(now) // 1000 * 1000
        gauges = [WEIGHT_GAUGE, TARGET] if self._config.weights else [TARGET]
        # Whatever the configured expression is, the answer tells by name what is not about
        # thresholds.
        asked = (f"last_over_time({name}[1d])" for name in gauges)
        expr = " or ".join([f"({self._config.expr})", *asked])
        batch = self._source.fetch(expr, instant, instant, 1000, self._config.timeout)
        entries, clamped = adjustments_in(batch)
        # Sorted, so that the same answer in another order is no other.
        some = (entry for entry in entries if entry.ratio != 1.0)
        moved = tuple(sorted(some, key=lambda one: (one.query, sorted(one.labels.items()))))
        if not self._config.weights:
            return Kept(moved, read=now), clamped
        weights, beyond = weights_in(batch)
        return Kept(moved, Weights(weights).entries, now), clamped + beyond

    def _save(self, path: Path, kept: Kept) -> None:
        try:
            save_adjustments(path, kept)
        except StateError as error:
            if str(error) != self._unsaved:
                log.error("adjustments are not kept", extra={"error": error})
            self._unsaved = str(error)
        else:
            self._saved, self._unsaved = kept, None

    def _fail(self, error: Exception) -> None:
        reason: QueryFailure = error.reason if isinstance(error, QueryError) else "internal"
        self._failures[reason] += 1
        message = f"{type(error).__name__}: {error}"
        if self.last_error != message:
            log.error(
                "adjustments cannot be read, the last ones stay in force",
                extra={"reason": reason, "error": message},
                exc_info=error if reason == "internal" else None,
            )
        self.last_error, self._reason = message, reason
