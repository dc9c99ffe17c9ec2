"""How are incidents read, opened and changed, many of them in few statements?"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from sqlalchemy import Connection, bindparam, func, insert, select, update

from webhook.adapters.schema import incidents
from webhook.core.alerts import Alert, Origin, severity_of
from webhook.core.incidents import Span
from webhook.core.routing import Routed

T = TypeVar("T")

# Far below SQLite's limit of 32,766 parameters in one statement.
_CHUNK = 500


@dataclass(slots=True)
class Incident:
    """An alert fingerprint from opening to closing; times in unix seconds.

    Parameters
    ----------
    id : None until it is stored
    trace : of new ones alone, which trace opened it
    routed : of new ones alone, how bad it is, and where it goes
    """

    id: int | None
    span: Span
    alert: Alert
    origin: Origin
    extras: Mapping[str, object]
    opened_at: float
    last_seen_at: float
    closed_at: float | None = None
    trace: str = ""
    is_changed: bool = False
    routed: Routed | None = None


def insert_new(connection: Connection, new: Sequence[Incident]) -> None:
    """Store new incidents, and give each the number that it got.

    Numbers ascend in the order of the rows. To leave the matching to SQLAlchemy
    (`sort_by_parameter_order`) would mean a statement for each row on SQLite.
    """
    numbers: dict[str, list[int]] = defaultdict(list)
    for row_id, fingerprint in connection.execute(_INSERT, [_new(incident) for incident in new]):
        numbers[fingerprint].append(row_id)
    for found in numbers.values():
        found.sort(reverse=True)
    for incident in new:
        incident.id = numbers[incident.alert.fingerprint].pop()


def latest(connection: Connection, fingerprints: Iterable[str]) -> dict[str, Incident]:
    """Return the newest incident of each fingerprint that has one."""
    found: dict[str, Incident] = {}
    for chunk in chunks(fingerprints):
        for row in connection.execute(_LATEST, {"fingerprints": chunk}):
            alert = Alert(
                row.fingerprint,
                "firing" if row.ends_at is None else "resolved",
                row.labels,
                row.annotations,
                row.starts_at,
                row.ends_at,
                row.generator_url,
            )
            span = Span(row.starts_at, row.ends_at)
            found[row.fingerprint] = Incident(
                row.id,
                span,
                alert,
                row.origin,
                row.extras,
                row.opened_at,
                row.last_seen_at,
                row.closed_at,
            )
    return found


# Built once: to build a statement costs more than to run it.
_LATEST = select(incidents).where(
    incidents.c.id.in_(
        select(func.max(incidents.c.id))
        .where(incidents.c.fingerprint.in_(bindparam("fingerprints", expanding=True)))
        .group_by(incidents.c.fingerprint)
    )
)
_INSERT = insert(incidents).returning(incidents.c.id, incidents.c.fingerprint)
_UPDATE = (
    update(incidents)
    .where(incidents.c.id == bindparam("row_id"))
    .values(
        {
            name: bindparam(name)
            for name in (
                "starts_at",
                "ends_at",
                "closed_at",
                "last_seen_at",
                "annotations",
                "generator_url",
                "extras",
            )
        }
    )
)


def store_changed(connection: Connection, known: Iterable[Incident]) -> None:
    """Write down what has changed of incidents that were stored before."""
    if changed := [_changed(incident) for incident in known if incident.is_changed]:
        connection.execute(_UPDATE, changed)


def _changed(incident: Incident) -> dict[str, object]:
    return {
        "row_id": incident.id,
        "starts_at": incident.span.starts_at,
        "ends_at": incident.span.ends_at,
        "closed_at": incident.closed_at,
        "last_seen_at": incident.last_seen_at,
        "annotations": incident.alert.annotations,
        "generator_url": incident.alert.generator_url,
        "extras": incident.extras,
    }


def _new(incident: Incident) -> dict[str, object]:
    labels = incident.alert.labels
    return {
        "fingerprint": incident.alert.fingerprint,
        "starts_at": incident.span.starts_at,
        "ends_at": incident.span.ends_at,
        "opened_at": incident.opened_at,
        "closed_at": incident.closed_at,
        "last_seen_at": incident.last_seen_at,
        "alertname": labels.get("alertname", ""),
        "severity": severity_of(labels),
        "level": "low" if incident.routed is None else incident.routed.severity.level,
        "query": labels.get("query", ""),
        "labels": labels,
        "annotations": incident.alert.annotations,
        "generator_url": incident.alert.generator_url,
        "extras": incident.extras,
        "origin": incident.origin,
        "trace_id": incident.trace,
    }


def chunks(items: Iterable[T]) -> Iterator[list[T]]:
    """Yield so many at a time as one statement takes."""
    iterator = iter(items)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk
