"""Alertmanager's JSON as it comes, for the tests of this folder."""

import json
from datetime import UTC, datetime
from typing import Any

from webhook.core.alerts import Alert, Delivery, Status

NOW = 1_800_000_000.0


def rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def alert_json(
    status: str = "firing",
    fingerprint: str = "abc",
    starts_at: float = NOW - 60,
    ends_at: float | None = None,
    *,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
) -> dict[str, Any]:
    return {
        "status": status,
        "labels": labels
        or {"alertname": "CpuAnomaly", "severity": "critical", "query": "cpu", "instance": "a"},
        "annotations": annotations or {"summary": "cpu is unusual", "value": "0.97"},
        "startsAt": rfc3339(starts_at),
        "endsAt": "0001-01-01T00:00:00Z" if ends_at is None else rfc3339(ends_at),
        "generatorURL": "http://prometheus:9090/graph?g0.expr=up",
        "fingerprint": fingerprint,
    }


def body(*alerts: dict[str, Any]) -> bytes:
    """Return a delivery with all the fields of Alertmanager 0.34."""
    return json.dumps(
        {
            "version": "4",
            "groupKey": '{}:{alertname="CpuAnomaly"}',
            "truncatedAlerts": 0,
            "status": "firing",
            "receiver": "webhook",
            "groupLabels": {"alertname": "CpuAnomaly"},
            "commonLabels": {},
            "commonAnnotations": {},
            "routeLabels": {},
            "externalURL": "http://alertmanager:9093",
            "notification_reason": "first notification",
            "alerts": list(alerts),
        }
    ).encode()


def alert(
    status: Status = "firing",
    fingerprint: str = "abc",
    starts_at: float = NOW - 60,
    ends_at: float | None = None,
    severity: str = "critical",
) -> Alert:
    if status == "resolved" and ends_at is None:
        ends_at = NOW
    labels = {"alertname": "CpuAnomaly", "severity": severity, "query": "cpu", "id": fingerprint}
    return Alert(fingerprint, status, labels, {"summary": "unusual"}, starts_at, ends_at, "")


def delivery(*alerts: Alert) -> Delivery:
    return Delivery(alerts, (), "webhook", "http://alertmanager:9093", "", 0)
