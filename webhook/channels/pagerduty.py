"""A channel that opens and resolves PagerDuty's alerts by Events API v2.

Everything about one incident, or one digest, carries one dedup_key, so that a repeated trigger
changes nothing and the resolved closes what the firing opened.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, model_validator

from promkit.clock import Clock
from promkit.errors import FieldProblem
from promkit.secrets import Secret
from promkit.strictyaml import ConfigPath
from webhook.channels.base import Channel, Receipt, Send
from webhook.channels.http import checked_url, posting, secret_of
from webhook.channels.payload import payload
from webhook.channels.present import Sheet, is_link, place, present
from webhook.core.facts import Digest
from webhook.core.message import Message, rfc3339
from webhook.core.severity import Level
from webhook.core.text import one_line, shortened

LONGEST_BODY = 512_000
_LONGEST_SUMMARY = 1_024
_LONGEST_KEY = 255
_SEVERITIES = {"critical": "critical", "high": "error", "medium": "warning", "low": "info"}


class PagerDutyChannel(Channel):
    """Notifications as alerts of a PagerDuty service.

    Parameters
    ----------
    levels : as for every channel, but by default critical and high: a pager wakes people
    routing_key, routing_key_file : integration key of the service, 32 characters
    url : of the Events API; another one for the EU service region
    """

    kind: Literal["pagerduty"] = "pagerduty"
    levels: frozenset[Level] | None = frozenset({"critical", "high"})
    routing_key: Secret | None = None
    routing_key_file: ConfigPath | None = None
    url: Annotated[str, AfterValidator(checked_url)] = "https://events.pagerduty.com/v2/enqueue"

    @property
    def pace(self) -> float:
        """Half a second: PagerDuty takes some 120 events per minute and key."""
        return 0.5

    @property
    def ends_digests(self) -> bool:
        """Always: an alert stays open until somebody, or a resolved, closes it."""
        return True

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.routing_key is None and self.routing_key_file is None:
            raise FieldProblem(
                ("routing_key",), "found neither routing_key nor routing_key_file; set one of them"
            )
        return self

    @asynccontextmanager
    async def connect(self, clock: Clock) -> AsyncIterator[Send]:
        """Yield a sender that keeps its connections open between notifications."""
        async with posting(clock) as poster:

            async def send(message: Message) -> Receipt:
                if _is_over(message):
                    return Receipt("not sent: nothing of the digest fires any more")
                routing_key = await secret_of(self.routing_key, self.routing_key_file)
                body = _event(message, self.name, routing_key, clock.now())
                headers = {"Content-Type": "application/json"}
                answer = await poster.post(self.url, body, headers, secrets=(routing_key,))
                return Receipt(f"HTTP {answer.status}, {dedup_key(message, self.name)}")

            yield send


def dedup_key(message: Message, channel: str) -> str:
    """Return what PagerDuty knows an incident or a digest by."""
    if message.digest is not None:
        # With its time: an empty store counts digests from 1 again.
        key = f"{message.key}-{int(message.digest.until)}"
        return shortened(f"anomaly-{key}", _LONGEST_KEY)
    key = message.key.removesuffix(f"-{message.status}-{channel}")
    return shortened(f"anomaly-{key}", _LONGEST_KEY)


def _is_over(message: Message) -> bool:
    """Tell whether a digest would wake somebody for nothing."""
    digest = message.digest
    return digest is not None and not digest.ends and not digest.still_open


def _event(message: Message, channel: str, routing_key: str, now: float) -> bytes:
    event: dict[str, object] = {
        "routing_key": routing_key,
        "event_action": "trigger",
        "dedup_key": dedup_key(message, channel),
    }
    if message.status == "resolved":
        return _encoded({**event, "event_action": "resolve"})
    sheet = present(message, now)
    event |= {
        "client": "anomaly-webhook",
        "client_url": message.links.incident,
        "links": [
            {"href": link.url, "text": link.text} for link in (*sheet.links, *sheet.verdicts)
        ],
        "images": _images(message, sheet),
    }
    words: dict[str, object] = {
        line.name or f"row {i}": line.words for i, line in enumerate(sheet.lines, 1)
    }
    # PagerDuty shows the words as a table; the rest is for its event rules.
    for details in (
        {**words, "summary": sheet.summary, "facts": payload(message)},
        {**words, "note": "labels and annotations exceed what PagerDuty takes"},
    ):
        body = _encoded({**event, "payload": _payload(message, sheet, details)})
        if len(body) <= LONGEST_BODY:
            break
    return body


def _payload(message: Message, sheet: Sheet, details: Mapping[str, object]) -> dict[str, object]:
    where = place(message) or message.query or "anomaly-webhook"
    found = {
        "summary": shortened(sheet.one_liner(), _LONGEST_SUMMARY),
        "source": one_line(where, 255),
        "severity": _severity(message),
        "timestamp": rfc3339(message.starts_at),
        "component": one_line(message.query, 255),
        "group": one_line(message.labels.get("service", message.labels.get("job", "")), 255),
        "class": one_line(message.alertname, 255),
        "custom_details": details,
    }
    return {name: value for name, value in found.items() if value}


def _severity(message: Message) -> str:
    if message.is_test:
        return "info"
    if message.digest is not None:
        return _worst_open(message.digest)
    return _SEVERITIES.get(message.level, "info")


def _worst_open(digest: Digest) -> str:
    """Return how loud a digest has to be: as the worst that still fires."""
    levels = {row.level for row in digest.rows if row.is_open}
    return next((theirs for ours, theirs in _SEVERITIES.items() if ours in levels), "info")


def _images(message: Message, sheet: Sheet) -> list[dict[str, str]]:
    """Return the picture's address; PagerDuty takes https alone."""
    url = message.links.picture
    if not (is_link(url) and url.startswith("https://")):
        return []
    return [
        {"src": url, "href": message.links.incident, "alt": message.picture_alt or sheet.subject}
    ]


def _encoded(event: dict[str, object]) -> bytes:
    return json.dumps(event, ensure_ascii=False).encode()
