"""How good are alerts? Computed every minute from verdicts, and read by pages and metrics."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from promkit.clock import Clock
from webhook.adapters.qualitymetrics import QualityMetrics
from webhook.adapters.qualitypast import QueryPast, pasts
from webhook.adapters.store import Store
from webhook.config import WebhookConfig
from webhook.core.degradation import Degradation, degradation_of
from webhook.core.quality import WINDOWS, Quality, quality_of
from webhook.errors import StoreError

log = logging.getLogger(__name__)

QUALITY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class _Snapshot:
    quality: Mapping[tuple[str, str], Quality] = field(default_factory=dict)
    degradations: Mapping[str, Degradation] = field(default_factory=dict)


class QualityLoop:
    """Knows how good alerts are.

    Parameters
    ----------
    store : incidents, verdicts and marks
    clock : time
    registry : takes metrics
    config : returns what is in force
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        registry: CollectorRegistry,
        config: Callable[[], WebhookConfig],
    ) -> None:
        self._store = store
        self._clock = clock
        self._config = config
        self._snapshot = _Snapshot()
        QualityMetrics(registry, self.latest, self.degradations)

    def latest(self) -> Mapping[tuple[str, str], Quality]:
        """Return quality by query and window; nothing while the store cannot be read."""
        return self._snapshot.quality

    def degradations(self) -> Mapping[str, Degradation]:
        """Return by query how F1 stands to what it was, where that can be said."""
        return self._snapshot.degradations

    async def run(self) -> None:
        """Compute everything once."""
        now, names = self._clock.now(), self._config().tuning.alertnames
        try:
            found = await self._store.read(lambda connection: pasts(connection, names, now))
        except StoreError as error:
            # Old numbers would look like new ones.
            self._snapshot = _Snapshot()
            log.warning("nothing is known of quality", extra={"problem": str(error)})
            return
        self._snapshot = await asyncio.to_thread(_assessed, found, now)


def _assessed(found: Mapping[str, QueryPast], now: float) -> _Snapshot:
    degradations = {query: degradation_of(past.cases, now) for query, past in found.items()}
    return _Snapshot(
        {
            (query, window): quality_of(
                query, window, past.cases, past.unjudged[window], past.first_at, now
            )
            for query, past in found.items()
            for window in WINDOWS
        },
        {query: each for query, each in degradations.items() if each is not None},
    )
