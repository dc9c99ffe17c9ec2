"""When are incidents, silences and alerts read that nothing is to be learned from?"""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Final

from exporter.adapters.maskmetrics import MaskFacts
from exporter.config import milliseconds
from exporter.core.grid import join
from exporter.core.masks import Mask
from exporter.core.series import SeriesBatch
from exporter.core.source import Source
from exporter.errors import QueryError, QueryFailure
from exporter.lifecycle.incidentmasks import GAUGES, alert_masks, incident_masks
from exporter.lifecycle.silencemasks import GAUGES as SILENCED
from exporter.lifecycle.silencemasks import silence_masks
from exporter.loops.slowloop import SlowLoop
from exporter.settings.masks import MasksConfig
from promkit.clock import Clock

log = logging.getLogger(__name__)

INTERVAL: Final = 60.0
"""Seconds between reads, and between the columns of alerts."""


class MaskLoop(SlowLoop):
    """Reads what people and alerts say of times, and goes on with the last answer without one.

    Parameters
    ----------
    config : what to ask
    source : whom to ask
    clock : paces it
    pool : where it runs

    Attributes
    ----------
    masks : what they amount to
    tried : set once it was read or could not be
    """

    def __init__(
        self, config: MasksConfig, source: Source, *, clock: Clock, pool: Executor
    ) -> None:
        super().__init__("masks", INTERVAL, clock=clock, pool=pool)
        self.masks: Sequence[Mask] = ()
        self.tried = asyncio.Event()
        self._config = config
        self._source = source
        self._answers: tuple[SeriesBatch | None, SeriesBatch | None] = (None, None)
        self._last_read = 0.0
        self._failures: Counter[QueryFailure] = Counter()
        self._unread: tuple[str, ...] = ()

    def succeed(self, before: "MaskLoop") -> None:
        """Go on with what a stopped loop knew."""
        self._failures = before._failures
        if before._config == self._config:
            self.masks, self._answers = before.masks, before._answers
            self._last_read = before._last_read
            if before._last_read:
                self.tried.set()

    async def stop(self) -> None:
        """Return once it does not run any more; whoever waits for a first read goes on."""
        await self._abandon()
        self.tried.set()

    def facts(self) -> MaskFacts:
        """Return what there is to tell; any thread may ask."""
        return MaskFacts(len(self.masks), self._last_read, dict(self._failures))

    @property
    def _phase(self) -> float:
        return 0.0

    async def _cycle(self) -> None:
        now = self._clock.now()
        answers = await self._work(self._read, now)
        if _told(answers) != _told(self._answers):
            said, alerts = answers
            self.masks = [
                *([] if said is None else incident_masks(said)),
                *([] if said is None else self._silences(said)),
                *([] if alerts is None else alert_masks(alerts)),
            ]
        self._answers, self._last_read = answers, now
        if self.last_error is not None:
            log.info("incidents, silences and alerts can be read again")
        self.last_error = None
        self.tried.set()

    def _read(self, now: float) -> tuple[SeriesBatch | None, SeriesBatch | None]:
        config, said, alerts = self._config, None, None
        if expr := question(config):
            instant = milliseconds(now) // 1000 * 1000
            said = self._source.fetch(expr, instant, instant, 1000, config.timeout)
        if config.alerts is not None:
            alerts = self._alerts(config.alerts, now)
        return said, alerts

    def _silences(self, said: SeriesBatch) -> Sequence[Mask]:
        found = silence_masks(said)
        if found.unread and found.unread != self._unread:
            log.warning(
                "silences are not masked, since their matchers are not understood here",
                extra={"matchers": " ".join(found.unread)},
            )
        self._unread = found.unread
        return found.masks

    def _alerts(self, expr: str, now: float) -> SeriesBatch:
        """Return the history of alerts, of which only what is new is asked for."""
        step = milliseconds(INTERVAL)
        end = milliseconds(now) // step * step
        first = end - milliseconds(self._config.history) // step * step
        known = self._answers[1]
        is_usable = known is not None and first <= int(known.times[-1]) <= end
        if known is None or not is_usable:
            return self._source.fetch(expr, first, end, step, self._config.timeout)
        kept = known.columns(max(0, (first - int(known.times[0])) // step), len(known.times))
        start = int(known.times[-1]) + step
        if start > end:
            return kept
        return join([kept, self._source.fetch(expr, start, end, step, self._config.timeout)])

    def _fail(self, error: Exception) -> None:
        reason: QueryFailure = error.reason if isinstance(error, QueryError) else "internal"
        self._failures[reason] += 1
        message = f"{type(error).__name__}: {error}"
        if self.last_error != message:
            log.error(
                "incidents, silences and alerts cannot be read, what they said last is masked",
                extra={"reason": reason, "error": message},
                exc_info=error if reason == "internal" else None,
            )
        self.last_error = message
        self.tried.set()


def question(config: MasksConfig) -> str:
    """Return the PromQL for what the webhook publishes, all at once; nothing if none is wanted."""
    gauges = (*(GAUGES if config.incidents else ()), *(SILENCED if config.silences else ()))
    return f'last_over_time({{__name__=~"{"|".join(gauges)}"}}[1d])' if gauges else ""


def _told(answers: tuple[SeriesBatch | None, SeriesBatch | None]) -> object:
    """Return what two answers are compared by."""
    read, alerts = answers
    said = {} if read is None else dict(zip(read.keys, read.values[:, -1], strict=True))
    return said, None if alerts is None else (alerts.keys, alerts.times[-1])
