"""Would other thresholds be better? Compared every hour with those in force; nobody is alerted."""

import logging
from collections.abc import Callable, Sequence
from functools import partial

from prometheus_client import CollectorRegistry

from promkit.clock import Clock
from webhook.adapters.prometheus import PrometheusError
from webhook.adapters.qualitypast import pasts
from webhook.adapters.shadowalarms import (
    UNANSWERABLE,
    Counted,
    count_alarms,
    next_stretch,
    read_counted,
    write_counted,
)
from webhook.adapters.shadowmetrics import ShadowMetrics
from webhook.adapters.store import Store
from webhook.asking import Asking
from webhook.config import WebhookConfig
from webhook.core.quality import DAY
from webhook.core.shadow import IN_FORCE, WINDOWS, Compared, Variant, compared
from webhook.errors import StoreError

log = logging.getLogger(__name__)

SHADOW_SECONDS = 3_600.0
FIRST_SECONDS = 60.0
_REQUEST_SECONDS = 30.0
# Of one run: a new variant has seven days to catch up on.
_MOST_SECONDS = 300.0


class Shadow:
    """Knows how variants would have done.

    Parameters
    ----------
    store : what people judged, and what was counted
    clock : time
    registry : takes metrics
    asking : whom to ask for alarms that nobody judged
    config : returns what is in force
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        registry: CollectorRegistry,
        asking: Asking,
        config: Callable[[], WebhookConfig],
    ) -> None:
        self._store = store
        self._clock = clock
        self._asking = asking
        self._config = config
        self._latest: Sequence[Compared] = ()
        self._has_begun = False
        ShadowMetrics(registry, self.latest)

    def latest(self) -> Sequence[Compared]:
        """Return all comparisons, by query, window and variant, that in force first."""
        return self._latest

    async def run(self) -> None:
        """Compare once; failures are logged, and what was counted is kept."""
        if not self._has_begun:
            # Others have more to do in the first minute.
            await self._clock.sleep(FIRST_SECONDS)
            self._has_begun = True
        variants = [one.variant for one in self._config().shadow]
        if not variants:
            self._latest = ()
            return
        about = {query for variant in variants for query in variant.queries}
        is_all = any(not variant.queries for variant in variants)
        in_force = Variant(IN_FORCE, 1.0, () if is_all else tuple(sorted(about)))
        try:
            counted = {
                variant.name: await self._counted(variant) for variant in (in_force, *variants)
            }
            self._latest = await self._compared((in_force, *variants), counted)
        except StoreError as error:
            self._latest = ()
            log.warning("thresholds are not compared", extra={"problem": str(error)})

    async def _counted(self, variant: Variant) -> Counted:
        """Return the alarms of a variant, after asking for what is new."""
        began = self._clock.now()
        counted = await self._store.read(
            lambda connection: read_counted(connection, variant, began)
        )
        prometheus, is_told = self._asking.prometheus(), False
        while prometheus is not None and self._clock.now() - began < _MOST_SECONDS:
            stretch = next_stretch(counted, self._clock.now())
            if stretch is None:
                break
            try:
                found = await count_alarms(prometheus, variant, *stretch, _REQUEST_SECONDS)
            except PrometheusError as error:
                more = {"variant": variant.name, "problem": str(error)}
                if error.reason not in UNANSWERABLE:
                    log.warning("alarms cannot be counted, they are next time", extra=more)
                    break
                if not is_told:
                    log.warning("hours are left out, which count as unwatched", extra=more)
                found, is_told = {}, True
            after = counted.and_then(*stretch, found)
            is_written = await self._store.write(
                partial(
                    write_counted,
                    variant=variant,
                    before=counted,
                    after=after,
                    now=self._clock.now(),
                )
            )
            if not is_written:
                # Another replica is at it.
                break
            counted = after
        return counted

    async def _compared(
        self, variants: Sequence[Variant], counted: dict[str, Counted]
    ) -> Sequence[Compared]:
        now, names = self._clock.now(), self._config().tuning.alertnames
        found = await self._store.read(lambda connection: pasts(connection, names, now))
        asked = {query for each in counted.values() for stretch in each.stretches.values()
                 for query in stretch}  # fmt: skip
        return [
            compared(
                query,
                variant,
                window,
                found[query].cases if query in found else (),
                counted[variant.name].within(query, now - days * DAY),
                now,
            )
            for query in sorted(found.keys() | asked)
            for window, days in WINDOWS.items()
            for variant in variants
            if variant.is_about(query)
        ]
