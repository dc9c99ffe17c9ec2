"""What does a message say, once everything that can be found out in time is found out?"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Row

from webhook.adapters.chart import alt_text
from webhook.adapters.lookup import HOURS, Found
from webhook.adapters.outbox import Claimed
from webhook.config import WebhookConfig
from webhook.core.alerts import Status
from webhook.core.facts import Digest, DigestRow, Links, Reading, Siblings
from webhook.core.links import graph_url, is_web, series_labels, silence_url, without_secrets
from webhook.core.message import Message
from webhook.core.patterns import began_words
from webhook.core.sandbox import TemplateProblem
from webhook.core.sparkline import sparkline
from webhook.core.templates import Template
from webhook.core.why import why
from webhook.enrichment import Enriched, Enrichment, subject_of
from webhook.settings.messages import TemplatesConfig, panel_template

_PANEL_SECONDS = 3600.0


class Composer:
    """Makes the message of a notification.

    Parameters
    ----------
    enrichment : finds out what there is to say
    config : returns what is in force
    """

    def __init__(self, enrichment: Enrichment, config: Callable[[], WebhookConfig]) -> None:
        self._enrichment = enrichment
        self._config = config
        self._templates: dict[str, tuple[Template | None, Template | None]] = {}
        self._panel: Template | None = None
        self._built_for: WebhookConfig | None = None

    async def compose(self, item: Claimed) -> Message:
        """Return the message of a claimed notification, with all that was found out in time."""
        config = self._build()
        incident = item.incident
        if item.kind == "digest" or incident is None:
            return self._with_text(self._digest(item, config), item.channel)
        enriched = await self._enrichment.enriched(incident, item.kind)
        opened = int(incident.opened_at * 1000)
        message = replace(
            self._message(incident, item.kind, enriched),
            # Without the store's own ids: they start again at 1 with an empty store.
            key=f"{incident.fingerprint}-{opened}-{item.kind}-{item.channel}",
            handle=item.handle,
            trace=item.trace,
        )
        return self._with_text(message, item.channel)

    def described(self, incident: Row[Any], enriched: Enriched) -> Message:
        """Return what there is to say of an incident, for no channel: as when it began."""
        self._build()
        message = self._message(incident, "firing", enriched)
        if incident.ends_at is None:
            return message
        # A silence of what is over silences the next one unseen.
        links = replace(message.links, silence="")
        return replace(message, status="resolved", ends_at=incident.ends_at, links=links)

    def _message(self, incident: Row[Any], status: Status, enriched: Enriched) -> Message:
        config, found, standing = self._config(), enriched.found, enriched.standing
        message = Message(
            key="",
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
        if incident.pattern_left is not None:
            began = began_words(incident.pattern_id, incident.pattern_left)
            message = replace(message, why="; ".join(filter(None, (message.why, began))))
        return replace(message, links=self._links(message, incident, enriched))

    def _with_found(
        self, message: Message, incident: Row[Any], found: Found, picture: bytes | None
    ) -> Message:
        siblings, course = message.siblings, found.course
        subject = subject_of(incident, found, self._config().timezone)
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

    def _links(self, message: Message, incident: Row[Any], enriched: Enriched) -> Links:
        config, labels = self._config(), incident.labels
        base, token, chart = config.external_url, *enriched.tokens
        graph = message.generator_url if is_web(message.generator_url) else ""
        until = message.ends_at or incident.opened_at
        if config.prometheus is not None and labels.get("query"):
            own = series_labels(labels) if enriched.found is None else enriched.found.labels
            link = config.prometheus.external_url or without_secrets(config.prometheus.url)
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
            self._enrichment.failed("template", f"links.panel: {error}")
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
                self._enrichment.failed("template", f"templates.{name}: {error}")
                words.append("")
        return replace(message, text=(words[0], words[1])) if any(words) else message

    def _digest(self, item: Claimed, config: WebhookConfig) -> Message:
        digest = digest_of(item.content or {})
        return Message(
            key=f"digest-{digest.ends or item.id}-{item.channel}",
            incident=0,
            status="resolved" if digest.ends else "firing",
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
            trace=item.trace,
        )

    def _build(self) -> WebhookConfig:
        """Return the configuration in force, having made what it describes."""
        config = self._config()
        if config is self._built_for:
            return config
        self._panel = None if config.links.panel is None else panel_template(config.links.panel)
        self._templates = {
            channel.name: _templates(config.templates, channel.templates)
            for channel in config.channels
        }
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
