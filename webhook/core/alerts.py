"""What does a request body from Alertmanager or Grafana say, once everything harmful is taken out?

The parser is tolerant on purpose: Alertmanager retries on 5xx for ever and gives up on 4xx, so odd
content must neither fail later in the store nor cost its well-formed neighbours.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from webhook.core.grafana import extras_of, is_grafana
from webhook.core.text import storable
from webhook.core.usual import UsualAlert, read_usual
from webhook.errors import DeliveryError

Status = Literal["firing", "resolved"]
# Who told us: a delivery of theirs, our looking it up, or something about ourselves.
Origin = Literal["alertmanager", "grafana", "reconcile", "webhook"]

# Clocks further apart than this are broken rather than skewed. A resolved "ending" far in the
# future would otherwise keep its series from ever alerting again.
MAX_SKEW = 86_400.0
# Alertmanager's are 16 hex digits. It becomes part of headers and keys, so nothing odd passes.
_FINGERPRINT = re.compile(r"[0-9A-Za-z_-]{1,64}")
NO_SEVERITY = "none"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert of a delivery; times in unix seconds, every string storable.

    `extras` is what only some senders say; see `webhook.core.grafana`.
    """

    fingerprint: str
    status: Status
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: float
    ends_at: float | None
    generator_url: str
    extras: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request of Alertmanager or Grafana, or what we looked up ourselves.

    Parameters
    ----------
    alerts : what can be stored
    problems : what cannot, one sentence each; the body then also goes to quarantine
    receiver, source, cause : their name for us, the sender's external URL, and why it notified
    truncated : alerts that the sender cut off because of `max_alerts`
    origin : what kind of sender it is
    """

    alerts: tuple[Alert, ...]
    problems: tuple[str, ...]
    receiver: str
    source: str
    cause: str
    truncated: int
    origin: Origin = "alertmanager"


def severity_of(labels: Mapping[str, str]) -> str:
    """Return the label `severity` in lower case, or "none"."""
    return labels.get("severity", "").strip().lower() or NO_SEVERITY


def parse_delivery(raw: bytes, received_at: float) -> Delivery:
    """Read Alertmanager's webhook JSON, version 4, or Grafana's, which is the same with additions.

    Unknown fields are ignored and missing optional ones tolerated.

    Raises
    ------
    DeliveryError : when the body is no JSON object with a list `alerts`, or when no alert in a
        non-empty list can be used
    """
    usual = read_usual(raw)
    if usual is not None:
        return Delivery(
            alerts=tuple(_of_usual(item, received_at) for item in usual.alerts),
            problems=(),
            receiver=usual.receiver,
            source=usual.source,
            cause=usual.cause,
            truncated=usual.truncated,
        )
    return parse_odd_delivery(raw, received_at)


def parse_odd_delivery(raw: bytes, received_at: float) -> Delivery:
    """Read a body of any shape value by value; of the usual one, to the same result."""
    try:
        # Numbers stay text: nothing we keep is a number, and no NaN, huge integer or overflow
        # can then reach the store.
        document = json.loads(
            raw.decode("utf-8-sig", "replace"), parse_int=str, parse_float=str, parse_constant=str
        )
    except ValueError as error:
        raise DeliveryError(
            f"the body is not JSON ({storable(str(error))}); "
            "send Alertmanager's webhook JSON (webhook_config without a custom payload)"
        ) from None
    except RecursionError:
        raise DeliveryError("the body is nested too deeply to be Alertmanager's JSON") from None
    if not isinstance(document, dict) or not isinstance(document.get("alerts"), list):
        raise DeliveryError(
            "the body has no list 'alerts'; send Alertmanager's webhook JSON, version 4 "
            "(webhook_config without a custom payload)"
        )
    alerts: list[Alert] = []
    problems: list[str] = []
    for i, item in enumerate(document["alerts"]):
        try:
            alerts.append(_parse_alert(item, received_at))
        except DeliveryError as error:
            problems.append(f"alerts[{i}]: {error}")
    if problems and not alerts:
        raise DeliveryError("; ".join(problems[:5]))
    return Delivery(
        alerts=tuple(alerts),
        problems=tuple(problems),
        receiver=_text(document.get("receiver")),
        source=_text(document.get("externalURL")),
        cause=_text(document.get("notification_reason")),
        truncated=_count(document.get("truncatedAlerts")),
        origin="grafana" if is_grafana(document) else "alertmanager",
    )


def _parse_alert(item: object, received_at: float) -> Alert:
    if not isinstance(item, dict):
        raise DeliveryError("found something that is not an object")
    status = item.get("status")
    if status not in ("firing", "resolved"):
        raise DeliveryError(f"status is {_text(status)[:50]!r}; allowed: 'firing', 'resolved'")
    labels = _text_map(item.get("labels"))
    if not labels:
        raise DeliveryError("it has no labels, so there is nothing to tell it apart by")
    starts_at, ends_at = _span(status, item.get("startsAt"), item.get("endsAt"), received_at)
    return Alert(
        fingerprint=_fingerprint(item.get("fingerprint"), labels),
        status="firing" if status == "firing" else "resolved",
        labels=labels,
        annotations=_text_map(item.get("annotations")),
        starts_at=starts_at,
        ends_at=ends_at,
        generator_url=_text(item.get("generatorURL")),
        extras=extras_of(item),
    )


def _of_usual(item: UsualAlert, received_at: float) -> Alert:
    starts_at, ends_at = _span(item.status, item.starts_at, item.ends_at, received_at)
    return Alert(
        fingerprint=_fingerprint(item.fingerprint, item.labels),
        status=item.status,
        labels=item.labels,
        annotations=item.annotations,
        starts_at=starts_at,
        ends_at=ends_at,
        generator_url=item.generator_url,
    )


def _span(
    status: str, starts: object, ends: object, received_at: float
) -> tuple[float, float | None]:
    latest = received_at + MAX_SKEW
    starts_at = _instant(starts, latest) or received_at
    if status == "firing":
        return starts_at, None
    ends_at = _instant(ends, latest) or received_at
    return min(starts_at, ends_at), ends_at


def _fingerprint(value: object, labels: Mapping[str, str]) -> str:
    if isinstance(value, str) and _FINGERPRINT.fullmatch(value):
        return value
    canonical = json.dumps(sorted(labels.items()))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _instant(value: object, latest: float) -> float | None:
    """Return unix seconds, or None when absent, unreadable, Go's zero time or beyond `latest`."""
    if not isinstance(value, str):
        return None
    try:
        seconds = datetime.fromisoformat(value).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    return seconds if 0 < seconds <= latest else None


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, bool):
        return str(value).lower()
    return storable(json.dumps(value))


def _text_map(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {storable(str(name)): _text(item) for name, item in value.items()}


def _count(value: object) -> int:
    """Read a JSON integer (kept as text by the parser); anything odd or absurd counts as 0."""
    text = value if isinstance(value, str) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
