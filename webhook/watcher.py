"""Who watches what is silent, and who finds patterns? Two jobs that come again and again.

What is silent is looked at in Prometheus for as long as it is; what cannot be looked at is left
alone, and the gate lets it through when its lease ends (`webhook.adapters.silencing`).
"""

import logging
from collections.abc import Callable
from functools import partial

from prometheus_client import CollectorRegistry

from promkit.clock import Clock
from webhook.adapters.observing import Subject, observe
from webhook.adapters.patternmaking import Decided, make
from webhook.adapters.patternmetrics import PatternMetrics
from webhook.adapters.patternpast import Place, Terms, ripe
from webhook.adapters.patterns import count_patterns, review
from webhook.adapters.prometheus import Prometheus, PrometheusError
from webhook.adapters.silencing import Silent, settle_silent, silent_incidents
from webhook.adapters.store import Store
from webhook.asking import Asking
from webhook.config import WebhookConfig
from webhook.core.patterns import Left, left, shape_of
from webhook.errors import StoreError
from webhook.observer import grouped

log = logging.getLogger(__name__)

WATCH_SECONDS = 15.0
MAKE_SECONDS = 60.0
# A look must leave time for a second one before a lease ends.
_REQUEST_SECONDS = 5.0
_MOST = 80


class Watcher:
    """Lets through what leaves its pattern, and makes patterns of verdicts.

    Parameters
    ----------
    store : incidents, verdicts and patterns
    clock : time
    registry : takes metrics
    asking : whom to ask for courses
    config : returns what is in force
    silenced : told how many incidents stay silent for good
    notified : called after something was handed to the gate
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        registry: CollectorRegistry,
        asking: Asking,
        config: Callable[[], WebhookConfig],
        silenced: Callable[[int], None],
        notified: Callable[[], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._metrics = PatternMetrics(
            registry,
            lambda: store.read_here(lambda connection: count_patterns(connection, clock.now())),
        )
        self._asking = asking
        self._config = config
        self._silenced = silenced
        self._notified = notified
        self._looked_at: dict[Place, frozenset[int]] = {}

    async def watch(self) -> None:
        """Look once at what is silent; nothing is asked while nothing is."""
        try:
            silent = await self._store.read(lambda connection: silent_incidents(connection, _MOST))
            prometheus = self._asking.prometheus()
            if silent and prometheus is not None:
                await self._watch(prometheus, silent)
        except StoreError as error:
            log.warning("cannot look at what is silent", extra={"problem": str(error)})

    async def _watch(self, prometheus: Prometheus, silent: list[Silent]) -> None:
        of = {one.incident: one for one in silent}
        subjects = [
            Subject(one.incident, one.labels, one.alerted_at, one.ends_at) for one in silent
        ]
        for group in grouped(subjects):
            asked_at = self._clock.now()
            try:
                seen = await observe(prometheus, group, asked_at, _REQUEST_SECONDS)
            except PrometheusError as error:
                self._metrics.failed(error.reason)
                more = {"incidents": len(group), "problem": str(error)}
                log.warning("what is silent cannot be watched", extra=more)
                continue
            looked_at: list[tuple[Silent, Left | None]] = []
            for each in seen:
                one = of[each.incident]
                until = asked_at if one.ends_at is None else one.ends_at
                looked_at.append((one, left(one.around, shape_of(each, until))))
            now = self._clock.now()
            settled = await self._store.write(
                partial(settle_silent, looked_at=looked_at, asked_at=asked_at, now=now)
            )
            if settled.silenced:
                self._silenced(settled.silenced)
            if settled.let_through:
                self._metrics.let_through(settled.let_through)
                self._notified()

    async def make(self) -> None:
        """End the patterns that verdicts do not bear out, and make those that they do, once."""
        config, now = self._config(), self._clock.now()
        silencing = config.gate_rules.patterns
        try:
            if await self._store.write(lambda connection: review(connection, now)):
                self._notified()
            if silencing is None:
                return
            terms = Terms(silencing, config.timezone, config.patterns.expire)
            found = await self._store.read(lambda connection: ripe(connection, terms, now))
            for place, incidents in found.items():
                # What did not agree before does not agree now.
                if self._looked_at.get(place) != incidents:
                    made = await self._store.write(partial(make, place=place, terms=terms, now=now))
                    self._told(place, made)
            self._looked_at = found
        except StoreError as error:
            log.warning("cannot look for harmless patterns", extra={"problem": str(error)})

    def _told(self, place: Place, made: Decided | None) -> None:
        if made is not None:
            what = "a harmless pattern" if made.pattern is not None else "no harmless pattern"
            log.info(what, extra={"query": place[0], "why": made.words})
