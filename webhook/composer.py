"""What does a message say, once everything that can be found out in time is found out?

Looked up once for all channels of an incident, within three seconds in total. What is missing is
left out and counted: nothing here may keep a message from being sent.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry
from sqlalchemy import Row

from promkit.clock import Clock
from promkit.errors import SecretUnavailable
from webhook.adapters.chart import Charts, Subject, alt_text, can_draw
from webhook.adapters.composermetrics import ComposerMetrics, EnrichmentReason
from webhook.adapters.linkkeys import LinkKeys
from webhook.adapters.lookup import HOURS, Found, find_course, find_series, look_up
from webhook.adapters.outbox import Claimed
from webhook.adapters.prometheus import Prometheus, PrometheusError
from webhook.adapters.standing import Standing, standing_of
from webhook.adapters.store import Store
from webhook.config import WebhookConfig
from webhook.core.alerts import Status
from webhook.core.digest import told_apart
from webhook.core.facts import Digest, DigestRow, Links, Reading, Siblings
from webhook.core.links import graph_url, is_web, series_labels, silence_url
from webhook.core.message import Message
from webhook.core.sandbox import TemplateProblem
from webhook.core.sparkline import sparkline
from webhook.core.templates import Template
from webhook.core.tokens import sign
from webhook.core.why import why
from webhook.errors import StoreUnavailable
from webhook.settings.messages import TemplatesConfig, panel_template

log = logging.getLogger(__name__)

T = TypeVar("T")

BUDGET_SECONDS = 3.0
# What is left of it for the picture, once the questions are answered.
_PICTURE_SECONDS = 0.7
_KEPT_SECONDS = 600.0
_KEPT = 256
_PANEL_SECONDS = 3600.0
_LONGEST_CHART = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class _Enriched:
    """What was found out about an incident, for all of its channels."""

    standing: Standing | None = None
    found: Found | None = None
    picture: bytes | None = None
    tokens: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class _Kept:
    until: float
    enriched: "asyncio.Task[_Enriched]"


class Composer:
    """Makes the message of a notification.

    Parameters
    ----------
    store, clock : history and time
    registry : takes counters
    keys : sign links
    config : returns what is in force
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        registry: CollectorRegistry,
        keys: LinkKeys,
        config: Callable[[], WebhookConfig],
    ) -> None:
        self._store = store
        self._clock = clock
        self._metrics = ComposerMetrics(registry)
        self._keys = keys
        self._config = config
        self._charts = Charts(can_draw())
        self._prometheus: Prometheus | None = None
        self._templates: dict[str, tuple[Template | None, Template | None]] = {}
        self._panel: Template | None = None
        self._built_for: WebhookConfig | None = None
        self._kept: dict[tuple[int, Status], _Kept] = {}

    def close(self) -> None:
        """Let go of the threads."""
        self._charts.close()
        if self._prometheus is not None:
            self._prometheus.close()

    async def compose(self, item: Claimed) -> Message:
        """Return the message of a claimed notification, with all that was found out in time."""
        config = self._build()
        incident = item.incident
        if item.kind == "digest" or incident is None:
            return self._with_text(self._digest(item, config), item.channel)
        enriched = await self._enriched(incident, item.kind)
        return self._with_text(self._message(item, incident, item.kind, enriched), item.channel)

    async def picture(self, incident: Row[Any]) -> bytes | None:
        """Return a PNG of an incident's series from before it began to its end, or to now."""
        self._build()
        query = incident.labels.get("query")
        if self._prometheus is None or not query:
            return None
        now = self._clock.now()
        until = min(now, (now if incident.ends_at is None else incident.ends_at) + 900.0)
        past = min(_LONGEST_CHART, HOURS + max(0.0, until - incident.starts_at))
        labels = series_labels(incident.labels)
        try:
            async with asyncio.timeout(BUDGET_SECONDS):
                found = await find_series(
                    self._prometheus, labels, incident.opened_at, BUDGET_SECONDS, is_over=False
                )
                if found is None:
                    return None
                course = await find_course(
                    self._prometheus, found.labels, until, BUDGET_SECONDS, past
                )
                if course is None:
                    return None
                return await self._charts.draw(course, self._subject(incident, found))
        except TimeoutError:
            self._metrics.failed("timeout")
        except PrometheusError as error:
            self._metrics.failed(error.reason)
        return None

    async def _enriched(self, incident: Row[Any], status: Status) -> _Enriched:
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

    async def _enrich(self, incident: Row[Any], status: Status) -> _Enriched:
        self._metrics.looked_up()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + BUDGET_SECONDS
        now = self._clock.now()
        read = self._store.read(lambda connection: standing_of(connection, incident, now))
        standing, found, tokens = await asyncio.gather(
            self._part(read, BUDGET_SECONDS),
            self._part(self._look_up(incident, status), BUDGET_SECONDS),
            self._part(self._tokens(incident.id, now), BUDGET_SECONDS),
        )
        picture = None
        if found is not None and found.course is not None:
            left = max(0.05, deadline - loop.time())
            drawn = self._charts.draw(found.course, self._subject(incident, found))
            picture = await self._part(drawn, left)
        return _Enriched(standing, found, picture, tokens or ("", ""))

    async def _part(self, finding: Awaitable[T], seconds: float) -> T | None:
        """Return what was found, or None; count why it was not."""
        try:
            async with asyncio.timeout(seconds):
                return await finding
        except TimeoutError:
            self._failed("timeout", f"not within {seconds:.1f} s")
        except PrometheusError as error:
            self._failed(error.reason, str(error))
        except StoreUnavailable as error:
            self._failed("store", str(error))
        except SecretUnavailable as error:
            self._failed("secret", str(error))
        except Exception:
            # The third place that catches everything: a defect in what decorates a message must
            # not keep the message from people.
            log.exception("a part of a message failed")
            self._metrics.failed("internal")
        return None

    def _failed(self, reason: EnrichmentReason, problem: str) -> None:
        self._metrics.failed(reason)
        log.warning("a message lacks a part", extra={"reason": reason, "problem": problem})

    async def _look_up(self, incident: Row[Any], status: Status) -> Found | None:
        if self._prometheus is None or not incident.labels.get("query"):
            return None
        is_over = status == "resolved"
        at = incident.opened_at
        if is_over and incident.ends_at is not None:
            at = max(at, incident.ends_at)
        found, problems = await look_up(
            self._prometheus,
            series_labels(incident.labels),
            incident.alertname,
            min(at, self._clock.now()),
            BUDGET_SECONDS - _PICTURE_SECONDS,
            is_over=is_over,
        )
        for problem in problems:
            if not isinstance(problem, PrometheusError):
                raise problem
            self._failed(problem.reason, str(problem))
        return found

    async def _tokens(self, incident_id: int, now: float) -> tuple[str, str]:
        feedback = self._config().feedback
        key = (await self._keys.keys(feedback.secret_file))[0]
        until = now + feedback.links_valid
        return sign(key, "feedback", incident_id, until), sign(key, "chart", incident_id, until)

    def _message(
        self, item: Claimed, incident: Row[Any], status: Status, enriched: _Enriched
    ) -> Message:
        config, found, standing = self._config(), enriched.found, enriched.standing
        opened = int(incident.opened_at * 1000)
        message = Message(
            # Without the store's own ids: they start again at 1 with an empty store.
            key=f"{incident.fingerprint}-{opened}-{status}-{item.channel}",
            incident=incident.id,
            status=status,
            severity=incident.severity,
            level=incident.level,
            alertname=incident.alertname,
            query=incident.query,
            labels=incident.labels,
            annotations=incident.annotations,
            starts_at=incident.starts_at,
            ends_at=incident.ends_at if status == "resolved" else None,
            generator_url=incident.generator_url,
            links=Links(f"{config.external_url}/incidents/{incident.id}"),
            handle=item.handle,
            zone=config.timezone,
        )
        message = replace(message, reading=_annotated(message))
        if standing is not None:
            message = replace(
                message,
                siblings=standing.siblings,
                history=standing.history,
                cause=standing.cause,
            )
        if found is not None:
            message = self._with_found(message, incident, found, enriched.picture)
        return replace(message, links=self._links(message, incident, enriched))

    def _with_found(
        self, message: Message, incident: Row[Any], found: Found, picture: bytes | None
    ) -> Message:
        siblings, course = message.siblings, found.course
        subject = self._subject(incident, found)
        return replace(
            message,
            reading=found.reading,
            course=course,
            breach=found.breach,
            why="" if message.status == "resolved" else why(found.reading, found.signals),
            sparkline="" if course is None else sparkline(course.values),
            siblings=None
            if siblings is None
            else Siblings(siblings.affected, found.watched, siblings.names),
            picture=picture,
            picture_alt="" if course is None else alt_text(course, subject),
        )

    def _links(self, message: Message, incident: Row[Any], enriched: _Enriched) -> Links:
        config, labels = self._config(), incident.labels
        base, token, chart = config.external_url, *enriched.tokens
        graph = message.generator_url if is_web(message.generator_url) else ""
        until = message.ends_at or incident.opened_at
        if config.prometheus is not None and labels.get("query"):
            own = series_labels(labels) if enriched.found is None else enriched.found.labels
            link = config.prometheus.external_url or config.prometheus.url.rstrip("/")
            graph = graph_url(link, own, until, HOURS)
        alertmanager = ""
        if config.alertmanager is not None and config.alertmanager.external_url:
            alertmanager = config.alertmanager.external_url
        elif enriched.standing is not None and is_web(enriched.standing.alertmanager):
            alertmanager = enriched.standing.alertmanager
        runbook = message.annotations.get("runbook_url", "")
        return replace(
            message.links,
            graph=graph,
            panel=self._panel_link(message, until),
            runbook=runbook if is_web(runbook) else "",
            silence=silence_url(alertmanager, labels)
            if alertmanager and message.ends_at is None
            else "",
            confirm=f"{base}/feedback/{token}?verdict=confirmed" if token else "",
            false_alarm=f"{base}/feedback/{token}?verdict=false_alarm" if token else "",
            picture=f"{base}/charts/{chart}.png" if chart and enriched.picture is not None else "",
        )

    def _panel_link(self, message: Message, until: float) -> str:
        if self._panel is None:
            return ""
        start = int(1000 * (message.starts_at - _PANEL_SECONDS))
        end = int(1000 * (until + _PANEL_SECONDS))
        try:
            return self._panel.render(message, from_ms=start, to_ms=end)
        except TemplateProblem as error:
            self._failed("template", f"links.panel: {error}")
            return ""

    def _with_text(self, message: Message, channel: str) -> Message:
        """Return the message with the user's own words, where there are some for its channel."""
        templates = self._templates.get(channel, (None, None))
        if templates == (None, None):
            return message
        words: list[str] = []
        for name, template in zip(("title", "body"), templates, strict=True):
            try:
                words.append("" if template is None else template.render(message))
            except TemplateProblem as error:
                self._failed("template", f"templates.{name}: {error}")
                words.append("")
        return replace(message, text=(words[0], words[1])) if any(words) else message

    def _digest(self, item: Claimed, config: WebhookConfig) -> Message:
        digest = digest_of(item.content or {})
        return Message(
            key=f"digest-{item.id}-{item.channel}",
            incident=0,
            status="firing",
            severity="none",
            level=next(iter(digest.by_level), "low"),
            alertname="",
            query="",
            labels={},
            annotations={},
            starts_at=digest.since,
            ends_at=None,
            generator_url="",
            links=Links(digest.url or config.external_url),
            digest=digest,
            zone=config.timezone,
        )

    def _subject(self, incident: Row[Any], found: Found) -> Subject:
        name = told_apart(found.labels)
        return Subject(
            title=f"{incident.query} {name}".strip(),
            unit=found.reading.unit,
            zone=self._config().timezone,
            starts_at=incident.starts_at,
            ends_at=incident.ends_at,
        )

    def _build(self) -> WebhookConfig:
        """Return the configuration in force, having made what it describes."""
        config = self._config()
        old = self._built_for
        if config is old:
            return config
        if old is None or config.prometheus != old.prometheus:
            if self._prometheus is not None:
                self._prometheus.close()
            source = config.prometheus
            self._prometheus = None if source is None else Prometheus(source.url, source)
        self._panel = None if config.links.panel is None else panel_template(config.links.panel)
        self._templates = {
            channel.name: _templates(config.templates, channel.templates)
            for channel in config.channels
        }
        self._kept.clear()
        self._built_for = config
        return config


def digest_of(content: Mapping[str, Any]) -> Digest:
    """Return the digest that a row of the outbox holds."""
    rows = tuple(DigestRow(**row) for row in content.get("rows", ()))
    known = {name: content[name] for name in Digest.__slots__ if name in content}
    return Digest(**{"since": 0.0, "until": 0.0, "held": 0, "still_open": 0, **known, "rows": rows})


def _templates(
    shared: TemplatesConfig, own: TemplatesConfig | None
) -> tuple[Template | None, Template | None]:
    title = (own.title if own else None) or shared.title
    body = (own.body if own else None) or shared.body
    return (
        None if title is None else Template(title, is_title=True),
        None if body is None else Template(body),
    )


def _annotated(message: Message) -> Reading | None:
    """Return the numbers that the alert itself carries, None without any."""
    numbers = message.numbers()
    if all(number is None for number in numbers.values()):
        return None
    return Reading(
        value=numbers["value"],
        expected=numbers["expected"],
        lower=numbers["lower_bound"],
        upper=numbers["upper_bound"],
        score=numbers["score"],
    )
