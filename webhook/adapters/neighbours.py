"""Which other incidents and changes stand beside an incident on its page?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select

from webhook.adapters.schema import feedback, incidents, notifications, patterns
from webhook.adapters.thresholds import list_history, undone_among

# Incidents are numbered as they open, so those of the same time have a number nearby; looked
# through, all that ever were take far longer.
_NEARBY = 1_000
_SIBLINGS = 30
_EARLIER = 10
_CHANGES = 200
_NOTIFICATIONS = 50


@dataclass(frozen=True, slots=True)
class Beside:
    """What is known beside an incident itself.

    Parameters
    ----------
    group : other incidents of its group, the first mover first
    alike : others of the same alert and query that lasted at the same time
    earlier : earlier ones of the same series, the newest first, each with its `verdict` or None
    changes : of thresholds that its verdict had a part in, the newest first
    undone : numbers of changes that were taken back
    pattern : the harmless pattern that it follows
    notifications : about it, the newest first
    """

    group: Sequence[Row[Any]]
    alike: Sequence[Row[Any]]
    earlier: Sequence[Row[Any]]
    changes: Sequence[Row[Any]]
    undone: frozenset[int]
    pattern: Row[Any] | None
    notifications: Sequence[Row[Any]]


def beside(connection: Connection, incident: Row[Any]) -> Beside:
    """Return what stands beside an incident."""
    group = _group(connection, incident)
    known = {row.id for row in group}
    return Beside(
        group=group,
        alike=[row for row in _alike(connection, incident) if row.id not in known],
        earlier=_earlier(connection, incident),
        changes=changes_of(connection, incident),
        undone=undone_among(connection),
        pattern=_pattern(connection, incident),
        notifications=connection.execute(
            select(notifications)
            .where(notifications.c.incident_id == incident.id)
            .order_by(notifications.c.id.desc())
            .limit(_NOTIFICATIONS)
        ).all(),
    )


def changes_of(connection: Connection, incident: Row[Any]) -> Sequence[Row[Any]]:
    """Return the changes of thresholds that were made of this incident's verdict, newest first."""
    if not incident.query:
        return []
    rows, _ = list_history(connection, _CHANGES, query=incident.query)
    return [row for row in rows if incident.id in row.after["incidents"]]


def _group(connection: Connection, incident: Row[Any]) -> Sequence[Row[Any]]:
    if incident.group_id is None:
        return []
    table = incidents.c
    return connection.execute(
        select(incidents)
        .where(table.group_id == incident.group_id, table.id != incident.id)
        .order_by(table.starts_at, table.id)
        .limit(_SIBLINGS)
    ).all()


def _alike(connection: Connection, incident: Row[Any]) -> Sequence[Row[Any]]:
    table = incidents.c
    lasted = or_(table.ends_at.is_(None), table.ends_at >= incident.starts_at)
    if incident.ends_at is not None:
        lasted = and_(lasted, table.starts_at <= incident.ends_at)
    return connection.execute(
        select(incidents)
        .where(
            table.id.between(incident.id - _NEARBY, incident.id + _NEARBY),
            table.id != incident.id,
            table.alertname == incident.alertname,
            table.query == incident.query,
            lasted,
        )
        .order_by(table.starts_at, table.id)
        .limit(_SIBLINGS)
    ).all()


def _earlier(connection: Connection, incident: Row[Any]) -> Sequence[Row[Any]]:
    table = incidents.c
    return connection.execute(
        select(incidents, feedback.c.verdict, feedback.c.author)
        .outerjoin(feedback, feedback.c.incident_id == table.id)
        .where(table.fingerprint == incident.fingerprint, table.id < incident.id)
        .order_by(table.id.desc())
        .limit(_EARLIER)
    ).all()


def _pattern(connection: Connection, incident: Row[Any]) -> Row[Any] | None:
    if incident.pattern_id is None:
        return None
    return connection.execute(
        select(patterns).where(patterns.c.id == incident.pattern_id)
    ).one_or_none()
