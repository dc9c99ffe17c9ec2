"""Which incidents do we hold, as far as reconciling asks?"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, func, select

from webhook.adapters.schema import events, incidents
from webhook.core.alerts import Alert
from webhook.core.incidents import Span
from webhook.core.reconcile import Held

RECONCILE: Final = "reconcile"
"""The source of events that nobody delivered."""

_CHUNK = 500


def open_incidents(connection: Connection) -> dict[str, Held]:
    """Return the open incidents by fingerprint."""
    return dict(_read(connection, _with_source().where(incidents.c.ends_at.is_(None))))


def latest_incidents(connection: Connection, fingerprints: Collection[str]) -> dict[str, Held]:
    """Return the latest incident of each fingerprint that has one."""
    found: dict[str, Held] = {}
    names = list(fingerprints)
    for start in range(0, len(names), _CHUNK):
        newest = (
            select(func.max(incidents.c.id))
            .where(incidents.c.fingerprint.in_(names[start : start + _CHUNK]))
            .group_by(incidents.c.fingerprint)
        )
        found.update(_read(connection, _with_source().where(incidents.c.id.in_(newest))))
    return found


def names_since(connection: Connection, since: float) -> Sequence[tuple[str, str]]:
    """Return the pairs of alertname and query of incidents that opened since then."""
    rows = connection.execute(
        select(incidents.c.alertname, incidents.c.query)
        .where(incidents.c.opened_at > since)
        .distinct()
        .limit(_CHUNK)
    )
    return [(row.alertname, row.query) for row in rows]


def _with_source() -> Select[Any]:
    told = events.alias("told")
    last = (
        select(func.max(told.c.id))
        .where(told.c.incident_id == incidents.c.id, told.c.source != RECONCILE)
        .scalar_subquery()
    )
    return (
        select(incidents, events.c.source)
        .select_from(incidents)
        .outerjoin(events, and_(events.c.incident_id == incidents.c.id, events.c.id == last))
    )


def _read(connection: Connection, statement: Select[Any]) -> Iterator[tuple[str, Held]]:
    for row in connection.execute(statement):
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
        yield row.fingerprint, Held(span, alert, row.origin, row.source or "", row.closed_at)
