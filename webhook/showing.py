"""What can be found out about an incident while somebody waits for its page?"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from aiohttp import web
from sqlalchemy import Row

from promkit.clock import Clock
from webhook.adapters.inforce import Place, thresholds_in_force
from webhook.adapters.lookup import HOURS, Found, find_course, find_series, look_around
from webhook.adapters.prometheus import Prometheus, PrometheusError
from webhook.adapters.standing import standing_of
from webhook.adapters.store import Store
from webhook.asking import Asking
from webhook.composer import Composer
from webhook.config import WebhookConfig
from webhook.core.links import series_labels
from webhook.enrichment import Enriched
from webhook.web.incidentpage import add_incident_pages
from webhook.web.incidentparts import IncidentPages, Shown
from webhook.web.missedpage import MissedPages, add_missed_pages
from webhook.web.said import Said
from webhook.web.thresholdpage import InForce, ThresholdPages, Tuning, add_threshold_pages

log = logging.getLogger(__name__)

PAGE_SECONDS = 2.0
_AFTER = 900.0
_LONGEST = 24 * 3600.0


class Showing:
    """Finds out about incidents for their pages, anew for each of them.

    Parameters
    ----------
    composer : says what messages say
    config : returns what is in force
    seconds : that a reader waits for Prometheus
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        composer: Composer,
        config: Callable[[], WebhookConfig],
        seconds: float = PAGE_SECONDS,
    ) -> None:
        self._store = store
        self._clock = clock
        self._composer = composer
        self._config = config
        self._asking = Asking(config)
        self._seconds = seconds

    def add_pages(self, app: web.Application) -> None:
        """Add the pages on which people act; those of the frame, verdicts and marks come first."""
        said = Said()
        add_incident_pages(app, IncidentPages(self._store, self.show, self._zone, said))
        add_threshold_pages(
            app, ThresholdPages(self._store, self._clock, self._tuning, self.in_force, said)
        )
        add_missed_pages(app, MissedPages(self._zone, said))

    def _zone(self) -> str:
        return self._config().timezone

    def _tuning(self) -> Tuning:
        tuning = self._config().tuning
        return Tuning(tuning.enabled, tuning.alertnames, tuning.external_labels)

    def close(self) -> None:
        """Let go of the threads."""
        self._asking.close()

    async def show(self, incident: Row[Any]) -> Shown:
        """Return what a message would say of an incident, and what its series did.

        Raises
        ------
        StoreUnavailable
            If the store cannot be read.
        """
        now = self._clock.now()
        standing = await self._store.read(lambda connection: standing_of(connection, incident, now))
        found, problem = await self._find(incident)
        message = self._composer.described(incident, Enriched(standing, found))
        return Shown(message, None if found is None else found.course, problem)

    async def _find(self, incident: Row[Any]) -> tuple[Found | None, str]:
        prometheus = self._asking.prometheus()
        if prometheus is None:
            return None, "no Prometheus is configured that could be asked"
        if not incident.labels.get("query"):
            return None, "the alert does not say of which query it is"
        try:
            async with asyncio.timeout(self._seconds):
                return await self._ask(prometheus, incident)
        except TimeoutError:
            return None, f"Prometheus did not answer within {self._seconds:g} s"
        except PrometheusError as error:
            log.info("a page lacks its chart", extra={"problem": str(error)})
            return None, f"Prometheus could not be asked ({error.reason})"

    async def _ask(self, prometheus: Prometheus, incident: Row[Any]) -> tuple[Found | None, str]:
        at, now = min(incident.opened_at, self._clock.now()), self._clock.now()
        labels = series_labels(incident.labels)
        found = await find_series(prometheus, labels, at, self._seconds, is_over=False)
        if found is None:
            return None, "Prometheus has no samples of this series from then"
        until = min(now, (now if incident.ends_at is None else incident.ends_at) + _AFTER)
        past = min(_LONGEST, HOURS + max(0.0, until - incident.starts_at))
        around, course = await asyncio.gather(
            look_around(prometheus, found, incident.alertname, at, self._seconds),
            find_course(prometheus, found.labels, until, self._seconds, past),
        )
        problem = "" if course is not None else "Prometheus has no samples of this series from then"
        return replace(around, course=course), problem

    async def in_force(self, places: Sequence[Place]) -> tuple[InForce, str]:
        """Return the thresholds of places as Prometheus has them now, or why it has none."""
        prometheus = self._asking.prometheus()
        if prometheus is None:
            return {}, "no Prometheus is configured that could be asked"
        try:
            async with asyncio.timeout(self._seconds):
                now = self._clock.now()
                return await thresholds_in_force(prometheus, places, now, self._seconds), ""
        except TimeoutError:
            return {}, f"Prometheus did not answer within {self._seconds:g} s"
        except PrometheusError as error:
            log.info("a page lacks its thresholds", extra={"problem": str(error)})
            return {}, f"Prometheus could not be asked ({error.reason})"
