"""What can be found out about an incident in the time that a message has?

Looked up once for all channels, within three seconds in total. What is missing is left out and
counted: nothing here may keep a message from being sent.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry
from sqlalchemy import Row

from promkit.clock import Clock
from promkit.errors import SecretUnavailable
from webhook.adapters.chart import Charts, Subject, can_draw
from webhook.adapters.composermetrics import ComposerMetrics, EnrichmentReason
from webhook.adapters.linkkeys import LinkKeys
from webhook.adapters.lookup import (
    HOURS,
    Found,
    find_course,
    find_series,
    look_around,
    look_up,
)
from webhook.adapters.prometheus import Prometheus, PrometheusError
from webhook.adapters.standing import Standing, standing_of
from webhook.adapters.store import Store
from webhook.config import WebhookConfig
from webhook.core.alerts import Status
from webhook.core.digest import told_apart
from webhook.core.links import series_labels
from webhook.core.tokens import sign
from webhook.errors import StoreUnavailable
from webhook.settings.sources import SourceConfig

log = logging.getLogger(__name__)

T = TypeVar("T")

BUDGET_SECONDS = 3.0
# What is left of it for the picture, once the questions are answered.
_PICTURE_SECONDS = 0.7
_KEPT_SECONDS = 600.0
_KEPT = 256
_LONGEST_CHART = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Enriched:
    """What was found out about an incident, for all of its channels."""

    standing: Standing | None = None
    found: Found | None = None
    picture: bytes | None = None
    tokens: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class _Kept:
    until: float
    enriched: "asyncio.Task[Enriched]"


class Enrichment:
    """Finds out, and remembers for some minutes, what messages say beyond their alert.

    Parameters
    ----------
    store, clock : history and time
    registry : takes counters
    keys : sign links
    config : returns what is in force
    budget : seconds for everything that a message needs
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        registry: CollectorRegistry,
        keys: LinkKeys,
        config: Callable[[], WebhookConfig],
        budget: float = BUDGET_SECONDS,
    ) -> None:
        self._budget = budget
        self._store = store
        self._clock = clock
        self._metrics = ComposerMetrics(registry)
        self._keys = keys
        self._config = config
        self._charts = Charts(can_draw())
        self._prometheus: tuple[SourceConfig, Prometheus] | None = None
        self._kept: dict[tuple[int, Status], _Kept] = {}

    def prepare(self) -> None:
        """Load what the first message could not wait for."""
        if self._source() is not None:
            self._charts.warm_up()

    def close(self) -> None:
        """Let go of the threads."""
        self._charts.close()
        if self._prometheus is not None:
            self._prometheus[1].close()

    async def picture(self, incident: Row[Any]) -> bytes | None:
        """Return a PNG of an incident's series from before it began to its end, or to now."""
        prometheus = self._source()
        query = incident.labels.get("query")
        if prometheus is None or not query:
            return None
        now = self._clock.now()
        until = min(now, (now if incident.ends_at is None else incident.ends_at) + 900.0)
        past = min(_LONGEST_CHART, HOURS + max(0.0, until - incident.starts_at))
        labels = series_labels(incident.labels)
        try:
            async with asyncio.timeout(self._budget):
                found = await find_series(
                    prometheus, labels, incident.opened_at, self._budget, is_over=False
                )
                if found is None:
                    return None
                course, known = await asyncio.gather(
                    find_course(prometheus, found.labels, until, self._budget, past),
                    look_around(prometheus, found, "", incident.opened_at, self._budget),
                )
                if course is None:
                    return None
                subject = subject_of(incident, known, self._config().timezone)
                return await self._charts.draw(course, subject)
        except TimeoutError:
            self._metrics.failed("timeout")
        except PrometheusError as error:
            self._metrics.failed(error.reason)
        return None

    async def enriched(self, incident: Row[Any], status: Status) -> Enriched:
        """Look everything up, once for all channels that ask within minutes."""
        now = self._clock.monotonic()
        key = (incident.id, status)
        kept = self._kept.get(key)
        if kept is None or kept.until <= now:
            if len(self._kept) >= _KEPT:
                oldest = min(self._kept, key=lambda each: self._kept[each].until)
                del self._kept[oldest]
            task = asyncio.create_task(self._enrich(incident, status))
            kept = self._kept[key] = _Kept(now + _KEPT_SECONDS, task)
        # A channel that is stopped must not take the answer from the others.
        return await asyncio.shield(kept.enriched)

    async def _enrich(self, incident: Row[Any], status: Status) -> Enriched:
        self._metrics.looked_up()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._budget
        now = self._clock.now()
        read = self._store.read(lambda connection: standing_of(connection, incident, now))
        standing, found, tokens = await asyncio.gather(
            self._part(read, self._budget),
            self._part(self._look_up(incident, status), self._budget),
            self._part(self._tokens(incident.id, now), self._budget),
        )
        picture = None
        if found is not None and found.course is not None:
            left = max(0.05, deadline - loop.time())
            drawn = self._charts.draw(
                found.course, subject_of(incident, found, self._config().timezone)
            )
            picture = await self._part(drawn, left)
        return Enriched(standing, found, picture, tokens or ("", ""))

    async def _part(self, finding: Awaitable[T], seconds: float) -> T | None:
        """Return what was found, or None; count why it was not."""
        try:
            async with asyncio.timeout(seconds):
                return await finding
        except TimeoutError:
            self.failed("timeout", f"not within {seconds:.1f} s")
        except PrometheusError as error:
            self.failed(error.reason, str(error))
        except StoreUnavailable as error:
            self.failed("store", str(error))
        except SecretUnavailable as error:
            self.failed("secret", str(error))
        except (ArithmeticError, LookupError, OSError, RuntimeError, TypeError, ValueError):
            # What drawing and looking up raise at data nobody thought of must cost only this part,
            # not keep the message from people.
            log.exception("a part of a message failed")
            self._metrics.failed("internal")
        return None

    def failed(self, reason: EnrichmentReason, problem: str) -> None:
        """Count a part that is missing, and say why."""
        self._metrics.failed(reason)
        log.warning("a message lacks a part", extra={"reason": reason, "problem": problem})

    async def _look_up(self, incident: Row[Any], status: Status) -> Found | None:
        prometheus = self._source()
        if prometheus is None or not incident.labels.get("query"):
            return None
        is_over = status == "resolved"
        at = incident.opened_at
        if is_over and incident.ends_at is not None:
            at = max(at, incident.ends_at)
        found, problems = await look_up(
            prometheus,
            series_labels(incident.labels),
            incident.alertname,
            min(at, self._clock.now()),
            self._budget - _PICTURE_SECONDS,
            is_over=is_over,
        )
        for problem in problems:
            if not isinstance(problem, PrometheusError):
                raise problem
            self.failed(problem.reason, str(problem))
        return found

    async def _tokens(self, incident_id: int, now: float) -> tuple[str, str]:
        feedback = self._config().feedback
        key = (await self._keys.keys(feedback.secret_file))[0]
        until = now + feedback.links_valid
        return sign(key, "feedback", incident_id, until), sign(key, "chart", incident_id, until)

    def _source(self) -> Prometheus | None:
        """Return the Prometheus of the configuration in force."""
        wanted, old = self._config().prometheus, self._prometheus
        if old is not None and old[0] != wanted:
            old[1].close()
            self._prometheus = None
            self._kept.clear()
        if wanted is not None and self._prometheus is None:
            self._prometheus = (wanted, Prometheus(wanted.url, wanted))
        return None if self._prometheus is None else self._prometheus[1]


def subject_of(incident: Row[Any], found: Found, zone: str) -> Subject:
    """Return what a picture of an incident's series is of."""
    return Subject(
        title=f"{incident.query} {told_apart(found.labels)}".strip(),
        unit=found.reading.unit,
        zone=zone,
        starts_at=incident.starts_at,
        ends_at=incident.ends_at,
    )
