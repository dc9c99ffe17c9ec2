"""Incidents and verdicts on them, as many as a test needs, in one commit."""

from typing import Any

from sqlalchemy import Connection, insert

from tests.webhook.deliveries import NOW
from webhook.adapters.feedback import judge
from webhook.adapters.schema import feedback, incidents
from webhook.adapters.store import Store
from webhook.core.fingerprint import fingerprint
from webhook.core.verdicts import Judgement, Verdict

LABELS = {
    "alertname": "AnomalyDetected",
    "severity": "warning",
    "query": "cpu",
    "instance": "a",
    "job": "anomaly-exporter",
    "exported_severity": "gold",
}
SERIES = {"instance": "a", "severity": "gold"}


async def judged(
    store: Store,
    verdict: Verdict | None,
    count: int,
    at: float = NOW,
    every: float = 600.0,
    labels: dict[str, str] | None = None,
) -> list[int]:
    """Store incidents, one after the other, that were all judged the same; return their numbers."""

    def write(connection: Connection) -> list[int]:
        return [_write(connection, verdict, at + i * every, labels or {}) for i in range(count)]

    return await store.write(write)


async def open_incident(store: Store, at: float = NOW, labels: dict[str, str] | None = None) -> int:
    """Store an incident that nobody has judged yet."""
    (number,) = await judged(store, None, 1, at, labels=labels)
    return number


async def say(store: Store, incident: int, verdict: Verdict, now: float = NOW) -> None:
    judgement = Judgement(verdict, "", "ana", "api")
    await store.write(lambda connection: judge(connection, incident, judgement, now))


def _write(
    connection: Connection, verdict: Verdict | None, at: float, changed: dict[str, str]
) -> int:
    labels = {**LABELS, **changed}
    row: dict[str, Any] = {
        "fingerprint": fingerprint(labels),
        **dict.fromkeys(("starts_at", "opened_at"), at),
        **dict.fromkeys(("ends_at", "closed_at", "last_seen_at"), at + 300.0),
        **{name: labels[name] for name in ("alertname", "severity", "query")},
        "labels": labels,
        "annotations": {},
        "generator_url": "",
    }
    statement = insert(incidents).values(row).returning(incidents.c.id)
    number = int(connection.execute(statement).scalar_one())
    if verdict is not None:
        said = {"verdict": verdict, "reason": "", "author": "ana", "via": "api"}
        when = {"created_at": at, "changed_at": at}
        connection.execute(insert(feedback), {"incident_id": number, **said, **when})
    return number
